//! A host: state, load over time, its VMs, the tasks on it, what happened.

use ratatui::layout::Rect;

use super::paint::{Paint, Piece, piece};
use super::parts::{TaskList, fitted, frame, helps, tasks, timeline};
use super::plot::{Plot, stack};
use super::state_role;
use crate::console::app::App;
use crate::console::format::{age, count, counted, memory, mib, percent, rate, steadily};
use crate::console::pages::host::HostPage;
use crate::console::pages::parts::{LIST_TOP, Part};
use crate::console::theme::Role;
use crate::fleet::{Host, HostId, HostRow, HostState, Rate, VmId};
use crate::handle::HostHistory;

pub(super) fn draw(app: &App, host: HostId, paint: &mut Paint<'_>) {
    let Some(page) = app.pages.host.as_ref().filter(|page| page.host == host) else { return };
    let fleet = &app.snapshot.fleet;
    if host.index() >= fleet.topology.hosts.len().min(fleet.hosts.len()) {
        return;
    }
    let (row, size) = (fleet.hosts.row(host), fleet.topology.host(host));
    let title = [
        piece(&*size.name, Role::Title),
        piece(format!(" {} {}", paint.glyphs().dot, fleet.topology.site_name(host)), Role::Dim),
    ];
    let named = |part: Part| {
        let view = page.view.as_ref();
        match part {
            Part::About => ("Host", None),
            Part::Load => ("Load", None),
            Part::Vms => ("VMs", Some(row.vms as usize)),
            Part::Tasks => ("Tasks", view.map(|v| (v.open.0 + v.open.1) as usize)),
            Part::Timeline => ("Timeline", view.map(|v| v.timeline.len())),
        }
    };
    frame(app, paint, &page.parts, &title, &named);
    for (part, _) in &page.parts.at.shown {
        let room = page.parts.room(*part);
        let focus = page.parts.part() == *part;
        match (part, &page.view) {
            (Part::About, _) => about(app, page, row, size, paint, room),
            (_, None) => {
                let text = page.error.as_deref().unwrap_or("asking the engine");
                paint.text(room.x + 1, room.y, room.right(), text, Role::Dim);
            }
            (Part::Load, Some(view)) => load(app, paint, room, size, &view.history),
            (Part::Vms, Some(view)) => vms(app, paint, room, page, &view.vms, focus),
            (Part::Tasks, Some(view)) => {
                let none = "nothing is done on it";
                let list = TaskList { tasks: &view.tasks, cursor: &page.tasks, focus, with_vm: true, none };
                tasks(app, paint, room, &list);
            }
            (Part::Timeline, Some(view)) => timeline(paint, room, &view.timeline, &page.timeline, focus),
        }
    }
}

/// Its figures over time: what it has is a line, what is asked beyond it is marked.
fn load(app: &App, paint: &mut Paint<'_>, room: Rect, size: &Host, history: &HostHistory) {
    let now = app.snapshot.fleet.now;
    let cores = size.cores;
    let share = move |millicores: f64| format!("{} %", percent(millicores as u32, cores.max(1)));
    let amount = |m: f64| memory(m as u32);
    let speed = |kib: f64| Rate(kib * 1024.0).to_string();
    let room = Rect { x: room.x + 1, width: room.width.saturating_sub(2), ..room };
    let cpu = Plot::recent("cpu", &history.cpu.recent, now, &share).capped(f64::from(cores) * 1000.0);
    let mut held = Plot::recent("memory", &history.memory.recent, now, &amount).capped(size.memory.to_mib() as f64);
    held.role = Role::Heat4;
    let mut received = Plot::recent("receives", &history.net_rx.recent, now, &speed).of_rates();
    let mut sent = Plot::recent("sends", &history.net_tx.recent, now, &speed).of_rates();
    // Both ways on one scale.
    received.top = received.top.max(sent.top);
    sent.top = received.top;
    received.role = Role::Busy;
    sent.role = Role::Busy;
    stack(paint, room, &[cpu, held, received, sent]);
}

