//! One run of a module in one mode.

use std::fmt;

use wamr::types::ModuleBytes;
use wamr::{
    Config, Engine, Error, Extern, ExternType, Feature, Func, Instance, InstantiateError, Mode,
    Module, Store, Val, Validation,
};

use crate::generate::{STEPS, STEPS_EXPORT, counts_steps, has_tail_calls};
use crate::host::{self, Shared};
use crate::observe::{describe_entity, describe_error};
use crate::{mix, values};

/// Fuel for each call: what makes runs of modules end that do not end by themselves.
const FUEL: u64 = 20_000;

/// How often each function is called.
const ROUNDS: u64 = 2;

/// How a module comes to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The mode of its functions.
    pub mode: Mode,
    /// Whether they are compiled to bytes, which are then loaded.
    pub by_file: bool,
    /// Whether memories are guarded where they can be.
    pub memory_guard: bool,
}

impl Way {
    /// Every way there is; the first is what others are compared with.
    pub const ALL: [Self; 6] = [
        Self { mode: Mode::Interp, by_file: false, memory_guard: false },
        Self { mode: Mode::Interp, by_file: false, memory_guard: true },
        Self { mode: Mode::Jit, by_file: false, memory_guard: false },
        Self { mode: Mode::Jit, by_file: false, memory_guard: true },
        Self { mode: Mode::Jit, by_file: true, memory_guard: false },
        Self { mode: Mode::Jit, by_file: true, memory_guard: true },
    ];
}

impl Way {
    /// Every way for two modules that are linked; the first is what others are compared with.
    pub fn pairs() -> Vec<[Self; 2]> {
        let kinds = |memory_guard| {
            Self::ALL.into_iter().filter(move |way| way.memory_guard == memory_guard)
        };
        let pairs_of = |memory_guard| {
            kinds(memory_guard)
                .flat_map(move |first| kinds(memory_guard).map(move |second| [first, second]))
        };
        pairs_of(true).chain(pairs_of(false).filter(|[first, second]| first != second)).collect()
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.by_file { "aot" } else { self.mode.name() };
        write!(f, "{name}{}", if self.memory_guard { "" } else { " (checked)" })
    }
}

/// Something that can be seen of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What has to be the same in every mode.
    Seen(String),
    /// What need not, and nothing after it: some room is used up.
    Undecided(String),
}

/// What can be seen of a run, in order.
#[derive(Clone, Debug)]
pub struct Run {
    /// What happened.
    pub events: Vec<Event>,
}

/// An engine for a way. What else follows from the seed shows in nothing.
fn engine(way: Way, consumes_fuel: bool, seed: u64) -> Result<Engine, Error> {
    let choice = mix(seed, 50);
    let lazy = choice.is_multiple_of(3);
    let mut config = Config::new();
    config
        .mode(way.mode)
        .memory_guard(way.memory_guard)
        // With checked memories also without what only some processors have.
        .processor_features(way.memory_guard)
        .consume_fuel(consumes_fuel)
        .inlining(!(choice >> 8).is_multiple_of(5))
        .validation(if lazy { Validation::Lazy } else { Validation::Eager })
        .wasm_feature(Feature::LegacyExceptions, true)
        .gc_heap_bytes(if host::fills_heaps(seed) { host::SMALL_HEAP_BYTES } else { 4 << 20 })
        .interp_stack_bytes(1 << 20);
    Engine::new(&config)
}

/// Runs a module: instantiates it, calls every function that it exports, and looks at everything
/// else that it exports. What imports and parameters are follows from the seed.
///
/// # Errors
/// If the module cannot be loaded, or nothing can be made for an import of it.
pub fn run(way: Way, module: &[u8], seed: u64) -> Result<Run, String> {
    run_all(&[way], &[module], seed)
}

/// Runs two modules, the second of which imports from the first by name. Memories are guarded if
/// they are in the first way.
///
/// # Errors
/// As [`run`].
pub fn run_pair(ways: [Way; 2], modules: [&[u8]; 2], seed: u64) -> Result<Run, String> {
    run_all(&ways, &modules, seed)
}

fn run_all(ways: &[Way], modules: &[&[u8]], seed: u64) -> Result<Run, String> {
    let shows_frames = !modules.iter().any(|module| has_tail_calls(module));
    let consumes_fuel = !modules.iter().all(|module| counts_steps(module));
    let engine = engine(ways[0], consumes_fuel, seed).map_err(|error| error.to_string())?;
    let loaded = ways.iter().zip(modules).map(|(&way, module)| load(&engine, way, module));
    let loaded = loaded.collect::<Result<Vec<_>, _>>()?;
    let mut store = Store::new(&engine, Shared::new(seed, shows_frames));
    store.limiter(|shared| &mut shared.limits);
    if consumes_fuel {
        store.set_fuel(FUEL).map_err(|error| error.to_string())?;
    }
    let mut exports: Vec<(String, Extern)> = Vec::new();
    for (position, (model, module)) in loaded.iter().enumerate() {
        let imports = match position {
            0 => imports(&engine, &mut store, model, seed)?,
            _ => {
                let export = |name: &str| exports.iter().find(|(export, _)| export == name);
                let found = model.imports().map(|import| Some(export(import.name())?.1.clone()));
                found.collect::<Option<_>>().ok_or("an import that nobody exports")?
            }
        };
        match Instance::new(&mut store, module, &imports) {
            Ok(instance) => {
                let own = instance.exports(&mut store).map_err(|error| error.to_string())?;
                exports.extend(own);
            }
            Err(InstantiateError::Run(error)) => {
                let event = describe_error(&mut store, &error);
                store.data_mut().events.push(event);
                // What was written to imports stays written.
                exports.extend(imports.into_iter().map(|import| (String::new(), import)));
                look(&mut store, &exports);
                return Ok(Run { events: store.into_data().events });
            }
            Err(error) => {
                store.data_mut().log(format!("no instance: {error}"));
                return Ok(Run { events: store.into_data().events });
            }
        }
    }
    let outcome = call_all(&mut store, &exports, consumes_fuel, seed);
    outcome.map_err(|error| error.to_string())?;
    Ok(Run { events: store.into_data().events })
}

