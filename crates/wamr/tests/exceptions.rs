//! Exceptions between wasm and the host, and how long they live.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wamr::{
    Caller, Config, Engine, Error, ExnRef, Extern, ExternRef, Func, FuncType, Instance, Linker,
    Mode, Module, Store, Tag, TrapCode, Val, ValType,
};

/// Counts the bytes that are allocated now.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the one needed.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What tests of memory may take; other tests run beside them, but none that takes much.
const FEW_BYTES: usize = 4 << 20;

/// Held by tests of memory, and by those that take much.
static MEMORY: Mutex<()> = Mutex::new(());

fn assert_bounded(run: impl FnOnce()) {
    let _alone = MEMORY.lock();
    let before = LIVE.load(Ordering::Relaxed);
    run();
    let grown = LIVE.load(Ordering::Relaxed).saturating_sub(before);
    assert!(grown < FEW_BYTES, "{grown} bytes were left");
}

/// A store, and a linker with the tag `host.e` of one `i32`.
struct Host {
    engine: Engine,
    store: Store<()>,
    linker: Linker<()>,
    tag: Tag,
}

impl Host {
    fn new() -> Self {
        Self::with_config(&Config::new())
    }

    fn with_config(config: &Config) -> Self {
        let engine = Engine::new(config).unwrap();
        let mut store = Store::new(&engine, ());
        let tag = Tag::new(&mut store, FuncType::new([ValType::I32], [])).unwrap();
        let mut linker = Linker::new(&engine);
        linker.define(&mut store, "host", "e", tag.clone()).unwrap();
        Self { engine, store, linker, tag }
    }

    fn define(&mut self, name: &str, item: impl Into<Extern>) {
        self.linker.define(&mut self.store, "host", name, item).unwrap();
    }

    fn instantiate(&mut self, text: &str) -> Instance {
        let module = Module::new(&self.engine, text).unwrap();
        self.linker.instantiate(&mut self.store, &module).unwrap()
    }

    fn call(&mut self, instance: &Instance, name: &str, args: &[Val]) -> Result<Vec<Val>, Error> {
        let func = instance.get_func(&mut self.store, name).unwrap();
        let mut results = vec![Val::I32(0); func.ty(&self.store).unwrap().results().len()];
        func.call(&mut self.store, args, &mut results)?;
        Ok(results)
    }

    fn call_i32(&mut self, instance: &Instance, name: &str, arg: i32) -> Result<i32, Error> {
        Ok(self.call(instance, name, &[Val::I32(arg)])?[0].i32().unwrap())
    }

    /// Defines `host.back`, which calls the caller's export `inner` and shows what comes of it
    /// to `and_then`.
    fn define_back(
        &mut self,
        and_then: impl Fn(&mut Caller<'_, ()>, Result<(), Error>) -> Result<(), Error>
        + Send
        + Sync
        + 'static,
    ) {
        let back = move |mut caller: Caller<'_, ()>, arg: i32| {
            let inner = caller.get_export("inner").and_then(Extern::into_func).unwrap();
            let result = inner.call(&mut caller, &[Val::I32(arg)], &mut []);
            and_then(&mut caller, result)
        };
        let back = Func::wrap(&mut self.store, back);
        self.define("back", back);
    }
}

/// Throws below a host frame and catches above it.
const CROSSING: &str = r#"(module
    (import "host" "e" (tag $e (param i32)))
    (import "host" "back" (func $back (param i32)))
    (memory 1)
    (func (export "inner") (param i32) (throw $e (i32.add (local.get 0) (i32.const 1))))
    (func (export "outer") (param i32) (result i32)
        (i32.store (i32.const 8) (i32.const 1000))
        (block $caught (result i32)
            (try_table (catch $e $caught) (call $back (local.get 0)))
            (return (i32.const -1)))
        (i32.add (i32.load (i32.const 8))))
    (func (export "many") (param $n i32) (result i32)
        (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum)
                (block $caught (result i32)
                    (try_table (catch $e $caught) (call $back (i32.const 0)))
                    (unreachable))))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))"#;

#[test]
fn an_exception_passes_through_a_host_frame() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut host = Host::new();
    host.define_back(|_, result| {
        let _guard = Guard;
        result?;
        unreachable!("the call throws")
    });
    let instance = host.instantiate(CROSSING);
    assert_eq!(host.call_i32(&instance, "outer", 41).unwrap(), 1042);
    assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
}

