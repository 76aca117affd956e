//! Images brought to hosts.

use std::sync::Arc;

use crate::engine::hold::is_out;
use crate::engine::task::Work;
use crate::fleet::Selection;
use crate::handle::OpKind;
use crate::platform::HostWork;

use super::{Plan, Planned, Planner, Refusal, Subject, thousands};

impl Planner<'_> {
    /// An image to hosts, also to those that are still prepared.
    pub(super) fn bring(&self, image: &Arc<str>, on: &Selection) -> Result<Plan, Arc<str>> {
        let selected = on.select_hosts(self.fleet);
        if selected.is_empty() {
            return Err(format!("`{}` is no host", on.source()).into());
        }
        let mut plan = Plan {
            kind: OpKind::Spread,
            title: "".into(),
            work: Work::Host(HostWork::Image(image.clone())),
            tasks: Vec::new(),
            refused: Vec::new(),
            unchanged: 0,
            drain: Vec::new(),
        };
        for host in selected {
            let state = self.fleet.hosts.row(host).state;
            if is_out(state) {
                let reason = format!("{} is {}", self.fleet.topology.host(host).name, state.word()).into();
                plan.refused.push(Refusal { subject: Subject::Host(host), target: None, reason });
            } else {
                plan.tasks.push(Planned { subject: Subject::Host(host), source: Some(host), target: None });
            }
        }
        let hosts = match plan.tasks.len() {
            1 => "1 host".into(),
            n => format!("{} hosts", thousands(n as u32)),
        };
        plan.title = format!("spread {image} to {hosts}").into();
        Ok(plan)
    }
}
