//! Calls of WASI with any arguments, over any bytes in memory.

use std::fmt::Write as _;
use std::fs;

use wamr::wasi::{WasiCtx, add_to_linker};
use wamr::{Engine, Extern, ExternType, Linker, Module, Store, Val, ValType};
use wamr_differential::mix;

/// What could wait for long, or take the disk's room.
const LEFT_OUT: &[&str] = &["fd_allocate", "poll_oneoff", "sock_accept"];

/// How many calls are made at most.
const CALLS: usize = 40;

/// Calls functions as the bytes say: which one, and for each argument what kind of number. What is
/// left of the bytes is in memory.
pub fn wasi(bytes: &[u8]) {
    let engine = Engine::default();
    let mut linker: Linker<WasiCtx> = Linker::new(&engine);
    add_to_linker(&mut linker, |wasi| wasi).expect("names are free");
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("file"), "some text").expect("a file");
    fs::create_dir(dir.path().join("dir")).expect("a directory");
    let mut builder = WasiCtx::builder();
    builder.arg("program").env("NAME", "value");
    builder.preopen_dir(dir.path(), ".").expect("the directory is there");
    let mut store = Store::new(&engine, builder.build());
    let names = linker.names().filter(|(_, name)| !LEFT_OUT.contains(name));
    let mut names: Vec<_> =
        names.map(|(module, name)| (module.to_owned(), name.to_owned())).collect();
    names.sort();
    let mut text = String::new();
    let mut wrappers = String::new();
    for (position, (module, name)) in names.iter().enumerate() {
        let Ok(Some(Extern::Func(func))) = linker.get(&mut store, module, name) else { continue };
        let Ok(ExternType::Func { ty, .. }) = Extern::from(func).ty(&store) else { continue };
        let list =
            |types: &[ValType]| types.iter().fold(String::new(), |text, ty| text + " " + word(*ty));
        let ty_text = format!("(param{}) (result{})", list(ty.params()), list(ty.results()));
        let _ = write!(text, "(import {module:?} {name:?} (func $f{position} {ty_text}))");
        let args = (0..ty.params().len())
            .fold(String::new(), |text, local| format!("{text} (local.get {local})"));
        let _ =
            write!(wrappers, "(func (export \"{position}\") {ty_text} (call $f{position}{args}))");
    }
    let text = format!("(module {text} (memory (export \"memory\") 1 2) {wrappers})");
    let module = Module::new(&engine, text).expect("it is a module");
    let instance = linker.instantiate(&mut store, &module).expect("everything is there");
    let memory = instance.get_memory(&mut store, "memory").expect("it is exported");
    let (calls, contents) = bytes.split_at(bytes.len() / 2);
    let contents = &contents[..contents.len().min(1 << 16)];
    memory.write(&mut store, 0, contents).expect("it fits");
    // A path that is there.
    memory.write(&mut store, 0x400, b"file\0dir\0../x\0").expect("it fits");
    let mut calls = calls.iter().copied();
    for _ in 0..CALLS {
        let Some(choice) = calls.next() else { break };
        let name = (usize::from(choice) % names.len()).to_string();
        let Some(func) = instance.get_func(&mut store, &name) else { continue };
        let ty = func.ty(&store).expect("it is of this store");
        let mut args = Vec::new();
        for ty in ty.params() {
            let number = number(calls.next().unwrap_or(0));
            args.push(if *ty == ValType::I64 {
                Val::I64(number as i64)
            } else {
                Val::I32(number as i32)
            });
        }
        let mut results = vec![Val::I32(0); ty.results().len()];
        if let Err(error) = func.call(&mut store, &args, &mut results) {
            assert!(error.downcast_ref::<wamr::wasi::Exit>().is_some(), "{error:#}");
        }
    }
    // Nothing is outside of the directory.
    let parent = dir.path().parent().expect("there is one");
    assert!(!parent.join("x").exists());
}

fn word(ty: ValType) -> &'static str {
    match ty {
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        _ => "i32",
    }
}

/// Small numbers, addresses, ends of ranges, and any.
fn number(byte: u8) -> u64 {
    let value = u64::from(byte >> 3);
    match byte % 8 {
        0..=2 => value,
        3 => 0x400 + value,
        4 => value * 64,
        5 => 0xfff0 + value,
        6 => (1_u64 << (2 * value)).wrapping_sub(value % 3),
        _ => mix(1, byte.into()),
    }
}
