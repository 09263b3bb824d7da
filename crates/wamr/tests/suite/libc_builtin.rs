//! The C functions for modules built without a libc, called by modules.

use wamr::libc_builtin::{Abort, Exit, HeapMisuse, LibcBuiltin, LibcCtx, MemoryOutput};
use wamr::{
    Config, Engine, Imports, Instance, MemoryType, Mode, Module, SharedMemory, Store, TrapCode,
    WasmParams, WasmResults,
};

use crate::support::{call, each_mode, module, trap};

struct Program {
    store: Store<LibcCtx>,
    output: MemoryOutput,
    /// The type of the memories of modules that pass on calls.
    memory: &'static str,
}

/// Runs a test in each mode, with memories of one guest's own and with such that threads share.
fn each_memory(test: impl Fn(&Engine, &mut Program)) {
    each_mode(|engine| {
        for memory in ["1", "1 4 shared"] {
            test(engine, &mut Program { memory, ..Program::new(engine) });
        }
    });
}

impl Program {
    fn new(engine: &Engine) -> Self {
        let output = MemoryOutput::new();
        let ctx = LibcCtx::new().output(output.clone()).heap_bytes(1 << 18);
        Self { store: Store::new(engine, ctx), output, memory: "1" }
    }

    fn link(&mut self, engine: &Engine, module: &Module) -> Instance {
        let libc = LibcBuiltin::new(engine, |ctx: &mut LibcCtx| ctx).unwrap();
        let imports = Imports::of(module).source("libc-builtin", &libc);
        let list = imports.build(&mut self.store).unwrap_or_else(|error| panic!("{error}"));
        list.instantiate(&mut self.store).unwrap()
    }

    /// Calls one function of the library, by a module that passes everything on to it.
    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        engine: &Engine,
        name: &str,
        params: P,
    ) -> Result<R, wamr::Error> {
        let module = passing_on(engine, self.memory, name, "", P::types(), R::types());
        let instance = self.link(engine, &module);
        call(&mut self.store, &instance, "run", params)
    }
}

/// A module whose `run` calls one function; with strings at 16, 32, 48 and more in `rest`.
fn passing_on(
    engine: &Engine,
    memory: &str,
    name: &str,
    rest: &str,
    params: impl Iterator<Item = wamr::ValType>,
    results: impl Iterator<Item = wamr::ValType>,
) -> Module {
    let params: Vec<String> = params.map(|ty| ty.to_string()).collect();
    let results: Vec<String> = results.map(|ty| ty.to_string()).collect();
    let gets: String = (0..params.len()).map(|i| format!("(local.get {i})")).collect();
    let ty = format!("(param {}) (result {})", params.join(" "), results.join(" "));
    let wat = format!(
        r#"(module (import "env" "{name}" (func $f {ty})) (memory (export "memory") {memory})
            (data (i32.const 16) "Hello\00") (data (i32.const 32) "lo\00")
            (data (i32.const 48) "%d %s|%5.2f\n\00") (data (i32.const 64) "-42abc\00")
            (data (i32.const 128) "\07\00\00\00\10\00\00\00\00\00\00\00\00\00\0c\40") {rest}
            (func (export "run") {ty} (call $f {gets})))"#
    );
    module(engine, &wat)
}

