//! Structs, arrays and `i31`, and tests of references. Reads and writes of objects stand here;
//! what makes objects or touches many elements is the runtime's.
//!
//! A reference is a 32-bit offset from `VmStore::gc_base`, zero-extended. References that are
//! alive across a call are somewhere in the frame or in a register that the callee saves, where
//! the collector looks for whatever may be one.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use wamr_runtime::compiled::Builtin;
use wamr_runtime::gc::{FieldKind, FieldLayout, GcLayout};
use wamr_types::{AbstractHeapType, CompositeType, FieldType, StorageType, TrapCode};

use super::super::layout;
use super::FuncCompiler;
use crate::artifact::LinkedOffset;

/// A field and what it is on the stack.
#[derive(Clone, Copy)]
struct Field {
    layout: FieldLayout,
    /// Its type on the stack.
    ty: Type,
}

impl FuncCompiler<'_, '_> {
    fn field(&self, layout: FieldLayout, ty: &FieldType) -> Field {
        let ty = match ty.storage {
            StorageType::Val(ty) => super::convention::clif_type(ty),
            StorageType::I8 | StorageType::I16 => types::I32,
        };
        Field { layout, ty }
    }

    fn struct_field(&self, ty: u32, field: u32) -> Field {
        match (self.env.gc_layout(ty), &self.module.type_defs[ty as usize].composite) {
            (Some(GcLayout::Struct { fields, .. }), CompositeType::Struct(ty)) => {
                self.field(fields[field as usize], &ty.fields[field as usize])
            }
            _ => unreachable!("validated"),
        }
    }

    fn element_field(&self, ty: u32) -> Field {
        match (self.env.gc_layout(ty), &self.module.type_defs[ty as usize].composite) {
            (Some(GcLayout::Array { element }), CompositeType::Array(ty)) => {
                self.field(*element, &ty.0)
            }
            _ => unreachable!("validated"),
        }
    }

    /// The address of an object.
    fn object(&mut self, reference: Value) -> Value {
        let base = self.store_field(LinkedOffset::GcBase);
        // It is known from the first object on, and that is not before this one.
        let base = self.load_field(types::I64, base, 0);
        self.builder.ins().iadd(base, reference)
    }

    fn load_from_object(&mut self, field: Field, at: Value, offset: i32, signed: bool) -> Value {
        let flags = self.flags.objects;
        let ins = self.builder.ins();
        match (field.layout.kind, signed) {
            (FieldKind::Packed8, true) => ins.sload8(types::I32, flags, at, offset),
            (FieldKind::Packed8, false) => ins.uload8(types::I32, flags, at, offset),
            (FieldKind::Packed16, true) => ins.sload16(types::I32, flags, at, offset),
            (FieldKind::Packed16, false) => ins.uload16(types::I32, flags, at, offset),
            (FieldKind::Object | FieldKind::Exception, _) => ins.uload32(flags, at, offset),
            _ => ins.load(field.ty, flags, at, offset),
        }
    }

    /// Tells the collector of a reference that is about to be overwritten, if it wants to know.
    fn tell_overwritten(&mut self, at: Value, offset: i32) {
        let marking = self.store_field(LinkedOffset::GcMarking);
        let marking = self.load_field(types::I32, marking, 0);
        let (tell, go_on) = (self.cold_block(), self.builder.create_block());
        self.builder.ins().brif(marking, tell, [], go_on, []);
        self.begin(tell);
        let old = self.builder.ins().load(types::I32, self.flags.objects, at, offset);
        self.call_builtin(Builtin::Overwritten, &[old]);
        self.builder.ins().jump(go_on, []);
        self.begin(go_on);
    }

    fn store_to_object(&mut self, field: Field, value: Value, at: Value, offset: i32) {
        if field.layout.kind == FieldKind::Object {
            self.tell_overwritten(at, offset);
        }
        let flags = self.flags.objects;
        let ins = self.builder.ins();
        match field.layout.kind {
            FieldKind::Packed8 => ins.istore8(flags, value, at, offset),
            FieldKind::Packed16 => ins.istore16(flags, value, at, offset),
            FieldKind::Object | FieldKind::Exception => ins.istore32(flags, value, at, offset),
            _ => ins.store(flags, value, at, offset),
        };
    }

