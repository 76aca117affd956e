//! Commands: each is taken, or refused with a reason and changes nothing.

use std::sync::Arc;

use crate::fleet::{HostState, OpId, TaskId, Time, VmId, VmState};
use crate::handle::{Accepted, Command, Migrate, Moves, OperationSpec, Refused, Reply, TaskEnd, TaskState, Which};

use super::Engine;
use super::plan::{Plan, thousands};
use super::queue::Key;
use super::steps::Steps;

fn accepted(message: impl Into<Arc<str>>) -> Accepted {
    Accepted { op: None, message: message.into() }
}

fn refused(reason: impl Into<Arc<str>>) -> Reply {
    Err(Refused(reason.into()))
}

impl Engine {
    /// Takes a command.
    ///
    /// # Errors
    /// Refuses it with a reason, and changes nothing.
    pub fn command(&mut self, now: Time, command: Command) -> Reply {
        self.pass(now);
        match command {
            Command::Start(spec) => match self.start(&spec, None) {
                Ok(op) => Ok(self.started(op)),
                Err(reason) => refused(reason),
            },
            Command::RunSteps(_) if self.steps.is_some() => refused("another workflow's steps still run"),
            Command::RunSteps(steps) => {
                let count = steps.len();
                self.steps = Some(Steps::new(steps));
                self.advance_steps();
                Ok(accepted(format!("{count} steps")))
            }
            Command::SetLimits(limits) => {
                self.queue.set_limits(limits);
                self.settle();
                Ok(accepted("limits changed"))
            }
            Command::PauseOperation(op) => self.with_op(op, |engine| {
                if std::mem::replace(&mut engine.op_mut(op).paused, true) {
                    return refused(format!("{op} is paused already"));
                }
                let waiting = engine.waiting_of(op);
                for &task in &waiting {
                    engine.reconsider(task);
                }
                engine.settle();
                Ok(accepted(format!("{op} paused: {} tasks wait", thousands(waiting.len() as u32))))
            }),
            Command::ResumeOperation(op) => self.with_op(op, |engine| {
                if !std::mem::replace(&mut engine.op_mut(op).paused, false) {
                    return refused(format!("{op} is not paused"));
                }
                engine.queue.free(Key::Operation(op));
                engine.settle();
                Ok(accepted(format!("{op} goes on")))
            }),
            Command::CancelOperation(op) => self.with_op(op, |engine| {
                let count = engine.cancel_operation(op);
                engine.settle();
                Ok(accepted(format!("{op}: {} tasks cancelled", thousands(count))))
            }),
            Command::CancelTask(task) => {
                if task.index() >= self.tasks.len() {
                    return refused(format!("there is no {task}"));
                }
                if !self.cancel_task(task, None) {
                    return refused(format!("{task} has ended, or is ending already"));
                }
                self.settle();
                Ok(accepted(format!("{task} cancelled")))
            }
            Command::RetryFailed(op) => self.retry(op),
            Command::StopEverything => {
                self.stop_steps();
                let open: Vec<OpId> = self.operations.iter().filter(|op| op.ended.is_none()).map(|op| op.id).collect();
                let count: u32 = open.iter().map(|&op| self.cancel_operation(op)).sum();
                self.settle();
                Ok(accepted(format!("{} tasks of {} operations cancelled", thousands(count), open.len())))
            }
            Command::Drain => {
                self.stop_steps();
                let waiting: Vec<TaskId> = (0..self.tasks.len() as u32)
                    .map(TaskId)
                    .filter(|&task| matches!(self.task(task).state, TaskState::Waiting(_)))
                    .collect();
                for &task in &waiting {
                    self.cancel_task(task, None);
                }
                self.settle();
                Ok(accepted(format!("{} waiting tasks cancelled, {} still run", waiting.len(), self.running)))
            }
            Command::Undrain(hosts) => {
                let draining: Vec<_> = hosts
                    .select_hosts(&self.fleet)
                    .into_iter()
                    .filter(|&host| self.fleet.hosts.row(host).state == HostState::Draining)
                    .collect();
                if draining.is_empty() {
                    return refused(format!("`{}` is no host that is draining", hosts.source()));
                }
                for &host in &draining {
                    self.draining.remove(&host);
                    self.set_host_state(host, HostState::Ready, "");
                }
                self.settle();
                Ok(accepted(format!("{} hosts take VMs again", draining.len())))
            }
        }
    }

