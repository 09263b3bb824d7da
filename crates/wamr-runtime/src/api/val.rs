//! Values as the host sees them.

use core::any::Any;
use core::fmt;
use std::sync::Arc;

use wamr_types::{AbstractHeapType, HeapType, RefType, TypeRegistry, ValType};

use super::{AnyRef, ExnRef, Func};
use crate::error::{Error, ErrorKind};
use crate::store::{AsContext, AsContextMut, ExternPtr, Root, StoreCore};
use crate::vm::FuncRecord;

/// A reference to a host value, as wasm passes it around.
#[derive(Clone)]
pub struct ExternRef(Arc<Root>);

impl fmt::Debug for ExternRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternRef")
    }
}

impl ExternRef {
    /// Puts a host value into a store.
    ///
    /// # Errors
    /// If the store can hold no more.
    pub fn new<V: Any + Send + Sync>(
        mut store: impl AsContextMut,
        value: V,
    ) -> Result<Self, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let reference = core.new_host_value(Arc::new(value))?;
        Ok(Self(core.root(ExternPtr::Object(reference))))
    }

    /// The host value; `None` for an object of wasm that was converted to `externref`.
    ///
    /// # Errors
    /// If the reference belongs to another store.
    pub fn data<'a, T: 'static>(
        &self,
        store: &'a impl AsContext<Data = T>,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>, Error> {
        let core = store.as_context().core();
        Ok(core.host_value(self.resolve(core)?))
    }

    /// Whether both refer to the same host value.
    pub fn same(a: &Self, b: &Self) -> bool {
        a.0.same(&b.0)
    }

    pub(crate) fn resolve(&self, core: &StoreCore) -> Result<u32, Error> {
        match core.resolve(&self.0)? {
            ExternPtr::Object(reference) => Ok(reference),
            _ => Err(Error::from_kind(ErrorKind::WrongStore)),
        }
    }

    pub(crate) fn from_raw(core: &mut StoreCore, reference: u32) -> Option<Self> {
        (reference != 0).then(|| Self(core.root(ExternPtr::Object(reference))))
    }
}

/// A WebAssembly value.
/// <https://webassembly.github.io/spec/core/exec/runtime.html#values>
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Val {
    /// `i32`
    I32(i32),
    /// `i64`
    I64(i64),
    /// `f32`, as bits.
    F32(u32),
    /// `f64`, as bits.
    F64(u64),
    /// `v128`, as a little-endian number.
    V128(u128),
    /// A reference to a function; `None` is null.
    FuncRef(Option<Func>),
    /// A reference to a host value; `None` is null.
    ExternRef(Option<ExternRef>),
    /// A reference of the internal hierarchy; `None` is null.
    AnyRef(Option<AnyRef>),
    /// A reference to an exception; `None` is null.
    ExnRef(Option<ExnRef>),
}

impl Val {
    /// Zero or null; `None` for types without a default. Concrete types need a registry to tell
    /// their hierarchy, see [`Val::default_in`].
    pub fn default_for(ty: ValType) -> Option<Self> {
        Some(match ty {
            ValType::I32 => Self::I32(0),
            ValType::I64 => Self::I64(0),
            ValType::F32 => Self::F32(0),
            ValType::F64 => Self::F64(0),
            ValType::V128 => Self::V128(0),
            ValType::Ref(RefType { nullable: false, .. }) => return None,
            ValType::Ref(RefType { heap: HeapType::Abstract(heap), .. }) => match heap.top() {
                AbstractHeapType::Func => Self::FuncRef(None),
                AbstractHeapType::Extern => Self::ExternRef(None),
                AbstractHeapType::Any => Self::AnyRef(None),
                AbstractHeapType::Exn => Self::ExnRef(None),
                _ => return None,
            },
            ValType::Ref(RefType { heap: HeapType::Concrete(_), .. }) => return None,
        })
    }

    /// Zero or null; `None` for types without a default.
    pub fn default_in(types: &TypeRegistry, ty: ValType) -> Option<Self> {
        match ty {
            ValType::Ref(RefType { nullable: true, heap: heap @ HeapType::Concrete(_) }) => {
                Self::default_for(ValType::Ref(RefType::nullable(types.top_of(heap))))
            }
            ty => Self::default_for(ty),
        }
    }

    /// The type; for a function that is not null, `(ref func)`.
    pub fn ty(&self) -> ValType {
        let reference = |null: bool, heap| {
            ValType::Ref(RefType { nullable: null, heap: HeapType::Abstract(heap) })
        };
        match self {
            Self::I32(_) => ValType::I32,
            Self::I64(_) => ValType::I64,
            Self::F32(_) => ValType::F32,
            Self::F64(_) => ValType::F64,
            Self::V128(_) => ValType::V128,
            Self::FuncRef(None) => reference(true, AbstractHeapType::NoFunc),
            Self::FuncRef(Some(_)) => reference(false, AbstractHeapType::Func),
            Self::ExternRef(None) => reference(true, AbstractHeapType::NoExtern),
            Self::ExternRef(Some(_)) => reference(false, AbstractHeapType::Extern),
            Self::AnyRef(None) => reference(true, AbstractHeapType::None),
            Self::AnyRef(Some(_)) => reference(false, AbstractHeapType::Any),
            Self::ExnRef(None) => reference(true, AbstractHeapType::NoExn),
            Self::ExnRef(Some(_)) => reference(false, AbstractHeapType::Exn),
        }
    }

