//! The functions of `string.h` over strings that end with a NUL.

use core::cmp::Ordering;

use memchr::memmem;
use wamr_types::TrapCode;

use crate::mem::{Mem, order};

type Result<T> = core::result::Result<T, TrapCode>;

impl Mem<'_> {
    pub(crate) fn strlen(&self, at: u32) -> Result<u32> {
        Ok(self.string(at)?.len() as u32)
    }

    /// The terminating NUL can be looked for too.
    pub(crate) fn strchr(&self, at: u32, c: i32) -> Result<u32> {
        let c = c as u8;
        let rest = self.0.get(at as usize..).ok_or(TrapCode::MemoryOutOfBounds)?;
        match memchr::memchr2(c, 0, rest) {
            Some(position) if rest[position] == c => Ok(at + position as u32),
            Some(_) => Ok(0),
            None => Err(TrapCode::MemoryOutOfBounds),
        }
    }

    pub(crate) fn strcmp(&self, a: u32, b: u32) -> Result<i32> {
        self.compare(a, b, u32::MAX, |byte| byte)
    }

    pub(crate) fn strncmp(&self, a: u32, b: u32, max: u32) -> Result<i32> {
        self.compare(a, b, max, |byte| byte)
    }

    pub(crate) fn strncasecmp(&self, a: u32, b: u32, max: u32) -> Result<i32> {
        self.compare(a, b, max, |byte| byte.to_ascii_lowercase())
    }

    /// Looks no further than the first difference or NUL.
    fn compare(&self, a: u32, b: u32, max: u32, fold: impl Fn(u8) -> u8) -> Result<i32> {
        if max == 0 {
            return Ok(0);
        }
        let rest = |at: u32| self.0.get(at as usize..).ok_or(TrapCode::MemoryOutOfBounds);
        let (a, b) = (rest(a)?, rest(b)?);
        for (&a, &b) in a.iter().zip(b).take(max as usize) {
            match fold(a).cmp(&fold(b)) {
                Ordering::Equal if a == 0 => return Ok(0),
                Ordering::Equal => {}
                different => return Ok(order(different)),
            }
        }
        let compared = a.len().min(b.len());
        if compared >= max as usize { Ok(0) } else { Err(TrapCode::MemoryOutOfBounds) }
    }

    pub(crate) fn strcpy(&mut self, to: u32, from: u32) -> Result<u32> {
        let len = self.strlen(from)? + 1;
        self.memmove(to, from, len)
    }

    /// Fills up with NULs; writes none if the string is too long.
    pub(crate) fn strncpy(&mut self, to: u32, from: u32, max: u32) -> Result<u32> {
        let len = self.string_up_to(from, max as usize)?.len() as u32;
        self.bytes(to, max)?;
        self.memmove(to, from, len)?;
        self.memset(to + len, 0, max - len)?;
        Ok(to)
    }

    pub(crate) fn strspn(&self, at: u32, set: u32) -> Result<u32> {
        let set = Set::new(self.string(set)?);
        self.span(at, |byte| set.contains(byte))
    }

    pub(crate) fn strcspn(&self, at: u32, set: u32) -> Result<u32> {
        let set = Set::new(self.string(set)?);
        self.span(at, |byte| !set.contains(byte))
    }

    fn span(&self, at: u32, inside: impl Fn(u8) -> bool) -> Result<u32> {
        let rest = self.0.get(at as usize..).ok_or(TrapCode::MemoryOutOfBounds)?;
        let end = rest.iter().position(|&byte| byte == 0 || !inside(byte));
        end.map(|end| end as u32).ok_or(TrapCode::MemoryOutOfBounds)
    }

    /// Takes time linear in both strings, whatever they are.
    pub(crate) fn strstr(&self, at: u32, needle: u32) -> Result<u32> {
        let found = memmem::find(self.string(at)?, self.string(needle)?);
        Ok(found.map_or(0, |position| at + position as u32))
    }
}

/// A set of bytes.
struct Set([bool; 256]);

impl Set {
    fn new(bytes: &[u8]) -> Self {
        let mut set = [false; 256];
        bytes.iter().for_each(|&byte| set[usize::from(byte)] = true);
        Self(set)
    }

    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTSIDE: TrapCode = TrapCode::MemoryOutOfBounds;

