//! The VM table's state: order, cursor, marks, filter.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::filter::FilterBox;
use super::marks::VmSet;
use super::order::{Found, Order, Sort, Sorter};
use super::saved::Saved;
use crate::fleet::{Fleet, Selection, VmId};

/// The shortest time between two orders that only moving figures ask for.
const REORDER: Duration = Duration::from_millis(500);
/// The thread that sorts rests so many times as long as it worked.
const REST: u32 = 9;

/// Marks of everything that the filter lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marking {
    /// Set.
    All,
    /// Turned.
    Invert,
}

/// The VM table.
pub(crate) struct Vms {
    pub order: Order,
    /// What the filter lets through; none without a filter.
    pub visible: Option<VmSet>,
    /// The VM under the cursor, and its row.
    pub cursor: Option<VmId>,
    pub row: usize,
    /// The first row on screen, and how many fit.
    pub top: usize,
    pub height: usize,
    pub sort: Sort,
    /// The filter as it is written and typed.
    pub filter_box: FilterBox,
    filter: Option<Arc<Selection>>,
    pub marks: VmSet,
    /// Where a range of marks begins.
    pub anchor: Option<VmId>,
    /// Until the first order came.
    pub loading: bool,
    /// What is to be marked once the order that was asked for is there: marks mean the filter that one sees.
    awaited: Vec<Marking>,
    /// The VMs that were marked when only those were to be shown.
    only: Option<Arc<VmSet>>,
    /// The row to stand on once the order that was asked for is there, instead of the VM under the cursor.
    stand: Option<usize>,
    generation: u64,
    in_flight: bool,
    asked: (Instant, u64, u64),
    took: Duration,
}

