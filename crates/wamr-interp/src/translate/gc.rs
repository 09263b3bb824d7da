//! Instructions on structs, arrays and `i31`, and tests of references.

use wamr_runtime::gc::{FieldKind, FieldLayout, GcLayout, i31_new};
use wamr_types::{AbstractHeapType, CompositeType, HeapType, RefType};

use crate::exec::gc::*;
use crate::op::Slot;
use crate::op::forms::Test;

use super::Translator;
use super::stack::Operand;

/// Evaluates an expression with `K` as the storage of a kind of fields, packed ones read as
/// `signed` says.
macro_rules! with_storage {
    ($kind:expr, $signed:expr, $K:ident => $body:expr) => {
        match ($kind, $signed) {
            (FieldKind::Packed8, true) => with_storage!(@ Signed8, $K => $body),
            (FieldKind::Packed8, false) => with_storage!(@ Unsigned8, $K => $body),
            (FieldKind::Packed16, true) => with_storage!(@ Signed16, $K => $body),
            (FieldKind::Packed16, false) => with_storage!(@ Unsigned16, $K => $body),
            (FieldKind::Word32 | FieldKind::Exception, _) => with_storage!(@ Word32, $K => $body),
            (FieldKind::Object, _) => with_storage!(@ Reference, $K => $body),
            (FieldKind::Word64 | FieldKind::Func, _) => with_storage!(@ Word64, $K => $body),
            (FieldKind::Vector, _) => with_storage!(@ Vector, $K => $body),
        }
    };
    (@ $Storage:ident, $K:ident => $body:expr) => {{
        type $K = $Storage;
        $body
    }};
}

impl Translator<'_, '_> {
    fn field(&self, ty: u32, field: u32) -> FieldLayout {
        match self.interp.layout(ty) {
            Some(GcLayout::Struct { fields, .. }) => fields[field as usize],
            _ => unreachable!("validated"),
        }
    }

    fn element_kind(&self, ty: u32) -> FieldKind {
        match self.interp.layout(ty) {
            Some(GcLayout::Array { element }) => element.kind,
            _ => unreachable!("validated"),
        }
    }

    /// For an operation that makes an object, before its operands are popped.
    fn maker(&self, ty: u32) -> Maker {
        Maker { ty: self.module.types[ty as usize].get(), top: self.temp(self.height) }
    }

    /// Pops values into adjacent slots.
    fn pop_adjacent(&mut self, count: usize) -> Slot {
        self.bring_home_top(count);
        self.drop_to(self.stack.len() - count);
        self.temp(self.height)
    }

    /// Pushes the result of the operation, which takes one slot or two.
    fn define_kind<O: crate::op::Op>(&mut self, kind: FieldKind, op: impl FnOnce(Slot) -> O) {
        if kind == FieldKind::Vector {
            let home = self.push_temp(true);
            self.emit(op(home));
        } else {
            self.define(op);
        }
    }

    fn struct_get(&mut self, ty: u32, field: u32, signed: bool) {
        let FieldLayout { offset, kind } = self.field(ty, field);
        let object = self.pop_slot();
        with_storage!(kind, signed, K => {
            self.define_kind(kind, |dst| StructGet::<K>::new(dst, object, offset));
        });
    }

    pub(super) fn visit_struct_get(&mut self, ty: u32, field: u32) {
        self.struct_get(ty, field, false);
    }

    pub(super) fn visit_struct_get_s(&mut self, ty: u32, field: u32) {
        self.struct_get(ty, field, true);
    }

    pub(super) fn visit_struct_get_u(&mut self, ty: u32, field: u32) {
        self.struct_get(ty, field, false);
    }

    pub(super) fn visit_struct_set(&mut self, ty: u32, field: u32) {
        let FieldLayout { offset, kind } = self.field(ty, field);
        let value = self.pop_slot();
        let object = self.pop_slot();
        with_storage!(kind, false, K => {
            self.emit(StructSet::<K>::new(object, value, offset));
        });
    }

    pub(super) fn visit_struct_new(&mut self, ty: u32) {
        let CompositeType::Struct(fields) = &self.module.type_defs[ty as usize].composite else {
            unreachable!("validated")
        };
        let count = fields.fields.len();
        let maker = self.maker(ty);
        let values = self.pop_adjacent(count);
        self.define(|dst| StructNew { dst, values, maker });
    }