#[test]
fn the_host_catches_looks_and_throws_again() {
    let mut host = Host::new();
    let tag = host.tag.clone();
    host.define_back(move |caller, result| {
        let error = result.unwrap_err();
        let exception = error.exception().unwrap().clone();
        assert!(Tag::same(&exception.tag(&mut *caller)?, &tag));
        let field = exception.fields(&mut *caller)?[0].i32().unwrap();
        match field {
            0 => Ok(()),
            1 => Err(error),
            2 => Err(exception.into()),
            _ => Err(ExnRef::new(caller, &tag, &[Val::I32(field * 2)])?.into()),
        }
    });
    let instance = host.instantiate(CROSSING);
    let results = [-1, 0, 1, 2].map(|arg| host.call_i32(&instance, "outer", arg).unwrap());
    assert_eq!(results, [-1, 1001, 1002, 1006]);
}

#[test]
fn an_uncaught_exception_is_an_error_with_its_frames() {
    let mut host = Host::new();
    let throw = {
        let tag = host.tag.clone();
        move |mut caller: Caller<'_, ()>| -> Result<(), Error> {
            Err(ExnRef::new(&mut caller, &tag, &[Val::I32(7)])?.into())
        }
    };
    let throw = Func::wrap(&mut host.store, throw);
    host.define("throw", throw);
    let instance = host.instantiate(
        r#"(module $m
            (import "host" "throw" (func $throw))
            (func $middle (call $throw))
            (func (export "run") (call $middle)))"#,
    );
    let error = host.call(&instance, "run", &[]).unwrap_err();
    assert_eq!(error.to_string(), "uncaught exception: a tag with payload [i32]");
    assert_eq!(error.trap_code(), None);
    assert_eq!(error.backtrace().frames().len(), 2);
    let fields = error.exception().unwrap().fields(&mut host.store).unwrap();
    assert_eq!(fields[0].i32(), Some(7));
}

#[test]
fn tags_match_by_identity() {
    let mut host = Host::new();
    let text = r#"(module
        (import "host" "e" (tag $imported (param i32)))
        (tag $own (export "own") (param i32))
        (func (export "own-past-imported") (param i32) (result i32)
            (block $b (result i32)
                (try_table (catch $imported $b) (throw $own (local.get 0)))
                (unreachable)))
        (func (export "imported") (param i32) (result i32)
            (block $b (result i32)
                (try_table (catch $own $b) (catch $imported $b)
                    (throw $imported (local.get 0)))
                (unreachable))))"#;
    let (a, b) = (host.instantiate(text), host.instantiate(text));
    assert_eq!(host.call_i32(&a, "imported", 5).unwrap(), 5);
    let tags = [&a, &b].map(|instance| instance.get_tag(&mut host.store, "own").unwrap());
    assert!(!Tag::same(&tags[0], &tags[1]), "every instance has its own");
    for (instance, tag) in [(&a, &tags[0]), (&b, &tags[1])] {
        let error = host.call_i32(instance, "own-past-imported", 5).unwrap_err();
        let thrown = error.exception().unwrap().tag(&mut host.store).unwrap();
        assert!(Tag::same(&thrown, tag));
    }
}

#[test]
fn exceptions_cross_instances() {
    let mut host = Host::new();
    let thrower = host.instantiate(
        r#"(module
            (import "host" "e" (tag $e (param i32)))
            (memory 1) (data (i32.const 0) "\01")
            (func (export "throw") (param i32) (throw $e (i32.load8_u (i32.const 0)))))"#,
    );
    let throw = thrower.get_func(&mut host.store, "throw").unwrap();
    host.define("throw", throw);
    let catcher = host.instantiate(
        r#"(module
            (import "host" "e" (tag $e (param i32)))
            (import "host" "throw" (func $throw (param i32)))
            (memory 1) (data (i32.const 0) "\0a")
            (func (export "run") (param i32) (result i32)
                (block $b (result i32)
                    (try_table (catch $e $b) (call $throw (i32.const 0)))
                    (unreachable))
                (i32.add (i32.load8_u (i32.const 0)))))"#,
    );
    assert_eq!(host.call_i32(&catcher, "run", 0).unwrap(), 11);
}

