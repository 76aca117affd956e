//! Where hosts stand in the heatmap: by site and cluster, as large as there is room for.

use ratatui::layout::{Position, Rect, Size};

use crate::console::marks::HostSet;
use crate::fleet::{HostId, Topology};

/// How much room a host gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Density {
    /// A box with its name, its figure and a bar.
    Box,
    /// Three columns: its sign twice, then a mark or arrow.
    Wide,
    /// One sign.
    #[default]
    Single,
    /// Half a sign, upper or lower, told apart by colour.
    Half,
}

/// From the largest to the smallest.
const DENSITIES: [Density; 4] = [Density::Box, Density::Wide, Density::Single, Density::Half];

impl Density {
    /// Columns and lines of a cell.
    const fn cell(self) -> (u16, u16) {
        match self {
            Self::Box => (18, 3),
            Self::Wide => (3, 1),
            Self::Single | Self::Half => (1, 1),
        }
    }

    /// Rows of hosts in a line of cells.
    const fn rows(self) -> usize {
        if matches!(self, Self::Half) { 2 } else { 1 }
    }
}

/// A row of hosts of one cluster. A half-line that is left over is a row without hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub cluster: u16,
    /// Whether it is the cluster's first row, and its site's.
    pub first: bool,
    pub first_of_site: bool,
    pub hosts: std::ops::Range<u32>,
}

/// A heatmap as it is laid out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Map {
    pub density: Density,
    /// Columns before the cells: site and cluster.
    pub labels: u16,
    rows: Vec<Row>,
}

/// Width of the labels where there is room for site and cluster, and for the cluster alone.
const LABELS: (u16, u16) = (21, 11);

impl Map {
    /// Lays a world out in a room of that size. Half signs only where colours can tell them apart. What does not fit
    /// even so is scrolled.
    pub(crate) fn new(topology: &Topology, room: Size, halves: bool) -> Self {
        let labels = if room.width < 60 { LABELS.1 } else { LABELS.0 };
        let width = room.width.saturating_sub(labels);
        let possible = || DENSITIES.into_iter().filter(|d| halves || *d != Density::Half);
        let fits = |d: &Density| lines(topology, *d, width) <= usize::from(room.height);
        let density = possible().find(fits).or_else(|| possible().next_back()).unwrap_or_default();
        Self { density, labels, rows: rows(topology, density, width) }
    }

    /// Lines that a world takes with a sign per host in a room of that width.
    pub(crate) fn wanted(topology: &Topology, width: u16) -> usize {
        lines(topology, Density::Single, width.saturating_sub(LABELS.0))
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Lines of the screen that the whole map takes.
    pub(crate) fn lines(&self) -> usize {
        self.rows.len().div_ceil(self.density.rows()) * usize::from(self.density.cell().1)
    }

    /// The rows that are seen in a room when the first line is `top`, each with where its cells begin.
    pub(crate) fn seen(&self, room: Rect, top: usize) -> impl Iterator<Item = (usize, &Row, Position)> {
        let ((_, high), halves) = (self.density.cell(), self.density.rows());
        let first = top / usize::from(high) * halves;
        let x = room.x + self.labels;
        self.rows.iter().enumerate().skip(first).map_while(move |(i, row)| {
            let line = (i / halves - first / halves) as u16 * high;
            (line < room.height).then_some((i, row, Position::new(x, room.y + line)))
        })
    }

    /// Columns and lines of a cell.
    pub(crate) const fn cell(&self) -> (u16, u16) {
        self.density.cell()
    }

    /// The row and the column of a host.
    pub(crate) fn place(&self, host: HostId) -> Option<(usize, u32)> {
        let row = self.rows.iter().position(|row| row.hosts.contains(&host.0))?;
        Some((row, host.0 - self.rows[row].hosts.start))
    }

    /// The line of the screen in which a host's cell begins, counted from the map's first.
    pub(crate) fn line(&self, host: HostId) -> usize {
        let row = self.place(host).map_or(0, |(row, _)| row);
        row / self.density.rows() * usize::from(self.density.cell().1)
    }

    /// The hosts of the cell at a place of the screen, the upper one first.
    pub(crate) fn at(&self, room: Rect, top: usize, at: Position) -> Vec<HostId> {
        let (wide, high) = self.density.cell();
        let inside =
            |corner: &Position| room.contains(at) && at.x >= corner.x && (corner.y..corner.y + high).contains(&at.y);
        let column = |corner: Position| u32::from((at.x - corner.x) / wide);
        self.seen(room, top)
            .filter(|(_, _, corner)| inside(corner))
            .filter(|(_, row, corner)| column(*corner) < row.hosts.len() as u32)
            .map(|(_, row, corner)| HostId(row.hosts.start + column(corner)))
            .collect()
    }

    /// All hosts in the order in which they are read.
    pub(crate) fn order(&self) -> impl Iterator<Item = HostId> + '_ {
        self.rows.iter().flat_map(|row| row.hosts.clone().map(HostId))
    }

