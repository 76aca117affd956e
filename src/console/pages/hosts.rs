//! All hosts as a table.

use std::time::Instant;

use ratatui::layout::Rect;

use crate::console::filter::FilterBox;
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::console::rows::Rows;
use crate::console::saved::Saved;
use crate::fleet::HostId;

/// The page of all hosts.
pub(crate) struct HostsPage {
    pub rows: Rows<HostId>,
}

impl Default for HostsPage {
    fn default() -> Self {
        Self { rows: Rows::new(Instant::now()) }
    }
}

impl PageView for HostsPage {
    fn context(&self) -> Context {
        Context::Hosts
    }

    fn settle(&mut self, _: &Around<'_>, room: Rect) {
        let above = 1 + self.rows.filter_box.lines();
        self.rows.height = usize::from(room.height.saturating_sub(above)).max(1);
        self.rows.settle();
    }

    fn step(&mut self, by: isize) {
        self.rows.step(by);
    }

    fn end(&mut self, last: bool) {
        self.rows.go(if last { usize::MAX } else { 0 });
    }

    fn rows(&self) -> isize {
        self.rows.height as isize
    }

    fn open(&mut self, around: &Around<'_>) -> Go {
        self.host(around).map_or(Go::Stay, |host| Go::Into(Page::Host(host)))
    }

    fn filter(&mut self) -> Option<&mut FilterBox> {
        Some(&mut self.rows.filter_box)
    }

    fn filter_seen(&self) -> Option<&FilterBox> {
        Some(&self.rows.filter_box)
    }

    fn set_filter(&mut self, text: &str, saved: &Saved) {
        self.rows.set_filter(text, saved);
    }

    fn hosts(&self, _: &Around<'_>) -> Vec<HostId> {
        self.rows.order.rows(0..usize::MAX).collect()
    }

    fn host(&self, around: &Around<'_>) -> Option<HostId> {
        self.rows.cursor.filter(|host| host.index() < around.snapshot.fleet.hosts.len())
    }
}
