//! How tasks end: by the platform's word, by somebody's wish, or because nothing moves any more.

use std::sync::Arc;

use crate::fleet::{Bytes, Finding, HostState, MigrationFigures, OpId, Ready, TaskId, Time, VmId, VmState};
use crate::handle::{Level, OpKind, TaskEnd, TaskState, TaskSubject, WaitReason};
use crate::platform::{Change, Request};

use super::history::Moment;
use super::plan::{footprint, thousands};
use super::queue::{Key, Slots};
use super::rescue::LOOK;
use super::schedule::{is_stuck_key, key_of};
use super::task::Work;
use super::{Engine, TaskRecord, What};

/// Of how many moves it is remembered by how much they took longer than predicted.
const OVERRUNS: usize = 16;

impl Engine {
    /// Takes the platform's word that a task ended.
    pub(super) fn ended(&mut self, id: TaskId, end: TaskEnd, figures: Option<MigrationFigures>) {
        if id.index() >= self.tasks.len() || !matches!(self.task(id).state, TaskState::Running | TaskState::Cancelling)
        {
            return;
        }
        let task = self.task_mut(id);
        let verdict = task.detail.as_mut().and_then(|detail| {
            detail.figures = figures;
            detail.verdict.take()
        });
        let end = match (end, verdict) {
            (TaskEnd::Cancelled, Some(verdict)) => TaskEnd::Failed(verdict),
            (end, _) => end,
        };
        self.leave_slots(id);
        self.finish(id, &end);
        self.close(id, &end, figures);
        self.settle();
    }

    /// Gives back what a running task held.
    fn leave_slots(&mut self, id: TaskId) {
        let task = self.task(id);
        let (op, source, target) = (task.op, task.source, task.target);
        let slots = self.slots(task, source);
        let check = task.detail.as_ref().map(|detail| (detail.check_at, id));
        if let Some(check) = check {
            self.checks.remove(&check);
        }
        self.queue.release(slots);
        self.running -= 1;
        self.op_mut(op).running -= 1;
        match slots {
            Slots::Boot(host) => self.fleet.hosts.update(host, |row| row.booting -= 1),
            Slots::Move { source, target, .. } => {
                self.fleet.hosts.update(source, |row| row.migrations_out -= 1);
                self.fleet.hosts.update(target, |row| row.migrations_in -= 1);
            }
            Slots::Run | Slots::None => {}
        }
        debug_assert!(
            !matches!(slots, Slots::Run | Slots::None) || target.is_none(),
            "only boots and moves have targets"
        );
    }

    /// What a task's end means for what it is about: nothing for a host, or for a VM in whose guest something was done.
    pub(super) fn finish(&mut self, id: TaskId, end: &TaskEnd) {
        let task = self.task(id);
        if let (Some(vm), false) = (task.subject.vm(), matches!(self.op(task.op).work, Work::Guest(_))) {
            self.finish_vm(id, vm, end);
        }
    }