    fn started(&self, op: OpId) -> Accepted {
        Accepted { op: Some(op), message: format!("{op} {}", self.op(op).title).into() }
    }

    /// Does something with an operation that exists and has not ended.
    fn with_op(&mut self, op: OpId, act: impl FnOnce(&mut Self) -> Reply) -> Reply {
        match self.operations.get(op.index().wrapping_sub(1)) {
            None => refused(format!("there is no operation {op}")),
            Some(found) if found.ended.is_some() => refused(format!("{op} has ended")),
            Some(_) => act(self),
        }
    }

    fn waiting_of(&self, op: OpId) -> Vec<TaskId> {
        let waits = |&task: &TaskId| matches!(self.task(task).state, TaskState::Waiting(_));
        self.op(op).tasks.clone().map(TaskId).filter(waits).collect()
    }

    fn cancel_operation(&mut self, op: OpId) -> u32 {
        self.op_mut(op).cancelling = true;
        let tasks = self.op(op).tasks.clone();
        // Waiting tasks first: a running one that ends must not let one of them start.
        let waiting = self.waiting_of(op);
        waiting.into_iter().chain(tasks.map(TaskId)).filter(|&task| self.cancel_task(task, None)).count() as u32
    }

    /// Asks again for what failed: boots under the same names where there is room now, moves to the same hosts.
    fn retry(&mut self, op: OpId) -> Reply {
        let Some(found) = self.operations.get(op.index().wrapping_sub(1)) else {
            return refused(format!("there is no operation {op}"));
        };
        let failed = |&task: &TaskId| matches!(self.task(task).state, TaskState::Ended(TaskEnd::Failed(_)));
        let failed: Vec<TaskId> = found.tasks.clone().map(TaskId).filter(failed).collect();
        if failed.is_empty() {
            return refused(format!("nothing of {op} failed"));
        }
        let spec = found.spec.clone();
        let vms: Vec<VmId> = failed.iter().map(|&task| self.task(task).vm).collect();
        let existing: Arc<[VmId]> = vms.iter().copied().filter(|&vm| self.fleet.vms.exists(vm)).collect();
        let spec = match spec {
            OperationSpec::Boot(boot) => {
                // What failed to boot left nothing on its host; its row gives its name to the new one.
                let gives_way = |vm: VmId| self.fleet.vms.state(vm) == VmState::Failed && !self.lines.contains_key(&vm);
                let mut names = Vec::new();
                let mut leaving = Vec::new();
                for vm in vms {
                    let name = self.vm_name(vm);
                    match self.names.find(&self.fleet.vms, &name) {
                        None => names.push(name),
                        Some(found) if found == vm && gives_way(vm) => {
                            leaving.push(vm);
                            names.push(name);
                        }
                        Some(_) => {}
                    }
                }
                let plan = self.planner(&|_| false).boot_named(&boot, names);
                if plan.is_ok() {
                    for vm in leaving {
                        self.remove_vm(vm);
                    }
                }
                return self.begin_retry(op, plan, OperationSpec::Boot(boot));
            }
            OperationSpec::Migrate(Migrate { moves: Moves::To { hosts, .. }, options }) => {
                let moves = Moves::To { which: Which::Ids(existing), hosts };
                OperationSpec::Migrate(Migrate { moves, options })
            }
            OperationSpec::Migrate(Migrate { options, .. }) => {
                let moves = failed
                    .iter()
                    .filter_map(|&task| {
                        let task = self.task(task);
                        Some((self.vm_name(task.vm), self.host_name(Some(task.target?))))
                    })
                    .collect();
                OperationSpec::Migrate(Migrate { moves: Moves::Explicit(moves), options })
            }
            OperationSpec::Change { change, .. } => OperationSpec::Change { which: Which::Ids(existing), change },
            evacuate @ OperationSpec::Evacuate { .. } => evacuate,
        };
        let plan = self.make_plan(&spec);
        self.begin_retry(op, plan, spec)
    }

    fn begin_retry(&mut self, op: OpId, plan: Result<Plan, Arc<str>>, spec: OperationSpec) -> Reply {
        match plan {
            Err(reason) => refused(reason),
            Ok(mut plan) => {
                plan.title = format!("{} (again, of {op})", plan.title).into();
                let op = self.begin(plan, spec, None);
                Ok(self.started(op))
            }
        }
    }
}
