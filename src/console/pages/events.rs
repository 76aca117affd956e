//! What happened.

use ratatui::layout::Rect;

use super::Cursor;
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::fleet::VmId;
use crate::handle::Event;

/// The page of events, the newest first.
#[derive(Debug, Default)]
pub(crate) struct EventsPage {
    pub cursor: Cursor,
}

impl EventsPage {
    fn under_cursor<'a>(&self, around: &Around<'a>) -> Option<&'a Event> {
        around.snapshot.events.iter().rev().nth(self.cursor.row)
    }
}

impl PageView for EventsPage {
    fn context(&self) -> Context {
        Context::Events
    }

    fn settle(&mut self, around: &Around<'_>, room: Rect) {
        self.cursor.settle(around.snapshot.events.len(), usize::from(room.height));
    }

    fn step(&mut self, by: isize) {
        self.cursor.step(by);
    }

    fn rows(&self) -> isize {
        self.cursor.height as isize
    }

    fn open(&mut self, around: &Around<'_>) -> Go {
        match self.under_cursor(around) {
            Some(Event { vm: Some(vm), .. }) => Go::Into(Page::Vm(*vm)),
            Some(Event { host: Some(host), .. }) => Go::Into(Page::Host(*host)),
            Some(Event { op: Some(op), .. }) => Go::Into(Page::Tasks(*op)),
            _ => Go::Stay,
        }
    }

    fn vms(&self, around: &Around<'_>) -> Vec<VmId> {
        self.under_cursor(around).and_then(|e| e.vm).into_iter().collect()
    }
}
