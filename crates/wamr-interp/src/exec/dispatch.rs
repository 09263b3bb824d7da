//! How one operation reaches the next.
//!
//! On x86-64 with optimisation every handler ends in a sibling call of its successor, with the
//! registers as arguments; the compiler makes a jump of it as long as no local's address escapes
//! and nothing is dropped after it. Elsewhere handlers return to a loop. `build.rs` chooses.
//!
//! Operations that gain by it have a second handler, compiled from the same source for processors
//! of the level x86-64-v3; see [`Table`].
//!
//! Addresses must not escape in builds with little inlining and with debug assertions either.
//! Hence, in everything that handlers consist of: functions that take [`Regs`] are
//! `inline(always)`, pointers are dereferenced rather than `read` and `written`, and functions
//! that are called return what fits in two registers.

use core::marker::PhantomData;

use wamr_runtime::vm::Outcome;
use wamr_types::TrapCode;

use super::Regs;
#[cfg(wamr_threaded)]
use super::{Accumulators, Vector};
use crate::frames::loop_limit_hit;
use crate::op::{Cell, Flow, Op, Target};
use crate::trap;

#[cfg(wamr_threaded)]
pub(crate) use threaded::{Handler, handler, run};
#[cfg(wamr_threaded)]
use threaded::{has_v3, v3_handler};

#[cfg(not(wamr_threaded))]
pub(crate) use looping::{Handler, handler, run};
#[cfg(not(wamr_threaded))]
use looping::{has_v3, v3_handler};

/// Which handlers translated code has. Code of both tables may call one another, and results are
/// the same to the bit.
///
/// Handlers of [`Table::V3`] have vector instructions in their newer encoding, others and
/// assembly in the older one. Changing between them costs nothing as long as the upper halves of
/// the wider registers are clean, which they are: all vectors have 128 bits, and where the compiler
/// makes wider ones of something, it cleans up behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// For every processor of the architecture.
    Baseline,
    /// For processors with the instructions of x86-64-v3.
    V3,
}

impl Table {
    /// The best one for this processor.
    pub(crate) fn best() -> Self {
        if has_v3() { Self::V3 } else { Self::Baseline }
    }
}

/// The handlers of an operation: one in each table, mostly the same.
#[derive(Clone, Copy)]
pub(crate) struct Handlers {
    baseline: Handler,
    v3: Handler,
}

impl Handlers {
    pub(crate) const fn of<O: Op>() -> Self {
        let baseline = handler::<O>();
        Self { baseline, v3: if O::V3 { v3_handler::<O>() } else { baseline } }
    }

    pub(crate) const fn of_table(self, table: Table) -> Handler {
        match table {
            Table::Baseline => self.baseline,
            Table::V3 => self.v3,
        }
    }
}

/// A handler's address in code.
#[repr(C, packed(4))]
struct HandlerCells(Handler);

/// How many cells a handler's address takes.
pub(crate) const HANDLER_CELLS: usize = size_of::<Handler>() / size_of::<Cell>();

/// How many cells the operands of an operation take.
pub(crate) const fn operand_cells<O>() -> usize {
    assert!(size_of::<O>().is_multiple_of(size_of::<Cell>()) && align_of::<O>() <= 4);
    size_of::<O>() / size_of::<Cell>()
}

/// An operation that exists once, behind a header.
#[repr(C, packed(4))]
pub(crate) struct Static<H, O> {
    header: H,
    handler: Handler,
    op: O,
}

impl<H, O: Op> Static<H, O> {
    pub(crate) const fn new(header: H, op: O) -> Self {
        Self { header, handler: handler::<O>(), op }
    }

    /// The address of the header.
    pub(crate) const fn code(&'static self) -> *const Cell {
        (&raw const *self).cast()
    }
}

