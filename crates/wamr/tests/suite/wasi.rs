//! WASI end to end: programs in text, real imports, captured output.

use std::io::Cursor;

use wamr::wasi::{self, Exit, MemoryOutput, MissingMemory, WasiCtx};
use wamr::{Engine, Error, Instance, Linker, Store, TrapCode};

use crate::support::{call, each_mode, module};

/// What a store of these tests holds: a world, and something beside it.
struct Host {
    ctx: WasiCtx,
    name: &'static str,
}

fn linker(engine: &Engine) -> Linker<Host> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker, |host: &mut Host| &mut host.ctx).unwrap();
    linker
}

fn start(
    engine: &Engine,
    ctx: WasiCtx,
    program: &str,
) -> (Store<Host>, Instance, Result<(), Error>) {
    let mut store = Store::new(engine, Host { ctx, name: "a host" });
    let instance = linker(engine).instantiate(&mut store, &module(engine, program)).unwrap();
    let outcome = call(&mut store, &instance, "_start", ());
    (store, instance, outcome)
}

fn exit_code(outcome: &Result<(), Error>) -> i32 {
    outcome.as_ref().unwrap_err().downcast_ref::<Exit>().expect("an exit").0
}

/// Writes its arguments and environment to standard output as they lie in memory, then exits
/// with the number of arguments.
const ARGS: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (global $runs (mut i32) (i32.const 0))
    (func $show (param $size i32)
        (i32.store (i32.const 8) (i32.const 4096))
        (i32.store (i32.const 12) (local.get $size))
        (if (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)) (then unreachable)))
    (func (export "_start")
        (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
        (drop (call $args_sizes (i32.const 0) (i32.const 4)))
        (drop (call $args (i32.const 1024) (i32.const 4096)))
        (call $show (i32.load (i32.const 4)))
        (drop (call $env_sizes (i32.const 20) (i32.const 4)))
        (drop (call $env (i32.const 1024) (i32.const 4096)))
        (call $show (i32.load (i32.const 4)))
        (call $exit (i32.load (i32.const 0)))
        unreachable)
    (func (export "runs") (result i32) (global.get $runs)))"#;

#[test]
fn arguments_environment_output_and_exit_code() {
    each_mode(|engine| {
        let output = MemoryOutput::new();
        let ctx = WasiCtx::builder()
            .args(["prog", "one", "zwei", ""])
            .env("A", "1")
            .envs([("B", "x=y"), ("A", "2")])
            .stdout(output.clone())
            .build();
        let (mut store, instance, outcome) = start(engine, ctx, ARGS);
        assert_eq!(exit_code(&outcome), 4);
        assert_eq!(output.contents(), b"prog\0one\0zwei\0\0A=2\0B=x=y\0");
        // The instance outlives its exit: exports are callable, even `_start`.
        assert_eq!(call::<(), i32>(&mut store, &instance, "runs", ()).unwrap(), 1);
        assert_eq!(exit_code(&call(&mut store, &instance, "_start", ())), 4);
        assert_eq!(call::<(), i32>(&mut store, &instance, "runs", ()).unwrap(), 2);
        assert_eq!(output.take().len(), 50);
        assert_eq!(store.data().name, "a host");
    });
}

#[test]
fn every_store_is_a_world_of_its_own() {
    each_mode(|engine| {
        let linker = linker(engine);
        let module = module(engine, ARGS);
        let worlds: Vec<_> = (0..3)
            .map(|count| {
                let output = MemoryOutput::new();
                let args = vec![format!("arg{count}"); count];
                let ctx = WasiCtx::builder().args(args).stdout(output.clone()).build();
                let mut store = Store::new(engine, Host { ctx, name: "" });
                let instance = linker.instantiate(&mut store, &module).unwrap();
                (store, instance, output)
            })
            .collect();
        for (count, (mut store, instance, output)) in worlds.into_iter().enumerate() {
            assert_eq!(exit_code(&call(&mut store, &instance, "_start", ())), count as i32);
            assert_eq!(output.contents(), format!("arg{count}\0").repeat(count).as_bytes());
        }
    });
}

