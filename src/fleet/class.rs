//! Classes of VMs and the load inside them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Bytes, Rate, Share};

/// What the VMs of a class have in common, from a workflow's `[vm.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct VmClass {
    /// Its name.
    pub name: Arc<str>,
    /// vCPUs, at least 1.
    pub vcpus: u8,
    /// Memory of the guest.
    pub memory: Bytes,
    /// What it boots from.
    pub image: Image,
    /// The libvirt network its one NIC is on; none: no NIC.
    pub network: Option<String>,
    /// The CPU model; none: the hypervisor's default.
    pub cpu: Option<String>,
    /// When its boot counts as done.
    pub ready: Ready,
    /// Whether its guests may have an agent that is to be used. Where they may not, their VMs have no port for one.
    pub agent: bool,
    /// How its guests' SSH servers are reached where they have no agent; none: they are not.
    pub ssh: Option<GuestSsh>,
    /// How long a boot may go on without any progress before it is given up; none: the engine's default.
    pub patience: Option<Duration>,
    /// A public SSH key that opens its guests as root, where their systemd takes credentials from the hypervisor (252 or
    /// later); none: the image's own keys alone.
    pub ssh_key: Option<String>,
}

/// How guests' SSH servers are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestSsh {
    /// As which user.
    pub user: String,
    /// A file of `ssh_config(5)`, by its whole path; none: the user's own, and guests' keys are taken as they come.
    pub config: Option<PathBuf>,
}

impl GuestSsh {
    /// Whether this can be a user's name: nothing that `ssh` takes for an option or for more than a name, or that a shell
    /// takes for more than a word, where a configuration hands it on as `%r`.
    pub fn is_user(name: &str) -> bool {
        let bad = |c: char| c.is_whitespace() || c.is_control() || "@:/\\%'\"`$;&<>|(){}".contains(c);
        !name.is_empty() && !name.starts_with('-') && !name.contains(bad)
    }
}

/// What a VM boots from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// Nothing: legal on the simulator only.
    None,
    /// A disk image's name or path; each VM gets a copy-on-write overlay of it.
    Disk(String),
    /// A kernel that the hypervisor loads itself.
    Kernel {
        /// Path of the kernel on the host.
        kernel: String,
        /// Path of its initial RAM disk.
        initrd: Option<String>,
        /// Its command line.
        cmdline: String,
    },
}

/// When a boot is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ready {
    /// When the hypervisor says that the VM runs.
    #[default]
    Up,
    /// When the guest answers.
    Reachable,
}

/// A load that a stress step sets in a VM.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// CPU asked for, as a share of the VM's vCPUs.
    pub cpu: Share,
    /// Memory dirtied per second while the VM gets all the CPU it asks for.
    pub dirty_rate: Rate,
    /// The share of the VM's memory that is written to again and again: the most that one round can find dirty. None where
    /// nobody named one: [`DEFAULT_WORKING_SET`], or what the guest has room for.
    pub working_set: Option<Share>,
}

impl Load {
    /// The share of the VM's memory that one round can find dirty at most.
    pub fn cap(&self) -> Share {
        self.working_set.unwrap_or(DEFAULT_WORKING_SET)
    }
}

/// The working set where none is given: SimGrid's default for its live-migration plugin.
pub const DEFAULT_WORKING_SET: Share = Share(0.9);

/// How far a running migration is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MigrationProgress {
    /// The copying round, from 1.
    pub round: u32,
    /// What this round had to send when it began.
    pub round_size: Bytes,
    /// What is still to be sent in this round.
    pub remaining: Bytes,
    /// What was sent in all rounds.
    pub transferred: Bytes,
    /// The rate it really gets.
    pub rate: Rate,
    /// The rate at which the guest dirties memory.
    pub dirty_rate: Rate,
    /// The share of its CPU that the guest is denied so that the move converges.
    pub throttle: Share,
    /// Whether the guest runs on the target already and gets its memory there as it asks for it.
    pub post_copy: bool,
}

/// How far an image is on its way to a host.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Transfer {
    /// How much of it the host has.
    pub bytes: Bytes,
    /// The image's size; 0 before it is known.
    pub size: Bytes,
    /// What all hosts that wait for it receive together.
    pub rate: Rate,
    /// How long it takes until all of them have it, at that rate; none where nothing moves yet.
    pub left: Option<Duration>,
}

/// What an ended migration took, also one that failed or was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MigrationFigures {
    /// From its start to its end on the platform.
    pub total: Duration,
    /// How long the guest stood still.
    pub downtime: Duration,
    /// Copying rounds, the first pass and the last one with the guest stopped included.
    pub rounds: u32,
    /// Bytes sent.
    pub transferred: Bytes,
    /// The guest's memory.
    pub memory: Bytes,
    /// The rate at which the guest dirtied memory when it began.
    pub dirty_rate: Rate,
}
