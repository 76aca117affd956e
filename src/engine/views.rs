//! What consoles see: snapshots, pages of tasks, all about one VM.

use std::sync::Arc;

use crate::fleet::{TaskId, Time, VmId};
use crate::handle::{
    About, Answer, OperationView, OutputView, Query, Snapshot, TaskEnd, TaskFilter, TaskPage, TaskState, TaskView,
    VmView, WaitReason,
};

use super::Engine;
use super::rescue::Rescue;
use super::task::{NO_TASK, Task};

/// Ended operations that snapshots still show.
const ENDED_SHOWN: usize = 100;
/// Tasks of one VM that are shown.
const RESULTS: usize = 50;

impl Engine {
    /// What is now, for consoles.
    pub fn snapshot(&self, now: Time, about: &Arc<About>) -> Snapshot {
        let mut fleet = self.fleet.clone();
        fleet.now = fleet.now.max(now);
        let ended = self.operations.iter().filter(|op| op.ended.is_some()).count();
        let mut hidden = ended.saturating_sub(ENDED_SHOWN);
        let shown = |op: &&super::Operation| {
            let hide = op.ended.is_some() && hidden > 0;
            hidden -= usize::from(hide);
            !hide
        };
        let operations: Vec<OperationView> =
            self.operations.iter().filter(shown).map(|op| op.view(fleet.now)).collect();
        Snapshot {
            fleet,
            operations: Arc::new(operations),
            limits: self.queue.limits,
            events: self.history.events(),
            history: self.fleet_history(),
            loading: 0,
            about: about.clone(),
        }
    }

    /// Answers a question about now.
    pub fn query(&mut self, _now: Time, query: &Query) -> Answer {
        match query {
            Query::Preview(spec) => match self.make_plan(spec) {
                Ok(plan) => Answer::Preview(Box::new(self.preview(&plan))),
                Err(reason) => Answer::None(reason),
            },
            Query::Tasks { op, show, offset, limit } => match self.operations.get(op.index().wrapping_sub(1)) {
                Some(op) => Answer::Tasks(self.page(op.tasks.clone(), *show, *offset, *limit)),
                None => Answer::None(format!("there is no operation {op}").into()),
            },
            Query::Vm(vm) if vm.0 < self.fleet.vms.id_count() => Answer::Vm(Box::new(self.vm_view(*vm))),
            Query::Vm(vm) => Answer::None(format!("there is no {vm}").into()),
            Query::Inspect(vm, _) => Answer::None(format!("only the platform knows that of {vm}").into()),
            Query::Host(host) if host.index() < self.fleet.hosts.len() => Answer::Host(Box::new(self.host_view(*host))),
            Query::Host(host) => Answer::None(format!("there is no {host}").into()),
            Query::Output(task) if task.index() < self.tasks.len() => {
                Answer::Output(Box::new(OutputView { task: self.task_view(*task), output: self.outputs_of.get(*task) }))
            }
            Query::Output(task) => Answer::None(format!("there is no {task}").into()),
            Query::Events { filter, before, offset, limit } => {
                Answer::Events(self.history.page(filter, *before, *offset, *limit))
            }
        }
    }

    fn page(&self, tasks: std::ops::Range<u32>, show: TaskFilter, offset: usize, limit: usize) -> TaskPage {
        // The order in which they matter to somebody who looks: what runs, what waits, what failed, what is over.
        let rank = |task: &Task| match &task.state {
            TaskState::Running | TaskState::Cancelling => 0,
            TaskState::Waiting(_) => 1,
            TaskState::Ended(TaskEnd::Failed(_)) => 2,
            TaskState::Ended(TaskEnd::Cancelled) => 3,
            TaskState::Ended(TaskEnd::Done) => 4,
        };
        let wanted = |task: &Task| match show {
            TaskFilter::All => true,
            TaskFilter::Running => rank(task) == 0,
            TaskFilter::Waiting => rank(task) == 1,
            TaskFilter::Failed => rank(task) == 2,
            TaskFilter::Cancelled => rank(task) == 3,
            TaskFilter::Done => rank(task) == 4,
        };
        let mut ids: Vec<TaskId> = tasks.map(TaskId).filter(|&id| wanted(self.task(id))).collect();
        ids.sort_by_key(|&id| rank(self.task(id)));
        TaskPage {
            total: ids.len(),
            tasks: ids.into_iter().skip(offset).take(limit).map(|id| self.task_view(id)).collect(),
        }
    }

    pub(super) fn task_view(&self, id: TaskId) -> TaskView {
        let task = self.task(id);
        let state = match (&task.state, self.lines.get(&self.line_of(task))) {
            // The one before it may have ended and another one come forward since it began to wait.
            (TaskState::Waiting(WaitReason::Earlier(_)), Some(&(front, _))) => {
                TaskState::Waiting(WaitReason::Earlier(front))
            }
            (state, _) => state.clone(),
        };
        TaskView {
            id,
            op: task.op,
            kind: self.op(task.op).kind,
            subject: task.subject,
            name: self.subject_name(task.subject),
            source: task.source,
            target: task.target,
            state,
            queued: task.queued,
            started: task.started,
            ended: task.ended,
            migration: task.detail.as_ref().and_then(|detail| detail.migration),
            transfer: task.detail.as_ref().and_then(|detail| detail.transfer),
            figures: task.detail.as_ref().and_then(|detail| detail.figures),
            predicted: task.detail.as_ref().and_then(|detail| detail.predicted),
            code: self.outputs_of.code(id),
            line: self.outputs_of.last_line(id),
            rescue: task.detail.as_ref().and_then(|detail| detail.rescue.as_ref()).map(Rescue::view),
        }
    }

    fn vm_view(&mut self, vm: VmId) -> VmView {
        let history = self.vm_history(vm);
        let row = self.fleet.vms.row(vm);
        let found = self.fleet.diagnosis(vm).cloned();
        let timeline = self.history.of(vm).map(|(at, moment)| (at, self.tell(moment))).collect();
        VmView {
            vm,
            name: self.vm_name(vm),
            row,
            reason: self.fleet.vm_reasons.get(&vm).cloned(),
            found,
            task: self.front_of(vm).map(|front| self.task_view(front)),
            timeline,
            history,
            results: self.tasks_of(vm).take(RESULTS).map(|id| self.task_view(id)).collect(),
        }
    }

    /// All tasks that a VM ever had, newest first.
    pub(super) fn tasks_of(&self, vm: VmId) -> impl Iterator<Item = TaskId> {
        let known = |&id: &TaskId| id != NO_TASK;
        let latest = self.latest.get(vm.index()).copied().filter(known);
        std::iter::successors(latest, move |&id| Some(self.task(id).earlier).filter(known))
    }
}
