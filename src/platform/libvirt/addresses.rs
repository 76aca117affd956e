//! Which VM has which address of the subnets that the world reserves.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use super::queue::lock;
use crate::fleet::{HostId, Subnet};

/// The addresses in use. What VMs of earlier runs have is learnt from their marks when they are met.
#[derive(Debug, Default)]
pub(super) struct Addresses(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// By the VM's name and the host that has it: a VM that moves is for a while on two, and each of them holds it.
    of: HashMap<(Arc<str>, HostId), Ipv4Addr>,
    /// How often each address is held.
    times: HashMap<Ipv4Addr, u32>,
}

impl Held {
    fn hold(&mut self, name: &Arc<str>, host: HostId, address: Ipv4Addr) {
        self.leave(name, host);
        self.of.insert((name.clone(), host), address);
        *self.times.entry(address).or_default() += 1;
    }

    fn leave(&mut self, name: &Arc<str>, host: HostId) {
        let Some(address) = self.of.remove(&(name.clone(), host)) else { return };
        if let Some(times) = self.times.get_mut(&address) {
            *times -= 1;
            if *times == 0 {
                self.times.remove(&address);
            }
        }
    }
}

impl Addresses {
    /// The lowest address of the subnet that no VM has, for a VM that is to start on a host; none where all are in use.
    pub(super) fn give(&self, name: &Arc<str>, subnet: Subnet, host: HostId) -> Option<Ipv4Addr> {
        let mut held = lock(&self.0);
        held.leave(name, host);
        let free = subnet.usable().find(|address| !held.times.contains_key(address))?;
        held.hold(name, host, free);
        Some(free)
    }

    /// A VM with that address was met on a host.
    pub(super) fn met(&self, name: &Arc<str>, address: Ipv4Addr, host: HostId) {
        lock(&self.0).hold(name, host, address);
    }

    /// A VM is no longer on a host. Its address is free unless another host has it.
    pub(super) fn gone(&self, name: &Arc<str>, host: HostId) {
        lock(&self.0).leave(name, host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_address_is_given_and_moves_keep_theirs() {
        let addresses = Addresses::default();
        let subnet: Subnet = "10.160.0.0/30".parse().unwrap();
        let address = |last| Ipv4Addr::new(10, 160, 0, last);
        let (one, two, three): (Arc<str>, Arc<str>, Arc<str>) = ("vm-1".into(), "vm-2".into(), "vm-3".into());
        let (here, there) = (HostId(0), HostId(1));
        assert_eq!(addresses.give(&one, subnet, here), Some(address(1)));
        assert_eq!(addresses.give(&two, subnet, here), Some(address(2)));
        assert_eq!(addresses.give(&three, subnet, here), None);
        assert_eq!(addresses.give(&two, subnet, here), Some(address(2)), "a second attempt");
        // A move: the target has it before the source has lost it.
        addresses.met(&one, address(1), there);
        addresses.gone(&one, here);
        assert_eq!(addresses.give(&three, subnet, here), None, "vm-1 moved and keeps its address");
        // A move that failed: the target had it for a while.
        addresses.met(&one, address(1), here);
        addresses.gone(&one, there);
        assert_eq!(addresses.give(&three, subnet, here), None, "vm-1 stayed and keeps its address");
        addresses.gone(&one, here);
        assert_eq!(addresses.give(&three, subnet, here), Some(address(1)));
    }

    #[test]
    fn what_may_still_run_elsewhere_under_that_name_keeps_its_address() {
        let addresses = Addresses::default();
        let subnet: Subnet = "10.160.0.0/29".parse().unwrap();
        let name: Arc<str> = "vm-1".into();
        let first = addresses.give(&name, subnet, HostId(0));
        assert_ne!(addresses.give(&name, subnet, HostId(1)), first);
    }
}
