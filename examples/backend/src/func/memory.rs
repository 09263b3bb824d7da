//! Memory 0: loads and stores stand here, growth is the runtime's.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use wamr_types::TrapCode;
use wasmparser::MemArg;

use super::{FuncCompiler, IN_SLOT};
use crate::{helpers, layout};

impl FuncCompiler<'_> {
    /// The address of `len_bytes` bytes of memory, from a popped index on.
    fn address(&mut self, memarg: MemArg, len_bytes: u64) -> Value {
        let index = self.pop();
        let index = self.builder.ins().uextend(types::I64, index);
        let memory = self.load(types::I64, self.ctx, layout::CONTEXT_MEMORY0);
        // Neither sum can overflow: index and offset have 32 bits.
        let end = (memarg.offset + len_bytes) as i64;
        let end = self.builder.ins().iadd_imm_s(index, end);
        let len = self.load_atomic(memory, layout::MEMORY_LEN_BYTES);
        let is_outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThan, end, len);
        self.trap_if(is_outside, TrapCode::MemoryOutOfBounds);
        let base = self.load_atomic(memory, layout::MEMORY_BASE);
        let start = self.builder.ins().iadd(base, index);
        self.builder.ins().iadd_imm_s(start, memarg.offset as i64)
    }

    pub(super) fn i32_load(&mut self, memarg: MemArg) {
        let at = self.address(memarg, 4);
        let value = self.builder.ins().load(types::I32, IN_SLOT, at, 0);
        self.push(value);
    }

    pub(super) fn i32_store(&mut self, memarg: MemArg) {
        let value = self.pop();
        let at = self.address(memarg, 4);
        self.builder.ins().store(IN_SLOT, value, at, 0);
    }

    pub(super) fn memory_size(&mut self, memory: u32) {
        let memory = self.builder.ins().iconst(types::I32, i64::from(memory));
        let pages = self.call_helper(helpers::memory_size as *const (), &[memory], types::I64);
        let pages = self.builder.ins().ireduce(types::I32, pages);
        self.push(pages);
    }

    pub(super) fn memory_grow(&mut self, memory: u32) {
        let delta = self.pop();
        let delta = self.builder.ins().uextend(types::I64, delta);
        let memory = self.builder.ins().iconst(types::I32, i64::from(memory));
        let helper = helpers::memory_grow as *const ();
        let old = self.call_helper(helper, &[memory, delta], types::I64);
        let old = self.builder.ins().ireduce(types::I32, old);
        self.push(old);
    }
}
