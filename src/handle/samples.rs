//! Figures over time: what graphs are drawn from.

use std::time::Duration;

use crate::fleet::Time;

/// One figure at even intervals on the platform's clock, oldest first. What the values count is said where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Samples {
    /// The time between two values.
    pub every: Duration,
    /// When the last value was taken.
    pub last: Time,
    /// The values; empty where nothing was recorded (yet).
    pub values: Vec<u32>,
}

impl Samples {
    /// When the first value was taken; none where there is none.
    pub fn first(&self) -> Option<Time> {
        let before = self.values.len().checked_sub(1)?;
        let nanos = self.every.as_nanos().saturating_mul(before as u128);
        Some(Time(self.last.0.saturating_sub(u64::try_from(nanos).unwrap_or(u64::MAX))))
    }

    /// Each value with when it was taken, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Time, u32)> + '_ {
        let (first, every) = (self.first().unwrap_or_default(), self.every.as_nanos() as u64);
        self.values.iter().enumerate().map(move |(i, &value)| (Time(first.0 + every * i as u64), value))
    }
}

/// One figure of a host: the last ten minutes closely, the last hour coarsely.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// Every 5 s, at most 120 values.
    pub recent: Samples,
    /// Every 30 s, at most 120 values: each is the mean of the six that it stands for.
    pub hour: Samples,
}

/// A host's figures over time. Values are kept to one part in four thousand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostHistory {
    /// CPU that its VMs ask for, in thousandths of a core.
    pub cpu: History,
    /// Memory promised, in MiB.
    pub memory: History,
    /// What it receives, in KiB/s.
    pub net_rx: History,
    /// What it sends, in KiB/s.
    pub net_tx: History,
}

/// A VM's figures over the last ten minutes: every 10 s, at most 60 values, zero while it does not run. Empty where
/// they are not recorded; in a fleet of many VMs they are recorded from the first question about the VM on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VmHistory {
    /// CPU it gets, in thousandths of a core, kept to one part in 250 of its vCPUs.
    pub cpu: Samples,
    /// The rate at which it dirties memory, in KiB/s, kept to one part in sixteen.
    pub dirty: Samples,
    /// What it receives and sends, in KiB/s, kept to one part in sixteen.
    pub net: Samples,
}

/// The whole fleet's figures over the last ten minutes: every 5 s, at most 120 values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FleetHistory {
    /// VMs that run where they are: up or reachable.
    pub up: Samples,
    /// VMs on their way up: preparing or starting.
    pub booting: Samples,
    /// VMs that migrate.
    pub moving: Samples,
    /// VMs that failed or are lost.
    pub failed: Samples,
    /// CPU that VMs ask for, in thousandths of all cores there are.
    pub cpu: Samples,
    /// What running migrations send together, in KiB/s, by their own last word.
    pub migration: Samples,
    /// What all hosts send together, in KiB/s.
    pub net: Samples,
}
