//! The console's state, and what changes it: keys through actions, snapshots, answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::layout::Size;
use tokio::sync::oneshot;

use super::asks::Asks;
use super::columns::Chooser;
use super::dialog::Dialog;
use super::export::{Export, Gather};
use super::habits::Habits;
use super::heat::{Heat, Map};
use super::help::Help;
use super::hits::Hits;
use super::keymap::Key;
use super::layout::{Panel, Plan, Wants, heat_width, inside};
use super::live::Look;
use super::marks::HostSet;
use super::menu::Menu;
use super::nav::Nav;
use super::order::Sorter;
use super::page::{Around, Page, Pages};
use super::palette::Palette;
use super::player::Player;
use super::prompt::Prompt;
use super::run::Own;
use super::table_views::ViewsFile;
use super::tasks::Tasks;
use super::vms::{Marking, Vms};
use crate::fleet::HostId;
use crate::handle::{Command, Handle, OpState, OperationView, Snapshot};

mod asking;
#[cfg(test)]
#[allow(clippy::unwrap_used)] // What is unexpected here fails the test.
mod chaos;
mod choosing;
mod closely;
mod commands;
mod exports;
mod goes;
mod guide;
mod heard;
mod heatmap;
mod marking;
mod mouse;
mod overlays;
mod tables;
mod taking;
mod typed;

pub(crate) use choosing::Purpose;
pub(crate) use closely::Open;
pub(crate) use guide::Guide;

pub(crate) use marking::HostRange;
pub(crate) use tables::Picker;

/// The shortest time between two looks at the hosts.
const LOOK: Duration = Duration::from_millis(500);
/// The shortest time between two answers to the same open question.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// What lies over the panels.
pub(crate) enum Overlay {
    /// All actions with their keys.
    Help(Help),
    /// The command line.
    Prompt(Box<Prompt>),
    /// A short list to choose from.
    Menu(Menu),
    /// Actions by a few of their letters.
    Palette(Palette),
    /// Something that needs a decision.
    Dialog(Box<Dialog>),
    /// The columns of a table.
    Columns(Chooser),
    /// Saved views of the tables.
    Views(Picker),
}

/// How a note is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
}

/// All of the console's state.
#[allow(clippy::struct_excessive_bools)] // They are what the loop is to do next, each by itself.
pub(crate) struct App {
    pub handle: Handle,
    pub snapshot: Arc<Snapshot>,
    /// When the engine was lost.
    pub lost: Option<Instant>,
    pub look: Look,
    pub size: Size,
    pub plan: Plan,
    pub nav: Nav,
    pub pages: Pages,
    pub focus: Panel,
    /// The site under the cursor.
    pub site: usize,
    pub heat: Heat,
    /// The heatmap as it is laid out, the host under its cursor, the column that the cursor keeps on its way up and down,
    /// and the first line shown.
    pub map: Map,
    pub host: u32,
    heat_column: Option<u32>,
    pub heat_top: usize,
    /// Marked hosts, the same in the heatmap and in the table of hosts, and the range that is being marked.
    pub host_marks: HostSet,
    pub host_range: Option<HostRange>,
    /// What is to be marked once the rows of the page's filter are there.
    awaited: Vec<Marking>,
    /// The last click on a host: what makes a second one a double click, and where dragging began.
    clicked: Option<(Instant, HostId)>,
    pub vms: Vms,
    pub views: ViewsFile,
    /// What is on its way to a file, and what waits until it can be asked whether a file may be written over.
    gather: Option<Gather>,
    in_the_way: Option<Box<Export>>,
    /// What was drawn where in the last frame.
    pub hits: Hits,
    pointer: mouse::Pointer,
    /// The operation under the cursor, counted from the newest.
    pub operation: usize,
    pub overlays: Vec<Overlay>,
    pub note: Option<(Tone, String)>,
    pub asks: Asks,
    /// Commands of the operator's own.
    pub own: Own,
    /// The tour and demos.
    pub guide: Guide,
    pub sorter: Sorter,
    pub habits: Habits,
    /// Keys of a sequence that has begun.
    pub keys: Vec<Key>,
    pub now: Instant,
    /// Whether the screen no longer shows what is.
    pub dirty: bool,
    pub exit: bool,
    pub suspend: bool,
    pub redraw: bool,
    looked: Option<Instant>,
    look_due: bool,
    asked: Instant,
    asks_due: bool,
    order_due: Option<Instant>,
}

