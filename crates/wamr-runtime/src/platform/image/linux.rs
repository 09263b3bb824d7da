//! Images in anonymous files, sealed against every change.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;

/// An immutable file in memory.
pub(crate) struct Image {
    file: File,
    len: usize,
}

impl Image {
    /// Makes an image of `len` bytes, a multiple of [`page_bytes`]: zeros, and the parts at their
    /// places, in order. `None` where the system refuses.
    pub(crate) fn new<'a>(
        len: usize,
        parts: impl Iterator<Item = (usize, &'a [u8])>,
    ) -> Option<Self> {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // SAFETY: the name is a C string; the call makes a descriptor or fails.
        let fd = unsafe { libc::syscall(libc::SYS_memfd_create, c"wasm data".as_ptr(), flags) };
        let fd = i32::try_from(fd).ok().filter(|&fd| fd >= 0)?;
        // SAFETY: the descriptor was just made and has no other owner.
        let file = unsafe { File::from_raw_fd(fd) };
        file.set_len(len as u64).ok()?;
        for (at, bytes) in parts {
            file.write_all_at(bytes, at as u64).ok()?;
        }
        let seals =
            libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        // SAFETY: changes what may be done to our own file.
        let sealed = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) };
        (sealed == 0).then_some(Self { file, len })
    }

    /// Puts a private copy at `at`; false, and nothing is changed, where the system refuses.
    ///
    /// # Safety
    /// The image's length from `at` on must be committed bytes of one reservation that nobody
    /// else uses, and `at` the beginning of a page.
    pub(crate) unsafe fn map(&self, at: *mut u8) -> bool {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_NORESERVE;
        let fd = self.file.as_raw_fd();
        // SAFETY: the caller owns the range that is replaced.
        let mapped = unsafe { libc::mmap(at.cast(), self.len, protection, flags, fd, 0) };
        mapped == at.cast()
    }
}

/// Images begin and end at multiples of this.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: asks for a constant of the system.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(super::super::GRANULE)
}
