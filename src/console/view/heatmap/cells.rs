//! The heatmap's cells, from labelled boxes down to half signs.

use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

use super::{BOTH, RECEIVES, SENDS};
use crate::console::app::App;
use crate::console::format::cut;
use crate::console::heat::{Density, Metric, Sign, Way};
use crate::console::marks::HostSet;
use crate::console::theme::Role;
use crate::console::view::paint::Paint;
use crate::fleet::HostId;

/// What the cells are drawn from.
struct Cells<'a> {
    app: &'a App,
    /// The host under the cursor, where the heatmap has the focus.
    pointed: Option<HostId>,
    /// Hosts of the range that is being marked.
    range: HostSet,
}

pub(super) fn draw(app: &App, room: Rect, focus: bool, paint: &mut Paint<'_>) {
    let cells = Cells { app, pointed: app.pointed().filter(|_| focus), range: app.host_range() };
    for (i, row, corner) in app.map.seen(room, app.heat_top) {
        labels(app, i, room, corner.y, paint);
        match app.map.density {
            Density::Half if i % 2 == 1 => {}
            Density::Half => cells.halves(i, corner, paint),
            density => {
                let mut at = corner;
                for host in row.hosts.clone().map(HostId) {
                    match density {
                        Density::Box => cells.boxed(host, at, room, paint),
                        Density::Wide => cells.wide(host, at, paint),
                        Density::Single | Density::Half => cells.single(host, at, paint),
                    }
                    at.x += app.map.cell().0;
                }
            }
        }
    }
}

/// Site and cluster before the first row of each, and in the first line of the room.
fn labels(app: &App, row: usize, room: Rect, y: u16, paint: &mut Paint<'_>) {
    let topology = &app.snapshot.fleet.topology;
    let row = &app.map.rows()[row];
    let cluster = &topology.clusters[usize::from(row.cluster)];
    let both = app.map.labels > 20;
    if both && (row.first_of_site || y == room.y) {
        let site = &topology.sites[cluster.site.index()].name;
        paint.cut(room.x + 1, y, room.x + 9, site, Role::Strong);
    }
    if row.first || y == room.y {
        let x = room.x + if both { 10 } else { 1 };
        paint.cut(x, y, room.x + app.map.labels - 1, &cluster.name, Role::Dim);
    }
}

