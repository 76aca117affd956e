//! What an operation would come to: counts, places, cost. Costs are predictions and say nothing where nothing is known.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{Bytes, HostId, MigrationOptions, Rate, SiteId, TaskId, VM_OVERHEAD, VmId, VmRow};
use crate::handle::{OpKind, Preview, RefusedGroup};
use crate::migration::precopy::{Prediction, predict};
use crate::platform::HostWork;

use super::Engine;
use super::plan::{Plan, Subject, footprint};
use super::queue::Key;
use super::task::Work;

/// How many VMs a preview names.
const EXAMPLES: usize = 5;
/// How many VMs a group of refused ones names.
const REFUSED_EXAMPLES: usize = 3;

/// Migrations that share a host's NIC or a link, with how many of them run at once.
#[derive(Default, Clone, Copy)]
struct Lane {
    moves: u32,
    at_once: u32,
    busy: Duration,
}

impl Lane {
    fn open(&mut self, limit: u32) {
        self.moves += 1;
        self.at_once = if limit == 0 { self.moves } else { self.moves.min(limit) };
    }

    fn time(&self) -> Duration {
        self.busy / self.at_once.max(1)
    }
}

impl Engine {
    /// What a move of a VM at this share of the network is expected to take.
    fn predict_at(&self, vm: VmId, row: &VmRow, rate: Rate, options: &MigrationOptions) -> Prediction {
        let known = &self.config.migration;
        let rate = rate.0 * known.efficiency.0;
        let rate = Rate(options.bandwidth.map_or(rate, |most| most.0.min(rate)));
        let dirty = Rate(f64::from(row.dirty) * 1024.0);
        let downtime = options.max_downtime.unwrap_or(known.max_downtime);
        let working_set = self.working_set(vm);
        let memory = Bytes::mib(u64::from(row.memory));
        // A guest that stands still dirties nothing, and stands still all the time.
        let dirty = if options.cold { Rate(0.0) } else { dirty };
        let mut prediction = predict(memory, dirty, working_set, rate, downtime, known.max_rounds);
        // What no move was spared belongs to the platform: connections, checks, the switch itself.
        let overrun = self.overruns.iter().min().copied().unwrap_or_default();
        prediction.total = prediction.total.saturating_add(known.setup).saturating_add(overrun);
        if options.cold {
            prediction.downtime = prediction.total;
        }
        prediction
    }

    /// Total time and downtime that a move which has just started is expected to take beside those that run; none where
    /// rates are not known or it would not converge.
    pub(super) fn predict_task(&self, id: TaskId) -> Option<(Duration, Duration)> {
        let task = self.task(id);
        let (Work::Move(options), Some(vm), Some(source), Some(target)) =
            (&self.op(task.op).work, task.subject.vm(), task.source, task.target)
        else {
            return None;
        };
        let nic = |host: HostId, moves: u16| self.fleet.topology.host(host).nic.0 / f64::from(moves.max(1));
        let mut rate = nic(source, self.fleet.hosts.row(source).migrations_out)
            .min(nic(target, self.fleet.hosts.row(target).migrations_in));
        if let Some((a, b)) = self.link(source, target)
            && let Some(index) = self.fleet.topology.link_between(a, b)
        {
            let moves = self.queue.taken(Key::MigrateLink(a, b)).max(1);
            rate = rate.min(self.fleet.topology.links[index].bandwidth.0 / f64::from(moves));
        }
        if rate <= 0.0 {
            return None;
        }
        let prediction = self.predict_at(vm, &self.fleet.vms.row(vm), Rate(rate), options);
        prediction.converges.then_some((prediction.total, prediction.downtime))
    }

