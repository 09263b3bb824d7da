//! Random bytes, from the operating system.

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::GuestMemory;

/// How many bytes are made between two looks at the embedder's interrupt.
const CHUNK_BYTES: u32 = 1 << 20;

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
    mem.check(buf, buf_len)?;
    let mut done = 0;
    while done < buf_len {
        ctx.interrupt.check()?;
        let count = mem.fill(buf + done, (buf_len - done).min(CHUNK_BYTES), |bytes| {
            getrandom::fill(bytes).map_err(|_| Errno::Io)?;
            Ok(bytes.len())
        })?;
        done += count as u32;
    }
    Ok(())
}
