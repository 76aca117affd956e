//! Lines that are typed into.

use ratatui::layout::Rect;
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::paint::{Paint, width};
use crate::console::theme::Role;

/// Columns of a line between `x` and `end`, and how many of its columns are scrolled away.
fn window(x: u16, end: u16, input: &Input) -> (usize, usize) {
    let width = usize::from(end.saturating_sub(x + 1)).max(1);
    (width, input.visual_scroll(width))
}

/// A line that is typed into, with a cursor of our own.
pub(super) fn line_of_text(paint: &mut Paint<'_>, x: u16, y: u16, end: u16, input: &Input) {
    let (width, skip) = window(x, end, input);
    // Wide characters count as what they take on screen.
    let mut columns = 0;
    let mut shown = String::new();
    for c in input.value().chars() {
        let wide = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if columns >= skip && columns + wide <= skip + width {
            shown.push(c);
        }
        columns += wide;
    }
    paint.text(x, y, end, &shown, Role::FieldFocus);
    let at = x + (input.visual_cursor().saturating_sub(skip)) as u16;
    paint.picked(Rect::new(at.min(end), y, 1, 1));
}

/// What is wrong, under the character `at` of a line that begins at the same column: to the right of an arrow that
/// points there, or to its left where there is more room.
pub(super) fn error_under(paint: &mut Paint<'_>, (x, y, end): (u16, u16, u16), input: &Input, at: usize, text: &str) {
    let (columns, skip) = window(x, end, input);
    let before: String = input.value().chars().take(at).collect();
    let column = before.width().saturating_sub(skip).min(columns);
    let arrow = x + column as u16;
    let sign = paint.glyphs().up;
    let (left, right) = (arrow.saturating_sub(x), end.saturating_sub(arrow + 2));
    if width(text) > right && left > right {
        let start = arrow.saturating_sub(width(text) + 1).max(x);
        paint.cut(start, y, arrow.saturating_sub(1), text, Role::Error);
        paint.text(arrow, y, end, sign, Role::Error);
    } else {
        let after = paint.text(arrow, y, end, sign, Role::Error);
        paint.cut(after + 1, y, end, text, Role::Error);
    }
}
