//! The `printf` family: a format string and arguments, all in guest memory, to a sink.
//!
//! Arguments lie as clang passes them for `...` in 32-bit WebAssembly: one after the other, each
//! aligned to its size.

mod args;
mod conversion;
mod float;
mod sink;

use std::io::Write;

use wamr_types::TrapCode;

use crate::mem::{Mem, OUTSIDE};
use args::Args;
use conversion::{Conversion, Length, Parsed};
pub(crate) use sink::{GuestSink, Sink, WriteSink};

type Result<T> = core::result::Result<T, TrapCode>;

/// The most blanks and zeros that widths and precisions of one call may ask for. Beyond, the call
/// returns -1, as C has it for output that is too long.
pub const MAX_PADDING_BYTES: u64 = 16 << 20;

/// Why formatting stops.
pub(crate) enum Stop {
    Trap(TrapCode),
    /// C's answer is -1: the output is too long, or cannot be written or encoded.
    Failed,
}

impl From<TrapCode> for Stop {
    fn from(trap: TrapCode) -> Self {
        Self::Trap(trap)
    }
}

/// Formats; returns how many bytes the output has, or -1.
pub(crate) fn format(
    mem: &mut Mem<'_>,
    format: u32,
    args: u32,
    sink: &mut dyn Sink,
) -> Result<i32> {
    let mut formatter =
        Formatter { mem, sink, args: Args { at: args }, written: 0, padding: MAX_PADDING_BYTES };
    match formatter.run(format) {
        Ok(()) => Ok(formatter.written as i32),
        Err(Stop::Failed) => Ok(-1),
        Err(Stop::Trap(trap)) => Err(trap),
    }
}

/// Prints bytes of the guest's; says whether the stream took them.
pub(crate) fn print(mem: &mut Mem<'_>, at: u32, len: u32, to: &mut dyn Write) -> Result<bool> {
    mem.worked(len.into());
    match WriteSink(to).guest(mem, at, len) {
        Ok(()) => Ok(true),
        Err(Stop::Failed) => Ok(false),
        Err(Stop::Trap(trap)) => Err(trap),
    }
}

struct Formatter<'a, 'm> {
    mem: &'a mut Mem<'m>,
    sink: &'a mut dyn Sink,
    args: Args,
    /// At most `i32::MAX`.
    written: u64,
    /// How much padding is left.
    padding: u64,
}

/// What a conversion prints, between its padding.
#[derive(Default)]
struct Pieces<'p> {
    /// Sign and base.
    prefix: &'p [u8],
    /// Zeros that a precision asks for.
    zeros: u64,
    body: &'p [u8],
    /// Zeros behind the body, and what stands behind them.
    trailing_zeros: u64,
    suffix: &'p [u8],
    /// Whether the flag `0` has an effect.
    zero_padded: bool,
}

impl Formatter<'_, '_> {
    fn run(&mut self, mut at: u32) -> core::result::Result<(), Stop> {
        loop {
            let mut found = 0;
            let len = self.mem.find(at, u64::MAX, |piece| {
                let position = memchr::memchr2(b'%', 0, piece)?;
                found = piece[position];
                Some(position)
            });
            let len = len?.ok_or(OUTSIDE)?;
            self.guest(at, len)?;
            at += len;
            if found == 0 {
                return Ok(());
            }
            let start = u64::from(at);
            let (parsed, len) = conversion::parse(|offset| self.mem.byte(start + offset))?;
            self.mem.worked(len.into());
            match parsed {
                Parsed::Conversion(conversion) => self.convert(conversion)?,
                // Undefined in C; printed as it stands.
                Parsed::Unknown => self.guest(at, len)?,
            }
            // What ends where addresses end has no NUL behind it.
            at = at.checked_add(len).ok_or(OUTSIDE)?;
        }
    }

