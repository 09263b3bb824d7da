//! Atomic instructions. They check addresses in guarded memories too: what an unaligned one, or
//! one out of bounds, does stands in [`wamr_runtime::rt::atomic`].

use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, Type, Value, types};
use wamr_runtime::compiled::Builtin;
use wamr_types::{IndexType, TrapCode};
use wasmparser::{MemArg, MemArgTarget};

use super::FuncCompiler;

/// The methods of the accesses with one type of values and one of words in memory.
macro_rules! accesses {
    ($($ty:ident $word:ident:
        $load:ident $store:ident $add:ident $sub:ident $and:ident $or:ident $xor:ident
        $xchg:ident $cmpxchg:ident;
    )*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $load(&mut self, memarg: MemArg) {
                self.atomic_load(types::$ty, types::$word, memarg);
            }

            pub(super) fn $store(&mut self, memarg: MemArg) {
                self.atomic_store(types::$word, memarg);
            }

            pub(super) fn $add(&mut self, memarg: MemArg) {
                self.atomic_rmw(types::$ty, types::$word, AtomicRmwOp::Add, memarg);
            }

            pub(super) fn $sub(&mut self, memarg: MemArg) {
                self.atomic_rmw(types::$ty, types::$word, AtomicRmwOp::Sub, memarg);
            }

            pub(super) fn $and(&mut self, memarg: MemArg) {
                self.atomic_rmw(types::$ty, types::$word, AtomicRmwOp::And, memarg);
            }

            pub(super) fn $or(&mut self, memarg: MemArg) {
                self.atomic_rmw(types::$ty, types::$word, AtomicRmwOp::Or, memarg);
            }

            pub(super) fn $xor(&mut self, memarg: MemArg) {
                self.atomic_rmw(types::$ty, types::$word, AtomicRmwOp::Xor, memarg);
            }

            pub(super) fn $xchg(&mut self, memarg: MemArg) {
                self.atomic_rmw(types::$ty, types::$word, AtomicRmwOp::Xchg, memarg);
            }

            pub(super) fn $cmpxchg(&mut self, memarg: MemArg) {
                self.atomic_cmpxchg(types::$ty, types::$word, memarg);
            }
        )*}
    };
}

accesses! {
    I32 I32:
        visit_i32_atomic_load visit_i32_atomic_store visit_i32_atomic_rmw_add
        visit_i32_atomic_rmw_sub visit_i32_atomic_rmw_and visit_i32_atomic_rmw_or
        visit_i32_atomic_rmw_xor visit_i32_atomic_rmw_xchg visit_i32_atomic_rmw_cmpxchg;
    I32 I16:
        visit_i32_atomic_load16_u visit_i32_atomic_store16 visit_i32_atomic_rmw16_add_u
        visit_i32_atomic_rmw16_sub_u visit_i32_atomic_rmw16_and_u visit_i32_atomic_rmw16_or_u
        visit_i32_atomic_rmw16_xor_u visit_i32_atomic_rmw16_xchg_u
        visit_i32_atomic_rmw16_cmpxchg_u;
    I32 I8:
        visit_i32_atomic_load8_u visit_i32_atomic_store8 visit_i32_atomic_rmw8_add_u
        visit_i32_atomic_rmw8_sub_u visit_i32_atomic_rmw8_and_u visit_i32_atomic_rmw8_or_u
        visit_i32_atomic_rmw8_xor_u visit_i32_atomic_rmw8_xchg_u visit_i32_atomic_rmw8_cmpxchg_u;
    I64 I64:
        visit_i64_atomic_load visit_i64_atomic_store visit_i64_atomic_rmw_add
        visit_i64_atomic_rmw_sub visit_i64_atomic_rmw_and visit_i64_atomic_rmw_or
        visit_i64_atomic_rmw_xor visit_i64_atomic_rmw_xchg visit_i64_atomic_rmw_cmpxchg;
    I64 I32:
        visit_i64_atomic_load32_u visit_i64_atomic_store32 visit_i64_atomic_rmw32_add_u
        visit_i64_atomic_rmw32_sub_u visit_i64_atomic_rmw32_and_u visit_i64_atomic_rmw32_or_u
        visit_i64_atomic_rmw32_xor_u visit_i64_atomic_rmw32_xchg_u
        visit_i64_atomic_rmw32_cmpxchg_u;
    I64 I16:
        visit_i64_atomic_load16_u visit_i64_atomic_store16 visit_i64_atomic_rmw16_add_u
        visit_i64_atomic_rmw16_sub_u visit_i64_atomic_rmw16_and_u visit_i64_atomic_rmw16_or_u
        visit_i64_atomic_rmw16_xor_u visit_i64_atomic_rmw16_xchg_u
        visit_i64_atomic_rmw16_cmpxchg_u;
    I64 I8:
        visit_i64_atomic_load8_u visit_i64_atomic_store8 visit_i64_atomic_rmw8_add_u
        visit_i64_atomic_rmw8_sub_u visit_i64_atomic_rmw8_and_u visit_i64_atomic_rmw8_or_u
        visit_i64_atomic_rmw8_xor_u visit_i64_atomic_rmw8_xchg_u visit_i64_atomic_rmw8_cmpxchg_u;
}

