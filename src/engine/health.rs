//! What is known of how guests and hosts are, kept for the [doctor](crate::doctor), and what it says of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::doctor::{self, Copy, Evidence, HostEvidence, HostSign, LOOK_AGAIN, LoadSeen, PATIENCE, Sign};
use crate::fleet::{Diagnosis, Finding, HostId, Time, VmId, VmRow, VmState};
use crate::handle::{Level, OpKind, TaskEnd, TaskState};

use super::Engine;

/// What was seen of one VM.
#[derive(Debug, Default)]
struct Record {
    evidence: Evidence,
    /// When anything was last seen of it.
    heard: Time,
    /// When it is looked at again though nothing new is seen; none where nothing waits for time to pass.
    look: Option<Time>,
    /// What its console had said when its guest was started anew: no news of the new one.
    before: Option<Arc<str>>,
}

/// A second domain of a VM's name.
#[derive(Debug, Clone, Copy)]
struct Second {
    host: HostId,
    state: VmState,
}

/// All that is kept for the doctor. VMs of which nothing unusual is seen take no room in it but for their addresses.
#[derive(Debug, Default)]
pub(super) struct Health {
    records: BTreeMap<VmId, Record>,
    looks: BTreeSet<(Time, VmId)>,
    hosts: BTreeMap<HostId, HostEvidence>,
    copies: BTreeMap<VmId, Second>,
    addresses: HashMap<VmId, Arc<[Ipv4Addr]>>,
    holders: HashMap<Ipv4Addr, BTreeSet<VmId>>,
    /// VMs that a task of ours paused.
    paused: BTreeSet<VmId>,
    /// VMs of which something was seen in the batch that is being taken in.
    touched: BTreeSet<VmId>,
}

impl Health {
    /// When a VM is to be looked at though nothing new is seen.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.looks.first().map(|&(at, _)| at)
    }

    /// The host that has a second domain of the VM's name, and its state there.
    pub(super) fn copy(&self, vm: VmId) -> Option<(HostId, VmState)> {
        self.copies.get(&vm).map(|copy| (copy.host, copy.state))
    }

    /// What a VM's load lacked is over.
    pub(super) fn forget_shortfall(&mut self, vm: VmId) {
        if let Some(record) = self.records.get_mut(&vm) {
            record.evidence.load = None;
        }
    }

    fn forget_looks(&mut self, vm: VmId) {
        if let Some(at) = self.records.get_mut(&vm).and_then(|record| record.look.take()) {
            self.looks.remove(&(at, vm));
        }
    }

    /// Lets a VM have these addresses; whom that concerns is looked at.
    fn set_addresses(&mut self, vm: VmId, addresses: Option<Arc<[Ipv4Addr]>>) {
        let before = match addresses {
            Some(addresses) => self.addresses.insert(vm, addresses),
            None => self.addresses.remove(&vm),
        };
        let now = self.addresses.get(&vm).cloned();
        if before == now {
            return;
        }
        for address in before.iter().flat_map(|all| all.iter()) {
            if let Some(holders) = self.holders.get_mut(address) {
                holders.remove(&vm);
                self.touched.extend(holders.iter());
                if holders.is_empty() {
                    self.holders.remove(address);
                }
            }
        }
        for address in now.iter().flat_map(|all| all.iter()) {
            let holders = self.holders.entry(*address).or_default();
            holders.insert(vm);
            if holders.len() > 1 {
                self.touched.extend(holders.iter());
            }
        }
    }

    /// An address that a VM shares, and with whom.
    fn twin(&self, vm: VmId) -> Option<(Ipv4Addr, VmId)> {
        let shared = |address: &Ipv4Addr| {
            let other = self.holders.get(address)?.iter().find(|&&other| other != vm)?;
            Some((*address, *other))
        };
        self.addresses.get(&vm)?.iter().find_map(shared)
    }
}

