//! Calls in both directions.

use std::ffi::c_void;
use std::ptr::null_mut;

use super::support::*;
use crate::export::call::*;
use crate::export::entity::*;
use crate::export::env::*;
use crate::export::handle::Name;
use crate::export::instance::*;
use crate::export::memory::*;
use crate::export::native::*;
use crate::export::sysv::{wasm_runtime_call_func_ref_v, wasm_runtime_call_wasm_v};
use crate::export::types::valkind;
use crate::export::value::WasmVal;

const MATH: &str = r#"(module
    (func (export "add") (param i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 1)))
    (func (export "mix") (param i32 i64 f32 f64) (result f64 i64 i32)
        (local.get 3) (local.get 1) (local.get 0))
    (func (export "trap") unreachable)
    (func (export "div") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))))"#;

#[test]
fn cells_carry_arguments_and_any_number_of_results() {
    let _runtime = start();
    let (_module, inst) = instance(MATH);
    assert_eq!(inst.call("add", &[3, 4]).unwrap()[0], 7);
    let double = 2.5f64.to_bits();
    let args = [9, 0xffff_fff0, 1, 0, double as u32, (double >> 32) as u32];
    let cells = inst.call("mix", &args).unwrap();
    assert_eq!(u64::from(cells[1]) << 32 | u64::from(cells[0]), double);
    assert_eq!((cells[2], cells[3], cells[4]), (0xffff_fff0, 1, 9));
    assert_eq!(
        inst.call("add", &[1]).unwrap_err(),
        "Exception: invalid argument count 1, must be no smaller than 2"
    );
    assert_eq!(inst.call("add", &[3, 4, 5]).unwrap()[0], 7);
    assert_eq!(inst.call("trap", &[]).unwrap_err(), "Exception: unreachable");
    assert_eq!(inst.call("div", &[0]).unwrap_err(), "Exception: integer divide by zero");
    wasm_runtime_clear_exception(inst.name);
    assert_eq!(inst.exception(), None);
}

#[test]
fn pointers_of_the_host_may_be_counted_as_one_cell() {
    let _runtime = start();
    let (_module, inst) = instance(
        r#"(module (func (export "pick") (param i32 externref externref) (result externref)
            (select (result externref) (local.get 1) (local.get 2) (local.get 0))))"#,
    );
    let pick = inst.func("pick");
    for (count, which) in [(3, 0), (5, 1), (3, 1), (7, 0)] {
        let mut cells = [which, 0x10, 0x11, 0x20, 0x21, 0, 0];
        assert!(wasm_runtime_call_wasm(inst.env, pick, count, cells.as_mut_ptr()));
        assert_eq!(cells[..2], if which == 0 { [0x20, 0x21] } else { [0x10, 0x11] });
    }
    for count in [0, 2, 4] {
        let mut cells = [0; 7];
        assert!(!wasm_runtime_call_wasm(inst.env, pick, count, cells.as_mut_ptr()));
        assert!(inst.exception().unwrap().ends_with("must be no smaller than 5"));
    }
}

fn val(kind: u8, of: u64) -> WasmVal {
    WasmVal { kind, paddings: [0; 7], of }
}

#[test]
fn values_and_variable_arguments_carry_the_same() {
    let _runtime = start();
    let (_module, inst) = instance(MATH);
    let mix = inst.func("mix");
    let args = [
        val(valkind::I32, 5),
        val(valkind::I64, 6),
        val(valkind::F32, 1.5f32.to_bits().into()),
        val(valkind::F64, 7.5f64.to_bits()),
    ];
    let wanted = [val(valkind::F64, 7.5f64.to_bits()), val(valkind::I64, 6), val(valkind::I32, 5)];
    let mut results = [WasmVal::default(); 3];
    assert!(wasm_runtime_call_wasm_a(inst.env, mix, 3, results.as_mut_ptr(), 4, args.as_ptr()));
    assert_eq!(results, wanted);
    assert!(!wasm_runtime_call_wasm_a(inst.env, mix, 2, results.as_mut_ptr(), 4, args.as_ptr()));
    assert!(!wasm_runtime_call_wasm_a(inst.env, mix, 3, results.as_mut_ptr(), 3, args.as_ptr()));

    type Variadic = unsafe extern "C" fn(Name, Name, u32, *mut WasmVal, u32, ...) -> bool;
    for function in [
        wasm_runtime_call_wasm_v as *const () as usize,
        wasm_runtime_call_func_ref_v as *const () as usize,
    ] {
        // SAFETY: both are variadic functions of this type.
        let call = unsafe { std::mem::transmute::<*mut c_void, Variadic>(pointer(function)) };
        let mut results = [WasmVal::default(); 3];
        // SAFETY: the arguments are of the C types that belong to the parameters.
        let ok =
            unsafe { call(inst.env, mix, 3, results.as_mut_ptr(), 4, 5i32, 6i64, 1.5f64, 7.5f64) };
        assert!(ok, "{:?}", inst.exception());
        assert_eq!(results, wanted);
    }
}

