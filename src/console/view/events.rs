//! What happened, the newest first.

use ratatui::layout::Rect;

use super::paint::{Paint, piece, width};
use crate::console::app::App;
use crate::console::format::{clock, count};
use crate::console::layout::inside;
use crate::console::pages::events::EventsPage;
use crate::console::theme::Role;
use crate::handle::Level;

pub(super) fn draw(app: &App, page: &EventsPage, paint: &mut Paint<'_>) {
    let area = app.plan.page;
    paint.panel(area, true, &[piece("Events", Role::Title)], &[piece(count(app.snapshot.events.len()), Role::Dim)]);
    let room = inside(area);
    let events = &app.snapshot.events;
    let glyphs = app.look.glyphs;
    if events.is_empty() {
        paint.text(room.x, room.y, room.right(), "nothing yet", Role::Dim);
    }
    for row in page.cursor.shown(events.len()) {
        let event = &events[events.len() - 1 - row];
        let y = room.y + (row - page.cursor.top) as u16;
        if row == page.cursor.row {
            paint.text(room.x, y, room.right(), glyphs.cursor, Role::Key);
        }
        let (sign, role) = match event.level {
            Level::Info => (glyphs.dot, Role::Dim),
            Level::Warning => (glyphs.warn, Role::Warn),
            Level::Error => (glyphs.bad, Role::Error),
        };
        let at = clock(event.at);
        let x = paint.text(room.x + 1, y, room.right(), &format!("{at:>8} {sign} "), role);
        let mut what = event.text.to_string();
        if let Some(op) = event.op {
            let tail = format!("  {op}");
            paint.right(room.right(), y, x, &tail, Role::Dim);
            what = crate::console::format::cut(
                &what,
                usize::from(room.right().saturating_sub(x + width(&tail))),
                glyphs.more,
            );
        }
        paint.cut(x, y, room.right(), &what, Role::Text);
        if row == page.cursor.row {
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
}
