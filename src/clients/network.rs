//! The addresses that are counted as one client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bits of an IPv6 address that name a subscriber's network; the other 64 are the subscriber's own choice (RFC 6177).
const IPV6_PREFIX_BITS: u32 = 64;

/// An IPv4 address, or the IPv6 addresses with the same first 64 bits: whoever has one of these has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientNetwork(IpAddr);

impl ClientNetwork {
    /// The program itself, whose work comes from no address.
    pub const PROGRAM: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    /// The network of a client; `None` is the program itself.
    #[must_use]
    pub fn of(client: Option<IpAddr>) -> Self {
        client.map_or(Self::PROGRAM, Self::from)
    }
}

impl From<IpAddr> for ClientNetwork {
    /// Also for an IPv4 address that an IPv6 socket sees (`::ffff:192.0.2.1`).
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let mask = u128::MAX << (u128::BITS - IPV6_PREFIX_BITS);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        let network = |address: &str| ClientNetwork::from(address.parse::<IpAddr>().unwrap());
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(ClientNetwork::of(None), ClientNetwork::of(Some("127.0.0.1".parse().unwrap())));
    }
}
