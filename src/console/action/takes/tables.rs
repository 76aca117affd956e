//! What the tables show, their saved views, files with what they show.

use super::{Takes, anything, nothing, unknown};
use crate::console::action::when::{always, has_table, shows_rows, steers_simulated};
use crate::console::columns::{Column, Columns, Table};
use crate::console::export::Format;
use crate::console::prompt::Wrong;
use crate::console::prompt::complete::{Completions, among, last_word};
use crate::fleet::nearest;

/// The columns of the table that is shown.
pub(in crate::console::action) static COLUMNS: Takes = Takes {
    usage: "NAME...",
    needed: false,
    preview: None,
    when: has_table,
    complete: |app, text| {
        let written: Vec<&str> = text.split_whitespace().collect();
        let free = app.table().shapes().iter().filter(|shape| !written.contains(&shape.id) || text.ends_with(shape.id));
        last_word(text, free.map(|shape| (shape.id.to_owned(), shape.doc.to_owned())))
    },
    check: |app, text| columns_named(app.table(), text).map(drop),
    run: |app, text| {
        let table = app.table();
        let chosen = columns_named(table, text)?;
        *app.columns_mut(table) = Columns::of(table, &chosen);
        Ok(())
    },
};

fn columns_named(table: Table, text: &str) -> Result<Vec<(Column, Option<u16>)>, Wrong> {
    let mut at = 0;
    let mut chosen: Vec<(Column, Option<u16>)> = Vec::new();
    for word in text.split(' ') {
        let here = at;
        at += word.chars().count() + 1;
        if word.is_empty() {
            continue;
        }
        let known = || table.shapes().iter().map(|shape| shape.id);
        let shape = table.shapes().iter().find(|shape| shape.id == word);
        let shape = shape.ok_or_else(|| Wrong::new(here, unknown("column", word, nearest(word, known()))))?;
        if chosen.iter().any(|(column, _)| *column == shape.column) {
            return Err(Wrong::new(here, format!("`{word}` stands there already")));
        }
        chosen.push((shape.column, None));
    }
    Ok(chosen)
}

/// A saved view; of two with that name the one of the table that is shown.
pub(in crate::console::action) static VIEW: Takes = Takes {
    usage: "NAME",
    needed: false,
    preview: None,
    when: always,
    complete: |app, text| {
        let views = app.views.load().unwrap_or_default();
        among(0, text, views.into_iter().map(|view| (view.name, format!("of {}", view.table.noun()))))
    },
    check: |app, text| app.view_named(text.trim()).map(drop),
    run: |app, text| {
        let view = app.view_named(text.trim())?;
        app.show_view(&view);
        Ok(())
    },
};

/// A name for what the table shows now.
pub(in crate::console::action) static SAVE_VIEW: Takes = Takes {
    usage: "NAME",
    needed: false,
    preview: None,
    when: has_table,
    complete: |app, text| {
        let views = app.views.load().unwrap_or_default();
        let here = views.into_iter().filter(|view| view.table == app.table());
        among(0, text, here.map(|view| (view.name, "in the place of the one before".to_owned())))
    },
    check: anything,
    run: |app, text| {
        app.save_view(text.trim(), app.table());
        Ok(())
    },
};

/// The format, then the file: without one it is asked for.
pub(in crate::console::action) static EXPORT: Takes = Takes {
    usage: "csv|json [FILE]",
    needed: false,
    preview: None,
    when: shows_rows,
    complete: |_, text| {
        let formats = FORMATS.map(|format| (format.ending().to_owned(), format!("as {}", format.word())));
        if text.contains(' ') { Completions::default() } else { among(0, text, formats) }
    },
    check: |_, text| export_words(text).map(drop),
    run: |app, text| {
        let (format, file) = export_words(text)?;
        if file.is_empty() {
            app.ask_export(format);
        } else if let Err(reason) = app.export_now(file, format) {
            return Err(Wrong::new(0, reason));
        }
        Ok(())
    },
};

const FORMATS: [Format; 2] = [Format::Csv, Format::Json];

fn export_words(text: &str) -> Result<(Format, &str), Wrong> {
    let text = text.trim();
    let (word, file) = text.split_once(' ').unwrap_or((text, ""));
    let format = FORMATS.into_iter().find(|format| format.ending() == word);
    format.map(|format| (format, file.trim())).ok_or_else(|| Wrong::new(0, "expected csv or json"))
}

/// How many times as fast as its own pace a demo is played.
pub(in crate::console::action) static DEMO: Takes = Takes {
    usage: "SPEED",
    needed: false,
    preview: None,
    when: steers_simulated,
    complete: nothing,
    check: |_, text| pace(text).map(drop),
    run: |app, text| {
        app.play_demo(pace(text)?);
        Ok(())
    },
};

fn pace(text: &str) -> Result<f64, Wrong> {
    let told = || Wrong::new(0, "expected how many times as fast, from 0.05 to 10000: 2");
    text.trim().parse().ok().filter(|pace| (0.05..=10_000.0).contains(pace)).ok_or_else(told)
}
