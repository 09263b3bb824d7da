//! Every function with the worst arguments: an error number or success, never a panic, and never a
//! wait.

use std::time::Duration;

use crate::support::{World, with_memory};
use wamr_wasi::{MemoryDir, MemoryOutput, WasiCtx, WasiCtxBuilder};

/// Makes up the arguments of one call, each a mixture of addresses, descriptors and extremes.
struct Arguments {
    state: u64,
}

impl Arguments {
    const VALUES: [u64; 24] = [
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        16,
        24,
        63,
        64,
        1024,
        4096,
        65_528,
        65_535,
        65_536,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fffe,
        0xffff_ffff,
        0x7fff_ffff_ffff_ffff,
        u64::MAX,
    ];

    fn next(&mut self) -> u64 {
        // splitmix64
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        match z % 4 {
            0 => z >> 32,
            _ => Self::VALUES[(z >> 8) as usize % Self::VALUES.len()],
        }
    }
}

fn guest(world: &World) -> WasiCtx {
    // Any wait is interrupted at its second look, so that a guest that waits for ever doesn't.
    let looks = std::sync::atomic::AtomicU32::new(0);
    WasiCtxBuilder::new()
        .args(["a", "b"])
        .env("K", "V")
        .stdout(MemoryOutput::with_limit(1 << 16))
        .preopen_dir(world.inside(), "/")
        .unwrap()
        .preopen_listener(std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .unwrap()
        .preopen_memory_dir(&MemoryDir::with_limit(1 << 20), "/memory")
        .allow_addresses(["127.0.0.1/32".parse().unwrap()])
        .allow_resolve(["localhost"])
        .max_descriptors(16)
        .interrupt(move || looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 == 1)
        .build()
}

/// Memory with plausible structures: paths, small numbers, extremes.
fn memory() -> Vec<u8> {
    let mut memory = vec![0; 65536];
    for (index, word) in memory.chunks_exact_mut(4).enumerate() {
        let value = match index % 7 {
            0 => 8,
            1 => u32::MAX,
            2 => u32::from_le_bytes(*b"../."),
            3 => u32::from_le_bytes(*b"a/b."),
            4 => 3,
            5 => index as u32,
            _ => 0,
        };
        word.copy_from_slice(&value.to_le_bytes());
    }
    memory
}

/// Calls every function of both modules once.
fn call_all(ctx: &mut WasiCtx, bytes: &mut [u8], next: &mut dyn FnMut() -> u64) {
    macro_rules! call {
        ($module:literal { $($($path:ident)::+ $name:ident($($param:ident: $type:ty),*);)* }) => {
            $(
                $(let $param = next() as $type;)*
                let _ = with_memory(bytes, |mem| {
                    wamr_wasi::$($path)::+::$name(ctx, mem, $($param),*)
                });
            )*
        };
    }
    wamr_wasi::for_each_wasi_function!(call);
}

#[test]
fn extremes() {
    for value in Arguments::VALUES {
        for memory_len in [0, 1, 65536] {
            let world = World::new();
            let mut bytes = memory();
            bytes.truncate(memory_len);
            call_all(&mut guest(&world), &mut bytes, &mut || value);
            world.check_untouched();
        }
    }
}

#[test]
fn mixtures() {
    for seed in 0..300 {
        let world = World::new();
        let mut ctx = guest(&world);
        let mut bytes = memory();
        let mut arguments = Arguments { state: seed };
        for _ in 0..20 {
            call_all(&mut ctx, &mut bytes, &mut || arguments.next());
        }
        world.check_untouched();
    }
}

#[test]
fn nothing_waits_for_long() {
    let world = World::new();
    let start = std::time::Instant::now();
    for value in [0, 3, 4, u64::MAX] {
        call_all(&mut guest(&world), &mut memory(), &mut || value);
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn contexts_can_move_between_threads() {
    fn check<T: Send>() {}
    check::<WasiCtx>();
    check::<WasiCtxBuilder>();
}
