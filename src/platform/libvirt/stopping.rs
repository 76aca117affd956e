//! Shutdowns that were asked for and whose guests have not ended yet. They wait here, and no worker waits with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::ledger::Ticket;
use super::queue::lock;
use crate::fleet::{TaskId, VmState};
use crate::platform::VmSeen;

/// After so long a guest that still runs is asked again: one that was starting may not have listened.
const AGAIN: Duration = Duration::from_secs(10);

/// A shutdown whose guest may still run.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    ours: bool,
    since: Instant,
}

/// A VM that is gone as it was asked to, or whose guest is to be asked again.
#[derive(Debug)]
pub(super) struct Stopped {
    /// Its name.
    pub(super) name: Arc<str>,
    /// The task that asked.
    pub(super) ticket: Ticket,
    /// Whether what it leaves on its host is ours.
    pub(super) ours: bool,
}

/// The shutdowns that wait on a host, by the VM's name.
#[derive(Debug, Default)]
pub(super) struct Stopping(Mutex<HashMap<Arc<str>, Waiting>>);

impl Stopping {
    /// Lets a shutdown wait. `ours`: the VM bears Hemera's mark.
    pub(super) fn wait(&self, name: &Arc<str>, ticket: Ticket, ours: bool) {
        lock(&self.0).insert(name.clone(), Waiting { ticket, ours, since: Instant::now() });
    }

    /// Takes out the shutdown of that task, not to be waited for any more.
    pub(super) fn take(&self, task: TaskId) -> Option<Ticket> {
        let mut waiting = lock(&self.0);
        let name = waiting.iter().find(|(_, stop)| stop.ticket.task == task)?.0.clone();
        waiting.remove(&name).map(|stop| stop.ticket)
    }

    /// Whether the shutdown of that VM waits.
    pub(super) fn has(&self, name: &str) -> bool {
        lock(&self.0).contains_key(name)
    }

    /// Takes out those whose VMs are gone, or off where somebody keeps their definition, by what a round that began at
    /// `began` saw.
    pub(super) fn settle(&self, began: Instant, listed: &HashMap<Arc<str>, VmSeen>) -> Vec<Stopped> {
        let ended = |seen: &VmSeen| matches!(seen.state, VmState::Off | VmState::Failed);
        self.take_if(|name, stop| stop.since < began && listed.get(name).is_none_or(ended))
    }

    /// Takes out those whose guests are to be asked again.
    pub(super) fn overdue(&self) -> Vec<Stopped> {
        self.take_if(|_, stop| stop.since.elapsed() >= AGAIN)
    }

    fn take_if(&self, such: impl Fn(&str, &Waiting) -> bool) -> Vec<Stopped> {
        let mut waiting = lock(&self.0);
        let taken = waiting.extract_if(|name, stop| such(name, stop));
        taken.map(|(name, Waiting { ticket, ours, .. })| Stopped { name, ticket, ours }).collect()
    }
}
