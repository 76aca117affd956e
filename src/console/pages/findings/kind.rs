//! Kinds of trouble: how they are called, and what helps.

use crate::fleet::Finding;

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What was found of VMs.
    Found(Finding),
    /// VMs that failed, of which no more is found.
    Failed,
    /// VMs whose hosts cannot be reached, of which no more is found.
    Lost,
    /// Hosts that cannot be used.
    Down,
    /// Hosts whose disks are full.
    HostDisk,
    /// Hosts of which more is asked than they have.
    Over,
    /// Operations in which tasks failed.
    Operations,
}

impl Kind {
    /// All of them, the most urgent first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let found = Finding::ALL.into_iter().filter(|finding| *finding != Finding::Unknown).map(Self::Found);
        let hosts = [Self::Down, Self::HostDisk, Self::Over];
        let last = [Self::Operations, Self::Found(Finding::Unknown)];
        found.chain([Self::Failed, Self::Lost]).chain(hosts).chain(last)
    }

    /// What is wrong with so many.
    pub(crate) const fn title(self, many: usize) -> &'static str {
        let (one, more) = match self {
            Self::Found(finding) => found_title(finding),
            Self::Failed => ("VM failed", "VMs failed"),
            Self::Lost => ("VM is lost: its host does not answer", "VMs are lost: their hosts do not answer"),
            Self::Down => ("host cannot be used", "hosts cannot be used"),
            Self::HostDisk => ("host has a full disk", "hosts have full disks"),
            Self::Over => ("host is asked for more CPU than it has", "hosts are asked for more CPU than they have"),
            Self::Operations => ("operation has failures", "operations have failures"),
        };
        if many == 1 { one } else { more }
    }

    /// What helps, in words.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::Found(finding) => found_advice(finding),
            Self::Failed => "Look at the reason, then retry the operation, or destroy them and boot others.",
            Self::Lost => "They may still run: they come back with their host.",
            Self::Down => "Look at the reason; VMs there are lost until the host answers.",
            Self::HostDisk => "Make room there: guests whose disks grow are stopped, and go on when they are resumed.",
            Self::Over => "Move some of their VMs to other hosts.",
            Self::Operations => "Look at the reasons, then retry what failed.",
        }
    }

    /// Actions that help with what is under the cursor.
    pub(crate) const fn helps(self) -> &'static [&'static str] {
        match self {
            Self::Found(Finding::NonConverging) => &["remedies", "stop-stress", "stress", "pause", "open"],
            Self::Found(_) | Self::HostDisk | Self::Down => &["remedies", "open"],
            Self::Lost => &["open"],
            Self::Failed => &["open", "destroy"],
            Self::Over => &["evacuate", "open"],
            Self::Operations => &["retry-failed", "open"],
        }
    }

    /// The selection of all VMs or hosts of the kind.
    pub(super) fn selection(self) -> String {
        match self {
            Self::Found(finding) => format!("finding:{}", finding.word()),
            Self::Failed => "state:failed and finding:none".into(),
            Self::Lost => "state:lost and finding:none".into(),
            Self::Down => "state:unreachable or state:failed or state:withdrawn".into(),
            Self::Over => "state:over".into(),
            Self::HostDisk | Self::Operations => "all".into(),
        }
    }
}

/// A finding as it is said of one VM and of several.
const fn found_title(finding: Finding) -> (&'static str, &'static str) {
    match finding {
        Finding::None => ("VM is well", "VMs are well"),
        Finding::NonConverging => ("move does not converge", "moves do not converge"),
        Finding::NoProgress => ("task makes no progress", "tasks make no progress"),
        Finding::NoOutput => ("guest never said a word", "guests never said a word"),
        Finding::Panic => ("guest's kernel panicked", "guests' kernels panicked"),
        Finding::Emergency => ("guest stopped in a shell", "guests stopped in a shell"),
        Finding::NoDhcp => ("guest got no DHCP answer", "guests got no DHCP answer"),
        Finding::AgentSilent => ("guest answers no more", "guests answer no more"),
        Finding::ClockStuck => ("guest's clock is off", "guests' clocks are off"),
        Finding::QemuStopped => ("QEMU does nothing", "QEMUs do nothing"),
        Finding::QemuGone => ("VM is gone from its host", "VMs are gone from their hosts"),
        Finding::PausedOutside => ("VM was paused by others", "VMs were paused by others"),
        Finding::IoError => ("VM was stopped by a disk error", "VMs were stopped by disk errors"),
        Finding::DiskFull => ("VM was stopped by a full disk", "VMs were stopped by full disks"),
        Finding::LeftOnSource => ("VM is on two hosts", "VMs are on two hosts"),
        Finding::AddressTwice => ("VM shares its address", "VMs share addresses"),
        Finding::NoNetwork => ("guest is not reached by the network", "guests are not reached by the network"),
        Finding::LoadOff => ("VM does not bear the load asked", "VMs do not bear the load asked"),
        Finding::HostSilent => ("VM is lost: its host does not answer", "VMs are lost: their hosts do not answer"),
        Finding::LibvirtdHung => {
            ("VM is out of reach: libvirtd hangs on its host", "VMs are out of reach: libvirtd hangs on their hosts")
        }
        Finding::Unknown => ("VM is unknown", "VMs are unknown"),
    }
}

/// What helps against a finding.
const fn found_advice(finding: Finding) -> &'static str {
    match finding {
        Finding::None => "Nothing is to be done.",
        Finding::NonConverging => {
            "They dirty memory as fast as it is sent: lower their load, pause them, or cancel the move."
        }
        Finding::NoProgress => "Wait, or cancel the task and ask again.",
        Finding::NoOutput => "Look at their class: has it a kernel, and console=ttyS0? Destroy and boot them anew.",
        Finding::Panic => "Look at the console. A reboot helps where the cause was passing, else mend their class.",
        Finding::Emergency => "Type on their console, or reboot them.",
        Finding::NoDhcp => "Look at the DHCP server; guests ask again by themselves.",
        Finding::AgentSilent => "The agent or the guest hangs: look at the console, reboot them.",
        Finding::ClockStuck => "A reboot reads the clock anew; NTP in the guest keeps it right.",
        Finding::QemuStopped => "Their process was stopped or its disk hangs: destroy them where it stays so.",
        Finding::QemuGone => "Boot them again: nothing is left of them on their hosts.",
        Finding::PausedOutside => "Resume them, where whoever paused them agrees.",
        Finding::IoError => "Look at the disk, then resume them: they go on where they stopped.",
        Finding::DiskFull => "Make room on their hosts' disks, then resume them: they go on where they stopped.",
        Finding::LeftOnSource => "Remove the domain that does not run, before somebody lets both run.",
        Finding::AddressTwice => "Destroy one of each two, or give it another address.",
        Finding::NoNetwork => "Look at their network; a reboot brings their cards up again.",
        Finding::LoadOff => "Ask for less memory, or for the same once more: another load, or none, ends the finding.",
        Finding::HostSilent => "They may still run: they come back with their host.",
        Finding::LibvirtdHung => "They run on: restart libvirtd on their hosts.",
        Finding::Unknown => "Others made them: they are never touched, unless adopted.",
    }
}
