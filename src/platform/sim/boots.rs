//! Boots: a guest reads from its host's disk, then computes on one core.

use crate::fleet::{HostId, TaskId, VmClass, VmId};
use crate::platform::End;

use super::ailments::last_words;
use super::config::Ailment;
use super::host::{SimHost, called};
use super::random::{Cause, draw};
use super::vms::{NONE, State, Vm};
use super::{SimPlatform, Work};

/// How far into its computing a guest gets stuck that does: the middle.
const STUCK_AT: f64 = 0.5;

/// A boot on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Boot {
    vm: VmId,
    host: HostId,
    stage: Stage,
    fate: Fate,
    /// Whether it brings up a new VM rather than restart one.
    new: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Reading,
    Computing,
    Stuck,
}

/// What becomes of a boot, drawn when it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Fine,
    /// It fails at this share of its computing.
    Fails(f64),
    GetsStuck,
    /// Its guest gets stuck and says why.
    Stops(Ailment),
    /// It comes up and is not well.
    Ails(Ailment),
}

impl Fate {
    /// The share of its computing that it does.
    const fn computes(self) -> f64 {
        match self {
            Self::Fine | Self::Ails(_) => 1.0,
            Self::Fails(share) => share,
            Self::GetsStuck | Self::Stops(_) => STUCK_AT,
        }
    }
}

impl SimPlatform {
    pub(super) fn boot(&mut self, task: TaskId, vm: VmId, host: HostId, class: &VmClass) {
        let refused = if !self.hosts.get(host.index()).is_some_and(SimHost::is_up) {
            Some(format!("{} does not answer", called(&self.topology, host)))
        } else if self.vms.get(vm).state != State::Absent {
            Some(format!("a VM of this name is on {} already", called(&self.topology, self.vms.get(vm).host)))
        } else {
            None
        };
        if let Some(reason) = refused {
            return self.ended(task, End::Failed(reason.into()), None);
        }
        let chance = |cause| draw(self.config.seed, cause, vm.0, task.0);
        let faults = &self.config.faults;
        let fate = if chance(Cause::Boot) < faults.boot_failure.0 {
            Fate::Fails(chance(Cause::BootPoint))
        } else if chance(Cause::Stuck) < faults.stuck_guest.0 {
            Fate::GetsStuck
        } else {
            match faults.ailments.of_boot(self.config.seed, vm, task) {
                Some(stops @ (Ailment::KernelPanic | Ailment::NoOutput | Ailment::EmergencyShell)) => {
                    Fate::Stops(stops)
                }
                Some(ails) => Fate::Ails(ails),
                None => Fate::Fine,
            }
        };
        self.create(vm, Vm::new(class.memory, class.vcpus, host, State::Booting));
        self.begin_boot(task, Boot { vm, host, stage: Stage::Reading, fate, new: true });
    }

    /// Restarts the guest of a VM that runs.
    pub(super) fn reboot(&mut self, task: TaskId, vm: VmId, host: HostId) {
        let row = self.vms.get_mut(vm);
        // What loaded its guest does not run in the new one.
        (row.state, row.stress) = (State::Booting, NONE);
        self.ask(vm);
        self.begin_boot(task, Boot { vm, host, stage: Stage::Reading, fate: Fate::Fine, new: false });
    }

    fn begin_boot(&mut self, task: TaskId, boot: Boot) {
        let entry = &mut self.hosts[boot.host.index()];
        entry.reading.add(self.now, self.config.boot.read.0 as f64, task);
        self.tasks.insert(task, Work::Boot(boot));
        self.touch(boot.host);
    }