#[test]
fn many_variable_arguments_come_from_the_stack() {
    let _runtime = start();
    let (_module, inst) = instance(
        r#"(module (func (export "f")
            (param i32 i64 f64 f64 f64 f64 f64 f64 f64 f64 f64 i32) (result f64 i32)
            (f64.add (local.get 9) (local.get 10)) (local.get 11)))"#,
    );
    type Variadic = unsafe extern "C" fn(Name, Name, u32, *mut WasmVal, u32, ...) -> bool;
    let function = wasm_runtime_call_wasm_v as *const () as usize;
    // SAFETY: it is a variadic function of this type.
    let call = unsafe { std::mem::transmute::<*mut c_void, Variadic>(pointer(function)) };
    let mut results = [WasmVal::default(); 2];
    let f = inst.func("f");
    // SAFETY: the arguments are of the C types that belong to the parameters.
    let ok = unsafe {
        call(
            inst.env,
            f,
            2,
            results.as_mut_ptr(),
            12,
            1i32,
            2i64,
            1.0f64,
            2.0f64,
            3.0f64,
            4.0f64,
            5.0f64,
            6.0f64,
            7.0f64,
            8.0f64,
            9.0f64,
            -3i32,
        )
    };
    assert!(ok, "{:?}", inst.exception());
    assert_eq!(results[0].of, 17.0f64.to_bits());
    assert_eq!(results[1].of as i32, -3);
}

extern "C" fn native_mixed(
    env: Name,
    a: i32,
    b: i64,
    c: f32,
    d: f64,
    e: i32,
    f: i32,
    g: i32,
    h: f64,
) -> f64 {
    assert!(!wasm_runtime_get_module_inst(env).is_null());
    f64::from(a) + b as f64 + f64::from(c) + d + f64::from(e + f * 10 + g * 100) + h
}

extern "C" fn native_text(env: Name, text: *const u8, buf: *mut u8, len: u32) -> i32 {
    let attached = wasm_runtime_get_function_attachment(env);
    assert_eq!(attached.addr(), 77);
    // SAFETY: the signature had both checked.
    unsafe {
        assert_eq!(std::slice::from_raw_parts(text, 2), b"hi");
        buf.write_bytes(b'x', len as usize);
    }
    let inst = wasm_runtime_get_module_inst(env);
    let offset = wasm_runtime_addr_native_to_app(inst, buf.cast());
    assert!(wasm_runtime_validate_native_addr(inst, buf.cast(), len.into()));
    offset as i32
}

extern "C" fn native_raw(env: Name, args: *mut u64) {
    assert!(!env.is_null());
    // SAFETY: there are two arguments.
    unsafe { *args = u64::from(*args as u32 + *args.add(1) as u32) };
}

extern "C" fn native_fail(env: Name) {
    let inst = wasm_runtime_get_module_inst(env);
    wasm_runtime_set_exception(inst, c"of the native".as_ptr());
}

/// Calls back into the instance that called.
extern "C" fn native_reenter(env: Name, n: i32) -> i32 {
    let inst = wasm_runtime_get_module_inst(env);
    let func = wasm_runtime_lookup_function(inst, c"step".as_ptr());
    let mut cells = [n as u32];
    assert!(wasm_runtime_call_wasm(env, func, 1, cells.as_mut_ptr()));
    cells[0] as i32
}