    /// The value as slots, checked to be of type `ty` and of this store.
    pub(crate) fn to_raw(&self, core: &StoreCore, ty: ValType) -> Result<[u64; 2], Error> {
        let raw = match self {
            Self::I32(value) => [u64::from(*value as u32), 0],
            Self::I64(value) => [*value as u64, 0],
            Self::F32(bits) => [u64::from(*bits), 0],
            Self::F64(bits) => [*bits, 0],
            Self::V128(bits) => [*bits as u64, (*bits >> 64) as u64],
            Self::FuncRef(None)
            | Self::ExternRef(None)
            | Self::AnyRef(None)
            | Self::ExnRef(None) => [0, 0],
            Self::FuncRef(Some(func)) => [func.resolve(core)?.as_ptr() as u64, 0],
            Self::ExternRef(Some(value)) => [u64::from(value.resolve(core)?), 0],
            Self::AnyRef(Some(value)) => [u64::from(value.resolve(core)?), 0],
            Self::ExnRef(Some(value)) => [u64::from(value.to_raw(core)?), 0],
        };
        let found = match self {
            Self::FuncRef(Some(func)) => func.concrete_type(core)?,
            Self::AnyRef(Some(value)) => value.precise_type(core)?,
            value => value.ty(),
        };
        if core.engine().types().val_matches(found, ty) {
            Ok(raw)
        } else {
            let found = found.to_string().into();
            Err(Error::from_kind(ErrorKind::TypeMismatch { expected: ty, found }))
        }
    }

    /// The value in slots that hold one of type `ty`.
    ///
    /// # Safety
    /// The slots must hold a value of that type and of this store.
    pub(crate) unsafe fn from_raw(core: &mut StoreCore, ty: ValType, raw: [u64; 2]) -> Self {
        match ty {
            ValType::I32 => Self::I32(raw[0] as i32),
            ValType::I64 => Self::I64(raw[0] as i64),
            ValType::F32 => Self::F32(raw[0] as u32),
            ValType::F64 => Self::F64(raw[0]),
            ValType::V128 => Self::V128(u128::from(raw[1]) << 64 | u128::from(raw[0])),
            ValType::Ref(ty) => match core.engine().types().top_of(ty.heap) {
                AbstractHeapType::Func => {
                    let func = core::ptr::NonNull::new(raw[0] as *mut FuncRecord);
                    Self::FuncRef(func.map(|func| Func::from_ptr(core, func)))
                }
                AbstractHeapType::Extern => {
                    Self::ExternRef(ExternRef::from_raw(core, raw[0] as u32))
                }
                AbstractHeapType::Exn => Self::ExnRef(ExnRef::from_raw(core, raw[0] as u32)),
                _ => Self::AnyRef(AnyRef::from_raw(core, raw[0] as u32)),
            },
        }
    }

    /// The number, if it is an `i32`.
    pub fn i32(&self) -> Option<i32> {
        if let Self::I32(value) = self { Some(*value) } else { None }
    }

    /// The number, if it is an `i64`.
    pub fn i64(&self) -> Option<i64> {
        if let Self::I64(value) = self { Some(*value) } else { None }
    }

    /// The number, if it is an `f32`.
    pub fn f32(&self) -> Option<f32> {
        if let Self::F32(bits) = self { Some(f32::from_bits(*bits)) } else { None }
    }

    /// The number, if it is an `f64`.
    pub fn f64(&self) -> Option<f64> {
        if let Self::F64(bits) = self { Some(f64::from_bits(*bits)) } else { None }
    }
}

impl From<i32> for Val {
    fn from(value: i32) -> Self {
        Self::I32(value)
    }
}

impl From<i64> for Val {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<f32> for Val {
    fn from(value: f32) -> Self {
        Self::F32(value.to_bits())
    }
}

impl From<f64> for Val {
    fn from(value: f64) -> Self {
        Self::F64(value.to_bits())
    }
}

impl From<Func> for Val {
    fn from(func: Func) -> Self {
        Self::FuncRef(Some(func))
    }
}

impl From<AnyRef> for Val {
    fn from(value: AnyRef) -> Self {
        Self::AnyRef(Some(value))
    }
}

impl From<ExternRef> for Val {
    fn from(value: ExternRef) -> Self {
        Self::ExternRef(Some(value))
    }
}

impl From<ExnRef> for Val {
    fn from(value: ExnRef) -> Self {
        Self::ExnRef(Some(value))
    }
}