    /// The host `by` further on in reading order.
    pub(crate) fn side(&self, from: HostId, by: i32) -> HostId {
        let at = self.order().position(|host| host == from).unwrap_or(0);
        let to = at.saturating_add_signed(by as isize).min(self.order().count().saturating_sub(1));
        self.order().nth(to).unwrap_or(from)
    }

    /// The host `by` rows further down that stands in that column, or is the last of its row.
    pub(crate) fn step(&self, from: HostId, by: isize, column: u32) -> HostId {
        let filled: Vec<&Row> = self.rows.iter().filter(|row| !row.hosts.is_empty()).collect();
        let Some(at) = filled.iter().position(|row| row.hosts.contains(&from.0)) else { return from };
        let to = &filled[at.saturating_add_signed(by).min(filled.len() - 1)].hosts;
        HostId((to.start + column).min(to.end - 1))
    }

    /// The hosts in the rectangle between two of them.
    pub(crate) fn rectangle(&self, a: HostId, b: HostId) -> HostSet {
        let (Some(a), Some(b)) = (self.place(a), self.place(b)) else { return HostSet::default() };
        let (left, right) = (a.1.min(b.1), a.1.max(b.1));
        let rows = &self.rows[a.0.min(b.0)..=a.0.max(b.0)];
        let within =
            |row: &Row| (row.hosts.start + left).min(row.hosts.end)..(row.hosts.start + right + 1).min(row.hosts.end);
        rows.iter().flat_map(within).map(HostId).collect()
    }
}

/// Hosts in a row of cells of that width.
fn per_row(density: Density, width: u16) -> usize {
    usize::from(width / density.cell().0).max(1)
}

/// Lines that a world takes.
fn lines(topology: &Topology, density: Density, width: u16) -> usize {
    let per_line = per_row(density, width) * density.rows();
    let lines: usize = topology.clusters.iter().map(|c| c.hosts.len().div_ceil(per_line)).sum();
    lines * usize::from(density.cell().1)
}

fn rows(topology: &Topology, density: Density, width: u16) -> Vec<Row> {
    let per_row = per_row(density, width) as u32;
    let mut rows = Vec::new();
    for site in &topology.sites {
        let mut first_of_site = true;
        for &cluster in &site.clusters {
            let hosts = topology.clusters[cluster.index()].hosts.clone();
            let mut start = hosts.start;
            while start < hosts.end {
                let end = (start + per_row).min(hosts.end);
                rows.push(Row { cluster: cluster.0, first: start == hosts.start, first_of_site, hosts: start..end });
                first_of_site = false;
                start = end;
            }
            // The next cluster begins a line of its own.
            while !rows.len().is_multiple_of(density.rows()) {
                rows.push(Row { cluster: cluster.0, first: false, first_of_site: false, hosts: hosts.end..hosts.end });
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests;
