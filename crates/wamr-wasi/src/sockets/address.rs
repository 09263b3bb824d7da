//! Addresses as they lie in guest memory: a tag of 4 bytes, 0 for IPv4 and 1 for IPv6; then the
//! bytes of the one or the 16-bit groups of the other; then the port. All are little-endian.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::errno::Errno;
use crate::guest::GuestMemory;

/// The size of an address with its port.
pub(crate) const SIZE: u32 = 24;

/// The size of an address without port.
const IP_SIZE: usize = 20;

const V4: u32 = 0;
const V6: u32 = 1;

/// Reads an address with its port (`__wasi_addr_t`).
///
/// # Errors
/// `Fault` outside the memory, `Afnosupport` for an unknown tag.
pub(crate) fn read(mem: &GuestMemory<'_>, ptr: u32) -> Result<SocketAddr, Errno> {
    let mut bytes = [0; SIZE as usize];
    mem.read(ptr, &mut bytes)?;
    let ip = parse(&bytes)?;
    let at = if ip.is_ipv4() { 8 } else { 20 };
    Ok(SocketAddr::new(ip, u16::from_le_bytes([bytes[at], bytes[at + 1]])))
}

/// Reads an address without port (`__wasi_addr_ip_t`).
///
/// # Errors
/// As [`read`].
pub(crate) fn read_ip(mem: &GuestMemory<'_>, ptr: u32) -> Result<IpAddr, Errno> {
    let mut bytes = [0; IP_SIZE];
    mem.read(ptr, &mut bytes)?;
    parse(&bytes)
}

/// Writes an address with its port.
///
/// # Errors
/// `Fault` outside the memory.
pub(crate) fn write(mem: &mut GuestMemory<'_>, ptr: u32, address: SocketAddr) -> Result<(), Errno> {
    let mut bytes = [0; SIZE as usize];
    let port = address.port().to_le_bytes();
    match address.ip() {
        IpAddr::V4(ip) => {
            bytes[..4].copy_from_slice(&V4.to_le_bytes());
            bytes[4..8].copy_from_slice(&ip.octets());
            bytes[8..10].copy_from_slice(&port);
        }
        IpAddr::V6(ip) => {
            bytes[..4].copy_from_slice(&V6.to_le_bytes());
            for (to, group) in bytes[4..20].chunks_exact_mut(2).zip(ip.segments()) {
                to.copy_from_slice(&group.to_le_bytes());
            }
            bytes[20..22].copy_from_slice(&port);
        }
    }
    mem.write(ptr, &bytes)
}

/// Reads the address at the start of `bytes`, which are at least 20.
fn parse(bytes: &[u8]) -> Result<IpAddr, Errno> {
    let group = |index: usize| u16::from_le_bytes([bytes[4 + 2 * index], bytes[5 + 2 * index]]);
    match u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) {
        V4 => Ok(Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]).into()),
        V6 => Ok(Ipv6Addr::from(std::array::from_fn::<u16, 8, _>(group)).into()),
        _ => Err(Errno::Afnosupport),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let mut bytes = [0; 64];
        let mut mem = GuestMemory::new(&mut bytes);
        let v4 = "1.2.3.4:258".parse().unwrap();
        write(&mut mem, 0, v4).unwrap();
        assert_eq!(*mem.bytes(0, 12).unwrap(), [0, 0, 0, 0, 1, 2, 3, 4, 2, 1, 0, 0]);
        assert_eq!(read(&mem, 0), Ok(v4));
        assert_eq!(read_ip(&mem, 0), Ok(v4.ip()));
        let v6 = "[fe80::3ba2:893b:4be0:e3dd]:258".parse().unwrap();
        write(&mut mem, 40, v6).unwrap();
        assert_eq!(
            *mem.bytes(40, 24).unwrap(),
            [
                1, 0, 0, 0, 0x80, 0xfe, 0, 0, 0, 0, 0, 0, 0xa2, 0x3b, 0x3b, 0x89, 0xe0, 0x4b, 0xdd,
                0xe3, 2, 1, 0, 0
            ]
        );
        assert_eq!(read(&mem, 40), Ok(v6));
        assert_eq!(read_ip(&mem, 40), Ok(v6.ip()));
    }

    #[test]
    fn errors() {
        let mut bytes = [0; 64];
        let mut mem = GuestMemory::new(&mut bytes);
        assert_eq!(read(&mem, 41), Err(Errno::Fault));
        assert_eq!(read_ip(&mem, 45), Err(Errno::Fault));
        assert_eq!(write(&mut mem, 41, "1.2.3.4:5".parse().unwrap()), Err(Errno::Fault));
        for tag in [2, u32::MAX] {
            mem.write_u32(0, tag).unwrap();
            assert_eq!(read(&mem, 0), Err(Errno::Afnosupport));
            assert_eq!(read_ip(&mem, 0), Err(Errno::Afnosupport));
        }
    }
}
