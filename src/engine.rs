//! What has to happen: operations, their tasks, the queue, limits, retries and workflow steps.
//!
//! The engine is sans-IO: a plain state machine without clock, socket, thread or randomness of its own. Whoever drives
//! it says what time it is and hands in commands and observations; it hands out requests for the platform and records
//! of what happened. The same engine drives real hosts and, seeded, thousands of simulated fault schedules.

mod commands;
mod config;
mod curve;
mod ending;
mod health;
mod history;
mod hold;
mod host_view;
mod loads;
mod names;
mod observe;
mod outputs;
mod placement;
mod plan;
mod preview;
mod queue;
mod record;
mod rescue;
mod retry;
mod sampling;
mod schedule;
mod steps;
mod switching;
mod task;
mod tell;
mod views;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub use config::{Config, Expected, Patience};
pub use record::{Counts, Record, TaskRecord, What};

use crate::doctor::Teller;
use crate::fleet::{
    Finding, Fleet, HostId, Load, OpId, Rate, TaskId, Time, Topology, VM_OVERHEAD, VmClass, VmId, VmRow, VmState,
};
use crate::handle::TaskSubject;
use crate::platform::Request;

use health::Health;
use history::History;
use names::Names;
use outputs::Outputs;
use queue::{Line, Queue};
use sampling::Sampler;
use steps::Steps;
use switching::Going;
use task::{Operation, Task};

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// The platform shall do this.
    Request(Request),
    /// This is to be written down.
    Record(Record),
}

/// The one writer of what is.
#[derive(Debug)]
pub struct Engine {
    fleet: Fleet,
    config: Config,
    names: Names,
    /// Hosts that were evacuated: they take no VMs when they come back either.
    draining: BTreeSet<HostId>,
    going: Going,
    /// Paused VMs whose guest answered before.
    answered: BTreeSet<VmId>,
    /// Loads that stress steps set.
    loads: HashMap<VmId, Load>,
    /// What VMs were last seen to dirty in a second, and by whom.
    dirtied: HashMap<VmId, (Rate, Teller)>,
    /// Moves that started since the queue was last settled: predicted once all of an instant run.
    unpredicted: Vec<TaskId>,
    /// By how much the last moves took longer than predicted, the newest last.
    overruns: VecDeque<Duration>,
    /// VMs on each host, in any state: what an inventory is compared with.
    on_host: Vec<BTreeSet<VmId>>,
    /// Memory that waiting moves will need on their targets, in MiB by host.
    intended: Vec<u64>,
    tasks: Vec<Task>,
    operations: Vec<Operation>,
    /// The first and last of the tasks of each line that have not ended.
    lines: HashMap<Line, (TaskId, TaskId)>,
    /// The last task of each VM that ever had one, ended or not; [`task::NO_TASK`] of others.
    latest: Vec<TaskId>,
    queue: Queue,
    running: u32,
    /// When a task is to be looked at for progress.
    checks: BTreeSet<(Time, TaskId)>,
    /// Since when nothing runs while tasks wait for memory or a host.
    stuck_since: Option<Time>,
    steps: Option<Steps>,
    /// Names of VMs destroyed in the last seconds: a listing made before may still have them.
    gone: VecDeque<(Time, Arc<str>)>,
    history: History,
    health: Health,
    sampler: Option<Box<Sampler>>,
    outputs: VecDeque<Output>,
    /// What commands wrote.
    outputs_of: Outputs,
    /// Grows with changes that no table's version shows.
    changes: u64,
}

impl Engine {
    /// An engine for a world whose hosts have not answered yet.
    pub fn new(topology: Arc<Topology>, config: Config) -> Self {
        let hosts = topology.hosts.len();
        let mut fleet = Fleet::new(topology);
        for host in fleet.topology.host_ids() {
            fleet.hosts.update(host, |row| row.state = crate::fleet::HostState::Preparing);
        }
        Self {
            fleet,
            config,
            names: Names::default(),
            draining: BTreeSet::new(),
            going: Going::new(),
            answered: BTreeSet::new(),
            loads: HashMap::new(),
            dirtied: HashMap::new(),
            unpredicted: Vec::new(),
            overruns: VecDeque::new(),
            on_host: vec![BTreeSet::new(); hosts],
            intended: vec![0; hosts],
            tasks: Vec::new(),
            operations: Vec::new(),
            lines: HashMap::new(),
            latest: Vec::new(),
            queue: Queue::new(config.limits),
            running: 0,
            checks: BTreeSet::new(),
            stuck_since: None,
            steps: None,
            gone: VecDeque::new(),
            history: History::default(),
            health: Health::default(),
            sampler: config.history.then(Box::default),
            outputs: VecDeque::new(),
            outputs_of: Outputs::default(),
            changes: 0,
        }
    }

