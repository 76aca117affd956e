//! The VM table's state: its rows and its marks.

use std::ops::{Deref, DerefMut, Range};
use std::time::Instant;

use super::marks::VmSet;
use super::order::{Found, Sorter};
use super::rows::Rows;
use super::saved::Saved;
use crate::fleet::{Fleet, VmId};

/// Marks of everything that the filter lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marking {
    /// Set.
    All,
    /// Turned.
    Invert,
}

/// The VM table: rows, and which of them are marked.
pub(crate) struct Vms {
    pub rows: Rows<VmId>,
    pub marks: VmSet,
    /// Where a range of marks begins.
    pub anchor: Option<VmId>,
    /// What is to be marked once the order that was asked for is there: marks mean the filter that one sees.
    awaited: Vec<Marking>,
}

impl Deref for Vms {
    type Target = Rows<VmId>;
    fn deref(&self) -> &Rows<VmId> {
        &self.rows
    }
}

impl DerefMut for Vms {
    fn deref_mut(&mut self) -> &mut Rows<VmId> {
        &mut self.rows
    }
}

impl Vms {
    pub(crate) fn new(now: Instant) -> Self {
        Self { rows: Rows::new(now), marks: VmSet::default(), anchor: None, awaited: Vec::new() }
    }

    /// Asks for a new order where this fleet needs one. Says when to look again, where it is too early.
    pub(crate) fn refresh(&mut self, fleet: &Fleet, sorter: &Sorter, now: Instant) -> Option<Instant> {
        let due = self.rows.refresh(fleet, sorter, now);
        self.mark_awaited();
        due
    }

    /// Takes an order, and sets the marks that waited for it. False for an outdated one.
    pub(crate) fn found(&mut self, found: Found<VmId>) -> bool {
        let taken = self.rows.found(found);
        self.mark_awaited();
        taken
    }

    fn mark_awaited(&mut self) {
        if !self.awaits() {
            for marking in std::mem::take(&mut self.awaited) {
                self.mark(marking);
            }
        }
    }

    /// Rows of the range that is being marked.
    pub(crate) fn range(&self) -> Option<Range<usize>> {
        let from = self.order.position(self.anchor?)?;
        Some(from.min(self.row)..from.max(self.row) + 1)
    }

    /// Marks the range and ends it.
    pub(crate) fn end_range(&mut self) {
        if let Some(range) = self.range() {
            for vm in self.rows.order.rows(range) {
                self.marks.set(vm, true);
            }
        }
        self.anchor = None;
    }

    /// Marks everything that the filter lets through, as soon as it is known.
    pub(crate) fn mark(&mut self, marking: Marking) {
        if self.awaits() {
            self.awaited.push(marking);
            return;
        }
        for vm in self.rows.order.rows(0..usize::MAX) {
            let present = marking == Marking::All || !self.marks.contains(vm);
            self.marks.set(vm, present);
        }
    }

    /// Whether marks that were asked for wait for the filter.
    pub(crate) const fn awaits_marks(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// Whether only VMs that were marked are shown.
    pub(crate) const fn only_marked(&self) -> bool {
        self.rows.shows_only()
    }

    /// Sets the filter, in which `@name` stands for a saved one; see [`Rows::set_filter`].
    pub(crate) fn set_filter(&mut self, text: &str, saved: &Saved) -> bool {
        self.rows.set_filter(text, saved)
    }

    /// Marks that the filter hides.
    pub(crate) fn hidden_marks(&self) -> usize {
        self.visible.as_ref().map_or(0, |visible| self.marks.outside(visible))
    }

    /// What an action is about: the marked VMs, or the one under the cursor.
    pub(crate) fn meant(&self, fleet: &Fleet) -> Vec<VmId> {
        if !self.marks.is_empty() {
            return self.marks.iter().filter(|&vm| fleet.vms.exists(vm)).collect();
        }
        self.cursor.into_iter().filter(|&vm| fleet.vms.exists(vm)).collect()
    }

    /// Forgets marks of VMs that are gone.
    pub(crate) fn forget_gone(&mut self, fleet: &Fleet) {
        self.marks.retain(|vm| fleet.vms.exists(vm));
        self.anchor = self.anchor.filter(|&vm| fleet.vms.exists(vm));
    }
}
