//! The heatmap's cursor: keys and mouse in the geometry that is on screen.

use std::time::Duration;

use ratatui::layout::{Position, Rect, Size};

use super::{App, HostRange};
use crate::console::heat::{Map, Metric};
use crate::console::layout::{Panel, inside};
use crate::console::page::Page;
use crate::fleet::HostId;

/// A second click that comes this soon opens what the first one chose.
const DOUBLE: Duration = Duration::from_millis(400);
/// Columns of the list of migrations, and the width from which it stands beside the map.
const FLOWS: u16 = 36;
const BESIDE: u16 = 92;

impl App {
    /// Whether the heatmap is on screen.
    pub(crate) fn shows_heat(&self) -> bool {
        self.nav.page() == Page::Pulse || (self.panel().is_some() && self.plan.hosts.area() > 0)
    }

    /// Where the map stands in its panel: above the line that names the host, beside the list of migrations.
    pub(crate) fn map_room(&self) -> Rect {
        let mut room = inside(self.plan.hosts);
        room.height = room.height.saturating_sub(1);
        let list = self.flows_room();
        if list.y > room.y {
            room.height = room.height.saturating_sub(list.height);
        } else {
            room.width = room.width.saturating_sub(list.width);
        }
        room
    }

    /// Where migrations are listed: at the right, or below the map where there is no room beside it.
    pub(crate) fn flows_room(&self) -> Rect {
        let room = inside(self.plan.hosts);
        let height = room.height.saturating_sub(1);
        if !self.heat.shows_flows || height < 4 {
            Rect::ZERO
        } else if room.width >= BESIDE {
            Rect { x: room.right() - FLOWS, width: FLOWS, height, ..room }
        } else {
            let lines = if self.heat.flows().count() == 0 { 1 } else { (height / 3).clamp(2, 8) };
            Rect { y: room.y + height - lines, height: lines, ..room }
        }
    }

    /// Lays the map out and brings its cursor into sight.
    pub(super) fn settle_heat(&mut self) {
        let room = self.map_room();
        let halves = self.look.tells_halves();
        self.map = Map::new(&self.snapshot.fleet.topology, Size::new(room.width, room.height), halves);
        let high = usize::from(self.map.cell().1);
        let shown = usize::from(room.height).max(high);
        let at = self.map.line(HostId(self.host));
        let last = self.map.lines().saturating_sub(shown).next_multiple_of(high);
        let top = self.heat_top.clamp((at + high).saturating_sub(shown), at).next_multiple_of(high);
        self.heat_top = top.min(last);
        if self.heat.must_look(self.shows_heat()) {
            self.heat.look(&self.snapshot.fleet, true);
        }
    }

    /// A row of the heatmap up or down, staying in the column where the row is long enough.
    pub(super) fn step_heat(&mut self, by: isize) {
        let here = HostId(self.host);
        let Some((_, column)) = self.map.place(here) else { return };
        let column = *self.heat_column.get_or_insert(column);
        self.host = self.map.step(here, by, column).0;
    }

    /// To the left or to the right, on into the next row.
    pub(super) fn side_heat(&mut self, by: i32) {
        self.heat_column = None;
        self.host = self.map.side(HostId(self.host), by).0;
    }

    /// Rows of the heatmap that are on screen.
    pub(super) fn heat_page(&self) -> isize {
        (self.map.seen(self.map_room(), self.heat_top).count() as isize).max(1)
    }

    /// Shows another metric in the heatmap.
    pub(crate) fn show_heat(&mut self, metric: Metric) {
        self.heat.show(metric, &self.snapshot.fleet);
    }

    /// Shows which hosts send VMs to which, or no longer.
    pub(crate) fn toggle_flows(&mut self) {
        self.heat.shows_flows = !self.heat.shows_flows;
        self.heat.look(&self.snapshot.fleet, true);
    }

    /// The hosts of the cell at a place of the screen.
    fn hosts_at(&self, at: Position) -> Vec<HostId> {
        self.map.at(self.map_room(), self.heat_top, at)
    }

    /// A click chooses a host, a second one at once opens it. Where two hosts share a cell, a click on the one under the
    /// cursor chooses the other.
    pub(super) fn click_heat(&mut self, at: Position) {
        let hosts = self.hosts_at(at);
        let Some(&first) = hosts.first() else { return };
        let before = self.clicked.take().filter(|(when, host)| self.now < *when + DOUBLE && hosts.contains(host));
        if let Some((_, host)) = before {
            self.host = host.0;
            self.open();
            return;
        }
        let other = hosts.iter().copied().find(|host| host.0 != self.host);
        let host = if hosts.contains(&HostId(self.host)) { other.unwrap_or(first) } else { first };
        self.host = host.0;
        self.heat_column = None;
        self.clicked = Some((self.now, host));
    }

    /// Dragging draws a rectangle of hosts to mark.
    pub(super) fn drag_heat(&mut self, at: Position) {
        let hosts = self.hosts_at(at);
        let (Some(&to), Some((_, from))) = (hosts.last(), self.clicked) else {
            self.dirty = false;
            return;
        };
        if self.focus == Panel::Hosts && (to != from || self.host_range.is_some()) {
            self.host_range.get_or_insert(HostRange { from, rectangle: true });
            self.host = to.0;
            self.heat_column = None;
        }
    }

    /// The end of dragging marks the rectangle.
    pub(super) fn drop_heat(&mut self) {
        let dragged = self.clicked.is_some_and(|(_, from)| from.0 != self.host);
        if dragged && self.host_range.is_some() && self.marks_hosts() {
            self.range(true);
            self.clicked = None;
        } else {
            self.dirty = false;
        }
    }
}
