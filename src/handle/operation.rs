//! Operations and tasks as they are shown.

use std::sync::Arc;
use std::time::Duration;

use super::Samples;
use crate::fleet::{HostId, MigrationFigures, MigrationProgress, OpId, SiteId, TaskId, Time, Transfer, VmId};

/// What an operation, and each of its tasks, does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpKind {
    /// Brings VMs up.
    Boot,
    /// Moves VMs.
    Migrate,
    /// Moves all VMs away from hosts.
    Evacuate,
    /// Removes VMs.
    Destroy,
    /// Lets guests end, and removes their VMs.
    Shutdown,
    /// Stops VMs' vCPUs.
    Pause,
    /// Lets VMs go on.
    Resume,
    /// Restarts guests.
    Reboot,
    /// Sets VMs' load.
    Stress,
    /// Returns VMs to the load of the world.
    StopStress,
    /// Runs a command in guests or on hosts.
    Run,
    /// Copies a file into guests or to hosts.
    CopyIn,
    /// Copies a file out of guests or from hosts.
    CopyOut,
    /// Takes VMs that others made under Hemera's care.
    Adopt,
    /// Removes second domains of VMs' names.
    RemoveCopy,
    /// Brings an image to hosts.
    Spread,
    /// Switches hosts on or off, or starts them or their libvirtd again.
    Power,
}

impl OpKind {
    /// Kinds that can work on hosts themselves.
    pub(crate) const ON_HOSTS: [Self; 5] = [Self::Run, Self::CopyIn, Self::CopyOut, Self::Spread, Self::Power];

    /// The word for it, as in `migrate`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Migrate => "migrate",
            Self::Evacuate => "evacuate",
            Self::Destroy => "destroy",
            Self::Shutdown => "shutdown",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Reboot => "reboot",
            Self::Stress => "stress",
            Self::StopStress => "stop-stress",
            Self::Run => "run",
            Self::CopyIn => "copy-in",
            Self::CopyOut => "copy-out",
            Self::Adopt => "adopt",
            Self::RemoveCopy => "remove-copy",
            Self::Spread => "spread",
            Self::Power => "power",
        }
    }

    /// Whether its tasks move VMs between hosts.
    pub const fn moves(self) -> bool {
        matches!(self, Self::Migrate | Self::Evacuate)
    }
}

/// What a task waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WaitReason {
    /// Its operation is paused.
    Paused,
    /// The task before it on the same VM, of this or another operation; of a task on a host, the one of its kind before it
    /// there.
    Earlier(TaskId),
    /// The limit of boots in all.
    BootTotal,
    /// The limit of boots on this host.
    BootHost(HostId),
    /// The limit of migrations in all.
    MigrateTotal,
    /// The limit of migrations from this host.
    MigrateSource(HostId),
    /// The limit of migrations to this host.
    MigrateTarget(HostId),
    /// The limit of migrations over the link between these sites, the lower id first.
    MigrateLink(SiteId, SiteId),
    /// The limit of commands and copies in all.
    RunTotal,
    /// Free memory on this host.
    Memory(HostId),
    /// This host to answer.
    Host(HostId),
    /// This host, which is being switched off or started again.
    Power(HostId),
}

/// [`WaitReason`] without the place, to count by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WaitKind {
    /// The operation is paused.
    Paused,
    /// An earlier task on the same VM or host.
    Earlier,
    /// `boot_total`.
    BootTotal,
    /// `boot_per_host`.
    BootHost,
    /// `migrate_total`.
    MigrateTotal,
    /// `migrate_per_source`.
    MigrateSource,
    /// `migrate_per_target`.
    MigrateTarget,
    /// `migrate_per_link`.
    MigrateLink,
    /// `run_total`.
    RunTotal,
    /// Free memory.
    Memory,
    /// A host to answer.
    Host,
    /// A host that is being switched.
    Power,
}

impl WaitReason {
    /// What it waits for, without the place.
    pub const fn kind(self) -> WaitKind {
        match self {
            Self::Paused => WaitKind::Paused,
            Self::Earlier(_) => WaitKind::Earlier,
            Self::BootTotal => WaitKind::BootTotal,
            Self::BootHost(_) => WaitKind::BootHost,
            Self::MigrateTotal => WaitKind::MigrateTotal,
            Self::MigrateSource(_) => WaitKind::MigrateSource,
            Self::MigrateTarget(_) => WaitKind::MigrateTarget,
            Self::MigrateLink(..) => WaitKind::MigrateLink,
            Self::RunTotal => WaitKind::RunTotal,
            Self::Memory(_) => WaitKind::Memory,
            Self::Host(_) => WaitKind::Host,
            Self::Power(_) => WaitKind::Power,
        }
    }
}

impl WaitKind {
    /// What to show after "wait:".
    pub const fn word(self) -> &'static str {
        match self {
            Self::Paused => "operation paused",
            Self::Earlier => "earlier task on the VM",
            Self::BootTotal => "boots in all",
            Self::BootHost => "boots on one host",
            Self::MigrateTotal => "moves in all",
            Self::MigrateSource => "moves from one host",
            Self::MigrateTarget => "moves to one host",
            Self::MigrateLink => "moves over one link",
            Self::RunTotal => "commands in all",
            Self::Memory => "memory on the target",
            Self::Host => "host to answer",
            Self::Power => "host being switched",
        }
    }
}

