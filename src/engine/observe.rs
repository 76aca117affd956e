//! What platforms see, and what follows from it.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{Finding, HostId, HostState, Rate, TaskId, Time, VmId, VmRow, VmState};
use crate::handle::{Level, TaskEnd, TaskState};
use crate::platform::{Batch, End, Observation, Progress, VmKey, VmSeen};

use super::task::Work;
use super::{Engine, What, promised};

/// How much later than the change of a VM a host's listing must be to count against it: a listing takes a while, and
/// what changed meanwhile is not in it.
const LISTING: Duration = Duration::from_secs(3);

/// A rate in whole KiB/s, as columns hold it.
pub(super) fn kib(rate: Rate) -> u32 {
    (rate.0 / 1024.0).round() as u32
}

impl Engine {
    /// Lets time pass; it never goes back.
    pub(super) fn pass(&mut self, now: Time) {
        self.fleet.now = self.fleet.now.max(now);
    }

    /// Lets the engine act on the time; to be called at [`next_deadline`](Self::next_deadline) or later.
    pub fn tick(&mut self, now: Time) {
        self.pass(now);
        let mut looked = self.stop_waiting_for_hosts();
        while let Some(&(at, task)) = self.checks.first() {
            if at > self.fleet.now {
                break;
            }
            self.checks.pop_first();
            self.check(task);
            looked = true;
        }
        if self.stuck_since.is_some_and(|since| self.stuck_deadline(since) <= self.fleet.now) {
            self.give_up_stuck();
            looked = true;
        }
        self.look_again();
        self.examine_touched();
        if looked || self.steps.as_ref().and_then(super::Steps::deadline).is_some_and(|at| at <= self.fleet.now) {
            self.settle();
        }
        self.sample();
    }

    /// Takes what a platform saw.
    pub fn observe(&mut self, now: Time, batch: Batch) {
        self.pass(now.max(batch.at));
        for seen in batch.seen {
            match (seen, batch.host) {
                (Observation::Progress { task, progress }, _) => self.progress(task, progress),
                (Observation::Output { task, stream, bytes, skipped }, _) if self.runs(task) => {
                    self.outputs_of.add(task, stream, &bytes, skipped);
                    self.changes += 1;
                }
                (Observation::Exited { task, code }, _) if self.runs(task) => self.outputs_of.exited(task, code),
                // Of a task that was given up.
                (Observation::Output { .. } | Observation::Exited { .. }, _) => {}
                (Observation::NotAdjusted { task, adjust, reason }, _) => self.not_adjusted(task, adjust, &reason),
                (Observation::Ended { task, end, figures }, _) => {
                    let end = match end {
                        End::Done => TaskEnd::Done,
                        End::Failed(reason) => TaskEnd::Failed(reason),
                        End::Cancelled => TaskEnd::Cancelled,
                    };
                    self.ended(task, end, figures);
                }
                (Observation::VmLoad { vm, cpu, dirty, net }, _) => {
                    if let Some(vm) = self.vm_of(&vm) {
                        self.fleet.vms.set_load(vm, cpu, kib(dirty), kib(net));
                    }
                }
                (Observation::Sign { vm, sign }, _) => {
                    if let Some(vm) = self.vm_of(&vm) {
                        self.sign(vm, &sign);
                    }
                }
                (seen, Some(host)) if host.index() < self.fleet.hosts.len() => self.host_saw(host, seen),
                (seen, host) => tracing::warn!(?seen, ?host, "an observation of no known host"),
            }
        }
        self.examine_touched();
    }

