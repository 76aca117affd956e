//! Which tasks run and which VMs they have in hand, so that each task ends exactly once and that observation does not
//! contradict it.
//!
//! A round of observation looks at a host for a while; a task may end meanwhile. What the round saw of that task's VM is
//! then out of date: it would show a VM on the source of a move that has just been reported as done. So rounds speak
//! only of VMs that no task has had in hand since the round began, and speak while no task can end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::queue::{Queue, lock};
use crate::fleet::{HostId, MigrationFigures, TaskId};
use crate::platform::{End, Observation, Progress};

/// What a running task and whoever asks about it share.
#[derive(Debug, Default)]
pub(super) struct Signals {
    cancelled: AtomicBool,
    stage: AtomicU32,
}

impl Signals {
    /// Asks the task to end early.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the task was asked to end early.
    pub(super) fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// One more step of the task's work is done.
    pub(super) fn advance(&self) {
        self.stage.fetch_add(1, Ordering::Relaxed);
    }

    /// How many steps of the task's work are done.
    pub(super) fn stage(&self) -> u32 {
        self.stage.load(Ordering::Relaxed)
    }
}

/// What is known of a VM on a host that tasks of ours have or had in hand.
#[derive(Debug, Default)]
struct InHand {
    tasks: u32,
    ended: Option<Instant>,
    present: bool,
}

/// A VM as a round of observation may speak of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// No task had it in hand lately.
    Quiet,
    /// A task that ended before the round began left it on the host (true) or took it away (false).
    Settled(bool),
    /// A task has it in hand, or had when the round began: what the round saw may be out of date.
    InHand,
}

#[derive(Debug, Default)]
struct State {
    tasks: HashMap<TaskId, Arc<Signals>>,
    names: HashMap<HostId, HashMap<Arc<str>, InHand>>,
}

/// The book of running tasks.
#[derive(Debug)]
pub(super) struct Ledger {
    queue: Arc<Queue>,
    state: Mutex<State>,
}

impl Ledger {
    /// An empty one whose ends go to `queue`.
    pub(super) fn new(queue: Arc<Queue>) -> Arc<Self> {
        Arc::new(Self { queue, state: Mutex::default() })
    }

    /// Enters a task that has the VM of this name in hand on these hosts.
    pub(super) fn open(self: &Arc<Self>, task: TaskId, name: &Arc<str>, hosts: &[HostId]) -> Ticket {
        let signals = Arc::<Signals>::default();
        let mut state = lock(&self.state);
        state.tasks.insert(task, signals.clone());
        for host in hosts {
            state.names.entry(*host).or_default().entry(name.clone()).or_default().tasks += 1;
        }
        drop(state);
        Ticket { ledger: self.clone(), task, signals, name: name.clone(), hosts: hosts.to_vec(), open: true }
    }

    /// Enters a task on a host itself, which has no VM in hand.
    pub(super) fn open_on_host(self: &Arc<Self>, task: TaskId) -> Ticket {
        self.open(task, &"".into(), &[])
    }

    /// A running task's signals.
    pub(super) fn signals(&self, task: TaskId) -> Option<Arc<Signals>> {
        lock(&self.state).tasks.get(&task).cloned()
    }

    /// Lets `speak` say what a round that began at `began` saw on `host`, while no task can end. It is told the names
    /// that tasks have or had in hand; those of tasks that ended before the round are forgotten afterwards.
    pub(super) fn speak(
        &self,
        host: HostId,
        began: Instant,
        speak: impl FnOnce(&HashMap<Arc<str>, Standing>) -> Vec<Observation>,
    ) {
        let mut state = lock(&self.state);
        let names = state.names.entry(host).or_default();
        let standing = |hand: &InHand| match hand.ended {
            Some(ended) if hand.tasks == 0 && ended < began => Standing::Settled(hand.present),
            _ => Standing::InHand,
        };
        let standings = names.iter().map(|(name, hand)| (name.clone(), standing(hand))).collect();
        let seen = speak(&standings);
        names.retain(|_, hand| standing(hand) == Standing::InHand);
        self.queue.push(Some(host), seen);
    }
}

