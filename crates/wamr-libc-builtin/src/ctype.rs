//! `ctype.h` in the C locale: nothing beyond ASCII belongs to any class.

/// A character as these functions take it, if it is one of the C locale.
fn ascii(c: i32) -> Option<u8> {
    u8::try_from(c).ok().filter(u8::is_ascii)
}

fn is(c: i32, class: impl Fn(u8) -> bool) -> i32 {
    i32::from(ascii(c).is_some_and(class))
}

pub(crate) fn isupper(c: i32) -> i32 {
    is(c, |c| c.is_ascii_uppercase())
}

pub(crate) fn isalpha(c: i32) -> i32 {
    is(c, |c| c.is_ascii_alphabetic())
}

pub(crate) fn isspace(c: i32) -> i32 {
    is(c, is_space)
}

pub(crate) fn isgraph(c: i32) -> i32 {
    is(c, |c| c.is_ascii_graphic())
}

pub(crate) fn isprint(c: i32) -> i32 {
    is(c, |c| c.is_ascii_graphic() || c == b' ')
}

pub(crate) fn isdigit(c: i32) -> i32 {
    is(c, |c| c.is_ascii_digit())
}

pub(crate) fn isxdigit(c: i32) -> i32 {
    is(c, |c| c.is_ascii_hexdigit())
}

pub(crate) fn isalnum(c: i32) -> i32 {
    is(c, |c| c.is_ascii_alphanumeric())
}

pub(crate) fn tolower(c: i32) -> i32 {
    ascii(c).map_or(c, |c| c.to_ascii_lowercase().into())
}

pub(crate) fn toupper(c: i32) -> i32 {
    ascii(c).map_or(c, |c| c.to_ascii_uppercase().into())
}

/// Whether a byte is white space: also `\v`, which Rust leaves out.
pub(crate) fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t'..=b'\r')
}