fn symbol(
    name: &'static std::ffi::CStr,
    func: usize,
    signature: &'static std::ffi::CStr,
) -> NativeSymbol {
    NativeSymbol {
        symbol: name.as_ptr(),
        func_ptr: pointer(func),
        signature: signature.as_ptr(),
        attachment: pointer(77),
    }
}

#[test]
fn natives_get_arguments_pointers_and_their_caller() {
    let _runtime = start();
    let mut symbols = [
        symbol(c"mixed", native_mixed as *const () as usize, c"(iIfFiiiF)F"),
        symbol(c"text", native_text as *const () as usize, c"($*~)i"),
        symbol(c"fail", native_fail as *const () as usize, c"()"),
        symbol(c"reenter", native_reenter as *const () as usize, c"(i)i"),
    ];
    let mut raw = [symbol(c"raw", native_raw as *const () as usize, c"(ii)i")];
    let module_name = c("natives");
    assert!(wasm_runtime_register_natives(module_name.as_ptr(), symbols.as_mut_ptr(), 4));
    assert!(wasm_runtime_register_natives_raw(module_name.as_ptr(), raw.as_mut_ptr(), 1));
    let (_module, inst) = instance(
        r#"(module
            (import "natives" "mixed"
                (func $mixed (param i32 i64 f32 f64 i32 i32 i32 f64) (result f64)))
            (import "natives" "text" (func $text (param i32 i32 i32) (result i32)))
            (import "natives" "fail" (func $fail))
            (import "natives" "reenter" (func $reenter (param i32) (result i32)))
            (import "natives" "raw" (func $raw (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "hi\00")
            (func (export "mixed") (result f64)
                (call $mixed (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4)
                    (i32.const 5) (i32.const 6) (i32.const 7) (f64.const 8)))
            (func (export "text") (param i32 i32) (result i32)
                (call $text (i32.const 16) (local.get 0) (local.get 1)))
            (func (export "fail") (call $fail))
            (func (export "step") (param i32) (result i32)
                (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
                    (else (i32.add (i32.const 1)
                        (call $reenter (i32.sub (local.get 0) (i32.const 1)))))))
            (func (export "raw") (result i32) (call $raw (i32.const 40) (i32.const 2)))
            (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))"#,
    );
    let cells = inst.call("mixed", &[]).unwrap();
    let sum = f64::from_bits(u64::from(cells[1]) << 32 | u64::from(cells[0]));
    assert_eq!(sum, 1.0 + 2.0 + 3.0 + 4.0 + 765.0 + 8.0);
    assert_eq!(inst.call("text", &[100, 4]).unwrap()[0], 100);
    assert_eq!(inst.call("load", &[103]).unwrap()[0], u32::from(b'x'));
    assert_eq!(
        inst.call("text", &[65535, 4]).unwrap_err(),
        "Exception: out of bounds memory access"
    );
    assert_eq!(inst.call("fail", &[]).unwrap_err(), "Exception: of the native");
    assert_eq!(inst.call("step", &[10]).unwrap()[0], 10);
    assert_eq!(inst.call("raw", &[]).unwrap()[0], 42);
    assert!(wasm_runtime_unregister_natives(module_name.as_ptr(), symbols.as_mut_ptr()));
    assert!(!wasm_runtime_unregister_natives(module_name.as_ptr(), symbols.as_mut_ptr()));
    assert!(wasm_runtime_unregister_natives(module_name.as_ptr(), raw.as_mut_ptr()));
    assert_eq!(inst.call("raw", &[]).unwrap()[0], 42);
}

#[test]
fn tables_are_called_through_and_read() {
    let _runtime = start();
    let (_module, inst) = instance(
        r#"(module
            (table (export "t") 3 10 funcref)
            (elem (i32.const 0) $double)
            (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
            (func (export "half") (param i32) (result i32)
                (i32.div_u (local.get 0) (i32.const 2)))
            (func (export "via") (param i32 i32) (result i32)
                (call_indirect (param i32) (result i32) (local.get 1) (local.get 0))))"#,
    );
    let mut cells = [21];
    assert!(wasm_runtime_call_indirect(inst.env, 0, 1, cells.as_mut_ptr()));
    assert_eq!(cells[0], 42);
    assert!(!wasm_runtime_call_indirect(inst.env, 1, 1, cells.as_mut_ptr()));
    assert_eq!(inst.exception().unwrap(), "Exception: uninitialized element");
    assert!(!wasm_runtime_call_indirect(inst.env, 3, 1, cells.as_mut_ptr()));
    assert_eq!(inst.exception().unwrap(), "Exception: undefined element");

    let table = wasm_runtime_get_export_table(inst.name, c"t".as_ptr());
    assert_eq!((wasm_table_get_cur_size(table), wasm_table_get_max_size(table)), (3, 10));
    let double = wasm_runtime_get_table_func(inst.name, table, 0);
    assert_eq!(wasm_func_get_param_count(double, inst.name), 1);
    assert!(wasm_table_set_func(table, 2, inst.func("half")));
    assert!(!wasm_table_set_func(table, 3, double));
    assert!(wasm_table_enlarge(table, 2, double));
    assert!(!wasm_table_enlarge(table, 6, NULL));
    assert_eq!(inst.call("via", &[2, 8]).unwrap()[0], 4);
    assert_eq!(inst.call("via", &[4, 8]).unwrap()[0], 16);
    assert!(wasm_runtime_get_table_func(inst.name, table, 1).is_null());
    assert!(wasm_runtime_get_table_func(inst.name, table, 99).is_null());
    let mut cells = [1u32, 0];
    let mut kinds = [9u8; 2];
    wasm_func_get_param_types(double, inst.name, kinds.as_mut_ptr());
    wasm_func_get_result_types(double, inst.name, kinds[1..].as_mut_ptr());
    assert_eq!(kinds, [valkind::I32; 2]);
    assert_eq!(wasm_func_get_result_count(double, NULL), 1);
    assert!(wasm_runtime_call_wasm(inst.env, double, 1, cells.as_mut_ptr()));
}

#[test]
fn environments_carry_data_and_are_checked() {
    let _runtime = start();
    let (_module, inst) = instance(MATH);
    assert_eq!(wasm_runtime_get_module_inst(inst.env), inst.name);
    wasm_runtime_set_user_data(inst.env, pointer(5));
    assert_eq!(wasm_runtime_get_user_data(inst.env).addr(), 5);
    let own = wasm_runtime_get_exec_env_singleton(inst.name);
    assert_eq!(own, wasm_runtime_get_exec_env_singleton(inst.name));
    wasm_runtime_destroy_exec_env(own);
    assert_eq!(wasm_runtime_get_module_inst(own), inst.name);
    wasm_runtime_set_module_inst(inst.env, NULL);
    wasm_runtime_set_module_inst(inst.env, inst.name);
    wasm_runtime_set_native_stack_boundary(inst.env, null_mut());
    assert!(wasm_runtime_create_exec_env(inst.name, 0).is_null());
    assert!(wasm_runtime_create_exec_env(NULL, 1).is_null());
    assert!(wasm_runtime_create_exec_env(inst.env, 1).is_null());
    assert!(!wasm_runtime_call_wasm(inst.name, inst.env, 0, null_mut()));
    assert!(!wasm_runtime_call_wasm(inst.env, inst.name, 0, null_mut()));
    assert!(wasm_runtime_begin_blocking_op(inst.env));
    wasm_runtime_end_blocking_op(inst.env);
    assert!(wasm_runtime_get_function_attachment(inst.env).is_null());
    let other = wasm_runtime_create_exec_env(inst.name, 1);
    wasm_runtime_destroy_exec_env(other);
    wasm_runtime_destroy_exec_env(other);
    assert!(wasm_runtime_get_module_inst(other).is_null());
    assert!(wasm_runtime_get_user_data(other).is_null());
}

#[test]
fn termination_ends_a_loop_and_lasts_until_cleared() {
    let _runtime = start();
    let (_module, inst) =
        instance(r#"(module (func (export "spin") (loop (br 0))) (func (export "quick")))"#);
    let name = inst.name.addr();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(50));
        wasm_runtime_terminate(std::ptr::without_provenance_mut(name));
    });
    assert_eq!(inst.call("spin", &[]).unwrap_err(), "Exception: terminated by user");
    stopper.join().unwrap();
    assert_eq!(inst.call("quick", &[]).unwrap_err(), "Exception: terminated by user");
    wasm_runtime_clear_exception(inst.name);
    inst.call("quick", &[]).unwrap();
}