    /// Enters VMs that run already when the run begins, round-robin over the hosts with room, as `hemera --vms N`
    /// shows them. Returns how many found room.
    pub fn preload(&mut self, now: Time, class: &Arc<VmClass>, count: u32, pattern: &str) -> u32 {
        let pattern: Arc<str> = pattern.into();
        let need = class.memory.to_mib() + VM_OVERHEAD.to_mib();
        let class_index = self.fleet.class_named(&class.name);
        let hosts = self.fleet.topology.hosts.len() as u32;
        let mut free: Vec<u64> =
            self.fleet.topology.host_ids().map(|host| self.fleet.free_memory(host).0 >> 20).collect();
        let names = self.names.free(&self.fleet.vms, &pattern, count);
        let mut at = 0;
        for (done, name) in names.iter().enumerate() {
            let Some(step) = (0..hosts).find(|i| free[((at + i) % hosts) as usize] >= need) else {
                return done as u32;
            };
            let host = HostId((at + step) % hosts);
            at = host.0 + 1;
            free[host.index()] -= need;
            self.enter_vm(
                name,
                VmRow {
                    state: VmState::Up,
                    vcpus: class.vcpus,
                    class: class_index,
                    host: Some(host),
                    memory: class.memory.to_mib() as u32,
                    since: now.as_secs() as u32,
                    ..VmRow::default()
                },
            );
        }
        if let Some(last) = names.last() {
            self.names.used_up_to(&pattern, last);
        }
        names.len() as u32
    }

    /// When the engine wants to be called next though nothing happens.
    pub fn next_deadline(&self) -> Option<Time> {
        let check = self.checks.first().map(|&(at, _)| at);
        let stuck = self.stuck_since.map(|since| self.stuck_deadline(since));
        let step = self.steps.as_ref().and_then(Steps::deadline);
        let sample = self.sampler.as_ref().map(|sampler| sampler.deadline());
        [check, stuck, step, sample, self.health.deadline(), self.going_deadline()].into_iter().flatten().min()
    }

    /// The next thing the engine wants done, in order; none when there is nothing more for now.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What there is.
    pub const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Whether any operation or step has not ended.
    pub fn busy(&self) -> bool {
        self.steps.is_some() || self.operations.iter().rev().any(|op| op.ended.is_none())
    }

    /// Whether a workflow's steps have not ended.
    pub const fn steps_run(&self) -> bool {
        self.steps.is_some()
    }

    /// Tasks of the present step that the platform works on; none where no step has tasks that have not ended. When
    /// the last of them ends, the next step may be planned at once.
    pub fn step_running(&self) -> Option<u32> {
        let present = self.operations.iter().rev().find(|op| op.step.is_some() && op.ended.is_none());
        present.filter(|_| self.steps_run()).map(|op| op.running)
    }

    /// Grows with everything that a snapshot would show differently.
    pub const fn version(&self) -> u64 {
        self.changes + self.fleet.vms.version() + self.fleet.hosts.version()
    }

    fn op(&self, op: OpId) -> &Operation {
        &self.operations[op.index() - 1]
    }

    fn op_mut(&mut self, op: OpId) -> &mut Operation {
        &mut self.operations[op.index() - 1]
    }

    fn task(&self, task: TaskId) -> &Task {
        &self.tasks[task.index()]
    }

    fn task_mut(&mut self, task: TaskId) -> &mut Task {
        &mut self.tasks[task.index()]
    }

    fn request(&mut self, request: Request) {
        self.outputs.push_back(Output::Request(request));
    }

    fn record(&mut self, what: What) {
        self.outputs.push_back(Output::Record(Record { at: self.fleet.now, what }));
    }

    /// Where a task waits for its turn.
    fn line_of(&self, task: &Task) -> Line {
        match task.subject {
            TaskSubject::Vm(vm) => Line::Vm(vm),
            TaskSubject::Host(host) => Line::Host(host, self.op(task.op).kind),
        }
    }

    /// The first of the tasks that wait for or work on a VM.
    fn front_of(&self, vm: VmId) -> Option<TaskId> {
        self.lines.get(&Line::Vm(vm)).map(|&(front, _)| front)
    }

