//! Objects of the GC proposal.

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::*;
use crate::export::call::*;
use crate::export::entity::*;
use crate::export::env::*;
use crate::export::gc::objects::*;
use crate::export::gc::types::*;
use crate::export::gc::*;
use crate::export::handle::Name;
use crate::export::types::valkind;
use crate::export::value::WasmVal;

const TYPES: &str = r#"(module
    (type $point (sub (struct (field (mut i32)) (field (mut i8)) (field (mut anyref)))))
    (type $wide (sub $point (struct (field (mut i32)) (field (mut i8)) (field (mut anyref))
        (field f64))))
    (type $bytes (array (mut i8)))
    (type $numbers (array (mut i64)))
    (type $double (func (param i32) (result i32)))
    (func $double (export "double") (type $double) (i32.mul (local.get 0) (i32.const 2)))
    (func (export "x") (param (ref null $point)) (result i32)
        (struct.get $point 0 (local.get 0)))
    (func (export "make") (result (ref $point))
        (struct.new $point (i32.const 5) (i32.const -1) (ref.i31 (i32.const -3))))
    (func (export "same") (param externref) (result externref) (local.get 0))
    (func (export "func") (result funcref) (ref.func $double)))"#;

fn i32_value(value: i32) -> WasmValue {
    WasmValue([u64::from(value as u32), 0])
}

fn reference(value: Name) -> WasmVal {
    WasmVal { kind: valkind::EXTERNREF, paddings: [0; 7], of: value.addr() as u64 }
}

fn call(inst: &Instance, name: &str, args: &[WasmVal]) -> WasmVal {
    let mut result = [WasmVal::default()];
    let func = inst.func(name);
    let count = args.len() as u32;
    let ok = wasm_runtime_call_wasm_a(inst.env, func, 1, result.as_mut_ptr(), count, args.as_ptr());
    assert!(ok, "{:?}", inst.exception());
    result[0]
}

fn name(value: WasmVal) -> Name {
    std::ptr::without_provenance_mut(value.of as usize)
}

#[test]
fn types_are_told_apart() {
    let _runtime = start();
    let module = load(TYPES);
    let count = wasm_get_defined_type_count(module.name);
    assert!(count >= 5);
    let ty = |index| wasm_get_defined_type(module.name, index);
    assert!(ty(count).is_null());
    assert!(wasm_defined_type_is_struct_type(ty(0)) && !wasm_defined_type_is_func_type(ty(0)));
    assert!(wasm_defined_type_is_array_type(ty(2)) && wasm_defined_type_is_func_type(ty(4)));
    assert_eq!(wasm_struct_type_get_field_count(ty(1)), 4);
    assert_eq!(wasm_struct_type_get_field_count(ty(2)), 0);
    let mut mutable = true;
    let field = wasm_struct_type_get_field_type(ty(1), 3, &mut mutable);
    assert!(!mutable);
    let mut double = CRefType::default();
    wasm_ref_type_set_heap_type(&mut double, true, -0x12);
    assert!(!wasm_ref_type_equal(&field, &double, module.name));
    let any = wasm_struct_type_get_field_type(ty(0), 2, &mut mutable);
    assert!(mutable && wasm_ref_type_equal(&any, &double, module.name));
    assert_ne!(wasm_array_type_get_elem_type(ty(3), null_mut()), CRefType::default());
    let param = wasm_func_type_get_param_type(ty(4), 0);
    assert_eq!(param, wasm_func_type_get_result_type(ty(4), 0));
    assert_eq!(wasm_func_type_get_param_type(ty(4), 1), CRefType::default());
    assert!(wasm_defined_type_equal(ty(0), ty(0), module.name));
    assert!(!wasm_defined_type_equal(ty(0), ty(1), module.name));
    assert!(wasm_defined_type_is_subtype_of(ty(1), ty(0), module.name));
    assert!(!wasm_defined_type_is_subtype_of(ty(0), ty(1), module.name));
    let (mut wide, mut point) = (CRefType::default(), CRefType::default());
    wasm_ref_type_set_type_idx(&mut wide, false, 1);
    wasm_ref_type_set_type_idx(&mut point, true, 0);
    assert!(wasm_ref_type_is_subtype_of(&wide, &point, module.name));
    assert!(!wasm_ref_type_is_subtype_of(&point, &wide, module.name));
    assert!(wasm_ref_type_is_subtype_of(&wide, &double, module.name));
}

