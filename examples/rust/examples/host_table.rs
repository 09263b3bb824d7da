//! A table that the host makes, without any module, as a board where plugins and host publish
//! functions for each other.

use std::error::Error;

use wamr::{Engine, Func, Instance, Module, RefType, Store, Table, TableType, Val};

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());

    // No module yet: two slots, of which the host fills the first.
    let ty = TableType::new(RefType::FUNCREF, 2, Some(8));
    let board = Table::new(&mut store, ty, Val::FuncRef(None))?;
    let double = Func::wrap(&mut store, |x: i32| x * 2);
    board.set(&mut store, 0, double.into())?;

    // A plugin that uses what stands in slot 0 and publishes a function in slot 1.
    let plugin = Module::new(
        &engine,
        r#"(module
            (import "host" "board" (table 2 funcref))
            (type $unary (func (param i32) (result i32)))
            (func $triple (type $unary)
                (i32.sub
                    (i32.mul (call_indirect (type $unary) (local.get 0) (i32.const 0)) (i32.const 2))
                    (local.get 0)))
            (elem (i32.const 1) $triple))"#,
    )?;
    // The instance needs no name: its function in the table keeps it alive.
    Instance::new(&mut store, &plugin, &[board.clone().into()])?;
    store.gc();

    let Some(Val::FuncRef(Some(triple))) = board.get(&mut store, 1)? else {
        return Err("the plugin published nothing".into());
    };
    let triple = triple.typed::<i32, i32>(&store)?;
    assert_eq!(triple.call(&mut store, 14)?, 42);

    // Growth has the limit that the host declared.
    assert_eq!(board.grow(&mut store, 6, Val::FuncRef(None))?, 2);
    assert!(board.grow(&mut store, 1, Val::FuncRef(None)).is_err());
    println!("the board has {} slots; triple(14) = 42", board.size(&store)?);
    Ok(())
}
