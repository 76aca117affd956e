//! What changes something: moves, boots, limits. Each opens its dialog, filled in.

use super::{Takes, hosts};
use crate::console::action::when::{steers, steers_class, steers_run};
use crate::console::app::App;
use crate::console::app::Purpose;
use crate::console::dialog::Dialog;
use crate::console::prompt::Wrong;
use crate::console::prompt::complete::{Completions, Over, among, host_names, last_word, selection};
use crate::fleet::{MoveWords, Selection, nearest};
use crate::handle::{Limits, OpKind};

/// The words before a word, those after it, and where those begin; each of them optional.
fn parted<'a>(text: &'a str, word: &str) -> (&'a str, Option<(&'a str, usize)>) {
    let at =
        if text.starts_with(&format!("{word} ")) { Some(0) } else { text.find(&format!(" {word} ")).map(|at| at + 1) };
    match at {
        None => (text, None),
        Some(at) => {
            let after = at + word.len() + 1;
            (text[..at].trim(), Some((&text[after..], text[..after].chars().count())))
        }
    }
}

/// What ends `to EXPR` or an evacuation's hosts: `with OPTIONS`, as the dialogs take them.
const WITH: &str = "with";

/// The options that continue those written after `with`.
fn options_after(words: &str, at: usize) -> Completions {
    let found = last_word(words, MoveWords::continuing(words).into_iter().map(|option| (option, String::new())));
    Completions { from: found.from + at, ..found }
}

/// Whether the options after `with` can be understood.
fn check_options(with: Option<(&str, usize)>) -> Result<(), Wrong> {
    with.map_or(Ok(()), |(words, at)| words.parse::<MoveWords>().map(drop).map_err(|why| Wrong::new(at, why)))
}

/// Moves with a target.
pub(in crate::console::action) static MIGRATE: Takes = Takes {
    usage: "[EXPR] [to HOSTS] [with OPTIONS]",
    needed: false,
    preview: None,
    when: steers,
    complete: |app, text| {
        let (text, with) = parted(text, WITH);
        if let Some((words, at)) = with {
            return options_after(words, at);
        }
        match parted(text, "to") {
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
        }
    },
    check: |app, text| {
        let (text, with) = parted(text, WITH);
        let (which, to) = parted(text, "to");
        if !which.is_empty() {
            app.selected(which, Over::Vms)?;
        }
        if let Some((to, at)) = to {
            app.selected(to, Over::Hosts).map_err(|wrong| wrong.after(at))?;
        }
        check_options(with)
    },
    run: |app, text| {
        (MIGRATE.check)(app, text)?;
        let (text, with) = parted(text, WITH);
        let (which, to) = parted(text, "to");
        let said = [(1, to), (Dialog::OPTIONS, with)].into_iter();
        let fields: Vec<_> = said.filter_map(|(field, said)| Some((field, said?.0.trim().to_owned()))).collect();
        if which.is_empty() { app.ask_migrate_to(&fields) } else { app.choose(which, Purpose::Migrate(fields)) }
    },
};

/// Several names without anything between them are all meant.
pub(super) fn either(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let plain = |word: &&str| !word.contains([':', '=', '(', '<', '>', '!', '"']);
    let keyword = |word: &&str| matches!(*word, "and" | "or" | "not" | "all");
    if words.iter().all(plain) && !words.iter().any(keyword) { words.join(" or ") } else { text.trim().to_owned() }
}

/// Hosts to empty.
pub(in crate::console::action) static EVACUATE: Takes = Takes {
    usage: "HOST... [with OPTIONS]",
    needed: false,
    preview: None,
    when: steers,
    complete: |app, text| {
        let (text, with) = parted(text, WITH);
        if let Some((words, at)) = with {
            options_after(words, at)
        } else if text.contains([':', '=', '(']) {
            hosts(app, text)
        } else {
            last_word(text, host_names(app))
        }
    },
    check: |_, text| {
        let (text, with) = parted(text, WITH);
        Selection::hosts(&either(text))?;
        check_options(with)
    },
    run: |app, text| {
        (EVACUATE.check)(app, text)?;
        let (text, with) = parted(text, WITH);
        let mut fields = vec![(0, either(text))];
        fields.extend(with.map(|(words, _)| (Dialog::OPTIONS, words.trim().to_owned())));
        app.ask_evacuate_hosts(&fields);
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
pub(in crate::console::action) static BOOT: Takes = Takes {
    usage: "CLASS [COUNT] [HOSTS]",
    needed: false,
    preview: None,
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
    const FIELDS: [&str; 7] = [
        "boot_per_host",
        "boot_total",
        "migrate_per_source",
        "migrate_per_target",
        "migrate_per_link",
        "migrate_total",
        "run_total",
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
        let Some(field) = FIELDS.iter().position(|field| *field == name.replace('-', "_")) else {
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
pub(in crate::console::action) static LIMITS: Takes = Takes {
    usage: "NAME=NUMBER...",
    needed: false,
    preview: None,
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

/// A command for guests or hosts.
pub(in crate::console::action) static RUN: Takes = Takes {
    usage: "[COMMAND]",
    needed: false,
    preview: None,
    when: steers_run,
    complete: |_, _| Completions::default(),
    check: |_, _| Ok(()),
    run: |app, text| {
        app.ask_run(Some(text.trim()).filter(|text| !text.is_empty()));
        Ok(())
    },
};

/// Words as the fields of a dialog, in their order.
fn each_a_field(text: &str, most: usize) -> Result<Vec<(usize, String)>, Wrong> {
    let words: Vec<_> = text.split_whitespace().map(str::to_owned).enumerate().collect();
    let Some((_, word)) = words.get(most) else { return Ok(words) };
    Err(Wrong::new(0, format!("`{word}` is one word too many; names with blanks go into the dialog")))
}

/// A file that goes to guests or hosts.
pub(in crate::console::action) static COPY_IN: Takes = Takes {
    usage: "[FILE [PATH-THERE]]",
    needed: false,
    preview: None,
    when: steers_run,
    complete: |_, _| Completions::default(),
    check: |_, text| each_a_field(text, 2).map(drop),
    run: |app, text| {
        app.ask_copy(OpKind::CopyIn, &each_a_field(text, 2)?);
        Ok(())
    },
};

/// A file that comes from guests or hosts.
pub(in crate::console::action) static COPY_OUT: Takes = Takes {
    usage: "[PATH-THERE [DIRECTORY]]",
    run: |app, text| {
        app.ask_copy(OpKind::CopyOut, &each_a_field(text, 2)?);
        Ok(())
    },
    ..COPY_IN
};