#[test]
fn structs_and_arrays_are_made_read_and_written() {
    let _runtime = start();
    let (module, inst) = instance(TYPES);
    let object = wasm_struct_obj_new_with_typeidx(inst.env, 0);
    assert!(wasm_obj_is_struct_obj(object) && !wasm_obj_is_array_obj(object));
    wasm_struct_obj_set_field(object, 0, &i32_value(77));
    wasm_struct_obj_set_field(object, 1, &i32_value(200));
    wasm_struct_obj_set_field(object, 9, &i32_value(1));
    let field = |object, index, sign| {
        let mut value = WasmValue::default();
        wasm_struct_obj_get_field(object, index, sign, &mut value);
        value
    };
    assert_eq!(field(object, 0, false), i32_value(77));
    assert_eq!(field(object, 1, false), i32_value(200));
    assert_eq!(field(object, 1, true), i32_value(200u8 as i8 as i32));
    assert_eq!(wasm_struct_obj_get_field_count(object), 3);
    assert_eq!(call(&inst, "x", &[reference(object)]).of, 77);
    // An object in a field, and an i31.
    let inner = wasm_struct_obj_new_with_type(inst.env, wasm_get_defined_type(module.name, 1));
    wasm_struct_obj_set_field(object, 2, &WasmValue([inner.addr() as u64, 0]));
    assert_eq!(field(object, 2, false).0[0], inner.addr() as u64);
    let made = name(call(&inst, "make", &[]));
    let number = field(made, 2, false).0[0] as usize;
    assert_eq!(wasm_i31_obj_get_value(number, true), -3i32 as u32);
    assert_eq!(wasm_i31_obj_get_value(number, false), 0x7fff_fffd);
    assert_eq!(wasm_i31_obj_new(5), 11);
    assert!(wasm_obj_is_i31_obj(std::ptr::without_provenance_mut(number)));

    let point = wasm_get_defined_type(module.name, 0);
    assert_eq!(wasm_obj_get_defined_type(object), point);
    assert_eq!(wasm_obj_get_defined_type_idx(module.name, inner), 1);
    assert!(wasm_obj_is_instance_of_defined_type(inner, point, module.name));
    assert!(!wasm_obj_is_instance_of_type_idx(object, 1, module.name));
    let mut any = CRefType::default();
    wasm_ref_type_set_heap_type(&mut any, false, -0x15);
    assert!(wasm_obj_is_instance_of_ref_type(object, &any));
    assert!(wasm_obj_is_internal_obj(object) && wasm_obj_is_eq_obj(object));
    assert!(!wasm_obj_is_externref_obj(object) && !wasm_obj_is_anyref_obj(object));

    let bytes = wasm_array_obj_new_with_typeidx(inst.env, 2, 8, &i32_value(3));
    assert_eq!(wasm_array_obj_length(bytes), 8);
    wasm_array_obj_set_elem(bytes, 1, &i32_value(255));
    let mut value = WasmValue::default();
    wasm_array_obj_get_elem(bytes, 1, true, &mut value);
    assert_eq!(value, i32_value(-1));
    wasm_array_obj_get_elem(bytes, 8, true, &mut value);
    assert_eq!(value, WasmValue::default());
    wasm_array_obj_copy(bytes, 4, bytes, 0, 3);
    wasm_array_obj_copy(bytes, 7, bytes, 0, 3);
    let at = wasm_array_obj_first_elem_addr(bytes).cast::<u8>();
    // SAFETY: there are eight elements of a byte.
    assert_eq!(unsafe { std::slice::from_raw_parts(at, 8) }, [3, 255, 3, 3, 3, 255, 3, 3]);
    assert_eq!(wasm_array_obj_elem_addr(bytes, 2).addr(), at.addr() + 2);
    assert!(wasm_array_obj_elem_addr(bytes, 8).is_null());
    let numbers = wasm_get_defined_type(module.name, 3);
    let numbers = wasm_array_obj_new_with_type(inst.env, numbers, 2, null());
    assert_eq!(wasm_array_obj_length(numbers), 2);
    assert!(wasm_array_obj_new_with_typeidx(inst.env, 0, 1, null()).is_null());
    assert!(wasm_struct_obj_new_with_typeidx(inst.env, 2).is_null());
}

