//! Asking again for what failed or was cancelled: boots under the same names where there is room now, moves to the
//! same hosts.

use std::sync::Arc;

use crate::fleet::{HostId, OpId, Selection, TaskId, VmId, VmState};
use crate::handle::{
    Accepted, Evacuate, Migrate, Moves, OpKind, OperationSpec, Refused, Reply, RunOn, TaskEnd, TaskState, Which,
};

use super::Engine;
use super::plan::Plan;

/// What is asked again.
struct Again {
    plan: Plan,
    spec: OperationSpec,
    /// VMs that failed to boot and give their names to the new ones.
    leaving: Vec<VmId>,
}

impl Again {
    fn new(of: OpId, mut plan: Plan, spec: OperationSpec, leaving: Vec<VmId>) -> Self {
        plan.title = format!("{} (again, of {of})", plan.title).into();
        Self { plan, spec, leaving }
    }
}

impl Engine {
    /// Asks again for those tasks of an operation that ended in that way; `word` says which.
    pub(super) fn retry_operation(&mut self, op: OpId, word: &str, ended: impl Fn(&TaskEnd) -> bool) -> Reply {
        let Some(found) = self.operations.get(op.index().wrapping_sub(1)) else {
            return Err(Refused(format!("there is no operation {op}").into()));
        };
        let ended_so = |&task: &TaskId| matches!(&self.task(task).state, TaskState::Ended(end) if ended(end));
        let tasks: Vec<TaskId> = found.tasks.clone().map(TaskId).filter(ended_so).collect();
        if tasks.is_empty() {
            return Err(Refused(format!("nothing of {op} {word}").into()));
        }
        let again = self.plan_again(op, &tasks, found.spec.clone()).map_err(Refused)?;
        if again.plan.tasks.is_empty() && again.plan.refused.is_empty() {
            return Err(Refused(format!("nothing of {op} is left to ask for again").into()));
        }
        Ok(self.begin_again(again))
    }

    /// Asks again for one task.
    pub(super) fn retry_task(&mut self, id: TaskId) -> Reply {
        let again = self.plan_task_again(id).map_err(Refused)?;
        Ok(self.begin_again(again))
    }

    /// Boots VMs again that are not there any more, as they were booted first: an operation for each boot that they
    /// came from. What is still there is left alone.
    pub(super) fn boot_again(&mut self, vms: &[VmId]) -> Reply {
        let failed: Vec<VmId> = vms
            .iter()
            .copied()
            .filter(|&vm| self.fleet.vms.exists(vm) && self.fleet.vms.state(vm) == VmState::Failed)
            .collect();
        let mut last: Option<Accepted> = None;
        let mut why = Arc::from("only VMs that failed or are gone can be booted again");
        for (op, tasks) in self.boots_of(&failed) {
            match self.plan_again(op, &tasks, self.op(op).spec.clone()) {
                Ok(again) if again.plan.tasks.is_empty() && again.plan.refused.is_empty() => {}
                Ok(again) => last = Some(self.begin_again(again)),
                Err(reason) => why = reason,
            }
        }
        match last {
            Some(accepted) => Ok(accepted),
            None if !failed.is_empty() && self.boots_of(&failed).is_empty() => {
                Err(Refused("how they were booted is not known: an earlier run did".into()))
            }
            None => Err(Refused(why)),
        }
    }

    fn plan_task_again(&self, id: TaskId) -> Result<Again, Arc<str>> {
        let Some(task) = self.tasks.get(id.index()) else { return Err(format!("there is no {id}").into()) };
        match task.state {
            TaskState::Ended(TaskEnd::Done) => return Err(format!("{id} is done").into()),
            TaskState::Ended(_) => {}
            _ => return Err(format!("{id} has not ended").into()),
        }
        let (op, name) = (self.op(task.op), self.subject_name(task.subject));
        if op.kind != OpKind::Boot && task.subject.vm().is_some_and(|vm| !self.fleet.vms.exists(vm)) {
            return Err(format!("{name} no longer exists").into());
        }
        let spec = match (&op.spec, task.target) {
            // The rest of what was on its host stays as it is.
            (OperationSpec::Evacuate(Evacuate { options, rescue, .. }), Some(target)) => {
                let moves = Moves::Explicit(vec![(name.clone(), self.host_name(Some(target)))]);
                OperationSpec::Migrate(Migrate { moves, options: *options, rescue: rescue.clone() })
            }
            (OperationSpec::Evacuate(_), None) => {
                return Err(format!("no host was found for {name}: evacuate again").into());
            }
            (spec, _) => spec.clone(),
        };
        let again = self.plan_again(task.op, &[id], spec)?;
        match (again.plan.tasks.is_empty(), again.plan.refused.first()) {
            (false, _) => Ok(again),
            (true, Some(refusal)) => Err(refusal.reason.clone()),
            (true, None) if op.kind == OpKind::Boot => Err(format!("a VM named {name} exists").into()),
            (true, None) => Err(format!("{name} is as asked already").into()),
        }
    }

