//! The command line, with what can stand there under it.

use ratatui::layout::Rect;

use super::paint::{Paint, width};
use super::typing::{error_under, line_of_text};
use crate::console::app::App;
use crate::console::hits::Hit;
use crate::console::layout::centred;
use crate::console::palette::{Palette, Pick};
use crate::console::prompt::{Prompt, Row};
use crate::console::theme::Role;

/// A line of a list: its text, what it is, its keys, and why it cannot be chosen.
struct Line {
    name: String,
    doc: String,
    keys: String,
    off: Option<&'static str>,
}

/// Clears the place of the command line or the palette; gives its inside.
fn popup(app: &App, paint: &mut Paint<'_>, title: &str) -> Rect {
    let body = app.plan.body;
    let height = 18.min(body.height);
    let mut area = centred(body, 96, height);
    area.y = body.y + body.height.saturating_sub(height) / 3;
    paint.popup(area, false, title);
    Rect { x: area.x + 2, y: area.y + 1, width: area.width.saturating_sub(4), height: area.height.saturating_sub(2) }
}

/// The palette: a line to type letters into, and what has them.
pub(super) fn palette(app: &App, palette: &Palette, paint: &mut Paint<'_>) {
    let room = popup(app, paint, "Find an action");
    paint.fill(Rect { height: 1, ..room }, Role::FieldFocus);
    line_of_text(paint, room.x + 1, room.y, room.right() - 1, &palette.input);
    let list = Rect { y: room.y + 1, height: room.height.saturating_sub(1), ..room };
    if palette.found.is_empty() {
        paint.text(list.x + 2, list.y, list.right(), "no action has these letters", Role::Dim);
    }
    let line = |pick: &Pick| match pick {
        Pick::Action(action) => of_action(app, action),
        Pick::Extra(extra) => Line { name: extra.name.clone(), doc: extra.doc.clone(), keys: String::new(), off: None },
    };
    lines(paint, list, palette.found.iter().map(line), palette.at);
    paint.end_popup();
}

/// The command line.
pub(super) fn draw(app: &App, prompt: &Prompt, paint: &mut Paint<'_>) {
    let title = if prompt.searching { "Commands typed before" } else { "Command" };
    let room = popup(app, paint, title);
    let end = room.right() - 1;
    paint.fill(Rect { height: 1, ..room }, Role::FieldFocus);
    let x = paint.text(room.x, room.y, end, if prompt.searching { "?" } else { ":" }, Role::FieldFocus);
    line_of_text(paint, x, room.y, end, &prompt.input);
    match (&prompt.wrong, &prompt.usage) {
        (Some(wrong), _) => error_under(paint, (x, room.y + 1, end), &prompt.input, wrong.at, &wrong.text),
        (None, Some(usage)) => {
            paint.cut(x, room.y + 1, end, usage, Role::Dim);
        }
        (None, None) => {
            let hint = if prompt.text().is_empty() { "a command; up: those before, ctrl-r: search them" } else { "" };
            paint.cut(x, room.y + 1, end, hint, Role::Dim);
        }
    }
    let list = Rect { y: room.y + 2, height: room.height.saturating_sub(2), ..room };
    let line = |row: &Row| match row {
        Row::Action(action) => Line { name: action.id.to_owned(), ..of_action(app, action) },
        Row::Alias(name, line) => plain(name, &format!(":{line}")),
        Row::Word(word) => plain(&word.text, &word.doc),
        Row::Past(line) => plain(line, ""),
    };
    lines(paint, list, prompt.rows.iter().map(line), prompt.at);
    paint.end_popup();
}

fn plain(name: &str, doc: &str) -> Line {
    Line { name: name.to_owned(), doc: doc.to_owned(), keys: String::new(), off: None }
}

fn of_action(app: &App, action: &crate::console::action::Action) -> Line {
    Line {
        name: action.name.to_owned(),
        doc: action.doc.to_owned(),
        keys: app.look.keymap.keys_of(action.id).first().cloned().unwrap_or_default(),
        off: (action.when)(app).err(),
    }
}

/// Those of the lines around the chosen one that fit.
fn lines(paint: &mut Paint<'_>, room: Rect, all: impl Iterator<Item = Line>, at: usize) {
    let rows = usize::from(room.height).max(1);
    let top = (at + 1).saturating_sub(rows);
    for (i, line) in all.enumerate().skip(top).take(rows) {
        let y = room.y + (i - top) as u16;
        let here = i == at;
        paint.hits.note(Rect { y, height: 1, ..room }, Hit::Line(i));
        if here {
            paint.text(room.x, y, room.right(), paint.glyphs().cursor, Role::Key);
        }
        let role = match line.off {
            Some(_) => Role::Off,
            None if here => Role::Strong,
            None => Role::Text,
        };
        let end = room.right().saturating_sub(if line.keys.is_empty() { 0 } else { width(&line.keys) + 2 });
        let column = if line.doc.is_empty() && line.off.is_none() { end } else { (room.x + 23).min(end) };
        paint.cut(room.x + 2, y, column, &line.name, role);
        let text = line.off.map_or(line.doc, |reason| format!("not now: {reason}"));
        paint.cut(room.x + 24, y, end, &text, if line.off.is_some() { Role::Off } else { Role::Dim });
        paint.right(room.right(), y, room.x, &line.keys, Role::Key);
        if here {
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
}