/// What it is and how it is, a line for each, the most important first.
fn about(app: &App, page: &HostPage, row: &HostRow, size: &Host, paint: &mut Paint<'_>, room: Rect) {
    let (fleet, dot) = (&app.snapshot.fleet, app.look.glyphs.dot);
    let label = if room.width < 50 { 8 } else { 10 };
    let (x, end) = (room.x + 1 + label, room.right());
    let mut lines: Vec<(&str, Vec<Piece>)> = vec![("state", state(app, page, row))];
    if let Some(since) = row.over_since() {
        let how_long = steadily(fleet.now.as_secs().saturating_sub(u64::from(since)));
        lines.push(("over", vec![piece(format!("! more is asked than it has, for {how_long}"), Role::Over)]));
        lines.push(("helps", helps(app, &["evacuate", "migrate"])));
    } else if row.state == HostState::Draining {
        lines.push(("helps", helps(app, &["undrain"])));
    }
    let cpu = if size.cores == 0 { "?".to_owned() } else { format!("{} %", percent(row.cpu_demand, size.cores)) };
    lines.push(("cpu", vec![piece(format!("{cpu} of {}", counted(size.cores as usize, "core")), Role::Text)]));
    let free = fleet.free_memory(page.host);
    lines.push((
        "memory",
        vec![
            piece(format!("{} of {}", mib(row.memory), size.memory), Role::Text),
            piece(format!(" {dot} {free} free"), Role::Dim),
        ],
    ));
    lines.push(("VMs", activity(app, page, row)));
    let apart = || piece(format!(" {dot} "), Role::Dim);
    let sent = piece(format!("sends {}", kib(row.net_tx)), Role::Text);
    let received = piece(format!("receives {}", kib(row.net_rx)), Role::Text);
    lines.push(("network", vec![piece(format!("NIC {}", size.nic), Role::Text), apart(), sent, apart(), received]));
    lines.push(("disk", vec![piece(format!("reads {}", size.disk), Role::Text)]));
    lines.push(("name", vec![piece(fleet.topology.full_name(page.host), Role::Text)]));
    for (y, (name, pieces)) in (room.y..room.bottom()).zip(lines) {
        paint.text(room.x + 1, y, x, name, Role::Dim);
        fitted(paint, (x, y), end, &pieces);
    }
}

fn kib(kib: u32) -> String {
    if kib == 0 { "nothing".into() } else { rate(kib) }
}

fn state(app: &App, page: &HostPage, row: &HostRow) -> Vec<Piece> {
    let (fleet, glyphs) = (&app.snapshot.fleet, app.look.glyphs);
    let (sign, role) = match row.state {
        HostState::Ready => (glyphs.ok, Role::Ok),
        HostState::Offered | HostState::Preparing => (glyphs.wait, Role::Wait),
        HostState::Draining => (glyphs.down, Role::Warn),
        HostState::Unreachable | HostState::Withdrawn | HostState::Failed => (glyphs.bad, Role::Error),
    };
    let mut pieces = vec![piece(format!("{sign} {}", row.state.word()), role)];
    pieces.push(piece(format!(" for {}", age(fleet.now, row.since)), Role::Dim));
    let said = page.view.as_ref().and_then(|view| view.reason.clone());
    if let Some(reason) = said.or_else(|| fleet.host_reasons.get(&page.host).cloned()) {
        pieces.push(piece(format!(" {} {reason}", glyphs.dot), Role::Warn));
    }
    pieces
}

