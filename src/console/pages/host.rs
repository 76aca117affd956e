//! A host looked at closely.

use std::sync::Arc;

use ratatui::layout::{Position, Rect};

use super::Cursor;
use super::parts::{LIST_TOP, Part, Parts};
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::fleet::{HostId, HostState, OpId, VmId};
use crate::handle::{Answer, HostView, Query, TaskView};

/// Rows that say what it is and how it is, and those that more is said in where something is wrong.
const ABOUT: u16 = 7;
const TROUBLE: u16 = 2;
/// Figures that are drawn over time.
const FIGURES: u16 = 4;

/// The page of a host.
#[derive(Debug)]
pub(crate) struct HostPage {
    pub host: HostId,
    /// What the engine said last.
    pub view: Option<HostView>,
    pub error: Option<Arc<str>>,
    pub parts: Parts,
    /// In the list of its VMs.
    pub vms: Cursor,
    /// In the list of the tasks on it.
    pub tasks: Cursor,
    /// Its timeline, newest first.
    pub timeline: Cursor,
}

impl HostPage {
    pub(crate) fn new(host: HostId) -> Self {
        const ALL: &[Part] = &[Part::About, Part::Load, Part::Vms, Part::Tasks, Part::Timeline];
        Self {
            host,
            view: None,
            error: None,
            parts: Parts::new(ALL, Part::Vms),
            vms: Cursor::default(),
            tasks: Cursor::default(),
            timeline: Cursor::default(),
        }
    }

    /// The VM that is meant: under the cursor in the list of VMs or of tasks.
    fn under_cursor(&self) -> Option<VmId> {
        let view = self.view.as_ref()?;
        match self.parts.part() {
            Part::Tasks => view.tasks.get(self.tasks.row).and_then(|task| task.subject.vm()),
            _ => view.vms.get(self.vms.row).copied(),
        }
    }

    fn cursor(&mut self) -> &mut Cursor {
        match self.parts.part() {
            Part::Timeline => &mut self.timeline,
            Part::Tasks => &mut self.tasks,
            _ => &mut self.vms,
        }
    }
}

impl PageView for HostPage {
    fn context(&self) -> Context {
        Context::Host
    }

    fn settle(&mut self, around: &Around<'_>, room: Rect) {
        let hosts = &around.snapshot.fleet.hosts;
        let wrong = self.host.index() < hosts.len() && {
            let row = hosts.row(self.host);
            row.over() || row.state == HostState::Draining
        };
        self.parts.settle(room, if wrong { ABOUT + TROUBLE } else { ABOUT }, FIGURES);
        let (vms, tasks, lines) =
            self.view.as_ref().map_or((0, 0, 0), |v| (v.vms.len(), v.tasks.len(), v.timeline.len()));
        self.vms.settle(vms, usize::from(self.parts.room(Part::Vms).height.saturating_sub(LIST_TOP)));
        self.tasks.settle(tasks, self.parts.list_rows(Part::Tasks));
        self.timeline.settle(lines, usize::from(self.parts.room(Part::Timeline).height));
    }

    fn step(&mut self, by: isize) {
        self.cursor().step(by);
    }

    fn rows(&self) -> isize {
        let cursor = match self.parts.part() {
            Part::Timeline => &self.timeline,
            Part::Tasks => &self.tasks,
            _ => &self.vms,
        };
        cursor.height as isize
    }

    fn next_part(&mut self, forward: bool) -> bool {
        self.parts.next(forward);
        true
    }

    fn open(&mut self, around: &Around<'_>) -> Go {
        let name = || around.snapshot.fleet.topology.hosts.get(self.host.index()).map(|h| h.name.clone());
        match (self.parts.part(), self.under_cursor()) {
            (Part::Vms | Part::Tasks, Some(vm)) => Go::Into(Page::Vm(vm)),
            (Part::About | Part::Load, _) => name().map_or(Go::Stay, |name| Go::Vms(format!("host:{name}"))),
            _ => Go::Stay,
        }
    }

    fn click(&mut self, at: Position, _: &Around<'_>) {
        self.parts.point(at);
        let part = self.parts.part();
        let above = if part == Part::Timeline { 0 } else { LIST_TOP };
        if let Some(line) = at.y.checked_sub(self.parts.room(part).y + above) {
            let cursor = self.cursor();
            cursor.row = cursor.top + usize::from(line);
        }
    }

    fn query(&self) -> Option<Query> {
        Some(Query::Host(self.host))
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Host(view) if view.host == self.host => {
                self.view = Some(*view);
                self.error = None;
            }
            Answer::None(reason) => self.error = Some(reason),
            _ => {}
        }
    }

    fn vms(&self, _: &Around<'_>) -> Vec<VmId> {
        self.under_cursor().into_iter().collect()
    }

    fn shown_vms(&self) -> Option<&[VmId]> {
        Some(self.view.as_ref().map_or(&[], |view| &view.vms))
    }

    fn host(&self, _: &Around<'_>) -> Option<HostId> {
        Some(self.host)
    }

    fn task(&self) -> Option<&TaskView> {
        let view = self.view.as_ref().filter(|_| self.parts.part() == Part::Tasks)?;
        view.tasks.get(self.tasks.row)
    }

    fn operation(&self, _: &Around<'_>) -> Option<OpId> {
        self.task().map(|task| task.op)
    }
}
