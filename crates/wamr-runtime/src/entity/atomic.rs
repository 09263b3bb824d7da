//! What atomic instructions do to a word of memory.
//! <https://webassembly.github.io/threads/core/exec/instructions.html#atomic-memory-instructions>

use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use wamr_types::TrapCode;

use super::LinearMemory;

/// What a read-modify-write makes of the old value and its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rmw {
    /// The sum.
    Add,
    /// The difference.
    Sub,
    /// The bits that both have.
    And,
    /// The bits that either has.
    Or,
    /// The bits that one of both has.
    Xor,
    /// The operand.
    Xchg,
}

/// A width of atomic accesses. All of them are sequentially consistent.
///
/// Values on the stack are zero-extended, so that instructions of `i32` and of `i64` which access
/// the same width are the same. Operands are wrapped to the width.
pub trait AtomicWord: Copy + core::fmt::Debug + 'static {
    /// The width, in bytes.
    const BYTES: u32;

    /// Wraps the bits of a value.
    fn from_bits(bits: u64) -> Self;

    /// The bits of the value on the stack.
    fn to_bits(self) -> u64;

    /// # Safety
    /// `at` is a multiple of the width, and points to committed memory.
    unsafe fn load(at: *mut u8) -> Self;

    /// # Safety
    /// As for [`AtomicWord::load`].
    unsafe fn store(self, at: *mut u8);

    /// Gives the old value.
    ///
    /// # Safety
    /// As for [`AtomicWord::load`].
    unsafe fn rmw(self, at: *mut u8, op: Rmw) -> Self;

    /// Writes if the old value is `expected`, and gives the old value in any case.
    ///
    /// # Safety
    /// As for [`AtomicWord::load`].
    unsafe fn cmpxchg(self, at: *mut u8, expected: Self) -> Self;
}

macro_rules! words {
    ($($ty:ty, $atomic:ty;)*) => {$(
        impl AtomicWord for $ty {
            const BYTES: u32 = size_of::<$ty>() as u32;

            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                bits as $ty
            }

            #[inline(always)]
            fn to_bits(self) -> u64 {
                u64::from(self)
            }

            #[inline(always)]
            unsafe fn load(at: *mut u8) -> Self {
                // SAFETY: the caller says that the word is aligned and committed.
                let word = unsafe { <$atomic>::from_ptr(at.cast()) };
                <$ty>::from_le(word.load(Ordering::SeqCst))
            }

            #[inline(always)]
            unsafe fn store(self, at: *mut u8) {
                // SAFETY: as for loads.
                let word = unsafe { <$atomic>::from_ptr(at.cast()) };
                word.store(self.to_le(), Ordering::SeqCst);
            }

            #[inline(always)]
            unsafe fn rmw(self, at: *mut u8, op: Rmw) -> Self {
                // SAFETY: as for loads.
                let word = unsafe { <$atomic>::from_ptr(at.cast()) };
                let old = match op {
                    Rmw::And => word.fetch_and(self.to_le(), Ordering::SeqCst),
                    Rmw::Or => word.fetch_or(self.to_le(), Ordering::SeqCst),
                    Rmw::Xor => word.fetch_xor(self.to_le(), Ordering::SeqCst),
                    Rmw::Xchg => word.swap(self.to_le(), Ordering::SeqCst),
                    // Carries go from low bytes to high ones, wherever those are.
                    Rmw::Add if cfg!(target_endian = "little") => {
                        word.fetch_add(self, Ordering::SeqCst)
                    }
                    Rmw::Sub if cfg!(target_endian = "little") => {
                        word.fetch_sub(self, Ordering::SeqCst)
                    }
                    Rmw::Add => update(word, |old| old.wrapping_add(self)),
                    Rmw::Sub => update(word, |old| old.wrapping_sub(self)),
                };
                return <$ty>::from_le(old);

                fn update(word: &$atomic, new: impl Fn($ty) -> $ty) -> $ty {
                    let new = |old| Some(new(<$ty>::from_le(old)).to_le());
                    let updated = word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, new);
                    updated.unwrap_or_else(|old| old)
                }
            }

            #[inline(always)]
            unsafe fn cmpxchg(self, at: *mut u8, expected: Self) -> Self {
                // SAFETY: as for loads.
                let word = unsafe { <$atomic>::from_ptr(at.cast()) };
                let (expected, new) = (expected.to_le(), self.to_le());
                let old =
                    word.compare_exchange(expected, new, Ordering::SeqCst, Ordering::SeqCst);
                <$ty>::from_le(old.unwrap_or_else(|old| old))
            }
        }
    )*};
}

words! {
    u8, AtomicU8;
    u16, AtomicU16;
    u32, AtomicU32;
    u64, AtomicU64;
}

impl LinearMemory {
    /// The address of a word.
    ///
    /// # Errors
    /// [`TrapCode::UnalignedAtomic`], [`TrapCode::MemoryOutOfBounds`]
    pub(crate) fn atomic_place(&self, address: u64, bytes: u32) -> Result<*mut u8, TrapCode> {
        if !address.is_multiple_of(u64::from(bytes)) {
            return Err(TrapCode::UnalignedAtomic);
        }
        self.checked(address, u64::from(bytes))
    }
}