    pub(super) fn preview(&self, plan: &Plan) -> Preview {
        let mut sources: BTreeMap<HostId, u32> = BTreeMap::new();
        let mut targets: BTreeMap<HostId, u32> = BTreeMap::new();
        let mut coming: BTreeMap<HostId, u64> = BTreeMap::new();
        let mut bytes = Bytes(0);
        for task in &plan.tasks {
            let (memory, need) = match (&plan.work, &task.subject) {
                (Work::Boot(class), _) => (class.memory, class.memory.to_mib() + VM_OVERHEAD.to_mib()),
                (_, Subject::Vm(vm)) => {
                    let row = self.fleet.vms.row(*vm);
                    (Bytes::mib(u64::from(row.memory)), footprint(&row))
                }
                _ => continue,
            };
            if let Some(source) = task.source {
                *sources.entry(source).or_default() += 1;
            }
            if let Some(target) = task.target {
                bytes += memory;
                *targets.entry(target).or_default() += 1;
                *coming.entry(target).or_default() += need;
            }
        }
        let leaving = self.leaving(plan);
        let tightest = coming
            .iter()
            .map(|(&host, &mib)| {
                let freed = leaving.get(&host).copied().unwrap_or(0);
                (Bytes::mib((self.fleet.free_memory(host).0 >> 20) + freed).saturating_sub(Bytes::mib(mib)), host)
            })
            .min()
            .map(|(free, host)| (host, free));
        let (duration, downtime, doubtful) = match &plan.work {
            Work::Boot(_) => (self.boot_duration(&targets), None, None),
            Work::Move(options) => self.move_duration(plan, options),
            Work::Change(_) | Work::Guest(_) | Work::Host(_) => (None, None, None),
        };
        Preview {
            kind: plan.kind,
            title: plan.title.clone(),
            tasks: plan.tasks.len() as u32,
            sources: most_first(sources),
            targets: most_first(targets),
            ending: self.ending(plan),
            unchanged: plan.unchanged,
            refused: self.refused(plan),
            doubtful,
            bytes,
            duration,
            downtime,
            tightest,
            examples: plan.tasks.iter().take(EXAMPLES).map(|task| self.planned_name(&task.subject)).collect(),
        }
    }

    /// VMs that end with what is done to their hosts.
    fn ending(&self, plan: &Plan) -> u32 {
        if !matches!(plan.work, Work::Host(HostWork::Power(action)) if action.ends_vms()) {
            return 0;
        }
        let hosts = plan.tasks.iter().filter_map(|task| task.source);
        hosts.map(|host| self.fleet.hosts.row(host).vms).sum()
    }

    fn planned_name(&self, subject: &Subject) -> Arc<str> {
        match subject {
            Subject::New(name) | Subject::Unknown(name) => name.clone(),
            Subject::Vm(vm) => self.vm_name(*vm),
            Subject::Host(host) => self.host_name(Some(*host)),
        }
    }

    /// Memory that a plan's moves free on their sources, in MiB.
    fn leaving(&self, plan: &Plan) -> HashMap<HostId, u64> {
        let mut leaving = HashMap::new();
        for task in &plan.tasks {
            if let (Subject::Vm(vm), Some(source), Some(_)) = (&task.subject, task.source, task.target) {
                *leaving.entry(source).or_default() += footprint(&self.fleet.vms.row(*vm));
            }
        }
        leaving
    }

