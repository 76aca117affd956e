//! What a room full of people reads from afar: big figures, the boot that runs, its curve, the fleet's last minutes, the
//! load of all hosts. Everything grows with the screen.

use ratatui::layout::Rect;

use super::big;
use super::operations::{bar, second_line};
use super::paint::{Paint, width};
use super::plot::Plot;
use crate::console::app::App;
use crate::console::format::{clock, count, span};
use crate::console::heat::{Cell, Sign};
use crate::console::pages::pulse::foremost;
use crate::console::theme::Role;
use crate::fleet::{Fleet, HostId, HostState, Time, VmState};
use crate::handle::{OpState, OperationView, Samples};

/// A figure and what it counts.
struct Figure {
    text: String,
    word: &'static str,
    role: Role,
    /// The longest that it may become while VMs change their states.
    longest: String,
}

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.page;
    // A blank line below the header, where there is room for one.
    let above = u16::from(area.height >= 16);
    let room = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..below(area, above) };
    let used = figures(paint, room, &all(app));
    let mut rest = below(room, used);
    if let Some(op) = foremost(&app.snapshot.operations).filter(|_| rest.height >= 2) {
        rest = below(rest, operation(app, op, paint, rest) + 1);
    }
    if rest.height < 5 {
        return;
    }
    graphs(app, paint, rest);
}

/// What is left of a room below so many rows.
const fn below(room: Rect, rows: u16) -> Rect {
    let rows = if rows < room.height { rows } else { room.height };
    Rect { y: room.y + rows, height: room.height - rows, ..room }
}

/// The figures, the most important first.
fn all(app: &App) -> Vec<Figure> {
    let fleet = &app.snapshot.fleet;
    let of = |states: &[VmState]| states.iter().map(|s| fleet.vms.count(*s)).sum::<usize>();
    let most = count(fleet.vms.len());
    let vms = |n: usize, word, role| Figure { text: count(n), word, role, longest: most.clone() };
    let bad = of(&[VmState::Failed, VmState::Lost]);
    let usable = fleet.hosts.rows().filter(|(_, row)| matches!(row.state, HostState::Ready | HostState::Draining));
    let hosts = count(usable.count());
    let share = cpu(app);
    let over = app.heat.sites().iter().any(|site| site.over > 0);
    vec![
        vms(of(&[VmState::Up, VmState::Reachable]), "VMs up", Role::Ok),
        vms(of(&[VmState::Planned, VmState::Preparing, VmState::Starting]), "booting", Role::Busy),
        vms(of(&[VmState::Migrating]), "moving", Role::Busy),
        vms(bad, "failed", if bad > 0 { Role::Error } else { Role::Dim }),
        Figure { word: "hosts", role: Role::Text, longest: count(fleet.hosts.len()), text: hosts },
        Figure {
            text: format!("{share} %"),
            word: if over { "CPU, some hosts over" } else { "CPU" },
            role: if over { Role::Warn } else { Role::Text },
            longest: "100 %".into(),
        },
    ]
}

/// CPU that is asked for, in percent of all cores.
fn cpu(app: &App) -> u64 {
    let sites = app.heat.sites();
    let hosts: usize = sites.iter().map(|site| site.hosts).sum();
    // The fleet's own record is exact; before its first sample the sites' figures, weighed by hosts, tell.
    match app.snapshot.history.cpu.values.last() {
        Some(thousandths) => u64::from(*thousandths).div_ceil(10),
        None if hosts == 0 => 0,
        None => (sites.iter().map(|s| s.load * s.hosts as f64).sum::<f64>() / hosts as f64 * 100.0).round() as u64,
    }
}

/// Draws the figures as large as they fit, in one to three rows; says how many rows of the screen that took.
fn figures(paint: &mut Paint<'_>, room: Rect, figures: &[Figure]) -> u16 {
    let budget = (room.height * 45 / 100).max(4);
    let fits = |size: u16, columns: u16| {
        let rows = (figures.len() as u16).div_ceil(columns);
        let wide = figures.iter().map(|f| big::width(&f.longest, size).max(big::width(&f.text, size))).max();
        rows * (big::height(size) + 2) <= budget + 1 && wide.unwrap_or(0) + 2 <= room.width / columns
    };
    let shapes = (1..=8).rev().flat_map(|size| [6, 3, 2].map(|columns| (size, columns)));
    // ASCII has no halves of a cell: sizes that need them are left out.
    let plain = paint.glyphs().plain;
    let shape =
        shapes.filter(|(size, _)| !plain || *size == 1 || size % 2 == 0).find(|(size, columns)| fits(*size, *columns));
    let Some((size, columns)) = shape else { return small(paint, room, figures) };
    let (wide, high) = (room.width / columns, big::height(size) + 2);
    for (i, figure) in (0..).zip(figures) {
        let (x, y) = (room.x + wide * (i % columns), room.y + high * (i / columns));
        for (row, line) in (0..).zip(big::lines(&figure.text, size, plain)) {
            paint.text(x + 1, y + row, x + wide, &line, figure.role);
        }
        paint.cut(x + 1, y + high - 2, x + wide, figure.word, Role::Strong);
    }
    high * (figures.len() as u16).div_ceil(columns)
}

