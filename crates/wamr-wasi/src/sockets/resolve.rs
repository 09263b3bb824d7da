//! Names of hosts and services.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use super::address;
use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::GuestMemory;
use crate::sys;
use crate::wait::{Interrupt, SLICE};

/// The longest name that is looked at; DNS has none of more than 253 bytes.
const MAX_NAME_BYTES: u32 = 1024;

/// How many names may be resolved at the same time, those included that nobody waits for any more:
/// the host's resolver can't be interrupted.
const MAX_RESOLVERS: usize = 16;

/// The size of a result: an address and a kind of socket.
const RESULT_SIZE: u32 = address::SIZE + 4;

const DATAGRAM: u32 = 0;
const STREAM: u32 = 1;

/// Resolves the name of a host, and of a service if that isn't empty, both zero-terminated. Writes
/// as many results as fit, and how many there are. The hints (kind, family, whether they count)
/// leave out those of other kinds (0 datagrams, 1 streams) and families (0 IPv4, 1 IPv6).
///
/// # Errors
/// `Acces` for a name that the guest may not resolve, `Noent` for one that has no address, `Inval`
/// for an unknown service, `Again` while too many other names are being resolved, `Intr` if
/// interrupted, `Nametoolong`, `Ilseq`, and `Fault` for addresses outside the memory.
#[expect(clippy::too_many_arguments, reason = "WAMR's own signature")]
pub fn sock_addr_resolve(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    host: u32,
    service: u32,
    hints: u32,
    results: u32,
    results_len: u32,
    found: u32,
) -> Result<(), Errno> {
    let hints = Hints::read(mem, hints)?;
    let results_size = results_len.checked_mul(RESULT_SIZE).ok_or(Errno::Fault)?;
    mem.check(results, results_size)?;
    mem.check(found, 4)?;
    let host = text(mem, host)?;
    let service = text(mem, service)?;
    ctx.network.check_name(&host)?;
    let port = port(&service)?;

    let addresses = addresses(host, &ctx.interrupt)?;
    let mut count = 0;
    for ip in addresses.into_iter().filter(|ip| hints.fits(*ip)) {
        for kind in [STREAM, DATAGRAM] {
            if hints.kind.is_some_and(|wanted| wanted != kind) {
                continue;
            }
            if count < results_len {
                let at = GuestMemory::element(results, count, RESULT_SIZE)?;
                address::write(mem, at, SocketAddr::new(ip, port))?;
                mem.write_u32(at + address::SIZE, kind)?;
            }
            count += 1;
        }
    }
    mem.write_u32(found, count)
}

/// Which results a guest wants.
struct Hints {
    kind: Option<u32>,
    v6: Option<bool>,
}

impl Hints {
    fn read(mem: &GuestMemory<'_>, ptr: u32) -> Result<Self, Errno> {
        mem.check(ptr, 12)?;
        let (kind, family) = (mem.read_u32(ptr)?, mem.read_u32(ptr + 4)?);
        if mem.read_u8(ptr + 8)? == 0 {
            return Ok(Self { kind: None, v6: None });
        }
        Ok(Self {
            kind: match kind {
                DATAGRAM | STREAM => Some(kind),
                // Any.
                u32::MAX => None,
                _ => return Err(Errno::Inval),
            },
            v6: match family {
                0 => Some(false),
                1 => Some(true),
                2 => None,
                _ => return Err(Errno::Afnosupport),
            },
        })
    }

    fn fits(&self, ip: IpAddr) -> bool {
        self.v6.is_none_or(|v6| v6 == ip.is_ipv6())
    }
}

/// A zero-terminated text.
fn text(mem: &GuestMemory<'_>, ptr: u32) -> Result<String, Errno> {
    let mut bytes = Vec::new();
    for index in 0..MAX_NAME_BYTES {
        match mem.read_u8(ptr.checked_add(index).ok_or(Errno::Fault)?)? {
            0 => return String::from_utf8(bytes).map_err(|_| Errno::Ilseq),
            byte => bytes.push(byte),
        }
    }
    Err(Errno::Nametoolong)
}

/// The port of a service: a number, or a name that the host knows.
fn port(service: &str) -> Result<u16, Errno> {
    if service.is_empty() {
        return Ok(0);
    }
    match service.parse() {
        Ok(port) => Ok(port),
        Err(_) => sys::service_port(service).ok_or(Errno::Inval),
    }
}

/// Asks the host's resolver on a thread, since it may take its time.
fn addresses(host: String, interrupt: &Interrupt) -> Result<Vec<IpAddr>, Errno> {
    if let Ok(ip) = host.parse() {
        return Ok(vec![ip]);
    }
    let (sender, receiver) = mpsc::channel();
    let place = Place::take()?;
    let resolver = thread::Builder::new().name("wasi-resolver".into());
    let spawned = resolver.spawn(move || {
        let _place = place;
        let found: io::Result<Vec<SocketAddr>> =
            (&*host, 0).to_socket_addrs().map(|found| found.collect());
        // Nobody may be waiting any more.
        let _ = sender.send(found);
    });
    spawned.map_err(|_| Errno::Again)?;
    loop {
        match receiver.recv_timeout(SLICE) {
            Ok(Ok(found)) => {
                let mut ips: Vec<IpAddr> = Vec::new();
                for address in found {
                    if !ips.contains(&address.ip()) {
                        ips.push(address.ip());
                    }
                }
                return Ok(ips);
            }
            Ok(Err(_)) => return Err(Errno::Noent),
            Err(RecvTimeoutError::Timeout) => interrupt.check()?,
            Err(RecvTimeoutError::Disconnected) => return Err(Errno::Io),
        }
    }
}

/// One of the resolvers that may run.
struct Place;

static RESOLVERS: AtomicUsize = AtomicUsize::new(0);

impl Place {
    fn take() -> Result<Self, Errno> {
        let more = |count| (count < MAX_RESOLVERS).then_some(count + 1);
        match RESOLVERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Self),
            Err(_) => Err(Errno::Again),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        RESOLVERS.fetch_sub(1, Ordering::Relaxed);
    }
}
