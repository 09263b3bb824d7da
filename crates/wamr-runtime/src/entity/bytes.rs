//! Bytes that other threads may access at the same time: memories that are shared.
//!
//! What races on such bytes is for the specification of wasm to define, and is no business of the
//! guest's alone: for Rust, a plain access that races is undefined behaviour. Accesses here are
//! single instructions of assembly, or relaxed atomics where there is no assembly for a machine.
//! Both are opaque to the compiler in what matters: it neither invents, repeats nor tears them,
//! and never takes two reads to give the same value. Accesses of up to 8 bytes at a multiple of
//! their width are indivisible, as wasm wants.

/// Bytes that are read or written at once: arrays of 1, 2, 4, 8 and 16.
pub trait Chunk: Copy {
    /// Reads.
    ///
    /// # Safety
    /// The bytes at `at` are committed memory. They need no alignment.
    unsafe fn load(at: *const u8) -> Self;

    /// Writes.
    ///
    /// # Safety
    /// The bytes at `at` are committed memory. They need no alignment.
    unsafe fn store(self, at: *mut u8);
}

#[cfg(target_arch = "x86_64")]
#[allow(unnecessary_transmutes, reason = "vectors need what integers do not")]
mod arch {
    use core::arch::asm;
    use core::arch::x86_64::__m128i;

    use super::Chunk;

    macro_rules! chunks {
        ($($bytes:literal $ty:ty, $class:ident, $load:literal, $store:literal;)*) => {$(
            impl Chunk for [u8; $bytes] {
                #[inline(always)]
                unsafe fn load(at: *const u8) -> Self {
                    let value: $ty;
                    // SAFETY: the caller says that the bytes can be read.
                    unsafe {
                        asm!(
                            $load,
                            value = lateout($class) value,
                            at = in(reg) at,
                            options(nostack, preserves_flags, readonly),
                        );
                        core::mem::transmute(value)
                    }
                }

                #[inline(always)]
                unsafe fn store(self, at: *mut u8) {
                    // SAFETY: the caller says that the bytes can be written.
                    unsafe {
                        asm!(
                            $store,
                            value = in($class) core::mem::transmute::<Self, $ty>(self),
                            at = in(reg) at,
                            options(nostack, preserves_flags),
                        );
                    }
                }
            }
        )*};
    }

