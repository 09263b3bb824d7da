//! Call stacks, as natives see them that wasm calls.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::{Mutex, PoisonError};

use super::support::*;
use crate::export::handle::Name;
use crate::export::instance::*;
use crate::export::native::*;
use crate::export::report::*;

const MODULE: &str = r#"(module
    (import "stack" "look" (func $look (param i64)))
    (func $inner (param i64) (call $look (local.get 0)))
    (func $outer (export "f") (param i64) (call $inner (local.get 0)) (call $inner (i64.const 0))))"#;

/// A frame's instance, index and offsets, and the name that it has.
type Seen = (usize, u32, u32, u32, Option<String>);

static SEEN: Mutex<Vec<Vec<Seen>>> = Mutex::new(Vec::new());
static TEXT: Mutex<String> = Mutex::new(String::new());

/// As the header has it.
#[repr(C)]
#[derive(Clone, Copy)]
struct CFrame {
    instance: *mut c_void,
    module_offset: u32,
    func_index: u32,
    func_offset: u32,
    name: *const c_char,
    rest: [*mut c_void; 3],
}

const ROOM: CFrame = CFrame {
    instance: null_mut(),
    module_offset: 0,
    func_index: 0,
    func_offset: 0,
    name: null(),
    rest: [null_mut(); 3],
};

fn frames(env: Name) -> Vec<Seen> {
    let mut frames = [ROOM; 8];
    let count = wasm_copy_callstack(env, frames.as_mut_ptr().cast(), 8, 0, null_mut(), 0);
    let seen = frames[..count as usize].iter().map(|frame| {
        let CFrame { instance, module_offset, func_index, func_offset, name, .. } = *frame;
        (instance.addr(), func_index, module_offset, func_offset, text_at(name))
    });
    seen.collect()
}

extern "C" fn look(env: Name, _: i64) {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(frames(env));
    let size = wasm_runtime_get_call_stack_buf_size(env);
    let mut text = vec![0; size as usize];
    assert_eq!(wasm_runtime_dump_call_stack_to_buf(env, text.as_mut_ptr(), size), size);
    *TEXT.lock().unwrap_or_else(PoisonError::into_inner) = text_at(text.as_ptr()).unwrap();
}

#[test]
fn natives_see_who_called_them_in_every_mode() {
    let _alone = alone();
    assert!(crate::export::runtime::wasm_runtime_init());
    let name = |text: &'static std::ffi::CStr| text.as_ptr();
    let mut natives = [NativeSymbol {
        symbol: name(c"look"),
        func_ptr: pointer(look as *const () as usize),
        signature: name(c"(I)"),
        attachment: null_mut(),
    }];
    assert!(wasm_runtime_register_natives(name(c"stack"), natives.as_mut_ptr(), 1));
    let mut found = Vec::new();
    {
        let module = load(MODULE);
        for mode in [1, 3] {
            let inst = instantiate(&module);
            assert!(wasm_runtime_set_running_mode(inst.name, mode));
            assert!(frames(inst.env).is_empty());
            inst.call("f", &[1, 0]).unwrap();
            assert!(frames(inst.env).is_empty());
            let seen = std::mem::take(&mut *SEEN.lock().unwrap());
            let [first, second] = &seen[..] else { panic!("{seen:?}") };
            for frames in [first, second] {
                assert!(frames.iter().all(|frame| frame.0 == inst.name.addr()), "{frames:?}");
                let names: Vec<_> = frames.iter().map(|frame| frame.4.clone().unwrap()).collect();
                assert_eq!(names, ["inner", "outer"]);
                assert_eq!((frames[0].1, frames[1].1), (1, 2));
                assert!(frames.iter().all(|frame| frame.3 < frame.2));
            }
            assert_eq!(first[0].2, second[0].2);
            assert!(first[1].2 < second[1].2 && first[1].3 < second[1].3);
            assert!(TEXT.lock().unwrap().contains("#01"));
            found.push(seen.into_iter().flatten().map(|frame| frame.2).collect::<Vec<_>>());
        }
    }
    // The modes agree where the calls are.
    assert_eq!(found[0], found[1]);
    crate::export::runtime::wasm_runtime_destroy();
}
