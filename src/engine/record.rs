//! What the engine writes down: the source of events, results and the journal.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::fleet::{Finding, HostState, MigrationFigures, OpId, TaskId, Time, VmState};
use crate::handle::{OpKind, TaskEnd, TaskOutput};

/// Something that happened, when. Holds names rather than ids, and nothing that differs from run to run of one seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When, on the platform's clock.
    pub at: Time,
    /// What.
    pub what: What,
}

/// How the tasks of a step or operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Tasks in all.
    pub tasks: u32,
    /// Of these done.
    pub done: u32,
    /// Of these failed.
    pub failed: u32,
    /// Of these cancelled.
    pub cancelled: u32,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// A step of a workflow began.
    StepStarted {
        /// Its place in the file, from 0.
        index: u32,
        /// `wait` or the operation's kind.
        kind: &'static str,
    },
    /// A step of a workflow could not be planned; it ends at once and counts as one failed task.
    StepRefused {
        /// Its place in the file, from 0.
        index: u32,
        /// The operation's kind.
        kind: &'static str,
        /// Why.
        reason: Arc<str>,
    },
    /// A step of a workflow ended.
    StepEnded {
        /// Its place in the file, from 0.
        index: u32,
        /// `wait` or the operation's kind.
        kind: &'static str,
        /// How its tasks ended; all zero for a wait.
        #[serde(flatten)]
        counts: Counts,
    },
    /// The last step ended, or no further one will begin.
    StepsEnded,
    /// An operation was planned and began.
    OperationStarted {
        /// Its number.
        op: OpId,
        /// Its kind.
        kind: OpKind,
        /// What was asked for.
        title: Arc<str>,
        /// Its tasks.
        tasks: u32,
    },
    /// An operation's last task ended.
    OperationEnded {
        /// Its number.
        op: OpId,
        /// Its kind.
        kind: OpKind,
        /// How its tasks ended.
        #[serde(flatten)]
        counts: Counts,
    },
    /// The platform was asked to do a task.
    TaskStarted {
        /// Its number.
        task: TaskId,
        /// Its operation.
        op: OpId,
        /// Its kind.
        kind: OpKind,
        /// The VM's name.
        vm: Arc<str>,
        /// Where the VM is; empty for a boot.
        source: Arc<str>,
        /// Where it goes; empty where it stays.
        target: Arc<str>,
    },
    /// A task ended.
    TaskEnded(TaskRecord),
    /// A step of a move's rescue plan was taken.
    RescueStep {
        /// The move's number.
        task: TaskId,
        /// The VM's name.
        vm: Arc<str>,
        /// The plan's name.
        plan: Arc<str>,
        /// Which step, from 1.
        step: u32,
        /// Of how many.
        of: u32,
        /// What it does.
        action: Arc<str>,
        /// Why now, with the move's figures.
        reason: Arc<str>,
    },
    /// The platform could not change a running move.
    NotAdjusted {
        /// The move's number.
        task: TaskId,
        /// The VM's name.
        vm: Arc<str>,
        /// What was asked for.
        adjust: Arc<str>,
        /// Why not.
        reason: Arc<str>,
    },
    /// A VM entered a state.
    VmState {
        /// Its name.
        vm: Arc<str>,
        /// The state.
        state: VmState,
        /// Its host's short name; empty for none.
        host: Arc<str>,
        /// Why; empty where the state says all.
        reason: Arc<str>,
    },
    /// A host entered a state.
    HostState {
        /// Its short name.
        host: Arc<str>,
        /// The state.
        state: HostState,
        /// Why; empty where the state says all.
        reason: Arc<str>,
    },
    /// Something was found out about a VM, or no longer holds (`none`).
    Finding {
        /// Its name.
        vm: Arc<str>,
        /// What.
        finding: Finding,
        /// In a sentence.
        text: Arc<str>,
    },
}

/// A task's whole life: a row of `tasks.csv`, and of `migrations.csv` where it moved a VM.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskRecord {
    /// Its number.
    pub task: TaskId,
    /// Its operation.
    pub op: OpId,
    /// The step of the workflow it belongs to, from 0; none for what an operator asked for.
    pub step: Option<u32>,
    /// Its kind.
    pub kind: OpKind,
    /// The VM's name.
    pub vm: Arc<str>,
    /// The short name of the host the VM was on; empty for a boot.
    pub source: Arc<str>,
    /// The short name of the host that a boot or move was for; empty where the VM stayed.
    pub target: Arc<str>,
    /// When it was asked for.
    pub queued: Time,
    /// When the platform was asked; none where it never was.
    pub started: Option<Time>,
    /// When it ended.
    pub ended: Time,
    /// How: `done`, `failed` or `cancelled`.
    #[serde(serialize_with = "end_word")]
    pub outcome: TaskEnd,
    /// Why it failed; empty otherwise.
    pub reason: Arc<str>,
    /// What a migration took.
    #[serde(skip)]
    pub figures: Option<MigrationFigures>,
    /// What a command wrote and how it ended; none for other tasks and for what never ran.
    #[serde(skip)]
    pub output: Option<Arc<TaskOutput>>,
    /// Total time and downtime that were predicted for a migration when it started.
    #[serde(skip)]
    pub predicted: Option<(Duration, Duration)>,
}

fn end_word<S: serde::Serializer>(end: &TaskEnd, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(end.word())
}
