//! What really has hosts and VMs, behind one trait: the simulator ([`sim`]) or libvirt (`libvirt`, with that feature).
//!
//! A platform takes [`Request`]s, which never block, and gives back [`Batch`]es of [`Observation`]s stamped with its
//! own clock. It decides nothing: which VM goes where, how many at once and what a failure means is the engine's work.

#[cfg(feature = "libvirt")]
pub mod libvirt;
mod power;
pub mod sim;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

pub use power::{POWER_HOST, POWER_TIMEOUT, Power, no_power};

use crate::doctor::{HostSign, Sign};
use crate::fleet::{
    Adjust, Bytes, FileCopy, FromConsole, HostId, Inquiry, Load, MigrationFigures, MigrationOptions, MigrationProgress,
    PowerAction, Rate, Script, Subnet, TaskId, Time, ToConsole, Told, Transfer, VmClass, VmId, VmState,
};

/// What the engine asks of a platform. Each names the task it is for; the answer to all but [`Cancel`](Self::Cancel),
/// [`Adjust`](Self::Adjust) and [`Probe`](Self::Probe) is exactly one [`Observation::Ended`].
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Bring a VM up on a host. Where it fails or is cancelled, nothing of the VM is left behind.
    Boot {
        /// For this task.
        task: TaskId,
        /// The new VM.
        vm: VmId,
        /// Its name, which becomes its libvirt domain's name.
        name: Arc<str>,
        /// Where.
        host: HostId,
        /// Its class.
        class: Arc<VmClass>,
    },
    /// Move a running VM. It runs on exactly one of both hosts whatever the end.
    Migrate {
        /// For this task.
        task: TaskId,
        /// The VM.
        vm: VmId,
        /// Its name.
        name: Arc<str>,
        /// Where it runs.
        source: HostId,
        /// Where it shall run.
        target: HostId,
        /// How.
        options: MigrationOptions,
    },
    /// Change a VM on the host that it is on.
    Change {
        /// For this task.
        task: TaskId,
        /// The VM.
        vm: VmId,
        /// Its name.
        name: Arc<str>,
        /// Where it is.
        host: HostId,
        /// What to do with it.
        change: Change,
    },
    /// Do something in a VM's guest.
    Guest {
        /// For this task.
        task: TaskId,
        /// The VM.
        vm: VmId,
        /// Its name.
        name: Arc<str>,
        /// Where it is.
        host: HostId,
        /// What to do.
        work: GuestWork,
    },
    /// Do something on a host itself.
    Host {
        /// For this task.
        task: TaskId,
        /// The host.
        host: HostId,
        /// What to do.
        work: HostWork,
    },
    /// End a running task early. Its `Ended` follows, as cancelled, or as done where it was too late.
    Cancel {
        /// The task.
        task: TaskId,
    },
    /// Change a running migration; what cannot be done comes back as [`Observation::NotAdjusted`].
    Adjust {
        /// The task.
        task: TaskId,
        /// How.
        adjust: Adjust,
    },
    /// Report a running task's progress.
    Probe {
        /// The task.
        task: TaskId,
    },
}

/// What can be done to a VM where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// Stop it at once and remove it with what was made for it.
    Destroy,
    /// Ask its guest to end, by its agent or else by its power button; when it has, remove it with what was made for it.
    /// Cancelled before that, it runs on, and may still end later.
    Shutdown,
    /// Stop its vCPUs.
    Pause,
    /// Let its vCPUs go on.
    Resume,
    /// Restart its guest.
    Reboot,
    /// Set its load; none returns it to the load of the world.
    Load(Option<Load>),
    /// Put Hemera's mark on it.
    Adopt,
    /// Remove the domain of its name on a host that is not the VM's, unless that runs. What disks it has stay.
    RemoveCopy,
}

/// What can be done in a guest. It fails where it is not there or nothing in it takes commands, and leaves the VM as it
/// is whatever its end.
#[derive(Debug, Clone, PartialEq)]
pub enum GuestWork {
    /// Run a command. It is done where the command ends with 0, within its time.
    Run(Arc<Script>),
    /// Copy a file. It is done where the copy is whole and at its place; otherwise nothing bears its name that did not
    /// before.
    Copy(Arc<FileCopy>),
}

