//! The changing figures of hosts, by [`HostId`]. Names and sizes stand in the [`Topology`](super::Topology).

use std::sync::Arc;

use super::{HostId, HostState, Time};

/// One host's figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HostRow {
    /// What is known of it.
    pub state: HostState,
    /// Since when: whole seconds on the platform's clock.
    pub since: u32,
    /// VMs placed on it, whatever their state.
    pub vms: u32,
    /// CPU that its VMs ask for, in thousandths of a core. Where only use is known (real hosts), the use.
    pub cpu_demand: u32,
    /// CPU in use, in thousandths of a core.
    pub cpu_used: u32,
    /// Memory promised: VMs on it, VMs on their way to it, and the overhead of each; MiB.
    pub memory: u32,
    /// What it receives, in KiB/s.
    pub net_rx: u32,
    /// What it sends, in KiB/s.
    pub net_tx: u32,
    /// VMs that boot on it now.
    pub booting: u16,
    /// VMs that migrate to it now.
    pub migrations_in: u16,
    /// VMs that migrate away from it now.
    pub migrations_out: u16,
    /// Since when its demand exceeds its cores, plus one: whole seconds; 0 while it does not.
    over_since: u32,
}

impl HostRow {
    /// Sets the state and, where it is another one, since when.
    pub fn enter(&mut self, state: HostState, now: Time) {
        if self.state != state {
            self.state = state;
            self.since = now.as_secs() as u32;
        }
    }

    /// Says what the VMs ask for and notes whether that is a violation: more than the host's `cores`.
    pub fn demand(&mut self, millicores: u32, cores: u32, now: Time) {
        self.cpu_demand = millicores;
        if cores == 0 || millicores <= cores * 1000 {
            self.over_since = 0;
        } else if self.over_since == 0 {
            self.over_since = now.as_secs() as u32 + 1;
        }
    }

    /// Since when its demand exceeds its capacity, in whole seconds; none while it does not.
    pub const fn over_since(&self) -> Option<u32> {
        self.over_since.checked_sub(1)
    }

    /// Whether its demand exceeds its capacity.
    pub const fn over(&self) -> bool {
        self.over_since != 0
    }
}

const CHUNK: usize = 128;

/// All hosts of a world, by [`HostId`]; a clone shares chunks of 128 hosts until they are written.
#[derive(Clone, Default)]
pub struct HostTable {
    chunks: Vec<Arc<[HostRow; CHUNK]>>,
    len: usize,
    version: u64,
}

impl HostTable {
    /// `len` hosts without any figure.
    pub fn new(len: usize) -> Self {
        let chunks = (0..len.div_ceil(CHUNK)).map(|_| Arc::new([HostRow::default(); CHUNK])).collect();
        Self { chunks, len, version: 0 }
    }

    /// A host's figures. Panics where the id is not of this table.
    pub fn row(&self, host: HostId) -> &HostRow {
        &self.chunks[host.index() / CHUNK][host.index() % CHUNK]
    }

    /// Changes a host's row. Where nothing changes, nothing is copied.
    pub fn update(&mut self, host: HostId, change: impl FnOnce(&mut HostRow)) {
        let mut row = *self.row(host);
        change(&mut row);
        if row != *self.row(host) {
            self.version += 1;
            Arc::make_mut(&mut self.chunks[host.index() / CHUNK])[host.index() % CHUNK] = row;
        }
    }

    /// How many hosts there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All hosts in world order.
    pub fn rows(&self) -> impl Iterator<Item = (HostId, &HostRow)> + '_ {
        (0..self.len as u32).map(|i| (HostId(i), self.row(HostId(i))))
    }

    /// Grows with every change.
    pub const fn version(&self) -> u64 {
        self.version
    }
}

impl std::fmt::Debug for HostTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostTable({} hosts, version {})", self.len, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_dated_from_its_begin() {
        let mut row = HostRow::default();
        row.demand(9000, 8, Time::from_secs_f64(0.0));
        row.demand(9500, 8, Time::from_secs_f64(12.0));
        assert_eq!(row.over_since(), Some(0));
        row.demand(8000, 8, Time::from_secs_f64(13.0));
        assert_eq!(row.over_since(), None);
    }
}
