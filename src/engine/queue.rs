//! Slots: what limits how many tasks run at once, and which tasks wait for which slot.

use std::collections::{BTreeMap, BTreeSet};

use crate::fleet::{HostId, OpId, SiteId, TaskId, VmId};
use crate::handle::{Limits, OpKind, WaitReason};

/// What a waiting task is parked at. A task waits at one key at a time: the first that held it up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Key {
    /// Its operation goes on.
    Operation(OpId),
    /// It comes first in its line.
    Line(Line),
    /// A host answers and takes VMs.
    Host(HostId),
    /// A host is no longer being switched off or started again.
    Power(HostId),
    BootTotal,
    BootHost(HostId),
    MigrateSource(HostId),
    MigrateTarget(HostId),
    MigrateLink(SiteId, SiteId),
    MigrateTotal,
    RunTotal,
    /// Memory on a host is freed.
    Memory(HostId),
}

/// Tasks of which one runs at a time, in the order in which they were asked for: all of a VM, those of one kind on a host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Line {
    Vm(VmId),
    Host(HostId, OpKind),
}

/// The slots of one kind that a task takes while it runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slots {
    Boot(HostId),
    Move { source: HostId, target: HostId, link: Option<(SiteId, SiteId)> },
    Run,
    None,
}

impl Slots {
    /// The keys in the order in which they are asked for: the narrowest first, so that what waits for the widest waits
    /// for nothing else.
    fn keys(self) -> impl Iterator<Item = Key> {
        let keys = match self {
            Self::Boot(host) => [Some(Key::BootHost(host)), Some(Key::BootTotal), None, None],
            Self::Move { source, target, link } => [
                Some(Key::MigrateSource(source)),
                Some(Key::MigrateTarget(target)),
                link.map(|(a, b)| Key::MigrateLink(a, b)),
                Some(Key::MigrateTotal),
            ],
            Self::Run => [Some(Key::RunTotal), None, None, None],
            Self::None => [None; 4],
        };
        keys.into_iter().flatten()
    }
}

/// Counts of taken slots and the tasks that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) limits: Limits,
    taken: BTreeMap<Key, u32>,
    parked: BTreeMap<Key, BTreeSet<TaskId>>,
    /// Keys at which something became free since the last look.
    freed: BTreeSet<Key>,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    const fn limit(&self, key: Key) -> u32 {
        match key {
            Key::BootTotal => self.limits.boot_total,
            Key::BootHost(_) => self.limits.boot_per_host,
            Key::MigrateSource(_) => self.limits.migrate_per_source,
            Key::MigrateTarget(_) => self.limits.migrate_per_target,
            Key::MigrateLink(..) => self.limits.migrate_per_link,
            Key::MigrateTotal => self.limits.migrate_total,
            Key::RunTotal => self.limits.run_total,
            Key::Operation(_) | Key::Line(_) | Key::Host(_) | Key::Power(_) | Key::Memory(_) => 0,
        }
    }

    /// The first slot that is not free, with how the wait for it is called.
    pub(super) fn full(&self, slots: Slots) -> Option<(Key, WaitReason)> {
        slots.keys().find_map(|key| {
            let limit = self.limit(key);
            let full = limit > 0 && self.taken.get(&key).is_some_and(|&taken| taken >= limit);
            let reason = match key {
                Key::BootTotal => WaitReason::BootTotal,
                Key::BootHost(host) => WaitReason::BootHost(host),
                Key::MigrateSource(host) => WaitReason::MigrateSource(host),
                Key::MigrateTarget(host) => WaitReason::MigrateTarget(host),
                Key::MigrateLink(a, b) => WaitReason::MigrateLink(a, b),
                Key::RunTotal => WaitReason::RunTotal,
                _ => WaitReason::MigrateTotal,
            };
            full.then_some((key, reason))
        })
    }

    /// How many slots of a key are taken.
    pub(super) fn taken(&self, key: Key) -> u32 {
        self.taken.get(&key).copied().unwrap_or(0)
    }

    /// Takes slots that are free.
    pub(super) fn take(&mut self, slots: Slots) {
        for key in slots.keys() {
            *self.taken.entry(key).or_default() += 1;
        }
    }

    /// Gives slots back.
    pub(super) fn release(&mut self, slots: Slots) {
        for key in slots.keys() {
            if let Some(taken) = self.taken.get_mut(&key) {
                *taken -= 1;
                if *taken == 0 {
                    self.taken.remove(&key);
                }
            }
            self.free(key);
        }
    }

    /// Replaces the limits; what waits for a raised one is looked at again.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        let waiting: Vec<Key> = self.parked.keys().copied().collect();
        for key in waiting {
            self.free(key);
        }
    }

    /// Says that something became free at a key.
    pub(super) fn free(&mut self, key: Key) {
        if self.parked.contains_key(&key) {
            self.freed.insert(key);
        }
    }

    /// The next key to look at.
    pub(super) fn next_freed(&mut self) -> Option<Key> {
        self.freed.pop_first()
    }

    /// The oldest task that waits at a key.
    pub(super) fn first_at(&self, key: Key) -> Option<TaskId> {
        self.parked.get(&key)?.first().copied()
    }

    /// All tasks that wait at keys that `keys` accepts, oldest first per key.
    pub(super) fn parked_at(&self, keys: impl Fn(Key) -> bool) -> Vec<TaskId> {
        self.parked.iter().filter(|&(&key, _)| keys(key)).flat_map(|(_, tasks)| tasks.iter().copied()).collect()
    }

    pub(super) fn park(&mut self, key: Key, task: TaskId) {
        self.parked.entry(key).or_default().insert(task);
    }

    pub(super) fn unpark(&mut self, key: Key, task: TaskId) {
        if let Some(tasks) = self.parked.get_mut(&key) {
            tasks.remove(&task);
            if tasks.is_empty() {
                self.parked.remove(&key);
            }
        }
    }
}
