//! What can be wrong with a VM or a host, and what helps.

use std::sync::Arc;

/// A diagnosis that stands beside a VM's state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Finding {
    /// Nothing found.
    #[default]
    None,
    /// Its migration sends memory more slowly than the guest dirties it.
    NonConverging,
    /// The task that works on it has made no progress for a while.
    NoProgress,
    /// It runs, and nothing was ever said on its serial console.
    NoOutput,
    /// Its guest's kernel panicked.
    Panic,
    /// Its guest stopped in a shell instead of coming up.
    Emergency,
    /// Its guest asked for an address and nobody answered.
    NoDhcp,
    /// Its guest answered and no longer does, though it runs.
    AgentSilent,
    /// Its guest's clock stands or is far behind.
    ClockStuck,
    /// Its QEMU is there and does nothing.
    QemuStopped,
    /// Its QEMU went away and nobody of ours ended it.
    QemuGone,
    /// Somebody else paused it.
    PausedOutside,
    /// A disk error stopped it.
    IoError,
    /// A disk of its host is full.
    DiskFull,
    /// A second domain of its name lies on another host, as after a move that was not cleaned up.
    LeftOnSource,
    /// Another VM has its address.
    AddressTwice,
    /// Its guest is well and the network does not reach it.
    NoNetwork,
    /// The load that was asked of it is not what it bears.
    LoadOff,
    /// Its host does not answer at all.
    HostSilent,
    /// Its host is there and the libvirtd on it does not answer.
    LibvirtdHung,
    /// Nobody's record knows it: it was not made by Hemera.
    Unknown,
}

impl Finding {
    /// All findings, the most urgent first.
    pub const ALL: [Self; 20] = [
        Self::HostSilent,
        Self::LibvirtdHung,
        Self::DiskFull,
        Self::IoError,
        Self::QemuGone,
        Self::QemuStopped,
        Self::Panic,
        Self::Emergency,
        Self::NoOutput,
        Self::LeftOnSource,
        Self::AddressTwice,
        Self::NonConverging,
        Self::NoProgress,
        Self::NoDhcp,
        Self::NoNetwork,
        Self::AgentSilent,
        Self::ClockStuck,
        Self::LoadOff,
        Self::PausedOutside,
        Self::Unknown,
    ];

    /// The name that selections use (`finding:non-converging`), empty for none.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::NonConverging => "non-converging",
            Self::NoProgress => "no-progress",
            Self::NoOutput => "no-output",
            Self::Panic => "panic",
            Self::Emergency => "emergency",
            Self::NoDhcp => "no-dhcp",
            Self::AgentSilent => "agent-silent",
            Self::ClockStuck => "clock-stuck",
            Self::QemuStopped => "qemu-stopped",
            Self::QemuGone => "qemu-gone",
            Self::PausedOutside => "paused-outside",
            Self::IoError => "io-error",
            Self::DiskFull => "disk-full",
            Self::LeftOnSource => "left-on-source",
            Self::AddressTwice => "address-twice",
            Self::NoNetwork => "no-network",
            Self::LoadOff => "load-off",
            Self::HostSilent => "host-silent",
            Self::LibvirtdHung => "libvirtd-hung",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is about a host rather than about one of its VMs.
    pub const fn of_host(self) -> bool {
        matches!(self, Self::HostSilent | Self::LibvirtdHung)
    }

    /// What helps, the best first.
    pub const fn remedies(self) -> &'static [Remedy] {
        match self {
            Self::None => &[],
            Self::NonConverging => &[Remedy::StopStress, Remedy::Stress, Remedy::Pause, Remedy::CancelTask],
            Self::NoProgress => &[Remedy::CancelTask],
            Self::NoOutput | Self::Panic | Self::Emergency => &[Remedy::Reboot, Remedy::CancelTask, Remedy::Destroy],
            // It would not hear of a reset.
            Self::QemuStopped | Self::AddressTwice => &[Remedy::Destroy],
            Self::NoDhcp => &[Remedy::StartDhcp, Remedy::Reboot, Remedy::CancelTask],
            Self::AgentSilent | Self::ClockStuck | Self::NoNetwork => &[Remedy::Reboot, Remedy::Destroy],
            Self::LoadOff => &[Remedy::Stress, Remedy::StopStress],
            Self::QemuGone => &[Remedy::BootAgain, Remedy::Destroy],
            Self::PausedOutside => &[Remedy::Resume],
            Self::IoError => &[Remedy::Resume, Remedy::Reboot, Remedy::Destroy],
            Self::DiskFull => &[Remedy::FreeDisk, Remedy::Resume, Remedy::Destroy],
            Self::LeftOnSource => &[Remedy::RemoveCopy],
            Self::HostSilent => &[Remedy::MendHost],
            Self::LibvirtdHung => &[Remedy::RestartLibvirtd],
            Self::Unknown => &[Remedy::Adopt],
        }
    }
}

/// What helps against a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Remedy {
    /// Restart the guest.
    Reboot,
    /// Let its vCPUs go on.
    Resume,
    /// Boot it again under the same name, as it was booted first.
    BootAgain,
    /// Stop it and remove it.
    Destroy,
    /// Remove the other domain of its name, where that does not run.
    RemoveCopy,
    /// Cancel the task that works on it.
    CancelTask,
    /// Return it to the load of the world.
    StopStress,
    /// Lower its load.
    Stress,
    /// Stop its vCPUs.
    Pause,
    /// Take it under Hemera's care.
    Adopt,
    /// Somebody has to make room on the host's disk.
    FreeDisk,
    /// Somebody has to look at the DHCP server.
    StartDhcp,
    /// Somebody has to restart the host's libvirtd.
    RestartLibvirtd,
    /// Somebody has to look at the host or its network.
    MendHost,
}

impl Remedy {
    /// What it is about, in a few words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Resume => "resume",
            Self::BootAgain => "boot again",
            Self::Destroy => "destroy",
            Self::RemoveCopy => "remove the copy",
            Self::CancelTask => "cancel its task",
            Self::StopStress => "stop stress",
            Self::Stress => "change its stress",
            Self::Pause => "pause",
            Self::Adopt => "adopt",
            Self::FreeDisk => "free disk space",
            Self::StartDhcp => "look at DHCP",
            Self::RestartLibvirtd => "restart libvirtd",
            Self::MendHost => "look at the host",
        }
    }
}

/// What was found of a VM or a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnosis {
    /// Which finding.
    pub finding: Finding,
    /// What is wrong, in a sentence with figures.
    pub text: Arc<str>,
    /// What that is concluded from, a line each.
    pub evidence: Vec<Arc<str>>,
    /// What helps, the best first.
    pub remedies: &'static [Remedy],
}

impl Diagnosis {
    /// A finding with its usual remedies.
    pub fn new(finding: Finding, text: impl Into<Arc<str>>, evidence: Vec<Arc<str>>) -> Self {
        Self { finding, text: text.into(), evidence, remedies: finding.remedies() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_a_word_of_its_own_that_fits_its_column_and_a_remedy() {
        let mut words: Vec<&str> = Finding::ALL.iter().map(|finding| finding.word()).collect();
        assert!(words.iter().all(|word| (1..=14).contains(&word.len())), "{words:?}");
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Finding::ALL.len());
        assert!(Finding::ALL.iter().all(|finding| !finding.remedies().is_empty()));
    }
}