#[test]
fn every_function_is_there_and_means_what_c_says() {
    each_memory(|engine, p| {
        let (h, lo, number) = (16, 32, 64);
        let one = |p: &mut Program, name, a| p.call::<i32, i32>(engine, name, a).unwrap();
        let two =
            |p: &mut Program, name, a, b| p.call::<(i32, i32), i32>(engine, name, (a, b)).unwrap();
        let three = |p: &mut Program, name, a, b, c| {
            p.call::<(i32, i32, i32), i32>(engine, name, (a, b, c)).unwrap()
        };
        for name in ["printf", "vprintf"] {
            assert_eq!(two(p, name, 48, 128), 14);
            assert_eq!(p.output.take(), "7 Hello| 3.50\n", "{name}");
        }
        for name in ["sprintf", "vsprintf"] {
            assert_eq!(three(p, name, 256, 48, 128), 14, "{name}");
        }
        for name in ["snprintf", "vsnprintf"] {
            let params = (256, 4, 48, 128);
            let len = p.call::<(i32, i32, i32, i32), i32>(engine, name, params).unwrap();
            assert_eq!(len, 14, "{name}");
        }
        assert!(one(p, "puts", h) >= 0);
        assert_eq!(one(p, "putchar", 0x100 + 65), 65);
        assert_eq!(p.output.take(), "Hello\nA");
        assert_eq!(three(p, "memcmp", h, h + 1, 1), -1);
        for name in ["memcpy", "memmove", "emscripten_memcpy_big"] {
            assert_eq!(three(p, name, 300, h, 5), 300, "{name}");
        }
        assert_eq!(three(p, "memset", 300, 65, 5), 300);
        assert_eq!(three(p, "memchr", h, i32::from(b'l'), 5), h + 2);
        assert_eq!(two(p, "strchr", h, i32::from(b'l')), h + 2);
        assert_eq!(two(p, "strcmp", h, lo), -1);
        assert_eq!(three(p, "strncmp", h + 3, lo, 2), 0);
        assert_eq!(three(p, "strncasecmp", h, h, 9), 0);
        assert_eq!(two(p, "strcpy", 300, h), 300);
        assert_eq!(three(p, "strncpy", 300, h, 9), 300);
        assert_eq!(one(p, "strlen", h), 5);
        assert_eq!(two(p, "strspn", h + 2, lo), 3);
        assert_eq!(two(p, "strcspn", h, lo), 2);
        assert_eq!(two(p, "strstr", h, lo), h + 3);
        assert_eq!(one(p, "atoi", number), -42);
        assert_eq!(three(p, "strtol", number, 300, 10), -42);
        assert_eq!(three(p, "strtoul", number + 1, 300, 16), 0x42abc);
        for (name, yes, no) in [
            ("isupper", "AZ", "az09 _\n"),
            ("isalpha", "AZaz", "09 _\n"),
            ("isspace", " \t\n\x0b\x0c\r", "a0_\0"),
            ("isgraph", "a0_~!", " \n\x7f"),
            ("isprint", "a0_~ ", "\n\x7f\0"),
            ("isdigit", "09", "aA _"),
            ("isxdigit", "09afAF", "gG _"),
            ("isalnum", "09azAZ", " _\n"),
        ] {
            assert!(yes.bytes().all(|c| one(p, name, c.into()) != 0), "{name}");
            assert!(no.bytes().all(|c| one(p, name, c.into()) == 0), "{name}");
            assert!([-1, 128, 255, 256 + 65, i32::MIN].into_iter().all(|c| one(p, name, c) == 0));
        }
        for (c, lower, upper) in [(65, 97, 65), (122, 122, 90), (48, 48, 48), (-1, -1, -1)] {
            assert_eq!((one(p, "tolower", c), one(p, "toupper", c)), (lower, upper));
        }
        assert_eq!(two(p, "clock_gettime", 1, 300), 0);
        assert_eq!(two(p, "clock_gettime", 0, 300), 0);
        assert_eq!(two(p, "clock_gettime", 9, 300), -1);
        assert!(p.call::<(), i64>(engine, "clock", ()).unwrap() >= 0);
        p.call::<i32, ()>(engine, "__cxa_begin_catch", 0).unwrap();
    });
}

#[test]
fn programs_end_with_errors_that_tell_how() {
    each_mode(|engine| {
        let mut program = Program::new(engine);
        let error = program.call::<i32, ()>(engine, "exit", 7).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Exit(7)));
        for (name, abort) in [
            ("abort", Abort::Abort(3)),
            ("abortStackOverflow", Abort::StackOverflow(3)),
            ("nullFunc_X", Abort::NullFunc(3)),
        ] {
            let error = program.call::<i32, ()>(engine, name, 3).unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&abort));
        }
        // As C declares it.
        let error = program.call::<(), ()>(engine, "abort", ()).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Abort::Abort(0)));
        let error = program.call::<(i32, i32, i32), ()>(engine, "__cxa_throw", (5, 0, 0));
        let error = error.unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Abort::Throw { exception: 5 }));
    });
}

#[test]
fn globals_are_what_they_are_called() {
    each_mode(|engine| {
        let mut program = Program::new(engine);
        let wat = r#"(module (import "global" "NaN" (global f64))
            (import "global" "Infinity" (global f64))
            (export "nan" (global 0)) (export "infinity" (global 1)))"#;
        let instance = program.link(engine, &module(engine, wat));
        let store = &mut program.store;
        let mut value = |name: &str| {
            let global = instance.get_global(&mut *store, name).unwrap();
            global.get(&mut *store).unwrap().f64().unwrap()
        };
        assert!(value("nan").is_nan());
        assert_eq!(value("infinity"), f64::INFINITY);
    });
}

