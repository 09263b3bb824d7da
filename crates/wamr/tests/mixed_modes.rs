//! Instances of every mode in one store, beside the host: one table, one memory, one global and one
//! tag are one thing for all of them, whoever uses them together with whom.
#![cfg(all(
    feature = "interp",
    feature = "jit",
    feature = "wat",
    target_os = "linux",
    target_arch = "x86_64"
))]

use wamr::types::ModuleBytes;
use wamr::{
    AsContextMut, Backtrace, Caller, Config, Engine, Error, Extern, Func, FuncType, Global,
    GlobalType, Instance, Memory, MemoryType, Mode, Module, RefType, Store, Table, TableType, Tag,
    TrapCode, Val, ValType, WasmParams, WasmResults,
};

/// How a module comes to run.
#[derive(Clone, Copy, Debug)]
enum Way {
    Interpreted,
    Compiled,
    /// Compiled to bytes, and loaded from these.
    Loaded,
}

const WAYS: [Way; 3] = [Way::Interpreted, Way::Compiled, Way::Loaded];

const USER: &str = r#"(module
    (type $number (func (result i32)))
    (type $step (func (param i32) (result i32)))
    (type $wide (func (param i32 i64 i64 i64 i64 f32 f64 v128) (result i32 i64 v128)))
    (import "" "memory" (memory 1))
    (import "" "table" (table $table 0 funcref))
    (import "" "global" (global $global (mut i64)))
    (import "" "tag" (tag $tag (param i32 i64)))
    (import "" "call" (func $host (type $step)))
    (global $id (mut i32) (i32.const 0))
    (global $next (mut i32) (i32.const 0))
    (elem declare func $me $throw $trap $step $forward)
    (func (export "init") (param i32 i32)
        (global.set $id (local.get 0)) (global.set $next (local.get 1)))

    (func (export "pages") (result i32) (memory.size))
    (func (export "grow memory") (result i32) (memory.grow (i32.const 1)))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "get") (result i64) (global.get $global))
    (func (export "set") (param i64) (global.set $global (local.get 0)))

    ;; What is stored in the table runs in this instance, whoever calls it.
    (func $me (type $number) (global.get $id))
    (func $throw (type $number) (throw $tag (global.get $id) (global.get $global)))
    (func $trap (type $number) (i32.div_u (i32.const 1) (i32.const 0)))
    (func $step (type $step)
        (if (i32.eqz (local.get 0)) (then (return (global.get $id))))
        (return_call_indirect $table (type $step)
            (i32.sub (local.get 0) (i32.const 1)) (global.get $next)))
    (func $forward (type $wide)
        (i32.add (local.get 0) (global.get $id))
        (i64.add (i64.add (local.get 1) (local.get 2)) (i64.add (local.get 3) (local.get 4)))
        (v128.xor (local.get 7) (f64x2.splat (f64.add (f64.promote_f32 (local.get 5)) (local.get 6)))))
    (func (export "grow table") (param $which i32) (result i32)
        (table.grow $table
            (if (result funcref) (i32.eqz (local.get $which))
                (then (ref.func $me))
                (else (if (result funcref) (i32.eq (local.get $which) (i32.const 1))
                    (then (ref.func $throw))
                    (else (if (result funcref) (i32.eq (local.get $which) (i32.const 2))
                        (then (ref.func $trap))
                        (else (if (result funcref) (i32.eq (local.get $which) (i32.const 3))
                            (then (ref.func $step))
                            (else (ref.func $forward)))))))))
            (i32.const 1)))
    (func (export "table size") (result i32) (table.size $table))

    (func (export "call") (param i32) (result i32)
        (call_indirect $table (type $number) (local.get 0)))
    (func (export "step") (param $slot i32) (param $count i32) (result i32)
        (call_indirect $table (type $step) (local.get $count) (local.get $slot)))
    (func (export "wide") (param $slot i32) (result i32 i64 i64)
        (local $number i32) (local $long i64) (local $vector v128)
        (call_indirect $table (type $wide)
            (i32.const 100) (i64.const 1) (i64.const 20) (i64.const 300) (i64.const 4000)
            (f32.const 0.5) (f64.const 1.5) (v128.const i64x2 7 8)
            (local.get $slot))
        (local.set $vector) (local.set $long) (local.set $number)
        (local.get $number) (local.get $long) (i64x2.extract_lane 1 (local.get $vector)))
    (func (export "by host") (param i32) (result i32) (call $host (local.get 0)))
    (func (export "catch") (param $slot i32) (result i32 i64)
        (block $caught (result i32 i64)
            (try_table (result i32 i64) (catch $tag $caught)
                (call_indirect $table (type $number) (local.get $slot))
                (i64.const -1))))
    (func (export "catch by host") (param $slot i32) (result i32 i64)
        (block $caught (result i32 i64)
            (try_table (result i32 i64) (catch $tag $caught)
                (call $host (local.get $slot))
                (i64.const -1)))))"#;

