//! Faults on several threads at once, each with a store of its own.

use std::thread;

use super::{Host, READER, is_out_of_bounds};

#[test]
fn threads_fault_independently() {
    thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let mut host = Host::new(number != 0);
                let instance = host.instantiate(READER, &[]);
                for i in 0..2000 {
                    assert!(is_out_of_bounds(host.call(&instance, "read", 65533 + i)));
                    assert_eq!(host.call(&instance, "read", 65532 - i).unwrap(), 0);
                }
            });
        }
    });
}

#[test]
fn a_store_that_changes_threads() {
    let mut host = Host::new(true);
    let instance = host.instantiate(READER, &[]);
    for _ in 0..4 {
        (host, _) = thread::spawn({
            let instance = instance.clone();
            move || {
                let trapped = is_out_of_bounds(host.call(&instance, "read", 65536));
                assert!(trapped);
                (host, trapped)
            }
        })
        .join()
        .unwrap();
    }
}
