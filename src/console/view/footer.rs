//! The line at the bottom: what can be done.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::paint::{Paint, width};
use crate::console::action;
use crate::console::app::{App, Overlay, Tone};
use crate::console::format::count;
use crate::console::hits::Hit;
use crate::console::keymap::Context;
use crate::console::page::Page;
use crate::console::theme::Role;

/// Actions whose keys are shown in the table of hosts.
const HOST_TABLE: &[&str] = &[
    "open",
    "filter",
    "evacuate",
    "help",
    "sort-next",
    "columns",
    "mark",
    "views",
    "export",
    "undrain",
    "palette",
    "quit",
];

/// Actions whose keys are shown, by where the keys go; the most useful first.
fn hints(context: Context) -> &'static [&'static str] {
    match context {
        Context::Everywhere | Context::Vms => &[
            "boot",
            "migrate",
            "destroy",
            "filter",
            "help",
            "mark",
            "act",
            "open",
            "command",
            "next-panel",
            "sort-next",
            "columns",
            "zoom",
            "export",
            "views",
            "quit",
        ],
        Context::Sites => &["open", "next-panel", "help", "zoom", "boot", "command", "quit"],
        Context::Hosts => &[
            "open",
            "mark",
            "evacuate",
            "metric",
            "flows",
            "next-panel",
            "help",
            "rectangle",
            "zoom",
            "undrain",
            "command",
            "quit",
        ],
        Context::Operations => &[
            "open",
            "cancel-operation",
            "hold-operation",
            "help",
            "retry-failed",
            "limits",
            "stop-everything",
            "command",
            "quit",
        ],
        Context::Host => {
            &["home", "open", "evacuate", "migrate", "help", "next-panel", "undrain", "cancel-task", "back"]
        }
        Context::Vm => &[
            "home",
            "open-host",
            "migrate",
            "help",
            "next-panel",
            "next-vm",
            "stress",
            "pause",
            "destroy",
            "cancel-task",
            "back",
        ],
        Context::Room => &["home", "type", "filter", "next-panel", "find-next", "again", "export", "ssh-vm", "help"],
        Context::Output => {
            &["home", "open", "filter", "find-next", "export", "help", "cancel-task", "retry-failed", "run", "back"]
        }
        Context::Events => &["home", "open", "filter", "event-level", "help", "open-host"],
        Context::Findings => &["home", "open", "remedies", "help", "destroy", "retry-failed"],
        Context::Tree => &["open", "mark", "open-host", "tree-order", "filter", "migrate", "home", "help"],
        Context::Pulse => &["home", "open", "help", "hold-operation", "cancel-operation", "retry-failed"],
        Context::Settings => &["home", "filter", "help"],
        Context::Tasks => &[
            "home",
            "open",
            "task-filter",
            "cancel-task",
            "cancel-operation",
            "hold-operation",
            "retry-failed",
            "help",
        ],
    }
}

