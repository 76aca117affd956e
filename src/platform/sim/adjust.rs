//! Moves that are changed while they run, as hypervisors do it on request and by themselves.
//!
//! - A longer pause counts from the end of the round that is being sent, a bandwidth at once.
//! - A throttled guest asks for that much less CPU and dirties that much less memory. Throttled further, by a tenth of its
//!   CPU, it is as QEMU does it (`migration/ram.c`): at the end of every second round that found more than half of what it
//!   had sent dirty again, up to 99 %. With auto-converge the first such rounds begin it, at 20 %.
//! - Post-copy moves the guest to its target at once, at full speed: what it waits for when it misses pages is not
//!   modelled. Its pause is the latency between both hosts. What was left of the round and what was dirtied meanwhile is
//!   sent then, in one round. From then on the move cannot be cancelled, and where either host crashes the VM is lost.
//! - A cold move stops its guest, writes its memory to the source's disk, sends it and reads it from the target's.
//! - A guest that is stopped so that its move converges stands still until it has arrived, or the move ends otherwise.
//!
//! Without effect here are compression (what memory compresses to is not modelled), parallel connections (a flow takes what
//! its links give), what is copied of disks (there are none), tunnels and TLS, and the CPU check (all CPUs are alike).

use std::time::Duration;

use super::vms::{NONE, State};
use super::{SimPlatform, Work};
use crate::fleet::{Adjust, Bytes, DEFAULT_WORKING_SET, Load, MigrationOptions, THROTTLE, TaskId, VmId};
use crate::platform::{Observation, VmKey};

/// By how much a guest is throttled further: QEMU's `cpu-throttle-increment`.
const FURTHER: f64 = 0.1;
/// The most that is taken of a guest's CPU: QEMU's `max-cpu-throttle`.
const MOST: f64 = 0.99;
/// The share of what a round sent that it must find dirty for the guest to be throttled: QEMU's
/// `throttle-trigger-threshold`.
const TRIGGER: f64 = 0.5;

/// How a guest is slowed down so that its move converges.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Throttle {
    /// The share of its CPU that it is denied.
    pub(super) share: f64,
    /// Whether rounds that do not help make it more.
    on: bool,
    /// Whether the round before did not help.
    high: bool,
}

impl Throttle {
    pub(super) fn new(options: &MigrationOptions) -> Self {
        Self { on: options.auto_converge, ..Self::default() }
    }

    /// Takes note of a round that sent and found dirty so much; says whether the guest is throttled anew.
    pub(super) fn round(&mut self, sent: Bytes, dirtied: Bytes) -> bool {
        let high = dirtied.0 as f64 > sent.0 as f64 * TRIGGER;
        let again = high && std::mem::replace(&mut self.high, high);
        if !high {
            self.high = false;
        }
        if !(self.on && again) {
            return false;
        }
        self.high = false;
        self.share = if self.share > 0.0 { (self.share + FURTHER).min(MOST) } else { THROTTLE.0 };
        true
    }
}

impl SimPlatform {
    pub(super) fn adjust(&mut self, task: TaskId, adjust: Adjust) {
        // One that has ended has said so.
        let Some(&Work::Migration(number)) = self.tasks.get(&task) else { return };
        if let Err(reason) = self.adjusted(number, adjust) {
            self.say(None, Observation::NotAdjusted { task, adjust, reason: reason.into() });
        }
    }

    fn adjusted(&mut self, number: u32, adjust: Adjust) -> Result<(), &'static str> {
        let Some(migration) = &mut self.migrations[number as usize] else { return Ok(()) };
        if migration.post_copy.is_some() {
            return Err("its guest runs on the target already");
        }
        if migration.plan.stopped() {
            return Err("it is in its last round already");
        }
        let vm = migration.vm;
        match adjust {
            Adjust::MaxDowntime(span) => migration.plan.allow(span),
            Adjust::Bandwidth(rate) => {
                migration.cap = rate.0;
                self.cap_flow(number);
            }
            Adjust::Throttle(share) => {
                migration.throttle.on = true;
                migration.throttle.share = migration.throttle.share.max(share.0.min(MOST));
                self.throttled(vm);
            }
            Adjust::PostCopy if migration.flow.is_none() => return Err("its first byte is not sent yet"),
            Adjust::PostCopy => self.post_copy(number),
            Adjust::Pause => {
                migration.stopped_at = migration.stopped_at.or(Some(self.now));
                if self.vms.get(vm).state == State::Running {
                    self.vms.get_mut(vm).state = State::Stopped;
                    self.ask(vm);
                }
            }
        }
        Ok(())
    }

    /// Lets a VM feel what is denied to it now.
    pub(super) fn throttled(&mut self, vm: VmId) {
        // What it dirties may change where its CPU does not.
        self.vms.get_mut(vm).seen = NONE;
        self.ask(vm);
    }

    /// The share of a VM's CPU that its migration leaves it.
    pub(super) fn unthrottled(&self, migration: u32) -> f64 {
        let throttle = self.migrations.get(migration as usize).and_then(Option::as_ref).map(|m| m.throttle.share);
        1.0 - throttle.unwrap_or(0.0)
    }

    /// The guest goes on on its target; the rest is sent to it there.
    pub(super) fn post_copy(&mut self, number: u32) {
        let now = self.now;
        let Some(migration) = &mut self.migrations[number as usize] else { return };
        migration.note_dirtied(now);
        let left = migration.left_at(now);
        let (vm, source, target) = (migration.vm, migration.source, migration.target);
        let row = self.vms.get(vm);
        let working_set = self.vms.stress(row).map_or(DEFAULT_WORKING_SET, Load::cap);
        let memory = migration.memory.0 as f64;
        let rest = (left + migration.dirtied.min(working_set.0 * memory)).min(memory).floor();
        let sent = Bytes((migration.plan.size().0 as f64 - left).max(0.0) as u64);
        migration.plan.finish(sent, Bytes(rest as u64));
        (migration.left, migration.since, migration.until) = (rest, now, 0.0);
        (migration.dirtied, migration.dirty_rate, migration.round_begun) = (0.0, 0.0, now);
        let stood: Duration = migration.stopped_at.take().map_or(Duration::ZERO, |at| now.since(at));
        migration.throttle = Throttle::default();
        let latency = self.latency(source, target);
        if let Some(migration) = &mut self.migrations[number as usize] {
            migration.post_copy = Some(stood + latency);
        }
        self.enter_target(number);
        let row = self.vms.get_mut(vm);
        if row.state == State::Stopped {
            row.state = State::Running;
        }
        self.throttled(vm);
        self.note_rate(number);
    }

    /// Whether a migration's guest runs on its target already.
    pub(super) fn post_copied(&self, number: u32) -> bool {
        self.migrations[number as usize].as_ref().is_some_and(|m| m.post_copy.is_some())
    }

    /// A post-copy that lost one of its hosts lost its VM.
    pub(super) fn lose_post_copied(&mut self, number: u32) {
        let Some(migration) = &self.migrations[number as usize] else { return };
        let (vm, source) = (migration.vm, migration.source);
        if migration.post_copy.is_some() && self.vms.get(vm).state != State::Absent {
            self.lost.push((vm, source));
        }
    }

    /// Removes the VMs whose post-copies broke off, and says so.
    pub(super) fn forget_lost(&mut self) {
        for (vm, source) in std::mem::take(&mut self.lost) {
            if self.vms.get(vm).state != State::Absent {
                self.remove(vm);
            }
            let reason = "its post-copy migration broke off".into();
            self.say(Some(source), Observation::VmGone { vm: VmKey::Id(vm), reason });
        }
    }
}
