//! What is wrong, counted: a group for each kind of trouble, with what helps.

use ratatui::layout::{Position, Rect};

use super::Cursor;
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::fleet::{Fleet, HostId, OpId, VmId, VmState};

mod group;
mod kind;

pub(crate) use group::{Group, Members};
use group::{Tally, full, groups};
pub(crate) use kind::Kind;

/// Names that a filter lists at most; where more VMs are meant, all of their kind are shown.
const NAMED: usize = 5000;

/// The page's state.
#[derive(Debug, Default)]
pub(crate) struct FindingsPage {
    pub cursor: Cursor,
    pub groups: Vec<Group>,
    kinds: usize,
    room: Rect,
}

/// Rows below the list, about the group under the cursor.
pub(crate) const BELOW: u16 = 8;

impl FindingsPage {
    /// How many kinds of trouble there are.
    pub(crate) const fn kinds(&self) -> usize {
        self.kinds
    }

    /// Counts the kinds of trouble: at most twice a second, on any page.
    pub(crate) fn count(&mut self, around: &Around<'_>) {
        let fleet = &around.snapshot.fleet;
        let tally = Tally::of(fleet);
        let sites = around.heat.sites();
        let there = |kind: Kind| match kind {
            Kind::Found(finding) => tally.found.contains(&finding),
            Kind::Failed => fleet.vms.count(VmState::Failed) > tally.failed,
            Kind::Lost => fleet.vms.count(VmState::Lost) > tally.lost,
            Kind::Down => sites.iter().any(|site| site.down > 0),
            Kind::HostDisk => full(fleet).next().is_some(),
            Kind::Over => sites.iter().any(|site| site.over > 0),
            Kind::Operations => around.snapshot.operations.iter().any(|op| op.failed > 0),
        };
        self.kinds = Kind::all().filter(|kind| there(*kind)).count();
    }

    fn under_cursor(&self) -> Option<&Group> {
        self.groups.get(self.cursor.row)
    }

    /// Rows of the list that fit above what is said of the group under the cursor.
    fn list(&self) -> u16 {
        if self.room.height >= 2 * BELOW { self.room.height - BELOW } else { self.room.height }
    }
}

/// A selection of these VMs by name.
fn by_name(fleet: &Fleet, vms: &[VmId]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let terms = vms.iter().map(|&vm| {
        let name = fleet.vms.name(vm);
        if name.chars().all(plain) {
            return format!("name:{name}");
        }
        let escaped: String =
            name.chars().flat_map(|c| ['\\', c].into_iter().skip(usize::from(!"\\\"*?".contains(c)))).collect();
        format!("name:\"{escaped}\"")
    });
    terms.collect::<Vec<_>>().join(" or ")
}

impl PageView for FindingsPage {
    fn context(&self) -> Context {
        Context::Findings
    }

    fn look(&mut self, around: &Around<'_>) {
        let of_one = |group: &Group| match (&group.kind, &group.members) {
            // What is found of a VM has figures in it that change.
            (Kind::Found(_), members) if group.reason.is_some() => Some(members.clone()),
            _ => None,
        };
        let at = self.under_cursor().map(|group| (group.kind, group.reason.clone(), of_one(group)));
        self.groups = groups(around);
        // The cursor stays on its group.
        if let Some((kind, reason, members)) = at {
            let same = |group: &Group| match &members {
                Some(_) => group.kind == kind && of_one(group) == members,
                None => group.kind == kind && group.reason == reason,
            };
            let row = self.groups.iter().position(same);
            self.cursor.row = row.or_else(|| self.groups.iter().position(|g| g.kind == kind)).unwrap_or(0);
        }
    }

    fn settle(&mut self, _: &Around<'_>, room: Rect) {
        self.room = room;
        self.cursor.settle(self.groups.len(), usize::from(self.list()));
    }

    fn step(&mut self, by: isize) {
        self.cursor.step(by);
    }

    fn rows(&self) -> isize {
        self.cursor.height as isize
    }

    fn open(&mut self, around: &Around<'_>) -> Go {
        let fleet = &around.snapshot.fleet;
        let Some(group) = self.under_cursor() else { return Go::Stay };
        let whole =
            self.groups.iter().any(|g| g.kind == group.kind && g.members == group.members && g.reason.is_none());
        match &group.members {
            Members::Vms(vms) if vms.len() == 1 => Go::Into(Page::Vm(vms[0])),
            Members::Vms(vms) if group.reason.is_some() && !whole && vms.len() <= NAMED => Go::Vms(by_name(fleet, vms)),
            Members::Vms(_) => Go::Vms(group.kind.selection()),
            Members::Hosts(hosts) if hosts.len() == 1 => Go::Into(Page::Host(hosts[0])),
            Members::Hosts(hosts) if group.reason.is_some() || group.kind == Kind::HostDisk => {
                let name = |host: &HostId| format!("name:{}", fleet.topology.host(*host).name);
                Go::Hosts(hosts.iter().map(name).collect::<Vec<_>>().join(" or "))
            }
            Members::Hosts(_) => Go::Hosts(group.kind.selection()),
            Members::Operations(operations) => operations.first().map_or(Go::Stay, |op| Go::Into(Page::Tasks(*op))),
        }
    }

    fn click(&mut self, at: Position, _: &Around<'_>) {
        if let Some(line) = at.y.checked_sub(self.room.y).filter(|line| *line < self.list()) {
            self.cursor.row = self.cursor.top + usize::from(line);
        }
    }

    fn vms(&self, _: &Around<'_>) -> Vec<VmId> {
        match self.under_cursor().map(|group| &group.members) {
            Some(Members::Vms(vms)) => vms.clone(),
            _ => Vec::new(),
        }
    }

    fn host(&self, _: &Around<'_>) -> Option<HostId> {
        match self.under_cursor().map(|group| &group.members) {
            Some(Members::Hosts(hosts)) => hosts.first().copied(),
            _ => None,
        }
    }

    fn operation(&self, _: &Around<'_>) -> Option<OpId> {
        match self.under_cursor().map(|group| &group.members) {
            Some(Members::Operations(operations)) => operations.first().copied(),
            _ => None,
        }
    }
}