impl Engine {
    /// Takes in what was seen of a VM.
    pub(super) fn sign(&mut self, vm: VmId, sign: &Sign) {
        let now = self.fleet.now;
        if let Sign::Load(seen) = sign {
            self.bears(vm, seen);
        }
        if let Sign::Addresses(addresses) = sign {
            self.health.set_addresses(vm, Some(addresses.clone()));
        }
        // What a well guest says need not be kept.
        let well = matches!(sign, Sign::AgentAnswers { behind } if behind.is_none_or(|by| by.unsigned_abs() < 1000))
            || matches!(sign, Sign::Addresses(addresses) if !addresses.is_empty())
            || matches!(sign, Sign::Network { answers: true, .. } | Sign::Still(std::time::Duration::ZERO))
            || matches!(sign, Sign::Load(LoadSeen::Found(_) | LoadSeen::Dirties(..) | LoadSeen::Has(_)));
        if well && !self.health.records.contains_key(&vm) {
            return;
        }
        let record = self.health.records.entry(vm).or_default();
        if let Sign::Serial { tail, .. } = sign {
            if record.before.as_ref() == Some(tail) {
                return;
            }
            record.before = None;
        }
        record.evidence.take(now, sign);
        record.heard = now;
        self.health.touched.insert(vm);
    }

    /// Takes in what was seen of a host.
    pub(super) fn host_sign(&mut self, host: HostId, sign: &HostSign) {
        let evidence = self.health.hosts.entry(host).or_default();
        match sign {
            HostSign::Disk { path, free, total } => evidence.disk = Some((path.clone(), *free, *total)),
            HostSign::Contact(contact) => evidence.contact = evidence.silent.is_some().then_some(*contact),
        }
        self.examine_host(host);
    }

    /// Notes that a host answers, or why not.
    pub(super) fn note_silence(&mut self, host: HostId, why: Option<Arc<str>>) {
        if why.is_none() && !self.health.hosts.contains_key(&host) {
            return;
        }
        let evidence = self.health.hosts.entry(host).or_default();
        (evidence.silent, evidence.contact) = (why, None);
        self.examine_host(host);
    }

    /// Says what is wrong with a host, if anything.
    fn examine_host(&mut self, host: HostId) {
        let name = self.host_name(Some(host));
        let Some(evidence) = self.health.hosts.get_mut(&host) else { return };
        evidence.name = name.clone();
        let found = doctor::diagnose_host(evidence).map(Arc::new);
        let before = self.fleet.host_diagnoses.get(&host).cloned();
        if found == before {
            return;
        }
        let all = Arc::make_mut(&mut self.fleet.host_diagnoses);
        match &found {
            Some(found) => all.insert(host, found.clone()),
            None => all.remove(&host),
        };
        self.changes += 1;
        let finding = |found: &Option<Arc<Diagnosis>>| found.as_ref().map_or(Finding::None, |found| found.finding);
        let (now, before) = (finding(&found), finding(&before));
        if now == before {
            return;
        }
        // That a host does not answer is said when it is noticed.
        if let Some(found) = found.filter(|found| found.finding != Finding::HostSilent) {
            self.say(Level::Warning, None, Some(host), None, format!("{name}: {}", found.text));
        }
        let lost: Vec<VmId> = self.on_host[host.index()].iter().copied().collect();
        for vm in lost {
            if self.fleet.vms.state(vm) == VmState::Lost {
                self.fleet.vms.update(vm, |row| row.finding = if now.of_host() { now } else { Finding::None });
            }
        }
    }

    /// The finding of the VMs that are lost with a host.
    pub(super) fn finding_of_lost(&self, host: Option<HostId>) -> Finding {
        let found = host.and_then(|host| self.fleet.host_diagnoses.get(&host)).map(|found| found.finding);
        found.filter(|finding| finding.of_host()).unwrap_or_default()
    }

    /// A guest was started anew: what was seen of it says nothing any more, and what loaded it does not run.
    pub(super) fn begins_anew(&mut self, vm: VmId) {
        self.forget_load(vm);
        self.fleet.vms.update(vm, |row| row.stressed = false);
        self.health.forget_looks(vm);
        let Some(record) = self.health.records.remove(&vm) else { return };
        if let Some(serial) = record.evidence.serial {
            self.health.records.insert(vm, Record { before: Some(serial.tail), ..Record::default() });
        }
    }

