//! All about one host.

use std::sync::Arc;

use crate::fleet::{HostId, TaskId, Time};
use crate::handle::{HostView, OpKind, TaskState, TaskSubject};

use super::Engine;
use super::history::Moment;
use super::queue::Line;

/// VMs that are listed.
const VMS: usize = 1000;
/// Tasks that are listed.
const TASKS: usize = 50;
/// Lines of the timeline.
const LINES: usize = 100;

impl Engine {
    pub(super) fn host_view(&self, host: HostId) -> HostView {
        let (running, waiting) = (self.running_on(host), self.waiting_for(host));
        HostView {
            host,
            about: self.fleet.topology.host(host).clone(),
            row: *self.fleet.hosts.row(host),
            reason: self.fleet.host_reasons.get(&host).cloned(),
            vms: self.on_host[host.index()].iter().take(VMS).copied().collect(),
            open: (running.len() as u32, waiting.len() as u32),
            tasks: running.into_iter().chain(waiting).take(TASKS).map(|id| self.task_view(id)).collect(),
            timeline: self.host_timeline(host),
            history: self.host_history(host),
        }
    }

    fn concerns(&self, task: TaskId, host: HostId) -> bool {
        let task = self.task(task);
        task.source == Some(host) || task.target == Some(host)
    }

    /// Tasks that run on, to or away from a host, oldest first.
    fn running_on(&self, host: HostId) -> Vec<TaskId> {
        let running = self.checks.iter().map(|&(_, task)| task);
        let mut tasks: Vec<TaskId> = running.filter(|&task| self.concerns(task, host)).collect();
        tasks.sort_unstable();
        tasks
    }

    /// Tasks that wait and are for a host's VMs, or bring it some, oldest first.
    fn waiting_for(&self, host: HostId) -> Vec<TaskId> {
        let waits = |&task: &TaskId| matches!(self.task(task).state, TaskState::Waiting(_));
        let here = &self.on_host[host.index()];
        let of_vms = here.iter().filter_map(|&vm| self.front_of(vm));
        let kinds = OpKind::ON_HOSTS.into_iter().map(|kind| Line::Host(host, kind));
        let of_host = kinds.filter_map(|line| self.lines.get(&line)).map(|&(front, _)| front);
        let all =
            of_vms.chain(of_host).flat_map(|front| std::iter::successors(Some(front), |&task| self.task(task).next));
        let mut tasks: Vec<TaskId> = all.filter(waits).collect();
        // Only moves come from elsewhere, and most of the time none waits to.
        if self.intended[host.index()] > 0 {
            let moves = self.operations.iter().filter(|op| op.ended.is_none() && op.kind.moves());
            let comes = |&task: &TaskId| {
                let task = self.task(task);
                task.target == Some(host) && task.subject.vm().is_some_and(|vm| !here.contains(&vm))
            };
            tasks.extend(moves.flat_map(|op| op.tasks.clone()).map(TaskId).filter(waits).filter(comes));
        }
        tasks.sort_unstable();
        tasks
    }

    /// What happened on a host, oldest first.
    fn host_timeline(&self, host: HostId) -> Vec<(Time, Arc<str>)> {
        let of_tasks = self.history.moments().rev().filter(|(_, _, moment)| match moment {
            Moment::Started(task) | Moment::Ended(task) => self.concerns(*task, host),
            Moment::Said(_) => false,
        });
        let of_tasks = of_tasks.map(|(at, subject, moment)| match subject {
            TaskSubject::Vm(vm) => (at, format!("{}: {}", self.fleet.vms.name(vm), self.tell(moment)).into()),
            TaskSubject::Host(_) => (at, self.tell(moment)),
        });
        let of_itself = self.history.states_of(host).rev().map(|(at, state, reason)| {
            let text = reason.map_or_else(|| state.word().into(), |reason| format!("{}: {reason}", state.word()));
            (at, text.into())
        });
        let said = self.history.said_on(host).rev().map(|(at, text)| (at, text.clone()));
        // Newest first; a stable sort leaves a state before what it led to at the same instant.
        let mut lines: Vec<_> = of_tasks.take(LINES).chain(said.take(LINES)).chain(of_itself.take(LINES)).collect();
        lines.sort_by_key(|&(at, _)| std::cmp::Reverse(at));
        lines.truncate(LINES);
        lines.reverse();
        lines
    }
}
