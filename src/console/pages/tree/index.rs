//! Which VMs each host has, and what the nodes of the tree sum up: gathered on a thread of its own.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;

use crate::fleet::{Fleet, HostId, Selection, VmId, VmState};

/// What the tree shows only.
#[derive(Debug, Clone, Default)]
pub(super) enum Only {
    /// Everything.
    #[default]
    All,
    /// These VMs, and all VMs of hosts, clusters and sites whose name has this word in it.
    Vms(Arc<Selection>, Option<Arc<str>>),
    /// All VMs of these hosts.
    Hosts(Arc<Selection>),
}

/// What a node sums up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sums {
    pub hosts: u32,
    pub vms: u32,
    /// VMs that failed or are lost.
    pub failed: u32,
    /// Hosts of which more is asked than they have, and that do not answer or cannot be used.
    pub over: u32,
    pub down: u32,
    /// CPU asked for and there, in thousandths of a core; memory promised and there, in MiB.
    pub cpu: (u64, u64),
    pub memory: (u64, u64),
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.hosts += other.hosts;
        self.vms += other.vms;
        self.failed += other.failed;
        self.over += other.over;
        self.down += other.down;
        self.cpu = (self.cpu.0 + other.cpu.0, self.cpu.1 + other.cpu.1);
        self.memory = (self.memory.0 + other.memory.0, self.memory.1 + other.memory.1);
    }

    /// CPU asked for as a share of what is there.
    pub(crate) fn load(&self) -> f64 {
        if self.cpu.1 == 0 { 0.0 } else { self.cpu.0 as f64 / self.cpu.1 as f64 }
    }

    /// Memory promised as a share of what is there.
    pub(crate) fn full(&self) -> f64 {
        if self.memory.1 == 0 { 0.0 } else { self.memory.0 as f64 / self.memory.1 as f64 }
    }
}

/// VMs by host.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub generation: u64,
    /// Where each host's VMs begin in `vms`; those without a host are the last.
    starts: Vec<u32>,
    vms: Vec<VmId>,
    /// Whether a host is shown: it has a VM that is, or is one that the filter names.
    shown: Vec<bool>,
    hosts: Vec<Sums>,
    clusters: Vec<Sums>,
    sites: Vec<Sums>,
}

