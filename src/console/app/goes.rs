//! Where the cursor goes, what opens and closes.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::{App, Overlay, Room};
use crate::console::columns::Column;
use crate::console::dialog::{Change, Dialog};
use crate::console::edit;
use crate::console::heat::lines;
use crate::console::layout::{LABELS, Panel, inside};
use crate::console::order::Sort;
use crate::console::tasks::Tasks;
use crate::fleet::{HostId, Selection, VmId};
use crate::handle::{Command, OpState};

impl App {
    /// One level back to the overview; there it clears the filter. Marks stay.
    pub(crate) fn home(&mut self) {
        if !self.keys.is_empty() {
            self.keys.clear();
        } else if self.tasks.is_some() {
            self.tasks = None;
            self.asks.tasks = None;
        } else if self.zoom.is_some() {
            self.zoom = None;
        } else if self.vms.anchor.is_some() {
            self.vms.anchor = None;
        } else if self.focus != Panel::Vms {
            self.focus = Panel::Vms;
        } else if !self.vms.filter_text.is_empty() {
            self.filter_by("");
        }
    }

    /// Gives a panel the focus; one that has no room is enlarged.
    pub(crate) fn focus(&mut self, panel: Panel) {
        self.tasks = None;
        self.focus = panel;
        if self.zoom.is_some() || self.plan.rect(panel).area() == 0 {
            self.zoom = Some(panel);
        }
    }

    /// Goes to the panel so many places on, leaving out those without room.
    pub(crate) fn next_panel(&mut self, by: usize) {
        let at = Panel::ALL.iter().position(|p| *p == self.focus).unwrap_or(0);
        let order = (1..=4).map(|i| Panel::ALL[(at + i * by) % 4]);
        let shown = |p: &Panel| self.zoom.is_some() || self.plan.rect(*p).area() > 0;
        if let Some(panel) = order.into_iter().find(shown) {
            self.focus(panel);
        }
    }

    /// Moves the cursor of the panel with the focus by so many rows.
    pub(crate) fn step(&mut self, by: isize) {
        if let Some(tasks) = &mut self.tasks {
            tasks.step(by);
            return;
        }
        match self.focus {
            Panel::Sites => self.site = self.site.saturating_add_signed(by),
            Panel::Hosts => self.step_heat(by),
            Panel::Vms => self.vms.step(by),
            Panel::Operations => self.operation = self.operation.saturating_add_signed(by),
        }
    }

    /// A line of the heatmap up or down, staying in the column where the line is long enough.
    fn step_heat(&mut self, by: isize) {
        let lines = lines(&self.snapshot.fleet, inside(self.plan.hosts).width.saturating_sub(LABELS));
        let Some(at) = lines.iter().position(|l| l.hosts.contains(&self.host)) else { return };
        let column = self.host - lines[at].hosts.start;
        let to = &lines[at.saturating_add_signed(by).min(lines.len() - 1)].hosts;
        self.host = (to.start + column).min(to.end - 1);
    }

    /// A host to the left or to the right in the heatmap.
    pub(crate) fn side(&mut self, by: i32) {
        if self.focus == Panel::Hosts && self.tasks.is_none() {
            self.host = self.host.saturating_add_signed(by);
        }
    }

    /// Rows on a page of the panel with the focus.
    pub(crate) fn page(&self) -> isize {
        if let Some(tasks) = &self.tasks {
            return tasks.height.max(1) as isize;
        }
        match self.focus {
            Panel::Vms => self.vms.height.max(1) as isize,
            panel => isize::try_from(inside(self.plan.rect(panel)).height.max(2)).unwrap_or(2) - 1,
        }
    }

    /// To the first or the last row.
    pub(crate) fn end(&mut self, last: bool) {
        match self.focus {
            Panel::Hosts if self.tasks.is_none() => self.host = if last { u32::MAX } else { 0 },
            Panel::Vms if self.tasks.is_none() => self.vms.go(if last { usize::MAX } else { 0 }),
            _ => self.step(if last { isize::MAX } else { isize::MIN }),
        }
    }

    /// Goes into what is under the cursor.
    pub(crate) fn open(&mut self) {
        if let Some(tasks) = &self.tasks {
            if let Some(vm) = tasks.under_cursor().map(|t| t.vm) {
                self.open_vm(vm);
            }
            return;
        }
        let topology = self.snapshot.fleet.topology.clone();
        match self.focus {
            Panel::Vms => {
                if let Some(vm) = self.vms.cursor {
                    self.open_vm(vm);
                }
            }
            Panel::Sites => {
                if let Some(site) = topology.sites.get(self.site) {
                    self.filter_by(&format!("site:{}", site.name));
                    self.focus(Panel::Vms);
                }
            }
            Panel::Hosts => {
                if let Some(host) = self.pointed() {
                    self.filter_by(&format!("host:{}", topology.host(host).name));
                    self.focus(Panel::Vms);
                }
            }
            Panel::Operations => {
                if let Some(op) = self.operation().map(|op| op.id) {
                    self.tasks = Some(Tasks::new(op));
                    self.asks.tasks = None;
                }
            }
        }
    }

