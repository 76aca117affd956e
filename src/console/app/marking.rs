//! Marks: of hosts where hosts have the focus, of VMs elsewhere.

use super::App;
use crate::console::keymap::Context;
use crate::console::layout::Panel;
use crate::console::marks::{HostSet, VmSet};
use crate::console::page::{Around, Page};
use crate::console::vms::Marking;
use crate::fleet::{HostId, VmId};

/// A range of hosts that is being marked, from this one to the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostRange {
    pub from: HostId,
    /// Whether it is a rectangle of the heatmap's cells instead of all hosts between.
    pub rectangle: bool,
}

impl App {
    /// Whether marks are of hosts here.
    pub(crate) fn marks_hosts(&self) -> bool {
        self.context() == Context::Hosts
    }

    /// Whether ranges can be marked here.
    pub(crate) fn has_ranges(&self) -> bool {
        self.marks_hosts() || self.panel() == Some(Panel::Vms)
    }

    /// Hosts in the order in which they are shown.
    pub(crate) fn hosts_shown(&self) -> Vec<HostId> {
        let around = Around { snapshot: &self.snapshot, heat: &self.heat };
        match self.pages.seen(self.nav.page()) {
            Some(view) => view.hosts(&around),
            None => self.map.order().collect(),
        }
    }

    /// The hosts that an action is about: the marked ones where hosts have the focus, or the one that is meant.
    pub(crate) fn meant_hosts(&self) -> Vec<HostId> {
        if self.marks_hosts() && !self.host_marks.is_empty() {
            let hosts = self.snapshot.fleet.topology.hosts.len();
            return self.host_marks.iter().filter(|host| host.index() < hosts).collect();
        }
        self.meant_host().into_iter().collect()
    }

    /// Whether an action would be about any host.
    pub(crate) fn means_hosts(&self) -> bool {
        (self.marks_hosts() && !self.host_marks.is_empty()) || self.meant_host().is_some()
    }

    /// Hosts of the range that is being marked.
    pub(crate) fn host_range(&self) -> HostSet {
        let (Some(range), Some(to)) = (self.host_range, self.meant_host()) else { return HostSet::default() };
        if range.rectangle {
            return self.map.rectangle(range.from, to);
        }
        let shown = self.hosts_shown();
        let at = |host| shown.iter().position(|&h| h == host);
        let (Some(from), Some(to)) = (at(range.from), at(to)) else { return HostSet::default() };
        shown[from.min(to)..=from.max(to)].iter().copied().collect()
    }

    /// VMs that are marked together here; none where marks go by the VM table.
    fn page_vms(&self) -> Option<Vec<VmId>> {
        let around = Around { snapshot: &self.snapshot, heat: &self.heat };
        self.pages.seen(self.nav.page()).map(|view| view.vms(&around))
    }

    /// Marks what is under the cursor, or removes its mark, and goes on to the next.
    pub(crate) fn mark(&mut self) {
        if self.marks_hosts() {
            if let Some(host) = self.meant_host() {
                let marked = self.host_marks.contains(host);
                self.host_marks.set(host, !marked);
                self.next_host();
            }
        } else if let Some(vms) = self.page_vms() {
            let all = vms.iter().all(|&vm| self.vms.marks.contains(vm));
            self.mark_vms(&vms, !all);
            self.step(1);
        } else if let Some(vm) = self.vms.cursor {
            let marked = self.vms.marks.contains(vm);
            self.vms.marks.set(vm, !marked);
            self.vms.step(1);
        }
    }

    /// Marks what is under the cursor and goes up or down.
    pub(crate) fn mark_on(&mut self, by: isize) {
        if self.marks_hosts() {
            if let Some(host) = self.meant_host() {
                self.host_marks.set(host, true);
            }
        } else if let Some(vms) = self.page_vms() {
            self.mark_vms(&vms, true);
        } else if let Some(vm) = self.vms.cursor {
            self.vms.marks.set(vm, true);
        }
        self.step(by);
    }

