//! Complete lists of imports: who wins, where entries come from, and what errors say.

use wamr::{
    Extern, Func, Global, GlobalType, Imports, Instance, InstantiateError, LinkError, Linker,
    Memory, MemoryType, Missing, MissingFunc, Order, Origin, Policy, Shadowing, Store,
    UnresolvedImports, Val, ValType, complete_with_dummies, dummy_imports,
};

use crate::support::{call, each_mode, instantiate, module};

/// One function that tells where it came from.
const ONE: &str = r#"(module (import "a" "f" (func $f (result i32)))
    (func (export "run") (result i32) (call $f)))"#;

fn answering(store: &mut Store<()>, answer: i32) -> Func {
    Func::wrap(store, move || answer)
}

fn linker(engine: &wamr::Engine, answer: i32) -> Linker<()> {
    let mut linker = Linker::new(engine);
    linker.func_wrap("a", "f", move || answer).unwrap();
    linker
}

fn unresolved<T>(outcome: Result<T, LinkError>) -> UnresolvedImports {
    match outcome.err() {
        Some(LinkError::Unresolved(unresolved)) => *unresolved,
        other => panic!("{other:?}"),
    }
}

/// What `run` answers, and where the only import came from.
fn outcome(store: &mut Store<()>, imports: Imports<'_, ()>) -> (i32, String) {
    let list = imports.build(&mut *store).unwrap();
    let instance = list.instantiate(&mut *store).unwrap();
    (call::<(), i32>(store, &instance, "run", ()).unwrap(), list.origins()[0].to_string())
}

#[test]
fn what_is_given_wins_and_sources_fill_the_rest() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let store = &mut store;
        let module = module(engine, ONE);
        let exporter = |answer: i32| {
            format!(r#"(module (func (export "f") (result i32) (i32.const {answer})))"#)
        };
        let (third, fourth) = (
            instantiate(engine, &mut *store, &exporter(3), &[]),
            instantiate(engine, &mut *store, &exporter(4), &[]),
        );
        let (fifth, sixth) = (linker(engine, 5), linker(engine, 6));
        let (first, second) = (answering(store, 1), answering(store, 2));
        let imports = || Imports::of(&module).source("five", &fifth).source("six", &sixth);
        assert_eq!(outcome(store, imports()), (5, "five".into()));
        let imports = || imports().instance("a", &fourth).instance("a", &third);
        assert_eq!(outcome(store, imports()), (3, "instance `a`".into()));
        let imports = || imports().named("a", "f", second.clone());
        assert_eq!(outcome(store, imports()), (2, "given by name".into()));
        let imports = || imports().at(0, first.clone());
        assert_eq!(outcome(store, imports()), (1, "given by position".into()));
        let sources_first = imports().policy(Policy::new().order(Order::SourcesFirst));
        assert_eq!(outcome(store, sources_first), (5, "five".into()));
        let refused = imports().policy(Policy::new().shadowing(Shadowing::Refused));
        let error = unresolved(refused.build(store)).to_string();
        assert!(error.starts_with("ambiguous import (1):"), "{error}");
        assert!(error.contains("given by position, instance `a`, instance `a`, five, six"));
    });
}

#[test]
fn what_does_not_fit_is_an_error_unless_the_policy_passes_over_it() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let module = module(engine, ONE);
        let mut wrong = Linker::new(engine);
        wrong.func_wrap("a", "f", |x: i64| x).unwrap();
        let right = linker(engine, 7);
        let imports = || Imports::of(&module).source("wrong", &wrong).source("right", &right);
        let error = unresolved(imports().build(&mut store)).to_string();
        let said = "`a` `f`: wanted func [] -> [i32], found func [i64] -> [i64] (wrong)";
        assert!(error.contains(said), "{error}");
        let fitting = Policy::new().shadowing(Shadowing::FirstFitting);
        assert_eq!(outcome(&mut store, imports().policy(fitting)), (7, "right".into()));
        // What was given for just this import is meant.
        let given = Func::wrap(&mut store, || 1i64);
        let imports = imports().policy(fitting).named("a", "f", given);
        let error = unresolved(imports.build(&mut store)).to_string();
        assert!(error.contains("found func [] -> [i64] (given by name)"), "{error}");
    });
}

