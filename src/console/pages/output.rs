//! What a command wrote: its output, then its errors, followed while it runs.

use std::sync::Arc;

use ratatui::layout::Rect;

use super::Cursor;
use super::finder::Finder;
use crate::console::filter::FilterBox;
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::console::saved::Saved;
use crate::fleet::{HostId, OpId, TaskId, VmId};
use crate::handle::{Answer, OutputView, Query, TaskSubject, TaskView, Text};

/// What a line on the page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of its output.
    Out,
    /// Of its errors.
    Err,
    /// Said about them.
    Note,
}

/// The page of a command's output.
#[derive(Debug)]
pub(crate) struct OutputPage {
    pub id: TaskId,
    /// The task and what its command ended with, as far as the engine has said.
    pub view: Option<(TaskView, Option<i32>)>,
    pub error: Option<Arc<str>>,
    pub lines: Vec<(Kind, String)>,
    pub cursor: Cursor,
    /// Columns that are left out on the left.
    pub left: usize,
    /// What is looked for.
    pub search: FilterBox,
    pub finder: Finder,
    /// Whether the cursor stays on the last line.
    follows: bool,
}

/// A line as a terminal shows it: what a carriage return took back is gone, tabs are blanks, and nothing else steers.
fn shown(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    let line = line.rsplit('\r').next().unwrap_or_default();
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\t' => text.push_str(&" ".repeat(8 - text.chars().count() % 8)),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    text
}

impl OutputPage {
    pub(crate) fn new(id: TaskId) -> Self {
        Self {
            id,
            view: None,
            error: None,
            lines: Vec::new(),
            cursor: Cursor::default(),
            left: 0,
            search: FilterBox::default(),
            finder: Finder::default(),
            follows: true,
        }
    }

    /// All of it as text; none before anything is known.
    pub(crate) fn text(&self) -> Option<String> {
        self.view.as_ref().map(|_| self.lines.iter().flat_map(|(_, line)| [line.as_str(), "\n"]).collect())
    }

    /// Goes to the next place, or to the one before, where what is looked for stands.
    pub(crate) fn find(&mut self, forward: bool) {
        if let Some(row) = self.finder.step(forward) {
            self.go_to(row);
        }
    }

    fn go_to(&mut self, row: usize) {
        self.cursor.row = row;
        self.follows = false;
    }

    /// The lines.
    fn texts(&self) -> Vec<&str> {
        self.lines.iter().map(|(_, line)| line.as_str()).collect()
    }

    fn add(&mut self, text: &Text, kind: Kind, what: &str) {
        if text.cut > 0 {
            let note = format!("{} bytes of {what} before this are not kept", text.cut);
            self.lines.push((Kind::Note, note));
        }
        self.lines.extend(text.text.lines().map(|line| (kind, shown(line))));
    }

    fn read(&mut self, view: OutputView) {
        let OutputView { task, output } = view;
        self.lines.clear();
        self.add(&output.out, Kind::Out, "its output");
        if !output.err.text.is_empty() {
            if !self.lines.is_empty() {
                self.lines.push((Kind::Note, "on standard error:".into()));
            }
            self.add(&output.err, Kind::Err, "its errors");
        }
        self.view = Some((task, output.code));
        self.error = None;
        let mut finder = std::mem::take(&mut self.finder);
        finder.look_again(&self.texts());
        self.finder = finder;
        if self.follows {
            self.cursor.row = self.lines.len().saturating_sub(1);
        }
    }
}

impl PageView for OutputPage {
    fn context(&self) -> Context {
        Context::Output
    }

    fn settle(&mut self, _: &Around<'_>, room: Rect) {
        let height = room.height.saturating_sub(self.search.lines());
        self.cursor.settle(self.lines.len(), usize::from(height));
    }

    fn step(&mut self, by: isize) {
        self.cursor.step(by);
        self.follows = self.cursor.row.saturating_add(1) >= self.lines.len();
    }

    fn side(&mut self, by: i32) {
        let widest = self.lines.iter().map(|(_, line)| line.chars().count()).max().unwrap_or(0);
        self.left = self.left.saturating_add_signed(by as isize * 8).min(widest.saturating_sub(8));
    }

    fn rows(&self) -> isize {
        self.cursor.height as isize
    }

    fn open(&mut self, _: &Around<'_>) -> Go {
        match self.view.as_ref().map(|(task, _)| task.subject) {
            Some(TaskSubject::Vm(vm)) => Go::Into(Page::Vm(vm)),
            Some(TaskSubject::Host(host)) => Go::Into(Page::Host(host)),
            None => Go::Stay,
        }
    }

    fn filter(&mut self) -> Option<&mut FilterBox> {
        Some(&mut self.search)
    }

    fn filter_seen(&self) -> Option<&FilterBox> {
        Some(&self.search)
    }

    fn set_filter(&mut self, text: &str, _: &Saved) {
        text.clone_into(&mut self.search.text);
        let mut finder = std::mem::take(&mut self.finder);
        finder.look(text, &self.texts());
        let row = finder.begin(self.cursor.top, self.follows);
        self.finder = finder;
        if let Some(row) = row {
            self.go_to(row);
        }
    }

    fn query(&self) -> Option<Query> {
        Some(Query::Output(self.id))
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Output(view) if view.task.id == self.id => self.read(*view),
            Answer::None(reason) => self.error = Some(reason),
            _ => {}
        }
    }

    fn vms(&self, _: &Around<'_>) -> Vec<VmId> {
        self.task().and_then(|task| task.subject.vm()).into_iter().collect()
    }

    fn host(&self, _: &Around<'_>) -> Option<HostId> {
        self.task().and_then(|task| task.subject.host().or(task.source))
    }

    fn task(&self) -> Option<&TaskView> {
        self.view.as_ref().map(|(task, _)| task)
    }

    fn operation(&self, _: &Around<'_>) -> Option<OpId> {
        self.task().map(|task| task.op)
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn lines_are_shown_as_a_terminal_would() {
        assert_eq!(shown("10 %\r50 %\r100 %"), "100 %");
        assert_eq!(shown("a\tb\r"), "a       b");
        assert_eq!(shown("\x1b[1mbold"), "[1mbold");
    }
}
