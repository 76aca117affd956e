//! How the console looks, what is copied, what the help is asked for.

use super::{Takes, anything, nothing, unknown};
use crate::console::action::when::always;
use crate::console::action::{Action, all, named};
use crate::console::heat::Metric;
use crate::console::layout::Panel;
use crate::console::prompt::Wrong;
use crate::console::prompt::complete::among;
use crate::fleet::nearest;

/// What is copied.
pub(in crate::console::action) static COPY: Takes = Takes {
    usage: "names|row|filter|screen",
    needed: false,
    preview: None,
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
    named(id).map_or_else(String::new, |action| action.doc.to_owned())
}

fn copied(text: &str) -> Result<&'static Action, Wrong> {
    let found = COPIED.iter().find(|(word, _)| *word == text.trim()).and_then(|(_, id)| named(id));
    found.ok_or_else(|| Wrong::new(0, "expected names, row, filter or screen"))
}

/// What the help is searched for.
pub(in crate::console::action) static HELP: Takes = Takes {
    usage: "WORD",
    needed: false,
    preview: None,
    when: always,
    complete: |_, text| among(0, text, all().map(|action| (action.id.to_owned(), action.doc.to_owned()))),
    check: anything,
    run: |app, text| {
        app.open_help(text.trim());
        Ok(())
    },
};

/// What the command line says when it opens.
pub(in crate::console::action) static COMMAND: Takes = Takes {
    usage: "TEXT",
    needed: false,
    preview: None,
    when: always,
    complete: nothing,
    check: anything,
    run: |app, text| {
        app.begin_command(text);
        Ok(())
    },
};

/// What the heatmap shows.
pub(in crate::console::action) static METRIC: Takes = Takes {
    usage: "METRIC",
    needed: false,
    preview: None,
    when: always,
    complete: |_, text| among(0, text, metrics().map(|metric| (metric.word().to_owned(), String::new()))),
    check: |_, text| metric_named(text).map(drop),
    run: |app, text| {
        app.show_heat(metric_named(text)?);
        app.focus(Panel::Hosts);
        Ok(())
    },
};

fn metrics() -> impl Iterator<Item = Metric> {
    Metric::ALL.into_iter()
}

fn metric_named(text: &str) -> Result<Metric, Wrong> {
    metrics().find(|metric| metric.word() == text.trim()).ok_or_else(|| {
        let known: Vec<&str> = metrics().map(Metric::word).collect();
        Wrong::new(0, format!("expected one of {}", known.join(", ")))
    })
}

/// Names that may be a file's path too.
fn named_or_file(names: &[String], text: &str, what: &str) -> Result<(), Wrong> {
    let name = text.trim();
    if name.contains(['/', '.']) || names.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(Wrong::new(0, unknown(what, name, nearest(name, names.iter().map(String::as_str)))))
}

/// The theme.
pub(in crate::console::action) static THEME: Takes = Takes {
    usage: "NAME",
    needed: true,
    preview: Some(|app, name| {
        app.preview_theme(name);
    }),
    when: always,
    complete: |app, text| among(0, text, app.look.themes().into_iter().map(|name| (name, String::new()))),
    check: |app, text| named_or_file(&app.look.themes(), text, "theme"),
    run: |app, text| {
        named_or_file(&app.look.themes(), text, "theme")?;
        app.set_theme(text.trim());
        Ok(())
    },
};

/// The keymap.
pub(in crate::console::action) static KEYMAP: Takes = Takes {
    usage: "NAME",
    needed: true,
    preview: None,
    when: always,
    complete: |app, text| among(0, text, app.look.keymaps().into_iter().map(|name| (name, String::new()))),
    check: |app, text| named_or_file(&app.look.keymaps(), text, "keymap"),
    run: |app, text| {
        named_or_file(&app.look.keymaps(), text, "keymap")?;
        app.set_keymap(text.trim());
        Ok(())
    },
};