    fn convert(&mut self, mut spec: Conversion) -> core::result::Result<(), Stop> {
        if spec.width_is_arg {
            let width = self.args.int(self.mem)?;
            spec.left |= width < 0;
            spec.width = width.unsigned_abs();
        }
        if spec.precision_is_arg {
            let precision = self.args.int(self.mem)?;
            spec.precision = u32::try_from(precision).ok();
        }
        match spec.letter {
            b'%' => self.bytes(b"%"),
            b'd' | b'i' => {
                let value = self.args.signed(self.mem, spec.length)?;
                let sign = spec.sign(value < 0);
                self.integer(&spec, sign, value.unsigned_abs())
            }
            b'u' | b'o' | b'x' | b'X' => {
                let value = self.args.unsigned(self.mem, spec.length)?;
                let prefix = match spec.letter {
                    b'x' if spec.alternate && value != 0 => "0x",
                    b'X' if spec.alternate && value != 0 => "0X",
                    _ => "",
                };
                self.integer(&spec, prefix, value)
            }
            b'p' => {
                spec.letter = b'x';
                let value = self.args.int(self.mem)? as u32;
                self.integer(&spec, "0x", value.into())
            }
            b'c' => self.character(&spec),
            b's' if spec.length == Length::Long => self.wide_string(&spec),
            b's' => self.string(&spec),
            b'n' => {
                let at = self.args.int(self.mem)? as u32;
                Ok(self.mem.write(at, &spec.length.low_bytes(self.written))?)
            }
            _ => {
                let value = match spec.length {
                    Length::LongDouble => self.args.long_double(self.mem)?,
                    _ => self.args.double(self.mem)?,
                };
                let text = float::format(&spec, value);
                self.pieces(
                    &spec,
                    &Pieces {
                        prefix: text.prefix.as_bytes(),
                        body: text.body.as_bytes(),
                        trailing_zeros: text.trailing_zeros,
                        suffix: text.suffix.as_bytes(),
                        zero_padded: value.is_finite(),
                        ..Pieces::default()
                    },
                )
            }
        }
    }

    fn integer(
        &mut self,
        spec: &Conversion,
        prefix: &str,
        mut value: u64,
    ) -> core::result::Result<(), Stop> {
        let (base, digits) = match spec.letter {
            b'o' => (8, b"0123456789abcdef"),
            b'x' => (16, b"0123456789abcdef"),
            b'X' => (16, b"0123456789ABCDEF"),
            _ => (10, b"0123456789abcdef"),
        };
        let mut buffer = [0; 24];
        let mut start = buffer.len();
        while value != 0 {
            start -= 1;
            buffer[start] = digits[(value % base) as usize];
            value /= base;
        }
        let body = &buffer[start..];
        let mut wanted = u64::from(spec.precision.unwrap_or(1));
        if spec.letter == b'o' && spec.alternate {
            // The first digit is a zero.
            wanted = wanted.max(body.len() as u64 + 1);
        }
        let zeros = wanted.saturating_sub(body.len() as u64);
        let zero_padded = spec.precision.is_none();
        let prefix = prefix.as_bytes();
        self.pieces(spec, &Pieces { prefix, zeros, body, zero_padded, ..Pieces::default() })
    }

    fn character(&mut self, spec: &Conversion) -> core::result::Result<(), Stop> {
        let value = self.args.int(self.mem)?;
        let mut buffer = [0; 4];
        let body = if spec.length == Length::Long {
            let wide = u32::try_from(value).ok().and_then(char::from_u32).ok_or(Stop::Failed)?;
            wide.encode_utf8(&mut buffer).as_bytes()
        } else {
            buffer[0] = value as u8;
            &buffer[..1]
        };
        self.pieces(spec, &Pieces { body, ..Pieces::default() })
    }

    fn string(&mut self, spec: &Conversion) -> core::result::Result<(), Stop> {
        let at = self.args.int(self.mem)? as u32;
        if at == 0 {
            return self.null(spec);
        }
        let len = match spec.precision {
            Some(precision) => self.mem.string_up_to(at, precision)?,
            None => self.mem.strlen(at)?,
        };
        let blanks = u64::from(spec.width).saturating_sub(len.into());
        self.fill(b' ', if spec.left { 0 } else { blanks })?;
        self.guest(at, len)?;
        self.fill(b' ', if spec.left { blanks } else { 0 })
    }