/// A module that passes on to the functions of allocation.
const ALLOCATING: &str = r#"(module
    (import "env" "malloc" (func $malloc (param i32) (result i32)))
    (import "env" "calloc" (func $calloc (param i32 i32) (result i32)))
    (import "env" "realloc" (func $realloc (param i32 i32) (result i32)))
    (import "env" "free" (func $free (param i32)))
    (import "env" "strdup" (func $strdup (param i32) (result i32)))
    (import "env" "_strdup" (func $_strdup (param i32) (result i32)))
    (import "env" "__cxa_allocate_exception" (func $exception (param i32) (result i32)))
    (memory (export "memory") 1 16) (data (i32.const 16) "Hello\00")
    (func (export "a") (param i32) (result i32) (call $malloc (local.get 0)))
    (func (export "c") (param i32 i32) (result i32) (call $calloc (local.get 0) (local.get 1)))
    (func (export "r") (param i32 i32) (result i32) (call $realloc (local.get 0) (local.get 1)))
    (func (export "f") (param i32) (call $free (local.get 0)))
    (func (export "d") (param i32) (result i32) (call $strdup (local.get 0)))
    (func (export "_d") (param i32) (result i32) (call $_strdup (local.get 0)))
    (func (export "e") (param i32) (result i32) (call $exception (local.get 0))))"#;

#[test]
fn a_module_without_an_allocator_gets_a_heap() {
    each_mode(|engine| {
        let mut program = Program::new(engine);
        let instance = program.link(engine, &module(engine, ALLOCATING));
        let other = program.link(engine, &module(engine, ALLOCATING));
        let store = &mut program.store;
        let memory = instance.get_memory(&mut *store, "memory").unwrap();
        let mut alloc =
            |name: &str, size: i32| call::<i32, i32>(&mut *store, &instance, name, size).unwrap();
        let (a, b) = (alloc("a", 100), alloc("a", 0));
        assert!(a >= 65536 && a % 16 == 0 && b != a && b != 0);
        let (d, e) = (alloc("d", 16), alloc("_d", 18));
        assert_ne!(alloc("e", 8), 0);
        assert_eq!(alloc("a", 1 << 19), 0, "more than the heap may have");
        assert_eq!(alloc("a", -1), 0);
        let bytes = memory.data(&*store).unwrap();
        assert_eq!(&bytes[d as usize..][..6], b"Hello\0");
        assert_eq!(&bytes[e as usize..][..4], b"llo\0");
        let free = |store: &mut Store<LibcCtx>, at: i32| call::<i32, ()>(store, &instance, "f", at);
        free(store, 0).unwrap();
        // What was freed is found again; calloc clears it.
        memory.write(&mut *store, a as usize, &[0xff; 100]).unwrap();
        free(store, a).unwrap();
        let c = call::<_, i32>(&mut *store, &instance, "c", (25, 4)).unwrap();
        assert_eq!(c, a);
        assert_eq!(memory.data(&*store).unwrap()[c as usize..][..100], [0; 100]);
        assert_eq!(call::<_, i32>(&mut *store, &instance, "c", (1 << 20, 1 << 20)).unwrap(), 0);
        // Growing keeps the contents, here or elsewhere.
        memory.write(&mut *store, c as usize, b"kept").unwrap();
        let grown = call::<_, i32>(&mut *store, &instance, "r", (c, 5000)).unwrap();
        assert_ne!(grown, c);
        assert_eq!(&memory.data(&*store).unwrap()[grown as usize..][..4], b"kept");
        let shrunk = call::<_, i32>(&mut *store, &instance, "r", (grown, 10)).unwrap();
        assert_eq!(shrunk, grown);
        assert_ne!(call::<_, i32>(&mut *store, &instance, "r", (0, 10)).unwrap(), 0);
        assert_eq!(call::<_, i32>(&mut *store, &instance, "r", (grown, 1 << 20)).unwrap(), 0);
        free(store, grown).unwrap();
        // Misuse is an error, and nothing is damaged by it.
        for wrong in [grown, c + 1, 16, -1] {
            let error = free(store, wrong).unwrap_err();
            let misuse = HeapMisuse { pointer: wrong as u32 };
            assert_eq!(error.downcast_ref(), Some(&misuse));
            let error = call::<_, i32>(&mut *store, &instance, "r", (wrong, 1)).unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&misuse));
        }
        // Another memory has a heap of its own.
        let theirs = call::<i32, i32>(&mut *store, &other, "a", 100).unwrap();
        assert_eq!(theirs, a);
        // Until the memory ends.
        let mut last = 1;
        while last != 0 {
            last = call::<i32, i32>(&mut *store, &other, "a", 30_000).unwrap();
        }
        let size = other.get_memory(&mut *store, "memory").unwrap().size(&*store).unwrap();
        assert!(size <= 5, "{size}");
    });
}

