//! Commands in guests and on hosts, and files that are copied to them and back.

use std::sync::Arc;

use crate::engine::task::Work;
use crate::fleet::{FileCopy, Script, Selection, Way};
use crate::handle::{OpKind, RunOn, Which};
use crate::platform::{GuestWork, HostWork};

use super::{Plan, Planned, Planner, Refusal, Subject, vms};

/// Letters of a command that a title shows.
const SHOWN: usize = 40;

/// A command as a title shows it: its first line, cut where it is long.
fn shown(title: &str) -> String {
    let line = title.lines().next().unwrap_or_default();
    if line.chars().count() <= SHOWN && line.len() == title.len() {
        return line.to_owned();
    }
    line.chars().take(SHOWN).chain("...".chars()).collect()
}

impl Planner<'_> {
    /// A command in VMs that run, or will when the task before has ended.
    pub(super) fn run_in(&self, which: &Which, script: &Arc<Script>) -> Plan {
        let mut plan = Plan::empty(OpKind::Run, Work::Guest(GuestWork::Run(script.clone())));
        self.each_guest(&mut plan, which);
        plan.title = format!("run `{}` in {}", shown(&script.title), vms(plan.tasks.len())).into();
        plan
    }

    /// A file into VMs or to hosts, or back from them; which of them is as for commands.
    pub(super) fn copy(&self, on: &RunOn, copy: &Arc<FileCopy>) -> Result<Plan, Arc<str>> {
        let (kind, what, way) = match &copy.way {
            Way::In { name, to, .. } => (OpKind::CopyIn, format!("{} to {}", shown(name), shown(to)), ["in", "on"]),
            Way::Out { from, .. } => (OpKind::CopyOut, shown(from), ["out of", "from"]),
        };
        let (plan, places) = match on {
            RunOn::Vms(which) => {
                let mut plan = Plan::empty(kind, Work::Guest(GuestWork::Copy(copy.clone())));
                self.each_guest(&mut plan, which);
                let places = format!("{} {}", way[0], vms(plan.tasks.len()));
                (plan, places)
            }
            RunOn::Hosts(hosts) => {
                let mut plan = Plan::empty(kind, Work::Host(HostWork::Copy(copy.clone())));
                let places = format!("{} {}", way[1], self.each_host(&mut plan, hosts)?);
                (plan, places)
            }
        };
        Ok(Plan { title: format!("copy {what} {places}").into(), ..plan })
    }

    /// A task for each VM that runs, or will when the task before has ended.
    fn each_guest(&self, plan: &mut Plan, which: &Which) {
        for vm in self.which(which) {
            let row = self.fleet.vms.row(vm);
            let subject = Subject::Vm(vm);
            let reason = if !row.managed {
                "the VM was not made by Hemera".into()
            } else if !row.state.runs() && !(self.busy)(vm) {
                format!("the VM is {}", row.state.word()).into()
            } else {
                plan.tasks.push(Planned { subject, source: row.host, target: None });
                continue;
            };
            plan.refused.push(Refusal { subject, target: None, reason });
        }
    }

    /// A command on hosts; those that do not answer now are waited for.
    pub(super) fn run_on(&self, hosts: &Selection, script: &Arc<Script>) -> Result<Plan, Arc<str>> {
        let mut plan = Plan::empty(OpKind::Run, Work::Host(HostWork::Run(script.clone())));
        let on = self.each_host(&mut plan, hosts)?;
        plan.title = format!("run `{}` on {on}", shown(&script.title)).into();
        Ok(plan)
    }
}
