//! Tasks from their begin to their end: started the moment nothing holds them up, judged by their progress, ended in
//! exactly one of three ways.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{
    Bytes, DEFAULT_WORKING_SET, Finding, HostId, HostState, MigrationFigures, OpId, Ready, SiteId, TaskId, Time, VmId,
    VmRow, VmState,
};
use crate::handle::{Event, Level, OpKind, OperationSpec, TaskEnd, TaskState, WaitReason};
use crate::platform::{Change, Request};

use super::history::Moment;
use super::plan::{Plan, Planned, Planner, Subject, can, footprint, thousands};
use super::queue::{Key, Slots};
use super::task::{Detail, Operation, Task, Work};
use super::{Engine, TaskRecord, What};

/// Of how many moves it is remembered by how much they took longer than predicted.
const OVERRUNS: usize = 16;

/// Whether a task can start.
enum Hold {
    Free,
    Wait(Key, WaitReason),
    /// It never can; why.
    Never(Arc<str>),
    /// There is nothing to do for it.
    Nothing,
}

impl Engine {
    pub(super) fn planner<'a>(&'a self, busy: &'a dyn Fn(VmId) -> bool) -> Planner<'a> {
        Planner {
            fleet: &self.fleet,
            names: &self.names,
            intended: &self.intended,
            seed: self.config.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (self.operations.len() as u64 + 1),
            busy,
        }
    }

    pub(super) fn make_plan(&self, spec: &OperationSpec) -> Result<Plan, Arc<str>> {
        self.planner(&|vm| self.lines.contains_key(&vm)).plan(spec)
    }

    /// Plans an operation and starts it.
    pub(super) fn start(&mut self, spec: &OperationSpec, step: Option<u32>) -> Result<OpId, Arc<str>> {
        let plan = self.make_plan(spec)?;
        // The numbers of refused VMs stay free: the next search begins at the first of them.
        let refused = plan.refused.first().map(|refusal| refusal.subject.clone());
        let next = refused.or_else(|| plan.tasks.last().map(|task| task.subject.clone()));
        let op = self.begin(plan, spec.clone(), step);
        if let (OperationSpec::Boot(boot), Some(Subject::New(name))) = (spec, next) {
            self.names.used_up_to(&boot.name, &name);
        }
        Ok(op)
    }

    /// Starts an operation: what is planned becomes tasks, what is refused becomes tasks that have failed.
    pub(super) fn begin(&mut self, plan: Plan, spec: OperationSpec, step: Option<u32>) -> OpId {
        let now = self.fleet.now;
        let id = OpId(self.operations.len() as u32 + 1);
        for &host in &plan.drain {
            self.draining.insert(host);
            if self.fleet.hosts.row(host).state == HostState::Ready {
                self.set_host_state(host, HostState::Draining, "");
            }
        }
        let first = self.tasks.len() as u32;
        let count = (plan.tasks.len() + plan.refused.len()) as u32;
        let mut op = Operation::new(id, plan.kind, plan.title.clone(), plan.work, spec, step, now);
        op.tasks = first..first + count;
        op.counts.tasks = count;
        let class = match &op.work {
            Work::Boot(class) => Some((self.fleet.class_named(&class.name), class.clone())),
            _ => None,
        };
        let row = class.map_or_else(VmRow::default, |(index, class)| VmRow {
            vcpus: class.vcpus,
            class: index,
            memory: class.memory.to_mib() as u32,
            op: id,
            since: now.as_secs() as u32,
            ..VmRow::default()
        });
        self.operations.push(op);
        self.record(What::OperationStarted { op: id, kind: plan.kind, title: plan.title.clone(), tasks: count });
        self.say(Level::Info, None, None, Some(id), format!("{id} {}", plan.title));
        let waiting = plan.tasks.len() as u32;
        for planned in plan.tasks {
            self.enter_task(id, planned, row);
        }
        for refusal in plan.refused {
            let task = self.enter_task(
                id,
                Planned { subject: refusal.subject, source: None, target: None },
                VmRow { state: VmState::Gone, ..row },
            );
            self.task_mut(task).target = refusal.target;
            if !matches!(self.op(id).work, Work::Boot(_)) {
                self.task_mut(task).source = self.fleet.vms.row(self.task(task).vm).host;
            }
            self.close(task, &TaskEnd::Failed(refusal.reason), None);
        }
        for task in first..first + waiting {
            self.launch(TaskId(task));
        }
        self.end_operation_if_done(id);
        self.settle();
        id
    }

