//! The operations: how far each is, what it waits for, what failed.

use ratatui::layout::Rect;

use super::paint::{Paint, Piece, piece, title_role, width};
use crate::console::action;
use crate::console::app::App;
use crate::console::format::{clock, count, span};
use crate::console::hits::Hit;
use crate::console::layout::{Panel, inside};
use crate::console::theme::Role;
use crate::handle::{OpState, OperationView};

/// Lines that an operation takes.
const LINES: u16 = 2;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.operations;
    if area.area() == 0 {
        return;
    }
    let focus = app.focus == Panel::Operations;
    let all = app.operations();
    let open = all.iter().filter(|op| op.state != OpState::Ended).count();
    let right = if all.is_empty() { String::new() } else { format!("{open} open, {} ended", all.len() - open) };
    paint.panel(area, focus, &[piece("Operations", title_role(focus))], &[piece(right, Role::Dim)]);
    let room = inside(area);
    if all.is_empty() {
        let key = |id: &str| app.look.keymap.keys_of(id).first().cloned().unwrap_or_default();
        let first = if action::named("tour").is_some_and(|tour| (tour.when)(app).is_ok()) {
            format!("; {} shows how, {} plays a demo", key("tour"), key("demo"))
        } else {
            String::new()
        };
        let boots = if app.handle.can_command() { format!("; {} boots VMs", key("boot")) } else { String::new() };
        let text = format!("nothing runs{boots}{first}");
        paint.cut(room.x + 1, room.y, room.right(), &text, Role::Dim);
        return;
    }
    let fit = usize::from(room.height / LINES).max(1);
    let top = (app.operation + 1).saturating_sub(fit).min(all.len().saturating_sub(fit));
    for (i, op) in all.iter().enumerate().skip(top).take(fit) {
        let y = room.y + (i - top) as u16 * LINES;
        paint.hits.note(Rect { y, height: LINES.min(room.bottom() - y), ..room }, Hit::Operation(i));
        let here = i == app.operation;
        if here {
            let role = if focus { Role::Key } else { Role::Dim };
            paint.text(room.x, y, room.right(), paint.glyphs().cursor, role);
        }
        first_line(app, op, paint, Rect { y, height: 1, x: room.x + 2, width: room.width.saturating_sub(2) });
        if y + 1 < room.bottom() {
            let line = second_line(app, op);
            paint.whole(room.x + 4, y + 1, room.right() - 1, &line);
        }
        if here && focus {
            paint.tint(Rect { y, height: LINES.min(room.bottom() - y), ..room }, Role::Cursor);
        }
    }
}

/// `◐ #3 boot 10 240 small  ████████░░  96 %  9 862 done  312 running`.
pub(super) fn first_line(app: &App, op: &OperationView, paint: &mut Paint<'_>, room: Rect) {
    let end = room.right();
    let (glyph, role) = sign(app, op);
    let narrow = room.width < 100;
    let counts = counts(op, narrow);
    let wide: u16 = counts.iter().map(|(t, _)| width(t)).sum::<u16>();
    let title_width =
        if narrow { (room.width.saturating_sub(wide + 14)).clamp(14, 30) } else { room.width / 3 }.min(44);
    let x = paint.text(room.x, room.y, end, &format!("{glyph} "), role);
    let x = paint.text(x, room.y, end, &format!("{} ", op.id), Role::Dim);
    paint.cut(x, room.y, room.x + title_width, &op.title, Role::Strong);
    let bar_at = room.x + title_width + 1;
    let bar_width = end.saturating_sub(bar_at + wide + 6).min(40);
    let mut x = bar_at;
    if bar_width >= 6 {
        bar(op, paint, Rect { x: bar_at, width: bar_width, ..room });
        x += bar_width + 1;
    }
    let gap = if narrow { " " } else { "  " };
    x = paint.text(x, room.y, end, &format!("{:>3} %{gap}", percent(op)), Role::Text);
    paint.pieces(x, room.y, end, &counts);
}

