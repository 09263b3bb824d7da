//! Atomic instructions, of the words that [`wamr_runtime::entity`] defines. They check addresses
//! in guarded memories too.

use core::marker::PhantomData;

use wamr_runtime::entity::{AtomicWord, Rmw};
use wamr_runtime::rt;
use wamr_types::TrapCode;

use super::Regs;
use super::dispatch::Kind;
use super::memory::{Place, helper_ops};
use crate::op::info::bits;
use crate::op::{Flow, Name, Op, Slot};

/// What a read-modify-write computes.
pub(crate) trait RmwOp: Copy + 'static {
    const NAME: &'static str;
    const OP: Rmw;
}

macro_rules! rmw_ops {
    ($($Op:ident $name:literal;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl RmwOp for $Op {
            const NAME: &'static str = $name;
            const OP: Rmw = Rmw::$Op;
        }
    )*};
}

rmw_ops! {
    Add "add";
    Sub "sub";
    And "and";
    Or "or";
    Xor "xor";
    Xchg "xchg";
}

/// The address of a word in the host.
///
/// # Safety
/// The registers are those of the frame that the access was translated for.
#[inline(always)]
unsafe fn find<W: AtomicWord>(place: Place, r: &Regs) -> Result<*mut u8, TrapCode> {
    // SAFETY: the caller's promise is the one needed.
    unsafe {
        let Some(start) = place.start(r) else { return Err(TrapCode::MemoryOutOfBounds) };
        if start & (u64::from(W::BYTES) - 1) != 0 {
            return Err(TrapCode::UnalignedAtomic);
        }
        place.find(r, W::BYTES as usize).ok_or(TrapCode::MemoryOutOfBounds)
    }
}

/// `dst = memory [place]`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct AtomicLoad<W> {
    pub(crate) dst: Slot,
    pub(crate) place: Place,
    kind: Kind<W>,
}

impl<W> AtomicLoad<W> {
    pub(crate) const fn new(dst: Slot, place: Place) -> Self {
        Self { dst, place, kind: PhantomData }
    }
}

impl<W: AtomicWord> Op for AtomicLoad<W> {
    const NAME: Name = Name::of(&["atomic.load", bits(W::BYTES as usize)]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame; the address was checked.
        unsafe {
            match find::<W>(self.place, r) {
                Ok(at) => {
                    r.set(self.dst, W::load(at).to_bits());
                    Flow::Next
                }
                Err(code) => Flow::Trap(code),
            }
        }
    }
}

/// `memory [place] = value`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct AtomicStore<W> {
    pub(crate) place: Place,
    pub(crate) value: Slot,
    kind: Kind<W>,
}

impl<W> AtomicStore<W> {
    pub(crate) const fn new(place: Place, value: Slot) -> Self {
        Self { place, value, kind: PhantomData }
    }
}

impl<W: AtomicWord> Op for AtomicStore<W> {
    const NAME: Name = Name::of(&["atomic.store", bits(W::BYTES as usize)]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as for loads.
        unsafe {
            match find::<W>(self.place, r) {
                Ok(at) => {
                    W::from_bits(*r.slot(self.value)).store(at);
                    Flow::Next
                }
                Err(code) => Flow::Trap(code),
            }
        }
    }
}

/// `dst = memory [place]; memory [place] = dst op value`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct AtomicRmw<W, K> {
    pub(crate) dst: Slot,
    pub(crate) place: Place,
    pub(crate) value: Slot,
    kind: Kind<(W, K)>,
}

impl<W, K> AtomicRmw<W, K> {
    pub(crate) const fn new(dst: Slot, place: Place, value: Slot) -> Self {
        Self { dst, place, value, kind: PhantomData }
    }
}

impl<W: AtomicWord, K: RmwOp> Op for AtomicRmw<W, K> {
    const NAME: Name = Name::of(&["atomic.rmw", bits(W::BYTES as usize), ".", K::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as for loads.
        unsafe {
            match find::<W>(self.place, r) {
                Ok(at) => {
                    let old = W::from_bits(*r.slot(self.value)).rmw(at, K::OP);
                    r.set(self.dst, old.to_bits());
                    Flow::Next
                }
                Err(code) => Flow::Trap(code),
            }
        }
    }
}

/// `dst = memory [place]; if dst == expected { memory [place] = value }`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct AtomicCmpxchg<W> {
    pub(crate) dst: Slot,
    pub(crate) place: Place,
    pub(crate) expected: Slot,
    pub(crate) value: Slot,
    kind: Kind<W>,
}

impl<W> AtomicCmpxchg<W> {
    pub(crate) const fn new(dst: Slot, place: Place, expected: Slot, value: Slot) -> Self {
        Self { dst, place, expected, value, kind: PhantomData }
    }
}

impl<W: AtomicWord> Op for AtomicCmpxchg<W> {
    const NAME: Name = Name::of(&["atomic.rmw", bits(W::BYTES as usize), ".cmpxchg"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as for loads.
        unsafe {
            match find::<W>(self.place, r) {
                Ok(at) => {
                    let expected = W::from_bits(*r.slot(self.expected));
                    let old = W::from_bits(*r.slot(self.value)).cmpxchg(at, expected);
                    r.set(self.dst, old.to_bits());
                    Flow::Next
                }
                Err(code) => Flow::Trap(code),
            }
        }
    }
}

/// `dst = memory.atomic.wait [place] expected timeout`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct AtomicWait<W> {
    pub(crate) dst: Slot,
    pub(crate) place: Place,
    pub(crate) expected: Slot,
    pub(crate) timeout: Slot,
    kind: Kind<W>,
}

impl<W> AtomicWait<W> {
    pub(crate) const fn new(dst: Slot, place: Place, expected: Slot, timeout: Slot) -> Self {
        Self { dst, place, expected, timeout, kind: PhantomData }
    }
}

impl<W: AtomicWord + PartialEq> Op for AtomicWait<W> {
    const NAME: Name = Name::of(&["atomic.wait", bits(W::BYTES as usize)]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame, and its instance is alive.
        unsafe {
            let Some(start) = self.place.start(r) else {
                return Flow::Trap(TrapCode::MemoryOutOfBounds);
            };
            let (expected, timeout) = (*r.slot(self.expected), *r.slot(self.timeout) as i64);
            match rt::atomic::wait::<W>(r.ctx, self.place.memory, start, expected, timeout) {
                Ok(result) => {
                    r.set(self.dst, result);
                    Flow::Next
                }
                Err(code) => Flow::Trap(code),
            }
        }
    }
}

helper_ops! {
    /// `memory.atomic.notify`
    AtomicNotify "atomic.notify" { dst: Slot, place: Place, count: Slot } |op, r| {
        let Some(start) = op.place.start(r) else {
            return Flow::Trap(TrapCode::MemoryOutOfBounds);
        };
        let count = *r.slot(op.count) as u32;
        match rt::atomic::notify(r.ctx, op.place.memory, start, count) {
            Ok(woken) => {
                r.set(op.dst, woken);
                Flow::Next
            }
            Err(code) => Flow::Trap(code),
        }
    }
}

/// `atomic.fence`
#[derive(Clone, Copy)]
pub(crate) struct AtomicFence;

impl Op for AtomicFence {
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["atomic.fence"]);

    #[inline(always)]
    unsafe fn run(&self, _r: &mut Regs) -> Flow {
        rt::atomic::fence();
        Flow::Next
    }
}
