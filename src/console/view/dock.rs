//! What the tour and a demo say, at the bottom of the screen.

use ratatui::layout::Rect;

use super::paint::{Paint, width};
use crate::console::app::App;
use crate::console::dock::Told;
use crate::console::theme::Role;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.dock;
    let Some(told) = app.told().filter(|_| area.area() > 0) else { return };
    let mut room = area;
    if Told::bordered(app.size) {
        paint.popup(area, false, &told.title);
        room = Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 2 };
    } else {
        paint.fill(area, Role::Popup);
        room = Rect { x: area.x + 1, width: area.width - 2, ..room };
    }
    let last = room.bottom() - 1;
    for (y, line) in (room.y..last).zip(told.lines(app.size)) {
        paint.text(room.x, y, room.right(), &line, Role::Strong);
    }
    // How one goes on matters more than what was pressed, and is short enough for every screen only without it.
    let left = if Told::bordered(app.size) || !told.left.is_empty() { told.left } else { told.title };
    let x = paint.cut(room.x, last, room.right(), &left, Role::Key);
    if x + 2 + width(&told.right) <= room.right() {
        paint.right(room.right(), last, x + 2, &told.right, Role::Dim);
    }
    paint.end_popup();
}
