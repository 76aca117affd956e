//! A VM from close by: its serial console, its screen, its definition, each on the whole page.

mod picture;
mod terminal;
mod text;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::layout::Rect;

pub(crate) use picture::Shown;
pub(crate) use terminal::{Hold, Terminal};
pub(crate) use text::TextView;

use super::finder::Finder;
use crate::console::filter::FilterBox;
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, PageView};
use crate::console::saved::Saved;
use crate::fleet::{HostId, Inquiry, Told, VmId};
use crate::handle::{Answer, Query};

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What of a VM fills the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wing {
    /// Its serial console.
    Console,
    /// What its screen shows.
    Screen,
    /// Its definition.
    Xml,
}

impl Wing {
    /// In the order in which Tab goes through them.
    pub(crate) const ALL: [Self; 3] = [Self::Console, Self::Screen, Self::Xml];

    /// What it is called.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Screen => "screen",
            Self::Xml => "definition",
        }
    }

    /// How a file of it ends.
    pub(crate) const fn ending(self) -> &'static str {
        if matches!(self, Self::Xml) { "xml" } else { "log" }
    }
}

/// The page.
pub(crate) struct Room {
    pub vm: VmId,
    pub wing: Wing,
    pub terminal: Terminal,
    pub screen: Shown,
    /// Why there is no picture.
    pub dark: Option<Arc<str>>,
    pub xml: TextView,
    /// Why there is no definition.
    pub unread: Option<Arc<str>>,
    /// What is looked for in the console and in the definition.
    pub search: FilterBox,
    pub finder: Finder,
    /// When the screen is to be asked for again; none while an answer is awaited.
    due: Option<Instant>,
    /// What is awaited.
    asked: Option<Wing>,
}

impl Room {
    pub(crate) fn new(vm: VmId, wing: Wing) -> Self {
        Self {
            vm,
            wing,
            terminal: Terminal::default(),
            screen: Shown::default(),
            dark: None,
            xml: TextView::default(),
            unread: None,
            search: FilterBox::default(),
            finder: Finder::default(),
            due: None,
            asked: None,
        }
    }

    /// Shows another part; what was awaited for the one before is not waited for.
    pub(crate) fn show(&mut self, wing: Wing) {
        self.asked = None;
        self.due = None;
        if self.wing != wing {
            self.wing = wing;
            self.look_for();
        }
    }

    /// Asks anew for what is shown.
    pub(crate) fn again(&mut self) {
        self.asked = None;
        self.due = None;
        self.unread = None;
        if self.wing == Wing::Xml {
            self.xml.known = false;
        }
    }

    /// Whether one can look for something in what is shown.
    pub(crate) fn has_text(&self) -> bool {
        self.wing != Wing::Screen
    }

    /// All text of what is shown.
    pub(crate) fn text(&mut self) -> Option<String> {
        match self.wing {
            Wing::Console => Some(self.terminal.text()),
            Wing::Xml => Some(self.xml.lines.join("\n") + "\n").filter(|_| self.xml.known),
            Wing::Screen => None,
        }
    }

    /// Looks for what is typed anew, from what is on screen on.
    fn look_for(&mut self) {
        let needle = self.search.text.clone();
        let (rows, top) = match self.wing {
            Wing::Console => (self.terminal.rows_of_text(), self.terminal.top()),
            Wing::Xml => (self.xml.lines.clone(), self.xml.cursor.top),
            Wing::Screen => return,
        };
        self.finder.look(&needle, &rows);
        if let Some(row) = self.finder.begin(top, self.wing == Wing::Console) {
            self.go_to(row);
        }
    }

    /// Goes to the next place, or to the one before, where what is looked for stands.
    pub(crate) fn find(&mut self, forward: bool) {
        if self.wing == Wing::Console {
            // The guest may have written more.
            let rows = self.terminal.rows_of_text();
            self.finder.look_again(&rows);
        }
        if let Some(row) = self.finder.step(forward) {
            self.go_to(row);
        }
    }

    fn go_to(&mut self, row: usize) {
        match self.wing {
            Wing::Console => self.terminal.show_row(row),
            Wing::Xml => self.xml.show_row(row),
            Wing::Screen => {}
        }
    }
}

impl PageView for Room {
    fn context(&self) -> Context {
        Context::Room
    }

    fn settle(&mut self, _: &Around<'_>, room: Rect) {
        let room = body(room, if self.has_text() { self.search.lines() } else { 0 });
        self.terminal.fit(room.width, room.height);
        self.screen.fit(room.width, room.height);
        self.xml.settle(usize::from(room.height));
    }

    fn step(&mut self, by: isize) {
        match self.wing {
            Wing::Console => self.terminal.scroll(by),
            Wing::Xml => self.xml.scroll(by),
            Wing::Screen => {}
        }
    }

    fn rows(&self) -> isize {
        match self.wing {
            Wing::Console => self.terminal.height() as isize,
            _ => self.xml.cursor.height as isize,
        }
    }

    fn open(&mut self, _: &Around<'_>) -> Go {
        if self.wing == Wing::Console { Go::Run("type") } else { Go::Stay }
    }

    fn filter(&mut self) -> Option<&mut FilterBox> {
        // Only where there is text.
        if self.has_text() { Some(&mut self.search) } else { None }
    }

    fn filter_seen(&self) -> Option<&FilterBox> {
        self.has_text().then_some(&self.search)
    }

    fn set_filter(&mut self, text: &str, _: &Saved) {
        text.clone_into(&mut self.search.text);
        self.look_for();
    }

    fn vms(&self, _: &Around<'_>) -> Vec<VmId> {
        vec![self.vm]
    }

    fn host(&self, around: &Around<'_>) -> Option<HostId> {
        let vms = &around.snapshot.fleet.vms;
        if self.vm.0 < vms.id_count() { vms.row(self.vm).host } else { None }
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }

    fn inquiry(&mut self, now: Instant) -> Option<Query> {
        let inquiry = match self.wing {
            _ if self.asked.is_some() || self.due.is_some_and(|due| now < due) => return None,
            Wing::Screen => Inquiry::Screen,
            Wing::Xml if !self.xml.known && self.unread.is_none() => Inquiry::Xml,
            _ => return None,
        };
        self.asked = Some(self.wing);
        self.due = None;
        Some(Query::Inspect(self.vm, inquiry))
    }

    fn told(&mut self, answer: Answer, now: Instant) -> bool {
        match (self.asked.take(), answer) {
            (_, Answer::Told(vm, Told::Screen(picture))) if vm == self.vm => {
                self.due = Some(now + LOOK);
                self.dark.take().is_some() | self.screen.show(picture)
            }
            (_, Answer::Told(vm, Told::Xml(xml))) if vm == self.vm => {
                self.xml.show(&xml);
                self.look_for();
                true
            }
            (Some(Wing::Screen), Answer::None(why)) => {
                self.due = Some(now + LOOK);
                let news = self.dark.as_ref() != Some(&why);
                self.dark = Some(why);
                news
            }
            (Some(Wing::Xml), Answer::None(why)) => {
                self.unread = Some(why);
                true
            }
            _ => false,
        }
    }
}

/// What is drawn in below the parts' names and the line of what is looked for.
fn body(room: Rect, search: u16) -> Rect {
    let above = (1 + search).min(room.height);
    Rect { y: room.y + above, height: room.height - above, ..room }
}
