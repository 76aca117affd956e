//! A VM from close by: its serial console, its screen in half signs, its definition.

use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::filtering;
use super::paint::{Paint, piece, width};
use super::state_role;
use crate::console::app::App;
use crate::console::format::{count, cut};
use crate::console::hits::Hit;
use crate::console::layout::inside;
use crate::console::page::Page;
use crate::console::pages::room::{Hold, Room, Wing};
use crate::console::theme::Role;

/// From dark to bright, where a terminal has no colours or no half signs.
const SHADES: &[u8] = b" .:-=+*#%@";

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let Some(room) = &app.pages.room else { return };
    let fleet = &app.snapshot.fleet;
    if room.vm.0 >= fleet.vms.id_count() {
        return;
    }
    let state = fleet.vms.state(room.vm);
    let glyphs = paint.glyphs();
    let title = [
        piece(fleet.vms.name(room.vm), Role::Title),
        piece(format!(" {} {} {}", glyphs.dot, glyphs.vm(state), state.word()), state_role(state)),
    ];
    paint.panel(app.plan.page, true, &title, &[]);
    let inner = inside(app.plan.page);
    let (tabs, mut body) = (Rect { height: inner.height.min(1), ..inner }, inner);
    let end = names(app, room, paint, tabs);
    status(app, room, paint, Rect { x: end, width: tabs.right().saturating_sub(end), ..tabs });
    body.y += tabs.height;
    body.height -= tabs.height;
    if room.has_text() {
        body = filtering::draw(&room.search, paint, body);
    }
    match room.wing {
        Wing::Console => terminal(room, paint, body),
        Wing::Screen => screen(room, paint, body),
        Wing::Xml => definition(room, paint, body),
    }
}

/// The parts' names; where they end.
fn names(app: &App, room: &Room, paint: &mut Paint<'_>, line: Rect) -> u16 {
    let mut x = line.x + 1;
    let back =
        matches!(app.nav.trail().iter().rev().nth(1).map(|place| place.page), Some(Page::Vm(vm)) if vm == room.vm);
    let overview = back.then_some(("overview", "home", false));
    let wings = Wing::ALL.map(|wing| (wing.word(), wing.word(), wing == room.wing));
    for (name, action, here) in overview.into_iter().chain(wings) {
        let from = x;
        x = paint.text(
            x,
            line.y,
            line.right(),
            &format!(" {name} "),
            if here { Role::ButtonFocus } else { Role::Button },
        );
        paint.hits.note(Rect { x: from, y: line.y, width: x - from, height: 1 }, Hit::Action(action));
        x += u16::from(line.width >= 58);
    }
    x
}

/// On the right of the names: what one does here, where one is.
fn status(app: &App, room: &Room, paint: &mut Paint<'_>, line: Rect) {
    let screen = room.terminal.screen();
    let (text, role) = match room.wing {
        Wing::Console => match (&room.terminal.ended, room.terminal.hold) {
            (Some(why), _) => (why.to_string(), Role::Warn),
            (None, Hold::Typing) => ("typing: ctrl-] leaves".to_owned(), Role::Busy),
            (None, Hold::Asked) => ("asking for the console".to_owned(), Role::Busy),
            (None, Hold::Reading) if screen.scrollback() > 0 => {
                (format!("{} lines up", count(screen.scrollback())), Role::Dim)
            }
            (None, Hold::Reading) => {
                let key = app.look.keymap.key_in(app.context(), "type").filter(|_| app.handle.can_command());
                (
                    key.map_or("reading".to_owned(), |key| format!("reading {} {key} types", paint.glyphs().dot)),
                    Role::Dim,
                )
            }
        },
        Wing::Screen => {
            let size =
                room.screen.picture.as_ref().map(|p| format!("{} {} {}", p.width, paint.glyphs().times, p.height));
            (size.unwrap_or_default(), Role::Dim)
        }
        Wing::Xml if room.xml.known => {
            let cursor = room.xml.cursor;
            let last = (cursor.top + cursor.height).min(room.xml.lines.len());
            (format!("{}-{last} of {}", cursor.top + 1, count(room.xml.lines.len())), Role::Dim)
        }
        Wing::Xml => (String::new(), Role::Dim),
    };
    let found = if room.has_text() { filtering::found(&room.search, &room.finder, paint) } else { String::new() };
    let end = line.right().saturating_sub(1);
    let most = usize::from(end.saturating_sub(line.x + 1));
    let text = cut(&text, most, paint.glyphs().more);
    let start = paint.right(end, line.y, line.x, &text, role);
    if start > line.x + width(&found) {
        paint.right(start, line.y, line.x, &found, Role::Key);
    }
}