impl Cells<'_> {
    fn marked(&self, host: HostId) -> bool {
        self.app.host_marks.contains(host) || self.range.contains(host)
    }

    /// The sign of a host's state and load.
    fn sign(&self, host: HostId, paint: &Paint<'_>) -> (&'static str, Style) {
        let glyphs = paint.glyphs();
        let cell = self.app.heat.cell(host);
        let heat = || cell.level.map_or_else(|| paint.style(Role::Dim), |level| paint.look.theme.heat(level));
        match (cell.sign, cell.level) {
            // Where something else than CPU is shown, the colour goes on saying how much of it there is.
            (Sign::Over, _) if self.app.heat.metric == Metric::Cpu => ("!", paint.style(Role::Over)),
            (Sign::Over, _) => ("!", heat().add_modifier(Modifier::BOLD)),
            (Sign::Down, _) => (glyphs.bad, paint.style(Role::Error)),
            (Sign::Coming, _) => (glyphs.coming, paint.style(Role::Wait)),
            (Sign::Draining, _) => (glyphs.draining, heat()),
            (Sign::Ready, None) => (glyphs.idle, paint.style(Role::Dim)),
            (Sign::Ready, Some(level)) => (glyphs.heat[usize::from(level)], heat()),
        }
    }

    /// The arrow of a host that VMs leave or come to, where that is shown.
    fn arrow(&self, host: HostId, paint: &Paint<'_>) -> Option<(&'static str, Style)> {
        let glyphs = paint.glyphs();
        let (sign, role) = match self.app.heat.flows().way(host)? {
            Way::Sends => (glyphs.up, SENDS),
            Way::Receives => (glyphs.down, RECEIVES),
            Way::Both => (glyphs.both, BOTH),
        };
        Some((sign, paint.style(role)))
    }

    /// What stands for a host where it has one sign only: what is wrong with it before marks, marks before arrows.
    fn only(&self, host: HostId, paint: &Paint<'_>) -> (&'static str, Style) {
        let (sign, style) = self.sign(host, paint);
        let wrong = !matches!(self.app.heat.cell(host).sign, Sign::Ready | Sign::Draining);
        match (self.marked(host), self.arrow(host, paint)) {
            (true, _) if wrong => (sign, style.add_modifier(Modifier::UNDERLINED)),
            (true, _) => (paint.glyphs().mark, paint.style(Role::Mark)),
            (false, Some(arrow)) if !wrong => arrow,
            _ => (sign, style),
        }
    }

    fn single(&self, host: HostId, at: Position, paint: &mut Paint<'_>) {
        let (sign, style) = self.only(host, paint);
        let style = if self.pointed == Some(host) { paint.style(Role::Pointed) } else { style };
        paint.styled(at.x, at.y, u16::MAX, sign, style);
    }

    /// The sign, again or an arrow or the load, and a mark.
    fn wide(&self, host: HostId, at: Position, paint: &mut Paint<'_>) {
        let first = self.sign(host, paint);
        let cell = self.app.heat.cell(host);
        let load = cell.level.map(|level| (paint.glyphs().heat[usize::from(level)], paint.look.theme.heat(level)));
        let second = self.arrow(host, paint).or(load).unwrap_or(first);
        for (i, (sign, style)) in [first, second].into_iter().enumerate() {
            let style = if self.pointed == Some(host) { paint.style(Role::Pointed) } else { style };
            paint.styled(at.x + i as u16, at.y, u16::MAX, sign, style);
        }
        if self.marked(host) {
            paint.text(at.x + 2, at.y, u16::MAX, paint.glyphs().mark, Role::Mark);
        }
    }

    /// A box with the host's name, a bar and the figure.
    fn boxed(&self, host: HostId, at: Position, room: Rect, paint: &mut Paint<'_>) {
        let area = Rect::new(at.x, at.y, 17, 3).intersection(room);
        let (app, glyphs, pointed) = (self.app, paint.glyphs(), self.pointed == Some(host));
        let row = app.snapshot.fleet.hosts.row(host);
        paint.frame(area, if pointed { Role::Focus } else { Role::Border });
        let name = cut(&app.snapshot.fleet.topology.host(host).name, 11, glyphs.more);
        let role = if pointed { Role::Pointed } else { Role::Text };
        paint.text(area.x + 1, area.y, area.right(), &format!(" {name} "), role);
        if self.marked(host) {
            paint.text(area.right() - 2, area.y, area.right(), glyphs.mark, Role::Mark);
        }
        if let Some((sign, style)) = self.arrow(host, paint) {
            paint.styled(area.right() - 3, area.y, area.right(), sign, style);
        }
        if area.height < 2 {
            return;
        }
        let (y, end) = (area.y + 1, area.right() - 1);
        let cell = app.heat.cell(host);
        let (sign, style) = self.sign(host, paint);
        if matches!(cell.sign, Sign::Down | Sign::Coming) {
            let x = paint.styled(area.x + 1, y, end, sign, style);
            paint.text(x + 1, y, end, row.state.word(), Role::Text);
            return;
        }
        if cell.sign != Sign::Ready {
            paint.styled(area.x + 1, y, end, sign, style);
        }
        let full = cell.level.map_or(0, |level| usize::from(level) + 1);
        let heat = cell.level.map_or_else(|| paint.style(Role::Track), |level| paint.look.theme.heat(level));
        let x = paint.styled(area.x + 2, y, end, &glyphs.eighths[7].repeat(full), heat);
        paint.text(x, y, end, &glyphs.track.repeat(8 - full), Role::Track);
        let figure = match app.heat.metric {
            Metric::Vms => row.vms.to_string(),
            Metric::In => row.migrations_in.to_string(),
            Metric::Out => row.migrations_out.to_string(),
            _ => format!("{:.0} %", app.heat.share(host) * 100.0),
        };
        paint.right(end, y, area.x + 10, &figure, Role::Text);
    }

    /// A line of cells with two hosts each.
    fn halves(&self, row: usize, corner: Position, paint: &mut Paint<'_>) {
        let rows = self.app.map.rows();
        let host = |row: usize, column: u32| {
            let hosts = &rows.get(row)?.hosts;
            (column < hosts.len() as u32).then_some(HostId(hosts.start + column))
        };
        for column in 0..rows[row].hosts.len() as u32 {
            let (sign, style) = self.half(host(row, column), host(row + 1, column), paint);
            paint.styled(corner.x + column as u16, corner.y, u16::MAX, sign, style);
        }
    }

    /// Two hosts in one sign: the colours of both, or the sign of what is to be seen of one on the other's colour.
    fn half(&self, upper: Option<HostId>, lower: Option<HostId>, paint: &Paint<'_>) -> (&'static str, Style) {
        let glyphs = paint.glyphs();
        let told = |host: &HostId| self.rank(*host) > 0;
        let chosen = [upper, lower].into_iter().flatten().filter(told).max_by_key(|host| self.rank(*host));
        let pointed = |host: Option<HostId>| host.is_some() && host == self.pointed;
        let bright = paint.style(Role::Pointed).bg.unwrap_or(Color::Reset);
        if let Some(host) = chosen {
            let (sign, style) = self.only(host, paint);
            if pointed(upper) || pointed(lower) {
                return (sign, paint.style(Role::Pointed));
            }
            let other = if upper == Some(host) { lower } else { upper };
            let keeps = self.app.heat.cell(host).sign == Sign::Over && self.app.heat.metric == Metric::Cpu;
            return match other.filter(|_| !keeps).and_then(|host| self.colour(host, paint)) {
                Some(colour) => (sign, style.bg(colour)),
                None => (sign, style),
            };
        }
        let colour = |host: Option<HostId>| host.map(|host| self.colour(host, paint).unwrap_or(Color::Reset));
        let (above, below) = if pointed(upper) {
            (Some(bright), colour(lower))
        } else if pointed(lower) {
            // The half under the cursor is in front: with the terminal's own colour it could not be behind.
            let style = colour(upper).map_or_else(Style::new, |colour| Style::new().bg(colour));
            return (glyphs.lower, style.fg(bright));
        } else {
            (colour(upper), colour(lower))
        };
        let style = below.map_or_else(Style::new, |colour| Style::new().bg(colour));
        (glyphs.upper, above.map_or(style, |colour| style.fg(colour)))
    }

    /// How much a host's sign is to be seen: zero for a load alone.
    fn rank(&self, host: HostId) -> u8 {
        match self.app.heat.cell(host).sign {
            Sign::Over => 6,
            Sign::Down => 5,
            _ if self.marked(host) => 4,
            Sign::Coming => 3,
            Sign::Draining => 2,
            Sign::Ready => u8::from(self.app.heat.flows().way(host).is_some()),
        }
    }

    /// The colour of a host's load.
    fn colour(&self, host: HostId, paint: &Paint<'_>) -> Option<Color> {
        match self.app.heat.cell(host).level {
            Some(level) => paint.look.theme.heat(level).fg,
            None => paint.style(Role::Track).fg,
        }
    }
}