const ME: i32 = 0;
const THROW: i32 = 1;
const TRAP: i32 = 2;
const STEP: i32 = 3;
const FORWARD: i32 = 4;

/// What all share, and one instance for each way.
struct World {
    store: Store<Option<Table>>,
    memory: Memory,
    table: Table,
    global: Global,
    users: Vec<(Way, Instance)>,
}

fn load(engine: &Engine, way: Way, text: &'static str) -> Module {
    let in_mode = |mode| Module::in_mode(engine, ModuleBytes::new(text), None, mode).unwrap();
    match way {
        Way::Interpreted => in_mode(Mode::Interp),
        Way::Compiled => in_mode(Mode::Jit),
        Way::Loaded => {
            let bytes = engine.precompile(text.as_bytes()).unwrap();
            // SAFETY: the compiler has just made them.
            unsafe { Module::deserialize(engine, &bytes) }.unwrap()
        }
    }
}

impl World {
    fn new(engine: &Engine) -> Self {
        let mut store = Store::new(engine, None);
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let ty = TableType::new(RefType::FUNCREF, 0, None);
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        *store.data_mut() = Some(table.clone());
        let ty = GlobalType { content: ValType::I64, mutable: true };
        let global = Global::new(&mut store, ty, Val::I64(0)).unwrap();
        let ty = FuncType::new([ValType::I32, ValType::I64], []);
        let tag = Tag::new(&mut store, ty).unwrap();
        // Enters wasm again, by the table.
        let call = Func::wrap(&mut store, |mut caller: Caller<'_, Option<Table>>, slot: i32| {
            let table = caller.data().clone().expect("it was set");
            call_slot(&mut caller, &table, slot)
        });
        let imports: [Extern; 5] = [
            memory.clone().into(),
            table.clone().into(),
            global.clone().into(),
            tag.into(),
            call.into(),
        ];
        let mut users = Vec::new();
        for (position, way) in WAYS.into_iter().enumerate() {
            let user = Instance::new(&mut store, &load(engine, way, USER), &imports).unwrap();
            let next = (position as i32 + 1) % WAYS.len() as i32;
            run::<_, ()>(&mut store, &user, "init", (position as i32, next)).unwrap();
            users.push((way, user));
        }
        Self { store, memory, table, global, users }
    }

    /// Has each user put one of its functions at the table's end; gives where.
    fn grow_table(&mut self, which: i32) -> Vec<i32> {
        let store = &mut self.store;
        let users = self.users.iter();
        users.map(|(_, user)| run(&mut *store, user, "grow table", which).unwrap()).collect()
    }

    /// Has each user call each of these, and says who it is and whose it was.
    fn each_pair(
        &mut self,
        slots: &[i32],
        mut test: impl FnMut(&mut Store<Option<Table>>, &Instance, i32, i32),
    ) {
        for (_, caller) in &self.users {
            for (owner, &slot) in slots.iter().enumerate() {
                test(&mut self.store, caller, slot, owner as i32);
            }
        }
    }
}

fn run<P: WasmParams, R: WasmResults>(
    mut store: impl AsContextMut,
    user: &Instance,
    name: &str,
    params: P,
) -> Result<R, Error> {
    user.get_typed_func::<P, R>(store.as_context_mut(), name)?.call(store, params)
}

