//! Figures over time, for consoles: sampled at even intervals on the platform's clock, as they were last seen. A
//! simulator is looked at about once a second of wall time, so where it runs many times as fast several samples are of
//! one look: to look for each would cost more than all else.
//!
//! What it costs: two kilobytes a host, 180 bytes a VM up to some hundred thousand VMs (in blocks of 1 024), forty
//! kilobytes for VMs asked about in larger fleets. So 3 MiB for 10 240 VMs on 504 hosts, 19 MiB for 100 000, and 10 MiB
//! for the 5 040 hosts that a million VMs need.

mod code;
mod fleet;
mod hosts;
mod ring;
mod vms;

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{HostId, Time, VmId};
use crate::handle::{FleetHistory, HostHistory, VmHistory};

use super::Engine;

/// Between two samples of hosts and of the fleet.
const HOSTS_EVERY: Duration = Duration::from_secs(5);
/// Between two samples of VMs.
const VMS_EVERY: Duration = Duration::from_secs(10);
/// When the first sample of everything is taken: soon, so that a new console has something to show.
const FIRST: Time = Time(1_000_000_000);
/// After a leap in time longer than this, over which nothing was sampled, everything begins anew.
const LEAP: Duration = Duration::from_mins(10);

/// All that was sampled.
#[derive(Debug)]
pub(super) struct Sampler {
    next_hosts: Time,
    next_vms: Time,
    hosts: hosts::HostRings,
    vms: vms::VmRings,
    fleet: Arc<FleetHistory>,
}

impl Sampler {
    /// A sampler whose first sample is due then.
    pub(super) fn new(first: Time) -> Self {
        Self {
            next_hosts: first,
            next_vms: first,
            hosts: hosts::HostRings::new(HOSTS_EVERY),
            vms: vms::VmRings::new(VMS_EVERY),
            fleet: Arc::default(),
        }
    }

    pub(super) fn deadline(&self) -> Time {
        self.next_hosts.min(self.next_vms)
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new(FIRST)
    }
}

impl Engine {
    /// Takes the samples that are due. Of those that were missed each gets the figures of now.
    pub(super) fn sample(&mut self) {
        let now = self.fleet.now;
        if self.sampler.as_ref().is_none_or(|sampler| sampler.deadline() > now) {
            return;
        }
        let rates = self.checks.iter().filter_map(|&(_, task)| self.task(task).detail.as_ref()?.migration);
        let migration = (rates.map(|migration| migration.rate.0).sum::<f64>() / 1024.0).round() as u32;
        let Some(sampler) = &mut self.sampler else { return };
        if now.since(sampler.deadline()) > LEAP {
            **sampler = Sampler::new(now);
        }
        while sampler.next_hosts <= now {
            let at = sampler.next_hosts;
            sampler.hosts.sample(at, &self.fleet.hosts);
            fleet::sample(&mut sampler.fleet, at, HOSTS_EVERY, &self.fleet, migration);
            sampler.next_hosts += HOSTS_EVERY;
        }
        while sampler.next_vms <= now {
            sampler.vms.sample(sampler.next_vms, &self.fleet.vms);
            sampler.next_vms += VMS_EVERY;
        }
        self.changes += 1;
    }

    pub(super) fn fleet_history(&self) -> Arc<FleetHistory> {
        self.sampler.as_ref().map(|sampler| sampler.fleet.clone()).unwrap_or_default()
    }

    pub(super) fn host_history(&self, host: HostId) -> HostHistory {
        self.sampler.as_ref().map(|sampler| sampler.hosts.of(host)).unwrap_or_default()
    }

    /// A VM's figures over time; asking for them has them kept from now on in any fleet.
    pub(super) fn vm_history(&mut self, vm: VmId) -> VmHistory {
        let Some(sampler) = &mut self.sampler else { return VmHistory::default() };
        if self.fleet.vms.exists(vm) {
            sampler.vms.ask(vm);
        }
        sampler.vms.of(vm, &self.fleet.vms.row(vm))
    }
}
