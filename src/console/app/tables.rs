//! The tables: what they are sorted by, which columns they show, their saved views.

use crossterm::event::{KeyCode, KeyEvent};

use super::{App, Overlay, Tone};
use crate::console::columns::{Chooser, Column, Columns, Did, Table};
use crate::console::dialog::Dialog;
use crate::console::layout::Panel;
use crate::console::order::{Answer, Sort};
use crate::console::page::Page;
use crate::console::prompt::Wrong;
use crate::console::table_views::{DEFAULT, TableView};
use crate::fleet::nearest;

/// The list of saved views while it is open.
#[derive(Debug, Clone)]
pub(crate) struct Picker {
    pub views: Vec<TableView>,
    /// The one under the cursor.
    pub at: usize,
}

impl App {
    /// The table that is shown: that of hosts on its page, that of VMs elsewhere.
    pub(crate) fn table(&self) -> Table {
        if self.nav.page() == Page::Hosts { Table::Hosts } else { Table::Vms }
    }

    /// The columns of a table.
    pub(crate) const fn columns(&self, table: Table) -> &Columns {
        match table {
            Table::Vms => &self.vms.rows.columns,
            Table::Hosts => &self.pages.hosts.rows.columns,
        }
    }

    pub(crate) const fn columns_mut(&mut self, table: Table) -> &mut Columns {
        match table {
            Table::Vms => &mut self.vms.rows.columns,
            Table::Hosts => &mut self.pages.hosts.rows.columns,
        }
    }

    /// What a table is sorted by.
    pub(crate) const fn sort(&self, table: Table) -> Sort {
        match table {
            Table::Vms => self.vms.rows.sort,
            Table::Hosts => self.pages.hosts.rows.sort,
        }
    }

    /// Asks for the orders that the tables need, as far as it is due.
    pub(super) fn refresh_rows(&mut self) {
        let fleet = &self.snapshot.fleet;
        let before = (self.vms.order.len(), self.pages.hosts.rows.order.len());
        let vms = self.vms.refresh(fleet, &self.sorter, self.now);
        // Nobody sees the order of hosts elsewhere.
        let shown = self.nav.page() == Page::Hosts;
        let hosts = shown.then(|| self.pages.hosts.rows.refresh(fleet, &self.sorter, self.now)).flatten();
        self.order_due = [vms, hosts].into_iter().flatten().min();
        self.dirty |= before != (self.vms.order.len(), self.pages.hosts.rows.order.len());
    }

    /// Takes an order of a table.
    pub(crate) fn order(&mut self, answer: Answer) {
        let taken = match answer {
            Answer::Vms(found) => self.vms.found(found),
            Answer::Hosts(found) => self.pages.hosts.rows.found(found),
        };
        self.dirty |= taken;
        self.refresh();
    }

    /// Sorts the table that is shown by a column, the other way round where it is sorted by it already.
    pub(crate) fn sort_by(&mut self, column: Column) {
        let table = self.table();
        if column != Column::Id && table.shape(column).is_none() {
            self.note = Some((Tone::Bad, format!("{} have no such column to sort by", table.noun())));
            return;
        }
        match table {
            Table::Vms => self.vms.sort_by(column),
            Table::Hosts => self.pages.hosts.rows.sort_by(column),
        }
        self.refresh_rows();
    }

    /// Turns the order of the table that is shown.
    pub(crate) fn turn_order(&mut self) {
        self.sort_by(self.sort(self.table()).column);
    }

    /// Sorts the table that is shown by the next column.
    pub(crate) fn sort_next(&mut self) {
        let table = self.table();
        let all = table.sortable();
        let at = all.iter().position(|c| *c == self.sort(table).column).map_or(0, |at| at + 1);
        self.sort_by(all[at % all.len()]);
    }

    /// Whether a table is on screen.
    pub(crate) fn shows_table(&self) -> bool {
        self.nav.page() == Page::Hosts || self.plan.vms.area() > 0
    }

    /// Lets columns be chosen.
    pub(crate) fn choose_columns(&mut self) {
        let chooser = Chooser::new(self.columns(self.table()));
        self.overlays.push(Overlay::Columns(chooser));
    }

    pub(super) fn columns_key(&mut self, key: KeyEvent) {
        let Some(Overlay::Columns(mut chooser)) = self.overlays.pop() else { return };
        let did = chooser.key(key, self.columns_mut(chooser.table()));
        match did {
            Did::Stay => self.overlays.push(Overlay::Columns(chooser)),
            Did::Keep => {}
            Did::GiveUp(before) => *self.columns_mut(chooser.table()) = before,
        }
    }