fn terminal(room: &Room, paint: &mut Paint<'_>, body: Rect) {
    let screen = room.terminal.screen();
    let (rows, cols) = screen.size();
    let plain = paint.style(Role::Text);
    let ascii = paint.glyphs().plain;
    for row in 0..rows.min(body.height) {
        let y = body.y + row;
        for col in 0..cols.min(body.width) {
            let Some(cell) = screen.cell(row, col) else { continue };
            if cell.is_wide_continuation() || (!cell.has_contents() && cell.bgcolor() == vt100::Color::Default) {
                continue;
            }
            let text = match cell.contents() {
                "" => " ",
                other if ascii && !other.is_ascii() => "?",
                text => text,
            };
            paint.styled(body.x + col, y, body.right(), text, style_of(cell, plain, paint));
        }
    }
    if !room.finder.needle.is_empty() {
        for (row, text) in screen.rows(0, cols).enumerate().take(usize::from(body.height)) {
            filtering::tint_found(&room.finder, paint, (body.x, body.y + row as u16, body.right()), &text);
        }
    }
    if room.terminal.hold == Hold::Typing && screen.scrollback() == 0 && !screen.hide_cursor() {
        let (row, col) = screen.cursor_position();
        if row < body.height && col < body.width {
            paint.picked(Rect { x: body.x + col, y: body.y + row, width: 1, height: 1 });
        }
    }
}

/// A cell's style as the console's terminal can show it.
fn style_of(cell: &vt100::Cell, plain: Style, paint: &Paint<'_>) -> Style {
    let level = paint.look.level();
    let colour = |colour: vt100::Color| match colour {
        vt100::Color::Default => None,
        vt100::Color::Idx(index) => Some(level.step(named(index))),
        vt100::Color::Rgb(red, green, blue) => Some(level.step(Color::Rgb(red, green, blue))),
    };
    let mut style = plain;
    style.fg = colour(cell.fgcolor()).or(style.fg);
    style.bg = colour(cell.bgcolor()).or(style.bg);
    let adds = [
        (cell.bold(), Modifier::BOLD),
        (cell.dim(), Modifier::DIM),
        (cell.italic(), Modifier::ITALIC),
        (cell.underline(), Modifier::UNDERLINED),
        (cell.inverse(), Modifier::REVERSED),
    ];
    adds.iter().filter(|(on, _)| *on).fold(style, |style, (_, modifier)| style.add_modifier(*modifier))
}

/// The first sixteen colours have names, which every terminal with colours knows.
const fn named(index: u8) -> Color {
    match index {
        0 => Color::Black,
        1 => Color::Red,
        2 => Color::Green,
        3 => Color::Yellow,
        4 => Color::Blue,
        5 => Color::Magenta,
        6 => Color::Cyan,
        7 => Color::Gray,
        8 => Color::DarkGray,
        9 => Color::LightRed,
        10 => Color::LightGreen,
        11 => Color::LightYellow,
        12 => Color::LightBlue,
        13 => Color::LightMagenta,
        14 => Color::LightCyan,
        15 => Color::White,
        index => Color::Indexed(index),
    }
}

