//! The states of VMs and hosts.

/// Where a VM is in its life. What a state does not tell (why it failed, where it moves to) stands beside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum VmState {
    /// Asked for, nothing done yet.
    #[default]
    Planned,
    /// Its image and disk are being made.
    Preparing,
    /// The hypervisor was asked to start it.
    Starting,
    /// The hypervisor says that it runs.
    Up,
    /// The guest answers.
    Reachable,
    /// Its vCPUs are stopped by somebody's wish.
    Paused,
    /// It moves to another host; see the row's target.
    Migrating,
    /// Its memory is being written to disk.
    Saving,
    /// It is being shut down or destroyed.
    Stopping,
    /// It is defined but does not run.
    Off,
    /// It could not be brought up or broke; the reason stands beside it.
    Failed,
    /// Its host cannot be reached.
    Lost,
    /// It no longer exists. Such rows stay so that ids keep their meaning, and are never shown.
    Gone,
}

impl VmState {
    /// All states that a VM on screen can have, in the order of its life.
    pub const SHOWN: [Self; 12] = [
        Self::Planned,
        Self::Preparing,
        Self::Starting,
        Self::Up,
        Self::Reachable,
        Self::Paused,
        Self::Migrating,
        Self::Saving,
        Self::Stopping,
        Self::Off,
        Self::Failed,
        Self::Lost,
    ];

    /// The word for it, as shown and as selections name it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Preparing => "preparing",
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Reachable => "reachable",
            Self::Paused => "paused",
            Self::Migrating => "migrating",
            Self::Saving => "saving",
            Self::Stopping => "stopping",
            Self::Off => "off",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Gone => "gone",
        }
    }

    /// Whether the guest executes instructions.
    pub const fn runs(self) -> bool {
        matches!(self, Self::Up | Self::Reachable | Self::Migrating)
    }

    /// Whether it holds memory on its host.
    pub const fn holds_memory(self) -> bool {
        matches!(
            self,
            Self::Starting
                | Self::Up
                | Self::Reachable
                | Self::Paused
                | Self::Migrating
                | Self::Saving
                | Self::Stopping
                | Self::Lost
        )
    }
}

/// What is known of a host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum HostState {
    /// The testbed gives it; nothing is done with it yet.
    #[default]
    Offered,
    /// It is being made ready to run VMs, or its first answer is awaited.
    Preparing,
    /// It runs VMs.
    Ready,
    /// It runs VMs and takes no new ones.
    Draining,
    /// It does not answer.
    Unreachable,
    /// The testbed took it back.
    Withdrawn,
    /// It cannot be used; the reason stands beside it.
    Failed,
}

impl HostState {
    /// All host states.
    pub const ALL: [Self; 7] =
        [Self::Offered, Self::Preparing, Self::Ready, Self::Draining, Self::Unreachable, Self::Withdrawn, Self::Failed];

    /// The word for it, as shown and as selections name it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Preparing => "preparing",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Unreachable => "unreachable",
            Self::Withdrawn => "withdrawn",
            Self::Failed => "failed",
        }
    }
}
