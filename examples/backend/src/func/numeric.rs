//! Numbers.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::immediates::Ieee64;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use cranelift_frontend::FuncInstBuilder;

use super::FuncCompiler;

impl FuncCompiler<'_> {
    pub(super) fn i32_const(&mut self, value: i32) {
        let value = self.builder.ins().iconst(types::I32, i64::from(value as u32));
        self.push(value);
    }

    pub(super) fn i64_const(&mut self, value: i64) {
        let value = self.builder.ins().iconst(types::I64, value);
        self.push(value);
    }

    pub(super) fn f64_const(&mut self, bits: u64) {
        let value = self.builder.ins().f64const(Ieee64::with_bits(bits));
        self.push(value);
    }

    pub(super) fn v128_const(&mut self, bytes: &[u8; 16]) {
        let constant = self.builder.func.dfg.constants.insert(bytes.as_slice().into());
        let value = self.builder.ins().vconst(types::I8X16, constant);
        self.push(value);
    }

    pub(super) fn binary(
        &mut self,
        operation: impl FnOnce(FuncInstBuilder<'_, '_>, Value, Value) -> Value,
    ) {
        let b = self.pop();
        let a = self.pop();
        let result = operation(self.builder.ins(), a, b);
        self.push(result);
    }

    /// Whether a number is zero, or a reference null.
    pub(super) fn is_zero(&mut self) {
        let value = self.pop();
        let is_zero = self.builder.ins().icmp_imm_u(IntCC::Equal, value, 0);
        let result = self.builder.ins().uextend(types::I32, is_zero);
        self.push(result);
    }
}
