//! What register code is made of: values in slots, operands, and the trait of an operation.
//!
//! Code is a stream of 32-bit cells. An operation is the address of its handler followed by a
//! packed struct, the operation's operands. There is no list of opcodes: an operation is a type
//! that implements [`Op`], and everything about it (its encoding, its handler, its name) derives
//! from that type; translation sees that as data, an [`OpInfo`].

use wamr_runtime::numeric::simd::V128;
use wamr_runtime::vm::Outcome;
use wamr_types::TrapCode;

use crate::exec::dispatch::Handlers;
use crate::exec::{Accumulators, Regs, Vector};

pub(crate) use info::{Name, OpInfo};

pub(crate) mod forms;
pub(crate) mod info;
pub(crate) mod memory;
pub(crate) mod numeric;
pub(crate) mod simd;
pub(crate) mod simd_memory;

/// A unit of code.
pub(crate) type Cell = u32;

/// What to do after an operation.
pub(crate) enum Flow {
    /// Run the operation that `ip` points to.
    Next,
    /// Run [`Op::slow`] for the same operation, with the registers as they were.
    Slow,
    /// Ask whether a loop may go on, then jump by the target that `ip` is behind.
    Stopped,
    /// Trap at this operation.
    Trap(TrapCode),
    /// A failure is pending; leave the activation.
    Fail,
    /// Leave the activation.
    Exit(Outcome),
}

/// A register class of [`crate::exec::Accumulators`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Int,
    F64,
    F32,
    V128,
}

/// An operation: its operands, and what it does.
pub(crate) trait Op: Copy + 'static {
    /// Whether the accumulators are as before, but for the one that the result is in if it is
    /// written by [`Regs::define`]. Which slots are written is known where the operation is
    /// emitted, and said to the translator's `Copied` there.
    const KEEPS_ACC: bool = false;
    /// Whether the operation can fail or call, so that its place in the module matters.
    const TRAPS: bool = true;
    /// Whether [`Op::run`] may ask for [`Op::slow`].
    const SLOW: bool = false;
    /// Whether another operation than the next one may follow: handlers of others are a little
    /// shorter.
    #[cfg_attr(not(wamr_threaded), allow(dead_code, reason = "a loop asks nothing of it"))]
    const JUMPS: bool = false;
    /// Whether a handler for processors of the level x86-64-v3 is worth having.
    const V3: bool = false;

    /// The operation's name in listings.
    const NAME: Name;

    /// Runs the operation. `r.ip` points behind it.
    ///
    /// # Safety
    /// The registers are those of an activation, and the operation belongs to the code of the
    /// function that owns the frame.
    unsafe fn run(&self, r: &mut Regs) -> Flow;

    /// The rare rest of the operation, away from the handler.
    ///
    /// # Safety
    /// As for [`Op::run`].
    unsafe fn slow(&self, _r: &mut Regs) -> Flow {
        unreachable!("no slow path")
    }
}

/// An operation that leaves its result in a slot, which is its first operand, and in an
/// accumulator.
pub(crate) trait Define: Op {
    /// The accumulator that has the result.
    const RESULT: Class;
    /// The handlers of the same without the slot, for a result that nobody looks for there.
    const QUIET: Option<Handlers>;
}

/// Handlers that may take the place of others.
pub(crate) const fn quiet<O: Op>() -> Option<Handlers> {
    Some(Handlers::of::<O>())
}

/// A value that fits in one 8-byte slot. Narrow values fill the slot with zeros.
pub(crate) trait SlotValue: Copy + 'static {
    /// The accumulator for values of this type.
    const CLASS: Class;
    fn from_slot(bits: u64) -> Self;
    fn to_slot(self) -> u64;
    fn from_acc(acc: &Accumulators) -> Self;
    fn to_acc(self, acc: &mut Accumulators);
}

macro_rules! slot_values {
    ($($ty:ty: |$bits:ident| $from:expr, |$value:ident| $to:expr;)*) => {$(
        impl SlotValue for $ty {
            const CLASS: Class = Class::Int;

            #[inline(always)]
            fn from_acc(acc: &Accumulators) -> Self {
                Self::from_slot(acc.int)
            }

            #[inline(always)]
            fn to_acc(self, acc: &mut Accumulators) {
                acc.int = self.to_slot();
            }

            #[inline(always)]
            fn from_slot($bits: u64) -> Self {
                $from
            }

            #[inline(always)]
            fn to_slot(self) -> u64 {
                let $value = self;
                $to
            }
        }
    )*};
}

slot_values! {
    bool: |bits| bits as u32 != 0, |value| value as u64;
    i32: |bits| bits as i32, |value| value as u32 as u64;
    u32: |bits| bits as u32, |value| value as u64;
    i64: |bits| bits as i64, |value| value as u64;
    u64: |bits| bits, |value| value;
}

macro_rules! float_slot_values {
    ($($ty:ident as $bits:ty: $class:ident;)*) => {$(
        impl SlotValue for $ty {
            const CLASS: Class = Class::$class;

            #[inline(always)]
            fn from_slot(bits: u64) -> Self {
                Self::from_bits(bits as $bits)
            }

            #[inline(always)]
            fn to_slot(self) -> u64 {
                self.to_bits() as u64
            }

            #[inline(always)]
            fn from_acc(acc: &Accumulators) -> Self {
                acc.$ty
            }

            #[inline(always)]
            fn to_acc(self, acc: &mut Accumulators) {
                acc.$ty = self;
            }
        }
    )*};
}

float_slot_values! {
    f32 as u32: F32;
    f64 as u64: F64;
}

