//! The simulator's VMs: forty bytes each, by id.

use std::collections::HashMap;

use crate::fleet::{Bytes, HostId, Load, VmId};

/// Stands for none in columns of indices.
pub(super) const NONE: u32 = u32::MAX;

/// A core, in the unit that demand is counted in: whole numbers, so that sums stay exact however often they change.
pub(super) const CORE: u32 = 1_000_000;

/// What a VM does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// There is no such VM.
    #[default]
    Absent,
    /// Its guest boots.
    Booting,
    /// Its guest runs.
    Running,
    /// Its vCPUs are stopped by a request.
    Paused,
    /// Its vCPUs are stopped for the last round of its migration.
    Stopped,
}

/// One VM.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vm {
    pub(super) memory: Bytes,
    pub(super) host: HostId,
    /// Its place in its host's list.
    pub(super) slot: u32,
    /// Its place among the VMs whose load changes, or [`NONE`].
    pub(super) turn: u32,
    /// Its stress: an index into [`Vms::stress`], or [`NONE`].
    pub(super) stress: u32,
    /// The migration it is in, or [`NONE`].
    pub(super) migration: u32,
    /// CPU it asks for now, in millionths of a core.
    pub(super) demand: u32,
    /// CPU that was last reported, in thousandths of a core; [`NONE`] where it has to be reported again.
    pub(super) seen: u32,
    /// Its level of the world's load.
    pub(super) level: u16,
    pub(super) vcpus: u8,
    pub(super) state: State,
}

impl Vm {
    const ABSENT: Self = Self {
        memory: Bytes(0),
        host: HostId(NONE),
        slot: NONE,
        turn: NONE,
        stress: NONE,
        migration: NONE,
        demand: 0,
        seen: 0,
        level: 0,
        vcpus: 0,
        state: State::Absent,
    };

    /// A new VM on a host, not in any list yet.
    pub(super) const fn new(memory: Bytes, vcpus: u8, host: HostId, state: State) -> Self {
        Self { memory, host, vcpus, state, ..Self::ABSENT }
    }
}

/// All VMs by id, and the stresses that were set.
#[derive(Debug, Default)]
pub(super) struct Vms {
    rows: Vec<Vm>,
    stresses: Vec<Load>,
    by_bits: HashMap<[u64; 3], u32>,
}

impl Vms {
    /// Makes room for ids below `count`.
    pub(super) fn reserve(&mut self, count: u32) {
        self.rows.reserve_exact((count as usize).saturating_sub(self.rows.len()));
    }

    /// The VM, also where it is absent.
    pub(super) fn get(&self, vm: VmId) -> &Vm {
        self.rows.get(vm.index()).unwrap_or(&Vm::ABSENT)
    }

    /// The VM to change; ids up to it come to be as absent VMs.
    pub(super) fn get_mut(&mut self, vm: VmId) -> &mut Vm {
        if vm.index() >= self.rows.len() {
            self.rows.resize(vm.index() + 1, Vm::ABSENT);
        }
        &mut self.rows[vm.index()]
    }

    /// Puts a VM in its place.
    pub(super) fn put(&mut self, vm: VmId, row: Vm) {
        *self.get_mut(vm) = row;
    }

    /// Makes a VM absent.
    pub(super) fn forget(&mut self, vm: VmId) {
        *self.get_mut(vm) = Vm::ABSENT;
    }

    /// The number of a stress, the same for equal ones: most VMs of a run share a few.
    pub(super) fn stress_number(&mut self, load: &Load) -> u32 {
        let bits = [load.cpu.0.to_bits(), load.dirty_rate.0.to_bits(), load.cap().0.to_bits()];
        *self.by_bits.entry(bits).or_insert_with(|| {
            self.stresses.push(*load);
            (self.stresses.len() - 1) as u32
        })
    }

    /// The stress a VM is under.
    pub(super) fn stress(&self, vm: &Vm) -> Option<&Load> {
        self.stresses.get(vm.stress as usize)
    }
}
