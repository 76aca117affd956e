//! Lines of text that one scrolls through.

use crate::console::pages::Cursor;

/// A text.
#[derive(Debug, Default)]
pub(crate) struct TextView {
    pub lines: Vec<String>,
    /// Its first line on screen is what counts.
    pub cursor: Cursor,
    /// Whether it has come.
    pub known: bool,
}

impl TextView {
    /// Takes a text; one stays where one is.
    pub(crate) fn show(&mut self, text: &str) {
        let printable = |line: &str| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.lines = text.lines().map(printable).collect();
        self.known = true;
    }

    pub(crate) fn settle(&mut self, height: usize) {
        self.cursor.height = height.max(1);
        self.cursor.top = self.cursor.top.min(self.lines.len().saturating_sub(self.cursor.height));
    }

    pub(crate) fn scroll(&mut self, by: isize) {
        self.cursor.top = self.cursor.top.saturating_add_signed(by);
        self.settle(self.cursor.height);
    }

    /// Brings a line into view.
    pub(crate) fn show_row(&mut self, row: usize) {
        if !(self.cursor.top..self.cursor.top + self.cursor.height).contains(&row) {
            self.cursor.top = row.saturating_sub(self.cursor.height / 2);
        }
        self.settle(self.cursor.height);
    }
}
