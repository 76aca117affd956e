//! Tasks until they run: each starts the moment nothing holds it up, and says what it waits for until then.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{HostState, Image, OpId, TaskId, VmId, VmRow, VmState};
use crate::handle::{Level, OpKind, OperationSpec, TaskEnd, TaskState, TaskSubject, WaitReason};
use crate::platform::{Change, GuestWork, HostWork, LOAD_TIMEOUT, POWER_TIMEOUT, Request};

use super::history::Moment;
use super::hold::Hold;
use super::plan::{Plan, Planned, Planner, Subject, footprint};
use super::queue::{Key, Line};
use super::rescue::{LOOK, Rescue};
use super::task::{Detail, NO_TASK, Operation, Task, Work};
use super::{Engine, What};

impl Engine {
    pub(super) fn planner<'a>(&'a self, busy: &'a dyn Fn(VmId) -> bool) -> Planner<'a> {
        Planner {
            fleet: &self.fleet,
            names: &self.names,
            intended: &self.intended,
            seed: self.config.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (self.operations.len() as u64 + 1),
            busy,
            health: &self.health,
        }
    }

    pub(super) fn make_plan(&self, spec: &OperationSpec) -> Result<Plan, Arc<str>> {
        self.planner(&|vm| self.front_of(vm).is_some()).plan(spec)
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
                self.task_mut(task).source = match self.task(task).subject {
                    TaskSubject::Vm(vm) => self.fleet.vms.row(vm).host,
                    TaskSubject::Host(host) => Some(host),
                };
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

    /// Adds a task at the end of its line. A new VM gets `row`.
    fn enter_task(&mut self, op: OpId, planned: Planned, row: VmRow) -> TaskId {
        let id = TaskId(self.tasks.len() as u32);
        let subject = match planned.subject {
            Subject::New(name) => TaskSubject::Vm(self.enter_vm(&name, VmRow { host: planned.target, ..row })),
            Subject::Unknown(name) => TaskSubject::Vm(self.enter_vm(&name, VmRow { state: VmState::Gone, ..row })),
            Subject::Vm(vm) => TaskSubject::Vm(vm),
            Subject::Host(host) => TaskSubject::Host(host),
        };
        let now = self.fleet.now;
        let earlier = subject.vm().map_or(NO_TASK, |vm| self.note_latest(vm, id));
        self.tasks.push(Task {
            op,
            subject,
            source: planned.source,
            target: planned.target,
            state: TaskState::Waiting(WaitReason::Paused),
            before: subject.vm().map_or(VmState::Planned, |vm| self.fleet.vms.state(vm)),
            queued: now,
            started: None,
            ended: None,
            advanced: now,
            next: None,
            earlier,
            detail: None,
        });
        if let (Work::Move(_), TaskSubject::Vm(vm), Some(target)) = (&self.op(op).work, subject, planned.target) {
            self.intended[target.index()] += footprint(&self.fleet.vms.row(vm));
        }
        let line = self.line_of(self.task(id));
        if let Some((_, last)) = self.lines.get_mut(&line) {
            let before = std::mem::replace(last, id);
            self.tasks[before.index()].next = Some(id);
        } else {
            self.lines.insert(line, (id, id));
        }
        id
    }

    /// Notes that a VM has a new task; gives the one before it.
    fn note_latest(&mut self, vm: VmId, task: TaskId) -> TaskId {
        if self.latest.len() <= vm.index() {
            self.latest.resize(vm.index() + 1, NO_TASK);
        }
        std::mem::replace(&mut self.latest[vm.index()], task)
    }

    /// Starts a task that is parked nowhere, or parks it at the first thing that holds it up.
    fn launch(&mut self, id: TaskId) {
        match self.hold(id) {
            Hold::Free => self.run(id),
            Hold::Nothing => {
                self.finish(id, &TaskEnd::Done);
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

    pub(super) fn unpark(&mut self, id: TaskId) {
        let task = self.task(id);
        if let TaskState::Waiting(reason) = task.state {
            let (op, key) = (task.op, key_of(reason, task.op, self.line_of(task)));
            self.queue.unpark(key, id);
            if let Some(count) = self.op_mut(op).waiting_by.get_mut(&reason.kind()) {
                *count -= 1;
            }
        }
    }

    /// Asks the platform to do a task that nothing holds up.
    fn run(&mut self, id: TaskId) {
        let now = self.fleet.now;
        let (op_id, subject) = (self.task(id).op, self.task(id).subject);
        let work = self.op(op_id).work.clone();
        let kind = self.op(op_id).kind;
        let row = subject.vm().map(|vm| self.fleet.vms.row(vm));
        let slots = self.slots(self.task(id), row.map_or(subject.host(), |row| row.host));
        self.queue.take(slots);
        self.running += 1;
        self.op_mut(op_id).running += 1;
        let mut detail = Box::<Detail>::default();
        detail.rescue = self.op(op_id).spec.rescue().map(|plan| Rescue::new(plan.clone(), now));
        let patience = self.patience(&work);
        let task = self.task_mut(id);
        task.started = Some(now);
        task.advanced = now;
        task.state = TaskState::Running;
        if let Some(row) = row {
            task.before = row.state;
            if kind != OpKind::Boot {
                task.source = row.host;
            }
        }
        match (subject, row, work) {
            (TaskSubject::Vm(vm), Some(row), work) => self.run_on_vm(id, vm, &row, work),
            (TaskSubject::Host(host), _, Work::Host(work)) => self.request(Request::Host { task: id, host, work }),
            _ => unreachable!("a task about a host has work for hosts"),
        }
        detail.nearer = now;
        self.task_mut(id).detail = Some(detail);
        let check_at = now + if self.is_watched(id) { LOOK } else { patience / 4 };
        self.check_at(id, check_at);
        self.history.moment(now, subject, Moment::Started(id));
        let vm = subject.vm().map_or_else(|| "".into(), |vm| self.vm_name(vm));
        let (source, target) = (self.host_name(self.task(id).source), self.host_name(self.task(id).target));
        self.record(What::TaskStarted { task: id, op: op_id, kind, vm, source, target });
    }

    /// Brings a VM into the state that a task on it means, and asks the platform to do it.
    fn run_on_vm(&mut self, id: TaskId, vm: VmId, row: &VmRow, work: Work) {
        let (op, target, name) = (self.task(id).op, self.task(id).target, self.vm_name(vm));
        let entered = match &work {
            Work::Boot(_) | Work::Change(Change::Reboot) => Some(VmState::Starting),
            Work::Move(options) if options.cold => Some(VmState::Saving),
            Work::Move(_) => Some(VmState::Migrating),
            Work::Change(Change::Destroy | Change::Shutdown) => Some(VmState::Stopping),
            Work::Change(_) | Work::Guest(_) | Work::Host(_) => None,
        };
        if let Some(state) = entered {
            self.set_state(vm, state);
        }
        self.fleet.vms.update(vm, |row| row.op = op);
        match (work, row.host, target) {
            (Work::Boot(class), _, Some(host)) => {
                self.fleet.hosts.update(host, |row| row.booting += 1);
                self.request(Request::Boot { task: id, vm, name, host, class });
            }
            (Work::Move(options), Some(source), Some(target)) => {
                self.intended[target.index()] -= footprint(row);
                self.promise(target, vm);
                self.fleet.hosts.update(source, |row| row.migrations_out += 1);
                self.fleet.hosts.update(target, |row| row.migrations_in += 1);
                self.fleet.vms.update(vm, |row| row.target = Some(target));
                self.unpredicted.push(id);
                self.request(Request::Migrate { task: id, vm, name, source, target, options });
            }
            (Work::Change(change), Some(host), _) => {
                let copy = self.health.copy(vm).filter(|_| change == Change::RemoveCopy);
                let host = copy.map_or(host, |(host, _)| host);
                self.request(Request::Change { task: id, vm, name, host, change });
            }
            (Work::Guest(work), Some(host), _) => self.request(Request::Guest { task: id, vm, name, host, work }),
            _ => unreachable!("a task that is free to run has the hosts that its work needs"),
        }
    }

    /// Whether a running task is looked at all the time: it has a rescue plan, or its image is on its way, as far as that
    /// is known a moment after it has begun.
    pub(super) fn is_watched(&self, id: TaskId) -> bool {
        let task = self.task(id);
        let young = || task.started.is_some_and(|started| self.fleet.now.since(started) < LOOK * 3);
        let detail = task.detail.as_ref();
        detail.is_some_and(|detail| detail.rescue.is_some() || detail.transfer.is_some())
            || match &self.op(task.op).work {
                Work::Host(HostWork::Image(_)) => true,
                Work::Boot(boot) => matches!(boot.image, Image::Disk(_)) && young(),
                _ => false,
            }
    }

    pub(super) fn patience(&self, work: &Work) -> Duration {
        match work {
            Work::Boot(class) => class.patience.unwrap_or(self.config.patience.boot),
            Work::Change(Change::Reboot | Change::Shutdown) => self.config.patience.boot,
            Work::Move(_) | Work::Host(HostWork::Image(_)) => self.config.patience.migrate,
            // As with commands: the platform ends it when its time is over.
            Work::Change(Change::Load(_)) => {
                self.config.patience.change.max(LOAD_TIMEOUT + self.config.patience.cancel)
            }
            Work::Change(_) => self.config.patience.change,
            Work::Host(HostWork::Power(_)) => POWER_TIMEOUT + self.config.patience.cancel,
            // The platform ends it when its time is over; this is for a platform that does not.
            Work::Guest(GuestWork::Run(script)) | Work::Host(HostWork::Run(script)) => {
                script.timeout + self.config.patience.cancel
            }
            Work::Guest(GuestWork::Copy(copy)) | Work::Host(HostWork::Copy(copy)) => {
                copy.timeout + self.config.patience.cancel
            }
        }
    }
}

pub(super) fn is_stuck_key(key: Key) -> bool {
    matches!(key, Key::Memory(_) | Key::Host(_))
}

/// Where a task that waits for this reason is parked.
pub(super) fn key_of(reason: WaitReason, op: OpId, line: Line) -> Key {
    match reason {
        WaitReason::Paused => Key::Operation(op),
        WaitReason::Earlier(_) => Key::Line(line),
        WaitReason::BootTotal => Key::BootTotal,
        WaitReason::BootHost(host) => Key::BootHost(host),
        WaitReason::MigrateTotal => Key::MigrateTotal,
        WaitReason::MigrateSource(host) => Key::MigrateSource(host),
        WaitReason::MigrateTarget(host) => Key::MigrateTarget(host),
        WaitReason::MigrateLink(a, b) => Key::MigrateLink(a, b),
        WaitReason::RunTotal => Key::RunTotal,
        WaitReason::Memory(host) => Key::Memory(host),
        WaitReason::Host(host) => Key::Host(host),
        WaitReason::Power(host) => Key::Power(host),
    }
}