#[test]
fn payloads_keep_what_they_refer_to() {
    let mut host = Host::new();
    let instance = host.instantiate(
        r#"(module
            (tag $e (param i64 externref funcref exnref i32))
            (tag $inner)
            (global $kept (mut exnref) (ref.null exn))
            (table $exns 1 exnref)
            (func $f (export "f") (result i32) (i32.const 77))
            (elem declare func $f)
            (func $nested (result exnref)
                (block $b (result exnref)
                    (try_table (catch_all_ref $b) (throw $inner))
                    (unreachable)))
            (func (export "keep") (param externref)
                (global.set $kept
                    (block $b (result exnref)
                        (try_table (catch_all_ref $b)
                            (throw $e (i64.const -1) (local.get 0) (ref.func $f) (call $nested)
                                (i32.const 3)))
                        (unreachable)))
                (table.set $exns (i32.const 0) (global.get $kept)))
            (func (export "throw") (throw_ref (table.get $exns (i32.const 0)))))"#,
    );
    let value = ExternRef::new(&mut host.store, Arc::new(5)).unwrap();
    host.call(&instance, "keep", &[Val::from(value)]).unwrap();
    for _ in 0..3 {
        host.store.gc();
        // What was freed would be used for these.
        ExternRef::new(&mut host.store, "other").unwrap();
        ExnRef::new(&mut host.store, &host.tag, &[Val::I32(0)]).unwrap();
    }
    let error = host.call(&instance, "throw", &[]).unwrap_err();
    let fields = error.exception().unwrap().fields(&mut host.store).unwrap();
    let [Val::I64(-1), Val::ExternRef(Some(value)), Val::FuncRef(Some(f)), Val::ExnRef(Some(e)), _] =
        &*fields
    else {
        panic!("{fields:?}")
    };
    assert!(value.data(&host.store).unwrap().unwrap().is::<Arc<i32>>());
    assert_eq!(f.typed::<(), i32>(&host.store).unwrap().call(&mut host.store, ()).unwrap(), 77);
    assert!(e.fields(&mut host.store).unwrap().is_empty());
    assert_eq!(fields[4].i32(), Some(3));
}

#[test]
fn references_go_in_and_out_as_values() {
    let mut host = Host::new();
    let instance = host.instantiate(
        r#"(module
            (func (export "same") (param exnref) (result exnref) (local.get 0))
            (func (export "throw") (param exnref) (throw_ref (local.get 0))))"#,
    );
    let exception = ExnRef::new(&mut host.store, &host.tag, &[Val::I32(1)]).unwrap();
    let value = Val::from(exception.clone());
    let results = host.call(&instance, "same", core::slice::from_ref(&value)).unwrap();
    assert!(matches!(&results[0], Val::ExnRef(Some(same)) if ExnRef::same(same, &exception)));
    let error = host.call(&instance, "throw", &[value]).unwrap_err();
    assert!(ExnRef::same(error.exception().unwrap(), &exception));
    let error = host.call(&instance, "throw", &[Val::ExnRef(None)]).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::NullExceptionReference));

    let wrong = ExnRef::new(&mut host.store, &host.tag, &[Val::I64(1)]);
    assert!(wrong.is_err(), "the payload has another type");
    assert!(ExnRef::new(&mut host.store, &host.tag, &[]).is_err());
    let mut other = Store::new(&host.engine, ());
    assert!(exception.fields(&mut other).is_err(), "another store's");
}

#[test]
fn traps_are_not_caught() {
    let mut host = Host::new();
    let instance = host.instantiate(
        r#"(module
            (func $forever (call $forever))
            (func (export "trap")
                (block $b (try_table (catch_all $b) (unreachable))))
            (func (export "legacy") try unreachable catch_all end)
            (func (export "overflow")
                (block $b (try_table (catch_all $b) (call $forever)))))"#,
    );
    for (name, code) in [
        ("trap", TrapCode::Unreachable),
        ("legacy", TrapCode::Unreachable),
        ("overflow", TrapCode::StackOverflow),
    ] {
        let error = host.call(&instance, name, &[]).unwrap_err();
        assert_eq!(error.trap_code(), Some(code));
    }
}

