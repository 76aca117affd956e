//! Commands in guests and on hosts.

use std::sync::Arc;

use crate::engine::task::Work;
use crate::fleet::{Script, Selection};
use crate::handle::{OpKind, Which};
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
        plan.title = format!("run `{}` in {}", shown(&script.title), vms(plan.tasks.len())).into();
        plan
    }

    /// A command on hosts; those that do not answer now are waited for.
    pub(super) fn run_on(&self, hosts: &Selection, script: &Arc<Script>) -> Result<Plan, Arc<str>> {
        let mut plan = Plan::empty(OpKind::Run, Work::Host(HostWork::Run(script.clone())));
        let on = self.each_host(&mut plan, hosts)?;
        plan.title = format!("run `{}` on {on}", shown(&script.title)).into();
        Ok(plan)
    }
}
