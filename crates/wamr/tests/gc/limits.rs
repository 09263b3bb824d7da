//! A full heap is a trap, and the store goes on.

use wamr::{AnyRef, Linker, Module, Store, TrapCode};

use super::{MIB, engine, instantiate};

const ARRAYS: &str = r#"(module
    (type $list (struct (field (ref null $list)) (field i64)))
    (type $bytes (array (mut i8)))
    (type $words (array (mut i64)))
    (global $root (mut (ref null $list)) (ref.null $list))
    (func (export "fill") (result i32) (local $n i32)
        (loop $again
            (global.set $root (struct.new $list (global.get $root) (i64.const 1)))
            (br $again))
        (local.get $n))
    (func (export "length") (result i32) (local $n i32) (local $l (ref null $list))
        (local.set $l (global.get $root))
        (block $end
            (loop $again
                (br_if $end (ref.is_null (local.get $l)))
                (local.set $l (struct.get $list 0 (local.get $l)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br $again)))
        (local.get $n))
    (func (export "clear") (global.set $root (ref.null $list)))
    (func (export "bytes") (param i32) (result i32)
        (array.len (array.new_default $bytes (local.get 0))))
    (func (export "words") (param i32) (result i32)
        (array.len (array.new $words (i64.const 3) (local.get 0))))
    (func (export "empty") (result anyref) (array.new_default $bytes (i32.const 0)))
    (func (export "get") (param anyref i32) (result i32)
        (array.get_u $bytes (ref.cast (ref $bytes) (local.get 0)) (local.get 1)))
    (func (export "fill-array") (param i32 i32 i32)
        (array.fill $bytes (array.new_default $bytes (local.get 0)) (local.get 1) (i32.const 7)
            (local.get 2))))"#;

#[test]
fn a_full_heap_traps_and_can_be_emptied() {
    let (mut store, instance) = instantiate(MIB, ARRAYS);
    let fill = instance.get_typed_func::<(), i32>(&mut store, "fill").unwrap();
    let length = instance.get_typed_func::<(), i32>(&mut store, "length").unwrap();
    let clear = instance.get_typed_func::<(), ()>(&mut store, "clear").unwrap();
    for _ in 0..3 {
        let error = fill.call(&mut store, ()).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::GcHeapExhausted));
        // Header, reference and number: 24 bytes in cells of 32.
        let expected = MIB as i32 / 32;
        assert_eq!(length.call(&mut store, ()).unwrap(), expected);
        clear.call(&mut store, ()).unwrap();
    }
}

#[test]
fn sizes_beyond_all_limits_trap() {
    let (mut store, instance) = instantiate(usize::MAX, ARRAYS);
    for name in ["bytes", "words"] {
        let f = instance.get_typed_func::<i32, i32>(&mut store, name).unwrap();
        for len in [-1, -2, -8, -9, -16, i32::MAX, i32::MIN, 0x2000_0000, 0x1fff_fff0] {
            if name == "bytes" && len > 0 {
                // Would be possible, and slow.
                continue;
            }
            if len == i32::MIN && name == "bytes" {
                continue;
            }
            let error = f.call(&mut store, len).unwrap_err();
            assert_eq!(error.trap_code(), Some(TrapCode::GcHeapExhausted), "{name} {len}");
        }
        assert_eq!(f.call(&mut store, 1000).unwrap(), 1000);
    }
}

#[test]
fn ranges_are_checked_without_overflow() {
    let (mut store, instance) = instantiate(MIB, ARRAYS);
    let fill = instance.get_typed_func::<(i32, i32, i32), ()>(&mut store, "fill-array").unwrap();
    fill.call(&mut store, (10, 10, 0)).unwrap();
    fill.call(&mut store, (10, 3, 7)).unwrap();
    for (index, len) in [(11, 0), (3, 8), (-1, 1), (1, -1), (-1, -1), (0, -1)] {
        let error = fill.call(&mut store, (10, index, len)).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::ArrayOutOfBounds), "{index} {len}");
    }
}

#[test]
fn empty_arrays_have_no_elements() {
    let (mut store, instance) = instantiate(MIB, ARRAYS);
    let empty = instance.get_typed_func::<(), Option<AnyRef>>(&mut store, "empty").unwrap();
    let get = instance.get_typed_func::<(Option<AnyRef>, i32), i32>(&mut store, "get").unwrap();
    for _ in 0..5000 {
        let array = empty.call(&mut store, ()).unwrap();
        assert_eq!(array.as_ref().unwrap().len(&store).unwrap(), 0);
        for index in [0, 1, -1] {
            let error = get.call(&mut store, (array.clone(), index)).unwrap_err();
            assert_eq!(error.trap_code(), Some(TrapCode::ArrayOutOfBounds));
        }
    }
}

#[test]
fn garbage_does_not_stop_new_instances() {
    let engine = engine(MIB);
    let mut store = Store::new(&engine, ());
    let module = Module::new(
        &engine,
        r#"(module
            (type $bytes (array (mut i8)))
            (global (export "g") (ref $bytes) (array.new $bytes (i32.const 9) (i32.const 300000)))
            (table (export "t") 3 (ref $bytes) (array.new $bytes (i32.const 8) (i32.const 5)))
            (func (export "f") (param i32) (result i32)
                (array.get_u $bytes (global.get 0) (local.get 0))))"#,
    )
    .unwrap();
    let linker = Linker::new(&engine);
    for _ in 0..50 {
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let f = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
        assert_eq!(f.call(&mut store, 299_999).unwrap(), 9);
        let table = instance.get_table(&mut store, "t").unwrap();
        let element = table.get(&mut store, 2).unwrap().unwrap();
        let wamr::Val::AnyRef(Some(element)) = element else { panic!("an array") };
        assert_eq!(element.element(&mut store, 4).unwrap().i32(), Some(8));
    }
    // Now they are held.
    let mut held = Vec::new();
    let error = loop {
        match linker.instantiate(&mut store, &module) {
            Ok(instance) => held.push(instance),
            Err(error) => break error,
        }
    };
    assert_eq!(held.len(), 3, "{error}");
    drop(held);
    linker.instantiate(&mut store, &module).unwrap();
}