    fn host_saw(&mut self, host: HostId, seen: Observation) {
        match seen {
            Observation::HostAnswers { cores, memory } => {
                let known = self.fleet.topology.host(host);
                if (known.cores, known.memory) != (cores, memory) {
                    let known = &mut Arc::make_mut(&mut self.fleet.topology).hosts[host.index()];
                    (known.cores, known.memory) = (cores, memory);
                    self.queue.free(super::queue::Key::Memory(host));
                    self.changes += 1;
                }
                self.note_silence(host, None);
                let state = self.fleet.hosts.row(host).state;
                if !matches!(state, HostState::Ready | HostState::Draining | HostState::Withdrawn) {
                    if state == HostState::Unreachable {
                        let text = format!("{} answers again", self.host_name(Some(host)));
                        self.say(Level::Info, None, Some(host), None, text);
                    }
                    let draining = self.draining.contains(&host);
                    self.set_host_state(host, if draining { HostState::Draining } else { HostState::Ready }, "");
                    self.settle();
                }
            }
            Observation::HostUnreachable { reason } => self.unreachable(host, &reason),
            Observation::HostLoad { cpu_used, cpu_demand, net_rx, net_tx } => {
                let (cores, now) = (self.fleet.topology.host(host).cores, self.fleet.now);
                self.fleet.hosts.update(host, |row| {
                    row.demand(cpu_demand, cores, now);
                    (row.cpu_used, row.net_rx, row.net_tx) = (cpu_used, kib(net_rx), kib(net_tx));
                });
            }
            Observation::Inventory(list) => {
                for vm in self.copies_on(host) {
                    self.note_no_copy(vm, host);
                }
                let mut listed: Vec<VmId> = list.iter().filter_map(|seen| self.vm_seen(host, seen)).collect();
                listed.sort_unstable();
                let missing: Vec<VmId> =
                    self.on_host[host.index()].iter().copied().filter(|vm| listed.binary_search(vm).is_err()).collect();
                for vm in missing {
                    let row = self.fleet.vms.row(vm);
                    let settled = self.fleet.now.since(Time(u64::from(row.since) * 1_000_000_000)) >= LISTING;
                    if row.state == VmState::Lost || settled {
                        self.vm_missing(vm, "it is no longer on its host");
                    }
                }
                self.queue.free(super::queue::Key::Host(host));
                self.settle();
            }
            Observation::Vm(seen) => {
                self.vm_seen(host, &seen);
                self.settle();
            }
            Observation::VmGone { vm, reason } => {
                let Some(vm) = self.vm_of(&vm) else { return };
                self.note_no_copy(vm, host);
                if self.fleet.vms.row(vm).host == Some(host) {
                    self.vm_missing(vm, &reason);
                    self.settle();
                }
            }
            Observation::HostSign(sign) => self.host_sign(host, &sign),
            Observation::Sign { .. }
            | Observation::VmLoad { .. }
            | Observation::Progress { .. }
            | Observation::Output { .. }
            | Observation::Exited { .. }
            | Observation::NotAdjusted { .. }
            | Observation::Ended { .. } => {}
        }
    }

    fn vm_of(&self, key: &VmKey) -> Option<VmId> {
        match key {
            VmKey::Id(vm) => self.fleet.vms.exists(*vm).then_some(*vm),
            VmKey::Name(name) => self.names.find(&self.fleet.vms, name),
        }
    }

    /// Whether the platform works on a VM now: its end says where the VM is, not a listing.
    fn in_work(&self, vm: VmId) -> bool {
        self.front_of(vm).map(|front| self.task(front)).is_some_and(|task| {
            // What is done in a guest leaves the VM as it is.
            matches!(task.state, TaskState::Running | TaskState::Cancelling)
                && !matches!(self.op(task.op).work, Work::Guest(_))
        })
    }

    /// Takes a host's word that it has a VM. Gives the VM where it is now believed to be there.
    fn vm_seen(&mut self, host: HostId, seen: &VmSeen) -> Option<VmId> {
        let Some(vm) = self.vm_of(&seen.vm) else { return self.stranger(host, seen) };
        let row = self.fleet.vms.row(vm);
        if self.in_work(vm) || row.state == VmState::Planned {
            return Some(vm);
        }
        if row.host != Some(host) {
            let elsewhere = row.host.is_some_and(|other| {
                promised(row.state) && self.fleet.hosts.row(other).state != HostState::Unreachable
            });
            if elsewhere {
                self.note_copy(vm, host, seen.state);
                return None;
            }
            // It is where nobody of ours brought it, and not where it was believed to be.
            self.set_state(vm, VmState::Off);
            self.set_host(vm, Some(host));
        }
        // Another console adopted it.
        if seen.managed && !row.managed {
            self.fleet.vms.update(vm, |row| row.managed = true);
            self.examine(vm);
        }
        let same = row.host == Some(host) && row.state == seen.state;
        if !same {
            let answered = (row.state == VmState::Reachable, seen.state == VmState::Reachable);
            match (answered, seen.state) {
                ((true, false), VmState::Up) => self.note_agent(vm, false),
                ((_, true), _) => self.note_agent(vm, true),
                _ => {}
            }
            if seen.state != VmState::Paused {
                self.note_paused(vm, false);
            }
            self.set_state(vm, seen.state);
            self.set_reason(vm, seen.reason.clone());
            let (name, host) = (self.vm_name(vm), self.host_name(Some(host)));
            let reason = seen.reason.clone().unwrap_or_else(|| "".into());
            if seen.state == VmState::Failed && row.state.holds_memory() && row.managed {
                // A hypervisor may list what is left of it for a moment before it says that it went.
                self.note_gone(vm, &reason);
            }
            self.record(What::VmState { vm: name, state: seen.state, host, reason });
            self.examine(vm);
        }
        Some(vm)
    }

