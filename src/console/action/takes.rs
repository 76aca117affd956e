//! What actions do with the words that follow their name in the command line.

use super::Reason;
use super::when::{always, has_any_vm, has_operations, steers, steers_class};
use crate::console::app::{App, Purpose};
use crate::console::columns::{Column, Table};
use crate::console::dialog::Change;
use crate::console::layout::Panel;
use crate::console::page::{Go, Page};
use crate::console::prompt::Wrong;
use crate::console::prompt::complete::{
    Completions, Over, among, host_names, last_word, operations, selection, vm_names,
};
use crate::fleet::{HostId, OpId, Selection, VmId, nearest};
use crate::handle::Limits;

/// How an action is used with words after its name.
pub struct Takes {
    /// The words, as in `CLASS [COUNT] [HOSTS]`.
    pub usage: &'static str,
    /// Whether it cannot do without them.
    pub needed: bool,
    /// Whether it can be run with words now, or why not.
    pub(crate) when: fn(&App) -> Result<(), Reason>,
    /// What can stand at the end of the words.
    pub(crate) complete: fn(&App, &str) -> Completions,
    /// What is wrong with the words.
    pub(crate) check: fn(&App, &str) -> Result<(), Wrong>,
    /// Does it. What is hard to undo asks first, as it does without words.
    pub(crate) run: fn(&mut App, &str) -> Result<(), Wrong>,
}

impl std::fmt::Debug for Takes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Takes({})", self.usage)
    }
}

/// Words that select VMs.
fn vms(app: &App, text: &str) -> Completions {
    selection(app, text, Over::Vms)
}

fn hosts(app: &App, text: &str) -> Completions {
    selection(app, text, Over::Hosts)
}

fn nothing(_: &App, _: &str) -> Completions {
    Completions::default()
}

#[allow(clippy::unnecessary_wraps)] // Has the shape of the other checks.
const fn anything(_: &App, _: &str) -> Result<(), Wrong> {
    Ok(())
}

fn filters_vms(app: &App, text: &str) -> Result<(), Wrong> {
    app.quick(text, Over::Vms).map(drop)
}

fn selects_vms(app: &App, text: &str) -> Result<(), Wrong> {
    app.selected(text, Over::Vms).map(drop)
}

fn filters_hosts(app: &App, text: &str) -> Result<(), Wrong> {
    app.selected(text, Over::Hosts).map(drop)
}

/// The filter of what is on screen.
pub(super) static FILTER: Takes = Takes {
    usage: "EXPR",
    needed: false,
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
pub(super) static VMS: Takes = Takes {
    usage: "EXPR",
    needed: false,
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
pub(super) static HOSTS: Takes = Takes {
    usage: "EXPR",
    needed: false,
    when: always,
    complete: hosts,
    check: filters_hosts,
    run: |app, text| {
        app.selected(text, Over::Hosts)?;
        app.enter(Page::Hosts);
        app.filter_by(text.trim());
        Ok(())
    },
};

/// Marks by a selection.
pub(super) static MARK: Takes = Takes {
    usage: "EXPR",
    needed: false,
    when: has_any_vm,
    complete: vms,
    check: selects_vms,
    run: |app, text| app.choose(text, Purpose::Mark(true)),
};

/// The same, to remove marks.
pub(super) static UNMARK: Takes =
    Takes { needed: true, run: |app, text| app.choose(text, Purpose::Mark(false)), ..takes_vms() };

const fn takes_vms() -> Takes {
    Takes { usage: "EXPR", needed: false, when: has_any_vm, complete: vms, check: selects_vms, run: |_, _| Ok(()) }
}

const fn changes() -> Takes {
    Takes { when: steers, ..takes_vms() }
}

pub(super) static DESTROY: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Destroy)), ..changes() };
pub(super) static PAUSE: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Pause)), ..changes() };
pub(super) static RESUME: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Resume)), ..changes() };
pub(super) static REBOOT: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Reboot)), ..changes() };
pub(super) static STRESS: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::Stress)), ..changes() };
pub(super) static STOP_STRESS: Takes =
    Takes { run: |app, text| app.choose(text, Purpose::Change(Change::StopStress)), ..changes() };

/// The words about VMs, the words about hosts, and where those begin: `EXPR to EXPR`, each of them optional.
fn moved(text: &str) -> (&str, Option<(&str, usize)>) {
    let at = if text.starts_with("to ") { Some(0) } else { text.find(" to ").map(|at| at + 1) };
    match at {
        None => (text, None),
        Some(at) => (text[..at].trim(), Some((&text[at + 3..], text[..at + 3].chars().count()))),
    }
}

