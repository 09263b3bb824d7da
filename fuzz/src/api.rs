//! Sequences of calls of the API that nobody thought of: instances of every mode share entities,
//! stores are joined and collected, handles are dropped, and the host calls back. Beside it goes a
//! model of what has to come out.

use std::collections::VecDeque;
use std::sync::OnceLock;

use wamr::types::ModuleBytes;
use wamr::{
    AbstractHeapType, AnyRef, Caller, Config, Engine, Error, ErrorKind, Extern, Func, Global,
    GlobalType, HeapType, Instance, Memory, MemoryType, Mode, Module, RefType, Store, Table,
    TableType, TrapCode, Val, ValType,
};

/// How many operations there are at most.
const STEPS: usize = 400;
/// How many stores, and how many instances of each group, there are at most.
const STORES: usize = 4;
const INSTANCES: usize = 12;
const TABLE: TableType = TableType::new(RefType::FUNCREF, 4, Some(24));
const PAGES: u64 = 3;
const ANYREF: ValType =
    ValType::Ref(RefType { nullable: true, heap: HeapType::Abstract(AbstractHeapType::Any) });

/// Instances share a table, a memory and a list of objects.
const MODULE: &str = r#"(module
    (type $number (func (result i32)))
    (type $box (struct (field (mut i32)) (field (mut anyref))))
    (import "" "table" (table $table 4 24 funcref))
    (import "" "list" (global $list (mut anyref)))
    (import "" "memory" (memory $memory 1 3))
    (import "" "host" (func $host (param i32) (result i32)))
    (global $id (mut i32) (i32.const -1))
    (elem declare func $number)
    (func $number (export "number") (type $number) (global.get $id))
    (func (export "name") (param i32) (global.set $id (local.get 0)))
    (func (export "call") (param i32) (result i32)
        (call_indirect $table (type $number) (local.get 0)))
    (func (export "tail") (param i32) (result i32)
        (return_call_indirect $table (type $number) (local.get 0)))
    (func (export "put") (param i32) (table.set $table (local.get 0) (ref.func $number)))
    (func (export "clear") (param i32) (table.set $table (local.get 0) (ref.null func)))
    (func (export "grow") (param i32) (result i32)
        (table.grow $table (ref.func $number) (local.get 0)))
    (func (export "push") (param i32)
        (global.set $list (struct.new $box (local.get 0) (global.get $list))))
    (func (export "sum") (result i32) (local $at anyref) (local $sum i32)
        (local.set $at (global.get $list))
        (block $end
            (loop $next
                (br_if $end (ref.is_null (local.get $at)))
                (local.set $sum (i32.add (local.get $sum)
                    (struct.get $box 0 (ref.cast (ref $box) (local.get $at)))))
                (local.set $at (struct.get $box 1 (ref.cast (ref $box) (local.get $at))))
                (br $next)))
        (local.get $sum))
    (func (export "churn") (param i32) (local $junk anyref)
        (loop $next
            (local.set $junk (struct.new $box (local.get 0) (local.get $junk)))
            (if (i32.eqz (i32.and (local.get 0) (i32.const 63)))
                (then (local.set $junk (ref.null any))))
            (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "write") (param i32 i32) (i32.store8 $memory (local.get 0) (local.get 1)))
    (func (export "read") (param i32) (result i32) (i32.load8_u $memory (local.get 0)))
    (func (export "widen") (result i32) (memory.grow $memory (i32.const 1)))
    (func (export "host") (param i32) (result i32) (local $kept anyref)
        (local.set $kept (struct.new $box (local.get 0) (ref.null any)))
        (drop (call $host (local.get 0)))
        (struct.get $box 0 (ref.cast (ref $box) (local.get $kept)))))"#;

/// A store's data: what its host function is to do.
#[derive(Default)]
struct Data {
    todo: Vec<Func>,
    dropped: Vec<Extern>,
}

/// Entities that instances share, and what has to be in them.
struct Group {
    store: usize,
    table: Table,
    list: Global,
    memory: Memory,
    host: Func,
    instances: Vec<(Instance, i32)>,
    slots: Vec<Option<i32>>,
    sum: i32,
    bytes: VecDeque<(i32, i32)>,
    pages: u64,
}

struct World {
    modules: Vec<Module>,
    engine: Engine,
    stores: Vec<Option<Store<Data>>>,
    groups: Vec<Group>,
    /// Handles that are kept for no reason.
    kept: Vec<(usize, Extern)>,
    objects: Vec<(usize, AnyRef, i32)>,
    next_id: i32,
    checked: usize,
}

