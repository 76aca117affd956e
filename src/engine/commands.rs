//! Commands: each is taken, or refused with a reason and changes nothing.

use std::sync::Arc;

use crate::fleet::{HostState, OpId, TaskId, Time};
use crate::handle::{Accepted, Command, Refused, Reply, TaskEnd, TaskState};

use super::Engine;
use super::plan::thousands;
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
            Command::CancelTasksOf(vms) => {
                let tasks: Vec<TaskId> = vms.iter().flat_map(|&vm| self.tasks_of(vm).collect::<Vec<_>>()).collect();
                let count = tasks.into_iter().filter(|&task| self.cancel_task(task, None)).count();
                if count == 0 {
                    return refused("no task works on them");
                }
                self.settle();
                Ok(accepted(format!("{count} tasks cancelled")))
            }
            Command::RetryFailed(op) => self.retry_operation(op, "failed", |end| matches!(end, TaskEnd::Failed(_))),
            Command::RetryCancelled(op) => self.retry_operation(op, "was cancelled", |end| *end == TaskEnd::Cancelled),
            Command::RetryTask(task) => self.retry_task(task),
            Command::BootAgain(vms) => self.boot_again(&vms),
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

    pub(super) fn started(&self, op: OpId) -> Accepted {
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
}
