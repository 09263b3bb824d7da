//! Checked access to the memory of the guest: every address and length that a guest passes goes
//! through
//! [`GuestMemory`]. What the bytes mean stands in `types`.
//!
//! Of memory that other threads of the guest may write at the same time nothing is lent: bytes are
//! copied, and what was checked is not read again.

use std::borrow::Cow;
use std::fmt;

use crate::errno::Errno;

/// The most buffers that one scatter/gather call may name, as `IOV_MAX` on common hosts.
pub(crate) const MAX_IOVECS: u32 = 1024;

/// The most bytes that one call copies out of shared memory or into it, where it may do less than
/// the guest asked for.
pub(crate) const SHARED_PIECE_BYTES: usize = 256 << 10;

/// Bytes that other threads of the guest may use at the same time.
pub trait SharedBytes {
    /// How many there are; never fewer than before.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies bytes out, from `offset` on; false if they lie outside.
    fn read(&self, offset: usize, to: &mut [u8]) -> bool;

    /// Copies bytes in, from `offset` on; false if they lie outside.
    fn write(&self, offset: usize, from: &[u8]) -> bool;
}

/// The linear memory of the calling guest, addressed by 32-bit pointers.
///
/// Every access that would leave the memory answers [`Errno::Fault`]; none panics.
#[derive(Debug)]
pub struct GuestMemory<'a>(Bytes<'a>);

enum Bytes<'a> {
    Own(&'a mut [u8]),
    Shared(&'a dyn SharedBytes),
}

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(bytes) => f.debug_tuple("Own").field(&bytes.len()).finish(),
            Self::Shared(bytes) => f.debug_tuple("Shared").field(&bytes.len()).finish(),
        }
    }
}

/// A buffer of the guest that is known to lie inside its memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestBuf {
    pub(crate) ptr: u32,
    pub(crate) len: u32,
}

macro_rules! scalars {
    ($($read:ident, $write:ident, $type:ty;)*) => {
        $(
            #[doc = concat!("Reads a little-endian `", stringify!($type), "`.")]
            ///
            /// # Errors
            /// [`Errno::Fault`] if it doesn't lie inside the memory.
            pub fn $read(&self, ptr: u32) -> Result<$type, Errno> {
                let mut bytes = [0; size_of::<$type>()];
                self.read(ptr, &mut bytes)?;
                Ok(<$type>::from_le_bytes(bytes))
            }

            #[doc = concat!("Writes a little-endian `", stringify!($type), "`.")]
            ///
            /// # Errors
            /// [`Errno::Fault`] if it doesn't lie inside the memory.
            pub fn $write(&mut self, ptr: u32, value: $type) -> Result<(), Errno> {
                self.write(ptr, &value.to_le_bytes())
            }
        )*
    };
}

