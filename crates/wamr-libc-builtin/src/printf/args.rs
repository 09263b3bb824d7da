//! Variable arguments as they lie in guest memory.

use wamr_types::TrapCode;

use super::Result;
use super::conversion::Length;
use crate::mem::Mem;

/// The arguments that are left.
pub(super) struct Args {
    pub(super) at: u32,
}

impl Args {
    /// An argument of `N` bytes, which is aligned to its size.
    fn take<const N: usize>(&mut self, mem: &Mem<'_>) -> Result<[u8; N]> {
        let outside = TrapCode::MemoryOutOfBounds;
        let at = self.at.checked_next_multiple_of(N as u32).ok_or(outside)?;
        let bytes = mem.array(at)?;
        // The last argument may end where addresses end; there is none behind it.
        self.at = at.saturating_add(N as u32);
        Ok(bytes)
    }

    pub(super) fn int(&mut self, mem: &Mem<'_>) -> Result<i32> {
        self.take(mem).map(i32::from_le_bytes)
    }

    pub(super) fn signed(&mut self, mem: &Mem<'_>, length: Length) -> Result<i64> {
        Ok(match length {
            Length::Char => (self.int(mem)? as i8).into(),
            Length::Short => (self.int(mem)? as i16).into(),
            Length::LongLong => self.take(mem).map(i64::from_le_bytes)?,
            _ => self.int(mem)?.into(),
        })
    }

    pub(super) fn unsigned(&mut self, mem: &Mem<'_>, length: Length) -> Result<u64> {
        Ok(match length {
            Length::Char => (self.int(mem)? as u8).into(),
            Length::Short => (self.int(mem)? as u16).into(),
            Length::LongLong => self.take(mem).map(u64::from_le_bytes)?,
            _ => (self.int(mem)? as u32).into(),
        })
    }

    pub(super) fn double(&mut self, mem: &Mem<'_>) -> Result<f64> {
        self.take(mem).map(f64::from_le_bytes)
    }

    /// A `long double` has 128 bits; it is printed with the precision of a `double`.
    pub(super) fn long_double(&mut self, mem: &Mem<'_>) -> Result<f64> {
        self.take(mem).map(u128::from_le_bytes).map(narrow)
    }
}

/// The `double` nearest to an IEEE binary128.
fn narrow(bits: u128) -> f64 {
    const FRACTION_BITS: u32 = 112;
    let negative = bits >> 127 != 0;
    let exponent = (bits >> FRACTION_BITS) as i32 & 0x7fff;
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let magnitude = match exponent {
        0x7fff if fraction == 0 => f64::INFINITY,
        0x7fff => f64::NAN,
        // Far below what a double can be.
        0 => 0.0,
        _ => {
            let exponent = exponent - 16383;
            let significand = 1 << FRACTION_BITS | fraction;
            // As many bits as a double has at this exponent, rounded to even.
            let kept = if exponent >= -1022 { 53 } else { 53 - (-1022 - exponent) };
            if exponent > 1023 {
                f64::INFINITY
            } else if kept < 0 {
                0.0
            } else {
                let dropped = FRACTION_BITS + 1 - kept as u32;
                let half = 1u128 << (dropped - 1);
                let rest = significand & ((1 << dropped) - 1);
                let low = significand >> dropped;
                let up = rest > half || (rest == half && low & 1 == 1);
                let rounded = (low + u128::from(up)) as f64;
                // In two steps, since the power of two alone may be below what a double can be.
                let power = exponent - (kept - 1);
                let first = power.max(-1000);
                rounded * 2f64.powi(first) * 2f64.powi(power - first)
            }
        }
    };
    if negative { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The binary128 that equals a double.
    fn widen(value: f64) -> u128 {
        let bits = value.to_bits();
        let (exponent, fraction) = (bits >> 52 & 0x7ff, u128::from(bits & ((1 << 52) - 1)));
        let sign = u128::from(bits >> 63) << 127;
        match (exponent, fraction) {
            (0, 0) => sign,
            (0, fraction) => {
                let top = 127 - fraction.leading_zeros();
                let exponent = 16383 - 1074 + u128::from(top);
                sign | exponent << 112 | (fraction << (112 - top) & ((1 << 112) - 1))
            }
            (0x7ff, fraction) => sign | 0x7fff << 112 | fraction << 60,
            (exponent, fraction) => {
                sign | (u128::from(exponent) + 16383 - 1023) << 112 | fraction << 60
            }
        }
    }

    #[test]
    fn long_doubles_become_the_nearest_double() {
        for value in [
            0.0,
            -0.0,
            1.0,
            -1.5,
            0.1,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            1.7e-310,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            assert_eq!(narrow(widen(value)).to_bits(), value.to_bits(), "{value:e}");
        }
        assert!(narrow(widen(f64::NAN)).is_nan());
        // Ties go to even; anything above a tie goes up; beyond the largest is infinite.
        let one = widen(1.0);
        assert_eq!(narrow(one | 1 << 59), 1.0);
        assert_eq!(narrow(one | 1 << 59 | 1), 1.0 + f64::EPSILON);
        assert_eq!(narrow(one | 3 << 59), 1.0 + 2.0 * f64::EPSILON);
        assert_eq!(narrow(widen(f64::MAX) | 1 << 59), f64::INFINITY);
        assert_eq!(narrow(20000 << 112), f64::INFINITY);
        assert_eq!(narrow(1 << 112), 0.0);
        // Half of the smallest is a tie, to even; a little more is not.
        let half = (16383 - 1075) << 112;
        assert_eq!((narrow(half), narrow(half | 1)), (0.0, 5e-324));
    }
}