    /// What the end of a task on a VM means for the VM.
    fn finish_vm(&mut self, id: TaskId, vm: VmId, end: &TaskEnd) {
        let task = self.task(id);
        let (before, source, target) = (task.before, task.source, task.target);
        let work = self.op(task.op).work.clone();
        let done = *end == TaskEnd::Done;
        self.find(vm, Finding::None, "");
        match work {
            Work::Change(Change::Reboot) if done => self.begins_anew(vm),
            // Of a boot that failed nothing is left.
            Work::Boot(_) if !done => self.begins_anew(vm),
            Work::Change(Change::Resume) if done => self.note_paused(vm, false),
            Work::Change(Change::Adopt) if done => self.fleet.vms.update(vm, |row| row.managed = true),
            Work::Change(Change::RemoveCopy) if done => {
                if let Some((host, _)) = self.health.copy(vm) {
                    self.note_no_copy(vm, host);
                }
            }
            _ => {}
        }
        self.fleet.vms.update(vm, |row| row.target = None);
        let reason = match end {
            TaskEnd::Failed(reason) => Some(reason.clone()),
            _ => None,
        };
        let state = match work {
            Work::Boot(class) if done => match class.ready {
                Ready::Up => VmState::Up,
                Ready::Reachable => VmState::Reachable,
            },
            Work::Boot(_) if reason.is_some() => VmState::Failed,
            Work::Boot(_) => return self.remove_vm(vm),
            Work::Move(_) => {
                self.forget_sample(vm);
                match (source, target) {
                    (Some(source), Some(target)) if done => {
                        self.release(source, vm);
                        self.set_host(vm, Some(target));
                    }
                    (_, Some(target)) => self.release(target, vm),
                    _ => {}
                }
                before
            }
            Work::Change(Change::Destroy | Change::Shutdown) if done => {
                self.gone.push_back((self.fleet.now, self.vm_name(vm)));
                return self.remove_vm(vm);
            }
            Work::Change(Change::Pause) if done => {
                self.note_paused(vm, true);
                if before == VmState::Reachable {
                    self.answered.insert(vm);
                }
                VmState::Paused
            }
            Work::Change(Change::Resume) if done && self.answered.remove(&vm) => VmState::Reachable,
            Work::Change(Change::Resume) if done => VmState::Up,
            Work::Change(Change::Load(load)) => {
                if done {
                    self.load_is_new(vm, load);
                }
                before
            }
            Work::Change(_) | Work::Guest(_) | Work::Host(_) => before,
        };
        let host_gone =
            self.fleet.vms.row(vm).host.is_some_and(|host| self.fleet.hosts.row(host).state == HostState::Unreachable);
        let state = if host_gone && super::promised(state) { VmState::Lost } else { state };
        self.set_state(vm, state);
        self.set_reason(vm, reason.clone());
        let host = self.host_name(self.fleet.vms.row(vm).host);
        let name = self.vm_name(vm);
        self.record(What::VmState { vm: name, state, host, reason: reason.unwrap_or_else(|| "".into()) });
        self.examine(vm);
    }

    /// Ends a task that never ran.
    pub(super) fn end_unstarted(&mut self, id: TaskId, end: &TaskEnd) {
        let task = self.task(id);
        if let Some(vm) = task.subject.vm() {
            match (&self.op(task.op).work, task.target) {
                (Work::Move(_), Some(target)) => {
                    self.intended[target.index()] -= footprint(&self.fleet.vms.row(vm));
                }
                (Work::Boot(_), _) if self.fleet.vms.exists(vm) => self.remove_vm(vm),
                _ => {}
            }
        }
        self.close(id, end, None);
    }

