//! Proxies whose word about their clients is believed.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// An address, or all addresses with the same first bits (CIDR).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    prefix_bits: u32,
}

impl AddressRange {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                // A shift by all bits is none: a prefix of 0 bits holds every address.
                let differs = first.to_bits() ^ address.to_bits();
                differs.checked_shr(u32::BITS - self.prefix_bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differs = first.to_bits() ^ address.to_bits();
                differs.checked_shr(u128::BITS - self.prefix_bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_range(text.trim()).ok_or_else(|| {
            format!("expected an IP address or a network like 10.0.0.0/8 or fd00::/8, found {text:?}")
        })
    }
}

fn parse_range(text: &str) -> Option<AddressRange> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let first = address.parse::<IpAddr>().ok()?;
    let bits = if first.is_ipv4() { u32::BITS } else { u128::BITS };
    let prefix_bits = prefix.map_or(Some(bits), |prefix| prefix.parse().ok())?;
    (prefix_bits <= bits).then_some(AddressRange { first, prefix_bits })
}

/// The proxies in front of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<AddressRange>);

impl TrustedProxies {
    /// With these addresses.
    #[must_use]
    pub fn new(ranges: Vec<AddressRange>) -> Self {
        Self(ranges)
    }

    /// Whether `address` is one of them.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(address))
    }

    /// The client of a connection from `peer`: the peer itself, unless it is a proxy here. A proxy appends to
    /// `X-Forwarded-For` whom it was asked by, so the right-most address that is no proxy here is the client's; what
    /// stands to the left of it anybody may have made up.
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'a str>,
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        for entry in forwarded_for.rev().flat_map(|value| value.rsplit(',')) {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = parse_entry(entry.trim()) else { break };
            client = address.to_canonical();
        }
        client
    }
}

/// An address, with or without a port.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    entry.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(ranges: &[&str]) -> TrustedProxies {
        TrustedProxies::new(ranges.iter().map(|range| range.parse().unwrap()).collect())
    }

    fn client(ranges: &[&str], peer: &str, forwarded: &[&str]) -> String {
        proxies(ranges).client(peer.parse().unwrap(), forwarded.iter().copied()).to_string()
    }

    #[test]
    fn a_range_holds_the_addresses_with_its_first_bits() {
        for (range, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.0.2.128/25", "192.0.2.200", "192.0.2.1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
        ] {
            let proxies = proxies(&[range]);
            assert!(proxies.trusts(inside.parse().unwrap()), "{range} {inside}");
            assert!(!proxies.trusts(outside.parse().unwrap()), "{range} {outside}");
        }
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0/8", "proxy", "10.0.0.1:80", "/8"] {
            let message = wrong.parse::<AddressRange>().unwrap_err();
            assert!(message.starts_with("expected an IP address or a network"), "{message}");
        }
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_no_proxy() {
        let local = &["127.0.0.1", "10.0.0.0/8"];
        for (peer, forwarded, expected) in [
            ("127.0.0.1", &["192.0.2.7"][..], "192.0.2.7"),
            ("127.0.0.1", &["203.0.113.9, 192.0.2.7"], "192.0.2.7"), // the client claims to be another
            ("127.0.0.1", &["203.0.113.9", "192.0.2.7,10.1.1.1"], "192.0.2.7"), // two proxies, two headers
            ("127.0.0.1", &["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
            ("127.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("127.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("127.0.0.1", &["192.0.2.7:50123"], "192.0.2.7"),
            ("::ffff:127.0.0.1", &["::ffff:192.0.2.7"], "192.0.2.7"),
            ("127.0.0.1", &["192.0.2.7, unknown"], "127.0.0.1"),
            ("127.0.0.1", &[""], "127.0.0.1"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("192.0.2.8", &["203.0.113.9"], "192.0.2.8"), // not a proxy here: not believed
        ] {
            assert_eq!(client(local, peer, forwarded), expected, "{peer} {forwarded:?}");
        }
        assert_eq!(client(&[], "127.0.0.1", &["192.0.2.7"]), "127.0.0.1");
    }
}
