//! Conversion specifications: what stands behind a `%`.

use super::Result;
use wamr_types::TrapCode;

/// How long an argument is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Length {
    #[default]
    Int,
    Char,
    Short,
    /// `l`: as long as an `int`, but wide for characters and strings.
    Long,
    LongLong,
    LongDouble,
}

impl Length {
    /// A count as `%n` writes it.
    pub(super) fn low_bytes(self, count: u64) -> Vec<u8> {
        let len = match self {
            Self::Char => 1,
            Self::Short => 2,
            Self::LongLong => 8,
            _ => 4,
        };
        count.to_le_bytes()[..len].to_vec()
    }
}

/// A conversion specification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conversion {
    pub(super) left: bool,
    pub(super) plus: bool,
    pub(super) space: bool,
    pub(super) alternate: bool,
    pub(super) zero: bool,
    pub(super) width: u32,
    pub(super) width_is_arg: bool,
    pub(super) precision: Option<u32>,
    pub(super) precision_is_arg: bool,
    pub(super) length: Length,
    pub(super) letter: u8,
}

impl Conversion {
    /// What stands before a signed number.
    pub(super) fn sign(&self, negative: bool) -> &'static str {
        match self {
            _ if negative => "-",
            Self { plus: true, .. } => "+",
            Self { space: true, .. } => " ",
            _ => "",
        }
    }
}

/// What a `%` begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Conversion(Conversion),
    Unknown,
}

/// Reads a specification from its `%` on, which `byte` tells byte by byte, and says how long it is.
/// One that the string's NUL cuts off is unknown.
pub(super) fn parse(byte: impl Fn(u64) -> Result<u8>) -> Result<(Parsed, u32)> {
    let mut spec = Conversion::default();
    let mut at = 1;
    loop {
        match byte(at)? {
            b'-' => spec.left = true,
            b'+' => spec.plus = true,
            b' ' => spec.space = true,
            b'#' => spec.alternate = true,
            b'0' => spec.zero = true,
            _ => break,
        }
        at += 1;
    }
    let digits = |at: &mut u64| {
        let mut value = 0u32;
        while let digit @ b'0'..=b'9' = byte(*at)? {
            value = value.saturating_mul(10).saturating_add((digit - b'0').into());
            *at += 1;
        }
        Ok::<u32, TrapCode>(value)
    };
    if byte(at)? == b'*' {
        spec.width_is_arg = true;
        at += 1;
    } else {
        spec.width = digits(&mut at)?;
    }
    if byte(at)? == b'.' {
        at += 1;
        if byte(at)? == b'*' {
            spec.precision_is_arg = true;
            at += 1;
        } else if byte(at)? == b'-' {
            // A negative precision is as if there were none.
            at += 1;
            digits(&mut at)?;
        } else {
            spec.precision = Some(digits(&mut at)?);
        }
    }
    let (length, letters) = match (byte(at)?, byte(at + 1).unwrap_or(0)) {
        (b'h', b'h') => (Length::Char, 2),
        (b'h', _) => (Length::Short, 1),
        (b'l', b'l') => (Length::LongLong, 2),
        (b'l', _) => (Length::Long, 1),
        (b'j' | b'q', _) => (Length::LongLong, 1),
        (b'z' | b't', _) => (Length::Int, 1),
        (b'L', _) => (Length::LongDouble, 1),
        _ => (Length::Int, 0),
    };
    spec.length = length;
    at += letters;
    spec.letter = byte(at)?;
    Ok(match spec.letter {
        0 => (Parsed::Unknown, at as u32),
        b'd' | b'i' | b'u' | b'o' | b'x' | b'X' | b'p' | b'c' | b's' | b'n' | b'%' | b'f'
        | b'F' | b'e' | b'E' | b'g' | b'G' | b'a' | b'A' => {
            (Parsed::Conversion(spec), at as u32 + 1)
        }
        _ => (Parsed::Unknown, at as u32 + 1),
    })
}
