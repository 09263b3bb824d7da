//! Regions: bytes of the host's that stand in the address spaces of several memories at once.

use core::fmt;
use core::sync::atomic::AtomicU8;
use std::sync::Arc;

use crate::entity::bytes;
use crate::error::{Error, ErrorKind};
use crate::platform::pages::Pages;

/// Bytes of the host's that memories of any stores can have in their address space, behind the
/// end of what they contain; see [`Memory::attach_region`](crate::Memory::attach_region).
///
/// All clones are the same region, which lives as long as any of them, or a memory that has it.
/// Guests on other threads may write it at any time, so that its bytes are never lent as a slice.
#[derive(Clone)]
pub struct HostRegion(Arc<Pages>);

impl HostRegion {
    /// Makes a region of zeros.
    ///
    /// # Errors
    /// If `len_bytes` is 0 or not a multiple of the system's pages, or the system has no memory or
    /// no such pages: they are there on Linux with 64-bit addresses.
    pub fn new(len_bytes: usize) -> Result<Self, Error> {
        Pages::new(len_bytes).map(|pages| Self(Arc::new(pages))).ok_or_else(out_of_memory)
    }

    /// Makes memory of the host's a region, with what it holds. It stays where it is, and stays
    /// when the region ends.
    ///
    /// # Errors
    /// As for [`HostRegion::new`]; and if `at` is not the beginning of a page.
    ///
    /// # Safety
    /// The range must be private memory of this process that can be read and written, and that is
    /// used as nothing but plain memory until the region ends. Nobody may write it while the region
    /// is made and while it ends, and a process forked meanwhile shares it.
    pub unsafe fn over(at: *mut u8, len_bytes: usize) -> Result<Self, Error> {
        // SAFETY: the caller's promise.
        let pages = unsafe { Pages::over(at, len_bytes) };
        pages.map(|pages| Self(Arc::new(pages))).ok_or_else(out_of_memory)
    }

    /// Where the host finds the first byte.
    pub fn base(&self) -> *mut u8 {
        self.0.base()
    }

    /// The bytes, which other threads may be writing.
    pub fn data(&self) -> &[AtomicU8] {
        // SAFETY: the region has that many bytes while `self` lives, and stays where it is. Bytes
        // may be shared between threads as atomics.
        unsafe { core::slice::from_raw_parts(self.base().cast(), self.len_bytes()) }
    }

    /// The size in bytes.
    pub fn len_bytes(&self) -> usize {
        self.0.len()
    }

    /// Writes zeros everywhere.
    pub fn clear(&self) {
        // SAFETY: the region has that many bytes.
        unsafe { bytes::fill(self.base(), 0, self.len_bytes()) }
    }

    /// Whether both are the same region.
    pub fn same(a: &Self, b: &Self) -> bool {
        Arc::ptr_eq(&a.0, &b.0)
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.0
    }
}

impl fmt::Debug for HostRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostRegion").field("len_bytes", &self.len_bytes()).finish_non_exhaustive()
    }
}

fn out_of_memory() -> Error {
    Error::from_kind(ErrorKind::OutOfMemory)
}
