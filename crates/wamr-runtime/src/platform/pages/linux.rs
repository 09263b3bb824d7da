//! Shared mappings of an anonymous file.

use core::ptr::{NonNull, null_mut};
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;

use crate::platform::image::page_bytes;

const ACCESS: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;

/// Pages that can be mapped at any number of addresses, and are at one of them.
pub(crate) struct Pages {
    file: File,
    base: NonNull<u8>,
    len: usize,
    /// Whether `base` was somebody's memory before, and is to be so again.
    is_over: bool,
}

// SAFETY: pages are plain memory; who may touch them is the owner's business.
unsafe impl Send for Pages {}
// SAFETY: as above; nothing here changes once it is made.
unsafe impl Sync for Pages {}

impl Pages {
    /// Makes pages of zeros; `None` if `len` is 0 or no multiple of a page, or the system refuses.
    pub(crate) fn new(len: usize) -> Option<Self> {
        let file = file(len)?;
        // SAFETY: a mapping at an address of the system's choice touches nothing.
        let base =
            unsafe { libc::mmap(null_mut(), len, ACCESS, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if base == libc::MAP_FAILED {
            return None;
        }
        Some(Self { file, base: NonNull::new(base.cast())?, len, is_over: false })
    }

    /// Puts pages in place of memory, with what that holds; `None`, and nothing is changed, if it
    /// does not consist of pages or the system refuses.
    ///
    /// # Safety
    /// The range must be private memory that can be read and written, with no other use than that
    /// of plain memory until this is dropped, and nobody may write it now or while this is dropped.
    pub(crate) unsafe fn over(at: *mut u8, len: usize) -> Option<Self> {
        let base = NonNull::new(at).filter(|at| at.addr().get().is_multiple_of(page_bytes()))?;
        at.addr().checked_add(len)?;
        let file = file(len)?;
        // SAFETY: the caller's promise.
        let bytes = unsafe { core::slice::from_raw_parts(at, len) };
        file.write_all_at(bytes, 0).ok()?;
        // SAFETY: the range is the caller's, and what it holds is in the file by now.
        let is_mapped = unsafe { map(&file, at, len) };
        is_mapped.then_some(Self { file, base, len, is_over: true })
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Puts the pages at another address too; false, and nothing is changed, where the system
    /// refuses.
    ///
    /// # Safety
    /// So many bytes from `at` on must be the caller's to replace, and `at` the beginning of a page.
    pub(crate) unsafe fn map(&self, at: *mut u8) -> bool {
        // SAFETY: the caller's promise.
        unsafe { map(&self.file, at, self.len) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let (at, len) = (self.base.as_ptr(), self.len);
        if !self.is_over {
            // SAFETY: the mapping is ours, and nobody uses it any more.
            unsafe { libc::munmap(at.cast(), len) };
            return;
        }
        // What cannot be made private again stays shared with nobody.
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        // SAFETY: makes memory elsewhere, fills it with what the pages hold, and moves it over
        // them; whoever made this has promised that nobody writes them meanwhile.
        unsafe {
            let fresh = libc::mmap(null_mut(), len, ACCESS, flags, -1, 0);
            if fresh == libc::MAP_FAILED {
                return;
            }
            core::ptr::copy_nonoverlapping(at, fresh.cast::<u8>(), len);
            let how = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
            if libc::mremap(fresh, len, len, how, at) == libc::MAP_FAILED {
                libc::munmap(fresh, len);
            }
        }
    }
}

/// # Safety
/// As for [`Pages::map`].
unsafe fn map(file: &File, at: *mut u8, len: usize) -> bool {
    let flags = libc::MAP_SHARED | libc::MAP_FIXED;
    // SAFETY: the caller owns the range that is replaced.
    let mapped = unsafe { libc::mmap(at.cast(), len, ACCESS, flags, file.as_raw_fd(), 0) };
    mapped == at.cast()
}

/// Takes pages away again: the range is reserved, and nothing of it committed.
///
/// # Safety
/// The range must be the caller's to replace, and consist of pages.
pub(crate) unsafe fn unmap(at: *mut u8, len: usize) -> bool {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED | libc::MAP_NORESERVE;
    // SAFETY: the caller owns the range that is replaced.
    let mapped = unsafe { libc::mmap(at.cast(), len, libc::PROT_NONE, flags, -1, 0) };
    mapped == at.cast()
}

/// A file of zeros, which can be neither shortened nor extended.
fn file(len: usize) -> Option<File> {
    if len == 0 || !len.is_multiple_of(page_bytes()) {
        return None;
    }
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a C string; the call makes a descriptor or fails.
    let fd = unsafe { libc::syscall(libc::SYS_memfd_create, c"wasm pages".as_ptr(), flags) };
    let fd = i32::try_from(fd).ok().filter(|&fd| fd >= 0)?;
    // SAFETY: the descriptor was just made and has no other owner.
    let file = unsafe { File::from_raw_fd(fd) };
    file.set_len(len as u64).ok()?;
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: changes what may be done to our own file.
    let sealed = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) };
    (sealed == 0).then_some(file)
}