    /// Writes a task's end down and lets the next one in its line come forward.
    pub(super) fn close(&mut self, id: TaskId, end: &TaskEnd, figures: Option<MigrationFigures>) {
        let now = self.fleet.now;
        let task = self.task_mut(id);
        task.state = TaskState::Ended(end.clone());
        task.ended = Some(now);
        let (op_id, subject, started) = (task.op, task.subject, task.started);
        let predicted = task.detail.as_ref().and_then(|detail| detail.predicted);
        if let (TaskEnd::Done, Some(started), Some((total, _))) = (end, started, predicted) {
            self.overruns.push_back(now.since(started).saturating_sub(total));
            if self.overruns.len() > OVERRUNS {
                self.overruns.pop_front();
            }
        }
        let task = self.task_mut(id);
        if figures.is_none() {
            task.detail = None;
        }
        let runs = self.op(op_id).kind == OpKind::Run && started.is_some();
        let output = runs.then(|| Arc::new(self.outputs_of.get(id)));
        let record = TaskRecord {
            task: id,
            op: op_id,
            step: self.op(op_id).step,
            kind: self.op(op_id).kind,
            vm: subject.vm().map_or_else(|| "".into(), |vm| self.vm_name(vm)),
            source: self.host_name(self.task(id).source),
            target: self.host_name(self.task(id).target),
            queued: self.task(id).queued,
            started,
            ended: now,
            outcome: end.clone(),
            reason: if let TaskEnd::Failed(reason) = end { reason.clone() } else { "".into() },
            figures,
            predicted,
            output,
        };
        if let TaskEnd::Failed(reason) = end {
            let text = format!("{} {}: {reason}", record.kind.word(), self.subject_name(subject));
            let host = self.task(id).target.or(self.task(id).source);
            self.say(Level::Error, subject.vm(), host, Some(op_id), text);
        }
        self.record(What::TaskEnded(record));
        self.history.moment(now, subject, Moment::Ended(id));
        if let TaskSubject::Host(host) = subject {
            self.switched(id, host, end);
        }
        let line = self.line_of(self.task(id));
        if let Some(&(front, last)) = self.lines.get(&line) {
            let mut at = Some(front);
            while let Some(task) = at.filter(|&task| matches!(self.task(task).state, TaskState::Ended(_))) {
                at = self.task(task).next;
            }
            match at {
                Some(next) if next != front => {
                    self.lines.insert(line, (next, last));
                    self.queue.free(Key::Line(line));
                }
                Some(_) => {}
                None => {
                    self.lines.remove(&line);
                }
            }
        }
        self.op_mut(op_id).count_end(end, started, now);
        self.end_operation_if_done(op_id);
        if let Some(vm) = subject.vm() {
            self.touch(vm);
        }
    }

    pub(super) fn end_operation_if_done(&mut self, id: OpId) {
        let now = self.fleet.now;
        let op = self.op_mut(id);
        // While an operation begins, refused tasks end before the others are there.
        let complete = op.counts.done + op.counts.failed + op.counts.cancelled == op.counts.tasks;
        if op.ended.is_some() || !complete {
            return;
        }
        op.ended = Some(now);
        let (kind, counts) = (op.kind, op.counts);
        self.record(What::OperationEnded { op: id, kind, counts });
        let mut text = format!("{id} {} ended: {} done", kind.word(), thousands(counts.done));
        for (n, word) in [(counts.failed, "failed"), (counts.cancelled, "cancelled")] {
            if n > 0 {
                text.extend([", ", &thousands(n), " ", word]);
            }
        }
        let level = if counts.failed > 0 { Level::Warning } else { Level::Info };
        self.say(level, None, None, Some(id), text);
        self.changes += 1;
    }

    /// Cancels a task, waiting or running. False where it has ended or is ending.
    pub(super) fn cancel_task(&mut self, id: TaskId, verdict: Option<Arc<str>>) -> bool {
        match self.task(id).state {
            TaskState::Waiting(reason) => {
                let task = self.task(id);
                let key = key_of(reason, task.op, self.line_of(task));
                self.unpark(id);
                // What waits behind it may fit where it did not.
                self.queue.free(key);
                self.end_unstarted(id, &verdict.map_or(TaskEnd::Cancelled, TaskEnd::Failed));
                true
            }
            TaskState::Running => {
                let check_at = self.fleet.now + self.config.patience.cancel;
                let task = self.task_mut(id);
                task.state = TaskState::Cancelling;
                let before = task.detail.as_mut().map(|detail| {
                    detail.verdict = verdict;
                    std::mem::replace(&mut detail.check_at, check_at)
                });
                if let Some(before) = before {
                    self.checks.remove(&(before, id));
                }
                self.checks.insert((check_at, id));
                self.request(Request::Cancel { task: id });
                true
            }
            TaskState::Cancelling | TaskState::Ended(_) => false,
        }
    }

    /// Says when a running task is looked at next.
    pub(super) fn check_at(&mut self, id: TaskId, at: Time) {
        if let Some(detail) = &mut self.task_mut(id).detail {
            detail.check_at = at;
        }
        self.checks.insert((at, id));
    }