/// The figures as plain text where there is no room for more: two beside each other.
fn small(paint: &mut Paint<'_>, room: Rect, figures: &[Figure]) -> u16 {
    let half = room.width / 2;
    for (i, figure) in (0..).zip(figures) {
        let (x, y) = (room.x + half * (i % 2), room.y + i / 2);
        if y < room.bottom() {
            let at = paint.text(x, y, x + half, &format!("{} ", figure.text), figure.role);
            paint.cut(at, y, x + half, figure.word, Role::Dim);
        }
    }
    (figures.len() as u16).div_ceil(2)
}

/// The operation: what, how far, how fast, how long still; says how many rows it took.
fn operation(app: &App, op: &OperationView, paint: &mut Paint<'_>, room: Rect) -> u16 {
    let ended = u64::from(op.done) + u64::from(op.failed) + u64::from(op.cancelled);
    let percent = format!("{} %", ended * 100 / u64::from(op.total.max(1)));
    let end = room.right();
    let at = paint.right(end, room.y, room.x, &percent, Role::Strong);
    let x = paint.text(room.x, room.y, at, &format!("{} ", op.id), Role::Dim);
    let x = paint.cut(x, room.y, at.saturating_sub(1), &op.title, Role::Strong);
    let left = match (op.state, op.eta) {
        (OpState::Running, Some(eta)) => format!("  about {} left", span(eta)),
        (OpState::Running, None) => String::new(),
        (OpState::Paused, _) => "  paused".into(),
        (OpState::Cancelling, _) => "  being cancelled".into(),
        (OpState::Ended, _) => "  ended".into(),
    };
    if x + width(&left) < at {
        paint.text(x, room.y, at, &left, Role::Text);
    }
    // The bar is as high as the screen allows.
    let high = (room.height / 12).clamp(1, 3);
    for row in 0..high {
        bar(op, paint, Rect { y: room.y + 1 + row, height: 1, ..room });
    }
    if room.height < high + 4 {
        return high + 1;
    }
    let mut line = super::operations::counts(op, room.width < 100);
    line.extend(second_line(app, op));
    paint.whole(room.x, room.y + 1 + high, end, &line);
    high + 2
}

/// Curves and heat beside each other, as many as have room.
fn graphs(app: &App, paint: &mut Paint<'_>, room: Rect) {
    let op = foremost(&app.snapshot.operations).filter(|op| !op.curve.values.is_empty());
    let columns = (room.width / 38).clamp(1, if op.is_some() { 3 } else { 2 });
    let wide = room.width / columns;
    let part = |i: u16| Rect { x: room.x + wide * i, width: wide - u16::from(i + 1 < columns) * 2, ..room };
    let mut next = 0;
    if let Some(op) = op {
        curve(app, op, paint, part(0));
        next = 1;
    }
    if next < columns {
        let (history, now) = (&app.snapshot.history, app.snapshot.fleet.now);
        let label = |n: f64| count(n as usize);
        // Where the heat has no column of its own, it stands below the fleet's.
        let mut room = part(next);
        if next + 1 == columns && room.height >= 14 {
            let high = room.height / 2;
            heat(app, paint, below(room, high + 1));
            room.height = high;
        }
        let mut up = Plot::recent("VMs up", &history.up, now, &label);
        // Against all VMs that there are.
        let most = history.up.values.iter().max().copied().unwrap_or(0);
        up.top = f64::from(most.max(app.snapshot.fleet.vms.len() as u32).max(1));
        up.draw(paint, room);
        next += 1;
    }
    if next < columns {
        heat(app, paint, part(next));
    }
}

