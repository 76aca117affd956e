//! What is chosen from a list: columns, saved views.

use ratatui::layout::Rect;

use super::paint::Paint;
use super::table::BEFORE;
use crate::console::app::{App, Picker};
use crate::console::columns::{Chooser, Table};
use crate::console::format::counted;
use crate::console::hits::Hit;
use crate::console::layout::{centred, inside};
use crate::console::theme::Role;

/// The room of a list in a popup, below its first line.
fn inner(area: Rect) -> Rect {
    Rect { x: area.x + 2, y: area.y + 1, width: area.width.saturating_sub(4), height: area.height.saturating_sub(2) }
}

/// A line of a list: the sign of the cursor, and what a click on it means.
fn begin(paint: &mut Paint<'_>, room: Rect, y: u16, line: usize, here: bool) {
    paint.hits.note(Rect { y, height: 1, ..room }, Hit::Line(line));
    if here {
        paint.text(room.x, y, room.right(), paint.glyphs().cursor, Role::Key);
    }
}

pub(super) fn columns(app: &App, chooser: &Chooser, paint: &mut Paint<'_>) {
    let columns = app.columns(chooser.table());
    let body = app.plan.body;
    let table = if chooser.table() == Table::Hosts { app.plan.page } else { app.plan.vms };
    // Below the table's titles and first rows, at the right: what is chosen shows there at once.
    let below = body.bottom().saturating_sub(table.y + 5).max(8).min(body.height);
    let height = (columns.all().len() as u16 + 2).min(below);
    let wide = 64.min(body.width);
    let area = Rect::new(body.right() - wide, body.bottom() - height, wide, height);
    paint.popup(area, false, &format!("Columns of {}", chooser.table().noun()));
    let room = inner(area);
    let rows = usize::from(room.height).max(1);
    let top = (chooser.at + 1).saturating_sub(rows);
    let fits = columns.fitting(inside(table).width.saturating_sub(BEFORE + 1));
    for (i, choice) in columns.all().iter().enumerate().skip(top).take(rows) {
        let y = room.y + (i - top) as u16;
        let here = i == chooser.at;
        begin(paint, room, y, i, here);
        let no_room = choice.shown && fits.iter().all(|fit| fit.shape.column != choice.shape.column);
        let (sign, role) = match choice.shown {
            true if no_room => (paint.glyphs().wait, Role::Wait),
            true => (paint.glyphs().ok, Role::Ok),
            false => (paint.glyphs().none, Role::Off),
        };
        paint.text(room.x + 2, y, room.right(), sign, role);
        let name = if choice.shown { Role::Text } else { Role::Off };
        paint.text(room.x + 4, y, room.x + 14, choice.shape.title, name);
        let role = if choice.width.is_some() { Role::Strong } else { Role::Dim };
        paint.right(room.x + 18, y, room.x + 14, &choice.wide().to_string(), role);
        let lead = if no_room { "No room now. " } else { "" };
        paint.cut(room.x + 20, y, room.right(), &format!("{lead}{}", choice.shape.doc), Role::Dim);
        if here {
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
    paint.end_popup();
}

pub(super) fn views(app: &App, picker: &Picker, paint: &mut Paint<'_>) {
    let body = app.plan.body;
    let area = centred(body, 84, (picker.views.len().max(2) as u16 + 2).min(body.height));
    paint.popup(area, false, "Saved views");
    let room = inner(area);
    if picker.views.is_empty() {
        let key = app.look.keymap.keys_of("save-view").first().cloned().unwrap_or_default();
        paint.text(room.x, room.y, room.right(), "None is saved yet.", Role::Text);
        let text = format!("{key} in a table saves its columns, order and filter.");
        paint.cut(room.x, room.y + 1, room.right(), &text, Role::Dim);
    }
    let rows = usize::from(room.height).max(1);
    let top = (picker.at + 1).saturating_sub(rows);
    for (i, view) in picker.views.iter().enumerate().skip(top).take(rows) {
        let y = room.y + (i - top) as u16;
        let here = i == picker.at;
        begin(paint, room, y, i, here);
        let x = paint.cut(room.x + 2, y, room.x + 20, &view.name, Role::Strong);
        let x = paint.text((room.x + 21).max(x + 1), y, room.right(), view.table.noun(), Role::Text);
        let glyphs = paint.glyphs();
        let arrow = if view.sort.descending { glyphs.down } else { glyphs.up };
        let mut facts =
            vec![counted(view.columns.len(), "column"), format!("by {} {arrow}", view.table.title(view.sort.column))];
        if !view.filter.is_empty() {
            facts.push(format!("/{}", view.filter));
        }
        let from = (room.x + 28).max(x + 2);
        let text = facts.join(&format!(" {} ", glyphs.dot));
        paint.cut(from, y, room.right(), &text, Role::Dim);
        if here {
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
    paint.end_popup();
}
