//! What VMs bear: the loads that were asked of them, and what is seen of these.

use crate::doctor::{LoadSeen, Teller};
use crate::fleet::{Bytes, DEFAULT_WORKING_SET, Load, Rate, Share, VmId, VmState};

use super::Engine;

impl Engine {
    /// What is foreseen of a VM's moves follows from what it bears, not from what was asked of it.
    pub(super) fn bears(&mut self, vm: VmId, seen: &LoadSeen) {
        match seen {
            LoadSeen::Found(load) => {
                self.loads.entry(vm).or_insert(*load);
                self.fleet.vms.update(vm, |row| row.stressed = true);
            }
            // Of a move that has ended meanwhile.
            LoadSeen::Dirties(_, Teller::Sample) if self.fleet.vms.state(vm) != VmState::Migrating => {}
            LoadSeen::Dirties(rate, teller) => _ = self.dirtied.insert(vm, (*rate, *teller)),
            LoadSeen::Has(taken) | LoadSeen::Short { taken, .. } => {
                let memory = Bytes::mib(u64::from(self.fleet.vms.row(vm).memory));
                if let Some(load) = self.loads.get_mut(&vm) {
                    load.working_set = Some(Share(taken.0 as f64 / memory.0.max(1) as f64));
                }
            }
            LoadSeen::Gone { .. } => self.forget_load(vm),
        }
    }

    /// A VM took this load, or none: what was seen of the one before is over.
    pub(super) fn load_is_new(&mut self, vm: VmId, load: Option<Load>) {
        self.forget_load(vm);
        self.fleet.vms.update(vm, |row| row.stressed = load.is_some());
        if let Some(load) = load {
            self.loads.insert(vm, load);
        }
        self.health.forget_shortfall(vm);
    }

    /// Nothing is known any more of what a VM bears.
    pub(super) fn forget_load(&mut self, vm: VmId) {
        self.loads.remove(&vm);
        self.dirtied.remove(&vm);
    }

    /// What was sampled of a VM is of the moment at which its move began, and over with that.
    pub(super) fn forget_sample(&mut self, vm: VmId) {
        if self.dirtied.get(&vm).is_some_and(|(_, teller)| *teller == Teller::Sample) {
            self.dirtied.remove(&vm);
        }
    }

    /// The share of a VM's memory that one round of a move can find dirty at most.
    pub(super) fn working_set(&self, vm: VmId) -> Share {
        self.loads.get(&vm).map_or(DEFAULT_WORKING_SET, Load::cap)
    }

    /// What a VM is known to dirty in a second, and by whom; nobody: it is what was asked of it.
    pub(super) fn dirties(&self, vm: VmId) -> Option<(Rate, Option<Teller>)> {
        let seen = self.dirtied.get(&vm).map(|&(rate, teller)| (rate, Some(teller)));
        seen.or_else(|| self.loads.get(&vm).map(|load| (load.dirty_rate, None)))
    }
}