    fn refused(&self, plan: &Plan) -> Vec<RefusedGroup> {
        let mut groups: BTreeMap<&Arc<str>, RefusedGroup> = BTreeMap::new();
        for refusal in &plan.refused {
            let group = groups.entry(&refusal.reason).or_insert_with(|| RefusedGroup {
                reason: refusal.reason.clone(),
                count: 0,
                examples: Vec::new(),
            });
            group.count += 1;
            if group.examples.len() < REFUSED_EXAMPLES {
                group.examples.push(self.planned_name(&refusal.subject));
            }
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups
    }

    /// From the boots before: the median of the last ones, once for each wave on the fullest host.
    fn boot_duration(&self, targets: &BTreeMap<HostId, u32>) -> Option<Duration> {
        let median =
            self.operations.iter().rev().filter(|op| op.kind == OpKind::Boot).find_map(|op| op.quantile(0.5))?;
        let waves = |limit: u32, count: u32| if limit == 0 { 1 } else { count.div_ceil(limit) };
        let on_one = waves(self.queue.limits.boot_per_host, targets.values().copied().max()?);
        let in_all = waves(self.queue.limits.boot_total, targets.values().sum());
        Some(median * on_one.max(in_all))
    }

    /// How long moves take where each gets the share that the busiest of its NICs and link leaves it, and each NIC or
    /// link has to carry all that goes over it; the longest downtime; and the moves that would not converge.
    fn move_duration(
        &self,
        plan: &Plan,
        options: &MigrationOptions,
    ) -> (Option<Duration>, Option<Duration>, Option<RefusedGroup>) {
        let limits = &self.queue.limits;
        let moves: Vec<(VmId, VmRow, HostId, HostId)> = plan
            .tasks
            .iter()
            .filter_map(|task| match (&task.subject, task.source, task.target) {
                (Subject::Vm(vm), Some(source), Some(target)) => Some((*vm, self.fleet.vms.row(*vm), source, target)),
                _ => None,
            })
            .collect();
        let mut out: HashMap<HostId, Lane> = HashMap::new();
        let mut into: HashMap<HostId, Lane> = HashMap::new();
        let mut links: HashMap<(SiteId, SiteId), Lane> = HashMap::new();
        let mut all = Lane::default();
        let site = |host: HostId| self.fleet.topology.host(host).site;
        let link_of = |a: HostId, b: HostId| (site(a) != site(b)).then(|| (site(a).min(site(b)), site(a).max(site(b))));
        for &(_, _, source, target) in &moves {
            out.entry(source).or_default().open(limits.migrate_per_source);
            into.entry(target).or_default().open(limits.migrate_per_target);
            all.open(limits.migrate_total);
            if let Some(link) = link_of(source, target) {
                links.entry(link).or_default().open(limits.migrate_per_link);
            }
        }
        let mut downtime = Duration::ZERO;
        let mut doubtful = RefusedGroup { reason: "".into(), count: 0, examples: Vec::new() };
        for (vm, row, source, target) in moves {
            let nic = |host: HostId| self.fleet.topology.host(host).nic.0;
            let mut line = nic(source).min(nic(target));
            let mut rate = (nic(source) / f64::from(out[&source].at_once.max(1)))
                .min(nic(target) / f64::from(into[&target].at_once.max(1)));
            let between = link_of(source, target);
            if let Some((a, b)) = between
                && let Some(index) = self.fleet.topology.link_between(a, b)
            {
                let bandwidth = self.fleet.topology.links[index].bandwidth.0;
                line = line.min(bandwidth);
                rate = rate.min(bandwidth / f64::from(links[&(a, b)].at_once.max(1)));
            }
            if rate <= 0.0 {
                return (None, None, None);
            }
            let prediction = self.predict_at(vm, &row, Rate(rate), options);
            if !prediction.converges {
                doubtful.count += 1;
                if doubtful.examples.len() < REFUSED_EXAMPLES {
                    doubtful.examples.push(self.vm_name(vm));
                }
                let dirty = Rate(f64::from(row.dirty) * 1024.0);
                doubtful.reason = format!("dirties {dirty} and gets {} of {}", Rate(rate), Rate(line)).into();
            }
            downtime = downtime.max(prediction.downtime);
            let lanes = [out.get_mut(&source), into.get_mut(&target), between.and_then(|sites| links.get_mut(&sites))];
            for lane in lanes.into_iter().flatten() {
                lane.busy += prediction.total;
            }
            all.busy += prediction.total;
        }
        let lanes = out.values().chain(into.values()).chain(links.values()).chain([&all]);
        let duration = lanes.map(Lane::time).max();
        let any = all.moves > 0;
        (duration.filter(|_| any), any.then_some(downtime), (doubtful.count > 0).then_some(doubtful))
    }
}

fn most_first(counts: BTreeMap<HostId, u32>) -> Vec<(HostId, u32)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(host, count)| (std::cmp::Reverse(count), host));
    counts
}
