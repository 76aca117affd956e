//! The heatmap's figures: a level per host that moves only when the load really did.

use crate::fleet::{Fleet, HostId, HostState};

mod flows;
mod map;
mod metric;

pub(crate) use flows::{Flows, Way};
pub(crate) use map::{Density, Map};
pub(crate) use metric::Metric;
use metric::Seen;

/// What a host's cell says beside its load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sign {
    /// Nothing: it does its work.
    #[default]
    Ready,
    /// More CPU is asked of it than it has.
    Over,
    /// It does not answer, or cannot be used.
    Down,
    /// It is not ready yet.
    Coming,
    /// It takes no new VMs.
    Draining,
}

/// What stands in a host's cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cell {
    pub sign: Sign,
    /// The load from 0 to 7, in eighths; none where there is nothing at all.
    pub level: Option<u8>,
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
    /// Whether running migrations are shown.
    pub shows_flows: bool,
    cells: Vec<Cell>,
    shares: Vec<f32>,
    flows: Flows,
    seen: Seen,
    /// Whether the heatmap was on screen at the last look.
    looked_closely: bool,
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
    /// Looks at the hosts again; at VMs only where the heatmap is `shown` and needs it.
    pub(crate) fn look(&mut self, fleet: &Fleet, shown: bool) {
        self.looked_closely = shown;
        let hosts = fleet.hosts.len().min(fleet.topology.hosts.len());
        let dirty = shown && self.metric == Metric::Dirty;
        self.seen = Seen {
            most: fleet.hosts.rows().map(|(_, row)| row.vms).max().unwrap_or(0),
            dirty: if dirty { fleet.vms.dirty_by_host(hosts) } else { Vec::new() },
        };
        self.flows = if shown && self.shows_flows { Flows::of(fleet) } else { Flows::default() };
        self.look_at_hosts(fleet, hosts);
        self.look_at_sites(fleet);
    }

    /// Whether the last look left out what is needed now that the heatmap is on screen.
    pub(crate) const fn must_look(&self, shown: bool) -> bool {
        shown && !self.looked_closely && (self.shows_flows || matches!(self.metric, Metric::Dirty))
    }

    fn look_at_hosts(&mut self, fleet: &Fleet, hosts: usize) {
        self.cells.resize(hosts, Cell::default());
        self.shares.resize(hosts, 0.0);
        for (id, row) in fleet.hosts.rows().take(hosts) {
            let share = self.metric.share(fleet, id, row, &self.seen);
            self.shares[id.index()] = share as f32;
            let cell = &mut self.cells[id.index()];
            let load = level(share * 8.0, cell.level);
            let none = self.metric.none(id, row, &self.seen) && load == 0;
            cell.level = (!none).then_some(load);
            cell.sign = match row.state {
                HostState::Unreachable | HostState::Failed | HostState::Withdrawn => Sign::Down,
                HostState::Offered | HostState::Preparing => Sign::Coming,
                HostState::Draining => Sign::Draining,
                HostState::Ready if row.over() => Sign::Over,
                HostState::Ready => Sign::Ready,
            };
        }
    }

    fn look_at_sites(&mut self, fleet: &Fleet) {
        let mut sites = vec![SiteFigures::default(); fleet.topology.sites.len()];
        let mut cores = vec![(0u64, 0u64); sites.len()];
        for (id, row) in fleet.hosts.rows().take(self.cells.len()) {
            let host = fleet.topology.host(id);
            let site = &mut sites[host.site.index()];
            site.hosts += 1;
            site.vms += row.vms as usize;
            site.over += usize::from(row.over());
            site.down += usize::from(self.cells[id.index()].sign == Sign::Down);
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

    /// Shows another metric.
    pub(crate) fn show(&mut self, metric: Metric, fleet: &Fleet) {
        self.metric = metric;
        // What another metric's level was says nothing about this one's.
        self.cells.clear();
        self.look(fleet, true);
    }

    /// A host's cell.
    pub(crate) fn cell(&self, host: HostId) -> Cell {
        let unknown = Cell { sign: Sign::Coming, level: None };
        self.cells.get(host.index()).copied().unwrap_or(unknown)
    }

    /// How far up the metric's scale a host is: 1 at the end.
    pub(crate) fn share(&self, host: HostId) -> f64 {
        self.shares.get(host.index()).map_or(0.0, |share| f64::from(*share))
    }

    /// What a host's VMs dirty together in KiB/s, where that is looked at.
    pub(crate) fn dirty(&self, host: HostId) -> Option<u64> {
        self.seen.dirty.get(host.index()).copied()
    }

    /// The words at the ends of the scale.
    pub(crate) fn scale(&self) -> (String, String) {
        self.metric.scale(self.seen.most)
    }

    /// The migrations that run, where they are shown.
    pub(crate) const fn flows(&self) -> &Flows {
        &self.flows
    }

    /// Figures of the sites, in world order.
    pub(crate) fn sites(&self) -> &[SiteFigures] {
        &self.sites
    }
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