    /// Adds a task at the end of its VM's line. A new VM gets `row`.
    fn enter_task(&mut self, op: OpId, planned: Planned, row: VmRow) -> TaskId {
        let id = TaskId(self.tasks.len() as u32);
        let vm = match planned.subject {
            Subject::New(name) => self.enter_vm(&name, VmRow { host: planned.target, ..row }),
            Subject::Unknown(name) => self.enter_vm(&name, VmRow { state: VmState::Gone, ..row }),
            Subject::Vm(vm) => vm,
        };
        let now = self.fleet.now;
        self.tasks.push(Task {
            op,
            vm,
            source: planned.source,
            target: planned.target,
            state: TaskState::Waiting(WaitReason::Paused),
            before: self.fleet.vms.state(vm),
            queued: now,
            started: None,
            ended: None,
            advanced: now,
            next: None,
            detail: None,
        });
        if matches!(self.op(op).work, Work::Move(_))
            && let Some(target) = planned.target
        {
            self.intended[target.index()] += footprint(&self.fleet.vms.row(vm));
        }
        if let Some((_, last)) = self.lines.get_mut(&vm) {
            let before = std::mem::replace(last, id);
            self.tasks[before.index()].next = Some(id);
        } else {
            self.lines.insert(vm, (id, id));
        }
        id
    }

    /// Starts a task that is parked nowhere, or parks it at the first thing that holds it up.
    fn launch(&mut self, id: TaskId) {
        match self.hold(id) {
            Hold::Free => self.run(id),
            Hold::Nothing => {
                self.finish_vm(id, &TaskEnd::Done);
                self.close(id, &TaskEnd::Done, None);
            }
            Hold::Never(reason) => self.end_unstarted(id, &TaskEnd::Failed(reason)),
            Hold::Wait(key, reason) => {
                self.queue.park(key, id);
                let task = self.task_mut(id);
                task.state = TaskState::Waiting(reason);
                let op = task.op;
                *self.op_mut(op).waiting_by.entry(reason.kind()).or_default() += 1;
            }
        }
    }

    /// Looks at every task that waits for something that became free.
    pub(super) fn settle(&mut self) {
        while let Some(key) = self.queue.next_freed() {
            let mut before = None;
            while let Some(task) = self.queue.first_at(key) {
                // The oldest one is back where it was: there is not enough for it, and those behind it wait their turn.
                if before == Some(task) {
                    break;
                }
                before = Some(task);
                self.reconsider(task);
            }
        }
        for task in std::mem::take(&mut self.unpredicted) {
            let predicted = self.predict_task(task);
            if let Some(detail) = &mut self.task_mut(task).detail {
                detail.predicted = predicted;
            }
        }
        let waits = self.running == 0 && !self.queue.parked_at(is_stuck_key).is_empty();
        self.stuck_since = if waits { self.stuck_since.or(Some(self.fleet.now)) } else { None };
        self.changes += 1;
        self.advance_steps();
    }

    /// Looks again at what holds a waiting task up.
    pub(super) fn reconsider(&mut self, id: TaskId) {
        self.unpark(id);
        self.launch(id);
    }

    fn unpark(&mut self, id: TaskId) {
        let task = self.task(id);
        if let TaskState::Waiting(reason) = task.state {
            let (op, vm) = (task.op, task.vm);
            self.queue.unpark(key_of(reason, op, vm), id);
            if let Some(count) = self.op_mut(op).waiting_by.get_mut(&reason.kind()) {
                *count -= 1;
            }
        }
    }

    fn slots(&self, task: &Task, source: Option<HostId>) -> Slots {
        match (&self.op(task.op).work, source, task.target) {
            (Work::Boot(_), _, Some(target)) => Slots::Boot(target),
            (Work::Move(_), Some(source), Some(target)) => {
                Slots::Move { source, target, link: self.link(source, target) }
            }
            _ => Slots::None,
        }
    }

