//! Where all threads leave what they saw, for [`collect`](crate::platform::Platform::collect).

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::fleet::{HostId, TaskId, Time};
use crate::platform::{Batch, Observation, Progress};

/// A lock that a panicking thread cannot poison for the others: each critical section here leaves its data whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    last: Time,
    closed: bool,
}

/// The bounded queue of batches and the clock that stamps them.
///
/// Rounds of observation wait for room, so that a consumer that stalls holds them back; what ends tasks is never held
/// back, and is bounded by the requests.
#[derive(Debug)]
pub(super) struct Queue {
    started: Instant,
    capacity: usize,
    state: Mutex<State>,
    room: Condvar,
    notify: Arc<Notify>,
}

impl Queue {
    /// A queue that holds back rounds from `capacity` batches on; times count from `started`.
    pub(super) fn new(started: Instant, capacity: usize) -> Self {
        Self { started, capacity, state: Mutex::default(), room: Condvar::new(), notify: Arc::new(Notify::new()) }
    }

    /// What is notified whenever a batch was queued.
    pub(super) fn notify(&self) -> Arc<Notify> {
        self.notify.clone()
    }

    /// Queues a batch, stamped with now.
    pub(super) fn push(&self, host: Option<HostId>, seen: Vec<Observation>) {
        if seen.is_empty() {
            return;
        }
        let mut state = lock(&self.state);
        if state.closed {
            return;
        }
        let now = Time(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX));
        state.last = state.last.max(now);
        let at = state.last;
        state.batches.push_back(Batch { at, host, seen });
        drop(state);
        self.notify.notify_one();
    }

    /// Queues a task's progress, in place of an older one of the same task that nobody has collected yet.
    pub(super) fn push_progress(&self, host: HostId, task: TaskId, progress: Progress) {
        let mut state = lock(&self.state);
        let waiting = state.batches.iter_mut().rev().take(64).find_map(|b| match b.seen.as_mut_slice() {
            [Observation::Progress { task: of, progress }] if *of == task => Some(progress),
            _ => None,
        });
        if let Some(waiting) = waiting {
            *waiting = progress;
            return;
        }
        drop(state);
        self.push(Some(host), vec![Observation::Progress { task, progress }]);
    }

    /// Waits until there is room for a round's batches. False when the platform is gone.
    pub(super) fn wait_for_room(&self) -> bool {
        let mut state = lock(&self.state);
        while state.batches.len() >= self.capacity && !state.closed {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.closed
    }

    /// Whether rounds wait for room, so that no host can be heard.
    pub(super) fn is_full(&self) -> bool {
        lock(&self.state).batches.len() >= self.capacity
    }

    /// Whether what can be told later had better be: a quarter of the room is in use. Rounds need the rest.
    pub(super) fn is_crowded(&self) -> bool {
        lock(&self.state).batches.len() >= self.capacity / 4
    }

    /// Whether the platform is gone.
    pub(super) fn closed(&self) -> bool {
        lock(&self.state).closed
    }

    /// Moves all batches to the end of `into`.
    pub(super) fn collect(&self, into: &mut Vec<Batch>) {
        let mut state = lock(&self.state);
        into.extend(state.batches.drain(..));
        drop(state);
        self.room.notify_all();
    }

    /// Takes nothing more and lets every thread that waits here go.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.room.notify_all();
    }

    /// Waits until the platform is gone or `time` has passed; true when it is gone.
    pub(super) fn closed_within(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = lock(&self.state);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                return state.closed;
            }
            state = self.room.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
