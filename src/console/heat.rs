//! The heatmap's figures: a level per host that moves only when the load really did.

use crate::fleet::{Fleet, HostId, HostRow, HostState};

/// What the heatmap shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Metric {
    /// CPU asked for, as a share of the host's cores.
    #[default]
    Cpu,
    /// Memory promised, as a share of the host's.
    Memory,
}

impl Metric {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Cpu => Self::Memory,
            Self::Memory => Self::Cpu,
        }
    }

    /// The share of a host that is used.
    pub(crate) fn share(self, fleet: &Fleet, host: HostId, row: &HostRow) -> f64 {
        let size = fleet.topology.host(host);
        match self {
            Self::Cpu if size.cores > 0 => f64::from(row.cpu_demand) / (f64::from(size.cores) * 1000.0),
            Self::Memory if size.memory.to_mib() > 0 => f64::from(row.memory) / size.memory.to_mib() as f64,
            _ => 0.0,
        }
    }
}

/// What stands in a host's cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    /// It runs nothing.
    Idle,
    /// A load from 0 to 7, in eighths.
    Load(u8),
    /// More is asked of it than it has.
    Over,
    /// It does not answer, or cannot be used.
    Down,
    /// It is not ready yet.
    Coming,
    /// It takes no new VMs.
    Draining(u8),
}

/// How far beyond a step's edge a load must go to change the level, in steps.
const HYSTERESIS: f64 = 0.25;

/// The level of a load of `eighths`, given the level before.
fn level(eighths: f64, before: Option<u8>) -> u8 {
    let plain = eighths.floor().clamp(0.0, 7.0) as u8;
    match before {
        Some(b) if eighths > f64::from(b) - HYSTERESIS && eighths < f64::from(b) + 1.0 + HYSTERESIS => b,
        _ => plain,
    }
}

/// The heatmap's cells and the sites' load.
#[derive(Debug, Default)]
pub(crate) struct Heat {
    pub metric: Metric,
    cells: Vec<Cell>,
    sites: Vec<SiteFigures>,
    samples: u32,
}

/// What the sites table shows of a site.
#[derive(Debug, Clone, Default)]
pub(crate) struct SiteFigures {
    pub hosts: usize,
    pub vms: usize,
    pub over: usize,
    pub down: usize,
    /// CPU asked for, as a share of all cores of the site.
    pub load: f64,
    /// Levels of the load at the last samples, oldest first.
    pub history: Vec<u8>,
}

/// Samples of a site's load that are kept.
const HISTORY: usize = 12;
/// Looks at the hosts between two samples: at two looks a second, a sample every five seconds.
const LOOKS_PER_SAMPLE: u32 = 10;

impl Heat {
    /// Looks at the hosts again.
    pub(crate) fn look(&mut self, fleet: &Fleet) {
        self.cells.resize(fleet.hosts.len().min(fleet.topology.hosts.len()), Cell::Idle);
        let mut sites = vec![SiteFigures::default(); fleet.topology.sites.len()];
        let mut cores = vec![(0u64, 0u64); sites.len()];
        for (id, row) in fleet.hosts.rows().take(self.cells.len()) {
            let before = match self.cells[id.index()] {
                Cell::Load(level) | Cell::Draining(level) => Some(level),
                _ => None,
            };
            let load = level(self.metric.share(fleet, id, row) * 8.0, before);
            self.cells[id.index()] = match row.state {
                HostState::Unreachable | HostState::Failed | HostState::Withdrawn => Cell::Down,
                HostState::Offered | HostState::Preparing => Cell::Coming,
                HostState::Draining => Cell::Draining(load),
                HostState::Ready if row.over() && self.metric == Metric::Cpu => Cell::Over,
                HostState::Ready if row.vms == 0 && load == 0 => Cell::Idle,
                HostState::Ready => Cell::Load(load),
            };
            let host = fleet.topology.host(id);
            let site = &mut sites[host.site.index()];
            site.hosts += 1;
            site.vms += row.vms as usize;
            site.over += usize::from(row.over());
            site.down += usize::from(self.cells[id.index()] == Cell::Down);
            let (asked, there) = &mut cores[host.site.index()];
            *asked += u64::from(row.cpu_demand);
            *there += u64::from(host.cores) * 1000;
        }
        let sample = self.samples.is_multiple_of(LOOKS_PER_SAMPLE);
        self.samples = self.samples.wrapping_add(1);
        for (i, site) in sites.iter_mut().enumerate() {
            let (asked, there) = cores[i];
            site.load = if there == 0 { 0.0 } else { asked as f64 / there as f64 };
            site.history = self.sites.get_mut(i).map(|s| std::mem::take(&mut s.history)).unwrap_or_default();
            if sample {
                if site.history.len() == HISTORY {
                    site.history.remove(0);
                }
                let before = site.history.last().copied();
                site.history.push(level(site.load * 8.0, before));
            }
        }
        self.sites = sites;
    }

    /// A host's cell.
    pub(crate) fn cell(&self, host: HostId) -> Cell {
        self.cells.get(host.index()).copied().unwrap_or(Cell::Coming)
    }

    /// Figures of the sites, in world order.
    pub(crate) fn sites(&self) -> &[SiteFigures] {
        &self.sites
    }
}

/// A line of the heatmap: hosts of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub cluster: u16,
    /// Whether it is the cluster's first line, and its site's.
    pub first: bool,
    pub first_of_site: bool,
    pub hosts: std::ops::Range<u32>,
}

/// Lines of at most `width` cells, by site and cluster in world order.
pub(crate) fn lines(fleet: &Fleet, width: u16) -> Vec<Line> {
    let width = u32::from(width.max(1));
    let mut lines = Vec::new();
    for site in &fleet.topology.sites {
        let mut first_of_site = true;
        for &cluster in &site.clusters {
            let hosts = fleet.topology.clusters[cluster.index()].hosts.clone();
            let mut start = hosts.start;
            while start < hosts.end {
                let end = (start + width).min(hosts.end);
                lines.push(Line { cluster: cluster.0, first: start == hosts.start, first_of_site, hosts: start..end });
                first_of_site = false;
                start = end;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_moves_only_when_the_load_really_did() {
        assert_eq!(level(3.1, None), 3);
        assert_eq!(level(4.1, Some(3)), 3);
        assert_eq!(level(4.3, Some(3)), 4);
        assert_eq!(level(3.9, Some(4)), 4);
        assert_eq!(level(3.7, Some(4)), 3);
        assert_eq!(level(0.0, Some(7)), 0);
        assert_eq!(level(9.0, Some(7)), 7);
    }
}
