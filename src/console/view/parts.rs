//! What the pages of a VM and of a host have in common: their frame, lists of tasks, timelines, what helps.

use std::sync::Arc;

use ratatui::layout::Rect;

use super::paint::{Paint, Piece, piece, title_role};
use super::tasks::detail;
use crate::console::action;
use crate::console::app::App;
use crate::console::format::{clock, count, span};
use crate::console::pages::Cursor;
use crate::console::pages::parts::{LIST_BOTTOM, LIST_TOP, Part, Parts};
use crate::console::theme::Role;
use crate::fleet::{HostId, Time};
use crate::handle::{TaskEnd, TaskState, TaskView};

/// What the parts of a page are called and how much is in each.
pub(super) type Named<'a> = &'a dyn Fn(Part) -> (&'static str, Option<usize>);

/// Borders, titles, and the line with the parts' names.
pub(super) fn frame(app: &App, paint: &mut Paint<'_>, parts: &Parts, title: &[Piece], named: Named<'_>) {
    let has_keys = |part: Part| part == parts.part();
    if !parts.at.panels {
        paint.panel(app.plan.page, true, title, &[]);
    }
    for (part, area) in parts.at.shown.iter().filter(|_| parts.at.panels) {
        let (name, many) = named(*part);
        let lead = if *part == Part::About { title.to_vec() } else { vec![piece(name, title_role(has_keys(*part)))] };
        let many = many.map(|n| piece(count(n), Role::Dim));
        paint.panel(*area, has_keys(*part), &lead, many.as_slice());
    }
    let Some(tabs) = parts.at.tabs else { return };
    let mut x = tabs.x + 1;
    for part in parts.all.iter().filter(|part| **part != Part::About || parts.at.shown.len() == 1) {
        let (name, many) = named(*part);
        let text = match many.filter(|_| tabs.width >= 58) {
            Some(many) => format!(" {name} {} ", count(many)),
            None => format!(" {name} "),
        };
        x = paint.text(x, tabs.y, tabs.right(), &text, if has_keys(*part) { Role::ButtonFocus } else { Role::Button });
        x += u16::from(tabs.width >= 58);
    }
}

/// Keys of actions that help, and what they do; those without a key are left out.
pub(super) fn helps(app: &App, ids: &[&str]) -> Vec<Piece> {
    let context = app.context();
    let mut line = Vec::new();
    for id in ids {
        let (Some(action), Some(key)) = (action::named(id), app.look.keymap.key_in(context, id)) else { continue };
        if !line.is_empty() {
            line.push(piece(format!(" {} ", app.look.glyphs.dot), Role::Dim));
        }
        let usable = (action.when)(app).is_ok();
        line.push(piece(key, if usable { Role::Key } else { Role::Off }));
        line.push(piece(format!(" {}", action.name), if usable { Role::Hint } else { Role::Off }));
    }
    line
}

/// A timeline, the newest line first.
pub(super) fn timeline(paint: &mut Paint<'_>, room: Rect, lines: &[(Time, Arc<str>)], cursor: &Cursor, focus: bool) {
    if lines.is_empty() {
        paint.text(room.x + 1, room.y, room.right(), "nothing is remembered", Role::Dim);
    }
    for row in cursor.shown(lines.len()) {
        let y = room.y + (row - cursor.top) as u16;
        if y >= room.bottom() {
            return;
        }
        let (at, what) = &lines[lines.len() - 1 - row];
        let x = paint.text(room.x, y, room.right(), &format!("{:>8}  ", clock(*at)), Role::Dim);
        let role = if what.contains("failed") { Role::Error } else { Role::Text };
        paint.cut(x, y, room.right(), what, role);
        if focus && row == cursor.row {
            paint.text(room.x, y, room.right(), paint.glyphs().cursor, Role::Key);
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
}

/// A column of a list of tasks: its name, its width, whether figures stand at its right edge.
type Column = (&'static str, u16, bool);

/// The columns that fit; what happens takes the rest.
fn columns(width: u16, with_vm: bool) -> Vec<Column> {
    let mut columns: Vec<(Column, u8)> = vec![
        (("task", 11, false), 0),
        (("from, to", 26, false), 2),
        (("began", 8, true), 1),
        (("took", 7, true), 3),
        (("downtime", 8, true), 4),
        (("sent", 9, true), 5),
    ];
    if with_vm {
        columns.insert(0, (("VM", 12, false), 0));
    }
    let needs = |columns: &[(Column, u8)]| columns.iter().map(|((_, w, _), _)| w + 1).sum::<u16>();
    while columns.len() > 1 && needs(&columns) + 13 > width {
        let least = columns.iter().map(|(_, rank)| *rank).max().unwrap_or(0);
        if least == 0 {
            break;
        }
        columns.retain(|(_, rank)| *rank != least);
    }
    columns.into_iter().map(|(column, _)| column).collect()
}

/// A list of tasks with a cursor, and more about the one under it where there is room.
pub(super) fn tasks(app: &App, paint: &mut Paint<'_>, room: Rect, list: &TaskList<'_>) {
    let columns = columns(room.width.saturating_sub(2), list.with_vm);
    let end = room.right();
    let mut x = room.x + 2;
    for (name, width, right) in &columns {
        if *right {
            paint.right(x + width, room.y, x, name, Role::Column);
        } else {
            paint.text(x, room.y, end, name, Role::Column);
        }
        x += width + 1;
    }
    paint.text(x + 1, room.y, end, "what happens", Role::Column);
    if list.tasks.is_empty() {
        paint.text(room.x + 2, room.y + 1, end, list.none, Role::Dim);
        return;
    }
    for row in list.cursor.shown(list.tasks.len()) {
        let (task, y) = (&list.tasks[row], room.y + LIST_TOP + (row - list.cursor.top) as u16);
        if y >= room.bottom() {
            break;
        }
        let mut x = room.x + 2;
        for (name, width, right) in &columns {
            let (text, role) = cell(app, task, name);
            if *right {
                paint.right(x + width, y, x, &text, role);
            } else {
                paint.cut(x, y, (x + width).min(end), &text, role);
            }
            x += width + 1;
        }
        let role = if failed(task) { Role::Error } else { Role::Dim };
        paint.cut(x + 1, y, end, &outcome(app, task), role);
        if row == list.cursor.row {
            paint.text(room.x, y, end, paint.glyphs().cursor, if list.focus { Role::Key } else { Role::Dim });
            paint.tint(Rect { y, height: 1, ..room }, if list.focus { Role::Cursor } else { Role::Resting });
        }
    }
    if let Some(task) = list.tasks.get(list.cursor.row).filter(|_| room.height > LIST_TOP + LIST_BOTTOM + 3) {
        more(app, paint, Rect { y: room.bottom() - LIST_BOTTOM, height: LIST_BOTTOM, ..room }, task);
    }
}

/// A list of tasks.
pub(super) struct TaskList<'a> {
    pub tasks: &'a [TaskView],
    pub cursor: &'a Cursor,
    pub focus: bool,
    /// Whether they are of several VMs.
    pub with_vm: bool,
    /// What is said where there is none.
    pub none: &'static str,
}

const fn failed(task: &TaskView) -> bool {
    matches!(task.state, TaskState::Ended(TaskEnd::Failed(_)))
}

fn cell(app: &App, task: &TaskView, column: &str) -> (String, Role) {
    let glyphs = app.look.glyphs;
    let took = task.started.map(|started| task.ended.unwrap_or(app.snapshot.fleet.now) - started);
    match column {
        "VM" => (task.name.to_string(), Role::Text),
        "task" => {
            let role = match &task.state {
                TaskState::Waiting(_) | TaskState::Ended(TaskEnd::Cancelled) => Role::Wait,
                TaskState::Running => Role::Busy,
                TaskState::Cancelling => Role::Warn,
                TaskState::Ended(TaskEnd::Done) => Role::Ok,
                TaskState::Ended(TaskEnd::Failed(_)) => Role::Error,
            };
            (format!("{} {}", glyphs.task(&task.state), task.kind.word()), role)
        }
        "from, to" => (way(app, task), Role::Text),
        "began" => (task.started.map(clock).unwrap_or_default(), Role::Dim),
        "took" => (took.map(span).unwrap_or_default(), Role::Text),
        "downtime" => (task.figures.map(|f| span(f.downtime)).unwrap_or_default(), Role::Text),
        _ => (task.figures.map(|f| f.transferred.to_string()).unwrap_or_default(), Role::Dim),
    }
}

/// From where to where.
fn way(app: &App, task: &TaskView) -> String {
    let host = |h: HostId| app.snapshot.fleet.topology.hosts.get(h.index()).map_or("?", |h| &h.name);
    match (task.source, task.target) {
        (Some(a), Some(b)) => format!("{} {} {}", host(a), app.look.glyphs.to, host(b)),
        (Some(a), None) | (None, Some(a)) => host(a).to_owned(),
        (None, None) => String::new(),
    }
}

/// What happens or happened, in a few words.
fn outcome(app: &App, task: &TaskView) -> String {
    match &task.state {
        TaskState::Ended(TaskEnd::Failed(reason)) => format!("failed: {reason}"),
        TaskState::Ended(end) => end.word().to_owned(),
        _ => detail(app, &app.snapshot.fleet, task),
    }
}

/// Two lines about the task under the cursor: its times, then what a move took and what was predicted.
fn more(app: &App, paint: &mut Paint<'_>, room: Rect, task: &TaskView) {
    let glyphs = app.look.glyphs;
    let dot = || piece(format!(" {} ", glyphs.dot), Role::Dim);
    let mut first = vec![
        piece(format!("{} {}", task.op, task.kind.word()), Role::Strong),
        dot(),
        piece(way(app, task), Role::Text),
    ];
    let times = [("asked", Some(task.queued)), ("began", task.started), ("ended", task.ended)];
    for (what, at) in times.into_iter().filter_map(|(what, at)| Some((what, at?))) {
        first.extend([dot(), piece(format!("{what} {}", clock(at)), Role::Dim)]);
    }
    let mut second = Vec::new();
    if let Some(f) = task.figures {
        second.push(piece(format!("total {}", span(f.total)), Role::Text));
        second.extend([dot(), piece(format!("stood still {}", span(f.downtime)), Role::Text)]);
        second.extend([dot(), piece(format!("{} rounds, {} sent", f.rounds, f.transferred), Role::Text)]);
    }
    if let Some((total, downtime)) = task.predicted {
        if !second.is_empty() {
            second.push(dot());
        }
        second.push(piece(format!("predicted {} and {}", span(total), span(downtime)), Role::Dim));
    }
    if second.is_empty() {
        second.push(piece(outcome(app, task), if failed(task) { Role::Error } else { Role::Text }));
    }
    paint.whole(room.x + 1, room.y, room.right(), &first);
    paint.whole(room.x + 1, room.y + 1, room.right(), &second);
}

/// Pieces after one another: those that dots separate whole or not at all, a text that is too long cut.
pub(super) fn fitted(paint: &mut Paint<'_>, (x, y): (u16, u16), end: u16, pieces: &[Piece]) {
    let dot = paint.glyphs().dot;
    if pieces.iter().any(|(text, _)| text.trim() == dot) {
        paint.whole(x, y, end, pieces);
        return;
    }
    pieces.iter().fold(x, |x, (text, role)| paint.cut(x, y, end, text, *role));
}

/// Text in lines of at most `width` columns, broken at blanks.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
