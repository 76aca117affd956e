//! A VM looked at closely.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::layout::{Position, Rect};

use super::Cursor;
use super::parts::{LIST_TOP, Part, Parts};
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::fleet::{Details, Finding, HostId, Inquiry, Job, OpId, Told, VmId, VmRow, VmState};
use crate::handle::{Answer, Query, TaskState, TaskView, VmView};

/// Rows that say what it is and how it is, and those that more is said in where something is wrong.
const ABOUT: u16 = 5;
const TROUBLE: u16 = 3;
/// Rows with what its hypervisor says and what can be looked at, of a real VM; and of a job that works on it.
const REAL: u16 = 2;
/// How often its hypervisor is asked.
const LOOK: Duration = Duration::from_secs(2);
/// Figures that are drawn over time.
const FIGURES: u16 = 3;

/// The page of a VM.
#[derive(Debug)]
pub(crate) struct VmPage {
    pub vm: VmId,
    /// What the engine said last.
    pub view: Option<VmView>,
    pub error: Option<Arc<str>>,
    /// What its hypervisor says, or why that is not known; none where it was not asked yet.
    pub details: Option<Result<Arc<Details>, Arc<str>>>,
    /// When it is to be asked again; none while an answer is awaited, or nobody is to be asked.
    due: Option<Instant>,
    /// Whether it is real and can be asked about.
    real: bool,
    asked: bool,
    pub parts: Parts,
    /// In the list of what was done to it, newest first.
    pub results: Cursor,
    /// Its timeline, newest first.
    pub timeline: Cursor,
}

impl VmPage {
    pub(crate) fn new(vm: VmId) -> Self {
        const ALL: &[Part] = &[Part::About, Part::Load, Part::Tasks, Part::Timeline];
        let parts = Parts::new(ALL, Part::Tasks);
        let (results, timeline) = (Cursor::default(), Cursor::default());
        Self {
            vm,
            view: None,
            error: None,
            details: None,
            due: None,
            real: false,
            asked: false,
            parts,
            results,
            timeline,
        }
    }

    fn under_cursor(&self) -> Option<&TaskView> {
        self.view.as_ref()?.results.get(self.results.row)
    }

    /// The job that works on it.
    pub(crate) fn job(&self) -> Option<&Job> {
        self.details.as_ref()?.as_ref().ok()?.job.as_ref()
    }

    /// Lets its hypervisor be asked at once, whatever was asked before.
    pub(crate) fn ask_anew(&mut self) {
        (self.asked, self.due) = (false, None);
    }

    fn cursor(&mut self) -> &mut Cursor {
        if self.parts.part() == Part::Timeline { &mut self.timeline } else { &mut self.results }
    }
}

impl PageView for VmPage {
    fn context(&self) -> Context {
        Context::Vm
    }

    fn settle(&mut self, around: &Around<'_>, room: Rect) {
        let vms = &around.snapshot.fleet.vms;
        let row = if self.vm.0 < vms.id_count() { vms.row(self.vm) } else { VmRow::default() };
        let wrong = row.finding != Finding::None || matches!(row.state, VmState::Failed | VmState::Lost);
        self.real = !around.snapshot.about.is_simulated();
        let real = if self.real { REAL + u16::from(self.job().is_some()) } else { 0 };
        self.parts.settle(room, ABOUT + real + if wrong { TROUBLE } else { 1 }, FIGURES);
        let (results, lines) = self.view.as_ref().map_or((0, 0), |v| (v.results.len(), v.timeline.len()));
        self.results.settle(results, self.parts.list_rows(Part::Tasks));
        self.timeline.settle(lines, usize::from(self.parts.room(Part::Timeline).height));
    }

    fn step(&mut self, by: isize) {
        self.cursor().step(by);
    }

    fn rows(&self) -> isize {
        let cursor = if self.parts.part() == Part::Timeline { &self.timeline } else { &self.results };
        cursor.height as isize
    }

    fn next_part(&mut self, forward: bool) -> bool {
        self.parts.next(forward);
        true
    }

    fn open(&mut self, _: &Around<'_>) -> Go {
        match self.under_cursor() {
            Some(task) if self.parts.part() == Part::Tasks => Go::Into(Page::Tasks(task.op)),
            _ => Go::Stay,
        }
    }

    fn click(&mut self, at: Position, _: &Around<'_>) {
        self.parts.point(at);
        let part = self.parts.part();
        let above = if part == Part::Tasks { LIST_TOP } else { 0 };
        if let Some(line) = at.y.checked_sub(self.parts.room(part).y + above) {
            let cursor = self.cursor();
            cursor.row = cursor.top + usize::from(line);
        }
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

    fn due(&self) -> Option<Instant> {
        self.due
    }

    fn inquiry(&mut self, now: Instant) -> Option<Query> {
        if !self.real || self.asked || self.due.is_some_and(|due| now < due) {
            return None;
        }
        (self.asked, self.due) = (true, None);
        Some(Query::Inspect(self.vm, Inquiry::Details))
    }

    fn told(&mut self, answer: Answer, now: Instant) -> bool {
        let told = match answer {
            Answer::Told(vm, Told::Details(details)) if vm == self.vm => Ok(details),
            Answer::None(why) => Err(why),
            _ => return false,
        };
        (self.asked, self.due) = (false, Some(now + LOOK));
        let told = Some(told);
        let news = self.details != told;
        self.details = told;
        news
    }

    fn vms(&self, _: &Around<'_>) -> Vec<VmId> {
        vec![self.vm]
    }

    fn host(&self, around: &Around<'_>) -> Option<HostId> {
        let vms = &around.snapshot.fleet.vms;
        if self.vm.0 < vms.id_count() { vms.row(self.vm).host } else { None }
    }

    fn task(&self) -> Option<&TaskView> {
        let open = |task: &&TaskView| !matches!(task.state, TaskState::Ended(_));
        let at_work = || self.view.as_ref().and_then(|view| view.task.as_ref());
        self.under_cursor().filter(open).or_else(at_work).or_else(|| self.under_cursor())
    }

    fn operation(&self, _: &Around<'_>) -> Option<OpId> {
        self.under_cursor().map(|task| task.op)
    }
}
