//! Live migrations: each is one flow from its first byte to its last; its rounds change what is left to send, not who
//! shares the links.

use std::time::Duration;

use crate::fleet::{
    Bytes, DEFAULT_WORKING_SET, HostId, Load, MigrationFigures, MigrationOptions, MigrationProgress, Rate, Share,
    TaskId, Time, VmId,
};
use crate::migration::precopy::{Next, Precopy};
use crate::platform::End;

use super::adjust::Throttle;
use super::config::Ailment;
use super::host::{SimHost, after, called};
use super::network::FlowId;
use super::random::{Cause, draw};
use super::vms::{NONE, State};
use super::{Event, SimPlatform, Work};

/// One migration on its way.
#[derive(Debug)]
pub(super) struct Migration {
    task: TaskId,
    pub(super) vm: VmId,
    pub(super) source: HostId,
    pub(super) target: HostId,
    /// The most it may use of the network.
    pub(super) cap: f64,
    pub(super) memory: Bytes,
    pub(super) plan: Precopy,
    begun: Time,
    /// Its flow, once the first byte is sent.
    pub(super) flow: Option<FlowId>,
    /// What is left of the round, as of `since`.
    pub(super) left: f64,
    /// What is left when the next event comes: nothing, but for a migration that is to fail.
    pub(super) until: f64,
    rate: f64,
    pub(super) since: Time,
    pub(super) round_begun: Time,
    /// What the guest dirtied in this round, as of `dirty_since`.
    pub(super) dirtied: f64,
    pub(super) dirty_rate: f64,
    dirty_since: Time,
    first_dirty_rate: Option<f64>,
    pub(super) stopped_at: Option<Time>,
    pub(super) throttle: Throttle,
    /// Whether it switches to post-copy after its first pass.
    switches: bool,
    /// How long its guest stood still, where it runs on the target already.
    pub(super) post_copy: Option<Duration>,
}

impl Migration {
    pub(super) fn left_at(&self, now: Time) -> f64 {
        (self.left - self.rate * now.since(self.since).as_secs_f64()).max(0.0)
    }

    fn transferred(&self, now: Time) -> Bytes {
        let round = self.plan.size().0 as f64 - self.left_at(now);
        Bytes(self.plan.sent().0 + round.max(0.0) as u64)
    }

    pub(super) fn note_dirtied(&mut self, now: Time) {
        self.dirtied += self.dirty_rate * now.since(self.dirty_since).as_secs_f64();
        self.dirty_since = now;
    }

    fn progress(&self, now: Time) -> MigrationProgress {
        MigrationProgress {
            round: self.plan.round(),
            round_size: self.plan.size(),
            remaining: Bytes(self.left_at(now).ceil() as u64),
            transferred: self.transferred(now),
            rate: Rate(self.rate),
            dirty_rate: Rate(self.dirty_rate),
            throttle: Share(self.throttle.share),
            post_copy: self.post_copy.is_some(),
        }
    }

    fn figures(&self, now: Time) -> MigrationFigures {
        MigrationFigures {
            total: now.since(self.begun),
            downtime: self.post_copy.or(self.stopped_at.map(|at| now.since(at))).unwrap_or_default(),
            rounds: self.plan.round(),
            transferred: self.transferred(now),
            memory: self.memory,
            dirty_rate: Rate(self.first_dirty_rate.unwrap_or(0.0)),
        }
    }
}

