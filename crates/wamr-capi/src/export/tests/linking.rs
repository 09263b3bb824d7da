//! Instantiation linking: lists of imports, what the host makes, and groups.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::*;
use crate::export::entity::*;
use crate::export::env::wasm_runtime_get_function_attachment;
use crate::export::handle::Name;
use crate::export::imports::*;
use crate::export::instantiate::*;
use crate::export::memory::*;
use crate::export::module::*;
use crate::export::types::valkind;
use crate::export::value::WasmVal;

/// `wasm_import_t` as C sees it.
#[repr(C)]
struct Import {
    module: *const c_char,
    name: *const c_char,
    kind: i32,
    linked: bool,
    ty: Name,
}

/// The type of an import.
pub(super) fn import_type(module: &Loaded, index: i32) -> Name {
    let mut import =
        Import { module: null(), name: null(), kind: 0, linked: false, ty: null_mut() };
    wasm_runtime_get_import_type(module.name, index, (&raw mut import).cast());
    import.ty
}

fn entry(
    module: &'static std::ffi::CStr,
    name: &'static std::ffi::CStr,
    kind: i32,
    value: Name,
) -> ExternInst {
    ExternInst {
        module_name: module.as_ptr(),
        field_name: name.as_ptr(),
        kind,
        value,
        dep_inst: null_mut(),
    }
}

const EMPTY: ExternInst = ExternInst {
    module_name: null(),
    field_name: null(),
    kind: 0,
    value: null_mut(),
    dep_inst: null_mut(),
};

/// Instantiates with a list.
fn with_imports(module: &Loaded, list: &[ExternInst]) -> Result<Instance, String> {
    let mut args = null_mut();
    assert!(wasm_runtime_instantiation_args_create(&mut args));
    wasm_runtime_instantiation_args_set_imports(args, list.as_ptr(), list.len() as u32);
    let mut message = Message::new();
    let inst = wasm_runtime_instantiate_ex2(module.name, args, message.at(), 256);
    wasm_runtime_instantiation_args_destroy(args);
    if inst.is_null() { Err(message.text()) } else { Ok(Instance::of(inst)) }
}

