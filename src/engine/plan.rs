//! From what was asked for to the tasks it takes: which VMs, from where to where, and what is refused and why.
//!
//! A plan changes nothing: previews make one and throw it away, commands make one and start it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::fleet::{Bytes, Fleet, HostId, HostState, MigrationOptions, RescuePlan, VM_OVERHEAD, VmId, VmRow, VmState};
use crate::handle::{Boot, Evacuate, Migrate, Moves, OpKind, OperationSpec, Pattern, RunOn, VmChange, Which};
use crate::platform::Change;

mod bring;
mod hosts;
mod power;
mod run;

use super::names::Names;
use super::placement::{Room, place};
use super::task::Work;

/// What a task is for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Subject {
    /// A VM that is to be made, of this name.
    New(Arc<str>),
    /// One that exists.
    Vm(VmId),
    /// One that was named and does not exist.
    Unknown(Arc<str>),
    /// A host itself.
    Host(HostId),
}

/// One task to be.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) subject: Subject,
    pub(super) source: Option<HostId>,
    pub(super) target: Option<HostId>,
}

/// A VM or host that is left out, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) subject: Subject,
    /// Where it would have gone, where that was said.
    pub(super) target: Option<HostId>,
    pub(super) reason: Arc<str>,
}

/// What an operation comes to.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) kind: OpKind,
    pub(super) title: Arc<str>,
    pub(super) work: Work,
    pub(super) tasks: Vec<Planned>,
    pub(super) refused: Vec<Refusal>,
    /// VMs that are as asked already.
    pub(super) unchanged: u32,
    /// Hosts that take no new VMs from then on.
    pub(super) drain: Vec<HostId>,
}

impl Plan {
    /// A plan of nothing yet, without a title.
    fn empty(kind: OpKind, work: Work) -> Self {
        Self { kind, title: "".into(), work, tasks: Vec::new(), refused: Vec::new(), unchanged: 0, drain: Vec::new() }
    }
}

/// What plans are made from.
pub(super) struct Planner<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) names: &'a Names,
    /// Memory that waiting moves will need on their targets, in MiB by host.
    pub(super) intended: &'a [u64],
    /// Seed of random placement, another one for each operation.
    pub(super) seed: u64,
    /// Whether a task waits for or works on a VM.
    pub(super) busy: &'a dyn Fn(VmId) -> bool,
    /// What is known of VMs' second domains.
    pub(super) health: &'a super::Health,
}

/// A whole number as people read it: `10 240`.
pub(super) fn thousands(n: u32) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Where a move goes, in words: `to site:nantes`, `away from paradoxe-1 and paradoxe-2`.
fn way(hosts: &str) -> String {
    let left: Option<Vec<&str>> = hosts.split(" and ").map(|term| term.trim().strip_prefix("not ")).collect();
    match left {
        Some(left) if left.iter().all(|host| !host.contains([' ', '('])) => format!("away from {}", left.join(" and ")),
        _ => format!("to {hosts}"),
    }
}

fn vms(n: usize) -> String {
    if n == 1 { "1 VM".into() } else { format!("{} VMs", thousands(n as u32)) }
}

/// A plan of moves, empty yet, done so; refused where it cannot be.
fn moving(kind: OpKind, options: &MigrationOptions, rescue: Option<&RescuePlan>) -> Result<Plan, Arc<str>> {
    let options = rescue.map_or(*options, |plan| options.with_plan(plan));
    options.check()?;
    Ok(Plan::empty(kind, Work::Move(options)))
}

/// The title of a plan of moves, with how they are done where that was said.
fn titled(title: &str, options: &MigrationOptions, rescue: Option<&RescuePlan>) -> Arc<str> {
    let rescue = rescue.map(|plan| format!("rescue {}", plan.name));
    let said = [Some(options.to_string()), rescue].into_iter().flatten().filter(|part| !part.is_empty());
    let said: Vec<String> = said.collect();
    if said.is_empty() { title.into() } else { format!("{title}: {}", said.join(", ")).into() }
}

/// Memory that a VM needs on a host, in MiB.
pub(super) const fn footprint(row: &VmRow) -> u64 {
    row.memory as u64 + VM_OVERHEAD.to_mib()
}

