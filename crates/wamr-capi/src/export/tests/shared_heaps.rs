//! Heaps that several instances have in their address space.

use std::alloc::Layout;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;

use super::support::*;
use crate::export::instance::{wasm_runtime_deinstantiate, wasm_runtime_set_running_mode};
use crate::export::memory::*;
use crate::export::native::{NativeSymbol, wasm_runtime_register_natives};
use crate::export::shared_heap::*;

const PAGE: u32 = 4096;
/// C's modes: the interpreter, and compiled code.
const MODES: [c_int; 2] = [1, 3];

const USER: &str = r#"(module
    (import "env" "shared_heap_malloc" (func $malloc (param i32) (result i32)))
    (import "env" "shared_heap_free" (func $free (param i32)))
    (memory (export "memory") 1 65536)
    (data (i32.const 0) "from memory")
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "load_far") (param i32) (result i64) (i64.load offset=0x7fffffff (local.get 0)))
    (func (export "fill") (param i32 i32 i32)
        (memory.fill (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i32 i32 i32)
        (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "malloc") (param i32) (result i32) (call $malloc (local.get 0)))
    (func (export "free") (param i32) (call $free (local.get 0))))"#;

fn heap(size: u32, at: *mut c_void) -> Name {
    let mut args = SharedHeapInitArgs { size, pre_allocated_addr: at };
    wasm_runtime_create_shared_heap(&mut args)
}

fn user(module: &Loaded, mode: c_int) -> Instance {
    let user = instantiate(module);
    assert!(wasm_runtime_set_running_mode(user.name, mode));
    user
}

type Name = crate::export::handle::Name;

fn out_of_bounds<T: std::fmt::Debug>(outcome: Result<T, String>) {
    assert_eq!(outcome.unwrap_err(), "Exception: out of bounds memory access");
}

/// A block, for guests and for the host.
fn block(user: &Instance, size: u64) -> (u32, *mut u8) {
    let mut native = null_mut();
    let at = wasm_runtime_shared_heap_malloc(user.name, size, &mut native);
    (u32::try_from(at).unwrap(), native.cast())
}

#[test]
fn instances_and_the_host_see_the_same_bytes() {
    let _runtime = start();
    let module = load(USER);
    for (first, second) in [(MODES[0], MODES[1]), (MODES[1], MODES[0])] {
        let (a, b) = (user(&module, first), user(&module, second));
        let heap = heap(16 * PAGE, null_mut());
        out_of_bounds(a.call("load", &[u32::MAX - 15]));
        assert!(wasm_runtime_attach_shared_heap(a.name, heap));
        assert!(wasm_runtime_attach_shared_heap(b.name, heap));
        let (at, native) = block(&a, 100);
        assert!(at >= 0u32.wrapping_sub(16 * PAGE) && !native.is_null());

        a.call("store", &[at, 0x1234_5678]).unwrap();
        assert_eq!(b.call("load", &[at]).unwrap()[0], 0x1234_5678);
        // SAFETY: the block has 100 bytes, and nobody else uses it now.
        unsafe {
            assert_eq!(native.cast::<u32>().read_unaligned(), 0x1234_5678);
            native.cast::<u32>().write_unaligned(77);
        }
        assert_eq!(a.call("load", &[at]).unwrap()[0], 77);

        // Bulk instructions go both ways, and within the heap.
        a.call("copy", &[at, 0, 11]).unwrap();
        b.call("copy", &[at + 50, at, 11]).unwrap();
        b.call("fill", &[at + 5, u32::from(b'-'), 6]).unwrap();
        b.call("copy", &[1000, at + 50, 11]).unwrap();
        assert_eq!(b.call("load", &[1000]).unwrap()[0], u32::from_le_bytes(*b"from"));
        // SAFETY: as above.
        let text = unsafe { std::slice::from_raw_parts(native, 11) };
        assert_eq!(text, b"from ------");
        drop((a, b));
    }
}

