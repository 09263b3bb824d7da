//! Jumps. Those that go back check for interruptions.

use wamr_runtime::{numeric, rt};
use wamr_types::TrapCode;

use super::Regs;
use super::call::is_beyond_limit;
use super::dispatch::Kind;
use crate::op::numeric::CompareOp;
use crate::op::{Cell, Flow, Imm, Name, Op, Slot, SlotValue, Source, Target};

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

/// Takes a jump that has a condition.
///
/// # Safety
/// The target was the last operand of the operation that `r.ip` is behind.
#[inline(always)]
pub(crate) unsafe fn take<const BACK: bool>(target: Target, r: &mut Regs) -> Flow {
    // SAFETY: the caller's promise is the one needed.
    unsafe {
        if BACK && is_interrupted(r) {
            return Flow::Stopped;
        }
        no_conditional_move();
        target.jump(r);
    }
    Flow::Next
}

/// For the names of jumps.
pub(crate) const fn back(back: bool) -> &'static str {
    if back { "_back" } else { "" }
}

/// Jumps.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Jump<const BACK: bool> {
    pub(crate) target: Target,
}

impl<const BACK: bool> Op for Jump<BACK> {
    const JUMPS: bool = true;
    const TRAPS: bool = BACK;
    const NAME: Name = Name::of(&["jump", back(BACK)]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: the target is the last operand.
        unsafe {
            if BACK && is_interrupted(r) {
                return Flow::Stopped;
            }
            self.target.jump(r);
        }
        Flow::Next
    }
}

/// Jumps if a comparison holds.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Branch<K, A, B, const BACK: bool> {
    a: A,
    b: B,
    kind: Kind<K>,
    target: Target,
}

impl<K, A, B, const BACK: bool> Op for Branch<K, A, B, BACK>
where
    K: CompareOp,
    A: Source<K::Arg>,
    B: Source<K::Arg>,
{
    const JUMPS: bool = true;
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = BACK;
    const NAME: Name =
        Name::of(&["jump", back(BACK), "_if_", K::NOT, K::NAME, "_", A::LETTER, B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame, the target is the last operand.
        unsafe {
            if K::eval(self.a.get(r), self.b.get(r)) {
                return take::<BACK>(self.target, r);
            }
        }
        Flow::Next
    }
}

/// `dst = src + step`, as a part of an operation.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Step<S> {
    dst: Slot,
    src: Slot,
    step: S,
}

impl<S: Source<i32>> Step<S> {
    /// Takes the step; gives the sum.
    ///
    /// # Safety
    /// The registers are those of the frame that the operation was translated for.
    #[inline(always)]
    unsafe fn take(self, r: &mut Regs) -> i32 {
        // SAFETY: operands are slots of the current frame.
        unsafe {
            let src: i32 = self.src.get(r);
            let sum = numeric::i32::add(src, self.step.get(r));
            r.set(self.dst, sum);
            sum
        }
    }
}

/// Two steps by constants, one after the other.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct StepTwo {
    first: Step<Imm<i32>>,
    second: Step<Imm<i32>>,
}

impl Op for StepTwo {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;
    const NAME: Name = Name::of(&["step_two"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame.
        unsafe {
            self.first.take(r);
            self.second.take(r).to_acc(&mut r.acc);
        }
        Flow::Next
    }
}

/// Takes a step, then jumps if a comparison with the sum holds: the end of a loop.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct StepBranch<K, S, B, const BACK: bool> {
    step: Step<S>,
    b: B,
    kind: Kind<K>,
    target: Target,
}

