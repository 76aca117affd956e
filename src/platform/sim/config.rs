//! What a world file says about the simulated hypervisor, guests and faults.

use std::time::Duration;

use crate::fleet::{Bytes, Rate, Share};

/// All of a simulated world beside its topology.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SimConfig {
    /// Seed of every random choice.
    pub seed: u64,
    /// Load of VMs that no stress step set; none: they are idle.
    pub load: Option<LoadConfig>,
    /// What a boot costs.
    pub boot: BootConfig,
    /// The hypervisor's live migration.
    pub migration: MigrationConfig,
    /// What goes wrong.
    pub faults: FaultConfig,
}

/// Load that changes as `VMPlaceS` injects it: changes are Poisson over all VMs, each draws a normal value, clamped to
/// 0..1 and rounded to `steps` levels; a VM starts at a draw of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadConfig {
    /// Mean CPU demand of a VM, as a share of its vCPUs.
    pub mean: Share,
    /// Standard deviation of it.
    pub deviation: Share,
    /// Each VM changes on average so often.
    pub period: Duration,
    /// Levels above zero: 10 means 0 %, 10 %, … 100 %.
    pub steps: u32,
    /// Memory a VM dirties per second and per core that it uses.
    pub dirty_rate: Rate,
}

/// What one boot costs. A boot reads, then computes on one core; cores and disk are shared max-min among all that is on
/// the host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootConfig {
    /// CPU time on one core.
    pub cpu: Duration,
    /// What is read from the host's disk.
    pub read: Bytes,
}

impl Default for BootConfig {
    fn default() -> Self {
        Self { cpu: Duration::from_secs(4), read: Bytes(150_000_000) }
    }
}

/// The simulated hypervisor's pre-copy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MigrationConfig {
    /// The rest is sent with the guest stopped once it takes no longer than this.
    pub max_downtime: Duration,
    /// Rounds after which the guest is stopped whatever is left; 0: no limit.
    pub max_rounds: u32,
    /// The share of its network rate that a migration really gets; above 0, at most 1.
    pub efficiency: Share,
    /// Time before the first byte is sent.
    pub setup: Duration,
}

impl Default for MigrationConfig {
    fn default() -> Self {
        Self { max_downtime: Duration::from_millis(300), max_rounds: 0, efficiency: Share(1.0), setup: Duration::ZERO }
    }
}

/// What goes wrong, by the seed. Nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaultConfig {
    /// The share of boots that fail.
    pub boot_failure: Share,
    /// The share of migrations that fail at a random point of their first pass, the VM staying on its source.
    pub migration_failure: Share,
    /// The share of guests that stop in the middle of their boot and never come up.
    pub stuck_guest: Share,
    /// Crashes of one host per hour; its VMs are gone with it.
    pub host_crash: PerHour,
    /// How long a crashed host stays away; none: five minutes.
    pub host_downtime: Option<Duration>,
    /// Cuts of one link between sites per hour.
    pub link_cut: PerHour,
    /// How long a cut link stays cut; none: one minute. Its flows stand still meanwhile.
    pub link_downtime: Option<Duration>,
    /// The share of hosts that are slow from the begin to the end.
    pub slow_host: Share,
    /// What guests and their hypervisors fall ill with, by the share of boots or moves.
    pub ailments: Ailments,
    /// Hangs of one host's libvirtd per hour, for as long as a crashed host stays away or two minutes; its VMs run on.
    pub libvirtd_hang: PerHour,
    /// The share of its cores' and disk's rate that a slow host has; 0 means the default of a quarter. On slow cores
    /// boots take longer and guests dirty less; how many cores there are stays the same.
    pub slow_factor: Share,
}

/// What a guest or its hypervisor can fall ill with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ailment {
    /// Its kernel panics in the middle of its boot.
    KernelPanic,
    /// It never says a word and never comes up.
    NoOutput,
    /// It stops in a shell in the middle of its boot.
    EmergencyShell,
    /// Nobody answers its DHCP client.
    NoDhcp,
    /// Its agent answers no more.
    AgentSilent,
    /// Its clock is behind.
    ClockBehind,
    /// Its QEMU is stopped by a signal.
    QemuStopped,
    /// Its QEMU is killed.
    QemuKilled,
    /// Somebody else pauses it.
    PausedOutside,
    /// Its disk has an error, which stops it.
    DiskError,
    /// Its host's disk is full, which stops it.
    DiskFull,
    /// It has the address of the VM before it.
    AddressTwice,
    /// Its card is down; seen of guests that are reachable alone.
    CardDown,
    /// A move of it that is done leaves a domain on its source.
    LeftOnSource,
}

impl Ailment {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::KernelPanic,
        Self::NoOutput,
        Self::EmergencyShell,
        Self::NoDhcp,
        Self::AgentSilent,
        Self::ClockBehind,
        Self::QemuStopped,
        Self::QemuKilled,
        Self::PausedOutside,
        Self::DiskError,
        Self::DiskFull,
        Self::AddressTwice,
        Self::CardDown,
        Self::LeftOnSource,
    ];

    /// Its key in the world's `[faults]`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::KernelPanic => "kernel_panic",
            Self::NoOutput => "no_output",
            Self::EmergencyShell => "emergency_shell",
            Self::NoDhcp => "no_dhcp",
            Self::AgentSilent => "agent_silent",
            Self::ClockBehind => "clock_behind",
            Self::QemuStopped => "qemu_stopped",
            Self::QemuKilled => "qemu_killed",
            Self::PausedOutside => "paused_outside",
            Self::DiskError => "disk_error",
            Self::DiskFull => "disk_full",
            Self::AddressTwice => "address_twice",
            Self::CardDown => "card_down",
            Self::LeftOnSource => "left_on_source",
        }
    }
}

/// The share of boots, or of moves, that each ailment strikes. Together they are at most all.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ailments([Share; Ailment::ALL.len()]);

impl Ailments {
    /// The share that an ailment strikes.
    pub const fn share(&self, ailment: Ailment) -> Share {
        self.0[ailment as usize]
    }

    /// Lets an ailment strike that share.
    #[must_use]
    pub const fn with(mut self, ailment: Ailment, share: Share) -> Self {
        self.0[ailment as usize] = share;
        self
    }
}

/// A rate of rare events, as in `1/1000h`: events per hour.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct PerHour(pub f64);
