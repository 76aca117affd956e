//! A simulated host: who is on it, and how its cores and its disk are shared.

use crate::fleet::{HostId, TaskId, Time, VmId};

use super::vms::{CORE, Vms};

/// Work that is shared evenly among jobs: each job gets the same rate, which changes with their number.
///
/// All jobs advance together, so one clock of work per job is enough: a job is done when the clock reaches its mark.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Work that a job present from the beginning would have got.
    clock: f64,
    /// Work per second and job.
    rate: f64,
    since: Time,
    /// Marks and tasks, earliest first.
    jobs: Vec<(f64, TaskId)>,
}

impl Shared {
    /// How many jobs there are.
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Brings the clock to `now`.
    fn catch_up(&mut self, now: Time) {
        if self.jobs.is_empty() {
            self.clock = 0.0;
        } else {
            self.clock += self.rate * now.since(self.since).as_secs_f64();
        }
        self.since = now;
    }

    /// Adds a job of that much work.
    pub(super) fn add(&mut self, now: Time, work: f64, task: TaskId) {
        self.catch_up(now);
        let mark = self.clock + work;
        let place = self.jobs.partition_point(|&(m, t)| (m, t) <= (mark, task));
        self.jobs.insert(place, (mark, task));
    }

    /// Takes a job out.
    pub(super) fn remove(&mut self, now: Time, task: TaskId) {
        self.catch_up(now);
        self.jobs.retain(|&(_, t)| t != task);
    }

    /// Takes all jobs out.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = TaskId> + use<> {
        std::mem::take(&mut self.jobs).into_iter().map(|(_, task)| task)
    }

    /// The work that is left of a job.
    pub(super) fn left(&self, now: Time, task: TaskId) -> f64 {
        let clock = self.clock + self.rate * now.since(self.since).as_secs_f64();
        self.jobs.iter().find(|&&(_, t)| t == task).map_or(0.0, |&(mark, _)| (mark - clock).max(0.0))
    }

    /// Takes out the first job that is done by now.
    pub(super) fn done(&mut self, now: Time) -> Option<TaskId> {
        self.catch_up(now);
        let &(mark, task) = self.jobs.first()?;
        // Events fall on whole nanoseconds, rounded up: what one of them brings is slack enough for the arithmetic.
        (mark <= self.clock + self.rate * 1e-9).then(|| {
            self.jobs.remove(0);
            task
        })
    }

    /// Changes the rate; when the first job will be done.
    fn set_rate(&mut self, now: Time, rate: f64) -> Option<Time> {
        self.catch_up(now);
        self.rate = rate;
        let &(mark, _) = self.jobs.first()?;
        after(now, mark - self.clock, rate)
    }
}

/// When `work` is done that goes on at `rate` per second, rounded up to the clock's nanoseconds; none at rate zero.
pub(super) fn after(now: Time, work: f64, rate: f64) -> Option<Time> {
    if work <= 0.0 {
        return Some(now);
    }
    let nanos = (work / rate * 1e9).ceil();
    (nanos < 9e18).then(|| Time(now.0.saturating_add(nanos as u64)))
}

/// How a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answers.
    Up,
    /// Its libvirtd hangs; its VMs run on.
    Hung,
    /// Nothing of it runs: it crashed or is off.
    Down,
}

