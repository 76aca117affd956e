//! Which VM has which address of the subnets that the world reserves.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use super::queue::lock;
use crate::fleet::{HostId, Subnet};

/// The addresses in use, by the VM's name, with the host where it was last seen. What VMs of earlier runs have is learnt
/// from their marks when they are met.
#[derive(Debug, Default)]
pub(super) struct Addresses(Mutex<HashMap<Arc<str>, (Ipv4Addr, HostId)>>);

impl Addresses {
    /// The lowest address of the subnet that no VM has, for a VM that is to start on a host; none where all are in use.
    pub(super) fn give(&self, name: &Arc<str>, subnet: Subnet, host: HostId) -> Option<Ipv4Addr> {
        let mut held = lock(&self.0);
        let others: HashSet<Ipv4Addr> =
            held.iter().filter(|(holder, _)| *holder != name).map(|(_, (address, _))| *address).collect();
        let free = subnet.usable().find(|address| !others.contains(address))?;
        held.insert(name.clone(), (free, host));
        Some(free)
    }

    /// A VM with that address was met on a host.
    pub(super) fn met(&self, name: &Arc<str>, address: Ipv4Addr, host: HostId) {
        lock(&self.0).insert(name.clone(), (address, host));
    }

    /// A VM is no longer on a host. Its address is free unless it was met on another one meanwhile.
    pub(super) fn gone(&self, name: &str, host: HostId) {
        let mut held = lock(&self.0);
        if held.get(name).is_some_and(|(_, holder)| *holder == host) {
            held.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_address_is_given_and_moves_keep_theirs() {
        let addresses = Addresses::default();
        let subnet: Subnet = "10.160.0.0/30".parse().unwrap();
        let address = |last| Some(Ipv4Addr::new(10, 160, 0, last));
        let (one, two, three): (Arc<str>, Arc<str>, Arc<str>) = ("vm-1".into(), "vm-2".into(), "vm-3".into());
        assert_eq!(addresses.give(&one, subnet, HostId(0)), address(1));
        assert_eq!(addresses.give(&two, subnet, HostId(0)), address(2));
        assert_eq!(addresses.give(&three, subnet, HostId(0)), None);
        assert_eq!(addresses.give(&two, subnet, HostId(0)), address(2), "a second attempt");
        addresses.met(&one, Ipv4Addr::new(10, 160, 0, 1), HostId(1));
        addresses.gone(&one, HostId(0));
        assert_eq!(addresses.give(&three, subnet, HostId(0)), None, "vm-1 moved and keeps its address");
        addresses.gone(&one, HostId(1));
        assert_eq!(addresses.give(&three, subnet, HostId(0)), address(1));
    }
}