    /// Plans tasks of an operation anew, as `spec` says.
    fn plan_again(&self, op: OpId, tasks: &[TaskId], spec: OperationSpec) -> Result<Again, Arc<str>> {
        let vms = tasks.iter().filter_map(|&task| self.task(task).subject.vm());
        let existing = || Which::Ids(vms.clone().filter(|&vm| self.fleet.vms.exists(vm)).collect());
        let hosts = || self.these_hosts(tasks.iter().filter_map(|&task| self.task(task).subject.host()));
        let places = |on: &RunOn| match on {
            RunOn::Vms(_) => Ok::<_, Arc<str>>(RunOn::Vms(existing())),
            RunOn::Hosts(_) => Ok(RunOn::Hosts(hosts()?)),
        };
        let spec = match spec {
            OperationSpec::Boot(boot) => {
                let (names, leaving) = self.names_again(vms);
                let plan = self.planner(&|_| false).boot_named(&boot, names)?;
                return Ok(Again::new(op, plan, OperationSpec::Boot(boot), leaving));
            }
            OperationSpec::Migrate(Migrate { moves: Moves::To { hosts, .. }, options, rescue }) => {
                OperationSpec::Migrate(Migrate { moves: Moves::To { which: existing(), hosts }, options, rescue })
            }
            OperationSpec::Migrate(Migrate { options, rescue, .. }) => {
                let moves = tasks
                    .iter()
                    .filter_map(|&task| {
                        let task = self.task(task);
                        Some((self.vm_name(task.subject.vm()?), self.host_name(Some(task.target?))))
                    })
                    .collect();
                OperationSpec::Migrate(Migrate { moves: Moves::Explicit(moves), options, rescue })
            }
            OperationSpec::Change { change, .. } => OperationSpec::Change { which: existing(), change },
            OperationSpec::Run { on, script } => OperationSpec::Run { on: places(&on)?, script },
            OperationSpec::Copy { on, copy } => OperationSpec::Copy { on: places(&on)?, copy },
            OperationSpec::Spread { image, .. } => OperationSpec::Spread { image, on: hosts()? },
            OperationSpec::Power { action, .. } => OperationSpec::Power { on: hosts()?, action },
            evacuate @ OperationSpec::Evacuate(_) => evacuate,
        };
        let plan = self.make_plan(&spec)?;
        Ok(Again::new(op, plan, spec, Vec::new()))
    }

    /// A selection of these hosts.
    fn these_hosts(&self, hosts: impl Iterator<Item = HostId>) -> Result<Selection, Arc<str>> {
        let names: Vec<String> = hosts.map(|host| self.fleet.topology.full_name(host)).collect();
        Selection::hosts(&names.join(" or ")).map_err(|error| error.to_string().into())
    }

    /// The names of VMs that did not come up, as far as they are free or become so, and the VMs that give them.
    fn names_again(&self, vms: impl Iterator<Item = VmId>) -> (Vec<Arc<str>>, Vec<VmId>) {
        // What failed to boot left nothing on its host; its row gives its name to the new one.
        let gives_way = |vm: VmId| self.fleet.vms.state(vm) == VmState::Failed && self.front_of(vm).is_none();
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
        (names, leaving)
    }

    fn begin_again(&mut self, again: Again) -> Accepted {
        for vm in again.leaving {
            self.remove_vm(vm);
        }
        let op = self.begin(again.plan, again.spec, None);
        self.started(op)
    }
}