    pub(super) fn visit_struct_new_default(&mut self, ty: u32) {
        let maker = self.maker(ty);
        self.define(|dst| StructNewDefault { dst, maker });
    }

    pub(super) fn visit_array_new(&mut self, ty: u32) {
        let maker = self.maker(ty);
        let len = self.pop_slot();
        let value = self.pop_slot();
        self.define(|dst| ArrayNew { dst, value, len, maker });
    }

    pub(super) fn visit_array_new_default(&mut self, ty: u32) {
        let maker = self.maker(ty);
        let len = self.pop_slot();
        self.define(|dst| ArrayNewDefault { dst, len, maker });
    }

    pub(super) fn visit_array_new_fixed(&mut self, ty: u32, len: u32) {
        let maker = self.maker(ty);
        let values = self.pop_adjacent(len as usize);
        self.define(|dst| ArrayNewFixed { dst, values, len, maker });
    }

    pub(super) fn visit_array_new_data(&mut self, ty: u32, data: u32) {
        let maker = self.maker(ty);
        let len = self.pop_slot();
        let offset = self.pop_slot();
        self.define(|dst| ArrayNewData { dst, offset, len, data, maker });
    }

    pub(super) fn visit_array_new_elem(&mut self, ty: u32, elem: u32) {
        let maker = self.maker(ty);
        let len = self.pop_slot();
        let offset = self.pop_slot();
        self.define(|dst| ArrayNewElem { dst, offset, len, elem, maker });
    }

    fn array_get(&mut self, ty: u32, signed: bool) {
        let kind = self.element_kind(ty);
        let index = self.pop_slot();
        let array = self.pop_slot();
        with_storage!(kind, signed, K => {
            self.define_kind(kind, |dst| ArrayGet::<K>::new(dst, array, index));
        });
    }

    pub(super) fn visit_array_get(&mut self, ty: u32) {
        self.array_get(ty, false);
    }

    pub(super) fn visit_array_get_s(&mut self, ty: u32) {
        self.array_get(ty, true);
    }

    pub(super) fn visit_array_get_u(&mut self, ty: u32) {
        self.array_get(ty, false);
    }

    pub(super) fn visit_array_set(&mut self, ty: u32) {
        let kind = self.element_kind(ty);
        let value = self.pop_slot();
        let index = self.pop_slot();
        let array = self.pop_slot();
        with_storage!(kind, false, K => {
            self.emit(ArraySet::<K>::new(array, index, value));
        });
    }

    pub(super) fn visit_array_len(&mut self) {
        let array = self.pop_slot();
        self.define(|dst| ArrayLen { dst, array });
    }

    pub(super) fn visit_array_fill(&mut self, ty: u32) {
        let wide = u32::from(self.element_kind(ty) == FieldKind::Vector);
        let len = self.pop_slot();
        let value = self.pop_slot();
        let index = self.pop_slot();
        let array = self.pop_slot();
        self.emit(ArrayFill { array, index, value, len, wide });
    }

    pub(super) fn visit_array_copy(&mut self, _dst_ty: u32, _src_ty: u32) {
        let len = self.pop_slot();
        let src_index = self.pop_slot();
        let src = self.pop_slot();
        let dst_index = self.pop_slot();
        let dst = self.pop_slot();
        self.emit(ArrayCopy { dst, dst_index, src, src_index, len });
    }

    pub(super) fn visit_array_init_data(&mut self, _ty: u32, data: u32) {
        let len = self.pop_slot();
        let offset = self.pop_slot();
        let index = self.pop_slot();
        let array = self.pop_slot();
        self.emit(ArrayInitData { array, index, offset, len, data });
    }

    pub(super) fn visit_array_init_elem(&mut self, _ty: u32, elem: u32) {
        let len = self.pop_slot();
        let offset = self.pop_slot();
        let index = self.pop_slot();
        let array = self.pop_slot();
        self.emit(ArrayInitElem { array, index, offset, len, elem });
    }

    pub(super) fn visit_ref_i31(&mut self) {
        match self.pop() {
            Operand::Const(bits) => self.push_const(u64::from(i31_new(bits as u32))),
            Operand::Slot(value) => {
                self.define(|dst| RefI31 { dst, value });
            }
        }
    }

