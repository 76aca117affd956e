//! All hosts as a table: only the rows on screen are built.

use ratatui::layout::Rect;

use super::heatmap::named;
use super::paint::{Paint, piece};
use crate::console::app::App;
use crate::console::format::counted;
use crate::console::layout::inside;
use crate::console::pages::hosts::HostsPage;
use crate::console::theme::Role;
use crate::fleet::HostId;

pub(super) fn draw(app: &App, page: &HostsPage, paint: &mut Paint<'_>) {
    let area = app.plan.page;
    let fleet = &app.snapshot.fleet;
    let total = counted(fleet.hosts.len(), "host");
    paint.panel(area, true, &[piece("Hosts", Role::Title)], &[piece(total, Role::Dim)]);
    let room = inside(area);
    for row in page.cursor.shown(fleet.hosts.len()) {
        let y = room.y + 1 + (row - page.cursor.top) as u16;
        let line = named(fleet, HostId(row as u32), app);
        paint.whole(room.x + 2, y, room.right(), &line);
        if row == page.cursor.row {
            paint.text(room.x, y, room.right(), paint.glyphs().cursor, Role::Key);
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
}
