//! Hosts switched on and off.

use std::sync::Arc;

use crate::engine::task::Work;
use crate::fleet::{PowerAction, Selection};
use crate::handle::OpKind;
use crate::platform::HostWork;

use super::{Plan, Planner};

impl Planner<'_> {
    /// What is done to hosts from outside, whether they answer or not.
    pub(super) fn power(&self, on: &Selection, action: PowerAction) -> Result<Plan, Arc<str>> {
        let mut plan = Plan::empty(OpKind::Power, Work::Host(HostWork::Power(action)));
        let hosts = self.each_host(&mut plan, on)?;
        plan.title = action.to(&hosts).into();
        Ok(plan)
    }
}
