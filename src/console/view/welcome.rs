//! What an empty world says: where to begin.

use ratatui::layout::Rect;

use super::paint::{Paint, width};
use crate::console::action::{self, Reason};
use crate::console::app::App;
use crate::console::format::counted;
use crate::console::theme::Role;

/// Width of the column of names.
const NAMES: u16 = 7;

/// What one can begin with: the action, and what it is for here.
fn ways(app: &App) -> [(&'static str, String); 4] {
    let hosts = app.snapshot.fleet.topology.hosts.len();
    [
        ("boot", format!("new VMs on {}", counted(hosts, "host"))),
        ("tour", "five steps: boot, find, move, stress, repair".into()),
        ("demo", "watch what the console can do".into()),
        ("help", "all keys".into()),
    ]
}

/// Why a way is closed, in words for whoever begins.
fn closed(app: &App, id: &str, reason: Reason) -> String {
    match id {
        "boot" if app.handle.can_command() && app.snapshot.about.classes.is_empty() => {
            "start again with --classes WORKFLOW.toml, whose [vm.*] can be booted".into()
        }
        _ => reason.to_owned(),
    }
}

pub(super) fn draw(app: &App, paint: &mut Paint<'_>, room: Rect) {
    let ways = ways(app);
    let lines = ways.len() as u16;
    let key = |id: &str| app.look.keymap.key_in(app.context(), id).unwrap_or_default();
    let keys = ways.iter().map(|(id, _)| width(&key(id))).max().unwrap_or(0);
    let title = "There are no VMs yet. Begin with one of these:";
    // A line of its own for the title, and another one between, where there are as many.
    let above = room.height.saturating_sub(lines).min(2);
    let wide = room.width.saturating_sub(2).min(keys + 2 + NAMES + 48);
    let x = room.x + (room.width - wide) / 2;
    let end = x + wide;
    let mut y = room.y + room.height.saturating_sub(lines + above) / 2;
    if above > 0 {
        paint.cut(x, y, room.right() - 1, title, Role::Strong);
        y += above;
    }
    for (id, what) in ways {
        if y >= room.bottom() {
            break;
        }
        let Some(action) = action::named(id) else { continue };
        let reason = (action.when)(app).err();
        let role = |role: Role| if reason.is_some() { Role::Off } else { role };
        let what = reason.map_or(what, |reason| closed(app, id, reason));
        paint.right(x + keys, y, x, &key(id), role(Role::Key));
        let at = paint.text(x + keys + 2, y, end, action.name, role(Role::Text)).max(x + keys + 2 + NAMES);
        paint.cut(at, y, room.right() - 1, &what, role(Role::Dim));
        y += 1;
    }
}
