//! Where the cursor goes, what opens and closes.

use std::sync::Arc;

use super::App;
use crate::console::dialog::Dialog;
use crate::console::filter::FilterBox;
use crate::console::hosts_marked::select_hosts;
use crate::console::layout::{Panel, inside};
use crate::console::page::{Around, Go, Page, PageView, Place};
use crate::fleet::{HostState, Selection};
use crate::handle::{Command, OpState};

impl App {
    /// One level up to the overview; there it clears the filter. Marks stay.
    pub(crate) fn home(&mut self) {
        if !self.keys.is_empty() {
            self.keys.clear();
        } else if self.host_range.is_some() {
            self.host_range = None;
        } else if self.vms.anchor.is_some() {
            self.vms.anchor = None;
        } else if self.has_page_filter() {
            self.filter_by("");
        } else if self.nav.trail().len() > 1 {
            self.go_up();
        } else if self.focus != Panel::Vms {
            self.focus = Panel::Vms;
        } else if !self.vms.filter_box.text.is_empty() {
            self.filter_by("");
        } else if self.vms.only_marked() {
            self.toggle_only_marked();
        }
    }

    /// Whether the page hides something by a filter of its own.
    fn has_page_filter(&self) -> bool {
        let view = self.pages.seen(self.nav.page());
        view.and_then(PageView::filter_seen).is_some_and(|filter| !filter.text.is_empty())
    }

    /// The panel whose keys hold: none on a page that takes the place of the panels.
    pub(crate) fn panel(&self) -> Option<Panel> {
        self.pages.seen(self.nav.page()).is_none().then_some(self.focus)
    }

    /// Gives a panel the focus; one that has no room is shown alone.
    pub(crate) fn focus(&mut self, panel: Panel) {
        match self.nav.page() {
            Page::Overview if self.plan.rect(panel).area() > 0 || self.plan.cramped() => self.focus = panel,
            Page::Overview => self.enter(Page::Panel(panel)),
            _ => self.jump(Page::Panel(panel)),
        }
    }

    /// The next panel that is shown, `by` panels on; on a page with parts, its next part.
    pub(crate) fn next_panel(&mut self, by: usize) {
        if self.pages.view(self.nav.page()).is_some_and(|view| view.next_part(by == 1)) {
            return;
        }
        if self.next_wing(if by == 1 { 1 } else { -1 }) {
            return;
        }
        let all = Panel::ALL;
        let at = all.iter().position(|p| *p == self.focus).unwrap_or(0);
        let any = self.plan.cramped() || self.nav.page() != Page::Overview;
        let shown = |p: &Panel| any || self.plan.rect(*p).area() > 0;
        let next = (1..=all.len()).map(|i| all[(at + i * by) % all.len()]).find(shown);
        self.focus(next.unwrap_or(Panel::Vms));
    }

    /// Moves the cursor of what has the focus.
    pub(crate) fn step(&mut self, by: isize) {
        if let Some(view) = self.pages.view(self.nav.page()) {
            view.step(by);
            return;
        }
        match self.focus {
            Panel::Sites => self.site = self.site.saturating_add_signed(by),
            Panel::Hosts => self.step_heat(by),
            Panel::Vms => self.vms.step(by),
            Panel::Operations => self.operation = self.operation.saturating_add_signed(by),
        }
    }

    /// To the left or to the right.
    pub(crate) fn side(&mut self, by: i32) {
        if self.next_wing(by as isize) {
            return;
        }
        if let Some(view) = self.pages.view(self.nav.page()) {
            view.side(by);
        } else if self.focus == Panel::Hosts {
            self.side_heat(by);
        }
    }

    /// Rows on a page of what has the focus.
    pub(crate) fn page(&self) -> isize {
        if let Some(view) = self.pages.seen(self.nav.page()) {
            return view.rows();
        }
        match self.focus {
            Panel::Vms => self.vms.height.max(1) as isize,
            Panel::Hosts => self.heat_page(),
            panel => isize::try_from(inside(self.plan.rect(panel)).height.max(2)).unwrap_or(2) - 1,
        }
    }

    /// To the first or the last row.
    pub(crate) fn end(&mut self, last: bool) {
        if let Some(view) = self.pages.view(self.nav.page()) {
            view.end(last);
            return;
        }
        match self.focus {
            Panel::Hosts => self.side_heat(if last { i32::MAX } else { i32::MIN }),
            Panel::Vms => self.vms.go(if last { usize::MAX } else { 0 }),
            _ => self.step(if last { isize::MAX } else { isize::MIN }),
        }
    }

    /// Goes into what is under the cursor.
    pub(crate) fn open(&mut self) {
        let around = Around { snapshot: &self.snapshot, heat: &self.heat };
        if let Some(view) = self.pages.view(self.nav.page()) {
            let go = view.open(&around);
            self.follow(go);
            return;
        }
        let go = match self.focus {
            Panel::Vms => self.vms.cursor.map(|vm| Go::Into(Page::Vm(vm))),
            Panel::Sites => {
                self.snapshot.fleet.topology.sites.get(self.site).map(|site| Go::Vms(format!("site:{}", site.name)))
            }
            Panel::Hosts => self.pointed().map(|host| Go::Into(Page::Host(host))),
            Panel::Operations => self.operation().map(|op| Go::Into(Page::Tasks(op.id))),
        };
        self.follow(go.unwrap_or(Go::Stay));
    }

    /// Goes to the page of the host that is meant.
    pub(crate) fn open_host(&mut self) {
        if let Some(host) = self.meant_host() {
            self.enter(Page::Host(host));
        }
    }

