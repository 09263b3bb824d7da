//! Going along the frames of an activation, for whoever asks where execution is: backtraces of live
//! frames and samples.

use core::ops::ControlFlow;

use wamr_runtime::live::{Exit, ExitWord, Visit};
use wamr_runtime::rt;
use wamr_runtime::vm::VmContext;
use wamr_types::TrapCode;

use crate::exec::Linkage;
use crate::op::Cell;

/// From where an activation calls a function that may be the host's.
#[repr(C)]
pub(crate) struct CallOut {
    exit: Exit,
    ip: *const Cell,
    fp: *mut u64,
    ctx: *mut VmContext,
}

impl CallOut {
    /// The frame at `fp`, about to call by the operation that `ip` is behind.
    #[inline(always)]
    pub(crate) const fn new(ip: *const Cell, fp: *mut u64, ctx: *mut VmContext) -> Self {
        Self { exit: Exit { walk: walk_call_out }, ip, fp, ctx }
    }

    /// The word for [`wamr_runtime::vm::VmStore::exit`].
    #[inline(always)]
    pub(crate) fn word(&self) -> ExitWord {
        ExitWord::of(&self.exit)
    }
}

/// # Safety
/// The exit is that of a [`CallOut`], whose frames are active.
unsafe fn walk_call_out(exit: *const Exit, visit: &mut Visit<'_>) -> ControlFlow<(), ExitWord> {
    // SAFETY: the caller's promise; the exit is its first field.
    unsafe {
        let CallOut { ip, fp, ctx, .. } = &*exit.cast::<CallOut>();
        walk(*ip, *fp, *ctx, visit)
    }
}

/// Tells `visit` of all frames of an activation, innermost first, until it has enough; gives the
/// word that is kept below the outermost one. `ip` is the address behind the operation that is being
/// executed.
///
/// # Safety
/// `fp` is the innermost frame of an activation of `ctx`.
unsafe fn walk(
    mut ip: *const Cell,
    mut fp: *mut u64,
    mut ctx: *mut VmContext,
    visit: &mut Visit<'_>,
) -> ControlFlow<(), ExitWord> {
    loop {
        // SAFETY: every frame of an activation begins with its linkage, up to the bottom frame, whose
        // caller is null; functions outlive the frames that run them.
        unsafe {
            let linkage = fp.cast::<Linkage>().read();
            let func = &*linkage.func;
            visit(ctx, func.index(), func.module_offset(ip, true))?;
            if linkage.caller.fp.is_null() {
                let kept = fp.sub(func.param_slots + 1).read();
                return ControlFlow::Continue(ExitWord::from_slot(kept));
            }
            (ip, fp, ctx) = (linkage.caller.ip, linkage.caller.fp, linkage.caller.ctx);
        }
    }
}

/// Says where execution is, if somebody has asked. `ip` is the address behind the operation that
/// the limit word has stopped.
///
/// # Safety
/// `fp` is the innermost frame of an activation of `ctx`.
#[cold]
#[inline(never)]
pub(crate) unsafe extern "C" fn sample(ip: *const Cell, fp: *mut u64, ctx: *mut VmContext) {
    // SAFETY: the caller's promise.
    unsafe {
        if !rt::takes_sample(ctx) {
            return;
        }
        rt::sample(ctx, |push| {
            let _ = walk(ip, fp, ctx, &mut |ctx, func, offset| {
                push(ctx, func, offset);
                ControlFlow::Continue(())
            });
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