fn screen(room: &Room, paint: &mut Paint<'_>, body: Rect) {
    let shown = &room.screen;
    if let Some(why) = &room.dark {
        paint.cut(body.x + 1, body.y, body.right(), why, Role::Warn);
        return;
    }
    if shown.picture.is_none() {
        paint.text(body.x + 1, body.y, body.right(), "asking its host", Role::Dim);
        return;
    }
    let (left, top) =
        ((body.width - shown.size.0.min(body.width)) / 2, (body.height - shown.size.1.min(body.height)) / 2);
    let level = paint.look.level();
    let halves = paint.look.tells_halves();
    for y in 0..shown.size.1 {
        for x in 0..shown.size.0 {
            let Some((upper, lower)) = shown.cell(x, y) else { continue };
            let (at, line) = (body.x + left + x, body.y + top + y);
            if halves {
                let colour = |[red, green, blue]: [u8; 3]| level.step(Color::Rgb(red, green, blue));
                let style = Style::new().fg(colour(upper)).bg(colour(lower));
                paint.styled(at, line, body.right(), paint.glyphs().upper, style);
            } else {
                let bright = usize::midpoint(luma(upper), luma(lower));
                let shade = SHADES[bright * (SHADES.len() - 1) / 255];
                paint.text(at, line, body.right(), char::from(shade).encode_utf8(&mut [0; 4]), Role::Text);
            }
        }
    }
}

/// How bright a colour is, from 0 to 255 (ITU-R BT.601).
fn luma([red, green, blue]: [u8; 3]) -> usize {
    (usize::from(red) * 299 + usize::from(green) * 587 + usize::from(blue) * 114) / 1000
}

fn definition(room: &Room, paint: &mut Paint<'_>, body: Rect) {
    if !room.xml.known {
        let text = room.unread.as_deref().unwrap_or("asking its host");
        paint.cut(body.x + 1, body.y, body.right(), text, if room.unread.is_some() { Role::Warn } else { Role::Dim });
        return;
    }
    for (y, line) in (body.y..body.bottom()).zip(room.xml.lines.iter().skip(room.xml.cursor.top)) {
        let x = body.x + 1;
        let mut at = x;
        for (text, role) in marked_up(line) {
            at = paint.cut(at, y, body.right(), text, role);
        }
        filtering::tint_found(&room.finder, paint, (x, y, body.right()), line);
    }
}

/// A line of XML in pieces: names of elements, what is quoted, text.
fn marked_up(line: &str) -> Vec<(&str, Role)> {
    let mut pieces = Vec::new();
    let mut rest = line;
    let mut within = false;
    while let Some(first) = rest.chars().next() {
        let (end, role) = match first {
            '<' => {
                within = true;
                let name = |c: char| !(c.is_alphanumeric() || "</?!:-_.".contains(c));
                (rest.find(name).unwrap_or(rest.len()), Role::Strong)
            }
            '\'' | '"' if within => (rest[1..].find(first).map_or(rest.len(), |at| at + 2), Role::Ok),
            '>' => {
                within = false;
                (1, Role::Strong)
            }
            _ if within => (
                rest[first.len_utf8()..].find(['\'', '"', '>']).map_or(rest.len(), |at| at + first.len_utf8()),
                Role::Dim,
            ),
            _ => (rest.find('<').unwrap_or(rest.len()), Role::Text),
        };
        let (piece, after) = rest.split_at(end);
        pieces.push((piece, role));
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_a_line_is_drawn_once() {
        for line in ["  <name a='1' b=\"x>y\">v & w</name>", "text", "<a/>", "<a b='", "<", "ö <é ü='ä'>", ""] {
            assert_eq!(marked_up(line).iter().map(|(text, _)| *text).collect::<String>(), line);
        }
        let roles: Vec<Role> = marked_up("<a b='1'>t</a>").into_iter().map(|(_, role)| role).collect();
        assert_eq!(roles, [Role::Strong, Role::Dim, Role::Ok, Role::Strong, Role::Text, Role::Strong, Role::Strong]);
    }
}
