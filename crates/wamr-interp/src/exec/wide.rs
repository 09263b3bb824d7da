//! Operations of the wide-arithmetic proposal: numbers of two slots, low half first.

use core::marker::PhantomData;

use wamr_runtime::numeric::wide::{self, Halves};

use super::Regs;
use super::dispatch::Kind;
use crate::op::{Flow, Name, Op, Slot, SlotValue};

/// An operator on two 128-bit numbers.
pub(crate) trait WideOp: Copy + 'static {
    const NAME: &'static str;
    fn eval(a: Halves, b: Halves) -> Halves;
}

/// An operator on two 64-bit numbers that gives a 128-bit one.
pub(crate) trait WideningOp: Copy + 'static {
    const NAME: &'static str;
    fn eval(a: u64, b: u64) -> Halves;
}

macro_rules! operators {
    ($($trait:ident($arg:ty) { $($kind:ident = $name:literal $eval:path;)* })*) => {$($(
        #[derive(Clone, Copy)]
        pub(crate) struct $kind;

        impl $trait for $kind {
            const NAME: &'static str = $name;

            #[inline(always)]
            fn eval(a: $arg, b: $arg) -> Halves {
                $eval(a, b)
            }
        }
    )*)*};
}

operators! {
    WideOp(Halves) {
        I64Add128 = "i64.add128" wide::add128;
        I64Sub128 = "i64.sub128" wide::sub128;
    }
    WideningOp(u64) {
        I64MulWideS = "i64.mul_wide_s" wide::mul_wide_s;
        I64MulWideU = "i64.mul_wide_u" wide::mul_wide_u;
    }
}

/// `(dst, dst + 1) = (a_low, a_high) op (b_low, b_high)`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Wide<K> {
    dst: Slot,
    a: [Slot; 2],
    b: [Slot; 2],
    kind: Kind<K>,
}

impl<K> Wide<K> {
    pub(crate) const fn new(dst: Slot, a: [Slot; 2], b: [Slot; 2]) -> Self {
        Self { dst, a, b, kind: PhantomData }
    }
}

impl<K: WideOp> Op for Wide<K> {
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&[K::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        let Self { dst, a: [a_low, a_high], b: [b_low, b_high], .. } = *self;
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let a = (*r.slot(a_low), *r.slot(a_high));
            let b = (*r.slot(b_low), *r.slot(b_high));
            store(r, dst, K::eval(a, b));
        }
        Flow::Next
    }
}

/// `(dst, dst + 1) = a op b`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Widening<K> {
    dst: Slot,
    a: Slot,
    b: Slot,
    kind: Kind<K>,
}

impl<K> Widening<K> {
    pub(crate) const fn new(dst: Slot, a: Slot, b: Slot) -> Self {
        Self { dst, a, b, kind: PhantomData }
    }
}

impl<K: WideningOp> Op for Widening<K> {
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&[K::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let (a, b) = (*r.slot(self.a), *r.slot(self.b));
            store(r, self.dst, K::eval(a, b));
        }
        Flow::Next
    }
}

/// Writes a number to two adjacent slots.
///
/// # Safety
/// Both slots belong to the current frame.
#[inline(always)]
unsafe fn store(r: &mut Regs, dst: Slot, (low, high): Halves) {
    // SAFETY: the caller's promise is the one needed.
    unsafe {
        r.set(dst, u64::from_slot(low));
        r.set(Slot(dst.0 + 1), u64::from_slot(high));
    }
}