/// A running task. Whatever happens to who holds it, it ends exactly once: dropped without an end, it fails.
#[derive(Debug)]
pub(super) struct Ticket {
    ledger: Arc<Ledger>,
    /// Which task.
    pub(super) task: TaskId,
    /// What others want of it and may know of it.
    pub(super) signals: Arc<Signals>,
    name: Arc<str>,
    hosts: Vec<HostId>,
    open: bool,
}

impl Ticket {
    /// Ends the task. `present` says on which of its hosts the VM is now, as far as is known.
    pub(super) fn end(mut self, end: End, present: impl Fn(HostId) -> bool, figures: Option<MigrationFigures>) {
        self.close(end, present, figures);
    }

    /// Ends the task as failed, the VM where it was before.
    pub(super) fn fail(self, reason: &str) {
        let first = self.hosts.first().copied();
        self.end(End::Failed(reason.into()), |host| Some(host) == first, None);
    }

    /// One more step of the task's work is done, and it is told at once.
    pub(super) fn advance(&self) {
        self.signals.advance();
        let progress = Progress::Work(f64::from(self.signals.stage()));
        self.ledger.queue.push(None, vec![Observation::Progress { task: self.task, progress }]);
    }

    fn close(&mut self, end: End, present: impl Fn(HostId) -> bool, figures: Option<MigrationFigures>) {
        self.open = false;
        let mut state = lock(&self.ledger.state);
        state.tasks.remove(&self.task);
        self.ledger.queue.push(None, vec![Observation::Ended { task: self.task, end, figures }]);
        let now = Instant::now();
        for &host in &self.hosts {
            if let Some(hand) = state.names.get_mut(&host).and_then(|names| names.get_mut(&self.name)) {
                hand.tasks -= 1;
                hand.ended = Some(now);
                hand.present = present(host);
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.open {
            self.close(End::Failed("the thread that worked on it broke off".into()), |_| false, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::platform::Batch;

    fn ledger() -> (Arc<Queue>, Arc<Ledger>) {
        let queue = Arc::new(Queue::new(Instant::now(), 16));
        (queue.clone(), Ledger::new(queue))
    }

    fn ends(queue: &Queue) -> Vec<End> {
        let mut batches: Vec<Batch> = Vec::new();
        queue.collect(&mut batches);
        let seen = batches.into_iter().flat_map(|b| b.seen);
        seen.filter_map(|o| if let Observation::Ended { end, .. } = o { Some(end) } else { None }).collect()
    }

    fn standing(ledger: &Ledger, host: HostId, began: Instant) -> Option<Standing> {
        let mut found = None;
        ledger.speak(host, began, |names| {
            found = names.get("vm-1").copied();
            Vec::new()
        });
        found
    }

    #[test]
    fn a_task_ends_once_also_when_its_thread_breaks_off() {
        let (queue, ledger) = ledger();
        let name: Arc<str> = "vm-1".into();
        ledger.open(TaskId(1), &name, &[HostId(0)]).end(End::Done, |_| true, None);
        assert_eq!(ends(&queue), [End::Done]);
        drop(ledger.open(TaskId(2), &name, &[HostId(0)]));
        assert!(matches!(ends(&queue).as_slice(), [End::Failed(why)] if why.contains("broke off")));
        assert!(ledger.signals(TaskId(2)).is_none());
    }

    #[test]
    fn a_round_that_began_before_a_task_ended_may_not_speak_of_its_vm() {
        let (_queue, ledger) = ledger();
        let (source, target) = (HostId(0), HostId(1));
        let before = Instant::now();
        let ticket = ledger.open(TaskId(1), &"vm-1".into(), &[source, target]);
        assert_eq!(standing(&ledger, source, before), Some(Standing::InHand));
        ticket.end(End::Done, |host| host == target, None);
        assert_eq!(standing(&ledger, source, before), Some(Standing::InHand));
        let after = Instant::now() + Duration::from_nanos(1);
        assert_eq!(standing(&ledger, source, after), Some(Standing::Settled(false)));
        assert_eq!(standing(&ledger, source, after), None, "what was settled is forgotten");
        assert_eq!(standing(&ledger, target, after), Some(Standing::Settled(true)));
    }
}
