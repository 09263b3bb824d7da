//! Complete lists of imports: some given, the rest from natives; what is left fails when it is
//! called. Then a list that cannot be completed, and what its error tells.

use std::error::Error;

use wamr::native::{GuestStr, NativeEnv};
use wamr::{Engine, Imports, Memory, MemoryType, Missing, Module, Native, Natives, Policy, Store};

/// What guests said.
type Said = Vec<String>;

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (import "env" "memory" (memory 1))
            (import "env" "say" (func $say (param i32) (result i32)))
            (import "env" "never" (func $never))
            (data (i32.const 16) "hello\00")
            (func (export "run") (result i32) (call $say (i32.const 16)))
            (func (export "fail") (call $never)))"#,
    )?;

    // A native in a registry. Its types spell WAMR's signature `($)i`: the string is checked to
    // end inside the caller's memory before the closure runs.
    let mut natives = Natives::new();
    natives.register(
        "env",
        [Native::new("say", |env: &mut NativeEnv<'_, Said>, text: GuestStr| {
            let text = text.to_text(env)?;
            env.data_mut().push(text);
            Ok::<_, wamr::Error>(env.data().len() as u32)
        })],
    );

    let mut store = Store::new(&engine, Said::new());
    let memory = Memory::new(&mut store, MemoryType::new(1, None))?;
    let list = Imports::of(&module)
        .named("env", "memory", memory)
        .source("natives", &natives)
        .policy(Policy::new().missing(Missing::StubFuncs))
        .build(&mut store)?;
    print!("{list}");

    let instance = list.instantiate(&mut store)?;
    let run = instance.get_typed_func::<(), i32>(&mut store, "run")?;
    assert_eq!(run.call(&mut store, ())?, 1);
    assert_eq!(store.data()[..], ["hello"]);
    let fail = instance.get_typed_func::<(), ()>(&mut store, "fail")?;
    println!("as it should: {}", fail.call(&mut store, ()).unwrap_err());

    // One error names every import.
    let error = Imports::of(&module).source("natives", &natives).build(&mut store).unwrap_err();
    println!("as it should: {error}");
    Ok(())
}
