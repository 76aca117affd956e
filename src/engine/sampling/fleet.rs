//! The figures of the whole fleet over time.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{Fleet, Time, VmState};
use crate::handle::{FleetHistory, Samples};

/// Samples kept.
const ROOM: usize = 120;

/// Adds what is now; `migration` is what running migrations send together, in KiB/s.
pub(super) fn sample(history: &mut Arc<FleetHistory>, at: Time, every: Duration, fleet: &Fleet, migration: u32) {
    let vms = |states: &[VmState]| states.iter().map(|&state| fleet.vms.count(state) as u32).sum();
    let (mut demand, mut net) = (0u64, 0u64);
    for (_, row) in fleet.hosts.rows() {
        demand += u64::from(row.cpu_demand);
        net += u64::from(row.net_tx);
    }
    let cores: u64 = fleet.topology.hosts.iter().map(|host| u64::from(host.cores)).sum();
    let history = Arc::make_mut(history);
    for (samples, value) in [
        (&mut history.up, vms(&[VmState::Up, VmState::Reachable])),
        (&mut history.booting, vms(&[VmState::Preparing, VmState::Starting])),
        (&mut history.moving, vms(&[VmState::Migrating])),
        (&mut history.failed, vms(&[VmState::Failed, VmState::Lost])),
        (&mut history.cpu, (demand / cores.max(1)) as u32),
        (&mut history.migration, migration),
        (&mut history.net, u32::try_from(net).unwrap_or(u32::MAX)),
    ] {
        push(samples, at, every, value);
    }
}

fn push(samples: &mut Samples, at: Time, every: Duration, value: u32) {
    if samples.values.len() == ROOM {
        samples.values.remove(0);
    }
    samples.values.push(value);
    (samples.every, samples.last) = (every, at);
}