/// Tasks that ended over the operation's time.
fn curve(app: &App, op: &OperationView, paint: &mut Paint<'_>, room: Rect) {
    let to = op.ended.unwrap_or(app.snapshot.fleet.now).max(op.curve.last);
    let label = |n: f64| count(n as usize);
    let title = format!("{} done", op.kind.word());
    let ended = op.done + op.failed + op.cancelled;
    let samples = until(&op.curve, to, ended);
    let plot = Plot {
        title: &title,
        now: count(ended as usize),
        samples: &samples,
        from: op.started.as_secs_f64(),
        to,
        ends: (clock(op.started), clock(to)),
        top: f64::from(op.total.max(1)),
        cap: None,
        label: &label,
        role: Role::Ok,
    };
    plot.draw(paint, room);
}

/// A curve that goes on to `to` with what is true now: it was kept only as long as something ended.
fn until(curve: &Samples, to: Time, now: u32) -> Samples {
    let missing = (to - curve.last).as_nanos() / curve.every.as_nanos().max(1);
    let missing = missing.min(1000) as u32;
    let mut values = curve.values.clone();
    values.extend(std::iter::repeat_n(now, missing as usize));
    Samples { every: curve.every, last: curve.last + curve.every * missing, values }
}

/// Hosts of a cluster, so many of them in a cell, so that all clusters fit.
fn heat(app: &App, paint: &mut Paint<'_>, room: Rect) {
    let fleet = &app.snapshot.fleet;
    let labels = 11.min(room.width / 3);
    let columns = u32::from(room.width.saturating_sub(labels));
    let rows = u32::from(room.height.saturating_sub(1));
    let lines = |per_cell: u32, wide: u32| -> u32 {
        let cells = (columns / wide).max(1);
        fleet.topology.clusters.iter().map(|c| (c.hosts.len() as u32).div_ceil(per_cell).div_ceil(cells)).sum()
    };
    let most = fleet.topology.hosts.len().max(1) as u32;
    let per_cell = (1..=most).find(|n| lines(*n, 1) <= rows).unwrap_or(most);
    // Few hosts have wide cells.
    let wide = (1..=4).rev().find(|wide| lines(per_cell, *wide) <= rows.min(most)).unwrap_or(1);
    let cells = (columns / wide).max(1);
    let what = app.heat.metric.word();
    let title = if per_cell == 1 { format!("hosts: {what}") } else { format!("hosts: {what}, {per_cell} a cell") };
    paint.text(room.x, room.y, room.right(), &title, Role::Dim);
    let mut y = room.y + 1;
    for cluster in &fleet.topology.clusters {
        paint.cut(room.x, y, room.x + labels - 1, &cluster.name, Role::Dim);
        let groups: Vec<u32> = cluster.hosts.clone().step_by(per_cell as usize).collect();
        for line in groups.chunks(cells as usize) {
            let mut x = room.x + labels;
            for first in line.iter().filter(|_| y < room.bottom()) {
                let last = (first + per_cell).min(cluster.hosts.end);
                let worst = worst(app, fleet, *first..last);
                x = (0..wide).fold(x, |x, _| cell(app, paint, (x, y), room.right(), worst));
            }
            y += 1;
        }
    }
}

/// The cell that most deserves to be seen.
fn worst(app: &App, fleet: &Fleet, hosts: std::ops::Range<u32>) -> Cell {
    let rank = |cell: &Cell| {
        let sign = match cell.sign {
            Sign::Ready | Sign::Draining => 1,
            Sign::Coming => 0,
            Sign::Over => 2,
            Sign::Down => 3,
        };
        (sign, cell.level)
    };
    let there = hosts.filter(|host| (*host as usize) < fleet.topology.hosts.len());
    there.map(|host| app.heat.cell(HostId(host))).max_by_key(rank).unwrap_or_default()
}

fn cell(app: &App, paint: &mut Paint<'_>, (x, y): (u16, u16), end: u16, cell: Cell) -> u16 {
    let glyphs = paint.glyphs();
    let (sign, style) = match (cell.sign, cell.level) {
        (Sign::Over, _) => ("!", paint.style(Role::Over)),
        (Sign::Down, _) => (glyphs.bad, paint.style(Role::Error)),
        (Sign::Coming, _) => (glyphs.wait, paint.style(Role::Wait)),
        (Sign::Ready | Sign::Draining, Some(level)) => (glyphs.heat[usize::from(level)], app.look.theme.heat(level)),
        (Sign::Ready | Sign::Draining, None) => (glyphs.idle, paint.style(Role::Dim)),
    };
    paint.styled(x, y, end, sign, style)
}
