//! Writing what is shown to a file.

use super::{App, Tone};
use crate::console::columns::{Column, Table};
use crate::console::dialog::{Act, Dialog};
use crate::console::export::{Ended, Export, Format, Gather, Next, Sheet, Target};
use crate::console::format::counted;
use crate::console::layout::Panel;
use crate::console::page::Page;
use crate::console::pages::output::OutputPage;
use crate::console::pages::room::{Room, Wing};
use crate::handle::{Answer, Query};

/// What would be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Table(Table),
    Operations,
    /// What the page asks for, page by page.
    Asked(&'static str),
    /// What is read of a VM from close by.
    Text(Wing),
    /// What a command wrote.
    Output,
}

impl Shown {
    /// Its word in a file's name.
    const fn word(self) -> &'static str {
        match self {
            Self::Table(table) => table.word(),
            Self::Operations => "operations",
            Self::Asked(what) => what,
            Self::Text(wing) => wing.word(),
            Self::Output => "output",
        }
    }
}

impl App {
    fn shown(&self) -> Option<Shown> {
        match self.nav.page() {
            Page::Overview | Page::Panel(Panel::Operations) if self.focus == Panel::Operations => {
                Some(Shown::Operations)
            }
            Page::Overview | Page::Panel(Panel::Vms) => Some(Shown::Table(Table::Vms)),
            Page::Panel(Panel::Hosts) | Page::Hosts => Some(Shown::Table(Table::Hosts)),
            Page::Tasks(_) => Some(Shown::Asked("tasks")),
            Page::Events => Some(Shown::Asked("events")),
            Page::Room(_, wing @ (Wing::Console | Wing::Xml)) => Some(Shown::Text(wing)),
            Page::Output(_) => Some(Shown::Output),
            _ => None,
        }
    }

    /// Whether what is shown can be written to a file.
    pub(crate) fn can_export(&self) -> bool {
        self.shown().is_some()
    }

    /// Asks where to write what is shown.
    pub(crate) fn ask_export(&mut self, format: Format) {
        let Some(shown) = self.shown() else { return };
        let (name, ending) = match shown {
            Shown::Text(wing) => {
                let vm = self.pages.room.as_ref().map(|room| self.snapshot.fleet.vms.name(room.vm).to_owned());
                (vm, wing.ending())
            }
            Shown::Output => (self.task().map(|task| task.name.to_string()), "log"),
            _ => (None, ""),
        };
        if let Some(name) = name {
            let path = Target::default_path(&format!("{name}-{}", shown.word()), ending);
            return self.open_dialog(Dialog::save_text(&name, shown.word(), &path));
        }
        let count = match shown {
            Shown::Table(Table::Vms) => counted(self.vms.order.len(), "VM"),
            Shown::Table(Table::Hosts) => counted(self.hosts_order().len(), "host"),
            Shown::Operations => counted(self.snapshot.operations.len(), "operation"),
            Shown::Asked(what) => what.to_owned(),
            Shown::Text(_) | Shown::Output => return,
        };
        self.open_dialog(Dialog::export(&count, format, &Target::default_path(shown.word(), format.ending())));
    }

    /// The order of the host table, or world order until it was shown.
    fn hosts_order(&self) -> crate::console::order::Order<crate::fleet::HostId> {
        let rows = &self.pages.hosts.rows;
        if rows.loading {
            return crate::console::order::Order::All(self.snapshot.fleet.hosts.len() as u32);
        }
        rows.order.clone()
    }

