//! An operation with its tasks.

use std::time::Duration;

use ratatui::layout::Rect;

use super::operations::{bar, counts, first_line, second_line};
use super::paint::{Paint, piece};
use crate::console::app::App;
use crate::console::format::{amount, count, span};
use crate::console::layout::inside;
use crate::console::tasks::{Tasks, above};
use crate::console::theme::Role;
use crate::fleet::{Bytes, Fleet, HostId, Share, SiteId, Transfer};
use crate::handle::{OperationView, TaskEnd, TaskState, TaskView, WaitReason};

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.page;
    let Some(tasks) = app.tasks() else { return };
    if area.area() == 0 {
        return;
    }
    let title =
        app.operation().map_or_else(|| format!("Operation {}", tasks.op), |op| format!("{} {}", op.id, op.title));
    let right = match &tasks.page {
        Some(page) => format!("{} tasks: {}", tasks.filter_word(), count(page.total)),
        None => tasks.filter_word().to_owned(),
    };
    paint.panel(area, true, &[piece(title, Role::Title)], &[piece(right, Role::Dim)]);
    let room = inside(area);
    match app.operation() {
        Some(op) => summary(app, op, paint, room),
        None => {
            paint.text(room.x + 1, room.y, room.right(), "This operation is no longer remembered.", Role::Dim);
        }
    }
    let above = above(room.height) - 1;
    list(app, tasks, paint, Rect { y: room.y + above, height: room.height.saturating_sub(above), ..room });
}

fn summary(app: &App, op: &OperationView, paint: &mut Paint<'_>, room: Rect) {
    let line = |i: u16| Rect { x: room.x + 1, y: room.y + i, width: room.width.saturating_sub(2), height: 1 };
    if room.width >= 100 {
        first_line(app, op, paint, line(0));
    } else {
        let at = line(0);
        bar(op, paint, Rect { width: at.width.min(24), ..at });
        paint.pieces(at.x + at.width.min(24) + 2, at.y, at.right(), &counts(op, true));
    }
    let at = line(1);
    paint.whole(at.x, at.y, at.right(), &second_line(app, op));
    if above(room.height) < 5 {
        return;
    }
    let mut reasons = |row: u16, lead: &str, parts: Vec<(String, u32)>, role: Role| {
        let at = line(row);
        if parts.is_empty() {
            return;
        }
        let mut x = paint.text(at.x, at.y, at.right(), lead, Role::Dim);
        for (i, (why, n)) in parts.iter().enumerate() {
            if i > 0 {
                x = paint.text(x, at.y, at.right(), " · ".replace('·', app.look.glyphs.dot).as_str(), Role::Dim);
            }
            x = paint.text(x, at.y, at.right(), &format!("{} {why}", count(*n as usize)), role);
        }
    };
    reasons(2, "wait:   ", op.waiting_by.iter().map(|(k, n)| (k.word().to_owned(), *n)).collect(), Role::Text);
    reasons(3, "failed: ", op.failed_by.iter().map(|(k, n)| (k.to_string(), *n)).collect(), Role::Error);
}