impl SimPlatform {
    pub(super) fn migrate(
        &mut self,
        task: TaskId,
        vm: VmId,
        source: HostId,
        target: HostId,
        options: MigrationOptions,
    ) {
        let row = *self.vms.get(vm);
        let name = |host| called(&self.topology, host);
        let refused = if row.state == State::Absent || row.host != source {
            Some(format!("there is no such VM on {}", name(source)))
        } else if row.state == State::Booting {
            Some("its guest still boots".to_owned())
        } else if row.migration != NONE {
            Some("it is being migrated already".to_owned())
        } else if source == target {
            Some(format!("it is on {} already", name(target)))
        } else if !self.hosts.get(target.index()).is_some_and(SimHost::is_up) {
            Some(format!("{} does not answer", name(target)))
        } else {
            None
        };
        if let Some(reason) = refused {
            return self.ended(task, End::Failed(reason.into()), None);
        }
        let config = &self.config.migration;
        let max_downtime = options.max_downtime.unwrap_or(config.max_downtime);
        let mut delay = config.setup + self.latency(source, target);
        if options.cold {
            // It is written to the disk of the one host and read from that of the other, which nobody else uses then.
            let disks = [source, target].map(|host| row.memory.0 as f64 / self.topology.host(host).disk.0);
            delay += Duration::try_from_secs_f64(disks.iter().sum()).unwrap_or_default();
        }
        let size = row.memory.0 as f64;
        let fails = draw(self.config.seed, Cause::Migration, vm.0, task.0) < self.config.faults.migration_failure.0;
        let point = draw(self.config.seed, Cause::MigrationPoint, vm.0, task.0);
        let mut plan = Precopy::new(row.memory, max_downtime, config.max_rounds);
        if options.cold {
            plan.finish(Bytes(0), row.memory);
        }
        let migration = Migration {
            task,
            vm,
            source,
            target,
            cap: options.bandwidth.map_or(f64::INFINITY, |r| r.0),
            memory: row.memory,
            plan,
            begun: self.now,
            flow: None,
            left: size,
            until: if fails { size * point } else { 0.0 },
            rate: 0.0,
            since: self.now,
            round_begun: self.now,
            dirtied: 0.0,
            dirty_rate: 0.0,
            dirty_since: self.now,
            first_dirty_rate: None,
            stopped_at: options.cold.then_some(self.now),
            throttle: Throttle::new(&options),
            switches: options.post_copy,
            post_copy: None,
        };
        let number = if let Some(number) = self.free_migrations.pop() {
            self.migrations[number as usize] = Some(migration);
            number
        } else {
            self.migrations.push(Some(migration));
            (self.migrations.len() - 1) as u32
        };
        self.vms.get_mut(vm).migration = number;
        if options.cold && row.state == State::Running {
            self.vms.get_mut(vm).state = State::Stopped;
            self.ask(vm);
        }
        for host in [source, target] {
            self.hosts[host.index()].migrations.push(number);
            self.touch(host);
        }
        self.tasks.insert(task, Work::Migration(number));
        if delay.is_zero() {
            self.begin_copy(number);
        } else {
            self.queue.set(self.source(Event::Migration(number)), self.now + delay);
        }
    }

    /// One-way latency between two hosts.
    pub(super) fn latency(&self, a: HostId, b: HostId) -> Duration {
        let link = self.topology.link_between(self.topology.host(a).site, self.topology.host(b).site);
        link.map_or(Duration::ZERO, |l| self.topology.links[l].latency)
    }

    fn begin_copy(&mut self, number: u32) {
        let Some(flow) = self.flow(number) else { return };
        let now = self.now;
        if let Some(migration) = &mut self.migrations[number as usize] {
            migration.flow = Some(flow);
            migration.since = now;
            migration.round_begun = now;
            migration.dirty_since = now;
            migration.dirtied = 0.0;
        }
    }

    /// Takes note of the rate that a migration gets from now on.
    pub(super) fn note_rate(&mut self, number: u32) {
        let place = self.source(Event::Migration(number));
        let efficiency = self.config.migration.efficiency.0;
        let Some(migration) = &mut self.migrations[number as usize] else { return };
        let Some(flow) = migration.flow else { return };
        migration.left = migration.left_at(self.now);
        migration.since = self.now;
        migration.rate = self.network.rate(flow) * efficiency;
        match after(self.now, migration.left - migration.until, migration.rate) {
            Some(at) => self.queue.set(place, at),
            None => self.queue.clear(place),
        }
        let ends = [migration.source, migration.target];
        for host in ends {
            self.list_changed(host);
        }
    }

    /// Takes note of the rate at which a migration's guest dirties memory from now on.
    pub(super) fn note_dirty_rate(&mut self, number: u32) {
        let Some(vm) = self.migrations[number as usize].as_ref().map(|m| m.vm) else { return };
        let rate = self.dirty_rate(vm);
        if let Some(migration) = self.migrations[number as usize].as_mut().filter(|m| m.post_copy.is_none()) {
            migration.note_dirtied(self.now);
            migration.dirty_rate = rate;
            migration.first_dirty_rate.get_or_insert(rate);
        }
    }

    /// The end of a migration's delay or of a round, or the point where it is to fail.
    pub(super) fn migration_advances(&mut self, number: u32) {
        let Some(migration) = &mut self.migrations[number as usize] else { return };
        if migration.flow.is_none() {
            return self.begin_copy(number);
        }
        if migration.until > 0.0 {
            migration.left = migration.until;
            migration.since = self.now;
            return self.end_migration(number, End::Failed("the migration broke off in its first pass".into()));
        }
        migration.left = 0.0;
        migration.since = self.now;
        migration.note_dirtied(self.now);
        let row = self.vms.get(migration.vm);
        let working_set = self.vms.stress(row).map_or(DEFAULT_WORKING_SET, Load::cap);
        let most = working_set.0 * migration.memory.0 as f64;
        let dirtied = Bytes(migration.dirtied.min(most) as u64);
        let sent = migration.plan.size();
        let next = migration.plan.round_sent(self.now.since(migration.round_begun), dirtied);
        migration.round_begun = self.now;
        migration.dirtied = 0.0;
        let size = match next {
            Next::Copy(size) | Next::Stop(size) => size,
            Next::End => return self.arrive(number),
        };
        migration.left = size.0 as f64;
        let at = after(self.now, migration.left, migration.rate);
        let (moved, switches) = (migration.vm, migration.switches);
        let throttled = matches!(next, Next::Copy(_)) && migration.throttle.round(sent, dirtied);
        if let Next::Stop(_) = next {
            migration.stopped_at = migration.stopped_at.or(Some(self.now));
            let vm = migration.vm;
            if self.vms.get(vm).state == State::Running {
                self.vms.get_mut(vm).state = State::Stopped;
                self.ask(vm);
            }
        }
        if matches!(next, Next::Copy(_)) && switches {
            return self.post_copy(number);
        }
        if throttled {
            self.throttled(moved);
        }
        if let Some(at) = at {
            self.queue.set(self.source(Event::Migration(number)), at);
        }
    }

