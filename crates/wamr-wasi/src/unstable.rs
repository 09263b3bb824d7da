//! The functions that are not the same in `wasi_unstable` (snapshot 0) as in
//! `wasi_snapshot_preview1`. All others stand in [`preview1`].

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::GuestMemory;
use crate::preview1;
use crate::types::{Subscription, Whence};

/// [`preview1::fd::fd_seek`] with other numbers for where to count from: current place 0, end 1,
/// start 2.
///
/// # Errors
/// As there.
pub fn fd_seek(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    offset: i64,
    whence: u32,
    new_offset: u32,
) -> Result<(), Errno> {
    preview1::fd::seek(ctx, mem, fd, offset, Whence::parse_unstable(whence), new_offset)
}

/// [`preview1::fd::fd_filestat_get`] with a link count of 32 bits.
///
/// # Errors
/// As there.
pub fn fd_filestat_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    stat: u32,
) -> Result<(), Errno> {
    preview1::fd::filestat(ctx, fd)?.write_unstable(mem, stat)
}

/// [`preview1::path::path_filestat_get`] with a link count of 32 bits.
///
/// # Errors
/// As there.
pub fn path_filestat_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    flags: u32,
    path_ptr: u32,
    path_len: u32,
    stat: u32,
) -> Result<(), Errno> {
    preview1::path::filestat(ctx, mem, fd, flags, path_ptr, path_len)?.write_unstable(mem, stat)
}

/// [`preview1::poll::poll_oneoff`] with a second user value in clock subscriptions.
///
/// # Errors
/// As there.
pub fn poll_oneoff(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    happened: u32,
) -> Result<(), Errno> {
    let size = Subscription::SIZE_UNSTABLE;
    preview1::poll::poll(
        ctx,
        mem,
        subscriptions,
        events,
        count,
        happened,
        size,
        Subscription::read_unstable,
    )
}
