//! Code in memory of Unix.

use core::ptr::{self, NonNull};
use std::io;

/// Maps code, and a table of addresses at `table_offset` behind its beginning; gives the address
/// and how much is mapped.
pub(super) fn map_code(
    code: &[u8],
    table_offset: usize,
    table: &[usize],
) -> io::Result<(NonNull<u8>, usize)> {
    let len = (table_offset + size_of_val(table)).max(1);
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
    // SAFETY: an anonymous mapping at an address of the system's choice touches nothing.
    let base = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let base = NonNull::new(base.cast::<u8>()).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the mapping is ours, writable, and as long as both; the table is behind the code
    // and begins with a page, so that its protection is its own.
    let status = unsafe {
        ptr::copy_nonoverlapping(code.as_ptr(), base.as_ptr(), code.len());
        let at = base.as_ptr().add(table_offset).cast::<usize>();
        ptr::copy_nonoverlapping(table.as_ptr(), at, table.len());
        match libc::mprotect(base.as_ptr().cast(), len, libc::PROT_READ) {
            0 if table_offset > 0 => {
                let access = libc::PROT_READ | libc::PROT_EXEC;
                libc::mprotect(base.as_ptr().cast(), table_offset, access)
            }
            status => status,
        }
    };
    if status == 0 {
        return Ok((base, len));
    }
    let error = io::Error::last_os_error();
    // SAFETY: nobody else knows the mapping.
    unsafe { unmap(base, len) };
    Err(error)
}

/// Gives a mapping back.
///
/// # Safety
/// It must come from [`map_code`], and nobody may use it any more.
pub(super) unsafe fn unmap(base: NonNull<u8>, len: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(base.as_ptr().cast(), len) };
}
