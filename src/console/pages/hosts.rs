//! All hosts as a table.

use ratatui::layout::{Position, Rect};

use super::Cursor;
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::fleet::HostId;

/// The page of all hosts.
#[derive(Debug, Default)]
pub(crate) struct HostsPage {
    pub cursor: Cursor,
    room: Rect,
}

impl HostsPage {
    fn under_cursor(&self, around: &Around<'_>) -> Option<HostId> {
        (self.cursor.row < around.snapshot.fleet.hosts.len()).then_some(HostId(self.cursor.row as u32))
    }
}

impl PageView for HostsPage {
    fn context(&self) -> Context {
        Context::Hosts
    }

    fn settle(&mut self, around: &Around<'_>, room: Rect) {
        self.room = room;
        self.cursor.settle(around.snapshot.fleet.hosts.len(), usize::from(room.height.saturating_sub(1)));
    }

    fn step(&mut self, by: isize) {
        self.cursor.step(by);
    }

    fn rows(&self) -> isize {
        self.cursor.height as isize
    }

    fn open(&mut self, around: &Around<'_>) -> Go {
        self.under_cursor(around).map_or(Go::Stay, |host| Go::Into(Page::Host(host)))
    }

    fn click(&mut self, at: Position, _: &Around<'_>) {
        if at.y > self.room.y {
            self.cursor.row = self.cursor.top + usize::from(at.y - self.room.y - 1);
        }
    }

    fn hosts(&self, around: &Around<'_>) -> Vec<HostId> {
        around.snapshot.fleet.topology.host_ids().collect()
    }

    fn host(&self, around: &Around<'_>) -> Option<HostId> {
        self.under_cursor(around)
    }
}
