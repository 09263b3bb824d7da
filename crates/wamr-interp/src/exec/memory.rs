//! Memory instructions. Accesses check against the length that registers hold for memory 0,
//! and against the memory itself for all others, and for a memory 0 that is shared, whose length
//! other threads may change; everything else is a helper of the runtime.

use wamr_runtime::rt;
use wamr_types::TrapCode;

use super::Regs;
use super::dispatch::{Handlers, Kind};
use crate::op::memory::{LoadOp, StoreOp};
use crate::op::numeric::BinaryOp;
use crate::op::{Class, Define, Flow, Name, Op, Slot, SlotValue, Source, quiet};

/// The address of an access to memory 0 with a 32-bit address, if it is in bounds.
#[inline(always)]
pub(super) fn address(r: &Regs, address: u32, offset: u32, bytes: usize) -> Option<*mut u8> {
    let start = address as u64 + offset as u64;
    if start + bytes as u64 <= r.mem_len as u64 {
        Some(r.mem.wrapping_add(start as usize))
    } else {
        None
    }
}

/// `dst = memory 0 [address + offset]`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Load<K, A, const QUIET: bool = false> {
    pub(crate) dst: Slot,
    pub(crate) address: A,
    pub(crate) offset: u32,
    kind: Kind<K>,
}

impl<K: LoadOp, A: Source<u32>> Define for Load<K, A> {
    const RESULT: Class = K::Res::CLASS;
    const QUIET: Option<Handlers> = quiet::<Load<K, A, true>>();
}

impl<K: LoadOp, A: Source<u32>, const QUIET: bool> Op for Load<K, A, QUIET> {
    const KEEPS_ACC: bool = true;

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame; the address was checked.
        unsafe {
            match address(r, self.address.get(r), self.offset, K::BYTES) {
                Some(address) => {
                    let value = K::load(address);
                    r.define::<QUIET, _>(self.dst, value);
                    Flow::Next
                }
                None => Flow::Trap(TrapCode::MemoryOutOfBounds),
            }
        }
    }
}

/// `dst = a op memory 0 [address + offset]`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct BinaryLoaded<K, L, A, B, const QUIET: bool = false> {
    pub(crate) dst: Slot,
    pub(crate) a: A,
    pub(crate) address: B,
    pub(crate) offset: u32,
    kind: Kind<(K, L)>,
}

impl<K, L, A, B> Define for BinaryLoaded<K, L, A, B>
where
    K: BinaryOp,
    L: LoadOp<Res = K::Arg>,
    A: Source<K::Arg>,
    B: Source<u32>,
{
    const RESULT: Class = K::Res::CLASS;
    const QUIET: Option<Handlers> = quiet::<BinaryLoaded<K, L, A, B, true>>();
}

impl<K, L, A, B, const QUIET: bool> Op for BinaryLoaded<K, L, A, B, QUIET>
where
    K: BinaryOp,
    L: LoadOp<Res = K::Arg>,
    A: Source<K::Arg>,
    B: Source<u32>,
{
    const KEEPS_ACC: bool = true;

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER, "_", L::NAME, "_", B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame; the address was checked.
        unsafe {
            match address(r, self.address.get(r), self.offset, L::BYTES) {
                Some(address) => match K::eval(self.a.get(r), L::load(address)) {
                    Ok(value) => {
                        r.define::<QUIET, _>(self.dst, value);
                        Flow::Next
                    }
                    Err(code) => Flow::Trap(code),
                },
                None => Flow::Trap(TrapCode::MemoryOutOfBounds),
            }
        }
    }
}

/// `memory 0 [address + offset] = value`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Store<K, A, B> {
    pub(crate) address: A,
    pub(crate) offset: u32,
    pub(crate) value: B,
    kind: Kind<K>,
}

impl<K: StoreOp, A: Source<u32>, B: Source<K::Arg>> Op for Store<K, A, B> {
    const KEEPS_ACC: bool = true;

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER, B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame; the address was checked.
        unsafe {
            match address(r, self.address.get(r), self.offset, K::BYTES) {
                Some(address) => {
                    K::store(address, self.value.get(r));
                    Flow::Next
                }
                None => Flow::Trap(TrapCode::MemoryOutOfBounds),
            }
        }
    }
}

/// A place in any memory, shared or not, with an address of any width.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Place {
    pub(crate) address: Slot,
    pub(crate) offset: u64,
    pub(crate) memory: u32,
    /// Whether addresses are 64 bits wide.
    pub(crate) wide: u32,
}

impl Place {
    /// The address in the host, if the access is in bounds.
    ///
    /// # Safety
    /// The registers are those of the frame that the access was translated for.
    #[inline(always)]
    pub(super) unsafe fn find(self, r: &Regs, bytes: usize) -> Option<*mut u8> {
        // SAFETY: validation checked the memory's index.
        unsafe {
            let start = self.start(r)?;
            let end = start.checked_add(bytes as u64)?;
            let memory = &**(*r.ctx).memories.add(self.memory as usize);
            if end <= memory.len_bytes() as u64 {
                Some(memory.base().wrapping_add(start as usize))
            } else {
                None
            }
        }
    }
}

impl Place {
    /// The effective address, unless it is beyond all numbers.
    ///
    /// # Safety
    /// As for [`Place::find`].
    #[inline(always)]
    pub(super) unsafe fn start(self, r: &Regs) -> Option<u64> {
        // SAFETY: the caller says that the slot is one of the current frame.
        unsafe { operand(r, self.address, self.wide != 0) }.checked_add(self.offset)
    }
}

