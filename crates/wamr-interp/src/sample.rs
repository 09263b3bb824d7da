//! Saying where execution is, for whoever takes samples of it.

use wamr_runtime::rt;
use wamr_runtime::vm::VmContext;
use wamr_types::TrapCode;

use crate::exec::Linkage;
use crate::op::Cell;

/// Says where execution is, if somebody has asked. `ip` is the address behind the operation that
/// the limit word has stopped.
///
/// # Safety
/// `fp` is the innermost frame of an activation of `ctx`.
#[cold]
#[inline(never)]
pub(crate) unsafe extern "C" fn sample(
    mut ip: *const Cell,
    mut fp: *mut u64,
    mut ctx: *mut VmContext,
) {
    // SAFETY: every frame of an activation begins with its linkage, up to the bottom frame, whose
    // caller is null; functions outlive the frames that run them.
    unsafe {
        if !rt::takes_sample(ctx) {
            return;
        }
        rt::sample(ctx, |push| {
            loop {
                let linkage = fp.cast::<Linkage>().read();
                let func = &*linkage.func;
                push(ctx, func.index(), func.module_offset(ip, true));
                if linkage.caller.fp.is_null() {
                    return;
                }
                (ip, fp, ctx) = (linkage.caller.ip, linkage.caller.fp, linkage.caller.ctx);
            }
        });
    }
}

/// What a loop does that the limit word has stopped.
///
/// # Errors
/// As [`rt::limit_hit`].
///
/// # Safety
/// As [`sample`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn loop_limit_hit(
    ip: *const Cell,
    fp: *mut u64,
    ctx: *mut VmContext,
) -> Result<(), TrapCode> {
    // SAFETY: the caller's promise.
    unsafe {
        sample(ip, fp, ctx);
        rt::limit_hit(ctx, fp)
    }
}