/// A module twice: as dummies can be made for it, and the way it is to run.
#[allow(unsafe_code, reason = "native code that was made on the spot")]
fn load(engine: &Engine, way: Way, module: &[u8]) -> Result<(Module, Module), String> {
    let bytes = ModuleBytes::new(module.to_vec());
    // Dummies can be made for modules in the binary format alone.
    let model = Module::in_mode(engine, bytes.clone(), None, Mode::Interp);
    let model = model.map_err(|error| error.to_string())?;
    let module = if way.by_file {
        let file = engine.precompile(module).map_err(|error| error.to_string())?;
        // SAFETY: it was made on the line above.
        unsafe { Module::deserialize(engine, file) }
    } else {
        Module::in_mode(engine, bytes, None, way.mode)
    };
    Ok((model, module.map_err(|error| error.to_string())?))
}

fn imports(
    engine: &Engine,
    store: &mut Store<Shared>,
    module: &Module,
    seed: u64,
) -> Result<Vec<Extern>, String> {
    let list =
        wamr::dummy_imports(engine, &mut *store, module).map_err(|error| error.to_string())?;
    let mut imports = list.into_values();
    for (position, import) in module.imports().enumerate() {
        match import.ty() {
            ExternType::Func { ty, .. } => {
                let def = ty.clone();
                let func = Func::new(&mut *store, ty.clone(), move |caller, params, results| {
                    host::call(caller, position, &def, params, results)
                });
                let func = func.map_err(|error| error.to_string())?;
                // A declared type that is not just its structure is what the dummy has.
                let wanted = imports[position].ty(&*store).map_err(|error| error.to_string())?;
                let found = Extern::from(func.clone()).ty(&*store);
                if found.is_ok_and(|found| found.matches(&wanted, engine.types())) {
                    imports[position] = func.into();
                }
            }
            ExternType::Global(ty) => {
                let value = values::value(store, ty.content, mix(seed, position as u64));
                let global = value.map(|value| wamr::Global::new(&mut *store, *ty, value));
                if let Some(Ok(global)) = global {
                    imports[position] = global.into();
                }
            }
            _ => {}
        }
    }
    Ok(imports)
}

fn call_all(
    store: &mut Store<Shared>,
    exports: &[(String, Extern)],
    consumes_fuel: bool,
    seed: u64,
) -> Result<(), Error> {
    store.data_mut().funcs =
        exports.iter().filter_map(|(_, entity)| entity.clone().into_func()).collect();
    look(store, exports);
    let funcs = store.data().funcs.clone();
    for round in 1..=ROUNDS {
        for (position, func) in funcs.iter().enumerate() {
            refill(store, exports, consumes_fuel)?;
            store.data_mut().log(format!("call {position}"));
            // What it ends in has been noted.
            let _ = host::call_func(store, func, mix(seed, 1000 * round + position as u64));
            if consumes_fuel {
                let fuel = store.get_fuel()?;
                store.data_mut().log(format!("fuel {fuel}"));
            }
            look(store, exports);
        }
    }
    // Nothing that can be reached may get lost.
    store.gc();
    look(store, exports);
    Ok(())
}

/// Lets the next call do as much as every other one.
fn refill(
    store: &mut Store<Shared>,
    exports: &[(String, Extern)],
    consumes_fuel: bool,
) -> Result<(), Error> {
    if consumes_fuel {
        store.set_fuel(FUEL)?;
    }
    for (name, entity) in exports {
        if let (STEPS_EXPORT, Extern::Global(steps)) = (&**name, entity) {
            steps.set(&mut *store, Val::I32(STEPS as i32))?;
        }
    }
    Ok(())
}

/// Notes what entities hold.
fn look(store: &mut Store<Shared>, exports: &[(String, Extern)]) {
    for (position, (_, entity)) in exports.iter().enumerate() {
        if let Some(text) = describe_entity(store, entity) {
            store.data_mut().log(format!("export {position}: {text}"));
        }
    }
}

impl From<Event> for String {
    fn from(event: Event) -> Self {
        match event {
            Event::Seen(text) => text,
            Event::Undecided(text) => format!("undecided: {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_shows_what_a_module_does() {
        let module = br#"(module
            (import "" "" (func $host (param i32) (result i32)))
            (memory (export "m") 1)
            (global (export "g") (mut i32) (i32.const 7))
            (func (export "f") (global.set 0 (i32.const 8)) (i32.store (i32.const 3) (i32.const 9)))
            (func (export "h") (result i32) (call $host (i32.const 5)))
            (func (export "t") unreachable))"#;
        let run = run(Way::ALL[0], module, 1).unwrap();
        let texts: Vec<String> = run.events.into_iter().map(String::from).collect();
        let all = texts.join("\n");
        for wanted in ["export 1: 7", "export 1: 8", "import 0 (5)", "trap Unreachable <- 3@"] {
            assert!(all.contains(wanted), "{wanted} in {all}");
        }
    }
}
