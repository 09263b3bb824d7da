//! `atoi`, `strtol` and `strtoul`: C's `long` has 32 bits.

use wamr_types::TrapCode;

use crate::ctype::is_space;
use crate::mem::Mem;

type Result<T> = core::result::Result<T, TrapCode>;

/// A number as it stands in a string.
struct Scanned {
    negative: bool,
    /// The magnitude; `None` if it is beyond 64 bits.
    magnitude: Option<u64>,
    /// How many bytes were read; 0 if there is no number.
    len: usize,
}

/// Reads a number from its bytes; `base` 0 means that a prefix decides. A base that C does not know reads
/// nothing.
fn scan(byte: impl Fn(usize) -> Option<u8>, base: i32) -> Scanned {
    let none = Scanned { negative: false, magnitude: Some(0), len: 0 };
    if base != 0 && !(2..=36).contains(&base) {
        return none;
    }
    let mut at = 0;
    while byte(at).is_some_and(is_space) {
        at += 1;
    }
    let negative = byte(at) == Some(b'-');
    if matches!(byte(at), Some(b'-' | b'+')) {
        at += 1;
    }
    let digit = |at: usize, base: u32| char::from(byte(at)?).to_digit(base);
    let hexadecimal = byte(at) == Some(b'0')
        && matches!(byte(at + 1), Some(b'x' | b'X'))
        && digit(at + 2, 16).is_some();
    let base = match base {
        0 | 16 if hexadecimal => {
            at += 2;
            16
        }
        0 if byte(at) == Some(b'0') => 8,
        0 => 10,
        base => base as u32,
    };
    let first = at;
    let mut magnitude = Some(0u64);
    while let Some(digit) = digit(at, base) {
        let shifted = magnitude.and_then(|value| value.checked_mul(base.into()));
        magnitude = shifted.and_then(|value| value.checked_add(digit.into()));
        at += 1;
    }
    if at == first { none } else { Scanned { negative, magnitude, len: at } }
}

impl Mem<'_> {
    /// What does not fit is undefined in C; here it is as with `strtol`.
    pub(crate) fn atoi(&self, at: u32) -> Result<i32> {
        Ok(signed(&self.scan(at, 10)?))
    }

    pub(crate) fn strtol(&mut self, at: u32, end: u32, base: i32) -> Result<i32> {
        let scanned = self.scan(at, base)?;
        self.write_end(at, end, &scanned)?;
        Ok(signed(&scanned))
    }

    pub(crate) fn strtoul(&mut self, at: u32, end: u32, base: i32) -> Result<u32> {
        let scanned = self.scan(at, base)?;
        self.write_end(at, end, &scanned)?;
        Ok(match scanned.magnitude.and_then(|value| u32::try_from(value).ok()) {
            Some(value) if scanned.negative => value.wrapping_neg(),
            Some(value) => value,
            None => u32::MAX,
        })
    }

    /// Reads the number that a string begins with.
    fn scan(&self, at: u32, base: i32) -> Result<Scanned> {
        let len = self.strlen(at)? as usize;
        let byte = |offset: usize| {
            let inside = (offset < len).then(|| self.byte(u64::from(at) + offset as u64).ok())?;
            inside.filter(|byte| *byte != 0)
        };
        Ok(scan(byte, base))
    }

    fn write_end(&mut self, at: u32, end: u32, scanned: &Scanned) -> Result<()> {
        if end == 0 {
            return Ok(());
        }
        self.write(end, &(at + scanned.len as u32).to_le_bytes())
    }
}

fn signed(scanned: &Scanned) -> i32 {
    let magnitude = scanned.magnitude.and_then(|value| i64::try_from(value).ok());
    let value = magnitude.unwrap_or(i64::MAX);
    let value = if scanned.negative { -value } else { value };
    value.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::both_kinds;

    /// What `strtol` and `strtoul` make of a text, and where they stop.
    fn both(text: &str, base: i32) -> (i32, u32, u32) {
        let mut bytes = [text.as_bytes(), &[0; 8]].concat();
        let end = text.len() as u32 + 2;
        let mut mem = Mem::own(&mut bytes);
        let long = mem.strtol(0, end, base).unwrap();
        let stop = u32::from_le_bytes(mem.array(end).unwrap());
        let unsigned = mem.strtoul(0, end, base).unwrap();
        assert_eq!(u32::from_le_bytes(mem.array(end).unwrap()), stop);
        assert_eq!(mem.strtol(0, 0, base).unwrap(), long, "the end is not asked for");
        if base == 10 {
            assert_eq!(mem.atoi(0).unwrap(), long);
        }
        (long, unsigned, stop)
    }

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        for (text, base, long, unsigned, stop) in [
            ("42", 10, 42, 42, 2),
            (" \t\n\x0b\x0c\r+42x", 10, 42, 42, 9),
            ("-42", 10, -42, 42u32.wrapping_neg(), 3),
            ("", 10, 0, 0, 0),
            ("  -", 10, 0, 0, 0),
            ("x", 10, 0, 0, 0),
            ("0x1fG", 16, 31, 31, 4),
            ("0x1fG", 0, 31, 31, 4),
            ("1f", 16, 31, 31, 2),
            ("0x", 16, 0, 0, 1),
            ("0xg", 0, 0, 0, 1),
            ("0177", 0, 127, 127, 4),
            ("08", 0, 0, 0, 1),
            ("-0X10", 0, -16, 16u32.wrapping_neg(), 5),
            ("zz", 36, 35 * 36 + 35, 35 * 36 + 35, 2),
            ("102", 2, 2, 2, 2),
            ("42", 1, 0, 0, 0),
            ("42", 37, 0, 0, 0),
            ("42", -1, 0, 0, 0),
            ("2147483647", 10, i32::MAX, 2_147_483_647, 10),
            ("2147483648", 10, i32::MAX, 2_147_483_648, 10),
            ("-2147483648", 10, i32::MIN, 2_147_483_648, 11),
            ("-2147483649", 10, i32::MIN, 2_147_483_647, 11),
            ("4294967295", 10, i32::MAX, u32::MAX, 10),
            ("4294967296", 10, i32::MAX, u32::MAX, 10),
            ("-4294967296", 10, i32::MIN, u32::MAX, 11),
            ("99999999999999999999999", 10, i32::MAX, u32::MAX, 23),
            ("-99999999999999999999999", 10, i32::MIN, u32::MAX, 24),
        ] {
            assert_eq!(both(text, base), (long, unsigned, stop), "{text:?} {base}");
        }
    }

    #[test]
    fn pointers_are_checked() {
        both_kinds(b"12\0open", |mem| {
            for outcome in [mem.strtol(3, 0, 10), mem.strtol(99, 0, 10), mem.strtol(0, 4, 10)] {
                assert_eq!(outcome, Err(TrapCode::MemoryOutOfBounds));
            }
            assert_eq!(mem.strtoul(0, u32::MAX, 10), Err(TrapCode::MemoryOutOfBounds));
            assert_eq!(mem.atoi(3), Err(TrapCode::MemoryOutOfBounds));
            assert_eq!(mem.strtol(0, 3, -1), Ok(0));
        });
    }
}
