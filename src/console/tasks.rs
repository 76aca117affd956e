//! An operation's tasks, a page at a time: only what is on screen is asked for.

use ratatui::layout::{Position, Rect};

use super::keymap::Context;
use super::page::{Around, Go, Page, PageView};
use crate::fleet::{HostId, OpId, VmId};
use crate::handle::{Answer, OpKind, Query, TaskFilter, TaskPage, TaskSubject, TaskView};

/// The filters in the order in which a key steps through them.
const FILTERS: [(TaskFilter, &str); 4] = [
    (TaskFilter::All, "all"),
    (TaskFilter::Running, "running"),
    (TaskFilter::Waiting, "waiting"),
    (TaskFilter::Failed, "failed"),
];

/// Lines of a room of that height above the tasks: the operation's own and the columns' names.
pub(crate) const fn above(height: u16) -> u16 {
    if height < 14 { 3 } else { 7 }
}

/// The list of an operation's tasks.
pub(crate) struct Tasks {
    pub op: OpId,
    pub show: TaskFilter,
    /// The page that came last, and its first row; none until the first came.
    pub page: Option<TaskPage>,
    pub page_at: usize,
    /// The first row on screen.
    pub offset: usize,
    pub error: Option<std::sync::Arc<str>>,
    /// The task under the cursor, counted from the first.
    pub row: usize,
    pub height: usize,
    /// Where it is drawn.
    room: Rect,
    /// What was asked for last.
    asked: (TaskFilter, usize, usize),
}

impl Tasks {
    pub(crate) fn new(op: OpId) -> Self {
        Self {
            op,
            show: TaskFilter::All,
            page: None,
            page_at: 0,
            offset: 0,
            error: None,
            row: 0,
            height: 0,
            room: Rect::ZERO,
            asked: (TaskFilter::All, usize::MAX, 0),
        }
    }

    /// The next filter.
    pub(crate) fn next_filter(&mut self) {
        let at = FILTERS.iter().position(|(f, _)| *f == self.show).unwrap_or(0);
        self.show = FILTERS[(at + 1) % FILTERS.len()].0;
        self.row = 0;
        self.offset = 0;
        self.page = None;
    }

    /// The word for the filter.
    pub(crate) fn filter_word(&self) -> &'static str {
        FILTERS.iter().find(|(f, _)| *f == self.show).map_or("", |(_, word)| word)
    }

    /// The task under the cursor.
    pub(crate) fn under_cursor(&self) -> Option<&TaskView> {
        self.page.as_ref()?.tasks.get(self.row.checked_sub(self.page_at)?)
    }
}

impl PageView for Tasks {
    fn context(&self) -> Context {
        Context::Tasks
    }

    fn settle(&mut self, _: &Around<'_>, room: Rect) {
        self.height = usize::from(room.height.saturating_sub(above(room.height))).max(1);
        self.room = room;
        if let Some(page) = &self.page {
            self.row = self.row.min(page.total.saturating_sub(1));
            self.offset = self.offset.clamp((self.row + 1).saturating_sub(self.height), self.row);
        }
    }

    fn step(&mut self, by: isize) {
        self.row = self.row.saturating_add_signed(by);
    }

    fn rows(&self) -> isize {
        self.height.max(1) as isize
    }

    fn open(&mut self, _: &Around<'_>) -> Go {
        self.under_cursor().map_or(Go::Stay, |task| {
            Go::Into(match task.subject {
                _ if task.kind == OpKind::Run && task.started.is_some() => Page::Output(task.id),
                TaskSubject::Vm(vm) => Page::Vm(vm),
                TaskSubject::Host(host) => Page::Host(host),
            })
        })
    }

    fn click(&mut self, at: Position, _: &Around<'_>) {
        if let Some(line) = at.y.checked_sub(self.room.y + above(self.room.height)) {
            self.row = self.offset + usize::from(line);
        }
    }

    fn query(&self) -> Option<Query> {
        Some(Query::Tasks { op: self.op, show: self.show, offset: self.offset, limit: self.height.max(1) })
    }

    fn asks_anew(&mut self) -> bool {
        let wants = (self.show, self.offset, self.height);
        let new = wants != self.asked;
        self.asked = wants;
        new
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Tasks(page) => {
                self.row = self.row.min(page.total.saturating_sub(1));
                // Only the newest question is ever answered, and that was for this offset.
                self.page_at = self.asked.1;
                self.page = Some(page);
                self.error = None;
            }
            Answer::None(reason) => self.error = Some(reason),
            _ => {}
        }
    }

    fn vms(&self, _: &Around<'_>) -> Vec<VmId> {
        self.under_cursor().and_then(|task| task.subject.vm()).into_iter().collect()
    }

    fn host(&self, _: &Around<'_>) -> Option<HostId> {
        self.under_cursor()?.subject.host()
    }

    fn operation(&self, _: &Around<'_>) -> Option<OpId> {
        Some(self.op)
    }

    fn task(&self) -> Option<&TaskView> {
        self.under_cursor()
    }
}
