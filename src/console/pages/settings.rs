//! Every setting and where it comes from.

use ratatui::layout::Rect;

use super::Cursor;
use crate::console::keymap::Context;
use crate::console::page::{Around, PageView};

/// The page's state.
#[derive(Debug, Default)]
pub(crate) struct SettingsPage {
    pub cursor: Cursor,
}

impl PageView for SettingsPage {
    fn context(&self) -> Context {
        Context::Settings
    }

    fn settle(&mut self, _: &Around<'_>, room: Rect) {
        self.cursor.settle(0, usize::from(room.height));
    }

    fn step(&mut self, by: isize) {
        self.cursor.step(by);
    }

    fn rows(&self) -> isize {
        self.cursor.height as isize
    }
}
