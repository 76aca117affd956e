//! What is done on hosts themselves, whatever it is.

use std::sync::Arc;

use crate::engine::hold::is_out;
use crate::fleet::Selection;

use super::{Plan, Planned, Planner, Refusal, Subject, thousands};

impl Planner<'_> {
    /// Plans a task for each selected host that is not out of service; says how many those are, as in `12 hosts`. Hosts
    /// that do not answer now are waited for.
    ///
    /// # Errors
    /// Where no host is selected.
    pub(super) fn each_host(&self, plan: &mut Plan, on: &Selection) -> Result<String, Arc<str>> {
        let selected = on.select_hosts(self.fleet);
        if selected.is_empty() {
            return Err(format!("`{}` is no host", on.source()).into());
        }
        for host in selected {
            let (state, subject) = (self.fleet.hosts.row(host).state, Subject::Host(host));
            if is_out(state) {
                let reason = format!("{} is {}", self.fleet.topology.host(host).name, state.word()).into();
                plan.refused.push(Refusal { subject, target: None, reason });
            } else {
                plan.tasks.push(Planned { subject, source: Some(host), target: None });
            }
        }
        Ok(match plan.tasks.len() {
            1 => "1 host".into(),
            n => format!("{} hosts", thousands(n as u32)),
        })
    }
}
