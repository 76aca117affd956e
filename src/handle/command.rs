//! What can be asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{
    FileCopy, Load, MigrationOptions, OpId, PowerAction, RescuePlan, Script, Selection, TaskId, VmClass, VmId, Way,
};

use super::OpKind;

/// Something that changes what is going on. It is acknowledged, or refused with a reason.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Plans and starts an operation.
    Start(OperationSpec),
    /// Runs steps one after another; refused while other steps run.
    RunSteps(Vec<Step>),
    /// Replaces the limits; running tasks beyond a lower limit go on.
    SetLimits(Limits),
    /// Starts no more tasks of an operation.
    PauseOperation(OpId),
    /// Goes on with a paused operation.
    ResumeOperation(OpId),
    /// Cancels all tasks of an operation that have not ended.
    CancelOperation(OpId),
    /// Cancels one task, waiting or running.
    CancelTask(TaskId),
    /// Cancels the tasks that work on these VMs, and those that wait to.
    CancelTasksOf(Arc<[VmId]>),
    /// Asks again for what failed in an operation, as a new operation.
    RetryFailed(OpId),
    /// Asks again for what was cancelled in an operation, as a new operation.
    RetryCancelled(OpId),
    /// Asks again for one task that failed or was cancelled, as a new operation.
    RetryTask(TaskId),
    /// Boots VMs that failed or went away again, under the same names and as they were booted first.
    BootAgain(Arc<[VmId]>),
    /// Cancels every operation.
    StopEverything,
    /// Lets hosts that were evacuated take VMs again.
    Undrain(Selection),
    /// Starts nothing more: waiting tasks and steps are cancelled, running tasks go on to their end.
    Drain,
}

/// A part of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// An operation; the step ends when all its tasks have ended.
    Operation(OperationSpec),
    /// Time passes.
    Wait(Duration),
}

/// An operation to plan.
#[derive(Debug, Clone, PartialEq)]
pub enum OperationSpec {
    /// Boots new VMs.
    Boot(Boot),
    /// Moves VMs.
    Migrate(Migrate),
    /// Moves all VMs away from hosts, which take no new ones from then on.
    Evacuate(Evacuate),
    /// Changes VMs where they are.
    Change {
        /// Which.
        which: Which,
        /// What.
        change: VmChange,
    },
    /// Runs a command or script in VMs or on hosts.
    Run {
        /// Where.
        on: RunOn,
        /// What.
        script: Arc<Script>,
    },
    /// Copies a file into VMs or to hosts, or back from them.
    Copy {
        /// Which VMs or hosts.
        on: RunOn,
        /// What, and which way.
        copy: Arc<FileCopy>,
    },
    /// Brings a disk image to hosts that lack it.
    Spread {
        /// Its name or path.
        image: Arc<str>,
        /// Which hosts.
        on: Selection,
    },
    /// Does something to hosts from outside, whether they answer or not.
    Power {
        /// Which hosts.
        on: Selection,
        /// What.
        action: PowerAction,
    },
}

/// Where a command runs, or a file is copied to or from.
#[derive(Debug, Clone, PartialEq)]
pub enum RunOn {
    /// In these VMs' guests.
    Vms(Which),
    /// On the selected hosts themselves.
    Hosts(Selection),
}

/// New VMs.
#[derive(Debug, Clone, PartialEq)]
pub struct Boot {
    /// Their class.
    pub class: Arc<VmClass>,
    /// How many.
    pub count: u32,
    /// Their names: `{n}` stands for the lowest number from 1 that is free for that pattern.
    pub name: Arc<str>,
    /// How hosts are chosen.
    pub placement: Placement,
    /// Among which hosts.
    pub on: Selection,
}

/// How the hosts of new VMs are chosen. Hosts without room are skipped by all but [`Fixed`](Self::Fixed).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Placement {
    /// One VM on each host in world order, then again from the first.
    #[default]
    RoundRobin,
    /// A host is filled before the next one is used.
    Packed,
    /// Any host, by the seed.
    Random,
    /// The host with most free memory.
    Balanced,
    /// The n-th VM on the n-th of these hosts, again from the first when they are used up.
    Fixed(Vec<Arc<str>>),
}

/// VMs to move.
#[derive(Debug, Clone, PartialEq)]
pub struct Migrate {
    /// Which and where to.
    pub moves: Moves,
    /// How.
    pub options: MigrationOptions,
    /// What is done about those that do not end.
    pub rescue: Option<Arc<RescuePlan>>,
}

/// Hosts to empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Evacuate {
    /// Which.
    pub hosts: Selection,
    /// The hosts that may take their VMs; none: all others.
    pub to: Option<Selection>,
    /// How the VMs move.
    pub options: MigrationOptions,
    /// What is done about moves that do not end.
    pub rescue: Option<Arc<RescuePlan>>,
}

