//! What happens when compiled code fails: frames are walked from the failing one outwards, by
//! their frame pointers. The first that catches the failure goes on; if there is none, all are
//! told to the backtrace, and the activation is left.

use core::mem::offset_of;
use core::ops::ControlFlow;
use std::sync::Arc;

use wamr_types::{FuncIdx, TrapCode};

use super::code::{ALL_TAGS, Clause, HandlerSite, Place, place_of};
use super::{CALLER_BELOW_FP, arch};
use crate::backtrace::Frame;
use crate::entity::InstanceEntity;
use crate::error::Error;
use crate::live::ExitWord;
use crate::rt::{self, Keep};
use crate::store::{Failure, InstanceId, StoreCore};
use crate::vm::{VmContext, VmStore};

/// The code that stands for no failure.
pub(super) const NO_FAILURE: u32 = 0;
/// The code that stands for the failure that is pending in the store.
pub(super) const PENDING: u32 = 256;

/// Where to go on. The stubs know its layout.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Landing {
    pub(super) sp: usize,
    pub(super) fp: usize,
    pub(super) pc: usize,
    /// What goes on finds these in the first two registers of results.
    pub(super) values: [usize; 2],
}

/// A frame of compiled code that calls, or that has faulted.
#[derive(Clone, Copy)]
struct Walk {
    pc: usize,
    /// The frame pointer: the caller's frame pointer is there, and the return address above it.
    fp: *const usize,
    /// Whether `pc` is a return address.
    is_return: bool,
}

impl Walk {
    /// The caller's frame; `None` from the outermost frame of an activation on.
    ///
    /// # Safety
    /// The frame must be one of compiled code that is active on this thread, or of a stub that
    /// compiled code called.
    unsafe fn caller(self) -> Option<Self> {
        // SAFETY: compiled code and stubs keep frame pointers.
        let (fp, pc) = unsafe { (*self.fp as *const usize, *self.fp.add(1)) };
        (pc != arch::entry_return()).then_some(Self { pc, fp, is_return: true })
    }

    /// A stub that compiled code called, by its frame pointer.
    const fn stub(fp: *const usize) -> Self {
        Self { pc: 0, fp, is_return: true }
    }

    fn place(self) -> Option<Place> {
        place_of(self.pc)
    }
}

arch::called_by_code! {
    /// A call from compiled code has failed, by a trap or with a pending failure. `fp` is the frame
    /// pointer of the stub that was called.
    pub(super) unsafe fn fail(
        ctx: *mut VmContext,
        code: u32,
        fp: *const usize,
        landing: *mut Landing,
    ) {
        // SAFETY: compiled code passes its own live context; the landing is on the stub's stack.
        unsafe {
            let store = (*ctx).store;
            if code != PENDING {
                rt::raise(ctx, TrapCode::from_raw(code as u8).unwrap_or(TrapCode::Unreachable));
            }
            *landing = land(&*store, Walk::stub(fp).caller());
        }
    }
}

arch::called_by_code! {
    /// Compiled code has faulted at `pc`, in a frame whose pointer is `fp`.
    pub(super) unsafe fn fault(
        pc: usize,
        fp: *const usize,
        code: u32,
        landing: *mut Landing,
    ) {
        let first = Walk { pc, fp, is_return: false };
        // SAFETY: as in `fail`. The outermost frame was called by the entry stub, whose frame has the
        // address of the store's field.
        unsafe {
            let mut outermost = first;
            while let Some(caller) = outermost.caller() {
                outermost = caller;
            }
            let activation = *arch::entry_activation(*outermost.fp as *const usize);
            let store = (activation - offset_of!(VmStore, activation)) as *const VmStore;
            let code = TrapCode::from_raw(code as u8).unwrap_or(TrapCode::Unreachable);
            (*(*store).core.get()).set_failure(Failure::Error(Error::from(code)));
            *landing = land(&*store, Some(first));
        }
    }
}

/// Where to go on with the pending failure.
///
/// # Safety
/// The frame must be that of compiled code of this store, active on this thread.
unsafe fn land(store: &VmStore, first: Option<Walk>) -> Landing {
    // SAFETY: the caller's promise. No guest code runs while the reference lives.
    unsafe {
        let core = &mut *store.core.get();
        if let Some(Failure::Exception(..)) = core.failure_mut()
            && let Some(landing) = catch(store, first)
        {
            return landing;
        }
        push_frames(&mut *store.core.get(), first);
        Landing {
            sp: store.activation.get(),
            pc: arch::left as *const () as usize,
            values: [1, 1],
            ..Landing::default()
        }
    }
}

