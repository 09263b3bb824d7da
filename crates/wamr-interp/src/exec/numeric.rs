//! Operations of the numeric operators, generic in the operator and in where operands are.

use core::marker::PhantomData;

use super::Regs;
use super::dispatch::Kind;
use crate::op::numeric::{BinaryOp, CompareOp, UnaryOp};
use crate::op::{Flow, Op, Slot, Source};

/// `dst = a op b`
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct Binary<K, A, B> {
    pub(crate) dst: Slot,
    pub(crate) a: A,
    pub(crate) b: B,
    kind: Kind<K>,
}

impl<K, A, B> Binary<K, A, B> {
    pub(crate) const fn new(dst: Slot, a: A, b: B) -> Self {
        Self { dst, a, b, kind: PhantomData }
    }
}

impl<K: BinaryOp, A: Source<K::Arg>, B: Source<K::Arg>> Op for Binary<K, A, B> {
    const TRAPS: bool = K::TRAPS;

    fn name() -> String {
        format!("{}_{}{}", K::NAME, A::LETTER, B::LETTER)
    }

    #[inline(always)]
    unsafe fn run(self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            match K::eval(self.a.get(r), self.b.get(r)) {
                Ok(value) => {
                    r.set(self.dst, value);
                    Flow::Next
                }
                Err(code) => Flow::Trap(code),
            }
        }
    }
}

/// `dst = a cmp b`
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct Compare<K, B> {
    pub(crate) dst: Slot,
    pub(crate) a: Slot,
    pub(crate) b: B,
    kind: Kind<K>,
}

impl<K, B> Compare<K, B> {
    pub(crate) const fn new(dst: Slot, a: Slot, b: B) -> Self {
        Self { dst, a, b, kind: PhantomData }
    }
}

impl<K: CompareOp, B: Source<K::Arg>> Op for Compare<K, B> {
    const TRAPS: bool = false;

    fn name() -> String {
        format!("{}_s{}", K::NAME, B::LETTER)
    }

    #[inline(always)]
    unsafe fn run(self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let value = K::eval(self.a.get(r), self.b.get(r));
            r.set(self.dst, value);
        }
        Flow::Next
    }
}

/// `dst = op a`
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct Unary<K> {
    pub(crate) dst: Slot,
    pub(crate) a: Slot,
    kind: Kind<K>,
}

impl<K> Unary<K> {
    pub(crate) const fn new(dst: Slot, a: Slot) -> Self {
        Self { dst, a, kind: PhantomData }
    }
}

impl<K: UnaryOp> Op for Unary<K> {
    const TRAPS: bool = K::TRAPS;

    fn name() -> String {
        K::NAME.into()
    }

    #[inline(always)]
    unsafe fn run(self, r: &mut Regs) -> Flow {
        // SAFETY: operand and destination are slots of the current frame.
        unsafe {
            match K::eval(self.a.get(r)) {
                Ok(value) => {
                    r.set(self.dst, value);
                    Flow::Next
                }
                Err(code) => Flow::Trap(code),
            }
        }
    }
}

/// `dst = condition ? a : b`
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct Select<A, B> {
    pub(crate) dst: Slot,
    pub(crate) a: A,
    pub(crate) b: B,
    pub(crate) condition: Slot,
}

impl<A: Source<u64>, B: Source<u64>> Op for Select<A, B> {
    const TRAPS: bool = false;

    fn name() -> String {
        format!("select_{}{}", A::LETTER, B::LETTER)
    }

    #[inline(always)]
    unsafe fn run(self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let (a, b): (u64, u64) = (self.a.get(r), self.b.get(r));
            let condition: bool = self.condition.get(r);
            r.set(self.dst, if condition { a } else { b });
        }
        Flow::Next
    }
}