impl Evacuate {
    /// These hosts to all others, as is usual.
    pub fn of(hosts: Selection) -> Self {
        Self { hosts, to: None, options: MigrationOptions::default(), rescue: None }
    }
}

/// Which VMs move where.
#[derive(Debug, Clone, PartialEq)]
pub enum Moves {
    /// VMs to any of the selected hosts, by free memory; VMs that are there already stay.
    To {
        /// Which.
        which: Which,
        /// The hosts.
        hosts: Selection,
    },
    /// VMs by a pattern over the hosts that hold one of them, in world order.
    Pattern {
        /// Which.
        which: Which,
        /// The pattern.
        pattern: Pattern,
    },
    /// These VMs to these hosts, by name, in this order.
    Explicit(Vec<(Arc<str>, Arc<str>)>),
}

/// Movements between hosts as vm5k's experiments used them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Hosts in pairs: all VMs of the first to the second.
    TwoNodes,
    /// Hosts in pairs: each one's VMs to the other.
    Crossed,
    /// Each host's VMs to the next host, the last one's to the first.
    Circular,
    /// The first host's VMs to the others in turn, then all of them back.
    SplitMerge,
}

/// Which VMs are meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    /// Those that a selection selects when the operation is planned.
    Selected(Selection),
    /// These.
    Ids(Arc<[VmId]>),
}

/// What to do with VMs where they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum VmChange {
    /// Stop and remove them.
    Destroy,
    /// Ask their guests to end, and remove them when they have.
    Shutdown,
    /// Stop their vCPUs.
    Pause,
    /// Let their vCPUs go on.
    Resume,
    /// Restart their guests.
    Reboot,
    /// Set their load.
    Stress(Load),
    /// Return them to the load of the world.
    StopStress,
    /// Take them under Hemera's care, though others made them.
    Adopt,
    /// Remove the domains of their names on other hosts, where those do not run.
    RemoveCopy,
}

impl OperationSpec {
    /// What is done about its moves that do not end.
    pub const fn rescue(&self) -> Option<&Arc<RescuePlan>> {
        match self {
            Self::Migrate(migrate) => migrate.rescue.as_ref(),
            Self::Evacuate(evacuate) => evacuate.rescue.as_ref(),
            _ => None,
        }
    }

    /// What kind of operation it is.
    pub fn kind(&self) -> OpKind {
        match self {
            Self::Boot(_) => OpKind::Boot,
            Self::Migrate(_) => OpKind::Migrate,
            Self::Evacuate(_) => OpKind::Evacuate,
            Self::Change { change, .. } => match change {
                VmChange::Destroy => OpKind::Destroy,
                VmChange::Shutdown => OpKind::Shutdown,
                VmChange::Pause => OpKind::Pause,
                VmChange::Resume => OpKind::Resume,
                VmChange::Reboot => OpKind::Reboot,
                VmChange::Stress(_) => OpKind::Stress,
                VmChange::StopStress => OpKind::StopStress,
                VmChange::Adopt => OpKind::Adopt,
                VmChange::RemoveCopy => OpKind::RemoveCopy,
            },
            Self::Run { .. } => OpKind::Run,
            Self::Copy { copy, .. } => match copy.way {
                Way::In { .. } => OpKind::CopyIn,
                Way::Out { .. } => OpKind::CopyOut,
            },
            Self::Spread { .. } => OpKind::Spread,
            Self::Power { .. } => OpKind::Power,
        }
    }
}

/// How many tasks at once; 0: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Boots on one host.
    pub boot_per_host: u32,
    /// Boots in all.
    pub boot_total: u32,
    /// Migrations away from one host.
    pub migrate_per_source: u32,
    /// Migrations to one host.
    pub migrate_per_target: u32,
    /// Migrations between the same two sites, both ways together.
    pub migrate_per_link: u32,
    /// Migrations in all.
    pub migrate_total: u32,
    /// Commands in guests and on hosts, and copies of files, in all.
    pub run_total: u32,
}

impl Limits {
    /// Names and values, in the order of the workflow file's documentation.
    pub fn named(&self) -> BTreeMap<&'static str, u32> {
        BTreeMap::from([
            ("boot_per_host", self.boot_per_host),
            ("boot_total", self.boot_total),
            ("migrate_per_source", self.migrate_per_source),
            ("migrate_per_target", self.migrate_per_target),
            ("migrate_per_link", self.migrate_per_link),
            ("migrate_total", self.migrate_total),
            ("run_total", self.run_total),
        ])
    }
}

/// A command was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The operation that it started, if it did.
    pub op: Option<OpId>,
    /// What happens now, in a few words for the operator.
    pub message: Arc<str>,
}

/// A command was not taken, and why; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub Arc<str>);
