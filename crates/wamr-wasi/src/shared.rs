//! One world for all threads of a guest: a lock around what they share, and what needs no lock.
//!
//! Threads take turns at descriptors, but nobody waits for others while holding the lock: reads
//! wait for their descriptor first, and waiting for several things at once lets go of the lock now
//! and then. What the embedder reads and writes itself (see [`WasiCtxBuilder::stdin`]) cannot be
//! waited for, so that it should not wait for long.
//!
//! [`WasiCtxBuilder::stdin`]: crate::WasiCtxBuilder::stdin

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::fd::Descriptor;
use crate::guest::GuestMemory;
use crate::preview1::clock::monotonic_ns;
use crate::sys::{self, Interest};
use crate::types::FdFlags;

/// A thread's view of a world that several threads share. Clones see the same descriptors, and can
/// be interrupted each by itself.
#[derive(Debug)]
pub struct SharedWasiCtx {
    world: Arc<Mutex<WasiCtx>>,
    /// The same world without descriptors.
    own: WasiCtx,
}

impl Clone for SharedWasiCtx {
    fn clone(&self) -> Self {
        Self { world: self.world.clone(), own: self.own.without_descriptors() }
    }
}

impl SharedWasiCtx {
    /// Makes a world fit to be shared.
    pub fn new(world: WasiCtx) -> Self {
        let own = world.without_descriptors();
        Self { world: Arc::new(Mutex::new(world)), own }
    }

    /// Sets the question that this thread asks while it waits; see
    /// [`WasiCtxBuilder::interrupt`](crate::WasiCtxBuilder::interrupt).
    pub fn set_interrupt(&mut self, interrupted: Arc<dyn Fn() -> bool + Send + Sync>) {
        self.own.set_interrupt(interrupted);
    }

    /// Whether the embedder wants this thread to stop.
    #[cfg(feature = "link")]
    pub(crate) fn is_interrupted(&self) -> bool {
        self.own.interrupt.check().is_err()
    }

    /// Runs a function of the world, of a name and with these arguments.
    ///
    /// # Errors
    /// Those of the function, and [`Errno::Intr`] if this thread was interrupted as it waited.
    pub fn call(
        &mut self,
        name: &str,
        args: &[u64],
        mem: &mut GuestMemory<'_>,
        function: impl Fn(&mut WasiCtx, &mut GuestMemory<'_>) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        match name {
            "args_get" | "args_sizes_get" | "clock_res_get" | "clock_time_get" | "environ_get"
            | "environ_sizes_get" | "random_get" | "sched_yield" | "sock_addr_resolve" => {
                function(&mut self.own, mem)
            }
            // Waiting for clocks takes no descriptor.
            "poll_oneoff" => match function(&mut self.own, mem) {
                Err(Errno::Badf) => self.poll(mem, function),
                result => result,
            },
            "fd_read" | "sock_accept" | "sock_recv" | "sock_recv_from" => {
                let mut world = self.lock_ready(first_fd(args)?, false)?;
                function(&mut world, mem)
            }
            "fd_write" | "sock_send" | "sock_send_to" => {
                let mut world = self.lock_ready(first_fd(args)?, true)?;
                function(&mut world, mem)
            }
            "sock_connect" => self.connect(first_fd(args)?, mem, function),
            _ => function(&mut self.lock(), mem),
        }
    }

    fn lock(&self) -> MutexGuard<'_, WasiCtx> {
        let mut world = self.world.lock();
        world.interrupt = self.own.interrupt.clone();
        world
    }

    /// Takes the lock when reading or writing a descriptor does not wait, or is no matter of
    /// waiting. Of what is written, that are sockets.
    fn lock_ready(&self, fd: u32, write: bool) -> Result<MutexGuard<'_, WasiCtx>, Errno> {
        let began = Instant::now();
        loop {
            let world = self.lock();
            let Ok(descriptor) = world.fds.get(fd) else { return Ok(world) };
            let mut deadline = None;
            let waits = match descriptor {
                Descriptor::Stream(stream) => !write && stream.is_input(),
                Descriptor::File(file) => !write && !file.flags.contains(FdFlags::NONBLOCK),
                Descriptor::Socket(socket) => {
                    let timeout = if write { socket.send_timeout } else { socket.recv_timeout };
                    deadline = timeout.and_then(|timeout| began.checked_add(timeout));
                    !socket.is_nonblocking()
                }
                Descriptor::Dir(_) => false,
            };
            let Some(handle) = descriptor.handle().filter(|_| waits) else { return Ok(world) };
            let interest = Interest { handle, write };
            let found = sys::poll(&[interest], std::time::Duration::ZERO)?;
            if found.iter().any(|readiness| readiness.ready) {
                return Ok(world);
            }
            // Another thread may close the descriptor in the meantime.
            let Some(copy) = sys::duplicate(handle) else { return Ok(world) };
            drop(world);
            let Some(handle) = sys::handle_of(&copy) else { continue };
            self.own.interrupt.wait_ready_until(handle, write, deadline)?;
        }
    }

    /// Begins to connect with the lock, waits without it, and asks with it what became of that.
    fn connect(
        &self,
        fd: u32,
        mem: &mut GuestMemory<'_>,
        function: impl Fn(&mut WasiCtx, &mut GuestMemory<'_>) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let began = Instant::now();
        loop {
            let mut world = self.lock();
            world.waits_elsewhere = true;
            let result = function(&mut world, mem);
            world.waits_elsewhere = false;
            let Ok(socket) = world.fds.socket(fd) else { return result };
            if result != Err(Errno::Again) || !socket.connecting {
                return result;
            }
            let deadline = socket.send_timeout.and_then(|timeout| began.checked_add(timeout));
            let Some(copy) = socket.handle().and_then(sys::duplicate) else { return result };
            drop(world);
            let Some(handle) = sys::handle_of(&copy) else { return result };
            match self.own.interrupt.wait_ready_until(handle, true, deadline) {
                Err(Errno::Again) => return Err(Errno::Inprogress),
                waited => waited?,
            }
        }
    }

    /// Polls descriptors slice by slice.
    fn poll(
        &self,
        mem: &mut GuestMemory<'_>,
        function: impl Fn(&mut WasiCtx, &mut GuestMemory<'_>) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let since = monotonic_ns(&self.own);
        loop {
            let mut world = self.lock();
            world.polling_since = Some(since);
            let result = function(&mut world, mem);
            world.polling_since = None;
            if result != Err(Errno::Again) {
                return result;
            }
            MutexGuard::unlock_fair(world);
            self.own.interrupt.check()?;
        }
    }
}

/// The descriptor that a call is about.
fn first_fd(args: &[u64]) -> Result<u32, Errno> {
    args.first().and_then(|&fd| u32::try_from(fd).ok()).ok_or(Errno::Badf)
}
