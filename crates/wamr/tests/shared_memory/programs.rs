//! Programs of several modules on several threads: what threads share, and what is their own.

use std::sync::atomic::{AtomicU32, Ordering};

use wamr::{
    Caller, Engine, LinkError, Linker, Memory, MemoryType, Module, ProgramBuilder, ProgramInstance,
    ProgramPre, SharedMemory, Store, ThreadPre,
};

use super::{each_engine, memory_type};

/// A counter in a shared memory of its own, and one in a global; an unshared memory beside it.
const COUNTER: &str = r#"(module
    (memory $shared (export "memory") 1 2 shared)
    (memory $own 1)
    (global $calls (export "calls") (mut i32) (i32.const 0))
    (data (memory $shared) (i32.const 8) "\64\00\00\00")
    (data (memory $own) (i32.const 0) "\07\00\00\00")
    (func (export "bump") (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i32.store $own (i32.const 0)
            (i32.add (i32.load $own (i32.const 0)) (i32.const 1)))
        (i32.atomic.rmw.add $shared (i32.const 8) (i32.const 1)))
    (func (export "own") (result i32) (i32.load $own (i32.const 0))))"#;

/// Uses the counter, a memory of the host, and a host function; counts its starts in its memory.
const MAIN: &str = r#"(module
    (import "counter" "bump" (func $bump (result i32)))
    (import "counter" "calls" (global $calls (mut i32)))
    (import "counter" "memory" (memory $theirs 1 2 shared))
    (import "host" "memory" (memory $hosts 1 16 shared))
    (import "host" "number" (func $number (result i32)))
    (memory $mine (export "mine") 1 1 shared)
    (data (memory $mine) (i32.const 4) "\09")
    (func $start (drop (i32.atomic.rmw.add $mine (i32.const 0) (i32.const 1))))
    (start $start)
    (func (export "number") (result i32) (call $number))
    (func (export "work") (param $times i32) (result i32)
        (loop $next
            (drop (call $bump))
            (i32.atomic.store $hosts (i32.shl (call $number) (i32.const 2)) (local.get $times))
            (drop (i32.atomic.rmw.add $mine (i32.const 4) (i32.const 1)))
            (br_if $next
                (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
        (global.get $calls))
    (func (export "counted") (result i32) (i32.atomic.load $theirs (i32.const 8)))
    (func (export "starts") (result i32) (i32.atomic.load $mine (i32.const 0)))
    (func (export "worked") (result i32) (i32.atomic.load $mine (i32.const 4))))"#;

fn linker(engine: &Engine, memory: &SharedMemory) -> Linker<u32> {
    let mut linker = Linker::new(engine);
    linker.shared_memory("host", "memory", memory.clone()).unwrap();
    linker.func_wrap("host", "number", |caller: Caller<'_, u32>| *caller.data()).unwrap();
    linker
}

fn program(engine: &Engine, memory: &SharedMemory) -> ProgramPre<u32> {
    let module = |text| Module::new(engine, text).unwrap();
    let linker = linker(engine, memory);
    let builder = ProgramBuilder::new(&linker).module("counter", &module(COUNTER)).unwrap();
    builder.build(&module(MAIN)).unwrap()
}

fn call(store: &mut Store<u32>, program: &ProgramInstance<u32>, name: &str) -> i32 {
    let func = program.main().get_typed_func::<(), i32>(&mut *store, name).unwrap();
    func.call(store, ()).unwrap()
}

fn work(store: &mut Store<u32>, program: &ProgramInstance<u32>, times: i32) -> i32 {
    let func = program.main().get_typed_func::<i32, i32>(&mut *store, "work").unwrap();
    func.call(store, times).unwrap()
}

#[test]
fn threads_share_memories_and_nothing_else() {
    each_engine(|engine| {
        let memory = SharedMemory::new(engine, memory_type()).unwrap();
        let mut store = Store::new(engine, 0);
        let first = program(engine, &memory).instantiate(&mut store).unwrap();
        assert_eq!(work(&mut store, &first, 10), 10);
        let thread = first.thread();
        let spawn = |number: u32| {
            let run = move |mut store: Store<u32>, program: ProgramInstance<u32>| {
                assert_eq!(call(&mut store, &program, "number"), number as i32);
                let calls = work(&mut store, &program, 1000);
                let own = program.get("counter").unwrap();
                let own = own.get_typed_func::<(), i32>(&mut store, "own").unwrap();
                (calls, own.call(&mut store, ()).unwrap())
            };
            thread.spawn(move |engine| Store::try_new(engine, number), run).unwrap()
        };
        let threads: Vec<_> = (1..=6).map(spawn).collect();
        for thread in threads {
            // Globals and unshared memories are those of new instances.
            assert_eq!(thread.join().unwrap().unwrap(), (1000, 1007));
        }
        // Data was written once, so that nothing is lost; start functions ran in each thread.
        assert_eq!(call(&mut store, &first, "counted"), 100 + 6010);
        assert_eq!(call(&mut store, &first, "worked"), 9 + 6010);
        assert_eq!(call(&mut store, &first, "starts"), 7);
        let word = |number: usize| memory.data()[4 * number].load(Ordering::SeqCst);
        assert!((0..=6).all(|number| word(number) == 1));
    });
}

#[test]
fn threads_start_threads() {
    fn tree(thread: &ThreadPre<u32>, depth: u32) {
        let spawn = |_| {
            let again = thread.clone();
            thread
                .spawn(
                    |engine| Store::try_new(engine, 0),
                    move |mut store, program| {
                        work(&mut store, &program, 5);
                        if depth > 0 {
                            tree(&again, depth - 1);
                        }
                    },
                )
                .unwrap()
        };
        let threads: Vec<_> = (0..2).map(spawn).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    }
    each_engine(|engine| {
        let memory = SharedMemory::new(engine, memory_type()).unwrap();
        let mut store = Store::new(engine, 0);
        let first = program(engine, &memory).instantiate(&mut store).unwrap();
        tree(&first.thread(), 3);
        assert_eq!(call(&mut store, &first, "counted"), 100 + 5 * (2 + 4 + 8 + 16));
    });
}

#[test]
fn programs_are_separate_unless_the_host_shares() {
    each_engine(|engine| {
        let memory = SharedMemory::new(engine, memory_type()).unwrap();
        let program = program(engine, &memory);
        let mut store = Store::new(engine, 3);
        let first = program.instantiate(&mut store).unwrap();
        let second = program.instantiate(&mut store).unwrap();
        work(&mut store, &first, 4);
        assert_eq!(call(&mut store, &first, "counted"), 104);
        assert_eq!(call(&mut store, &second, "counted"), 100);
        let other = first.thread().instantiate(&mut store).unwrap();
        assert_eq!(call(&mut store, &other, "counted"), 104, "in one store just as well");
        // The first store may go.
        let thread = first.thread();
        drop((first, second, other, store));
        let mut store = Store::new(engine, 4);
        let third = thread.instantiate(&mut store).unwrap();
        assert_eq!(call(&mut store, &third, "counted"), 104);
    });
}

#[test]
fn links_that_cannot_be_are_refused_beforehand() {
    each_engine(|engine| {
        let memory = SharedMemory::new(engine, memory_type()).unwrap();
        let module = |text| Module::new(engine, text).unwrap();
        let (counter, main) = (module(COUNTER), module(MAIN));
        let host = linker(engine, &memory);
        let build = |modules: &[(&str, &Module)]| {
            let mut builder = ProgramBuilder::new(&host);
            for (name, module) in modules {
                builder = builder.module(name, module).unwrap();
            }
            builder.build(&main)
        };
        let missing = build(&[("other", &counter)]);
        let Err(LinkError::Imports(imports)) = missing else { panic!("{missing:?}") };
        assert_eq!(imports.len(), 3);
        let wrong = module(r#"(module (memory (export "memory") 1) (func (export "bump")))"#);
        let wrong = build(&[("counter", &counter), ("counter", &wrong)]);
        let Err(LinkError::Imports(imports)) = wrong else { panic!("{wrong:?}") };
        assert_eq!(imports.len(), 2, "the last one wins where it has the export");

        let mut store = Store::new(engine, 0);
        let own = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let mut linker = Linker::new(engine);
        linker.define(&mut store, "", "m", own).unwrap();
        let bound = ProgramPre::new(&linker, &module(r#"(module (import "" "m" (memory 1)))"#));
        assert!(matches!(bound, Err(LinkError::Foreign(_))));

        let other = Engine::default();
        assert!(linker.shared_memory("", "m", memory.clone()).is_err(), "a duplicate");
        let mut foreign = Linker::<u32>::new(&other);
        assert!(matches!(foreign.shared_memory("", "m", memory), Err(LinkError::Foreign(_))));
        assert!(matches!(ProgramPre::new(&foreign, &main), Err(LinkError::Foreign(_))));
    });
}

#[test]
fn a_thread_that_fails_to_start_says_so() {
    static STARTS: AtomicU32 = AtomicU32::new(0);
    each_engine(|engine| {
        STARTS.store(0, Ordering::SeqCst);
        let mut linker = Linker::<()>::new(engine);
        let start = || STARTS.fetch_add(1, Ordering::SeqCst);
        linker.func_wrap("", "starts", start).unwrap();
        let text = r#"(module (import "" "starts" (func $starts (result i32)))
            (func $start (if (call $starts) (then unreachable))) (start $start))"#;
        let main = Module::new(engine, text).unwrap();
        let program = ProgramPre::new(&linker, &main).unwrap();
        let first = program.instantiate(&mut Store::new(engine, ())).unwrap();
        let failed = first.thread().spawn(|engine| Store::try_new(engine, ()), |_, _| ());
        assert!(failed.unwrap().join().unwrap().is_err());
    });
}
