//! Waiting, and interrupting it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::*;
use wamr_wasi::preview1::{clock, poll};
use wamr_wasi::{Errno, WasiCtxBuilder};

const SUBSCRIPTIONS: u32 = 4096;
const EVENTS: u32 = 32768;

pub(crate) enum Sub {
    Clock { id: u32, timeout: u64, absolute: bool },
    Read(u32),
    Write(u32),
}

/// Puts subscriptions with user values 100, 101, ... into memory, in the layout of preview 1.
fn put(guest: &mut Guest, subs: &[Sub]) {
    for (index, sub) in (0u32..).zip(subs) {
        let at = SUBSCRIPTIONS + index * 48;
        guest.call(|_, mem| {
            mem.write(at, &[0; 48]).unwrap();
            mem.write_u64(at, 100 + u64::from(index)).unwrap();
            match *sub {
                Sub::Clock { id, timeout, absolute } => {
                    mem.write_u32(at + 16, id).unwrap();
                    mem.write_u64(at + 24, timeout).unwrap();
                    mem.write_u16(at + 40, absolute.into()).unwrap();
                }
                Sub::Read(fd) => {
                    mem.write_u8(at + 8, 1).unwrap();
                    mem.write_u32(at + 16, fd).unwrap();
                }
                Sub::Write(fd) => {
                    mem.write_u8(at + 8, 2).unwrap();
                    mem.write_u32(at + 16, fd).unwrap();
                }
            }
        });
    }
}

/// What happened: user value, kind, bytes.
fn wait(guest: &mut Guest, subs: &[Sub]) -> Result<Vec<(u64, u8, u64)>> {
    put(guest, subs);
    let count = guest.call_u32(|ctx, mem, result| {
        poll::poll_oneoff(ctx, mem, SUBSCRIPTIONS, EVENTS, subs.len() as u32, result)
    })?;
    Ok((0..count)
        .map(|index| {
            let at = EVENTS + index * 32;
            guest.call(|_, mem| {
                assert_eq!(mem.read_u16(at + 8), Ok(0), "no error in the event");
                (
                    mem.read_u64(at).unwrap(),
                    mem.read_u8(at + 10).unwrap(),
                    mem.read_u64(at + 16).unwrap(),
                )
            })
        })
        .collect())
}

const MS: u64 = 1_000_000;

#[test]
fn clocks() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for id in [0, 1] {
        let start = Instant::now();
        let long = Sub::Clock { id, timeout: 3_600_000 * MS, absolute: false };
        let short = Sub::Clock { id, timeout: 15 * MS, absolute: false };
        assert_eq!(wait(&mut guest, &[long, short]), Ok(vec![(101, 0, 0)]));
        assert!(start.elapsed() >= Duration::from_millis(15));

        let now = guest.call(|ctx, mem| {
            clock::clock_time_get(ctx, mem, id, 0, 0).unwrap();
            mem.read_u64(0).unwrap()
        });
        let start = Instant::now();
        assert_eq!(
            wait(&mut guest, &[Sub::Clock { id, timeout: now + 15 * MS, absolute: true }]),
            Ok(vec![(100, 0, 0)])
        );
        assert!(start.elapsed() >= Duration::from_millis(13));
        let past = Sub::Clock { id, timeout: 0, absolute: true };
        assert_eq!(wait(&mut guest, &[past]), Ok(vec![(100, 0, 0)]));
    }
    for id in [2, 3, 4, u32::MAX] {
        let sub = Sub::Clock { id, timeout: 0, absolute: false };
        assert_eq!(wait(&mut guest, &[sub]), Err(Errno::Inval));
    }
}

