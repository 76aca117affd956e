//! The simulator: a discrete-event platform without clock, thread or randomness of its own beyond its seed.
//!
//! What it models: flows that share NICs and links between sites max-min fairly (`network`), pre-copy migrations over
//! them ([`crate::migration::precopy`]), cores and disks shared by guests and boots (`host`), loads that change
//! (`load`), and faults. What it does not: memory (the engine counts it), image copies, network traffic of guests.
//!
//! Two runs with the same topology, configuration and requests at the same instants give the same observations, to the
//! byte.

mod adjust;
mod ailments;
mod boots;
mod changes;
mod commands;
mod config;
mod events;
mod faults;
mod host;
mod load;
mod migrations;
mod network;
mod observe;
mod power;
mod queue;
mod random;
mod vms;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use self::boots::Boot;
use self::commands::{Command, Does};
use self::events::Event;
use self::host::SimHost;
use self::load::Injector;
use self::migrations::Migration;
use self::network::Network;
use self::queue::Queue;
use self::random::{Cause, draw, stream};
use self::vms::{CORE, State, Vm, Vms};
use super::{Batch, GuestWork, HostWork, Platform, Reply, Request, Virtual};
use crate::fleet::{Bytes, Fleet, HostId, Inquiry, SiteId, TaskId, Time, Topology, VmId, VmState};

pub use commands::TAKES as COMMAND_TAKES;
pub use config::{Ailment, Ailments, BootConfig, FaultConfig, LoadConfig, MigrationConfig, PerHour, SimConfig};

/// What runs for a task.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// A boot or reboot.
    Boot(Boot),
    /// A migration, by its number.
    Migration(u32),
    /// A command in a guest or on a host, or a copy.
    Command(Command),
}

/// A simulated Grid'5000.
#[derive(Debug)]
pub struct SimPlatform {
    now: Time,
    topology: Arc<Topology>,
    config: SimConfig,
    hosts: Vec<SimHost>,
    vms: Vms,
    network: Network,
    migrations: Vec<Option<Migration>>,
    free_migrations: Vec<u32>,
    /// VMs whose post-copies broke off, with the hosts that they came from.
    lost: Vec<(VmId, HostId)>,
    tasks: HashMap<TaskId, Work>,
    /// Commands and copies that run, by when they end.
    commands: BTreeSet<(Time, TaskId)>,
    injector: Option<Injector>,
    crashes: ChaCha8Rng,
    cuts: ChaCha8Rng,
    hangs: ChaCha8Rng,
    /// Hosts whose disks are full.
    full: BTreeSet<HostId>,
    queue: Queue,
    /// Hosts whose shares have to be computed again before time passes.
    stale: Vec<HostId>,
    /// Hosts that the next sample has to look at.
    changed: Vec<HostId>,
    /// Whether the hosts have said that they are there.
    answered: bool,
    out: Vec<Batch>,
    scratch: Vec<u32>,
    owners: Vec<u32>,
}

impl SimPlatform {
    /// Simulated hosts without VMs, at time zero.
    pub fn new(topology: Arc<Topology>, config: SimConfig) -> Self {
        let slow_factor = if config.faults.slow_factor.0 > 0.0 { config.faults.slow_factor.0 } else { 0.25 };
        let hosts = (0..)
            .zip(&topology.hosts)
            .map(|(id, host)| {
                let slow = draw(config.seed, Cause::Slow, id, 0) < config.faults.slow_host.0;
                SimHost::new(host.cores, host.disk.0, if slow { slow_factor } else { 1.0 })
            })
            .collect();
        let nics = || topology.hosts.iter().map(|h| h.nic.0);
        let links = topology.links.iter().flat_map(|l| [l.bandwidth.0; 2]);
        let mut platform = Self {
            now: Time::ZERO,
            hosts,
            vms: Vms::default(),
            network: Network::new(nics().chain(nics()).chain(links)),
            migrations: Vec::new(),
            free_migrations: Vec::new(),
            lost: Vec::new(),
            tasks: HashMap::new(),
            commands: BTreeSet::new(),
            injector: config.load.map(|load| Injector::new(load, config.seed)),
            crashes: stream(config.seed, Cause::Crash),
            cuts: stream(config.seed, Cause::Cut),
            hangs: stream(config.seed, Cause::Hang),
            full: BTreeSet::new(),
            queue: Queue::default(),
            stale: Vec::new(),
            changed: Vec::new(),
            answered: false,
            out: Vec::new(),
            scratch: Vec::new(),
            owners: Vec::new(),
            topology,
            config,
        };
        platform.schedule_faults();
        platform
    }

