//! What all threads share: what is asked for, what was done, what is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::settings::{Asked, Change, Memory};
use crate::units::Refusal;

/// What the workers have done since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Bytes in pages that were written to.
    pub(crate) dirty: AtomicU64,
    /// Bytes written to the file.
    pub(crate) disk: AtomicU64,
    /// Bytes of payload sent.
    pub(crate) net: AtomicU64,
    /// Bytes of memory that the working set really has.
    pub(crate) owned: AtomicU64,
    /// Thousandths of passes through the working set since it has its size.
    pub(crate) passes: AtomicU64,
}

/// What a worker has to do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    /// Counts the changes.
    version: u64,
    pub(crate) asked: Asked,
    /// The program ends.
    pub(crate) ending: bool,
}

/// Something that went wrong.
#[derive(Debug)]
struct Trouble {
    text: String,
    /// It is over, and is kept only until it was reported.
    over: bool,
}

/// The state that all threads share.
#[derive(Debug)]
pub(crate) struct Load {
    order: Mutex<Order>,
    changed: Condvar,
    trouble: Mutex<BTreeMap<&'static str, Trouble>>,
    leftovers: Mutex<Vec<PathBuf>>,
    started: Instant,
    pub(crate) counters: Counters,
    /// vCPUs of this machine.
    pub(crate) vcpus: usize,
}

/// A thread that panicked ends the program, so that no state is half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    /// Asks for nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            order: Mutex::default(),
            changed: Condvar::new(),
            trouble: Mutex::default(),
            leftovers: Mutex::default(),
            started: Instant::now(),
            counters: Counters::default(),
            vcpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }

    /// Time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// What has to be done now.
    pub(crate) fn order(&self) -> Order {
        lock(&self.order).clone()
    }

    /// Waits until something else than `seen` has to be done, or until `rest` is over.
    pub(crate) fn wait(&self, seen: &Order, rest: Option<Duration>) -> Option<Order> {
        let same = |order: &mut Order| order.version == seen.version;
        let guard = lock(&self.order);
        let order = match rest {
            None => self.changed.wait_while(guard, same).unwrap_or_else(PoisonError::into_inner),
            Some(rest) => {
                let waited = self.changed.wait_timeout_while(guard, rest, same);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        (order.version != seen.version).then(|| order.clone())
    }

    /// Waits until `moment` since the start; false when the program ends.
    pub(crate) fn wait_until(&self, moment: Duration) -> bool {
        let mut order = self.order();
        loop {
            let now = self.now();
            if order.ending || now >= moment {
                return !order.ending;
            }
            order = self.wait(&order, Some(moment.saturating_sub(now))).unwrap_or(order);
        }
    }

    /// Changes what is asked for, all of it or nothing.
    pub(crate) fn change(&self, change: Change) -> Result<Asked, Refusal> {
        let resizes = change.resizes();
        let mut order = lock(&self.order);
        let memory = Memory { available: available(), owned: self.counters.owned.load(Relaxed) };
        let (asked, note) = change.apply(&order.asked, memory)?;
        if resizes {
            lock(&self.trouble).remove("working-set");
        }
        if let Some(note) = note {
            lock(&self.trouble).insert("working-set", Trouble { text: note, over: false });
        }
        order.asked = asked.clone();
        order.version += 1;
        self.changed.notify_all();
        Ok(asked)
    }

    /// Asks for nothing any more.
    pub(crate) fn stop(&self) -> Asked {
        let mut order = lock(&self.order);
        lock(&self.trouble).clear();
        order.asked = Asked::default();
        order.version += 1;
        self.changed.notify_all();
        order.asked.clone()
    }

    /// Ends the program.
    pub(crate) fn end(&self) {
        let mut order = lock(&self.order);
        order.ending = true;
        order.version += 1;
        self.changed.notify_all();
    }

    /// Remembers what went wrong with `what`.
    pub(crate) fn wrong(&self, what: &'static str, text: &str) {
        lock(&self.trouble).insert(what, Trouble { text: format!("{what}: {text}"), over: false });
    }

    /// Nothing is wrong with `what` any more.
    pub(crate) fn right(&self, what: &'static str) {
        if let Some(trouble) = lock(&self.trouble).get_mut(what) {
            trouble.over = true;
        }
    }

    /// What is or was wrong; with `told`, what is over is forgotten.
    pub(crate) fn errors(&self, told: bool) -> Vec<String> {
        let mut trouble = lock(&self.trouble);
        let texts = trouble.values().map(|trouble| trouble.text.clone()).collect();
        if told {
            trouble.retain(|_, trouble| !trouble.over);
        }
        texts
    }

    /// Remembers a file that must not be left behind.
    pub(crate) fn clean_up(&self, path: PathBuf) {
        lock(&self.leftovers).push(path);
    }

    /// Removes such a file now.
    pub(crate) fn remove(&self, path: &Path) {
        lock(&self.leftovers).retain(|left| left != path);
        // One that somebody else removed is no loss.
        let _ = std::fs::remove_file(path);
    }

    /// Removes the files that must not be left behind.
    pub(crate) fn remove_leftovers(&self) {
        for path in lock(&self.leftovers).drain(..) {
            // One that somebody else removed is no loss.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Bytes of memory that could be had without swapping; all of it where the kernel does not say.
fn available() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map_or(u64::MAX / 4, |kib| kib * 1024)
}