fn modules() -> &'static (Engine, Vec<Module>) {
    static MODULES: OnceLock<(Engine, Vec<Module>)> = OnceLock::new();
    MODULES.get_or_init(|| {
        let mut config = Config::new();
        config.gc_heap_bytes(2 << 20).interp_stack_bytes(1 << 18);
        let engine = Engine::new(&config).expect("there is such an engine");
        let binary = wat::parse_str(MODULE).expect("it is a module");
        let load = |&mode: &Mode| {
            let bytes = ModuleBytes::new(binary.clone());
            Module::in_mode(&engine, bytes, None, mode).expect("this build has the mode")
        };
        let mut modules: Vec<Module> = Mode::ALL.iter().map(load).collect();
        let file = engine.precompile(&binary).expect("it is compiled");
        // SAFETY: it was made on the line above.
        modules.push(unsafe { Module::deserialize(&engine, file) }.expect("it is read"));
        (engine, modules)
    })
}

/// Bytes say what is called, in which order.
pub fn api(bytes: &[u8]) -> &'static str {
    let (engine, modules) = modules();
    let mut world = World {
        modules: modules.clone(),
        engine: engine.clone(),
        stores: Vec::new(),
        groups: Vec::new(),
        kept: Vec::new(),
        objects: Vec::new(),
        next_id: 0,
        checked: 0,
    };
    for step in bytes.chunks_exact(4).take(STEPS) {
        world.step([step[0], step[1], step[2], step[3]]);
    }
    for group in 0..world.groups.len() {
        world.check(group);
    }
    if world.checked > 100 { "much was checked" } else { "little was checked" }
}

fn pick(byte: u8, count: usize) -> Option<usize> {
    usize::from(byte).checked_rem(count)
}

impl World {
    fn step(&mut self, [what, which, who, value]: [u8; 4]) {
        match what % 32 {
            0 if self.stores.iter().flatten().count() < STORES => self.add_store(),
            1 => self.add_group(which),
            2 => self.join(which, who),
            3 if value.is_multiple_of(4) => self.drop_store(which),
            4 => {
                let count = self.stores.len();
                if let Some(Some(store)) = pick(which, count).map(|at| &mut self.stores[at]) {
                    store.gc();
                }
            }
            5 if !self.kept.is_empty() => {
                let at = usize::from(which) % self.kept.len();
                drop(self.kept.swap_remove(at));
            }
            6 => self.use_elsewhere(which, who),
            _ => {
                if self.stores.is_empty() {
                    self.add_store();
                }
                if self.groups.is_empty() {
                    self.add_group(which);
                }
                let Some(group) = pick(which, self.groups.len()) else { return };
                match what % 32 {
                    7..=9 => self.add_instance(group, who),
                    10 => self.drop_instance(group, who),
                    11 => self.check(group),
                    12 => self.keep(group, who, value),
                    13 => self.host_table(group, who, value),
                    _ => self.call(group, what, who, value),
                }
            }
        }
    }

    fn add_store(&mut self) {
        let mut store = Store::new(&self.engine, Data::default());
        store.gc();
        self.stores.push(Some(store));
    }

