//! Random bytes, from the operating system.

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::GuestMemory;

/// How many bytes are made between two looks at the embedder's interrupt.
const CHUNK_BYTES: usize = 1 << 20;

/// Fills a buffer with random bytes that are fit for cryptography.
///
/// # Errors
/// `Fault` for a buffer outside the memory, `Io` if the operating system has none, `Intr` if
/// interrupted.
pub fn random_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    buf: u32,
    buf_len: u32,
) -> Result<(), Errno> {
    for chunk in mem.slice_mut(buf, buf_len)?.chunks_mut(CHUNK_BYTES) {
        ctx.interrupt.check()?;
        getrandom::fill(chunk).map_err(|_| Errno::Io)?;
    }
    Ok(())
}