    /// Takes over the VMs of a fleet that run (or are paused) already, before any time passes. Their sizes are those of
    /// the rows; they have the load of the world.
    pub fn place(&mut self, fleet: &Fleet) {
        let here = || {
            fleet.vms.rows().filter_map(|(vm, row)| {
                let state = match row.state {
                    VmState::Paused => State::Paused,
                    state if state.runs() => State::Running,
                    _ => return None,
                };
                Some((vm, row, state, row.host.filter(|h| h.index() < fleet.topology.hosts.len())?))
            })
        };
        let mut counts = vec![0; self.hosts.len()];
        for (_, _, _, host) in here() {
            counts[host.index()] += 1;
        }
        for (host, &count) in self.hosts.iter_mut().zip(&counts) {
            host.vms.reserve_exact(count);
        }
        self.vms.reserve(fleet.vms.id_count());
        if let Some(injector) = &mut self.injector {
            injector.reserve(counts.iter().sum());
        }
        for (vm, row, state, host) in here() {
            self.create(vm, Vm::new(Bytes::mib(u64::from(row.memory)), row.vcpus, host, state));
            self.begin_load(vm);
            self.ask(vm);
        }
    }

    /// Puts a new VM on its host.
    fn create(&mut self, vm: VmId, mut row: Vm) {
        row.slot = self.hosts[row.host.index()].enter(vm);
        self.vms.put(vm, row);
    }

    /// Lets a VM take part in the load of the world from now on.
    fn begin_load(&mut self, vm: VmId) {
        if let Some(injector) = &mut self.injector {
            let (turn, level) = injector.enter(self.now, vm);
            let row = self.vms.get_mut(vm);
            (row.turn, row.level) = (turn, level);
        }
    }

    /// Takes a VM off its host's list; its demand is zero afterwards.
    fn leave_host(&mut self, vm: VmId) {
        self.demand(vm, 0);
        let row = *self.vms.get(vm);
        if let Some(moved) = self.hosts[row.host.index()].leave(row.slot) {
            self.vms.get_mut(moved).slot = row.slot;
        }
        self.touch(row.host);
    }

    /// Removes a VM from the world.
    fn remove(&mut self, vm: VmId) {
        self.leave_host(vm);
        let turn = self.vms.get(vm).turn;
        if turn != vms::NONE
            && let Some(injector) = &mut self.injector
            && let Some(moved) = injector.leave(self.now, turn)
        {
            self.vms.get_mut(moved).turn = turn;
        }
        self.vms.forget(vm);
    }

    /// Computes what a VM asks for, after its state or its load changed.
    fn ask(&mut self, vm: VmId) {
        let row = self.vms.get(vm);
        let share = match (row.state, self.vms.stress(row)) {
            (State::Running, Some(load)) => load.cpu.0,
            (State::Running, None) => self.injector.as_ref().map_or(0.0, |i| i.share(row.level)),
            _ => 0.0,
        };
        let left = if row.migration == vms::NONE { 1.0 } else { self.unthrottled(row.migration) };
        self.demand(vm, (share * left * f64::from(row.vcpus) * f64::from(CORE)).round() as u32);
    }

    fn demand(&mut self, vm: VmId, demand: u32) {
        let row = self.vms.get_mut(vm);
        let host = row.host;
        let entry = &mut self.hosts[host.index()];
        entry.demand = entry.demand - u64::from(row.demand) + u64::from(demand);
        row.demand = demand;
        entry.note_moved(vm);
        self.touch(host);
    }

    /// Notes that something changed on a host: for the next sample, and for the shares where something depends on
    /// them before that.
    fn touch(&mut self, host: HostId) {
        let entry = &mut self.hosts[host.index()];
        if !entry.changed {
            entry.changed = true;
            self.changed.push(host);
        }
        let depends = !entry.migrations.is_empty() || entry.reading.len() + entry.computing.len() > 0;
        if depends && !entry.stale {
            entry.stale = true;
            self.stale.push(host);
        }
    }

    /// The rate at which a VM dirties memory now; true only of VMs on hosts that are settled.
    fn dirty_rate(&self, vm: VmId) -> f64 {
        let row = self.vms.get(vm);
        if row.state != State::Running {
            return 0.0;
        }
        let host = &self.hosts[row.host.index()];
        let gets = host.gets(row.demand);
        let left = if row.migration == vms::NONE { 1.0 } else { self.unthrottled(row.migration) };
        match (self.vms.stress(row), &self.injector) {
            (Some(load), _) if row.demand == 0 => load.dirty_rate.0 * left * host.speed,
            (Some(load), _) => load.dirty_rate.0 * left * host.speed * gets / f64::from(row.demand),
            (None, Some(injector)) => injector.config.dirty_rate.0 * host.speed * gets / f64::from(CORE),
            (None, None) => 0.0,
        }
    }

