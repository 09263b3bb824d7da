//! Pages that are first written, then run, and never both.

use core::ptr::{self, NonNull};
use std::io;

/// Machine code in pages of its own.
pub(crate) struct CodeMemory {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the pages are never written again, and unmapped by the owner alone.
unsafe impl Send for CodeMemory {}
// SAFETY: as above.
unsafe impl Sync for CodeMemory {}

impl CodeMemory {
    /// Copies machine code, which must not depend on its address, to where it can run.
    ///
    /// # Errors
    /// If the system refuses memory, or refuses to let it run.
    pub(crate) fn new(code: &[u8]) -> io::Result<Self> {
        let len = code.len().max(1);
        let (access, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
        // SAFETY: an anonymous mapping at an address of the system's choice touches nothing.
        let base = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(io::Error::last_os_error)?;
        let memory = Self { base, len };
        // SAFETY: the mapping is ours, writable, and as long as the code.
        let status = unsafe {
            ptr::copy_nonoverlapping(code.as_ptr(), base.as_ptr(), code.len());
            libc::mprotect(base.as_ptr().cast(), len, libc::PROT_READ | libc::PROT_EXEC)
        };
        if status == 0 { Ok(memory) } else { Err(io::Error::last_os_error()) }
    }

    /// The address of the code at `offset`.
    ///
    /// # Panics
    /// If there is no such code.
    pub(crate) fn at(&self, offset: usize) -> *mut () {
        assert!(offset < self.len, "an offset in the code");
        self.base.as_ptr().wrapping_add(offset).cast()
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping came from `new` with this length. Functions keep their module
        // alive, and the module this, so that nobody runs the code any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}
