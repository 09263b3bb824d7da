//! Atomic instructions.

use wamr_runtime::entity::AtomicWord;
use wasmparser::MemArg;

use super::Translator;
use crate::exec::atomic::{
    Add, And, AtomicCmpxchg, AtomicFence, AtomicLoad, AtomicNotify, AtomicRmw, AtomicStore,
    AtomicWait, Or, RmwOp, Sub, Xchg, Xor,
};

impl Translator<'_, '_> {
    fn atomic_load<W: AtomicWord>(&mut self, memarg: MemArg) {
        let address = self.pop_slot();
        let place = self.place(memarg, address);
        self.define(|dst| AtomicLoad::<W>::new(dst, place));
    }

    fn atomic_store<W: AtomicWord>(&mut self, memarg: MemArg) {
        let value = self.pop_slot();
        let address = self.pop_slot();
        let place = self.place(memarg, address);
        self.emit(AtomicStore::<W>::new(place, value));
    }

    fn atomic_rmw<W: AtomicWord, K: RmwOp>(&mut self, memarg: MemArg) {
        let value = self.pop_slot();
        let address = self.pop_slot();
        let place = self.place(memarg, address);
        self.define(|dst| AtomicRmw::<W, K>::new(dst, place, value));
    }

    fn atomic_cmpxchg<W: AtomicWord>(&mut self, memarg: MemArg) {
        let value = self.pop_slot();
        let expected = self.pop_slot();
        let address = self.pop_slot();
        let place = self.place(memarg, address);
        self.define(|dst| AtomicCmpxchg::<W>::new(dst, place, expected, value));
    }

    fn atomic_wait<W: AtomicWord + PartialEq>(&mut self, memarg: MemArg) {
        let timeout = self.pop_slot();
        let expected = self.pop_slot();
        let address = self.pop_slot();
        let place = self.place(memarg, address);
        self.define(|dst| AtomicWait::<W>::new(dst, place, expected, timeout));
    }

    pub(super) fn visit_memory_atomic_wait32(&mut self, memarg: MemArg) {
        self.atomic_wait::<u32>(memarg);
    }

    pub(super) fn visit_memory_atomic_wait64(&mut self, memarg: MemArg) {
        self.atomic_wait::<u64>(memarg);
    }

    pub(super) fn visit_memory_atomic_notify(&mut self, memarg: MemArg) {
        let count = self.pop_slot();
        let address = self.pop_slot();
        let place = self.place(memarg, address);
        self.define(|dst| AtomicNotify { dst, place, count });
    }

    pub(super) fn visit_atomic_fence(&mut self, _: wasmparser::Ordering) {
        self.emit(AtomicFence);
    }
}

/// The instructions by what they do. Those of `i32` and `i64` that access the same width are the
/// same, since narrow values fill their slots with zeros.
macro_rules! visit {
    ($($visit:ident: $method:ident::<$($kind:ty),*>;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg) {
                self.$method::<$($kind),*>(memarg);
            }
        )*}
    };
}