    /// A null pointer to a string is undefined in C; what common C libraries print.
    fn null(&mut self, spec: &Conversion) -> core::result::Result<(), Stop> {
        let text = b"(null)";
        let len = spec.precision.map_or(text.len(), |max| text.len().min(max as usize));
        self.pieces(spec, &Pieces { body: &text[..len], ..Pieces::default() })
    }

    /// A string of 32-bit characters, as UTF-8. A precision counts bytes, and cuts no character.
    fn wide_string(&mut self, spec: &Conversion) -> core::result::Result<(), Stop> {
        let start = self.args.int(self.mem)? as u32;
        if start == 0 {
            return self.null(spec);
        }
        let max = spec.precision.map_or(usize::MAX, |max| max as usize);
        let (end, len) = self.measure_wide(start, max)?;
        let blanks = u64::from(spec.width).saturating_sub(len as u64);
        self.fill(b' ', if spec.left { 0 } else { blanks })?;
        let mut at = start;
        while at != end {
            // Other threads may have put something else there meanwhile.
            let wide = self.wide(at)?.ok_or(Stop::Failed)?;
            self.bytes(wide.encode_utf8(&mut [0; 4]).as_bytes())?;
            at = at.wrapping_add(4);
        }
        self.fill(b' ', if spec.left { blanks } else { 0 })
    }

    /// Where a wide string ends, and how long it is in UTF-8.
    fn measure_wide(&self, start: u32, max: usize) -> core::result::Result<(u32, usize), Stop> {
        let (mut at, mut len) = (start, 0);
        while len < max {
            let Some(wide) = self.wide(at)? else { break };
            if len + wide.len_utf8() > max {
                break;
            }
            len += wide.len_utf8();
            at = at.checked_add(4).ok_or(OUTSIDE)?;
        }
        self.mem.worked(u64::from(at - start));
        Ok((at, len))
    }

    /// A wide character; `None` for the NUL.
    fn wide(&self, at: u32) -> core::result::Result<Option<char>, Stop> {
        match u32::from_le_bytes(self.mem.array(at)?) {
            0 => Ok(None),
            wide => char::from_u32(wide).map(Some).ok_or(Stop::Failed),
        }
    }

    fn pieces(&mut self, spec: &Conversion, it: &Pieces<'_>) -> core::result::Result<(), Stop> {
        let texts = it.prefix.len() + it.body.len() + it.suffix.len();
        let len = texts as u64 + it.zeros + it.trailing_zeros;
        let gap = u64::from(spec.width).saturating_sub(len);
        let zeros = spec.zero && !spec.left && it.zero_padded;
        let (before, zeros, after) = match (spec.left, zeros) {
            (true, _) => (0, 0, gap),
            (false, true) => (0, gap, 0),
            (false, false) => (gap, 0, 0),
        };
        self.fill(b' ', before)?;
        self.bytes(it.prefix)?;
        self.fill(b'0', zeros.saturating_add(it.zeros))?;
        self.bytes(it.body)?;
        self.fill(b'0', it.trailing_zeros)?;
        self.bytes(it.suffix)?;
        self.fill(b' ', after)
    }

    /// Counts output that is about to be written.
    fn count(&mut self, len: u64) -> core::result::Result<(), Stop> {
        self.written += len;
        self.mem.worked(len);
        if self.written > i32::MAX as u64 { Err(Stop::Failed) } else { Ok(()) }
    }

    fn bytes(&mut self, bytes: &[u8]) -> core::result::Result<(), Stop> {
        self.count(bytes.len() as u64)?;
        self.sink.bytes(self.mem, bytes)
    }

    fn guest(&mut self, at: u32, len: u32) -> core::result::Result<(), Stop> {
        self.count(len.into())?;
        self.sink.guest(self.mem, at, len)
    }

    fn fill(&mut self, byte: u8, count: u64) -> core::result::Result<(), Stop> {
        self.padding = self.padding.checked_sub(count).ok_or(Stop::Failed)?;
        self.count(count)?;
        self.sink.fill(self.mem, byte, count as u32)
    }
}

#[cfg(test)]
mod tests;
