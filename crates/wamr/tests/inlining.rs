//! Functions whose bodies are compiled in place of calls behave as called ones: traps and their
//! backtraces, exceptions, fuel, interruption.
#![cfg(all(
    feature = "interp",
    feature = "jit",
    feature = "wat",
    target_os = "linux",
    target_arch = "x86_64"
))]

use std::time::Duration;

use wamr::{Config, Engine, Error, Instance, Mode, Module, Store, TrapCode};

/// How a module comes to run.
#[derive(Clone, Copy, Debug)]
enum Way {
    Interpreted,
    Compiled,
    CompiledWithoutInlining,
    /// Compiled to bytes, and loaded from these.
    Loaded,
}

const WAYS: [Way; 4] = [Way::Interpreted, Way::Compiled, Way::CompiledWithoutInlining, Way::Loaded];

fn instance(way: Way, text: &str, fuel: bool) -> (Store<()>, Instance) {
    let mode = if matches!(way, Way::Interpreted) { Mode::Interp } else { Mode::Jit };
    let mut config = Config::new();
    config.mode(mode).consume_fuel(fuel);
    config.inlining(!matches!(way, Way::CompiledWithoutInlining));
    let engine = Engine::new(&config).unwrap();
    let module = Module::new(&engine, text).unwrap();
    let module = match way {
        Way::Loaded => {
            let bytes = module.serialize().unwrap();
            // SAFETY: the engine has just written it.
            unsafe { Module::deserialize(&engine, bytes) }.unwrap()
        }
        _ => module,
    };
    let mut store = Store::new(&engine, ());
    if fuel {
        store.set_fuel(1_000_000).unwrap();
    }
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

fn run(store: &mut Store<()>, instance: &Instance, name: &str, arg: i32) -> Result<i32, Error> {
    let func = instance.get_func(&mut *store, name).unwrap();
    func.typed::<i32, i32>(&*store).unwrap().call(&mut *store, arg)
}

/// The outcome in each way, which must be one.
fn outcome<T: PartialEq + core::fmt::Debug>(outcome_of: impl Fn(Way) -> T) -> T {
    let [first, others @ ..] = WAYS.map(|way| (way, outcome_of(way)));
    for (way, other) in others {
        assert_eq!(first.1, other, "{way:?}");
    }
    first.1
}

const NESTED: &str = r#"(module (memory 1) (table 1 funcref) (type $step (func (param i32) (result i32)))
    (func $load (param i32) (result i32) (i32.load (local.get 0)))
    (func $divide (param i32) (result i32)
        (i32.div_u (i32.const 100) (call $load (local.get 0))))
    (func $stop (param i32) (result i32) (unreachable))
    (func $indirect (param i32) (result i32)
        (call_indirect (type $step) (local.get 0) (i32.const 0)))
    (func $choose (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const 7)) (then (return (call $stop (local.get 0)))))
        (if (i32.eq (local.get 0) (i32.const 8)) (then (return (call $indirect (local.get 0)))))
        (call $divide (local.get 0)))
    (func (export "run") (param i32) (result i32) (local i32)
        (local.set 1 (i32.const 3))
        (loop $again
            (i32.store (i32.const 64) (i32.const 5))
            (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
            (br_if $again (local.get 1)))
        (i32.add (i32.const 1) (call $choose (local.get 0)))))"#;

#[test]
fn backtraces_name_every_function_and_place() {
    for (arg, trap, depth) in [
        (-4, TrapCode::MemoryOutOfBounds, 4),
        (0, TrapCode::IntegerDivideByZero, 3),
        (7, TrapCode::Unreachable, 3),
        (8, TrapCode::UninitializedElement, 3),
    ] {
        let frames = outcome(|way| {
            let (mut store, instance) = instance(way, NESTED, false);
            let error = run(&mut store, &instance, "run", arg).unwrap_err();
            assert_eq!(error.trap_code(), Some(trap), "{way:?}");
            let frames = error.backtrace().frames();
            let frames = frames.iter().map(|frame| (frame.func(), frame.offset().unwrap()));
            frames.collect::<Vec<_>>()
        });
        assert_eq!(frames.len(), depth, "{trap:?}");
    }
    assert_eq!(
        outcome(|way| {
            let (mut store, instance) = instance(way, NESTED, false);
            run(&mut store, &instance, "run", 64).unwrap()
        }),
        21
    );
}

