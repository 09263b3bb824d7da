//! Operations of vectors, but for loads and stores that `memory` has for all types.

use core::marker::PhantomData;

use wamr_runtime::entity::bytes::Chunk;
use wamr_runtime::numeric::simd::{V128, i8x16};
use wamr_types::TrapCode;

use super::Regs;
use super::call::Caller;
use super::dispatch::Kind;
use super::memory::{Place, address};
use super::variable::global;
use crate::op::info::{bits, decimal};
use crate::op::memory::{LoadOp, StoreOp};
use crate::op::simd::{
    ExtractOp, ReplaceOp, ShiftOp, VectorBinaryOp, VectorTernaryOp, VectorUnaryOp, gains_by_v3,
};
use crate::op::simd_memory::VectorLoadOp;
use crate::op::{Flow, Name, Op, Slot, Source};

/// Operations that cannot fail and write one result: its type, and how it is computed.
macro_rules! vector_ops {
    ($(
        $(#[$doc:meta])*
        $Op:ident [$($generics:tt)*] [$($params:tt)*] $name:expr,
        { $($field:ident: $ty:ty),* } -> $res:ty { |$op:ident, $r:ident| $body:expr }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        #[repr(C, packed(4))]
        pub(crate) struct $Op<$($params)*> {
            pub(crate) dst: Slot,
            $(pub(crate) $field: $ty),*
        }

        impl<$($generics)*> Op for $Op<$($params)*> {
            const KEEPS_ACC: bool = true;
            const TRAPS: bool = false;

            const NAME: Name = Name::of(&[$name]);

            #[inline(always)]
            unsafe fn run(&self, $r: &mut Regs) -> Flow {
                let $op = self;
                // SAFETY: operands and destination are slots of the current frame, and
                // validation checked indices.
                unsafe {
                    let value: $res = $body;
                    $r.define_value($op.dst, value);
                }
                Flow::Next
            }
        }
    )*};
}

vector_ops! {
    /// `dst = i8x16.shuffle a b`
    Shuffle [] [] "i8x16.shuffle", { a: Slot, b: Slot, lanes: [u8; 16] } -> V128 {
        |op, r| i8x16::shuffle(op.a.get(r), op.b.get(r), op.lanes)
    }

    /// `dst = condition ? a : b`
    SelectVector [] [] "select_v128", { a: Slot, b: Slot, condition: Slot } -> V128 {
        |op, r| {
            let condition: bool = op.condition.get(r);
            // Chosen by address, so that one vector is read only.
            let chosen = if condition { op.a } else { op.b };
            chosen.get(r)
        }
    }

    /// `dst = global`
    GlobalGetVector [] [] "global.get_v128", { global: u32 } -> V128 {
        |op, r| *global(r, op.global).cast()
    }
}

/// `dst = src`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct CopyVector<A> {
    pub(crate) dst: Slot,
    pub(crate) src: A,
}

impl<A: Source<V128>> Op for CopyVector<A> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["copy_v128_", A::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: both are slots of the current frame.
        unsafe {
            let value = self.src.get(r);
            r.set(self.dst, value);
        }
        Flow::Next
    }
}

/// `global = src`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct GlobalSetVector {
    pub(crate) global: u32,
    pub(crate) src: Slot,
}

impl Op for GlobalSetVector {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["global.set_v128"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: validation checked the index; a global has room for two slots.
        unsafe {
            let value: V128 = self.src.get(r);
            *global(r, self.global).cast() = value;
        }
        Flow::Next
    }
}

/// Returns one vector.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct ReturnVector {
    /// Where the caller expects it.
    pub(crate) dst: Slot,
    pub(crate) value: Slot,
}

impl Op for ReturnVector {
    const JUMPS: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["return_v128"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: the registers are those of an activation. The result may overwrite the
        // linkage, which is read first.
        unsafe {
            let caller = Caller::of_frame(r);
            let value: V128 = self.value.get(r);
            r.set(self.dst, value);
            caller.resume(r);
        }
        Flow::Next
    }
}

/// `dst = op a`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct VectorUnary<K, A> {
    dst: Slot,
    a: A,
    kind: Kind<K>,
}

