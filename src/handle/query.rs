//! What can be asked.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{Bytes, Finding, HostId, OpId, Time, VmId, VmRow};

use super::command::OperationSpec;
use super::operation::{OpKind, TaskView};

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
    /// Its finding in a sentence with what helps; empty for none.
    pub finding: (Finding, Arc<str>),
    /// The task that works on it, or waits to.
    pub task: Option<TaskView>,
    /// What happened to it, oldest first, as far as it is still remembered.
    pub timeline: Vec<(Time, Arc<str>)>,
}
