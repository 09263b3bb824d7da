//! wasi-threads: programs that start threads, and how they end.
#![cfg(all(feature = "interp", feature = "wat", feature = "wasi"))]

use std::io::Read;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use wamr::wasi::{
    Exit, MemoryOutput, SharedWasiCtx, WasiCtx, WasiCtxBuilder, WasiThreads, add_shared_to_linker,
};
use wamr::{
    Config, Engine, Error, Linker, MemoryType, Mode, Module, ProgramPre, SharedMemory, Store,
    TrapCode,
};

/// Longer than any of the programs should take.
const LONG: Duration = Duration::from_secs(60);

struct Outcome {
    result: Result<(), Error>,
    memory: SharedMemory,
    output: String,
}

impl Outcome {
    fn word(&self, at: usize) -> u32 {
        let mut bytes = [0; 4];
        self.memory.read(at, &mut bytes).unwrap();
        u32::from_le_bytes(bytes)
    }

    #[track_caller]
    fn exit_code(&self) -> i32 {
        let error = self.result.as_ref().unwrap_err();
        error.downcast_ref::<Exit>().unwrap_or_else(|| panic!("{error:?}")).0
    }

    #[track_caller]
    fn trap(&self) -> TrapCode {
        self.result.as_ref().unwrap_err().trap_code().expect("a trap")
    }
}

/// Runs a program of a few functions beside those that all need.
fn run_with(
    engine: &Engine,
    max_threads: usize,
    world: impl FnOnce(&mut WasiCtxBuilder),
    functions: &str,
) -> Outcome {
    let text = format!(
        r#"(module
        (import "env" "memory" (memory 1 4 shared))
        (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
        (import "host" "panic" (func $panic))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
        (import "wasi_snapshot_preview1" "fd_read"
            (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff"
            (func $poll (param i32 i32 i32 i32) (result i32)))
        (export "memory" (memory 0))
        ;; Sleeps for a number of nanoseconds, with a subscription at an address.
        (func $sleep (param $at i32) (param $ns i64)
            (i64.store (local.get $at) (i64.const 0))
            (i32.store8 offset=8 (local.get $at) (i32.const 0))
            (i32.store offset=16 (local.get $at) (i32.const 1))
            (i64.store offset=24 (local.get $at) (local.get $ns))
            (i64.store offset=32 (local.get $at) (i64.const 0))
            (i32.store16 offset=40 (local.get $at) (i32.const 0))
            (if (call $poll (local.get $at) (i32.add (local.get $at) (i32.const 48))
                    (i32.const 1) (i32.add (local.get $at) (i32.const 80)))
                (then unreachable)))
        (func $wait_for_ever
            (drop (memory.atomic.wait32 (i32.const 4096) (i32.const 0) (i64.const -1)))
            unreachable)
        ;; Waits until the word at 0 is as large as that.
        (func $join (param $count i32) (local $now i32)
            (loop $again
                (local.set $now (i32.atomic.load (i32.const 0)))
                (if (i32.lt_u (local.get $now) (local.get $count)) (then
                    (drop (memory.atomic.wait32
                        (i32.const 0) (local.get $now) (i64.const -1)))
                    (br $again)))))
        (func $done
            (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
            (drop (memory.atomic.notify (i32.const 0) (i32.const -1))))
        {functions})"#
    );
    let output = MemoryOutput::new();
    let mut builder = WasiCtx::builder();
    builder.stdout(output.clone());
    world(&mut builder);
    let wasi = SharedWasiCtx::new(builder.build());

    let make_store = {
        let engine = engine.clone();
        move |wasi: &mut SharedWasiCtx| -> Result<Store<SharedWasiCtx>, Error> {
            let mut store = Store::try_new(&engine, wasi.clone())?;
            let handle = store.interrupt_handle();
            store.data_mut().set_interrupt(Arc::new(move || handle.is_interrupted()));
            Ok(store)
        }
    };
    let mut store = make_store(&mut wasi.clone()).unwrap();
    let threads = WasiThreads::new(max_threads, make_store);
    let mut linker = Linker::new(engine);
    add_shared_to_linker(&mut linker, |wasi: &mut SharedWasiCtx| wasi).unwrap();
    threads.add_to_linker(&mut linker).unwrap();
    linker.func_wrap("host", "panic", || -> () { panic!("as the guest wants") }).unwrap();
    let ty = MemoryType { shared: true, ..MemoryType::new(1, Some(4)) };
    let memory = SharedMemory::new(engine, ty).unwrap();
    linker.shared_memory("env", "memory", memory.clone()).unwrap();

    let module = Module::new(engine, &text).unwrap_or_else(|error| panic!("{error}"));
    let program = ProgramPre::new(&linker, &module).unwrap().instantiate(&mut store).unwrap();
    let start = program.main().get_typed_func::<(), ()>(&mut store, "_start").unwrap();
    let begin = Instant::now();
    let result = threads.run(&mut store, program.thread(), |store| start.call(store, ()));
    assert!(begin.elapsed() < LONG);
    let output = String::from_utf8(output.contents()).unwrap();
    Outcome { result, memory, output }
}

/// Runs a program in every mode, with guarded and with checked memories.
fn each(functions: &str, check: impl Fn(&Outcome)) {
    each_engine(|engine| check(&run_with(engine, 8, |_| {}, functions)));
}

fn each_engine(test: impl Fn(&Engine)) {
    for &mode in Mode::ALL {
        for memory_guard in [true, false] {
            let mut config = Config::new();
            config.mode(mode).memory_guard(memory_guard);
            test(&Engine::new(&config).unwrap());
        }
    }
}

#[test]
fn threads_get_their_argument_and_a_number() {
    each(
        r#"(func (export "wasi_thread_start") (param $id i32) (param $arg i32)
            (i32.store (i32.mul (local.get $arg) (i32.const 4)) (local.get $id))
            (call $done))
        (func (export "_start") (local $arg i32)
            (loop $next
                (local.set $arg (i32.add (local.get $arg) (i32.const 1)))
                (i32.store offset=100
                    (i32.mul (local.get $arg) (i32.const 4)) (call $spawn (local.get $arg)))
                (br_if $next (i32.lt_u (local.get $arg) (i32.const 6))))
            (call $join (i32.const 6)))"#,
        |outcome| {
            outcome.result.as_ref().unwrap();
            for arg in 1..=6 {
                // The threads' own view and what `thread-spawn` gave.
                assert_eq!(outcome.word(4 * arg), arg as u32);
                assert_eq!(outcome.word(4 * arg + 100), arg as u32);
            }
        },
    );
}

#[test]
fn the_main_thread_ends_the_program() {
    each(
        r#"(func (export "wasi_thread_start") (param $id i32) (param $arg i32)
            (call $done)
            (if (i32.eq (local.get $arg) (i32.const 0)) (then (call $wait_for_ever)))
            (if (i32.eq (local.get $arg) (i32.const 1)) (then (loop $l (br $l))))
            (if (i32.eq (local.get $arg) (i32.const 2)) (then
                (call $sleep (i32.const 1024) (i64.const 600_000_000_000))))
            (loop $l (drop (call $yield)) (br $l)))
        (func (export "_start")
            (drop (call $spawn (i32.const 0)))
            (drop (call $spawn (i32.const 1)))
            (drop (call $spawn (i32.const 2)))
            (drop (call $spawn (i32.const 3)))
            (call $join (i32.const 4)))"#,
        |outcome| outcome.result.as_ref().map(drop).unwrap(),
    );
    each(
        r#"(func (export "wasi_thread_start") (param i32 i32) (call $done) (call $wait_for_ever))
        (func (export "_start")
            (drop (call $spawn (i32.const 0)))
            (call $join (i32.const 1))
            (call $exit (i32.const 5)))"#,
        |outcome| assert_eq!(outcome.exit_code(), 5),
    );
}

