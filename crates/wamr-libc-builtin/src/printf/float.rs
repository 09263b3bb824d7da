//! Floating-point numbers in all of C's notations, with every digit exact.

use super::conversion::Conversion;

/// No double has more digits behind its point; what a precision asks for beyond are zeros.
const MOST_DIGITS: u32 = 1100;

/// A number in pieces.
pub(super) struct Text {
    /// The sign, and `0x`.
    pub(super) prefix: String,
    pub(super) body: String,
    pub(super) trailing_zeros: u64,
    /// The exponent.
    pub(super) suffix: String,
}

pub(super) fn format(spec: &Conversion, value: f64) -> Text {
    let sign = spec.sign(value.is_sign_negative());
    let upper = spec.letter.is_ascii_uppercase();
    let magnitude = value.abs();
    let mut text = match spec.letter.to_ascii_lowercase() {
        _ if !value.is_finite() => plain(if value.is_nan() { "nan".into() } else { "inf".into() }),
        b'f' => fixed(spec, magnitude, spec.precision.unwrap_or(6)),
        b'e' => scientific(spec, magnitude, spec.precision.unwrap_or(6)),
        b'g' => general(spec, magnitude),
        _ => hexadecimal(spec, magnitude),
    };
    text.prefix.insert_str(0, sign);
    if upper {
        for piece in [&mut text.prefix, &mut text.body, &mut text.suffix] {
            piece.make_ascii_uppercase();
        }
    }
    text
}

fn plain(body: String) -> Text {
    Text { prefix: String::new(), body, trailing_zeros: 0, suffix: String::new() }
}

/// `ddd.ddd`
fn fixed(spec: &Conversion, value: f64, precision: u32) -> Text {
    let shown = precision.min(MOST_DIGITS);
    let mut body = format!("{value:.*}", shown as usize);
    if precision == 0 && spec.alternate {
        body.push('.');
    }
    Text { trailing_zeros: (precision - shown).into(), ..plain(body) }
}

/// `d.ddde+dd`
fn scientific(spec: &Conversion, value: f64, precision: u32) -> Text {
    let shown = precision.min(MOST_DIGITS);
    let (mut body, exponent) = digits(value, shown);
    if precision == 0 && spec.alternate {
        body.push('.');
    }
    let suffix = suffix(exponent);
    Text { trailing_zeros: (precision - shown).into(), suffix, ..plain(body) }
}

fn suffix(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:02}", exponent.unsigned_abs())
}

/// The digits `d.ddd` and the exponent.
fn digits(value: f64, precision: u32) -> (String, i32) {
    let text = format!("{value:.*e}", precision as usize);
    match text.split_once('e') {
        Some((digits, exponent)) => (digits.into(), exponent.parse().unwrap_or(0)),
        None => (text, 0),
    }
}

/// `fixed` or `scientific`, whichever is shorter; without trailing zeros unless asked for.
fn general(spec: &Conversion, value: f64) -> Text {
    let precision = spec.precision.unwrap_or(6).max(1);
    let (_, exponent) = digits(value, (precision - 1).min(MOST_DIGITS));
    let in_range = exponent >= -4 && i64::from(exponent) < i64::from(precision);
    let mut text = if in_range {
        let digits_behind = i64::from(precision) - 1 - i64::from(exponent);
        fixed(spec, value, u32::try_from(digits_behind).unwrap_or(0))
    } else {
        scientific(spec, value, precision - 1)
    };
    if !spec.alternate {
        text.trailing_zeros = 0;
        if text.body.contains('.') {
            let kept = text.body.trim_end_matches('0').trim_end_matches('.').len();
            text.body.truncate(kept);
        }
    }
    text
}

/// `0xh.hhhp+d`
fn hexadecimal(spec: &Conversion, value: f64) -> Text {
    const DIGITS: u32 = 13;
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let (leading, exponent) = match (bits >> 52, fraction) {
        (0, 0) => (0, 0),
        (0, _) => (0, -1022),
        (biased, _) => (1, biased as i32 - 1023),
    };
    let mut significand = leading << 52 | fraction;
    let mut trailing_zeros = 0;
    let shown = match spec.precision {
        None => DIGITS - (fraction.trailing_zeros() / 4).min(DIGITS),
        Some(precision) if precision >= DIGITS => {
            trailing_zeros = u64::from(precision - DIGITS);
            DIGITS
        }
        Some(precision) => {
            // Round to even.
            let dropped = 4 * (DIGITS - precision);
            let (rest, half) = (significand & ((1 << dropped) - 1), 1 << (dropped - 1));
            significand -= rest;
            let odd = significand >> dropped & 1 == 1;
            if rest > half || (rest == half && odd) {
                significand += 1 << dropped;
            }
            precision
        }
    };
    let mut body = format!("{}", significand >> 52);
    if shown > 0 || spec.alternate {
        body.push('.');
    }
    let digits = format!("{:013x}", significand & ((1 << 52) - 1));
    body.push_str(&digits[..shown as usize]);
    let sign = if exponent < 0 { '-' } else { '+' };
    let suffix = format!("p{sign}{}", exponent.unsigned_abs());
    Text { prefix: "0x".into(), body, trailing_zeros, suffix }
}
