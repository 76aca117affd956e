//! Whether a host that keeps a round of observation waiting is there all the same.
//!
//! libvirt locks a domain while it starts or moves, and whoever asks for everybody's statistics waits for that lock: on
//! a busy machine for many seconds. A libvirtd that lets somebody else in meanwhile is busy, and one that does not hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::host::Host;

/// How long a host may be busy before it counts as silent all the same: nobody knows by then how its VMs are.
const LONGEST: Duration = Duration::from_secs(30);
/// Between two knocks.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a host may take to let somebody in.
const WITHIN: Duration = Duration::from_secs(4);

/// Knocks at a host until this is dropped.
pub(super) struct Standby(Arc<AtomicBool>);

impl Standby {
    /// Begins after a pause: most rounds end before.
    pub(super) fn new(host: &Arc<Host>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (host, ended) = (host.clone(), over.clone());
        let knock = move || {
            let began = Instant::now();
            let goes_on = || !ended.load(Ordering::Relaxed) && !host.queue.closed() && began.elapsed() < LONGEST;
            while !host.queue.closed_within(PAUSE) && goes_on() {
                match host.open(WITHIN, goes_on) {
                    Ok(connect) => {
                        host.not_silent();
                        drop(connect);
                    }
                    Err(_) => return,
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("standby".into()).spawn(knock) {
            tracing::error!(%error, "no thread to knock at a host");
        }
        Self(over)
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