/// Moves with a target.
pub(super) static MIGRATE: Takes = Takes {
    usage: "[EXPR] [to HOSTS]",
    needed: false,
    when: steers,
    complete: |app, text| match moved(text) {
        (_, Some((to, at))) => {
            let found = selection(app, to, Over::Hosts);
            Completions { from: found.from + at, ..found }
        }
        (which, None) => {
            let mut found = selection(app, which, Over::Vms);
            let mut to = last_word(text, [("to".to_owned(), "the hosts that they go to".to_owned())]);
            if to.from == found.from {
                found.found.splice(0..0, to.found.drain(..));
            }
            found
        }
    },
    check: |app, text| {
        let (which, to) = moved(text);
        if !which.is_empty() {
            app.selected(which, Over::Vms)?;
        }
        to.map_or(Ok(()), |(to, at)| app.selected(to, Over::Hosts).map(drop).map_err(|wrong| wrong.after(at)))
    },
    run: |app, text| {
        (MIGRATE.check)(app, text)?;
        let (which, to) = moved(text);
        let to = to.map(|(to, _)| to.trim().to_owned());
        if which.is_empty() { app.ask_migrate_to(to.as_deref()) } else { app.choose(which, Purpose::Migrate(to)) }
    },
};

/// Several names without anything between them are all meant.
fn either(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let plain = |word: &&str| !word.contains([':', '=', '(', '<', '>', '!', '"']);
    let keyword = |word: &&str| matches!(*word, "and" | "or" | "not" | "all");
    if words.iter().all(plain) && !words.iter().any(keyword) { words.join(" or ") } else { text.trim().to_owned() }
}

/// Hosts to empty.
pub(super) static EVACUATE: Takes = Takes {
    usage: "HOST...",
    needed: false,
    when: steers,
    complete: |app, text| {
        if text.contains([':', '=', '(']) { hosts(app, text) } else { last_word(text, host_names(app)) }
    },
    check: |_, text| Selection::hosts(&either(text)).map(drop).map_err(Wrong::from),
    run: |app, text| {
        let hosts = either(text);
        Selection::hosts(&hosts)?;
        app.ask_evacuate_hosts(&hosts);
        Ok(())
    },
};

/// What a boot is asked for: a class, a count, hosts.
fn boot_words(app: &App, text: &str) -> Result<Vec<(usize, String)>, Wrong> {
    let mut fields = Vec::new();
    let text = text.trim_end();
    let (class, rest) = text.split_once(' ').unwrap_or((text, ""));
    let classes: Vec<&str> = app.snapshot.about.classes.iter().map(|class| &*class.name).collect();
    let Some(at) = classes.iter().position(|name| *name == class) else {
        return Err(Wrong::new(0, format!("expected a class: {}", classes.join(", "))));
    };
    fields.push((0, at.to_string()));
    let (number, hosts) = rest.split_once(' ').unwrap_or((rest, ""));
    let before = class.chars().count() + 1;
    if !number.is_empty() {
        number.parse::<u32>().map_err(|_| Wrong::new(before, format!("expected a number of VMs, found `{number}`")))?;
        fields.push((1, number.to_owned()));
    }
    if !hosts.trim().is_empty() {
        let at = before + number.chars().count() + 1;
        Selection::hosts(hosts).map_err(|error| Wrong::from(error).after(at))?;
        fields.push((4, hosts.trim().to_owned()));
    }
    Ok(fields)
}

/// A boot that is filled in.
pub(super) static BOOT: Takes = Takes {
    usage: "CLASS [COUNT] [HOSTS]",
    needed: false,
    when: steers_class,
    complete: |app, text| match text.matches(' ').count() {
        0 => {
            let of = |class: &crate::fleet::VmClass| format!("{} vCPU, {}", class.vcpus, class.memory);
            among(0, text, app.snapshot.about.classes.iter().map(|class| (class.name.to_string(), of(class))))
        }
        1 => Completions::default(),
        _ => {
            let at = text.match_indices(' ').nth(1).map_or(text.len(), |(at, _)| at + 1);
            let found = hosts(app, &text[at..]);
            Completions { from: found.from + text[..at].chars().count(), ..found }
        }
    },
    check: |app, text| boot_words(app, text).map(drop),
    run: |app, text| {
        let fields = boot_words(app, text)?;
        app.ask_boot(&fields);
        Ok(())
    },
};

