//! The figures of hosts over time: eight bytes a host and sample, so two kilobytes a host in all.

use std::time::Duration;

use crate::fleet::{HostId, HostTable, Time};
use crate::handle::{History, HostHistory};

use super::code::{pack, unpack};
use super::ring::Ring;

/// Samples kept of either kind.
const ROOM: usize = 120;
/// Close samples in a coarse one.
const COARSE: u32 = 6;
/// Bits that figures are kept to.
const BITS: u32 = 11;

/// CPU demand, memory, received, sent of every host, in [`pack`]'s code.
type Slot = Vec<[u16; 4]>;

/// Both rings.
#[derive(Debug)]
pub(super) struct HostRings {
    recent: Ring<Slot>,
    hour: Ring<Slot>,
    /// Close samples since the last coarse one.
    since_coarse: u32,
}

impl HostRings {
    pub(super) const fn new(every: Duration) -> Self {
        let coarse = Duration::from_nanos(every.as_nanos() as u64 * COARSE as u64);
        Self { recent: Ring::new(ROOM, every), hour: Ring::new(ROOM, coarse), since_coarse: 0 }
    }

    pub(super) fn sample(&mut self, at: Time, hosts: &HostTable) {
        let slot = self.recent.turn(at);
        slot.clear();
        slot.extend(hosts.rows().map(|(_, row)| {
            [row.cpu_demand, row.memory, row.net_rx, row.net_tx].map(|figure| pack::<BITS>(figure) as u16)
        }));
        self.since_coarse += 1;
        if self.since_coarse == COARSE {
            self.since_coarse = 0;
            self.coarsen(at, hosts.len());
        }
    }

    /// Takes the mean of the last close samples.
    fn coarsen(&mut self, at: Time, hosts: usize) {
        let slot = self.hour.turn(at);
        slot.clear();
        slot.extend((0..hosts).map(|host| {
            let (mut sums, mut taken) = ([0u64; 4], 0u64);
            // A host that joined since is not in all of them.
            for figures in self.recent.newest().take(COARSE as usize).filter_map(|close| close.get(host)) {
                taken += 1;
                for (sum, &figure) in sums.iter_mut().zip(figures) {
                    *sum += u64::from(unpack::<BITS>(figure.into()));
                }
            }
            sums.map(|sum| pack::<BITS>((sum / taken.max(1)) as u32) as u16)
        }));
    }

    pub(super) fn of(&self, host: HostId) -> HostHistory {
        let figure = |which: usize| {
            let value = |slot: &Slot| slot.get(host.index()).map(|figures| unpack::<BITS>(figures[which].into()));
            History { recent: self.recent.samples(value), hour: self.hour.samples(value) }
        };
        HostHistory { cpu: figure(0), memory: figure(1), net_rx: figure(2), net_tx: figure(3) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fleet::{Bytes, Fleet, NewHost, Rate, Topology};

    fn fleet(hosts: u32) -> Fleet {
        let mut topology = Topology::new("grows");
        let site = topology.site("rennes");
        let host = |n| NewHost {
            name: format!("paradent-{n}"),
            cores: 8,
            memory: Bytes::mib(1024),
            nic: Rate(125e6),
            disk: Rate(1e8),
        };
        topology.add_cluster(site, "paradent", (1..=hosts).map(host));
        let mut fleet = Fleet::new(Arc::new(topology));
        for host in 0..hosts {
            fleet.hosts.update(HostId(host), |row| row.cpu_demand = 400);
        }
        fleet
    }

    #[test]
    fn a_host_that_joins_has_the_samples_since_then() {
        let mut rings = HostRings::new(Duration::from_secs(5));
        for i in 0..COARSE {
            let hosts = if i < 4 { 2 } else { 3 };
            rings.sample(Time(u64::from(i) * 5_000_000_000), &fleet(hosts).hosts);
        }
        let (old, new) = (rings.of(HostId(0)).cpu, rings.of(HostId(2)).cpu);
        assert_eq!((old.recent.values.len(), new.recent.values.len()), (6, 2));
        assert_eq!((old.hour.values.len(), new.hour.values.len()), (1, 1));
        // The mean is of the samples that there are.
        assert_eq!(new.hour.values, old.hour.values);
        assert!(rings.of(HostId(9)).cpu.recent.values.is_empty());
    }
}