pub(super) fn footer(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.footer;
    paint.fill(area, Role::Bar);
    let end = area.right() - 1;
    if let Some((tone, text)) = &app.note {
        let (glyph, role) = match tone {
            Tone::Good => (paint.glyphs().ok, Role::Ok),
            Tone::Bad => (paint.glyphs().warn, Role::Warn),
        };
        let x = paint.text(area.x + 1, area.y, end, &format!("{glyph} "), role);
        paint.cut(x, area.y, end, text, role);
        return;
    }
    match app.overlays.last() {
        Some(Overlay::Dialog(_)) => {
            return fixed(paint, app, &[("Tab", "next"), ("Enter", "choose"), ("←→", "change"), ("Esc", "close")]);
        }
        Some(Overlay::Palette(_) | Overlay::Menu(_)) => {
            return fixed(paint, app, &[("↑↓", "choose"), ("Enter", "run"), ("Esc", "close")]);
        }
        Some(Overlay::Columns(_)) => {
            let keys = [
                ("Space", "show/hide"),
                ("<", "left"),
                (">", "right"),
                ("+", "wider"),
                ("-", "narrower"),
                ("Enter", "keep"),
                ("r", "as it was made"),
                ("Esc", "give up"),
            ];
            return fixed(paint, app, &keys);
        }
        Some(Overlay::Views(_)) => {
            return fixed(paint, app, &[("Enter", "show"), ("↑↓", "choose"), ("d", "delete"), ("Esc", "close")]);
        }
        Some(Overlay::Prompt(prompt)) if prompt.searching => {
            return fixed(paint, app, &[("↑↓", "choose"), ("Enter", "take"), ("Esc", "give up")]);
        }
        Some(Overlay::Prompt(_)) => {
            let hints =
                [("Enter", "run"), ("Tab", "complete"), ("↑↓", "choose"), ("ctrl-r", "search"), ("Esc", "close")];
            return fixed(paint, app, &hints);
        }
        Some(Overlay::Help(_)) => return fixed(paint, app, &[("↑↓", "scroll"), ("/", "search"), ("Esc", "close")]),
        None if app.is_filtering() => {
            let hints = [
                ("Enter", "keep"),
                ("Tab", "complete"),
                ("↑↓", "filters before"),
                ("PgUp PgDn", "move"),
                ("Esc", "give up"),
            ];
            return fixed(paint, app, &hints);
        }
        None => {}
    }
    if app.is_typing() {
        return fixed(paint, app, &[("every key", "goes to the guest"), ("ctrl-]", "leaves")]);
    }
    if !app.keys.is_empty() {
        return fixed(paint, app, &[("Esc", "give up")]);
    }
    let mut x = area.x + 1;
    let hints = if app.nav.page() == Page::Hosts { HOST_TABLE } else { hints(app.context()) };
    for id in hints {
        let Some(action) = action::named(id) else { continue };
        let Some(key) = app.look.keymap.key_in(app.context(), id) else { continue };
        // What a VM or a command has said is searched: nothing of it is hidden.
        let searched = matches!(app.context(), Context::Room | Context::Output);
        let name = if searched && *id == "filter" { "search" } else { action.name };
        let wide = width(&key) + 1 + width(name);
        if x + wide > end {
            break;
        }
        let usable = (action.when)(app).is_ok();
        paint.hits.note(Rect { x, width: wide, ..area }, Hit::Action(action.id));
        x = paint.text(x, area.y, end, &key, if usable { Role::Key } else { Role::Off });
        x = paint.text(x + 1, area.y, end, name, if usable { Role::Hint } else { Role::Off }) + 2;
    }
}

/// `812 selected, 37 hidden by the filter`.
pub(super) fn marked(app: &App) -> String {
    let marks = app.vms.marks.len();
    if marks == 0 {
        return String::new();
    }
    match app.vms.hidden_marks() {
        0 => format!("{} selected", count(marks)),
        hidden => format!("{} selected, {} hidden by the filter", count(marks), count(hidden)),
    }
}

/// Hints of what has keys that no keymap changes. Where not all have room, those before the last go: the last says
/// how to get out.
fn fixed(paint: &mut Paint<'_>, app: &App, hints: &[(&str, &str)]) {
    let area = app.plan.footer;
    let plain = paint.glyphs().cursor == ">";
    let word = |key: &str| match key {
        "←→" if plain => "left/right".to_owned(),
        "↑↓" if plain => "up/down".to_owned(),
        key => key.to_owned(),
    };
    let hints: Vec<(String, &str)> = hints.iter().map(|(key, what)| (word(key), *what)).collect();
    let wide = |(key, what): &(String, &str)| width(key) + 1 + width(what) + 2;
    let Some((out, rest)) = hints.split_last() else { return };
    let mut room = (area.width + 1).saturating_sub(wide(out));
    let fitting = rest.iter().take_while(|hint| {
        let fits = wide(hint) <= room;
        room = room.saturating_sub(wide(hint));
        fits
    });
    let mut x = area.x + 1;
    for (key, what) in fitting.chain([out]) {
        let from = x;
        x = paint.text(x, area.y, area.right(), key, Role::Key);
        x = paint.text(x + 1, area.y, area.right(), what, Role::Hint) + 2;
        if let Some(code) = pressed(key) {
            paint.hits.note(Rect { x: from, width: x - from - 2, ..area }, Hit::Key(code));
        }
    }
}

/// The key that a hint names, where it is one key.
fn pressed(key: &str) -> Option<KeyCode> {
    let mut letters = key.chars();
    match (key, letters.next(), letters.next()) {
        ("Esc", ..) => Some(KeyCode::Esc),
        ("Enter", ..) => Some(KeyCode::Enter),
        ("Tab", ..) => Some(KeyCode::Tab),
        ("Space", ..) => Some(KeyCode::Char(' ')),
        (_, Some(c), None) => Some(KeyCode::Char(c)),
        _ => None,
    }
}