impl<K: VectorUnaryOp, A: Source<K::Arg>> Op for VectorUnary<K, A> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;
    const V3: bool = gains_by_v3(K::NAME);

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operand and destination are slots of the current frame.
        unsafe {
            let value = K::eval(self.a.get(r));
            r.define_value(self.dst, value);
        }
        Flow::Next
    }
}

/// `dst = a op b`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct VectorBinary<K, A, B> {
    dst: Slot,
    a: A,
    b: B,
    kind: Kind<K>,
}

impl<K: VectorBinaryOp, A: Source<V128>, B: Source<V128>> Op for VectorBinary<K, A, B> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;
    const V3: bool = gains_by_v3(K::NAME);

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER, B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let value = K::eval(self.a.get(r), self.b.get(r));
            r.define_value(self.dst, value);
        }
        Flow::Next
    }
}

/// `dst = op a b c`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct VectorTernary<K> {
    pub(crate) dst: Slot,
    pub(crate) a: Slot,
    pub(crate) b: Slot,
    pub(crate) c: Slot,
    kind: Kind<K>,
}

impl<K> VectorTernary<K> {
    pub(crate) const fn new(dst: Slot, a: Slot, b: Slot, c: Slot) -> Self {
        Self { dst, a, b, c, kind: PhantomData }
    }
}

impl<K: VectorTernaryOp> Op for VectorTernary<K> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&[K::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let value = K::eval(self.a.get(r), self.b.get(r), self.c.get(r));
            r.define_value(self.dst, value);
        }
        Flow::Next
    }
}

/// `dst = a op count`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Shift<K, A, B> {
    dst: Slot,
    a: A,
    count: B,
    kind: Kind<K>,
}

impl<K: ShiftOp, A: Source<V128>, B: Source<i32>> Op for Shift<K, A, B> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;
    const V3: bool = gains_by_v3(K::NAME);

    const NAME: Name = Name::of(&[K::NAME, "_", A::LETTER, B::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let value = K::eval(self.a.get(r), self.count.get(r));
            r.define_value(self.dst, value);
        }
        Flow::Next
    }
}

/// `dst = a[LANE]`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Extract<K, const LANE: u8> {
    pub(crate) dst: Slot,
    pub(crate) a: Slot,
    kind: Kind<K>,
}

impl<K, const LANE: u8> Extract<K, LANE> {
    pub(crate) const fn new(dst: Slot, a: Slot) -> Self {
        Self { dst, a, kind: PhantomData }
    }
}

impl<K: ExtractOp, const LANE: u8> Op for Extract<K, LANE> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&[K::NAME, "_", decimal(LANE)]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operand and destination are slots of the current frame.
        unsafe {
            let value = K::eval(self.a.get(r), LANE);
            r.define_value(self.dst, value);
        }
        Flow::Next
    }
}

/// `dst = a with [LANE] = value`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Replace<K, const LANE: u8> {
    pub(crate) dst: Slot,
    pub(crate) a: Slot,
    pub(crate) value: Slot,
    kind: Kind<K>,
}

impl<K, const LANE: u8> Replace<K, LANE> {
    pub(crate) const fn new(dst: Slot, a: Slot, value: Slot) -> Self {
        Self { dst, a, value, kind: PhantomData }
    }
}

impl<K: ReplaceOp, const LANE: u8> Op for Replace<K, LANE> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&[K::NAME, "_", decimal(LANE)]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands and destination are slots of the current frame.
        unsafe {
            let value = K::eval(self.a.get(r), LANE, self.value.get(r));
            r.define_value(self.dst, value);
        }
        Flow::Next
    }
}

/// An access to memory 0, which is not shared, with a 32-bit address in a slot.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct PlainPlace {
    pub(crate) address: Slot,
    pub(crate) offset: u32,
}

/// Where an access of a lane goes.
pub(crate) trait Locate: Copy + 'static {
    const NAME: &'static str;

    /// The address in the host, if the access is in bounds.
    ///
    /// # Safety
    /// The registers are those of the frame that the access was translated for.
    unsafe fn locate(self, r: &Regs, bytes: usize) -> Option<*mut u8>;
}

impl Locate for PlainPlace {
    const NAME: &'static str = "s";

    #[inline(always)]
    unsafe fn locate(self, r: &Regs, bytes: usize) -> Option<*mut u8> {
        // SAFETY: the caller says that the slot is one of the current frame.
        address(r, unsafe { self.address.get(r) }, self.offset, bytes)
    }
}

