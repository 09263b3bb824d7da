//! Linking by name.

use wamr::{
    Extern, Func, FuncType, Global, GlobalType, Instance, InstantiateError, LinkError, Linker,
    Memory, MemoryType, Resolver, Store, Val, ValType,
};

use crate::support::{bad_imports, call, each_mode, instantiate, module};

fn is_duplicate<T>(outcome: Result<T, LinkError>, module: &str, name: &str) -> bool {
    matches!(
        outcome.err(),
        Some(LinkError::Duplicate { module: m, name: n }) if &*m == module && &*n == name
    )
}

fn answer(store: &mut Store<()>, instance: &Instance) -> i32 {
    call::<(), i32>(store, instance, "run", ()).unwrap()
}

const RUN: &str = r#"(module (import "a" "f" (func $f (result i32)))
    (func (export "run") (result i32) (call $f)))"#;

#[test]
fn names_are_defined_once_unless_shadowing_is_allowed() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let mut linker = Linker::<()>::new(engine);
        linker.func_wrap("a", "f", || 1).unwrap();
        assert!(is_duplicate(linker.func_wrap("a", "f", || 2).map(drop), "a", "f"));
        let ty = FuncType::new([], [ValType::I32]);
        let again = linker.func_new("a", "f", ty, |_, _, _| Ok(()));
        assert!(is_duplicate(again.map(drop), "a", "f"));
        let memory = Memory::new(&mut store, MemoryType::new(0, None)).unwrap();
        let again = linker.define(&mut store, "a", "f", memory);
        assert!(is_duplicate(again.map(drop), "a", "f"));
        linker.func_wrap("a", "g", || 3).unwrap().func_wrap("b", "f", || 4).unwrap();

        let module = module(engine, RUN);
        let first = linker.instantiate(&mut store, &module).unwrap();
        linker.allow_shadowing(true).func_wrap("a", "f", || 2).unwrap();
        let second = linker.instantiate(&mut store, &module).unwrap();
        assert_eq!((answer(&mut store, &first), answer(&mut store, &second)), (1, 2));
        linker.allow_shadowing(false);
        assert!(is_duplicate(linker.func_wrap("a", "f", || 5).map(drop), "a", "f"));
    });
}

#[test]
fn aliases_of_items_and_of_modules() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let mut linker = Linker::<()>::new(engine);
        linker.func_wrap("b", "g", || 1).unwrap();
        assert!(linker.alias("b", "nothing", "a", "f").is_err());
        linker.alias("b", "g", "a", "f").unwrap();
        assert!(is_duplicate(linker.alias("b", "g", "a", "f").map(drop), "a", "f"));
        let instance = linker.instantiate(&mut store, &module(engine, RUN)).unwrap();
        assert_eq!(answer(&mut store, &instance), 1);

        let ty = GlobalType { content: ValType::I32, mutable: true };
        let global = Global::new(&mut store, ty, Val::I32(8)).unwrap();
        linker.define(&mut store, "b", "global", global.clone()).unwrap();
        linker.alias_module("b", "c").unwrap();
        let found = linker.get(&mut store, "c", "global").unwrap().unwrap();
        assert!(Extern::same(&found, &global.into()), "an alias is the same entity");
        assert!(linker.get(&mut store, "c", "g").unwrap().is_some());
        assert!(linker.alias_module("b", "c").is_err());
        assert!(linker.get(&mut store, "d", "g").unwrap().is_none());
    });
}

#[test]
fn instances_and_modules_under_a_name() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let mut linker = Linker::<()>::new(engine);
        let wat = r#"(module (global $n (export "n") (mut i32) (i32.const 40))
            (func (export "f") (result i32)
                (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"#;
        let instance = instantiate(engine, &mut store, wat, &[]);
        linker.instance(&mut store, "a", &instance).unwrap();
        assert!(linker.instance(&mut store, "a", &instance).is_err());
        let user = linker.module(&mut store, "user", &module(engine, RUN)).unwrap();
        assert_eq!(answer(&mut store, &user), 41);
        // A second user, by way of the first one's export, has the same state.
        let by_name = module(
            engine,
            r#"(module (import "user" "run" (func $f (result i32)))
                (export "run" (func $f)))"#,
        );
        let second = linker.instantiate(&mut store, &by_name).unwrap();
        assert_eq!(answer(&mut store, &second), 42);
        let n = instance.get_global(&mut store, "n").unwrap();
        assert_eq!(n.get(&mut store).unwrap().i32(), Some(42));
    });
}

