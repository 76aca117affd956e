//! What is wrong, counted: a group for each kind of trouble, with what helps.

use std::collections::HashMap;
use std::sync::Arc;

use ratatui::layout::{Position, Rect};

use super::Cursor;
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::fleet::{Finding, Fleet, HostId, HostState, OpId, VmId, VmState};
use crate::handle::OpState;

/// Reasons that are told apart in a kind of trouble.
const REASONS: usize = 12;
/// Names that a filter lists at most; where more VMs are meant, all of their kind are shown.
const NAMED: usize = 5000;

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Moves that send memory more slowly than the guest dirties it.
    NonConverging,
    /// Tasks without progress.
    NoProgress,
    /// VMs that failed.
    Failed,
    /// VMs whose hosts cannot be reached.
    Lost,
    /// Hosts that cannot be used.
    Down,
    /// Hosts of which more is asked than they have.
    Over,
    /// Operations in which tasks failed.
    Operations,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::NonConverging, Self::NoProgress, Self::Failed, Self::Lost, Self::Down, Self::Over, Self::Operations];

    /// What is wrong with so many.
    pub(crate) const fn title(self, many: usize) -> &'static str {
        match (self, many) {
            (Self::NonConverging, 1) => "move does not converge",
            (Self::NonConverging, _) => "moves do not converge",
            (Self::NoProgress, 1) => "task makes no progress",
            (Self::NoProgress, _) => "tasks make no progress",
            (Self::Failed, 1) => "VM failed",
            (Self::Failed, _) => "VMs failed",
            (Self::Lost, 1) => "VM is lost: its host does not answer",
            (Self::Lost, _) => "VMs are lost: their hosts do not answer",
            (Self::Down, 1) => "host cannot be used",
            (Self::Down, _) => "hosts cannot be used",
            (Self::Over, 1) => "host is asked for more CPU than it has",
            (Self::Over, _) => "hosts are asked for more CPU than they have",
            (Self::Operations, 1) => "operation has failures",
            (Self::Operations, _) => "operations have failures",
        }
    }

    /// What helps, in words.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::NonConverging => {
                "They dirty memory as fast as it is sent: lower their load, pause them, or cancel the move."
            }
            Self::NoProgress => "Wait, or cancel the task and ask again.",
            Self::Failed => "Look at the reason, then retry the operation, or destroy them and boot others.",
            Self::Lost => "They may still run: they come back with their host.",
            Self::Down => "Look at the reason; VMs there are lost until the host answers.",
            Self::Over => "Move some of their VMs to other hosts.",
            Self::Operations => "Look at the reasons, then retry what failed.",
        }
    }

    /// Actions that help with what is under the cursor.
    pub(crate) const fn helps(self) -> &'static [&'static str] {
        match self {
            Self::NonConverging => &["stop-stress", "stress", "pause"],
            Self::NoProgress | Self::Lost | Self::Down => &["open"],
            Self::Failed => &["open", "destroy"],
            Self::Over => &["evacuate", "open"],
            Self::Operations => &["retry-failed", "open"],
        }
    }

    /// The selection of all VMs or hosts of the kind.
    const fn selection(self) -> &'static str {
        match self {
            Self::NonConverging => "finding:non-converging",
            Self::NoProgress => "finding:no-progress",
            Self::Failed => "state:failed",
            Self::Lost => "state:lost",
            Self::Down => "state:unreachable or state:failed or state:withdrawn",
            Self::Over => "state:over",
            Self::Operations => "all",
        }
    }
}

/// What is wrong, with a reason or all of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub kind: Kind,
    /// The reason that its members have in common; none for all of the kind.
    pub reason: Option<Arc<str>>,
    pub members: Members,
}

/// Who is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Members {
    Vms(Vec<VmId>),
    Hosts(Vec<HostId>),
    Operations(Vec<OpId>),
}

impl Members {
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Vms(vms) => vms.len(),
            Self::Hosts(hosts) => hosts.len(),
            Self::Operations(operations) => operations.len(),
        }
    }
}

/// The page's state.
#[derive(Debug, Default)]
pub(crate) struct FindingsPage {
    pub cursor: Cursor,
    pub groups: Vec<Group>,
    kinds: usize,
    room: Rect,
}

/// Rows below the list, about the group under the cursor.
pub(crate) const BELOW: u16 = 4;

impl FindingsPage {
    /// How many kinds of trouble there are.
    pub(crate) const fn kinds(&self) -> usize {
        self.kinds
    }

    /// Counts the kinds of trouble: at most twice a second, on any page.
    pub(crate) fn count(&mut self, around: &Around<'_>) {
        let fleet = &around.snapshot.fleet;
        let found = |finding| fleet.vms.found().any(|(_, f)| f == finding);
        let sites = around.heat.sites();
        let there = |kind: Kind| match kind {
            Kind::NonConverging => found(Finding::NonConverging),
            Kind::NoProgress => found(Finding::NoProgress),
            Kind::Failed => fleet.vms.count(VmState::Failed) > 0,
            Kind::Lost => fleet.vms.count(VmState::Lost) > 0,
            Kind::Down => sites.iter().any(|site| site.down > 0),
            Kind::Over => sites.iter().any(|site| site.over > 0),
            Kind::Operations => around.snapshot.operations.iter().any(|op| op.failed > 0),
        };
        self.kinds = Kind::ALL.into_iter().filter(|kind| there(*kind)).count();
    }

    fn under_cursor(&self) -> Option<&Group> {
        self.groups.get(self.cursor.row)
    }

