//! Garbage by the gigabyte, for a minute or for as many seconds as the argument says: what is
//! alive stays the same, and so must the memory that the process takes.
//!
//!     cargo bench -p wamr-benches --bench churn -- 60

use std::time::{Duration, Instant};

use wamr::{Config, Engine, Linker, Module, Store};
use wamr_benches::CHURN;

/// Depth of the tree that lives all the time: a million nodes, 32 MB.
const LIVING_DEPTH: i32 = 20;
const HEAP_BYTES: usize = 256 << 20;

/// The most memory that the process ever took, in MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    number.map_or(0, |kib| kib / 1024)
}

/// How long this thread has been computing: what others do meanwhile is no pause.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure outlives the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn main() {
    let seconds = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(5);
    let engine = Engine::new(Config::new().gc_heap_bytes(HEAP_BYTES)).expect("an engine");
    let module = Module::new(&engine, CHURN).expect("a module");
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &module).expect("an instance");
    let build = instance.get_typed_func::<i32, ()>(&mut store, "build").expect("exported");
    let churn = instance.get_typed_func::<i32, i64>(&mut store, "churn").expect("exported");

    println!("living    a collection   per object");
    for depth in [16, 18, LIVING_DEPTH] {
        build.call(&mut store, depth).expect("room for the tree");
        let times = (0..7).map(|_| {
            let start = Instant::now();
            store.gc();
            start.elapsed()
        });
        let best = times.min().unwrap_or_default();
        let objects = (1_u64 << depth) - 1;
        println!(
            "{:4} MB    {:9.2} ms   {:7.2} ns",
            (objects * 32) >> 20,
            best.as_secs_f64() * 1e3,
            best.as_nanos() as f64 / objects as f64,
        );
    }

    let start = Instant::now();
    let mut bytes = 0;
    // Calls so short that a pause within one shows.
    let mut calls: Vec<Duration> = Vec::new();
    while start.elapsed() < Duration::from_secs(seconds) {
        let call = thread_time();
        bytes += churn.call(&mut store, 100).expect("what is alive fits");
        calls.push(thread_time() - call);
        if calls.len() == 2000 {
            println!("after {} calls: {} MB of memory", calls.len(), peak_mb());
        }
    }
    let elapsed = start.elapsed().as_secs_f64();
    println!(
        "{:.1} GB of garbage in {elapsed:.1} s ({:.0} MB/s); {} MB of memory",
        bytes as f64 / 1e9,
        bytes as f64 / 1e6 / elapsed,
        peak_mb(),
    );
    calls.sort_unstable();
    let nth = |of_ten_thousand: usize| {
        calls[(calls.len() - 1) * of_ten_thousand / 10_000].as_secs_f64() * 1e3
    };
    println!(
        "{} calls: half below {:.3} ms, 99 % below {:.3}, 99.99 % below {:.3}, the longest {:.3}",
        calls.len(),
        nth(5_000),
        nth(9_900),
        nth(9_999),
        nth(10_000),
    );
}