    /// The two sites between which a move goes, the lower id first.
    pub(super) fn link(&self, source: HostId, target: HostId) -> Option<(SiteId, SiteId)> {
        let (a, b) = (self.fleet.topology.host(source).site, self.fleet.topology.host(target).site);
        (a != b).then(|| (a.min(b), a.max(b)))
    }

    fn hold(&self, id: TaskId) -> Hold {
        let task = self.task(id);
        let op = self.op(task.op);
        if op.paused {
            return Hold::Wait(Key::Operation(op.id), WaitReason::Paused);
        }
        if let Some(&(front, _)) = self.lines.get(&task.vm)
            && front != id
        {
            return Hold::Wait(Key::Vm(task.vm), WaitReason::Earlier(front));
        }
        let row = self.fleet.vms.row(task.vm);
        if let Some(hold) = self.misfit(&op.work, task, &row) {
            return hold;
        }
        let source = row.host;
        for host in [source, task.target].into_iter().flatten() {
            let state = self.fleet.hosts.row(host).state;
            let name = &self.fleet.topology.host(host).name;
            match state {
                HostState::Ready => {}
                HostState::Draining if Some(host) != task.target => {}
                HostState::Draining => return Hold::Never(format!("{name} takes no new VMs").into()),
                HostState::Withdrawn | HostState::Failed => {
                    return Hold::Never(format!("{name} is {}", state.word()).into());
                }
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
            Work::Change(change) => (!can(row, *change)).then(is),
        }
    }

    /// Asks the platform to do a task that nothing holds up.
    fn run(&mut self, id: TaskId) {
        let now = self.fleet.now;
        let (op_id, vm, target) = (self.task(id).op, self.task(id).vm, self.task(id).target);
        let row = self.fleet.vms.row(vm);
        let (work, kind) = (self.op(op_id).work.clone(), self.op(op_id).kind);
        let name = self.vm_name(vm);
        let slots = self.slots(self.task(id), row.host);
        self.queue.take(slots);
        self.running += 1;
        self.op_mut(op_id).running += 1;
        let mut detail = Box::<Detail>::default();
        let patience = self.patience(&work);
        let task = self.task_mut(id);
        task.before = row.state;
        task.started = Some(now);
        task.advanced = now;
        task.state = TaskState::Running;
        if kind != OpKind::Boot {
            task.source = row.host;
        }
        let entered = match &work {
            Work::Boot(_) | Work::Change(Change::Reboot) => Some(VmState::Starting),
            Work::Move(_) => Some(VmState::Migrating),
            Work::Change(Change::Destroy) => Some(VmState::Stopping),
            Work::Change(_) => None,
        };
        if let Some(state) = entered {
            self.set_state(vm, state);
        }
        self.fleet.vms.update(vm, |row| row.op = op_id);
        match (work, row.host, target) {
            (Work::Boot(class), _, Some(host)) => {
                self.fleet.hosts.update(host, |row| row.booting += 1);
                self.request(Request::Boot { task: id, vm, name: name.clone(), host, class });
            }
            (Work::Move(options), Some(source), Some(target)) => {
                self.intended[target.index()] -= footprint(&row);
                self.promise(target, vm);
                self.fleet.hosts.update(source, |row| row.migrations_out += 1);
                self.fleet.hosts.update(target, |row| row.migrations_in += 1);
                self.fleet.vms.update(vm, |row| row.target = Some(target));
                self.unpredicted.push(id);
                self.request(Request::Migrate { task: id, vm, name: name.clone(), source, target, options });
            }
            (Work::Change(change), Some(host), _) => {
                self.request(Request::Change { task: id, vm, name: name.clone(), host, change });
            }
            _ => unreachable!("a task that is free to run has the hosts that its work needs"),
        }
        detail.nearer = now;
        detail.check_at = now + patience / 4;
        self.checks.insert((detail.check_at, id));
        self.task_mut(id).detail = Some(detail);
        self.history.moment(now, vm, Moment::Started(id));
        let source = self.host_name(self.task(id).source);
        self.record(What::TaskStarted { task: id, op: op_id, kind, vm: name, source, target: self.host_name(target) });
    }

    fn patience(&self, work: &Work) -> Duration {
        match work {
            Work::Boot(_) | Work::Change(Change::Reboot) => self.config.patience.boot,
            Work::Move(_) => self.config.patience.migrate,
            Work::Change(_) => self.config.patience.change,
        }
    }

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
        self.finish_vm(id, &end);
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
            Slots::None => {}
        }
        debug_assert!(!matches!(slots, Slots::None) || target.is_none(), "only boots and moves have targets");
    }

    /// What a task's end means for its VM.
    fn finish_vm(&mut self, id: TaskId, end: &TaskEnd) {
        let task = self.task(id);
        let (vm, before, source, target) = (task.vm, task.before, task.source, task.target);
        let work = self.op(task.op).work.clone();
        let done = *end == TaskEnd::Done;
        self.find(vm, Finding::None, "");
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
            Work::Change(Change::Destroy) if done => {
                self.gone.push_back((self.fleet.now, self.vm_name(vm)));
                return self.remove_vm(vm);
            }
            Work::Change(Change::Pause) if done => {
                if before == VmState::Reachable {
                    self.answered.insert(vm);
                }
                VmState::Paused
            }
            Work::Change(Change::Resume) if done && self.answered.remove(&vm) => VmState::Reachable,
            Work::Change(Change::Resume) if done => VmState::Up,
            Work::Change(Change::Load(load)) => {
                if done {
                    self.fleet.vms.update(vm, |row| row.stressed = load.is_some());
                    match load {
                        Some(load) if load.working_set != DEFAULT_WORKING_SET => {
                            self.working_sets.insert(vm, load.working_set);
                        }
                        _ => {
                            self.working_sets.remove(&vm);
                        }
                    }
                }
                before
            }
            Work::Change(_) => before,
        };
        let host_gone =
            self.fleet.vms.row(vm).host.is_some_and(|host| self.fleet.hosts.row(host).state == HostState::Unreachable);
        let state = if host_gone && super::promised(state) { VmState::Lost } else { state };
        self.set_state(vm, state);
        self.set_reason(vm, reason.clone());
        let host = self.host_name(self.fleet.vms.row(vm).host);
        let name = self.vm_name(vm);
        self.record(What::VmState { vm: name, state, host, reason: reason.unwrap_or_else(|| "".into()) });
    }

    /// Ends a task that never ran.
    pub(super) fn end_unstarted(&mut self, id: TaskId, end: &TaskEnd) {
        let task = self.task(id);
        let vm = task.vm;
        match (&self.op(task.op).work, task.target) {
            (Work::Move(_), Some(target)) => {
                self.intended[target.index()] -= footprint(&self.fleet.vms.row(vm));
            }
            (Work::Boot(_), _) if self.fleet.vms.exists(vm) => self.remove_vm(vm),
            _ => {}
        }
        self.close(id, end, None);
    }

    /// Writes a task's end down and lets the next one on its VM come forward.
    fn close(&mut self, id: TaskId, end: &TaskEnd, figures: Option<MigrationFigures>) {
        let now = self.fleet.now;
        let task = self.task_mut(id);
        task.state = TaskState::Ended(end.clone());
        task.ended = Some(now);
        let (op_id, vm, started) = (task.op, task.vm, task.started);
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
        let record = TaskRecord {
            task: id,
            op: op_id,
            step: self.op(op_id).step,
            kind: self.op(op_id).kind,
            vm: self.vm_name(vm),
            source: self.host_name(self.task(id).source),
            target: self.host_name(self.task(id).target),
            queued: self.task(id).queued,
            started,
            ended: now,
            outcome: end.clone(),
            reason: if let TaskEnd::Failed(reason) = end { reason.clone() } else { "".into() },
            figures,
            predicted,
        };
        if let TaskEnd::Failed(reason) = end {
            let text = format!("{} {}: {reason}", record.kind.word(), record.vm);
            self.say(Level::Error, Some(vm), None, Some(op_id), text);
        }
        self.record(What::TaskEnded(record));
        self.history.moment(now, vm, Moment::Ended(id));
        if let Some(&(front, last)) = self.lines.get(&vm) {
            let mut at = Some(front);
            while let Some(task) = at.filter(|&task| matches!(self.task(task).state, TaskState::Ended(_))) {
                at = self.task(task).next;
            }
            match at {
                Some(next) if next != front => {
                    self.lines.insert(vm, (next, last));
                    self.queue.free(Key::Vm(vm));
                }
                Some(_) => {}
                None => {
                    self.lines.remove(&vm);
                }
            }
        }
        self.op_mut(op_id).count_end(end, started, now);
        self.end_operation_if_done(op_id);
    }

    fn end_operation_if_done(&mut self, id: OpId) {
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
                let key = key_of(reason, task.op, task.vm);
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

    /// Looks at a running task that has been quiet.
    pub(super) fn check(&mut self, id: TaskId) {
        let now = self.fleet.now;
        let task = self.task(id);
        let (vm, quiet) = (task.vm, now.since(task.advanced));
        let patience = self.patience(&self.op(task.op).work);
        let converge = self.config.patience.converge;
        let moves = matches!(self.op(task.op).work, Work::Move(_));
        let circles = moves && task.detail.as_ref().is_some_and(|detail| now.since(detail.nearer) >= converge);
        match task.state {
            TaskState::Running if quiet >= patience => {
                self.cancel_task(id, Some(format!("no progress for {} s", patience.as_secs()).into()));
            }
            TaskState::Running if circles => {
                let reason = format!("did not converge: no smaller round for {} s", converge.as_secs());
                self.cancel_task(id, Some(reason.into()));
            }
            TaskState::Running => {
                if quiet * 2 >= patience && self.fleet.vms.row(vm).finding == Finding::None {
                    self.find(vm, Finding::NoProgress, &format!("no progress for {} s", quiet.as_secs()));
                }
                let check_at = (now + patience / 4).min(self.task(id).advanced + patience).max(now + patience / 100);
                if let Some(detail) = &mut self.task_mut(id).detail {
                    detail.check_at = check_at;
                }
                self.checks.insert((check_at, id));
                self.request(Request::Probe { task: id });
            }
            TaskState::Cancelling => {
                let reason =
                    format!("gave no answer within {} s to being cancelled", self.config.patience.cancel.as_secs());
                let end = TaskEnd::Failed(reason.into());
                self.leave_slots(id);
                self.finish_vm(id, &end);
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
            let need = Bytes::mib(footprint(&self.fleet.vms.row(task.vm)));
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

    /// Sets a VM's finding where it is another one.
    pub(super) fn find(&mut self, vm: VmId, finding: Finding, text: &str) {
        if self.fleet.vms.row(vm).finding == finding {
            return;
        }
        self.fleet.vms.update(vm, |row| row.finding = finding);
        let name = self.vm_name(vm);
        if finding != Finding::None {
            self.history.moment(self.fleet.now, vm, Moment::Said(text.into()));
            self.say(Level::Warning, Some(vm), None, None, format!("{name}: {text}"));
        }
        self.record(What::Finding { vm: name, finding, text: text.into() });
    }

    pub(super) fn set_host_state(&mut self, host: HostId, state: HostState, reason: &str) {
        let now = self.fleet.now;
        if self.fleet.hosts.row(host).state == state {
            return;
        }
        self.fleet.hosts.update(host, |row| row.enter(state, now));
        let reasons = Arc::make_mut(&mut self.fleet.host_reasons);
        if reason.is_empty() {
            reasons.remove(&host);
        } else {
            reasons.insert(host, reason.into());
        }
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
        self.history.event(Event { at: self.fleet.now, level, vm, host, op, text: text.into() });
        self.changes += 1;
    }
}

fn is_stuck_key(key: Key) -> bool {
    matches!(key, Key::Memory(_) | Key::Host(_))
}

/// Where a task that waits for this reason is parked.
fn key_of(reason: WaitReason, op: OpId, vm: VmId) -> Key {
    match reason {
        WaitReason::Paused => Key::Operation(op),
        WaitReason::Earlier(_) => Key::Vm(vm),
        WaitReason::BootTotal => Key::BootTotal,
        WaitReason::BootHost(host) => Key::BootHost(host),
        WaitReason::MigrateTotal => Key::MigrateTotal,
        WaitReason::MigrateSource(host) => Key::MigrateSource(host),
        WaitReason::MigrateTarget(host) => Key::MigrateTarget(host),
        WaitReason::MigrateLink(a, b) => Key::MigrateLink(a, b),
        WaitReason::Memory(host) => Key::Memory(host),
        WaitReason::Host(host) => Key::Host(host),
    }
}
