//! Counts the prime numbers below a bound on several threads, which take ranges from one queue.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;
use std::{env, process, thread};

const STEP: u32 = 1000;

fn is_prime(n: u32) -> bool {
    n > 1 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}

fn main() {
    let mut args = env::args().skip(1).map(|arg| arg.parse::<u32>());
    let (Some(Ok(bound)), Some(Ok(threads))) = (args.next(), args.next()) else {
        eprintln!("usage: primes BOUND THREADS");
        process::exit(2);
    };

    let next = Arc::new(AtomicU32::new(0));
    let start = Arc::new((Mutex::new(false), Condvar::new()));
    let (send, receive) = mpsc::channel();
    let workers: Vec<_> = (0..threads)
        .map(|number| {
            let (next, start, send) = (next.clone(), start.clone(), send.clone());
            thread::Builder::new().name(format!("worker {number}")).spawn(move || {
                let (started, condition) = &*start;
                drop(condition.wait_while(started.lock().unwrap(), |started| !*started).unwrap());
                loop {
                    let from = next.fetch_add(STEP, Ordering::Relaxed);
                    if from >= bound {
                        return;
                    }
                    let count = (from..bound.min(from + STEP)).filter(|&n| is_prime(n)).count();
                    send.send(count).unwrap();
                }
            })
        })
        .collect();
    drop(send);
    thread::sleep(Duration::from_millis(10));
    *start.0.lock().unwrap() = true;
    start.1.notify_all();
    let count: usize = receive.iter().sum();
    for worker in workers {
        match worker {
            Ok(worker) => worker.join().unwrap(),
            Err(error) => {
                eprintln!("primes: {error}");
                process::exit(3);
            }
        }
    }
    println!("{count} primes below {bound}");
}