fn list(app: &App, tasks: &Tasks, paint: &mut Paint<'_>, room: Rect) {
    let end = room.right() - 1;
    let wide = room.width >= 96;
    let columns = if wide { [3u16, 22, 38, 56, 74] } else { [3, 18, 31, 47, 47] };
    let at = |i: usize| room.x + columns[i];
    let names = ["VM", "task", "from", if wide { "to" } else { "from, to" }];
    for (i, name) in names.iter().enumerate() {
        if wide || i != 2 {
            paint.text(if wide || i < 3 { at(i) } else { at(2) }, room.y, end, name, Role::Column);
        }
    }
    paint.text(at(4), room.y, end, "what happens", Role::Column);
    if let Some(error) = &tasks.error {
        paint.text(at(0), room.y + 1, end, error, Role::Warn);
        return;
    }
    let Some(page) = &tasks.page else {
        paint.text(at(0), room.y + 1, end, "asking the engine", Role::Dim);
        return;
    };
    if page.total == 0 {
        paint.text(at(0), room.y + 1, end, "none", Role::Dim);
    }
    let fleet = &app.snapshot.fleet;
    for (i, task) in page.tasks.iter().enumerate() {
        let row = tasks.page_at + i;
        let Some(line) = row.checked_sub(tasks.offset) else { continue };
        let y = room.y + 1 + line as u16;
        if y >= room.bottom() {
            break;
        }
        let here = row == tasks.row;
        if here {
            paint.text(room.x, y, end, paint.glyphs().cursor, Role::Key);
        }
        let (word, role) = state(task);
        paint.cut(at(0), y, at(1) - 1, &task.name, Role::Text);
        paint.cut(at(1), y, at(2) - 1, &format!("{} {word}", paint.glyphs().task(&task.state)), role);
        let host = |h: Option<HostId>| h.map_or("", |h| &*fleet.topology.host(h).name);
        if wide {
            paint.cut(at(2), y, at(3) - 1, host(task.source), Role::Text);
            paint.cut(at(3), y, at(4) - 1, host(task.target), Role::Text);
        } else {
            let both = match (host(task.source), host(task.target)) {
                (a, "") => a.to_owned(),
                ("", b) => b.to_owned(),
                (a, b) => format!("{a}{}{b}", paint.glyphs().to),
            };
            paint.cut(at(2), y, at(4) - 1, &both, Role::Text);
        }
        paint.cut(
            at(4),
            y,
            end,
            &detail(app, fleet, task),
            if matches!(task.state, TaskState::Ended(TaskEnd::Failed(_))) { Role::Error } else { Role::Dim },
        );
        if here {
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
}

pub(super) const fn state(task: &TaskView) -> (&'static str, Role) {
    match &task.state {
        TaskState::Waiting(_) => ("waiting", Role::Wait),
        TaskState::Running => ("running", Role::Busy),
        TaskState::Cancelling => ("cancelling", Role::Warn),
        TaskState::Ended(TaskEnd::Done) => ("done", Role::Ok),
        TaskState::Ended(TaskEnd::Failed(_)) => ("failed", Role::Error),
        TaskState::Ended(TaskEnd::Cancelled) => ("cancelled", Role::Wait),
    }
}

/// How far an image is on its way to the task's host, and to all.
fn bringing(app: &App, transfer: &Transfer) -> String {
    let dot = app.look.glyphs.dot;
    if transfer.size.0 == 0 {
        return "asks for its image".into();
    }
    let share = transfer.bytes.0 as f64 / transfer.size.0 as f64;
    let left = transfer.left.filter(|left| !left.is_zero());
    let left = left.map(|left| format!(", {} left", span(Duration::from_secs(left.as_secs().max(1)))));
    let rate = (transfer.rate.0 > 0.0).then(|| format!(" {dot} {} to all hosts", transfer.rate));
    let (left, rate) = (left.unwrap_or_default(), rate.unwrap_or_default());
    format!("image {} of {}{left}{rate}", Share(share.clamp(0.0, 1.0)), amount(transfer.size))
}

/// Why a task waits, how far it is, how it ended.
pub(super) fn detail(app: &App, fleet: &Fleet, task: &TaskView) -> String {
    let host = |h: HostId| fleet.topology.host(h).name.clone();
    let site = |s: SiteId| fleet.topology.sites[s.index()].name.clone();
    match &task.state {
        TaskState::Waiting(reason) => match *reason {
            WaitReason::Paused | WaitReason::BootTotal | WaitReason::MigrateTotal | WaitReason::RunTotal => {
                format!("waits: {}", reason.kind().word())
            }
            WaitReason::Earlier(earlier) if task.subject.vm().is_none() => format!("waits for {earlier} on the host"),
            WaitReason::Earlier(earlier) => format!("waits for {earlier} on the VM"),
            WaitReason::BootHost(h) => format!("waits: boots on {}", host(h)),
            WaitReason::MigrateSource(h) => format!("waits: moves from {}", host(h)),
            WaitReason::MigrateTarget(h) => format!("waits: moves to {}", host(h)),
            WaitReason::MigrateLink(a, b) => format!("waits: moves between {} and {}", site(a), site(b)),
            WaitReason::Memory(h) => format!("waits for memory on {}", host(h)),
            WaitReason::Host(h) => format!("waits for {} to answer", host(h)),
            WaitReason::Power(h) => format!("waits: {} is being switched off or started again", host(h)),
        },
        TaskState::Running | TaskState::Cancelling => match (task.migration, task.started) {
            (Some(m), _) if m.round > 0 => {
                let times = app.look.glyphs.dot;
                let step = task
                    .rescue
                    .as_ref()
                    .and_then(|r| Some(format!("step {} of {}: {} {times} ", r.taken, r.of, r.last.as_ref()?)));
                let step = step.unwrap_or_default();
                if m.post_copy {
                    return format!("{step}runs on the target, {} to come {times} {}", m.remaining, m.rate);
                }
                let throttled =
                    if m.throttle.0 > 0.0 { format!(" {times} throttled {}", m.throttle) } else { String::new() };
                let (round, left, rate, dirty) = (m.round, m.remaining, m.rate, m.dirty_rate);
                format!("{step}round {round}, {left} left {times} {rate} {times} dirties {dirty}{throttled}")
            }
            (_, Some(started)) => {
                if let Some(transfer) = &task.transfer {
                    return bringing(app, transfer);
                }
                let said = task.line.as_ref().map_or_else(String::new, |line| format!(": {line}"));
                format!("for {}{said}", span(fleet.now.since(started)))
            }
            _ => String::new(),
        },
        TaskState::Ended(end) => {
            let took = match (task.started, task.ended) {
                (Some(a), Some(b)) => format!("took {}", span(b - a)),
                _ => String::new(),
            };
            match (end, task.figures) {
                (TaskEnd::Failed(reason), _) => reason.to_string(),
                (_, Some(f)) => {
                    format!(
                        "{took}, stood still {}, {} rounds, {}",
                        span(f.downtime),
                        f.rounds,
                        amount(Bytes(f.transferred.0))
                    )
                }
                (_, None) => match (task.code, &task.line) {
                    (Some(code), Some(line)) => format!("exit code {code}: {line}"),
                    (Some(code), None) => format!("exit code {code}, {took}"),
                    _ => took,
                },
            }
        }
    }
}