/// The memory of an access.
fn memory_of(memarg: MemArg) -> u32 {
    match memarg.target {
        MemArgTarget::Memory(memory) => memory,
        MemArgTarget::Array(_) => unreachable!("not a supported feature's"),
    }
}

impl FuncCompiler<'_, '_> {
    /// Pops an index: the address in its memory, offset included.
    fn atomic_address(&mut self, memarg: MemArg) -> Value {
        let index_type = self.memory_index(memory_of(memarg));
        let index = self.pop_index(index_type);
        match (index_type, memarg.offset) {
            (_, 0) => index,
            (IndexType::I32, offset) => self.builder.ins().iadd_imm_s(index, offset as i64),
            (IndexType::I64, offset) => {
                let offset = self.i64_value(offset);
                let code = super::clif_trap(TrapCode::MemoryOutOfBounds);
                self.builder.ins().uadd_overflow_trap(index, offset, code)
            }
        }
    }

    /// Pops an index: where a word is, checked.
    fn atomic_place(&mut self, word: Type, memarg: MemArg) -> Value {
        let address = self.atomic_address(memarg);
        if word.bytes() > 1 {
            let rest = self.builder.ins().band_imm_u(address, i64::from(word.bytes()) - 1);
            self.trap_if(rest, TrapCode::UnalignedAtomic);
        }
        self.checked_place(memory_of(memarg), address, u64::from(word.bytes()))
    }

    /// Pops a number, as a word holds it.
    fn pop_word(&mut self, word: Type) -> Value {
        let value = self.pop();
        if self.type_of(value) == word { value } else { self.builder.ins().ireduce(word, value) }
    }

    fn push_word(&mut self, ty: Type, value: Value) {
        let value = match self.type_of(value) == ty {
            true => value,
            false => self.builder.ins().uextend(ty, value),
        };
        self.push(value);
    }

    fn atomic_load(&mut self, ty: Type, word: Type, memarg: MemArg) {
        let at = self.atomic_place(word, memarg);
        let value = self.builder.ins().atomic_load(word, self.flags.memories, at);
        self.push_word(ty, value);
    }

    fn atomic_store(&mut self, word: Type, memarg: MemArg) {
        let value = self.pop_word(word);
        let at = self.atomic_place(word, memarg);
        self.builder.ins().atomic_store(self.flags.memories, value, at);
    }

    fn atomic_rmw(&mut self, ty: Type, word: Type, op: AtomicRmwOp, memarg: MemArg) {
        let value = self.pop_word(word);
        let at = self.atomic_place(word, memarg);
        let old = self.builder.ins().atomic_rmw(word, self.flags.memories, op, at, value);
        self.push_word(ty, old);
    }

    fn atomic_cmpxchg(&mut self, ty: Type, word: Type, memarg: MemArg) {
        let value = self.pop_word(word);
        let expected = self.pop_word(word);
        let at = self.atomic_place(word, memarg);
        let old = self.builder.ins().atomic_cas(self.flags.memories, at, expected, value);
        self.push_word(ty, old);
    }

    pub(super) fn visit_atomic_fence(&mut self, _: wasmparser::Ordering) {
        self.builder.ins().fence();
    }

    pub(super) fn visit_memory_atomic_notify(&mut self, memarg: MemArg) {
        let count = self.pop();
        let address = self.atomic_address(memarg);
        let memory = self.i32_value(memory_of(memarg));
        let woken = self.ask_builtin(Builtin::AtomicNotify, &[memory, address, count]);
        self.push_number(woken);
    }

    pub(super) fn visit_memory_atomic_wait32(&mut self, memarg: MemArg) {
        self.atomic_wait(Builtin::AtomicWait32, memarg);
    }

    pub(super) fn visit_memory_atomic_wait64(&mut self, memarg: MemArg) {
        self.atomic_wait(Builtin::AtomicWait64, memarg);
    }

    fn atomic_wait(&mut self, builtin: Builtin, memarg: MemArg) {
        let timeout = self.pop();
        let expected = self.pop_wide_word();
        let address = self.atomic_address(memarg);
        let memory = self.i32_value(memory_of(memarg));
        let result = self.ask_builtin(builtin, &[memory, address, expected, timeout]);
        self.push_number(result);
    }

    /// Pops an `i32` or `i64` as 64 bits.
    fn pop_wide_word(&mut self) -> Value {
        let value = self.pop();
        self.widened(value)
    }

    /// Pushes an `i32` that came in 64 bits.
    fn push_number(&mut self, value: Value) {
        let value = self.builder.ins().ireduce(types::I32, value);
        self.push(value);
    }
}
