//! A VM: state, place, load, task, what happened to it, what was done to it.

use ratatui::layout::Rect;

use super::paint::{Paint, Piece, piece};
use super::parts::{TaskList, fitted, frame, helps, tasks, timeline, wrap};
use super::plot::{Plot, stack};
use super::state_role;
use super::tasks::detail;
use crate::console::app::App;
use crate::console::format::{age, counted, memory, percent, rate, span};
use crate::console::pages::parts::Part;
use crate::console::pages::vm::VmPage;
use crate::console::theme::Role;
use crate::fleet::{Finding, Rate, VmRow, VmState};
use crate::handle::VmHistory;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let Some(page) = &app.pages.vm else { return };
    let fleet = &app.snapshot.fleet;
    if page.vm.0 >= fleet.vms.id_count() {
        return;
    }
    // The snapshot is never older than what was asked.
    let row = fleet.vms.row(page.vm);
    let title = [
        piece(fleet.vms.name(page.vm), Role::Title),
        piece(
            format!(" {} {} {}", paint.glyphs().dot, paint.glyphs().vm(row.state), row.state.word()),
            state_role(row.state),
        ),
    ];
    let named = |part: Part| {
        let view = page.view.as_ref();
        match part {
            Part::About => ("VM", None),
            Part::Load => ("Load", None),
            Part::Vms | Part::Tasks => ("Results", view.map(|v| v.results.len())),
            Part::Timeline => ("Timeline", view.map(|v| v.timeline.len())),
        }
    };
    frame(app, paint, &page.parts, &title, &named);
    for (part, _) in &page.parts.at.shown {
        let room = page.parts.room(*part);
        let focus = page.parts.part() == *part;
        match (part, &page.view) {
            (Part::About, _) => about(app, page, &row, paint, room),
            (_, None) => {
                let text = page.error.as_deref().unwrap_or("asking the engine");
                paint.text(room.x + 1, room.y, room.right(), text, Role::Dim);
            }
            (Part::Load, Some(view)) => load(app, paint, room, &row, &view.history),
            (Part::Vms | Part::Tasks, Some(view)) => {
                let list = TaskList {
                    tasks: &view.results,
                    cursor: &page.results,
                    focus,
                    with_vm: false,
                    none: "nothing was done to it yet",
                };
                tasks(app, paint, room, &list);
            }
            (Part::Timeline, Some(view)) => timeline(paint, room, &view.timeline, &page.timeline, focus),
        }
    }
}

/// Its figures over time.
fn load(app: &App, paint: &mut Paint<'_>, room: Rect, row: &VmRow, history: &VmHistory) {
    let now = app.snapshot.fleet.now;
    let vcpus = u32::from(row.vcpus.max(1));
    let share = move |millicores: f64| format!("{} %", percent(millicores as u32, vcpus));
    let speed = |kib: f64| Rate(kib * 1024.0).to_string();
    let room = Rect { x: room.x + 1, width: room.width.saturating_sub(2), ..room };
    let mut dirty = Plot::recent("dirties", &history.dirty, now, &speed).of_rates();
    dirty.role = Role::Heat6;
    let mut net = Plot::recent("network", &history.net, now, &speed).of_rates();
    net.role = Role::Busy;
    let cpu = Plot::recent("cpu", &history.cpu, now, &share).capped(f64::from(vcpus) * 1000.0);
    stack(paint, room, &[cpu, dirty, net]);
}

/// What it is and how it is, a line for each, the most important first.
fn about(app: &App, page: &VmPage, row: &VmRow, paint: &mut Paint<'_>, room: Rect) {
    let label = if room.width < 50 { 8 } else { 10 };
    let (x, end) = (room.x + 1 + label, room.right());
    let text = usize::from(end.saturating_sub(x));
    let mut lines: Vec<(&str, Vec<Piece>)> = vec![("state", state(app, page, row))];
    lines.extend(finding(app, page, row, (text, if room.height >= 12 { 4 } else { 2 })));
    lines.push(("host", place(app, row)));
    if let Some(task) = page.view.as_ref().and_then(|v| v.task.as_ref()) {
        let what = format!("{} of {} {} ", task.kind.word(), task.op, app.look.glyphs.dot);
        lines
            .push(("task", vec![piece(what, Role::Strong), piece(detail(app, &app.snapshot.fleet, task), Role::Text)]));
    }
    if !app.snapshot.about.is_simulated() {
        lines.extend(hypervisor(app, page));
    }
    lines.push(("load", figures(app, row)));
    lines.push(("class", class(app, row)));
    if !app.snapshot.about.is_simulated() {
        lines.push(("see", helps(app, &["console", "screen", "definition", "ssh-vm"])));
    }
    for (y, (name, pieces)) in (room.y..room.bottom()).zip(lines) {
        paint.text(room.x + 1, y, x, name, Role::Dim);
        fitted(paint, (x, y), end, &pieces);
    }
}

