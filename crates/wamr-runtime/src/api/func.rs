//! Handles to functions, and calls from the host.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use smallvec::SmallVec;
use wamr_types::{FuncType, HeapType, RefType, TypeId, ValType};

use super::handle::handle;
use super::wrap::IntoFunc;
use super::{HostFuncDef, Val, WasmParams, WasmResults};
use crate::compiled::direct;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::store::{AsContext, AsContextMut, Caller, StoreCore};
use crate::store::{enter, enter_direct};
use crate::vm::{FuncKind, FuncRecord};

handle! {
    /// A handle to a function: one of the host's, or of an instance in any mode.
    Func => Func(FuncRecord)
}

type Slots = SmallVec<[u64; 16]>;

impl Func {
    /// Makes a function of the host from its type and a closure over values.
    ///
    /// The closure gets the parameters and room for the results, at first zeros and nulls.
    ///
    /// # Errors
    /// If the type refers to types of another engine, or the engine holds no more types.
    pub fn new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let def = HostFuncDef::new(store.as_context_mut().engine(), ty, func)?;
        def.to_func(store)
    }

    /// Makes a function of the host from a closure with typed parameters and results.
    ///
    /// # Panics
    /// If the engine holds as many types as it can; [`HostFuncDef::wrap`] says so instead.
    pub fn wrap<T: 'static, P, R>(
        mut store: impl AsContextMut<Data = T>,
        func: impl IntoFunc<T, P, R>,
    ) -> Self {
        let def = HostFuncDef::wrap(store.as_context_mut().engine(), func);
        def.and_then(|def| def.to_func(store)).expect("room for the function's type")
    }

    /// The type.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<FuncType, Error> {
        let store = store.as_context();
        let record = self.resolve(store.core())?;
        Ok(type_of(store.core(), record))
    }

    /// The canonical id of the type.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn type_id(&self, store: impl AsContext) -> Result<TypeId, Error> {
        let record = self.resolve(store.as_context().core())?;
        Ok(type_id(record))
    }

    pub(crate) fn concrete_type(&self, core: &StoreCore) -> Result<ValType, Error> {
        let id = type_id(self.resolve(core)?);
        Ok(ValType::Ref(RefType { nullable: false, heap: HeapType::Concrete(id) }))
    }

    /// Calls the function.
    ///
    /// # Errors
    /// If `params` or the length of `results` do not fit the type, or a value or the handle
    /// belongs to another store; and whatever the function ends in: a trap, or a host error.
    pub fn call(
        &self,
        mut store: impl AsContextMut,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        core.collect_exceptions_if_due();
        let record = self.resolve(core)?;
        let ty = type_of(core, record);
        if params.len() != ty.params().len() || results.len() != ty.results().len() {
            let found = format!("{} parameters, {} results", params.len(), results.len());
            return Err(mismatch(ty, found));
        }
        let mut slots = store_all(core, ty.params(), params)?;
        slots.resize(ty.param_slots().max(ty.result_slots()), 0);
        let at = slots.as_mut_ptr();
        // SAFETY: the slots hold the parameters and have room for the results; the store is
        // borrowed mutably, and no reference into it lives across the call.
        unsafe {
            enter(store.core_ptr(), record.as_ptr(), at, at)?;
            let values = load(store.core(), ty.results(), at);
            for (result, value) in results.iter_mut().zip(values) {
                *result = value;
            }
        }
        Ok(())
    }

    /// A form of the handle whose type is checked here, once.
    ///
    /// # Errors
    /// If the function has another type, or the handle belongs to another store.
    pub fn typed<P: WasmParams, R: WasmResults>(
        &self,
        store: impl AsContext,
    ) -> Result<TypedFunc<P, R>, Error> {
        let store = store.as_context();
        let ty = type_of(store.core(), self.resolve(store.core())?);
        let types = store.engine().types();
        let wanted = FuncType::new(P::types(), R::types());
        let fits = ty.params().len() == wanted.params().len()
            && ty.results().len() == wanted.results().len()
            && wanted.params().iter().zip(ty.params()).all(|(&a, &b)| types.val_matches(a, b))
            && ty.results().iter().zip(wanted.results()).all(|(&a, &b)| types.val_matches(a, b));
        if !fits {
            return Err(mismatch(ty, wanted.to_string()));
        }
        let slots = ty.param_slots().max(ty.result_slots());
        Ok(TypedFunc { func: self.clone(), slots, _types: PhantomData })
    }
}