#[test]
fn what_is_beyond_a_heap_traps() {
    let _runtime = start();
    let module = load(USER);
    for mode in MODES {
        let user = user(&module, mode);
        assert!(wasm_runtime_attach_shared_heap(user.name, heap(2 * PAGE, null_mut())));
        let start = 0u32.wrapping_sub(2 * PAGE);
        for at in [start - 1, start - 4, u32::MAX, u32::MAX - 2] {
            out_of_bounds(user.call("load", &[at]));
            out_of_bounds(user.call("store", &[at, 1]));
        }
        assert_eq!(user.call("load", &[u32::MAX - 3]).unwrap()[0], 0);
        // The sum of address and offset is what counts.
        user.call("load_far", &[start - 0x7fff_ffff]).unwrap();
        out_of_bounds(user.call("load_far", &[0x8000_0001]));
        out_of_bounds(user.call("fill", &[start - 1, 0, 2]));
        out_of_bounds(user.call("fill", &[start, 0, 2 * PAGE + 1]));
        out_of_bounds(user.call("copy", &[0, u32::MAX, 2]));
        // Memory and heap are no one range, and the memory does not grow into the heap.
        assert_eq!(user.call("grow", &[1]).unwrap()[0], 1);
        assert_eq!(user.call("grow", &[65534]).unwrap()[0], u32::MAX);

        wasm_runtime_detach_shared_heap(user.name);
        wasm_runtime_detach_shared_heap(user.name);
        out_of_bounds(user.call("load", &[start]));
        out_of_bounds(user.call("fill", &[start, 0, 1]));
    }
}

#[cfg(feature = "libc-builtin")]
#[test]
fn the_c_library_of_guests_reaches_heaps() {
    let _runtime = start();
    let module = load(
        r#"(module
            (import "env" "strlen" (func $strlen (param i32) (result i32)))
            (import "env" "memcpy" (func $memcpy (param i32 i32 i32) (result i32)))
            (import "env" "sprintf" (func $sprintf (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "<%s>\00inside\00")
            (func (export "run") (param $heap i32) (result i32)
                (drop (call $memcpy (local.get $heap) (i32.const 21) (i32.const 7)))
                (i32.store (i32.const 64) (local.get $heap))
                (drop (call $sprintf (i32.add (local.get $heap) (i32.const 32)) (i32.const 16)
                    (i32.const 64)))
                (call $strlen (i32.add (local.get $heap) (i32.const 32)))))"#,
    );
    for mode in MODES {
        let user = user(&module, mode);
        assert!(wasm_runtime_attach_shared_heap(user.name, heap(PAGE, null_mut())));
        let (at, native) = block(&user, 64);
        assert_eq!(user.call("run", &[at]).unwrap()[0], 8);
        assert_eq!(text_at(native.wrapping_add(32).cast()).unwrap(), "<inside>");
        out_of_bounds(user.call("run", &[0u32.wrapping_sub(PAGE) - 8]));
    }
}

#[test]
fn blocks_of_heaps_are_not_the_allocators() {
    let _runtime = start();
    let module = load(USER);
    let user = user(&module, MODES[0]);
    assert!(wasm_runtime_attach_shared_heap(user.name, heap(PAGE, null_mut())));
    let (at, native) = block(&user, PAGE.into());
    crate::export::alloc::wasm_runtime_free(native.cast());
    assert_eq!(user.call("malloc", &[1]).unwrap()[0], 0, "it is still given out");
    user.call("free", &[at]).unwrap();
    assert_eq!(user.call("malloc", &[1]).unwrap()[0], at);
}

#[test]
fn guests_allocate_too() {
    let _runtime = start();
    let module = load(USER);
    let user = user(&module, MODES[0]);
    assert_eq!(user.call("malloc", &[10]).unwrap()[0], 0);
    user.call("free", &[10]).unwrap();
    assert!(wasm_runtime_attach_shared_heap(user.name, heap(PAGE, null_mut())));
    let at = user.call("malloc", &[PAGE]).unwrap()[0];
    assert_eq!(at, 0u32.wrapping_sub(PAGE));
    assert_eq!(user.call("malloc", &[1]).unwrap()[0], 0);
    // What is no block is no harm.
    for wrong in [0, at + 1, at - 1, u32::MAX] {
        user.call("free", &[wrong]).unwrap();
    }
    user.call("free", &[at]).unwrap();
    user.call("free", &[at]).unwrap();
    assert_eq!(user.call("malloc", &[16]).unwrap()[0], at);
}

#[test]
fn addresses_are_translated() {
    let _runtime = start();
    let module = load(USER);
    let user = user(&module, MODES[0]);
    assert!(wasm_runtime_attach_shared_heap(user.name, heap(2 * PAGE, null_mut())));
    let (at, native) = block(&user, 64);
    let (wide, start) = (u64::from(at), u64::from(0u32.wrapping_sub(2 * PAGE)));
    assert_eq!(wasm_runtime_addr_app_to_native(user.name, wide), native.cast());
    assert_eq!(wasm_runtime_addr_native_to_app(user.name, native.cast()), wide);
    assert!(wasm_runtime_validate_app_addr(user.name, start, u64::from(2 * PAGE)));
    assert!(!wasm_runtime_validate_app_addr(user.name, start, u64::from(2 * PAGE) + 1));
    assert!(!wasm_runtime_validate_app_addr(user.name, start - 1, 1));
    assert!(wasm_runtime_validate_native_addr(user.name, native.cast(), 64));
    let (mut first, mut end) = (0, 0);
    assert!(wasm_runtime_get_app_addr_range(user.name, wide, &mut first, &mut end));
    assert_eq!((first, end), (start, 1 << 32));
    let (mut first, mut end) = (null_mut(), null_mut());
    assert!(wasm_runtime_get_native_addr_range(user.name, native, &mut first, &mut end));
    assert_eq!(end.addr() - first.addr(), 2 * PAGE as usize);
    assert!(wasm_runtime_validate_app_str_addr(user.name, wide));
    user.call("fill", &[start as u32, 1, 2 * PAGE]).unwrap();
    assert!(!wasm_runtime_validate_app_str_addr(user.name, wide));
}

extern "C" fn shout(_: Name, text: *mut c_char, buffer: *mut c_char, size: u32) -> u32 {
    // SAFETY: the signature had a string and a buffer checked.
    unsafe {
        let len = CStr::from_ptr(text).to_bytes().len();
        for at in 0..len.min(size as usize) {
            *buffer.add(at) = (*text.add(at) as u8).to_ascii_uppercase() as c_char;
        }
        len as u32
    }
}

#[test]
fn natives_get_pointers_into_heaps() {
    let _runtime = start();
    let (module, name, signature) = (c("heap"), c("shout"), c("($*~)i"));
    let mut symbols = [NativeSymbol {
        symbol: name.as_ptr(),
        func_ptr: pointer(shout as *const () as usize),
        signature: signature.as_ptr(),
        attachment: null_mut(),
    }];
    assert!(wasm_runtime_register_natives(module.as_ptr(), symbols.as_mut_ptr(), 1));
    let (_module, user) = instance(
        r#"(module (import "heap" "shout" (func $shout (param i32 i32 i32) (result i32)))
            (memory 1)
            (func (export "shout") (param i32 i32 i32) (result i32)
                (call $shout (local.get 0) (local.get 1) (local.get 2))))"#,
    );
    assert!(wasm_runtime_attach_shared_heap(user.name, heap(PAGE, null_mut())));
    let (at, native) = block(&user, 32);
    // SAFETY: the block has 32 bytes.
    unsafe { native.copy_from_nonoverlapping(c"quiet".to_bytes_with_nul().as_ptr(), 6) };
    assert_eq!(user.call("shout", &[at, at + 8, 24]).unwrap()[0], 5);
    // SAFETY: as above.
    assert_eq!(unsafe { std::slice::from_raw_parts(native.add(8), 5) }, b"QUIET");
    out_of_bounds(user.call("shout", &[at, at + 8, PAGE]));
    out_of_bounds(user.call("shout", &[at - 1, at + 8, 4]));
}

