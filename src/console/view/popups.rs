//! What lies over the panels to be read: a VM, and what happened.

use ratatui::layout::Rect;

use super::paint::{Paint, piece, width};
use super::tasks::detail;
use super::vms::state_role;
use crate::console::app::{App, Room};
use crate::console::format::{age, clock, counted, memory, percent, rate};
use crate::console::layout::centred;
use crate::console::theme::Role;
use crate::fleet::Finding;
use crate::handle::Level;

pub(super) fn vm(app: &App, room: &Room, paint: &mut Paint<'_>) {
    let body = app.plan.body;
    let timeline = room.view.as_ref().map_or(0, |v| v.timeline.len()) as u16;
    let area = centred(body, 92, (14 + timeline).max(16).min(body.height));
    let fleet = &app.snapshot.fleet;
    let glyphs = app.look.glyphs;
    if room.vm.0 >= fleet.vms.id_count() {
        return;
    }
    let row = room.view.as_ref().map_or_else(|| fleet.vms.row(room.vm), |view| view.row);
    let name = fleet.vms.name(room.vm);
    paint.popup(area, false, name);
    let inner = Rect {
        x: area.x + 3,
        y: area.y + 2,
        width: area.width.saturating_sub(6),
        height: area.height.saturating_sub(3),
    };
    let end = inner.right();
    let mut y = inner.y;
    let mut line = |paint: &mut Paint<'_>, label: &str, pieces: &[(String, Role)]| {
        if y < inner.bottom() {
            paint.text(inner.x, y, end, label, Role::Dim);
            paint.pieces(inner.x + 11, y, end, pieces);
        }
        y += 1;
    };
    let state = format!("{} {}", glyphs.vm(row.state), row.state.word());
    let mut pieces =
        vec![piece(state, state_role(row.state)), piece(format!(" for {}", age(fleet.now, row.since)), Role::Dim)];
    if let Some(reason) =
        room.view.as_ref().and_then(|v| v.reason.clone()).or_else(|| fleet.vm_reasons.get(&room.vm).cloned())
    {
        pieces.push(piece(format!(" {} {reason}", glyphs.dot), Role::Text));
    }
    line(paint, "state", &pieces);
    let host = row.host.map_or_else(|| "no host".to_owned(), |h| fleet.topology.full_name(h));
    let mut pieces = vec![piece(host, Role::Text)];
    if let Some(target) = row.target {
        pieces.push(piece(format!(" {} {}", glyphs.to, fleet.topology.full_name(target)), Role::Busy));
    }
    line(paint, "host", &pieces);
    let class = if fleet.class_name(&row).is_empty() { "no class" } else { fleet.class_name(&row) };
    let size = format!(
        "{class} {} {} {} {}{}",
        glyphs.dot,
        counted(usize::from(row.vcpus), "vCPU"),
        glyphs.dot,
        memory(row.memory),
        if row.managed { "" } else { ", not ours: never touched" }
    );
    line(paint, "class", &[piece(size, Role::Text)]);
    let mut load = format!("cpu {} %", percent(row.cpu, u32::from(row.vcpus.max(1))));
    for (what, kib) in [("dirties", row.dirty), ("network", row.net)] {
        if kib > 0 {
            load = format!("{load} {} {what} {}", glyphs.dot, rate(kib));
        }
    }
    if row.stressed {
        load = format!("{load} {} stressed", glyphs.dot);
    }
    line(paint, "load", &[piece(load, Role::Text)]);
    match &room.view {
        None => {
            let text = room.error.as_deref().unwrap_or("asking the engine");
            line(paint, "", &[piece(text, Role::Dim)]);
        }
        Some(view) => {
            if view.finding.0 != Finding::None {
                let text = format!(
                    "{} {}",
                    glyphs.warn,
                    if view.finding.1.is_empty() { view.finding.0.word() } else { &view.finding.1 }
                );
                line(paint, "finding", &[piece(text, Role::Warn)]);
            }
            if let Some(task) = &view.task {
                let text = format!("{} of {} {} {}", task.kind.word(), task.op, glyphs.dot, detail(app, fleet, task));
                line(paint, "task", &[piece(text, Role::Text)]);
            }
            line(paint, "", &[]);
            let shown = usize::from(inner.bottom().saturating_sub(inner.y + 7)).max(1);
            let top = room.top.min(view.timeline.len().saturating_sub(shown));
            for (i, (at, what)) in view.timeline.iter().skip(top).enumerate() {
                let label = if i == 0 { "timeline" } else { "" };
                line(
                    paint,
                    label,
                    &[piece(format!("{:>8}  ", clock(*at)), Role::Dim), piece(what.to_string(), Role::Text)],
                );
            }
        }
    }
    paint.end_popup();
}

pub(super) fn events(app: &App, top: usize, paint: &mut Paint<'_>) {
    let body = app.plan.body;
    let area = centred(body, 110, body.height);
    paint.popup(area, false, "What happened last");
    let room = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    let events = &app.snapshot.events;
    let glyphs = app.look.glyphs;
    if events.is_empty() {
        paint.text(room.x, room.y, room.right(), "nothing yet", Role::Dim);
    }
    let shown = usize::from(room.height);
    let top = top.min(events.len().saturating_sub(shown));
    for (i, event) in events.iter().rev().skip(top).take(shown).enumerate() {
        let y = room.y + i as u16;
        let (sign, role) = match event.level {
            Level::Info => (glyphs.dot, Role::Dim),
            Level::Warning => (glyphs.warn, Role::Warn),
            Level::Error => (glyphs.bad, Role::Error),
        };
        let at = clock(event.at);
        let x = paint.text(room.x, y, room.right(), &format!("{at:>8} {sign} "), role);
        let mut what = event.text.to_string();
        if let Some(op) = event.op {
            let tail = format!("  {op}");
            paint.right(room.right(), y, x, &tail, Role::Dim);
            what = crate::console::format::cut(
                &what,
                usize::from(room.right().saturating_sub(x + width(&tail))),
                glyphs.more,
            );
        }
        paint.cut(x, y, room.right(), &what, Role::Text);
    }
    paint.end_popup();
}