    /// Why what is shown cannot be written now.
    pub(super) fn export_blocked(&self) -> Option<&'static str> {
        let unsettled = match self.shown() {
            Some(Shown::Table(Table::Vms)) => !self.vms.settled(),
            Some(Shown::Table(Table::Hosts)) => !self.pages.hosts.rows.loading && !self.pages.hosts.rows.settled(),
            _ => false,
        };
        if unsettled {
            Some("the filter is still at work")
        } else if self.asks.gathered.is_some() || self.asks.export.is_some() {
            Some("another file is being written")
        } else {
            None
        }
    }

    /// Writes what is shown to that file, or says why not now.
    pub(crate) fn export_now(&mut self, path: &str, format: Format) -> Result<(), &'static str> {
        self.export_blocked().map_or(Ok(()), Err)?;
        self.export(path, format);
        Ok(())
    }

    /// Writes what is shown to that file.
    fn export(&mut self, path: &str, format: Format) {
        let text = match self.shown() {
            Some(Shown::Text(_)) => self.pages.room.as_mut().and_then(Room::text),
            Some(Shown::Output) => self.pages.output.as_ref().and_then(OutputPage::text),
            _ => None,
        };
        if let Some(text) = text {
            let target = Target::named(path, Format::Text);
            return self.write(Export { target, sheet: Sheet::Text(text) });
        }
        let target = Target::named(path, format);
        let fleet = self.snapshot.fleet.clone();
        let columns = |table| -> Vec<Column> { self.columns(table).shown().map(|c| c.shape.column).collect() };
        let sheet = match self.shown() {
            Some(Shown::Table(table @ Table::Vms)) => {
                Sheet::Vms { fleet, order: self.vms.order.clone(), columns: columns(table) }
            }
            Some(Shown::Table(table @ Table::Hosts)) => {
                Sheet::Hosts { fleet, order: self.hosts_order(), columns: columns(table) }
            }
            Some(Shown::Operations) => Sheet::Operations(self.operations().into_iter().cloned().collect()),
            Some(Shown::Asked(what)) => {
                let asked = self.pages.seen(self.nav.page()).and_then(crate::console::page::PageView::query);
                let all = || Query::Events { filter: <_>::default(), before: None, offset: 0, limit: 0 };
                let query = asked.or_else(|| (what == "events").then(all));
                if let Some(gather) = query.and_then(|query| Gather::new(target, query)) {
                    self.asks.gathered = Some(self.handle.query(gather.query()));
                    self.gather = Some(gather);
                }
                return;
            }
            Some(Shown::Text(_) | Shown::Output) | None => return,
        };
        self.write(Export { target, sheet });
    }

    fn write(&mut self, export: Export) {
        self.note = Some((Tone::Good, format!("writing {}", export.target.path.display())));
        self.asks.export = Some(export.start());
    }

    /// Takes a page of what is to be written.
    pub(super) fn gathered(&mut self, answer: Answer) {
        let Some(gather) = &mut self.gather else { return };
        match gather.take(answer, &self.snapshot.fleet) {
            Next::Ask => self.asks.gathered = Some(self.handle.query(gather.query())),
            Next::Write(export) => {
                self.gather = None;
                self.write(*export);
            }
            Next::Fail(reason) => {
                self.gather = None;
                self.note = Some((Tone::Bad, format!("nothing is written: {reason}")));
            }
        }
    }

    /// Says how writing ended; asks where a file is in the way.
    pub(super) fn exported(&mut self, ended: Ended) {
        match ended {
            Ended::Written(rows, path) => {
                let path = std::path::absolute(&path).unwrap_or(path);
                self.note = Some((Tone::Good, format!("{} in {}", counted(rows, "row"), path.display())));
            }
            Ended::Failed(reason) => self.note = Some((Tone::Bad, reason)),
            Ended::Exists(export) => {
                self.note = None;
                self.in_the_way = Some(export);
                self.ask_in_the_way();
            }
        }
    }

    /// Asks about the file that is in the way, as soon as nothing else is open and nobody is typing: a question must
    /// not come between somebody and what they are about to press.
    pub(super) fn ask_in_the_way(&mut self) {
        if self.overlays.is_empty()
            && !self.is_filtering()
            && self.keys.is_empty()
            && let Some(export) = self.in_the_way.take()
        {
            self.open_dialog(Dialog::overwrite(*export));
            self.dirty = true;
        }
    }

    /// Does what a dialog asks for that concerns this console alone.
    pub(super) fn do_here(&mut self, act: &Act, value: &str) {
        match act {
            Act::Export(format) => {
                if let Err(reason) = self.export_now(value, *format) {
                    self.note = Some((Tone::Bad, reason.to_owned()));
                    return;
                }
            }
            Act::Overwrite(export) => {
                let mut export = Export::clone(export);
                export.target.overwrite = true;
                self.write(export);
            }
            Act::SaveView(table) => self.save_view(value, *table),
            Act::DeleteView(name, table) => self.delete_view(name, *table),
            _ => return,
        }
        self.close();
    }
}