/// `dst = memory [place]`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct LoadAny<K> {
    pub(crate) dst: Slot,
    pub(crate) place: Place,
    kind: Kind<K>,
}

impl<K: LoadOp> Op for LoadAny<K> {
    const NAME: Name = Name::of(&[K::NAME, "_any"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: the address was checked.
        unsafe {
            match self.place.find(r, K::BYTES) {
                Some(address) => {
                    let value = K::load_any(address);
                    r.set(self.dst, value);
                    Flow::Next
                }
                None => Flow::Trap(TrapCode::MemoryOutOfBounds),
            }
        }
    }
}

/// `memory [place] = value`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct StoreAny<K> {
    pub(crate) place: Place,
    pub(crate) value: Slot,
    kind: Kind<K>,
}

impl<K: StoreOp> Op for StoreAny<K> {
    const NAME: Name = Name::of(&[K::NAME, "_any"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: the address was checked.
        unsafe {
            match self.place.find(r, K::BYTES) {
                Some(address) => {
                    K::store_any(address, self.value.get(r));
                    Flow::Next
                }
                None => Flow::Trap(TrapCode::MemoryOutOfBounds),
            }
        }
    }
}

/// Reads an address, index or count of either width.
///
/// # Safety
/// The slot belongs to the current frame.
#[inline(always)]
pub(crate) unsafe fn operand(r: &Regs, slot: Slot, wide: bool) -> u64 {
    // SAFETY: the caller says that the slot is one of the current frame.
    let value: u64 = unsafe { slot.get(r) };
    if wide { value } else { value as u32 as u64 }
}

/// Writes a size, or the failure of a growth, in either width.
///
/// # Safety
/// The slot belongs to the current frame.
#[inline(always)]
pub(crate) unsafe fn set_size(r: &mut Regs, dst: Slot, size: u64, wide: bool) {
    let bits = if wide { size } else { (size as u32).to_slot() };
    // SAFETY: the caller says that the slot is one of the current frame.
    unsafe { r.set(dst, bits) };
}

/// The three operands of a bulk instruction, and which of them are 64 bits wide.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Bulk {
    pub(crate) dst: Slot,
    pub(crate) src: Slot,
    pub(crate) len: Slot,
    /// Bits 0, 1 and 2 for `dst`, `src` and `len`.
    pub(crate) wide: u32,
}

impl Bulk {
    /// Reads the operands.
    ///
    /// # Safety
    /// The registers are those of the frame that the operation was translated for.
    #[inline(always)]
    pub(crate) unsafe fn get(self, r: &Regs) -> (u64, u64, u64) {
        // SAFETY: the operands are slots of the current frame.
        unsafe {
            (
                operand(r, self.dst, self.wide & 1 != 0),
                operand(r, self.src, self.wide & 2 != 0),
                operand(r, self.len, self.wide & 4 != 0),
            )
        }
    }
}

/// What a helper's result means for the operation.
#[inline(always)]
pub(crate) fn flow(result: Result<(), TrapCode>) -> Flow {
    match result {
        Ok(()) => Flow::Next,
        Err(code) => Flow::Trap(code),
    }
}

/// Operations that are calls of one helper.
macro_rules! helper_ops {
    ($(
        $(#[$doc:meta])*
        $Op:ident $name:literal { $($field:ident: $ty:ty),* } |$op:ident, $r:ident| $body:expr
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        #[repr(C, packed(4))]
        pub(crate) struct $Op {
            $(pub(crate) $field: $ty),*
        }

        impl $crate::op::Op for $Op {
            const NAME: $crate::op::Name = $crate::op::Name::of(&[$name]);

            #[inline(always)]
            unsafe fn run(&self, $r: &mut $crate::exec::Regs) -> $crate::op::Flow {
                let $op = self;
                // SAFETY: validation checked all indices; operands are slots of the current
                // frame, and its instance is alive.
                unsafe { $body }
            }
        }
    )*};
}
pub(crate) use helper_ops;

helper_ops! {
    /// `memory.size`
    MemorySize "memory.size" { dst: Slot, memory: u32, wide: u32 } |op, r| {
        let size = rt::memory_size(r.ctx, op.memory);
        set_size(r, op.dst, size, op.wide != 0);
        Flow::Next
    }

    /// `memory.grow`
    MemoryGrow "memory.grow" { dst: Slot, delta: Slot, memory: u32, wide: u32 } |op, r| {
        let delta = operand(r, op.delta, op.wide != 0);
        let old = rt::memory_grow(r.ctx, op.memory, delta);
        r.reload_memory();
        set_size(r, op.dst, old, op.wide != 0);
        Flow::Next
    }

    /// `memory.fill`
    MemoryFill "memory.fill" { operands: Bulk, memory: u32 } |op, r| {
        let (dst, value, len) = op.operands.get(r);
        flow(rt::memory_fill(r.ctx, op.memory, dst, value as u8, len))
    }

    /// `memory.copy`
    MemoryCopy "memory.copy" { operands: Bulk, dst_memory: u32, src_memory: u32 } |op, r| {
        let (dst, src, len) = op.operands.get(r);
        flow(rt::memory_copy(r.ctx, op.dst_memory, op.src_memory, dst, src, len))
    }

    /// `memory.init`
    MemoryInit "memory.init" { operands: Bulk, memory: u32, data: u32 } |op, r| {
        let (dst, src, len) = op.operands.get(r);
        flow(rt::memory_init(r.ctx, op.memory, op.data, dst, src, len))
    }

    /// `data.drop`
    DataDrop "data.drop" { data: u32 } |op, r| {
        rt::data_drop(r.ctx, op.data);
        Flow::Next
    }
}
