//! Lists of imports that fit a module or do not.

use wamr::{Config, Engine, Extern, Instance, InstantiateError, Mode, Module, Store, StoreLimits};
use wamr_differential::{mix, module_from};

use super::{NO_MODULE, seed_of};

/// How many lists are tried with a module.
const ROUNDS: u64 = 8;

/// Lists of imports that fit a module or do not, from this store, another one, and another engine.
pub fn imports(bytes: &[u8]) -> &'static str {
    let Some(bytes_of_module) = module_from(bytes) else { return NO_MODULE };
    let seed = seed_of(bytes);
    let mut config = Config::new();
    config.consume_fuel(true).gc_heap_bytes(1 << 20).interp_stack_bytes(1 << 18);
    config.mode(Mode::ALL[seed as usize % Mode::ALL.len()]);
    let engine = Engine::new(&config).expect("this build has the mode");
    let other_engine = Engine::new(&config).expect("this build has the mode");
    let module = Module::new(&engine, &bytes_of_module).expect("it is valid");
    let alike = Module::new(&other_engine, &bytes_of_module).expect("it is valid");
    if module.imports().len() == 0 {
        return "no imports";
    }
    let (mut here, mut elsewhere) = (store(&engine), store(&engine));
    let mut far = store(&other_engine);
    let Ok(good) = wamr::dummy_imports(&engine, &mut here, &module) else { return "no dummies" };
    let Ok(foreign) = wamr::dummy_imports(&engine, &mut elsewhere, &module) else {
        return "no dummies";
    };
    let Ok(strange) = wamr::dummy_imports(&other_engine, &mut far, &alike) else {
        return "no dummies";
    };
    let (good, foreign) = (good.into_values(), foreign.into_values());
    let strange = strange.into_values();
    let mut linked = 0;
    for round in 0..ROUNDS {
        let mut list: Vec<Extern> = good.to_vec();
        let mut is_good = true;
        for step in 0..mix(seed, round) % 4 {
            if list.is_empty() {
                break;
            }
            let choice = mix(mix(seed, round), 7 + step);
            let at = |shift: u32| (choice >> shift) as usize % list.len();
            let (from, to) = (at(8), at(24));
            is_good = false;
            match choice % 6 {
                0 => list[to] = list[from].clone(),
                1 => list.swap(from, to),
                2 => drop(list.remove(to)),
                3 => list.push(list[from].clone()),
                4 => list[to] = foreign[to % foreign.len()].clone(),
                _ => list[to] = strange[to % strange.len()].clone(),
            }
        }
        let has_others = list.iter().any(|import| import.ty(&here).is_err());
        match Instance::new(&mut here, &module, &list) {
            Ok(instance) => {
                assert_eq!(list.len(), good.len(), "a list of another length");
                assert!(!has_others, "a list with something of another store");
                drop(instance.exports(&mut here).expect("it is of this store"));
                linked += 1;
            }
            Err(InstantiateError::Link(error)) => assert!(!is_good, "the list fits: {error}"),
            Err(_) => linked += 1,
        }
    }
    here.gc();
    if linked == ROUNDS { "all fit" } else { "some fit" }
}

fn store(engine: &Engine) -> Store<StoreLimits> {
    let mut store = Store::new(engine, StoreLimits::new().memory_bytes(1 << 20));
    store.limiter(|limits| limits);
    store.set_fuel(10_000).expect("fuel is counted");
    store
}
