//! A host looked at closely.

use ratatui::layout::Rect;

use crate::console::keymap::Context;
use crate::console::page::{Around, Go, PageView};
use crate::fleet::HostId;

/// The page of a host.
#[derive(Debug)]
pub(crate) struct HostPage {
    pub host: HostId,
}

impl HostPage {
    pub(crate) const fn new(host: HostId) -> Self {
        Self { host }
    }
}

impl PageView for HostPage {
    fn context(&self) -> Context {
        Context::Host
    }

    fn settle(&mut self, _: &Around<'_>, _: Rect) {}

    fn step(&mut self, _: isize) {}

    fn rows(&self) -> isize {
        1
    }

    fn open(&mut self, around: &Around<'_>) -> Go {
        let name = around.snapshot.fleet.topology.hosts.get(self.host.index()).map(|h| h.name.clone());
        name.map_or(Go::Stay, |name| Go::Vms(format!("host:{name}")))
    }

    fn host(&self, _: &Around<'_>) -> Option<HostId> {
        Some(self.host)
    }
}
