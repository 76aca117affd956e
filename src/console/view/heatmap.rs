//! The heatmap: a cell per host, by site and cluster.

use super::paint::{Paint, Piece, piece, title_role};
use crate::console::app::App;
use crate::console::format::{amount, counted, mib, percent, rate, span};
use crate::console::heat::{Cell, lines};
use crate::console::layout::{LABELS, Panel, inside};
use crate::console::theme::Role;
use crate::fleet::{Fleet, HostId, HostState};

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.hosts;
    if area.area() == 0 {
        return;
    }
    let focus = app.focus == Panel::Hosts;
    let glyphs = paint.glyphs();
    let mut scale = vec![piece("0 ", Role::Dim)];
    for level in [0usize, 2, 4, 6, 7] {
        scale.push(piece(glyphs.heat[level], HEAT[level]));
    }
    scale.extend([piece(" 100 %  ", Role::Dim), piece("!", Role::Over), piece(" over", Role::Dim)]);
    let title =
        [piece("Hosts ", title_role(focus)), piece(format!("{} {}", glyphs.dot, app.heat.metric.word()), Role::Dim)];
    paint.panel(area, focus, &title, &scale);
    let room = inside(area);
    let fleet = &app.snapshot.fleet;
    if fleet.topology.hosts.is_empty() {
        paint.text(room.x + 1, room.y, room.right(), "no hosts yet", Role::Dim);
        return;
    }
    let shown = usize::from(room.height.saturating_sub(1));
    let all = lines(fleet, room.width.saturating_sub(LABELS));
    for (i, line) in all.iter().skip(app.heat_top).take(shown).enumerate() {
        let y = room.y + i as u16;
        let cluster = &fleet.topology.clusters[usize::from(line.cluster)];
        if line.first_of_site || i == 0 {
            let site = &fleet.topology.sites[cluster.site.index()].name;
            paint.cut(room.x + 1, y, room.x + 9, site, Role::Strong);
        }
        if line.first || i == 0 {
            paint.cut(room.x + 10, y, room.x + LABELS - 1, &cluster.name, Role::Dim);
        }
        let mut x = room.x + LABELS;
        for host in line.hosts.clone() {
            let (sign, style) = match app.heat.cell(HostId(host)) {
                Cell::Idle => (glyphs.idle, paint.style(Role::Dim)),
                Cell::Load(level) | Cell::Draining(level) => {
                    (glyphs.heat[usize::from(level)], paint.look.theme.heat(level))
                }
                Cell::Over => ("!", paint.style(Role::Over)),
                Cell::Down => (glyphs.bad, paint.style(Role::Error)),
                Cell::Coming => (glyphs.wait, paint.style(Role::Wait)),
            };
            let pointed = host == app.host && focus;
            let style = if pointed { paint.style(Role::Pointed) } else { style };
            x = paint.styled(x, y, room.right(), sign, style);
        }
    }
    let hidden = all.len().saturating_sub(app.heat_top + shown);
    let last = room.bottom() - 1;
    let mut end = room.right();
    if hidden > 0 {
        let text = format!(" {} {} more", glyphs.down, counted(hidden, "line"));
        end = paint.right(end, last, room.x + 30, &text, Role::Dim);
    }
    if let Some(host) = app.pointed() {
        let line = named(fleet, host, app);
        paint.whole(room.x + 1, last, end, &line);
    }
}

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
        let how_long = if seconds < 60 {
            format!("{} s", seconds / 10 * 10)
        } else {
            span(std::time::Duration::from_secs(seconds / 60 * 60))
        };
        line.extend([piece(format!("over for {how_long}"), Role::Over), dot()]);
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