/// The three ends of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEnd {
    /// As asked.
    Done,
    /// Not, for this reason.
    Failed(Arc<str>),
    /// By somebody's wish.
    Cancelled,
}

impl TaskEnd {
    /// `done`, `failed` or `cancelled`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// It has not begun, for this reason.
    Waiting(WaitReason),
    /// The platform works on it.
    Running,
    /// The platform was asked to end it early.
    Cancelling,
    /// It ended.
    Ended(TaskEnd),
}

/// What a task is about: there is one task at a time for each VM, and one of each kind for each host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskSubject {
    /// A VM.
    Vm(VmId),
    /// A host itself.
    Host(HostId),
}

impl TaskSubject {
    /// The VM that it is about.
    pub const fn vm(self) -> Option<VmId> {
        match self {
            Self::Vm(vm) => Some(vm),
            Self::Host(_) => None,
        }
    }

    /// The host that it is about.
    pub const fn host(self) -> Option<HostId> {
        match self {
            Self::Vm(_) => None,
            Self::Host(host) => Some(host),
        }
    }
}

/// A task as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskView {
    /// Its number.
    pub id: TaskId,
    /// Its operation.
    pub op: OpId,
    /// What it does.
    pub kind: OpKind,
    /// What it is about.
    pub subject: TaskSubject,
    /// The VM's name, or the host's.
    pub name: Arc<str>,
    /// Where the VM was when it began, none for a boot; the host that it is about.
    pub source: Option<HostId>,
    /// Where a boot or a move brings it.
    pub target: Option<HostId>,
    /// Where it is.
    pub state: TaskState,
    /// When it was asked for.
    pub queued: Time,
    /// When the platform was asked.
    pub started: Option<Time>,
    /// When it ended.
    pub ended: Option<Time>,
    /// How far a running migration was when last seen.
    pub migration: Option<MigrationProgress>,
    /// How far the image is that a running task waits for.
    pub transfer: Option<Transfer>,
    /// What an ended migration took.
    pub figures: Option<MigrationFigures>,
    /// Total time and downtime that were predicted for a migration when it started, while it runs and where it ended
    /// with figures.
    pub predicted: Option<(Duration, Duration)>,
    /// The code with which a command ended.
    pub code: Option<i32>,
    /// The last line that a command wrote.
    pub line: Option<Arc<str>>,
    /// Where a running move is in its rescue plan, and where an ended one with figures came to; none without a plan.
    pub rescue: Option<RescueView>,
}

/// Where a move is in its rescue plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RescueView {
    /// The plan's name.
    pub plan: Arc<str>,
    /// Steps taken.
    pub taken: u32,
    /// Steps in all.
    pub of: u32,
    /// What the last step did, as in `max downtime 300 ms`.
    pub last: Option<Arc<str>>,
    /// What the next one does and when.
    pub next: Option<Arc<str>>,
}

/// Where an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpState {
    /// Tasks run, or wait for something other than the operator.
    Running,
    /// No task is started; those that run go on.
    Paused,
    /// Everything was cancelled; running tasks are ending.
    Cancelling,
    /// All tasks ended.
    Ended,
}

/// An operation as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationView {
    /// Its number.
    pub id: OpId,
    /// What it does.
    pub kind: OpKind,
    /// What was asked for, as in `boot 10 240 small`.
    pub title: Arc<str>,
    /// Where it is.
    pub state: OpState,
    /// Tasks in all: the sum of the five that follow.
    pub total: u32,
    /// Tasks that wait.
    pub waiting: u32,
    /// Tasks that run or are being cancelled.
    pub running: u32,
    /// Tasks done.
    pub done: u32,
    /// Tasks failed.
    pub failed: u32,
    /// Tasks cancelled.
    pub cancelled: u32,
    /// What the waiting ones wait for, most first.
    pub waiting_by: Vec<(WaitKind, u32)>,
    /// Why the failed ones failed, most first.
    pub failed_by: Vec<(Arc<str>, u32)>,
    /// When it was asked for.
    pub started: Time,
    /// When its last task ended.
    pub ended: Option<Time>,
    /// Tasks that end per second: over the last ten seconds, or three times the median task where that is longer; over
    /// its whole life once it ended.
    pub rate: f64,
    /// How much longer it takes, where its rate so far lets one say; none where nothing ended yet or it is held up.
    pub eta: Option<Duration>,
    /// Durations of its done tasks from start to end: median, 95th percentile, longest. None before the first is done.
    pub durations: Option<Durations>,
    /// Tasks that had ended, however, over its time: the first value stands one interval after its start, and the
    /// interval doubles when there are 120. It goes as far as something ended; what is true now stands in the counts.
    pub curve: Arc<Samples>,
}

/// How long done tasks took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// The median.
    pub p50: Duration,
    /// The 95th percentile.
    pub p95: Duration,
    /// The longest.
    pub max: Duration,
}

impl OperationView {
    /// An operation of that kind without any task yet.
    pub fn new(kind: OpKind) -> Self {
        Self {
            id: OpId(0),
            kind,
            title: "".into(),
            state: OpState::Running,
            total: 0,
            waiting: 0,
            running: 0,
            done: 0,
            failed: 0,
            cancelled: 0,
            waiting_by: Vec::new(),
            failed_by: Vec::new(),
            started: Time::ZERO,
            ended: None,
            rate: 0.0,
            eta: None,
            durations: None,
            curve: Arc::default(),
        }
    }
}