impl Locate for Place {
    const NAME: &'static str = "any";

    #[inline(always)]
    unsafe fn locate(self, r: &Regs, bytes: usize) -> Option<*mut u8> {
        // SAFETY: the caller's promise is the one needed.
        unsafe { self.find(r, bytes) }
    }
}

/// `dst = memory [place]`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct VectorLoad<K, P> {
    pub(crate) dst: Slot,
    pub(crate) place: P,
    kind: Kind<K>,
}

impl<K, P> VectorLoad<K, P> {
    pub(crate) const fn new(dst: Slot, place: P) -> Self {
        Self { dst, place, kind: PhantomData }
    }
}

impl<K: VectorLoadOp, P: Locate> Op for VectorLoad<K, P> {
    const KEEPS_ACC: bool = true;
    const NAME: Name = Name::of(&[K::NAME, "_", P::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: the destination is a slot of the current frame; the address was checked.
        unsafe {
            match self.place.locate(r, K::BYTES) {
                Some(address) => {
                    let value = K::load(address);
                    r.define_value(self.dst, value);
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
pub(crate) struct VectorStore<P, A> {
    pub(crate) place: P,
    pub(crate) value: A,
}

impl<P: Locate, A: Source<V128>> Op for VectorStore<P, A> {
    const KEEPS_ACC: bool = true;
    const NAME: Name = Name::of(&["v128.store_", P::NAME, "_", A::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: the value is in slots of the current frame; the address was checked.
        unsafe {
            match self.place.locate(r, size_of::<V128>()) {
                Some(address) => {
                    let value: V128 = self.value.get(r);
                    value.to_bytes().store(address);
                    Flow::Next
                }
                None => Flow::Trap(TrapCode::MemoryOutOfBounds),
            }
        }
    }
}

/// `dst = vector with [LANE] = memory [place]`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct LoadLane<K, L, P, const LANE: u8> {
    pub(crate) dst: Slot,
    pub(crate) vector: Slot,
    pub(crate) place: P,
    kind: Kind<(K, L)>,
}

impl<K, L, P, const LANE: u8> LoadLane<K, L, P, LANE> {
    pub(crate) const fn new(dst: Slot, vector: Slot, place: P) -> Self {
        Self { dst, vector, place, kind: PhantomData }
    }
}

impl<K: LoadOp, L: ReplaceOp<Arg = K::Res>, P: Locate, const LANE: u8> Op
    for LoadLane<K, L, P, LANE>
{
    const KEEPS_ACC: bool = true;
    const NAME: Name =
        Name::of(&["v128.load", bits(K::BYTES), "_lane_", decimal(LANE), "_", P::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame; the address was checked.
        unsafe {
            match self.place.locate(r, K::BYTES) {
                Some(address) => {
                    let value = L::eval(self.vector.get(r), LANE, K::load_any(address));
                    r.define_value(self.dst, value);
                    Flow::Next
                }
                None => Flow::Trap(TrapCode::MemoryOutOfBounds),
            }
        }
    }
}

/// `memory [place] = vector[LANE]`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct StoreLane<K, L, P, const LANE: u8> {
    pub(crate) place: P,
    pub(crate) vector: Slot,
    kind: Kind<(K, L)>,
}

impl<K, L, P, const LANE: u8> StoreLane<K, L, P, LANE> {
    pub(crate) const fn new(place: P, vector: Slot) -> Self {
        Self { place, vector, kind: PhantomData }
    }
}

impl<K: StoreOp, L: ExtractOp<Res = K::Arg>, P: Locate, const LANE: u8> Op
    for StoreLane<K, L, P, LANE>
{
    const KEEPS_ACC: bool = true;
    const NAME: Name =
        Name::of(&["v128.store", bits(K::BYTES), "_lane_", decimal(LANE), "_", P::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: operands are slots of the current frame; the address was checked.
        unsafe {
            match self.place.locate(r, K::BYTES) {
                Some(address) => {
                    K::store_any(address, L::eval(self.vector.get(r), LANE));
                    Flow::Next
                }
                None => Flow::Trap(TrapCode::MemoryOutOfBounds),
            }
        }
    }
}