impl Planner<'_> {
    /// Plans an operation. The error says what is wrong with it as a whole.
    pub(super) fn plan(&self, spec: &OperationSpec) -> Result<Plan, Arc<str>> {
        match spec {
            OperationSpec::Boot(boot) => self.boot(boot),
            OperationSpec::Migrate(migrate) => self.migrate(migrate),
            OperationSpec::Evacuate(evacuate) => self.evacuate(evacuate),
            OperationSpec::Change { which, change } => Ok(self.change(which, *change)),
            OperationSpec::Run { on: RunOn::Vms(which), script } => Ok(self.run_in(which, script)),
            OperationSpec::Run { on: RunOn::Hosts(hosts), script } => self.run_on(hosts, script),
            OperationSpec::Copy { on, copy } => self.copy(on, copy),
            OperationSpec::Spread { image, on } => self.bring(image, on),
            OperationSpec::Power { on, action } => self.power(on, *action),
        }
    }

    fn room(&self) -> Room {
        Room::new(self.fleet, self.intended)
    }

    fn boot(&self, boot: &Boot) -> Result<Plan, Arc<str>> {
        let names = self.names.free(&self.fleet.vms, &boot.name, boot.count);
        if names.is_empty() && boot.count > 0 {
            return Err(format!("a VM named `{}` exists; put {{n}} into the name for a number", boot.name).into());
        }
        if names.len() < boot.count as usize {
            return Err(format!("{} VMs need {{n}} in their name `{}`", thousands(boot.count), boot.name).into());
        }
        self.boot_named(boot, names)
    }

    /// Plans the boot of VMs of these names, which must be free.
    pub(super) fn boot_named(&self, boot: &Boot, names: Vec<Arc<str>>) -> Result<Plan, Arc<str>> {
        let mut plan = Plan::empty(OpKind::Boot, Work::Boot(boot.class.clone()));
        plan.title = format!("boot {} {}", thousands(names.len() as u32), boot.class.name).into();
        plan.tasks.reserve(names.len());
        let hosts = boot.on.select_hosts(self.fleet);
        let ready: Vec<HostId> =
            hosts.iter().copied().filter(|&h| self.fleet.hosts.row(h).state == HostState::Ready).collect();
        if ready.is_empty() {
            let what = if hosts.is_empty() { "is no host" } else { "is no host that is ready" };
            return Err(format!("`{}` {what}", boot.on.source()).into());
        }
        let need = boot.class.memory.to_mib() + VM_OVERHEAD.to_mib();
        let mut room = self.room();
        let places = place(&mut room, &boot.placement, &ready, names.len(), need, self.seed, &self.fleet.topology)?;
        for (name, place) in names.into_iter().zip(places) {
            match place {
                Ok(host) => {
                    plan.tasks.push(Planned { subject: Subject::New(name), source: None, target: Some(host) });
                }
                Err(reason) => plan.refused.push(Refusal { subject: Subject::New(name), target: None, reason }),
            }
        }
        Ok(plan)
    }

    /// The VMs meant, by id.
    fn which(&self, which: &Which) -> Vec<VmId> {
        match which {
            Which::Selected(selection) => selection.select_vms(self.fleet),
            Which::Ids(ids) => ids.iter().copied().filter(|&vm| self.fleet.vms.exists(vm)).collect(),
        }
    }

    /// Why a VM cannot move; none where it can, or will be able to when the task before has ended.
    fn immovable(&self, vm: VmId, row: &VmRow) -> Option<Arc<str>> {
        if !row.managed {
            return Some("the VM was not made by Hemera".into());
        }
        let movable = row.host.is_some() && (row.state.runs() || row.state == VmState::Paused);
        (!movable && !(self.busy)(vm)).then(|| format!("the VM is {}", row.state.word()).into())
    }

    fn unfit(&self, host: HostId) -> Option<Arc<str>> {
        let state = self.fleet.hosts.row(host).state;
        (state != HostState::Ready)
            .then(|| format!("{} is {}", self.fleet.topology.host(host).name, state.word()).into())
    }

    fn migrate(&self, migrate: &Migrate) -> Result<Plan, Arc<str>> {
        let mut plan = moving(OpKind::Migrate, &migrate.options, migrate.rescue.as_deref())?;
        let mut heading = HashMap::new();
        match &migrate.moves {
            Moves::To { which, hosts } => {
                let vms_to_move = self.which(which);
                let selected = hosts.select_hosts(self.fleet);
                if selected.is_empty() {
                    return Err(format!("`{}` is no host", hosts.source()).into());
                }
                self.spread(&mut plan, &vms_to_move, &selected);
                plan.title = format!("migrate {} {}", vms(plan.tasks.len()), way(hosts.source())).into();
            }
            Moves::Pattern { which, pattern } => {
                let meant = self.which(which);
                let pairs = self.by_pattern(&meant, *pattern)?;
                // What an odd host out holds stays where it is.
                let moved: HashSet<VmId> = pairs.iter().map(|&(vm, _)| vm).collect();
                plan.unchanged += (meant.len() - moved.len()) as u32;
                for (vm, target) in pairs {
                    self.move_to(&mut plan, &mut heading, vm, target);
                }
                let word = match pattern {
                    Pattern::TwoNodes => "two-nodes",
                    Pattern::Crossed => "crossed",
                    Pattern::Circular => "circular",
                    Pattern::SplitMerge => "split-merge",
                };
                plan.title = format!("migrate {} {word}", vms(plan.tasks.len())).into();
            }
            Moves::Explicit(moves) => {
                for (vm, host) in moves {
                    let Some(target) = self.fleet.topology.host_named(host) else {
                        return Err(format!("no host is named `{host}`").into());
                    };
                    match self.names.find(&self.fleet.vms, vm) {
                        Some(vm) => self.move_to(&mut plan, &mut heading, vm, target),
                        None => plan.refused.push(Refusal {
                            subject: Subject::Unknown(vm.clone()),
                            target: Some(target),
                            reason: "no VM has this name".into(),
                        }),
                    }
                }
                plan.title = format!("migrate {} one by one", vms(plan.tasks.len())).into();
            }
        }
        plan.title = titled(&plan.title, &migrate.options, migrate.rescue.as_deref());
        Ok(plan)
    }

    fn evacuate(&self, evacuate: &Evacuate) -> Result<Plan, Arc<str>> {
        let Evacuate { hosts, to, options, rescue } = evacuate;
        let mut plan = moving(OpKind::Evacuate, options, rescue.as_deref())?;
        let leaving = hosts.select_hosts(self.fleet);
        if leaving.is_empty() {
            return Err(format!("`{}` is no host", hosts.source()).into());
        }
        let mut targets =
            to.as_ref().map_or_else(|| self.fleet.topology.host_ids().collect(), |to| to.select_hosts(self.fleet));
        targets.retain(|host| !leaving.contains(host) && self.unfit(*host).is_none());
        if targets.is_empty() {
            return Err("no host is ready to take the VMs".into());
        }
        let on_them: Vec<VmId> = self
            .fleet
            .vms
            .rows()
            .filter(|(_, row)| row.host.is_some_and(|host| leaving.binary_search(&host).is_ok()))
            .filter(|(vm, row)| row.state.holds_memory() || (self.busy)(*vm))
            .map(|(vm, _)| vm)
            .collect();
        plan.drain = leaving;
        self.spread(&mut plan, &on_them, &targets);
        let title = format!("evacuate {} from {}", vms(plan.tasks.len()), hosts.source());
        plan.title = titled(&title, options, rescue.as_deref());
        Ok(plan)
    }

    /// Each VM to the host of `targets` that has most free memory by then; largest VMs first, so that they find room.
    fn spread(&self, plan: &mut Plan, vms: &[VmId], targets: &[HostId]) {
        let ready: Vec<HostId> = targets.iter().copied().filter(|&h| self.unfit(h).is_none()).collect();
        let mut room = self.room();
        let mut free = room.by_free_memory(&ready);
        let mut rows: Vec<(VmId, VmRow)> = vms.iter().map(|&vm| (vm, self.fleet.vms.row(vm))).collect();
        rows.sort_by_key(|(vm, row)| (std::cmp::Reverse(row.memory), *vm));
        for (vm, row) in rows {
            if row.host.is_some_and(|host| targets.binary_search(&host).is_ok()) {
                plan.unchanged += 1;
            } else if let Some(reason) = self.immovable(vm, &row) {
                plan.refused.push(Refusal { subject: Subject::Vm(vm), target: None, reason });
            } else {
                let need = footprint(&row);
                let reason = match free.pop() {
                    Some((mib, host)) if mib >= need => {
                        room.take(host.0, need);
                        free.push((mib - need, host));
                        plan.tasks.push(Planned { subject: Subject::Vm(vm), source: row.host, target: Some(host.0) });
                        continue;
                    }
                    Some(best) => {
                        free.push(best);
                        format!("no target has {} free", Bytes::mib(need)).into()
                    }
                    None => Arc::from("no target is ready"),
                };
                plan.refused.push(Refusal { subject: Subject::Vm(vm), target: None, reason });
            }
        }
        plan.tasks.sort_by_key(|task| match task.subject {
            Subject::Vm(vm) => vm,
            _ => VmId(u32::MAX),
        });
    }

    /// One VM to a host that was named; memory is waited for, not looked at, unless the host could never hold it.
    ///
    /// A VM may be in the plan twice: then it comes from where the earlier move brings it, which `heading` knows.
    fn move_to(&self, plan: &mut Plan, heading: &mut HashMap<VmId, HostId>, vm: VmId, target: HostId) {
        let row = self.fleet.vms.row(vm);
        let source = heading.get(&vm).copied().or(row.host);
        let host = self.fleet.topology.host(target);
        let reason = if source == Some(target) {
            plan.unchanged += 1;
            return;
        } else if let Some(reason) = self.immovable(vm, &row).or_else(|| self.unfit(target)) {
            reason
        } else if host.memory < Bytes::mib(footprint(&row)) {
            format!("{} has {} of memory in all", host.name, host.memory).into()
        } else {
            heading.insert(vm, target);
            plan.tasks.push(Planned { subject: Subject::Vm(vm), source, target: Some(target) });
            return;
        };
        plan.refused.push(Refusal { subject: Subject::Vm(vm), target: Some(target), reason });
    }

    /// Which VM goes where by a pattern over the hosts that hold one of them.
    fn by_pattern(&self, vms: &[VmId], pattern: Pattern) -> Result<Vec<(VmId, HostId)>, Arc<str>> {
        let mut by_host: BTreeMap<HostId, Vec<VmId>> = BTreeMap::new();
        for &vm in vms {
            if let Some(host) = self.fleet.vms.row(vm).host {
                by_host.entry(host).or_default().push(vm);
            }
        }
        let hosts: Vec<HostId> = by_host.keys().copied().collect();
        let mut moves = Vec::with_capacity(vms.len());
        if hosts.is_empty() {
            return Ok(moves);
        }
        // A pattern needs two hosts; where one holds all VMs the next one of the world is the other.
        let next_host = |host: HostId| {
            let count = self.fleet.topology.hosts.len() as u32;
            (1..count).map(|i| HostId((host.0 + i) % count)).find(|&h| self.unfit(h).is_none() && !hosts.contains(&h))
        };
        let lonely = || Arc::from("the pattern needs a second host, and no other one is ready");
        match pattern {
            Pattern::TwoNodes | Pattern::Crossed => {
                for pair in hosts.chunks(2) {
                    let first = pair[0];
                    let Some(second) = pair.get(1).copied().or_else(|| next_host(first)) else {
                        if hosts.len() == 1 {
                            return Err(lonely());
                        }
                        continue;
                    };
                    moves.extend(by_host[&first].iter().map(|&vm| (vm, second)));
                    if pattern == Pattern::Crossed {
                        moves.extend(by_host.get(&second).into_iter().flatten().map(|&vm| (vm, first)));
                    }
                }
            }
            Pattern::Circular => {
                if hosts.len() == 1 {
                    return Err("the circular pattern needs VMs on two hosts at least".into());
                }
                for (i, host) in hosts.iter().enumerate() {
                    let next = hosts[(i + 1) % hosts.len()];
                    moves.extend(by_host[host].iter().map(|&vm| (vm, next)));
                }
            }
            Pattern::SplitMerge => {
                let first = hosts[0];
                let mut others = hosts[1..].to_vec();
                if others.is_empty() {
                    let site = self.fleet.topology.host(first).site;
                    let at_site = |&h: &HostId| h != first && self.fleet.topology.host(h).site == site;
                    others =
                        self.fleet.topology.host_ids().filter(at_site).filter(|&h| self.unfit(h).is_none()).collect();
                }
                if others.is_empty() {
                    return Err(lonely());
                }
                let split = by_host[&first].iter().enumerate().map(|(i, &vm)| (vm, others[i % others.len()]));
                moves.extend(split);
                moves.extend(by_host[&first].iter().map(|&vm| (vm, first)));
            }
        }
        Ok(moves)
    }

    fn change(&self, which: &Which, change: VmChange) -> Plan {
        let (kind, work) = match change {
            VmChange::Destroy => (OpKind::Destroy, Change::Destroy),
            VmChange::Shutdown => (OpKind::Shutdown, Change::Shutdown),
            VmChange::Pause => (OpKind::Pause, Change::Pause),
            VmChange::Resume => (OpKind::Resume, Change::Resume),
            VmChange::Reboot => (OpKind::Reboot, Change::Reboot),
            VmChange::Stress(load) => (OpKind::Stress, Change::Load(Some(load))),
            VmChange::StopStress => (OpKind::StopStress, Change::Load(None)),
            VmChange::Adopt => (OpKind::Adopt, Change::Adopt),
            VmChange::RemoveCopy => (OpKind::RemoveCopy, Change::RemoveCopy),
        };
        let mut plan = Plan::empty(kind, Work::Change(work));
        let single = |vm| work == Change::RemoveCopy && self.health.copy(vm).is_none();
        for vm in self.which(which) {
            let row = self.fleet.vms.row(vm);
            let subject = Subject::Vm(vm);
            if !row.managed && work != Change::Adopt {
                plan.refused.push(Refusal { subject, target: None, reason: "the VM was not made by Hemera".into() });
            } else if !(self.busy)(vm) && (as_asked(&row, work) || single(vm)) {
                plan.unchanged += 1;
            } else if !(self.busy)(vm) && !can(&row, work) {
                let reason = format!("the VM is {}", row.state.word()).into();
                plan.refused.push(Refusal { subject, target: None, reason });
            } else {
                plan.tasks.push(Planned { subject, source: row.host, target: None });
            }
        }
        plan.title = format!("{} {}", kind.word(), vms(plan.tasks.len())).into();
        plan
    }
}

