//! Loads and stores for guarded memories: nothing is compared, accesses out of bounds fault.
//!
//! The promises of [`wamr_runtime::fault`] are kept like this:
//! * Each access is one instruction of assembly in [`arch`], which notes its address in a section
//!   of its own. All of them are registered before the first code that has any of them.
//! * Such code runs only in instances whose memory 0 is guarded, and accesses that alone.
//! * Handlers have nothing to drop, and what runs between the entry of an activation and an
//!   access is handlers alone, each of which took the place of the one before: they chain by
//!   sibling calls. Calls into the host and into other modes have returned by then.
//! * At an access, the registers hold what the landing needs: `rdi` points to the operation,
//!   `rsi` to the frame, `r8` to the instance. These are the handlers' own argument registers.
//!
//! Every activation notes in `VmStore::interp_activation` the stack pointer to leave it by. The
//! landing goes back to there and ends the activation the way every trap does.

use wamr_runtime::numeric::simd::V128;

use super::Regs;
use super::control::{back, take};
use super::dispatch::{HANDLER_CELLS, Handlers, Kind, again, operand_cells};
use crate::op::memory::{LoadOp, StoreOp};
use crate::op::numeric::{BinaryOp, CompareOp};
use crate::op::{Cell, Class, Define, Flow, Name, Op, Slot, SlotValue, Source, Target, quiet};

#[cfg(wamr_guards)]
mod x86_64;
#[cfg(wamr_guards)]
use x86_64 as arch;

#[cfg(not(wamr_guards))]
mod none;
#[cfg(not(wamr_guards))]
use none as arch;

pub(crate) use arch::{SUPPORTED, enter, register};

/// How a type in memory is read as a type on the stack.
pub(crate) trait Read<Res> {
    /// What reading gives: for integers the bits of a slot, which the compiler would otherwise
    /// fill with zeros once more.
    type Bits: SlotValue;

    /// Reads at `start` in memory 0, and gives `ip` back.
    ///
    /// # Safety
    /// The registers are those of a handler, `ip` is its operation, and memory 0 is guarded.
    /// `start` is the sum of two 32-bit numbers.
    unsafe fn read(ip: *const Cell, r: &Regs, start: u64) -> (Self::Bits, *const Cell);
}

/// How a type in memory is written.
pub(crate) trait Write<Arg> {
    /// Writes the low bits at `start` in memory 0, and gives `ip` back.
    ///
    /// # Safety
    /// As for [`Read::read`].
    unsafe fn write(ip: *const Cell, r: &Regs, start: u64, value: Arg) -> *const Cell;
}

/// The operation at hand: `ip` is behind it already.
#[inline(always)]
fn operation<O: Op>(r: &Regs) -> *const Cell {
    r.ip.wrapping_sub(const { HANDLER_CELLS + operand_cells::<O>() })
}

/// `dst = memory 0 [address + offset]`, where that is guarded.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct LoadGuarded<K, A, const QUIET: bool = false> {
    pub(crate) dst: Slot,
    pub(crate) address: A,
    pub(crate) offset: u32,
    kind: Kind<K>,
}

impl<K: LoadOp, A: Source<u32>> Define for LoadGuarded<K, A> {
    const RESULT: Class = <K::Mem as Read<K::Res>>::Bits::CLASS;
    const QUIET: Option<Handlers> = quiet::<LoadGuarded<K, A, true>>();
}

impl<K: LoadOp, A: Source<u32>, const QUIET: bool> Op for LoadGuarded<K, A, QUIET> {
    const KEEPS_ACC: bool = true;

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER, "_guarded"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame; this is translated for instances
        // whose memory 0 is guarded.
        unsafe {
            let start = self.address.get(r) as u64 + self.offset as u64;
            let (value, ip) = K::Mem::read(operation::<Self>(r), r, start);
            let Self { dst, .. } = *again(r, ip);
            r.define::<QUIET, _>(dst, value);
        }
        Flow::Next
    }
}

/// `dst = a op memory 0 [address + offset]`, where that is guarded.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct BinaryLoadedGuarded<K, L, A, B, const QUIET: bool = false> {
    pub(crate) dst: Slot,
    pub(crate) a: A,
    pub(crate) address: B,
    pub(crate) offset: u32,
    kind: Kind<(K, L)>,
}

impl<K, L, A, B> Define for BinaryLoadedGuarded<K, L, A, B>
where
    K: BinaryOp,
    L: LoadOp,
    A: Source<K::Arg>,
    B: Source<u32>,
{
    const RESULT: Class = K::Res::CLASS;
    const QUIET: Option<Handlers> = quiet::<BinaryLoadedGuarded<K, L, A, B, true>>();
}

