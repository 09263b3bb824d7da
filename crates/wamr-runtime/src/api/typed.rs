//! Rust types that stand for wasm types, one value or several.

use wamr_types::{AbstractHeapType, RefType, ValType};

use super::{AnyRef, ExnRef, ExternRef, Func};
use crate::compiled::direct::{Cursor, Registers};
use crate::error::Error;
use crate::store::StoreCore;
use crate::vm::FuncRecord;

/// A Rust type that stands for one wasm type.
///
/// # Safety
/// `into_raw` must give a value of type `TY`.
pub unsafe trait WasmTy: Sized {
    /// The wasm type.
    const TY: ValType;

    /// The value as a slot.
    ///
    /// # Errors
    /// If the value belongs to another store.
    #[doc(hidden)]
    fn into_raw(self, core: &mut StoreCore) -> Result<u64, Error>;

    /// The value of a slot.
    ///
    /// # Safety
    /// The slot must hold a value of type `TY` and of this store.
    #[doc(hidden)]
    unsafe fn from_raw(core: &mut StoreCore, raw: u64) -> Self;
}

macro_rules! numbers {
    ($($ty:ty, $wasm:ident, $this:ident => $to:expr, $raw:ident => $from:expr;)*) => {$(
        // SAFETY: the conversion makes the bits of that number.
        unsafe impl WasmTy for $ty {
            const TY: ValType = ValType::$wasm;

            #[inline]
            fn into_raw(self, _: &mut StoreCore) -> Result<u64, Error> {
                let $this = self;
                Ok($to)
            }

            #[inline]
            unsafe fn from_raw(_: &mut StoreCore, $raw: u64) -> Self {
                $from
            }
        }
    )*};
}

numbers! {
    i32, I32, value => u64::from(value as u32), raw => raw as i32;
    u32, I32, value => u64::from(value), raw => raw as u32;
    i64, I64, value => value as u64, raw => raw as i64;
    u64, I64, value => value, raw => raw;
    f32, F32, value => u64::from(value.to_bits()), raw => f32::from_bits(raw as u32);
    f64, F64, value => value.to_bits(), raw => f64::from_bits(raw);
}

// SAFETY: a function of this store, or null.
unsafe impl WasmTy for Option<Func> {
    const TY: ValType = ValType::FUNCREF;

    fn into_raw(self, core: &mut StoreCore) -> Result<u64, Error> {
        Ok(match self {
            Some(func) => func.resolve(core)?.as_ptr() as u64,
            None => 0,
        })
    }

    unsafe fn from_raw(core: &mut StoreCore, raw: u64) -> Self {
        let func = core::ptr::NonNull::new(raw as *mut FuncRecord)?;
        Some(Func::from_ptr(core, func))
    }
}

// SAFETY: a host value of this store, or null.
unsafe impl WasmTy for Option<ExternRef> {
    const TY: ValType = ValType::EXTERNREF;

    fn into_raw(self, core: &mut StoreCore) -> Result<u64, Error> {
        Ok(match self {
            Some(value) => u64::from(value.resolve(core)?),
            None => 0,
        })
    }

    unsafe fn from_raw(core: &mut StoreCore, raw: u64) -> Self {
        ExternRef::from_raw(core, raw as u32)
    }
}

// SAFETY: a reference of this store, or null.
unsafe impl WasmTy for Option<AnyRef> {
    const TY: ValType = ValType::Ref(RefType::nullable(AbstractHeapType::Any));

    fn into_raw(self, core: &mut StoreCore) -> Result<u64, Error> {
        Ok(match self {
            Some(value) => u64::from(value.resolve(core)?),
            None => 0,
        })
    }

    unsafe fn from_raw(core: &mut StoreCore, raw: u64) -> Self {
        AnyRef::from_raw(core, raw as u32)
    }
}

// SAFETY: an exception of this store, or null.
unsafe impl WasmTy for Option<ExnRef> {
    const TY: ValType = ValType::Ref(RefType::EXNREF);

