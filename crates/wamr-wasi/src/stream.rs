//! Byte streams without a position: the process's own standard streams, those that an embedder
//! supplies, and output that is kept in memory.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, PipeReader, PipeWriter, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::escapes::EscapeFilter;
use crate::sys::{self, Handle};
use crate::types::FileType;

/// How many bytes [`MemoryOutput::new`] keeps.
const DEFAULT_MEMORY_OUTPUT_BYTES: usize = 64 << 20;

/// Where a guest's input comes from or its output goes to.
pub(crate) enum Stream {
    Stdin,
    Stdout,
    Stderr,
    Reader(Box<dyn Read + Send>),
    Writer(Box<dyn Write + Send>),
    PipeReader(PipeReader),
    PipeWriter(PipeWriter),
    /// What the embedder has open, to read or to write.
    InputFile(File),
    OutputFile(File),
    /// An output that terminals do not obey.
    Filtered(Box<Self>, EscapeFilter),
}

impl Stream {
    pub(crate) fn is_input(&self) -> bool {
        matches!(self, Self::Stdin | Self::Reader(_) | Self::PipeReader(_) | Self::InputFile(_))
    }

    /// The same output without escape sequences.
    pub(crate) fn filtered(self) -> Self {
        Self::Filtered(Box::new(self), EscapeFilter::default())
    }

    pub(crate) fn filetype(&self) -> FileType {
        let terminal = match self {
            Self::Stdin => io::stdin().is_terminal(),
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
            Self::InputFile(file) | Self::OutputFile(file) => file.is_terminal(),
            Self::Filtered(output, _) => return output.filetype(),
            Self::Reader(_) | Self::Writer(_) | Self::PipeReader(_) | Self::PipeWriter(_) => false,
        };
        if terminal { FileType::CharacterDevice } else { FileType::Unknown }
    }

    /// What can be waited for; streams of the embedder always count as ready.
    pub(crate) fn handle(&self) -> Option<Handle<'_>> {
        match self {
            Self::Stdin => sys::stdin_handle(),
            Self::Stdout => sys::stdout_handle(),
            Self::Stderr => sys::stderr_handle(),
            Self::Reader(_) | Self::Writer(_) => None,
            Self::PipeReader(pipe) => sys::handle_of(pipe),
            Self::PipeWriter(pipe) => sys::handle_of(pipe),
            Self::InputFile(file) | Self::OutputFile(file) => sys::handle_of(file),
            Self::Filtered(output, _) => output.handle(),
        }
    }

    /// Reads once; an output refuses.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stdin => sys::read_stdin(buf),
            // A reader that lies about its count must not make us slice out of range.
            Self::Reader(reader) => reader.read(buf).map(|count| count.min(buf.len())),
            Self::PipeReader(pipe) => pipe.read(buf),
            Self::InputFile(file) => file.read(buf),
            Self::Stdout
            | Self::Stderr
            | Self::Writer(_)
            | Self::PipeWriter(_)
            | Self::OutputFile(_)
            | Self::Filtered(..) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Writes once and flushes, so that what a guest wrote is seen even if it never exits; an input
    /// refuses.
    pub(crate) fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout => sys::write_stdout(buf),
            Self::Stderr => sys::write_stderr(buf),
            Self::Writer(writer) => {
                let count = writer.write(buf)?.min(buf.len());
                writer.flush()?;
                Ok(count)
            }
            Self::PipeWriter(pipe) => pipe.write(buf),
            Self::OutputFile(file) => file.write(buf),
            Self::Filtered(output, filter) => filter.write(buf, |bytes| output.write(bytes)),
            Self::Stdin | Self::Reader(_) | Self::PipeReader(_) | Self::InputFile(_) => {
                Err(io::ErrorKind::Unsupported.into())
            }
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdin => "Stdin",
            Self::Stdout => "Stdout",
            Self::Stderr => "Stderr",
            Self::Reader(_) => "Reader",
            Self::Writer(_) => "Writer",
            Self::PipeReader(_) => "PipeReader",
            Self::PipeWriter(_) => "PipeWriter",
            Self::InputFile(_) => "InputFile",
            Self::OutputFile(_) => "OutputFile",
            Self::Filtered(..) => "Filtered",
        })
    }
}

/// Output that is kept in memory: give a clone to
/// [`WasiCtxBuilder::stdout`](crate::WasiCtxBuilder::stdout) and read [`contents`](Self::contents)
/// later.
///
/// The size is limited, since the guest decides how much it writes; beyond the limit a guest sees
/// [`Errno::Nospc`](crate::Errno::Nospc).
#[derive(Clone, Debug)]
pub struct MemoryOutput {
    bytes: Arc<Mutex<Vec<u8>>>,
    limit_bytes: usize,
}

impl MemoryOutput {
    /// Creates an empty buffer that takes up to 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_MEMORY_OUTPUT_BYTES)
    }

    /// Creates an empty buffer that takes up to `limit_bytes`.
    #[must_use]
    pub fn with_limit(limit_bytes: usize) -> Self {
        Self { bytes: Arc::default(), limit_bytes }
    }

    /// What has been written so far.
    #[must_use]
    pub fn contents(&self) -> Vec<u8> {
        self.lock().clone()
    }

    /// Takes what has been written so far and leaves the buffer empty.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        // The bytes are valid after any panic of another holder.
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryOutput {
    fn default() -> Self {
        Self::new()
    }
}

impl Write for MemoryOutput {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut bytes = self.lock();
        let count = self.limit_bytes.saturating_sub(bytes.len()).min(buf.len());
        if count == 0 && !buf.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        bytes.extend_from_slice(&buf[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_output_is_limited() {
        let output = MemoryOutput::with_limit(4);
        let mut writer = output.clone();
        assert_eq!(writer.write(b"abcdef").unwrap(), 4);
        assert_eq!(writer.write(b"g").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(output.take(), b"abcd");
        assert_eq!(writer.write(b"g").unwrap(), 1);
        assert_eq!(output.contents(), b"g");
    }
}