/// How many VMs it has, and what is done with them.
fn activity(app: &App, page: &HostPage, row: &HostRow) -> Vec<Piece> {
    let dot = app.look.glyphs.dot;
    let mut pieces = vec![piece(count(row.vms as usize), Role::Strong)];
    let moves = [(row.booting, "booting"), (row.migrations_in, "coming"), (row.migrations_out, "leaving")];
    for (n, word) in moves.into_iter().filter(|(n, _)| *n > 0) {
        pieces.push(piece(format!(" {dot} {n} {word}"), Role::Busy));
    }
    if let Some(waiting) = page.view.as_ref().map(|view| view.open.1).filter(|n| *n > 0) {
        pieces.push(piece(format!(" {dot} {} waiting", counted(waiting as usize, "task")), Role::Wait));
    }
    pieces
}

/// Columns of its VMs: name, width, rank; what has a higher rank goes first where there is no room.
const COLUMNS: [(&str, u16, u8); 7] =
    [("name", 14, 0), ("state", 12, 0), ("cpu", 5, 0), ("mem", 6, 1), ("dirty", 9, 2), ("net", 9, 3), ("since", 7, 4)];

/// Its VMs, as many as fit.
fn vms(app: &App, paint: &mut Paint<'_>, room: Rect, page: &HostPage, vms: &[VmId], focus: bool) {
    let fleet = &app.snapshot.fleet;
    let mut fitting = 5;
    while fitting > 0 && columns(fitting).map(|(_, w)| w + 1).sum::<u16>() + 3 > room.width {
        fitting -= 1;
    }
    let mut x = room.x + 3;
    for (name, width) in columns(fitting) {
        heading(paint, room, &mut x, name, width);
    }
    if vms.is_empty() {
        paint.text(room.x + 3, room.y + 1, room.right(), "no VM is on it", Role::Dim);
    }
    for row in page.vms.shown(vms.len()) {
        let (vm, y) = (vms[row], room.y + LIST_TOP + (row - page.vms.top) as u16);
        if y >= room.bottom() || vm.0 >= fleet.vms.id_count() {
            break;
        }
        let marked = app.vms.marks.contains(vm);
        if marked {
            paint.text(room.x + 1, y, room.right(), paint.glyphs().mark, Role::Mark);
        }
        let figures = fleet.vms.row(vm);
        let mut x = room.x + 3;
        for (name, width) in columns(fitting) {
            let (text, role) = match name {
                "name" => (fleet.vms.name(vm).to_owned(), if marked { Role::Mark } else { Role::Text }),
                "state" => (
                    format!("{} {}", paint.glyphs().vm(figures.state), figures.state.word()),
                    state_role(figures.state),
                ),
                "cpu" => (format!("{} %", percent(figures.cpu, u32::from(figures.vcpus.max(1)))), Role::Text),
                "mem" => (memory(figures.memory), Role::Text),
                "dirty" => (rate(figures.dirty), Role::Dim),
                "net" => (rate(figures.net), Role::Dim),
                _ => (age(fleet.now, figures.since), Role::Dim),
            };
            if matches!(name, "name" | "state") {
                paint.cut(x, y, (x + width).min(room.right()), &text, role);
            } else {
                paint.right((x + width).min(room.right()), y, x, &text, role);
            }
            x += width + 1;
        }
        if row == page.vms.row {
            paint.text(room.x, y, room.right(), paint.glyphs().cursor, if focus { Role::Key } else { Role::Dim });
            paint.tint(Rect { y, height: 1, ..room }, if focus { Role::Cursor } else { Role::Resting });
        }
    }
}

fn columns(rank: u8) -> impl Iterator<Item = (&'static str, u16)> {
    COLUMNS.into_iter().filter(move |(_, _, r)| *r < rank.max(1)).map(|(name, width, _)| (name, width))
}

fn heading(paint: &mut Paint<'_>, room: Rect, x: &mut u16, name: &str, width: u16) {
    if matches!(name, "name" | "state") {
        paint.text(*x, room.y, room.right(), name, Role::Column);
    } else {
        paint.right((*x + width).min(room.right()), room.y, *x, name, Role::Column);
    }
    *x += width + 1;
}
