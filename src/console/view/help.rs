//! The help, from the list of actions and the keymap.

use ratatui::layout::Rect;

use super::paint::Paint;
use super::typing::line_of_text;
use crate::console::action::{self, Action};
use crate::console::app::App;
use crate::console::help::Help;
use crate::console::keymap::{Bound, Context};
use crate::console::layout::centred;
use crate::console::theme::Role;

/// A line of the help.
enum Line<'a> {
    Chapter(String),
    /// A key that means something only where one is.
    Here(String, &'a Bound),
    Action(&'static Action),
    /// How an action is used in the command line.
    Usage(&'static Action),
    /// What the mouse does: on what, and what.
    Mouse(&'static str, &'static str),
    Blank,
}

/// What the mouse does.
const MOUSE: [(&str, &str); 8] = [
    ("click", "Goes to a row, site, host or panel; on a column's title, sorts by it."),
    ("double click", "Opens what is under it."),
    ("click at the top", "Goes to that step of the way."),
    ("click at the bottom", "Runs that action."),
    ("ctrl click, right", "Marks a row, or removes its mark."),
    ("right drag", "Marks all rows that it is drawn over."),
    ("wheel", "Scrolls what is under it."),
    ("shift", "Selects text as without Hemera, in most terminals."),
];

/// All lines: the keys of where one is, then every action by chapter. Searched, each action says how it is used.
fn lines<'a>(app: &'a App, help: &Help) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let chapter = |lines: &mut Vec<Line<'a>>, name: String| {
        if !lines.is_empty() {
            lines.push(Line::Blank);
        }
        lines.push(Line::Chapter(name));
    };
    let context = app.context();
    let here: Vec<_> = app.look.keymap.of_context(context).filter(|(_, bound)| help.shows(bound.action)).collect();
    if context != Context::Everywhere && !here.is_empty() {
        let name = Context::ALL.iter().find(|(c, _)| *c == context).map_or("", |(_, name)| name);
        chapter(&mut lines, format!("Here, in {name}"));
        lines.extend(here.into_iter().map(|(key, bound)| Line::Here(key, bound)));
    }
    let searched = !help.input.value().trim().is_empty();
    let mut area = "";
    for action in action::all().filter(|action| help.shows(action)) {
        if action.area != area {
            area = action.area;
            chapter(&mut lines, area.to_owned());
        }
        lines.push(Line::Action(action));
        if searched && (action.takes.is_some() || !action.aliases.is_empty()) {
            lines.push(Line::Usage(action));
        }
    }
    if !searched {
        chapter(&mut lines, "Mouse".to_owned());
        lines.extend(MOUSE.map(|(what, does)| Line::Mouse(what, does)));
    }
    lines
}

pub(super) fn keys(app: &App, help: &Help, paint: &mut Paint<'_>) {
    let area = centred(app.plan.body, 104, app.plan.body.height);
    let title = format!("Keys {} {}", app.look.glyphs.dot, app.look.keymap.name);
    paint.popup(area, false, &title);
    let mut room = Rect {
        x: area.x + 3,
        y: area.y + 1,
        width: area.width.saturating_sub(6),
        height: area.height.saturating_sub(2),
    };
    if help.typing || !help.input.value().is_empty() {
        let role = if help.typing { Role::FieldFocus } else { Role::Strong };
        if help.typing {
            paint.fill(Rect { height: 1, ..room }, Role::FieldFocus);
        }
        let x = paint.text(room.x, room.y, room.right(), "/", if help.typing { Role::FieldFocus } else { Role::Key });
        if help.typing {
            line_of_text(paint, x, room.y, room.right() - 1, &help.input);
        } else {
            paint.cut(x, room.y, room.right(), help.input.value(), role);
        }
        room.y += 1;
        room.height = room.height.saturating_sub(1);
    }
    let lines = lines(app, help);
    if lines.is_empty() {
        paint.text(room.x, room.y, room.right(), "no action has these words", Role::Dim);
    }
    let top = help.top.min(lines.len().saturating_sub(usize::from(room.height)));
    for (i, line) in lines.iter().skip(top).take(usize::from(room.height)).enumerate() {
        let room = Rect { y: room.y + i as u16, height: 1, ..room };
        match line {
            Line::Blank => {}
            Line::Chapter(name) => {
                paint.text(room.x, room.y, room.right(), name, Role::Title);
            }
            Line::Mouse(what, does) => {
                paint.text(room.x + 1, room.y, room.x + 22, what, Role::Key);
                paint.cut(room.x + 22, room.y, room.right(), does, Role::Dim);
            }
            Line::Here(key, bound) => {
                let name = bound.words.as_ref().map_or_else(|| bound.action.name.to_owned(), |_| bound.label());
                entry(app, (key, &name), bound.action, paint, room);
            }
            Line::Action(action) => {
                let keys = app.look.keymap.keys_of(action.id).join(" ");
                // What has no key is run by its name.
                let keys = if keys.is_empty() { format!(":{}", action.id) } else { keys };
                entry(app, (&keys, action.name), action, paint, room);
            }
            Line::Usage(action) => usage(action, paint, room),
        }
    }
    let left = lines.len().saturating_sub(top + usize::from(room.height));
    if left > 0 {
        let text = format!(" {} {left} more ", app.look.glyphs.down);
        paint.right(area.right() - 2, area.bottom() - 1, area.x, &text, Role::Dim);
    }
    paint.end_popup();
}

/// How an action is used in the command line, and what else it is called.
fn usage(action: &Action, paint: &mut Paint<'_>, room: Rect) {
    let takes = action.takes.map_or_else(String::new, |takes| format!(" {}", takes.usage));
    let also = if action.aliases.is_empty() { String::new() } else { format!(", also {}", action.aliases.join(", ")) };
    paint.cut(room.x + 18, room.y, room.right(), &format!(":{}{takes}{also}", action.id), Role::Hint);
}

/// An action: its keys, its name, what it does, and why it cannot be used now.
fn entry(app: &App, (keys, name): (&str, &str), action: &Action, paint: &mut Paint<'_>, room: Rect) {
    let reason = (action.when)(app).err();
    let role = if reason.is_some() { Role::Off } else { Role::Text };
    let keys_width = 17;
    paint.cut(room.x + 1, room.y, room.x + keys_width, keys, if reason.is_some() { Role::Off } else { Role::Key });
    let mut x = room.x + keys_width + 1;
    paint.cut(x, room.y, x + 21, name, role);
    x += 22;
    match reason {
        Some(reason) => {
            let text = format!("not now: {reason}");
            paint.cut(x, room.y, room.right(), &text, Role::Off);
        }
        None => {
            paint.cut(x, room.y, room.right(), action.doc, Role::Dim);
        }
    }
}
