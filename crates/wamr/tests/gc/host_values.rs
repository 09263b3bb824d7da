//! Host values are dropped when nothing refers to them any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wamr::{AnyRef, Caller, ExternRef, Linker, Module, Store};

use super::{MIB, engine};

/// Counts those that live.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn they_are_dropped_while_wasm_runs() {
    let engine = engine(4 * MIB);
    let count = Arc::new(AtomicUsize::new(0));
    let peak = Arc::new(AtomicUsize::new(0));
    let mut linker = Linker::new(&engine);
    let (counter, highest) = (count.clone(), peak.clone());
    linker
        .func_wrap("host", "make", move |caller: Caller<'_, ()>| {
            let value = ExternRef::new(caller, Counted::new(&counter));
            highest.fetch_max(counter.load(Ordering::Relaxed), Ordering::Relaxed);
            value.map(Some)
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "make" (func $make (result externref)))
            (global $kept (export "kept") (mut externref) (ref.null extern))
            (func (export "f") (param i32)
                (global.set $kept (call $make))
                (loop $again
                    (drop (call $make))
                    (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                    (br_if $again (local.get 0)))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let f = instance.get_typed_func::<i32, ()>(&mut store, "f").unwrap();
    f.call(&mut store, 100_000).unwrap();
    let peak = peak.load(Ordering::Relaxed);
    assert!(peak < 40_000, "{peak} at once");
    store.gc();
    assert_eq!(count.load(Ordering::Relaxed), 1, "the one in the global");
    let kept = instance.get_global(&mut store, "kept").unwrap().get(&mut store).unwrap();
    let wamr::Val::ExternRef(Some(kept)) = kept else { panic!("a host value") };
    assert!(kept.data(&store).unwrap().unwrap().is::<Counted>());
    drop(store);
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn they_are_dropped_while_nothing_runs() {
    let engine = engine(4 * MIB);
    let mut store = Store::new(&engine, ());
    let count = Arc::new(AtomicUsize::new(0));
    let kept = ExternRef::new(&mut store, Counted::new(&count)).unwrap();
    for _ in 0..100_000 {
        ExternRef::new(&mut store, Counted::new(&count)).unwrap();
        assert!(count.load(Ordering::Relaxed) < 40_000);
    }
    store.gc();
    assert_eq!(count.load(Ordering::Relaxed), 1);
    // Converted, it is the same value.
    let any = AnyRef::from_extern(&mut store, &kept).unwrap();
    drop(kept);
    store.gc();
    assert_eq!(count.load(Ordering::Relaxed), 1);
    let back = any.to_extern(&mut store).unwrap().unwrap();
    assert!(back.data(&store).unwrap().unwrap().is::<Counted>());
    drop((any, back));
    store.gc();
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

/// A value that refers to others of the same store, and drops them with itself.
struct Chain(#[allow(dead_code, reason = "held")] Option<ExternRef>, Counted);

#[test]
fn destructors_may_drop_handles_of_the_store() {
    let engine = engine(4 * MIB);
    let mut store = Store::new(&engine, ());
    let count = Arc::new(AtomicUsize::new(0));
    let mut last = None;
    for _ in 0..10 {
        let link = Chain(last.take(), Counted::new(&count));
        assert_eq!(link.1.0.load(Ordering::Relaxed), count.load(Ordering::Relaxed));
        last = Some(ExternRef::new(&mut store, link).unwrap());
    }
    store.gc();
    assert_eq!(count.load(Ordering::Relaxed), 10);
    drop(last);
    for left in (0..10).rev() {
        store.gc();
        assert_eq!(count.load(Ordering::Relaxed), left, "one link at a time");
    }
}

/// A value that panics when it is dropped, once.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert_ne!(self.0.fetch_add(1, Ordering::Relaxed), 0, "the first one to be dropped");
    }
}

#[test]
fn a_panicking_destructor_reaches_the_host_that_called() {
    let engine = engine(4 * MIB);
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut linker = Linker::new(&engine);
    let bombs = dropped.clone();
    linker
        .func_wrap("host", "make", move |caller: Caller<'_, ()>| {
            ExternRef::new(caller, Bomb(bombs.clone())).map(Some)
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module
            (type $pair (struct (field i64 i64)))
            (import "host" "make" (func $make (result externref)))
            (func (export "f") (param i32) (result i32)
                (drop (call $make))
                (loop $again
                    (drop (struct.new $pair (i64.const 1) (i64.const 2)))
                    (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                    (br_if $again (local.get 0)))
                (i32.const 7)))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let f = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
    let call = std::panic::AssertUnwindSafe(|| f.call(&mut store, 1_000_000));
    std::panic::catch_unwind(call).unwrap_err();
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    // The store goes on as if nothing had happened.
    assert_eq!(f.call(&mut store, 1_000_000).unwrap(), 7);
}

/// A value that always panics when it is dropped.
struct Mine(Arc<AtomicUsize>);

impl Drop for Mine {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("dropped");
    }
}

#[test]
fn several_destructors_that_panic_in_one_collection_are_one_panic() {
    let engine = engine(4 * MIB);
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut store = Store::new(&engine, ());
    for _ in 0..3 {
        drop(ExternRef::new(&mut store, Mine(dropped.clone())).unwrap());
        let mine = Mine(dropped.clone());
        drop(wamr::Func::wrap(&mut store, move || {
            let _ = &mine;
        }));
    }
    let collect = std::panic::AssertUnwindSafe(|| store.gc());
    std::panic::catch_unwind(collect).unwrap_err();
    assert_eq!(dropped.load(Ordering::Relaxed), 6, "one does not keep the others");
    store.gc();
}