    fn mark_vms(&mut self, vms: &[VmId], present: bool) {
        for &vm in vms {
            self.vms.marks.set(vm, present);
        }
    }

    /// In the heatmap the next host stands to the right, in the table of hosts below.
    fn next_host(&mut self) {
        if self.panel().is_some() { self.side(1) } else { self.step(1) }
    }

    /// Whether a range has been begun and not marked yet.
    pub(crate) const fn has_open_range(&self) -> bool {
        self.vms.anchor.is_some() || self.host_range.is_some()
    }

    /// Begins a range at the cursor, or marks the one that was begun.
    pub(crate) fn range(&mut self, rectangle: bool) {
        if !self.marks_hosts() {
            if self.vms.anchor.is_some() {
                self.vms.end_range();
            } else {
                self.vms.anchor = self.vms.cursor;
            }
        } else if self.host_range.is_some() {
            for host in self.host_range().iter() {
                self.host_marks.set(host, true);
            }
            self.host_range = None;
        } else {
            self.host_range = self.meant_host().map(|from| HostRange { from, rectangle });
        }
    }

    /// Whether the rows of a page are not yet those of its filter. Marks of all wait for them.
    fn rows_at_work(&self) -> bool {
        match self.nav.page() {
            Page::Hosts => self.pages.hosts.rows.awaits() || !self.pages.hosts.rows.settled(),
            Page::Tree => self.pages.tree.is_at_work(),
            _ => false,
        }
    }

    /// Whether marks that were asked for wait for a filter.
    pub(crate) fn awaits_marks(&self) -> bool {
        self.vms.awaits_marks() || !self.awaited.is_empty()
    }

    /// Whether it is not known yet which hosts are meant: their filter is at work.
    pub(crate) fn awaits_hosts(&self) -> bool {
        !self.awaited.is_empty() || (self.nav.page() == Page::Hosts && !self.pages.hosts.rows.settled())
    }

    /// Sets the marks that waited for a page's filter.
    pub(super) fn mark_awaited(&mut self) {
        if self.awaited.is_empty() || self.rows_at_work() {
            return;
        }
        for marking in std::mem::take(&mut self.awaited) {
            self.noting(|app| app.mark_all(marking));
        }
        self.dirty = true;
    }

    /// Marks all that is shown, or turns its marks, as soon as it is known.
    pub(crate) fn mark_all(&mut self, marking: Marking) {
        if self.rows_at_work() {
            self.awaited.push(marking);
            return;
        }
        if !self.marks_hosts() {
            match self.pages.seen(self.nav.page()).and_then(|view| view.shown_vms()) {
                Some(vms) => {
                    for &vm in vms {
                        let present = marking == Marking::All || !self.vms.marks.contains(vm);
                        self.vms.marks.set(vm, present);
                    }
                }
                None => self.vms.mark(marking),
            }
            return;
        }
        for host in self.hosts_shown() {
            let present = marking == Marking::All || !self.host_marks.contains(host);
            self.host_marks.set(host, present);
        }
    }

    /// Removes all marks.
    pub(crate) fn clear_marks(&mut self) {
        self.awaited.clear();
        if self.marks_hosts() {
            self.host_marks = HostSet::default();
            self.host_range = None;
        } else {
            self.vms.marks = VmSet::default();
            self.vms.anchor = None;
        }
    }

    /// Marks all VMs of the hosts that are meant.
    pub(crate) fn mark_vms_of_hosts(&mut self) {
        let hosts: HostSet = self.meant_hosts().into_iter().collect();
        let before = self.vms.marks.len();
        for (vm, host) in self.snapshot.fleet.vms.places() {
            if host.is_some_and(|host| hosts.contains(host)) {
                self.vms.marks.set(vm, true);
            }
        }
        let new = self.vms.marks.len() - before;
        let text = format!(
            "{} marked on {}",
            crate::console::format::counted(new, "more VM"),
            crate::console::format::counted(hosts.len(), "host")
        );
        self.note = Some((super::Tone::Good, text));
    }
}
