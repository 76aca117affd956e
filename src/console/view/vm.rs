//! A VM: state, place, load, task, what happened to it.

use ratatui::layout::Rect;

use super::paint::{Paint, piece};
use super::state_role;
use super::tasks::detail;
use crate::console::app::App;
use crate::console::format::{age, clock, counted, memory, percent, rate};
use crate::console::layout::inside;
use crate::console::theme::Role;
use crate::fleet::Finding;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let Some(room) = &app.pages.vm else { return };
    let fleet = &app.snapshot.fleet;
    let glyphs = app.look.glyphs;
    if room.vm.0 >= fleet.vms.id_count() {
        return;
    }
    let row = room.view.as_ref().map_or_else(|| fleet.vms.row(room.vm), |view| view.row);
    let name = fleet.vms.name(room.vm);
    let area = app.plan.page;
    paint.panel(area, true, &[piece(name, Role::Title)], &[]);
    let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..inside(area) };
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
}