    /// Looks at a running task that has been quiet.
    pub(super) fn check(&mut self, id: TaskId) {
        let now = self.fleet.now;
        let task = self.task(id);
        // A command may be silent for as long as it likes.
        let works = !matches!(self.op(task.op).work, Work::Guest(_));
        let (vm, quiet) = (task.subject.vm().filter(|_| works), now.since(task.advanced));
        let patience = self.patience(&self.op(task.op).work);
        let converge = self.config.patience.converge;
        let moves = matches!(self.op(task.op).work, Work::Move(_));
        let circles = moves
            && task.detail.as_ref().is_some_and(|detail| {
                // What a post-copy has left comes in no rounds.
                now.since(detail.nearer) >= converge && !detail.migration.is_some_and(|m| m.post_copy)
            });
        match task.state {
            TaskState::Running if quiet >= patience => {
                let cause = vm.map_or_else(String::new, |vm| self.known_cause(vm));
                let what = match self.op(task.op).work {
                    Work::Change(Change::Shutdown) => "its guest did not shut down within",
                    _ => "no progress for",
                };
                self.cancel_task(id, Some(format!("{what} {} s{cause}", patience.as_secs()).into()));
            }
            TaskState::Running if circles => {
                let reason = format!("did not converge: no smaller round for {} s", converge.as_secs());
                self.cancel_task(id, Some(reason.into()));
            }
            TaskState::Running => {
                let unfound = vm.filter(|&vm| self.fleet.vms.row(vm).finding == Finding::None);
                if let Some(vm) = unfound.filter(|_| quiet * 2 >= patience) {
                    self.find(vm, Finding::NoProgress, &format!("no progress for {} s", quiet.as_secs()));
                }
                let check_at = (now + patience / 4).min(self.task(id).advanced + patience).max(now + patience / 100);
                let check_at = if self.is_watched(id) { check_at.min(now + LOOK) } else { check_at };
                self.check_at(id, check_at);
                self.request(Request::Probe { task: id });
            }
            TaskState::Cancelling => {
                let reason =
                    format!("gave no answer within {} s to being cancelled", self.config.patience.cancel.as_secs());
                let end = TaskEnd::Failed(reason.into());
                self.leave_slots(id);
                self.finish(id, &end);
                self.close(id, &end, None);
            }
            TaskState::Waiting(_) | TaskState::Ended(_) => {}
        }
    }

    /// When tasks that nothing can help any more are given up.
    pub(super) fn stuck_deadline(&self, since: Time) -> Time {
        let for_memory = !self.queue.parked_at(|key| matches!(key, Key::Memory(_))).is_empty();
        since + if for_memory { self.config.patience.memory } else { self.config.patience.host }
    }

    /// Fails the tasks that wait for what will not come, because nothing runs that could bring it.
    pub(super) fn give_up_stuck(&mut self) {
        let Some(since) = self.stuck_since else { return };
        if self.fleet.now < self.stuck_deadline(since) {
            return;
        }
        let mut tasks = self.queue.parked_at(|key| matches!(key, Key::Memory(_)));
        // What is smaller than the one in front of it may fit.
        for &id in &tasks {
            self.reconsider(id);
        }
        if self.running > 0 {
            self.stuck_since = None;
            return;
        }
        if tasks.is_empty() {
            tasks = self.queue.parked_at(is_stuck_key);
        }
        for id in tasks {
            let task = self.task(id);
            let need = task.subject.vm().map_or(Bytes(0), |vm| Bytes::mib(footprint(&self.fleet.vms.row(vm))));
            let reason = match task.state {
                TaskState::Waiting(WaitReason::Memory(host)) => format!(
                    "no room on {}: needs {need}, {} is free",
                    self.fleet.topology.host(host).name,
                    self.fleet.free_memory(host)
                ),
                TaskState::Waiting(WaitReason::Host(host)) => {
                    format!("{} did not come back", self.fleet.topology.host(host).name)
                }
                _ => continue,
            };
            self.cancel_task(id, Some(reason.into()));
        }
        self.stuck_since = None;
    }
}
