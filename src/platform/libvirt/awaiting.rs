//! Boots that are done when their guest answers. Their VMs run already; they wait here, and no worker waits with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::host::Leftover;
use super::ledger::Ticket;
use super::queue::lock;
use crate::fleet::{TaskId, VmState};
use crate::platform::{End, VmSeen};

/// A boot whose VM runs and whose guest does not answer yet.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    leftover: Leftover,
    since: Instant,
}

/// The boots that wait on a host, by the VM's name.
#[derive(Debug, Default)]
pub(super) struct Awaiting(Mutex<HashMap<Arc<str>, Waiting>>);

impl Awaiting {
    /// Lets a boot wait. `leftover` is what has to go where it is given up.
    pub(super) fn wait(&self, name: &Arc<str>, ticket: Ticket, leftover: Leftover) {
        lock(&self.0).insert(name.clone(), Waiting { ticket, leftover, since: Instant::now() });
    }

    /// Takes out the boot of that task, to be given up.
    pub(super) fn take(&self, task: TaskId) -> Option<(Ticket, Leftover)> {
        let mut waiting = lock(&self.0);
        let name = waiting.iter().find(|(_, boot)| boot.ticket.task == task)?.0.clone();
        waiting.remove(&name).map(|boot| (boot.ticket, boot.leftover))
    }

    /// Whether the boot of that VM waits.
    pub(super) fn has(&self, name: &str) -> bool {
        lock(&self.0).contains_key(name)
    }

    /// Ends those whose guests answer, and those whose VMs are gone, by what a round that began at `began` saw. Gives what
    /// the latter leave.
    pub(super) fn settle(&self, began: Instant, listed: &HashMap<Arc<str>, VmSeen>) -> Vec<Leftover> {
        let mut left = Vec::new();
        let mut waiting = lock(&self.0);
        // An earlier round may have seen another VM of that name.
        let over = waiting.extract_if(|name, boot| {
            let ended = |seen: &VmSeen| matches!(seen.state, VmState::Reachable | VmState::Failed | VmState::Off);
            boot.since < began && listed.get(name).is_none_or(ended)
        });
        let over: Vec<(Arc<str>, Waiting)> = over.collect();
        drop(waiting);
        for (name, Waiting { ticket, leftover, .. }) in over {
            let seen = listed.get(&name);
            if seen.is_some_and(|seen| seen.state == VmState::Reachable) {
                ticket.end(End::Done, |_| true, None);
                continue;
            }
            let why = seen.and_then(|seen| seen.reason.as_deref()).unwrap_or("it is no longer there");
            let why = format!("{name} ended before its guest answered: {why}");
            ticket.end(End::Failed(why.into()), |_| false, None);
            left.push(leftover);
        }
        left
    }
}