    /// A VM that is not known: found on a real host, made by somebody else or by a Hemera before this one.
    fn stranger(&mut self, host: HostId, seen: &VmSeen) -> Option<VmId> {
        let VmKey::Name(name) = &seen.vm else { return None };
        let now = self.fleet.now;
        while self.gone.front().is_some_and(|&(at, _)| now.since(at) > LISTING) {
            self.gone.pop_front();
        }
        if self.gone.iter().any(|(_, gone)| gone == name) {
            return None;
        }
        let class = seen.class.as_ref().map_or(0, |class| self.fleet.class_named(class));
        let vm = self.enter_vm(
            name,
            VmRow {
                state: seen.state,
                managed: seen.managed,
                vcpus: seen.vcpus,
                class,
                host: Some(host),
                memory: seen.memory.to_mib() as u32,
                since: now.as_secs() as u32,
                ..VmRow::default()
            },
        );
        self.set_reason(vm, seen.reason.clone());
        let host = self.host_name(Some(host));
        let reason = if seen.managed { "found, made by an earlier run" } else { "found, not made by Hemera" };
        self.record(What::VmState { vm: name.clone(), state: seen.state, host, reason: reason.into() });
        self.examine(vm);
        Some(vm)
    }

    /// A VM is not where it was believed to be, and no task took it away.
    fn vm_missing(&mut self, vm: VmId, reason: &str) {
        let row = self.fleet.vms.row(vm);
        if self.in_work(vm) || matches!(row.state, VmState::Planned | VmState::Failed | VmState::Gone) {
            return;
        }
        let (name, host) = (self.vm_name(vm), self.host_name(row.host));
        // What lies elsewhere and does not run may be left of some failed move.
        let there = |host: HostId| self.fleet.hosts.row(host).state != HostState::Unreachable;
        if let Some((other, state)) = self.health.copy(vm).filter(|&(host, state)| state.runs() && there(host)) {
            self.note_no_copy(vm, other);
            self.set_state(vm, VmState::Off);
            self.set_host(vm, Some(other));
            self.set_state(vm, state);
            self.set_reason(vm, None);
            let to = self.host_name(Some(other));
            self.say(
                Level::Info,
                Some(vm),
                Some(other),
                None,
                format!("{name} was moved from {host} to {to} by others"),
            );
            self.record(What::VmState { vm: name, state, host: to, reason: "moved by others".into() });
            return self.examine(vm);
        }
        if row.managed {
            self.set_state(vm, VmState::Failed);
            self.set_reason(vm, Some(reason.into()));
            self.say(Level::Error, Some(vm), row.host, None, format!("{name} is gone from {host}: {reason}"));
            self.note_gone(vm, &reason.into());
        } else {
            self.remove_vm(vm);
        }
        self.record(What::VmState { vm: name, state: self.fleet.vms.state(vm), host, reason: reason.into() });
    }

    fn unreachable(&mut self, host: HostId, reason: &Arc<str>) {
        if self.fleet.hosts.row(host).state == HostState::Unreachable {
            return;
        }
        self.set_host_state(host, HostState::Unreachable, reason);
        self.note_silence(host, Some(reason.clone()));
        let name = self.host_name(Some(host));
        self.say(Level::Error, None, Some(host), None, format!("{name} is unreachable: {reason}"));
        let (cores, now) = (self.fleet.topology.host(host).cores, self.fleet.now);
        self.fleet.hosts.update(host, |row| {
            row.demand(0, cores, now);
            (row.cpu_used, row.net_rx, row.net_tx) = (0, 0, 0);
        });
        let on_it: Vec<VmId> = self.on_host[host.index()].iter().copied().collect();
        for vm in on_it {
            let state = self.fleet.vms.state(vm);
            if state.holds_memory() && !self.in_work(vm) {
                self.set_state(vm, VmState::Lost);
                self.set_reason(vm, Some(format!("{name} is unreachable").into()));
                let vm = self.vm_name(vm);
                self.record(What::VmState { vm, state: VmState::Lost, host: name.clone(), reason: reason.clone() });
            }
        }
        self.settle();
    }

    /// Whether the platform works on a task.
    fn runs(&self, id: TaskId) -> bool {
        self.tasks.get(id.index()).is_some_and(|task| matches!(task.state, TaskState::Running | TaskState::Cancelling))
    }

    fn progress(&mut self, id: TaskId, progress: Progress) {
        if id.index() >= self.tasks.len() || self.task(id).state != TaskState::Running {
            return;
        }
        let now = self.fleet.now;
        let task = self.task_mut(id);
        let vm = task.subject.vm();
        let Some(detail) = &mut task.detail else { return };
        let advanced = match progress {
            Progress::Work(work) => {
                detail.transfer = None;
                detail.advance(work)
            }
            Progress::Transfer(transfer) => detail.advance_transfer(transfer),
            Progress::Migration(progress) => detail.advance_migration(progress, now),
        };
        if advanced {
            task.advanced = now;
            if let Some(vm) = vm.filter(|&vm| self.fleet.vms.row(vm).finding == Finding::NoProgress) {
                self.find(vm, Finding::None, "");
            }
        }
        if let (Progress::Migration(progress), Some(vm)) = (progress, vm) {
            self.look_after(id, vm, &progress);
        }
        self.changes += 1;
    }
}
