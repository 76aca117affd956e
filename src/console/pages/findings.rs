//! What is wrong, counted: a group for each kind of trouble, with what helps.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ratatui::layout::{Position, Rect};

use super::Cursor;
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::fleet::{Diagnosis, Finding, Fleet, HostId, HostState, OpId, VmId, VmState};
use crate::handle::OpState;

/// Reasons that are told apart in a kind of trouble.
const REASONS: usize = 12;
/// VMs with a finding that are told one by one.
const TOLD: usize = 4;
/// Names that a filter lists at most; where more VMs are meant, all of their kind are shown.
const NAMED: usize = 5000;

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What was found of VMs.
    Found(Finding),
    /// VMs that failed, of which no more is found.
    Failed,
    /// VMs whose hosts cannot be reached, of which no more is found.
    Lost,
    /// Hosts that cannot be used.
    Down,
    /// Hosts whose disks are full.
    HostDisk,
    /// Hosts of which more is asked than they have.
    Over,
    /// Operations in which tasks failed.
    Operations,
}

impl Kind {
    /// All of them, the most urgent first.
    fn all() -> impl Iterator<Item = Self> {
        let found = Finding::ALL.into_iter().filter(|finding| *finding != Finding::Unknown).map(Self::Found);
        let hosts = [Self::Down, Self::HostDisk, Self::Over];
        let last = [Self::Operations, Self::Found(Finding::Unknown)];
        found.chain([Self::Failed, Self::Lost]).chain(hosts).chain(last)
    }

    /// What is wrong with so many.
    pub(crate) const fn title(self, many: usize) -> &'static str {
        let (one, more) = match self {
            Self::Found(finding) => found_title(finding),
            Self::Failed => ("VM failed", "VMs failed"),
            Self::Lost => ("VM is lost: its host does not answer", "VMs are lost: their hosts do not answer"),
            Self::Down => ("host cannot be used", "hosts cannot be used"),
            Self::HostDisk => ("host has a full disk", "hosts have full disks"),
            Self::Over => ("host is asked for more CPU than it has", "hosts are asked for more CPU than they have"),
            Self::Operations => ("operation has failures", "operations have failures"),
        };
        if many == 1 { one } else { more }
    }

    /// What helps, in words.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::Found(finding) => found_advice(finding),
            Self::Failed => "Look at the reason, then retry the operation, or destroy them and boot others.",
            Self::Lost => "They may still run: they come back with their host.",
            Self::Down => "Look at the reason; VMs there are lost until the host answers.",
            Self::HostDisk => "Make room there: guests whose disks grow are stopped, and go on when they are resumed.",
            Self::Over => "Move some of their VMs to other hosts.",
            Self::Operations => "Look at the reasons, then retry what failed.",
        }
    }

    /// Actions that help with what is under the cursor.
    pub(crate) const fn helps(self) -> &'static [&'static str] {
        match self {
            Self::Found(Finding::NonConverging) => &["remedies", "stop-stress", "stress", "pause", "open"],
            Self::Found(_) | Self::HostDisk | Self::Down => &["remedies", "open"],
            Self::Lost => &["open"],
            Self::Failed => &["open", "destroy"],
            Self::Over => &["evacuate", "open"],
            Self::Operations => &["retry-failed", "open"],
        }
    }

    /// The selection of all VMs or hosts of the kind.
    fn selection(self) -> String {
        match self {
            Self::Found(finding) => format!("finding:{}", finding.word()),
            Self::Failed => "state:failed and finding:none".into(),
            Self::Lost => "state:lost and finding:none".into(),
            Self::Down => "state:unreachable or state:failed or state:withdrawn".into(),
            Self::Over => "state:over".into(),
            Self::HostDisk | Self::Operations => "all".into(),
        }
    }
}

/// A finding as it is said of one VM and of several.
const fn found_title(finding: Finding) -> (&'static str, &'static str) {
    match finding {
        Finding::None => ("VM is well", "VMs are well"),
        Finding::NonConverging => ("move does not converge", "moves do not converge"),
        Finding::NoProgress => ("task makes no progress", "tasks make no progress"),
        Finding::NoOutput => ("guest never said a word", "guests never said a word"),
        Finding::Panic => ("guest's kernel panicked", "guests' kernels panicked"),
        Finding::Emergency => ("guest stopped in a shell", "guests stopped in a shell"),
        Finding::NoDhcp => ("guest got no DHCP answer", "guests got no DHCP answer"),
        Finding::AgentSilent => ("guest answers no more", "guests answer no more"),
        Finding::ClockStuck => ("guest's clock is off", "guests' clocks are off"),
        Finding::QemuStopped => ("QEMU does nothing", "QEMUs do nothing"),
        Finding::QemuGone => ("VM is gone from its host", "VMs are gone from their hosts"),
        Finding::PausedOutside => ("VM was paused by others", "VMs were paused by others"),
        Finding::IoError => ("VM was stopped by a disk error", "VMs were stopped by disk errors"),
        Finding::DiskFull => ("VM was stopped by a full disk", "VMs were stopped by full disks"),
        Finding::LeftOnSource => ("VM is on two hosts", "VMs are on two hosts"),
        Finding::AddressTwice => ("VM shares its address", "VMs share addresses"),
        Finding::NoNetwork => ("guest is not reached by the network", "guests are not reached by the network"),
        Finding::HostSilent => ("VM is lost: its host does not answer", "VMs are lost: their hosts do not answer"),
        Finding::LibvirtdHung => {
            ("VM is out of reach: libvirtd hangs on its host", "VMs are out of reach: libvirtd hangs on their hosts")
        }
        Finding::Unknown => ("VM is unknown", "VMs are unknown"),
    }
}