fn sign(app: &App, op: &OperationView) -> (&'static str, Role) {
    let glyph = app.look.glyphs.operation(op.state, op.failed > 0);
    let role = match op.state {
        OpState::Running => Role::Busy,
        OpState::Paused => Role::Wait,
        OpState::Cancelling => Role::Warn,
        OpState::Ended if op.failed > 0 => Role::Error,
        OpState::Ended => Role::Ok,
    };
    (glyph, role)
}

/// Ended tasks in whole percent; 100 only when all have ended.
fn percent(op: &OperationView) -> u64 {
    let ended = u64::from(op.done) + u64::from(op.failed) + u64::from(op.cancelled);
    ended * 100 / u64::from(op.total.max(1))
}

/// What ended, in eighths of a cell: done, then failed.
pub(super) fn bar(op: &OperationView, paint: &mut Paint<'_>, room: Rect) {
    let glyphs = paint.glyphs();
    let eighths = |n: u32| (u64::from(n) * u64::from(room.width) * 8 / u64::from(op.total.max(1))) as u16;
    let done = eighths(op.done + op.cancelled);
    let failed = (eighths(op.failed).div_ceil(8)).max(u16::from(op.failed > 0)).min(room.width);
    for i in 0..room.width {
        let (sign, role) = if i >= room.width - failed {
            (glyphs.failed, Role::Error)
        } else if done >= (i + 1) * 8 {
            (glyphs.eighths[7], Role::Done)
        } else if done > i * 8 {
            (glyphs.eighths[usize::from(done - i * 8 - 1)], Role::Done)
        } else {
            (glyphs.track, Role::Track)
        };
        paint.text(room.x + i, room.y, room.right(), sign, role);
    }
}

/// How many tasks are where; shorter where there is little room.
pub(super) fn counts(op: &OperationView, narrow: bool) -> Vec<Piece> {
    let mut line = Vec::new();
    let mut add = |n: u32, word: &str, role: Role| {
        if n > 0 {
            line.push(piece(count(n as usize), role));
            line.push(piece(format!(" {word}{}", if narrow { " " } else { "  " }), Role::Dim));
        }
    };
    add(op.done, "done", Role::Ok);
    add(op.running, if narrow { "run" } else { "running" }, Role::Busy);
    add(op.waiting, "wait", Role::Wait);
    add(op.failed, "failed", Role::Error);
    add(op.cancelled, if narrow { "off" } else { "cancelled" }, Role::Wait);
    line
}

/// Pace, durations, and what holds it up.
pub(super) fn second_line(app: &App, op: &OperationView) -> Vec<Piece> {
    let glyphs = app.look.glyphs;
    let mut parts: Vec<Piece> = Vec::new();
    match op.state {
        OpState::Ended => {
            if let Some(ended) = op.ended {
                parts.push(piece(format!("took {}, ended at {}", span(ended - op.started), clock(ended)), Role::Dim));
            }
        }
        OpState::Paused => parts.push(piece("paused", Role::Warn)),
        OpState::Cancelling => parts.push(piece("being cancelled", Role::Warn)),
        OpState::Running => {
            if let Some(eta) = op.eta {
                // Whole seconds: it is a guess.
                let eta = std::time::Duration::from_secs(eta.as_secs().max(1));
                parts.push(piece(format!("about {} left", span(eta)), Role::Text));
            }
        }
    }
    if let Some((why, n)) = op.failed_by.first() {
        parts.push(piece(format!("{} {} {why}", glyphs.bad, count(*n as usize)), Role::Error));
    }
    if let Some((why, n)) = op.waiting_by.first() {
        parts.push(piece(format!("{} wait: {}", count(*n as usize), why.word()), Role::Text));
    }
    if op.rate > 0.0 {
        let rate = if op.rate >= 9.95 { format!("{:.0}/s", op.rate) } else { format!("{:.1}/s", op.rate) };
        parts.push(piece(rate, Role::Dim));
    }
    if let Some(d) = op.durations {
        for (what, took) in [("p50", d.p50), ("p95", d.p95), ("max", d.max)] {
            parts.push(piece(format!("{what} {}", span(took)), Role::Dim));
        }
    }
    let mut line = Vec::new();
    for (i, part) in parts.into_iter().enumerate() {
        if i > 0 {
            line.push(piece(format!(" {} ", glyphs.dot), Role::Dim));
        }
        line.push(part);
    }
    line
}
