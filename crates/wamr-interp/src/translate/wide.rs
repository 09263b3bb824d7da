//! Translation of the wide-arithmetic proposal.

use super::Translator;
use crate::exec::wide::{
    I64Add128, I64MulWideS, I64MulWideU, I64Sub128, Wide, WideOp, Widening, WideningOp,
};
use crate::op::Slot;

impl Translator<'_, '_> {
    fn wide<K: WideOp>(&mut self) {
        let mut pop = || {
            let high = self.pop_slot();
            [self.pop_slot(), high]
        };
        let b = pop();
        let a = pop();
        let dst = self.push_two();
        self.emit(Wide::<K>::new(dst, a, b));
    }

    fn widening<K: WideningOp>(&mut self) {
        let b = self.pop_slot();
        let a = self.pop_slot();
        let dst = self.push_two();
        self.emit(Widening::<K>::new(dst, a, b));
    }

    /// Pushes a number of two slots and gives the low one; the high one is behind it.
    fn push_two(&mut self) -> Slot {
        let low = self.push_temp(false);
        self.push_temp(false);
        low
    }

    pub(super) fn visit_i64_add128(&mut self) {
        self.wide::<I64Add128>();
    }

    pub(super) fn visit_i64_sub128(&mut self) {
        self.wide::<I64Sub128>();
    }

    pub(super) fn visit_i64_mul_wide_s(&mut self) {
        self.widening::<I64MulWideS>();
    }

    pub(super) fn visit_i64_mul_wide_u(&mut self) {
        self.widening::<I64MulWideU>();
    }
}
