//! Calls through tables whose elements are known when a module is compiled behave as all others:
//! results, traps and their backtraces, exceptions, fuel; and what is not known is not taken for known.
#![cfg(all(feature = "jit", feature = "wat", target_os = "linux", target_arch = "x86_64"))]

use wamr::{
    Config, Engine, Error, Extern, Instance, Mode, Module, RefType, Store, Table, TableType,
    TrapCode, Val,
};

/// How a module comes to run.
#[derive(Clone, Copy, Debug)]
enum Way {
    #[cfg(feature = "interp")]
    Interpreted,
    Compiled,
    CompiledWithoutInlining,
    /// Compiled to bytes, and loaded from these.
    Loaded,
}

const WAYS: &[Way] = &[
    Way::Compiled,
    Way::CompiledWithoutInlining,
    Way::Loaded,
    #[cfg(feature = "interp")]
    Way::Interpreted,
];

struct World {
    store: Store<()>,
    instance: Instance,
}

fn engine(way: Way) -> Engine {
    let mut config = Config::new();
    config.consume_fuel(true).inlining(!matches!(way, Way::CompiledWithoutInlining));
    config.mode(match way {
        #[cfg(feature = "interp")]
        Way::Interpreted => Mode::Interp,
        _ => Mode::Jit,
    });
    Engine::new(&config).unwrap()
}

fn module(way: Way, engine: &Engine, text: &str) -> Module {
    let module = Module::new(engine, text).unwrap();
    if !matches!(way, Way::Loaded) {
        return module;
    }
    let bytes = module.serialize().unwrap();
    // SAFETY: the engine has just written it.
    unsafe { Module::deserialize(engine, bytes) }.unwrap()
}

impl World {
    fn new(way: Way, text: &str) -> Self {
        let engine = engine(way);
        let module = module(way, &engine, text);
        let mut store = Store::new(&engine, ());
        store.set_fuel(1 << 40).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        Self { store, instance }
    }

    fn run(&mut self, name: &str, arg: i32) -> Result<i32, Error> {
        let func = self.instance.get_func(&mut self.store, name).unwrap();
        func.typed::<i32, i32>(&self.store).unwrap().call(&mut self.store, arg)
    }

    /// Everything that can be seen of a call.
    fn outcome(&mut self, name: &str, arg: i32) -> (Result<i32, Seen>, u64) {
        self.store.set_fuel(1 << 40).unwrap();
        let result = self.run(name, arg).map_err(|error| {
            let frames = error.backtrace().frames().iter();
            let frames = frames.map(|frame| (frame.func().0, frame.offset())).collect();
            Seen { trap: error.trap_code(), frames }
        });
        (result, (1 << 40) - self.store.get_fuel().unwrap())
    }
}

#[derive(Debug, PartialEq)]
struct Seen {
    trap: Option<TrapCode>,
    frames: Vec<(u32, Option<usize>)>,
}

/// The outcome in every way, which must be one.
fn outcome(worlds: &mut [World], name: &str, arg: i32) -> Result<i32, Seen> {
    let mut outcomes = worlds.iter_mut().map(|world| world.outcome(name, arg));
    let first = outcomes.next().expect("there are several");
    for (other, way) in outcomes.zip(&WAYS[1..]) {
        assert_eq!(other, first, "{name} {arg}, {way:?}");
    }
    first.0
}

fn trap(worlds: &mut [World], name: &str, arg: i32) -> Option<TrapCode> {
    outcome(worlds, name, arg).expect_err("it traps").trap
}

fn worlds(text: &str) -> Vec<World> {
    WAYS.iter().map(|&way| World::new(way, text)).collect()
}