/// Calls a function of the table from the host.
fn call_slot(mut store: impl AsContextMut, table: &Table, slot: i32) -> Result<i32, Error> {
    let Some(Val::FuncRef(Some(func))) = table.get(store.as_context_mut(), slot as u64)? else {
        panic!("there is a function in each slot");
    };
    let mut results = [Val::I32(0)];
    func.call(store, &[], &mut results)?;
    let [Val::I32(result)] = results else { panic!("of this type") };
    Ok(result)
}

/// In engines of either mode, which have the same entities.
fn each_world(test: impl Fn(World)) {
    for &mode in Mode::ALL {
        for guard in [true, false] {
            let engine = Engine::new(Config::new().mode(mode).memory_guard(guard));
            test(World::new(&engine.unwrap()));
        }
    }
}

#[test]
fn a_memory_and_a_global_are_the_same_for_all() {
    each_world(|mut world| {
        let World { store, memory, global, users, .. } = &mut world;
        for writer in 0..=users.len() {
            let pages = memory.size(&*store).unwrap() as i32;
            let (at, value) = (pages * 65_536 + 8, 1000 + writer as i32);
            match users.get(writer) {
                Some((_, user)) => {
                    assert_eq!(run::<_, i32>(&mut *store, user, "grow memory", ()).unwrap(), pages);
                    run::<_, ()>(&mut *store, user, "store", (at, value)).unwrap();
                    run::<_, ()>(&mut *store, user, "set", i64::from(value)).unwrap();
                }
                None => {
                    memory.grow(&mut *store, 1).unwrap();
                    memory.write(&mut *store, at as usize, &value.to_le_bytes()).unwrap();
                    global.set(&mut *store, Val::I64(value.into())).unwrap();
                }
            }
            for (way, reader) in &*users {
                assert_eq!(run::<_, i32>(&mut *store, reader, "pages", ()).unwrap(), pages + 1);
                assert_eq!(
                    run::<_, i32>(&mut *store, reader, "load", at).unwrap(),
                    value,
                    "{way:?}"
                );
                assert_eq!(run::<_, i64>(&mut *store, reader, "get", ()).unwrap(), value.into());
                let beyond = run::<_, i32>(&mut *store, reader, "load", (pages + 1) * 65_536);
                let trap = beyond.unwrap_err().trap_code();
                assert_eq!(trap, Some(TrapCode::MemoryOutOfBounds), "{way:?}");
            }
            assert_eq!(memory.data(&*store).unwrap()[at as usize..][..4], value.to_le_bytes());
            let Val::I64(found) = global.get(&mut *store).unwrap() else { panic!() };
            assert_eq!(found, value.into());
        }
    });
}

#[test]
fn functions_of_a_table_run_in_their_own_instance() {
    each_world(|mut world| {
        let slots = world.grow_table(ME);
        let wide = world.grow_table(FORWARD);
        let of_host = Func::wrap(&mut world.store, || 99);
        let host_slot = world.table.grow(&mut world.store, 1, of_host.into()).unwrap() as i32;
        let size = host_slot + 1;
        world.each_pair(&slots, |store, caller, slot, owner| {
            assert_eq!(run::<_, i32>(&mut *store, caller, "table size", ()).unwrap(), size);
            assert_eq!(run::<_, i32>(&mut *store, caller, "call", slot).unwrap(), owner);
            assert_eq!(run::<_, i32>(&mut *store, caller, "by host", slot).unwrap(), owner);
            assert_eq!(run::<_, i32>(&mut *store, caller, "call", host_slot).unwrap(), 99);
            let wrong = run::<_, i32>(&mut *store, caller, "step", (slot, 1)).unwrap_err();
            assert_eq!(wrong.trap_code(), Some(TrapCode::IndirectCallTypeMismatch));
        });
        world.each_pair(&wide, |store, caller, slot, owner| {
            let found = run::<_, (i32, i64, i64)>(store, caller, "wide", slot).unwrap();
            assert_eq!(found, (100 + owner, 4321, 8 ^ 2.0_f64.to_bits() as i64));
        });
        for (owner, slot) in slots.into_iter().enumerate() {
            let found = call_slot(&mut world.store, &world.table, slot).unwrap();
            assert_eq!(found, owner as i32);
        }
    });
}

