//! Operations of the numeric operators, generic in the operator and in where operands are.

use super::Regs;
use super::dispatch::{Handlers, Kind};
use crate::op::numeric::{BinaryOp, CompareOp, UnaryOp};
use crate::op::{Class, Define, Flow, Name, Op, Slot, SlotValue, Source, quiet};

/// `dst = a op b`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Binary<K, A, B, const QUIET: bool = false> {
    pub(crate) dst: Slot,
    pub(crate) a: A,
    pub(crate) b: B,
    kind: Kind<K>,
}

impl<K: BinaryOp, A: Source<K::Arg>, B: Source<K::Arg>> Define for Binary<K, A, B> {
    const RESULT: Class = K::Res::CLASS;
    const QUIET: Option<Handlers> = quiet::<Binary<K, A, B, true>>();
}

impl<K: BinaryOp, A: Source<K::Arg>, B: Source<K::Arg>, const QUIET: bool> Op
    for Binary<K, A, B, QUIET>
{
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = K::TRAPS;
    const V3: bool = K::V3;

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER, B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            match K::eval(self.a.get(r), self.b.get(r)) {
                Ok(value) => {
                    r.define::<QUIET, _>(self.dst, value);
                    Flow::Next
                }
                Err(code) => Flow::Trap(code),
            }
        }
    }
}

/// A slot that is shifted by a constant, as an operand.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Shifted<K> {
    src: Slot,
    count: u32,
    kind: Kind<K>,
}

impl<K: BinaryOp> Shifted<K> {
    const NAME: &'static Name = &Name::of(&["(", K::FUNC, ")"]);
}

impl<K: BinaryOp> Source<K::Res> for Shifted<K> {
    const LETTER: &'static str = Self::NAME.as_str();

    #[inline(always)]
    unsafe fn get(self, r: &Regs) -> K::Res {
        // SAFETY: the operand is a slot of the current frame.
        let src: K::Arg = unsafe { self.src.get(r) };
        match K::eval(src, K::Arg::from_slot(self.count.into())) {
            Ok(shifted) => shifted,
            Err(_) => unreachable!("shifts do not trap"),
        }
    }
}

/// The result of another operator, as an operand.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Nested<K, A, B> {
    a: A,
    b: B,
    kind: Kind<K>,
}

impl<K: BinaryOp, A: Source<K::Arg>, B: Source<K::Arg>> Nested<K, A, B> {
    const NAME: &'static Name = &Name::of(&["(", K::FUNC, "_", A::LETTER, B::LETTER, ")"]);
}

impl<K: BinaryOp, A: Source<K::Arg>, B: Source<K::Arg>> Source<K::Res> for Nested<K, A, B> {
    const LETTER: &'static str = Self::NAME.as_str();

    #[inline(always)]
    unsafe fn get(self, r: &Regs) -> K::Res {
        // SAFETY: the caller's promise is the one needed.
        match unsafe { K::eval(self.a.get(r), self.b.get(r)) } {
            Ok(value) => value,
            Err(_) => unreachable!("such operators do not trap"),
        }
    }
}

/// `dst = a cmp b`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Compare<K, A, B> {
    pub(crate) dst: Slot,
    pub(crate) a: A,
    pub(crate) b: B,
    kind: Kind<K>,
}

impl<K: CompareOp, A: Source<K::Arg>, B: Source<K::Arg>> Define for Compare<K, A, B> {
    const RESULT: Class = Class::Int;
    // Branches take most comparisons over, so that the form would be there for few.
    const QUIET: Option<Handlers> = None;
}

impl<K: CompareOp, A: Source<K::Arg>, B: Source<K::Arg>> Op for Compare<K, A, B> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER, B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let value = K::eval(self.a.get(r), self.b.get(r));
            r.define::<false, _>(self.dst, value);
        }
        Flow::Next
    }
}

/// `dst = op a`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Unary<K, A, const QUIET: bool = false> {
    pub(crate) dst: Slot,
    pub(crate) a: A,
    kind: Kind<K>,
}

impl<K: UnaryOp, A: Source<K::Arg>> Define for Unary<K, A> {
    const RESULT: Class = K::Res::CLASS;
    const QUIET: Option<Handlers> = quiet::<Unary<K, A, true>>();
}

impl<K: UnaryOp, A: Source<K::Arg>, const QUIET: bool> Op for Unary<K, A, QUIET> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = K::TRAPS;
    const V3: bool = K::V3;

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operand and destination are slots of the current frame.
        unsafe {
            match K::eval(self.a.get(r)) {
                Ok(value) => {
                    r.define::<QUIET, _>(self.dst, value);
                    Flow::Next
                }
                Err(code) => Flow::Trap(code),
            }
        }
    }
}

/// `dst = address`, for one that is computed from several operands.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Address<A, const QUIET: bool = false> {
    pub(crate) dst: Slot,
    pub(crate) address: A,
}

impl<A: Source<u32>> Define for Address<A> {
    const RESULT: Class = Class::Int;
    const QUIET: Option<Handlers> = quiet::<Address<A, true>>();
}

impl<A: Source<u32>, const QUIET: bool> Op for Address<A, QUIET> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;
    const V3: bool = true;

    const NAME: Name = Name::of(&["i32.add_", A::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let value = self.address.get(r);
            r.define::<QUIET, _>(self.dst, value);
        }
        Flow::Next
    }
}

/// `dst = a cmp b ? x : y`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct CompareSelect<K, A, B, X, Y> {
    pub(crate) dst: Slot,
    pub(crate) a: A,
    pub(crate) b: B,
    pub(crate) x: X,
    pub(crate) y: Y,
    kind: Kind<K>,
}

impl<K, A, B, X, Y> Define for CompareSelect<K, A, B, X, Y>
where
    K: CompareOp,
    A: Source<K::Arg>,
    B: Source<K::Arg>,
    X: Source<u64>,
    Y: Source<u64>,
{
    // As bits, whatever the type is.
    const RESULT: Class = Class::Int;
    const QUIET: Option<Handlers> = None;
}

impl<K, A, B, X, Y> Op for CompareSelect<K, A, B, X, Y>
where
    K: CompareOp,
    A: Source<K::Arg>,
    B: Source<K::Arg>,
    X: Source<u64>,
    Y: Source<u64>,
{
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name =
        Name::of(&["select_", X::LETTER, Y::LETTER, "_if_", K::NAME, "_", A::LETTER, B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let (x, y): (u64, u64) = (self.x.get(r), self.y.get(r));
            let holds = K::eval(self.a.get(r), self.b.get(r));
            r.define::<false, _>(self.dst, if holds { x } else { y });
        }
        Flow::Next
    }
}

/// `dst = condition ? a : b`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Select<A, B, C> {
    pub(crate) dst: Slot,
    pub(crate) a: A,
    pub(crate) b: B,
    pub(crate) condition: C,
}

impl<A: Source<u64>, B: Source<u64>, C: Source<bool>> Define for Select<A, B, C> {
    // As bits, whatever the type is.
    const RESULT: Class = Class::Int;
    const QUIET: Option<Handlers> = None;
}

impl<A: Source<u64>, B: Source<u64>, C: Source<bool>> Op for Select<A, B, C> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["select_", A::LETTER, B::LETTER, C::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let (a, b): (u64, u64) = (self.a.get(r), self.b.get(r));
            let condition: bool = self.condition.get(r);
            r.define::<false, _>(self.dst, if condition { a } else { b });
        }
        Flow::Next
    }
}