#[test]
fn a_refused_instance_leaves_no_names_behind() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let mut linker = Linker::<()>::new(engine);
        linker.func_wrap("a", "z", || 1).unwrap();
        let wat = r#"(module (func (export "x")) (func (export "z")))"#;
        let instance = instantiate(engine, &mut store, wat, &[]);
        let outcome = linker.instance(&mut store, "a", &instance);
        assert!(is_duplicate(outcome.map(drop), "a", "z"));
        assert!(linker.get(&mut store, "a", "x").unwrap().is_none());
        linker.func_wrap("b", "z", || 1).unwrap().func_wrap("b", "x", || 1).unwrap();
        linker.func_wrap("c", "z", || 2).unwrap();
        assert!(is_duplicate(linker.alias_module("b", "c").map(drop), "c", "z"));
        assert!(linker.get(&mut store, "c", "x").unwrap().is_none());
    });
}

#[test]
fn all_unresolved_imports_stand_in_one_error() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let mut linker = Linker::<()>::new(engine);
        linker.func_wrap("env", "there", || {}).unwrap();
        linker.func_wrap("env", "other", |_: i64| {}).unwrap();
        let module = module(
            engine,
            r#"(module (import "env" "there" (func)) (import "env" "gone" (func (param i32)))
                (import "env" "other" (func)) (import "nowhere" "m" (memory 1))
                (import "env" "thére" (global f32)))"#,
        );
        let outcome = linker.instantiate(&mut store, &module);
        let message = outcome.as_ref().unwrap_err().to_string();
        let errors = bad_imports(outcome);
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "`env` `gone`: wanted func [i32] -> [], found nothing",
                "`env` `other`: wanted func [] -> [], found func [i64] -> []",
                "`nowhere` `m`: wanted memory 1, found nothing",
                "`env` `thére`: wanted global f32, found nothing",
            ]
        );
        assert!(message.starts_with("unknown import (3) and incompatible import type (1):"));
        assert_eq!(message.lines().count(), 5);
    });
}

#[test]
fn one_linker_serves_many_stores_of_its_engine() {
    each_mode(|engine| {
        let mut linker = Linker::<i32>::new(engine);
        linker
            .func_wrap("a", "f", |mut caller: wamr::Caller<'_, i32>| {
                *caller.data_mut() += 1;
                *caller.data()
            })
            .unwrap();
        let clone = linker.clone();
        let module = module(engine, RUN);
        for (start, linker) in [(10, &linker), (20, &clone)] {
            let mut store = Store::new(engine, start);
            let instance = linker.instantiate(&mut store, &module).unwrap();
            for step in 1..3 {
                let got = call::<(), i32>(&mut store, &instance, "run", ()).unwrap();
                assert_eq!(got, start + step);
            }
        }
        // What belongs to one store is an error in another.
        let mut store = Store::new(engine, 0);
        let func = Func::wrap(&mut store, || 1);
        linker.allow_shadowing(true).define(&mut store, "a", "f", func).unwrap();
        let error = linker.instantiate(&mut Store::new(engine, 0), &module).unwrap_err();
        assert!(matches!(error, InstantiateError::Link(LinkError::Foreign(_))), "{error}");
    });
}

/// Gives every function import of one module name the same function, and nothing else.
struct Stubs(Func);

impl Resolver<Extern> for Stubs {
    fn resolve(&mut self, _: &wamr::types::Module, import: &wamr::types::Import) -> Option<Extern> {
        (&*import.module == "stub").then(|| self.0.clone().into())
    }
}

#[test]
fn a_resolver_of_the_embedder_answers_imports() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let func = Func::wrap(&mut store, |x: i32| x + 1);
        let link = |store: &mut Store<()>, name: &str| {
            let text = format!(
                r#"(module
                    (import "stub" "a" (func $a (param i32) (result i32)))
                    (import "{name}" "b" (func $b (param i32) (result i32)))
                    (func (export "f") (result i32) (call $a (call $b (i32.const 5)))))"#
            );
            let module = module(engine, &text);
            let found = wamr::resolve(&module, &mut Stubs(func.clone()));
            Instance::of_resolved(store, &module, &found)
        };
        let instance = link(&mut store, "stub").unwrap();
        let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
        assert_eq!(f.call(&mut store, ()).unwrap(), 7);
        let error = link(&mut store, "other").unwrap_err().to_string();
        assert!(
            error.contains("`other` `b`: wanted func [i32] -> [i32], found nothing"),
            "{error}"
        );
    });
}