    fn into_raw(self, core: &mut StoreCore) -> Result<u64, Error> {
        Ok(match self {
            Some(value) => u64::from(value.to_raw(core)?),
            None => 0,
        })
    }

    unsafe fn from_raw(core: &mut StoreCore, raw: u64) -> Self {
        ExnRef::from_raw(core, raw as u32)
    }
}

/// Parameters of a typed call: nothing, one value, or a tuple.
///
/// # Safety
/// `store` must write values of the types that `types` lists.
pub unsafe trait WasmParams {
    /// The wasm types.
    #[doc(hidden)]
    const TYPES: &'static [ValType];

    /// The wasm types.
    fn types() -> impl ExactSizeIterator<Item = ValType> + Clone;

    /// Writes the values to slots.
    ///
    /// # Errors
    /// If a value belongs to another store.
    #[doc(hidden)]
    fn store(self, core: &mut StoreCore, slots: &mut [u64]) -> Result<(), Error>;

    /// Puts the values into registers, which must suffice.
    ///
    /// # Errors
    /// If a value belongs to another store.
    #[doc(hidden)]
    fn spread(self, core: &mut StoreCore) -> Result<Registers, Error>;
}

/// Results of a typed call: nothing, one value, or a tuple.
///
/// # Safety
/// `load` must read values of the types that `types` lists.
pub unsafe trait WasmResults: Sized {
    /// The wasm types.
    #[doc(hidden)]
    const TYPES: &'static [ValType];

    /// The wasm types.
    fn types() -> impl ExactSizeIterator<Item = ValType> + Clone;

    /// Reads the values from slots.
    ///
    /// # Safety
    /// The slots must hold values of these types and of this store.
    #[doc(hidden)]
    unsafe fn load(core: &mut StoreCore, slots: &[u64]) -> Self;
}

/// What a host function may return: results, or a `Result` of them.
///
/// # Safety
/// `store` must write values of the types that `types` lists.
pub unsafe trait WasmRet {
    /// The wasm types.
    #[doc(hidden)]
    const TYPES: &'static [ValType];

    /// The wasm types.
    fn types() -> impl ExactSizeIterator<Item = ValType> + Clone;

    /// Writes the values to slots.
    ///
    /// # Errors
    /// The host function's own, or a value of another store.
    ///
    /// # Safety
    /// There must be a slot for every result.
    #[doc(hidden)]
    unsafe fn store(self, core: &mut StoreCore, slots: *mut u64) -> Result<(), Error>;
}

// SAFETY: one value of one type.
unsafe impl<A: WasmTy> WasmParams for A {
    const TYPES: &'static [ValType] = &[A::TY];

    fn types() -> impl ExactSizeIterator<Item = ValType> + Clone {
        [A::TY].into_iter()
    }

    #[inline]
    fn store(self, core: &mut StoreCore, slots: &mut [u64]) -> Result<(), Error> {
        slots[0] = self.into_raw(core)?;
        Ok(())
    }

    #[inline(always)]
    fn spread(self, core: &mut StoreCore) -> Result<Registers, Error> {
        let mut registers = Registers::default();
        Cursor::default().put(&mut registers, A::TY, self.into_raw(core)?);
        Ok(registers)
    }
}

// SAFETY: one value of one type.
unsafe impl<A: WasmTy> WasmResults for A {
    const TYPES: &'static [ValType] = &[A::TY];

    fn types() -> impl ExactSizeIterator<Item = ValType> + Clone {
        [A::TY].into_iter()
    }

    #[inline]
    unsafe fn load(core: &mut StoreCore, slots: &[u64]) -> Self {
        // SAFETY: the caller vouches for the slot.
        unsafe { A::from_raw(core, slots[0]) }
    }
}

// SAFETY: one value of one type.
unsafe impl<A: WasmTy> WasmRet for A {
    const TYPES: &'static [ValType] = &[A::TY];