#[test]
fn exceptions_and_traps_cross_all_borders() {
    each_world(|mut world| {
        let (throws, traps) = (world.grow_table(THROW), world.grow_table(TRAP));
        world.global.set(&mut world.store, Val::I64(-7)).unwrap();
        world.each_pair(&throws, |store, caller, slot, owner| {
            for name in ["catch", "catch by host"] {
                let caught = run::<_, (i32, i64)>(&mut *store, caller, name, slot).unwrap();
                assert_eq!(caught, (owner, -7), "{name}");
            }
            let error = run::<_, i32>(&mut *store, caller, "call", slot).unwrap_err();
            assert!(error.exception().is_some());
        });
        world.each_pair(&traps, |store, caller, slot, _| {
            for (name, frames) in [("call", 2), ("by host", 2), ("catch", 2), ("catch by host", 2)]
            {
                let error = match name {
                    "call" | "by host" => {
                        run::<_, i32>(&mut *store, caller, name, slot).unwrap_err()
                    }
                    _ => run::<_, (i32, i64)>(&mut *store, caller, name, slot).unwrap_err(),
                };
                assert_eq!(error.trap_code(), Some(TrapCode::IntegerDivideByZero), "{name}");
                let found = error.backtrace().frames();
                assert_eq!(found.len(), frames, "{name}");
                assert_eq!(found[0].func_name().as_deref(), Some("trap"));
                assert!(found.iter().all(|frame| frame.offset().is_some()));
            }
        });
        for slot in throws {
            let error = call_slot(&mut world.store, &world.table, slot).unwrap_err();
            assert!(error.exception().is_some());
        }
    });
}

#[test]
fn tail_calls_through_all_modes_take_no_stack() {
    each_world(|mut world| {
        // The first slots, as `next` has them.
        let slots = world.grow_table(STEP);
        assert_eq!(slots, [0, 1, 2]);
        world.each_pair(&slots, |store, caller, slot, owner| {
            let count = 300_000;
            let last = run::<_, i32>(store, caller, "step", (slot, count)).unwrap();
            assert_eq!(last, (owner + count) % 3);
        });
    });
}

/// Steps to the next module, in ways that leave different frames.
const STEPS: &str = r#"(module
    (type $step (func (param i32) (result i32)))
    (import "" "next" (func $next (type $step)))
    (import "" "host" (func $host (type $step)))
    (table funcref (elem $next))
    (func (export "call") (param i32) (result i32)
        (i32.add (call $next (local.get 0)) (call $host (i32.const 0))))
    (func (export "by table") (param i32) (result i32)
        (drop (call $host (i32.const 1)))
        (i32.add (i32.const 0)
            (call_indirect (type $step) (local.get 0) (i32.const 0))))
    (func (export "tail") (param i32) (result i32) (return_call $next (local.get 0)))
    (func (export "tail by table") (param i32) (result i32)
        (return_call_indirect (type $step) (local.get 0) (i32.const 0))))"#;

