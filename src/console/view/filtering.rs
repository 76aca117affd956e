//! The line in which a page's filter stands or is typed, and what is wrong with it.

use ratatui::layout::Rect;

use super::paint::{Paint, width};
use super::typing::{error_under, line_of_text};
use crate::console::filter::FilterBox;
use crate::console::format::count;
use crate::console::pages::finder::Finder;
use crate::console::theme::Role;

/// Draws it at the top of a room; says what is left of the room.
pub(super) fn draw(filter: &FilterBox, paint: &mut Paint<'_>, room: Rect) -> Rect {
    let end = room.right().saturating_sub(1);
    let mut y = room.y;
    if let Some((input, _)) = &filter.editing {
        paint.fill(Rect { height: 1, ..room }, Role::FieldFocus);
        let x = paint.text(room.x + 1, y, end, "/", Role::FieldFocus);
        line_of_text(paint, x, y, end, input);
        y += 1;
    } else if !filter.text.is_empty() {
        let x = paint.text(room.x + 1, y, end, "/", Role::Key);
        paint.cut(x, y, end, &filter.text, Role::Strong);
        y += 1;
    }
    if let (Some(error), Some((input, _))) = (&filter.error, &filter.editing) {
        let text = format!("expected {}, found {}", error.expected, error.found);
        error_under(paint, (room.x + 2, y, end), input, error.column.saturating_sub(1), &text);
        y += 1;
    }
    let used = (y - room.y).min(room.height);
    Rect { y: room.y + used, height: room.height - used, ..room }
}

/// Where one is among the places of what is looked for; empty where nothing is.
pub(super) fn found(search: &FilterBox, finder: &Finder, paint: &Paint<'_>) -> String {
    if search.text.is_empty() {
        return String::new();
    }
    format!("{} of {} found {} ", finder.at.map_or(0, |at| at + 1), count(finder.rows.len()), paint.glyphs().dot)
}

/// Tints what is looked for in a row of text.
pub(super) fn tint_found(finder: &Finder, paint: &mut Paint<'_>, (x, y, end): (u16, u16, u16), row: &str) {
    let needle = &finder.needle;
    if needle.is_empty() {
        return;
    }
    let row = row.to_lowercase();
    for (at, found) in row.match_indices(needle.as_str()) {
        let from = x.saturating_add(width(&row[..at]));
        let area = Rect { x: from, y, width: width(found), height: 1 };
        paint.tint(area.intersection(Rect { x, y, width: end - x, height: 1 }), Role::Pointed);
    }
}
