//! Checked access to the memory of the guest: every address and length that a guest passes goes
//! through
//! [`GuestMemory`]. What the bytes mean stands in `types`.

use crate::errno::Errno;

/// The most buffers that one scatter/gather call may name, as `IOV_MAX` on common hosts.
pub(crate) const MAX_IOVECS: u32 = 1024;

/// The linear memory of the calling guest, addressed by 32-bit pointers.
///
/// Every access that would leave the memory answers [`Errno::Fault`]; none panics.
#[derive(Debug)]
pub struct GuestMemory<'a>(&'a mut [u8]);

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
                let bytes = self.slice(ptr, size_of::<$type>() as u32)?;
                Ok(<$type>::from_le_bytes(bytes.try_into().map_err(|_| Errno::Fault)?))
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
        Self(bytes)
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
        if u64::from(ptr) + u64::from(len) <= self.0.len() as u64 {
            Ok(())
        } else {
            Err(Errno::Fault)
        }
    }

    /// Borrows `len` bytes at `ptr`.
    ///
    /// # Errors
    /// [`Errno::Fault`] if they don't lie inside the memory.
    pub fn slice(&self, ptr: u32, len: u32) -> Result<&[u8], Errno> {
        self.check(ptr, len)?;
        let start = ptr as usize;
        self.0.get(start..start + len as usize).ok_or(Errno::Fault)
    }

    /// Borrows `len` bytes at `ptr` for writing.
    ///
    /// # Errors
    /// [`Errno::Fault`] if they don't lie inside the memory.
    pub fn slice_mut(&mut self, ptr: u32, len: u32) -> Result<&mut [u8], Errno> {
        self.check(ptr, len)?;
        let start = ptr as usize;
        self.0.get_mut(start..start + len as usize).ok_or(Errno::Fault)
    }

    /// Copies `bytes` to `ptr`.
    ///
    /// # Errors
    /// [`Errno::Fault`] if they don't fit inside the memory.
    pub fn write(&mut self, ptr: u32, bytes: &[u8]) -> Result<(), Errno> {
        let len = u32::try_from(bytes.len()).map_err(|_| Errno::Fault)?;
        self.slice_mut(ptr, len)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Borrows the UTF-8 text of `len` bytes at `ptr`.
    ///
    /// # Errors
    /// [`Errno::Fault`] if it doesn't lie inside the memory, [`Errno::Ilseq`] if it isn't UTF-8.
    pub fn str(&self, ptr: u32, len: u32) -> Result<&str, Errno> {
        std::str::from_utf8(self.slice(ptr, len)?).map_err(|_| Errno::Ilseq)
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
        assert_eq!(mem.slice(u32::MAX, u32::MAX), Err(Errno::Fault));
        assert_eq!(mem.slice(16, 0), Ok(&[][..]));
        assert_eq!(mem.slice(17, 0), Err(Errno::Fault));
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
