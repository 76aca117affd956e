//! A VM looked at closely.

use std::sync::Arc;

use ratatui::layout::Rect;

use crate::console::keymap::Context;
use crate::console::page::{Around, PageView};
use crate::fleet::{HostId, VmId};
use crate::handle::{Answer, Query, VmView};

/// The page of a VM.
#[derive(Debug)]
pub(crate) struct VmPage {
    pub vm: VmId,
    /// What the engine said last.
    pub view: Option<VmView>,
    pub error: Option<Arc<str>>,
    /// Lines of its timeline that are scrolled away.
    pub top: usize,
}

impl VmPage {
    pub(crate) const fn new(vm: VmId) -> Self {
        Self { vm, view: None, error: None, top: 0 }
    }
}

impl PageView for VmPage {
    fn context(&self) -> Context {
        Context::Vm
    }

    fn settle(&mut self, _: &Around<'_>, _: Rect) {
        let lines = self.view.as_ref().map_or(0, |v| v.timeline.len());
        self.top = self.top.min(lines.saturating_sub(1));
    }

    fn step(&mut self, by: isize) {
        self.top = self.top.saturating_add_signed(by);
    }

    fn rows(&self) -> isize {
        10
    }

    fn query(&self) -> Option<Query> {
        Some(Query::Vm(self.vm))
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Vm(view) if view.vm == self.vm => {
                self.view = Some(*view);
                self.error = None;
            }
            Answer::None(reason) => self.error = Some(reason),
            _ => {}
        }
    }

    fn vms(&self, _: &Around<'_>) -> Vec<VmId> {
        vec![self.vm]
    }

    fn host(&self, around: &Around<'_>) -> Option<HostId> {
        let vms = &around.snapshot.fleet.vms;
        if self.vm.0 < vms.id_count() { vms.row(self.vm).host } else { None }
    }
}
