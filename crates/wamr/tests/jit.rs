//! What is special about compiled code: frames in backtraces, exceptions and garbage in native
//! frames, frames that are large.
#![cfg(all(feature = "jit", feature = "wat", target_os = "linux", target_arch = "x86_64"))]

use std::fmt::Write as _;

use wamr::{Caller, Config, Engine, Func, Instance, Mode, Module, Store, TrapCode};

fn engine() -> Engine {
    let mut config = Config::new();
    config.mode(Mode::Jit).gc_heap_bytes(1 << 20).native_stack_bytes(256 << 10);
    Engine::new(&config).expect("the mode is there")
}

fn instantiate(wat: &str) -> (Store<()>, Instance) {
    instantiate_in(&engine(), wat)
}

fn instantiate_in(engine: &Engine, wat: &str) -> (Store<()>, Instance) {
    let module = Module::new(engine, wat).unwrap();
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

/// The functions and offsets of the frames of a failed call.
fn frames(wat: &str, name: &str) -> Vec<(u32, Option<usize>)> {
    let (mut store, instance) = instantiate(wat);
    let func = instance.get_typed_func::<(), ()>(&mut store, name).unwrap();
    let error = func.call(&mut store, ()).unwrap_err();
    error.backtrace().frames().iter().map(|frame| (frame.func().0, frame.offset())).collect()
}

#[test]
fn every_kind_of_failure_tells_its_frames() {
    for (body, what) in [
        ("unreachable", "an instruction that is undefined"),
        ("(drop (i32.div_u (i32.const 1) (global.get $zero)))", "one that the processor refuses"),
        ("(drop (i32.load (i32.const -1)))", "an access to guarded memory"),
        ("(memory.fill (i32.const 0) (i32.const 0) (i32.const -1))", "a builtin"),
        ("(throw $e)", "an exception"),
    ] {
        let wat = format!(
            r#"(module (memory 1) (global $zero (mut i32) (i32.const 0)) (tag $e)
                (func $inner {body})
                (func $outer (drop (i32.const 1)) (call $inner) (drop (i32.const 2)))
                (func (export "run") (call $outer)))"#
        );
        let frames = frames(&wat, "run");
        let funcs: Vec<u32> = frames.iter().map(|(func, _)| *func).collect();
        assert_eq!(funcs, [0, 1, 2], "{what}");
        assert!(frames.iter().all(|(_, offset)| offset.is_some()), "{what}: {frames:?}");
    }
}

/// Whether a mapping of this process that is no file's is executable. No mapping at all may be
/// writable and executable.
fn has_code_of_its_own() -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the system tells");
    let is_code = |line: &&str| line.split(' ').nth(1).is_some_and(|access| access.contains('x'));
    let code: Vec<&str> = maps.lines().filter(is_code).collect();
    assert!(code.iter().all(|line| line.contains(" r-xp ") || line.contains(" --xp ")), "{maps}");
    code.iter().any(|line| line.split_whitespace().count() == 5)
}

#[test]
fn code_is_never_writable_and_executable() {
    let engine = engine();
    let wat = r#"(module (import "" "" (func $host)) (memory (export "m") 1)
        (func (export "run") (call $host)))"#;
    let file = engine.precompile(wat.as_bytes()).unwrap();
    // SAFETY: it was made on the line above.
    let from_file = unsafe { Module::deserialize(&engine, file) }.unwrap();
    for module in [Module::new(&engine, wat).unwrap(), from_file] {
        let mut store = Store::new(&engine, false);
        let host = Func::wrap(&mut store, |mut caller: Caller<'_, bool>| {
            *caller.data_mut() = has_code_of_its_own();
        });
        let instance = Instance::new(&mut store, &module, &[host.into()]).unwrap();
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        run.call(&mut store, ()).unwrap();
        assert!(*store.data(), "the code is in memory that is executable");
    }
}

#[test]
fn large_frames_are_checked_before_they_are_made() {
    // So many values live across a call that the frame is larger than what lies below the limit.
    let count = 4_500;
    let mut wat = String::from(
        r#"(module (global $g (mut i64) (i64.const 1))
            (func $next (result i64)
                (global.set $g (i64.add (global.get $g) (i64.const 1))) (global.get $g))
            (func $large (export "large") (param $deeper i32) (result i64)"#,
    );
    wat += &" (call $next)".repeat(count);
    wat += "(if (local.get $deeper) (then (drop (call $large (i32.sub (local.get $deeper) (i32.const 1))))))";
    wat += &" i64.add".repeat(count - 1);
    wat += "))";
    // An inlined body would spare the calls.
    let mut config = Config::new();
    config.mode(Mode::Jit).inlining(false);
    let (mut store, instance) = instantiate_in(&Engine::new(&config).unwrap(), &wat);
    let large = instance.get_typed_func::<i32, i64>(&mut store, "large").unwrap();
    let sum = |from: i64| (from..from + count as i64).sum::<i64>();
    assert_eq!(large.call(&mut store, 0).unwrap(), sum(2));
    let error = large.call(&mut store, 1_000).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::StackOverflow));
    assert!(large.call(&mut store, 1).is_ok());
}

