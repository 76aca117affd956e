//! What the simulator tells.

use crate::fleet::{HostId, MigrationFigures, Rate, TaskId};
use crate::platform::{Batch, End, Observation, Progress, VmKey};

use super::SimPlatform;

/// Millionths of a core as the thousandths that observations are in.
fn thousandths(millionths: f64) -> u32 {
    (millionths / 1000.0).round() as u32
}

impl SimPlatform {
    /// Adds an observation to the batch of this instant and host.
    pub(super) fn say(&mut self, host: Option<HostId>, observation: Observation) {
        match self.out.last_mut() {
            Some(batch) if batch.at == self.now && batch.host == host => batch.seen.push(observation),
            _ => self.out.push(Batch { at: self.now, host, seen: vec![observation] }),
        }
    }

    /// Says how a task ended.
    pub(super) fn ended(&mut self, task: TaskId, end: End, figures: Option<MigrationFigures>) {
        self.say(None, Observation::Ended { task, end, figures });
    }

    /// Says that a host is there.
    pub(super) fn say_host_answers(&mut self, host: HostId) {
        let sizes = self.topology.host(host);
        let observation = Observation::HostAnswers { cores: sizes.cores, memory: sizes.memory };
        self.say(Some(host), observation);
    }

    /// Lets every host say that it is there, before all else.
    pub(super) fn say_hello(&mut self, into: &mut Vec<Batch>) {
        let at = self.out.first().map_or(self.now, |batch| batch.at);
        into.extend(self.topology.host_ids().map(|id| {
            let host = self.topology.host(id);
            let seen = vec![Observation::HostAnswers { cores: host.cores, memory: host.memory }];
            Batch { at, host: Some(id), seen }
        }));
    }

    /// Lists a host for the next sample.
    pub(super) fn list_changed(&mut self, host: HostId) {
        let entry = &mut self.hosts[host.index()];
        if !entry.changed {
            entry.changed = true;
            self.changed.push(host);
        }
    }

    /// Observes hosts on which something changed, and those of their VMs whose load is another one.
    pub(super) fn observe_loads(&mut self) {
        let mut changed = std::mem::take(&mut self.changed);
        let mut places = Vec::new();
        changed.sort_unstable();
        for &id in &changed {
            let host = &mut self.hosts[id.index()];
            host.changed = false;
            if !host.is_up() {
                continue;
            }
            host.share_cores(&self.vms, &mut self.scratch);
            let efficiency = self.config.migration.efficiency.0;
            let down = self.hosts.len() as u32 + id.0;
            let host = &self.hosts[id.index()];
            let mut seen = vec![Observation::HostLoad {
                cpu_used: thousandths(host.used() as f64),
                cpu_demand: thousandths(host.asked() as f64),
                net_rx: Rate(self.network.carried(down) * efficiency),
                net_tx: Rate(self.network.carried(id.0) * efficiency),
            }];
            self.hosts[id.index()].take_moved(&self.vms, id, &mut places);
            for &place in &places {
                let vm = self.hosts[id.index()].vms[place as usize];
                let row = self.vms.get(vm);
                let cpu = thousandths(self.hosts[id.index()].gets(row.demand));
                if row.seen != cpu {
                    let dirty = Rate(self.dirty_rate(vm));
                    seen.push(Observation::VmLoad { vm: VmKey::Id(vm), cpu, dirty, net: Rate(0.0) });
                    self.vms.get_mut(vm).seen = cpu;
                }
            }
            self.out.push(Batch { at: self.now, host: Some(id), seen });
        }
        changed.clear();
        self.changed = changed;
    }

    /// Observes how far the running migrations are.
    pub(super) fn observe_migrations(&mut self) {
        for number in 0..self.migrations.len() as u32 {
            if let Some((task, progress)) = self.migration_progress(number) {
                self.say(None, Observation::Progress { task, progress: Progress::Migration(progress) });
            }
        }
    }
}