#[test]
fn buffers_of_the_embedder_join_a_chain() {
    let _runtime = start();
    let module = load(USER);
    let user = user(&module, MODES[1]);
    let layout = Layout::from_size_align(2 * PAGE as usize, PAGE as usize).unwrap();
    // SAFETY: the layout has a size.
    let buffer = unsafe { std::alloc::alloc_zeroed(layout) };
    // SAFETY: the buffer has that many bytes.
    unsafe { buffer.cast::<u32>().write(42) };
    // Buffers consist of whole pages.
    // SAFETY: as above.
    assert!(heap(PAGE, unsafe { buffer.add(16) }.cast()).is_null());
    assert!(heap(PAGE + 1, buffer.cast()).is_null());
    let head = heap(2 * PAGE, buffer.cast());
    let body = heap(PAGE, null_mut());
    assert_eq!(wasm_runtime_chain_shared_heaps(head, body), head);
    assert!(!wasm_runtime_attach_shared_heap(user.name, body));
    assert!(wasm_runtime_attach_shared_heap(user.name, head));
    let start = 0u32.wrapping_sub(3 * PAGE);
    assert_eq!(user.call("load", &[start]).unwrap()[0], 42);
    user.call("store", &[start + 4, 43]).unwrap();
    // SAFETY: as above.
    assert_eq!(unsafe { buffer.cast::<u32>().add(1).read() }, 43);
    assert_eq!(wasm_runtime_addr_native_to_app(user.name, buffer.cast()), start.into());
    // Blocks come from the heap that is managed, and accesses may go from heap to heap.
    let body_start = 0u32.wrapping_sub(PAGE);
    assert_eq!(block(&user, 8).0, body_start);
    assert!(wasm_runtime_validate_app_addr(user.name, body_start.into(), PAGE.into()));
    assert!(!wasm_runtime_validate_app_addr(user.name, u64::from(body_start) - 1, 2));
    user.call("store", &[0u32.wrapping_sub(PAGE) - 2, 0x0101_0101]).unwrap();
    out_of_bounds(user.call("fill", &[0u32.wrapping_sub(PAGE) - 2, 1, 4]));

    // Attached chains are not changed.
    assert!(wasm_runtime_unchain_shared_heaps(head, true).is_null());
    assert!(!wasm_runtime_reset_shared_heap_chain(head));
    wasm_runtime_detach_shared_heap(user.name);
    assert!(wasm_runtime_reset_shared_heap_chain(head));
    // SAFETY: as above.
    assert_eq!(unsafe { buffer.cast::<u32>().read() }, 0);
    assert_eq!(wasm_runtime_unchain_shared_heaps(head, true), body);
    assert!(wasm_runtime_unchain_shared_heaps(head, true).is_null());
    // The buffer is left alone: heaps last as long as the runtime, which other tests share.
}

