//! What the heatmap can show of a host.

use crate::fleet::{Fleet, HostId, HostRow};

/// A figure of a host, against the most that it can or should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Metric {
    /// CPU asked for, as a share of the host's cores.
    #[default]
    Cpu,
    /// Memory promised, as a share of the host's.
    Memory,
    /// VMs, against the host that has most of them.
    Vms,
    /// What it sends or receives, whichever is more, as a share of its network interface's rate.
    Net,
    /// VMs that come to it.
    In,
    /// VMs that leave it.
    Out,
    /// What its VMs dirty together, as a share of its network interface's rate: at all of it, nothing can leave.
    Dirty,
}

impl Metric {
    /// All of them, in the order in which a key steps through them.
    pub(crate) const ALL: [Self; 7] = [Self::Cpu, Self::Memory, Self::Vms, Self::Net, Self::In, Self::Out, Self::Dirty];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Vms => "VMs",
            Self::Net => "network",
            Self::In => "moves in",
            Self::Out => "moves out",
            Self::Dirty => "dirty rate",
        }
    }

    /// The one that is `by` further on.
    pub(crate) fn next(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|m| *m == self).unwrap_or(0) as isize;
        Self::ALL[(at + by).rem_euclid(Self::ALL.len() as isize) as usize]
    }

    /// The ends of its scale; `most` is the most VMs that a host has.
    pub(crate) fn scale(self, most: u32) -> (String, String) {
        let (low, high) = match self {
            Self::Cpu | Self::Memory => ("0", "100 %".to_owned()),
            Self::Vms => ("0", format!("{} VMs", round_up(most))),
            Self::Net | Self::Dirty => ("0", "100 % of NIC".to_owned()),
            Self::In | Self::Out => ("1", "8 moves".to_owned()),
        };
        (low.to_owned(), high)
    }

    /// How far up its scale a host is: 1 at the end.
    pub(super) fn share(self, fleet: &Fleet, host: HostId, row: &HostRow, seen: &Seen) -> f64 {
        let size = fleet.topology.host(host);
        let of = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        match self {
            Self::Cpu => of(f64::from(row.cpu_demand), f64::from(size.cores) * 1000.0),
            Self::Memory => of(f64::from(row.memory), size.memory.to_mib() as f64),
            Self::Vms => of(f64::from(row.vms), f64::from(round_up(seen.most))),
            Self::Net => of(f64::from(row.net_rx.max(row.net_tx)) * 1024.0, size.nic.0),
            // A step for each: a host without any is idle.
            Self::In => (f64::from(row.migrations_in) - 1.0).max(0.0) / 8.0,
            Self::Out => (f64::from(row.migrations_out) - 1.0).max(0.0) / 8.0,
            Self::Dirty => of(seen.dirty.get(host.index()).map_or(0.0, |&kib| kib as f64 * 1024.0), size.nic.0),
        }
    }

    /// Whether there is nothing of it on a host.
    pub(super) fn none(self, host: HostId, row: &HostRow, seen: &Seen) -> bool {
        match self {
            Self::Cpu | Self::Memory | Self::Vms => row.vms == 0,
            Self::Net => row.net_rx == 0 && row.net_tx == 0,
            Self::In => row.migrations_in == 0,
            Self::Out => row.migrations_out == 0,
            Self::Dirty => seen.dirty.get(host.index()).is_none_or(|&kib| kib == 0),
        }
    }
}

/// Figures over all hosts or VMs that some metrics need.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The most VMs that a host has.
    pub most: u32,
    /// What the VMs of each host dirty, in KiB/s; empty where nobody looks at it.
    pub dirty: Vec<u64>,
}

/// The next of 8, 16, 24, 40, 80 and so on, so that the scale stands still while VMs come and go.
fn round_up(n: u32) -> u32 {
    let mut scale = 8;
    loop {
        for step in [1, 2, 3, 5] {
            if n <= scale * step || scale > u32::MAX / 100 {
                return scale * step;
            }
        }
        scale *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_step_through_all_metrics_both_ways() {
        let forth: Vec<_> = std::iter::successors(Some(Metric::Cpu), |m| Some(m.next(1))).take(7).collect();
        assert_eq!(forth, Metric::ALL);
        assert_eq!(Metric::Dirty.next(1), Metric::Cpu);
        assert_eq!(Metric::Cpu.next(-1), Metric::Dirty);
    }

    #[test]
    fn the_scale_of_vms_is_a_round_number() {
        assert_eq!([0, 8, 9, 21, 41, 241].map(round_up), [8, 8, 16, 24, 80, 400]);
        assert!(round_up(u32::MAX) > 0);
    }
}