impl Vms {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            order: Order::All(0),
            visible: None,
            cursor: None,
            row: 0,
            top: 0,
            height: 1,
            sort: Sort::default(),
            filter_box: FilterBox::default(),
            filter: None,
            marks: VmSet::default(),
            anchor: None,
            loading: true,
            awaited: Vec::new(),
            only: None,
            stand: None,
            generation: 0,
            in_flight: false,
            asked: (now, u64::MAX, u64::MAX),
            took: Duration::ZERO,
        }
    }

    /// Whether figures that move can change the order.
    fn follows_figures(&self) -> bool {
        use super::columns::Column;
        self.filter.is_some() || !matches!(self.sort.column, Column::Id | Column::Name | Column::Memory | Column::Class)
    }

    /// Asks for a new order where this fleet needs one. Says when to look again, where it is too early.
    pub(crate) fn refresh(&mut self, fleet: &Fleet, sorter: &Sorter, now: Instant) -> Option<Instant> {
        let ids = u64::from(fleet.vms.id_count()) << 32 | fleet.vms.len() as u64;
        let version = if self.follows_figures() { fleet.vms.version() } else { 0 };
        if (ids, version) == (self.asked.1, self.asked.2) {
            return None;
        }
        let plain = self.filter.is_none() && self.only.is_none() && self.sort == Sort::default();
        if plain && fleet.vms.len() == fleet.vms.id_count() as usize {
            // Nothing to filter or sort: the order is known at once.
            self.generation += 1;
            self.asked = (now, ids, version);
            let order = Order::All(fleet.vms.id_count());
            self.found(Found { generation: self.generation, order, visible: None, took: Duration::ZERO });
            return None;
        }
        let due = self.asked.0 + REORDER.max(self.took * REST);
        if self.in_flight || (now < due && !self.loading) {
            return Some(due.max(now + Duration::from_millis(20)));
        }
        self.ask(fleet, sorter, now);
        None
    }

    /// Asks for an order at once, whatever is under way.
    pub(crate) fn ask(&mut self, fleet: &Fleet, sorter: &Sorter, now: Instant) {
        self.generation += 1;
        self.in_flight = true;
        let ids = u64::from(fleet.vms.id_count()) << 32 | fleet.vms.len() as u64;
        let version = if self.follows_figures() { fleet.vms.version() } else { 0 };
        self.asked = (now, ids, version);
        sorter.ask(self.generation, fleet.clone(), (self.filter.clone(), self.only.clone()), self.sort);
    }

    /// Takes an order; the cursor stays on its VM, and the VM on its line of the screen. False for an outdated one.
    pub(crate) fn found(&mut self, found: Found) -> bool {
        if found.generation != self.generation {
            return false;
        }
        self.in_flight = false;
        self.loading = false;
        self.took = found.took;
        self.order = found.order;
        self.visible = found.visible;
        let line = self.row.saturating_sub(self.top);
        if let Some(row) = self.stand.take() {
            self.row = row;
        } else if let Some(row) = self.cursor.and_then(|vm| self.order.position(vm)) {
            self.row = row;
            self.top = row.saturating_sub(line);
        }
        self.settle();
        for marking in std::mem::take(&mut self.awaited) {
            self.mark(marking);
        }
        true
    }

    /// Brings cursor and first row into what there is.
    pub(crate) fn settle(&mut self) {
        self.row = self.row.min(self.order.len().saturating_sub(1));
        self.cursor = self.order.get(self.row);
        let height = self.height.max(1);
        self.top = self.top.clamp((self.row + 1).saturating_sub(height), self.row);
        self.top = self.top.min(self.order.len().saturating_sub(height));
    }

    /// Moves the cursor by so many rows.
    pub(crate) fn step(&mut self, by: isize) {
        self.stand = None;
        self.row = self.row.saturating_add_signed(by);
        self.settle();
    }

    /// Moves the cursor to a row. The first and the last one are those of the order that is on its way.
    pub(crate) fn go(&mut self, row: usize) {
        self.stand = (self.in_flight && (row == 0 || row == usize::MAX)).then_some(row);
        self.row = row;
        self.settle();
    }

    /// Rows on screen.
    pub(crate) fn shown(&self) -> Range<usize> {
        self.top..(self.top + self.height).min(self.order.len())
    }

    /// Rows of the range that is being marked.
    pub(crate) fn range(&self) -> Option<Range<usize>> {
        let from = self.order.position(self.anchor?)?;
        Some(from.min(self.row)..from.max(self.row) + 1)
    }

    /// Marks the range and ends it.
    pub(crate) fn end_range(&mut self) {
        if let Some(range) = self.range() {
            for vm in self.order.rows(range) {
                self.marks.set(vm, true);
            }
        }
        self.anchor = None;
    }

    /// Marks everything that the filter lets through, as soon as it is known.
    pub(crate) fn mark(&mut self, marking: Marking) {
        if self.in_flight {
            self.awaited.push(marking);
            return;
        }
        for vm in self.order.rows(0..usize::MAX) {
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
        self.only.is_some()
    }

    /// Shows only these of what the filter lets through, or all of it.
    pub(crate) fn show_only(&mut self, only: Option<Arc<VmSet>>) {
        self.only = only;
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

    /// Sets the filter; true where it can be read and is another one. An unreadable one leaves the last good one.
    pub(crate) fn set_filter(&mut self, text: &str, saved: &Saved) -> bool {
        if text.trim().is_empty() {
            self.filter_box.error = None;
            self.filter_box.text.clear();
            return self.filter.take().is_some();
        }
        let read = saved
            .expand(text)
            .and_then(|expanded| Selection::quick_vms(&expanded.text).map_err(|error| expanded.error(error)));
        match read {
            Ok(selection) => {
                self.filter_box.error = None;
                text.clone_into(&mut self.filter_box.text);
                let changed = self.filter.as_deref() != Some(&selection);
                self.filter = Some(Arc::new(selection));
                changed
            }
            Err(error) => {
                self.filter_box.error = Some(error);
                false
            }
        }
    }
}
