//! Who is in which trouble.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Kind;
use crate::console::page::Around;
use crate::fleet::{Diagnosis, Finding, Fleet, HostId, HostState, OpId, VmId, VmState};
use crate::handle::OpState;

/// Reasons that are told apart in a kind of trouble.
const REASONS: usize = 12;
/// VMs with a finding that are told one by one.
const TOLD: usize = 4;

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

/// What is found in a fleet, counted in one pass.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) found: HashSet<Finding>,
    /// VMs that failed and of which it is found why.
    pub(super) failed: usize,
    pub(super) lost: usize,
}

impl Tally {
    pub(super) fn of(fleet: &Fleet) -> Self {
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
pub(super) fn full(fleet: &Fleet) -> impl Iterator<Item = HostId> + '_ {
    let is_full = |(_, found): &(&HostId, &Arc<Diagnosis>)| found.finding == Finding::DiskFull;
    fleet.host_diagnoses.iter().filter(is_full).map(|(&host, _)| host)
}

/// All groups, the most urgent kind first; under a kind its reasons, where there are several.
pub(super) fn groups(around: &Around<'_>) -> Vec<Group> {
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