#[test]
fn a_tail_call_leaves_the_clauses_around_it() {
    let mut host = Host::new();
    let throw = {
        let tag = host.tag.clone();
        move |mut caller: Caller<'_, ()>| -> Result<(), Error> {
            Err(ExnRef::new(&mut caller, &tag, &[Val::I32(7)])?.into())
        }
    };
    let throw = Func::wrap(&mut host.store, throw);
    host.define("throw", throw);
    let instance = host.instantiate(
        r#"(module
            (import "host" "throw" (func $throw))
            (table funcref (elem $throw))
            (type $t (func))
            (func (export "direct")
                (block $b (try_table (catch_all $b) (return_call $throw))))
            (func (export "indirect")
                (block $b (try_table (catch_all $b)
                    (return_call_indirect (type $t) (i32.const 0)))))
            (func (export "ref")
                (block $b (try_table (catch_all $b) (return_call_ref $t (ref.func $throw))))))"#,
    );
    for name in ["direct", "indirect", "ref"] {
        let error = host.call(&instance, name, &[]).unwrap_err();
        assert!(error.exception().is_some(), "{name}");
    }
}

#[test]
fn an_exception_passes_a_million_frames() {
    let mut config = Config::new();
    config.interp_stack_bytes(256 << 20);
    let mut host = Host::with_config(&config);
    let instance = host.instantiate(
        r#"(module
            (tag $e (param i32))
            (func $down (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 9))))
                (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
            (func (export "run") (param i32) (result i32)
                (block $b (result i32)
                    (try_table (catch $e $b) (drop (call $down (local.get 0))))
                    (unreachable))))"#,
    );
    assert_eq!(host.call_i32(&instance, "run", 1_000_000).unwrap(), 9);
}

#[test]
fn a_million_exceptions_take_no_memory() {
    let mut host = Host::new();
    let instance = host.instantiate(
        r#"(module
            (tag $e (param i32))
            (func $throw (param i32) (throw $e (local.get 0)))
            (func $cleanup (param i32)
                try
                    (call $throw (local.get 0))
                catch_all
                    rethrow 0
                end)
            (func $partly (param i32)
                try
                    (call $throw (local.get 0))
                catch $e
                    drop
                    (if (i32.and (local.get 0) (i32.const 1)) (then rethrow 1))
                end)
            (func (export "modern") (param $n i32) (result i32)
                (loop $next
                    (block $b (result i32)
                        (try_table (catch $e $b) (call $throw (local.get $n)))
                        (unreachable))
                    (br_if $next (local.tee $n (i32.sub (i32.const 1)))))
                (i32.const 0))
            (func (export "legacy") (param $n i32) (result i32)
                (loop $next
                    try
                        (call $cleanup (local.get $n))
                        unreachable
                    catch $e
                        drop
                    end
                    try
                        (call $partly (local.get $n))
                    catch_all
                    end
                    (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (i32.const 0)))"#,
    );
    for name in ["modern", "legacy"] {
        assert_bounded(|| assert_eq!(host.call_i32(&instance, name, 1_000_000).unwrap(), 0));
    }
}

#[test]
fn exceptions_of_the_host_are_freed_while_wasm_runs() {
    let mut host = Host::new();
    host.define_back(|_, result| result);
    let instance = host.instantiate(CROSSING);
    assert_bounded(|| assert_eq!(host.call_i32(&instance, "many", 300_000).unwrap(), 300_000));
}

#[test]
fn references_that_calls_leave_behind_are_collected() {
    let mut host = Host::new();
    let instance = host.instantiate(
        r#"(module
            (tag $e (param i32))
            (func (export "run") (param i32) (result i32)
                (block $b (result i32 exnref)
                    (try_table (catch_ref $e $b) (throw $e (local.get 0)))
                    (unreachable))
                (drop)))"#,
    );
    let run = instance.get_typed_func::<i32, i32>(&mut host.store, "run").unwrap();
    assert_bounded(|| {
        for i in 0..300_000 {
            assert_eq!(run.call(&mut host.store, i).unwrap(), i);
        }
    });
}

#[test]
fn a_loop_of_throws_can_be_interrupted() {
    let mut host = Host::new();
    let instance = host.instantiate(
        r#"(module
            (tag $e)
            (func (export "run")
                (loop $again (try_table (catch $e $again) (throw $e)))))"#,
    );
    let handle = host.store.interrupt_handle();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        handle.interrupt();
    });
    let error = host.call(&instance, "run", &[]).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::Interrupted));
    thread.join().unwrap();
}