/// Says where the store is. `fp` is the frame pointer of the stub that compiled code called.
///
/// # Safety
/// As for [`fail`].
pub(super) unsafe fn sample(ctx: *mut VmContext, fp: *const usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let first = Walk::stub(fp).caller();
        (*(*(*ctx).store).core.get()).tell_sample(|push| {
            let mut next = first;
            while let Some(walk) = next {
                // The walk goes on where nothing more is kept, as a failure's does.
                if let Some(place) = walk.place()
                    && let Some(module) = place.module()
                {
                    for (func, offset) in place.frames(walk.is_return) {
                        let (module, func) = (module.clone(), FuncIdx(func));
                        push(Frame { module, instance: None, func, offset });
                    }
                }
                next = walk.caller();
            }
        });
    }
}

/// Tells `visit` of the frames of the activation that `fp` leads to, the frame pointer of an adapter,
/// until it has enough; gives the word of the activation before.
///
/// # Safety
/// The adapter's frame must be active.
pub(crate) unsafe fn live_frames(
    fp: *const usize,
    visit: &mut dyn FnMut(Frame) -> ControlFlow<()>,
) -> ControlFlow<(), ExitWord> {
    // SAFETY: the caller's promise. The adapter has the context of who called it, and the outermost
    // frame was called by the entry stub, whose frame has the word.
    unsafe {
        let context = *fp.byte_sub(CALLER_BELOW_FP).cast::<*const VmContext>();
        // It is the innermost frame's, unless that one was followed by a tail call: then it may be
        // that of another module, which is no use, or of another instance.
        let mut caller = (*context).instance.as_ref();
        let mut at = Walk::stub(fp);
        while let Some(walk) = at.caller() {
            if let Some(place) = walk.place()
                && let Some(module) = place.module()
            {
                let is_of = |caller: &&InstanceEntity| {
                    Arc::ptr_eq(caller.module().decoded(), module.decoded())
                };
                let instance = caller.filter(is_of).map(InstanceId::of);
                for (func, offset) in place.frames(walk.is_return) {
                    let (module, func) = (module.clone(), FuncIdx(func));
                    visit(Frame { module, instance, func, offset })?;
                }
            }
            caller = None;
            at = walk;
        }
        ControlFlow::Continue(*arch::entry_exit(*at.fp as *const usize))
    }
}

/// # Safety
/// As for [`land`].
unsafe fn push_frames(core: &mut StoreCore, first: Option<Walk>) {
    let Some(backtrace) = core.failure_backtrace() else { return };
    let mut next = first;
    while let Some(walk) = next {
        if let Some(place) = walk.place() {
            // SAFETY: the frame is active.
            let frames = unsafe { place.frames(walk.is_return) };
            // SAFETY: as above.
            let module = (!backtrace.is_full()).then(|| unsafe { place.module() }).flatten();
            for (func, offset) in frames {
                match &module {
                    Some(module) => {
                        let (module, func) = (module.clone(), FuncIdx(func));
                        backtrace.push(Frame { module, instance: None, func, offset });
                    }
                    None => backtrace.omit(),
                }
            }
        }
        // SAFETY: the caller's promise.
        next = unsafe { walk.caller() };
    }
}

/// Looks for a clause that catches the pending exception, and catches it.
///
/// # Safety
/// As for [`land`].
unsafe fn catch(store: &VmStore, first: Option<Walk>) -> Option<Landing> {
    let mut next = first;
    while let Some(walk) = next {
        // SAFETY: the frame is active, and its tables say the truth about it: between a call and
        // its return the frame has that size, and the context is where they say.
        unsafe {
            if let Some(place) = walk.place()
                && let Some((site, clauses)) = place.handlers()
            {
                let HandlerSite { frame_bytes, context, .. } = *site;
                let sp = walk.fp as usize - frame_bytes as usize;
                let ctx = *((sp + context as usize) as *const *mut VmContext);
                let tag = rt::pending_tag(ctx);
                let fits =
                    |clause: &&Clause| clause.tag == ALL_TAGS || rt::tag(ctx, clause.tag) == tag;
                if let Some(clause) = clauses.iter().find(fits) {
                    let has_payload = clause.tag != ALL_TAGS;
                    let payload = if has_payload { store.tail_args } else { core::ptr::null_mut() };
                    let reference = rt::catch(ctx, payload, Keep::from_number(clause.keep));
                    let pc = place.address(clause.target);
                    let values = [reference as usize, 0];
                    return Some(Landing { sp, fp: walk.fp as usize, pc, values });
                }
            }
            next = walk.caller();
        }
    }
    None
}