impl Index {
    /// Gathers everything; nothing where `current` became false meanwhile.
    pub(super) fn of(fleet: &Fleet, only: &Only, current: &dyn Fn() -> bool) -> Option<Self> {
        let count = fleet.hosts.len().min(fleet.topology.hosts.len());
        let named = named(fleet, only, count);
        let mut chosen = Vec::new();
        let mut starts = vec![0u32; count + 2];
        let mut failed = vec![0u32; count + 1];
        for (i, (vm, host)) in fleet.vms.places().enumerate() {
            if i.is_multiple_of(4096) && !current() {
                return None;
            }
            let slot = host.map_or(count, |host| host.index().min(count));
            let through = match only {
                Only::All => true,
                Only::Vms(selection, _) => named.get(slot) == Some(&true) || selection.has_vm(fleet, vm),
                Only::Hosts(_) => named.get(slot) == Some(&true),
            };
            if through {
                chosen.push((vm, slot as u32));
                starts[slot + 1] += 1;
                failed[slot] += u32::from(matches!(fleet.vms.state(vm), VmState::Failed | VmState::Lost));
            }
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut vms = vec![VmId(0); chosen.len()];
        for (vm, slot) in chosen {
            let at = &mut next[slot as usize];
            vms[*at as usize] = vm;
            *at += 1;
        }
        let all = matches!(only, Only::All);
        let shown = (0..count).map(|host| all || named[host] || starts[host] < starts[host + 1]).collect();
        let mut index = Self { starts, vms, shown, ..Self::default() };
        index.sum(fleet, &failed);
        Some(index)
    }

    fn sum(&mut self, fleet: &Fleet, failed: &[u32]) {
        let topology = &fleet.topology;
        self.clusters = vec![Sums::default(); topology.clusters.len()];
        self.sites = vec![Sums::default(); topology.sites.len()];
        for (id, row) in fleet.hosts.rows().take(self.shown.len()) {
            use crate::fleet::HostState::{Failed, Unreachable, Withdrawn};
            let host = topology.host(id);
            let sums = Sums {
                hosts: 1,
                vms: self.range(id.index()).len() as u32,
                failed: failed[id.index()],
                over: u32::from(row.over()),
                down: u32::from(matches!(row.state, Failed | Unreachable | Withdrawn)),
                cpu: (u64::from(row.cpu_demand), u64::from(host.cores) * 1000),
                memory: (u64::from(row.memory), host.memory.to_mib()),
            };
            self.hosts.push(sums);
            if self.shown[id.index()] {
                self.clusters[host.cluster.index()].add(&sums);
                self.sites[host.site.index()].add(&sums);
            }
        }
    }

    fn range(&self, slot: usize) -> Range<usize> {
        match (self.starts.get(slot), self.starts.get(slot + 1)) {
            (Some(&from), Some(&to)) => from as usize..to as usize,
            _ => 0..0,
        }
    }

    /// Hosts that it knows.
    pub(crate) const fn len(&self) -> usize {
        self.shown.len()
    }

    /// All VMs that are shown.
    pub(crate) fn all(&self) -> &[VmId] {
        &self.vms
    }

    /// The VMs of a host that are shown, by id.
    pub(crate) fn on(&self, host: HostId) -> &[VmId] {
        &self.vms[self.range(host.index())]
    }

    /// VMs that are on no host.
    pub(crate) fn nowhere(&self) -> &[VmId] {
        &self.vms[self.range(self.shown.len())]
    }

    /// Whether a host is shown.
    pub(crate) fn shows(&self, host: HostId) -> bool {
        self.shown.get(host.index()).copied().unwrap_or(false)
    }

    pub(crate) fn host(&self, host: usize) -> Sums {
        self.hosts.get(host).copied().unwrap_or_default()
    }

    pub(crate) fn cluster(&self, cluster: usize) -> Sums {
        self.clusters.get(cluster).copied().unwrap_or_default()
    }

    pub(crate) fn site(&self, site: usize) -> Sums {
        self.sites.get(site).copied().unwrap_or_default()
    }
}

/// The hosts that a filter names.
fn named(fleet: &Fleet, only: &Only, count: usize) -> Vec<bool> {
    let topology = &fleet.topology;
    let names = |host: HostId| match only {
        Only::All | Only::Vms(_, None) => false,
        Only::Hosts(selection) => selection.has_host(fleet, host),
        Only::Vms(_, Some(word)) => {
            let has = |name: &str| name.contains(&**word);
            has(&topology.host(host).name) || has(topology.cluster_name(host)) || has(topology.site_name(host))
        }
    };
    (0..count as u32).map(|host| names(HostId(host))).collect()
}

/// Has indices made, one at a time; a newer wish makes an older one stop.
#[derive(Debug)]
pub(super) struct Gatherer {
    latest: Arc<AtomicU64>,
    made: mpsc::Receiver<Index>,
    sender: mpsc::Sender<Index>,
}

impl Default for Gatherer {
    fn default() -> Self {
        let (sender, made) = mpsc::channel();
        Self { latest: Arc::default(), made, sender }
    }
}

impl Gatherer {
    /// Asks for the index of this fleet.
    pub(super) fn ask(&self, generation: u64, fleet: &Fleet, only: &Only) {
        self.latest.store(generation, Relaxed);
        let (fleet, only, latest, sender) =
            (fleet.clone(), only.clone(), Arc::clone(&self.latest), self.sender.clone());
        let work = move || {
            if let Some(index) = Index::of(&fleet, &only, &|| latest.load(Relaxed) == generation) {
                // Nobody waits for it any more where the console has ended.
                drop(sender.send(Index { generation, ..index }));
            }
        };
        // Where there can be no thread, nothing comes, and the tree says that it is still gathering.
        drop(std::thread::Builder::new().name("console-tree".into()).spawn(work));
    }

    /// What is being made is not wanted any more.
    pub(super) fn give_up(&self, generation: u64) {
        self.latest.store(generation, Relaxed);
    }

    /// What was made last, if anything was.
    pub(super) fn made(&self) -> Option<Index> {
        self.made.try_iter().filter(|index| index.generation == self.latest.load(Relaxed)).last()
    }
}

impl Drop for Gatherer {
    fn drop(&mut self) {
        self.latest.store(u64::MAX, Relaxed);
    }
}