impl App {
    /// A console on that screen.
    pub(crate) fn new(mut handle: Handle, look: Look, habits: Habits, size: Size) -> std::io::Result<Self> {
        let now = Instant::now();
        let mut app = Self {
            snapshot: handle.snapshot(),
            handle,
            lost: None,
            look,
            size,
            plan: Plan::default(),
            nav: Nav::default(),
            pages: Pages::default(),
            focus: Panel::Vms,
            site: 0,
            heat: Heat::default(),
            map: Map::default(),
            host: 0,
            heat_column: None,
            heat_top: 0,
            host_marks: HostSet::default(),
            host_range: None,
            awaited: Vec::new(),
            clicked: None,
            vms: Vms::new(now),
            views: ViewsFile::default(),
            gather: None,
            in_the_way: None,
            hits: Hits::default(),
            pointer: mouse::Pointer::default(),
            operation: 0,
            overlays: Vec::new(),
            note: habits.problem.clone().map(|problem| (Tone::Bad, problem)),
            asks: Asks::default(),
            own: Own::default(),
            guide: Guide::default(),
            sorter: Sorter::start()?,
            habits,
            keys: Vec::new(),
            now,
            dirty: true,
            exit: false,
            suspend: false,
            redraw: false,
            looked: None,
            look_due: true,
            asked: now,
            asks_due: false,
            order_due: None,
        };
        app.refresh();
        Ok(app)
    }

    /// Takes what is now.
    pub(crate) fn take_snapshot(&mut self) {
        if let Some(frozen) = &mut self.habits.frozen {
            // Seen, but not shown.
            drop(self.handle.snapshot());
            frozen.miss();
            return;
        }
        let gone = self.snapshot.fleet.vms.id_count() as usize - self.snapshot.fleet.vms.len();
        self.snapshot = self.handle.snapshot();
        let fleet = &self.snapshot.fleet;
        if fleet.vms.id_count() as usize - fleet.vms.len() != gone {
            self.vms.forget_gone(fleet);
        }
        self.asks_due = true;
        self.look_due = true;
        self.dirty = true;
        self.refresh();
    }

    /// Notes that the engine is gone.
    pub(crate) fn lose(&mut self) {
        self.lost = Some(self.now);
        self.dirty = true;
    }

    /// Brings what is derived from the snapshot up to date, as far as it is due.
    pub(crate) fn refresh(&mut self) {
        if let Some(frozen) = &mut self.habits.frozen {
            self.dirty |= frozen.refresh(self.now);
        }
        let fleet = &self.snapshot.fleet;
        if self.look_due && self.looked.is_none_or(|at| self.now >= at + LOOK) {
            self.heat.look(fleet, self.shows_heat());
            self.look_at_page();
            self.looked = Some(self.now);
            self.look_due = false;
            self.dirty = true;
        }
        self.refresh_rows();
        if self.asks_due && self.now >= self.asked + ASK_AGAIN {
            self.ask_open();
        }
        self.follow_closely();
        self.ask_closely();
    }

    /// Lets the page look through the fleet.
    pub(super) fn look_at_page(&mut self) {
        let around = Around { snapshot: &self.snapshot, heat: &self.heat };
        self.pages.findings.count(&around);
        if self.nav.page() == Page::Settings {
            self.pages.settings.read(&self.look.settings);
        }
        if let Some(view) = self.pages.view(self.nav.page()) {
            view.look(&around);
        }
    }

