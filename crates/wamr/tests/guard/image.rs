//! Initial contents are the same whether they are copied (in the first instance of a module) or
//! mapped (in all others).

use wamr::{Instance, InstantiateError, TrapCode};

use super::Host;

/// A byte as the text format has it, `len` times over.
fn data(byte: u8, len: usize) -> String {
    format!("\\{byte:02x}").repeat(len)
}

fn bytes(host: &mut Host, instance: &Instance) -> Vec<u8> {
    let memory = instance.get_memory(&mut host.store, "memory").expect("exported");
    memory.data(&host.store).expect("ours").to_vec()
}

/// A module whose segments overlap, leave gaps and end within a page.
fn module(index: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") {index} 3 5)
            (data ({index}.const 5000) "{}")
            (data $passive "\aa\bb")
            (data ({index}.const 70000) "{}")
            (data $active ({index}.const 100000) "{}")
            (func (export "grow") (param i32) (result i32)
                (drop (memory.grow ({index}.const 1))) i32.const 0)
            (func (export "init passive") (param i32) (result i32)
                (memory.init $passive ({index}.const 0) (i32.const 0) (i32.const 2)) i32.const 0)
            (func (export "init active") (param i32) (result i32)
                (memory.init $active ({index}.const 0) (i32.const 0) (i32.const 1)) i32.const 0))"#,
        data(1, 40000),
        data(2, 40000),
        data(3, 3001),
    )
}

#[test]
fn instances_begin_alike_and_share_nothing() {
    for index in ["i32", "i64"] {
        for mut host in Host::both() {
            let module = host.module(&module(index));
            let mut expected = vec![0; 3 << 16];
            expected[5000..45000].fill(1);
            expected[70000..110_000].fill(2);
            expected[100_000..103_001].fill(3);
            for number in 0..4 {
                let instance = Instance::new(&mut host.store, &module, &[]).unwrap();
                assert!(bytes(&mut host, &instance) == expected, "instance {number}");
                let memory = instance.get_memory(&mut host.store, "memory").unwrap();
                memory.data_mut(&mut host.store).unwrap().fill(0x55);
                host.call(&instance, "grow", 0).unwrap();
                let grown = bytes(&mut host, &instance);
                assert!(grown.len() == 4 << 16 && grown[3 << 16..].iter().all(|&b| b == 0));
                assert!(grown[..3 << 16].iter().all(|&b| b == 0x55));
                host.call(&instance, "init passive", 0).unwrap();
                assert_eq!(bytes(&mut host, &instance)[..2], [0xaa, 0xbb]);
                let error = host.call(&instance, "init active", 0).unwrap_err();
                assert_eq!(error.trap_code(), Some(TrapCode::MemoryOutOfBounds));
            }
        }
    }
}

#[test]
fn segments_before_one_that_does_not_fit_are_written() {
    for mut host in Host::both() {
        let memory = host.instantiate(r#"(module (memory (export "memory") 3))"#, &[]);
        let shared = memory.get_memory(&mut host.store, "memory").unwrap();
        let text = format!(
            r#"(module (import "host" "memory" (memory 1))
                (data (i32.const 10) "{}")
                (data (i32.const 196600) "too long!")
                (data (i32.const 0) "never"))"#,
            data(7, 70000),
        );
        let module = host.module(&text);
        for _ in 0..3 {
            shared.data_mut(&mut host.store).unwrap().fill(0);
            let imports = [wamr::Extern::Memory(shared.clone())];
            match Instance::new(&mut host.store, &module, &imports) {
                Err(InstantiateError::Run(error)) => {
                    assert_eq!(error.trap_code(), Some(TrapCode::MemoryOutOfBounds));
                }
                other => panic!("{other:?}"),
            }
            let bytes = shared.data(&host.store).unwrap();
            assert!(bytes[10..70010].iter().all(|&b| b == 7) && bytes[..10] == [0; 10]);
        }
    }
}

#[test]
fn offsets_that_differ_between_instances() {
    for mut host in Host::both() {
        let text = format!(
            r#"(module (import "host" "at" (global i32)) (memory (export "memory") 3)
                (data (global.get 0) "{}"))"#,
            data(9, 70000),
        );
        let module = host.module(&text);
        for at in [0, 1000, 60000] {
            let ty = wamr::GlobalType { content: wamr::ValType::I32, mutable: false };
            let global = wamr::Global::new(&mut host.store, ty, wamr::Val::I32(at)).unwrap();
            let imports = [wamr::Extern::Global(global)];
            let instance = Instance::new(&mut host.store, &module, &imports).unwrap();
            let bytes = bytes(&mut host, &instance);
            let at = at as usize;
            assert!(bytes[at..at + 70000].iter().all(|&b| b == 9) && bytes[at + 70000] == 0);
        }
    }
}
