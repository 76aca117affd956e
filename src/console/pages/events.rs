//! What happened.

mod filter;

use std::collections::VecDeque;

use ratatui::layout::{Position, Rect};

use super::Cursor;
use crate::console::filter::FilterBox;
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::console::saved::Saved;
use crate::fleet::{Fleet, HostId, OpId, VmId};
use crate::handle::{Answer, Event, EventFilter, Level, Query};
use filter::Terms;

/// Older events that are asked for at a time.
const OLDER: usize = 500;
/// Events that are kept: what an engine remembers, and some.
const KEPT: usize = 20_000;

/// The page of events, the newest first.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // Each says something of its own about what is known.
pub(crate) struct EventsPage {
    pub cursor: Cursor,
    pub filter: FilterBox,
    /// Only events of at least this level.
    pub level: Level,
    terms: Terms,
    /// Events without a gap, oldest first.
    known: VecDeque<Event>,
    /// Numbers of those that are shown, newest first.
    rows: VecDeque<u64>,
    /// Whether the rows are those that are to be shown of what is known.
    chosen: bool,
    /// Rows that came above what one looks at.
    pub new: usize,
    /// Whether events came that are not known here, because too many came at once while one looked at older ones.
    pub missed: bool,
    /// Whether no older ones are remembered.
    pub ended: bool,
    /// Older ones are wanted, and for which the engine was asked last.
    wanted: bool,
    asked: Option<u64>,
    room: Rect,
}

impl Default for EventsPage {
    fn default() -> Self {
        Self {
            cursor: Cursor::default(),
            filter: FilterBox::default(),
            level: Level::Info,
            terms: Terms::default(),
            known: VecDeque::new(),
            rows: VecDeque::new(),
            chosen: false,
            new: 0,
            missed: false,
            ended: false,
            wanted: false,
            asked: None,
            room: Rect::ZERO,
        }
    }
}

impl EventsPage {
    /// How many are shown.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many are known.
    pub(crate) fn known(&self) -> usize {
        self.known.len()
    }

    /// The event in a row.
    pub(crate) fn event(&self, row: usize) -> Option<&Event> {
        let first = self.known.front()?.number;
        self.known.get(self.rows.get(row)?.checked_sub(first)? as usize)
    }

    /// All events, then warnings and errors, then errors.
    pub(crate) fn next_level(&mut self) {
        self.level = match self.level {
            Level::Info => Level::Warning,
            Level::Warning => Level::Error,
            Level::Error => Level::Info,
        };
        self.anew();
    }

    /// Begins at the newest, with what is shown chosen again.
    fn anew(&mut self) {
        self.chosen = false;
        self.cursor.row = 0;
        self.new = 0;
        self.asked = None;
    }

    fn shows(&self, event: &Event, fleet: &Fleet) -> bool {
        event.level >= self.level && self.terms.hold(event, fleet)
    }

    /// Takes what is new in the snapshot.
    fn take_new(&mut self, around: &Around<'_>) {
        let events = &around.snapshot.events;
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
        let newest = self.known.back().map_or(0, |event| event.number);
        if newest >= last.number {
            return;
        }
        if !self.known.is_empty() && first.number > newest + 1 {
            // What lies between is not known: whoever looks at older events keeps them.
            self.missed = true;
            if self.cursor.row > 0 {
                return;
            }
            self.known.clear();
            self.ended = false;
            self.anew();
        }
        self.missed = false;
        let before = self.rows.len();
        for event in events.iter().filter(|event| event.number > newest) {
            if self.chosen && self.shows(event, &around.snapshot.fleet) {
                self.rows.push_front(event.number);
            }
            self.known.push_back(event.clone());
        }
        if self.cursor.row > 0 {
            let came = self.rows.len().saturating_sub(before);
            self.cursor.row += came;
            self.cursor.top += came;
            self.new += came;
        }
        while self.known.len() > KEPT {
            let gone = self.known.pop_front().map(|event| event.number);
            if self.rows.back().copied() == gone {
                self.rows.pop_back();
            }
            self.ended = true;
        }
    }