    /// Rows of the list that fit above what is said of the group under the cursor.
    fn list(&self) -> u16 {
        if self.room.height > 2 * BELOW { self.room.height - BELOW } else { self.room.height }
    }
}

/// All groups, the most urgent kind first; under a kind its reasons, where there are several.
fn groups(around: &Around<'_>) -> Vec<Group> {
    let mut groups = Vec::new();
    for kind in Kind::ALL {
        let (members, reasons) = members(kind, around);
        if members.len() == 0 {
            continue;
        }
        let single = match reasons.as_slice() {
            [(reason, theirs)] if theirs.len() == members.len() => Some(reason.clone()),
            _ => None,
        };
        let several = single.is_none() || kind == Kind::Operations;
        groups.push(Group { kind, reason: single, members });
        if several {
            groups.extend(reasons.into_iter().map(|(reason, members)| Group { kind, reason: Some(reason), members }));
        }
    }
    groups
}

type Reasons = Vec<(Arc<str>, Members)>;

fn members(kind: Kind, around: &Around<'_>) -> (Members, Reasons) {
    let fleet = &around.snapshot.fleet;
    let found = |finding| fleet.vms.found().filter(|(_, f)| *f == finding).map(|(vm, _)| vm).collect();
    match kind {
        Kind::NonConverging => (Members::Vms(found(Finding::NonConverging)), Vec::new()),
        Kind::NoProgress => (Members::Vms(found(Finding::NoProgress)), Vec::new()),
        Kind::Failed => vms_in(fleet, VmState::Failed),
        Kind::Lost => vms_in(fleet, VmState::Lost),
        Kind::Down => down(fleet),
        Kind::Over => {
            let over = fleet.hosts.rows().filter(|(_, row)| row.over() && row.state == HostState::Ready);
            (Members::Hosts(over.map(|(host, _)| host).collect()), Vec::new())
        }
        Kind::Operations => operations(around),
    }
}

/// VMs in a state, all and by reason. Only those of which there is something to say are looked at, unless there are
/// others.
fn vms_in(fleet: &Fleet, state: VmState) -> (Members, Reasons) {
    let count = fleet.vms.count(state);
    if count == 0 {
        return (Members::Vms(Vec::new()), Vec::new());
    }
    let is = |vm: VmId| vm.0 < fleet.vms.id_count() && fleet.vms.state(vm) == state;
    let mut by_reason: HashMap<&Arc<str>, Vec<VmId>> = HashMap::new();
    let mut all = Vec::with_capacity(count);
    for (vm, reason) in fleet.vm_reasons.iter().filter(|(vm, _)| is(**vm)) {
        by_reason.entry(reason).or_default().push(*vm);
        all.push(*vm);
    }
    if all.len() < count {
        all = fleet.vms.ids().filter(|&vm| fleet.vms.state(vm) == state).collect();
    }
    all.sort_unstable();
    let mut reasons: Vec<_> = by_reason.into_iter().collect();
    reasons.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(b.0)));
    let reasons = reasons.into_iter().take(REASONS).map(|(reason, mut vms)| {
        vms.sort_unstable();
        (reason.clone(), Members::Vms(vms))
    });
    (Members::Vms(all), reasons.collect())
}

/// Hosts that cannot be used, by what is known of why.
fn down(fleet: &Fleet) -> (Members, Reasons) {
    let is_down = |state| matches!(state, HostState::Unreachable | HostState::Failed | HostState::Withdrawn);
    let mut by_reason: Vec<(Arc<str>, Vec<HostId>)> = Vec::new();
    let mut all = Vec::new();
    for (host, row) in fleet.hosts.rows().filter(|(_, row)| is_down(row.state)) {
        all.push(host);
        let reason = fleet.host_reasons.get(&host).cloned().unwrap_or_else(|| row.state.word().into());
        match by_reason.iter().position(|(r, _)| *r == reason) {
            Some(at) => by_reason[at].1.push(host),
            None if by_reason.len() < REASONS => by_reason.push((reason, vec![host])),
            None => {}
        }
    }
    let reasons = by_reason.into_iter().map(|(reason, hosts)| (reason, Members::Hosts(hosts))).collect();
    (Members::Hosts(all), reasons)
}

/// Operations with failures, the newest first, each with what failed most.
fn operations(around: &Around<'_>) -> (Members, Reasons) {
    let failed: Vec<_> = around.snapshot.operations.iter().rev().filter(|op| op.failed > 0).collect();
    let told = failed.iter().take(REASONS).map(|op| {
        let why = op.failed_by.first().map_or("", |(why, _)| why);
        let open = if op.state == OpState::Ended { "" } else { ", not ended" };
        let text = format!("{} {}: {} failed{open}: {why}", op.id, op.title, op.failed);
        (text.into(), Members::Operations(vec![op.id]))
    });
    (Members::Operations(failed.iter().map(|op| op.id).collect()), told.collect())
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
        let at = self.under_cursor().map(|group| (group.kind, group.reason.clone()));
        self.groups = groups(around);
        // The cursor stays on its group.
        if let Some((kind, reason)) = at {
            let same = |group: &Group| group.kind == kind && group.reason == reason;
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
            Members::Vms(_) => Go::Vms(group.kind.selection().to_owned()),
            Members::Hosts(hosts) if hosts.len() == 1 => Go::Into(Page::Host(hosts[0])),
            Members::Hosts(hosts) if group.reason.is_some() => {
                let name = |host: &HostId| format!("name:{}", fleet.topology.host(*host).name);
                Go::Hosts(hosts.iter().map(name).collect::<Vec<_>>().join(" or "))
            }
            Members::Hosts(_) => Go::Hosts(group.kind.selection().to_owned()),
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
