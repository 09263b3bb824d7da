//! Taking from output what terminals obey: a guest that writes to one could otherwise change its
//! title, clear it, or have it type. The bytes that are left are UTF-8.

use std::io;

/// How much is taken at once. What comes out of it is three times as long at most, and goes into a
/// pipe that reports room without waiting.
const PIECE_BYTES: usize = 1360;

/// Removes escapes from what is written piece by piece. A character may arrive in pieces too.
#[derive(Debug, Default)]
pub(crate) struct EscapeFilter {
    /// The start of a character.
    partial: Vec<u8>,
    /// What the output has not taken yet.
    pending: Vec<u8>,
}

impl EscapeFilter {
    /// Takes the first of `bytes` and writes what is left of them; says how many it took. If the
    /// output fails, it took none.
    pub(crate) fn write(
        &mut self,
        bytes: &[u8],
        mut output: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.flush(&mut output)?;
        let piece = &bytes[..bytes.len().min(PIECE_BYTES)];
        self.take(piece);
        match self.flush(&mut output) {
            // It is ours now, and the next write brings it there.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(piece.len())
            }
            Err(error) => {
                self.pending.clear();
                Err(error)
            }
            Ok(()) => Ok(piece.len()),
        }
    }

    /// Writes what is pending.
    fn flush(&mut self, output: &mut impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<()> {
        while !self.pending.is_empty() {
            let count = output(&self.pending)?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.pending.drain(..count.min(self.pending.len()));
        }
        Ok(())
    }

    fn take(&mut self, piece: &[u8]) {
        let mut bytes = std::mem::take(&mut self.partial);
        bytes.extend_from_slice(piece);
        let mut rest = &bytes[..];
        loop {
            let (text, invalid) = match std::str::from_utf8(rest) {
                Ok(text) => (text, None),
                Err(error) => {
                    let (valid, _) = rest.split_at(error.valid_up_to());
                    // It is valid so far, as just found.
                    (std::str::from_utf8(valid).unwrap_or_default(), Some(error))
                }
            };
            for character in text.chars() {
                let mut utf8 = [0; 4];
                let visible = visible(character).encode_utf8(&mut utf8);
                self.pending.extend_from_slice(visible.as_bytes());
            }
            let Some(error) = invalid else { return };
            let broken = &rest[error.valid_up_to()..];
            match error.error_len() {
                None => {
                    self.partial = broken.to_vec();
                    return;
                }
                Some(len) => {
                    self.pending.extend_from_slice("\u{fffd}".as_bytes());
                    rest = &broken[len..];
                }
            }
        }
    }
}

/// A sign for what terminals obey.
fn visible(character: char) -> char {
    match character {
        '\n' | '\r' | '\t' => character,
        // The pictures of the control characters are in their order.
        '\0'..='\x1f' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        // Among these is a shorter way to write an escape.
        '\u{80}'..='\u{9f}' => '\u{fffd}',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out if this is written in pieces of `len` bytes.
    fn filtered(bytes: &[u8], len: usize) -> String {
        let mut filter = EscapeFilter::default();
        let mut out = Vec::new();
        for mut piece in bytes.chunks(len) {
            while !piece.is_empty() {
                let count = filter.write(piece, |bytes| {
                    // One byte at a time, so that pending bytes matter.
                    out.push(bytes[0]);
                    Ok(1)
                });
                piece = &piece[count.unwrap()..];
            }
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_terminals_obey_is_replaced() {
        for len in [1, 2, 3, 5, 100] {
            assert_eq!(filtered(b"plain\ttext\r\n", len), "plain\ttext\r\n");
            assert_eq!(filtered("h\u{e9}llo \u{1f600}".as_bytes(), len), "h\u{e9}llo \u{1f600}");
            assert_eq!(filtered(b"\x1b]0;title\x07", len), "\u{241b}]0;title\u{2407}");
            assert_eq!(filtered(b"a\x00\x08\x0b\x7f", len), "a\u{2400}\u{2408}\u{240b}\u{2421}");
            assert_eq!(filtered("\u{9b}2J".as_bytes(), len), "\u{fffd}2J", "C1");
            assert_eq!(filtered(b"\x9b2J", len), "\u{fffd}2J", "a byte of C1");
            assert_eq!(filtered(b"\xff\xc3(\xe2\x82", len), "\u{fffd}\u{fffd}(");
            assert_eq!(filtered(b"\xe2\x1b[0m", len), "\u{fffd}\u{241b}[0m");
        }
    }

    #[test]
    fn much_is_taken_in_pieces() {
        let escapes = vec![0x1b; 5000];
        let mut filter = EscapeFilter::default();
        let mut longest = 0;
        let count = filter.write(&escapes, |bytes| {
            longest = bytes.len().max(longest);
            Ok(bytes.len())
        });
        assert_eq!(count.unwrap(), PIECE_BYTES);
        assert!(longest <= 4096);
        assert_eq!(filtered(&escapes, 5000), "\u{241b}".repeat(5000));
    }

    #[test]
    fn errors_of_the_output() {
        let mut filter = EscapeFilter::default();
        let waits = |_: &[u8]| Err(io::ErrorKind::WouldBlock.into());
        assert_eq!(filter.write(b"\x1b", waits).unwrap(), 1, "kept");
        assert_eq!(filter.write(b"b", waits).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let mut out = Vec::new();
        let count = filter.write(b"c", |bytes| {
            out.extend_from_slice(bytes);
            Ok(bytes.len())
        });
        assert_eq!((count.unwrap(), &*out), (1, "\u{241b}c".as_bytes()));
        let fails = |_: &[u8]| Err(io::ErrorKind::StorageFull.into());
        assert_eq!(filter.write(b"d", fails).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(filter.pending.is_empty());
    }
}