/// The operands of the operation at `ip`, and the address behind it.
///
/// # Safety
/// `ip` points to an operation of type `O`.
#[inline(always)]
unsafe fn decode<'a, O: Op>(ip: *const Cell) -> (&'a O, *const Cell) {
    // SAFETY: translation wrote a handler's address followed by the operands, packed to cells.
    // Code does not change and outlives the activations that run it.
    unsafe {
        let operands = ip.add(HANDLER_CELLS);
        (&*operands.cast::<O>(), operands.add(const { operand_cells::<O>() }))
    }
}

/// Goes back to the operation at `ip`, for its operands to be read again: what is read where it is
/// used does not take a register before.
///
/// # Safety
/// As for [`decode`].
#[inline(always)]
pub(super) unsafe fn again<'a, O: Op>(r: &mut Regs, ip: *const Cell) -> &'a O {
    // SAFETY: the caller's promise.
    let (op, next) = unsafe { decode::<O>(ip) };
    r.ip = next;
    op
}

/// The handler of the operation at `ip`.
///
/// # Safety
/// `ip` points to an operation.
#[inline(always)]
unsafe fn fetch(ip: *const Cell) -> Handler {
    // SAFETY: every operation begins with its handler's address.
    unsafe { (*ip.cast::<HandlerCells>()).0 }
}

/// Leaves the activation because of a trap at `ip`.
///
/// # Safety
/// The arguments describe the innermost frame of an activation.
#[cold]
#[inline(never)]
pub(crate) unsafe extern "C" fn leave_by_trap(
    ip: *const Cell,
    fp: *mut u64,
    code: TrapCode,
    _: usize,
    ctx: *mut wamr_runtime::vm::VmContext,
) -> Outcome {
    // SAFETY: the caller's promise is the one needed.
    unsafe {
        wamr_runtime::rt::raise(ctx, code);
        trap::unwind(ip, fp, ctx)
    }
}

/// The registers to go on with, if the pending failure is caught in this activation.
///
/// # Safety
/// As for [`leave_by_trap`].
#[inline(always)]
unsafe fn resume(
    ip: *const Cell,
    fp: *mut u64,
    ctx: *mut wamr_runtime::vm::VmContext,
) -> Option<Regs> {
    // SAFETY: the caller's promise is the one needed; the catching instance is alive, as its
    // frame is.
    unsafe {
        let trap::Landing { ip, fp } = trap::catch(ip, fp, ctx);
        if ip.is_null() {
            return None;
        }
        let ctx = (*(*ctx).store).catcher.get();
        let mut r = Regs::new(ip, fp, core::ptr::null_mut(), 0, ctx);
        r.reload_memory();
        Some(r)
    }
}

/// Asks whether a loop may go on, and jumps by the target that `r.ip` is behind.
///
/// # Safety
/// The registers are those of an activation, and `r.ip` is behind the target of a jump.
#[inline(always)]
unsafe fn go_on(r: &mut Regs) -> Result<(), TrapCode> {
    // SAFETY: the caller's promise is the one needed.
    unsafe {
        loop_limit_hit(r.ip, r.fp, r.ctx)?;
        (*r.ip.sub(1).cast::<Target>()).jump(r);
    }
    Ok(())
}

#[cfg(wamr_threaded)]
#[allow(improper_ctypes_definitions, reason = "handlers are called by one another only")]
mod threaded {
    use wamr_runtime::vm::VmContext;

    use super::*;

    /// Runs an operation and all that follow, to the end of the activation.
    pub(crate) type Handler = unsafe extern "sysv64" fn(
        ip: *const Cell,
        fp: *mut u64,
        mem: *mut u8,
        mem_len: usize,
        ctx: *mut VmContext,
        int: u64,
        f64: f64,
        f32: f32,
        v128: Vector,
    ) -> Outcome;

    /// The handler of a type of operations.
    pub(crate) const fn handler<O: Op>() -> Handler {
        fast::<O>
    }

    /// The same for processors that [`has_v3`] approves of.
    pub(crate) const fn v3_handler<O: Op>() -> Handler {
        fast_v3::<O>
    }

