//! Images brought to hosts.

use std::sync::Arc;

use crate::engine::task::Work;
use crate::fleet::Selection;
use crate::handle::OpKind;
use crate::platform::HostWork;

use super::{Plan, Planner};

impl Planner<'_> {
    /// An image to hosts, also to those that are still prepared.
    pub(super) fn bring(&self, image: &Arc<str>, on: &Selection) -> Result<Plan, Arc<str>> {
        let mut plan = Plan::empty(OpKind::Spread, Work::Host(HostWork::Image(image.clone())));
        let hosts = self.each_host(&mut plan, on)?;
        plan.title = format!("spread {image} to {hosts}").into();
        Ok(plan)
    }
}
