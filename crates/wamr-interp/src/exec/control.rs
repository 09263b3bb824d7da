//! Jumps. Those that go back check for interruptions.

use core::marker::PhantomData;

use wamr_runtime::rt;
use wamr_types::TrapCode;

use super::Regs;
use super::call::is_beyond_limit;
use super::dispatch::Kind;
use crate::op::numeric::CompareOp;
use crate::op::{Cell, Flow, Op, Slot, Source, Target};
use crate::sample::loop_limit_hit;

/// Keeps a jump a jump: as a conditional move it would make the next dispatch wait for the
/// condition.
#[inline(always)]
pub(crate) fn no_conditional_move() {
    #[cfg(wamr_threaded)]
    // SAFETY: there are no instructions.
    unsafe {
        core::arch::asm!("", options(nomem, nostack, preserves_flags));
    }
}

/// Whether a loop has to ask whether it may go on.
///
/// # Safety
/// The registers are those of an activation.
#[inline(always)]
unsafe fn is_interrupted(r: &Regs) -> bool {
    // SAFETY: the current context is alive.
    unsafe { is_beyond_limit(r.ctx, r.fp) }
}

/// Jumps.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct Jump<const BACK: bool> {
    pub(crate) target: Target,
}

impl<const BACK: bool> Op for Jump<BACK> {
    const TRAPS: bool = BACK;
    const SLOW: bool = BACK;

    fn name() -> String {
        if BACK { "jump_back" } else { "jump" }.into()
    }

    #[inline(always)]
    unsafe fn run(self, r: &mut Regs) -> Flow {
        // SAFETY: the target is the last operand.
        unsafe {
            if BACK && is_interrupted(r) {
                return Flow::Slow;
            }
            self.target.jump(r);
        }
        Flow::Next
    }

    #[inline(always)]
    unsafe fn slow(self, r: &mut Regs) -> Flow {
        // SAFETY: as in `run`.
        unsafe {
            if let Err(code) = loop_limit_hit(r.ip, r.fp, r.ctx) {
                return Flow::Trap(code);
            }
            self.target.jump(r);
        }
        Flow::Next
    }
}

/// Jumps if a comparison gives `SENSE`.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct Branch<K, A, B, const SENSE: bool, const BACK: bool> {
    pub(crate) a: A,
    pub(crate) b: B,
    kind: Kind<K>,
    pub(crate) target: Target,
}

impl<K, A, B, const SENSE: bool, const BACK: bool> Branch<K, A, B, SENSE, BACK> {
    pub(crate) const fn new(a: A, b: B) -> Self {
        Self { a, b, kind: PhantomData, target: Target::UNKNOWN }
    }
}

impl<K, A, B, const SENSE: bool, const BACK: bool> Op for Branch<K, A, B, SENSE, BACK>
where
    K: CompareOp,
    A: Source<K::Arg>,
    B: Source<K::Arg>,
{
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = BACK;
    const SLOW: bool = BACK;

    fn name() -> String {
        let sense = if SENSE { "if" } else { "unless" };
        let back = if BACK { "_back" } else { "" };
        format!("jump{back}_{sense}_{}_{}{}", K::NAME, A::LETTER, B::LETTER)
    }

    #[inline(always)]
    unsafe fn run(self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame, the target is the last operand.
        unsafe {
            if K::eval(self.a.get(r), self.b.get(r)) == SENSE {
                if BACK && is_interrupted(r) {
                    return Flow::Slow;
                }
                no_conditional_move();
                self.target.jump(r);
            }
        }
        Flow::Next
    }

    #[inline(always)]
    unsafe fn slow(self, r: &mut Regs) -> Flow {
        // SAFETY: as in `run`, which found that the condition holds.
        unsafe {
            if let Err(code) = loop_limit_hit(r.ip, r.fp, r.ctx) {
                return Flow::Trap(code);
            }
            self.target.jump(r);
        }
        Flow::Next
    }
}

/// Jumps by one of the targets that follow: as many as `last` says, and one more.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct JumpTable {
    pub(crate) index: Slot,
    pub(crate) last: u32,
}

impl JumpTable {
    /// The cell of the target to take, and the distance in it.
    #[inline(always)]
    unsafe fn choose(self, r: &Regs) -> (*const Cell, i32) {
        // SAFETY: `last + 1` targets follow.
        unsafe {
            let index: u32 = self.index.get(r);
            let cell = r.ip.add(index.min(self.last) as usize);
            (cell, *cell.cast::<i32>())
        }
    }
}

impl Op for JumpTable {
    const SLOW: bool = true;

    fn name() -> String {
        "jump_table".into()
    }

    #[inline(always)]
    unsafe fn run(self, r: &mut Regs) -> Flow {
        // SAFETY: targets were resolved to places within the same code.
        unsafe {
            let (cell, distance) = self.choose(r);
            if distance < 0 && is_interrupted(r) {
                return Flow::Slow;
            }
            r.ip = cell.offset(distance as isize);
        }
        Flow::Next
    }

    #[inline(always)]
    unsafe fn slow(self, r: &mut Regs) -> Flow {
        // SAFETY: as in `run`.
        unsafe {
            if let Err(code) = loop_limit_hit(r.ip, r.fp, r.ctx) {
                return Flow::Trap(code);
            }
            let (cell, distance) = self.choose(r);
            r.ip = cell.offset(distance as isize);
        }
        Flow::Next
    }
}

/// Takes off the store's fuel what the operators cost that follow.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct Charge {
    pub(crate) units: u32,
}

impl Op for Charge {
    const KEEPS_ACC: bool = true;
    const SLOW: bool = true;

    fn name() -> String {
        "charge".into()
    }

    #[inline(always)]
    unsafe fn run(self, r: &mut Regs) -> Flow {
        // SAFETY: the current context and its store are alive.
        let fuel = unsafe { &(*(*r.ctx).store).fuel };
        let (left, is_too_much) = fuel.get().overflowing_sub(u64::from(self.units));
        if is_too_much {
            return Flow::Slow;
        }
        fuel.set(left);
        Flow::Next
    }

    #[inline(always)]
    unsafe fn slow(self, r: &mut Regs) -> Flow {
        // SAFETY: the current context is alive.
        match unsafe { rt::fuel::charge(r.ctx, u64::from(self.units)) } {
            Ok(()) => Flow::Next,
            Err(code) => Flow::Trap(code),
        }
    }
}

/// Traps.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct Unreachable;

impl Op for Unreachable {
    fn name() -> String {
        "unreachable".into()
    }

    #[inline(always)]
    unsafe fn run(self, _r: &mut Regs) -> Flow {
        Flow::Trap(TrapCode::Unreachable)
    }
}