const USER: &str = r#"(module
    (import "env" "memory" (memory 1 5))
    (import "env" "table" (table 2 funcref))
    (import "env" "counter" (global $counter (mut i32)))
    (func (export "poke") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
    (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "count") (result i32)
        (global.set $counter (i32.add (global.get $counter) (i32.const 1)))
        (global.get $counter))
    (func (export "install") (param i32) (table.set (local.get 0) (ref.func $seven)))
    (func $seven (result i32) (i32.const 7))
    (elem declare func $seven)
    (func (export "via") (param i32) (result i32)
        (call_indirect (result i32) (local.get 0)))
    (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#;

#[test]
fn what_the_host_made_is_shared_and_outlives_its_maker() {
    let _runtime = start();
    let module = load(USER);
    let memory = wasm_runtime_create_memory(module.name, import_type(&module, 0));
    let table = wasm_runtime_create_table(module.name, import_type(&module, 1));
    let start_value = WasmVal { kind: valkind::I32, paddings: [0; 7], of: 40 };
    let global = wasm_runtime_create_global(module.name, import_type(&module, 2), &start_value);
    assert!(!memory.is_null() && !table.is_null() && !global.is_null());
    // It can be used before it is given to anybody.
    let base = wasm_memory_get_base_address(memory).cast::<u8>();
    // SAFETY: the memory has a page.
    unsafe { *base.add(9) = 99 };
    let list = [
        EMPTY,
        entry(c"env", c"memory", 2, memory),
        entry(c"env", c"table", 1, table),
        entry(c"env", c"counter", 3, global),
        EMPTY,
    ];
    let first = with_imports(&module, &list).unwrap();
    let second = with_imports(&module, &list).unwrap();
    assert_eq!(first.call("peek", &[9]).unwrap()[0], 99);
    first.call("poke", &[10, 33]).unwrap();
    assert_eq!(second.call("peek", &[10]).unwrap()[0], 33);
    assert_eq!(first.call("count", &[]).unwrap()[0], 41);
    assert_eq!(second.call("count", &[]).unwrap()[0], 42);
    first.call("install", &[1]).unwrap();
    assert_eq!(second.call("via", &[1]).unwrap()[0], 7);
    assert!(wasm_memory_enlarge(memory, 1));
    assert_eq!(second.call("grow", &[]).unwrap()[0], 2);
    assert_eq!(wasm_memory_get_cur_page_count(memory), 3);
    assert!(!wasm_memory_enlarge(memory, 3));
    let mut value = WasmVal::default();
    assert!(wasm_global_get_value(global, &mut value));
    assert_eq!(value.of, 42);
    let set = WasmVal { of: 1, ..start_value };
    assert!(wasm_global_set_value(global, &set));
    // The makers go first, then one of the instances.
    wasm_runtime_destroy_memory(module.name, memory);
    wasm_runtime_destroy_memory(module.name, memory);
    wasm_runtime_destroy_table(module.name, table);
    wasm_runtime_destroy_global(module.name, table);
    wasm_runtime_destroy_global(module.name, global);
    drop(first);
    assert_eq!(second.call("peek", &[10]).unwrap()[0], 33);
    assert_eq!(second.call("count", &[]).unwrap()[0], 2);
    assert_eq!(second.call("via", &[1]).unwrap()[0], 7);
    assert_eq!(wasm_memory_get_cur_page_count(memory), 0);
}

#[test]
fn lists_are_matched_by_name_then_position_and_checked() {
    let _runtime = start();
    let module = load(
        r#"(module
            (import "a" "m" (memory 1))
            (import "a" "g" (global i32))
            (func (export "g") (result i32) (global.get 0)))"#,
    );
    let memory = wasm_runtime_create_memory(module.name, import_type(&module, 0));
    let value = WasmVal { kind: valkind::I32, paddings: [0; 7], of: 5 };
    let global = wasm_runtime_create_immutable_global(module.name, import_type(&module, 1), &value);
    let unnamed = |kind, value| ExternInst { kind, value, ..EMPTY };
    let inst = with_imports(&module, &[unnamed(2, memory), unnamed(3, global)]).unwrap();
    assert_eq!(inst.call("g", &[]).unwrap()[0], 5);
    // Names win over positions.
    let inst = with_imports(&module, &[entry(c"a", c"g", 3, global), entry(c"a", c"m", 2, memory)]);
    assert_eq!(inst.unwrap().call("g", &[]).unwrap()[0], 5);
    // At its own position, an entry may name another module, but no other field.
    let inst = with_imports(&module, &[entry(c"x", c"m", 2, memory), entry(c"x", c"g", 3, global)]);
    assert_eq!(inst.unwrap().call("g", &[]).unwrap()[0], 5);
    let failed = |list: &[ExternInst], what: &str| {
        let message = with_imports(&module, list).err().unwrap();
        assert!(message.contains(what), "{message}");
    };
    failed(&[entry(c"x", c"g", 3, global), entry(c"x", c"m", 2, memory)], "no such import");
    failed(&[entry(c"a", c"nothing", 3, global)], "no such import");
    failed(&[unnamed(3, global), unnamed(2, memory)], "incompatible import type");
    failed(&[entry(c"a", c"m", 2, global)], "incompatible import type");
    failed(&[entry(c"a", c"m", 2, pointer(0x1000))], "gone or was never made");
    failed(&[entry(c"a", c"m", 2, memory)], "`a` `g`");
    failed(&[EMPTY, EMPTY, unnamed(2, memory)], "no such import");
    wasm_runtime_destroy_memory(NULL, memory);
    failed(&[unnamed(2, memory), unnamed(3, global)], "gone or was never made");
    wasm_runtime_destroy_global(NULL, global);
}