/// One host.
#[derive(Debug)]
pub(super) struct SimHost {
    /// How it is.
    pub(super) health: Health,
    /// Capacity in millionths of a core.
    pub(super) capacity: u64,
    /// The share of its cores' and disk's rate that it has: 1 but for slow hosts.
    pub(super) speed: f64,
    /// What its disk reads per second.
    pub(super) disk: f64,
    /// VMs on it.
    pub(super) vms: Vec<VmId>,
    /// CPU that its VMs ask for, in millionths of a core.
    pub(super) demand: u64,
    /// The most CPU that any VM or boot on it gets, in millionths of a core; infinite while there is enough.
    pub(super) level: f64,
    /// Boots that read from its disk: work in bytes.
    pub(super) reading: Shared,
    /// Boots that compute: work in seconds of a core.
    pub(super) computing: Shared,
    /// Boots that got stuck.
    pub(super) stuck: Vec<TaskId>,
    /// Migrations from and to it.
    pub(super) migrations: Vec<u32>,
    /// VMs whose load changed since the last sample, some more than once.
    moved: Vec<VmId>,
    /// [`level`](Self::level) at the last sample; not a number where `moved` does not have all.
    told_level: f64,
    /// Listed for the next sample.
    pub(super) changed: bool,
    /// Listed for being settled.
    pub(super) stale: bool,
}

impl SimHost {
    /// Whether it answers.
    pub(super) fn is_up(&self) -> bool {
        self.health == Health::Up
    }

    /// A host without VMs.
    pub(super) fn new(cores: u32, disk: f64, speed: f64) -> Self {
        Self {
            health: Health::Up,
            capacity: u64::from(cores) * u64::from(CORE),
            speed,
            disk: disk * speed,
            vms: Vec::new(),
            demand: 0,
            level: f64::INFINITY,
            reading: Shared::default(),
            computing: Shared::default(),
            stuck: Vec::new(),
            migrations: Vec::new(),
            moved: Vec::new(),
            told_level: f64::INFINITY,
            changed: false,
            stale: false,
        }
    }

    /// Notes that a VM's load changed since the last sample.
    pub(super) fn note_moved(&mut self, vm: VmId) {
        if self.moved.len() > self.vms.len() {
            // To look at all of them is cheaper, and nobody may ever take a sample.
            self.told_level = f64::NAN;
            self.moved.clear();
        }
        self.moved.push(vm);
    }

    /// The VMs to look at in this sample: in the order of their places, those alone whose load changed while there is
    /// enough CPU for all.
    pub(super) fn take_moved(&mut self, vms: &Vms, id: HostId, into: &mut Vec<u32>) {
        let told = std::mem::replace(&mut self.told_level, self.level);
        into.clear();
        if told == f64::INFINITY && self.level == f64::INFINITY {
            into.extend(self.moved.iter().map(|&vm| vms.get(vm)).filter(|row| row.host == id).map(|row| row.slot));
            into.sort_unstable();
            into.dedup();
        } else {
            into.extend(0..self.vms.len() as u32);
        }
        self.moved.clear();
    }

    /// CPU that VMs and boots ask for together, in millionths of a core.
    pub(super) fn asked(&self) -> u64 {
        self.demand + self.computing.len() as u64 * u64::from(CORE)
    }

    /// CPU in use, in millionths of a core.
    pub(super) fn used(&self) -> u64 {
        self.asked().min(self.capacity)
    }

    /// Computes [`level`](Self::level) again: max-min fair over the VMs, each with what it asks for, and the boots, a
    /// core each.
    pub(super) fn share_cores(&mut self, vms: &Vms, scratch: &mut Vec<u32>) {
        self.level = f64::INFINITY;
        if self.asked() <= self.capacity {
            return;
        }
        scratch.clear();
        scratch.extend(self.vms.iter().map(|&vm| vms.get(vm).demand).filter(|&d| d > 0));
        scratch.extend(std::iter::repeat_n(CORE, self.computing.len()));
        scratch.sort_unstable();
        let mut left = self.capacity as f64;
        for (i, &demand) in scratch.iter().enumerate() {
            let share = left / (scratch.len() - i) as f64;
            if f64::from(demand) >= share {
                self.level = share;
                return;
            }
            left -= f64::from(demand);
        }
    }

    /// CPU that a VM gets that asks for `demand`, both in millionths of a core.
    pub(super) fn gets(&self, demand: u32) -> f64 {
        f64::from(demand).min(self.level)
    }