/// What can be done on a host itself.
#[derive(Debug, Clone, PartialEq)]
pub enum HostWork {
    /// Run a command. It is done where the command ends with 0, within its time.
    Run(Arc<Script>),
    /// Copy a file, as in guests.
    Copy(Arc<FileCopy>),
    /// Bring the disk image of this name or path there. It is done where the image was there already; cancelled, what
    /// arrived stays for the next time.
    Image(Arc<str>),
    /// Do this to it from outside. It is done where what does it says so, whether or not the host has come up by then.
    Power(PowerAction),
}

impl HostWork {
    /// Whether a host must be ready for it; otherwise it may still be prepared.
    pub const fn needs_ready(&self) -> bool {
        match self {
            Self::Run(_) | Self::Copy(_) => true,
            Self::Image(_) | Self::Power(_) => false,
        }
    }
}

/// Which VM an observation is about. Platforms that were told an id use it; what is found on a real host has a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VmKey {
    /// A VM that the engine gave this id.
    Id(VmId),
    /// A domain of this name on the batch's host.
    Name(Arc<str>),
}

/// Observations made at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// When, on the platform's clock; never earlier than the batch before.
    pub at: Time,
    /// The host they were made on; none for observations that name no host.
    pub host: Option<HostId>,
    /// What was seen.
    pub seen: Vec<Observation>,
}

/// A VM as a host lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct VmSeen {
    /// Which.
    pub vm: VmKey,
    /// Its state, as far as the hypervisor knows.
    pub state: VmState,
    /// Whether Hemera's mark is in its metadata.
    pub managed: bool,
    /// Its class where the mark names one.
    pub class: Option<Arc<str>>,
    /// vCPUs.
    pub vcpus: u8,
    /// Its memory.
    pub memory: Bytes,
    /// Why it is in that state, where the hypervisor says more than the state does.
    pub reason: Option<Arc<str>>,
}

/// One thing that a platform saw.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// The batch's host answers and has these sizes.
    HostAnswers {
        /// CPU cores.
        cores: u32,
        /// Memory for VMs.
        memory: Bytes,
    },
    /// The batch's host does not answer (any more).
    HostUnreachable {
        /// Why it is thought so.
        reason: Arc<str>,
    },
    /// The load of the batch's host.
    HostLoad {
        /// CPU in use, in thousandths of a core.
        cpu_used: u32,
        /// CPU asked for by its VMs, in thousandths of a core; where only use is known, the use.
        cpu_demand: u32,
        /// What it receives: on the simulator by migrations, on real hosts by its guests.
        net_rx: Rate,
        /// What it sends.
        net_tx: Rate,
    },
    /// The load of a VM.
    VmLoad {
        /// Which.
        vm: VmKey,
        /// CPU it gets, in thousandths of a core.
        cpu: u32,
        /// The rate at which it dirties memory.
        dirty: Rate,
        /// What it receives and sends.
        net: Rate,
    },
    /// All VMs of the batch's host: one that is not listed is not there.
    Inventory(Vec<VmSeen>),
    /// One VM of the batch's host, new or changed.
    Vm(VmSeen),
    /// A VM is no longer on the batch's host, and no task of ours took it away.
    VmGone {
        /// Which.
        vm: VmKey,
        /// Why.
        reason: Arc<str>,
    },
    /// Something of a VM that tells how its guest or its hypervisor is.
    Sign {
        /// Which.
        vm: VmKey,
        /// What.
        sign: Sign,
    },
    /// Something of the batch's host that its hypervisor does not tell.
    HostSign(HostSign),
    /// How far a running task is.
    Progress {
        /// The task.
        task: TaskId,
        /// How far.
        progress: Progress,
    },
    /// A running task's command wrote something.
    Output {
        /// The task.
        task: TaskId,
        /// Where to.
        stream: Stream,
        /// What.
        bytes: Arc<[u8]>,
        /// How many bytes before these were left out.
        skipped: u64,
    },
    /// A running task's command ended; the task's end follows.
    Exited {
        /// The task.
        task: TaskId,
        /// With this code; 128 and the signal's number where a signal ended it.
        code: i32,
    },
    /// A running migration could not be changed.
    NotAdjusted {
        /// The task.
        task: TaskId,
        /// What was asked for.
        adjust: Adjust,
        /// Why not.
        reason: Arc<str>,
    },
    /// A task ended.
    Ended {
        /// The task.
        task: TaskId,
        /// How.
        end: End,
        /// What a migration took.
        figures: Option<MigrationFigures>,
    },
}

