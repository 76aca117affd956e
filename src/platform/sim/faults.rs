//! What strikes the whole world: hosts that crash, links that are cut. Both are Poisson over all hosts or links.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{HostId, Time};
use crate::platform::{End, Observation};

use super::config::PerHour;
use super::host::{Health, called};
use super::random::{below, exponential};
use super::{Event, SimPlatform};

/// How long a crashed host stays away where the world does not say: the downtime of `VMPlaceS`' crash injector.
const HOST_DOWNTIME: Duration = Duration::from_mins(5);

/// How long a cut link stays cut where the world does not say.
const LINK_DOWNTIME: Duration = Duration::from_mins(1);

/// The time to the next of `count` things to break, from a unit exponential; none where they never do.
fn wait(unit: f64, each: PerHour, count: usize) -> Option<Duration> {
    let per_second = each.0 * count as f64 / 3600.0;
    (per_second > 0.0).then(|| Duration::try_from_secs_f64(unit / per_second).ok()).flatten()
}

impl SimPlatform {
    /// Draws the first crash and the first cut.
    pub(super) fn schedule_faults(&mut self) {
        self.schedule_crash();
        self.schedule_cut();
        self.schedule_hang();
    }

    /// When the next libvirtd hangs.
    pub(super) fn next_hang(&mut self) -> Option<Time> {
        let unit = exponential(&mut self.hangs);
        wait(unit, self.config.faults.libvirtd_hang, self.hosts.len()).map(|wait| self.now + wait)
    }

    fn schedule_crash(&mut self) {
        let unit = exponential(&mut self.crashes);
        if let Some(wait) = wait(unit, self.config.faults.host_crash, self.hosts.len()) {
            self.queue.set(self.source(Event::Crash), self.now + wait);
        }
    }

    fn schedule_cut(&mut self) {
        let unit = exponential(&mut self.cuts);
        if let Some(wait) = wait(unit, self.config.faults.link_cut, self.topology.links.len()) {
            self.queue.set(self.source(Event::Cut), self.now + wait);
        }
    }

    pub(super) fn crash_some_host(&mut self) {
        let host = HostId(below(&mut self.crashes, self.hosts.len()) as u32);
        self.schedule_crash();
        if self.hosts[host.index()].is_up() {
            self.fall(host, "crashed");
            let downtime = self.config.faults.host_downtime.unwrap_or(HOST_DOWNTIME);
            self.queue.set(self.source(Event::Recover(host)), self.now + downtime);
        }
    }

    /// Ends a host with all that is on it, for as long as nobody brings it back; `how` says how it came.
    pub(super) fn fall(&mut self, host: HostId, how: &str) {
        let reason: Arc<str> = format!("{} {how}", called(&self.topology, host)).into();
        self.hosts[host.index()].health = Health::Down;
        self.say(Some(host), Observation::HostUnreachable { reason: reason.clone() });
        let mut migrations = self.hosts[host.index()].migrations.clone();
        migrations.sort_unstable();
        for number in migrations {
            self.lose_post_copied(number);
            let end = if self.is_source(number, host) { "source" } else { "target" };
            self.end_migration(number, End::Failed(format!("its {end} {reason}").into()));
        }
        self.forget_lost();
        self.fail_boots(host, &reason);
        self.fail_commands(host, &reason);
        while let Some(&vm) = self.hosts[host.index()].vms.last() {
            self.remove(vm);
        }
        self.queue.clear(self.source(Event::Boots(host)));
        self.queue.clear(self.source(Event::Recover(host)));
    }

    pub(super) fn recover(&mut self, host: HostId) {
        self.hosts[host.index()].health = Health::Up;
        self.list_changed(host);
        self.say_host_answers(host);
        // Nothing is left on one that crashed; on one whose libvirtd hung everything is.
        let inventory = self.inventory(host);
        self.say(Some(host), Observation::Inventory(inventory));
    }

    pub(super) fn cut_some_link(&mut self) {
        let link = below(&mut self.cuts, self.topology.links.len());
        self.schedule_cut();
        // A link that is cut while it is cut stays so for longer.
        self.set_link(link, 0.0);
        let at: Time = self.now + self.config.faults.link_downtime.unwrap_or(LINK_DOWNTIME);
        self.queue.set(self.source(Event::Mend(link)), at);
    }

    pub(super) fn mend(&mut self, link: usize) {
        self.set_link(link, self.topology.links[link].bandwidth.0);
    }

    fn set_link(&mut self, link: usize, capacity: f64) {
        let ends = &self.topology.links[link];
        for from in [ends.a, ends.b] {
            self.network.set_capacity(self.site_link(link, from), capacity);
        }
    }
}