    /// Passes the shares of cores and disk on to the boots; when the first of them will have done with either.
    pub(super) fn share_boots(&mut self, now: Time) -> Option<Time> {
        let read = self.reading.set_rate(now, self.disk / self.reading.len().max(1) as f64);
        let core = f64::from(CORE);
        let computed = self.computing.set_rate(now, self.level.min(core) / core * self.speed);
        match (read, computed) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// A host's list of VMs with the places that the VMs keep.
impl SimHost {
    /// Enters a VM; the caller notes host and place with it.
    pub(super) fn enter(&mut self, vm: VmId) -> u32 {
        self.vms.push(vm);
        (self.vms.len() - 1) as u32
    }

    /// Takes the VM at that place out; which one stands there now, if any.
    pub(super) fn leave(&mut self, slot: u32) -> Option<VmId> {
        self.vms.swap_remove(slot as usize);
        self.vms.get(slot as usize).copied()
    }
}

/// What reasons call a host.
pub(super) fn called(topology: &crate::fleet::Topology, host: HostId) -> &str {
    topology.hosts.get(host.index()).map_or("a host that does not exist", |h| &h.name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::vms::{State, Vm};
    use super::*;
    use crate::fleet::Bytes;

    proptest! {
        #[test]
        fn cores_are_used_up_before_anybody_is_short_and_nobody_gets_more_than_the_short(
            cores in 1u32..16, demands in proptest::collection::vec(0u32..4 * CORE, 0..40), boots in 0u32..10,
        ) {
            let (mut vms, mut host) = (Vms::default(), SimHost::new(cores, 1e6, 1.0));
            for (id, &demand) in (0..).map(VmId).zip(&demands) {
                host.enter(id);
                vms.put(id, Vm { demand, ..Vm::new(Bytes(0), 4, HostId(0), State::Running) });
                host.demand += u64::from(demand);
            }
            for task in 0..boots {
                host.computing.add(Time::ZERO, 1.0, TaskId(task));
            }
            host.share_cores(&vms, &mut Vec::new());
            let all: Vec<f64> = demands.iter().copied().chain((0..boots).map(|_| CORE)).map(f64::from).collect();
            let gets: Vec<f64> = all.iter().map(|&d| host.gets(d as u32)).collect();
            let used: f64 = gets.iter().sum();
            prop_assert!((used - host.used() as f64).abs() < 1.0, "{used} of {}", host.used());
            let most = gets.iter().copied().fold(0.0, f64::max);
            for (want, get) in all.iter().zip(&gets) {
                prop_assert!(get == want || *get >= most, "{get} of {want} while another has {most}");
            }
        }

        #[test]
        fn shared_work_is_neither_lost_nor_made(jobs in proptest::collection::vec((0u64..50, 1u32..1000), 1..30)) {
            let mut jobs = jobs;
            jobs.sort_unstable();
            let rate = 100.0;
            let mut shared = Shared::default();
            let (mut now, mut done, mut next) = (Time::ZERO, 0, 0);
            let mut idle = 0.0;
            while done < jobs.len() {
                let arrival = jobs.get(next).map(|j| Time(j.0 * 1_000_000_000));
                let count = shared.len().max(1) as f64;
                let end = shared.set_rate(now, rate / count);
                let at = arrival.into_iter().chain(end).min().expect("a job is on its way or at work");
                if shared.len() == 0 {
                    idle += at.since(now).as_secs_f64();
                }
                now = at;
                while shared.done(now).is_some() {
                    done += 1;
                }
                while jobs.get(next).is_some_and(|j| Time(j.0 * 1_000_000_000) <= now) {
                    shared.add(now, f64::from(jobs[next].1), TaskId(next as u32));
                    next += 1;
                }
            }
            let work: f64 = jobs.iter().map(|j| f64::from(j.1)).sum();
            prop_assert!((now.as_secs_f64() - idle - work / rate).abs() < 1e-6, "{now} {idle} {work}");
        }
    }
}