    /// When something is due though nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        // The heatmap is looked at again only where a snapshot came since.
        let look = self.looked.filter(|_| self.look_due).map(|at| at + LOOK);
        let ask = (self.asks_due && self.has_open_question()).then(|| self.asked + ASK_AGAIN);
        let frozen = self.habits.frozen.as_ref().map(super::freeze::Frozen::due);
        let page = self.pages.seen(self.nav.page()).and_then(super::page::PageView::due);
        // What stands still asks for nothing.
        let page = page.filter(|_| self.habits.frozen.is_none());
        let demo = self.guide.player.as_ref().and_then(Player::due);
        [look, ask, self.order_due, frozen, page, demo].into_iter().flatten().min()
    }

    /// Gives a command; its reply comes as a note.
    pub(crate) fn command(&mut self, command: Command) {
        let reply: oneshot::Receiver<_> = self.handle.command(command);
        self.asks.replies.push(reply);
    }

    /// Operations from the newest to the oldest, those that have not ended first.
    pub(crate) fn operations(&self) -> Vec<&OperationView> {
        let mut shown: Vec<_> = self.snapshot.operations.iter().rev().collect();
        shown.sort_by_key(|op| op.state == OpState::Ended);
        shown
    }

    /// The operation that an action is about.
    pub(crate) fn operation(&self) -> Option<&OperationView> {
        if let Some(view) = self.pages.seen(self.nav.page()) {
            let op = view.operation(&Around { snapshot: &self.snapshot, heat: &self.heat })?;
            return self.snapshot.operations.iter().find(|o| o.id == op);
        }
        self.operations().get(self.operation).copied()
    }

    /// The task that an action is about.
    pub(crate) fn task(&self) -> Option<&crate::handle::TaskView> {
        self.pages.seen(self.nav.page())?.task()
    }

    /// The host under the heatmap's cursor.
    pub(crate) fn pointed(&self) -> Option<HostId> {
        ((self.host as usize) < self.snapshot.fleet.topology.hosts.len()).then_some(HostId(self.host))
    }

    /// The tasks that are looked at.
    pub(crate) fn tasks(&self) -> Option<&Tasks> {
        self.pages.tasks.as_ref().filter(|tasks| self.nav.page() == Page::Tasks(tasks.op))
    }

    /// The same, to be changed.
    pub(crate) fn tasks_mut(&mut self) -> Option<&mut Tasks> {
        let page = self.nav.page();
        self.pages.tasks.as_mut().filter(|tasks| page == Page::Tasks(tasks.op))
    }

    /// Plans the screen and brings every cursor into what there is.
    pub(crate) fn settle(&mut self) {
        self.tour_look();
        self.own.give_keys(&mut self.look.keymap);
        let topology = &self.snapshot.fleet.topology;
        let page = self.nav.page();
        let wants = Wants {
            alone: if let Page::Panel(panel) = page { Some(panel) } else { None },
            focus: self.focus,
            dock: self.told().map_or(0, |told| told.height(self.size)),
            page: self.pages.seen(page).is_some(),
            sites: topology.sites.len() as u16,
            lines: Map::wanted(topology, heat_width(self.size.width)).min(999) as u16,
            operations: self.snapshot.operations.len().min(99) as u16,
        };
        self.plan = Plan::new(self.size, wants);
        if page == Page::Overview && self.plan.rect(self.focus).area() == 0 {
            self.focus = Panel::Vms;
        }
        self.site = self.site.min(topology.sites.len().saturating_sub(1));
        self.host = self.host.min((topology.hosts.len() as u32).saturating_sub(1));
        self.operation = self.operation.min(self.snapshot.operations.len().saturating_sub(1));
        self.settle_heat();
        let above = 1 + usize::from(self.vms.filter_box.lines());
        self.vms.height = usize::from(inside(self.plan.vms).height).saturating_sub(above).max(1);
        self.vms.settle();
        let around = Around { snapshot: &self.snapshot, heat: &self.heat };
        if let Some(view) = self.pages.view(page) {
            view.settle(&around, inside(self.plan.page));
            self.dirty |= view.has_news();
            if view.asks_anew() {
                self.ask_page();
            }
        }
        self.ask_closely();
        self.mark_awaited();
        self.ask_in_the_way();
        if page == Page::Tree {
            self.pages.tree.count_marks(&self.vms.marks, &self.snapshot.fleet);
        }
    }
}
