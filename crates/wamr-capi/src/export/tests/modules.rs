//! Modules, their types, and what they import from each other.

use std::ffi::{c_char, c_int};
use std::ptr::{null, null_mut};

use super::linking::import_type;
use super::support::*;
use crate::export::instance::*;
use crate::export::instantiate::*;
use crate::export::loading::*;
use crate::export::module::*;
#[cfg(feature = "loading-linking")]
use crate::export::runtime::*;
use crate::export::types::*;

#[repr(C)]
struct Export {
    name: *const c_char,
    kind: c_int,
    ty: crate::export::handle::Name,
}

#[test]
fn modules_tell_about_imports_and_exports() {
    let _runtime = start();
    let module = load(
        r#"(module
            (import "a" "f" (func (param i32 f64) (result i64)))
            (import "a" "t" (table 1 9 externref))
            (import "a" "m" (memory 2 4))
            (import "a" "g" (global (mut f32)))
            (@custom "note" "some bytes")
            (export "f2" (func 0)))"#,
    );
    assert_eq!(wasm_runtime_get_import_count(module.name), 4);
    assert_eq!(wasm_runtime_get_export_count(module.name), 1);
    let func = import_type(&module, 0);
    assert_eq!(wasm_func_type_get_param_count(func), 2);
    assert_eq!(wasm_func_type_get_param_valkind(func, 1), valkind::F64);
    assert_eq!(wasm_func_type_get_param_valkind(func, 2), valkind::NONE);
    assert_eq!(wasm_func_type_get_result_count(func), 1);
    assert_eq!(wasm_func_type_get_result_valkind(func, 0), valkind::I64);
    let table = import_type(&module, 1);
    assert_eq!(wasm_table_type_get_elem_kind(table), valkind::EXTERNREF);
    assert!(!wasm_table_type_get_shared(table));
    let sizes = (wasm_table_type_get_init_size(table), wasm_table_type_get_max_size(table));
    assert_eq!(sizes, (1, 9));
    let memory = import_type(&module, 2);
    assert!(!wasm_memory_type_get_shared(memory));
    assert_eq!(wasm_memory_type_get_init_page_count(memory), 2);
    assert_eq!(wasm_memory_type_get_max_page_count(memory), 4);
    let global = import_type(&module, 3);
    assert_eq!(wasm_global_type_get_valkind(global), valkind::F32);
    assert!(wasm_global_type_get_mutable(global));
    // Types of other kinds are answered.
    assert_eq!(wasm_global_type_get_valkind(memory), valkind::NONE);
    assert_eq!(wasm_func_type_get_param_count(memory), 0);
    assert_eq!(wasm_memory_type_get_init_page_count(func), 0);

    let mut export = Export { name: null(), kind: 9, ty: null_mut() };
    wasm_runtime_get_export_type(module.name, 0, (&raw mut export).cast());
    assert_eq!(text_at(export.name).unwrap(), "f2");
    assert_eq!(export.ty, func);
    let by_name = |name: &std::ffi::CStr, export: &mut Export| {
        wasm_runtime_get_export_type_by_name(module.name, name.as_ptr(), (&raw mut *export).cast());
    };
    by_name(c"none", &mut export);
    assert!(export.name.is_null() && export.ty.is_null());
    by_name(c"f2", &mut export);
    assert_eq!(export.ty, func);
    wasm_runtime_get_export_type(module.name, 1, (&raw mut export).cast());
    assert!(export.name.is_null());

    let mut len = 0;
    let note = wasm_runtime_get_custom_section(module.name, c"note".as_ptr(), &mut len);
    // SAFETY: the section is that long.
    assert_eq!(unsafe { std::slice::from_raw_parts(note, len as usize) }, b"some bytes");
    assert!(wasm_runtime_get_custom_section(module.name, c"no".as_ptr(), &mut len).is_null());
    assert!(!wasm_runtime_is_import_func_linked(c"a".as_ptr(), c"f".as_ptr()));
    assert!(wasm_runtime_is_import_func_linked(c"env".as_ptr(), c"strlen".as_ptr()));
    assert!(wasm_runtime_is_import_global_linked(c"global".as_ptr(), c"NaN".as_ptr()));
    assert!(!wasm_runtime_resolve_symbols(module.name));
}

