//! Looking at a store from outside.

use wamr::{Extern, Instance, Memory, Store, Val};

use crate::support::{each_mode, instantiate, module};

#[test]
fn every_instance_shows_what_it_has_exported_or_not() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let first = r#"(module $first (memory (export "m") 2) (global i64 (i64.const 7)))"#;
        let first = instantiate(engine, &mut store, first, &[]);
        let memory = first.get_export(&mut store, "m").unwrap();
        let second = r#"(module $second (import "" "m" (memory 1)) (memory 3)
            (global (mut i32) (i32.const 1)) (start $f) (func $f unreachable))"#;
        // One that does not start is there all the same.
        let second = module(engine, second);
        assert!(Instance::new(&mut store, &second, std::slice::from_ref(&memory)).is_err());
        let parts = store.instances();
        let names: Vec<_> = parts.iter().map(|parts| parts.module.name()).collect();
        assert_eq!(names, [Some("first"), Some("second")]);
        assert_eq!(parts[1].memories.len(), 2);
        let Extern::Memory(memory) = memory else { panic!("a memory") };
        assert!(Memory::same(&parts[0].memories[0], &parts[1].memories[0]));
        assert!(Memory::same(&parts[0].memories[0], &memory));
        assert_eq!(parts[1].memories[1].size(&store).unwrap(), 3);
        let value = parts[0].globals[0].get(&mut store).unwrap();
        assert!(matches!(value, Val::I64(7)), "{value:?}");
    });
}

#[test]
fn an_instance_that_was_not_completed_gives_out_no_functions() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        // The elements do not fit on the heap of objects, when the globals hold a function already.
        let wat = r#"(module (type $a (array i64))
            (global $g (mut i32) (i32.const 7))
            (func $f (result i32) (global.get $g))
            (global funcref (ref.func $f))
            (elem arrayref (item (array.new_default $a (i32.const 0x1fffffff)))
                (item (array.new_default $a (i32.const 0x1fffffff)))))"#;
        assert!(Instance::new(&mut store, &module(engine, wat), &[]).is_err());
        assert!(store.instances().iter().all(|parts| parts.globals.is_empty()));
    });
}
