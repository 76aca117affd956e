//! What whoever looks at or steers a running Hemera holds: [`Snapshot`]s (what is now), [`Command`]s (acknowledged or
//! refused), [`Query`]s (one answer each). The console, `hemera run` and tests use the same.

mod client;
mod command;
mod operation;
mod query;
mod samples;
mod stream;

use std::sync::Arc;

pub use client::{Handle, Reply, Service, pair};
pub use command::{
    Accepted, Boot, Command, Evacuate, Limits, Migrate, Moves, OperationSpec, Pattern, Placement, Refused, RunOn, Step,
    VmChange, Which,
};
pub use operation::{
    Durations, OpKind, OpState, OperationView, RescueView, TaskEnd, TaskState, TaskSubject, TaskView, WaitKind,
    WaitReason,
};
pub use query::{
    Answer, EventFilter, EventPage, HostView, OutputView, Preview, Query, RefusedGroup, TaskFilter, TaskOutput,
    TaskPage, Text, VmView,
};
pub use samples::{FleetHistory, History, HostHistory, Samples, VmHistory};
pub use stream::{Line, LineEnd, STREAM_ROOM, Stream};

use crate::fleet::{Fleet, HostId, OpId, PowerAction, Time, VmClass, VmId};

/// What is now.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Sites, hosts, VMs.
    pub fleet: Fleet,
    /// Operations, oldest first; of ended ones only the last hundred.
    pub operations: Arc<Vec<OperationView>>,
    /// Limits that hold.
    pub limits: Limits,
    /// What happened last, oldest first, a few hundred at most; [`Query::Events`] has more.
    pub events: Arc<Vec<Event>>,
    /// The whole fleet's figures over time; empty where none are recorded.
    pub history: Arc<FleetHistory>,
    /// VMs that are there already and still have to be entered; meanwhile the fleet has none of them.
    pub loading: u32,
    /// What this is a snapshot of.
    pub about: Arc<About>,
}

/// What is being looked at: the same for a whole run.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The world's name.
    pub world: Arc<str>,
    /// `sim` or `libvirt`.
    pub platform: Arc<str>,
    /// How many times as many hosts as the world file lists were made so that the VMs fit; 1: as listed.
    pub multiplied: u32,
    /// How much faster than real time the simulator's clock runs; 1 on real hosts.
    pub speed: f64,
    /// VM classes to boot from.
    pub classes: Vec<Arc<VmClass>>,
    /// What can be done to the power of its hosts.
    pub power: Vec<PowerAction>,
}

impl About {
    /// Whether hosts and VMs are simulated.
    pub fn is_simulated(&self) -> bool {
        &*self.platform == "sim"
    }
}

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It went as asked.
    Info,
    /// It may need somebody.
    Warning,
    /// Something failed.
    Error,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number: the first event of a run has 1, each later one the next.
    pub number: u64,
    /// When.
    pub at: Time,
    /// How much it matters.
    pub level: Level,
    /// The VM it happened to.
    pub vm: Option<VmId>,
    /// The host it happened on: where a task was to bring its VM, or where the VM is.
    pub host: Option<HostId>,
    /// The operation it belongs to.
    pub op: Option<OpId>,
    /// What that operation does.
    pub kind: Option<OpKind>,
    /// What happened, in a sentence without the time.
    pub text: Arc<str>,
}