#[test]
fn exceptions_leave_inlined_functions_for_the_clause_around_the_call() {
    let text = r#"(module (tag $tag (param i32)) (tag $other)
        (func $throw (param i32) (throw $tag (local.get 0)))
        (func $deep (param i32) (result i32)
            (if (i32.gt_s (local.get 0) (i32.const 10)) (then (call $throw (local.get 0))))
            (if (i32.eq (local.get 0) (i32.const 3)) (then (throw $other)))
            (local.get 0))
        (func $inner (param i32) (result i32)
            (block $caught (try_table (catch $other $caught) (return (call $deep (local.get 0)))))
            (i32.const -1))
        (func (export "run") (param i32) (result i32)
            (block $caught (result i32)
                (try_table (result i32) (catch $tag $caught) (call $inner (local.get 0)))
                (return))
            (i32.mul (i32.const 2))))"#;
    let results = outcome(|way| {
        let (mut store, instance) = instance(way, text, false);
        [1, 3, 11, 20].map(|arg| run(&mut store, &instance, "run", arg).unwrap())
    });
    assert_eq!(results, [1, -1, 22, 40]);
}

#[test]
fn fuel_is_what_it_is_for_calls() {
    let text = r#"(module (memory 1)
        (func $never (param i32) (result i32) (unreachable))
        (func $half (param i32) (result i32)
            (if (i32.eq (local.get 0) (i32.const 9)) (then (return (call $never (i32.const 1)))))
            (i32.div_u (i32.const 100) (local.get 0)))
        (func $fibonacci (export "run") (param i32) (result i32)
            (drop (call $half (local.get 0)) (i32.add (i32.const 1) (i32.const 2)))
            (if (i32.lt_u (local.get 0) (i32.const 3)) (then (return (local.get 0))))
            (i32.add
                (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
                (call $fibonacci (i32.sub (local.get 0) (i32.const 2))))))"#;
    let text = text.replace(
        "(drop (call $half (local.get 0)) (i32.add (i32.const 1) (i32.const 2)))",
        "(drop (i32.add (call $half (local.get 0)) (i32.add (i32.const 1) (i32.const 2))))",
    );
    for arg in [0, 1, 8, 9, 12] {
        let (result, left) = outcome(|way| {
            let (mut store, instance) = instance(way, &text, true);
            let result = run(&mut store, &instance, "run", arg);
            (result.map_err(|error| error.trap_code()), store.get_fuel().unwrap())
        });
        assert!(left < 1_000_000, "{arg}");
        assert_eq!(result.is_ok(), matches!(arg, 1 | 8), "{arg}");
    }
}

#[test]
fn endless_recursion_and_endless_loops_end() {
    let text = r#"(module
        (func $down (export "down") (param i32) (result i32)
            (i32.add (i32.const 1) (call $up (local.get 0))))
        (func $up (param i32) (result i32) (i32.add (i32.const 1) (call $down (local.get 0))))
        (func $turn (param i32) (loop (br_if 0 (local.get 0))))
        (func (export "loop") (param i32) (result i32) (call $turn (local.get 0)) (i32.const 0)))"#;
    for way in WAYS {
        let (mut store, instance) = instance(way, text, false);
        let error = run(&mut store, &instance, "down", 0).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::StackOverflow), "{way:?}");
        let handle = store.interrupt_handle();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                handle.interrupt();
            });
            let error = run(&mut store, &instance, "loop", 1).unwrap_err();
            assert_eq!(error.trap_code(), Some(TrapCode::Interrupted), "{way:?}");
        });
    }
}

#[test]
fn functions_that_call_each_other_often_stay_small() {
    // Inlined without a bound, the first would have a billion calls.
    let mut text = String::from("(module");
    for func in 0..10 {
        text += &format!("(func ${func} {})", format!("(call ${})", func + 1).repeat(8));
    }
    text += "(func $10) (export \"run\" (func $0)))";
    let engine = Engine::new(Config::new().mode(Mode::Jit)).unwrap();
    let bytes = engine.precompile(text.as_bytes()).unwrap();
    assert!(bytes.len() < 200_000, "{}", bytes.len());
}