    /// The end of what the first boots of a host did.
    pub(super) fn boots_advance(&mut self, host: HostId) {
        while let Some(task) = self.hosts[host.index()].reading.done(self.now) {
            if let Some(Work::Boot(boot)) = self.tasks.get_mut(&task) {
                boot.stage = Stage::Computing;
                let work = self.config.boot.cpu.as_secs_f64() * boot.fate.computes();
                self.hosts[host.index()].computing.add(self.now, work, task);
            }
        }
        while let Some(task) = self.hosts[host.index()].computing.done(self.now) {
            if let Some(Work::Boot(boot)) = self.tasks.get_mut(&task) {
                let boot = match boot.fate {
                    Fate::GetsStuck | Fate::Stops(_) => {
                        boot.stage = Stage::Stuck;
                        self.hosts[host.index()].stuck.push(task);
                        if let (Fate::Stops(ailment), vm) = (boot.fate, boot.vm) {
                            self.say_console(vm, last_words(ailment));
                        }
                        continue;
                    }
                    Fate::Fine | Fate::Fails(_) | Fate::Ails(_) => *boot,
                };
                let end = if matches!(boot.fate, Fate::Fails(_)) {
                    End::Failed("the guest's kernel panicked while it booted".into())
                } else {
                    End::Done
                };
                self.end_boot(task, boot, end);
                if let Fate::Ails(ailment) = boot.fate {
                    self.fall_ill(boot.vm, ailment);
                }
            }
        }
        self.unsettle(host);
    }

    /// Lists a host whose last boot may just have gone for being settled, so that its event leaves the queue.
    fn unsettle(&mut self, host: HostId) {
        let entry = &mut self.hosts[host.index()];
        if !entry.stale {
            entry.stale = true;
            self.stale.push(host);
        }
        self.list_changed(host);
    }

    /// Ends a boot: the VM runs, or nothing is left of a new one.
    fn end_boot(&mut self, task: TaskId, boot: Boot, end: End) {
        self.tasks.remove(&task);
        if end == End::Done || !boot.new {
            let row = self.vms.get_mut(boot.vm);
            row.state = State::Running;
            // While a guest boots it counts as one that does nothing, whatever it did before.
            row.seen = NONE;
            if boot.new {
                self.begin_load(boot.vm);
            }
            self.ask(boot.vm);
        } else {
            self.remove(boot.vm);
        }
        self.ended(task, end, None);
    }

    /// Stops a boot that has not ended.
    pub(super) fn stop_boot(&mut self, task: TaskId, boot: Boot, end: End) {
        let entry = &mut self.hosts[boot.host.index()];
        match boot.stage {
            Stage::Reading => entry.reading.remove(self.now, task),
            Stage::Computing => entry.computing.remove(self.now, task),
            Stage::Stuck => entry.stuck.retain(|&t| t != task),
        }
        self.end_boot(task, boot, end);
        self.unsettle(boot.host);
    }

    /// How far a boot is: what is done of its reading and of its computing, 2 where both are done.
    pub(super) fn boot_work(&self, task: TaskId, boot: Boot) -> f64 {
        let host = &self.hosts[boot.host.index()];
        let (read, cpu) = (self.config.boot.read.0 as f64, self.config.boot.cpu.as_secs_f64());
        match boot.stage {
            Stage::Reading if read > 0.0 => 1.0 - (host.reading.left(self.now, task) / read).min(1.0),
            Stage::Reading => 0.0,
            Stage::Computing if cpu > 0.0 => {
                1.0 + boot.fate.computes() - (host.computing.left(self.now, task) / cpu).min(1.0)
            }
            Stage::Computing => 1.0,
            Stage::Stuck => 1.0 + STUCK_AT,
        }
    }

    /// Ends all boots of a host that crashed.
    pub(super) fn fail_boots(&mut self, host: HostId, reason: &std::sync::Arc<str>) {
        let entry = &mut self.hosts[host.index()];
        let mut tasks = std::mem::take(&mut entry.stuck);
        tasks.extend(entry.reading.clear());
        tasks.extend(entry.computing.clear());
        tasks.sort_unstable();
        for task in tasks {
            if let Some(Work::Boot(boot)) = self.tasks.remove(&task) {
                self.remove(boot.vm);
                self.ended(task, End::Failed(reason.clone()), None);
            }
        }
    }
}
