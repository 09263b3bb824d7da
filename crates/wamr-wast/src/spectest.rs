//! The host module that scripts import from.
//! <https://github.com/WebAssembly/spec/tree/main/interpreter#spectest-host-module>

use wamr::{
    Global, GlobalType, IndexType, Linker, Memory, MemoryType, RefType, Store, Table, TableType,
    Val, ValType,
};

const NAME: &str = "spectest";

/// Defines `spectest`. What it prints is dropped.
pub(crate) fn define(linker: &mut Linker<()>, store: &mut Store<()>) -> Result<(), String> {
    define_functions(linker).map_err(|error| error.to_string())?;
    define_globals(linker, store)?;
    define_table(linker, store)?;
    define_memory(linker, store)
}

fn define_functions(linker: &mut Linker<()>) -> Result<(), wamr::LinkError> {
    linker
        .func_wrap(NAME, "print", || {})?
        .func_wrap(NAME, "print_i32", |_: i32| {})?
        .func_wrap(NAME, "print_i64", |_: i64| {})?
        .func_wrap(NAME, "print_f32", |_: f32| {})?
        .func_wrap(NAME, "print_f64", |_: f64| {})?
        .func_wrap(NAME, "print_i32_f32", |_: i32, _: f32| {})?
        .func_wrap(NAME, "print_f64_f64", |_: f64, _: f64| {})?;
    Ok(())
}

fn define_globals(linker: &mut Linker<()>, store: &mut Store<()>) -> Result<(), String> {
    let globals = [
        ("global_i32", ValType::I32, Val::I32(666)),
        ("global_i64", ValType::I64, Val::I64(666)),
        ("global_f32", ValType::F32, Val::from(666.6_f32)),
        ("global_f64", ValType::F64, Val::from(666.6_f64)),
    ];
    for (name, content, value) in globals {
        let ty = GlobalType { content, mutable: false };
        let global = Global::new(&mut *store, ty, value).map_err(|error| error.to_string())?;
        linker.define(&mut *store, NAME, name, global).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn define_table(linker: &mut Linker<()>, store: &mut Store<()>) -> Result<(), String> {
    let ty = TableType::new(RefType::FUNCREF, 10, Some(20));
    for (name, index) in [("table", IndexType::I32), ("table64", IndexType::I64)] {
        let ty = TableType { index, ..ty };
        let table = Table::new(&mut *store, ty, Val::FuncRef(None)).map_err(|e| e.to_string())?;
        linker.define(&mut *store, NAME, name, table).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn define_memory(linker: &mut Linker<()>, store: &mut Store<()>) -> Result<(), String> {
    for (name, shared) in [("memory", false), ("shared_memory", true)] {
        let ty = MemoryType { shared, ..MemoryType::new(1, Some(2)) };
        let memory = Memory::new(&mut *store, ty).map_err(|error| error.to_string())?;
        linker.define(&mut *store, NAME, name, memory).map_err(|error| error.to_string())?;
    }
    Ok(())
}
