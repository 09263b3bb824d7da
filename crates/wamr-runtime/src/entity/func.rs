//! Host functions: Rust closures behind the call protocol.

use core::cell::Cell;
use core::ptr::NonNull;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wamr_types::{FuncType, TypeId};

use crate::error::Error;
use crate::store::{Failure, StoreCore};
use crate::vm::{CallShape, FuncKind, FuncRecord, Outcome, VmContext};

/// What a host function does with its values in memory: `args` holds the parameters, `results`
/// has room for the results, and both may be the same memory.
///
/// The pointers are those of [`crate::vm::ArrayCall`]; the store and the caller's context are
/// live.
pub(crate) type HostCall =
    dyn Fn(*mut StoreCore, *mut VmContext, *const u64, *mut u64) -> Result<(), Error> + Send + Sync;

/// What a host function is in every store.
pub(crate) struct HostCode {
    /// The canonical id of `ty`.
    pub(crate) sig: TypeId,
    pub(crate) ty: FuncType,
    shape: CallShape,
    call: Arc<HostCall>,
}

impl HostCode {
    /// `sig` is the canonical id of `ty`, and `call` reads and writes values of that type.
    pub(crate) fn new(sig: TypeId, ty: FuncType, call: Arc<HostCall>) -> Self {
        let shape = CallShape::of(&ty);
        Self { sig, ty, shape, call }
    }
}

/// A host function.
#[repr(C)]
pub struct HostFunc {
    record: FuncRecord,
    code: Arc<HostCode>,
    pub(crate) mark: Cell<bool>,
}

impl HostFunc {
    /// Adds a host function to a store.
    pub(crate) fn alloc(core: &mut StoreCore, code: Arc<HostCode>) -> NonNull<FuncRecord> {
        let record = FuncRecord {
            code: crate::compiled::ADAPTER.into(),
            code_context: core::ptr::null_mut(),
            context: core.host_context(),
            sig: code.sig.get(),
            kind: FuncKind::Host,
            array_call: host_array_call,
            body: core::ptr::null(),
            shape: &raw const code.shape,
            func: 0,
        };
        let func = HostFunc { record, code, mark: Cell::new(false) };
        let at = core.host_funcs.alloc(func);
        // SAFETY: the function was just made, and nobody else knows it yet.
        unsafe {
            let func = at.as_ptr();
            (*func).record.body = func.cast();
            (*func).record.code_context = func.cast();
        }
        at.cast()
    }

    /// The type.
    pub fn ty(&self) -> &FuncType {
        &self.code.ty
    }

    /// Says which store's host context the function runs in.
    pub(crate) fn set_context(&mut self, context: *mut VmContext) {
        self.record.context = context;
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
    let call = AssertUnwindSafe(|| (func.code.call)(core, caller, args, results));
    let failure = match catch_unwind(call) {
        Ok(Ok(())) => return Outcome::Return,
        Ok(Err(error)) => {
            // SAFETY: as below.
            unsafe { error.into_failure(&*core) }
        }
        Err(payload) => Failure::Panic(payload),
    };
    // SAFETY: the closure has returned, so that nobody else uses the store now.
    unsafe { (*core).set_failure(failure) };
    Outcome::Fail
}