impl<'a> GuestMemory<'a> {
    /// Wraps the bytes of a linear memory.
    #[must_use]
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self(Bytes::Own(bytes))
    }

    /// Wraps the bytes of a shared linear memory.
    #[must_use]
    pub fn shared(bytes: &'a dyn SharedBytes) -> Self {
        Self(Bytes::Shared(bytes))
    }

    fn len(&self) -> usize {
        match &self.0 {
            Bytes::Own(bytes) => bytes.len(),
            Bytes::Shared(bytes) => bytes.len(),
        }
    }

    scalars! {
        read_u8, write_u8, u8;
        read_u16, write_u16, u16;
        read_u32, write_u32, u32;
        read_u64, write_u64, u64;
    }

    /// Checks that `len` bytes at `ptr` lie inside the memory.
    ///
    /// # Errors
    /// [`Errno::Fault`] if they don't.
    pub fn check(&self, ptr: u32, len: u32) -> Result<(), Errno> {
        if u64::from(ptr) + u64::from(len) <= self.len() as u64 {
            Ok(())
        } else {
            Err(Errno::Fault)
        }
    }

    /// Copies bytes out.
    ///
    /// # Errors
    /// [`Errno::Fault`] if they don't lie inside the memory.
    pub fn read(&self, ptr: u32, to: &mut [u8]) -> Result<(), Errno> {
        let start = ptr as usize;
        match &self.0 {
            Bytes::Own(bytes) => {
                let end = start.checked_add(to.len()).ok_or(Errno::Fault)?;
                to.copy_from_slice(bytes.get(start..end).ok_or(Errno::Fault)?);
                Ok(())
            }
            Bytes::Shared(bytes) if bytes.read(start, to) => Ok(()),
            Bytes::Shared(_) => Err(Errno::Fault),
        }
    }

    /// Copies `bytes` to `ptr`.
    ///
    /// # Errors
    /// [`Errno::Fault`] if they don't fit inside the memory.
    pub fn write(&mut self, ptr: u32, from: &[u8]) -> Result<(), Errno> {
        let start = ptr as usize;
        match &mut self.0 {
            Bytes::Own(bytes) => {
                let end = start.checked_add(from.len()).ok_or(Errno::Fault)?;
                bytes.get_mut(start..end).ok_or(Errno::Fault)?.copy_from_slice(from);
                Ok(())
            }
            Bytes::Shared(bytes) if bytes.write(start, from) => Ok(()),
            Bytes::Shared(_) => Err(Errno::Fault),
        }
    }

    /// `len` bytes at `ptr`, copied only if the memory is shared.
    ///
    /// # Errors
    /// [`Errno::Fault`] if they don't lie inside the memory.
    pub fn bytes(&self, ptr: u32, len: u32) -> Result<Cow<'_, [u8]>, Errno> {
        self.check(ptr, len)?;
        let (start, len) = (ptr as usize, len as usize);
        match &self.0 {
            Bytes::Own(bytes) => {
                bytes.get(start..start + len).map(Cow::Borrowed).ok_or(Errno::Fault)
            }
            Bytes::Shared(bytes) => {
                let mut copy = vec![0; len];
                if bytes.read(start, &mut copy) { Ok(Cow::Owned(copy)) } else { Err(Errno::Fault) }
            }
        }
    }

    /// The first of `len` bytes at `ptr`: all of them, or as many as are copied at once. None only
    /// if `len` is 0.
    ///
    /// # Errors
    /// [`Errno::Fault`] if not all of them lie inside the memory.
    pub(crate) fn piece(&self, ptr: u32, len: u32) -> Result<Cow<'_, [u8]>, Errno> {
        self.check(ptr, len)?;
        self.bytes(ptr, self.piece_len(len))
    }

    fn piece_len(&self, len: u32) -> u32 {
        match &self.0 {
            Bytes::Own(_) => len,
            Bytes::Shared(_) => len.min(SHARED_PIECE_BYTES as u32),
        }
    }

    /// Has the first of `len` bytes at `ptr` filled: all of them, or as many as are copied at
    /// once. `fill` says how many it wrote, which is the result.
    ///
    /// # Errors
    /// [`Errno::Fault`] if not all of them lie inside the memory, and what `fill` answers.
    pub(crate) fn fill(
        &mut self,
        ptr: u32,
        len: u32,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, Errno>,
    ) -> Result<usize, Errno> {
        self.check(ptr, len)?;
        let (start, piece) = (ptr as usize, self.piece_len(len) as usize);
        match &mut self.0 {
            Bytes::Own(bytes) => fill(bytes.get_mut(start..start + piece).ok_or(Errno::Fault)?),
            Bytes::Shared(bytes) => {
                let mut copy = vec![0; piece];
                let count = fill(&mut copy)?;
                let filled = copy.get(..count).ok_or(Errno::Io)?;
                if bytes.write(start, filled) { Ok(count) } else { Err(Errno::Fault) }
            }
        }
    }

    /// The UTF-8 text of `len` bytes at `ptr`.
    ///
    /// # Errors
    /// [`Errno::Fault`] if it doesn't lie inside the memory, [`Errno::Ilseq`] if it isn't UTF-8.
    pub fn str(&self, ptr: u32, len: u32) -> Result<Cow<'_, str>, Errno> {
        match self.bytes(ptr, len)? {
            Cow::Borrowed(bytes) => {
                std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Errno::Ilseq)
            }
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Errno::Ilseq),
        }
    }

    /// The address of element `index` of an array of `size`-byte elements at `ptr`.
    pub(crate) fn element(ptr: u32, index: u32, size: u32) -> Result<u32, Errno> {
        index.checked_mul(size).and_then(|offset| ptr.checked_add(offset)).ok_or(Errno::Fault)
    }

    /// Reads an array of `iovec` or `ciovec`, drops the empty ones and checks the others.
    ///
    /// # Errors
    /// [`Errno::Fault`] for a buffer outside the memory, [`Errno::Inval`] for more than
    /// [`MAX_IOVECS`] buffers or a total length that doesn't fit 32 bits.
    pub(crate) fn iovecs(&self, ptr: u32, len: u32) -> Result<Vec<GuestBuf>, Errno> {
        if len > MAX_IOVECS {
            return Err(Errno::Inval);
        }
        let mut bufs = Vec::with_capacity(len as usize);
        let mut total_bytes = 0u32;
        for index in 0..len {
            let entry = Self::element(ptr, index, 8)?;
            let buf = GuestBuf {
                ptr: self.read_u32(entry)?,
                len: self.read_u32(Self::element(entry, 1, 4)?)?,
            };
            total_bytes = total_bytes.checked_add(buf.len).ok_or(Errno::Inval)?;
            self.check(buf.ptr, buf.len)?;
            if buf.len != 0 {
                bufs.push(buf);
            }
        }
        Ok(bufs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_of_range_is_fault() {
        let mut bytes = [0; 16];
        let mut mem = GuestMemory::new(&mut bytes);
        assert_eq!(mem.read_u64(8), Ok(0));
        assert_eq!(mem.read_u64(9), Err(Errno::Fault));
        assert_eq!(mem.write_u8(16, 1), Err(Errno::Fault));
        assert_eq!(mem.bytes(u32::MAX, u32::MAX), Err(Errno::Fault));
        assert_eq!(mem.bytes(16, 0), Ok([].as_slice().into()));
        assert_eq!(mem.bytes(17, 0), Err(Errno::Fault));
        assert_eq!(GuestMemory::element(8, u32::MAX, 8), Err(Errno::Fault));
    }

    #[test]
    fn iovecs_are_checked() {
        let mut bytes = [0; 32];
        let mut mem = GuestMemory::new(&mut bytes);
        mem.write_u32(0, 24).unwrap();
        mem.write_u32(4, 8).unwrap();
        assert_eq!(mem.iovecs(0, 1).unwrap().len(), 1);
        assert_eq!(mem.iovecs(0, 2).unwrap().len(), 1);
        mem.write_u32(4, 9).unwrap();
        assert_eq!(mem.iovecs(0, 1).unwrap_err(), Errno::Fault);
        assert_eq!(mem.iovecs(0, MAX_IOVECS + 1).unwrap_err(), Errno::Inval);
        mem.write_u32(0, 0).unwrap();
        mem.write_u32(4, u32::MAX).unwrap();
        assert_eq!(mem.iovecs(0, 1).unwrap_err(), Errno::Fault);
    }
}
