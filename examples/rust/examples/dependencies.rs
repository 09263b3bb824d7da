//! A program of several modules: found by name, linked with each other, one instance of each; and
//! a plugin that is opened and closed while the program runs.

use std::error::Error;

use wamr::loading::{Loading, LoadingError, ReadError, ReadModule};
use wamr::{Engine, Module, Store};

/// Where modules come from. `wamr::loading::module_reader` reads files instead.
fn text(name: &str) -> Option<&'static str> {
    Some(match name {
        "counter" => {
            r#"(module (global $n (mut i32) (i32.const 0))
                (func (export "inc") (global.set $n (i32.add (global.get $n) (i32.const 1))))
                (func (export "get") (result i32) (global.get $n)))"#
        }
        "plugin" => {
            r#"(module (import "counter" "inc" (func $inc))
                (func (export "run") (call $inc) (call $inc)))"#
        }
        _ => return None,
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::default();
    let main = Module::new(
        &engine,
        r#"(module (import "counter" "inc" (func $inc))
            (import "counter" "get" (func $get (result i32)))
            (func (export "run") (result i32) (call $inc) (call $get)))"#,
    )?;

    let mut loading = Loading::new(|name: &str| -> Result<Option<ReadModule>, ReadError> {
        let Some(text) = text(name) else { return Ok(None) };
        let module = (*Module::named(&engine, text.into(), name)?).clone();
        Ok(Some(ReadModule { module, origin: "built in".into(), len_bytes: text.len() as u64 }))
    });
    for module in loading.explore(&main)?.modules() {
        let needs: Vec<&str> = module.dependencies().map(|(name, _)| name).collect();
        println!("{} needs {needs:?}", module.name());
    }

    let mut store = Store::new(&engine, ());
    let mut program = loading.instantiate(&mut store, &main)?;
    let run = program.main().get_typed_func::<(), i32>(&mut store, "run")?;
    assert_eq!(run.call(&mut store, ())?, 1);

    // The plugin is linked with the counter that is there.
    let id = program.open(&mut loading, &mut store, "plugin")?;
    let plugin = program.opened(id).expect("open").get_typed_func::<(), ()>(&mut store, "run")?;
    plugin.call(&mut store, ())?;
    assert_eq!(run.call(&mut store, ())?, 4);
    println!("unloaded: {:?}", program.close(&mut loading, id));

    let nothing = program.open(&mut loading, &mut store, "nothing");
    assert!(matches!(nothing, Err(LoadingError::NotFound(_))));
    Ok(())
}
