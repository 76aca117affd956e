//! Changes of VMs where they are, cancelling, and reports of progress.

use crate::fleet::{HostId, TaskId, VmId};
use crate::platform::{Change, End, Observation, Progress};

use super::host::called;
use super::vms::{NONE, State};
use super::{SimPlatform, Work};

impl SimPlatform {
    pub(super) fn change(&mut self, task: TaskId, vm: VmId, host: HostId, change: Change) {
        let row = *self.vms.get(vm);
        let moves = row.migration != NONE;
        let elsewhere = change != Change::RemoveCopy && row.host != host;
        let refused = if row.state == State::Absent || elsewhere {
            Some(format!("there is no such VM on {}", called(&self.topology, host)))
        } else if !self.hosts[host.index()].is_up() {
            Some(format!("{} does not answer", called(&self.topology, host)))
        } else if row.state == State::Booting {
            Some("its guest still boots".to_owned())
        } else if moves && matches!(change, Change::Destroy | Change::Shutdown | Change::Reboot) {
            Some("it is being migrated".to_owned())
        } else if row.state == State::Paused && matches!(change, Change::Shutdown | Change::Reboot) {
            Some("it is paused".to_owned())
        } else {
            None
        };
        if let Some(reason) = refused {
            return self.ended(task, End::Failed(reason.into()), None);
        }
        match change {
            // Guests here have nothing to end first.
            Change::Destroy | Change::Shutdown => self.remove(vm),
            Change::Pause => {
                self.vms.get_mut(vm).state = State::Paused;
                self.ask(vm);
            }
            Change::Resume => {
                if row.state == State::Paused {
                    self.make_room(host);
                    // In the last round of a migration it resumes on the target.
                    let last_round = moves && self.in_last_round(row.migration);
                    let row = self.vms.get_mut(vm);
                    row.state = if last_round { State::Stopped } else { State::Running };
                    // Whoever saw it paused holds that it does nothing, also where no sample was taken meanwhile.
                    row.seen = NONE;
                    self.ask(vm);
                }
            }
            // Nobody else makes VMs here.
            Change::Adopt | Change::RemoveCopy => {}
            Change::Reboot => return self.reboot(task, vm, host),
            Change::Load(load) => {
                let number = load.map_or(NONE, |load| self.vms.stress_number(&load));
                let row = self.vms.get_mut(vm);
                row.stress = number;
                // The dirty rate may change where the CPU does not.
                row.seen = NONE;
                self.ask(vm);
            }
        }
        self.ended(task, End::Done, None);
    }

    pub(super) fn cancel(&mut self, task: TaskId) {
        match self.tasks.get(&task) {
            Some(&Work::Boot(boot)) => self.stop_boot(task, boot, End::Cancelled),
            // A guest that runs on the target has nothing to go back to.
            Some(&Work::Migration(number)) if self.post_copied(number) => {}
            Some(&Work::Migration(number)) => self.end_migration(number, End::Cancelled),
            Some(&Work::Command(command)) => self.end_command(task, command, End::Cancelled),
            // It has ended, and has said so.
            None => {}
        }
    }

    pub(super) fn probe(&mut self, task: TaskId) {
        let progress = match self.tasks.get(&task) {
            Some(&Work::Boot(boot)) => Some(Progress::Work(self.boot_work(task, boot))),
            Some(&Work::Migration(number)) => self.migration_progress(number).map(|(_, p)| Progress::Migration(p)),
            Some(Work::Command(_)) | None => None,
        };
        if let Some(progress) = progress {
            self.say(None, Observation::Progress { task, progress });
        }
    }
}
