//! Arguments and environment.

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::GuestMemory;

/// Writes the arguments: pointers to `argv`, the zero-terminated texts to `argv_buf`.
///
/// # Errors
/// `Fault` if they don't fit inside the memory.
pub fn args_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    argv: u32,
    argv_buf: u32,
) -> Result<(), Errno> {
    write_strings(&ctx.args, mem, argv, argv_buf)
}

/// Writes the number of arguments and the size of their texts.
///
/// # Errors
/// `Fault` for an address outside the memory, `Overflow` for sizes beyond 32 bits.
pub fn args_sizes_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    count: u32,
    size: u32,
) -> Result<(), Errno> {
    write_sizes(&ctx.args, mem, count, size)
}

/// Writes the environment: pointers to `environ`, the zero-terminated texts `NAME=value` to
/// `environ_buf`.
///
/// # Errors
/// `Fault` if they don't fit inside the memory.
pub fn environ_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    environ: u32,
    environ_buf: u32,
) -> Result<(), Errno> {
    write_strings(&ctx.env, mem, environ, environ_buf)
}

/// Writes the number of variables and the size of their texts.
///
/// # Errors
/// `Fault` for an address outside the memory, `Overflow` for sizes beyond 32 bits.
pub fn environ_sizes_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    count: u32,
    size: u32,
) -> Result<(), Errno> {
    write_sizes(&ctx.env, mem, count, size)
}

fn write_strings(
    strings: &[Vec<u8>],
    mem: &mut GuestMemory<'_>,
    pointers: u32,
    mut text: u32,
) -> Result<(), Errno> {
    for (index, string) in (0..).zip(strings) {
        mem.write_u32(GuestMemory::element(pointers, index, 4)?, text)?;
        mem.write(text, string)?;
        let end = u32::try_from(string.len())
            .ok()
            .and_then(|len| text.checked_add(len))
            .ok_or(Errno::Fault)?;
        mem.write_u8(end, 0)?;
        text = end.checked_add(1).ok_or(Errno::Fault)?;
    }
    Ok(())
}

fn write_sizes(
    strings: &[Vec<u8>],
    mem: &mut GuestMemory<'_>,
    count: u32,
    size: u32,
) -> Result<(), Errno> {
    let size_bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    mem.write_u32(count, u32::try_from(strings.len()).map_err(|_| Errno::Overflow)?)?;
    mem.write_u32(size, u32::try_from(size_bytes).map_err(|_| Errno::Overflow)?)
}