#[test]
fn packages_names_and_ways_to_load() {
    let _runtime = start();
    let bytes =
        wat::parse_str(r#"(module (func (export "f") (result i32) (i32.const 6)))"#).unwrap();
    let (at, len) = (bytes.as_ptr(), bytes.len() as u32);
    assert_eq!(get_package_type(at, len), 0);
    assert_eq!(wasm_runtime_get_file_package_type(b"\0aot....".as_ptr(), 8), 1);
    assert_eq!(wasm_runtime_get_file_package_type(null(), 8), 0xffff);
    assert_eq!(wasm_runtime_get_file_package_version(at, len), 1);
    assert_eq!(wasm_runtime_get_file_package_version(at, 3), 0);
    assert_eq!(wasm_runtime_get_current_package_version(0), 1);
    assert!(!wasm_runtime_is_xip_file(at, len));
    let mut message = Message::new();
    let mut copy = bytes.clone();
    let args = load_args(c"named".as_ptr(), false);
    let module = wasm_runtime_load_ex(copy.as_mut_ptr(), len, &args, message.at(), 256);
    copy.fill(0);
    let module = Loaded::of(module);
    assert_eq!(text_at(wasm_runtime_get_module_name(module.name)).unwrap(), "named");
    assert!(wasm_runtime_set_module_name(module.name, c"new".as_ptr(), null_mut(), 0));
    assert_eq!(text_at(wasm_runtime_get_module_name(module.name)).unwrap(), "new");
    assert_eq!(wasm_runtime_get_module_package_type(module.name), 0);
    assert_eq!(wasm_runtime_get_module_package_version(module.name), 1);
    assert!(wasm_runtime_get_module_hash(module.name).is_null());
    assert!(wasm_runtime_is_underlying_binary_freeable(module.name));
    let inst = instantiate(&module);
    assert_eq!(wasm_runtime_get_module(inst.name), module.name);
    assert_eq!(inst.call("f", &[]).unwrap()[0], 6);

    let mut short = bytes.clone();
    let failed = wasm_runtime_load(short.as_mut_ptr(), len - 2, message.at(), 256);
    assert!(failed.is_null() && message.text().starts_with("WASM module load failed"));
    assert!(wasm_runtime_load(null_mut(), 8, message.at(), 256).is_null());
    assert!(wasm_runtime_load(null_mut(), 8, null_mut(), 0).is_null());

    // The same module by its sections: types, functions, exports, code.
    let bodies: [(c_int, &[u8]); 4] = [
        (1, &[1, 0x60, 0, 1, 0x7f]),
        (3, &[1, 0]),
        (7, &[1, 1, b'f', 0, 0]),
        (10, &[1, 4, 0, 0x41, 9, 0x0b]),
    ];
    let mut sections: Vec<Section> = Vec::with_capacity(4);
    for (id, body) in bodies.iter().rev() {
        let next = sections.last().map_or(null(), std::ptr::from_ref);
        sections.push(section(next, *id, body));
    }
    let first = sections.last().map_or(null(), std::ptr::from_ref);
    let module = wasm_runtime_load_from_sections(first, false, message.at(), 256);
    let module = Loaded::of(module);
    assert_eq!(instantiate(&module).call("f", &[]).unwrap()[0], 9);
    assert!(wasm_runtime_load_from_sections(first, true, message.at(), 256).is_null());
}

extern "C" fn read_module(
    _: c_int,
    name: *const c_char,
    buffer: *mut *mut u8,
    size: *mut u32,
) -> bool {
    if text_at(name).as_deref() != Some("read") {
        return false;
    }
    let bytes =
        wat::parse_str(r#"(module (func (export "two") (result i32) (i32.const 2)))"#).unwrap();
    let bytes = bytes.into_boxed_slice();
    // SAFETY: both have room.
    unsafe {
        *size = bytes.len() as u32;
        *buffer = Box::into_raw(bytes).cast();
    }
    true
}

extern "C" fn destroy_buffer(buffer: *mut u8, size: u32) {
    // SAFETY: the reader made it.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(buffer, size as usize)) });
}

#[cfg(feature = "loading-linking")]
#[test]
fn modules_import_from_registered_ones_and_from_what_a_reader_finds() {
    let _alone = alone();
    assert!(wasm_runtime_init());
    {
        let base = load(
            r#"(module (memory (export "m") 1)
                (func (export "bump") (result i32)
                    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
                    (i32.load (i32.const 0))))"#,
        );
        let side = load(
            r#"(module (import "base" "bump" (func $bump (result i32)))
                (func (export "bump") (result i32) (call $bump)))"#,
        );
        let main = load(
            r#"(module (import "base" "bump" (func $a (result i32)))
                (import "side" "bump" (func $b (result i32)))
                (import "read" "two" (func $two (result i32)))
                (func (export "run") (result i32)
                    (drop (call $a)) (i32.mul (call $b) (call $two))))"#,
        );
        let register = |name: &std::ffi::CStr, module: &Loaded| {
            wasm_runtime_register_module(name.as_ptr(), module.name, null_mut(), 0)
        };
        wasm_runtime_set_module_reader(Some(read_module), Some(destroy_buffer));
        assert!(register(c"base", &base) && register(c"side", &side));
        assert!(!register(c"base", &side) && !register(c"other", &side));
        assert_eq!(wasm_runtime_find_module_registered(c"base".as_ptr()), base.name);
        assert!(wasm_runtime_find_module_registered(c"none".as_ptr()).is_null());
        // A diamond: both see one base.
        assert_eq!(instantiate(&main).call("run", &[]).unwrap()[0], 4);
        assert!(!wasm_runtime_find_module_registered(c"read".as_ptr()).is_null());
        let circle = load(r#"(module (import "circle" "f" (func)) (func (export "f")))"#);
        assert!(register(c"circle", &circle));
        let mut message = Message::new();
        assert!(wasm_runtime_instantiate(circle.name, 0, 0, message.at(), 256).is_null());
        assert!(message.text().contains("`circle`"), "{}", message.text());
    }
    wasm_runtime_destroy();
}

#[cfg(not(feature = "loading-linking"))]
#[test]
fn without_loading_linking_modules_are_not_registered() {
    let _runtime = start();
    let base = load(r#"(module (func (export "f")))"#);
    let mut message = Message::new();
    assert!(!wasm_runtime_register_module(c"base".as_ptr(), base.name, message.at(), 256));
    assert!(message.text().contains("loading linking"), "{}", message.text());
    assert!(wasm_runtime_find_module_registered(c"base".as_ptr()).is_null());
    let importer = load(r#"(module (import "base" "f" (func)))"#);
    let mut message = Message::new();
    assert!(wasm_runtime_instantiate(importer.name, 0, 0, message.at(), 256).is_null());
    assert!(message.text().contains("base"), "{}", message.text());
}
