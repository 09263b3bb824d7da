//! Platforms on which no code can be loaded.

use core::ops::Range;
use core::ptr::NonNull;
use std::fs::File;
use std::io::{self, Read, Seek};

/// Memory that is read.
#[derive(Debug)]
pub(super) struct Mapping(Vec<u8>);

impl Mapping {
    pub(super) fn new(len: usize) -> io::Result<Self> {
        Ok(Self(vec![0; len]))
    }

    /// Reads what there is, at most `len` bytes of it.
    pub(super) fn read(from: impl Read, len: usize) -> io::Result<Self> {
        let mut bytes = Vec::new();
        from.take(len as u64).read_to_end(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads the first `len` bytes of a file, or what there is of them.
    pub(super) fn read_file(mut file: &File, len: usize) -> io::Result<Self> {
        file.rewind()?;
        Self::read(file, len)
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        NonNull::from(&self.0[..]).cast()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Refuses.
    ///
    /// # Safety
    /// None here; see the other platforms.
    pub(super) unsafe fn protect(&self, _: Range<usize>, _: usize, _: &[usize]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// No pages are ever protected.
pub(super) fn page_bytes() -> usize {
    64 << 10
}