#[test]
fn one_error_names_every_import_the_places_and_near_misses() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let module = module(
            engine,
            r#"(module (import "env" "memroy" (memory 1)) (import "env" "there" (func))
                (import "evn" "exact" (func)) (import "other" "exact" (func))
                (import "env" "g" (global i32)) (import "env" "nowhere" (table 1 funcref)))"#,
        );
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let ty = GlobalType { content: ValType::I64, mutable: false };
        let global = Global::new(&mut store, ty, Val::I64(0)).unwrap();
        let mut builtins = Linker::<()>::new(engine);
        builtins.func_wrap("env", "there", || {}).unwrap();
        builtins.func_wrap("env", "exact", || {}).unwrap();
        let imports = Imports::of(&module)
            .named("env", "memory", memory)
            .named("env", "g", global)
            .source("builtins", &builtins);
        let outcome = imports.build(&mut store);
        let message = outcome.as_ref().unwrap_err().to_string();
        let error = unresolved(outcome);
        assert_eq!(
            error.imports.iter().map(|import| import.position).collect::<Vec<_>>(),
            [0, 2, 3, 4, 5]
        );
        for said in [
            "unknown import (4), incompatible import type (1):",
            "`env` `memroy`: wanted memory 1, found nothing; there is `env` `memory` (given by name)",
            "`evn` `exact`: wanted func [] -> [], found nothing; there is `env` `exact` (builtins)",
            "`other` `exact`: wanted func [] -> [], found nothing; there is `env` `exact` (builtins)",
            "`env` `g`: wanted global i32, found global i64 (given by name)",
            "`env` `nowhere`: wanted table 1 funcref, found nothing\n",
            "searched: given by name, builtins",
        ] {
            assert!(message.contains(said), "{said}\nnot in\n{message}");
        }
    });
}

#[test]
fn names_in_errors_do_nothing_to_a_terminal() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let module = module(engine, r#"(module (import "\1b[31m" "\07" (func)))"#);
        let unresolved = Imports::of(&module).build(&mut store).unwrap_err().to_string();
        let unknown = Instance::new(&mut store, &module, &[]).unwrap_err().to_string();
        let linker = Linker::<()>::new(engine).instantiate(&mut store, &module).unwrap_err();
        let named = r#"(module $m (func $f (@name "\1b[2J") (export "f") unreachable))"#;
        let instance = instantiate(engine, &mut store, named, &[]);
        let trap = call::<(), ()>(&mut store, &instance, "f", ()).unwrap_err();
        let backtrace = format!("{trap:?} {trap}");
        for text in [unresolved, unknown, linker.to_string(), backtrace] {
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        }
    });
}

#[test]
fn positions_beyond_the_import_section_are_refused() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let module = module(engine, ONE);
        let func = answering(&mut store, 1);
        let outcome = Imports::of(&module).at(1, func).build(&mut store);
        assert!(matches!(outcome, Err(LinkError::ImportCount { wanted: 1, found: 2 })));
    });
}

#[test]
fn a_missing_function_may_fail_when_it_is_called() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let list_of = |store: &mut Store<()>, wat: &str| {
            let module = module(engine, wat);
            let policy = Policy::new().missing(Missing::StubFuncs);
            Imports::of(&module).policy(policy).build(store)
        };
        let list = list_of(&mut store, ONE).unwrap();
        assert_eq!(list.origins(), [Origin::Stub]);
        assert_eq!(list.to_string(), "0: `a` `f`: func [] -> [i32]: stub\n");
        let instance = list.instantiate(&mut store).unwrap();
        let error = call::<(), i32>(&mut store, &instance, "run", ()).unwrap_err();
        let missing = error.downcast_ref::<MissingFunc>().unwrap();
        assert_eq!((&*missing.module, &*missing.name), ("a", "f"));
        // Only functions, and only on request.
        let wat = r#"(module (import "a" "f" (func)) (import "a" "m" (memory 1)))"#;
        assert_eq!(unresolved(list_of(&mut store, wat)).imports.len(), 1);
        let module = module(engine, ONE);
        unresolved(Imports::of(&module).build(&mut store));
    });
}