#[test]
fn exports_of_one_instance_are_imports_of_another_in_any_order_of_ends() {
    let _runtime = start();
    let exporter = load(
        r#"(module
            (memory (export "m") 1)
            (global (export "g") (mut i64) (i64.const 8))
            (tag (export "e") (param i32))
            (table (export "t") 1 funcref)
            (func (export "throw") (throw 0 (i32.const 13)))
            (func (export "set") (i32.store8 (i32.const 0) (i32.const 77))))"#,
    );
    let importer = load(
        r#"(module
            (import "x" "m" (memory 1))
            (import "x" "g" (global $g (mut i64)))
            (import "x" "e" (tag $e (param i32)))
            (import "x" "throw" (func $throw))
            (import "x" "set" (func $set))
            (func (export "run") (result i32)
                (call $set)
                (i32.add (i32.load8_u (i32.const 0))
                    (block (result i32)
                        (try_table (catch $e 0) (call $throw))
                        (i32.const 0))))
            (func (export "g") (result i64)
                (global.set $g (i64.add (global.get $g) (i64.const 1))) (global.get $g)))"#,
    );
    let from = instantiate(&exporter);
    let list: Vec<ExternInst> = [c"m", c"g", c"e", c"throw", c"set"]
        .into_iter()
        .map(|name| {
            let mut out = EMPTY;
            assert!(wasm_runtime_get_export_extern(from.name, name.as_ptr(), &mut out));
            ExternInst { module_name: c"x".as_ptr(), ..out }
        })
        .collect();
    let mut out = EMPTY;
    assert!(!wasm_runtime_get_export_extern(from.name, c"none".as_ptr(), &mut out));
    let to = with_imports(&importer, &list).unwrap();
    assert_eq!(to.call("run", &[]).unwrap()[0], 77 + 13);
    let mut global = std::mem::MaybeUninit::<(u8, bool, *mut i64)>::uninit();
    assert!(wasm_runtime_get_export_global_inst(
        from.name,
        c"g".as_ptr(),
        global.as_mut_ptr().cast()
    ));
    to.call("g", &[]).unwrap();
    let tag = wasm_runtime_get_export_tag_inst(from.name, c"e".as_ptr());
    assert!(!tag.is_null());
    // What belongs to an instance is not the host's to destroy.
    wasm_runtime_destroy_tag(exporter.name, tag);
    assert_eq!(tag, wasm_runtime_get_export_tag_inst(from.name, c"e".as_ptr()));
    drop(from);
    assert_eq!(to.call("run", &[]).unwrap()[0], 77 + 13);
    assert_eq!(to.call("g", &[]).unwrap()[0], 10);
}

static FINALIZED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn finalize(env: *mut c_void) {
    FINALIZED.fetch_add(env.addr(), Ordering::SeqCst);
}

extern "C" fn add_env(env: Name, value: i32) -> i32 {
    value + wasm_runtime_get_function_attachment(env).addr() as i32
}

extern "C" fn three(_env: Name, args: *mut u64) {
    // SAFETY: there is room for three results.
    unsafe {
        let first = *args;
        for (i, at) in (0..3).map(|i| (i, args.add(i as usize))) {
            *at = first + i;
        }
    }
}

#[test]
fn functions_of_the_host_have_environments_and_any_number_of_results() {
    let _runtime = start();
    let module = load(
        r#"(module
            (import "h" "add" (func $add (param i32) (result i32)))
            (import "h" "three" (func $three (param i64) (result i64 i64 i64)))
            (func (export "add") (param i32) (result i32) (call $add (local.get 0)))
            (func (export "three") (param i64) (result i64)
                (call $three (local.get 0)) (i64.add) (i64.add)))"#,
    );
    let (add, raw) = (import_type(&module, 0), import_type(&module, 1));
    let (callback, env) = (pointer(add_env as *const () as usize), pointer(100));
    let func = wasm_runtime_create_function_with_env(
        module.name,
        add,
        callback,
        NO_TEXT,
        env,
        Some(finalize),
    );
    let three = wasm_runtime_create_function_raw(
        module.name,
        raw,
        pointer(three as *const () as usize),
        null_mut(),
        None,
    );
    assert!(!func.is_null() && !three.is_null());
    // A C function has one result.
    assert!(wasm_runtime_create_function(module.name, raw, callback).is_null());
    assert!(wasm_runtime_create_function(module.name, add, null_mut()).is_null());
    let wrong = wasm_runtime_create_function_with_env(
        module.name,
        add,
        callback,
        c"(f)i".as_ptr(),
        env,
        Some(finalize),
    );
    assert!(wrong.is_null());
    let list = [entry(c"h", c"add", 0, func), entry(c"h", c"three", 0, three)];
    let inst = with_imports(&module, &list).unwrap();
    wasm_runtime_destroy_function(module.name, func);
    wasm_runtime_destroy_function(module.name, three);
    assert_eq!(inst.call("add", &[5]).unwrap()[0], 105);
    assert_eq!(inst.call("three", &[10, 0]).unwrap()[0], 33);
    assert_eq!(FINALIZED.load(Ordering::SeqCst), 0);
    drop(inst);
    assert_eq!(FINALIZED.load(Ordering::SeqCst), 100);
}

