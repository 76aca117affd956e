//! A reserved range of addresses for VMs, as `g5k-subnets` hands them out.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// An IPv4 network of which VMs get addresses, as in `10.144.0.0/22`. It lies within 10.0.0.0/8, as on Grid'5000, whose
/// rule ties the MAC address of a VM to its IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subnet {
    network: Ipv4Addr,
    prefix: u8,
}

impl Subnet {
    /// The addresses that hosts may have: all but the first, which names the network, and the last, which reaches all.
    pub fn usable(self) -> impl Iterator<Item = Ipv4Addr> {
        let first = self.network.to_bits();
        let last = first | (u32::MAX >> self.prefix);
        (first + 1..last).map(Ipv4Addr::from_bits)
    }
}

/// The MAC address of the VM that has an address, by Grid'5000's rule: 10.X.Y.Z has 00:16:3e:X:Y:Z.
pub fn vm_mac(address: Ipv4Addr) -> String {
    let [_, x, y, z] = address.octets();
    format!("00:16:3e:{x:02x}:{y:02x}:{z:02x}")
}

impl FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (network, prefix) = text.split_once('/')?;
            let (network, prefix): (Ipv4Addr, u8) = (network.parse().ok()?, prefix.parse().ok()?);
            let whole = (8..=30).contains(&prefix) && network.to_bits() & (u32::MAX >> prefix) == 0;
            (whole && network.octets()[0] == 10).then_some(Self { network, prefix })
        };
        read().ok_or_else(|| format!("found {text:?}, expected a network within 10.0.0.0/8, as in \"10.144.0.0/22\""))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_has_all_addresses_but_two() {
        let subnet: Subnet = "10.144.4.0/22".parse().unwrap();
        let usable: Vec<_> = subnet.usable().collect();
        assert_eq!(usable.len(), 1022);
        assert_eq!((usable[0], usable[1021]), (Ipv4Addr::new(10, 144, 4, 1), Ipv4Addr::new(10, 144, 7, 254)));
        assert_eq!(subnet.to_string(), "10.144.4.0/22");
    }

    #[test]
    fn macs_follow_the_rule_of_grid5000() {
        assert_eq!(vm_mac(Ipv4Addr::new(10, 160, 96, 1)), "00:16:3e:a0:60:01");
    }

    #[test]
    fn what_is_no_network_of_vms_is_refused() {
        for wrong in ["10.144.0.0", "10.144.0.1/22", "192.168.0.0/24", "10.0.0.0/7", "10.0.0.0/31", "10.0.0/8", ""] {
            assert!(wrong.parse::<Subnet>().is_err(), "{wrong}");
        }
    }
}
