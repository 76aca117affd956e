//! VMs and hosts by a selection; the order of the VM table.

use super::{Takes, anything, filters_hosts, filters_vms, hosts, selects_vms, vms};
use crate::console::action::when::{always, has_any_vm, has_filter, steers};
use crate::console::app::Purpose;
use crate::console::columns::{Column, Table};
use crate::console::dialog::Change;
use crate::console::page::{Go, Page};
use crate::console::prompt::Wrong;
use crate::console::prompt::complete::{Over, among, last_word, selection};

/// The filter of what is on screen.
pub(in crate::console::action) static FILTER: Takes = Takes {
    usage: "EXPR",
    needed: false,
    preview: None,
    when: always,
    complete: |app, text| selection(app, text, app.over()),
    check: |app, text| app.quick(text, app.over()).map(drop),
    run: |app, text| {
        app.quick(text, app.over())?;
        app.filter_anew(text);
        Ok(())
    },
};

/// The VM table with a filter.
pub(in crate::console::action) static VMS: Takes = Takes {
    usage: "EXPR",
    needed: false,
    preview: None,
    when: always,
    complete: vms,
    check: filters_vms,
    run: |app, text| {
        app.quick(text, Over::Vms)?;
        app.follow(Go::Vms(text.trim().to_owned()));
        Ok(())
    },
};

/// The table of hosts with a filter.
pub(in crate::console::action) static HOSTS: Takes = Takes {
    usage: "EXPR",
    needed: false,
    preview: None,
    when: always,
    complete: hosts,
    check: filters_hosts,
    run: |app, text| {
        app.quick(text, Over::Hosts)?;
        app.enter(Page::Hosts);
        app.filter_by(text.trim());
        Ok(())
    },
};

/// Marks by a selection.
pub(in crate::console::action) static MARK: Takes = Takes {
    usage: "EXPR",
    needed: false,
    preview: None,
    when: has_any_vm,
    complete: vms,
    check: selects_vms,
    run: |app, text| app.choose(text, Purpose::Mark(true)),
};

/// The same, to remove marks.
pub(in crate::console::action) static UNMARK: Takes =
    Takes { needed: true, run: |app, text| app.choose(text, Purpose::Mark(false)), ..takes_vms() };

const fn takes_vms() -> Takes {
    Takes {
        usage: "EXPR",
        needed: false,
        preview: None,
        when: has_any_vm,
        complete: vms,
        check: selects_vms,
        run: |_, _| Ok(()),
    }
}

const fn changes() -> Takes {
    Takes { when: steers, ..takes_vms() }
}

pub(in crate::console::action) static DESTROY: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Destroy)), ..changes() };
pub(in crate::console::action) static SHUTDOWN: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Shutdown)), ..changes() };
pub(in crate::console::action) static PAUSE: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Pause)), ..changes() };
pub(in crate::console::action) static RESUME: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Resume)), ..changes() };
pub(in crate::console::action) static REBOOT: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Reboot)), ..changes() };
pub(in crate::console::action) static ADOPT: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Adopt)), ..changes() };
pub(in crate::console::action) static STRESS: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Stress)), ..changes() };
pub(in crate::console::action) static STOP_STRESS: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::StopStress)), ..changes() };

/// Names for the filter that holds.
pub(in crate::console::action) static SAVE_FILTER: Takes = Takes {
    usage: "NAME",
    needed: true,
    preview: None,
    when: has_filter,
    complete: |app, text| among(0, text, app.habits.saved.all().map(|(name, text)| (name.to_owned(), text.to_owned()))),
    check: anything,
    run: |app, text| app.save_filter(text.trim()).map_err(|problem| Wrong::new(0, problem)),
};

/// What a column is called in the command line.
fn column_word(table: Table, column: Column) -> &'static str {
    match (table, column) {
        (Table::Vms, Column::Id) => "age",
        _ => table.title(column),
    }
}

fn column_named(table: Table, text: &str) -> Result<(Column, Option<bool>), Wrong> {
    let (name, way) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let column =
        table.sortable().iter().copied().find(|column| column_word(table, *column) == name).ok_or_else(|| {
            let known: Vec<&str> = table.sortable().iter().map(|column| column_word(table, *column)).collect();
            Wrong::new(0, format!("expected one of {}", known.join(", ")))
        })?;
    let descending = match way.trim() {
        "" => None,
        "up" => Some(false),
        "down" => Some(true),
        _ => return Err(Wrong::new(name.chars().count() + 1, "expected up or down")),
    };
    Ok((column, descending))
}

/// The order of the VM table.
pub(in crate::console::action) static SORT: Takes = Takes {
    usage: "COLUMN [up|down]",
    needed: true,
    preview: None,
    when: always,
    complete: |app, text| {
        if text.contains(' ') {
            let ways = [("up", "the smallest first"), ("down", "the largest first")];
            return last_word(text, ways.map(|(word, doc)| (word.to_owned(), doc.to_owned())));
        }
        let table = app.table();
        let words = table.sortable().iter().map(|column| (column_word(table, *column).to_owned(), String::new()));
        among(0, text, words)
    },
    check: |app, text| column_named(app.table(), text).map(drop),
    run: |app, text| {
        let table = app.table();
        let (column, descending) = column_named(table, text)?;
        let now = app.sort(table);
        if descending.is_none() || now.column != column || Some(now.descending) != descending {
            app.sort_by(column);
        }
        if descending.is_some_and(|descending| descending != app.sort(table).descending) {
            app.sort_by(column);
        }
        Ok(())
    },
};
