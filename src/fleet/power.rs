//! What can be done to a host's power, and to its libvirtd.

/// What is done to a host from outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PowerAction {
    /// Switches it off: its VMs end.
    Off,
    /// Switches it on.
    On,
    /// Starts it again: its VMs end.
    Reboot,
    /// Starts its libvirtd again: its VMs run on.
    RestartLibvirtd,
}

impl PowerAction {
    /// All of them; off first, as what is nearly both is rather meant for it.
    pub const ALL: [Self; 4] = [Self::Off, Self::On, Self::Reboot, Self::RestartLibvirtd];

    /// The word for it in workflows and command lines, as in `restart-libvirtd`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Reboot => "reboot",
            Self::RestartLibvirtd => "restart-libvirtd",
        }
    }

    /// The key of its command in a world file's `[power]`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::RestartLibvirtd => "restart_libvirtd",
            other => other.word(),
        }
    }

    /// What it does to those hosts, as in `power off 2 hosts`.
    pub fn to(self, hosts: &str) -> String {
        match self {
            Self::On => format!("power on {hosts}"),
            Self::Off => format!("power off {hosts}"),
            Self::Reboot => format!("reboot {hosts}"),
            Self::RestartLibvirtd => format!("restart libvirtd on {hosts}"),
        }
    }

    /// Whether the VMs of the host end with it.
    pub const fn ends_vms(self) -> bool {
        matches!(self, Self::Off | Self::Reboot)
    }
}