    /// The VM goes on on its target.
    fn arrive(&mut self, number: u32) {
        let Some((task, vm, source)) = self.migrations[number as usize].as_ref().map(|m| (m.task, m.vm, m.source))
        else {
            return;
        };
        self.enter_target(number);
        self.end_migration(number, End::Done);
        let share = self.config.faults.ailments.share(Ailment::LeftOnSource).0;
        if draw(self.config.seed, Cause::Ailment, vm.0, task.0) < share {
            self.leave_copy(vm, source);
        }
    }

    /// Brings the VM to its target, where it is not there yet.
    pub(super) fn enter_target(&mut self, number: u32) {
        let Some((vm, target)) = self.migrations[number as usize].as_ref().map(|m| (m.vm, m.target)) else { return };
        if self.vms.get(vm).host == target {
            return;
        }
        self.leave_host(vm);
        let slot = self.hosts[target.index()].enter(vm);
        let row = self.vms.get_mut(vm);
        (row.host, row.slot) = (target, slot);
    }

    /// Gives a migration's flow its new limit.
    pub(super) fn cap_flow(&mut self, number: u32) {
        let Some(migration) = &mut self.migrations[number as usize] else { return };
        let Some(flow) = migration.flow.take() else { return };
        migration.left = migration.left_at(self.now);
        migration.since = self.now;
        self.network.remove(flow);
        let flow = self.flow(number);
        if let Some(migration) = &mut self.migrations[number as usize] {
            migration.flow = flow;
        }
    }

    /// A new flow for a migration.
    fn flow(&mut self, number: u32) -> Option<FlowId> {
        let migration = self.migrations[number as usize].as_ref()?;
        let (source, target, cap) = (migration.source, migration.target, migration.cap);
        let sites = [self.topology.host(source).site, self.topology.host(target).site];
        let hosts = self.hosts.len() as u32;
        let nics = [source.0, hosts + target.0];
        Some(match self.topology.link_between(sites[0], sites[1]) {
            Some(link) => self.network.add(&[nics[0], self.site_link(link, sites[0]), nics[1]], cap, number),
            None => self.network.add(&nics, cap, number),
        })
    }

    /// Ends a migration where its VM is now.
    pub(super) fn end_migration(&mut self, number: u32, end: End) {
        let Some(migration) = self.migrations[number as usize].take() else { return };
        self.queue.clear(self.source(Event::Migration(number)));
        if let Some(flow) = migration.flow {
            self.network.remove(flow);
        }
        for host in [migration.source, migration.target] {
            self.touch(host);
            self.hosts[host.index()].migrations.retain(|&n| n != number);
        }
        self.free_migrations.push(number);
        let row = self.vms.get_mut(migration.vm);
        row.migration = NONE;
        if migration.throttle.share > 0.0 {
            // It dirties more again, also where its CPU is the same.
            row.seen = NONE;
        }
        if row.state == State::Stopped {
            row.state = State::Running;
        }
        if row.state != State::Absent {
            self.ask(migration.vm);
        }
        self.tasks.remove(&migration.task);
        self.ended(migration.task, end, Some(migration.figures(self.now)));
    }

    /// Whether a host is the source of a migration, rather than its target.
    pub(super) fn is_source(&self, number: u32, host: HostId) -> bool {
        self.migrations[number as usize].as_ref().is_some_and(|m| m.source == host)
    }

    /// Whether a migration sends its last round.
    pub(super) fn in_last_round(&self, number: u32) -> bool {
        self.migrations[number as usize].as_ref().is_some_and(|m| m.plan.stopped() && m.post_copy.is_none())
    }

    /// A migration's progress.
    pub(super) fn migration_progress(&self, number: u32) -> Option<(TaskId, MigrationProgress)> {
        self.migrations[number as usize].as_ref().map(|m| (m.task, m.progress(self.now)))
    }
}
