//! What happens at a time of its own, and its place in the event queue.

use super::SimPlatform;
use crate::fleet::HostId;

/// What an entry of the event queue stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// A host crashes.
    Crash,
    /// A link is cut.
    Cut,
    /// A libvirtd hangs.
    Hang,
    /// The first boot of a host comes to the end of its reading or computing.
    Boots(HostId),
    /// A host comes back.
    Recover(HostId),
    /// A link comes back.
    Mend(usize),
    /// The first of the commands ends.
    Commands,
    /// A migration's delay or round ends.
    Migration(u32),
}

impl SimPlatform {
    /// The place of an event in the queue.
    pub(super) fn source(&self, event: Event) -> u32 {
        let hosts = self.hosts.len() as u32;
        let links = self.topology.links.len() as u32;
        match event {
            Event::Crash => 0,
            Event::Cut => 1,
            Event::Hang => 2,
            Event::Boots(host) => 3 + host.0,
            Event::Recover(host) => 3 + hosts + host.0,
            Event::Mend(link) => 3 + 2 * hosts + link as u32,
            Event::Commands => 3 + 2 * hosts + links,
            Event::Migration(number) => 4 + 2 * hosts + links + number,
        }
    }

    /// The event at a place in the queue.
    pub(super) fn event(&self, source: u32) -> Event {
        let hosts = self.hosts.len() as u32;
        let links = self.topology.links.len() as u32;
        match source {
            0 => Event::Crash,
            1 => Event::Cut,
            2 => Event::Hang,
            s if s < 3 + hosts => Event::Boots(HostId(s - 3)),
            s if s < 3 + 2 * hosts => Event::Recover(HostId(s - 3 - hosts)),
            s if s < 3 + 2 * hosts + links => Event::Mend((s - 3 - 2 * hosts) as usize),
            s if s == 3 + 2 * hosts + links => Event::Commands,
            s => Event::Migration(s - 4 - 2 * hosts - links),
        }
    }

    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Crash => self.crash_some_host(),
            Event::Cut => self.cut_some_link(),
            Event::Hang => self.hang_some_libvirtd(),
            Event::Boots(host) => self.boots_advance(host),
            Event::Recover(host) => self.recover(host),
            Event::Mend(link) => self.mend(link),
            Event::Commands => self.commands_end(),
            Event::Migration(number) => self.migration_advances(number),
        }
    }
}