visit! {
    visit_i32_atomic_load: atomic_load::<u32>;
    visit_i64_atomic_load: atomic_load::<u64>;
    visit_i32_atomic_load8_u: atomic_load::<u8>;
    visit_i32_atomic_load16_u: atomic_load::<u16>;
    visit_i64_atomic_load8_u: atomic_load::<u8>;
    visit_i64_atomic_load16_u: atomic_load::<u16>;
    visit_i64_atomic_load32_u: atomic_load::<u32>;
    visit_i32_atomic_store: atomic_store::<u32>;
    visit_i64_atomic_store: atomic_store::<u64>;
    visit_i32_atomic_store8: atomic_store::<u8>;
    visit_i32_atomic_store16: atomic_store::<u16>;
    visit_i64_atomic_store8: atomic_store::<u8>;
    visit_i64_atomic_store16: atomic_store::<u16>;
    visit_i64_atomic_store32: atomic_store::<u32>;
    visit_i32_atomic_rmw_add: atomic_rmw::<u32, Add>;
    visit_i64_atomic_rmw_add: atomic_rmw::<u64, Add>;
    visit_i32_atomic_rmw8_add_u: atomic_rmw::<u8, Add>;
    visit_i32_atomic_rmw16_add_u: atomic_rmw::<u16, Add>;
    visit_i64_atomic_rmw8_add_u: atomic_rmw::<u8, Add>;
    visit_i64_atomic_rmw16_add_u: atomic_rmw::<u16, Add>;
    visit_i64_atomic_rmw32_add_u: atomic_rmw::<u32, Add>;
    visit_i32_atomic_rmw_sub: atomic_rmw::<u32, Sub>;
    visit_i64_atomic_rmw_sub: atomic_rmw::<u64, Sub>;
    visit_i32_atomic_rmw8_sub_u: atomic_rmw::<u8, Sub>;
    visit_i32_atomic_rmw16_sub_u: atomic_rmw::<u16, Sub>;
    visit_i64_atomic_rmw8_sub_u: atomic_rmw::<u8, Sub>;
    visit_i64_atomic_rmw16_sub_u: atomic_rmw::<u16, Sub>;
    visit_i64_atomic_rmw32_sub_u: atomic_rmw::<u32, Sub>;
    visit_i32_atomic_rmw_and: atomic_rmw::<u32, And>;
    visit_i64_atomic_rmw_and: atomic_rmw::<u64, And>;
    visit_i32_atomic_rmw8_and_u: atomic_rmw::<u8, And>;
    visit_i32_atomic_rmw16_and_u: atomic_rmw::<u16, And>;
    visit_i64_atomic_rmw8_and_u: atomic_rmw::<u8, And>;
    visit_i64_atomic_rmw16_and_u: atomic_rmw::<u16, And>;
    visit_i64_atomic_rmw32_and_u: atomic_rmw::<u32, And>;
    visit_i32_atomic_rmw_or: atomic_rmw::<u32, Or>;
    visit_i64_atomic_rmw_or: atomic_rmw::<u64, Or>;
    visit_i32_atomic_rmw8_or_u: atomic_rmw::<u8, Or>;
    visit_i32_atomic_rmw16_or_u: atomic_rmw::<u16, Or>;
    visit_i64_atomic_rmw8_or_u: atomic_rmw::<u8, Or>;
    visit_i64_atomic_rmw16_or_u: atomic_rmw::<u16, Or>;
    visit_i64_atomic_rmw32_or_u: atomic_rmw::<u32, Or>;
    visit_i32_atomic_rmw_xor: atomic_rmw::<u32, Xor>;
    visit_i64_atomic_rmw_xor: atomic_rmw::<u64, Xor>;
    visit_i32_atomic_rmw8_xor_u: atomic_rmw::<u8, Xor>;
    visit_i32_atomic_rmw16_xor_u: atomic_rmw::<u16, Xor>;
    visit_i64_atomic_rmw8_xor_u: atomic_rmw::<u8, Xor>;
    visit_i64_atomic_rmw16_xor_u: atomic_rmw::<u16, Xor>;
    visit_i64_atomic_rmw32_xor_u: atomic_rmw::<u32, Xor>;
    visit_i32_atomic_rmw_xchg: atomic_rmw::<u32, Xchg>;
    visit_i64_atomic_rmw_xchg: atomic_rmw::<u64, Xchg>;
    visit_i32_atomic_rmw8_xchg_u: atomic_rmw::<u8, Xchg>;
    visit_i32_atomic_rmw16_xchg_u: atomic_rmw::<u16, Xchg>;
    visit_i64_atomic_rmw8_xchg_u: atomic_rmw::<u8, Xchg>;
    visit_i64_atomic_rmw16_xchg_u: atomic_rmw::<u16, Xchg>;
    visit_i64_atomic_rmw32_xchg_u: atomic_rmw::<u32, Xchg>;
    visit_i32_atomic_rmw_cmpxchg: atomic_cmpxchg::<u32>;
    visit_i64_atomic_rmw_cmpxchg: atomic_cmpxchg::<u64>;
    visit_i32_atomic_rmw8_cmpxchg_u: atomic_cmpxchg::<u8>;
    visit_i32_atomic_rmw16_cmpxchg_u: atomic_cmpxchg::<u16>;
    visit_i64_atomic_rmw8_cmpxchg_u: atomic_cmpxchg::<u8>;
    visit_i64_atomic_rmw16_cmpxchg_u: atomic_cmpxchg::<u16>;
    visit_i64_atomic_rmw32_cmpxchg_u: atomic_cmpxchg::<u32>;
}