#[test]
fn references_in_native_frames_are_found() {
    // Far more garbage than the heap holds, while a list lives in locals and on the stack.
    let (mut store, instance) = instantiate(
        r#"(module
            (type $list (struct (field (ref null $list)) (field i32)))
            (func $garbage (param $n i32)
                (loop $next
                    (drop (struct.new $list (ref.null $list) (local.get $n)))
                    (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
            (func $build (param $n i32) (result (ref null $list))
                (if (i32.eqz (local.get $n)) (then (return (ref.null $list))))
                (call $garbage (i32.const 5000))
                (struct.new $list (call $build (i32.sub (local.get $n) (i32.const 1)))
                    (local.get $n)))
            (func (export "sum") (param $n i32) (result i32)
                (local $list (ref null $list)) (local $sum i32)
                (local.set $list (call $build (local.get $n)))
                (call $garbage (i32.const 50000))
                (loop $next
                    (if (ref.is_null (local.get $list)) (then (return (local.get $sum))))
                    (call $garbage (i32.const 100))
                    (local.set $sum
                        (i32.add (local.get $sum) (struct.get $list 1 (local.get $list))))
                    (local.set $list (struct.get $list 0 (local.get $list)))
                    (br $next))
                (unreachable)))"#,
    );
    let sum = instance.get_typed_func::<i32, i32>(&mut store, "sum").unwrap();
    assert_eq!(sum.call(&mut store, 200).unwrap(), 200 * 201 / 2);
}

#[test]
fn handlers_see_the_locals_of_the_moment() {
    let mut wat = String::from(
        r#"(module (tag $e (param i32 i64 f64 v128))
            (func $throw (param i32)
                (throw $e (local.get 0) (i64.const 7) (f64.const 0.5) (v128.const i64x2 3 4)))
            (func (export "run") (param $n i32) (result i32)"#,
    );
    for i in 0..20 {
        write!(wat, "(local $l{i} i32)").expect("a string");
    }
    for i in 0..20 {
        write!(wat, "(local.set $l{i} (i32.add (local.get $n) (i32.const {i})))")
            .expect("a string");
    }
    wat += "(block $done (result i32 i64 f64 v128)
                (try_table (catch $e $done)
                    (local.set $l0 (i32.const 1000)) (call $throw (local.get $n))
                    (local.set $l0 (i32.const 2000)))
                (unreachable))
            (i32.wrap_i64 (i64x2.extract_lane 1)) (local.set $n)
            (i32.trunc_f64_s (f64.mul (f64.const 4))) (local.set $l1)
            i32.wrap_i64 local.get $n i32.add local.get $l1 i32.add i32.add";
    for i in 0..20 {
        write!(wat, " local.get $l{i} i32.add").expect("a string");
    }
    wat += "))";
    let wat =
        wat.replace("(i32.wrap_i64 (i64x2.extract_lane 1))", "i64x2.extract_lane 1 i32.wrap_i64");
    let wat = wat.replace(
        "(i32.trunc_f64_s (f64.mul (f64.const 4)))",
        "f64.const 4 f64.mul i32.trunc_f64_s",
    );
    let (mut store, instance) = instantiate(&wat);
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    // The payload, and the locals: one was changed within the region, two after it.
    let n = 100;
    let locals: i32 = (2..20).map(|i| n + i).sum::<i32>() + 1000 + 2;
    assert_eq!(run.call(&mut store, n).unwrap(), n + 7 + 4 + 2 + locals);
}

#[test]
fn calls_that_name_too_many_handlers_are_refused_before_they_take_time() {
    let text = |tags: usize, calls: usize| {
        let mut text = String::from("(module ");
        for tag in 0..tags {
            writeln!(text, "(tag $e{tag})").unwrap();
        }
        text += "(func $f (throw $e1)) (func (export \"run\") (block $b (try_table";
        for tag in 0..tags {
            write!(text, " (catch $e{tag} $b)").unwrap();
        }
        text + &" (call $f)".repeat(calls) + "))))"
    };
    let (mut store, instance) = instantiate(&text(40, 100));
    let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
    run.call(&mut store, ()).unwrap();
    let error = Module::new(&engine(), text(900, 900)).map(drop).unwrap_err().to_string();
    assert!(error.contains("so many handlers"), "{error}");
}