    /// Whether the processor has what [`v3_handler`]s need.
    pub(crate) fn has_v3() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
    }

    /// Runs from the operation at `r.ip` to the end of the activation.
    ///
    /// # Safety
    /// The registers are those of an activation.
    #[inline(always)]
    pub(crate) unsafe fn run(r: Regs) -> Outcome {
        // SAFETY: the caller's promise is the one that handlers need.
        unsafe {
            let Accumulators { int, f64, f32, v128 } = r.acc;
            fetch(r.ip)(r.ip, r.fp, r.mem, r.mem_len, r.ctx, int, f64, f32, v128)
        }
    }

    /// Accumulators that nobody asks for, so that nothing is saved for them across calls.
    #[inline(always)]
    fn unknown() -> Accumulators {
        let (int, f64, f32);
        let v128: core::arch::x86_64::__m128i;
        // SAFETY: there are no instructions; registers hold some number.
        unsafe {
            core::arch::asm!(
                "",
                out("r9") int,
                out("xmm0") f64,
                out("xmm1") f32,
                out("xmm2") v128,
                options(nomem, nostack, preserves_flags),
            );
        }
        Accumulators { int, f64, f32, v128: Vector::from_register(v128) }
    }

    /// Makes one addition of the way from an operation to the next, which is at `next`. Otherwise
    /// the compiler computes that address first, in another register, and moves it at the end.
    #[inline(always)]
    #[allow(clippy::pointers_in_nomem_asm_block, reason = "nothing is read or written there")]
    fn step<O: Op>(next: *const Cell) -> *const Cell {
        let cells = const { HANDLER_CELLS + operand_cells::<O>() };
        let mut ip = next.wrapping_sub(cells);
        // SAFETY: there are no instructions; the register keeps its number.
        unsafe {
            core::arch::asm!(
                "",
                inout("rdi") ip,
                options(nomem, nostack, preserves_flags),
            );
        }
        ip.wrapping_add(cells)
    }

    /// The handlers of a table.
    macro_rules! handlers {
        ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        unsafe extern "sysv64" fn $name<O: Op>(
            ip: *const Cell,
            fp: *mut u64,
            mem: *mut u8,
            mem_len: usize,
            ctx: *mut VmContext,
            int: u64,
            f64: f64,
            f32: f32,
            v128: Vector,
        ) -> Outcome {
            // SAFETY: this handler's address stands at `ip`, so that is an `O`; the registers are
            // passed on as they must be.
            unsafe {
                let (op, next) = decode::<O>(ip);
                let acc = Accumulators { int, f64, f32, v128 };
                let mut r = Regs { ip: next, fp, mem, mem_len, ctx, acc };
                match op.run(&mut r) {
                    Flow::Next => {
                        if !O::KEEPS_ACC {
                            r.acc = unknown();
                        }
                        if !O::JUMPS {
                            r.ip = step::<O>(r.ip);
                        }
                        run(r)
                    }
                    Flow::Slow if O::SLOW => slow::<O>(ip, fp, mem, mem_len, ctx, int, f64, f32, v128),
                    Flow::Slow => core::hint::unreachable_unchecked(),
                    Flow::Stopped => stopped(r.ip, fp, mem, mem_len, ctx),
                    Flow::Trap(code) => leave_by_trap(ip, fp, code, 0, ctx),
                    Flow::Fail => fail(ip, fp, mem, mem_len, ctx),
                    Flow::Exit(outcome) => outcome,
                }
            }
        }
        };
    }

    handlers!(fast);
    // No `fma`: nothing may be rounded once that the specification rounds twice.
    handlers!(
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fast_v3
    );

    /// Goes on with a jump back that the limit word has stopped. `ip` is behind its target.
    #[cold]
    #[inline(never)]
    unsafe extern "sysv64" fn stopped(
        ip: *const Cell,
        fp: *mut u64,
        mem: *mut u8,
        mem_len: usize,
        ctx: *mut VmContext,
    ) -> Outcome {
        // SAFETY: as in `fast`. Where the jump goes, nobody asks for accumulators; the cell
        // before `ip` is one of the operation's.
        unsafe {
            let mut r = Regs::new(ip, fp, mem, mem_len, ctx);
            match go_on(&mut r) {
                Ok(()) => run(r),
                Err(code) => leave_by_trap(ip.sub(1), fp, code, 0, ctx),
            }
        }
    }

    /// Goes on where the pending failure is caught, or leaves the activation.
    #[cold]
    #[inline(never)]
    unsafe extern "sysv64" fn fail(
        ip: *const Cell,
        fp: *mut u64,
        _: *mut u8,
        _: usize,
        ctx: *mut VmContext,
    ) -> Outcome {
        // SAFETY: the arguments describe the innermost frame of an activation.
        unsafe {
            match resume(ip, fp, ctx) {
                Some(r) => run(r),
                None => trap::unwind(ip, fp, ctx),
            }
        }
    }

    #[cold]
    #[inline(never)]
    unsafe extern "sysv64" fn slow<O: Op>(
        ip: *const Cell,
        fp: *mut u64,
        mem: *mut u8,
        mem_len: usize,
        ctx: *mut VmContext,
        int: u64,
        f64: f64,
        f32: f32,
        v128: Vector,
    ) -> Outcome {
        // SAFETY: as in `fast`.
        unsafe {
            let (op, next) = decode::<O>(ip);
            let acc = Accumulators { int, f64, f32, v128 };
            let mut r = Regs { ip: next, fp, mem, mem_len, ctx, acc };
            match op.slow(&mut r) {
                Flow::Next => run(r),
                Flow::Slow | Flow::Stopped => unreachable!("a slow path is final"),
                Flow::Trap(code) => leave_by_trap(ip, fp, code, 0, ctx),
                Flow::Fail => fail(ip, fp, mem, mem_len, ctx),
                Flow::Exit(outcome) => outcome,
            }
        }
    }
}

