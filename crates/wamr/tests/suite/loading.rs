//! Loading linking: graphs of modules in memory, and files in directories.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::rc::Rc;

use wamr::loading::{
    FindError, Gap, Limits, Loading, LoadingError, Precedence, ReadError, ReadModule, SearchPath,
    Sharing, Supplier, module_reader,
};
use wamr::{
    Engine, Global, GlobalType, ImportProblem, Linker, Missing, ModuleError, Store, TrapCode, Val,
    ValType,
};

use crate::support::{call, each_mode, module};

/// Modules in the text format by name, as a reader; counts what it is asked for.
#[derive(Clone, Default)]
struct Library {
    texts: Rc<RefCell<BTreeMap<String, String>>>,
    asked: Rc<Cell<usize>>,
}

impl Library {
    fn new<const N: usize>(modules: [(&str, &str); N]) -> Self {
        let library = Self::default();
        for (name, text) in modules {
            library.texts.borrow_mut().insert(name.into(), text.into());
        }
        library
    }

    fn loading<T: 'static>(&self, engine: &Engine) -> Loading<'static, T> {
        let (library, engine) = (self.clone(), engine.clone());
        Loading::new(move |name: &str| -> Result<Option<ReadModule>, ReadError> {
            library.asked.set(library.asked.get() + 1);
            let texts = library.texts.borrow();
            let Some(text) = texts.get(name) else { return Ok(None) };
            let module = wamr::Module::named(&engine, text.as_bytes().to_vec(), name)?;
            let (origin, len_bytes) = (format!("library {name}"), text.len() as u64);
            Ok(Some(ReadModule { module: (*module).clone(), origin, len_bytes }))
        })
    }
}

/// The counter of WAMR's issue about diamonds: `inc` and `get`.
const COUNTER: &str = r#"(module (global $n (mut i32) (i32.const 0))
    (func (export "inc") (global.set $n (i32.add (global.get $n) (i32.const 1))))
    (func (export "get") (result i32) (global.get $n)))"#;
const LEFT: &str = r#"(module (import "counter" "inc" (func $inc))
    (func (export "left") (call $inc)))"#;
const RIGHT: &str = r#"(module (import "counter" "inc" (func $inc))
    (func (export "right") (call $inc) (call $inc)))"#;
const DIAMOND: &str = r#"(module (import "left" "left" (func $left))
    (import "right" "right" (func $right)) (import "counter" "get" (func $get (result i32)))
    (func (export "run") (result i32) (call $left) (call $right) (call $get)))"#;

fn diamond() -> Library {
    Library::new([("counter", COUNTER), ("left", LEFT), ("right", RIGHT)])
}

fn run_diamond(engine: &Engine, loading: &mut Loading<'_, ()>) -> (i32, usize) {
    let mut store = Store::new(engine, ());
    let program = loading.instantiate(&mut store, &module(engine, DIAMOND)).unwrap();
    let answer = call::<(), i32>(&mut store, program.main(), "run", ()).unwrap();
    (answer, program.instances().count())
}

#[test]
fn a_diamond_shares_state_unless_told_otherwise() {
    each_mode(|engine| {
        let library = diamond();
        assert_eq!(run_diamond(engine, &mut library.loading(engine)), (3, 4));
        assert_eq!(library.asked.get(), 3, "each module is read once");
        let mut private = library.loading(engine).private("counter");
        assert_eq!(run_diamond(engine, &mut private), (0, 6));
        let mut all = library.loading(engine).sharing(Sharing::Importer);
        assert_eq!(run_diamond(engine, &mut all), (0, 6));
        // Two programs share modules, but no instances.
        let mut loading = library.loading(engine);
        assert_eq!(run_diamond(engine, &mut loading), (3, 4));
        assert_eq!(run_diamond(engine, &mut loading), (3, 4));
    });
}