/// Callees of several types, with a hole between them; indices are to be filled in.
const FIELDS: &str = r#"
    (rec (type $unary (sub (func (param i32) (result i32)))))
    (rec (type $other (sub $unary (func (param i32) (result i32))) ))
    (type $none (func))
    (tag $tag (param i32))
    (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
    (func $divide (type $unary) (i32.div_u (i32.const 100) (local.get 0)))
    (func $throw (type $unary) (throw $tag (local.get 0)))
    (func $nothing (type $none))
    (func $again (type $unary)
        (if (result i32) (local.get 0)
            (then (return_call_indirect $t (type $unary)
                (i32.sub (local.get 0) (i32.const 1)) (at 5)))
            (else (i32.const 77))))
    (func $sub (type $other) (i32.add (local.get 0) (i32.const 1000)))
    (elem (table $t) (at 1) func $double $divide $throw $nothing $again)
    ;; The upper half is the index, the lower one the argument.
    (func (export "call") (param i32) (result i32)
        (call_indirect $t (type $unary)
            (i32.and (local.get 0) (i32.const 0xffff)) (upper)))
    (func (export "constant") (param i32) (result i32)
        (call_indirect $t (type $unary) (local.get 0) (at 2)))
    (func (export "mistaken") (param i32) (result i32)
        (call_indirect $t (type $unary) (local.get 0) (at 4)))
    (func (export "tail") (param i32) (result i32)
        (return_call_indirect $t (type $unary)
            (i32.and (local.get 0) (i32.const 0xffff)) (upper)))
    (func (export "caught") (param i32) (result i32)
        (block $caught (result i32)
            (try_table (result i32) (catch $tag $caught)
                (call_indirect $t (type $unary) (local.get 0) (at 3)))
            (i32.add (i32.const 1)))
        (i32.add (i32.const 10)))"#;

/// What `FIELDS` give with a table of 8 elements, whatever is known of it.
fn check(worlds: &mut [World]) {
    let at = |index: i32, arg: i32| index << 16 | arg;
    for name in ["call", "tail"] {
        assert_eq!(outcome(worlds, name, at(1, 21)), Ok(42));
        assert_eq!(outcome(worlds, name, at(2, 5)), Ok(20));
        assert_eq!(outcome(worlds, name, at(5, 0xffff)), Ok(77));
        assert_eq!(trap(worlds, name, at(2, 0)), Some(TrapCode::IntegerDivideByZero));
        assert_eq!(trap(worlds, name, at(0, 1)), Some(TrapCode::UninitializedElement));
        assert_eq!(trap(worlds, name, at(7, 1)), Some(TrapCode::UninitializedElement));
        assert_eq!(trap(worlds, name, at(8, 1)), Some(TrapCode::UndefinedElement));
        assert_eq!(trap(worlds, name, at(0x7fff, 1)), Some(TrapCode::UndefinedElement));
        assert_eq!(trap(worlds, name, at(4, 1)), Some(TrapCode::IndirectCallTypeMismatch));
        assert_eq!(trap(worlds, name, at(3, 1)), None, "an exception that nobody catches");
    }
    assert_eq!(outcome(worlds, "constant", 4), Ok(25));
    assert_eq!(trap(worlds, "constant", 0), Some(TrapCode::IntegerDivideByZero));
    assert_eq!(trap(worlds, "mistaken", 0), Some(TrapCode::IndirectCallTypeMismatch));
    assert_eq!(outcome(worlds, "caught", 32), Ok(42));
}

/// `FIELDS` with indices of 32 or of 64 bits.
fn fields(bits: u32) -> String {
    let upper = "(i32.shr_u (local.get 0) (i32.const 16))";
    let upper = match bits {
        64 => format!("(i64.extend_i32_u {upper})"),
        _ => upper.to_owned(),
    };
    FIELDS.replace("(upper)", &upper).replace("(at ", &format!("(i{bits}.const "))
}

#[test]
fn known_tables_are_called_as_others_are() {
    let narrow = fields(32);
    check(&mut worlds(&format!("(module (table $t 8 funcref) {narrow})")));
    check(&mut worlds(&format!("(module (table $t i64 8 funcref) {})", fields(64))));
    check(&mut worlds(&format!(r#"(module (table $t (export "t") 8 funcref) {narrow})"#)));
}

#[test]
fn subtypes_and_imports_are_found_where_nothing_is_written() {
    let more = "(elem (table $t) (i32.const 6) func $sub)";
    let mut worlds = worlds(&format!("(module (table $t 8 funcref) {} {more})", fields(32)));
    check(&mut worlds);
    assert_eq!(outcome(&mut worlds, "call", 6 << 16 | 1), Ok(1001));
    assert_eq!(outcome(&mut worlds, "tail", 6 << 16 | 1), Ok(1001));

    for &way in WAYS {
        let engine = engine(way);
        let text = r#"(module (type $f (func (param i32) (result i32)))
            (import "" "f" (func $f (type $f)))
            (table 2 funcref) (elem (i32.const 0) func $f $g)
            (func $g (type $f) (i32.const 5))
            (func (export "call") (param i32) (result i32)
                (call_indirect (type $f) (i32.const 20) (local.get 0)))
            (func (export "first") (param i32) (result i32)
                (call_indirect (type $f) (local.get 0) (i32.const 0))))"#;
        let mut store = Store::new(&engine, ());
        store.set_fuel(1 << 40).unwrap();
        let import = wamr::Func::wrap(&mut store, |value: i32| value + 1);
        let module = module(way, &engine, text);
        let instance = Instance::new(&mut store, &module, &[import.into()]).unwrap();
        let mut world = World { store, instance };
        assert_eq!(world.run("call", 0).unwrap(), 21);
        assert_eq!(world.run("call", 1).unwrap(), 5);
        assert_eq!(world.run("first", 7).unwrap(), 8);
    }
}

#[test]
fn what_a_module_writes_is_seen() {
    for write in [
        "(table.set $t (i32.const 2) (ref.func $new))",
        "(table.fill $t (i32.const 2) (ref.func $new) (i32.const 1))",
        "(table.init $t $passive (i32.const 2) (i32.const 0) (i32.const 1))",
        "(table.copy $t $source (i32.const 2) (i32.const 0) (i32.const 1))",
    ] {
        let text = format!(
            r#"(module (type $f (func (result i32)))
            (table $source 1 funcref) (elem (table $source) (i32.const 0) func $new)
            (table $t 4 funcref) (elem (table $t) (i32.const 1) func $old $old)
            (elem $passive func $new)
            (func $old (result i32) (i32.const 1))
            (func $new (result i32) (i32.const 2))
            (func (export "write") (param i32) (result i32) {write} (i32.const 0))
            (func (export "call") (param i32) (result i32)
                (call_indirect $t (type $f) (local.get 0)))
            (func (export "constant") (param i32) (result i32)
                (call_indirect $t (type $f) (i32.const 2))))"#
        );
        let mut worlds = worlds(&text);
        for (name, before, after) in [("call", 1, 2), ("constant", 1, 2)] {
            let mut fresh = self::worlds(&text);
            assert_eq!(outcome(&mut fresh, name, 2), Ok(before), "{write}");
            assert_eq!(outcome(&mut fresh, "write", 0), Ok(0));
            assert_eq!(outcome(&mut fresh, name, 2), Ok(after), "{write}");
        }
        assert_eq!(trap(&mut worlds, "call", 4), Some(TrapCode::UndefinedElement));
    }
    let grown = r#"(module (type $f (func (result i32)))
        (table $t 1 funcref) (elem (i32.const 0) func $old)
        (func $old (result i32) (i32.const 1))
        (func (export "grow") (param i32) (result i32)
            (table.grow $t (ref.func $old) (local.get 0)))
        (func (export "call") (param i32) (result i32)
            (call_indirect $t (type $f) (local.get 0))))"#;
    let mut worlds = worlds(grown);
    assert_eq!(trap(&mut worlds, "call", 3), Some(TrapCode::UndefinedElement));
    assert_eq!(outcome(&mut worlds, "grow", 4), Ok(1));
    assert_eq!(outcome(&mut worlds, "call", 3), Ok(1));
}

/// A function of an instance that failed to be made can be called, with tables that were not filled.
#[test]
fn tables_of_instances_that_failed_are_not_taken_for_filled() {
    let text = r#"(module (type $f (func (result i32)))
        (import "" "t" (table $theirs 1 funcref))
        (table $own 1 funcref)
        (func $leaked (type $f) (call_indirect $own (type $f) (i32.const 0)))
        (func $answer (type $f) (i32.const 42))
        (elem (table $theirs) (i32.const 0) func $leaked)
        (elem (table $own) (i32.const 0) func $answer)
        (elem (table $theirs) (i32.const 9) func $leaked))"#;
    let failing_first = text.replace(
        "(elem (table $own) (i32.const 0) func $answer)\n        (elem (table $theirs) (i32.const 9) func $leaked)",
        "(elem (table $theirs) (i32.const 9) func $leaked)\n        (elem (table $own) (i32.const 0) func $answer)",
    );
    assert_ne!(failing_first, text);
    for &way in WAYS {
        for (text, filled) in [(text, true), (&*failing_first, false)] {
            let engine = engine(way);
            let mut store = Store::new(&engine, ());
            store.set_fuel(1 << 40).unwrap();
            let ty = TableType::new(RefType::FUNCREF, 1, None);
            let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
            let module = module(way, &engine, text);
            let imports: [Extern; 1] = [table.clone().into()];
            let error = Instance::new(&mut store, &module, &imports);
            assert!(error.is_err(), "a segment does not fit");
            let Some(Val::FuncRef(Some(leaked))) = table.get(&mut store, 0).unwrap() else {
                panic!("it was put there");
            };
            let result = leaked.typed::<(), i32>(&store).unwrap().call(&mut store, ());
            match (result, filled) {
                (Ok(42), true) => {}
                (Err(error), false) => {
                    assert_eq!(error.trap_code(), Some(TrapCode::UninitializedElement));
                }
                (other, _) => panic!("{way:?}: {other:?}"),
            }
        }
    }
}
