//! Calls whose values are numbers alone, in slots: for embedders that learn types at run time, and
//! call often.
//!
//! A slot holds one number in its low bits, and a vector of 128 bits takes two, the low half first.
//! Parameters stand at the front, one behind the other, and results take their place. What stands
//! above a number of 32 bits does not matter in what the embedder gives, and is zero in what it gets.

use core::fmt;
use std::sync::Arc;

use smallvec::SmallVec;
use wamr_types::{FuncType, ValType};

use super::func::type_of;
use super::{Func, HostFuncDef};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::store::{AsContext, AsContextMut, Caller, StoreCore, enter};

/// A function of numbers alone, whose type is known. See [`Func::with_slots`].
#[derive(Clone)]
pub struct SlotFunc {
    func: Func,
    ty: FuncType,
    slot_count: usize,
}

impl fmt::Debug for SlotFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotFunc").field("ty", &self.ty).finish_non_exhaustive()
    }
}

fn are_numbers(ty: &FuncType) -> bool {
    !ty.params().iter().chain(ty.results()).any(|ty| matches!(ty, ValType::Ref(_)))
}

fn slot_count(ty: &FuncType) -> usize {
    ty.param_slots().max(ty.result_slots())
}

/// Clears what stands above numbers of 32 bits.
fn narrow(types: &[ValType], slots: &mut [u64]) {
    let mut at = 0;
    for ty in types {
        if matches!(ty, ValType::I32 | ValType::F32) {
            slots[at] &= u64::from(u32::MAX);
        }
        at += ty.slots();
    }
}

impl Func {
    /// A form of the handle for calls with numbers in slots; `None` if the type has references.
    ///
    /// ```
    /// # use wamr_runtime as wamr;
    /// # fn example(mut store: wamr::Store<()>, add: wamr::Func) -> Result<(), wamr::Error> {
    /// let add = add.with_slots(&store)?.expect("two numbers give one");
    /// let mut slots = [40, 2];
    /// add.call(&mut store, &mut slots)?;
    /// assert_eq!(slots[0], 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn with_slots(&self, store: impl AsContext) -> Result<Option<SlotFunc>, Error> {
        let store = store.as_context();
        let ty = type_of(store.core(), self.resolve(store.core())?);
        let slot_count = slot_count(&ty);
        Ok(are_numbers(&ty).then(|| SlotFunc { func: self.clone(), ty, slot_count }))
    }
}

impl SlotFunc {
    /// The type.
    pub fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// How many slots a call needs: what parameters or results take, whichever is more.
    pub fn slot_count(&self) -> usize {
        self.slot_count
    }

    /// Calls the function with the parameters in `slots`, where the results are then.
    ///
    /// # Errors
    /// If there are too few slots, or the handle belongs to another store; and whatever the function
    /// ends in: a trap, or a host error. What is in the slots then is not defined.
    pub fn call(&self, mut store: impl AsContextMut, slots: &mut [u64]) -> Result<(), Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        core.collect_exceptions_if_due();
        let record = self.func.resolve(core)?;
        if slots.len() < self.slot_count {
            let found = format!("{} slots", slots.len()).into();
            let expected = self.ty.clone();
            return Err(Error::from_kind(ErrorKind::SignatureMismatch { expected, found }));
        }
        narrow(self.ty.params(), slots);
        let at = slots.as_mut_ptr();
        // SAFETY: the slots hold numbers, of which all bits are values, as the parameters are, and
        // have room for the results; the store is borrowed mutably, and no reference into it lives
        // across the call.
        unsafe { enter(store.core_ptr(), record.as_ptr(), at, at) }
    }
}

impl<T: 'static> HostFuncDef<T> {
    /// Makes a host function from its type, of numbers alone, and a closure over slots: it gets the
    /// parameters in slots, and room for the results where they are.
    ///
    /// # Errors
    /// If the type has references, or the engine holds no more types.
    pub fn with_slots(
        engine: &Engine,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &mut [u64]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        if !are_numbers(&ty) {
            let what = format!("a function of type {ty} is not one of numbers alone");
            return Err(Error::from_kind(ErrorKind::InvalidType(what.into())));
        }
        let (signature, slot_count) = (ty.clone(), slot_count(&ty));
        let call = move |core: *mut StoreCore, context, args: *const u64, results: *mut u64| {
            let mut slots: SmallVec<[u64; 16]> = smallvec::smallvec![0; slot_count];
            // SAFETY: the call protocol gives a live store of data `T`, parameters and room for
            // results of the type that the function was made with.
            unsafe {
                slots.as_mut_ptr().copy_from_nonoverlapping(args, signature.param_slots());
                func(Caller::new(core, context), &mut slots)?;
                narrow(signature.results(), &mut slots);
                results.copy_from_nonoverlapping(slots.as_ptr(), signature.result_slots());
            }
            Ok(())
        };
        Self::from_call(engine, ty, Arc::new(call), None)
    }
}