    fn open_vm(&mut self, vm: VmId) {
        self.overlays.push(Overlay::Vm(Box::new(Room { vm, view: None, error: None, top: 0 })));
        self.ask_open();
    }

    /// Shows only the VMs that `text` selects.
    pub(crate) fn filter_by(&mut self, text: &str) {
        if self.vms.set_filter(text) {
            self.vms.ask(&self.snapshot.fleet, &self.sorter, self.now);
        }
    }

    /// Lets a filter be typed.
    pub(crate) fn begin_filter(&mut self) {
        self.tasks = None;
        self.focus(Panel::Vms);
        let text = self.vms.filter_text.clone();
        self.vms.editing = Some((Input::new(text.clone()), text));
    }

    pub(super) fn filter_key(&mut self, key: KeyEvent) {
        let Some((input, before)) = &mut self.vms.editing else { return };
        let interrupted = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            _ if interrupted => self.give_up_filter(),
            KeyCode::Esc => self.give_up_filter(),
            KeyCode::Enter => {
                if self.vms.error.is_none() {
                    self.vms.editing = None;
                }
            }
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                let page = self.page();
                self.step(match key.code {
                    KeyCode::Up => -1,
                    KeyCode::Down => 1,
                    KeyCode::PageUp => -page,
                    _ => page,
                });
            }
            _ => {
                let _ = before;
                if edit::key(input, key) {
                    self.filter_changed();
                }
            }
        }
    }

    fn give_up_filter(&mut self) {
        if let Some((_, before)) = self.vms.editing.take() {
            self.vms.error = None;
            self.filter_by(&before);
        }
    }

    pub(super) fn filter_changed(&mut self) {
        if let Some((input, _)) = &self.vms.editing {
            let text = input.value().to_owned();
            self.filter_by(&text);
        }
    }

    /// Sorts by a column, the other way round where it is sorted by it already.
    pub(crate) fn sort_by(&mut self, column: Column) {
        let again = self.vms.sort.column == column;
        let descending = if again { !self.vms.sort.descending } else { column.largest_first() };
        self.vms.sort = Sort { column, descending };
        self.vms.ask(&self.snapshot.fleet, &self.sorter, self.now);
        // Who stands at the top wants to see the top of the new order, not where the first VM went.
        if self.vms.row == 0 {
            self.vms.go(0);
        }
    }

    /// Asks before changing the VMs that are meant.
    pub(crate) fn ask_change(&mut self, change: Change) {
        let vms = self.vms.meant(&self.snapshot.fleet);
        let hidden = if self.vms.marks.is_empty() { 0 } else { self.vms.hidden_marks() };
        let typed_above = self.look.settings.confirm_above();
        self.open_dialog(Dialog::change(&self.snapshot.fleet, vms, change, hidden, typed_above));
    }

    /// Asks before moving the VMs that are meant.
    pub(crate) fn ask_migrate(&mut self) {
        let vms = self.vms.meant(&self.snapshot.fleet);
        let hidden = if self.vms.marks.is_empty() { 0 } else { self.vms.hidden_marks() };
        self.open_dialog(Dialog::migrate(&self.snapshot.fleet, vms, hidden));
    }

    /// The host that is meant: the heatmap's, or that of the VM under the cursor.
    pub(crate) fn meant_host(&self) -> Option<HostId> {
        let of_vm = || self.vms.cursor.and_then(|vm| self.snapshot.fleet.vms.row(vm).host);
        let host = if self.focus == Panel::Vms { of_vm() } else { None };
        host.or_else(|| self.pointed())
    }

    /// Asks before emptying the host that is meant.
    pub(crate) fn ask_evacuate(&mut self) {
        if let Some(host) = self.meant_host() {
            self.open_dialog(Dialog::evacuate(&self.snapshot.fleet, host));
        }
    }

    /// Lets the host that is meant take VMs again. Nothing is lost by it, so that nothing is asked.
    pub(crate) fn undrain(&mut self) {
        let name = self.meant_host().map(|host| self.snapshot.fleet.topology.host(host).name.clone());
        // A host's name is a selection of that host.
        if let Some(hosts) = name.and_then(|name| Selection::hosts(&name).ok()) {
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