/// Limits by name, as the fields of their dialog.
fn limit_words(text: &str) -> Result<Vec<(usize, String)>, Wrong> {
    const FIELDS: [&str; 6] = [
        "boot_per_host",
        "boot_total",
        "migrate_per_source",
        "migrate_per_target",
        "migrate_per_link",
        "migrate_total",
    ];
    let mut at = 0;
    let mut fields = Vec::new();
    for word in text.split(' ') {
        let here = at;
        at += word.chars().count() + 1;
        if word.is_empty() {
            continue;
        }
        let Some((name, value)) = word.split_once('=') else {
            return Err(Wrong::new(here, format!("expected {word}=NUMBER")));
        };
        let Some(field) = FIELDS.iter().position(|field| *field == name) else {
            let near = nearest(name, FIELDS).map_or_else(String::new, |near| format!(", perhaps `{near}`"));
            return Err(Wrong::new(here, format!("there is no limit `{name}`{near}")));
        };
        value.parse::<u32>().map_err(|_| {
            Wrong::new(here + name.chars().count() + 1, format!("expected a number, 0 for no limit, found `{value}`"))
        })?;
        fields.push((field, value.to_owned()));
    }
    Ok(fields)
}

/// Limits that are filled in.
pub(super) static LIMITS: Takes = Takes {
    usage: "NAME=NUMBER...",
    needed: false,
    when: steers,
    complete: |app, text| {
        let now = app.snapshot.limits.named();
        let doc = |name: &str| match now.get(name) {
            Some(0) | None => "no limit now".to_owned(),
            Some(n) => format!("{n} now"),
        };
        last_word(text, Limits::default().named().keys().map(|name| (format!("{name}="), doc(name))))
    },
    check: |_, text| limit_words(text).map(drop),
    run: |app, text| {
        let fields = limit_words(text)?;
        app.ask_limits(&fields);
        Ok(())
    },
};

fn site_words(app: &App) -> impl Iterator<Item = (String, String)> + '_ {
    let topology = &app.snapshot.fleet.topology;
    topology.sites.iter().map(|site| {
        let clusters: Vec<&str> = site.clusters.iter().map(|c| &*topology.clusters[c.index()].name).collect();
        (site.name.to_string(), clusters.join(", "))
    })
}

fn site_named<'a>(app: &'a App, text: &str) -> Result<&'a str, Wrong> {
    let name = text.trim();
    let sites = &app.snapshot.fleet.topology.sites;
    sites.iter().find(|site| *site.name == *name).map(|site| &*site.name).ok_or_else(|| {
        let near = nearest(name, sites.iter().map(|site| &*site.name));
        Wrong::new(0, unknown("site", name, near))
    })
}

fn unknown(what: &str, name: &str, near: Option<&str>) -> String {
    let near = near.map_or_else(String::new, |near| format!(", perhaps `{near}`"));
    format!("there is no {what} `{name}`{near}")
}

/// A site's VMs.
pub(super) static SITE: Takes = Takes {
    usage: "NAME",
    needed: true,
    when: always,
    complete: |app, text| among(0, text, site_words(app)),
    check: |app, text| site_named(app, text).map(drop),
    run: |app, text| {
        let filter = format!("site:{}", site_named(app, text)?);
        app.follow(Go::Vms(filter));
        Ok(())
    },
};

fn host_named(app: &App, text: &str) -> Result<HostId, Wrong> {
    let topology = &app.snapshot.fleet.topology;
    topology.host_named(text.trim()).ok_or_else(|| {
        let near = nearest(text.trim(), topology.hosts.iter().map(|host| &*host.name));
        Wrong::new(0, unknown("host", text.trim(), near))
    })
}

/// A host's page.
pub(super) static HOST: Takes = Takes {
    usage: "NAME",
    needed: true,
    when: always,
    complete: |app, text| among(0, text, host_names(app)),
    check: |app, text| host_named(app, text).map(drop),
    run: |app, text| {
        let host = host_named(app, text)?;
        app.enter(Page::Host(host));
        Ok(())
    },
};

fn vm_named(app: &App, text: &str) -> Result<VmId, Wrong> {
    let vms = &app.snapshot.fleet.vms;
    let name = text.trim();
    vms.ids().find(|&vm| vms.name(vm) == name).ok_or_else(|| Wrong::new(0, unknown("VM", name, None)))
}