static FINALIZED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn finalize(_: Name, data: *mut c_void) {
    FINALIZED.fetch_add(data.addr(), Ordering::SeqCst);
}

#[test]
fn values_of_the_host_and_functions_are_objects() {
    let _runtime = start();
    let (module, inst) = instance(TYPES);
    let value = wasm_externref_obj_new(inst.env, pointer(0x500));
    assert!(wasm_obj_is_externref_obj(value));
    assert_eq!(wasm_externref_obj_get_value(value).addr(), 0x500);
    // As an object it comes back as an object, as a pointer as a pointer.
    assert_eq!(name(call(&inst, "same", &[reference(value)])), value);
    assert_eq!(call(&inst, "same", &[reference(pointer(0x700))]).of, 0x700);
    assert_eq!(call(&inst, "same", &[reference(null_mut())]).of, 0);
    let internal = wasm_externref_obj_to_internal_obj(value);
    assert!(wasm_obj_is_anyref_obj(internal));
    assert_eq!(wasm_anyref_obj_get_value(internal).addr(), 0x500);
    let external = wasm_internal_obj_to_externref_obj(inst.env, internal);
    assert_eq!(external, value);
    let any = wasm_anyref_obj_new(inst.env, pointer(0x600));
    assert_eq!(wasm_anyref_obj_get_value(any).addr(), 0x600);
    assert!(wasm_obj_set_gc_finalizer(inst.env, value, Some(finalize), pointer(1)));
    wasm_obj_unset_gc_finalizer(inst.env, value);
    assert!(wasm_obj_set_gc_finalizer(inst.env, any, Some(finalize), pointer(2)));
    let object = wasm_struct_obj_new_with_typeidx(inst.env, 0);
    assert!(!wasm_obj_set_gc_finalizer(inst.env, object, Some(finalize), pointer(4)));

    let double = wasm_func_obj_new_with_typeidx(inst.env, 4, 0);
    assert!(wasm_obj_is_func_obj(double));
    assert_eq!(wasm_func_obj_get_func_idx_bound(double), 0);
    let ty = wasm_get_defined_type(module.name, 4);
    assert_eq!(wasm_func_obj_get_func_type(double), ty);
    assert_eq!(wasm_func_obj_new_with_type(inst.env, ty, 0), double);
    assert!(wasm_func_obj_new_with_type(inst.env, ty, 1).is_null());
    let mut cells = [21];
    assert!(wasm_runtime_call_func_ref(inst.env, double, 1, cells.as_mut_ptr()));
    assert_eq!(cells[0], 42);
    let arg = [WasmVal { kind: valkind::I32, paddings: [0; 7], of: 4 }];
    let mut result = [WasmVal::default()];
    assert!(wasm_runtime_call_func_ref_a(
        inst.env,
        double,
        1,
        result.as_mut_ptr(),
        1,
        arg.as_ptr()
    ));
    assert_eq!(result[0].of, 8);
    // Without the header of objects a function is its index.
    assert_eq!(call(&inst, "func", &[]).of, 0);

    assert!(wasm_runtime_pin_object(inst.env, object));
    assert!(wasm_runtime_unpin_object(inst.env, object));
    assert!(!wasm_runtime_unpin_object(inst.env, object));
    let mut local = std::mem::MaybeUninit::<LocalRef>::zeroed();
    wasm_runtime_push_local_obj_ref(inst.env, local.as_mut_ptr());
    assert_eq!(wasm_runtime_get_cur_local_obj_ref(inst.env), local.as_mut_ptr());
    assert_eq!(wasm_runtime_pop_local_obj_ref(inst.env), local.as_mut_ptr());
    wasm_runtime_pop_local_obj_refs(inst.env, 3);
    assert!(wasm_runtime_get_cur_local_obj_ref(inst.env).is_null());
    let env = inst.env;
    drop(inst);
    assert!(!wasm_obj_is_struct_obj(object));
    assert!(wasm_runtime_get_module_inst(env).is_null());
    assert_eq!(FINALIZED.load(Ordering::SeqCst), 2);
    assert!(wasm_runtime_lookup_function(NULL, c"f".as_ptr()).is_null());
}
