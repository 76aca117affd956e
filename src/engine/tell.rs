//! What the operator is told: findings, states of hosts, events, what happened to a VM.

use std::sync::Arc;

use crate::fleet::{Diagnosis, Finding, HostId, HostState, OpId, TaskId, VmId};
use crate::handle::{Event, Level, TaskEnd, TaskState, TaskSubject};

use super::history::Moment;
use super::queue::Key;
use super::task::Task;
use super::{Engine, What};

impl Engine {
    /// Sets a VM's finding where it is another one.
    pub(super) fn find(&mut self, vm: VmId, finding: Finding, text: &str) {
        self.found(vm, Diagnosis::new(finding, text, Vec::new()));
    }

    /// Notes what was found of a VM; that it is another finding than before is told.
    pub(super) fn found(&mut self, vm: VmId, found: Diagnosis) {
        let (finding, text) = (found.finding, found.text.clone());
        let before = self.fleet.vm_diagnoses.get(&vm);
        if before.is_none_or(|before| **before != found) && (before.is_some() || finding != Finding::None) {
            let all = Arc::make_mut(&mut self.fleet.vm_diagnoses);
            if finding == Finding::None {
                all.remove(&vm);
            } else {
                all.insert(vm, Arc::new(found));
            }
            self.changes += 1;
        }
        if self.fleet.vms.row(vm).finding == finding {
            return;
        }
        self.find_anew(vm, finding, text);
    }

    /// Sets a VM's finding, also where the same was found with other words.
    pub(super) fn find_anew(&mut self, vm: VmId, finding: Finding, text: Arc<str>) {
        self.fleet.vms.update(vm, |row| row.finding = finding);
        let name = self.vm_name(vm);
        // Of these it was said how they came to be when they did.
        if !matches!(finding, Finding::None | Finding::QemuGone | Finding::Unknown) {
            self.history.moment(self.fleet.now, TaskSubject::Vm(vm), Moment::Said(text.clone()));
            let (host, op) = (self.fleet.vms.row(vm).host, self.front_of(vm).map(|front| self.task(front).op));
            self.say(Level::Warning, Some(vm), host, op, format!("{name}: {text}"));
        }
        self.record(What::Finding { vm: name, finding, text });
    }

    pub(super) fn set_host_state(&mut self, host: HostId, state: HostState, reason: &str) {
        let now = self.fleet.now;
        if self.fleet.hosts.row(host).state == state {
            return;
        }
        self.fleet.hosts.update(host, |row| row.enter(state, now));
        if state != HostState::Draining && self.going.remove(&host).is_some() {
            self.queue.free(Key::Power(host));
        }
        let reasons = Arc::make_mut(&mut self.fleet.host_reasons);
        if reason.is_empty() {
            reasons.remove(&host);
        } else {
            reasons.insert(host, reason.into());
        }
        self.history.host(now, host, state, reason);
        self.record(What::HostState { host: self.host_name(Some(host)), state, reason: reason.into() });
        self.queue.free(Key::Host(host));
        self.changes += 1;
    }

    pub(super) fn say(
        &mut self,
        level: Level,
        vm: Option<VmId>,
        host: Option<HostId>,
        op: Option<OpId>,
        text: impl Into<Arc<str>>,
    ) {
        let kind = op.map(|op| self.op(op).kind);
        self.history.event(Event { number: 0, at: self.fleet.now, level, vm, host, op, kind, text: text.into() });
        self.changes += 1;
    }

    /// A moment of a VM's life, in a sentence.
    pub(super) fn tell(&self, moment: &Moment) -> Arc<str> {
        let of = |id: TaskId| {
            let task = self.task(id);
            let op = self.op(task.op);
            let place = match (task.source, task.target) {
                (Some(source), Some(target)) => {
                    format!(" from {} to {}", self.host_name(Some(source)), self.host_name(Some(target)))
                }
                (None, Some(target)) => format!(" on {}", self.host_name(Some(target))),
                _ => String::new(),
            };
            (format!("{} {}{place}", op.id, op.kind.word()), task)
        };
        match moment {
            Moment::Started(id) => format!("{} began", of(*id).0).into(),
            Moment::Ended(id) => match of(*id) {
                (what, Task { state: TaskState::Ended(TaskEnd::Failed(reason)), .. }) => {
                    format!("{what} failed: {reason}").into()
                }
                (what, Task { state: TaskState::Ended(end), .. }) => format!("{what} {}", end.word()).into(),
                (what, _) => what.into(),
            },
            Moment::Said(text) => text.clone(),
        }
    }
}
