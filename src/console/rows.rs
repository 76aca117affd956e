//! A table's rows: their order, the cursor, the filter. The same for VMs and hosts.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::columns::{Column, Columns};
use super::filter::FilterBox;
use super::marks::Set;
use super::order::{Found, Listed, Order, Sort, Sorter};
use super::saved::Saved;
use crate::fleet::{Fleet, Selection};

/// The shortest time between two orders that only moving figures ask for.
const REORDER: Duration = Duration::from_millis(500);
/// The thread that sorts rests so many times as long as it worked.
const REST: u32 = 9;

/// What an order was asked for: how many ids and rows there were, and the version of their figures.
type Asked = (u64, u64);
/// Nothing was asked for yet, or something else is wanted now.
const NEVER: Asked = (u64::MAX, u64::MAX);

/// The rows of a table.
pub(crate) struct Rows<I> {
    pub columns: Columns,
    pub order: Order<I>,
    /// What the filter lets through; none without a filter.
    pub visible: Option<Set<I>>,
    /// What is under the cursor, and its row.
    pub cursor: Option<I>,
    pub row: usize,
    /// The first row on screen, and how many fit.
    pub top: usize,
    pub height: usize,
    pub sort: Sort,
    /// The filter as it is written and typed.
    pub filter_box: FilterBox,
    filter: Option<Arc<Selection>>,
    /// Of what the filter lets through, only these are shown.
    only: Option<Arc<Set<I>>>,
    /// Until the first order came.
    pub loading: bool,
    /// The row to stand on once the order that was asked for is there, instead of what is under the cursor.
    stand: Option<usize>,
    generation: u64,
    in_flight: bool,
    /// Whether another filter or column was asked for since the order came.
    anew: bool,
    asked_at: Instant,
    asked: Asked,
    took: Duration,
}

impl<I: Listed> Rows<I> {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            columns: Columns::new(I::TABLE),
            order: Order::All(0),
            visible: None,
            cursor: None,
            row: 0,
            top: 0,
            height: 1,
            sort: Sort::default(),
            filter_box: FilterBox::default(),
            filter: None,
            only: None,
            loading: true,
            stand: None,
            generation: 0,
            in_flight: false,
            anew: false,
            asked_at: now,
            asked: NEVER,
            took: Duration::ZERO,
        }
    }

    /// Whether the order is that of the filter and of the column that were asked for last.
    pub(crate) const fn settled(&self) -> bool {
        !self.anew
    }

    /// Whether an order that was asked for is on its way.
    pub(crate) const fn awaits(&self) -> bool {
        self.in_flight
    }

    fn wanted(&self, fleet: &Fleet) -> Asked {
        let ids = u64::from(I::bound(fleet)) << 32 | I::count(fleet) as u64;
        // Only where figures can change it does the order follow them.
        (ids, if self.filter.is_some() || self.sort.column.moves() { I::version(fleet) } else { 0 })
    }

    /// Asks for a new order where this fleet needs one. Says when to look again, where it is too early.
    pub(crate) fn refresh(&mut self, fleet: &Fleet, sorter: &Sorter, now: Instant) -> Option<Instant> {
        let wanted = self.wanted(fleet);
        if wanted == self.asked {
            return None;
        }
        let plain = self.filter.is_none() && self.only.is_none() && self.sort == Sort::default();
        if plain && I::count(fleet) == I::bound(fleet) as usize {
            // Nothing to filter or sort: the order is known at once.
            self.generation += 1;
            (self.asked_at, self.asked) = (now, wanted);
            let order = Order::All(I::bound(fleet));
            self.found(Found { generation: self.generation, order, visible: None, took: Duration::ZERO });
            return None;
        }
        let due = self.asked_at + REORDER.max(self.took * REST);
        if self.asked != NEVER && (self.in_flight || (now < due && !self.loading)) {
            return Some(due.max(now + Duration::from_millis(20)));
        }
        self.ask(fleet, sorter, now);
        None
    }

    /// Asks for an order at once, whatever is under way.
    pub(crate) fn ask(&mut self, fleet: &Fleet, sorter: &Sorter, now: Instant) {
        self.generation += 1;
        self.in_flight = true;
        (self.asked_at, self.asked) = (now, self.wanted(fleet));
        sorter.ask::<I>(self.generation, fleet.clone(), (self.filter.clone(), self.only.clone()), self.sort);
    }

    /// Takes an order; the cursor stays on what it is on, and that on its line of the screen. False for an outdated one.
    pub(crate) fn found(&mut self, found: Found<I>) -> bool {
        if found.generation != self.generation {
            return false;
        }
        self.in_flight = false;
        self.anew = false;
        self.loading = false;
        self.took = found.took;
        self.order = found.order;
        self.visible = found.visible;
        let line = self.row.saturating_sub(self.top);
        if let Some(row) = self.stand.take() {
            self.row = row;
        } else if let Some(row) = self.cursor.and_then(|id| self.order.position(id)) {
            self.row = row;
            self.top = row.saturating_sub(line);
        }
        self.settle();
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

    /// Sorts by a column, the other way round where it is sorted by it already. An order must be asked for then.
    pub(crate) fn sort_by(&mut self, column: Column) {
        let again = self.sort.column == column;
        let descending = if again { !self.sort.descending } else { column.largest_first() };
        self.sort_as(Sort { column, descending });
    }

    /// Sorts like that. An order must be asked for then.
    pub(crate) fn sort_as(&mut self, sort: Sort) {
        self.sort = sort;
        self.asked = NEVER;
        self.anew = true;
        // Who stands at the top wants to see the top of the new order, not where the first row went.
        self.stand = (self.row == 0).then_some(0);
    }

    /// Whether only some of what the filter lets through are shown.
    pub(crate) const fn shows_only(&self) -> bool {
        self.only.is_some()
    }

    /// Shows only these of what the filter lets through, or all of it. An order must be asked for then.
    pub(crate) fn show_only(&mut self, only: Option<Arc<Set<I>>>) {
        self.only = only;
        self.asked = NEVER;
        self.anew = true;
    }

    /// Sets the filter, in which `@name` stands for a saved one; true where it can be read and is another one. An
    /// unreadable one leaves the last good one.
    pub(crate) fn set_filter(&mut self, text: &str, saved: &Saved) -> bool {
        let read = || {
            let expanded = saved.expand(text)?;
            I::filter(&expanded.text).map_err(|error| expanded.error(error))
        };
        let filter = if text.trim().is_empty() { None } else { Some(read()) };
        let filter = match filter.transpose() {
            Ok(filter) => filter.map(Arc::new),
            Err(error) => {
                self.filter_box.error = Some(error);
                return false;
            }
        };
        self.filter_box.error = None;
        let text = if filter.is_some() { text } else { "" };
        text.clone_into(&mut self.filter_box.text);
        let changed = self.filter.as_deref() != filter.as_deref();
        self.filter = filter;
        if changed {
            self.asked = NEVER;
            self.anew = true;
        }
        changed
    }
}