/// Where a command writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Its standard output.
    Out,
    /// Its standard error.
    Err,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// Work done so far in a measure that only grows while the task advances.
    Work(f64),
    /// A migration's state.
    Migration(MigrationProgress),
    /// How far the image is that the task waits for.
    Transfer(Transfer),
}

/// How a task ended on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// As asked.
    Done,
    /// Not; the VM is as the request says for that case.
    Failed(Arc<str>),
    /// Ended early by [`Request::Cancel`].
    Cancelled,
}

/// Takes the answer to an inquiry, or why there is none; called once, on any thread.
pub type Reply = Box<dyn FnOnce(Result<Told, Arc<str>>) + Send>;

/// What really has hosts and VMs.
pub trait Platform: Send {
    /// Takes a request. Never blocks; what goes wrong comes back as [`Observation::Ended`].
    fn submit(&mut self, request: Request);

    /// Moves the batches made since the last call to the end of `into`, oldest first.
    fn collect(&mut self, into: &mut Vec<Batch>);

    /// Makes observations of every load that changed since the last call, as of the instant it stands at. Nothing
    /// where hosts tell their loads by themselves.
    fn sample(&mut self) {}

    /// Makes observations of how far the running migrations are, as [`Request::Probe`] does for one. Nothing where
    /// hosts tell it by themselves.
    fn report(&mut self) {}

    /// Asks about the VM of this name on that host. Never blocks: the answer comes when the host gives it.
    fn ask(&mut self, vm: &Arc<str>, _host: HostId, _inquiry: Inquiry, reply: Reply) {
        reply(Err(format!("nothing more is known of {vm} here").into()));
    }

    /// Opens the serial console of the VM of this name on that host, until one of the channels is closed from the other
    /// end. Never blocks. First what was written before comes, then what is written.
    fn console(
        &mut self,
        vm: &Arc<str>,
        _host: HostId,
        _to: mpsc::Receiver<ToConsole>,
        from: mpsc::Sender<FromConsole>,
    ) {
        // There is room: nothing was sent before.
        drop(from.try_send(FromConsole::Ended(format!("{vm} has no serial console here").into())));
    }
}

/// A platform whose time does not pass by itself.
pub trait Virtual: Platform {
    /// When something will happen next; none where nothing will, until a request comes.
    fn next_at(&self) -> Option<Time>;

    /// Lets time pass up to and including `to`, which is not before any earlier call's.
    fn advance(&mut self, to: Time);
}

/// How a real host is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAccess {
    /// Which host.
    pub host: HostId,
    /// The libvirt URI that Hemera connects to.
    pub uri: String,
    /// The URI by which other hosts reach it for a move; none: the same as `uri`.
    pub peer: Option<String>,
    /// The URI on which it receives guests' memory, as in `tcp://10.158.0.1`; none: libvirt chooses.
    pub migrate: Option<String>,
    /// Where the VMs that start on it get their addresses from; none: somebody else gives them addresses.
    pub subnet: Option<Subnet>,
    /// How a shell on it is reached; none: not at all.
    pub ssh: Option<SshAccess>,
}

/// How a shell on a real host is reached: `ssh -F CONFIG DESTINATION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAccess {
    /// A user and host, as in `root@h1`, or an alias of the configuration.
    pub destination: String,
    /// A file of `ssh_config(5)`; none: the user's own.
    pub config: Option<PathBuf>,
    /// Whether a key of its server that is not known is taken as it comes: guests make theirs as they boot.
    pub any_key: bool,
    /// Whether it is a guest, which may take long to let anybody in, and is silent for a while when it moves.
    pub guest: bool,
}

/// How much of each stream of a command's output is kept, in bytes: the end of it.
pub const OUTPUT_KEPT: usize = 256 << 10;

/// How long setting the load of a guest may take: under emulation, in use and reached by SSH, which lets in late.
pub const LOAD_TIMEOUT: Duration = Duration::from_secs(100);

/// How long a host may be silent before it counts as unreachable.
pub const SILENCE: Duration = Duration::from_secs(8);