    fn types() -> impl ExactSizeIterator<Item = ValType> + Clone {
        [A::TY].into_iter()
    }

    #[inline]
    unsafe fn store(self, core: &mut StoreCore, slots: *mut u64) -> Result<(), Error> {
        let raw = self.into_raw(core)?;
        // SAFETY: the caller has a slot for the result.
        unsafe { slots.write(raw) };
        Ok(())
    }
}

// SAFETY: what the inner type writes.
unsafe impl<R: WasmRet> WasmRet for Result<R, Error> {
    const TYPES: &'static [ValType] = R::TYPES;

    fn types() -> impl ExactSizeIterator<Item = ValType> + Clone {
        R::types()
    }

    #[inline]
    unsafe fn store(self, core: &mut StoreCore, slots: *mut u64) -> Result<(), Error> {
        // SAFETY: the caller vouches for the slots.
        unsafe { self?.store(core, slots) }
    }
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {$(
        // SAFETY: each member writes its own type, in order.
        #[allow(non_snake_case, unused_variables, unused_mut, unused_assignments, clippy::unused_unit)]
        unsafe impl<$($name: WasmTy),*> WasmParams for ($($name,)*) {
            const TYPES: &'static [ValType] = &[$($name::TY),*];

            fn types() -> impl ExactSizeIterator<Item = ValType> + Clone {
                [$($name::TY),*].into_iter()
            }

            #[inline]
            fn store(self, core: &mut StoreCore, slots: &mut [u64]) -> Result<(), Error> {
                let ($($name,)*) = self;
                let mut at = 0;
                $(slots[at] = $name.into_raw(core)?; at += 1;)*
                Ok(())
            }

            #[inline(always)]
            fn spread(self, core: &mut StoreCore) -> Result<Registers, Error> {
                let ($($name,)*) = self;
                let mut registers = Registers::default();
                let mut at = Cursor::default();
                $(at.put(&mut registers, $name::TY, $name.into_raw(core)?);)*
                Ok(registers)
            }
        }

        // SAFETY: each member reads its own type, in order.
        #[allow(non_snake_case, unused_variables, unused_mut, unused_assignments, clippy::unused_unit)]
        unsafe impl<$($name: WasmTy),*> WasmResults for ($($name,)*) {
            const TYPES: &'static [ValType] = &[$($name::TY),*];

            fn types() -> impl ExactSizeIterator<Item = ValType> + Clone {
                [$($name::TY),*].into_iter()
            }

            #[inline]
            unsafe fn load(core: &mut StoreCore, slots: &[u64]) -> Self {
                let mut at = 0;
                $(
                    // SAFETY: the caller vouches for the slots.
                    let $name = unsafe { $name::from_raw(core, slots[at]) };
                    at += 1;
                )*
                ($($name,)*)
            }
        }

        // SAFETY: each member writes its own type, in order.
        #[allow(non_snake_case, unused_variables, unused_mut, unused_assignments, clippy::unused_unit)]
        unsafe impl<$($name: WasmTy),*> WasmRet for ($($name,)*) {
            const TYPES: &'static [ValType] = &[$($name::TY),*];

            fn types() -> impl ExactSizeIterator<Item = ValType> + Clone {
                [$($name::TY),*].into_iter()
            }

            #[inline]
            unsafe fn store(self, core: &mut StoreCore, slots: *mut u64) -> Result<(), Error> {
                let ($($name,)*) = self;
                let mut at = 0;
                $(
                    let raw = $name.into_raw(core)?;
                    // SAFETY: the caller has a slot for every result.
                    unsafe { slots.add(at).write(raw) };
                    at += 1;
                )*
                Ok(())
            }
        }
    )*};
}

tuples! {
    ()
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
    (A B C D E F G H I J K)
    (A B C D E F G H I J K L)
    (A B C D E F G H I J K L M)
    (A B C D E F G H I J K L M N)
    (A B C D E F G H I J K L M N O)
    (A B C D E F G H I J K L M N O P)
}
