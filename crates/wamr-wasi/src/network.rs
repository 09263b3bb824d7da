//! Which part of the network a guest reaches by itself: ranges of addresses, and names that it may
//! resolve. Nothing, unless the embedder says otherwise.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

use crate::errno::Errno;

/// A range of addresses, such as `10.0.0.0/8`, `2001:db8::/32`, or one address with all its bits:
/// `127.0.0.1/32`.
///
/// As WAMR has it, an unspecified address (`0.0.0.0/…` or `::/…`) stands for all addresses of its
/// family, whatever the number of bits. IPv6 addresses that stand for IPv4 ones
/// (`::ffff:10.0.0.1`) are looked for among the ranges of IPv4.
///
/// ```
/// use wamr_wasi::AddressRange;
///
/// let range: AddressRange = "10.0.0.0/8".parse()?;
/// assert!(range.contains("10.1.2.3".parse()?));
/// assert!(!range.contains("11.1.2.3".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange(IpNet);

impl AddressRange {
    /// Whether an address is in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self.0.addr().is_unspecified() {
            return self.0.addr().is_ipv4() == address.is_ipv4();
        }
        self.0.contains(&address)
    }
}

impl FromStr for AddressRange {
    type Err = InvalidAddressRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| InvalidAddressRange(text.into()))
    }
}

/// A text is no range of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAddressRange(String);

impl fmt::Display for InvalidAddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not of the form ADDRESS/BITS, such as 10.0.0.0/8", self.0)
    }
}

impl std::error::Error for InvalidAddressRange {}

/// What a guest may reach by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    pub(crate) ranges: Vec<AddressRange>,
    /// Names, or `*` and the end of names.
    pub(crate) names: Vec<String>,
}

impl Network {
    /// Refuses an address that is in no range.
    pub(crate) fn check_address(&self, address: IpAddr) -> Result<(), Errno> {
        if self.ranges.iter().any(|range| range.contains(address)) {
            Ok(())
        } else {
            Err(Errno::Acces)
        }
    }

    /// Whether all addresses of the host, of IPv4 or IPv6, may be bound at once.
    pub(crate) fn check_unspecified(&self, v6: bool) -> Result<(), Errno> {
        self.check_address(if v6 {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        })
    }

    /// Refuses a name that no pattern fits.
    pub(crate) fn check_name(&self, name: &str) -> Result<(), Errno> {
        let name = name.as_bytes();
        let fits = |pattern: &String| match pattern.strip_prefix('*') {
            None => name.eq_ignore_ascii_case(pattern.as_bytes()),
            Some(suffix) => {
                let end = name.len().checked_sub(suffix.len()).and_then(|at| name.get(at..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(suffix.as_bytes()))
            }
        };
        if self.names.iter().any(fits) { Ok(()) } else { Err(Errno::Acces) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(ranges: &[&str], names: &[&str]) -> Network {
        Network {
            ranges: ranges.iter().map(|range| range.parse().unwrap()).collect(),
            names: names.iter().map(|&name| name.into()).collect(),
        }
    }

    fn allows(ranges: &[&str], address: &str) -> bool {
        network(ranges, &[]).check_address(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn nothing_is_allowed_by_itself() {
        assert!(!allows(&[], "127.0.0.1"));
        assert_eq!(network(&[], &[]).check_name("localhost"), Err(Errno::Acces));
    }

    #[test]
    fn ranges() {
        assert!(allows(&["1.2.3.4/15"], "1.3.255.255"));
        assert!(!allows(&["1.2.3.4/15"], "1.4.0.0"));
        assert!(allows(&["9.9.9.9/32", "10.0.0.0/8"], "10.255.0.1"));
        assert!(allows(&["10.0.0.0/0"], "1.1.1.1"), "no bits");
        assert!(!allows(&["10.0.0.0/0"], "::1"), "another family");
        assert!(allows(&["2001:db8::/32"], "2001:db8:ffff::1"));
        assert!(!allows(&["2001:db8::/32"], "2001:db9::1"));
        assert!(allows(&["127.0.0.1/32"], "127.0.0.1"));
        assert!(!allows(&["127.0.0.1/32"], "0.0.0.0"), "another name of this host");
    }

    #[test]
    fn unspecified_ranges_mean_all_of_a_family() {
        assert!(allows(&["0.0.0.0/15"], "192.168.1.1"));
        assert!(!allows(&["0.0.0.0/15"], "::1"));
        assert!(allows(&["::/64"], "fe80::1"));
        assert!(!allows(&["::/64"], "127.0.0.1"));
    }

    #[test]
    fn mapped_addresses_are_those_of_ipv4() {
        assert!(!allows(&["::/0"], "::ffff:127.0.0.1"));
        assert!(!allows(&["::ffff:0:0/96"], "::ffff:127.0.0.1"));
        assert!(allows(&["127.0.0.0/8"], "::ffff:127.0.0.1"));
    }

    #[test]
    fn malformed_ranges_are_refused() {
        for text in
            ["", "/", "10.0.0.0", "10.0.0.0/33", "::1/129", "10.0.0/8", "a/8", "1.2.3.4/-1", "*"]
        {
            let error = text.parse::<AddressRange>().unwrap_err();
            assert!(error.to_string().contains("ADDRESS/BITS"), "{text}");
        }
    }

    #[test]
    fn names() {
        let network = network(&[], &["example.com", "*.example.org"]);
        for allowed in ["example.com", "EXAMPLE.com", "a.example.org", "a.b.example.ORG"] {
            assert_eq!(network.check_name(allowed), Ok(()), "{allowed}");
        }
        for refused in
            ["", "a.example.com", "example.com.", "example.org", "xexample.org", "127.0.0.1", "é"]
        {
            assert_eq!(network.check_name(refused), Err(Errno::Acces), "{refused}");
        }
        let all = Network { names: vec!["*".into()], ..Network::default() };
        assert_eq!(all.check_name("anything.at.all"), Ok(()));
    }
}