    /// A VM is no more.
    pub(super) fn forget_health(&mut self, vm: VmId) {
        self.health.forget_looks(vm);
        self.health.records.remove(&vm);
        self.health.copies.remove(&vm);
        self.health.paused.remove(&vm);
        self.health.set_addresses(vm, None);
        if self.fleet.vm_diagnoses.contains_key(&vm) {
            Arc::make_mut(&mut self.fleet.vm_diagnoses).remove(&vm);
        }
    }

    /// Notes whether a task of ours paused a VM.
    pub(super) fn note_paused(&mut self, vm: VmId, here: bool) {
        if here {
            self.health.paused.insert(vm);
        } else {
            self.health.paused.remove(&vm);
            // It goes on: its disk took what it wrote.
            if let Some(record) = self.health.records.get_mut(&vm) {
                record.evidence.disk = None;
            }
        }
    }

    /// A VM's domain went away and nobody of ours took it.
    pub(super) fn note_gone(&mut self, vm: VmId, reason: &Arc<str>) {
        self.health.set_addresses(vm, None);
        let record = self.health.records.entry(vm).or_default();
        record.evidence.gone = Some(reason.clone());
        record.heard = self.fleet.now;
        self.health.touched.insert(vm);
    }

    /// Its guest's agent, which had answered, left, or came back.
    pub(super) fn note_agent(&mut self, vm: VmId, there: bool) {
        let now = self.fleet.now;
        match self.health.records.get_mut(&vm) {
            None if there => return,
            Some(record) if there => record.evidence.take(now, &Sign::AgentAnswers { behind: None }),
            _ => {
                let record = self.health.records.entry(vm).or_default();
                record.evidence.take(now, &Sign::AgentSilent);
                record.heard = now;
            }
        }
        self.health.touched.insert(vm);
    }

    /// A host lists a VM that is known to be on another one.
    pub(super) fn note_copy(&mut self, vm: VmId, host: HostId, state: VmState) {
        if state.holds_memory() || state == VmState::Off {
            self.health.copies.insert(vm, Second { host, state });
            self.health.touched.insert(vm);
        }
    }

    /// A VM's second domain on a host is gone.
    pub(super) fn note_no_copy(&mut self, vm: VmId, host: HostId) {
        if self.health.copies.get(&vm).is_some_and(|copy| copy.host == host) {
            self.health.copies.remove(&vm);
            self.health.touched.insert(vm);
        }
    }

    /// Second domains on a host that a full list of it must have.
    pub(super) fn copies_on(&self, host: HostId) -> Vec<VmId> {
        self.health.copies.iter().filter(|(_, copy)| copy.host == host).map(|(&vm, _)| vm).collect()
    }

    /// A task on a VM ended: what it kept from being a finding may be one now.
    pub(super) fn touch(&mut self, vm: VmId) {
        let odd = self.health.records.contains_key(&vm) || self.fleet.vms.state(vm) == VmState::Paused;
        if odd && self.fleet.vms.exists(vm) {
            self.health.touched.insert(vm);
        }
    }

    /// Looks at the VMs of which something was seen.
    pub(super) fn examine_touched(&mut self) {
        while let Some(vm) = self.health.touched.pop_first() {
            self.examine(vm);
        }
    }

    /// Looks at the VMs for which enough time has passed.
    pub(super) fn look_again(&mut self) {
        while let Some((at, vm)) = self.health.looks.first().copied().filter(|&(at, _)| at <= self.fleet.now) {
            self.health.looks.remove(&(at, vm));
            if let Some(record) = self.health.records.get_mut(&vm) {
                record.look = None;
            }
            self.examine(vm);
        }
    }