    /// Makes the rows from all that is known.
    fn choose(&mut self, fleet: &Fleet) {
        let rows = self.known.iter().rev().filter(|event| self.shows(event, fleet)).map(|event| event.number);
        self.rows = rows.collect();
        self.chosen = true;
    }

    fn under_cursor(&self) -> Option<&Event> {
        self.event(self.cursor.row)
    }
}

impl PageView for EventsPage {
    fn context(&self) -> Context {
        Context::Events
    }

    fn settle(&mut self, around: &Around<'_>, room: Rect) {
        let lines = self.filter.lines();
        self.room = Rect { y: room.y + lines, height: room.height.saturating_sub(lines), ..room };
        self.take_new(around);
        if !self.chosen {
            self.choose(&around.snapshot.fleet);
        }
        self.cursor.settle(self.rows.len(), usize::from(self.room.height));
        if self.cursor.row == 0 {
            self.new = 0;
        }
        self.new = self.new.min(self.cursor.row);
        let near = self.cursor.top + 2 * self.cursor.height >= self.rows.len();
        self.wanted = near && !self.ended && !self.known.is_empty();
    }

    fn step(&mut self, by: isize) {
        self.cursor.step(by);
    }

    fn rows(&self) -> isize {
        self.cursor.height as isize
    }

    fn open(&mut self, _: &Around<'_>) -> Go {
        match self.under_cursor() {
            Some(Event { vm: Some(vm), .. }) => Go::Into(Page::Vm(*vm)),
            Some(Event { op: Some(op), .. }) => Go::Into(Page::Tasks(*op)),
            Some(Event { host: Some(host), .. }) => Go::Into(Page::Host(*host)),
            _ => Go::Stay,
        }
    }

    fn click(&mut self, at: Position, _: &Around<'_>) {
        if let Some(line) = at.y.checked_sub(self.room.y) {
            self.cursor.row = self.cursor.top + usize::from(line);
        }
    }

    fn query(&self) -> Option<Query> {
        let before = self.known.front().filter(|_| self.wanted)?.number;
        Some(Query::Events { filter: EventFilter::default(), before: Some(before), offset: 0, limit: OLDER })
    }

    fn asks_anew(&mut self) -> bool {
        let wants = self.known.front().filter(|_| self.wanted).map(|event| event.number);
        let new = wants.is_some() && wants != self.asked;
        if new {
            self.asked = wants;
        }
        new
    }

    fn take(&mut self, answer: Answer) {
        let Answer::Events(page) = answer else { return };
        let Some(first) = self.known.front().map(|event| event.number) else { return };
        // An answer to what was asked before everything began anew does not fit.
        if page.events.first().is_some_and(|event| event.number + 1 != first) {
            return;
        }
        self.ended = page.total <= page.events.len();
        for event in page.events {
            self.known.push_front(event);
        }
        self.chosen = false;
    }

    fn filter(&mut self) -> Option<&mut FilterBox> {
        Some(&mut self.filter)
    }

    fn filter_seen(&self) -> Option<&FilterBox> {
        Some(&self.filter)
    }

    fn set_filter(&mut self, text: &str, _: &Saved) {
        text.clone_into(&mut self.filter.text);
        match Terms::read(text) {
            Ok(terms) => {
                self.terms = terms;
                self.filter.error = None;
                self.anew();
            }
            Err(error) => self.filter.error = Some(error),
        }
    }

    fn vms(&self, _: &Around<'_>) -> Vec<VmId> {
        self.under_cursor().and_then(|event| event.vm).into_iter().collect()
    }

    fn host(&self, around: &Around<'_>) -> Option<HostId> {
        let event = self.under_cursor()?;
        let vms = &around.snapshot.fleet.vms;
        event.host.or_else(|| event.vm.filter(|vm| vm.0 < vms.id_count()).and_then(|vm| vms.row(vm).host))
    }

    fn operation(&self, _: &Around<'_>) -> Option<OpId> {
        self.under_cursor().and_then(|event| event.op)
    }
}