/// A VM's page.
pub(super) static VM: Takes = Takes {
    usage: "NAME",
    needed: true,
    when: has_any_vm,
    complete: |app, text| among(0, text, vm_names(app, text)),
    // Only Enter looks through the whole fleet.
    check: anything,
    run: |app, text| {
        let vm = vm_named(app, text)?;
        app.enter(Page::Vm(vm));
        Ok(())
    },
};

fn operation_named(app: &App, text: &str) -> Result<OpId, Wrong> {
    let number = text.trim().trim_start_matches('#').parse().ok().map(OpId);
    let known = number.filter(|id| app.snapshot.operations.iter().any(|op| op.id == *id));
    known.ok_or_else(|| Wrong::new(0, unknown("operation", text.trim(), None)))
}

/// An operation's tasks.
pub(super) static OPERATION: Takes = Takes {
    usage: "NUMBER",
    needed: true,
    when: has_operations,
    complete: |app, text| among(0, text, operations(app)),
    check: |app, text| operation_named(app, text).map(drop),
    run: |app, text| {
        let op = operation_named(app, text)?;
        app.enter(Page::Tasks(op));
        Ok(())
    },
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
pub(super) static SORT: Takes = Takes {
    usage: "COLUMN [up|down]",
    needed: true,
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

/// Names for the filter that holds.
pub(super) static SAVE_FILTER: Takes = Takes {
    usage: "NAME",
    needed: true,
    when: super::when::has_filter,
    complete: |app, text| among(0, text, app.habits.saved.all().map(|(name, text)| (name.to_owned(), text.to_owned()))),
    check: anything,
    run: |app, text| app.save_filter(text.trim()).map_err(|problem| Wrong::new(0, problem)),
};

/// What is copied.
pub(super) static COPY: Takes = Takes {
    usage: "names|row|filter|screen",
    needed: false,
    when: always,
    complete: |_, text| among(0, text, COPIED.map(|(word, id)| (word.to_owned(), copied_doc(id)))),
    check: |_, text| copied(text).map(drop),
    run: |app, text| {
        let action = copied(text)?;
        app.run(action);
        Ok(())
    },
};

const COPIED: [(&str, &str); 4] =
    [("names", "copy"), ("row", "copy-row"), ("filter", "copy-filter"), ("screen", "copy-screen")];

fn copied_doc(id: &str) -> String {
    super::named(id).map_or_else(String::new, |action| action.doc.to_owned())
}

fn copied(text: &str) -> Result<&'static super::Action, Wrong> {
    let found = COPIED.iter().find(|(word, _)| *word == text.trim()).and_then(|(_, id)| super::named(id));
    found.ok_or_else(|| Wrong::new(0, "expected names, row, filter or screen"))
}

/// What the help is searched for.
pub(super) static HELP: Takes = Takes {
    usage: "WORD",
    needed: false,
    when: always,
    complete: |_, text| among(0, text, super::all().map(|action| (action.id.to_owned(), action.doc.to_owned()))),
    check: anything,
    run: |app, text| {
        app.open_help(text.trim());
        Ok(())
    },
};

/// What the command line says when it opens.
pub(super) static COMMAND: Takes = Takes {
    usage: "TEXT",
    needed: false,
    when: always,
    complete: nothing,
    check: anything,
    run: |app, text| {
        app.begin_command(text);
        Ok(())
    },
};

/// What the heatmap shows.
pub(super) static METRIC: Takes = Takes {
    usage: "METRIC",
    needed: false,
    when: always,
    complete: |_, text| among(0, text, metrics().map(|metric| (metric.word().to_owned(), String::new()))),
    check: |_, text| metric_named(text).map(drop),
    run: |app, text| {
        app.show_heat(metric_named(text)?);
        app.focus(Panel::Hosts);
        Ok(())
    },
};

fn metrics() -> impl Iterator<Item = crate::console::heat::Metric> {
    crate::console::heat::Metric::ALL.into_iter()
}

fn metric_named(text: &str) -> Result<crate::console::heat::Metric, Wrong> {
    metrics().find(|metric| metric.word() == text.trim()).ok_or_else(|| {
        let known: Vec<&str> = metrics().map(crate::console::heat::Metric::word).collect();
        Wrong::new(0, format!("expected one of {}", known.join(", ")))
    })
}
