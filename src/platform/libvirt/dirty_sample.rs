//! Moves of guests of which nobody says how much memory they dirty: their hypervisor looks at some of their pages when the
//! move begins, and in its first pass, of which QEMU tells no dirty rate, that is known.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::ffi;
use super::host::Host;
use super::migrate::Move;
use super::queue::lock;
use crate::doctor::{LoadSeen, Sign, Teller};
use crate::fleet::Bytes;
use crate::platform::{Observation, VmKey};

/// QEMU looks at 512 pages per GiB: of a smaller guest they say too little.
const LARGE: Bytes = Bytes::mib(1024);
/// Between its two looks.
const SPAN: Duration = Duration::from_secs(1);

/// Since when the sample of a move is taken; none where there is none, or it was told.
#[derive(Debug, Default)]
pub(super) struct Sampling(Mutex<Option<Instant>>);

impl Sampling {
    /// Begins, where the guest is large enough and no load tool tells more. Before the move's job, which allows no such
    /// call.
    pub(super) fn begin(&self, host: &Host, vm: &str) {
        if host.tools.dirties(vm) > 0 {
            return;
        }
        let wanted = vm.to_owned();
        let begun = host.call(&format!("sampling the memory of {vm}"), move |connect| {
            let domain = connect.lookup_domain_by_name(&wanted)?;
            if Bytes(domain.max_memory()? * 1024) < LARGE {
                return Ok(false);
            }
            ffi::start_dirty_sample(&domain, SPAN.as_secs() as i32).map(|()| true)
        });
        match begun {
            Ok(true) => *lock(&self.0) = Some(Instant::now()),
            Ok(false) => {}
            // Drivers and QEMUs that cannot.
            Err(trouble) => tracing::debug!(%trouble, "no sample of what a guest dirties"),
        }
    }

    /// Tells what came of it, once, when it is there.
    pub(super) fn tell(&self, host: &Host, this: &Move) {
        let due = |since: Instant| since.elapsed() >= SPAN;
        if this.progress().round > 1 || !lock(&self.0).is_some_and(due) {
            return;
        }
        let name = this.name.clone();
        let sample = host.call(&format!("reading the sample of {name}"), move |connect| {
            ffi::dirty_sample(&connect.lookup_domain_by_name(&name)?)
        });
        // Not yet.
        if matches!(sample, Ok(None)) {
            return;
        }
        *lock(&self.0) = None;
        if let Ok(Some(rate)) = sample {
            let sign = Sign::Load(LoadSeen::Dirties(rate, Teller::Sample));
            host.queue.push(Some(host.id), vec![Observation::Sign { vm: VmKey::Name(this.name.clone()), sign }]);
        }
    }
}
