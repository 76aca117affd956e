//! What can be asked.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{Bytes, Diagnosis, Host, HostId, HostRow, Inquiry, OpId, TaskId, Time, Told, VmId, VmRow};

use super::command::OperationSpec;
use super::operation::{OpKind, TaskView};
use super::samples::{HostHistory, VmHistory};
use super::{Event, Level};

/// A question with one answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// What an operation would do.
    Preview(OperationSpec),
    /// A page of an operation's tasks.
    Tasks {
        /// The operation.
        op: OpId,
        /// Which of them.
        show: TaskFilter,
        /// How many to skip.
        offset: usize,
        /// How many at most.
        limit: usize,
    },
    /// All about a VM.
    Vm(VmId),
    /// What only the platform knows of a VM; the answer takes as long as its host does.
    Inspect(VmId, Inquiry),
    /// All about a host.
    Host(HostId),
    /// What a task's command wrote.
    Output(TaskId),
    /// A page of what happened, newest first, as far as it is still remembered: the last 10 000 events.
    Events {
        /// Which of them.
        filter: EventFilter,
        /// Only events with lower numbers than this, so that new ones do not move the page; none: all.
        before: Option<u64>,
        /// How many of the newest to skip.
        offset: usize,
        /// How many at most.
        limit: usize,
    },
}

/// Which events: those that match all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// At least this level.
    pub level: Option<Level>,
    /// Of this VM.
    pub vm: Option<VmId>,
    /// On this host.
    pub host: Option<HostId>,
    /// Of this operation.
    pub op: Option<OpId>,
    /// Of operations of this kind.
    pub kind: Option<OpKind>,
    /// With this in their text, in capital letters or small ones; empty: any.
    pub text: Arc<str>,
}

/// Which tasks of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaskFilter {
    /// All, running ones first, then waiting, failed, cancelled and done ones.
    #[default]
    All,
    /// Running ones.
    Running,
    /// Waiting ones.
    Waiting,
    /// Failed ones.
    Failed,
    /// Cancelled ones.
    Cancelled,
    /// Done ones.
    Done,
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To [`Query::Preview`].
    Preview(Box<Preview>),
    /// To [`Query::Tasks`].
    Tasks(TaskPage),
    /// To [`Query::Vm`].
    Vm(Box<VmView>),
    /// To [`Query::Inspect`].
    Told(VmId, Told),
    /// To [`Query::Host`].
    Host(Box<HostView>),
    /// To [`Query::Output`].
    Output(Box<OutputView>),
    /// To [`Query::Events`].
    Events(EventPage),
    /// It has no answer, for this reason.
    None(Arc<str>),
}

/// What an operation would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// What kind.
    pub kind: OpKind,
    /// What it is, as in `migrate 240 VMs to 31 hosts`.
    pub title: Arc<str>,
    /// Tasks that it would start.
    pub tasks: u32,
    /// How many VMs leave which host, most first; empty for boots.
    pub sources: Vec<(HostId, u32)>,
    /// How many VMs come to which host, most first; empty where VMs stay where they are.
    pub targets: Vec<(HostId, u32)>,
    /// VMs that run on the hosts that it works on and end with it.
    pub ending: u32,
    /// VMs that it leaves alone because they are as asked already.
    pub unchanged: u32,
    /// What it refuses and why, most first.
    pub refused: Vec<RefusedGroup>,
    /// VMs whose move is not refused and would, as they run now, not converge; the reason is the last one's.
    pub doubtful: Option<RefusedGroup>,
    /// Memory to send at least, or to allot to new VMs.
    pub bytes: Bytes,
    /// How long it takes at the limits that hold now, without other operations; none where nothing is known to tell
    /// from.
    pub duration: Option<Duration>,
    /// The longest pause of a guest that is to be expected; none where no guest pauses or nothing is known.
    pub downtime: Option<Duration>,
    /// The least free memory that any target has afterwards, with its host.
    pub tightest: Option<(HostId, Bytes)>,
    /// First VMs by name, five at most: those that move, are destroyed, are made.
    pub examples: Vec<Arc<str>>,
}

/// VMs that an operation refuses for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedGroup {
    /// Why.
    pub reason: Arc<str>,
    /// How many.
    pub count: u32,
    /// The first of them by name, three at most.
    pub examples: Vec<Arc<str>>,
}

/// A task whose command wrote something.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputView {
    /// The task.
    pub task: TaskView,
    /// What it wrote.
    pub output: TaskOutput,
}

/// What a command wrote, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskOutput {
    /// Its standard output.
    pub out: Text,
    /// Its standard error.
    pub err: Text,
    /// The code it ended with; none while it runs, or where it ended in another way.
    pub code: Option<i32>,
}

/// The end of a text: the last 256 KiB. What is no UTF-8 in it is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// What is kept.
    pub text: String,
    /// How many bytes came before.
    pub cut: u64,
}

/// A page of tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskPage {
    /// How many there are in all with that filter.
    pub total: usize,
    /// Those of the page.
    pub tasks: Vec<TaskView>,
}

/// All about a VM.
#[derive(Debug, Clone, PartialEq)]
pub struct VmView {
    /// Which.
    pub vm: VmId,
    /// Its name.
    pub name: Arc<str>,
    /// Its figures.
    pub row: VmRow,
    /// Why it is in its state.
    pub reason: Option<Arc<str>>,
    /// What is wrong with it: a sentence, evidence and remedies.
    pub found: Option<Arc<Diagnosis>>,
    /// The task that works on it, or waits to.
    pub task: Option<TaskView>,
    /// What happened to it, oldest first, as far as it is still remembered.
    pub timeline: Vec<(Time, Arc<str>)>,
    /// Its figures over time.
    pub history: VmHistory,
    /// What was done to it or is to be done: its tasks, newest first, fifty at most.
    pub results: Vec<TaskView>,
}

/// All about a host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostView {
    /// Which.
    pub host: HostId,
    /// Its name, place and sizes.
    pub about: Host,
    /// Its figures.
    pub row: HostRow,
    /// Why it is in its state.
    pub reason: Option<Arc<str>>,
    /// VMs on it, by id, a thousand at most; its row says how many there are.
    pub vms: Vec<VmId>,
    /// Tasks that run on it, to it or away from it, then those that wait to, fifty at most.
    pub tasks: Vec<TaskView>,
    /// How many such tasks there are: running, waiting.
    pub open: (u32, u32),
    /// What happened on it, oldest first, as far as it is still remembered, a hundred at most.
    pub timeline: Vec<(Time, Arc<str>)>,
    /// Its figures over time.
    pub history: HostHistory,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// How many there are in all with that filter.
    pub total: usize,
    /// Those of the page, newest first.
    pub events: Vec<Event>,
}