    /// Opens the list of saved views.
    pub(crate) fn open_views(&mut self) {
        match self.views.load() {
            Ok(views) => self.overlays.push(Overlay::Views(Picker { views, at: 0 })),
            Err(error) => self.note = Some((Tone::Bad, error.to_string())),
        }
    }

    pub(super) fn views_key(&mut self, key: KeyEvent) {
        let Some(Overlay::Views(picker)) = self.overlays.last_mut() else { return };
        let last = picker.views.len().saturating_sub(1);
        match key.code {
            KeyCode::Down | KeyCode::Tab | KeyCode::Char('j') => picker.at = (picker.at + 1).min(last),
            KeyCode::Up | KeyCode::BackTab | KeyCode::Char('k') => picker.at = picker.at.saturating_sub(1),
            KeyCode::Home | KeyCode::Char('g') => picker.at = 0,
            KeyCode::End | KeyCode::Char('G') => picker.at = last,
            KeyCode::Enter => {
                let view = picker.views.get(picker.at).cloned();
                self.close();
                if let Some(view) = view {
                    self.show_view(&view);
                }
            }
            KeyCode::Delete | KeyCode::Char('d' | 'D') => {
                if let Some(view) = picker.views.get(picker.at) {
                    let dialog = Dialog::delete_view(&view.name, view.table);
                    self.close();
                    self.open_dialog(dialog);
                }
            }
            KeyCode::Esc | KeyCode::Char('q') => self.close(),
            _ => {}
        }
    }

    /// A saved view by its name; of two the one of the table that is shown.
    pub(crate) fn view_named(&self, name: &str) -> Result<TableView, Wrong> {
        let views = self.views.load().map_err(|error| Wrong::new(0, error.to_string()))?;
        let named = |view: &&TableView| view.name == name;
        let here = views.iter().filter(named).find(|view| view.table == self.table());
        here.or_else(|| views.iter().find(named)).cloned().ok_or_else(|| {
            let near = nearest(name, views.iter().map(|view| view.name.as_str()));
            let near = near.map_or_else(String::new, |near| format!(", perhaps `{near}`"));
            Wrong::new(0, format!("there is no saved view `{name}`{near}"))
        })
    }

    /// Shows a table as it was saved.
    pub(crate) fn show_view(&mut self, view: &TableView) {
        match view.table {
            Table::Hosts => self.jump(Page::Hosts),
            Table::Vms if self.plan.vms.area() == 0 => self.jump(Page::Panel(Panel::Vms)),
            Table::Vms => self.focus(Panel::Vms),
        }
        self.take_view(view);
        self.note = Some((Tone::Good, format!("view {} of {}", view.name, view.table.noun())));
    }

    fn take_view(&mut self, view: &TableView) {
        *self.columns_mut(view.table) = view.shown();
        match view.table {
            Table::Vms => {
                self.vms.sort_as(view.sort);
                self.vms.set_filter(&view.filter, &self.habits.saved);
            }
            Table::Hosts => {
                self.pages.hosts.rows.sort_as(view.sort);
                self.pages.hosts.rows.set_filter(&view.filter, &self.habits.saved);
            }
        }
        self.refresh_rows();
    }

    /// Brings each table into its view named `default`, where there is one. Says what is wrong with the file.
    pub(crate) fn take_default_views(&mut self) {
        match self.views.load() {
            Ok(views) => {
                for view in views.iter().filter(|v| v.name == DEFAULT) {
                    self.take_view(view);
                }
            }
            Err(error) => self.note = Some((Tone::Bad, error.to_string())),
        }
    }

    /// Saves how a table is shown now.
    pub(crate) fn save_view(&mut self, name: &str, table: Table) {
        let filter = match table {
            Table::Vms => &self.vms.filter_box.text,
            Table::Hosts => &self.pages.hosts.rows.filter_box.text,
        };
        let view = TableView::of(name, self.columns(table), self.sort(table), filter);
        self.note = Some(match self.views.save(view) {
            Ok(false) => (Tone::Good, format!("view {name} of {} saved", table.noun())),
            Ok(true) => (Tone::Good, format!("view {name} of {} saved in the place of the one before", table.noun())),
            Err(error) => (Tone::Bad, format!("view {name} is not saved: {error}")),
        });
    }

    pub(super) fn delete_view(&mut self, name: &str, table: Table) {
        self.note = Some(match self.views.delete(name, table) {
            Ok(()) => (Tone::Good, format!("view {name} of {} deleted", table.noun())),
            Err(error) => (Tone::Bad, format!("view {name} is not deleted: {error}")),
        });
    }
}
