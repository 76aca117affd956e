//! Pages: what fills the screen between the header and the hints, how one gets from one to another, and back.

use std::time::Instant;

use ratatui::layout::{Position, Rect};

use super::filter::FilterBox;
use super::heat::Heat;
use super::keymap::Context;
use super::layout::Panel;
use super::pages::{
    events::EventsPage,
    findings::FindingsPage,
    host::HostPage,
    hosts::HostsPage,
    output::OutputPage,
    pulse::PulsePage,
    room::{Room, Wing},
    settings::SettingsPage,
    tree::TreePage,
    vm::VmPage,
};
use super::saved::Saved;
use super::tasks::Tasks;
use crate::fleet::{Fleet, HostId, OpId, TaskId, VmId};
use crate::handle::{Answer, Query, Snapshot, TaskView};

/// What fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Page {
    /// Sites, heatmap, VMs and operations beside each other.
    Overview,
    /// One of the overview's panels alone.
    Panel(Panel),
    /// An operation's tasks.
    Tasks(OpId),
    /// What a task's command wrote.
    Output(TaskId),
    /// All hosts as a table.
    Hosts,
    /// A host.
    Host(HostId),
    /// A VM.
    Vm(VmId),
    /// A part of a VM that has the whole page.
    Room(VmId, Wing),
    /// Sites, clusters, hosts and VMs as a tree.
    Tree,
    /// What happened.
    Events,
    /// Big figures for a projector.
    Pulse,
    /// What is wrong.
    Findings,
    /// Every setting and where it comes from.
    Settings,
}

impl Page {
    /// The VM that it is about.
    pub(crate) const fn vm(self) -> Option<VmId> {
        match self {
            Self::Vm(vm) | Self::Room(vm, _) => Some(vm),
            _ => None,
        }
    }

    /// What the crumbs call it.
    pub(crate) fn crumb(self, fleet: &Fleet) -> String {
        match self {
            Self::Overview => "overview".into(),
            Self::Panel(panel) => panel.word().into(),
            Self::Tasks(op) => op.to_string(),
            Self::Output(_) => "output".into(),
            Self::Hosts => "hosts".into(),
            Self::Host(host) => fleet.topology.hosts.get(host.index()).map_or("?".into(), |h| h.name.to_string()),
            Self::Vm(vm) if vm.0 < fleet.vms.id_count() => fleet.vms.name(vm).to_owned(),
            // Its frame names the VM.
            Self::Room(_, wing) => wing.word().into(),
            Self::Vm(_) => "?".into(),
            Self::Tree => "tree".into(),
            Self::Events => "events".into(),
            Self::Pulse => "pulse".into(),
            Self::Findings => "findings".into(),
            Self::Settings => "settings".into(),
        }
    }
}

/// A page as one left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub page: Page,
    /// The panel with the focus.
    pub focus: Panel,
    /// The filter of the VM table.
    pub filter: String,
}

/// What a page looks at.
pub(crate) struct Around<'a> {
    pub snapshot: &'a Snapshot,
    pub heat: &'a Heat,
}

/// Where Enter or a click leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Go {
    /// Nowhere.
    Stay,
    /// Into a page.
    Into(Page),
    /// To the VM table with this filter.
    Vms(String),
    /// To the host table with this filter.
    Hosts(String),
    /// Nowhere; the action of that id is run.
    Run(&'static str),
}