    fn add_group(&mut self, which: u8) {
        if self.groups.len() >= 2 * STORES {
            return;
        }
        let Some(at) = pick(which, self.stores.len()) else { return };
        let Some(store) = &mut self.stores[at] else { return };
        let anyref = GlobalType { content: ANYREF, mutable: true };
        let host = Func::wrap(&mut *store, |mut caller: Caller<'_, Data>, value: i32| {
            // What the host drops meanwhile may not matter, nor what it calls.
            caller.data_mut().dropped.clear();
            let todo = std::mem::take(&mut caller.data_mut().todo);
            for func in &todo {
                func.call(&mut caller, &[Val::I32(200)], &mut [])?;
            }
            Ok::<i32, Error>(value)
        });
        let group = Group {
            store: at,
            table: Table::new(&mut *store, TABLE, Val::FuncRef(None)).expect("there is room"),
            list: Global::new(&mut *store, anyref, Val::AnyRef(None)).expect("it fits"),
            memory: Memory::new(&mut *store, MemoryType::new(1, Some(PAGES))).expect("room"),
            host,
            instances: Vec::new(),
            slots: vec![None; 4],
            sum: 0,
            bytes: VecDeque::new(),
            pages: 1,
        };
        self.groups.push(group);
    }

    fn store(&mut self, at: usize) -> &mut Store<Data> {
        self.stores[at].as_mut().expect("groups have stores")
    }

    fn add_instance(&mut self, group: usize, who: u8) {
        let module = self.modules[usize::from(who) % self.modules.len()].clone();
        let this = &self.groups[group];
        if this.instances.len() >= INSTANCES {
            return;
        }
        let imports: Vec<Extern> = vec![
            this.table.clone().into(),
            this.list.clone().into(),
            this.memory.clone().into(),
            this.host.clone().into(),
        ];
        let (at, id) = (this.store, self.next_id);
        self.next_id += 1;
        let store = self.store(at);
        let instance = Instance::new(&mut *store, &module, &imports).expect("it fits");
        call(store, &instance, "name", &[id], 0).expect("it returns");
        self.groups[group].instances.push((instance, id));
    }

    fn drop_instance(&mut self, group: usize, who: u8) {
        let instances = &mut self.groups[group].instances;
        if let Some(at) = pick(who, instances.len()) {
            // What is in a table goes on.
            drop(instances.swap_remove(at));
        }
    }

    fn join(&mut self, which: u8, who: u8) {
        let count = self.stores.len();
        let (Some(into), Some(from)) = (pick(which, count), pick(who, count)) else { return };
        if into == from || self.stores[into].is_none() {
            return;
        }
        let Some(other) = self.stores[from].take() else { return };
        match self.store(into).join(other) {
            Ok(data) => drop(data),
            Err(error) => panic!("stores of one engine: {error}"),
        }
        let moved = |at: &mut usize| {
            if *at == from {
                *at = into;
            }
        };
        self.groups.iter_mut().for_each(|group| moved(&mut group.store));
        self.kept.iter_mut().for_each(|(at, _)| moved(at));
        self.objects.iter_mut().for_each(|(at, ..)| moved(at));
    }

    fn drop_store(&mut self, which: u8) {
        let Some(at) = pick(which, self.stores.len()) else { return };
        // Handles outlive it.
        drop(self.stores[at].take());
        self.groups.retain(|group| group.store != at);
    }

    /// Handles are void in other stores.
    fn use_elsewhere(&mut self, which: u8, who: u8) {
        let Some(kept) = pick(which, self.kept.len()) else { return };
        let Some(at) = pick(who, self.stores.len()) else { return };
        let (home, handle) = self.kept[kept].clone();
        let is_home = home == at;
        let Some(store) = &mut self.stores[at] else { return };
        let found = handle.ty(&*store).map(drop);
        match found {
            Ok(()) => assert!(is_home),
            Err(error) => assert!(!is_home && matches!(error.kind(), ErrorKind::WrongStore)),
        }
        for (home, object, value) in &self.objects {
            match object.field(&mut *store, 0) {
                Ok(Val::I32(found)) => assert!(*home == at && found == *value),
                other => assert!(*home != at, "{other:?}"),
            }
        }
        self.checked += 1;
    }

    /// Keeps a handle to something, or has the host drop one while wasm runs.
    fn keep(&mut self, group: usize, who: u8, value: u8) {
        let this = &self.groups[group];
        let (at, list) = (this.store, this.list.clone());
        let mut handle: Extern = match value % 4 {
            0 => this.table.clone().into(),
            1 => this.memory.clone().into(),
            2 => this.list.clone().into(),
            _ => this.host.clone().into(),
        };
        let instance = pick(who, this.instances.len()).map(|at| this.instances[at].0.clone());
        let store = self.stores[at].as_mut().expect("groups have stores");
        if let Some(instance) = &instance
            && let Some(churn) = instance.get_func(&mut *store, "churn")
        {
            store.data_mut().todo.push(churn.clone());
            handle = churn.into();
        }
        if let Ok(Val::AnyRef(Some(object))) = list.get(&mut *store)
            && let Ok(Val::I32(number)) = object.field(&mut *store, 0)
        {
            self.objects.push((at, object, number));
            self.objects.truncate(32);
        }
        let store = self.stores[at].as_mut().expect("groups have stores");
        if who.is_multiple_of(2) && store.data().dropped.len() < 8 {
            store.data_mut().dropped.push(handle);
        } else if self.kept.len() < 32 {
            self.kept.push((at, handle));
        }
    }

    /// The host writes a table itself.
    fn host_table(&mut self, group: usize, who: u8, value: u8) {
        let this = &self.groups[group];
        let (at, table) = (this.store, this.table.clone());
        let slot = usize::from(value) % 30;
        let instance = pick(who, this.instances.len()).map(|at| this.instances[at].clone());
        let store = self.store(at);
        let (func, id) = match &instance {
            Some((instance, id)) => (instance.get_func(&mut *store, "number"), Some(*id)),
            None => (None, None),
        };
        let outcome = table.set(&mut *store, slot as u64, Val::FuncRef(func));
        let slots = &mut self.groups[group].slots;
        match slots.get_mut(slot) {
            Some(slot) => {
                outcome.expect("it is inside");
                *slot = id;
            }
            None => assert!(outcome.is_err()),
        }
    }

    /// Calls an instance, and does the same in the model.
    fn call(&mut self, group: usize, what: u8, who: u8, value: u8) {
        let this = &mut self.groups[group];
        let Some(at) = pick(who, this.instances.len()) else { return };
        let (instance, id) = this.instances[at].clone();
        let store = self.stores[this.store].as_mut().expect("groups have stores");
        let slot = usize::from(value) % 28;
        let arg = slot as i32;
        match what % 32 {
            14..=18 => {
                let name = if what.is_multiple_of(2) { "call" } else { "tail" };
                let wanted = match this.slots.get(slot) {
                    None => Err(TrapCode::UndefinedElement),
                    Some(None) => Err(TrapCode::UninitializedElement),
                    Some(&Some(id)) => Ok(id),
                };
                assert_eq!(call(store, &instance, name, &[arg], 1), wanted);
            }
            19 | 20 => {
                let outcome = call(store, &instance, "put", &[arg], 0);
                match this.slots.get_mut(slot) {
                    Some(slot) => *slot = Some(id),
                    None => assert_eq!(outcome, Err(TrapCode::TableOutOfBounds)),
                }
            }
            21 => {
                let outcome = call(store, &instance, "clear", &[arg], 0);
                match this.slots.get_mut(slot) {
                    Some(slot) => *slot = None,
                    None => assert_eq!(outcome, Err(TrapCode::TableOutOfBounds)),
                }
            }
            22 => {
                let (old, delta) = (this.slots.len(), usize::from(value) % 4);
                let fits = old + delta <= 24;
                let wanted = if fits { old as i32 } else { -1 };
                assert_eq!(call(store, &instance, "grow", &[delta as i32], 1), Ok(wanted));
                if fits {
                    this.slots.resize(old + delta, Some(id));
                }
            }
            23 | 24 => {
                call(store, &instance, "push", &[arg], 0).expect("there is room");
                this.sum += arg;
            }
            25 => {
                call(store, &instance, "churn", &[1 + i32::from(value) * 64], 0).expect("room");
            }
            26 | 27 => {
                let address = i32::from(value) * 900;
                let outcome = call(store, &instance, "write", &[address, arg], 0);
                if (address as u64) < this.pages << 16 {
                    outcome.expect("it is inside");
                    this.bytes.retain(|&(written, _)| written != address);
                    this.bytes.push_back((address, arg));
                } else {
                    assert_eq!(outcome, Err(TrapCode::MemoryOutOfBounds));
                }
            }
            28 => {
                let wanted = if this.pages < PAGES { this.pages as i32 } else { -1 };
                assert_eq!(call(store, &instance, "widen", &[], 1), Ok(wanted));
                this.pages = (this.pages + 1).min(PAGES);
            }
            29 => {
                let delta = u64::from(value) % 2;
                let grown = this.memory.grow(&mut *store, delta);
                assert_eq!(grown.is_ok(), this.pages + delta <= PAGES);
                this.pages = (this.pages + delta).min(PAGES);
            }
            _ => assert_eq!(call(store, &instance, "host", &[arg], 1), Ok(arg)),
        }
        self.checked += 1;
    }

    /// Compares all of a group with the model, as the host and as each instance sees it.
    fn check(&mut self, group: usize) {
        let this = &self.groups[group];
        let store = self.stores[this.store].as_mut().expect("groups have stores");
        assert_eq!(this.table.size(&*store).expect("its store"), this.slots.len() as u64);
        assert_eq!(this.memory.size(&*store).expect("its store"), this.pages);
        for (slot, &id) in this.slots.iter().enumerate() {
            let found = this.table.get(&mut *store, slot as u64).expect("its store");
            let Some(Val::FuncRef(func)) = found else { panic!("{found:?}") };
            let mut result = [Val::I32(0)];
            let found = func.map(|func| func.call(&mut *store, &[], &mut result));
            assert_eq!(found.is_some(), id.is_some());
            if let (Some(outcome), Some(id)) = (found, id) {
                outcome.expect("it returns");
                assert!(matches!(result[0], Val::I32(found) if found == id));
            }
        }
        for (instance, _) in &this.instances {
            assert_eq!(call(store, instance, "sum", &[], 1), Ok(this.sum));
            for &(address, value) in &this.bytes {
                assert_eq!(call(store, instance, "read", &[address], 1), Ok(value));
            }
        }
        self.checked += 1;
    }
}

/// Calls an export, of numbers; 0 stands for no result.
fn call(
    store: &mut Store<Data>,
    instance: &Instance,
    name: &str,
    args: &[i32],
    results: usize,
) -> Result<i32, TrapCode> {
    let func = instance.get_func(&mut *store, name).expect("it is exported");
    let args: Vec<Val> = args.iter().copied().map(Val::I32).collect();
    let mut values = vec![Val::I32(0); results];
    match func.call(&mut *store, &args, &mut values) {
        Ok(()) => match values[..] {
            [Val::I32(value)] => Ok(value),
            _ => Ok(0),
        },
        Err(error) => Err(error.trap_code().unwrap_or_else(|| panic!("{name}: {error:#}"))),
    }
}
