//! Host functions before they belong to a store.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::sync::Arc;

use wamr_types::{FuncType, TypeId, ValType};

use super::func::{load, register, store_all};
use super::{Func, IntoFunc, Val};
use crate::engine::Engine;
use crate::entity::{Direct, HostCall, HostCode, HostFunc, HostGroup};
use crate::error::{Error, ErrorKind};
use crate::store::{AsContextMut, Caller, StoreCore};
use crate::vm::FuncRecord;

/// A host function for stores of data `T`, to be put into any number of them. Cheap to clone.
pub struct HostFuncDef<T> {
    engine: Engine,
    code: Arc<HostCode>,
    // Made for exactly this type: neither a longer-lived nor a shorter-lived one will do.
    _data: PhantomData<fn(T) -> T>,
}

impl<T> Clone for HostFuncDef<T> {
    fn clone(&self) -> Self {
        Self { engine: self.engine.clone(), code: self.code.clone(), _data: PhantomData }
    }
}

impl<T> fmt::Debug for HostFuncDef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostFuncDef").field("ty", &self.code.ty).finish_non_exhaustive()
    }
}

impl<T: 'static> HostFuncDef<T> {
    /// Makes a host function from its type and a closure over values.
    ///
    /// The closure gets the parameters and room for the results, at first zeros and nulls.
    ///
    /// # Errors
    /// If the type refers to types of another engine, or the engine holds no more types.
    pub fn new(
        engine: &Engine,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let (sig, ty) = register(engine, &ty)?;
        let signature = ty.clone();
        let call = move |core: *mut StoreCore, context, args: *const u64, results: *mut u64| {
            // SAFETY: the call protocol gives a live store of data `T`, parameters and room for
            // results of the type that the function was made with.
            unsafe {
                let params = load(&mut *core, signature.params(), args);
                let types = (*core).engine().types();
                // Types without a default get a value of no use, which is found if it stays.
                let zero = |ty: &ValType| Val::default_in(types, *ty).unwrap_or(Val::I32(0));
                let mut values: Vec<Val> = signature.results().iter().map(zero).collect();
                func(Caller::new(core, context), &params, &mut values)?;
                let slots = store_all(&*core, signature.results(), &values)?;
                core::ptr::copy_nonoverlapping(slots.as_ptr(), results, slots.len());
            }
            Ok(())
        };
        Ok(Self::from_code(engine, HostCode::new(sig, ty, Arc::new(call), None)))
    }

    /// Makes a host function from a closure with typed parameters and results.
    ///
    /// # Errors
    /// If the engine holds no more types.
    pub fn wrap<P, R>(engine: &Engine, func: impl IntoFunc<T, P, R>) -> Result<Self, Error> {
        let (ty, call, direct) = func.into_func();
        Self::from_call(engine, ty, call, direct)
    }

    pub(super) fn from_call(
        engine: &Engine,
        ty: FuncType,
        call: Arc<HostCall>,
        direct: Option<Direct>,
    ) -> Result<Self, Error> {
        let (sig, ty) = register(engine, &ty)?;
        Ok(Self::from_code(engine, HostCode::new(sig, ty, call, direct)))
    }

    fn from_code(engine: &Engine, code: HostCode) -> Self {
        Self { engine: engine.clone(), code: Arc::new(code), _data: PhantomData }
    }

    /// The type.
    pub fn ty(&self) -> &FuncType {
        &self.code.ty
    }

    /// The canonical id of the type.
    pub fn type_id(&self) -> TypeId {
        self.code.sig
    }

    /// Puts the function into a store.
    ///
    /// # Errors
    /// If the store is one of another engine.
    pub fn to_func(&self, mut store: impl AsContextMut<Data = T>) -> Result<Func, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        core.collect_if_due();
        let record = self.alloc(core)?;
        Ok(Func::from_ptr(core, record))
    }

    /// Puts the function into a store, without a handle to keep it there.
    ///
    /// # Errors
    /// If the store is one of another engine.
    pub(crate) fn alloc(&self, core: &mut StoreCore) -> Result<NonNull<FuncRecord>, Error> {
        if !Engine::same(core.engine(), &self.engine) {
            return Err(Error::from_kind(ErrorKind::WrongEngine));
        }
        Ok(HostFunc::alloc(core, self.code.clone()))
    }
}

/// A host function that the stores which are linked with it have in common.
pub struct SharedHostFunc<T> {
    def: HostFuncDef<T>,
    group: Arc<HostGroup>,
    position: usize,
}

impl<T> Clone for SharedHostFunc<T> {
    fn clone(&self) -> Self {
        Self { def: self.def.clone(), group: self.group.clone(), position: self.position }
    }
}

impl<T: 'static> SharedHostFunc<T> {
    /// Makes one of each definition, in order, to be held together.
    pub(crate) fn group(defs: Vec<HostFuncDef<T>>) -> impl Iterator<Item = Self> {
        let group = HostGroup::new(defs.iter().map(|def| def.code.clone()));
        let funcs = defs.into_iter().enumerate();
        funcs.map(move |(position, def)| Self { def, group: group.clone(), position })
    }

    /// What the function was made of.
    pub fn def(&self) -> &HostFuncDef<T> {
        &self.def
    }

    /// Has a store hold the function.
    ///
    /// # Errors
    /// If the store is one of another engine.
    pub(crate) fn hold(&self, core: &mut StoreCore) -> Result<*const FuncRecord, Error> {
        if !Engine::same(core.engine(), &self.def.engine) {
            return Err(Error::from_kind(ErrorKind::WrongEngine));
        }
        core.hold_host_funcs(&self.group);
        Ok(self.group.record(self.position))
    }
}