#[test]
fn a_module_with_an_allocator_keeps_it() {
    each_mode(|engine| {
        let mut program = Program::new(engine);
        let rest = r#"(func (export "malloc") (param i32) (result i32) (i32.const 1000))
            (global $freed (export "freed") (mut i32) (i32.const 0))
            (func (export "free") (param i32) (global.set $freed (local.get 0)))"#;
        let i32s = || [wamr::ValType::I32].into_iter();
        let dup = program.link(engine, &passing_on(engine, "1", "strdup", rest, i32s(), i32s()));
        assert_eq!(call::<i32, i32>(&mut program.store, &dup, "run", 16).unwrap(), 1000);
        let memory = dup.get_memory(&mut program.store, "memory").unwrap();
        assert_eq!(&memory.data(&program.store).unwrap()[1000..1006], b"Hello\0");
        let free = passing_on(engine, "1", "free", rest, i32s(), std::iter::empty());
        let free = program.link(engine, &free);
        call::<i32, ()>(&mut program.store, &free, "run", 77).unwrap();
        let freed = free.get_global(&mut program.store, "freed").unwrap();
        assert_eq!(freed.get(&mut program.store).unwrap().i32(), Some(77));
        // An allocator that returns nonsense traps; one that calls itself runs out of stack.
        let nonsense = rest.replace("1000", "-8");
        let dup =
            program.link(engine, &passing_on(engine, "1", "strdup", &nonsense, i32s(), i32s()));
        let outcome = call::<i32, i32>(&mut program.store, &dup, "run", 16);
        assert_eq!(trap(outcome), TrapCode::MemoryOutOfBounds);
        let wat = r#"(module (import "env" "malloc" (func $malloc (param i32) (result i32)))
            (memory 1) (func (export "malloc") (param i32) (result i32) (call $malloc (local.get 0)))
            (func (export "run") (result i32) (call $malloc (i32.const 1))))"#;
        let circle = program.link(engine, &module(engine, wat));
        let outcome = call::<(), i32>(&mut program.store, &circle, "run", ());
        assert_eq!(trap(outcome), TrapCode::StackOverflow);
    });
}

#[test]
fn hostile_pointers_trap() {
    each_memory(|engine, program| {
        for at in [65536, -1, i32::MIN] {
            for name in ["puts", "strlen", "atoi", "strdup"] {
                let outcome = program.call::<i32, i32>(engine, name, at);
                assert_eq!(trap(outcome), TrapCode::MemoryOutOfBounds, "{name} {at}");
            }
            for name in ["printf", "strcmp", "strcpy", "strspn", "strstr", "strchr"] {
                let outcome = program.call::<(i32, i32), i32>(engine, name, (at, 16));
                assert_eq!(trap(outcome), TrapCode::MemoryOutOfBounds, "{name} {at}");
            }
            for name in ["sprintf", "memcpy", "memset", "memchr", "strncpy", "strtol"] {
                let outcome = program.call::<(i32, i32, i32), i32>(engine, name, (at, 16, 10));
                assert_eq!(trap(outcome), TrapCode::MemoryOutOfBounds, "{name} {at}");
            }
            let outcome = program.call::<(i32, i32), i32>(engine, "clock_gettime", (0, at));
            assert_eq!(trap(outcome), TrapCode::MemoryOutOfBounds);
        }
        assert_eq!(program.output.take(), "");
    });
}

#[test]
fn functions_over_memory_need_one() {
    each_mode(|engine| {
        let mut program = Program::new(engine);
        for name in ["strlen", "malloc", "puts"] {
            let wat = format!(
                r#"(module (import "env" "{name}" (func $f (param i32) (result i32)))
                    (func (export "run") (result i32) (call $f (i32.const 1))))"#
            );
            let instance = program.link(engine, &module(engine, &wat));
            let error = call::<(), i32>(&mut program.store, &instance, "run", ()).unwrap_err();
            assert!(error.to_string().contains("without a memory"), "{error}");
        }
    });
}

