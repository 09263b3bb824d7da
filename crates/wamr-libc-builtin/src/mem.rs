//! Checked access to the memory of the guest, and the functions of `string.h` that take lengths.

use core::cmp::Ordering;

use wamr_types::TrapCode;

type Result<T> = core::result::Result<T, TrapCode>;

/// The memory of the calling guest, addressed by 32-bit pointers. Every access that would leave it
/// is [`TrapCode::MemoryOutOfBounds`].
pub(crate) struct Mem<'a>(pub(crate) &'a mut [u8]);

const OUTSIDE: TrapCode = TrapCode::MemoryOutOfBounds;

impl Mem<'_> {
    /// Bytes of a length.
    pub(crate) fn bytes(&self, at: u32, len: u32) -> Result<&[u8]> {
        self.0.get(at as usize..).and_then(|rest| rest.get(..len as usize)).ok_or(OUTSIDE)
    }

    /// Bytes of a length, to write.
    pub(crate) fn bytes_mut(&mut self, at: u32, len: u32) -> Result<&mut [u8]> {
        let rest = self.0.get_mut(at as usize..);
        rest.and_then(|rest| rest.get_mut(..len as usize)).ok_or(OUTSIDE)
    }

    /// A string that ends with a NUL, without it.
    pub(crate) fn string(&self, at: u32) -> Result<&[u8]> {
        let rest = self.0.get(at as usize..).ok_or(OUTSIDE)?;
        let end = memchr::memchr(0, rest).ok_or(OUTSIDE)?;
        Ok(&rest[..end])
    }

    /// A string of at most `max` bytes, which only needs a NUL if it is shorter.
    pub(crate) fn string_up_to(&self, at: u32, max: usize) -> Result<&[u8]> {
        if max == 0 {
            return Ok(&[]);
        }
        let rest = self.0.get(at as usize..).ok_or(OUTSIDE)?;
        let seen = &rest[..max.min(rest.len())];
        match memchr::memchr(0, seen) {
            Some(end) => Ok(&seen[..end]),
            None if seen.len() == max => Ok(seen),
            None => Err(OUTSIDE),
        }
    }

    pub(crate) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        let len = u32::try_from(bytes.len()).map_err(|_| OUTSIDE)?;
        self.bytes_mut(at, len)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn array<const N: usize>(&self, at: u32) -> Result<[u8; N]> {
        self.bytes(at, N as u32)?.try_into().map_err(|_| OUTSIDE)
    }

    pub(crate) fn memcmp(&self, a: u32, b: u32, len: u32) -> Result<i32> {
        Ok(order(self.bytes(a, len)?.cmp(self.bytes(b, len)?)))
    }

    /// `memcpy` and `memmove`: overlapping is defined here.
    pub(crate) fn memmove(&mut self, to: u32, from: u32, len: u32) -> Result<u32> {
        self.bytes(to, len)?;
        self.bytes(from, len)?;
        let from = from as usize;
        self.0.copy_within(from..from + len as usize, to as usize);
        Ok(to)
    }

    pub(crate) fn memset(&mut self, at: u32, value: i32, len: u32) -> Result<u32> {
        self.bytes_mut(at, len)?.fill(value as u8);
        Ok(at)
    }

    /// C looks no further than the first match, so no more need lie in memory.
    pub(crate) fn memchr(&self, at: u32, value: i32, len: u32) -> Result<u32> {
        if len == 0 {
            return Ok(0);
        }
        let rest = self.0.get(at as usize..).ok_or(OUTSIDE)?;
        let seen = &rest[..(len as usize).min(rest.len())];
        match memchr::memchr(value as u8, seen) {
            Some(position) => Ok(at + position as u32),
            None if seen.len() == len as usize => Ok(0),
            None => Err(OUTSIDE),
        }
    }
}

/// What comparisons return.
pub(crate) fn order(order: Ordering) -> i32 {
    order as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        let mut bytes = *b"abcdefgh";
        let mut mem = Mem(&mut bytes);
        assert_eq!(mem.bytes(8, 0), Ok(&[][..]));
        for (at, len) in [(8, 1), (9, 0), (0, 9), (u32::MAX, u32::MAX), (1, u32::MAX)] {
            assert_eq!(mem.bytes(at, len), Err(OUTSIDE));
            assert_eq!(mem.memset(at, 0, len), Err(OUTSIDE));
            assert_eq!(mem.memmove(0, at, len), Err(OUTSIDE));
            assert_eq!(mem.memmove(at, 0, len), Err(OUTSIDE));
            assert_eq!(mem.memcmp(at, 0, len), Err(OUTSIDE));
            assert_eq!(mem.memcmp(0, at, len), Err(OUTSIDE));
        }
        assert_eq!(mem.string(0), Err(OUTSIDE));
        assert_eq!(mem.string_up_to(0, 8), Ok(&b"abcdefgh"[..]));
        assert_eq!(mem.string_up_to(0, 9), Err(OUTSIDE));
        assert_eq!(mem.string_up_to(100, 0), Ok(&[][..]));
        assert_eq!(&bytes, b"abcdefgh");
    }

    #[test]
    fn functions_with_lengths_mean_what_c_says() {
        let mut bytes = *b"abcabd\0\xff";
        let mut mem = Mem(&mut bytes);
        assert_eq!(mem.memcmp(0, 3, 2), Ok(0));
        assert_eq!((mem.memcmp(0, 3, 3).unwrap(), mem.memcmp(3, 0, 3).unwrap()), (-1, 1));
        assert_eq!(mem.memcmp(7, 0, 1), Ok(1), "bytes are unsigned");
        assert_eq!(mem.memcmp(8, 8, 0), Ok(0));
        assert_eq!(mem.memchr(0, i32::from(b'b'), 6), Ok(1));
        assert_eq!(mem.memchr(0, 0x100 + i32::from(b'b'), 6), Ok(1), "an unsigned char");
        assert_eq!(mem.memchr(0, i32::from(b'd'), 5), Ok(0));
        assert_eq!(mem.memchr(0, i32::from(b'd'), u32::MAX), Ok(5), "no further than the match");
        assert_eq!(mem.memchr(0, i32::from(b'x'), u32::MAX), Err(OUTSIDE));
        assert_eq!(mem.memmove(1, 0, 5), Ok(1));
        assert_eq!(mem.bytes(0, 6), Ok(&b"aabcab"[..]));
        assert_eq!(mem.memset(1, 0x141, 2), Ok(1));
        assert_eq!(mem.bytes(0, 4), Ok(&b"aAAc"[..]));
    }
}