    chunks! {
        1 u8, reg_byte, "mov {value}, byte ptr [{at}]", "mov byte ptr [{at}], {value}";
        2 u16, reg, "movzx {value:e}, word ptr [{at}]", "mov word ptr [{at}], {value:x}";
        4 u32, reg, "mov {value:e}, dword ptr [{at}]", "mov dword ptr [{at}], {value:e}";
        8 u64, reg, "mov {value:r}, qword ptr [{at}]", "mov qword ptr [{at}], {value:r}";
        16 __m128i, xmm_reg, "movdqu {value}, xmmword ptr [{at}]",
            "movdqu xmmword ptr [{at}], {value}";
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod arch {
    use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

    use super::Chunk;

    macro_rules! chunks {
        ($($bytes:literal $ty:ty, $atomic:ty;)*) => {$(
            impl Chunk for [u8; $bytes] {
                #[inline(always)]
                unsafe fn load(at: *const u8) -> Self {
                    // SAFETY: the caller says that the bytes can be read; the wide access is
                    // made where it is aligned alone.
                    unsafe {
                        if at.cast::<$atomic>().is_aligned() {
                            let value = (*at.cast::<$atomic>()).load(Ordering::Relaxed);
                            return value.to_ne_bytes();
                        }
                        core::array::from_fn(|i| {
                            (*at.add(i).cast::<AtomicU8>()).load(Ordering::Relaxed)
                        })
                    }
                }

                #[inline(always)]
                unsafe fn store(self, at: *mut u8) {
                    // SAFETY: as for loads, for writing.
                    unsafe {
                        if at.cast::<$atomic>().is_aligned() {
                            let value = <$ty>::from_ne_bytes(self);
                            return (*at.cast::<$atomic>()).store(value, Ordering::Relaxed);
                        }
                        for (i, byte) in self.into_iter().enumerate() {
                            (*at.add(i).cast::<AtomicU8>()).store(byte, Ordering::Relaxed);
                        }
                    }
                }
            }
        )*};
    }

    chunks! {
        1 u8, AtomicU8;
        2 u16, AtomicU16;
        4 u32, AtomicU32;
        8 u64, AtomicU64;
    }

    impl Chunk for [u8; 16] {
        #[inline(always)]
        unsafe fn load(at: *const u8) -> Self {
            // SAFETY: the caller's promise covers both halves.
            let halves: [[u8; 8]; 2] = unsafe { [Chunk::load(at), Chunk::load(at.add(8))] };
            core::array::from_fn(|i| halves[i / 8][i % 8])
        }

        #[inline(always)]
        unsafe fn store(self, at: *mut u8) {
            let half = |start: usize| -> [u8; 8] { core::array::from_fn(|i| self[start + i]) };
            // SAFETY: the caller's promise covers both halves.
            unsafe {
                half(0).store(at);
                half(8).store(at.add(8));
            }
        }
    }
}

/// The widest access.
type Wide = [u8; 16];
const WIDE_BYTES: usize = size_of::<Wide>();

/// Copies bytes one way or the other, or within shared memory. The ranges may overlap.
///
/// # Safety
/// Both ranges are committed memory. One that is not shared memory is the caller's alone.
pub(crate) unsafe fn copy(src: *const u8, dst: *mut u8, len: usize) {
    let chunks = len / WIDE_BYTES * WIDE_BYTES;
    // SAFETY: all accesses lie in the two ranges. In this order none reads what an earlier one
    // has written: forwards if the destination begins below the source, backwards otherwise.
    unsafe {
        if dst.addr() <= src.addr() {
            for at in (0..chunks).step_by(WIDE_BYTES) {
                Wide::load(src.add(at)).store(dst.add(at));
            }
            for at in chunks..len {
                <[u8; 1]>::load(src.add(at)).store(dst.add(at));
            }
        } else {
            for at in (chunks..len).rev() {
                <[u8; 1]>::load(src.add(at)).store(dst.add(at));
            }
            for at in (0..chunks).step_by(WIDE_BYTES).rev() {
                Wide::load(src.add(at)).store(dst.add(at));
            }
        }
    }
}

/// Fills bytes of shared memory.
///
/// # Safety
/// The range is committed memory.
pub(crate) unsafe fn fill(dst: *mut u8, value: u8, len: usize) {
    let chunks = len / WIDE_BYTES * WIDE_BYTES;
    // SAFETY: all accesses lie in the range.
    unsafe {
        for at in (0..chunks).step_by(WIDE_BYTES) {
            [value; WIDE_BYTES].store(dst.add(at));
        }
        for at in chunks..len {
            [value].store(dst.add(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_of_every_width_are_what_memory_holds() {
        let mut bytes: [u8; 64] = core::array::from_fn(|i| i as u8);
        let base = bytes.as_mut_ptr();
        // SAFETY: all accesses lie in the array, which nobody else uses.
        unsafe {
            for at in 0..16 {
                let first = at as u8;
                assert_eq!(<[u8; 1]>::load(base.add(at)), [first]);
                assert_eq!(<[u8; 2]>::load(base.add(at)), [first, first + 1]);
                assert_eq!(
                    <[u8; 4]>::load(base.add(at)),
                    core::array::from_fn(|i| first + i as u8)
                );
                assert_eq!(
                    <[u8; 8]>::load(base.add(at)),
                    core::array::from_fn(|i| first + i as u8)
                );
                assert_eq!(Wide::load(base.add(at)), core::array::from_fn(|i| first + i as u8));
            }
            [200, 201].store(base.add(1));
            [202; 4].store(base.add(5));
            [203; 8].store(base.add(11));
            [204; 16].store(base.add(21));
            [205].store(base.add(63));
        }
        assert_eq!(bytes[..6], [0, 200, 201, 3, 4, 202]);
        assert_eq!(
            (bytes[8], bytes[9], bytes[10], bytes[11], bytes[18], bytes[19]),
            (202, 9, 10, 203, 203, 19)
        );
        assert_eq!(
            (bytes[20], bytes[21], bytes[36], bytes[37], bytes[63]),
            (20, 204, 204, 37, 205)
        );
    }

    #[test]
    fn copies_are_those_of_slices_however_they_overlap() {
        for len in [0, 1, 15, 16, 17, 40] {
            for (src, dst) in [(0, 50), (50, 0), (3, 4), (4, 3), (0, 16), (20, 3), (7, 7)] {
                let mut bytes: [u8; 100] = core::array::from_fn(|i| i as u8);
                let mut expected = bytes;
                expected.copy_within(src..src + len, dst);
                let base = bytes.as_mut_ptr();
                // SAFETY: the ranges lie in the array, which nobody else uses.
                unsafe { copy(base.add(src), base.add(dst), len) };
                assert_eq!(bytes, expected, "{len} bytes from {src} to {dst}");
                expected[dst..dst + len].fill(9);
                // SAFETY: as above.
                unsafe { fill(bytes.as_mut_ptr().add(dst), 9, len) };
                assert_eq!(bytes, expected);
            }
        }
    }
}
