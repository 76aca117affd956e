//! What is done in guests step by step: each of many on a host takes its turn with a few threads, none of which waits for
//! a guest to finish anything.

use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::host::Host;
use super::ledger::Ticket;
use super::queue::lock;
use crate::fleet::TaskId;
use crate::platform::End;

/// How many threads look after a host's errands: a silent agent that holds up one of them leaves the others.
const THREADS: usize = 4;
/// How long a thread waits for something to do before it looks whether all is over.
const IDLE: Duration = Duration::from_secs(1);

/// What comes after a step.
pub(super) enum Next {
    /// Another step, after this time at the latest.
    After(Duration),
    /// The end.
    Ended(End),
}

/// Something done in a guest in steps, none of which takes long.
pub(super) trait Errand: Send + Debug {
    /// Does the next step. `cancelled`: it is to end early.
    fn step(&mut self, host: &Arc<Host>, cancelled: bool) -> Next;
}

#[derive(Debug)]
struct Item {
    due: Instant,
    ticket: Ticket,
    errand: Box<dyn Errand>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Item>,
    threads: usize,
}

/// The errands of a host.
#[derive(Debug, Default)]
pub(super) struct Errands {
    state: Mutex<State>,
    news: Condvar,
}

impl Errands {
    /// Lets a task that was asked to end early do its next step now.
    pub(super) fn hurry(&self, task: TaskId) {
        if let Some(item) = lock(&self.state).waiting.iter_mut().find(|item| item.ticket.task == task) {
            item.due = Instant::now();
        }
        self.news.notify_one();
    }

    fn put(&self, item: Item) {
        lock(&self.state).waiting.push(item);
        self.news.notify_one();
    }

    /// The next errand whose time has come; none where nothing is left to do, or the platform is gone.
    fn next(&self, host: &Host) -> Option<Item> {
        let mut state = lock(&self.state);
        loop {
            let first = (0..state.waiting.len()).min_by_key(|&i| state.waiting[i].due);
            let Some(first) = first.filter(|_| !host.queue.closed()) else {
                state.threads -= 1;
                return None;
            };
            let wait = state.waiting[first].due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Some(state.waiting.swap_remove(first));
            }
            state = self.news.wait_timeout(state, wait.min(IDLE)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Host {
    /// Begins an errand in a guest.
    pub(super) fn begin(self: &Arc<Self>, ticket: Ticket, errand: Box<dyn Errand>) {
        self.errands.put(Item { due: Instant::now(), ticket, errand });
        let mut state = lock(&self.errands.state);
        if state.threads == THREADS {
            return;
        }
        state.threads += 1;
        drop(state);
        let host = self.clone();
        let spawned = thread::Builder::new().name(format!("guests {}", self.name)).spawn(move || {
            while let Some(Item { ticket, mut errand, .. }) = host.errands.next(&host) {
                let cancelled = ticket.signals.cancelled();
                match errand.step(&host, cancelled) {
                    Next::After(pause) => {
                        // Cancelled during the step: `hurry` did not find it.
                        let pause = if cancelled == ticket.signals.cancelled() { pause } else { Duration::ZERO };
                        host.errands.put(Item { due: Instant::now() + pause, ticket, errand });
                    }
                    Next::Ended(end) => ticket.end(end, |_| true, None),
                }
            }
        });
        if let Err(error) = spawned {
            let mut state = lock(&self.errands.state);
            state.threads -= 1;
            if state.threads == 0 {
                // Nobody would ever take them up; their tickets fail when dropped.
                let waiting = std::mem::take(&mut state.waiting);
                drop(state);
                tracing::error!(host = &*self.name, %error, dropped = waiting.len(), "no thread for work in guests");
            }
        }
    }
}
