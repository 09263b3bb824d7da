//! Clocks. Guests get the wall clock and a monotonic clock that starts with them; the processor
//! time of the host's process isn't theirs to see.

use std::time::SystemTime;

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::file::ns_since_epoch;
use crate::guest::GuestMemory;
use crate::types::ClockId;

/// The host's clocks count nanoseconds.
const RESOLUTION_NS: u64 = 1;

/// Writes the resolution of a clock in nanoseconds.
///
/// # Errors
/// `Badf` for the processor-time clocks, `Inval` for unknown ones, `Fault` for an address outside
/// the memory.
pub fn clock_res_get(
    _ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    id: u32,
    resolution: u32,
) -> Result<(), Errno> {
    match ClockId::parse(id)? {
        ClockId::Realtime | ClockId::Monotonic => mem.write_u64(resolution, RESOLUTION_NS),
        ClockId::ProcessCputime | ClockId::ThreadCputime => Err(Errno::Badf),
    }
}

/// Writes the time of a clock in nanoseconds. The wanted precision makes no difference.
///
/// # Errors
/// `Badf` for the processor-time clocks, `Inval` for unknown ones, `Fault` for an address outside
/// the memory.
pub fn clock_time_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    id: u32,
    _precision: u64,
    time: u32,
) -> Result<(), Errno> {
    let now = match ClockId::parse(id)? {
        ClockId::Realtime => realtime_ns(),
        ClockId::Monotonic => monotonic_ns(ctx),
        ClockId::ProcessCputime | ClockId::ThreadCputime => return Err(Errno::Badf),
    };
    mem.write_u64(time, now)
}

/// Nanoseconds since 1970.
pub(crate) fn realtime_ns() -> u64 {
    ns_since_epoch(SystemTime::now())
}

/// Nanoseconds since the guest's world was made.
pub(crate) fn monotonic_ns(ctx: &WasiCtx) -> u64 {
    u64::try_from(ctx.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
