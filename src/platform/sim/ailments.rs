//! What can be wrong with guests and their hypervisors: causes, drawn by the seed when a guest boots or moves, and what
//! is then seen of them: the same as real hosts show.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::doctor::{Contact, HostSign, Sign};
use crate::fleet::{Bytes, HostId, TaskId, VmId, VmState};
use crate::platform::{Observation, VmKey, VmSeen};

use super::config::{Ailment, Ailments};
use super::host::Health;
use super::random::{Cause, below, draw};
use super::vms::{NONE, State};
use super::{Event, SimPlatform};

/// How long a libvirtd hangs where the world does not say how long hosts stay away.
const HANGS: Duration = Duration::from_mins(2);
/// How long it is silent before anybody calls it unreachable, as on real hosts.
const SILENT: Duration = crate::platform::SILENCE;
/// The address that is given twice.
const TWICE: Ipv4Addr = Ipv4Addr::new(10, 158, 255, 254);
/// The size of a disk that is full.
const DISK: Bytes = Bytes(100 << 30);

/// What a console says last where its guest's boot ends early: Debian 12's own words.
pub(super) const fn last_words(ailment: Ailment) -> &'static str {
    match ailment {
        Ailment::KernelPanic => {
            "[    1.839274] List of all partitions:\n[    1.840119] No filesystem could mount root, tried: \n\
             [    1.841002] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n\
             [    1.842210] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-26-cloud-amd64 #1  Debian 6.1.112-1\n\
             [    1.850123] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0) ]---\n"
        }
        Ailment::EmergencyShell => {
            "[DEPEND] Dependency failed for data.mount - /data.\n\
             You are in emergency mode. After logging in, type \"journalctl -xb\" to view\n\
             system logs, \"systemctl reboot\" to reboot, \"systemctl default\" or \"exit\"\n\
             to boot into default mode.\nGive root password for maintenance\n(or press Control-D to continue): "
        }
        Ailment::NoDhcp => "No DHCPOFFERS received.\nNo working leases in persistent database - sleeping.\n",
        _ => "",
    }
}

impl Ailments {
    /// What becomes of the guest of a boot, if anything.
    pub(super) fn of_boot(&self, seed: u64, vm: VmId, task: TaskId) -> Option<Ailment> {
        let all = Ailment::ALL.into_iter().filter(|ailment| *ailment != Ailment::LeftOnSource);
        let total: f64 = all.clone().map(|ailment| self.share(ailment).0).sum();
        if total <= 0.0 {
            return None;
        }
        let mut left = draw(seed, Cause::Ailment, vm.0, task.0);
        all.into_iter().find(|&ailment| {
            let share = self.share(ailment).0;
            let struck = left < share;
            left -= share;
            struck
        })
    }
}