#[test]
fn a_thread_that_exits_or_traps_ends_the_program() {
    let main_waits = r#"(func (export "_start")
        (drop (call $spawn (i32.const 0)))
        (drop (call $spawn (i32.const 1)))
        (call $wait_for_ever))"#;
    let main_spins = r#"(func (export "_start")
        (drop (call $spawn (i32.const 0)))
        (drop (call $spawn (i32.const 1)))
        (loop $l (br $l)))"#;
    let main_sleeps = r#"(func (export "_start")
        (drop (call $spawn (i32.const 0)))
        (drop (call $spawn (i32.const 1)))
        (call $sleep (i32.const 1024) (i64.const 600_000_000_000)))"#;
    for main in [main_waits, main_spins, main_sleeps] {
        let thread = |end: &str| {
            format!(
                r#"(func (export "wasi_thread_start") (param $id i32) (param $arg i32)
                    (if (i32.eqz (local.get $arg)) (then (call $wait_for_ever)))
                    {end}) {main}"#
            )
        };
        each(&thread("(call $exit (i32.const 7))"), |outcome| assert_eq!(outcome.exit_code(), 7));
        each(&thread("(call $exit (i32.const 0))"), |outcome| assert_eq!(outcome.exit_code(), 0));
        each(&thread("unreachable"), |outcome| {
            assert_eq!(outcome.trap(), TrapCode::Unreachable);
        });
    }
    each_engine(|engine| {
        let text = format!(
            r#"(func (export "wasi_thread_start") (param i32 i32) (call $panic)) {main_waits}"#
        );
        let run = || run_with(engine, 2, |_| {}, &text);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        let payload = panicked.err().expect("the panic of a thread");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"as the guest wants"));
    });
}