    /// A memory that ends with strings at 0, 16, 32, and one without an end at 60.
    fn with_strings<R>(strings: [&str; 3], test: impl FnOnce(Mem<'_>) -> R) -> R {
        let mut bytes = [0; 64];
        for (at, text) in [0, 16, 32].into_iter().zip(strings) {
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        bytes[60..].copy_from_slice(b"open");
        test(Mem(&mut bytes))
    }

    #[test]
    fn lengths_and_searches() {
        with_strings(["hello world", "lo w", "xyz"], |mem| {
            assert_eq!((mem.strlen(0), mem.strlen(11)), (Ok(11), Ok(0)));
            assert_eq!(
                (mem.strlen(60), mem.strlen(64), mem.strlen(65)),
                (Err(OUTSIDE), Err(OUTSIDE), Err(OUTSIDE))
            );
            assert_eq!(mem.strchr(0, i32::from(b'o')), Ok(4));
            assert_eq!((mem.strchr(0, 0), mem.strchr(0, i32::from(b'x'))), (Ok(11), Ok(0)));
            assert_eq!(
                (mem.strchr(60, i32::from(b'e')), mem.strchr(60, 0)),
                (Ok(62), Err(OUTSIDE))
            );
            assert_eq!(
                (mem.strstr(0, 16), mem.strstr(0, 32), mem.strstr(0, 11)),
                (Ok(3), Ok(0), Ok(0))
            );
            assert_eq!(mem.strstr(2, 11), Ok(2), "an empty needle is found at once");
            assert_eq!((mem.strstr(60, 16), mem.strstr(0, 60)), (Err(OUTSIDE), Err(OUTSIDE)));
        });
        with_strings(["aabbc", "ab", "c"], |mem| {
            assert_eq!(
                (mem.strspn(0, 16), mem.strcspn(0, 32), mem.strcspn(0, 16)),
                (Ok(4), Ok(4), Ok(0))
            );
            assert_eq!((mem.strspn(0, 5), mem.strcspn(0, 5)), (Ok(0), Ok(5)), "an empty set");
            assert_eq!((mem.strspn(60, 16), mem.strcspn(60, 16)), (Ok(0), Err(OUTSIDE)));
        });
    }

    #[test]
    fn comparisons() {
        with_strings(["abc", "abd", "ABC"], |mem| {
            assert_eq!(
                (mem.strcmp(0, 16), mem.strcmp(16, 0), mem.strcmp(0, 0)),
                (Ok(-1), Ok(1), Ok(0))
            );
            assert_eq!((mem.strcmp(0, 1), mem.strcmp(0, 3)), (Ok(-1), Ok(1)), "a prefix is less");
            assert_eq!(
                (mem.strncmp(0, 16, 2), mem.strncmp(0, 16, 3), mem.strncmp(0, 16, 0)),
                (Ok(0), Ok(-1), Ok(0))
            );
            assert_eq!((mem.strncasecmp(0, 32, 9), mem.strncasecmp(16, 32, 9)), (Ok(0), Ok(1)));
            assert_eq!(mem.strcmp(60, 61), Ok(-1), "no further than the first difference");
            assert_eq!((mem.strcmp(60, 60), mem.strncmp(60, 60, 4)), (Err(OUTSIDE), Ok(0)));
            assert_eq!((mem.strncmp(60, 60, 5), mem.strncmp(65, 65, 0)), (Err(OUTSIDE), Ok(0)));
        });
        let mut bytes = *b"\x80\0a\0";
        assert_eq!(Mem(&mut bytes).strcmp(0, 2), Ok(1), "bytes are unsigned");
    }

    #[test]
    fn copies() {
        with_strings(["abc", "", ""], |mut mem| {
            assert_eq!((mem.strcpy(16, 0), mem.string(16)), (Ok(16), Ok(&b"abc"[..])));
            assert_eq!(mem.strcpy(61, 0), Err(OUTSIDE));
            assert_eq!(mem.strcpy(0, 60), Err(OUTSIDE));
            assert_eq!(mem.bytes(60, 4), Ok(&b"open"[..]), "nothing was written");
            assert_eq!(mem.strcpy(60, 0), Ok(60));
            assert_eq!(mem.bytes(60, 4), Ok(&b"abc\0"[..]));
            mem.memset(32, 0x78, 8).unwrap();
            assert_eq!(mem.strncpy(32, 0, 6), Ok(32));
            assert_eq!(mem.bytes(32, 8), Ok(&b"abc\0\0\0xx"[..]));
            assert_eq!(mem.strncpy(32, 0, 2), Ok(32));
            assert_eq!(mem.bytes(32, 4), Ok(&b"abc\0"[..]));
            assert_eq!(mem.strncpy(60, 0, 5), Err(OUTSIDE));
            assert_eq!(mem.strncpy(0, 0, u32::MAX), Err(OUTSIDE));
        });
    }
}