impl SimPlatform {
    /// What is seen of a guest that was booted and is not well.
    pub(super) fn fall_ill(&mut self, vm: VmId, ailment: Ailment) {
        let host = self.vms.get(vm).host;
        let sign = |sign| Observation::Sign { vm: VmKey::Id(vm), sign };
        let say = |sim: &mut Self, seen| sim.say(Some(host), seen);
        match ailment {
            // These end the boot before it is done.
            Ailment::KernelPanic | Ailment::NoOutput | Ailment::EmergencyShell | Ailment::LeftOnSource => {}
            Ailment::NoDhcp => self.say_console(vm, last_words(ailment)),
            Ailment::AgentSilent => say(self, sign(Sign::AgentSilent)),
            Ailment::ClockBehind => say(self, sign(Sign::AgentAnswers { behind: Some(95_000) })),
            Ailment::QemuStopped => {
                self.stop(vm);
                say(self, sign(Sign::Still(Duration::from_nanos(1))));
            }
            Ailment::QemuKilled => {
                self.remove(vm);
                say(self, Observation::VmGone { vm: VmKey::Id(vm), reason: "it crashed".into() });
            }
            Ailment::PausedOutside => self.pause_outside(vm, None),
            Ailment::DiskError | Ailment::DiskFull => {
                let full = ailment == Ailment::DiskFull;
                if full {
                    self.full.insert(host);
                    self.tell_disk(host, Bytes(0));
                }
                say(self, sign(Sign::DiskError { disk: "vda".into(), full }));
                self.pause_outside(vm, Some("a disk error stopped it"));
            }
            Ailment::AddressTwice => {
                let addresses: Arc<[Ipv4Addr]> = [TWICE].into();
                // The one before it has it as well.
                let other = VmId(vm.0.wrapping_sub(1));
                for vm in [vm, other] {
                    if self.vms.get(vm).state == State::Absent {
                        continue;
                    }
                    let sign = Sign::Addresses(addresses.clone());
                    self.say(Some(host), Observation::Sign { vm: VmKey::Id(vm), sign });
                }
            }
            Ailment::CardDown => {
                let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 158, 0, 1).to_bits() + vm.0 % (1 << 16));
                say(self, sign(Sign::Network { address, answers: false, others: true }));
            }
        }
    }

    /// Says what a guest's console said last.
    pub(super) fn say_console(&mut self, vm: VmId, tail: &str) {
        let host = self.vms.get(vm).host;
        let sign = Sign::Serial { tail: tail.into(), silent: Duration::ZERO };
        self.say(Some(host), Observation::Sign { vm: VmKey::Id(vm), sign });
    }

    /// Where a guest goes on whose disk was full, somebody made room.
    pub(super) fn make_room(&mut self, host: HostId) {
        if self.full.remove(&host) {
            self.tell_disk(host, Bytes(DISK.0 / 2));
        }
    }

    /// Tells how much room a host's disk has.
    fn tell_disk(&mut self, host: HostId, free: Bytes) {
        let sign = HostSign::Disk { path: "/var/lib/libvirt/images".into(), free, total: DISK };
        self.say(Some(host), Observation::HostSign(sign));
    }

    /// A VM executes nothing any more.
    fn stop(&mut self, vm: VmId) {
        let row = self.vms.get_mut(vm);
        (row.state, row.seen) = (State::Paused, NONE);
        self.ask(vm);
    }

    /// A VM is paused by no request of ours.
    fn pause_outside(&mut self, vm: VmId, reason: Option<&str>) {
        self.stop(vm);
        let host = self.vms.get(vm).host;
        let seen = self.listed(vm, VmState::Paused, reason);
        self.say(Some(host), Observation::Vm(seen));
    }

    /// A move is done, and what it left on its source is there still.
    pub(super) fn leave_copy(&mut self, vm: VmId, source: HostId) {
        let seen = self.listed(vm, VmState::Paused, None);
        self.say(Some(source), Observation::Vm(seen));
    }

    /// A VM as its host lists it.
    fn listed(&self, vm: VmId, state: VmState, reason: Option<&str>) -> VmSeen {
        let row = self.vms.get(vm);
        VmSeen {
            vm: VmKey::Id(vm),
            state,
            managed: true,
            class: None,
            vcpus: row.vcpus,
            memory: row.memory,
            reason: reason.map(Into::into),
        }
    }

    /// All VMs of a host as it lists them; those that boot are for their tasks to tell.
    pub(super) fn inventory(&self, host: HostId) -> Vec<VmSeen> {
        let here = self.hosts[host.index()].vms.iter().copied();
        let mut all: Vec<VmSeen> = here
            .filter_map(|vm| match self.vms.get(vm).state {
                State::Running | State::Stopped => Some(self.listed(vm, VmState::Up, None)),
                State::Paused => Some(self.listed(vm, VmState::Paused, None)),
                State::Absent | State::Booting => None,
            })
            .collect();
        all.sort_by_key(|seen| if let VmKey::Id(vm) = seen.vm { vm } else { VmId(NONE) });
        all
    }

    /// Draws when the next libvirtd hangs.
    pub(super) fn schedule_hang(&mut self) {
        if let Some(at) = self.next_hang() {
            self.queue.set(self.source(Event::Hang), at);
        }
    }

    /// A libvirtd hangs: its host is told to be silent, and its VMs run on.
    pub(super) fn hang_some_libvirtd(&mut self) {
        let host = HostId(below(&mut self.hangs, self.hosts.len()) as u32);
        self.schedule_hang();
        if !self.hosts[host.index()].is_up() {
            return;
        }
        self.hosts[host.index()].health = Health::Hung;
        let reason = format!("no answer for {} s", SILENT.as_secs()).into();
        self.say(Some(host), Observation::HostUnreachable { reason });
        self.say(Some(host), Observation::HostSign(HostSign::Contact(Contact::Open)));
        let downtime = self.config.faults.host_downtime.unwrap_or(HANGS);
        self.queue.set(self.source(Event::Recover(host)), self.now + downtime);
    }
}
