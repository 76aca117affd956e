//! The help and the palette, both from the list of actions.

use ratatui::layout::Rect;

use super::paint::{Paint, width};
use super::table::line_of_text;
use crate::console::action::{self, Action};
use crate::console::app::App;
use crate::console::hits::Hit;
use crate::console::layout::centred;
use crate::console::palette::Palette;
use crate::console::theme::Role;

/// A line of the help.
enum Line {
    Chapter(&'static str),
    Action(&'static Action),
    /// What the mouse does: on what, and what.
    Mouse(&'static str, &'static str),
    Blank,
}

/// What the mouse does.
const MOUSE: [(&str, &str); 8] = [
    ("click", "Goes to a row, site, host or panel; on a column's title, sorts by it."),
    ("double click", "Opens what is under it."),
    ("click at the top", "Goes to that step of the way."),
    ("click at the bottom", "Runs that action."),
    ("ctrl click, right", "Marks a row, or removes its mark."),
    ("right drag", "Marks all rows that it is drawn over."),
    ("wheel", "Scrolls what is under it."),
    ("shift", "Selects text as without Hemera, in most terminals."),
];

pub(super) fn keys(app: &App, top: usize, paint: &mut Paint<'_>) {
    let area = centred(app.plan.body, 104, app.plan.body.height);
    let title = format!("Keys {} {}", app.look.glyphs.dot, app.look.keymap.name);
    paint.popup(area, false, &title);
    let room = Rect {
        x: area.x + 3,
        y: area.y + 1,
        width: area.width.saturating_sub(6),
        height: area.height.saturating_sub(2),
    };
    let mut lines = Vec::new();
    let mut chapter = "";
    for action in action::all() {
        if action.area != chapter {
            if !chapter.is_empty() {
                lines.push(Line::Blank);
            }
            chapter = action.area;
            lines.push(Line::Chapter(chapter));
        }
        lines.push(Line::Action(action));
    }
    lines.extend([Line::Blank, Line::Chapter("Mouse")]);
    lines.extend(MOUSE.map(|(what, does)| Line::Mouse(what, does)));
    let top = top.min(lines.len().saturating_sub(usize::from(room.height)));
    for (i, line) in lines.iter().skip(top).take(usize::from(room.height)).enumerate() {
        let y = room.y + i as u16;
        match line {
            Line::Blank => {}
            Line::Chapter(name) => {
                paint.text(room.x, y, room.right(), name, Role::Title);
            }
            Line::Mouse(what, does) => {
                paint.text(room.x + 1, y, room.x + 22, what, Role::Key);
                paint.cut(room.x + 22, y, room.right(), does, Role::Dim);
            }
            Line::Action(action) => entry(app, action, paint, Rect { y, height: 1, ..room }),
        }
    }
    let left = lines.len().saturating_sub(top + usize::from(room.height));
    if left > 0 {
        let text = format!(" {} {left} more ", app.look.glyphs.down);
        paint.right(area.right() - 2, area.bottom() - 1, area.x, &text, Role::Dim);
    }
    paint.end_popup();
}

/// An action: its keys, its name, what it does, and why it cannot be used now.
fn entry(app: &App, action: &Action, paint: &mut Paint<'_>, room: Rect) {
    let keys = app.look.keymap.keys_of(action.id).join(" ");
    let reason = (action.when)(app).err();
    let role = if reason.is_some() { Role::Off } else { Role::Text };
    let keys_width = 17;
    paint.cut(room.x + 1, room.y, room.x + keys_width, &keys, if reason.is_some() { Role::Off } else { Role::Key });
    let mut x = room.x + keys_width + 1;
    paint.cut(x, room.y, x + 21, action.name, role);
    x += 22;
    match reason {
        Some(reason) => {
            let text = format!("not now: {reason}");
            paint.cut(x, room.y, room.right(), &text, Role::Off);
        }
        None => {
            paint.cut(x, room.y, room.right(), action.doc, Role::Dim);
        }
    }
}

pub(super) fn palette(app: &App, palette: &Palette, paint: &mut Paint<'_>) {
    let body = app.plan.body;
    let height = 18.min(body.height);
    let mut area = centred(body, 96, height);
    area.y = body.y + body.height.saturating_sub(height) / 3;
    paint.popup(area, false, "Command");
    let room = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    paint.fill(Rect { height: 1, ..room }, Role::FieldFocus);
    let x = paint.text(room.x, room.y, room.right(), ":", Role::FieldFocus);
    line_of_text(paint, x, room.y, room.right() - 1, &palette.input);
    let rows = usize::from(room.height.saturating_sub(1)).max(1);
    let top = (palette.at + 1).saturating_sub(rows);
    if palette.found.is_empty() {
        paint.text(room.x + 2, room.y + 1, room.right(), "no action has these letters", Role::Dim);
    }
    for (i, action) in palette.found.iter().enumerate().skip(top).take(rows) {
        let y = room.y + 1 + (i - top) as u16;
        let reason = (action.when)(app).err();
        let role = if reason.is_some() { Role::Off } else { Role::Text };
        paint.hits.note(Rect { y, height: 1, ..room }, Hit::Line(i));
        let here = i == palette.at;
        if here {
            paint.text(room.x, y, room.right(), paint.glyphs().cursor, Role::Key);
        }
        paint.cut(room.x + 2, y, room.x + 23, action.name, if here && reason.is_none() { Role::Strong } else { role });
        let keys = app.look.keymap.keys_of(action.id).first().cloned().unwrap_or_default();
        let end = room.right().saturating_sub(width(&keys) + 2);
        let text = reason.map_or_else(|| action.doc.to_owned(), |reason| format!("not now: {reason}"));
        paint.cut(room.x + 24, y, end, &text, if reason.is_some() { Role::Off } else { Role::Dim });
        paint.right(room.right(), y, room.x, &keys, Role::Key);
        if here {
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
    paint.end_popup();
}
