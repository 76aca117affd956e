//! For how long a host has said nothing, and whether that means anything.
//!
//! libvirt locks a domain while it starts or moves, and whoever asks for everybody's statistics waits for that lock: on a
//! busy machine for many seconds. A libvirtd that lets somebody else in meanwhile is busy, and one that does not hangs.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::queue::lock;
use super::Host;

/// After so long without a word somebody knocks.
pub(in super::super) const KNOCK: Duration = Duration::from_secs(3);
/// How long a host may take to let somebody in: until it counts as silent.
const WITHIN: Duration = Duration::from_secs(5);
/// How long a host may let in whoever knocks and say nothing about its VMs: nobody knows by then how they are.
const LONGEST: Duration = Duration::from_secs(30);

/// When a host was heard.
#[derive(Debug)]
pub(in super::super) struct Silence {
    /// When a round of observation last ended well.
    answered: Mutex<Instant>,
    /// When it last showed that it is there, or was last given up.
    heard: Mutex<Instant>,
    knocking: AtomicBool,
}

impl Default for Silence {
    fn default() -> Self {
        let now = Instant::now();
        Self { answered: Mutex::new(now), heard: Mutex::new(now), knocking: AtomicBool::new(false) }
    }
}

impl Silence {
    /// For how long nothing was heard.
    pub(in super::super) fn lasts(&self) -> Duration {
        lock(&self.heard).elapsed()
    }

    /// A round went well.
    pub(super) fn answered(&self) {
        *lock(&self.answered) = Instant::now();
        self.ends();
    }

    /// It is not silent though no round ended: the observer is at work, or somebody else was let in.
    pub(in super::super) fn ends(&self) {
        *lock(&self.heard) = Instant::now();
    }
}

impl Host {
    /// Knocks at a host that keeps a round of observation waiting, unless somebody does already or it has for too long.
    pub(in super::super) fn knock(self: &Arc<Self>) {
        let busy_for = lock(&self.silence.answered).elapsed();
        if !self.known_to_answer() || busy_for > LONGEST || self.silence.knocking.swap(true, Ordering::Relaxed) {
            return;
        }
        let host = self.clone();
        let knock = move || {
            let opened = host.open(WITHIN, || !host.queue.closed());
            if opened.is_ok() {
                host.silence.ends();
            }
            host.silence.knocking.store(false, Ordering::Relaxed);
            // Closing it may take a while.
            drop(opened);
        };
        if let Err(error) = thread::Builder::new().name("knock".into()).spawn(knock) {
            self.silence.knocking.store(false, Ordering::Relaxed);
            tracing::error!(%error, "no thread to knock at a host");
        }
    }
}