#[test]
fn every_kind_of_item_links() {
    each_mode(|engine| {
        let library = Library::new([(
            "lib",
            r#"(module (memory (export "m") 1) (table (export "t") 2 funcref)
                (global (export "g") (mut i32) (i32.const 5)) (tag (export "e") (param i32))
                (func $f (export "f") (result i32) (i32.const 7)) (elem (i32.const 1) $f))"#,
        )]);
        let main = r#"(module (import "lib" "m" (memory 1)) (import "lib" "t" (table $t 2 funcref))
            (import "lib" "g" (global $g (mut i32))) (import "lib" "e" (tag $e (param i32)))
            (import "lib" "f" (func $f (result i32))) (type $r (func (result i32)))
            (func (export "run") (result i32)
                (i32.store (i32.const 0) (i32.const 100))
                (global.set $g (i32.add (global.get $g) (call_indirect (type $r) (i32.const 1))))
                (i32.add (global.get $g) (block $caught (result i32)
                    (try_table (catch $e $caught) (throw $e (i32.const 1000))) (i32.const 0)))))"#;
        let mut store = Store::new(engine, ());
        let program =
            library.loading(engine).instantiate(&mut store, &module(engine, main)).unwrap();
        assert_eq!(call::<(), i32>(&mut store, program.main(), "run", ()).unwrap(), 1012);
        let lib = program.instance("lib").unwrap().clone();
        let memory = lib.get_memory(&mut store, "m").unwrap();
        assert_eq!(memory.data(&store).unwrap()[0], 100);
    });
}

