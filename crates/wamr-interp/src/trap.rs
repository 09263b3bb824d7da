//! Failures: where an exception is caught, and leaving an activation where it is not.

use wamr_runtime::rt;
use wamr_runtime::vm::{Outcome, VmContext};

use crate::exec::Linkage;
use crate::exec::call::is_beyond_limit;
use crate::op::{Cell, Slot};

/// Where execution goes on. Unlike an `Option` it is returned in registers.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Landing {
    /// Null where nothing catches.
    pub(crate) ip: *const Cell,
    pub(crate) fp: *mut u64,
}

impl Landing {
    const NONE: Self = Self { ip: core::ptr::null(), fp: core::ptr::null_mut() };
}

/// Catches the pending failure, if it is an exception that some frame of the current activation
/// has a clause for. [`wamr_runtime::vm::VmStore::catcher`] is that frame's context then.
///
/// # Safety
/// As for [`unwind`].
#[cold]
#[inline(never)]
pub(crate) unsafe extern "C" fn catch(
    mut ip: *const Cell,
    mut fp: *mut u64,
    mut ctx: *mut VmContext,
) -> Landing {
    // SAFETY: as in `unwind`; a frame has room for the payload of every clause of its function.
    unsafe {
        let tag = rt::pending_tag(ctx);
        if tag.is_null() {
            return Landing::NONE;
        }
        let mut is_behind = false;
        // The latest return address that nothing catches at: in a recursion it comes again.
        let mut passed = (core::ptr::null(), core::ptr::null_mut());
        loop {
            let linkage = fp.cast::<Linkage>().read();
            // A loop may consist of nothing but throwing and catching, and frames may be many.
            if is_beyond_limit(ctx, fp)
                && let Err(code) = rt::limit_hit(ctx, fp)
            {
                rt::raise(ctx, code);
                return Landing::NONE;
            }
            let is_tag = |index| rt::tag(ctx, index) == tag;
            if (!is_behind || passed != (ip, ctx))
                && let Some((clause, ip)) = (*linkage.func).clause(ip, is_behind, is_tag)
            {
                let slot = |slot: Slot| fp.offset(slot.0 as isize);
                let payload =
                    if clause.tag.is_some() { slot(clause.payload) } else { core::ptr::null_mut() };
                let reference = rt::catch(ctx, payload, clause.keep);
                if let Some(at) = clause.reference {
                    *slot(at) = reference;
                }
                (*(*ctx).store).catcher.set(ctx);
                return Landing { ip, fp };
            }
            if is_behind {
                passed = (ip, ctx);
            }
            if linkage.caller.fp.is_null() {
                return Landing::NONE;
            }
            (ip, fp, ctx) = (linkage.caller.ip, linkage.caller.fp, linkage.caller.ctx);
            is_behind = true;
        }
    }
}

/// Adds the frames of the current activation to the backtrace of the pending failure, and
/// leaves the activation.
///
/// # Safety
/// `fp` is the innermost frame of an activation of `ctx`, which was executing the operation at
/// `ip`, and a failure is pending.
#[cold]
#[inline(never)]
pub(crate) unsafe extern "C" fn unwind(
    mut ip: *const Cell,
    mut fp: *mut u64,
    mut ctx: *mut VmContext,
) -> Outcome {
    // Return addresses point behind the calling operation, `ip` to the failing one.
    let mut is_behind = false;
    loop {
        // SAFETY: every frame of an activation begins with its linkage, up to the bottom frame,
        // whose caller is null; functions outlive the frames that run them.
        unsafe {
            let linkage = fp.cast::<Linkage>().read();
            let func = &*linkage.func;
            rt::push_frame(ctx, func.index(), || func.module_offset(ip, is_behind));
            if linkage.caller.fp.is_null() {
                return Outcome::Fail;
            }
            (ip, fp, ctx) = (linkage.caller.ip, linkage.caller.fp, linkage.caller.ctx);
            is_behind = true;
        }
    }
}