#[test]
fn there_are_as_many_threads_as_allowed() {
    each_engine(|engine| {
        let text = r#"(func (export "wasi_thread_start") (param i32 i32)
                (drop (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const -1)))
                (call $done))
            (func (export "_start")
                (i32.store (i32.const 8) (call $spawn (i32.const 0)))
                (i32.store (i32.const 12) (call $spawn (i32.const 0)))
                (i32.store (i32.const 16) (call $spawn (i32.const 0)))
                (i32.atomic.store (i32.const 64) (i32.const 1))
                (drop (memory.atomic.notify (i32.const 64) (i32.const -1)))
                (call $join (i32.const 2))
                ;; A thread that has told so may not be gone yet.
                (loop $again
                    (br_if $again (i32.lt_s
                        (local.tee 0 (call $spawn (i32.const 0))) (i32.const 0))))
                (i32.store (i32.const 20) (local.get 0))
                (call $join (i32.const 3)))"#
            .replacen(
                "(func (export \"_start\")",
                "(func (export \"_start\") (local i32)",
                1,
            );
        let outcome = run_with(engine, 2, |_| {}, &text);
        outcome.result.as_ref().unwrap();
        let ids = [8, 12, 16, 20].map(|at| outcome.word(at) as i32);
        assert_eq!(ids, [1, 2, -6, 3]);
        let none = r#"(func (export "wasi_thread_start") (param i32 i32))
            (func (export "_start") (call $exit (call $spawn (i32.const 0))))"#;
        assert_eq!(run_with(engine, 0, |_| {}, none).exit_code(), -6);
    });
}

#[test]
fn a_program_without_an_entry_for_threads_fails() {
    each(
        r#"(func (export "_start") (drop (call $spawn (i32.const 0))) (call $wait_for_ever))"#,
        |outcome| {
            let message = outcome.result.as_ref().unwrap_err().to_string();
            assert!(message.contains("wasi_thread_start"), "{message}");
        },
    );
}

/// Waits to be read until a message comes.
struct Slow(mpsc::Receiver<u8>);

impl Read for Slow {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        match self.0.recv() {
            Ok(byte) => {
                buf[0] = byte;
                Ok(1)
            }
            Err(_) => Ok(0),
        }
    }
}

#[test]
fn all_threads_have_the_same_descriptors() {
    each_engine(|engine| {
        let (send, receive) = mpsc::channel();
        send.send(b'x').unwrap();
        drop(send);
        // Each thread writes its line; the last one what the main thread read.
        let text = r#"(data (i32.const 512) "thread\n")
            (func $print (param $iovec i32) (param $at i32) (param $len i32)
                (i32.store (local.get $iovec) (local.get $at))
                (i32.store offset=4 (local.get $iovec) (local.get $len))
                (if (call $write (i32.const 1) (local.get $iovec) (i32.const 1)
                        (i32.add (local.get $iovec) (i32.const 8)))
                    (then unreachable)))
            (func (export "wasi_thread_start") (param $id i32) (param $arg i32)
                (call $sleep (i32.mul (local.get $id) (i32.const 2048)) (i64.const 1000))
                (call $print
                    (i32.mul (local.get $id) (i32.const 2048)) (i32.const 512) (i32.const 7))
                (call $done))
            (func (export "_start")
                (i32.store (i32.const 16) (i32.const 600))
                (i32.store (i32.const 20) (i32.const 1))
                (if (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24))
                    (then unreachable))
                (drop (call $spawn (i32.const 0)))
                (drop (call $spawn (i32.const 0)))
                (drop (call $spawn (i32.const 0)))
                (call $join (i32.const 3))
                (call $print (i32.const 16) (i32.const 600) (i32.const 1)))"#;
        let world = |builder: &mut WasiCtxBuilder| {
            builder.stdin(Slow(receive));
        };
        let outcome = run_with(engine, 3, world, text);
        outcome.result.as_ref().unwrap();
        assert_eq!(outcome.output, "thread\nthread\nthread\nx");
    });
}

#[test]
fn many_short_threads_come_and_go() {
    each(
        r#"(func (export "wasi_thread_start") (param i32 i32)
            (drop (i32.atomic.rmw.add (i32.const 8) (i32.const 1)))
            (call $done))
        (func (export "_start") (local $left i32)
            (local.set $left (i32.const 200))
            (loop $next
                (if (i32.lt_s (call $spawn (i32.const 0)) (i32.const 0))
                    (then (drop (call $yield)))
                    (else (local.set $left (i32.sub (local.get $left) (i32.const 1)))))
                (br_if $next (local.get $left)))
            (call $join (i32.const 200)))"#,
        |outcome| {
            outcome.result.as_ref().unwrap();
            assert_eq!(outcome.word(8), 200);
        },
    );
}