/// A page with a state of its own, beside the overview and its panels. Drawing it is the view's work.
pub(crate) trait PageView {
    /// The context that its keys have.
    fn context(&self) -> Context;
    /// Brings its cursor into what there is; `room` is all that it is drawn in.
    fn settle(&mut self, around: &Around<'_>, room: Rect);
    /// Moves its cursor, or what it shows, by so many rows.
    fn step(&mut self, by: isize);
    /// Moves to the side.
    fn side(&mut self, _by: i32) {}
    /// To the first or the last row.
    fn end(&mut self, last: bool) {
        self.step(if last { isize::MAX } else { isize::MIN });
    }
    /// Rows on a page.
    fn rows(&self) -> isize;
    /// Where Enter leads from what is under the cursor.
    fn open(&mut self, _around: &Around<'_>) -> Go {
        Go::Stay
    }
    /// A click; the row under it gets the cursor.
    fn click(&mut self, _at: Position, _around: &Around<'_>) {}
    /// The question that what is on screen needs answered now and then.
    fn query(&self) -> Option<Query> {
        None
    }
    /// Whether the question is another one than it was when it was last asked.
    fn asks_anew(&mut self) -> bool {
        false
    }
    /// Takes the answer.
    fn take(&mut self, _answer: Answer) {}
    /// What it wants to know of the platform now; [`due`](Self::due) says when it wants to know more.
    fn inquiry(&mut self, _now: Instant) -> Option<Query> {
        None
    }
    /// Takes the answer to that; whether it shows.
    fn told(&mut self, _answer: Answer, _now: Instant) -> bool {
        false
    }
    /// Its own filter, where it has one.
    fn filter(&mut self) -> Option<&mut FilterBox> {
        None
    }
    /// The same, to look at.
    fn filter_seen(&self) -> Option<&FilterBox> {
        None
    }
    /// Takes another filter, in which `@name` may stand for a saved one; one that cannot be read leaves the last good one.
    fn set_filter(&mut self, _text: &str, _saved: &Saved) {}
    /// The VMs that an action is about here, unless VMs are marked.
    fn vms(&self, _around: &Around<'_>) -> Vec<VmId> {
        Vec::new()
    }
    /// The VMs that marks of all are about, where it is not the VM table's.
    fn shown_vms(&self) -> Option<&[VmId]> {
        None
    }
    /// Whether there is any VM that an action is about here.
    fn has_vms(&self, around: &Around<'_>) -> bool {
        !self.vms(around).is_empty()
    }
    /// When it is to be settled again though nothing happens.
    fn due(&self) -> Option<Instant> {
        None
    }
    /// Whether settling it changed what it shows.
    fn has_news(&mut self) -> bool {
        false
    }
    /// The hosts that it shows, in the order in which it shows them: what ranges and marks of all are about.
    fn hosts(&self, _around: &Around<'_>) -> Vec<HostId> {
        Vec::new()
    }
    /// The host that an action is about here.
    fn host(&self, _around: &Around<'_>) -> Option<HostId> {
        None
    }
    /// The operation that an action is about here.
    fn operation(&self, _around: &Around<'_>) -> Option<OpId> {
        None
    }
    /// The task that an action is about here.
    fn task(&self) -> Option<&TaskView> {
        None
    }
    /// Gives its next part the keys, or the one before; false where it has only one.
    fn next_part(&mut self, _forward: bool) -> bool {
        false
    }
    /// Looks through the fleet for what it shows: when one comes to it, then at most twice a second.
    fn look(&mut self, _around: &Around<'_>) {}
}

/// The pages' states. Those of things looked at closely are there while one looks.
#[derive(Default)]
pub(crate) struct Pages {
    pub tasks: Option<Tasks>,
    pub output: Option<OutputPage>,
    pub hosts: HostsPage,
    pub host: Option<HostPage>,
    pub vm: Option<VmPage>,
    pub room: Option<Room>,
    pub tree: TreePage,
    pub events: EventsPage,
    pub pulse: PulsePage,
    pub findings: FindingsPage,
    pub settings: SettingsPage,
}

impl Pages {
    /// The state of a page that has one.
    pub(crate) fn view(&mut self, page: Page) -> Option<&mut dyn PageView> {
        Some(match page {
            Page::Overview | Page::Panel(_) => return None,
            Page::Tasks(_) => self.tasks.as_mut()?,
            Page::Output(_) => self.output.as_mut()?,
            Page::Hosts => &mut self.hosts,
            Page::Host(_) => self.host.as_mut()?,
            Page::Vm(_) => self.vm.as_mut()?,
            Page::Room(..) => self.room.as_mut()?,
            Page::Tree => &mut self.tree,
            Page::Events => &mut self.events,
            Page::Pulse => &mut self.pulse,
            Page::Findings => &mut self.findings,
            Page::Settings => &mut self.settings,
        })
    }

    /// The same, to look at.
    pub(crate) fn seen(&self, page: Page) -> Option<&dyn PageView> {
        Some(match page {
            Page::Overview | Page::Panel(_) => return None,
            Page::Tasks(_) => self.tasks.as_ref()?,
            Page::Output(_) => self.output.as_ref()?,
            Page::Hosts => &self.hosts,
            Page::Host(_) => self.host.as_ref()?,
            Page::Vm(_) => self.vm.as_ref()?,
            Page::Room(..) => self.room.as_ref()?,
            Page::Tree => &self.tree,
            Page::Events => &self.events,
            Page::Pulse => &self.pulse,
            Page::Findings => &self.findings,
            Page::Settings => &self.settings,
        })
    }

    /// Makes ready what a page needs when one comes to it.
    pub(crate) fn arrive(&mut self, page: Page) {
        let known = match page {
            Page::Tasks(op) => self.tasks.as_ref().is_some_and(|t| t.op == op),
            Page::Output(task) => self.output.as_ref().is_some_and(|o| o.id == task),
            Page::Host(host) => self.host.as_ref().is_some_and(|h| h.host == host),
            Page::Vm(vm) => self.vm.as_ref().is_some_and(|v| v.vm == vm),
            Page::Room(vm, _) => self.room.as_ref().is_some_and(|r| r.vm == vm),
            _ => true,
        };
        if let (Page::Vm(_), Some(vm)) = (page, &mut self.vm) {
            // What was asked before one left is not waited for.
            vm.ask_anew();
        }
        match page {
            _ if known => {}
            Page::Tasks(op) => self.tasks = Some(Tasks::new(op)),
            Page::Output(task) => self.output = Some(OutputPage::new(task)),
            Page::Host(host) => self.host = Some(HostPage::new(host)),
            Page::Vm(vm) => self.vm = Some(VmPage::new(vm)),
            Page::Room(vm, wing) => self.room = Some(Room::new(vm, wing)),
            _ => {}
        }
    }
}