/// A value of one or two slots.
pub(crate) trait StackValue: Copy + 'static {
    /// Whether it takes two slots.
    const WIDE: bool;
    /// The accumulator for values of this type.
    const ACC: Class;

    /// Reads the value.
    ///
    /// # Safety
    /// A value of this type is at the address.
    unsafe fn read(slot: *const u64) -> Self;

    /// Writes the value.
    ///
    /// # Safety
    /// There is room for a value of this type at the address.
    unsafe fn write(self, slot: *mut u64);

    /// Reads the value from its accumulator.
    fn read_acc(acc: &Accumulators) -> Self;

    /// Writes the value to its accumulator.
    fn write_acc(self, acc: &mut Accumulators);
}

impl<T: SlotValue> StackValue for T {
    const WIDE: bool = false;
    const ACC: Class = T::CLASS;

    #[inline(always)]
    fn read_acc(acc: &Accumulators) -> Self {
        T::from_acc(acc)
    }

    #[inline(always)]
    fn write_acc(self, acc: &mut Accumulators) {
        self.to_acc(acc);
    }

    #[inline(always)]
    unsafe fn read(slot: *const u64) -> Self {
        // SAFETY: the caller says that the slot can be read.
        T::from_slot(unsafe { *slot })
    }

    #[inline(always)]
    unsafe fn write(self, slot: *mut u64) {
        // SAFETY: the caller says that the slot can be written.
        unsafe { *slot = self.to_slot() };
    }
}

impl StackValue for V128 {
    const WIDE: bool = true;
    const ACC: Class = Class::V128;

    #[inline(always)]
    fn read_acc(acc: &Accumulators) -> Self {
        acc.v128.get()
    }

    #[inline(always)]
    fn write_acc(self, acc: &mut Accumulators) {
        acc.v128 = Vector::new(self);
    }

    #[inline(always)]
    unsafe fn read(slot: *const u64) -> Self {
        // SAFETY: the caller says that both slots can be read; a `V128` is made of bytes.
        unsafe { *slot.cast() }
    }

    #[inline(always)]
    unsafe fn write(self, slot: *mut u64) {
        // SAFETY: the caller says that both slots can be written; a `V128` is made of bytes.
        unsafe { *slot.cast() = self };
    }
}

/// A slot of the frame, counted from the frame pointer. Parameters have negative numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Slot(pub(crate) i32);

/// A constant in the code.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Imm<T>(pub(crate) T);

/// Where an operation takes an operand of type `T` from.
pub(crate) trait Source<T>: Copy + 'static {
    /// The kind of source, for names.
    const LETTER: &'static str;

    /// Reads the operand.
    ///
    /// # Safety
    /// The registers are those of the frame that the operation was translated for.
    unsafe fn get(self, r: &Regs) -> T;
}

impl<T: StackValue> Source<T> for Slot {
    const LETTER: &'static str = "s";

    #[inline(always)]
    unsafe fn get(self, r: &Regs) -> T {
        // SAFETY: the caller says that the slot is one of the current frame.
        unsafe { T::read(r.slot(self)) }
    }
}

impl<T: StackValue> Source<T> for Imm<T> {
    const LETTER: &'static str = "i";

    #[inline(always)]
    unsafe fn get(self, _r: &Regs) -> T {
        self.0
    }
}

/// The accumulator of an operand's class.
#[derive(Clone, Copy)]
pub(crate) struct Acc;

impl<T: StackValue> Source<T> for Acc {
    const LETTER: &'static str = "a";

    #[inline(always)]
    unsafe fn get(self, r: &Regs) -> T {
        T::read_acc(&r.acc)
    }
}

/// The sum of two operands, for an operation that takes an address.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Sum<A, B>(pub(crate) A, pub(crate) B);

impl<A: Source<u32>, B: Source<u32>> Source<u32> for Sum<A, B> {
    const LETTER: &'static str = "+";

    #[inline(always)]
    unsafe fn get(self, r: &Regs) -> u32 {
        // SAFETY: the caller's promise is the one needed.
        unsafe { self.0.get(r).wrapping_add(self.1.get(r)) }
    }
}

/// The address of an element: a base, and an index times a power of two.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Element<I> {
    pub(crate) base: Slot,
    pub(crate) index: I,
    pub(crate) shift: u32,
}

impl<I: Source<u32>> Source<u32> for Element<I> {
    const LETTER: &'static str = "*";

    #[inline(always)]
    unsafe fn get(self, r: &Regs) -> u32 {
        // SAFETY: the caller's promise is the one needed.
        unsafe {
            let base: u32 = self.base.get(r);
            base.wrapping_add(self.index.get(r).wrapping_shl(self.shift))
        }
    }
}

/// An index times a power of two, for an operation that takes an address.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Scaled<I> {
    pub(crate) index: I,
    pub(crate) shift: u32,
}

impl<I: Source<u32>> Source<u32> for Scaled<I> {
    const LETTER: &'static str = "<<";

    #[inline(always)]
    unsafe fn get(self, r: &Regs) -> u32 {
        // SAFETY: the caller's promise is the one needed.
        unsafe { self.index.get(r).wrapping_shl(self.shift) }
    }
}

/// A place to jump to, as a distance in cells from behind the cell that holds it. Always the last
/// operand.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Target(pub(crate) i32);

impl Target {
    /// A target that is not known yet.
    pub(crate) const UNKNOWN: Self = Self(0);

    /// Jumps.
    ///
    /// # Safety
    /// The target was the last operand of the operation that `r.ip` is behind.
    #[inline(always)]
    pub(crate) unsafe fn jump(self, r: &mut Regs) {
        // SAFETY: translation resolves every target to a place within the same code.
        r.ip = unsafe { r.ip.offset(self.0 as isize) };
    }
}
