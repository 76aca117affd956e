//! What a command wrote.

use ratatui::layout::Rect;

use super::paint::{Paint, piece};
use super::{filtering, tasks};
use crate::console::app::App;
use crate::console::format::count;
use crate::console::layout::inside;
use crate::console::pages::output::{Kind, OutputPage};
use crate::console::theme::Role;
use crate::handle::{TaskEnd, TaskState};

pub(super) fn draw(app: &App, page: &OutputPage, paint: &mut Paint<'_>) {
    let area = app.plan.page;
    let mut title = vec![piece("Output", Role::Title)];
    let mut right = Vec::new();
    if let Some((task, code)) = &page.view {
        title.push(piece(format!(" of {} {} {} ", task.op, task.kind.word(), task.name), Role::Title));
        let (word, role) = tasks::state(task);
        let ended = match (&task.state, code) {
            (TaskState::Ended(TaskEnd::Failed(_)), None) | (TaskState::Ended(TaskEnd::Cancelled), _) => word.to_owned(),
            (TaskState::Ended(_), Some(code)) => format!("{word}, exit code {code}"),
            _ => format!("{word} {}", tasks::detail(app, &app.snapshot.fleet, task)),
        };
        right.push(piece(ended, role));
        right.push(piece(format!("  {}", filtering::found(&page.search, &page.finder, paint)), Role::Key));
        right.push(piece(format!("{} lines", count(page.lines.len())), Role::Dim));
    }
    paint.panel(area, true, &title, &right);
    let room = filtering::draw(&page.search, paint, inside(area));
    if let Some(error) = &page.error {
        paint.text(room.x + 1, room.y, room.right(), error, Role::Warn);
        return;
    }
    if page.lines.is_empty() {
        let text = match &page.view {
            None => "asking the engine".to_owned(),
            Some((task, _)) => match &task.state {
                TaskState::Ended(TaskEnd::Failed(reason)) => format!("It wrote nothing: {reason}"),
                TaskState::Ended(_) => "It wrote nothing.".to_owned(),
                _ => "It has written nothing yet.".to_owned(),
            },
        };
        paint.text(room.x + 1, room.y, room.right(), &text, Role::Dim);
    }
    for row in page.cursor.shown(page.lines.len()) {
        let y = room.y + (row - page.cursor.top) as u16;
        if y >= room.bottom() {
            break;
        }
        let (kind, line) = &page.lines[row];
        let role = match kind {
            Kind::Out => Role::Text,
            Kind::Err => Role::Warn,
            Kind::Note => Role::Dim,
        };
        let text: String = line.chars().skip(if *kind == Kind::Note { 0 } else { page.left }).collect();
        if row == page.cursor.row {
            paint.text(room.x, y, room.right(), paint.glyphs().cursor, Role::Key);
        }
        paint.cut(room.x + 1, y, room.right(), &text, role);
        filtering::tint_found(&page.finder, paint, (room.x + 1, y, room.right()), &text);
        if row == page.cursor.row {
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
}
