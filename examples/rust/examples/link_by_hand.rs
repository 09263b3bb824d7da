//! Linking without names: the host walks a module's import section and decides for each import.

use std::error::Error;

use wamr::{
    Engine, Extern, ExternType, Func, Global, Instance, InstantiateError, LinkError, Memory,
    Module, Store, Table, Val,
};

/// Makes whatever an import asks for: functions that answer with zeros, empty memories and tables.
fn stub(store: &mut Store<()>, ty: &ExternType) -> Result<Extern, wamr::Error> {
    Ok(match ty {
        ExternType::Func { ty, .. } => {
            // The room for results is zero or null at first, which is what a stub gives.
            Func::new(&mut *store, ty.clone(), |_, _, _| Ok(()))?.into()
        }
        ExternType::Memory(ty) => Memory::new(&mut *store, *ty)?.into(),
        ExternType::Table(ty) => {
            let null = Val::default_for(wamr::ValType::Ref(ty.element));
            let null = null.ok_or_else(|| wamr::Error::msg("no null for that table"))?;
            Table::new(&mut *store, *ty, null)?.into()
        }
        ExternType::Global(ty) => {
            let zero = Val::default_for(ty.content);
            let zero = zero.ok_or_else(|| wamr::Error::msg("no zero for that global"))?;
            Global::new(&mut *store, *ty, zero)?.into()
        }
        other => return Err(wamr::Error::msg(format_args!("no stub for a {other}"))),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (import "env" "seven" (func $seven (result i32)))
            (import "env" "unknown" (func $unknown (param f64) (result i64 f32)))
            (import "env" "memory" (memory 1 2))
            (import "env" "offset" (global $offset i32))
            (func (export "run") (result i32)
                (call $unknown (f64.const 1)) drop drop
                (i32.store (global.get $offset) (call $seven))
                (i32.load (global.get $offset))))"#,
    )?;
    let mut store = Store::new(&engine, ());

    // One external value for each import, in the order of the import section.
    let mut imports = Vec::new();
    for import in module.imports() {
        let value = match (import.module(), import.name()) {
            ("env", "seven") => Func::wrap(&mut store, || 7).into(),
            _ => stub(&mut store, import.ty())?,
        };
        println!("{} {}: {}", import.module(), import.name(), value.ty(&store)?);
        imports.push(value);
    }
    let instance = Instance::new(&mut store, &module, &imports)?;
    let run = instance.get_typed_func::<(), i32>(&mut store, "run")?;
    assert_eq!(run.call(&mut store, ())?, 7);

    // What does not fit is named, all of it at once.
    imports.swap(0, 1);
    match Instance::new(&mut store, &module, &imports) {
        Err(InstantiateError::Link(LinkError::Imports(bad))) => {
            assert_eq!(bad.len(), 2);
            bad.iter().for_each(|import| println!("as it should: {import}"));
        }
        other => return Err(format!("expected two bad imports, not {other:?}").into()),
    }
    Ok(())
}