    fn struct_get(&mut self, ty: u32, field: u32, signed: bool) {
        let field = self.struct_field(ty, field);
        let reference = self.pop();
        self.trap_if_zero(reference, TrapCode::NullStructureReference);
        let at = self.object(reference);
        let value = self.load_from_object(field, at, field.layout.offset as i32, signed);
        self.push(value);
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
        let field = self.struct_field(ty, field);
        let (value, reference) = (self.pop(), self.pop());
        self.trap_if_zero(reference, TrapCode::NullStructureReference);
        let at = self.object(reference);
        self.store_to_object(field, value, at, field.layout.offset as i32);
    }

    pub(super) fn visit_struct_new(&mut self, ty: u32) {
        let CompositeType::Struct(fields) = &self.module.type_defs[ty as usize].composite else {
            unreachable!("validated")
        };
        let values = self.pop_many(fields.fields.len());
        let values = self.spill(&values);
        self.make(Builtin::StructNew, ty, &[values]);
    }

    pub(super) fn visit_struct_new_default(&mut self, ty: u32) {
        let none = self.i64_value(0);
        self.make(Builtin::StructNew, ty, &[none]);
    }

    /// Calls a builtin that makes an object of a type.
    fn make(&mut self, builtin: Builtin, ty: u32, args: &[Value]) {
        let args = [&[self.type_id(ty)], args].concat();
        let reference = self.ask_builtin(builtin, &args);
        self.push(reference);
    }

    pub(super) fn visit_array_new(&mut self, ty: u32) {
        let (len, value) = (self.pop(), self.pop());
        let value = self.spill(&[value]);
        self.make(Builtin::ArrayNew, ty, &[value, len]);
    }

    pub(super) fn visit_array_new_default(&mut self, ty: u32) {
        let len = self.pop();
        let none = self.i64_value(0);
        self.make(Builtin::ArrayNew, ty, &[none, len]);
    }

    pub(super) fn visit_array_new_fixed(&mut self, ty: u32, len: u32) {
        let values = self.pop_many(len as usize);
        let values = self.spill(&values);
        let len = self.i32_value(len);
        self.make(Builtin::ArrayNewFixed, ty, &[values, len]);
    }

    pub(super) fn visit_array_new_data(&mut self, ty: u32, data: u32) {
        let (len, offset) = (self.pop(), self.pop());
        let data = self.i32_value(data);
        self.make(Builtin::ArrayNewData, ty, &[data, offset, len]);
    }

    pub(super) fn visit_array_new_elem(&mut self, ty: u32, elem: u32) {
        let (len, offset) = (self.pop(), self.pop());
        let elem = self.i32_value(elem);
        self.make(Builtin::ArrayNewElem, ty, &[elem, offset, len]);
    }

