//! WASI and programs.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};

use super::support::*;
use crate::export::call::*;
use crate::export::context::wasm_runtime_get_custom_data;
use crate::export::instantiate::*;
use crate::export::wasi::*;

const PROGRAM: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $dir (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (drop (call $args (i32.const 0) (i32.const 4)))
        (drop (call $env (i32.const 8) (i32.const 12)))
        (call $exit (i32.add (i32.mul (i32.load (i32.const 0)) (i32.const 10))
            (i32.load (i32.const 8)))))
    (func (export "dir") (result i32) (call $dir (i32.const 3) (i32.const 16))))"#;

#[test]
fn a_program_that_waits_for_its_input_is_terminated() {
    let _runtime = start();
    let module = load(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_read"
                (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\01")
            (func (export "_start")
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
    );
    let (reader, _writer) = std::io::pipe().unwrap();
    let input = i64::from(std::os::fd::AsRawFd::as_raw_fd(&reader));
    let (dirs, none) = (null(), null());
    wasm_runtime_set_wasi_args_ex(module.name, dirs, 0, dirs, 0, none, 0, none, 0, input, -1, -1);
    let inst = instantiate(&module);
    let name = inst.name.expose_provenance();
    let program = std::thread::spawn(move || {
        assert!(crate::export::thread::wasm_runtime_init_thread_env());
        let ok = wasm_application_execute_main(pointer(name).cast(), 0, null_mut());
        crate::export::thread::wasm_runtime_destroy_thread_env();
        ok
    });
    // Whether it has begun or not.
    crate::export::instance::wasm_runtime_terminate(inst.name);
    assert!(!program.join().unwrap());
    assert_eq!(inst.exception().unwrap(), "Exception: terminated by user");
}

#[test]
fn programs_get_their_world_and_end_with_a_code() {
    let _runtime = start();
    let module = load(PROGRAM);
    let argv: [*const c_char; 3] = [c"p".as_ptr(), c"a".as_ptr(), c"b".as_ptr()];
    let env: [*const c_char; 2] = [c"A=1".as_ptr(), c"B=2".as_ptr()];
    let dirs: [*const c_char; 1] = [c"/guest::/tmp".as_ptr()];
    wasm_runtime_set_wasi_args_ex(
        module.name,
        null(),
        0,
        dirs.as_ptr(),
        1,
        env.as_ptr(),
        2,
        argv.as_ptr(),
        3,
        -1,
        1,
        2,
    );
    let inst = instantiate(&module);
    assert!(wasm_runtime_is_wasi_mode(inst.name));
    assert!(!wasm_runtime_lookup_wasi_start_function(inst.name).is_null());
    assert!(wasm_application_execute_main(inst.name, 0, null_mut()));
    assert_eq!(wasm_runtime_get_wasi_exit_code(inst.name), 32);
    assert_eq!(inst.call("dir", &[]).unwrap()[0], 0);
    assert_eq!(inst.call("_start", &[]).unwrap_err(), "Exception: wasi proc exit");

    // Arguments of one instance win over those of its module.
    let mut args = null_mut();
    assert!(wasm_runtime_instantiation_args_create(&mut args));
    wasm_runtime_instantiation_args_set_wasi_arg(args, argv.as_ptr(), 1);
    wasm_runtime_instantiation_args_set_wasi_env(args, env.as_ptr(), 0);
    wasm_runtime_instantiation_args_set_wasi_dir(args, null(), 0, null(), 0);
    wasm_runtime_instantiation_args_set_wasi_stdio(args, -1, -1, -1);
    wasm_runtime_instantiation_args_set_wasi_addr_pool(args, null(), 0);
    wasm_runtime_instantiation_args_set_wasi_ns_lookup_pool(args, null(), 0);
    wasm_runtime_instantiation_args_set_default_stack_size(args, 4096);
    wasm_runtime_instantiation_args_set_host_managed_heap_size(args, 4096);
    wasm_runtime_instantiation_args_set_max_memory_pages(args, 2);
    wasm_runtime_instantiation_args_set_custom_data(args, pointer(12));
    let mut message = Message::new();
    let inst = wasm_runtime_instantiate_ex2(module.name, args, message.at(), 256);
    let inst = Instance::of(inst);
    assert_eq!(wasm_runtime_get_custom_data(inst.name).addr(), 12);
    assert!(wasm_application_execute_main(inst.name, 0, null_mut()));
    assert_eq!(wasm_runtime_get_wasi_exit_code(inst.name), 10);
    assert_ne!(inst.call("dir", &[]).unwrap()[0], 0);
    assert!(crate::export::memory::wasm_runtime_enlarge_memory(inst.name, 1));
    assert!(!crate::export::memory::wasm_runtime_enlarge_memory(inst.name, 1));
    wasm_runtime_instantiation_args_destroy(args);
    wasm_runtime_instantiation_args_destroy(args);
    assert!(wasm_runtime_instantiate_ex2(module.name, args, message.at(), 256).is_null());

    let missing: [*const c_char; 1] = [c"/no/such/directory".as_ptr()];
    wasm_runtime_set_wasi_args(module.name, missing.as_ptr(), 1, null(), 0, null(), 0, null(), 0);
    assert!(wasm_runtime_instantiate(module.name, 0, 0, message.at(), 256).is_null());
    assert!(message.text().contains("/no/such/directory"), "{}", message.text());
}

#[test]
fn sockets_lead_where_the_pool_says() {
    let _runtime = start();
    let module = load(
        r#"(module
            (import "wasi_snapshot_preview1" "sock_open"
                (func $open (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "sock_bind" (func $bind (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            ;; 127.0.0.1, any port
            (data (i32.const 0) "\00\00\00\00\7f\00\00\01")
            (func (export "bind") (result i32)
                (if (call $open (i32.const -1) (i32.const 0) (i32.const 1) (i32.const 32))
                    (then unreachable))
                (call $bind (i32.load (i32.const 32)) (i32.const 0))))"#,
    );
    let bind = || instantiate(&module).call("bind", &[]).unwrap()[0];
    let pool = |ranges: &[*const c_char]| {
        wasm_runtime_set_wasi_addr_pool(module.name, ranges.as_ptr(), ranges.len() as u32);
    };
    let refused = bind();
    assert_ne!(refused, 0);
    pool(&[c"10.0.0.0/8".as_ptr()]);
    assert_eq!(bind(), refused);
    pool(&[c"10.0.0.0/8".as_ptr(), c"127.0.0.0/8".as_ptr()]);
    assert_eq!(bind(), 0);
    let names = [c"*.example.com".as_ptr()];
    wasm_runtime_set_wasi_ns_lookup_pool(module.name, names.as_ptr(), 1);
    assert_eq!(bind(), 0);
    pool(&[c"127.0.0.1 and others".as_ptr()]);
    let mut message = Message::new();
    assert!(wasm_runtime_instantiate(module.name, 0, 0, message.at(), 256).is_null());
    assert!(message.text().contains("ADDRESS/BITS"), "{}", message.text());
}

#[test]
fn main_gets_its_arguments_and_functions_their_text() {
    let _runtime = start();
    let (_module, inst) = instance(
        r#"(module (memory (export "memory") 1)
            (func (export "main") (param i32 i32) (result i32)
                ;; The second argument's first byte, and how many there are.
                (i32.add (i32.mul (local.get 0) (i32.const 1000))
                    (i32.load8_u (i32.load offset=4 (local.get 1)))))
            (func (export "sum") (param i32 i64 f32 f64) (result i32 f64)
                (local.get 0) (local.get 3)))"#,
    );
    let (program, argument) = (c"p".to_owned(), c"xyz".to_owned());
    let mut argv = [program.as_ptr().cast_mut(), argument.as_ptr().cast_mut()];
    assert!(wasm_application_execute_main(inst.name, 2, argv.as_mut_ptr()));
    assert_eq!(argv[0].addr() as u32, 2000 + u32::from(b'x'));
    // Without arguments no room is needed.
    assert!(wasm_application_execute_main(inst.name, 0, null_mut()) || inst.exception().is_some());
    let args: [*const c_char; 4] =
        [c"0x10".as_ptr(), c"-5".as_ptr(), c"1.5".as_ptr(), c"2.5".as_ptr()];
    let call = |name: &std::ffi::CStr, count| {
        wasm_application_execute_func(inst.name, name.as_ptr(), count, args.as_ptr())
    };
    assert!(call(c"sum", 4) && call(c"$m$sum", 4));
    assert!(!call(c"sum", 3));
    assert!(!call(c"none", 0));
    assert!(inst.exception().unwrap().contains("lookup function none failed"));
    let mut args = Args { stack: 0, heap: 0, pages: 1 };
    let at: *mut c_void = (&raw mut args).cast();
    let again = wasm_runtime_instantiate_ex(_module.name, at.cast(), null_mut(), 0);
    drop(Instance::of(again));
}

#[repr(C)]
struct Args {
    stack: u32,
    heap: u32,
    pages: u32,
}
