//! Two instances that share one memory and one table: what one writes or grows, the other sees.

use std::error::Error;

use wamr::{Engine, Instance, Module, Store, TrapCode};

/// Owns memory and table, and puts numbers and functions there.
const PRODUCER: &str = r#"(module
    (memory (export "memory") 1)
    (table $table (export "table") 1 funcref)
    (func $sum (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func $product (param i32 i32) (result i32) (i32.mul (local.get 0) (local.get 1)))
    (elem (i32.const 0) $sum)
    (func (export "produce") (param $at i32) (param $value i32)
        (i32.store (local.get $at) (local.get $value)))
    (func (export "publish_product") (result i32)
        (table.grow $table (ref.func $product) (i32.const 1)))
    (elem declare func $product))"#;

/// Imports both, and uses what it finds.
const CONSUMER: &str = r#"(module
    (import "producer" "memory" (memory 1))
    (import "producer" "table" (table $table 1 funcref))
    (type $binary (func (param i32 i32) (result i32)))
    (func (export "grow") (param $pages i32) (result i32) (memory.grow (local.get $pages)))
    (func (export "apply") (param $operation i32) (param $at i32) (result i32)
        (call_indirect $table (type $binary)
            (i32.load (local.get $at))
            (i32.load offset=4 (local.get $at))
            (local.get $operation))))"#;

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::default();
    let producer = Module::new(&engine, PRODUCER)?;
    let consumer = Module::new(&engine, CONSUMER)?;
    let mut store = Store::new(&engine, ());
    let producer = Instance::new(&mut store, &producer, &[])?;
    let exports = ["memory", "table"].map(|name| producer.get_export(&mut store, name));
    let imports = exports.map(|export| export.expect("the producer exports it"));
    let consumer = Instance::new(&mut store, &consumer, &imports)?;

    let produce = producer.get_typed_func::<(i32, i32), ()>(&mut store, "produce")?;
    let publish = producer.get_typed_func::<(), i32>(&mut store, "publish_product")?;
    let grow = consumer.get_typed_func::<i32, i32>(&mut store, "grow")?;
    let apply = consumer.get_typed_func::<(i32, i32), i32>(&mut store, "apply")?;

    // The consumer grows the memory; the producer writes into the page that this added.
    assert_eq!(grow.call(&mut store, 1)?, 1);
    produce.call(&mut store, (65_536, 6))?;
    produce.call(&mut store, (65_540, 7))?;
    assert_eq!(apply.call(&mut store, (0, 65_536))?, 13);

    // There is no second function yet; the producer grows the table by one.
    let error = apply.call(&mut store, (1, 65_536)).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::UndefinedElement));
    assert_eq!(publish.call(&mut store, ())?, 1);
    assert_eq!(apply.call(&mut store, (1, 65_536))?, 42);

    // The host looks at the same bytes.
    let memory = producer.get_memory(&mut store, "memory").expect("exported");
    assert_eq!(memory.data(&store)?[65_536..65_544], [6, 0, 0, 0, 7, 0, 0, 0]);
    println!("6 + 7 and 6 * 7 over one memory of {} pages", memory.size(&store)?);
    Ok(())
}
