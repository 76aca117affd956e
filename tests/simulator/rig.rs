//! A simulator with requests and observations at hand.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hemera::fleet::{
    Bytes, Fleet, HostId, Image, Link, Load, MigrationFigures, MigrationOptions, NewHost, PowerAction, Rate, Ready,
    Share, TaskId, Time, Topology, VmClass, VmId, VmRow, VmState,
};
use hemera::platform::sim::{BootConfig, MigrationConfig, SimConfig, SimPlatform};
use hemera::platform::{Batch, Change, End, HostWork, Observation, Platform, Progress, Request, Virtual};

/// What hosts are like.
#[derive(Clone, Copy)]
pub(crate) struct Hosts {
    pub(crate) cores: u32,
    pub(crate) nic: f64,
    pub(crate) disk: f64,
}

impl Default for Hosts {
    /// 1 Gbit/s and more cores than any test needs.
    fn default() -> Self {
        Self { cores: 1024, nic: 125e6, disk: 500e6 }
    }
}

fn cluster(topology: &mut Topology, site: &str, count: u32, hosts: Hosts) {
    let id = topology.site(site);
    let new = (1..=count).map(|n| NewHost {
        name: format!("{site}-{n}"),
        cores: hosts.cores,
        memory: Bytes::mib(1 << 30),
        nic: Rate(hosts.nic),
        disk: Rate(hosts.disk),
    });
    topology.add_cluster(id, site, new);
}

/// Hosts around one switch.
pub(crate) fn star(count: u32, hosts: Hosts) -> Arc<Topology> {
    let mut topology = Topology::new("star");
    cluster(&mut topology, "lyon", count, hosts);
    Arc::new(topology)
}

/// Two sites of `count` hosts each, with a link between them.
pub(crate) fn two_sites(count: u32, hosts: Hosts, bandwidth: Rate, latency: Duration) -> Arc<Topology> {
    let mut topology = Topology::new("two sites");
    cluster(&mut topology, "lyon", count, hosts);
    cluster(&mut topology, "nancy", count, hosts);
    let (a, b) = (topology.site("lyon"), topology.site("nancy"));
    topology.add_link(Link { a, b, bandwidth, latency });
    Arc::new(topology)
}

/// A class of VMs with exactly that memory.
pub(crate) fn class(memory: u64, vcpus: u8) -> Arc<VmClass> {
    Arc::new(VmClass {
        name: "test".into(),
        vcpus,
        memory: Bytes(memory),
        image: Image::None,
        network: None,
        cpu: None,
        ready: Ready::Up,
        agent: true,
        ssh: None,
        patience: None,
        ssh_key: None,
    })
}

/// A load with all CPU asked for.
pub(crate) fn load(dirty: f64, working_set: f64) -> Load {
    Load { cpu: Share(1.0), dirty_rate: Rate(dirty), working_set: Some(Share(working_set)) }
}

/// `per_host` VMs of one vCPU and 1 GiB that run on each host.
pub(crate) fn running(topology: &Arc<Topology>, per_host: u32) -> Fleet {
    let mut fleet = Fleet::new(topology.clone());
    for i in 0..per_host {
        for host in topology.host_ids() {
            let row = VmRow { state: VmState::Up, host: Some(host), memory: 1024, ..VmRow::default() };
            fleet.vms.push(&format!("vm-{}-{i}", host.0), row);
        }
    }
    fleet
}

/// A simulator and what it said.
pub(crate) struct Rig {
    pub(crate) sim: SimPlatform,
    pub(crate) batches: Vec<Batch>,
    tasks: u32,
}

impl Rig {
    pub(crate) fn new(topology: Arc<Topology>, config: SimConfig) -> Self {
        Self { sim: SimPlatform::new(topology, config), batches: Vec::new(), tasks: 0 }
    }

    fn task(&mut self) -> TaskId {
        self.tasks += 1;
        TaskId(self.tasks)
    }

    pub(crate) fn boot(&mut self, vm: u32, host: u32, class: &Arc<VmClass>) -> TaskId {
        let task = self.task();
        let (vm, host, class) = (VmId(vm), HostId(host), class.clone());
        self.sim.submit(Request::Boot { task, vm, name: "".into(), host, class });
        task
    }

    pub(crate) fn migrate(&mut self, vm: u32, source: u32, target: u32) -> TaskId {
        self.migrate_with(vm, source, target, MigrationOptions::default())
    }

    pub(crate) fn migrate_with(&mut self, vm: u32, source: u32, target: u32, options: MigrationOptions) -> TaskId {
        let task = self.task();
        let (vm, source, target) = (VmId(vm), HostId(source), HostId(target));
        self.sim.submit(Request::Migrate { task, vm, name: "".into(), source, target, options });
        task
    }

    pub(crate) fn change(&mut self, vm: u32, host: u32, change: Change) -> TaskId {
        let task = self.task();
        self.sim.submit(Request::Change { task, vm: VmId(vm), name: "".into(), host: HostId(host), change });
        task
    }

    pub(crate) fn power(&mut self, host: u32, action: PowerAction) -> TaskId {
        let task = self.task();
        self.sim.submit(Request::Host { task, host: HostId(host), work: HostWork::Power(action) });
        task
    }

    pub(crate) fn cancel(&mut self, task: TaskId) {
        self.sim.submit(Request::Cancel { task });
    }

    /// Lets time pass to a second of the run.
    pub(crate) fn until(&mut self, seconds: f64) {
        self.sim.advance(Time::from_secs_f64(seconds));
        self.sim.collect(&mut self.batches);
    }

    /// Lets time pass until nothing more will happen, a year at most; the instant of the last event.
    pub(crate) fn run(&mut self) -> Time {
        let mut last = Time::ZERO;
        while let Some(at) = self.sim.next_at() {
            assert!(at < Time::from_secs_f64(3.2e7), "it does not end");
            self.sim.advance(at);
            last = at;
        }
        self.sim.collect(&mut self.batches);
        last
    }

    pub(crate) fn sample(&mut self) {
        self.sim.sample();
        self.sim.collect(&mut self.batches);
    }

    /// How every task ended so far: when, how, and its figures.
    pub(crate) fn ends(&self) -> BTreeMap<TaskId, (Time, End, Option<MigrationFigures>)> {
        let mut ends = BTreeMap::new();
        for batch in &self.batches {
            for seen in &batch.seen {
                if let Observation::Ended { task, end, figures } = seen {
                    let before = ends.insert(*task, (batch.at, end.clone(), *figures));
                    assert!(before.is_none(), "{task} ended twice");
                }
            }
        }
        ends
    }

    /// How a task ended.
    pub(crate) fn end(&self, task: TaskId) -> (Time, End, Option<MigrationFigures>) {
        self.ends().remove(&task).expect("the task has ended")
    }

    /// How far a running task is, asked now.
    pub(crate) fn probe(&mut self, task: TaskId) -> Progress {
        self.sim.submit(Request::Probe { task });
        self.sim.collect(&mut self.batches);
        let asked = self.batches.iter().rev().flat_map(|b| &b.seen).find_map(|seen| match seen {
            Observation::Progress { task: t, progress } if *t == task => Some(*progress),
            _ => None,
        });
        asked.expect("a running task has progress")
    }
}

/// Boots take no time, the last round takes at most 30 ms: SimGrid's defaults.
pub(crate) fn instant_boots() -> SimConfig {
    SimConfig {
        boot: BootConfig { cpu: Duration::ZERO, read: Bytes(0) },
        migration: MigrationConfig { max_downtime: Duration::from_millis(30), ..MigrationConfig::default() },
        ..SimConfig::default()
    }
}
