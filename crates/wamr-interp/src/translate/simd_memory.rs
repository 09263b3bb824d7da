//! Loads and stores of vectors. Those of less than a whole vector check addresses in guarded
//! memories too.

use wamr_runtime::numeric::simd::V128;
use wasmparser::MemArg;

use crate::exec::guard::{VectorLoadGuarded, VectorStoreGuarded};
use crate::exec::simd::{LoadLane, Locate, PlainPlace, StoreLane, VectorLoad, VectorStore};
use crate::op::memory::*;
use crate::op::simd::*;
use crate::op::simd_memory::*;
use crate::op::{Acc, Class, Imm, Slot, Source, Sum};

use super::Translator;
use super::memory::Access;
use super::numeric::Address;
use super::simd::with_lane;
use super::stack::Operand;

impl Translator<'_, '_> {
    fn vector_load<K: VectorLoadOp>(&mut self, memarg: MemArg) {
        if K::BYTES == size_of::<V128>()
            && let Access::Guarded { offset } = self.access(memarg)
        {
            return self.vector_load_guarded(offset);
        }
        let address = self.pop_slot();
        match self.checked_access(memarg) {
            Access::Plain { offset } => {
                let place = PlainPlace { address, offset };
                self.define_vector(|dst| VectorLoad::<K, _>::new(dst, place))
            }
            _ => {
                let place = self.place(memarg, address);
                self.define_vector(|dst| VectorLoad::<K, _>::new(dst, place))
            }
        };
    }

    fn vector_load_guarded(&mut self, offset: u32) {
        match self.pop_place() {
            Address::Sum(a, Operand::Slot(b)) if self.copied.holds(Class::Int, a) => {
                let address = Sum(Acc, b);
                self.define_vector(|dst| VectorLoadGuarded { dst, address, offset });
            }
            Address::Sum(a, Operand::Slot(b)) => {
                let address = Sum(a, b);
                self.define_vector(|dst| VectorLoadGuarded { dst, address, offset });
            }
            Address::Sum(a, Operand::Const(b)) if self.copied.holds(Class::Int, a) => {
                let address = Sum(Acc, Imm(b as u32));
                self.define_vector(|dst| VectorLoadGuarded { dst, address, offset });
            }
            Address::Sum(a, Operand::Const(b)) => {
                let address = Sum(a, Imm(b as u32));
                self.define_vector(|dst| VectorLoadGuarded { dst, address, offset });
            }
            Address::Plain(operand) => {
                let address = self.stage(operand, self.height);
                if self.take_acc(Class::Int, address) {
                    let address = Acc;
                    self.define_vector(|dst| VectorLoadGuarded { dst, address, offset });
                } else {
                    self.define_vector(|dst| VectorLoadGuarded { dst, address, offset });
                }
            }
            Address::Element { .. } | Address::Scaled { .. } => unreachable!("sums alone"),
        }
    }

    pub(super) fn visit_v128_store(&mut self, memarg: MemArg) {
        let value = self.pop_slot();
        let address = self.pop_slot();
        if self.take_acc(Class::V128, value) {
            self.vector_store(memarg, address, Acc);
        } else {
            self.vector_store(memarg, address, value);
        }
    }

    fn vector_store<A: Source<V128>>(&mut self, memarg: MemArg, address: Slot, value: A) {
        if let Access::Guarded { offset } = self.access(memarg) {
            self.emit(VectorStoreGuarded { address, offset, value });
            return;
        }
        match self.checked_access(memarg) {
            Access::Plain { offset } => {
                self.emit(VectorStore { place: PlainPlace { address, offset }, value })
            }
            _ => {
                let place = self.place(memarg, address);
                self.emit(VectorStore { place, value })
            }
        };
    }

    fn load_lane<K: LoadOp, L: ReplaceOp<Arg = K::Res>>(&mut self, memarg: MemArg, lane: u8) {
        let vector = self.pop_slot();
        let address = self.pop_slot();
        match self.checked_access(memarg) {
            Access::Plain { offset } => {
                self.load_lane_at::<K, L, _>(vector, PlainPlace { address, offset }, lane);
            }
            _ => {
                let place = self.place(memarg, address);
                self.load_lane_at::<K, L, _>(vector, place, lane);
            }
        }
    }

    fn load_lane_at<K: LoadOp, L: ReplaceOp<Arg = K::Res>, P: Locate>(
        &mut self,
        vector: Slot,
        place: P,
        lane: u8,
    ) {
        with_lane!(lane, L::LANES, LANE => self.define_vector(|dst| {
            LoadLane::<K, L, P, LANE>::new(dst, vector, place)
        }));
    }

    fn store_lane<K: StoreOp, L: ExtractOp<Res = K::Arg>>(&mut self, memarg: MemArg, lane: u8) {
        let vector = self.pop_slot();
        let address = self.pop_slot();
        match self.checked_access(memarg) {
            Access::Plain { offset } => {
                self.store_lane_at::<K, L, _>(vector, PlainPlace { address, offset }, lane);
            }
            _ => {
                let place = self.place(memarg, address);
                self.store_lane_at::<K, L, _>(vector, place, lane);
            }
        }
    }

    fn store_lane_at<K: StoreOp, L: ExtractOp<Res = K::Arg>, P: Locate>(
        &mut self,
        vector: Slot,
        place: P,
        lane: u8,
    ) {
        with_lane!(lane, L::LANES, LANE => {
            self.emit(StoreLane::<K, L, P, LANE>::new(place, vector))
        });
    }
}

macro_rules! visit_load {
    ($($Op:ident $visit:ident $name:literal: $bytes:literal => $make:expr;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg) {
                self.vector_load::<$Op>(memarg);
            }
        )*}
    };
}

macro_rules! visit_lane_load {
    ($($visit:ident: $Load:ident, $Replace:ident;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg, lane: u8) {
                self.load_lane::<$Load, $Replace>(memarg, lane);
            }
        )*}
    };
}

macro_rules! visit_lane_store {
    ($($visit:ident: $Extract:ident, $Store:ident;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg, lane: u8) {
                self.store_lane::<$Store, $Extract>(memarg, lane);
            }
        )*}
    };
}

for_each_vector_load!(visit_load);
for_each_lane_load!(visit_lane_load);
for_each_lane_store!(visit_lane_store);