impl<K, L, A, B, const QUIET: bool> Op for BinaryLoadedGuarded<K, L, A, B, QUIET>
where
    K: BinaryOp,
    L: LoadOp,
    A: Source<K::Arg>,
    B: Source<u32>,
{
    const KEEPS_ACC: bool = true;

    const NAME: Name =
        Name::of(&[K::NAME, "_", A::LETTER, "_", L::NAME, "_", B::LETTER, "_guarded"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as for loads.
        unsafe {
            let start = self.address.get(r) as u64 + self.offset as u64;
            let (bits, ip) = L::Mem::read(operation::<Self>(r), r, start);
            let Self { dst, a, .. } = *again(r, ip);
            match K::eval(a.get(r), K::Arg::from_slot(bits.to_slot())) {
                Ok(value) => r.define::<QUIET, _>(dst, value),
                Err(code) => return Flow::Trap(code),
            }
        }
        Flow::Next
    }
}

/// Jumps if a comparison with `memory 0 [address + offset]` holds, where that is guarded.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct BranchLoadedGuarded<K, L, A, B, const BACK: bool> {
    address: A,
    offset: u32,
    b: B,
    kind: Kind<(K, L)>,
    target: Target,
}

impl<K, L, A, B, const BACK: bool> Op for BranchLoadedGuarded<K, L, A, B, BACK>
where
    K: CompareOp,
    L: LoadOp,
    A: Source<u32>,
    B: Source<K::Arg>,
{
    const JUMPS: bool = true;
    const KEEPS_ACC: bool = true;

    const NAME: Name = Name::of(&[
        "jump",
        back(BACK),
        "_if_",
        K::NAME,
        "_",
        L::NAME,
        "_",
        A::LETTER,
        B::LETTER,
        "_guarded",
    ]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as for loads; the target is the last operand.
        unsafe {
            let start = self.address.get(r) as u64 + self.offset as u64;
            let (bits, ip) = L::Mem::read(operation::<Self>(r), r, start);
            let op = again::<Self>(r, ip);
            if K::eval(K::Arg::from_slot(bits.to_slot()), { op.b }.get(r)) {
                return take::<BACK>(op.target, r);
            }
        }
        Flow::Next
    }
}

/// `memory 0 [address + offset] = value`, where that is guarded.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct StoreGuarded<K, A, B> {
    pub(crate) address: A,
    pub(crate) offset: u32,
    pub(crate) value: B,
    kind: Kind<K>,
}

impl<K: StoreOp, A: Source<u32>, B: Source<K::Arg>> Op for StoreGuarded<K, A, B> {
    const KEEPS_ACC: bool = true;

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER, B::LETTER, "_guarded"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as for loads.
        unsafe {
            let start = self.address.get(r) as u64 + self.offset as u64;
            let ip = K::Mem::write(operation::<Self>(r), r, start, self.value.get(r));
            again::<Self>(r, ip);
        }
        Flow::Next
    }
}

/// `dst = memory 0 [address + offset]`, a vector, where that is guarded.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct VectorLoadGuarded<A> {
    pub(crate) dst: Slot,
    pub(crate) address: A,
    pub(crate) offset: u32,
}

impl<A: Source<u32>> Op for VectorLoadGuarded<A> {
    const KEEPS_ACC: bool = true;
    const NAME: Name = Name::of(&["v128.load_", A::LETTER, "_guarded"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as for loads of numbers.
        unsafe {
            let start = self.address.get(r) as u64 + self.offset as u64;
            let (value, ip) = arch::read_vector(operation::<Self>(r), r, start);
            let Self { dst, .. } = *again(r, ip);
            r.define_value(dst, value);
        }
        Flow::Next
    }
}

/// `memory 0 [address + offset] = value`, a vector, where that is guarded.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct VectorStoreGuarded<A> {
    pub(crate) address: Slot,
    pub(crate) offset: u32,
    pub(crate) value: A,
}

impl<A: Source<V128>> Op for VectorStoreGuarded<A> {
    const KEEPS_ACC: bool = true;
    const NAME: Name = Name::of(&["v128.store_s", A::LETTER, "_guarded"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as for loads.
        unsafe {
            let address: u32 = self.address.get(r);
            let start = address as u64 + self.offset as u64;
            let ip = arch::write_vector(operation::<Self>(r), r, start, self.value.get(r));
            again::<Self>(r, ip);
        }
        Flow::Next
    }
}
