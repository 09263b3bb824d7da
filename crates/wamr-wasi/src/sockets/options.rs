//! Options of sockets. All answer `Badf` if `fd` isn't open, `Notsock` if it isn't a socket,
//! `Fault` for addresses outside the memory, and what the host says of options that do not fit a
//! socket.

use std::time::Duration;

use super::address;
use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::GuestMemory;
use crate::sys::{NetFlag, NetNumber};

macro_rules! flags {
    ($($get:ident, $set:ident, $flag:ident, $what:literal;)*) => {
        $(
            #[doc = concat!("Writes whether ", $what, ", as a byte of 0 or 1.")]
            ///
            /// # Errors
            /// As for [all options](self).
            pub fn $get(
                ctx: &mut WasiCtx,
                mem: &mut GuestMemory<'_>,
                fd: u32,
                enabled: u32,
            ) -> Result<(), Errno> {
                let found = ctx.fds.socket(fd)?.host.flag(NetFlag::$flag)?;
                mem.write_u8(enabled, found.into())
            }

            #[doc = concat!("Sets whether ", $what, ": 0 for no.")]
            ///
            /// # Errors
            /// As for [all options](self).
            pub fn $set(
                ctx: &mut WasiCtx,
                _mem: &mut GuestMemory<'_>,
                fd: u32,
                enabled: u32,
            ) -> Result<(), Errno> {
                Ok(ctx.fds.socket(fd)?.host.set_flag(NetFlag::$flag, enabled != 0)?)
            }
        )*
    };
}

flags! {
    sock_get_broadcast, sock_set_broadcast, Broadcast, "it may send to all at once";
    sock_get_keep_alive, sock_set_keep_alive, KeepAlive, "an idle connection is probed";
    sock_get_reuse_addr, sock_set_reuse_addr, ReuseAddr, "it may bind an address just in use";
    sock_get_reuse_port, sock_set_reuse_port, ReusePort, "several may bind the same address";
    sock_get_tcp_no_delay, sock_set_tcp_no_delay, NoDelay, "small pieces are sent at once";
    sock_get_tcp_quick_ack, sock_set_tcp_quick_ack, QuickAck, "receipts are sent at once";
    sock_get_tcp_fastopen_connect, sock_set_tcp_fastopen_connect, FastOpenConnect,
        "connecting waits for data, which answers `Notsup`";
    sock_get_ipv6_only, sock_set_ipv6_only, V6Only, "it leaves IPv4 alone";
}

macro_rules! numbers {
    ($($get:ident, $set:ident, $number:ident, $what:literal;)*) => {
        $(
            #[doc = concat!("Writes ", $what, ", as 4 bytes.")]
            ///
            /// # Errors
            /// As for [all options](self).
            pub fn $get(
                ctx: &mut WasiCtx,
                mem: &mut GuestMemory<'_>,
                fd: u32,
                value: u32,
            ) -> Result<(), Errno> {
                let found = ctx.fds.socket(fd)?.host.number(NetNumber::$number)?;
                mem.write_u32(value, found)
            }

            #[doc = concat!("Sets ", $what, ".")]
            ///
            /// # Errors
            /// As for [all options](self).
            pub fn $set(
                ctx: &mut WasiCtx,
                _mem: &mut GuestMemory<'_>,
                fd: u32,
                value: u32,
            ) -> Result<(), Errno> {
                Ok(ctx.fds.socket(fd)?.host.set_number(NetNumber::$number, value)?)
            }
        )*
    };
}

numbers! {
    sock_get_recv_buf_size, sock_set_recv_buf_size, RecvBufferBytes,
        "the bytes that the host keeps until they are received";
    sock_get_send_buf_size, sock_set_send_buf_size, SendBufferBytes,
        "the bytes that the host keeps until they are sent";
    sock_get_tcp_keep_idle, sock_set_tcp_keep_idle, KeepIdleSeconds,
        "the seconds until an idle connection is probed";
    sock_get_tcp_keep_intvl, sock_set_tcp_keep_intvl, KeepIntervalSeconds,
        "the seconds between two probes";
}

macro_rules! ttls {
    ($($get:ident, $set:ident, $number:ident, $what:literal;)*) => {
        $(
            #[doc = concat!("Writes how far ", $what, " go, as a byte.")]
            ///
            /// # Errors
            /// As for [all options](self).
            pub fn $get(
                ctx: &mut WasiCtx,
                mem: &mut GuestMemory<'_>,
                fd: u32,
                hops: u32,
            ) -> Result<(), Errno> {
                let found = ctx.fds.socket(fd)?.host.number(NetNumber::$number)?;
                mem.write_u8(hops, u8::try_from(found).unwrap_or(u8::MAX))
            }

            #[doc = concat!("Sets how far ", $what, " go.")]
            ///
            /// # Errors
            /// As for [all options](self); `Inval` for more than 255.
            pub fn $set(
                ctx: &mut WasiCtx,
                _mem: &mut GuestMemory<'_>,
                fd: u32,
                hops: u32,
            ) -> Result<(), Errno> {
                let socket = ctx.fds.socket(fd)?;
                let hops = u8::try_from(hops).map_err(|_| Errno::Inval)?;
                Ok(socket.host.set_number(NetNumber::$number, hops.into())?)
            }
        )*
    };
}