    /// Says what is wrong with a VM, if anything.
    pub(super) fn examine(&mut self, vm: VmId) {
        if !self.fleet.vms.exists(vm) {
            return;
        }
        let row = self.fleet.vms.row(vm);
        // Its host's finding is its own.
        if row.state == VmState::Lost {
            return;
        }
        let found = self.diagnosis(vm, &row);
        match (found, row.finding) {
            // What a move says of itself comes first; that a task gets nowhere is less than why.
            (_, Finding::NonConverging) | (None, Finding::None | Finding::NoProgress) => {}
            (Some(found), _) => self.found(vm, found),
            (None, _) => self.find(vm, Finding::None, ""),
        }
        self.health.forget_looks(vm);
        let now = self.fleet.now;
        let Some(record) = self.health.records.get_mut(&vm) else { return };
        if record.evidence.is_well() && record.before.is_none() && !self.health.copies.contains_key(&vm) {
            self.health.records.remove(&vm);
        } else if now.since(record.heard) < PATIENCE {
            let at = now + LOOK_AGAIN;
            record.look = Some(at);
            self.health.looks.insert((at, vm));
        }
    }

    fn diagnosis(&mut self, vm: VmId, row: &VmRow) -> Option<Diagnosis> {
        if !row.managed {
            let host = self.host_name(row.host);
            let text = "it was not made by Hemera: it is shown and never touched unless adopted";
            let seen = vec![format!("{host} lists it, without Hemera's mark").into()];
            return Some(Diagnosis::new(Finding::Unknown, text, seen));
        }
        let known = self.health.records.contains_key(&vm) || self.health.copies.contains_key(&vm);
        let twin = self.health.twin(vm);
        // Most VMs are well, and there may be a million of them.
        if !known && twin.is_none() && row.state != VmState::Paused {
            return None;
        }
        // What moved to where the other lay is there alone.
        if row.host.is_some() && row.host == self.health.copy(vm).map(|(host, _)| host) {
            self.health.copies.remove(&vm);
        }
        let copy = self.health.copies.get(&vm).copied().map(|copy| Copy {
            host: self.host_name(Some(copy.host)),
            state: copy.state,
            moved: self.moved_from(vm) == Some(copy.host),
        });
        let (reason, host) = (self.fleet.vm_reasons.get(&vm).cloned(), self.host_name(row.host));
        let twin = twin.map(|(address, other)| (address, self.vm_name(other)));
        let seen = self.health.records.get(&vm).map(|record| record.evidence.clone()).unwrap_or_default();
        doctor::diagnose(&Evidence {
            now: self.fleet.now,
            state: row.state,
            reason,
            since: Time(u64::from(row.since) * 1_000_000_000),
            host,
            busy: self.front_of(vm).is_some(),
            paused_here: self.health.paused.contains(&vm),
            copy,
            twin,
            ..seen
        })
    }

    /// Where a VM's last move that was done took it away from.
    fn moved_from(&self, vm: VmId) -> Option<HostId> {
        let moved = |&id: &crate::fleet::TaskId| {
            let task = self.task(id);
            self.op(task.op).kind.moves() && task.state == TaskState::Ended(TaskEnd::Done)
        };
        self.tasks_of(vm).find(moved).and_then(|id| self.task(id).source)
    }

    /// Why a task on a VM that gets nowhere does so, where that is known.
    pub(super) fn known_cause(&self, vm: VmId) -> String {
        match self.fleet.vm_diagnoses.get(&vm) {
            Some(found) if !matches!(found.finding, Finding::NoProgress | Finding::NonConverging) => {
                format!(": {}", found.text)
            }
            _ => String::new(),
        }
    }

    /// The tasks by which VMs were booted, as far as they are still known, by operation.
    pub(super) fn boots_of(&self, vms: &[VmId]) -> BTreeMap<crate::fleet::OpId, Vec<crate::fleet::TaskId>> {
        let mut boots: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for &vm in vms.iter().filter(|&&vm| self.fleet.vms.exists(vm)) {
            let booted = self.tasks_of(vm).find(|&id| self.op(self.task(id).op).kind == OpKind::Boot);
            if let Some(id) = booted {
                boots.entry(self.task(id).op).or_default().push(id);
            }
        }
        boots
    }
}
