//! Wide arithmetic: 128-bit numbers as two halves, the low one first.

use cranelift_codegen::ir::{InstBuilder, Value};

use super::FuncCompiler;

impl FuncCompiler<'_, '_> {
    /// Pops two numbers of two halves, and pushes what is made of them.
    fn wide(&mut self, operation: impl FnOnce(&mut Self, Value, Value) -> Value) {
        let (b_high, b_low) = (self.pop(), self.pop());
        let (a_high, a_low) = (self.pop(), self.pop());
        let a = self.builder.ins().iconcat(a_low, a_high);
        let b = self.builder.ins().iconcat(b_low, b_high);
        let result = operation(self, a, b);
        let (low, high) = self.builder.ins().isplit(result);
        self.push(low);
        self.push(high);
    }

    pub(super) fn visit_i64_add128(&mut self) {
        self.wide(|this, a, b| this.builder.ins().iadd(a, b));
    }

    pub(super) fn visit_i64_sub128(&mut self) {
        self.wide(|this, a, b| this.builder.ins().isub(a, b));
    }

    pub(super) fn visit_i64_mul_wide_s(&mut self) {
        let (b, a) = (self.pop(), self.pop());
        let low = self.builder.ins().imul(a, b);
        let high = self.builder.ins().smulhi(a, b);
        self.push(low);
        self.push(high);
    }

    pub(super) fn visit_i64_mul_wide_u(&mut self) {
        let (b, a) = (self.pop(), self.pop());
        let low = self.builder.ins().imul(a, b);
        let high = self.builder.ins().umulhi(a, b);
        self.push(low);
        self.push(high);
    }
}
