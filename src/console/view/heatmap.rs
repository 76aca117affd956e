//! The heatmap: hosts by site and cluster, as large as there is room for.

use ratatui::layout::Rect;

use super::paint::{Paint, Piece, piece, title_role, width};
use crate::console::app::App;
use crate::console::format::{amount, count, counted, mib, percent, rate, steadily};
use crate::console::heat::Density;
use crate::console::layout::{Panel, inside};
use crate::console::theme::Role;
use crate::fleet::{Fleet, HostId, HostState};

mod cells;
mod flows;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.hosts;
    if area.area() == 0 {
        return;
    }
    let focus = app.focus == Panel::Hosts;
    let glyphs = paint.glyphs();
    let title =
        [piece("Hosts ", title_role(focus)), piece(format!("{} {}", glyphs.dot, app.heat.metric.word()), Role::Dim)];
    let free = area.width.saturating_sub(8 + title.iter().map(|(text, _)| width(text)).sum::<u16>());
    paint.panel(area, focus, &title, &legend(app, free));
    let room = inside(area);
    let fleet = &app.snapshot.fleet;
    if fleet.topology.hosts.is_empty() {
        paint.text(room.x + 1, room.y, room.right(), "no hosts yet", Role::Dim);
        return;
    }
    let map_room = app.map_room();
    cells::draw(app, map_room, focus, paint);
    flows::draw(app, app.flows_room(), paint);
    let hidden = app.map.lines().saturating_sub(app.heat_top + usize::from(map_room.height));
    let last = room.bottom() - 1;
    let mut end = room.right();
    if hidden > 0 {
        let text = format!(" {} {} more", glyphs.down, counted(hidden, "line"));
        end = paint.right(end, last, room.x + room.width / 2, &text, Role::Dim);
    }
    if let Some(host) = app.pointed() {
        let line = named(fleet, host, app);
        paint.whole(room.x + 1, last, end, &line);
    }
    bottom(app, Rect { y: area.bottom() - 1, height: 1, ..area }, paint);
}

/// What a sign is at this density, and how many hosts are marked, on the border at the bottom.
fn bottom(app: &App, line: Rect, paint: &mut Paint<'_>) {
    let mut end = line.right() - 2;
    let mut marks = Vec::new();
    if let Some(range) = app.host_range {
        let word = if range.rectangle { "rectangle" } else { "range" };
        marks.push(format!("{word} of {}", count(app.host_range().len())));
    }
    if !app.host_marks.is_empty() {
        marks.push(format!("{} marked", counted(app.host_marks.len(), "host")));
    }
    if !marks.is_empty() {
        end = paint.right(end, line.y, line.x + 1, &format!(" {} ", marks.join(", ")), Role::Mark);
    }
    let text = match app.map.density {
        Density::Half => " two hosts in a sign, upper and lower ",
        Density::Single => " a sign is a host ",
        Density::Box | Density::Wide => return,
    };
    if line.x + 2 + width(text) < end {
        paint.text(line.x + 2, line.y, end, text, Role::Dim);
    }
}

/// What colours and signs mean, as much of it as fits; the scale and violations first.
fn legend(app: &App, free: u16) -> Vec<Piece> {
    let glyphs = app.look.glyphs;
    let (low, high) = app.heat.scale();
    let mut shown = vec![piece(format!("{low} "), Role::Dim)];
    shown.extend([0usize, 2, 4, 6, 7].map(|level| piece(glyphs.heat[level], HEAT[level])));
    shown.push(piece(format!(" {high}"), Role::Dim));
    let mut signs = vec![("!", Role::Over, "over")];
    if app.heat.shows_flows {
        signs.extend([(glyphs.up, SENDS, "sends"), (glyphs.down, RECEIVES, "receives"), (glyphs.both, BOTH, "both")]);
    }
    signs.extend([
        (glyphs.bad, Role::Error, "down"),
        (glyphs.draining, Role::Text, "draining"),
        (glyphs.coming, Role::Wait, "coming"),
        (glyphs.idle, Role::Dim, "none"),
        (glyphs.mark, Role::Mark, "marked"),
    ]);
    let mut used: u16 = shown.iter().map(|(text, _)| width(text)).sum();
    for (sign, role, word) in signs {
        used += width(word) + 4;
        if used > free {
            break;
        }
        shown.extend([piece("  ", Role::Dim), piece(sign, role), piece(format!(" {word}"), Role::Dim)]);
    }
    shown
}

/// The styles of hosts that VMs leave, come to, or both.
const SENDS: Role = Role::Warn;
const RECEIVES: Role = Role::Busy;
const BOTH: Role = Role::Strong;

const HEAT: [Role; 8] =
    [Role::Heat0, Role::Heat1, Role::Heat2, Role::Heat3, Role::Heat4, Role::Heat5, Role::Heat6, Role::Heat7];

/// The host under the cursor with its figures, the most important first.
pub(super) fn named(fleet: &Fleet, host: HostId, app: &App) -> Vec<Piece> {
    let glyphs = app.look.glyphs;
    let row = fleet.hosts.row(host);
    let size = fleet.topology.host(host);
    let dot = || piece(format!(" {} ", glyphs.dot), Role::Dim);
    let mut line = vec![piece(size.name.to_string(), Role::Strong), dot()];
    if row.state != HostState::Ready {
        line.extend([piece(row.state.word(), Role::Warn), dot()]);
    }
    if let Some(since) = row.over_since() {
        let seconds = fleet.now.as_secs().saturating_sub(u64::from(since));
        let how_long = steadily(seconds);
        line.extend([piece(format!("over for {how_long}"), Role::Over), dot()]);
    }
    if let Some(kib) = app.heat.dirty(host).filter(|kib| *kib > 0) {
        line.extend([piece(format!("dirties {}", rate(kib.min(u64::from(u32::MAX)) as u32)), Role::Text), dot()]);
    }
    let cores = format!(
        "{} of {}",
        if size.cores == 0 { "?".into() } else { format!("{} %", percent(row.cpu_demand, size.cores)) },
        counted(size.cores as usize, "core")
    );
    line.extend([piece(cores, Role::Text), dot(), piece(counted(row.vms as usize, "VM"), Role::Text), dot()]);
    line.push(piece(format!("{} of {}", mib(row.memory), amount(size.memory)), Role::Text));
    for (sign, kib) in [(glyphs.up, row.net_tx), (glyphs.down, row.net_rx)] {
        if kib > 0 {
            line.extend([dot(), piece(format!("{sign} {}", rate(kib)), Role::Text)]);
        }
    }
    let moves = [(row.booting, "booting"), (row.migrations_in, "coming"), (row.migrations_out, "leaving")];
    for (n, word) in moves.into_iter().filter(|(n, _)| *n > 0) {
        line.extend([dot(), piece(format!("{n} {word}"), Role::Busy)]);
    }
    if let Some(reason) = fleet.host_reasons.get(&host) {
        line.extend([dot(), piece(reason.to_string(), Role::Warn)]);
    }
    line
}
