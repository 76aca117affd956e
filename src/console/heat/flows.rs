//! Which hosts send VMs to which: the migrations that run, counted by pairs.

use std::collections::HashMap;

use crate::console::marks::HostSet;
use crate::fleet::{Fleet, HostId, SiteId};

/// Running migrations by where they come from and go to.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    /// Pairs of hosts, most migrations first.
    pub hosts: Vec<(HostId, HostId, u32)>,
    /// Pairs of sites, most migrations first.
    pub sites: Vec<(SiteId, SiteId, u32)>,
    sources: HostSet,
    targets: HostSet,
}

/// What a host does in the flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Sends,
    Receives,
    Both,
}

impl Flows {
    /// Counts what moves now.
    pub(super) fn of(fleet: &Fleet) -> Self {
        let known = fleet.topology.hosts.len();
        let (mut hosts, mut sites) = (HashMap::new(), HashMap::new());
        for (from, to) in fleet.vms.moves().filter(|(a, b)| a.index() < known && b.index() < known) {
            *hosts.entry((from, to)).or_insert(0) += 1;
            let site = |host| fleet.topology.host(host).site;
            *sites.entry((site(from), site(to))).or_insert(0) += 1;
        }
        Self {
            sources: hosts.keys().map(|(from, _)| *from).collect(),
            targets: hosts.keys().map(|(_, to)| *to).collect(),
            hosts: most_first(hosts),
            sites: most_first(sites),
        }
    }

    /// How many migrations there are.
    pub(crate) fn count(&self) -> usize {
        self.sites.iter().map(|(_, _, n)| *n as usize).sum()
    }

    /// What a host does in them.
    pub(crate) fn way(&self, host: HostId) -> Option<Way> {
        match (self.sources.contains(host), self.targets.contains(host)) {
            (true, true) => Some(Way::Both),
            (true, false) => Some(Way::Sends),
            (false, true) => Some(Way::Receives),
            (false, false) => None,
        }
    }
}

/// Ties in the order of the world, so that the list stands still.
fn most_first<P: Ord + Copy>(pairs: HashMap<(P, P), u32>) -> Vec<(P, P, u32)> {
    let mut list: Vec<_> = pairs.into_iter().map(|((from, to), n)| (from, to, n)).collect();
    list.sort_unstable_by_key(|&(from, to, n)| (std::cmp::Reverse(n), from, to));
    list
}