/// Copies `in.txt` of the first preopened directory to `out.txt` in it.
const COPY: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "in.txt") (data (i32.const 200) "out.txt") (data (i32.const 300) "../secret")
    (func $check (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
    (func (export "_start")
        (i32.store (i32.const 0) (i32.const 1000)) (i32.store (i32.const 4) (i32.const 500))
        (call $check (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 6)
            (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
        (call $check (call $read (i32.load (i32.const 8)) (i32.const 0) (i32.const 1) (i32.const 4)))
        (call $check (call $open (i32.const 3) (i32.const 0) (i32.const 200) (i32.const 7)
            (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8)))
        (call $check (call $write (i32.load (i32.const 8)) (i32.const 0) (i32.const 1) (i32.const 12))))
    (func (export "escape") (result i32)
        (call $open (i32.const 3) (i32.const 0) (i32.const 300) (i32.const 9)
            (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8))))"#;

#[test]
fn files_of_a_directory_and_nothing_outside() {
    each_mode(|engine| {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let dir = outside.path().join("dir");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("in.txt"), "some text").unwrap();
        let ctx = WasiCtx::builder().preopen_dir(&dir, "/").unwrap().build();
        let (mut store, instance, outcome) = start(engine, ctx, COPY);
        outcome.unwrap();
        assert_eq!(std::fs::read(dir.join("out.txt")).unwrap(), b"some text");
        assert_ne!(call::<(), i32>(&mut store, &instance, "escape", ()).unwrap(), 0);
        // Without a directory there is no descriptor 3: the program exits with `badf`.
        let (.., outcome) = start(engine, WasiCtx::builder().build(), COPY);
        assert_eq!(exit_code(&outcome), 8);
    });
}

#[test]
fn standard_input_is_read_where_the_guest_says() {
    each_mode(|engine| {
        let program = r#"(module
            (import "wasi_unstable" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start"))
            (func (export "read") (param $at i32) (result i32)
                (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (i32.const 16))
                (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))"#;
        let ctx = WasiCtx::builder().stdin(Cursor::new("from the host")).build();
        let (mut store, instance, outcome) = start(engine, ctx, program);
        outcome.unwrap();
        assert_eq!(call::<i32, i32>(&mut store, &instance, "read", 1000).unwrap(), 0);
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let bytes = memory.data(&store).unwrap();
        assert_eq!((&bytes[1000..1013], bytes[8]), (&b"from the host"[..], 13));
        // Addresses outside are `fault`, not a trap and not a write.
        assert_eq!(call::<i32, i32>(&mut store, &instance, "read", 65_530).unwrap(), 21);
        assert_eq!(call::<i32, i32>(&mut store, &instance, "read", -1).unwrap(), 21);
    });
}

#[test]
fn a_guest_without_memory_is_told_so() {
    each_mode(|engine| {
        let program = r#"(module
            (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
            (func (export "_start") (drop (call $yield))))"#;
        let (.., outcome) = start(engine, WasiCtx::builder().build(), program);
        assert!(outcome.unwrap_err().downcast_ref::<MissingMemory>().is_some());
    });
}

#[test]
fn an_exit_passes_through_the_host_and_traps_are_no_exits() {
    each_mode(|engine| {
        let program = r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func $inner (call $exit (i32.const -1)))
            (func (export "_start") (call $inner))
            (func (export "trap") unreachable))"#;
        let (mut store, instance, outcome) = start(engine, WasiCtx::builder().build(), program);
        assert_eq!(exit_code(&outcome), -1);
        let error = call::<(), ()>(&mut store, &instance, "trap", ()).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::Unreachable));
        assert!(error.downcast_ref::<Exit>().is_none());
    });
}

#[test]
fn adding_twice_needs_shadowing() {
    each_mode(|engine| {
        let mut linker = linker(engine);
        assert!(wasi::add_to_linker(&mut linker, |host: &mut Host| &mut host.ctx).is_err());
        linker.allow_shadowing(true);
        wasi::add_to_linker(&mut linker, |host: &mut Host| &mut host.ctx).unwrap();
    });
}

/// A library with a state, and no `_start`.
const REACTOR: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\06\00\00\00") (data (i32.const 16) "ready\0a")
    (global $count (mut i32) (i32.const -1))
    (func (export "_initialize")
        (if (i32.ne (global.get $count) (i32.const -1)) (then unreachable))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (global.set $count (i32.const 0)))
    (func (export "add") (param i32) (result i32)
        (global.set $count (i32.add (global.get $count) (local.get 0)))
        (global.get $count))
    (func (export "trap") (drop (i32.div_u (i32.const 1) (i32.const 0))))
    (func (export "quit") (param i32) (call $exit (local.get 0))))"#;

#[test]
fn a_reactor_is_initialised_once_and_its_exports_are_called_ever_after() {
    each_mode(|engine| {
        let output = MemoryOutput::new();
        let ctx = WasiCtx::builder().stdout(output.clone()).build();
        let mut store = Store::new(engine, Host { ctx, name: "" });
        let instance = linker(engine).instantiate(&mut store, &module(engine, REACTOR)).unwrap();
        assert_eq!(output.contents(), b"", "an embedder initialises it");
        call::<(), ()>(&mut store, &instance, "_initialize", ()).unwrap();
        assert_eq!(output.contents(), b"ready\n");
        assert_eq!(call::<i32, i32>(&mut store, &instance, "add", 2).unwrap(), 2);
        // What ends one call ends neither the instance nor its state.
        let trap = call::<(), ()>(&mut store, &instance, "trap", ()).unwrap_err();
        assert_eq!(trap.trap_code(), Some(TrapCode::IntegerDivideByZero));
        assert_eq!(call::<i32, i32>(&mut store, &instance, "add", 3).unwrap(), 5);
        assert_eq!(exit_code(&call(&mut store, &instance, "quit", 9)), 9);
        assert_eq!(call::<i32, i32>(&mut store, &instance, "add", 4).unwrap(), 9);
        assert_eq!(exit_code(&call(&mut store, &instance, "quit", 0)), 0);
        assert_eq!(call::<i32, i32>(&mut store, &instance, "add", 1).unwrap(), 10);
        let twice = call::<(), ()>(&mut store, &instance, "_initialize", ()).unwrap_err();
        assert_eq!(twice.trap_code(), Some(TrapCode::Unreachable));
    });
}
