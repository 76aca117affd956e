//! What holds a task up: an earlier one, a host that does not answer, a limit, memory.

use std::sync::Arc;

use crate::fleet::{Bytes, HostId, HostState, SiteId, TaskId, VmRow, VmState};
use crate::handle::{TaskSubject, WaitReason};
use crate::platform::{Change, HostWork};

use super::Engine;
use super::plan::{can, footprint};
use super::queue::{Key, Slots};
use super::task::{Task, Work};

/// Whether a task can start.
pub(super) enum Hold {
    Free,
    Wait(Key, WaitReason),
    /// It never can; why.
    Never(Arc<str>),
    /// There is nothing to do for it.
    Nothing,
}

/// Whether a host will not do anything any more.
pub(super) const fn is_out(state: HostState) -> bool {
    matches!(state, HostState::Withdrawn | HostState::Failed)
}

impl Engine {
    pub(super) fn slots(&self, task: &Task, source: Option<HostId>) -> Slots {
        match (&self.op(task.op).work, source, task.target) {
            (Work::Boot(_), _, Some(target)) => Slots::Boot(target),
            (Work::Move(_), Some(source), Some(target)) => {
                Slots::Move { source, target, link: self.link(source, target) }
            }
            (Work::Guest(_) | Work::Host(HostWork::Run(_) | HostWork::Copy(_)), ..) => Slots::Run,
            _ => Slots::None,
        }
    }

    /// The two sites between which a move goes, the lower id first.
    pub(super) fn link(&self, source: HostId, target: HostId) -> Option<(SiteId, SiteId)> {
        let (a, b) = (self.fleet.topology.host(source).site, self.fleet.topology.host(target).site);
        (a != b).then(|| (a.min(b), a.max(b)))
    }

    pub(super) fn hold(&self, id: TaskId) -> Hold {
        let task = self.task(id);
        let op = self.op(task.op);
        if op.paused {
            return Hold::Wait(Key::Operation(op.id), WaitReason::Paused);
        }
        let line = self.line_of(task);
        if let Some(&(front, _)) = self.lines.get(&line)
            && front != id
        {
            return Hold::Wait(Key::Line(line), WaitReason::Earlier(front));
        }
        let vm = match task.subject {
            TaskSubject::Vm(vm) => vm,
            TaskSubject::Host(host) => return self.hold_on_host(task, host),
        };
        let row = self.fleet.vms.row(vm);
        if let Some(hold) = self.misfit(&op.work, task, &row) {
            return hold;
        }
        let source = row.host;
        for host in [source, task.target].into_iter().flatten() {
            if self.is_being_switched(host) {
                return Hold::Wait(Key::Power(host), WaitReason::Power(host));
            }
            let state = self.fleet.hosts.row(host).state;
            let name = &self.fleet.topology.host(host).name;
            match state {
                HostState::Ready => {}
                HostState::Draining if Some(host) != task.target => {}
                HostState::Draining => return Hold::Never(format!("{name} takes no new VMs").into()),
                state if is_out(state) => return Hold::Never(format!("{name} is {}", state.word()).into()),
                _ => return Hold::Wait(Key::Host(host), WaitReason::Host(host)),
            }
        }
        if let Some((key, reason)) = self.queue.full(self.slots(task, source)) {
            return Hold::Wait(key, reason);
        }
        match (&op.work, task.target) {
            (Work::Move(_), Some(target)) if self.fleet.free_memory(target) < Bytes::mib(footprint(&row)) => {
                Hold::Wait(Key::Memory(target), WaitReason::Memory(target))
            }
            _ => Hold::Free,
        }
    }

    /// What holds up a task on a host itself that is the first in its line.
    fn hold_on_host(&self, task: &Task, host: HostId) -> Hold {
        let state = self.fleet.hosts.row(host).state;
        let switches = matches!(&self.op(task.op).work, Work::Host(HostWork::Power(_)));
        if !switches && self.is_being_switched(host) {
            return Hold::Wait(Key::Power(host), WaitReason::Power(host));
        }
        let needs_ready = matches!(&self.op(task.op).work, Work::Host(work) if work.needs_ready());
        match state {
            HostState::Ready | HostState::Draining => {}
            HostState::Offered | HostState::Preparing if !needs_ready => {}
            HostState::Unreachable if switches => {}
            state if is_out(state) => {
                return Hold::Never(format!("{} is {}", self.fleet.topology.host(host).name, state.word()).into());
            }
            _ => return Hold::Wait(Key::Host(host), WaitReason::Host(host)),
        }
        self.queue.full(self.slots(task, Some(host))).map_or(Hold::Free, |(key, reason)| Hold::Wait(key, reason))
    }

    /// What keeps a task from ever starting in the state that its VM is in now.
    fn misfit(&self, work: &Work, task: &Task, row: &VmRow) -> Option<Hold> {
        if row.state == VmState::Gone {
            return Some(Hold::Never("the VM no longer exists".into()));
        }
        // Whether it is still there is known only when its host has listed what it has.
        if let (VmState::Lost, Some(host)) = (row.state, row.host) {
            return Some(Hold::Wait(Key::Host(host), WaitReason::Host(host)));
        }
        let is = || Hold::Never(format!("the VM is {}", row.state.word()).into());
        match work {
            Work::Boot(_) => (row.state != VmState::Planned).then(is),
            Work::Move(_) if row.host.is_some() && row.host == task.target => {
                Some(Hold::Never(format!("the VM is on {} already", self.host_name(row.host)).into()))
            }
            Work::Move(_) => (row.host.is_none() || !(row.state.runs() || row.state == VmState::Paused)).then(is),
            // Of a VM that failed, nothing is left on any host.
            Work::Change(Change::Destroy) => {
                (row.host.is_none() || row.state == VmState::Failed).then_some(Hold::Nothing)
            }
            Work::Change(Change::RemoveCopy) => match task.subject.vm().and_then(|vm| self.health.copy(vm)) {
                None => Some(Hold::Nothing),
                Some((host, state)) if state.runs() => {
                    Some(Hold::Never(format!("the copy on {} is {}", self.host_name(Some(host)), state.word()).into()))
                }
                Some(_) => None,
            },
            Work::Change(change) => (!can(row, *change)).then(is),
            Work::Guest(_) => (row.host.is_none() || !row.state.runs()).then(is),
            Work::Host(_) => None,
        }
    }
}
