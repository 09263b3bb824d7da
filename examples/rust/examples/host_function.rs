//! Functions of the host: closures, the embedder's data, the caller's memory, errors.

use std::error::Error;
use std::fmt;

use wamr::{Caller, Engine, Extern, Linker, Module, Store};

/// The embedder's data in the store: host functions reach it by their caller.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
}

/// An error of the host travels through wasm and comes back as what it was.
#[derive(Debug, PartialEq)]
struct BadText;

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is not in the caller's memory, or not UTF-8")
    }
}

impl Error for BadText {}

fn log(mut caller: Caller<'_, Log>, at: u32, len: u32) -> Result<(), wamr::Error> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    let memory = memory.ok_or_else(|| wamr::Error::msg("the caller exports no memory"))?;
    // Guest memory and the embedder's data, both borrowed at once.
    let (bytes, log) = memory.data_and_store_mut(&mut caller)?;
    let text = bytes.get(at as usize..).and_then(|rest| rest.get(..len as usize));
    let text = text.and_then(|text| std::str::from_utf8(text).ok());
    log.lines.push(text.ok_or_else(|| wamr::Error::new(BadText))?.to_owned());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "log", log)?;
    // Without a caller, and with two results.
    linker.func_wrap("host", "divide", |a: i32, b: i32| (a.wrapping_div(b), a.wrapping_rem(b)))?;

    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "log" (func $log (param i32 i32)))
            (import "host" "divide" (func $divide (param i32 i32) (result i32 i32)))
            (memory (export "memory") 1)
            (data (i32.const 8) "hello from wasm")
            (func (export "run") (param $at i32) (result i32)
                (call $log (local.get $at) (i32.const 15))
                (i32.mul (call $divide (i32.const 17) (i32.const 5)))))"#,
    )?;
    let mut store = Store::new(&engine, Log::default());
    let instance = linker.instantiate(&mut store, &module)?;
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run")?;

    assert_eq!(run.call(&mut store, 8)?, 6);
    println!("logged: {:?}", store.data().lines);
    assert_eq!(store.data().lines, ["hello from wasm"]);

    let error = run.call(&mut store, 65_530).unwrap_err();
    println!("as it should: {error}");
    assert_eq!(error.downcast_ref::<BadText>(), Some(&BadText));
    Ok(())
}
