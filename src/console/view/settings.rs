//! Every setting: its name, its value, who set it; below what the one under the cursor does.

use ratatui::layout::Rect;

use super::filtering;
use super::paint::{Paint, piece};
use super::parts::wrap;
use crate::console::app::App;
use crate::console::layout::inside;
use crate::console::pages::settings::{BELOW, Line};
use crate::console::theme::Role;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let page = &app.pages.settings;
    let area = app.plan.page;
    let (shown, all) = page.count();
    let total = if shown == all { all.to_string() } else { format!("{shown} of {all}") };
    let file = page.file.as_deref().unwrap_or("no configuration file");
    let title = [piece("Settings", Role::Title), piece(format!(" {} {file}", paint.glyphs().dot), Role::Dim)];
    // A long path leaves no room for it in the title.
    let title = if usize::from(area.width) > file.len() + 24 { &title[..] } else { &title[..1] };
    paint.panel(area, true, title, &[piece(total, Role::Dim)]);
    let room = filtering::draw(&page.filter, paint, inside(area));
    if shown == 0 {
        paint.text(room.x + 1, room.y, room.right(), "no setting is like this", Role::Dim);
    }
    for row in page.cursor.shown(shown) {
        let y = room.y + (row - page.cursor.top) as u16;
        if let Some(line) = page.line(row).filter(|_| y < room.bottom()) {
            setting(paint, Rect { y, height: 1, ..room }, line, row == page.cursor.row);
        }
    }
    let below = room.bottom().saturating_sub(BELOW).max(room.y + page.cursor.height as u16);
    if let Some(line) = page.line(page.cursor.row).filter(|_| below + BELOW <= room.bottom()) {
        about(paint, Rect { y: below, height: BELOW, ..room }, line);
    }
}

fn setting(paint: &mut Paint<'_>, room: Rect, line: &Line, here: bool) {
    let (y, end) = (room.y, room.right());
    let name = if room.width >= 58 { 18 } else { 14 };
    let origin = end.saturating_sub(if room.width >= 58 { (room.width / 3).min(44) } else { 9 });
    paint.cut(room.x + 2, y, room.x + 2 + name, &line.key, if line.set { Role::Strong } else { Role::Text });
    let x = paint.cut(room.x + 3 + name, y, origin.saturating_sub(1), &line.value, Role::Text);
    if let Some(means) = &line.means {
        paint.cut(x + 1, y, origin.saturating_sub(1), &format!("{} {means}", paint.glyphs().to), Role::Dim);
    }
    paint.cut(origin, y, end, &line.origin, if line.set { Role::Busy } else { Role::Dim });
    if here {
        paint.text(room.x, y, end, paint.glyphs().cursor, Role::Key);
        paint.tint(room, Role::Cursor);
    }
}

/// What a setting does, and how it is set.
fn about(paint: &mut Paint<'_>, room: Rect, line: &Line) {
    let rule = paint.glyphs().border.horizontal_bottom.repeat(usize::from(room.width));
    paint.text(room.x, room.y, room.right(), &rule, Role::Border);
    let (x, end) = (room.x + 1, room.right());
    let told = wrap(line.doc, usize::from(room.width.saturating_sub(2)));
    for (y, text) in (room.y + 1..room.bottom() - 1).zip(told) {
        paint.text(x, y, end, &text, Role::Text);
    }
    paint.cut(x, room.bottom() - 1, end, &line.ways, Role::Dim);
}
