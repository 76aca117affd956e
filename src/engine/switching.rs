//! Hosts that are switched off or started again: what is asked of them waits until they are seen to go.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fleet::{HostId, HostState, PowerAction, TaskId, Time};
use crate::handle::{OpKind, TaskEnd, TaskState};
use crate::platform::HostWork;

use super::Engine;
use super::queue::{Key, Line};
use super::task::Work;

/// After so long a host that should have gone is taken to be there still, or there again.
const GOES: Duration = Duration::from_secs(60);

/// Hosts that were switched off or started again and have not been seen to go, and until when that is waited for.
pub(super) type Going = BTreeMap<HostId, Time>;

impl Engine {
    /// Whether what runs on this host is about to end. What began before goes on: it may be over before.
    pub(super) fn is_being_switched(&self, host: HostId) -> bool {
        let front = self.lines.get(&Line::Host(host, OpKind::Power)).map(|&(front, _)| front);
        let works = |task| matches!(self.task(task).state, TaskState::Running | TaskState::Cancelling);
        self.going.contains_key(&host) || front.is_some_and(|task| works(task) && self.ends_its_host(task))
    }

    /// Whether a task switches its host off or starts it again.
    fn ends_its_host(&self, task: TaskId) -> bool {
        let work = &self.op(self.task(task).op).work;
        matches!(work, Work::Host(HostWork::Power(PowerAction::Off | PowerAction::Reboot)))
    }

    /// Takes in the end of a task on a host. Who switches a host may have ended before the host goes, and may have done it
    /// though it was told to stop.
    pub(super) fn switched(&mut self, task: TaskId, host: HostId, end: &TaskEnd) {
        if !self.ends_its_host(task) {
            return;
        }
        let row = self.fleet.hosts.row(host);
        let answers = matches!(row.state, HostState::Ready | HostState::Draining);
        let began = self.task(task).started.filter(|_| !matches!(end, TaskEnd::Failed(_)));
        if began.is_some_and(|began| answers && u64::from(row.since) < began.as_secs()) {
            self.going.insert(host, self.fleet.now + GOES);
        }
        self.queue.free(Key::Power(host));
    }

    /// When hosts are no longer waited for to go.
    pub(super) fn going_deadline(&self) -> Option<Time> {
        self.going.values().min().copied()
    }

    /// Lets those hosts be asked again that did not go in time. Whether there were any.
    pub(super) fn stop_waiting_for_hosts(&mut self) -> bool {
        let now = self.fleet.now;
        let stayed: Vec<HostId> =
            self.going.iter().filter(|(_, until)| **until <= now).map(|(&host, _)| host).collect();
        for &host in &stayed {
            self.going.remove(&host);
            self.queue.free(Key::Power(host));
        }
        !stayed.is_empty()
    }
}