/// What helps against a finding.
const fn found_advice(finding: Finding) -> &'static str {
    match finding {
        Finding::None => "Nothing is to be done.",
        Finding::NonConverging => {
            "They dirty memory as fast as it is sent: lower their load, pause them, or cancel the move."
        }
        Finding::NoProgress => "Wait, or cancel the task and ask again.",
        Finding::NoOutput => "Look at their class: has it a kernel, and console=ttyS0? Destroy and boot them anew.",
        Finding::Panic => "Look at the console. A reboot helps where the cause was passing, else mend their class.",
        Finding::Emergency => "Type on their console, or reboot them.",
        Finding::NoDhcp => "Look at the DHCP server; guests ask again by themselves.",
        Finding::AgentSilent => "The agent or the guest hangs: look at the console, reboot them.",
        Finding::ClockStuck => "A reboot reads the clock anew; NTP in the guest keeps it right.",
        Finding::QemuStopped => "Their process was stopped or its disk hangs: destroy them where it stays so.",
        Finding::QemuGone => "Boot them again: nothing is left of them on their hosts.",
        Finding::PausedOutside => "Resume them, where whoever paused them agrees.",
        Finding::IoError => "Look at the disk, then resume them: they go on where they stopped.",
        Finding::DiskFull => "Make room on their hosts' disks, then resume them: they go on where they stopped.",
        Finding::LeftOnSource => "Remove the domain that does not run, before somebody lets both run.",
        Finding::AddressTwice => "Destroy one of each two, or give it another address.",
        Finding::NoNetwork => "Look at their network; a reboot brings their cards up again.",
        Finding::HostSilent => "They may still run: they come back with their host.",
        Finding::LibvirtdHung => "They run on: restart libvirtd on their hosts.",
        Finding::Unknown => "Others made them: they are never touched, unless adopted.",
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

/// What is found in a fleet, counted in one pass.
#[derive(Debug, Default)]
struct Tally {
    found: HashSet<Finding>,
    /// VMs that failed and of which it is found why.
    failed: usize,
    lost: usize,
}

impl Tally {
    fn of(fleet: &Fleet) -> Self {
        let mut tally = Self::default();
        for (vm, finding) in fleet.vms.found() {
            tally.found.insert(finding);
            match fleet.vms.state(vm) {
                VmState::Failed => tally.failed += 1,
                VmState::Lost => tally.lost += 1,
                _ => {}
            }
        }
        tally
    }
}

/// Hosts with a full disk.
fn full(fleet: &Fleet) -> impl Iterator<Item = HostId> + '_ {
    let is_full = |(_, found): &(&HostId, &Arc<Diagnosis>)| found.finding == Finding::DiskFull;
    fleet.host_diagnoses.iter().filter(is_full).map(|(&host, _)| host)
}

/// All groups, the most urgent kind first; under a kind its reasons, where there are several.
fn groups(around: &Around<'_>) -> Vec<Group> {
    let mut groups = Vec::new();
    let tally = Tally::of(&around.snapshot.fleet);
    for kind in Kind::all() {
        if matches!(kind, Kind::Found(finding) if !tally.found.contains(&finding)) {
            continue;
        }
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
    match kind {
        Kind::Found(finding) => found(fleet, finding),
        Kind::HostDisk => (Members::Hosts(full(fleet).collect()), Vec::new()),
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

/// VMs with a finding, and the first of them with what is found of each.
fn found(fleet: &Fleet, finding: Finding) -> (Members, Reasons) {
    let all: Vec<VmId> = fleet.vms.found().filter(|(_, f)| *f == finding).map(|(vm, _)| vm).collect();
    // What is found of a host is the same for all its VMs, and so is what nobody knows.
    let alike = finding.of_host() || finding == Finding::Unknown;
    let told = all.iter().filter(|_| !alike).filter_map(|&vm| Some((vm, fleet.vm_diagnoses.get(&vm)?)));
    let told = told.take(TOLD + 1).map(|(vm, found)| {
        let text = format!("{}: {}", fleet.vms.name(vm), found.text);
        (text.into(), Members::Vms(vec![vm]))
    });
    let reasons: Reasons = told.collect();
    // Of many the first is told below, and Enter lists them.
    let few = reasons.len() <= TOLD;
    (Members::Vms(all), if few { reasons } else { Vec::new() })
}

/// VMs in a state of which nothing more is found, all and by reason. Only those of which there is something to say are looked at, unless there are
/// others.
fn vms_in(fleet: &Fleet, state: VmState) -> (Members, Reasons) {
    let count = fleet.vms.count(state);
    let found = if count == 0 { 0 } else { fleet.vms.found().filter(|(vm, _)| fleet.vms.state(*vm) == state).count() };
    let count = count - found;
    if count == 0 {
        return (Members::Vms(Vec::new()), Vec::new());
    }
    let is = |vm: VmId| {
        let row = (vm.0 < fleet.vms.id_count()).then(|| fleet.vms.row(vm));
        row.is_some_and(|row| row.state == state && row.finding == Finding::None)
    };
    let mut by_reason: HashMap<&Arc<str>, Vec<VmId>> = HashMap::new();
    let mut all = Vec::with_capacity(count);
    for (vm, reason) in fleet.vm_reasons.iter().filter(|(vm, _)| is(**vm)) {
        by_reason.entry(reason).or_default().push(*vm);
        all.push(*vm);
    }
    if all.len() < count {
        all = fleet.vms.ids().filter(|&vm| is(vm)).collect();
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
        let found = fleet.host_diagnoses.get(&host).map(|found| found.text.clone());
        let reason = found.or_else(|| fleet.host_reasons.get(&host).cloned());
        let reason = reason.unwrap_or_else(|| row.state.word().into());
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