#[test]
fn files_and_streams_are_ready() {
    let world = World::new();
    std::fs::write(world.inside().join("file"), "12345").unwrap();
    let mut guest = Guest::with_dir(&world.inside());
    let file = guest.open("file", 0, READ | WRITE).unwrap();
    let forever = || Sub::Clock { id: 1, timeout: u64::MAX, absolute: false };
    assert_eq!(
        wait(
            &mut guest,
            &[Sub::Read(file), forever(), Sub::Write(file), Sub::Read(0), Sub::Write(1)]
        ),
        Ok(vec![(100, 1, 5), (102, 2, 1), (103, 1, 1), (104, 2, 1)])
    );
    guest.read(file, 5).unwrap();
    wait(&mut guest, &[Sub::Read(file)]).unwrap();
    assert_eq!(guest.memory[EVENTS as usize + 24], 1, "hangup at the end");
}

#[test]
fn bad_subscriptions() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    for sub in [Sub::Read(99), Sub::Write(u32::MAX), Sub::Read(ROOT), Sub::Read(1), Sub::Write(0)] {
        assert_eq!(wait(&mut guest, &[sub]), Err(Errno::Badf));
    }
    assert_eq!(wait(&mut guest, &[]), Err(Errno::Inval));
    let count = |guest: &mut Guest, events, count| {
        guest.call(|ctx, mem| poll::poll_oneoff(ctx, mem, SUBSCRIPTIONS, events, count, 0))
    };
    assert_eq!(count(&mut guest, EVENTS, u32::MAX), Err(Errno::Inval));
    assert_eq!(count(&mut guest, EVENTS, 4097), Err(Errno::Inval));
    assert_eq!(count(&mut guest, 65530, 1), Err(Errno::Fault));
    assert_eq!(count(&mut guest, u32::MAX, 4096), Err(Errno::Fault));
    put(&mut guest, &[Sub::Read(0)]);
    guest.memory[SUBSCRIPTIONS as usize + 8] = 3;
    assert_eq!(count(&mut guest, EVENTS, 1), Err(Errno::Inval));
    put(&mut guest, &[Sub::Clock { id: 1, timeout: 0, absolute: true }]);
    guest.memory[SUBSCRIPTIONS as usize + 40] = 2;
    assert_eq!(count(&mut guest, EVENTS, 1), Err(Errno::Inval));
}

#[test]
fn interrupts() {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    let mut guest =
        Guest::new(WasiCtxBuilder::new().interrupt(move || asked.load(Ordering::Relaxed)));
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(60));
        stop.store(true, Ordering::Relaxed);
    });
    let start = Instant::now();
    let forever = Sub::Clock { id: 0, timeout: u64::MAX, absolute: false };
    assert_eq!(wait(&mut guest, &[forever]), Err(Errno::Intr));
    assert!(start.elapsed() < Duration::from_secs(5));
    stopper.join().unwrap();
}

#[cfg(unix)]
#[test]
fn named_pipes() {
    let world = World::new();
    let pipe = world.inside().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    let mut guest = Guest::new(
        WasiCtxBuilder::new()
            .preopen_dir(world.inside(), "/")
            .unwrap()
            .interrupt(move || asked.load(Ordering::Relaxed)),
    );
    let reader = guest.open("pipe", 0, READ).unwrap();
    let writer = guest.open("pipe", 0, WRITE).unwrap();
    let short = || Sub::Clock { id: 1, timeout: 30 * MS, absolute: false };
    assert_eq!(wait(&mut guest, &[Sub::Read(reader), short()]), Ok(vec![(101, 0, 0)]));
    assert_eq!(wait(&mut guest, &[Sub::Write(writer), short()]), Ok(vec![(100, 2, 1)]));
    guest.write(writer, b"abc").unwrap();
    assert_eq!(wait(&mut guest, &[Sub::Read(reader), short()]), Ok(vec![(100, 1, 3)]));
    assert_eq!(guest.read(reader, 10).unwrap(), b"abc");

    // A read and a write that wait can be interrupted too.
    stop.store(true, Ordering::Relaxed);
    assert_eq!(guest.read(reader, 10), Err(Errno::Intr));
    assert_eq!(wait(&mut guest, &[Sub::Read(reader)]), Err(Errno::Intr));
    let block = vec![0; 32768];
    let error = loop {
        if let Err(error) = guest.write(writer, &block) {
            break error;
        }
    };
    assert_eq!(error, Errno::Intr);
}