#[test]
fn built_in_things_fill_lists_and_the_linker_the_rest() {
    let _runtime = start();
    let module = load(
        r#"(module
            (import "env" "strlen" (func $strlen (param i32) (result i32)))
            (import "any" "memory" (memory 1))
            (import "any" "g" (global i32))
            (data (i32.const 8) "four\00")
            (func (export "len") (result i32) (call $strlen (i32.const 8))))"#,
    );
    let mut list = [EMPTY; 3];
    // The memory and the global are nobody's.
    assert!(!wasm_runtime_create_imports_with_builtin(module.name, list.as_mut_ptr(), 3));
    assert!(!wasm_runtime_create_imports_with_builtin(module.name, list.as_mut_ptr(), 2));
    wasm_runtime_destroy_imports(module.name, list.as_mut_ptr());
    let mut message = Message::new();
    let inst = wasm_runtime_instantiate_with_builtin_linker(module.name, 0, 0, message.at(), 256);
    assert!(!inst.is_null(), "{}", message.text());
    let inst = Instance::of(inst);
    assert_eq!(inst.call("len", &[]).unwrap()[0], 4);
}

#[test]
fn exported_globals_are_read_and_written() {
    let _runtime = start();
    let (_module, inst) =
        instance(r#"(module (global (export "g") (mut i32) (i32.const 5)) (func (export "f")))"#);
    let global = wasm_runtime_get_export_global(inst.name, c"g".as_ptr());
    let mut value = WasmVal::default();
    assert!(wasm_global_get_value(global, &mut value) && value.of == 5);
    value.of = 6;
    assert!(wasm_global_set_value(global, &value));
    assert_eq!(global, wasm_runtime_get_export_global(inst.name, c"g".as_ptr()));
    assert!(wasm_runtime_get_export_global(inst.name, c"f".as_ptr()).is_null());
    assert!(wasm_runtime_get_export_global(NULL, c"g".as_ptr()).is_null());
}

#[test]
fn groups_that_run_are_not_joined_and_others_join() {
    let _runtime = start();
    let module = load(r#"(module (memory (export "m") 1) (memory (export "n") 1))"#);
    let importer = load(
        r#"(module (import "a" "m" (memory 1)) (import "b" "n" (memory 1))
            (func (export "sum") (result i32)
                (i32.add (i32.load8_u 0 (i32.const 0)) (i32.load8_u 1 (i32.const 0)))))"#,
    );
    let (a, b) = (instantiate(&module), instantiate(&module));
    let m = wasm_runtime_lookup_memory(a.name, c"m".as_ptr());
    let n = wasm_runtime_lookup_memory(b.name, c"n".as_ptr());
    // SAFETY: both have a page.
    unsafe {
        *wasm_memory_get_base_address(m).cast::<u8>() = 3;
        *wasm_memory_get_base_address(n).cast::<u8>() = 4;
    }
    let list = [entry(c"a", c"m", 2, m), entry(c"b", c"n", 2, n)];
    let inst = with_imports(&importer, &list).unwrap();
    assert_eq!(inst.call("sum", &[]).unwrap()[0], 7);
    drop((a, b));
    assert_eq!(inst.call("sum", &[]).unwrap()[0], 7);
}

#[test]
fn missing_functions_fail_instantiation_unless_allowed() {
    let _alone = alone();
    assert!(crate::export::runtime::wasm_runtime_init());
    {
        let module =
            load(r#"(module (import "no" "where" (func $f)) (func (export "f") (call $f)))"#);
        let mut message = Message::new();
        assert!(wasm_runtime_instantiate(module.name, 0, 0, message.at(), 256).is_null());
        assert!(message.text().contains("`no` `where`"), "{}", message.text());
        crate::export::runtime::wasm_runtime_set_allow_unlinked_functions(true);
        let inst = instantiate(&module);
        assert!(inst.call("f", &[]).unwrap_err().contains("unlinked import function"));
    }
    crate::export::runtime::wasm_runtime_destroy();
}
