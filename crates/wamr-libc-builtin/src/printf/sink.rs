//! Where formatted output goes.

use std::io::Write;

use wamr_types::TrapCode;

use super::Stop;
use crate::mem::Mem;

/// Where formatted output goes. Pieces that lie in guest memory stay there until they are written,
/// so that nothing that a guest can make large is copied to the host's memory.
pub(crate) trait Sink {
    /// Bytes of the host's.
    fn bytes(&mut self, mem: &mut Mem<'_>, bytes: &[u8]) -> Result<(), Stop>;

    /// Bytes of the guest's.
    fn guest(&mut self, mem: &mut Mem<'_>, at: u32, len: u32) -> Result<(), Stop>;

    /// The same byte many times.
    fn fill(&mut self, mem: &mut Mem<'_>, byte: u8, count: u32) -> Result<(), Stop>;
}

/// Output to a stream.
pub(crate) struct WriteSink<'a>(pub(crate) &'a mut dyn Write);

impl WriteSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.0.write_all(bytes).map_err(|_| Stop::Failed)
    }
}

impl Sink for WriteSink<'_> {
    fn bytes(&mut self, _: &mut Mem<'_>, bytes: &[u8]) -> Result<(), Stop> {
        self.write(bytes)
    }

    fn guest(&mut self, mem: &mut Mem<'_>, at: u32, len: u32) -> Result<(), Stop> {
        mem.pieces(at, len, |piece| self.write(piece))
    }

    fn fill(&mut self, _: &mut Mem<'_>, byte: u8, mut count: u32) -> Result<(), Stop> {
        let chunk = [byte; 256];
        while count != 0 {
            let len = count.min(256);
            self.write(&chunk[..len as usize])?;
            count -= len;
        }
        Ok(())
    }
}

/// Output to guest memory.
pub(crate) struct GuestSink {
    at: u64,
    /// How many bytes may still be written, the NUL excluded; what is beyond is only counted.
    room: u32,
    /// Whether there is a place for the NUL.
    terminated: bool,
}

impl GuestSink {
    /// For `sprintf`: only the end of memory ends the output.
    pub(crate) fn unlimited(at: u32) -> Self {
        Self { at: at.into(), room: u32::MAX, terminated: true }
    }

    /// For `snprintf`: the buffer has `size` bytes, the NUL included.
    pub(crate) fn sized(at: u32, size: u32) -> Self {
        Self { at: at.into(), room: size.saturating_sub(1), terminated: size != 0 }
    }

    /// Writes the NUL.
    pub(crate) fn finish(&mut self, mem: &mut Mem<'_>) -> super::Result<()> {
        let at = u32::try_from(self.at).map_err(|_| TrapCode::MemoryOutOfBounds)?;
        if self.terminated { mem.write(at, &[0]) } else { Ok(()) }
    }

    /// Where to write how much of a piece; `None` if nothing.
    fn take(&mut self, len: u32) -> Result<Option<(u32, u32)>, Stop> {
        let len = len.min(self.room);
        if len == 0 {
            return Ok(None);
        }
        let at = u32::try_from(self.at).map_err(|_| TrapCode::MemoryOutOfBounds)?;
        self.room -= len;
        self.at += u64::from(len);
        Ok(Some((at, len)))
    }
}

impl Sink for GuestSink {
    fn bytes(&mut self, mem: &mut Mem<'_>, bytes: &[u8]) -> Result<(), Stop> {
        if let Some((at, len)) = self.take(u32::try_from(bytes.len()).unwrap_or(u32::MAX))? {
            mem.write(at, &bytes[..len as usize])?;
        }
        Ok(())
    }

    fn guest(&mut self, mem: &mut Mem<'_>, from: u32, len: u32) -> Result<(), Stop> {
        if let Some((at, len)) = self.take(len)? {
            mem.memmove(at, from, len)?;
        }
        Ok(())
    }

    fn fill(&mut self, mem: &mut Mem<'_>, byte: u8, count: u32) -> Result<(), Stop> {
        if let Some((at, len)) = self.take(count)? {
            mem.memset(at, byte.into(), len)?;
        }
        Ok(())
    }
}
