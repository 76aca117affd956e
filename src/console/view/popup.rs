//! Small popups near the bottom: what keys may follow, what can be chosen, what can stand in a filter.

use ratatui::layout::Rect;

use super::paint::{Paint, width};
use crate::console::app::App;
use crate::console::filter::Choosing;
use crate::console::hits::Hit;
use crate::console::layout::centred;
use crate::console::menu::Menu;
use crate::console::theme::Role;

/// Lines in columns at the bottom of the body; gives the place of each.
fn columns(app: &App, paint: &mut Paint<'_>, title: &str, count: usize, wide: u16) -> Vec<Rect> {
    let body = app.plan.body;
    let across = (body.width.saturating_sub(4) / wide).clamp(1, 4);
    let rows = (count as u16).div_ceil(across).min(body.height.saturating_sub(2)).max(1);
    let area = Rect { y: body.bottom().saturating_sub(rows + 2), height: (rows + 2).min(body.height), ..body };
    paint.popup(area, false, title);
    let each = area.width.saturating_sub(4) / across;
    let place = |i: u16| Rect {
        x: area.x + 2 + (i / rows) * each,
        y: area.y + 1 + i % rows,
        width: each.saturating_sub(1),
        height: 1,
    };
    (0..(rows * across).min(count as u16)).map(place).collect()
}

/// What may follow the keys that were pressed.
pub(super) fn following(app: &App, paint: &mut Paint<'_>) {
    let context = app.context();
    let found = app.look.keymap.following(context, &app.keys);
    let title = format!("{} then", app.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let places = columns(app, paint, &title, found.len(), 38);
    for (i, ((key, bound), room)) in found.iter().zip(places).enumerate() {
        paint.hits.note(room, Hit::Line(i));
        let off = (bound.action.when)(app).err().filter(|_| bound.words.is_none());
        let role = |on| if off.is_some() { Role::Off } else { on };
        paint.text(room.x, room.y, room.right(), key, role(Role::Key));
        let x = room.x + width(key).max(5) + 1;
        let x = paint.cut(x, room.y, room.right(), &bound.label(), role(Role::Text));
        if let Some(reason) = off {
            paint.cut(x + 1, room.y, room.right(), reason, Role::Off);
        }
    }
    paint.end_popup();
}

/// What can stand at the end of a filter.
pub(super) fn words(app: &App, choosing: &Choosing, paint: &mut Paint<'_>) {
    let column = choosing.words.iter().map(|word| width(&word.text)).max().unwrap_or(0).clamp(8, 30);
    let wide = column + 24;
    let places = columns(app, paint, "Tab goes on", choosing.words.len(), wide);
    for (i, (word, room)) in choosing.words.iter().zip(places).enumerate() {
        let here = choosing.at == Some(i);
        paint.hits.note(room, Hit::Line(i));
        let end = (room.x + column).min(room.right());
        paint.cut(room.x, room.y, end, &word.text, if here { Role::Strong } else { Role::Text });
        paint.cut(end + 1, room.y, room.right(), &word.doc, Role::Dim);
        if here {
            paint.tint(room, Role::Cursor);
        }
    }
    paint.end_popup();
}

/// A list to choose from.
pub(super) fn menu(app: &App, menu: &Menu, paint: &mut Paint<'_>) {
    let names = menu.entries.iter().map(|entry| width(&entry.name)).max().unwrap_or(0).min(24);
    let keys = menu.entries.iter().map(|entry| width(&entry.key)).max().unwrap_or(0).max(1);
    let docs = menu.entries.iter().map(|entry| width(&entry.doc)).max().unwrap_or(0).max(24);
    let wide = (keys + names + docs + 10).max(width(&menu.title) + 8).min(100);
    let area = centred(app.plan.body, wide, menu.entries.len() as u16 + 2);
    paint.popup(area, false, &menu.title);
    let room = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height.saturating_sub(2) };
    let rows = usize::from(room.height).max(1);
    let top = (menu.at + 1).saturating_sub(rows);
    for (i, entry) in menu.entries.iter().enumerate().skip(top).take(rows) {
        let y = room.y + (i - top) as u16;
        let here = i == menu.at;
        paint.hits.note(Rect { y, height: 1, ..room }, Hit::Line(i));
        let role = |on| if entry.off.is_some() { Role::Off } else { on };
        if here {
            paint.text(room.x, y, room.right(), paint.glyphs().cursor, Role::Key);
        }
        paint.text(room.x + 2, y, room.right(), &entry.key, role(Role::Key));
        let x = room.x + 3 + keys;
        paint.cut(x, y, (x + names).min(room.right()), &entry.name, role(if here { Role::Strong } else { Role::Text }));
        let text = entry.off.map_or_else(|| entry.doc.clone(), |reason| format!("not now: {reason}"));
        paint.cut(x + names + 1, y, room.right(), &text, role(Role::Dim));
        if here {
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
    paint.end_popup();
}
