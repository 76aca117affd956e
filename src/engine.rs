//! What has to happen: operations, their tasks, the queue, limits, retries and workflow steps.
//!
//! The engine is sans-IO: a plain state machine without clock, socket, thread or randomness of its own. Whoever drives
//! it says what time it is and hands in commands and observations; it hands out requests for the platform and records
//! of what happened. The same engine drives real hosts and, seeded, thousands of simulated fault schedules.

mod record;

use std::sync::Arc;
use std::time::Duration;

pub use record::{Counts, Record, TaskRecord, What};

use crate::fleet::{Fleet, Time, Topology, VmClass};
use crate::handle::{About, Answer, Command, Limits, Query, Reply, Snapshot};
use crate::platform::{Batch, Request};

/// How an engine is set up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Seed of random placement.
    pub seed: u64,
    /// Limits to begin with.
    pub limits: Limits,
    /// When a task without progress is given up.
    pub patience: Patience,
}

/// How long a running task may go on without any progress, by what it does; it is then cancelled and fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Boots.
    pub boot: Duration,
    /// Migrations. Progress is bytes sent in the first pass, then rounds that become smaller.
    pub migrate: Duration,
    /// Everything else.
    pub change: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { boot: Duration::from_secs(120), migrate: Duration::from_secs(300), change: Duration::from_secs(60) }
    }
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// The platform shall do this.
    Request(Request),
    /// This is to be written down.
    Record(Record),
}

/// The one writer of what is.
#[derive(Debug)]
pub struct Engine {
    fleet: Fleet,
}

impl Engine {
    /// An engine for a world whose hosts have not answered yet.
    pub fn new(topology: Arc<Topology>, _config: Config) -> Self {
        Self { fleet: Fleet::new(topology) }
    }

    /// Enters VMs that run already when the run begins, round-robin over the hosts with room, as `hemera --vms N`
    /// shows them. Returns how many found room.
    pub fn preload(&mut self, _now: Time, _class: &Arc<VmClass>, _count: u32, _pattern: &str) -> u32 {
        0
    }

    /// Takes a command, or refuses it with a reason and changes nothing.
    pub fn command(&mut self, _now: Time, _command: Command) -> Reply {
        Err(crate::handle::Refused("not there yet".into()))
    }

    /// Takes what a platform saw.
    pub fn observe(&mut self, _now: Time, _batch: Batch) {}

    /// Lets the engine act on the time; to be called at [`next_deadline`](Self::next_deadline) or later.
    pub fn tick(&mut self, _now: Time) {}

    /// When the engine wants to be called next though nothing happens.
    pub fn next_deadline(&self) -> Option<Time> {
        None
    }

    /// The next thing the engine wants done, in order; none when there is nothing more for now.
    pub fn poll(&mut self) -> Option<Output> {
        None
    }

    /// Answers a question about now.
    pub fn query(&self, _now: Time, _query: &Query) -> Answer {
        Answer::None("not there yet".into())
    }

    /// What there is.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Whether any operation or step has not ended.
    pub fn busy(&self) -> bool {
        false
    }

    /// Grows with everything that a snapshot would show differently.
    pub fn version(&self) -> u64 {
        0
    }

    /// What is now, for consoles.
    pub fn snapshot(&self, _now: Time, about: &Arc<About>) -> Snapshot {
        Snapshot { fleet: self.fleet.clone(), about: about.clone(), ..Snapshot::default() }
    }
}