    /// How what a task is about is called.
    fn subject_name(&self, subject: TaskSubject) -> Arc<str> {
        match subject {
            TaskSubject::Vm(vm) => self.vm_name(vm),
            TaskSubject::Host(host) => self.host_name(Some(host)),
        }
    }

    fn host_name(&self, host: Option<HostId>) -> Arc<str> {
        host.map_or_else(|| "".into(), |host| self.fleet.topology.host(host).name.clone())
    }

    fn vm_name(&self, vm: VmId) -> Arc<str> {
        self.fleet.vms.name(vm).into()
    }

    /// Adds a VM and, unless it never existed, its name, its place on a host and its memory there.
    fn enter_vm(&mut self, name: &str, row: VmRow) -> VmId {
        let vm = self.fleet.vms.push(name, row);
        if row.state != VmState::Gone {
            self.names.insert(&self.fleet.vms, vm);
            if let Some(host) = row.host {
                self.on_host[host.index()].insert(vm);
                self.fleet.hosts.update(host, |row| row.vms += 1);
                if promised(row.state) {
                    self.promise(host, vm);
                }
            }
        }
        vm
    }

    /// Puts a VM on another host, or on none; its memory is the caller's to count.
    fn set_host(&mut self, vm: VmId, host: Option<HostId>) {
        let before = self.fleet.vms.row(vm).host;
        if before == host {
            return;
        }
        if let Some(before) = before {
            self.on_host[before.index()].remove(&vm);
            self.fleet.hosts.update(before, |row| row.vms -= 1);
        }
        if let Some(host) = host {
            self.on_host[host.index()].insert(vm);
            self.fleet.hosts.update(host, |row| row.vms += 1);
        }
        self.fleet.vms.update(vm, |row| row.host = host);
    }

    /// Brings a VM into a state; its memory on its host is counted as the state wants it.
    fn set_state(&mut self, vm: VmId, state: VmState) {
        let row = self.fleet.vms.row(vm);
        if let Some(host) = row.host {
            match (promised(row.state), promised(state)) {
                (false, true) => self.promise(host, vm),
                (true, false) => self.release(host, vm),
                _ => {}
            }
        }
        let now = self.fleet.now;
        let lost = if state == VmState::Lost { self.finding_of_lost(row.host) } else { Finding::None };
        if row.finding != Finding::None && state == VmState::Lost && self.fleet.vm_diagnoses.contains_key(&vm) {
            Arc::make_mut(&mut self.fleet.vm_diagnoses).remove(&vm);
        }
        self.fleet.vms.update(vm, |row| {
            if state == VmState::Lost || row.finding.of_host() {
                row.finding = lost;
            }
            row.enter(state, now);
            if !state.runs() {
                (row.cpu, row.dirty, row.net) = (0, 0, 0);
            }
        });
    }

    /// Counts a VM's memory on a host.
    fn promise(&mut self, host: HostId, vm: VmId) {
        let need = plan::footprint(&self.fleet.vms.row(vm)) as u32;
        self.fleet.hosts.update(host, |row| row.memory += need);
    }

    /// Counts a VM's memory on a host no more; what waits for memory there is looked at again.
    fn release(&mut self, host: HostId, vm: VmId) {
        let need = plan::footprint(&self.fleet.vms.row(vm)) as u32;
        self.fleet.hosts.update(host, |row| row.memory -= need);
        self.queue.free(queue::Key::Memory(host));
    }

    /// The VM is no more: its memory and its name are free.
    fn remove_vm(&mut self, vm: VmId) {
        self.set_state(vm, VmState::Gone);
        self.set_host(vm, None);
        self.names.remove(&self.fleet.vms, vm);
        self.set_reason(vm, None);
        self.forget_health(vm);
        self.answered.remove(&vm);
        self.forget_load(vm);
        self.fleet.vms.update(vm, |row| row.target = None);
    }

    fn set_reason(&mut self, vm: VmId, reason: Option<Arc<str>>) {
        if reason.is_some() || self.fleet.vm_reasons.contains_key(&vm) {
            let reasons = Arc::make_mut(&mut self.fleet.vm_reasons);
            match reason {
                Some(reason) => reasons.insert(vm, reason),
                None => reasons.remove(&vm),
            };
            self.changes += 1;
        }
    }
}

/// Whether memory on its host is kept for a VM in this state: from the moment its boot is planned.
const fn promised(state: VmState) -> bool {
    !matches!(state, VmState::Off | VmState::Failed | VmState::Gone)
}
