//! What values of options mean.

use std::time::Duration;

use super::Dir;
#[cfg(feature = "loading-linking")]
use super::Preload;

/// A whole number.
pub(super) fn number(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("`{value}` is not a whole number"))
}

/// A number of bytes: `65536`, `64K`, `16M`, `2G`.
pub(super) fn bytes(value: &str) -> Result<u64, String> {
    let (digits, shift) = match value.char_indices().last() {
        Some((at, 'k' | 'K')) => (&value[..at], 10),
        Some((at, 'm' | 'M')) => (&value[..at], 20),
        Some((at, 'g' | 'G')) => (&value[..at], 30),
        _ => (value, 0),
    };
    let number = number(digits)
        .map_err(|_| format!("`{value}` is not a whole number of bytes, nor one with K, M or G"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("`{value}` is too large"))
}

/// A number of bytes of this machine's memory.
pub(super) fn size(value: &str) -> Result<usize, String> {
    usize::try_from(bytes(value)?).map_err(|_| format!("`{value}` is too large"))
}

/// A level of verbosity; nothing is one more than usual.
pub(super) fn verbosity(value: &str) -> Result<u8, String> {
    match value {
        "" => Ok(3),
        _ => match value.parse() {
            Ok(level @ 0..=5) => Ok(level),
            _ => Err(format!("`{value}` is no level; 0 to 5 are")),
        },
    }
}

/// Takes `:ro` off, which makes a directory read-only.
fn access(value: &str) -> (&str, bool) {
    // Behind two colons it is a name.
    match value.strip_suffix(":ro") {
        Some(dir) if !dir.ends_with(':') && !dir.is_empty() => (dir, true),
        _ => (value, false),
    }
}

/// `HOST` or `HOST::GUEST`, perhaps with `:ro`.
pub(super) fn dir(value: &str) -> Dir {
    let (value, is_read_only) = access(value);
    let (host, guest) = value.split_once("::").unwrap_or((value, value));
    Dir { host: host.into(), guest: guest.into(), is_read_only, is_guest_first: false }
}

/// `GUEST::HOST`, perhaps with `:ro`.
pub(super) fn map_dir(value: &str) -> Result<Dir, String> {
    let (dirs, is_read_only) = access(value);
    match dirs.split_once("::") {
        Some((guest, host)) => {
            Ok(Dir { host: host.into(), guest: guest.into(), is_read_only, is_guest_first: true })
        }
        None => Err(format!("`{value}` is not of the form GUEST::HOST")),
    }
}

/// `NAME=VALUE`, or a `NAME` whose value is that of the process.
pub(super) fn variable(value: &str) -> Result<(String, String), String> {
    match value.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        None if !value.is_empty() => match std::env::var(value) {
            Ok(found) => Ok((value.into(), found)),
            Err(_) => Err(format!("`{value}` is not set here; NAME=VALUE gives it a value")),
        },
        _ => Err(format!("`{value}` is not of the form NAME=VALUE")),
    }
}

/// A span of time: `500` or `500ms`, `2s`.
pub(super) fn duration(value: &str) -> Result<Duration, String> {
    let (digits, unit_ms) = match value.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => value.strip_suffix('s').map_or((value, 1), |digits| (digits, 1000)),
    };
    let number: u64 = digits.parse().map_err(|_| {
        format!("`{value}` is not a whole number of milliseconds, nor one of seconds such as 2s")
    })?;
    let ms = number.checked_mul(unit_ms).ok_or_else(|| format!("`{value}` is too large"))?;
    Ok(Duration::from_millis(ms))
}

/// `NAME=FILE`.
#[cfg(feature = "loading-linking")]
pub(super) fn preload(value: &str) -> Result<Preload, String> {
    match value.split_once('=') {
        Some((name, file)) if !file.is_empty() => {
            Ok(Preload { name: name.into(), file: file.into() })
        }
        _ => Err(format!("`{value}` is not of the form NAME=FILE")),
    }
}

/// Reads a public key's file.
#[cfg(feature = "signatures")]
pub(super) fn key(path: &str) -> Result<wamr::aot::PublicKey, String> {
    let in_file = |error: &dyn std::fmt::Display| format!("{path}: {error}");
    let pem = std::fs::read_to_string(path).map_err(|error| in_file(&error))?;
    wamr::aot::PublicKey::from_pem(&pem).map_err(|error| in_file(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("65536"), Ok(65536));
        assert_eq!(bytes("64K"), Ok(65536));
        assert_eq!(bytes("16m"), Ok(16 << 20));
        assert_eq!(bytes("2G"), Ok(2 << 30));
        for wrong in ["", "K", "-1", "1.5M", "1T", "64 K", "17179869184G", "é"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("250"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["", "s", "ms", "-1", "1.5s", "1m", "18446744073709551615s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn directories_have_two_names_and_may_be_read_only() {
        let parts = |dir: Dir| (dir.host, dir.guest, dir.is_read_only);
        let of = |host: &str, guest: &str, ro| (host.to_owned(), guest.to_owned(), ro);
        assert_eq!(parts(dir("a")), of("a", "a", false));
        assert_eq!(parts(dir("a:ro")), of("a", "a", true));
        assert_eq!(parts(dir("a::b")), of("a", "b", false));
        assert_eq!(parts(dir("a::b:ro")), of("a", "b", true));
        assert_eq!(parts(dir("a::ro")), of("a", "ro", false));
        assert_eq!(parts(map_dir("a::b:ro").unwrap()), of("b", "a", true));
        assert!(map_dir("a").is_err());
    }
}