#[test]
fn live_frames_are_found_across_all_borders() {
    const FUNCS: [&str; 4] = ["call", "by table", "tail", "tail by table"];
    let engine = Engine::new(Config::new().mode(Mode::Jit)).unwrap();
    let steps = WAYS.map(|way| load(&engine, way, STEPS));
    // What is live when the last function is called; the second one fails then.
    let mut store = Store::new(&engine, Vec::<Backtrace>::new());
    let last = Func::wrap(&mut store, |mut caller: Caller<'_, Vec<Backtrace>>, fails: i32| {
        let live = Backtrace::capture(&caller);
        caller.data_mut().push(live);
        if fails == 1 { Err(Error::msg("as asked")) } else { Ok(0) }
    });
    let host = Func::wrap(&mut store, |caller: Caller<'_, Vec<Backtrace>>, _: i32| {
        i32::from(Backtrace::capture(&caller).frames().is_empty())
    });
    let places = |backtrace: &Backtrace| -> Vec<(u32, Option<usize>)> {
        backtrace.frames().iter().map(|frame| (frame.func().0, frame.offset())).collect()
    };
    // Every path of three modules, and one of the host's functions in the middle of some.
    for path in 0..3_usize.pow(3) * 4_usize.pow(3) * 2 {
        let (ways, funcs, enters) = (path % 27, path / 27 % 64, path / (27 * 64) == 1);
        let mut next = last.clone();
        let mut tails = 0;
        for depth in 0..3 {
            let way = ways / 3_usize.pow(depth) % 3;
            let name = FUNCS[funcs / 4_usize.pow(depth) % 4];
            tails += usize::from(name.starts_with("tail"));
            let imports: [Extern; 2] = [next.clone().into(), host.clone().into()];
            let instance = Instance::new(&mut store, &steps[way], &imports).unwrap();
            next = instance.get_func(&mut store, name).unwrap();
            if enters && depth == 1 {
                let inner = next.clone();
                next = Func::wrap(
                    &mut store,
                    move |mut caller: Caller<'_, Vec<Backtrace>>, value: i32| {
                        inner.typed::<i32, i32>(&caller)?.call(&mut caller, value)
                    },
                );
            }
        }
        let run = next.typed::<i32, i32>(&store).unwrap();
        let count = run.call(&mut store, 0).unwrap();
        let live = store.data_mut().pop().unwrap();
        assert!((3 - tails..=3).contains(&live.frames().len()), "path {path}: {live}");
        assert_eq!(count, 0, "path {path}");
        // A failure passes through the same frames, but for those that it finds gone already.
        let error = run.call(&mut store, 1).unwrap_err();
        let failed = store.data_mut().pop().unwrap();
        assert_eq!(places(&live), places(&failed), "path {path}");
        assert_eq!(places(&live), places(error.backtrace()), "path {path}");
        assert!(Backtrace::capture(&store).frames().is_empty(), "path {path}");
    }
}

#[cfg(feature = "loading-linking")]
#[test]
fn modules_of_all_modes_are_found_and_share_what_they_import() {
    use wamr::loading::{Loading, ReadError, ReadModule};

    const COUNTER: &str = r#"(module (global $n (mut i32) (i32.const 0))
        (table (export "table") 2 funcref) (memory (export "memory") 1)
        (func (export "inc") (global.set $n (i32.add (global.get $n) (i32.const 1))))
        (func (export "get") (result i32) (global.get $n)))"#;
    const LEFT: &str = r#"(module (import "counter" "inc" (func $inc))
        (import "counter" "table" (table 2 funcref)) (import "counter" "memory" (memory 1))
        (func $twice (call $inc) (call $inc)) (elem (i32.const 1) $twice)
        (func (export "left") (call $inc) (drop (memory.grow (i32.const 2)))))"#;
    const MAIN: &str = r#"(module (import "left" "left" (func $left))
        (import "counter" "get" (func $get (result i32)))
        (import "counter" "table" (table 2 funcref)) (import "counter" "memory" (memory 1))
        (func (export "run") (result i32)
            (call $left) (call_indirect (i32.const 1))
            (i32.add (i32.mul (call $get) (i32.const 10)) (memory.size))))"#;

    let engine = Engine::default();
    let ways = WAYS.map(|way| (way, load(&engine, way, COUNTER), load(&engine, way, LEFT)));
    for (counter_way, counter, _) in &ways {
        for (left_way, _, left) in &ways {
            for way in WAYS {
                let mut loading =
                    Loading::new(|_: &str| -> Result<Option<ReadModule>, ReadError> { Ok(None) });
                loading.registry_mut().register("counter", counter).unwrap();
                loading.registry_mut().register("left", left).unwrap();
                let mut store = Store::new(&engine, ());
                let main = load(&engine, way, MAIN);
                let program = loading.instantiate(&mut store, &main).unwrap();
                let run = program.main().get_typed_func::<(), i32>(&mut store, "run").unwrap();
                let what = format!("{way:?} over {left_way:?} over {counter_way:?}");
                assert_eq!(run.call(&mut store, ()).unwrap(), 33, "{what}");
            }
        }
    }
}