#[test]
fn initialisers_run_once_in_order_and_start_is_left() {
    each_mode(|engine| {
        let noting = |digit: i32, imports: &str, exports: &str| {
            format!(
                r#"(module (import "host" "note" (func $note (param i32))) {imports}
                    (func $start (call $note (i32.const {digit}))) (start $start)
                    (func $init (call $note (i32.const {}))) {exports})"#,
                digit + 10
            )
        };
        let init = r#"(export "_initialize" (func $init))"#;
        let library = Library::new([
            (
                "a",
                &*noting(
                    1,
                    r#"(import "b" "memory" (memory 0))"#,
                    &format!(r#"{init} (memory (export "memory") 0)"#)
                        .replace("(memory (export", "(memory $own (export"),
                ),
            ),
            ("b", &*noting(2, "", &format!(r#"{init} (memory (export "memory") 0)"#))),
        ]);
        let noted = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut host = Linker::<()>::new(engine);
        let sink = noted.clone();
        host.func_wrap("host", "note", move |digit: i32| sink.lock().unwrap().push(digit)).unwrap();
        let imports = r#"(import "a" "memory" (memory 0)) (import "b" "memory" (memory 0))"#;
        for (exports, expected) in [
            (format!(r#"{init} (export "_start" (func $init))"#), &[2, 12, 1, 11, 3][..]),
            (init.into(), &[2, 12, 1, 11, 3, 13]),
            // Of another type it is an export like any other.
            (
                r#"(func (export "_initialize") (param i32) (call $init))"#.into(),
                &[2, 12, 1, 11, 3],
            ),
        ] {
            let main = module(engine, &noting(3, imports, &exports));
            let mut store = Store::new(engine, ());
            let mut loading = library.loading(engine).source("host", &host);
            loading.instantiate(&mut store, &main).unwrap();
            assert_eq!(std::mem::take(&mut *noted.lock().unwrap()), expected);
        }
        // A failure says whose it is.
        let bad = r#"(module (func (export "_initialize") unreachable) (func (export "f")))"#;
        let library = Library::new([("bad", bad)]);
        let main = module(engine, r#"(module (import "bad" "f" (func)))"#);
        let outcome = library.loading(engine).instantiate(&mut Store::new(engine, ()), &main);
        let error = outcome.unwrap_err();
        assert!(error.to_string().starts_with("`_initialize` of module `bad`: wasm trap"));
        assert_eq!(error.run_error().unwrap().trap_code(), Some(TrapCode::Unreachable));
    });
}

#[test]
fn a_cycle_is_shown() {
    each_mode(|engine| {
        let needs =
            |name: &str| format!(r#"(module (import "{name}" "f" (func)) (export "f" (func 0)))"#);
        let library = Library::new([("a", &*needs("b")), ("b", &*needs("c")), ("c", &*needs("b"))]);
        let mut store = Store::new(engine, ());
        let outcome = library.loading(engine).instantiate(&mut store, &module(engine, &needs("a")));
        let error = outcome.unwrap_err().to_string();
        assert_eq!(error, "modules need each other: `b` -> `c` -> `b`");
        let library = Library::new([("self", &*needs("self"))]);
        let outcome =
            library.loading(engine).instantiate(&mut store, &module(engine, &needs("self")));
        assert!(matches!(outcome, Err(LoadingError::Cycle(names)) if names.len() == 2));
        // The main module by its name.
        let library = Library::new([("a", &*needs("app"))]);
        let mut loading = library.loading(engine).main_name("app");
        let outcome = loading.instantiate(&mut store, &module(engine, &needs("a")));
        assert!(matches!(outcome, Err(LoadingError::Cycle(names)) if *names[0] == *"app"));
    });
}

#[test]
fn what_is_missing_or_wrong_stands_in_one_error_before_anything_runs() {
    each_mode(|engine| {
        let library = Library::new([
            (
                "lib",
                r#"(module (import "host" "note" (func $note)) (start $note)
                (func (export "fun") (param i32)) (memory (export "memory") 1 2))"#,
            ),
            ("more", r#"(module (import "nowhere" "g" (global i32)) (func (export "f")))"#),
        ]);
        let mut host = Linker::<()>::new(engine);
        host.func_wrap("host", "note", || -> () { panic!("nothing may run") }).unwrap();
        let main = module(
            engine,
            r#"(module (import "lib" "fnu" (func)) (import "lib" "fun" (func))
                (import "lib" "memory" (memory 2 2)) (import "lib" "memory" (memory 3))
                (import "gone" "f" (func)) (import "more" "f" (func)))"#,
        );
        let mut loading = library.loading(engine).source("host", &host);
        let graph = loading.explore(&main).unwrap();
        assert_eq!(graph.modules()[0].suppliers()[0], Supplier::Nobody(Gap::NoExport(1)));
        assert_eq!(graph.modules()[0].suppliers()[4], Supplier::Nobody(Gap::NoModule));
        let mut store = Store::new(engine, ());
        let error = loading.instantiate(&mut store, &main).unwrap_err();
        let message = error.to_string();
        let LoadingError::Unresolved(modules) = error else { panic!("{message}") };
        assert_eq!(modules.len(), 2);
        let positions: Vec<usize> =
            modules[0].imports.imports.iter().map(|import| import.position).collect();
        assert_eq!(positions, [0, 1, 3, 4], "a memory may still grow as far as its maximum");
        assert!(matches!(modules[0].imports.imports[1].problem, ImportProblem::Mismatch(_)));
        for said in [
            "`main`: unknown import (2), incompatible import type (2):",
            "`lib` `fnu`: wanted func [] -> [], found nothing; there is `lib` `fun` (instance `lib`)",
            "`lib` `fun`: wanted func [] -> [], found func [i32] -> [] (instance `lib`)",
            "`gone` `f`: wanted func [] -> [], found nothing",
            "`more`: unknown import (1):",
            "`nowhere` `g`: wanted global i32, found nothing",
            "searched: host",
        ] {
            assert!(message.contains(said), "{said}\nnot in\n{message}");
        }
    });
}

#[test]
fn sources_and_modules_by_precedence_and_stubs_on_request() {
    each_mode(|engine| {
        let library =
            Library::new([("m", r#"(module (func (export "f") (result i32) (i32.const 1)))"#)]);
        let mut host = Linker::<()>::new(engine);
        host.func_wrap("m", "f", || 2).unwrap();
        let main = module(
            engine,
            r#"(module (import "m" "f" (func $f (result i32)))
                (func (export "run") (result i32) (call $f)))"#,
        );
        for (precedence, expected) in [(Precedence::Sources, 2), (Precedence::Modules, 1)] {
            let mut store = Store::new(engine, ());
            let mut loading = library.loading(engine).source("host", &host).precedence(precedence);
            let program = loading.instantiate(&mut store, &main).unwrap();
            let answer = call::<(), i32>(&mut store, program.main(), "run", ()).unwrap();
            assert_eq!(answer, expected);
        }
        let mut store = Store::new(engine, ());
        let mut loading = Library::default().loading(engine).missing(Missing::StubFuncs);
        let program = loading.instantiate(&mut store, &main).unwrap();
        let error = call::<(), i32>(&mut store, program.main(), "run", ()).unwrap_err();
        assert!(error.downcast_ref::<wamr::MissingFunc>().is_some());
    });
}

#[test]
fn modules_are_registered_renamed_and_unregistered() {
    each_mode(|engine| {
        let answering = |answer: i32| {
            module(
                engine,
                &format!(r#"(module (func (export "f") (result i32) (i32.const {answer})))"#),
            )
        };
        let main = module(
            engine,
            r#"(module (import "a" "f" (func $a (result i32))) (import "b" "f" (func $b (result i32)))
                (func (export "run") (result i32)
                    (i32.add (i32.mul (call $a) (i32.const 10)) (call $b))))"#,
        );
        let mut loading = Library::default().loading(engine);
        let registry = loading.registry_mut();
        registry.register("a", &answering(1)).unwrap();
        let again = registry.register("a", &answering(2));
        assert!(matches!(again, Err(LoadingError::Duplicate(name)) if &*name == "a"));
        registry.alias("b", "other").unwrap();
        assert!(registry.alias("b", "a").is_err() && registry.alias("a", "b").is_err());
        registry.register("other", &answering(3)).unwrap();
        assert_eq!(registry.names().collect::<Vec<_>>(), ["a", "other"]);
        let run = |loading: &mut Loading<'_, ()>| {
            let mut store = Store::new(engine, ());
            let program = loading.instantiate(&mut store, &main)?;
            Ok::<_, LoadingError>(call::<(), i32>(&mut store, program.main(), "run", ()).unwrap())
        };
        assert_eq!(run(&mut loading).unwrap(), 13);
        assert!(loading.registry_mut().unregister("a").is_some());
        assert!(matches!(run(&mut loading), Err(LoadingError::Unresolved(_))));
        // Both names for one module share its instance; aliases of each other mean nothing.
        loading.registry_mut().alias("a", "b").unwrap();
        assert_eq!(run(&mut loading).unwrap(), 33);
        let mut circle = Library::default().loading(engine);
        circle.registry_mut().alias("a", "b").unwrap();
        circle.registry_mut().alias("b", "a").unwrap();
        assert!(matches!(run(&mut circle), Err(LoadingError::Unresolved(_))));
    });
}

/// A chain of modules, each of which adds 1 to what the next one answers.
fn chain(len: usize) -> Library {
    let library = Library::default();
    for i in 0..len {
        let text = if i + 1 == len {
            r#"(module (func (export "f") (result i32) (i32.const 1)))"#.into()
        } else {
            format!(
                r#"(module (import "m{}" "f" (func $f (result i32)))
                    (func (export "f") (result i32) (i32.add (i32.const 1) (call $f))))"#,
                i + 1
            )
        };
        library.texts.borrow_mut().insert(format!("m{i}"), text);
    }
    library
}

#[test]
fn a_thousand_modules_in_a_chain() {
    each_mode(|engine| {
        let library = chain(1000);
        let main = module(
            engine,
            r#"(module (import "m0" "f" (func $f (result i32))) (export "run" (func $f)))"#,
        );
        let mut store = Store::new(engine, ());
        let program = library.loading(engine).instantiate(&mut store, &main).unwrap();
        assert_eq!(call::<(), i32>(&mut store, program.main(), "run", ()).unwrap(), 1000);
        assert_eq!(program.instances().count(), 1001);
        // Limits of every sort.
        for (limits, what) in [
            (limited(|limits| limits.modules = 1000), "too many modules: the limit is 1000"),
            (
                limited(|limits| limits.depth = 999),
                "too long chains of dependencies: the limit is 999",
            ),
            (limited(|limits| limits.instances = 1000), "too many instances: the limit is 1000"),
            (limited(|limits| limits.bytes = 5000), "too many bytes: the limit is 5000"),
        ] {
            let mut loading = library.loading(engine).limits(limits);
            let error = loading.instantiate(&mut store, &main).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        library.loading(engine).limits(limited(|_| {})).instantiate(&mut store, &main).unwrap();
    });
}

/// Limits that a chain of 1,000 modules just keeps, but for one.
fn limited(set: impl Fn(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    (limits.modules, limits.depth, limits.instances) = (1001, 1000, 1001);
    set(&mut limits);
    limits
}

#[test]
fn private_instances_of_ladders_end_at_the_limit() {
    each_mode(|engine| {
        // Each step needs the next one twice: 2^40 private instances.
        let library = Library::default();
        for i in 0..40 {
            let next = i + 1;
            let text = format!(
                r#"(module (import "l{next}" "f" (func)) (import "r{next}" "f" (func))
                    (func (export "f")))"#
            );
            for side in ["l", "r"] {
                library.texts.borrow_mut().insert(format!("{side}{i}"), text.clone());
            }
        }
        for name in ["l40", "r40"] {
            let text = r#"(module (func (export "f")))"#;
            library.texts.borrow_mut().insert(name.into(), text.into());
        }
        let main = module(engine, r#"(module (import "l0" "f" (func)))"#);
        let mut store = Store::new(engine, ());
        library.loading(engine).instantiate(&mut store, &main).unwrap();
        let mut limits = Limits::default();
        limits.instances = 500;
        let mut loading = library.loading(engine).sharing(Sharing::Importer).limits(limits);
        let outcome = loading.instantiate(&mut store, &main);
        assert!(matches!(outcome, Err(LoadingError::Limit { limit: 500, .. })));
    });
}

#[test]
fn modules_are_opened_and_closed_while_the_program_runs() {
    each_mode(|engine| {
        let library = diamond();
        let plugin = r#"(module (import "app" "twice" (func $twice (param i32) (result i32)))
            (import "counter" "get" (func $get (result i32))) (import "extra" "f" (func $extra))
            (func (export "run") (result i32) (call $extra) (call $twice (call $get))))"#;
        let extra = r#"(module (import "counter" "inc" (func $inc)) (export "f" (func $inc)))"#;
        for (name, text) in [("plugin", plugin), ("extra", extra)] {
            library.texts.borrow_mut().insert(name.into(), text.into());
        }
        let main = module(
            engine,
            r#"(module (import "left" "left" (func $left)) (func (export "left") (call $left))
                (func (export "twice") (param i32) (result i32)
                    (i32.mul (local.get 0) (i32.const 2))))"#,
        );
        let mut loading = library.loading(engine).main_name("app");
        let mut store = Store::new(engine, ());
        let store = &mut store;
        let mut program = loading.instantiate(&mut *store, &main).unwrap();
        call::<(), ()>(&mut *store, program.main(), "left", ()).unwrap();
        let first = program.open(&mut loading, &mut *store, "plugin").unwrap();
        let second = program.open(&mut loading, &mut *store, "plugin").unwrap();
        assert_ne!(first, second);
        let instance = program.opened(first).unwrap().clone();
        // It is linked with instances that were there: the counter has counted to 1.
        assert_eq!(call::<(), i32>(&mut *store, &instance, "run", ()).unwrap(), 4);
        assert_eq!(program.instances().count(), 5);
        // It goes with the last of those who opened it, and with it what it alone needed.
        assert!(program.close(&mut loading, first).is_empty());
        assert!(program.close(&mut loading, first).is_empty(), "closed already");
        assert!(program.instance("plugin").is_some() && program.opened(first).is_none());
        let mut unloaded = program.close(&mut loading, second);
        unloaded.sort();
        assert_eq!(unloaded, ["extra", "plugin"]);
        assert!(program.instance("plugin").is_none() && loading.registry().get("plugin").is_none());
        assert!(program.instance("counter").is_some(), "the main module needs it");
        // What somebody holds works on.
        assert_eq!(call::<(), i32>(&mut *store, &instance, "run", ()).unwrap(), 6);
        // A dependency stays as long as it is open itself.
        let counter = program.open(&mut loading, &mut *store, "extra").unwrap();
        let plugin = program.open(&mut loading, &mut *store, "plugin").unwrap();
        assert_eq!(program.close(&mut loading, plugin), ["plugin"]);
        assert_eq!(program.close(&mut loading, counter), ["extra"]);
    });
}

#[test]
fn opening_fails_without_traces() {
    each_mode(|engine| {
        let library = diamond();
        for (name, text) in [
            (
                "trapping",
                r#"(module (import "left" "left" (func)) (func $f unreachable) (start $f))"#,
            ),
            ("needy", r#"(module (import "left" "gone" (func)))"#),
            ("broken", "(module"),
        ] {
            library.texts.borrow_mut().insert(name.into(), text.into());
        }
        let mut loading = library.loading(engine);
        let mut store = Store::new(engine, ());
        let mut program = loading.instantiate(&mut store, &module(engine, "(module)")).unwrap();
        let mut open = |name: &str| {
            let error = program.open(&mut loading, &mut store, name).unwrap_err();
            assert_eq!(program.instances().count(), 1);
            assert_eq!(loading.registry().names().count(), 0);
            error
        };
        assert!(open("trapping").run_error().is_some());
        assert!(matches!(open("needy"), LoadingError::Unresolved(_)));
        assert!(matches!(open("broken"), LoadingError::Read { importer: None, .. }));
        assert!(matches!(open("nowhere"), LoadingError::NotFound(_)));
    });
}

#[test]
fn what_was_closed_is_reclaimed() {
    each_mode(|engine| {
        let text = r#"(module (memory (export "memory") 1) (func (export "f")))"#;
        let library = Library::new([("plugin", text)]);
        let mut loading = library.loading(engine);
        let mut store = Store::new(engine, wamr::StoreLimits::new().instances(60));
        store.limiter(|limits| limits);
        let mut program = loading.instantiate(&mut store, &module(engine, "(module)")).unwrap();
        for round in 1..=200 {
            let id = program.open(&mut loading, &mut store, "plugin").unwrap();
            assert_eq!(program.close(&mut loading, id), ["plugin"]);
            if round % 50 == 0 {
                store.gc();
            }
        }
        assert_eq!(library.asked.get(), 200);
    });
}

#[test]
fn files_are_found_on_a_search_path() {
    each_mode(|engine| {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let answering = |answer: i32| {
            format!(r#"(module (func (export "f") (result i32) (i32.const {answer})))"#)
        };
        fs::create_dir(two.path().join("sub")).unwrap();
        fs::create_dir(two.path().join("dir.wasm")).unwrap();
        for (dir, name, text) in [
            (&one, "a.wasm", answering(1)),
            (&two, "a.wasm", answering(2)),
            (&two, "b.wasm", answering(3)),
            (&two, "sub/c.wasm", answering(4)),
            (&two, "bad.wasm", "nonsense".into()),
            (&two, "ahead.aot", "\0aot\x06\0\0\0".into()),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let outcome = |name: &str| {
            let path = SearchPath::new([one.path(), two.path()]).max_file_bytes(1000);
            let mut loading = Loading::<()>::new(module_reader(engine, path));
            let main = format!(
                r#"(module (import "{name}" "f" (func $f (result i32))) (export "run" (func $f)))"#
            );
            let mut store = Store::new(engine, ());
            let program = loading.instantiate(&mut store, &module(engine, &main))?;
            Ok::<_, LoadingError>(call::<(), i32>(&mut store, program.main(), "run", ()).unwrap())
        };
        for (name, answer) in [("a", 1), ("b", 3), ("sub/c", 4)] {
            assert_eq!(outcome(name).unwrap(), answer, "{name}");
        }
        let read = |name: &str| match outcome(name).unwrap_err() {
            LoadingError::Read { error, .. } => *error.downcast::<FindError>().unwrap(),
            other => panic!("{other}"),
        };
        for name in ["../b", "/b", "sub/../b", "", "sub//c", "C:b", "..\\\\b"] {
            assert!(matches!(read(name), FindError::BadName(_)), "{name}");
        }
        assert!(matches!(read("dir"), FindError::NoFile(_)));
        let FindError::Load(_, error) = read("bad") else { panic!() };
        assert!(error.downcast_ref::<ModuleError>().is_some());
        let FindError::Load(path, error) = read("ahead") else { panic!() };
        assert!(path.ends_with("ahead.aot"));
        assert!(matches!(error.downcast_ref(), Some(ModuleError::IsWamrCAot)));
        fs::write(two.path().join("large.wasm"), [0; 1001]).unwrap();
        assert!(matches!(read("large"), FindError::TooLarge(_)));
        let error = outcome("nowhere").unwrap_err().to_string();
        let said = format!("searched: {}, {}", one.path().display(), two.path().display());
        assert!(error.contains(&said), "{error}");
    });
}

#[test]
fn programs_of_several_modules_have_threads() {
    each_mode(|engine| {
        // What is shared is counted in the memory, what is a thread's own in the global.
        let counter = r#"(module (memory $all (export "memory") 1 1 shared)
            (global $own (mut i32) (i32.const 0))
            (func (export "inc")
                (global.set $own (i32.add (global.get $own) (i32.const 1)))
                (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))
            (func (export "own") (result i32) (global.get $own))
            (func (export "all") (result i32) (i32.atomic.load (i32.const 0)))
            (func (export "_initialize")
                (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1000)))))"#;
        // A reactor with a memory of its own.
        let side = |name: &str| {
            format!(
                r#"(module (import "counter" "inc" (func $inc)) (import "host" "ten" (func $ten (result i32)))
                    (memory 1)
                    (func (export "_initialize") (i32.store (i32.const 0)
                        (i32.add (i32.load (i32.const 0)) (call $ten))))
                    (func (export "ready") (result i32) (i32.load (i32.const 0)))
                    (func (export "{name}") (call $inc)))"#
            )
        };
        let (left, right) = (side("left"), side("right"));
        let library = Library::new([("counter", counter), ("left", &*left), ("right", &*right)]);
        let mut host = Linker::<i32>::new(engine);
        host.func_wrap("host", "ten", || 10).unwrap();
        let main = module(
            engine,
            r#"(module (import "left" "left" (func $left)) (import "right" "right" (func $right))
                (import "left" "ready" (func $l (result i32))) (import "right" "ready" (func $r (result i32)))
                (import "counter" "own" (func $own (result i32)))
                (import "counter" "all" (func $all (result i32)))
                (func (export "work") (result i32)
                    (call $left) (call $right) (call $right)
                    (i32.add (i32.mul (call $own) (i32.const 100)) (i32.add (call $l) (call $r))))
                (func (export "all") (result i32) (call $all)))"#,
        );
        let loading = || library.loading::<i32>(engine).source("host", &host);
        let program = loading().link(&main).unwrap_or_else(|error| panic!("{error}"));
        let mut store = Store::new(engine, 0);
        let first = program.instantiate(&mut store).unwrap();
        assert_eq!(call::<(), i32>(&mut store, first.main(), "work", ()).unwrap(), 320);
        let threads: Vec<_> = (1..=4)
            .map(|number| {
                let run = |mut store: Store<i32>, program: wamr::ProgramInstance<i32>| {
                    call::<(), i32>(&mut store, program.main(), "work", ()).unwrap()
                };
                first.thread().spawn(move |engine| Store::try_new(engine, number), run).unwrap()
            })
            .collect();
        // One counter for a thread, as in any diamond; reactors are initialised once in each,
        // unless that is done in a memory that all share.
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap(), 320);
        }
        let all = call::<(), i32>(&mut store, first.main(), "all", ()).unwrap();
        assert_eq!(all, 1000 + 5 * 3);
        // Instances of an importer's own, and limits.
        let program = loading().private("counter").link(&main).unwrap();
        let mut store = Store::new(engine, 0);
        let first = program.instantiate(&mut store).unwrap();
        assert_eq!(call::<(), i32>(&mut store, first.main(), "work", ()).unwrap(), 20);
        let mut limits = Limits::default();
        limits.instances = 3;
        let outcome = loading().limits(limits).link(&main);
        assert!(matches!(outcome, Err(LoadingError::Limit { limit: 3, .. })));
        // What belongs to a store is no thread's.
        let ty = GlobalType { content: ValType::I32, mutable: false };
        let global = Global::new(&mut store, ty, Val::I32(1)).unwrap();
        host.define(&mut store, "host", "global", global).unwrap();
        let bound = module(engine, r#"(module (import "host" "global" (global i32)))"#);
        let mut loading = library.loading::<i32>(engine).source("host", &host);
        let error = loading.link(&bound).unwrap_err().to_string();
        assert!(error.contains("`host` `global` belongs to a store"), "{error}");
        // Missing imports are told as ever; stubs fail when they are called.
        let needy =
            module(engine, r#"(module (import "gone" "f" (func $f)) (export "f" (func $f)))"#);
        assert!(matches!(loading.link(&needy), Err(LoadingError::Unresolved(_))));
        let mut loading = loading.missing(Missing::StubFuncs);
        let first = loading.link(&needy).unwrap().instantiate(&mut store).unwrap();
        let error = call::<(), ()>(&mut store, first.main(), "f", ()).unwrap_err();
        assert!(error.downcast_ref::<wamr::MissingFunc>().is_some());
    });
}
