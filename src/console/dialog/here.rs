//! Dialogs about what concerns this console alone: files that it writes.

use super::{Act, Dialog, Field};
use crate::console::columns::Table;
use crate::console::export::{Export, Format};

impl Dialog {
    /// What is shown, to a file.
    pub(crate) fn export(what: &str, format: Format, path: &str) -> Self {
        let fields = vec![Field::text("file", path, "")];
        let title = format!("Export {what} as {}", format.word());
        let mut dialog = Self::new(Act::Export(format), title, "Write", fields);
        dialog.facts.push("All rows that the filter lets through, in their order, with the columns shown.".into());
        dialog
    }

    /// What is read of a VM, to a file.
    pub(crate) fn save_text(vm: &str, what: &str, path: &str) -> Self {
        let fields = vec![Field::text("file", path, "")];
        let mut dialog = Self::new(Act::Export(Format::Text), format!("Save the {what} of {vm}"), "Write", fields);
        dialog.facts.push("All of it, as text without colours.".into());
        dialog
    }

    /// A file is in the way.
    pub(crate) fn overwrite(export: Export) -> Self {
        let fact = format!("{} is there already.", export.target.path.display());
        let act = Act::Overwrite(export.into());
        let mut dialog = Self::new(act, "Write over a file".into(), "Write over it", Vec::new());
        dialog.facts.push(fact);
        dialog.danger = true;
        dialog
    }

    /// How a table is shown now, under a name.
    pub(crate) fn save_view(table: Table) -> Self {
        let fields = vec![Field::text("name", "", "default: what the table begins with")];
        let title = format!("Save the view of {}", table.noun());
        let mut dialog = Self::new(Act::SaveView(table), title, "Save", fields);
        dialog.facts.push("Columns, widths, order and filter are kept under a name.".into());
        dialog
    }

    /// A saved view is to go.
    pub(crate) fn delete_view(name: &str, table: Table) -> Self {
        let title = format!("Delete view {name} of {}", table.noun());
        let mut dialog = Self::new(Act::DeleteView(name.to_owned(), table), title, "Delete", Vec::new());
        dialog.danger = true;
        dialog
    }

    /// Whether it concerns this console alone.
    pub(crate) fn is_here(&self) -> bool {
        self.here().is_some()
    }

    /// Whether it concerns this console alone; what is wrong with its field.
    pub(super) fn here(&self) -> Option<Result<(), (usize, String)>> {
        let named = |what: &str| {
            if self.fields[0].value().is_empty() { Err((0, format!("expected {what}"))) } else { Ok(()) }
        };
        match self.act {
            Act::Export(_) => Some(named("the name of a file")),
            Act::SaveView(_) => Some(named("a name")),
            Act::Overwrite(_) | Act::DeleteView(..) => Some(Ok(())),
            _ => None,
        }
    }
}
