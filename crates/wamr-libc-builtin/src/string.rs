//! The functions of `string.h` over strings that end with a NUL.

use core::cmp::Ordering;

use memchr::memmem;
use wamr_types::TrapCode;

use crate::mem::{Mem, OUTSIDE, order};

type Result<T> = core::result::Result<T, TrapCode>;

/// How much of a shared memory is searched at once for a string.
const WINDOW_BYTES: u64 = 64 << 10;

impl Mem<'_> {
    pub(crate) fn strlen(&self, at: u32) -> Result<u32> {
        self.find(at, u64::MAX, |piece| memchr::memchr(0, piece))?.ok_or(OUTSIDE)
    }

    /// The length of a string of at most `max` bytes, which only needs a NUL if it is shorter.
    pub(crate) fn string_up_to(&self, at: u32, max: u32) -> Result<u32> {
        if max == 0 {
            return Ok(0);
        }
        let end = self.find(at, max.into(), |piece| memchr::memchr(0, piece))?;
        Ok(end.unwrap_or(max))
    }

    /// The terminating NUL can be looked for too.
    pub(crate) fn strchr(&self, at: u32, c: i32) -> Result<u32> {
        let c = c as u8;
        let mut found = 0;
        let position = self.find(at, u64::MAX, |piece| {
            let position = memchr::memchr2(c, 0, piece)?;
            found = piece[position];
            Some(position)
        });
        let position = position?.ok_or(OUTSIDE)?;
        Ok(if found == c { at + position } else { 0 })
    }

    pub(crate) fn strcmp(&self, a: u32, b: u32) -> Result<i32> {
        self.compare_strings((a, b), u64::MAX, |byte| byte)
    }

    pub(crate) fn strncmp(&self, a: u32, b: u32, max: u32) -> Result<i32> {
        self.compare_strings((a, b), max.into(), |byte| byte)
    }

    pub(crate) fn strncasecmp(&self, a: u32, b: u32, max: u32) -> Result<i32> {
        self.compare_strings((a, b), max.into(), |byte| byte.to_ascii_lowercase())
    }

    /// Looks no further than the first difference or NUL.
    fn compare_strings(&self, at: (u32, u32), max: u64, fold: impl Fn(u8) -> u8) -> Result<i32> {
        if max == 0 {
            return Ok(0);
        }
        self.compare(at, max, |a, b| {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(position, (&a, &b))| match fold(a).cmp(&fold(b)) {
                Ordering::Equal if a == 0 => Some((position, 0)),
                Ordering::Equal => None,
                different => Some((position, order(different))),
            })
        })
    }

    pub(crate) fn strcpy(&mut self, to: u32, from: u32) -> Result<u32> {
        // A string that fills all that addresses reach leaves no room for another.
        let len = self.strlen(from)?.checked_add(1).ok_or(OUTSIDE)?;
        self.worked(len.into());
        self.memmove(to, from, len)
    }

    /// Fills up with NULs; writes none if the string is too long.
    pub(crate) fn strncpy(&mut self, to: u32, from: u32, max: u32) -> Result<u32> {
        let len = self.string_up_to(from, max)?;
        self.check(to, max)?;
        self.worked(max.into());
        self.memmove(to, from, len)?;
        if max > len {
            self.memset(to + len, 0, max - len)?;
        }
        Ok(to)
    }

    pub(crate) fn strspn(&self, at: u32, set: u32) -> Result<u32> {
        let set = self.set(set)?;
        self.span(at, |byte| set[usize::from(byte)])
    }

    pub(crate) fn strcspn(&self, at: u32, set: u32) -> Result<u32> {
        let set = self.set(set)?;
        self.span(at, |byte| !set[usize::from(byte)])
    }

    /// Which bytes are in a string.
    fn set(&self, at: u32) -> Result<[bool; 256]> {
        let mut set = [false; 256];
        let end = self.find(at, u64::MAX, |piece| {
            let end = memchr::memchr(0, piece);
            let string = &piece[..end.unwrap_or(piece.len())];
            string.iter().for_each(|&byte| set[usize::from(byte)] = true);
            end
        });
        end?.ok_or(OUTSIDE)?;
        Ok(set)
    }

    fn span(&self, at: u32, inside: impl Fn(u8) -> bool) -> Result<u32> {
        let outside = |&byte: &u8| byte == 0 || !inside(byte);
        self.find(at, u64::MAX, |piece| piece.iter().position(outside))?.ok_or(OUTSIDE)
    }

    /// Takes time linear in both strings, whatever they are. Of a shared memory the string that is
    /// looked for is copied, and as much again of the other.
    pub(crate) fn strstr(&self, at: u32, needle: u32) -> Result<u32> {
        let (len, needle_len) = (u64::from(self.strlen(at)?), u64::from(self.strlen(needle)?));
        if needle_len == 0 {
            return Ok(at);
        }
        if needle_len > len {
            return Ok(0);
        }
        self.worked(len);
        if let (Some(string), Some(wanted)) = (self.lend(at, len), self.lend(needle, needle_len)) {
            let found = memmem::find(string, wanted);
            return Ok(found.map_or(0, |position| at + position as u32));
        }
        let mut copy = zeros(needle_len)?;
        self.read(needle.into(), &mut copy)?;
        let finder = memmem::Finder::new(&copy);
        let window = WINDOW_BYTES.max(2 * needle_len).min(len);
        let mut buffer = zeros(window)?;
        let mut start = 0;
        while start + needle_len <= len {
            let seen = &mut buffer[..window.min(len - start) as usize];
            self.read(u64::from(at) + start, seen)?;
            if let Some(position) = finder.find(seen) {
                return Ok(at + (start + position as u64) as u32);
            }
            start += seen.len() as u64 - (needle_len - 1);
        }
        Ok(0)
    }
}

