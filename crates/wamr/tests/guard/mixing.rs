//! Kinds of memories meet: in one module, across modules, and where address space runs out.

use wamr::{Extern, Func, Limits, Memory, MemoryType};

use super::{Host, READER, is_out_of_bounds};

const PAGES: MemoryType = MemoryType {
    limits: Limits { min: 1, max: Some(2) },
    index: wamr::IndexType::I32,
    shared: false,
    page_size_log2: 16,
};

const IMPORTER: &str = r#"(module
    (import "host" "memory" (memory 1))
    (func (export "read") (param i32) (result i32) local.get 0 i32.load))"#;

#[test]
fn instances_of_one_module_serve_memories_of_both_kinds() {
    let mut host = Host::new(true);
    let module = host.module(IMPORTER);
    // Address space for guarded memories suffices for some 16,000 of them. The rest are checked.
    let memories: Vec<Memory> =
        (0..17_000).map_while(|_| Memory::new(&mut host.store, PAGES).ok()).collect();
    assert!(memories.len() > 15_000, "{} memories", memories.len());
    for memory in [&memories[0], &memories[memories.len() - 1]] {
        let imports = [Extern::Memory(memory.clone())];
        let instance = wamr::Instance::new(&mut host.store, &module, &imports).unwrap();
        for _ in 0..2 {
            let end = memory.data(&host.store).unwrap().len() as u32;
            assert_eq!(host.call(&instance, "read", end - 4).unwrap(), 0);
            assert!(is_out_of_bounds(host.call(&instance, "read", end - 3)));
            assert!(is_out_of_bounds(host.call(&instance, "read", u32::MAX)));
            memory.grow(&mut host.store, 1).ok();
        }
    }
}

#[test]
fn a_memory_grown_by_its_owner_is_seen_by_importers() {
    for mut host in Host::both() {
        let owner = host.instantiate(READER, &[]);
        let memory = owner.get_memory(&mut host.store, "memory").unwrap();
        let importer = host.instantiate(IMPORTER, &[Extern::Memory(memory)]);
        assert!(is_out_of_bounds(host.call(&importer, "read", 65536)));
        assert_eq!(host.call(&owner, "grow", 1).unwrap(), 1);
        assert_eq!(host.call(&importer, "read", 131_068).unwrap(), 0);
        assert!(is_out_of_bounds(host.call(&importer, "read", 131_069)));
    }
}

#[test]
fn memories_of_other_types_stand_beside_guarded_ones() {
    for mut host in Host::both() {
        let instance = host.instantiate(
            r#"(module
                (memory $a 1) (memory $b i64 1) (memory $c 2)
                (func (export "a") (param i32) (result i32) (i32.load $a (local.get 0)))
                (func (export "b") (param i32) (result i32)
                    (i32.load $b (i64.extend_i32_u (local.get 0))))
                (func (export "c") (param i32) (result i32) (i32.load $c (local.get 0))))"#,
            &[],
        );
        for (name, len) in [("a", 65536), ("b", 65536), ("c", 131_072)] {
            assert_eq!(host.call(&instance, name, len - 4).unwrap(), 0);
            assert!(is_out_of_bounds(host.call(&instance, name, len - 3)));
            assert!(is_out_of_bounds(host.call(&instance, name, u32::MAX)));
        }
    }
}

/// wasm calls the host, which calls wasm, which faults; the outer wasm faults afterwards.
#[test]
fn faults_in_nested_activations() {
    for mut host in Host::both() {
        let inner = host.instantiate(READER, &[]);
        let read = inner.get_typed_func::<i32, i32>(&mut host.store, "read").unwrap();
        let call = Func::wrap(&mut host.store, move |mut caller: wamr::Caller<'_, ()>, at: i32| {
            i32::from(is_out_of_bounds(read.call(&mut caller, at)))
        });
        let outer = host.instantiate(
            r#"(module (import "host" "call" (func $call (param i32) (result i32))) (memory 1)
                (func (export "run") (param i32) (result i32)
                    (call $call (local.get 0))
                    (i32.load (local.get 0))
                    i32.add))"#,
            &[Extern::Func(call)],
        );
        assert_eq!(host.call(&outer, "run", 65532).unwrap(), 0);
        assert!(is_out_of_bounds(host.call(&outer, "run", 65533)));
        assert_eq!(host.call(&outer, "run", 0).unwrap(), 0);
    }
}

#[test]
fn a_thousand_memories_come_and_go() {
    for mut host in Host::both() {
        let module = host.module(READER);
        for i in 0..1000 {
            let instance = wamr::Instance::new(&mut host.store, &module, &[]).unwrap();
            assert_eq!(host.call(&instance, "grow", i % 3).unwrap(), 1);
            assert!(is_out_of_bounds(host.call(&instance, "read", 3 << 16)));
            drop(instance);
            if i % 100 == 0 {
                host.store.gc();
            }
        }
    }
}