#[test]
fn wrong_use_is_refused() {
    let _runtime = start();
    let module = load(USER);
    let user = user(&module, MODES[0]);
    assert!(wasm_runtime_create_shared_heap(null_mut()).is_null());
    for size in [0, (1 << 30) + 1, u32::MAX] {
        assert!(heap(size, null_mut()).is_null());
    }
    let (a, b, c) = (heap(1, null_mut()), heap(PAGE, null_mut()), heap(PAGE, null_mut()));
    // One heap of a chain is managed.
    assert!(wasm_runtime_chain_shared_heaps(a, b).is_null());
    for (head, body) in [(a, a), (a, NULL), (NULL, a), (user.name, a)] {
        assert!(wasm_runtime_chain_shared_heaps(head, body).is_null());
    }
    assert!(wasm_runtime_unchain_shared_heaps(a, false).is_null());
    assert!(wasm_runtime_unchain_shared_heaps(NULL, false).is_null());
    assert!(!wasm_runtime_reset_shared_heap_chain(NULL));
    assert!(!wasm_runtime_attach_shared_heap(user.name, NULL));
    assert!(!wasm_runtime_attach_shared_heap(NULL, a));
    assert!(!wasm_runtime_attach_shared_heap(user.name, user.name));
    wasm_runtime_detach_shared_heap(NULL);
    assert!(wasm_runtime_attach_shared_heap(user.name, a));
    assert!(!wasm_runtime_attach_shared_heap(user.name, c));
    assert_eq!(block(&user, u64::MAX).0, 0);
    let mut native = pointer(1);
    assert_eq!(wasm_runtime_shared_heap_malloc(NULL, 1, &mut native), 0);
    assert!(native.is_null());
    wasm_runtime_shared_heap_free(user.name, u64::MAX);
    wasm_runtime_shared_heap_free(NULL, 0);
    // An instance that ends lets go.
    wasm_runtime_deinstantiate(user.name);
    assert!(wasm_runtime_reset_shared_heap_chain(a));

    // Some memories cannot have heaps.
    for memory in ["i64 1", "1 2 shared", "1 (pagesize 1)"] {
        let (_module, inst) = instance(&format!("(module (memory {memory}))"));
        assert!(!wasm_runtime_attach_shared_heap(inst.name, a), "{memory}");
    }
    let (_module, none) = instance("(module)");
    assert!(!wasm_runtime_attach_shared_heap(none.name, a));
}

#[test]
fn one_memory_has_one_chain() {
    let _runtime = start();
    let (_owner_module, owner) = instance("(module (memory (export \"m\") 1))");
    let memory = wasm_runtime_get_default_memory(owner.name);
    assert!(!memory.is_null());
    let a = heap(PAGE, null_mut());
    assert!(wasm_runtime_attach_shared_heap(owner.name, a));
    wasm_runtime_detach_shared_heap(owner.name);
    assert!(wasm_runtime_attach_shared_heap(owner.name, a));
    wasm_runtime_deinstantiate(owner.name);
    assert!(wasm_runtime_reset_shared_heap_chain(a));
}

#[test]
fn threads_use_a_heap_at_once() {
    let _runtime = start();
    let shared = heap(PAGE, null_mut()).addr();
    std::thread::scope(|scope| {
        for mode in MODES {
            scope.spawn(move || {
                let module = load(USER);
                let user = user(&module, mode);
                let heap = std::ptr::without_provenance_mut(shared);
                assert!(wasm_runtime_attach_shared_heap(user.name, heap));
                let start = 0u32.wrapping_sub(PAGE);
                for value in 0..200 {
                    user.call("store", &[start, value]).unwrap();
                    assert!(user.call("load", &[start]).unwrap()[0] < 200);
                    user.call("fill", &[start + 64, value, 1000]).unwrap();
                    user.call("copy", &[start + 128, start + 64, 500]).unwrap();
                }
            });
        }
    });
}
