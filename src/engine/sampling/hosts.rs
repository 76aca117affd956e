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
            let mut sums = [0u64; 4];
            for close in self.recent.newest().take(COARSE as usize) {
                for (sum, &figure) in sums.iter_mut().zip(&close[host]) {
                    *sum += u64::from(unpack::<BITS>(figure.into()));
                }
            }
            sums.map(|sum| pack::<BITS>((sum / u64::from(COARSE)) as u32) as u16)
        }));
    }

    pub(super) fn of(&self, host: HostId) -> HostHistory {
        let figure = |which: usize| {
            let value = |slot: &Slot| unpack::<BITS>(slot[host.index()][which].into());
            History { recent: self.recent.samples(value), hour: self.hour.samples(value) }
        };
        HostHistory { cpu: figure(0), memory: figure(1), net_rx: figure(2), net_tx: figure(3) }
    }
}