#[test]
fn lists_and_values_of_other_stores_are_refused() {
    each_mode(|engine| {
        let (mut store, mut other) = (Store::new(engine, ()), Store::new(engine, ()));
        let module = module(engine, ONE);
        let func = answering(&mut other, 1);
        let outcome = Imports::of(&module).named("a", "f", func).build(&mut store);
        assert!(matches!(outcome, Err(LinkError::Foreign(_))));
        let builtins = linker(engine, 1);
        let list = Imports::of(&module).source("builtins", &builtins).build(&mut store).unwrap();
        let outcome = list.instantiate(&mut other);
        assert!(matches!(outcome, Err(InstantiateError::Run(_))));
        list.instantiate(&mut store).unwrap();
    });
}

#[test]
fn dummies_stand_for_every_kind_and_type() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let module = module(
            engine,
            r#"(module
                (rec (type $node (sub (struct (field (ref null $node)) (field i8))))
                    (type $make (func (param i32) (result (ref $node)))))
                (type $bytes (array (mut i8)))
                (import "m" "make" (func $make (type $make)))
                (import "m" "f" (func (param i64 v128) (result f64)))
                (import "m" "t" (table 3 5 funcref))
                (import "m" "nodes" (table 2 (ref $node)))
                (import "m" "funcs" (table 2 (ref func)))
                (import "m" "m" (memory 2 4))
                (import "m" "m64" (memory i64 1))
                (import "m" "bytes" (memory 2 4 (pagesize 1)))
                (import "m" "g" (global (mut f64)))
                (import "m" "v" (global v128))
                (import "m" "node" (global (ref $node)))
                (import "m" "array" (global (ref $bytes)))
                (import "m" "typed" (global (ref $make)))
                (import "m" "any" (global (ref any)))
                (import "m" "ext" (global (ref extern)))
                (import "m" "null" (global externref))
                (import "m" "tag" (tag (param i32)))
                (func (export "run") (drop (call $make (i32.const 1)))))"#,
        );
        let list = dummy_imports(engine, &mut store, &module).unwrap();
        assert!(list.origins().iter().all(|origin| *origin == Origin::Dummy));
        let instance = list.instantiate(&mut store).unwrap();
        let error = call::<(), ()>(&mut store, &instance, "run", ()).unwrap_err();
        assert_eq!(error.trap_code(), Some(wamr::TrapCode::Unreachable));
        // What is given stays, the rest are dummies.
        let one = crate::support::module(engine, ONE);
        let func = answering(&mut store, 9);
        let imports = Imports::of(&one).named("a", "f", func.clone());
        let list = complete_with_dummies(engine, &mut store, imports).unwrap();
        assert!(Extern::same(&list.values()[0], &func.into()));
    });
}

#[test]
fn there_is_no_dummy_without_a_value() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let module = module(engine, r#"(module (import "m" "e" (global (ref exn))))"#);
        let error = dummy_imports(engine, &mut store, &module).unwrap_err();
        assert_eq!(error.to_string(), "there is no dummy for the import `m` `e`");
        // A mismatch is no gap that a dummy may fill.
        let one = crate::support::module(engine, ONE);
        let wrong = Func::wrap(&mut store, |_: i32| {});
        let imports = Imports::of(&one).named("a", "f", wrong);
        unresolved(complete_with_dummies(engine, &mut store, imports));
    });
}