impl<K, S, B, const BACK: bool> Op for StepBranch<K, S, B, BACK>
where
    K: CompareOp<Arg = i32>,
    S: Source<i32>,
    B: Source<i32>,
{
    const JUMPS: bool = true;
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = BACK;
    const NAME: Name =
        Name::of(&["step_", S::LETTER, "_jump", back(BACK), "_if_", K::NAME, "_", B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame, the target is the last operand.
        unsafe {
            let step = self.step;
            let sum = step.take(r);
            sum.to_acc(&mut r.acc);
            if K::eval(sum, self.b.get(r)) {
                return take::<BACK>(self.target, r);
            }
        }
        Flow::Next
    }
}

/// Takes a step, then jumps back if a comparison of another number holds.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct StepOtherBranch<K, B> {
    step: Step<Imm<i32>>,
    a: Slot,
    b: B,
    kind: Kind<K>,
    target: Target,
}

impl<K: CompareOp<Arg = i32>, B: Source<i32>> Op for StepOtherBranch<K, B> {
    const JUMPS: bool = true;
    const KEEPS_ACC: bool = true;
    const NAME: Name = Name::of(&["step_i_jump_back_if_", K::NAME, "_s", B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame, the target is the last operand.
        unsafe {
            self.step.take(r).to_acc(&mut r.acc);
            if K::eval(self.a.get(r), self.b.get(r)) {
                return take::<true>(self.target, r);
            }
        }
        Flow::Next
    }
}

/// The same with another step before.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct StepTwoBranch<K, B> {
    first: Step<Imm<i32>>,
    second: Step<Imm<i32>>,
    b: B,
    kind: Kind<K>,
    target: Target,
}

impl<K: CompareOp<Arg = i32>, B: Source<i32>> Op for StepTwoBranch<K, B> {
    const JUMPS: bool = true;
    const KEEPS_ACC: bool = true;
    const NAME: Name = Name::of(&["step_two_jump_back_if_", K::NAME, "_", B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame, the target is the last operand.
        unsafe {
            self.first.take(r);
            let sum = self.second.take(r);
            sum.to_acc(&mut r.acc);
            if K::eval(sum, self.b.get(r)) {
                return take::<true>(self.target, r);
            }
        }
        Flow::Next
    }
}

/// Jumps by one of the targets that follow: as many as `last` says, and one more.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct JumpTable<A> {
    pub(crate) index: A,
    pub(crate) last: u32,
}

impl<A: Source<u32>> JumpTable<A> {
    /// The address behind the target to take, and the distance in it.
    #[inline(always)]
    unsafe fn choose(self, r: &Regs) -> (*const Cell, i32) {
        // SAFETY: `last + 1` targets follow.
        unsafe {
            let index: u32 = self.index.get(r);
            let cell = r.ip.add(index.min(self.last) as usize);
            (cell.add(1), *cell.cast::<i32>())
        }
    }
}

impl<A: Source<u32>> Op for JumpTable<A> {
    const JUMPS: bool = true;
    const NAME: Name = Name::of(&["jump_table_", A::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: targets were resolved to places within the same code.
        unsafe {
            let (behind, distance) = self.choose(r);
            if distance < 0 && is_interrupted(r) {
                r.ip = behind;
                return Flow::Stopped;
            }
            r.ip = behind.offset(distance as isize);
        }
        Flow::Next
    }
}

/// Takes off the store's fuel what the operators cost that follow.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Charge {
    pub(crate) units: u32,
}

impl Op for Charge {
    const KEEPS_ACC: bool = true;
    const SLOW: bool = true;

    const NAME: Name = Name::of(&["charge"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
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
    unsafe fn slow(&self, r: &mut Regs) -> Flow {
        // SAFETY: the current context is alive.
        match unsafe { rt::fuel::charge(r.ctx, u64::from(self.units)) } {
            Ok(()) => Flow::Next,
            Err(code) => Flow::Trap(code),
        }
    }
}

/// Traps.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Unreachable;

impl Op for Unreachable {
    const NAME: Name = Name::of(&["unreachable"]);

    #[inline(always)]
    unsafe fn run(&self, _r: &mut Regs) -> Flow {
        Flow::Trap(TrapCode::Unreachable)
    }
}