fn state(app: &App, page: &VmPage, row: &VmRow) -> Vec<Piece> {
    let (fleet, glyphs) = (&app.snapshot.fleet, app.look.glyphs);
    let word = format!("{} {}", glyphs.vm(row.state), row.state.word());
    let mut pieces = vec![piece(word, state_role(row.state))];
    pieces.push(piece(format!(" for {}", age(fleet.now, row.since)), Role::Dim));
    let said = page.view.as_ref().and_then(|view| view.reason.clone());
    if let Some(reason) = said.or_else(|| fleet.vm_reasons.get(&page.vm).cloned()) {
        pieces.push(piece(format!(" {} {reason}", glyphs.dot), Role::Text));
    }
    pieces
}

/// What libvirt and QEMU say of it, and the job that works on it.
fn hypervisor(app: &App, page: &VmPage) -> Vec<(&'static str, Vec<Piece>)> {
    let dot = || piece(format!(" {} ", app.look.glyphs.dot), Role::Dim);
    let said = match &page.details {
        None => vec![piece("asking its host", Role::Dim)],
        Some(Err(why)) => vec![piece(why.to_string(), Role::Warn)],
        Some(Ok(details)) => {
            let mut said = vec![piece(format!("{} ({})", details.state, details.reason), Role::Text), dot()];
            said.push(match &details.hypervisor {
                Ok(word) => piece(format!("QEMU {word}"), Role::Text),
                Err(why) => piece(format!("QEMU: {why}"), Role::Warn),
            });
            if let Some(id) = details.id {
                said.extend([dot(), piece(format!("id {id}"), Role::Dim)]);
            }
            if details.persistent {
                said.extend([dot(), piece("defined", Role::Dim)]);
            }
            if details.autostart {
                said.extend([dot(), piece("starts with its host", Role::Dim)]);
            }
            said
        }
    };
    let mut lines = vec![("libvirt", said)];
    if let Some(job) = page.job() {
        let elapsed = span(std::time::Duration::from_millis(job.elapsed_ms));
        let text = format!("for {elapsed}: {} of {} done, {} left", job.processed, job.total, job.remaining);
        lines.push(("job", vec![piece(text, Role::Busy)]));
    }
    lines
}

/// What was found and from what, in at most so many lines of such a width, and what helps.
fn finding(app: &App, page: &VmPage, row: &VmRow, (width, most): (usize, usize)) -> Vec<(&'static str, Vec<Piece>)> {
    let ids: &[&str] = match (row.finding, row.state) {
        (Finding::NonConverging, _) => &["remedies", "stop-stress", "stress", "pause", "cancel-task"],
        (Finding::NoProgress, _) => &["remedies", "cancel-task"],
        (Finding::None, VmState::Failed) => &["destroy", "open-host"],
        (Finding::None, VmState::Lost) => &["open-host"],
        (Finding::None, VmState::Paused) => &["resume"],
        (Finding::None, _) => return Vec::new(),
        _ => &["remedies", "reboot", "destroy", "open-host"],
    };
    let mut lines = Vec::new();
    if row.finding != Finding::None {
        let found = app.snapshot.fleet.diagnosis(page.vm);
        let text = found.map_or_else(|| row.finding.word().to_owned(), |found| found.text.to_string());
        for (i, line) in wrap(&format!("{} {text}", app.look.glyphs.warn), width).into_iter().take(most).enumerate() {
            lines.push((if i == 0 { "finding" } else { "" }, vec![piece(line, Role::Warn)]));
        }
        let seen = found.iter().flat_map(|found| &found.evidence);
        for (i, seen) in seen.take(most.saturating_sub(lines.len())).enumerate() {
            lines.push((if i == 0 { "seen" } else { "" }, vec![piece(seen.to_string(), Role::Dim)]));
        }
    }
    lines.push(("helps", helps(app, ids)));
    lines
}

fn place(app: &App, row: &VmRow) -> Vec<Piece> {
    let topology = &app.snapshot.fleet.topology;
    let host = row.host.map_or_else(|| "no host".to_owned(), |host| topology.full_name(host));
    let mut pieces = vec![piece(host, Role::Text)];
    if let Some(target) = row.target {
        pieces.push(piece(format!(" {} {}", app.look.glyphs.to, topology.host(target).name), Role::Busy));
    }
    pieces
}

fn figures(app: &App, row: &VmRow) -> Vec<Piece> {
    let dot = || piece(format!(" {} ", app.look.glyphs.dot), Role::Dim);
    let mut load = vec![piece(format!("cpu {} %", percent(row.cpu, u32::from(row.vcpus.max(1)))), Role::Text)];
    for (what, kib) in [("dirties", row.dirty), ("network", row.net)] {
        if kib > 0 {
            load.extend([dot(), piece(format!("{what} {}", rate(kib)), Role::Text)]);
        }
    }
    if row.stressed {
        load.extend([dot(), piece("stressed", Role::Text)]);
    }
    load
}

fn class(app: &App, row: &VmRow) -> Vec<Piece> {
    let (fleet, dot) = (&app.snapshot.fleet, app.look.glyphs.dot);
    let class = if fleet.class_name(row).is_empty() { "no class" } else { fleet.class_name(row) };
    let vcpus = counted(usize::from(row.vcpus), "vCPU");
    let mut pieces = vec![piece(format!("{class} {dot} {vcpus} {dot} {}", memory(row.memory)), Role::Text)];
    if !row.managed {
        pieces.push(piece(", not ours: never touched", Role::Warn));
    }
    pieces
}
