//! Hosts that are switched on and off.

use std::time::Duration;

use crate::fleet::{HostId, PowerAction, TaskId};
use crate::platform::End;

use super::host::{Health, called};
use super::{Event, SimPlatform};

/// How long a host takes to start: as servers do that test their memory first.
const STARTS: Duration = Duration::from_mins(2);

impl SimPlatform {
    /// Does something to a host from outside. The task ends at once; a host that starts answers some time later.
    pub(super) fn power(&mut self, task: TaskId, host: HostId, action: PowerAction) {
        let recovers = self.source(Event::Recover(host));
        let health = self.hosts[host.index()].health;
        match action {
            PowerAction::On if health == Health::Down => self.queue.set(recovers, self.now + STARTS),
            PowerAction::Off => self.fall(host, "was switched off"),
            PowerAction::Reboot => {
                self.fall(host, "was started again");
                self.queue.set(recovers, self.now + STARTS);
            }
            PowerAction::RestartLibvirtd if health == Health::Down => {
                let reason = format!("{} does not answer", called(&self.topology, host));
                return self.ended(task, End::Failed(reason.into()), None);
            }
            PowerAction::RestartLibvirtd if health == Health::Hung => {
                self.queue.clear(recovers);
                self.recover(host);
            }
            PowerAction::On | PowerAction::RestartLibvirtd => {}
        }
        self.ended(task, End::Done, None);
    }
}