/// A host for each mode, whose heaps may take so many bytes.
fn hosts(heap_bytes: usize) -> impl Iterator<Item = (Mode, Host)> {
    Mode::ALL.iter().map(move |&mode| {
        (mode, Host::with_config(Config::new().mode(mode).gc_heap_bytes(heap_bytes)))
    })
}

#[test]
fn references_that_wasm_drops_are_collected_while_it_runs() {
    for (mode, mut host) in hosts(8 << 20) {
        let instance = host.instantiate(
            r#"(module
                (tag $e (param i64 i64 i64 i64))
                (func (export "run") (param $n i32) (result i32)
                    (loop $next
                        (block $b (result exnref)
                            (try_table (catch_all_ref $b)
                                (throw $e (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)))
                            (unreachable))
                        (drop)
                        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                    (i32.const 7)))"#,
        );
        // More than the limit, if they stayed.
        assert_bounded(|| {
            assert_eq!(host.call_i32(&instance, "run", 300_000).unwrap(), 7, "{mode}")
        });
    }
}

#[test]
fn legacy_clauses_that_are_left_let_their_exception_go() {
    for (mode, mut host) in hosts(8 << 20) {
        let instance = host.instantiate(
            r#"(module
                (tag $e (param i64 i64 i64 i64))
                (tag $other)
                (func $throw
                    (throw $e (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)))
                (func $leave (param $how i32)
                    (block $out
                        try
                            call $throw
                        catch_all
                            (block $branch (block $table (block $return (block $tail
                                (br_table $branch $table $return $tail (local.get $how)))
                                (return_call $nothing))
                                (return))
                                (br_table $out $out (local.get $how)))
                            (br_if $out (local.get $how))
                            (br_if $out (i32.eqz (local.get $how)))
                            rethrow 0
                        end))
                (func $nothing)
                (func $leave_by_another (param $how i32)
                    try
                        try
                            call $throw
                        catch_all
                            (if (i32.eq (local.get $how) (i32.const 3)) (then throw $other))
                            (call $leave (local.get $how))
                            (if (local.get $how) (then throw $other))
                            rethrow 0
                        end
                    catch_all
                    end)
                (func (export "run") (param $n i32) (result i32)
                    (loop $next
                        (call $leave (i32.and (local.get $n) (i32.const 3)))
                        (call $leave_by_another (i32.and (local.get $n) (i32.const 3)))
                        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                    (i32.const 7)))"#,
        );
        assert_bounded(|| {
            assert_eq!(host.call_i32(&instance, "run", 150_000).unwrap(), 7, "{mode}")
        });
    }
}

/// Frames that hold an exception each, in both ways, while others come and go.
const HELD_IN_FRAMES: &str = r#"(module
    (type $box (struct (field exnref)))
    (tag $e (param i32 (ref null $box)))
    (global $boxed (mut (ref null $box)) (ref.null $box))
    (func $throw (param i32) (throw $e (local.get 0) (struct.new $box (ref.null exn))))
    (func $churn (local $n i32)
        (local.set $n (i32.const 40000))
        (loop $next
            (block $b (result exnref)
                (try_table (catch_all_ref $b) (call $throw (i32.const -1)))
                (unreachable))
            (drop)
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func $make (param i32) (result exnref)
        (block $b (result exnref)
            (try_table (catch_all_ref $b) (call $throw (local.get 0)))
            (unreachable)))
    (func $number (param exnref) (result i32)
        (block $b (result i32 (ref null $box))
            (try_table (catch $e $b) (throw_ref (local.get 0)))
            (unreachable))
        (if (i32.eqz (ref.is_null (struct.get $box 0))) (then (unreachable))))
    (func $value (param $depth i32) (local $x exnref)
        (local.set $x (call $make (local.get $depth)))
        (if (local.get $depth)
            (then (call $hold (i32.sub (local.get $depth) (i32.const 1))))
            (else (call $churn)))
        (if (i32.ne (local.get $depth) (call $number (local.get $x))) (then (unreachable))))
    (func $hold (param $depth i32)
        try (result i32 (ref null $box))
            try
                (call $throw (local.get $depth))
            catch_all
                (if (local.get $depth)
                    (then (call $value (i32.sub (local.get $depth) (i32.const 1))))
                    (else (call $churn)))
                rethrow 0
            end
            unreachable
        catch $e
        end
        drop
        (if (i32.ne (local.get $depth)) (then (unreachable))))
    (func $box (param $depth i32) (result (ref $box))
        (struct.new $box (call $make (local.get $depth))))
    (func (export "run") (param $depth i32) (result i32)
        (local $own (ref null $box))
        (global.set $boxed (call $box (i32.const 1001)))
        (local.set $own (call $box (i32.const 1002)))
        (call $value (local.get $depth))
        (i32.add
            (call $number (struct.get $box 0 (global.get $boxed)))
            (call $number (struct.get $box 0 (local.get $own))))))"#;