/// Whether a VM is already as a change would make it.
fn as_asked(row: &VmRow, change: Change) -> bool {
    match change {
        Change::Pause => row.state == VmState::Paused,
        Change::Resume => row.state.runs(),
        // A guest that never answered cannot be asked; one that did may have a load of which nobody knows.
        Change::Load(None) => !row.stressed && row.state == VmState::Up,
        Change::Adopt => row.managed,
        _ => false,
    }
}

/// Whether a VM's state allows a change.
pub(super) fn can(row: &VmRow, change: Change) -> bool {
    match change {
        Change::Destroy | Change::RemoveCopy => true,
        Change::Adopt => !matches!(row.state, VmState::Planned | VmState::Failed | VmState::Gone),
        Change::Shutdown | Change::Pause | Change::Reboot => row.state.runs(),
        Change::Resume => row.state == VmState::Paused,
        Change::Load(_) => row.state.runs() || row.state == VmState::Paused,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn moves_away_from_hosts_are_called_so() {
        assert_eq!(super::way("not a-1"), "away from a-1");
        assert_eq!(super::way("not a-1 and not a-2"), "away from a-1 and a-2");
        for to in ["site:nancy", "site:nancy and not a-1", "not (a-1 or a-2)"] {
            assert_eq!(super::way(to), format!("to {to}"));
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(super::thousands(7), "7");
        assert_eq!(super::thousands(10_240), "10 240");
        assert_eq!(super::thousands(1_000_000), "1 000 000");
    }
}
