//! Leaving an activation because of a failure.

use wamr_runtime::rt;
use wamr_runtime::vm::{Outcome, VmContext};

use crate::exec::Linkage;
use crate::op::Cell;

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
            rt::push_frame(ctx, func.index(), func.module_offset(ip, is_behind));
            if linkage.caller.fp.is_null() {
                return Outcome::Fail;
            }
            (ip, fp, ctx) = (linkage.caller.ip, linkage.caller.fp, linkage.caller.ctx);
            is_behind = true;
        }
    }
}