/// Room for a copy, if the host has any.
fn zeros(len: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len as usize).map_err(|_| OUTSIDE)?;
    bytes.resize(len as usize, 0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::mem::both_kinds;

    /// A memory that ends with strings at 0, 16, 32, and one without an end at 60.
    fn with_strings(strings: [&str; 3], test: impl Fn(&mut Mem<'_>)) {
        let mut bytes = [0; 64];
        for (at, text) in [0, 16, 32].into_iter().zip(strings) {
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        bytes[60..].copy_from_slice(b"open");
        both_kinds(&bytes, test);
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
        both_kinds(b"\x80\0a\0", |mem| {
            assert_eq!(mem.strcmp(0, 2), Ok(1), "bytes are unsigned");
        });
    }

    #[test]
    fn copies() {
        with_strings(["abc", "", ""], |mem| {
            assert_eq!((mem.strcpy(16, 0), mem.bytes(16, 4).unwrap()), (Ok(16), b"abc\0".to_vec()));
            assert_eq!(mem.strcpy(61, 0), Err(OUTSIDE));
            assert_eq!(mem.strcpy(0, 60), Err(OUTSIDE));
            assert_eq!(mem.bytes(60, 4).unwrap(), b"open", "nothing was written");
            assert_eq!(mem.strcpy(60, 0), Ok(60));
            assert_eq!(mem.bytes(60, 4).unwrap(), b"abc\0");
            mem.memset(32, 0x78, 8).unwrap();
            assert_eq!(mem.strncpy(32, 0, 6), Ok(32));
            assert_eq!(mem.bytes(32, 8).unwrap(), b"abc\0\0\0xx");
            assert_eq!(mem.strncpy(32, 0, 2), Ok(32));
            assert_eq!(mem.bytes(32, 4).unwrap(), b"abc\0");
            assert_eq!(mem.strncpy(60, 0, 5), Err(OUTSIDE));
            assert_eq!(mem.strncpy(0, 0, u32::MAX), Err(OUTSIDE));
        });
    }

    #[test]
    fn a_string_is_found_wherever_windows_end() {
        // Longer than a window, with false beginnings of what is looked for all over.
        let len = 3 * WINDOW_BYTES as usize;
        let mut bytes = b"ab".repeat(len / 2);
        bytes.extend(b"\0abba\0");
        let at = |bytes: &[u8], position: usize| {
            let mut bytes = bytes.to_vec();
            bytes[position..position + 4].copy_from_slice(b"abba");
            both_kinds(&bytes, |mem| {
                assert_eq!(mem.strstr(0, len as u32 + 1), Ok(position as u32));
                assert_eq!(mem.strstr(1, len as u32 + 1), Ok(position as u32));
            });
        };
        for position in [WINDOW_BYTES as usize - 4, WINDOW_BYTES as usize - 2, len - 4] {
            at(&bytes, position);
        }
        both_kinds(&bytes, |mem| assert_eq!(mem.strstr(0, len as u32 + 1), Ok(0)));
    }
}
