//! Host functions: Rust closures behind the call protocol.

use core::any::Any;
use core::cell::Cell;
use core::ptr::NonNull;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wamr_types::{FuncType, TypeId};

use crate::compiled::direct::{HostBody, entry_of};
use crate::error::Error;
use crate::rt;
use crate::store::{Failure, StoreCore};
use crate::vm::{CallShape, FuncKind, FuncRecord, Outcome, VmContext};

/// What a host function does with its values in memory: `args` holds the parameters, `results`
/// has room for the results, and both may be the same memory.
///
/// The pointers are those of [`crate::vm::ArrayCall`]; the store and the caller's context are
/// live.
pub(crate) type HostCall =
    dyn Fn(*mut StoreCore, *mut VmContext, *const u64, *mut u64) -> Result<(), Error> + Send + Sync;

/// How compiled code calls a host function with its values in registers.
pub struct Direct {
    /// The address of the code.
    entry: usize,
    closure: Arc<dyn Any + Send + Sync>,
}

impl Direct {
    /// By a body `B` that takes a closure of type `F` by [`run_host`].
    pub(crate) fn new<F: Send + Sync + 'static, B: HostBody>(closure: Arc<F>) -> Self {
        Self { entry: entry_of::<B>(), closure }
    }
}

/// What a host function is in every store.
pub(crate) struct HostCode {
    /// The canonical id of `ty`.
    pub(crate) sig: TypeId,
    pub(crate) ty: FuncType,
    shape: CallShape,
    call: Arc<HostCall>,
    direct: Option<Direct>,
}

impl HostCode {
    /// `sig` is the canonical id of `ty`, and `call` reads and writes values of that type, as does
    /// `direct`, if it is there.
    pub(crate) fn new(
        sig: TypeId,
        ty: FuncType,
        call: Arc<HostCall>,
        direct: Option<Direct>,
    ) -> Self {
        let shape = CallShape::of(&ty);
        Self { sig, ty, shape, call, direct }
    }
}

/// A host function, of a store or of a [`HostGroup`].
#[repr(C)]
pub struct HostFunc {
    record: FuncRecord,
    code: Arc<HostCode>,
    /// The closure of [`HostCode::direct`], if that is there.
    closure: *const (),
    /// The group that the function is part of.
    group: Option<GroupId>,
    /// For functions of a store.
    pub(crate) mark: Cell<bool>,
}

/// Tells a group from all others that live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupId(usize);

/// Host functions that any number of stores have in common. They are whole before anybody knows
/// them and never change, so that an instance is made without making any of its imports.
pub struct HostGroup {
    funcs: Box<[HostFunc]>,
}

// SAFETY: codes are shared between threads themselves, closures are `Send + Sync`, and records lead
// to the group alone; marks are not used.
unsafe impl Send for HostGroup {}
// SAFETY: as above.
unsafe impl Sync for HostGroup {}

impl HostGroup {
    pub(crate) fn new(codes: impl Iterator<Item = Arc<HostCode>>) -> Arc<Self> {
        let funcs: Box<[_]> = codes.map(HostFunc::new).collect();
        let mut group = Arc::new(Self { funcs });
        let id = group.id();
        for func in Arc::get_mut(&mut group).into_iter().flat_map(|group| &mut group.funcs) {
            func.group = Some(id);
            func.settle();
        }
        group
    }

    pub(crate) fn id(self: &Arc<Self>) -> GroupId {
        GroupId(Arc::as_ptr(self).addr())
    }

    /// The record of one of the functions.
    pub(crate) fn record(&self, position: usize) -> *const FuncRecord {
        core::ptr::from_ref(&self.funcs[position]).cast()
    }
}

/// The context of all host functions. They run in their callers' and read none of it but that there
/// is no instance.
struct Detached(VmContext);

// SAFETY: nothing in it changes, and nothing is behind its pointers.
unsafe impl Sync for Detached {}

static DETACHED: Detached =
    Detached(VmContext::without_instance(core::ptr::null(), core::ptr::null()));