#[test]
fn what_frames_and_objects_hold_survives_collections() {
    let _alone = MEMORY.lock();
    for (mode, mut host) in hosts(32 << 20) {
        let instance = host.instantiate(HELD_IN_FRAMES);
        for depth in [0, 1, 60] {
            assert_eq!(host.call_i32(&instance, "run", depth).unwrap(), 2003, "{mode}");
        }
    }
}

#[test]
fn exceptions_count_against_the_limit_of_the_heap() {
    let _alone = MEMORY.lock();
    for (mode, mut host) in hosts(4 << 20) {
        let instance = host.instantiate(
            r#"(module
                (type $bytes (array (mut i8)))
                (tag $e (param i64 i64 i64 exnref))
                (global $chain (mut exnref) (ref.null exn))
                (func (export "fill") (result i32)
                    (loop $next
                        (block $b (result exnref)
                            (try_table (catch_all_ref $b)
                                (throw $e (i64.const 1) (i64.const 2) (i64.const 3)
                                    (global.get $chain)))
                            (unreachable))
                        (br $next (global.set $chain)))
                    (unreachable))
                (func (export "len") (result i32) (local $n i32) (local $x exnref)
                    (local.set $x (global.get $chain))
                    (block $end
                        (loop $next
                            (br_if $end (ref.is_null (local.get $x)))
                            (block $b (result i64 i64 i64 exnref)
                                (try_table (catch $e $b) (throw_ref (local.get $x)))
                                (unreachable))
                            (local.set $x)
                            (drop) (drop) (drop)
                            (local.set $n (i32.add (local.get $n) (i32.const 1)))
                            (br $next)))
                    (local.get $n))
                (func (export "clear") (global.set $chain (ref.null exn)))
                (func (export "array") (param i32) (result i32)
                    (array.len (array.new $bytes (i32.const 0) (local.get 0)))))"#,
        );
        for _ in 0..2 {
            let error = host.call(&instance, "fill", &[]).unwrap_err();
            assert_eq!(error.trap_code(), Some(TrapCode::GcHeapExhausted), "{mode}");
            let len = host.call(&instance, "len", &[]).unwrap()[0].i32().unwrap();
            assert!((20_000..60_000).contains(&len), "{len} in {mode}");
            let full = host.call_i32(&instance, "array", 2 << 20).unwrap_err();
            assert_eq!(full.trap_code(), Some(TrapCode::GcHeapExhausted), "{mode}");
            let refused = ExnRef::new(&mut host.store, &host.tag, &[Val::I32(0)]);
            if let Err(error) = refused {
                assert_eq!(error.trap_code(), Some(TrapCode::GcHeapExhausted), "{mode}");
            }
            host.call(&instance, "clear", &[]).unwrap();
            assert_eq!(host.call_i32(&instance, "array", 2 << 20).unwrap(), 2 << 20, "{mode}");
        }
    }
}

#[test]
fn exceptions_can_be_thrown_where_objects_cannot_be_made() {
    for (mode, mut host) in hosts(0) {
        let instance = host.instantiate(
            r#"(module
                (type $s (struct))
                (tag $e (param i32))
                (func (export "run") (param $n i32) (result i32)
                    (loop $next
                        (block $b (result i32 exnref)
                            (try_table (catch_ref $e $b) (throw $e (local.get $n)))
                            (unreachable))
                        (drop)
                        (br_if $next (local.tee $n (i32.sub (i32.const 1)))))
                    (local.get $n))
                (func (export "object") (param i32) (result i32)
                    (ref.is_null (struct.new $s))))"#,
        );
        assert_eq!(host.call_i32(&instance, "run", 5000).unwrap(), 0, "{mode}");
        let error = host.call_i32(&instance, "object", 0).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::GcHeapExhausted), "{mode}");
    }
}