/// A function whose type is known to the compiler.
pub struct TypedFunc<P, R> {
    func: Func,
    slots: usize,
    _types: PhantomData<fn(P) -> R>,
}

impl<P, R> Clone for TypedFunc<P, R> {
    fn clone(&self) -> Self {
        Self { func: self.func.clone(), slots: self.slots, _types: PhantomData }
    }
}

impl<P, R> fmt::Debug for TypedFunc<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedFunc")
    }
}

impl<P: WasmParams, R: WasmResults> TypedFunc<P, R> {
    /// Calls the function.
    ///
    /// # Errors
    /// If a value or the handle belongs to another store; and whatever the function ends in: a
    /// trap, or a host error.
    pub fn call(&self, mut store: impl AsContextMut, params: P) -> Result<R, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        core.collect_exceptions_if_due();
        let record = self.func.resolve(core)?;
        // SAFETY: resolved records are live.
        let kind = unsafe { record.as_ref() }.kind;
        if const { direct::fits(P::TYPES, R::TYPES) } && kind == FuncKind::Compiled {
            let values = params.spread(core)?;
            let has_floats = const { direct::has_floats(P::TYPES) };
            let gives_float = const { direct::has_floats(R::TYPES) };
            // SAFETY: the types were checked when this was made, so that the values are those of
            // the function's parameters; no reference into the store lives across the call.
            return unsafe {
                let core = store.core_ptr();
                let slot = enter_direct(core, record.as_ptr(), &values, has_floats, gives_float)?;
                Ok(R::load(store.core(), &[slot]))
            };
        }
        let mut slots: SmallVec<[u64; 8]> = smallvec::smallvec![0; self.slots];
        params.store(core, &mut slots)?;
        let at = slots.as_mut_ptr();
        // SAFETY: the types were checked when this was made; the slots hold the parameters and
        // have room for the results, and no reference into the store lives across the call.
        unsafe {
            enter(store.core_ptr(), record.as_ptr(), at, at)?;
            Ok(R::load(store.core(), &slots))
        }
    }

    /// The untyped handle.
    pub fn func(&self) -> &Func {
        &self.func
    }
}

/// The canonical id of a type, and the type in terms of canonical ids: what is given may refer to
/// itself by its position.
pub(crate) fn register(engine: &Engine, ty: &FuncType) -> Result<(TypeId, FuncType), Error> {
    let invalid = |error: wamr_types::RegistryError| {
        Error::from_kind(ErrorKind::InvalidType(error.to_string().into()))
    };
    let id = engine.types().register_func(ty).map_err(invalid)?;
    // What was registered is there, and is a function type.
    let canonical = engine.types().func(id).ok_or(wamr_types::RegistryError::UnknownType);
    Ok((id, canonical.map_err(invalid)?))
}

fn type_id(record: NonNull<FuncRecord>) -> TypeId {
    // SAFETY: resolved records are live.
    let sig = unsafe { record.as_ref() }.sig;
    TypeId::from_raw(sig).unwrap_or(TypeId::in_group(0))
}

pub(crate) fn type_of(core: &StoreCore, record: NonNull<FuncRecord>) -> FuncType {
    let id = type_id(record);
    core.engine().types().func(id).unwrap_or_else(|| FuncType::new([], []))
}

fn mismatch(expected: FuncType, found: String) -> Error {
    Error::from_kind(ErrorKind::SignatureMismatch { expected, found: found.into() })
}

/// Values as slots, each checked against its type.
pub(crate) fn store_all(
    core: &StoreCore,
    types: &[ValType],
    values: &[Val],
) -> Result<Slots, Error> {
    let mut slots = Slots::new();
    for (&ty, value) in types.iter().zip(values) {
        let raw = value.to_raw(core, ty)?;
        slots.extend_from_slice(&raw[..ty.slots()]);
    }
    Ok(slots)
}

/// Slots as values.
///
/// # Safety
/// `at` must point to values of these types and of this store.
pub(crate) unsafe fn load(core: &mut StoreCore, types: &[ValType], mut at: *const u64) -> Vec<Val> {
    let mut values = Vec::with_capacity(types.len());
    for &ty in types {
        // SAFETY: the caller vouches for the slots.
        unsafe {
            let high = if ty.slots() == 2 { *at.add(1) } else { 0 };
            values.push(Val::from_raw(core, ty, [*at, high]));
            at = at.add(ty.slots());
        }
    }
    values
}