impl HostFunc {
    /// Adds a host function to a store.
    pub(crate) fn alloc(core: &mut StoreCore, code: Arc<HostCode>) -> NonNull<FuncRecord> {
        let at = core.host_funcs.alloc(Self::new(code));
        // SAFETY: the function was just made, and nobody else knows it yet.
        unsafe { (*at.as_ptr()).settle() };
        at.cast()
    }

    /// A function that is not [settled](Self::settle) yet.
    fn new(code: Arc<HostCode>) -> Self {
        let entry = code.direct.as_ref().map_or(crate::compiled::ADAPTER, |direct| {
            core::ptr::with_exposed_provenance_mut(direct.entry)
        });
        let closure = code.direct.as_ref().map(|direct| Arc::as_ptr(&direct.closure).cast());
        let record = FuncRecord {
            code: entry.into(),
            code_context: core::ptr::null_mut(),
            context: core::ptr::from_ref(&DETACHED.0).cast_mut(),
            sig: code.sig.get(),
            kind: FuncKind::Host,
            array_call: host_array_call,
            body: core::ptr::null(),
            shape: &raw const code.shape,
        };
        let closure = closure.unwrap_or(core::ptr::null());
        Self { record, code, closure, group: None, mark: Cell::new(false) }
    }

    /// Tells the record where it is, once that is for good.
    fn settle(&mut self) {
        let at = core::ptr::from_mut(self);
        self.record.body = at.cast();
        self.record.code_context = at.cast();
    }

    /// The group that the function is part of; `None` for one of a store.
    pub(crate) fn group(&self) -> Option<GroupId> {
        self.group
    }

    /// The type.
    pub fn ty(&self) -> &FuncType {
        &self.code.ty
    }
}

unsafe extern "C" fn host_array_call(
    record: *const FuncRecord,
    caller: *mut VmContext,
    args: *const u64,
    results: *mut u64,
) -> Outcome {
    // SAFETY: the protocol gives live pointers, and `body` of a host record is its `HostFunc`.
    // The closure is not freed while wasm runs.
    let (func, core) =
        unsafe { (&*(*record).body.cast::<HostFunc>(), (*(*caller).store).core.get()) };
    // SAFETY: as above.
    match unsafe { caught(core, || (func.code.call)(core, caller, args, results)) } {
        Ok(()) => Outcome::Return,
        Err(()) => Outcome::Fail,
    }
}

/// Runs a host function whose closure of type `F` compiled code has called with its values in
/// registers; `Err` if a failure is pending.
///
/// # Safety
/// `record` must be that of a host function whose [`Direct`] was made with a closure of that type,
/// and `caller` a live context.
#[inline(always)]
pub(crate) unsafe fn run_host<F, R>(
    record: *const FuncRecord,
    caller: *mut VmContext,
    run: impl FnOnce(*mut StoreCore, &F) -> Result<R, Error>,
) -> Result<R, ()> {
    // SAFETY: the caller's promise; a record of a host function is at its beginning, and closures
    // are not freed while wasm runs.
    unsafe {
        if !rt::check_native_stack(caller) {
            return Err(());
        }
        let closure = &*(*record.cast::<HostFunc>()).closure.cast::<F>();
        let core = (*(*caller).store).core.get();
        caught(core, || run(core, closure))
    }
}

/// Makes what `call` ends in the store's pending failure, unless that is a value.
///
/// # Safety
/// The store must be live, and no reference point to it once the call has returned.
#[inline(always)]
unsafe fn caught<R>(
    core: *mut StoreCore,
    call: impl FnOnce() -> Result<R, Error>,
) -> Result<R, ()> {
    /// Not part of the way that most calls go.
    #[cold]
    unsafe fn fail(core: *mut StoreCore, ended: std::thread::Result<Error>) {
        let failure = match ended {
            // SAFETY: the closure has returned, so that nobody else uses the store now.
            Ok(error) => unsafe { error.into_failure(&*core) },
            Err(payload) => Failure::Panic(payload),
        };
        // SAFETY: as above.
        unsafe { (*core).set_failure(failure) };
    }
    let ended = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => Ok(error),
        Err(payload) => Err(payload),
    };
    // SAFETY: the caller's promise.
    unsafe { fail(core, ended) };
    Err(())
}
