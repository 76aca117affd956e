//! Tasks until they run: each starts the moment nothing holds it up, and says what it waits for until then.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{Bytes, HostId, HostState, OpId, SiteId, TaskId, VmId, VmRow, VmState};
use crate::handle::{Level, OpKind, OperationSpec, TaskEnd, TaskState, WaitReason};
use crate::platform::{Change, Request};

use super::history::Moment;
use super::plan::{Plan, Planned, Planner, Subject, can, footprint};
use super::queue::{Key, Slots};
use super::task::{Detail, NO_TASK, Operation, Task, Work};
use super::{Engine, What};

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
        let earlier = self.note_latest(vm, id);
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
            earlier,
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

    pub(super) fn unpark(&mut self, id: TaskId) {
        let task = self.task(id);
        if let TaskState::Waiting(reason) = task.state {
            let (op, vm) = (task.op, task.vm);
            self.queue.unpark(key_of(reason, op, vm), id);
            if let Some(count) = self.op_mut(op).waiting_by.get_mut(&reason.kind()) {
                *count -= 1;
            }
        }
    }

    pub(super) fn slots(&self, task: &Task, source: Option<HostId>) -> Slots {
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

    pub(super) fn patience(&self, work: &Work) -> Duration {
        match work {
            Work::Boot(_) | Work::Change(Change::Reboot) => self.config.patience.boot,
            Work::Move(_) => self.config.patience.migrate,
            Work::Change(_) => self.config.patience.change,
        }
    }
}

pub(super) fn is_stuck_key(key: Key) -> bool {
    matches!(key, Key::Memory(_) | Key::Host(_))
}

/// Where a task that waits for this reason is parked.
pub(super) fn key_of(reason: WaitReason, op: OpId, vm: VmId) -> Key {
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