    fn is_settled(&self) -> bool {
        self.stale.is_empty() && !self.network.is_stale()
    }

    /// Computes all shares that the changes of this instant touch.
    fn settle(&mut self) {
        for host in std::mem::take(&mut self.stale) {
            let entry = &mut self.hosts[host.index()];
            entry.stale = false;
            entry.share_cores(&self.vms, &mut self.scratch);
            let next = entry.share_boots(self.now);
            let source = self.source(Event::Boots(host));
            match next {
                Some(at) => self.queue.set(source, at),
                None => self.queue.clear(source),
            }
            for i in 0..self.hosts[host.index()].migrations.len() {
                let number = self.hosts[host.index()].migrations[i];
                // Those that come to this host have their guest on another, which may still wait for its turn.
                if self.is_source(number, host) {
                    self.note_dirty_rate(number);
                }
            }
        }
        if self.network.is_stale() {
            let mut owners = std::mem::take(&mut self.owners);
            owners.clear();
            self.network.solve(&mut owners);
            for &number in &owners {
                self.note_rate(number);
            }
            self.owners = owners;
        }
    }

    /// The network's number for a link between sites, from one of its ends.
    fn site_link(&self, link: usize, from: SiteId) -> u32 {
        let back = u32::from(self.topology.links[link].a != from);
        2 * self.hosts.len() as u32 + 2 * link as u32 + back
    }
}

impl Platform for SimPlatform {
    fn submit(&mut self, request: Request) {
        match request {
            Request::Boot { task, vm, host, class, .. } => self.boot(task, vm, host, &class),
            Request::Migrate { task, vm, source, target, options, .. } => {
                self.migrate(task, vm, source, target, options);
            }
            Request::Change { task, vm, host, change, .. } => self.change(task, vm, host, change),
            Request::Guest { task, vm, host, work: GuestWork::Run(script), .. } => {
                self.run_in_guest(task, vm, host, Does::Command, script.timeout);
            }
            Request::Guest { task, vm, host, work: GuestWork::Copy(copy), .. } => {
                self.run_in_guest(task, vm, host, Does::Copy, copy.timeout);
            }
            Request::Host { task, host, work: HostWork::Run(script) } => {
                self.run_on_host(task, host, Does::Command, script.timeout);
            }
            Request::Host { task, host, work: HostWork::Copy(copy) } => {
                self.run_on_host(task, host, Does::Copy, copy.timeout);
            }
            Request::Host { task, host, work: HostWork::Image(_) } => self.have_image(task, host),
            Request::Host { task, host, work: HostWork::Power(action) } => self.power(task, host, action),
            Request::Adjust { task, adjust } => self.adjust(task, adjust),
            Request::Cancel { task } => self.cancel(task),
            Request::Probe { task } => self.probe(task),
        }
    }

    fn collect(&mut self, into: &mut Vec<Batch>) {
        if !self.answered {
            self.answered = true;
            self.say_hello(into);
        }
        into.append(&mut self.out);
    }

    fn sample(&mut self) {
        self.settle();
        self.observe_loads();
    }

    fn report(&mut self) {
        self.settle();
        self.observe_migrations();
    }

    fn ask(&mut self, _: &Arc<str>, _: HostId, inquiry: Inquiry, reply: Reply) {
        reply(Err(match inquiry {
            Inquiry::Xml => "a simulated VM has no definition",
            Inquiry::Screen => "a simulated VM has no screen",
            Inquiry::Details => "a simulated VM has no hypervisor",
            Inquiry::Serial { .. } => "a simulated VM has no serial console",
        }
        .into()));
    }
}

impl Virtual for SimPlatform {
    /// Changes of load do not count: they show in [`sample`](Platform::sample) alone, and there may be thousands of them
    /// a second.
    fn next_at(&self) -> Option<Time> {
        if self.is_settled() { self.queue.next_at() } else { Some(self.now) }
    }

    fn advance(&mut self, to: Time) {
        self.settle();
        loop {
            let event = self.queue.next_at();
            let load = self.injector.as_ref().and_then(Injector::next_at);
            let Some(next) = event.into_iter().chain(load).min().filter(|&at| at <= to) else { break };
            self.now = self.now.max(next);
            if load == Some(next)
                && let Some(injector) = &mut self.injector
            {
                let (vm, level) = injector.change(self.now);
                self.vms.get_mut(vm).level = level;
                self.ask(vm);
            } else if let Some((_, source)) = self.queue.pop() {
                self.happen(self.event(source));
            }
            // All that happens at one instant is settled together.
            if self.queue.next_at() != Some(self.now) && !self.is_settled() {
                self.settle();
            }
        }
        self.now = self.now.max(to);
    }
}
