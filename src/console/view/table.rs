//! What the tables have in common: the filter's lines, the columns' titles, the cells.

use ratatui::layout::Rect;

use super::paint::{Paint, Piece, piece};
use super::typing::{error_under, line_of_text};
use crate::console::columns::{Fit, Table};
use crate::console::filter::FilterBox;
use crate::console::format::{count, counted, cut};
use crate::console::hits::Hit;
use crate::console::order::Sort;
use crate::console::terms::split;
use crate::console::theme::Role;

/// What stands before the columns: the cursor, the mark, a blank.
pub(super) const BEFORE: u16 = 3;

/// `· by cpu ↓`, for a panel's title.
pub(super) fn sorted_by(paint: &Paint<'_>, table: Table, sort: Sort) -> Piece {
    let glyphs = paint.glyphs();
    let arrow = if sort.descending { glyphs.down } else { glyphs.up };
    piece(format!(" {} by {} {arrow}", glyphs.dot, table.title(sort.column)), Role::Dim)
}

/// `240 of 10 240 VMs`.
pub(super) fn total(shown: usize, all: usize, noun: &str) -> Piece {
    let text = if shown == all { counted(shown, noun) } else { format!("{} of {}", count(shown), counted(all, noun)) };
    piece(text, Role::Dim)
}

/// The filter and what is wrong with it, each on a line where there is any; what is left of the room.
pub(super) fn filter(filter: &FilterBox, paint: &mut Paint<'_>, mut room: Rect) -> Rect {
    for line in [filter_line, error_line] {
        if line(filter, paint, room) {
            room.y += 1;
            room.height = room.height.saturating_sub(1);
        }
    }
    room
}

fn filter_line(filter: &FilterBox, paint: &mut Paint<'_>, room: Rect) -> bool {
    let end = room.right() - 1;
    match &filter.editing {
        Some((input, _)) => {
            paint.fill(Rect { height: 1, ..room }, Role::FieldFocus);
            let x = paint.text(room.x + 1, room.y, end, "/", Role::FieldFocus);
            line_of_text(paint, x, room.y, end, input);
            true
        }
        None if !filter.text.is_empty() => {
            let x = paint.text(room.x + 1, room.y, end, "/", Role::Key);
            let x = crumbs(paint, x, room.y, end, &filter.text);
            let from = paint.right(end, room.y, x + 1, "Esc clears", Role::Dim);
            paint.hits.note(Rect::new(from, room.y, end - from, 1), Hit::Action("clear-filter"));
            true
        }
        None => false,
    }
}

/// The terms of a filter after one another, so that one sees what the last one narrows.
fn crumbs(paint: &mut Paint<'_>, mut x: u16, y: u16, end: u16, text: &str) -> u16 {
    let between = format!(" {} ", paint.glyphs().crumb);
    for (i, term) in split(text).into_iter().enumerate() {
        if i > 0 {
            x = paint.text(x, y, end, &between, Role::Dim);
        }
        x = paint.cut(x, y, end, term, Role::Strong);
    }
    x
}

fn error_line(filter: &FilterBox, paint: &mut Paint<'_>, room: Rect) -> bool {
    let Some(error) = &filter.error else { return false };
    let end = room.right() - 1;
    let text = format!("expected {}, found {}", error.expected, error.found);
    match &filter.editing {
        Some((input, _)) => {
            error_under(paint, (room.x + 2, room.y, end), input, error.column.saturating_sub(1), &text);
        }
        None => {
            paint.cut(room.x + 2, room.y, end, &text, Role::Error);
        }
    }
    true
}

/// The columns' titles; a click on one sorts by it.
pub(super) fn titles(paint: &mut Paint<'_>, room: Rect, table: Table, columns: &[Fit], sort: Sort) {
    for fit in columns {
        let role = if fit.shape.column == sort.column { Role::Strong } else { Role::Column };
        let area = Rect { x: room.x + BEFORE + fit.at, width: fit.width, height: 1, ..room };
        cell(paint, area, fit, fit.shape.title, role);
        paint.hits.note(area, Hit::Title(table, fit.shape.column));
    }
}

/// A text in its column, cut to it.
pub(super) fn cell(paint: &mut Paint<'_>, area: Rect, fit: &Fit, text: &str, role: Role) {
    let text = cut(text, usize::from(area.width.saturating_sub(fit.gap)), paint.glyphs().more);
    if fit.shape.right {
        paint.right(area.right(), area.y, area.x, &text, role);
    } else {
        paint.text(area.x + fit.gap, area.y, area.right(), &text, role);
    }
}

/// A row before its cells: cursor and mark. Notes it as something to click on.
pub(super) fn begin(paint: &mut Paint<'_>, line: Rect, hit: Hit, here: bool, marked: bool) {
    paint.hits.note(line, hit);
    if here {
        paint.text(line.x, line.y, line.right(), paint.glyphs().cursor, Role::Key);
    }
    if marked {
        paint.text(line.x + 1, line.y, line.right(), paint.glyphs().mark, Role::Mark);
    }
}

/// Lines in the middle of the room, where there are no rows.
pub(super) fn instead(paint: &mut Paint<'_>, room: Rect, lines: &[String]) {
    let top = room.y + room.height.saturating_sub(lines.len() as u16) / 2;
    for (i, line) in lines.iter().enumerate() {
        let x = room.x + room.width.saturating_sub(super::paint::width(line)) / 2;
        let y = top + i as u16;
        if y < room.bottom() {
            paint.text(x, y, room.right(), line, if i == 0 { Role::Text } else { Role::Dim });
        }
    }
}

/// What is marked, at the right of a panel's bottom border.
pub(super) fn selection(paint: &mut Paint<'_>, area: Rect, mut text: String, range: Option<usize>) {
    if let Some(range) = range {
        let more = format!("range of {}", count(range));
        text = if text.is_empty() { more } else { format!("{text}, {more}") };
    }
    if !text.is_empty() {
        let y = area.bottom() - 1;
        paint.right(area.right() - 2, y, area.x + 1, &format!(" {text} "), Role::Mark);
    }
}