#[test]
fn threads_have_one_heap_in_the_memory_that_they_share() {
    each_mode(|engine| {
        let ty = MemoryType { shared: true, ..MemoryType::new(1, Some(16)) };
        let memory = SharedMemory::new(engine, ty).unwrap();
        let libc = LibcBuiltin::new(engine, |ctx: &mut LibcCtx| ctx).unwrap();
        let text = ALLOCATING.replace(
            r#"(memory (export "memory") 1 16)"#,
            r#"(import "" "memory" (memory 1 16 shared))"#,
        );
        let module = module(engine, &text);
        let thread = |ctx: LibcCtx| {
            let mut store = Store::new(engine, ctx);
            let ours = memory.to_memory(&mut store).unwrap();
            let imports = Imports::of(&module).named("", "memory", ours).source("libc", &libc);
            let list = imports.build(&mut store).unwrap_or_else(|error| panic!("{error}"));
            (list.instantiate(&mut store).unwrap(), store)
        };
        let ctx = LibcCtx::new().heap_bytes(1 << 18);
        let (theirs, mut second) = thread(ctx.fork());
        let (ours, mut first) = thread(ctx);
        let a = call::<i32, i32>(&mut first, &ours, "a", 1000).unwrap();
        let b = call::<i32, i32>(&mut second, &theirs, "a", 1000).unwrap();
        assert!(a != 0 && b != 0 && a.abs_diff(b) >= 1000, "{a} {b}");
        memory.write(a as usize, b"kept").unwrap();
        let moved = call::<_, i32>(&mut second, &theirs, "r", (a, 9000)).unwrap();
        let mut kept = [0; 4];
        memory.read(moved as usize, &mut kept).unwrap();
        assert_eq!(&kept, b"kept");
        memory.write(moved as usize, &[0xff; 9000]).unwrap();
        call::<i32, ()>(&mut first, &ours, "f", moved).unwrap();
        let misuse = call::<i32, ()>(&mut second, &theirs, "f", moved).unwrap_err();
        assert_eq!(misuse.downcast_ref(), Some(&HeapMisuse { pointer: moved as u32 }));
        let cleared = call::<_, i32>(&mut second, &theirs, "c", (9000, 1)).unwrap();
        let mut bytes = [1; 9000];
        memory.read(cleared as usize, &mut bytes).unwrap();
        assert!(bytes.iter().all(|byte| *byte == 0));
        let copy = call::<i32, i32>(&mut first, &ours, "d", 16).unwrap();
        memory.read(copy as usize, &mut kept).unwrap();
        assert_eq!(&kept, b"Hell");
        // The limit is that of all together.
        while call::<i32, i32>(&mut first, &ours, "a", 30_000).unwrap() != 0 {}
        assert_eq!(call::<i32, i32>(&mut second, &theirs, "a", 30_000).unwrap(), 0);
        assert!(memory.size() <= 5, "{}", memory.size());
    });
}

#[test]
fn lengths_cost_fuel_as_in_bulk_operations() {
    for &mode in Mode::ALL {
        let engine = Engine::new(Config::new().mode(mode).consume_fuel(true)).unwrap();
        let mut program = Program::new(&engine);
        let mut cost = |name: &str, fuel: u64, params: (i32, i32, i32)| {
            program.store.set_fuel(fuel).unwrap();
            let outcome = program.call::<(i32, i32, i32), i32>(&engine, name, params);
            (fuel - program.store.get_fuel().unwrap(), outcome)
        };
        let mut costs = |name: &str, params| {
            let (units, outcome) = cost(name, 10_000, params);
            outcome.unwrap();
            units
        };
        for name in ["memset", "memmove", "memcpy", "memcmp"] {
            let (none, all) = (costs(name, (1024, 0, 0)), costs(name, (1024, 1024, 640)));
            assert_eq!(all, none + 10, "{name}");
        }
        // From the end of the strings on there are zeros; what is looked at counts.
        let (near, far) = (costs("memchr", (1024, 0, 640)), costs("memchr", (1024, 7, 6400)));
        assert_eq!(far, near + 100, "the first byte is found at once");
        let (short, long) = (costs("strncpy", (1024, 16, 6)), costs("strncpy", (1024, 16, 6400)));
        assert_eq!(long, short + 100);
        // What cannot be paid is not done.
        let (_, outcome) = cost("memset", 900, (1024, 1, 64_000));
        assert_eq!(trap(outcome), TrapCode::OutOfFuel);
        let (_, outcome) = cost("memchr", 900, (1024, 7, 64_000));
        assert_eq!(trap(outcome), TrapCode::OutOfFuel);
    }
}
