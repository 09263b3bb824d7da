//! Every load and store around the end of memory: both kinds must agree with arithmetic, and
//! with one another down to values and backtraces.

use std::fmt::Write as _;

use wamr::Val;

use super::{Host, READER, is_out_of_bounds};

const PAGE: u64 = 65536;

/// Name, type of the value, and width in bytes.
const LOADS: &[(&str, &str, u64)] = &[
    ("i32.load", "i32", 4),
    ("i64.load", "i64", 8),
    ("f32.load", "f32", 4),
    ("f64.load", "f64", 8),
    ("i32.load8_s", "i32", 1),
    ("i32.load8_u", "i32", 1),
    ("i32.load16_s", "i32", 2),
    ("i32.load16_u", "i32", 2),
    ("i64.load8_s", "i64", 1),
    ("i64.load8_u", "i64", 1),
    ("i64.load16_s", "i64", 2),
    ("i64.load16_u", "i64", 2),
    ("i64.load32_s", "i64", 4),
    ("i64.load32_u", "i64", 4),
];

const STORES: &[(&str, &str, u64)] = &[
    ("i32.store", "i32", 4),
    ("i64.store", "i64", 8),
    ("f32.store", "f32", 4),
    ("f64.store", "f64", 8),
    ("i32.store8", "i32", 1),
    ("i32.store16", "i32", 2),
    ("i64.store8", "i64", 1),
    ("i64.store16", "i64", 2),
    ("i64.store32", "i64", 4),
];

const OFFSETS: &[u64] = &[0, 1, 65530, PAGE, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

fn addresses() -> Vec<u64> {
    let near = (PAGE - 10..PAGE + 2).chain(3 * PAGE - 10..3 * PAGE + 2);
    near.chain([0, 5, 6, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff]).collect()
}

/// A function for each operator, each offset and each way to give the operands.
fn module() -> (String, Vec<(u64, u64, Option<u64>)>) {
    let mut text = String::from("(module (memory (export \"memory\") 1 3)\n");
    text.push_str("(func (export \"grow\") (drop (memory.grow (i32.const 2))))\n");
    let mut accesses = Vec::new();
    let mut add = |width: u64, offset: u64, constant: Option<u64>, results: &str, body: &str| {
        let index = accesses.len();
        let _ = writeln!(text, "(func (export \"{index}\") (param i32) {results} {body})");
        accesses.push((width, offset, constant));
    };
    for &offset in OFFSETS {
        for constant in [None, Some(PAGE - 4), Some(0xffff_ffff)] {
            let address = match constant {
                None => "local.get 0".to_owned(),
                Some(address) => format!("i32.const {address}"),
            };
            for &(op, ty, width) in LOADS {
                let body = format!("({op} offset={offset} ({address}))");
                add(width, offset, constant, &format!("(result {ty})"), &body);
            }
            for &(op, ty, width) in STORES {
                for value in [format!("{ty}.const 0x7a"), "local.get 1".to_owned()] {
                    let local = format!("(local {ty})");
                    let body = format!("{local} ({op} offset={offset} ({address}) ({value}))");
                    add(width, offset, constant, "", &body);
                }
            }
        }
    }
    text.push(')');
    (text, accesses)
}

/// What every access comes to, and the memory after all of them.
fn outcomes(host: &mut Host) -> (Vec<String>, Vec<u8>) {
    let (text, accesses) = module();
    let instance = host.instantiate(&text, &[]);
    let memory = instance.get_memory(&mut host.store, "memory").expect("exported");
    let mut outcomes = Vec::new();
    for len in [PAGE, 3 * PAGE] {
        for (i, byte) in memory.data_mut(&mut host.store).expect("ours").iter_mut().enumerate() {
            *byte = (i * 7 + 129) as u8;
        }
        for (index, &(width, offset, constant)) in accesses.iter().enumerate() {
            let func = instance.get_func(&mut host.store, &index.to_string()).expect("exported");
            let has_result = !func.ty(&host.store).expect("ours").results().is_empty();
            let mut results = vec![Val::I32(0); usize::from(has_result)];
            for address in addresses() {
                let result =
                    func.call(&mut host.store, &[Val::I32(address as u32 as i32)], &mut results);
                let fits = constant.unwrap_or(address) + offset + width <= len;
                assert_eq!(result.is_ok(), fits, "{index} at {address:#x}+{offset:#x}/{width}");
                outcomes.push(match result {
                    Ok(()) => format!("{results:?}"),
                    Err(error) => format!("{error:?}"),
                });
                if constant.is_some() {
                    break;
                }
            }
        }
        let grow = instance.get_func(&mut host.store, "grow").expect("exported");
        grow.call(&mut host.store, &[], &mut []).expect("grows");
    }
    let bytes = memory.data(&host.store).expect("ours").to_vec();
    (outcomes, bytes)
}

#[test]
fn every_access_around_the_end() {
    let [guarded, checked] = Host::both().map(|mut host| outcomes(&mut host));
    assert!(guarded.0.len() > 10_000);
    assert!(guarded == checked, "values, backtraces or bytes differ");
}

#[test]
fn a_memory_of_no_pages() {
    for mut host in Host::both() {
        let instance = host.instantiate(&READER.replace("1 3", "0 1"), &[]);
        assert!(is_out_of_bounds(host.call(&instance, "read", 0)));
        assert_eq!(host.call(&instance, "grow", 1).unwrap(), 0);
        assert_eq!(host.call(&instance, "read", 65532).unwrap(), 0);
        assert!(is_out_of_bounds(host.call(&instance, "read", 65533)));
        assert_eq!(host.call(&instance, "grow", 1).unwrap(), -1);
    }
}

#[test]
fn a_store_that_does_not_fit_writes_nothing() {
    for mut host in Host::both() {
        let instance = host.instantiate(
            r#"(module (memory (export "memory") 1 2)
                (func (export "write") (param i32) (result i32)
                    (i64.store (local.get 0) (i64.const -1)) i32.const 0))"#,
            &[],
        );
        assert!(is_out_of_bounds(host.call(&instance, "write", 65532)));
        let memory = instance.get_memory(&mut host.store, "memory").unwrap();
        assert!(memory.data(&host.store).unwrap().iter().all(|&byte| byte == 0));
    }
}

#[test]
fn a_trap_deep_inside_leaves_a_store_that_works() {
    for mut host in Host::both() {
        let instance = host.instantiate(
            r#"(module (memory 1)
                (func $deep (param i32) (result i32)
                    local.get 0 i32.eqz
                    if (result i32) (i32.load (i32.const 65536))
                    else (call $deep (i32.sub (local.get 0) (i32.const 1))) end)
                (func (export "deep") (param i32) (result i32) (call $deep (local.get 0))))"#,
            &[],
        );
        for depth in [0, 1, 100, 1000] {
            let error = host.call(&instance, "deep", depth).unwrap_err();
            let frames: Vec<_> = error.backtrace().frames().iter().collect();
            assert_eq!(frames.len(), (depth as usize + 2).min(128));
        }
    }
}