    pub(super) fn visit_i31_get_s(&mut self) {
        let value = self.pop_slot();
        self.define(|dst| I31GetS { dst, value });
    }

    pub(super) fn visit_i31_get_u(&mut self) {
        let value = self.pop_slot();
        self.define(|dst| I31GetU { dst, value });
    }

    pub(super) fn visit_ref_eq(&mut self) {
        // Null, `i31` and objects are different numbers.
        self.equal();
    }

    pub(super) fn visit_any_convert_extern(&mut self) {}

    pub(super) fn visit_extern_convert_any(&mut self) {}

    fn cast_type(&self, nullable: bool, heap: wasmparser::HeapType) -> CastType {
        match heap {
            wasmparser::HeapType::Abstract { ty, .. } => {
                let heap = HeapType::Abstract(abstract_heap(ty));
                CastType::new(RefType { nullable, heap }, false)
            }
            wasmparser::HeapType::Concrete(index) | wasmparser::HeapType::Exact(index) => {
                let index = index.as_module_index().expect("an index in the module") as usize;
                let heap = HeapType::Concrete(self.module.types[index]);
                let is_func = self.module.type_defs[index].as_func().is_some();
                CastType::new(RefType { nullable, heap }, is_func)
            }
        }
    }

    fn ref_test(&mut self, nullable: bool, heap: wasmparser::HeapType) {
        let ty = self.cast_type(nullable, heap);
        let value = self.pop_slot();
        self.define(|dst| RefTest { dst, value, ty });
    }

    fn ref_cast(&mut self, nullable: bool, heap: wasmparser::HeapType) {
        let ty = self.cast_type(nullable, heap);
        let value = self.top_slot();
        self.emit(RefCast { value, ty });
    }

    pub(super) fn visit_ref_test_non_null(&mut self, heap: wasmparser::HeapType) {
        self.ref_test(false, heap);
    }

    pub(super) fn visit_ref_test_nullable(&mut self, heap: wasmparser::HeapType) {
        self.ref_test(true, heap);
    }

    pub(super) fn visit_ref_cast_non_null(&mut self, heap: wasmparser::HeapType) {
        self.ref_cast(false, heap);
    }

    pub(super) fn visit_ref_cast_nullable(&mut self, heap: wasmparser::HeapType) {
        self.ref_cast(true, heap);
    }

    fn branch_on_cast(&mut self, depth: u32, to: wasmparser::RefType, sense: bool) {
        let ty = self.cast_type(to.is_nullable(), to.heap_type());
        let value = self.top_slot();
        let test = if sense { Test::CAST } else { Test::CAST.negated() };
        let condition = self.condition(value, Operand::Const(ty.to_bits()), test);
        self.branch_if(depth, &condition);
    }

    pub(super) fn visit_br_on_cast(
        &mut self,
        depth: u32,
        _from: wasmparser::RefType,
        to: wasmparser::RefType,
    ) {
        self.branch_on_cast(depth, to, true);
    }

    pub(super) fn visit_br_on_cast_fail(
        &mut self,
        depth: u32,
        _from: wasmparser::RefType,
        to: wasmparser::RefType,
    ) {
        self.branch_on_cast(depth, to, false);
    }
}

fn abstract_heap(ty: wasmparser::AbstractHeapType) -> AbstractHeapType {
    use wasmparser::AbstractHeapType as P;
    match ty {
        P::Func => AbstractHeapType::Func,
        P::NoFunc => AbstractHeapType::NoFunc,
        P::Extern => AbstractHeapType::Extern,
        P::NoExtern => AbstractHeapType::NoExtern,
        P::Any => AbstractHeapType::Any,
        P::Eq => AbstractHeapType::Eq,
        P::I31 => AbstractHeapType::I31,
        P::Struct => AbstractHeapType::Struct,
        P::Array => AbstractHeapType::Array,
        P::None => AbstractHeapType::None,
        P::Exn => AbstractHeapType::Exn,
        P::NoExn => AbstractHeapType::NoExn,
        P::Cont | P::NoCont => unreachable!("the loader refuses continuations"),
    }
}
