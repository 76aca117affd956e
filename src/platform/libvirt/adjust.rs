//! Moves that are changed while they run.
//!
//! libvirt changes the longest pause, the bandwidth and the switch to post-copy itself. How much of its CPU a guest loses it
//! sets only when a move begins: from then on QEMU's monitor is asked, which taints the domain (`custom-monitor`) and does
//! nothing else to it. A move that may be throttled begins with auto-converge at 1 %, by which no guest is slowed down.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::{Error, ErrorNumber};

use super::ffi;
use super::host::Host;
use super::migrate::Move;
use super::queue::lock;
use super::state;
use super::trouble::Trouble;
use crate::fleet::{Adjust, MigrationOptions, Rate, VmState};
use crate::platform::Observation;

/// What is to be changed of a move, and what was.
#[derive(Debug, Default)]
pub(super) struct Changes {
    waiting: Mutex<VecDeque<Adjust>>,
    /// Whether the guest was stopped so that it converges.
    paused: AtomicBool,
    post_copied: AtomicBool,
}

impl Changes {
    /// Those that a move begins with.
    pub(super) fn of(options: &MigrationOptions) -> Self {
        let changes = Self::default();
        // QEMU takes the longest pause only while it migrates.
        lock(&changes.waiting).extend(options.max_downtime.filter(|_| !options.cold).map(Adjust::MaxDowntime));
        changes
    }

    /// Asks for one; the watcher of the move's host makes it.
    pub(super) fn ask(&self, adjust: Adjust) {
        lock(&self.waiting).push_back(adjust);
    }

    /// Whether the guest runs on the target already.
    pub(super) fn post_copied(&self) -> bool {
        self.post_copied.load(Ordering::Relaxed)
    }
}

/// A rate as libvirt takes it: in MiB a second; less than one cannot be said.
pub(super) fn mib_per_second(rate: Rate) -> u64 {
    ((rate.0 / 1_048_576.0).round() as u64).max(1)
}

/// Makes the changes that wait. Its job must run.
pub(super) fn make(host: &Host, this: &Move) -> Result<(), Trouble> {
    loop {
        let Some(adjust) = lock(&this.changes.waiting).pop_front() else { return Ok(()) };
        if this.changes.post_copied() {
            refuse(host, this, adjust, "its guest runs on the target already");
            continue;
        }
        let name = this.name.clone();
        let changed = host.call(&format!("changing the move of {name}"), move |connect| {
            change(&connect.lookup_domain_by_name(&name)?, adjust)
        });
        match changed {
            Ok(did) => {
                let flag = match adjust {
                    Adjust::Pause => &this.changes.paused,
                    Adjust::PostCopy => &this.changes.post_copied,
                    _ => continue,
                };
                flag.fetch_or(did, Ordering::Relaxed);
            }
            Err(Trouble::Refused { error, .. }) => refuse(host, this, adjust, error.message()),
            Err(trouble) => {
                refuse(host, this, adjust, &trouble.to_string());
                return Err(trouble);
            }
        }
    }
}

fn refuse(host: &Host, this: &Move, adjust: Adjust, reason: &str) {
    host.queue.push(None, vec![Observation::NotAdjusted { task: this.task(), adjust, reason: reason.into() }]);
}

/// Changes a domain's move; whether there was anything to do.
fn change(domain: &Domain, adjust: Adjust) -> Result<bool, Error> {
    match adjust {
        Adjust::MaxDowntime(span) => domain.migrate_set_max_downtime((span.as_millis() as u64).max(1), 0)?,
        Adjust::Bandwidth(rate) => domain.migrate_set_max_speed(mib_per_second(rate), 0)?,
        Adjust::Throttle(share) => {
            let percent = (share.0 * 100.0).round().clamp(1.0, 99.0) as u32;
            let arguments = json!({ "cpu-throttle-initial": percent, "cpu-throttle-increment": percent });
            let command = json!({ "execute": "migrate-set-parameters", "arguments": arguments });
            domain.qemu_monitor_command(&command.to_string(), 0)?;
        }
        Adjust::PostCopy => ffi::start_post_copy(domain)?,
        Adjust::Pause => {
            let (state, reason) = ffi::domain_state(domain)?;
            if state::vm_state(state, reason).0 == VmState::Paused {
                return Ok(false);
            }
            domain.suspend()?;
        }
    }
    Ok(true)
}

/// Lets a guest go on that was stopped so that its move converges, on the host where it is now.
pub(super) fn wake(host: &Host, this: &Move) {
    if !this.changes.paused.load(Ordering::Relaxed) {
        return;
    }
    let name = this.name.clone();
    let woken = host.call(&format!("resuming {name} after its move"), move |connect: &Connect| {
        let domain = connect.lookup_domain_by_name(&name)?;
        let (state, reason) = ffi::domain_state(&domain)?;
        if state::vm_state(state, reason).0 == VmState::Paused { domain.resume() } else { Ok(()) }
    });
    match woken {
        // It went on by itself in between.
        Err(Trouble::Refused { error, .. }) if error.code().is(ErrorNumber::OperationInvalid) => {}
        Err(trouble) => tracing::warn!(%trouble, "a guest that was stopped for its move stays so"),
        Ok(()) => {}
    }
}
