//! Waiting for several things at once.

use std::time::Duration;

use super::clock::{monotonic_ns, realtime_ns};
use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::fd::Descriptor;
use crate::guest::GuestMemory;
use crate::stream::Stream;
use crate::sys::{self, Handle, Interest, Readiness};
use crate::types::{ClockId, Event, EventKind, FileType, Subscription, SubscriptionKind};
use crate::wait::SLICE;

/// The most subscriptions of one call; a guest can't hold enough descriptors to need more.
const MAX_SUBSCRIPTIONS: u32 = 4096;

/// Waits until at least one subscription has happened; writes an event for each that has, and their
/// number.
///
/// # Errors
/// `Inval` for no or too many subscriptions, or one that isn't known; `Badf` for a descriptor that
/// can't be waited for; `Intr` if interrupted; `Fault` for addresses outside the memory.
pub fn poll_oneoff(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    happened: u32,
) -> Result<(), Errno> {
    poll(
        ctx,
        mem,
        subscriptions,
        events,
        count,
        happened,
        Subscription::SIZE_PREVIEW1,
        Subscription::read_preview1,
    )
}

/// `poll_oneoff` of both snapshots, which lay subscriptions out differently.
#[expect(clippy::too_many_arguments, reason = "WASI's own signature and a layout")]
pub(crate) fn poll(
    ctx: &WasiCtx,
    mem: &mut GuestMemory<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    happened: u32,
    size: u32,
    read: fn(&GuestMemory<'_>, u32) -> Result<Subscription, Errno>,
) -> Result<(), Errno> {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::Inval);
    }
    mem.check(happened, 4)?;
    mem.check(events, GuestMemory::element(0, count, Event::SIZE)?)?;
    let waits = (0..count)
        .map(|index| Wait::new(ctx, read(mem, GuestMemory::element(subscriptions, index, size)?)?))
        .collect::<Result<Vec<_>, _>>()?;

    let mut written = 0;
    for event in wait_for_any(ctx, &waits)? {
        event.write(mem, GuestMemory::element(events, written, Event::SIZE)?)?;
        written += 1;
    }
    mem.write_u32(happened, written)
}

/// A subscription, translated to what the host can wait for.
struct Wait<'a> {
    userdata: u64,
    until: Until<'a>,
}

enum Until<'a> {
    /// The monotonic clock reaches this.
    Deadline(u64),
    /// The descriptor is ready. Without a handle it always is.
    Ready { descriptor: &'a Descriptor, handle: Option<Handle<'a>>, write: bool },
}

impl<'a> Wait<'a> {
    fn new(ctx: &'a WasiCtx, subscription: Subscription) -> Result<Self, Errno> {
        let until = match subscription.kind {
            SubscriptionKind::Clock { id, timeout_ns, absolute } => {
                let now = ctx.polling_since.unwrap_or_else(|| monotonic_ns(ctx));
                Until::Deadline(match (id, absolute) {
                    (ClockId::Monotonic, true) => timeout_ns,
                    (ClockId::Realtime, true) => {
                        now.saturating_add(timeout_ns.saturating_sub(realtime_ns()))
                    }
                    (ClockId::Monotonic | ClockId::Realtime, false) => {
                        now.saturating_add(timeout_ns)
                    }
                    (ClockId::ProcessCputime | ClockId::ThreadCputime, _) => {
                        return Err(Errno::Inval);
                    }
                })
            }
            SubscriptionKind::FdRead(fd) => Self::ready(ctx, fd, false)?,
            SubscriptionKind::FdWrite(fd) => Self::ready(ctx, fd, true)?,
        };
        Ok(Self { userdata: subscription.userdata, until })
    }

    fn ready(ctx: &'a WasiCtx, fd: u32, write: bool) -> Result<Until<'a>, Errno> {
        let descriptor = ctx.fds.get(fd)?;
        let fits = match descriptor {
            Descriptor::Stream(stream) => stream.is_input() != write,
            Descriptor::File(_) | Descriptor::Socket(_) => true,
            Descriptor::Dir(_) => false,
        };
        if !fits {
            return Err(Errno::Badf);
        }
        Ok(Until::Ready { descriptor, handle: descriptor.handle(), write })
    }

    /// The event of a deadline that has passed.
    fn clock_event(&self) -> Event {
        Event { userdata: self.userdata, kind: EventKind::Clock, nbytes: 0, hangup: false }
    }
}

/// Waits slice by slice; answers the events in the order of the subscriptions.
fn wait_for_any(ctx: &WasiCtx, waits: &[Wait<'_>]) -> Result<Vec<Event>, Errno> {
    let interests: Vec<Interest<'_>> = waits
        .iter()
        .filter_map(|wait| match wait.until {
            Until::Ready { handle: Some(handle), write, .. } => Some(Interest { handle, write }),
            _ => None,
        })
        .collect();
    let deadline = waits.iter().filter_map(|wait| match wait.until {
        Until::Deadline(deadline) => Some(deadline),
        Until::Ready { .. } => None,
    });
    let deadline = deadline.min();
    let always_ready =
        waits.iter().any(|wait| matches!(wait.until, Until::Ready { handle: None, .. }));

    loop {
        ctx.interrupt.check()?;
        let timeout = match deadline {
            _ if always_ready => Duration::ZERO,
            Some(deadline) => Duration::from_nanos(deadline.saturating_sub(monotonic_ns(ctx))),
            None => Duration::MAX,
        };
        let slice = if ctx.polling_since.is_some() { SLICE } else { Duration::MAX };
        let mut found = ctx.interrupt.poll(&interests, timeout.min(slice))?.into_iter();
        let now = monotonic_ns(ctx);
        let events: Vec<Event> = waits
            .iter()
            .filter_map(|wait| match wait.until {
                Until::Deadline(deadline) => (deadline <= now).then(|| wait.clock_event()),
                Until::Ready { descriptor, handle, write } => {
                    let readiness = match handle {
                        Some(_) => found.next().unwrap_or_default(),
                        None => Readiness { ready: true, hangup: false },
                    };
                    readiness
                        .ready
                        .then(|| ready_event(wait.userdata, descriptor, write, readiness.hangup))
                }
            })
            .collect();
        if !events.is_empty() {
            return Ok(events);
        }
        if ctx.polling_since.is_some() {
            return Err(Errno::Again);
        }
    }
}

/// The event of a descriptor that is ready, with how much can be read.
fn ready_event(userdata: u64, descriptor: &Descriptor, write: bool, hangup: bool) -> Event {
    if write {
        return Event { userdata, kind: EventKind::FdWrite, nbytes: 1, hangup };
    }
    let kind = EventKind::FdRead;
    match descriptor {
        Descriptor::File(file) if file.filetype == FileType::RegularFile => {
            let size = file.filestat().map_or(0, |stat| stat.size);
            let nbytes = size.saturating_sub(file.tell().unwrap_or(0));
            Event { userdata, kind, nbytes, hangup: nbytes == 0 }
        }
        Descriptor::Stream(Stream::Reader(_)) => Event { userdata, kind, nbytes: 1, hangup },
        _ => {
            let nbytes = descriptor.handle().map_or(1, sys::available_bytes);
            Event { userdata, kind, nbytes, hangup }
        }
    }
}