#[cfg(not(wamr_threaded))]
mod looping {
    use super::*;

    /// Runs one operation; says how the activation ended, if it did.
    pub(crate) type Handler = unsafe fn(r: &mut Regs) -> Option<Outcome>;

    /// The handler of a type of operations.
    pub(crate) const fn handler<O: Op>() -> Handler {
        step::<O>
    }

    /// The same: one table does here.
    pub(crate) const fn v3_handler<O: Op>() -> Handler {
        step::<O>
    }

    pub(crate) const fn has_v3() -> bool {
        false
    }

    /// Runs from the operation at `r.ip` to the end of the activation.
    ///
    /// # Safety
    /// The registers are those of an activation.
    pub(crate) unsafe fn run(mut r: Regs) -> Outcome {
        loop {
            // SAFETY: the caller's promise is the one that handlers need.
            if let Some(outcome) = unsafe { fetch(r.ip)(&mut r) } {
                return outcome;
            }
        }
    }

    unsafe fn step<O: Op>(r: &mut Regs) -> Option<Outcome> {
        let Regs { ip, fp, ctx, .. } = *r;
        // SAFETY: this handler's address stands at `ip`, so that is an `O`.
        unsafe {
            let (op, next) = decode::<O>(ip);
            r.ip = next;
            let mut flow = op.run(r);
            if O::SLOW && matches!(flow, Flow::Slow) {
                r.ip = next;
                flow = op.slow(r);
            }
            match flow {
                Flow::Next => None,
                Flow::Slow => unreachable!("a slow path is final"),
                Flow::Stopped => match go_on(r) {
                    Ok(()) => None,
                    Err(code) => Some(leave_by_trap(ip, fp, code, 0, ctx)),
                },
                Flow::Trap(code) => Some(leave_by_trap(ip, fp, code, 0, ctx)),
                Flow::Fail => match resume(ip, fp, ctx) {
                    Some(caught) => {
                        *r = caught;
                        None
                    }
                    None => Some(trap::unwind(ip, fp, ctx)),
                },
                Flow::Exit(outcome) => Some(outcome),
            }
        }
    }
}

/// Marks a type parameter of an operation that has no value.
pub(crate) type Kind<T> = PhantomData<T>;