    /// Goes where Enter leads.
    pub(crate) fn follow(&mut self, go: Go) {
        match go {
            Go::Stay => {}
            Go::Into(page) => self.enter(page),
            Go::Run(id) => {
                if let Some(action) = crate::console::action::named(id) {
                    self.run(action);
                    self.look_at_page();
                }
            }
            Go::Hosts(filter) => {
                self.enter(Page::Hosts);
                self.pages.hosts.set_filter(&filter, &self.habits.saved);
                self.refresh_rows();
            }
            Go::Vms(filter) => self.enter_place(Place { page: Page::Panel(Panel::Vms), focus: Panel::Vms, filter }),
        }
    }

    /// Goes into a page; Esc leads back here.
    pub(crate) fn enter(&mut self, page: Page) {
        let place = self.place(page);
        self.enter_place(place);
    }

    /// Goes to a page; Esc leads to the overview.
    pub(crate) fn jump(&mut self, page: Page) {
        let place = self.place(page);
        self.leave();
        self.nav.jump(place);
        self.arrive();
    }

    fn place(&self, page: Page) -> Place {
        let focus = if let Page::Panel(panel) = page { panel } else { self.focus };
        Place { page, focus, filter: self.vms.filter_box.text.clone() }
    }

    fn enter_place(&mut self, place: Place) {
        self.leave();
        self.nav.enter(place);
        self.arrive();
    }

    /// Looks at the next VM in the order of the table, or at one before, in place of this one.
    pub(crate) fn next_vm(&mut self, by: isize) {
        let Page::Vm(vm) = self.nav.page() else { return };
        let row = self.vms.order.position(vm).map(|row| row.saturating_add_signed(by));
        let Some((row, next)) = row.and_then(|row| Some((row, self.vms.order.get(row)?))) else { return };
        self.vms.go(row);
        self.replace(Page::Vm(next));
    }

    /// Goes to a page in place of this one; Esc leads where it would have led from this one.
    pub(super) fn replace(&mut self, page: Page) {
        let place = self.place(page);
        self.leave();
        self.nav.replace(place);
        self.arrive();
    }

    pub(super) fn go_up(&mut self) {
        self.leave();
        self.nav.up();
        self.arrive();
    }

    /// Goes where one was before.
    pub(crate) fn go_back(&mut self) {
        self.leave();
        self.nav.back();
        self.arrive();
    }

    /// Undoes going back.
    pub(crate) fn go_forward(&mut self) {
        self.leave();
        self.nav.forward();
        self.arrive();
    }

    fn leave(&mut self) {
        self.nav.note(self.focus, &self.vms.filter_box.text);
        self.asks.page = None;
        self.asks.inspect = None;
        self.awaited.clear();
    }

    /// Makes the place ready that one came to.
    fn arrive(&mut self) {
        let Some(place) = self.nav.trail().last().cloned() else { return };
        self.focus = place.focus;
        self.filter_vms(&place.filter);
        self.pages.arrive(place.page);
        self.look_at_page();
        self.refresh_rows();
        self.ask_open();
        self.settle_closely();
    }

    /// Shows the panel with the focus alone, or the overview again.
    pub(crate) fn zoom(&mut self) {
        match self.nav.page() {
            Page::Overview => self.enter(Page::Panel(self.focus)),
            _ => self.go_up(),
        }
    }

    /// The filter of what is on screen.
    pub(crate) fn filter_box(&mut self) -> Option<&mut FilterBox> {
        match self.pages.view(self.nav.page()) {
            Some(view) => view.filter(),
            None => Some(&mut self.vms.filter_box),
        }
    }

    /// Shows only what `text` selects: VMs, or what the page shows.
    pub(crate) fn filter_by(&mut self, text: &str) {
        match self.pages.view(self.nav.page()) {
            Some(view) => {
                view.set_filter(text, &self.habits.saved);
                self.refresh_rows();
            }
            None => self.filter_vms(text),
        }
    }

    /// Shows only the VMs that `text` selects.
    pub(super) fn filter_vms(&mut self, text: &str) {
        if self.vms.set_filter(text, &self.habits.saved) {
            self.refresh_rows();
        }
    }

    /// Lets a filter be typed. A page without one leads to the VM table.
    pub(crate) fn begin_filter(&mut self) {
        match self.panel() {
            Some(Panel::Vms) => {}
            Some(_) => self.focus(Panel::Vms),
            None if self.filter_box().is_some() => {}
            None => self.jump(Page::Panel(Panel::Vms)),
        }
        if let Some(filter) = self.filter_box() {
            filter.begin();
        }
    }

    /// Lets the hosts that are meant take VMs again. Nothing is lost by it, so that nothing is asked.
    pub(crate) fn undrain(&mut self) {
        let fleet = &self.snapshot.fleet;
        let mut hosts = self.meant_hosts();
        hosts.retain(|&host| fleet.hosts.row(host).state == HostState::Draining);
        if let Ok(hosts) = Selection::hosts(&select_hosts(&fleet.topology, &hosts)) {
            self.command(Command::Undrain(hosts));
        }
    }

    /// Ends the program, after a question where operations have not ended.
    pub(crate) fn quit(&mut self) {
        let open = self.snapshot.operations.iter().filter(|op| op.state != OpState::Ended).count();
        if open == 0 || !self.handle.can_command() || self.lost.is_some() {
            self.exit = true;
        } else {
            let snapshot = Arc::clone(&self.snapshot);
            self.open_dialog(Dialog::quit(snapshot.operations.iter().filter(|o| o.state != OpState::Ended).count()));
        }
    }
}