    /// Pops an array, whose element `index` is about to be used: the address of the element, but
    /// for the offset of element 0.
    fn element_at(&mut self, field: Field, index: Value) -> Value {
        let reference = self.pop();
        self.trap_if_zero(reference, TrapCode::NullArrayReference);
        let array = self.object(reference);
        let len = self.array_length(array);
        let is_outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, len);
        self.trap_if(is_outside, TrapCode::ArrayOutOfBounds);
        let index = self.builder.ins().uextend(types::I64, index);
        let shift = i64::from(field.layout.kind.size_log2());
        let distance = self.builder.ins().ishl_imm_u(index, shift);
        self.builder.ins().iadd(array, distance)
    }

    fn array_length(&mut self, array: Value) -> Value {
        // The length of an array never changes, but its memory may become another object.
        self.builder.ins().load(types::I32, self.flags.objects, array, layout::OBJECT_LEN)
    }

    fn array_get(&mut self, ty: u32, signed: bool) {
        let field = self.element_field(ty);
        let index = self.pop();
        let at = self.element_at(field, index);
        let value = self.load_from_object(field, at, field.layout.offset as i32, signed);
        self.push(value);
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
        let field = self.element_field(ty);
        let (value, index) = (self.pop(), self.pop());
        let at = self.element_at(field, index);
        self.store_to_object(field, value, at, field.layout.offset as i32);
    }

    pub(super) fn visit_array_len(&mut self) {
        let reference = self.pop();
        self.trap_if_zero(reference, TrapCode::NullArrayReference);
        let array = self.object(reference);
        let len = self.array_length(array);
        self.push(len);
    }

    /// Pops a reference to an object, as the 32 bits that it is.
    fn pop_reference(&mut self) -> Value {
        let reference = self.pop();
        self.builder.ins().ireduce(types::I32, reference)
    }

    pub(super) fn visit_array_fill(&mut self, _ty: u32) {
        let (len, value, index) = (self.pop(), self.pop(), self.pop());
        let array = self.pop_reference();
        let (low, high) = if self.type_of(value).bytes() == 16 {
            let lanes = self.bits_as(types::I64X2, value);
            let low = self.builder.ins().extractlane(lanes, 0);
            (low, self.builder.ins().extractlane(lanes, 1))
        } else {
            let value = self.builder_bits(value);
            (self.widened(value), self.i64_value(0))
        };
        self.call_builtin(Builtin::ArrayFill, &[array, index, low, high, len]);
    }

    /// A float as the bits that it has.
    fn builder_bits(&mut self, value: Value) -> Value {
        match self.type_of(value) {
            types::F32 => self.bits_as(types::I32, value),
            types::F64 => self.bits_as(types::I64, value),
            _ => value,
        }
    }

    pub(super) fn visit_array_copy(&mut self, _to: u32, _from: u32) {
        let (len, src_index) = (self.pop(), self.pop());
        let src = self.pop_reference();
        let dst_index = self.pop();
        let dst = self.pop_reference();
        self.call_builtin(Builtin::ArrayCopy, &[dst, dst_index, src, src_index, len]);
    }

    pub(super) fn visit_array_init_data(&mut self, _ty: u32, data: u32) {
        let (len, offset, index) = (self.pop(), self.pop(), self.pop());
        let array = self.pop_reference();
        let data = self.i32_value(data);
        self.call_builtin(Builtin::ArrayInitData, &[array, index, data, offset, len]);
    }

    pub(super) fn visit_array_init_elem(&mut self, _ty: u32, elem: u32) {
        let (len, offset, index) = (self.pop(), self.pop(), self.pop());
        let array = self.pop_reference();
        let elem = self.i32_value(elem);
        self.call_builtin(Builtin::ArrayInitElem, &[array, index, elem, offset, len]);
    }

    pub(super) fn visit_ref_i31(&mut self) {
        let value = self.pop();
        let shifted = self.builder.ins().ishl_imm_u(value, 1);
        let tagged = self.builder.ins().bor_imm_u(shifted, 1);
        let reference = self.builder.ins().uextend(types::I64, tagged);
        self.push(reference);
    }

    pub(super) fn visit_i31_get_s(&mut self) {
        let reference = self.pop_i31();
        let value = self.builder.ins().sshr_imm_u(reference, 1);
        self.push(value);
    }

    pub(super) fn visit_i31_get_u(&mut self) {
        let reference = self.pop_i31();
        let value = self.builder.ins().ushr_imm_u(reference, 1);
        self.push(value);
    }

    fn pop_i31(&mut self) -> Value {
        let reference = self.pop();
        self.trap_if_zero(reference, TrapCode::NullI31Reference);
        self.builder.ins().ireduce(types::I32, reference)
    }

    pub(super) fn visit_any_convert_extern(&mut self) {}

    pub(super) fn visit_extern_convert_any(&mut self) {}

    pub(super) fn visit_ref_null(&mut self, _ty: wasmparser::HeapType) {
        self.visit_i64_const(0);
    }

    pub(super) fn visit_ref_as_non_null(&mut self) {
        let reference = self.pop();
        self.trap_if_zero(reference, TrapCode::NullReference);
        self.push(reference);
    }

    /// Whether a reference is of a type, as an `i32`.
    fn test(&mut self, value: Value, nullable: bool, heap: wasmparser::HeapType) -> Value {
        let (look, done) = (self.builder.create_block(), self.builder.create_block());
        let result = self.builder.append_block_param(done, types::I32);
        let for_null = self.i32_value(u32::from(nullable));
        self.builder.ins().brif(value, look, [], done, &[for_null.into()]);
        self.begin(look);
        let found = match heap {
            wasmparser::HeapType::Abstract { ty, .. } => self.test_abstract(value, ty),
            wasmparser::HeapType::Concrete(index) | wasmparser::HeapType::Exact(index) => {
                let index = index.as_module_index().expect("an index in the module");
                self.test_concrete(value, index)
            }
        };
        self.builder.ins().jump(done, &[found.into()]);
        self.begin(done);
        result
    }

    fn test_abstract(&mut self, value: Value, ty: wasmparser::AbstractHeapType) -> Value {
        use AbstractHeapType as H;
        match abstract_heap(ty) {
            H::Func | H::Extern | H::Any | H::Exn => self.i32_value(1),
            H::None | H::NoFunc | H::NoExtern | H::NoExn => self.i32_value(0),
            H::I31 => {
                let bit = self.builder.ins().band_imm_u(value, 1);
                self.builder.ins().ireduce(types::I32, bit)
            }
            heap => {
                let number = Builtin::heap_number(heap).expect("all types have numbers");
                let number = self.i32_value(number);
                self.ask_builtin(Builtin::RefTest, &[value, number])
            }
        }
    }

    /// Whether a reference that is not null is of a type that the module defines. The type
    /// itself is found here, its subtypes by the runtime.
    fn test_concrete(&mut self, value: Value, index: u32) -> Value {
        let def = &self.module.type_defs[index as usize];
        let expected = self.type_id(index);
        let done = self.builder.create_block();
        let result = self.builder.append_block_param(done, types::I32);
        let (no, yes) = (self.i32_value(0), self.i32_value(1));
        let found = if def.as_func().is_some() {
            let sig = self.env.layout.record.sig as i32;
            self.builder.ins().load(types::I32, self.flags.objects, value, sig)
        } else {
            let is_i31 = self.builder.ins().band_imm_u(value, 1);
            let look = self.builder.create_block();
            self.builder.ins().brif(is_i31, done, &[no.into()], look, []);
            self.begin(look);
            let object = self.object(value);
            let flags = self.flags.objects;
            self.builder.ins().load(types::I32, flags, object, layout::OBJECT_TYPE)
        };
        let is_same = self.builder.ins().icmp(IntCC::Equal, found, expected);
        if def.is_final {
            let is_same = self.builder.ins().uextend(types::I32, is_same);
            self.builder.ins().jump(done, &[is_same.into()]);
        } else {
            let ask = self.builder.create_block();
            self.builder.ins().brif(is_same, done, &[yes.into()], ask, []);
            self.begin(ask);
            let is_subtype = self.ask_builtin(Builtin::IsSubtype, &[found, expected]);
            self.builder.ins().jump(done, &[is_subtype.into()]);
        }
        self.begin(done);
        result
    }

    fn ref_test(&mut self, nullable: bool, heap: wasmparser::HeapType) {
        let value = self.pop();
        let result = self.test(value, nullable, heap);
        self.push(result);
    }

    fn ref_cast(&mut self, nullable: bool, heap: wasmparser::HeapType) {
        let value = self.pop();
        let result = self.test(value, nullable, heap);
        self.trap_if_zero(result, TrapCode::CastFailure);
        self.push(value);
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

    pub(super) fn visit_br_on_cast(
        &mut self,
        depth: u32,
        _from: wasmparser::RefType,
        to: wasmparser::RefType,
    ) {
        let value = self.stack[self.stack.len() - 1];
        let result = self.test(value, to.is_nullable(), to.heap_type());
        self.br_if_value(depth, result);
    }

    pub(super) fn visit_br_on_cast_fail(
        &mut self,
        depth: u32,
        _from: wasmparser::RefType,
        to: wasmparser::RefType,
    ) {
        let value = self.stack[self.stack.len() - 1];
        let result = self.test(value, to.is_nullable(), to.heap_type());
        self.br_if_zero(depth, result);
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
