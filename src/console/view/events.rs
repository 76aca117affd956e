//! What happened, the newest first.

use ratatui::layout::Rect;

use super::filtering;
use super::paint::{Paint, piece, width};
use crate::console::app::App;
use crate::console::format::{clock, count, cut};
use crate::console::layout::inside;
use crate::console::pages::events::EventsPage;
use crate::console::theme::Role;
use crate::handle::{Event, Level};

pub(super) fn draw(app: &App, page: &EventsPage, paint: &mut Paint<'_>) {
    let area = app.plan.page;
    let glyphs = app.look.glyphs;
    let mut title = vec![piece("Events", Role::Title)];
    match page.level {
        Level::Info => {}
        Level::Warning => title.push(piece(format!(" {} warnings and errors", glyphs.dot), Role::Warn)),
        Level::Error => title.push(piece(format!(" {} errors", glyphs.dot), Role::Error)),
    }
    let more = if page.ended || page.known() == 0 { "" } else { "+" };
    let total = if page.len() == page.known() {
        format!("{}{more}", count(page.len()))
    } else {
        format!("{} of {}{more}", count(page.len()), count(page.known()))
    };
    paint.panel(area, true, &title, &[piece(total, Role::Dim)]);
    let room = filtering::draw(&page.filter, paint, inside(area));
    if page.len() == 0 {
        let text = if page.known() == 0 { "nothing has happened yet" } else { "no event is like this" };
        paint.text(room.x + 1, room.y, room.right(), text, Role::Dim);
    }
    for row in page.cursor.shown(page.len()) {
        let y = room.y + (row - page.cursor.top) as u16;
        if let Some(event) = page.event(row).filter(|_| y < room.bottom()) {
            line(app, paint, Rect { y, height: 1, ..room }, event, row == page.cursor.row);
        }
    }
    let new = match (page.new, page.missed) {
        (0, false) => return,
        (0, true) => format!(" {} many new ", glyphs.up),
        (new, missed) => format!(" {} {}{} new ", glyphs.up, count(new), if missed { "+" } else { "" }),
    };
    paint.right(area.right() - 2, area.bottom() - 1, area.x + 1, &new, Role::Key);
}

fn line(app: &App, paint: &mut Paint<'_>, room: Rect, event: &Event, here: bool) {
    let (glyphs, y) = (paint.glyphs(), room.y);
    let (sign, role, text) = match event.level {
        Level::Info => (glyphs.dot, Role::Dim, Role::Text),
        Level::Warning => (glyphs.warn, Role::Warn, Role::Warn),
        Level::Error => (glyphs.bad, Role::Error, Role::Text),
    };
    if here {
        paint.text(room.x, y, room.right(), glyphs.cursor, Role::Key);
    }
    let x = paint.text(room.x + 1, y, room.right(), &format!("{:>8} {sign} ", clock(event.at)), role);
    let mut end = room.right();
    // On the right: where it happened and what it belongs to, where there is room.
    let mut tail = |text: String, wants: u16| {
        if room.width >= wants {
            paint.right(end, y, x, &text, Role::Dim);
            end = end.saturating_sub(width(&text) + 1);
        }
    };
    if let Some(op) = event.op {
        let kind = event.kind.map_or("", |kind| kind.word());
        tail(if room.width >= 90 { format!("{op:<4} {kind:<9}", op = op.to_string()) } else { op.to_string() }, 40);
    }
    if let Some(host) = event.host.and_then(|host| app.snapshot.fleet.topology.hosts.get(host.index())) {
        tail(format!("{:<16}", cut(&host.name, 16, glyphs.more)), 110);
    }
    paint.cut(x, y, end, &event.text, text);
    if here {
        paint.tint(room, Role::Cursor);
    }
}