ttls! {
    sock_get_ip_ttl, sock_set_ip_ttl, Ttl, "packets";
    sock_get_ip_multicast_ttl, sock_set_ip_multicast_ttl, MulticastTtl, "packets to groups";
}

fn multicast_loop(v6: u32) -> NetFlag {
    if v6 == 0 { NetFlag::MulticastLoopV4 } else { NetFlag::MulticastLoopV6 }
}

/// Writes whether a sender in a group hears itself, as a byte of 0 or 1.
///
/// # Errors
/// As for [all options](self).
pub fn sock_get_ip_multicast_loop(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    v6: u32,
    enabled: u32,
) -> Result<(), Errno> {
    let found = ctx.fds.socket(fd)?.host.flag(multicast_loop(v6))?;
    mem.write_u8(enabled, found.into())
}

/// Sets whether a sender in a group hears itself: 0 for no.
///
/// # Errors
/// As for [all options](self).
pub fn sock_set_ip_multicast_loop(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    fd: u32,
    v6: u32,
    enabled: u32,
) -> Result<(), Errno> {
    Ok(ctx.fds.socket(fd)?.host.set_flag(multicast_loop(v6), enabled != 0)?)
}

/// Joins a group, at an interface: of IPv4 an address, in the order of the network, of IPv6 a
/// number.
///
/// # Errors
/// As for [all options](self); `Acces` for a group that the guest may not use.
pub fn sock_set_ip_add_membership(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    group: u32,
    interface: u32,
) -> Result<(), Errno> {
    membership(ctx, mem, fd, group, interface, true)
}

/// Leaves a group.
///
/// # Errors
/// As [`sock_set_ip_add_membership`].
pub fn sock_set_ip_drop_membership(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    group: u32,
    interface: u32,
) -> Result<(), Errno> {
    membership(ctx, mem, fd, group, interface, false)
}

fn membership(
    ctx: &WasiCtx,
    mem: &GuestMemory<'_>,
    fd: u32,
    group: u32,
    interface: u32,
    join: bool,
) -> Result<(), Errno> {
    let socket = ctx.fds.socket(fd)?;
    let group = address::read_ip(mem, group)?;
    ctx.network.check_address(group)?;
    Ok(socket.host.set_membership(group, interface, join)?)
}

/// Writes whether closing throws away what was not sent in time, as a byte of 0 or 1, and how many
/// seconds it has.
///
/// # Errors
/// As for [all options](self).
pub fn sock_get_linger(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    enabled: u32,
    seconds: u32,
) -> Result<(), Errno> {
    let found = ctx.fds.socket(fd)?.linger_seconds();
    mem.check(seconds, 4)?;
    mem.write_u8(enabled, found.is_some().into())?;
    mem.write_u32(seconds, found.unwrap_or(0))
}

/// Sets whether closing throws away what was not sent in time. Without any time it does so at once;
/// otherwise closing never waits, and the host sends in the background.
///
/// # Errors
/// As for [all options](self); `Inval` for a negative time.
pub fn sock_set_linger(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    fd: u32,
    enabled: u32,
    seconds: u32,
) -> Result<(), Errno> {
    let socket = ctx.fds.socket_mut(fd)?;
    if i32::try_from(seconds).is_err() {
        return Err(Errno::Inval);
    }
    Ok(socket.set_linger((enabled != 0).then_some(seconds))?)
}

macro_rules! timeouts {
    ($($get:ident, $set:ident, $field:ident, $what:literal;)*) => {
        $(
            #[doc = concat!("Writes how many microseconds ", $what, " waits at most; 0 for ever.")]
            ///
            /// # Errors
            /// As for [all options](self).
            pub fn $get(
                ctx: &mut WasiCtx,
                mem: &mut GuestMemory<'_>,
                fd: u32,
                timeout_us: u32,
            ) -> Result<(), Errno> {
                let found = ctx.fds.socket(fd)?.$field.unwrap_or(Duration::ZERO).as_micros();
                mem.write_u64(timeout_us, u64::try_from(found).unwrap_or(u64::MAX))
            }

            #[doc = concat!("Sets how many microseconds ", $what, " waits at most; 0 for ever.")]
            ///
            /// # Errors
            /// As for [all options](self).
            pub fn $set(
                ctx: &mut WasiCtx,
                _mem: &mut GuestMemory<'_>,
                fd: u32,
                timeout_us: u64,
            ) -> Result<(), Errno> {
                let timeout = (timeout_us != 0).then(|| Duration::from_micros(timeout_us));
                ctx.fds.socket_mut(fd)?.$field = timeout;
                Ok(())
            }
        )*
    };
}

timeouts! {
    sock_get_recv_timeout, sock_set_recv_timeout, recv_timeout, "receiving";
    sock_get_send_timeout, sock_set_send_timeout, send_timeout, "sending";
}
