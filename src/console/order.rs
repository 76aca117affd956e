//! Which VMs the table shows, in which order: filtering and sorting on a thread of their own.
//!
//! The drawing path hands a job over and goes on with the order that it has. A newer job makes an older one stop at the
//! next chunk; what comes back carries the number of its job.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::columns::Column;
use super::marks::VmSet;
use crate::fleet::{Fleet, Selection, VmId};

/// What to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sort {
    pub column: Column,
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { column: Column::Id, descending: false }
    }
}

/// VMs in the order of the table.
#[derive(Debug)]
pub(crate) enum Order {
    /// All ids below this one: no list is needed.
    All(u32),
    /// These.
    List(Vec<u32>),
}

impl Order {
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::All(n) => *n as usize,
            Self::List(list) => list.len(),
        }
    }

    /// The VM in a row.
    pub(crate) fn get(&self, row: usize) -> Option<VmId> {
        match self {
            Self::All(n) => (row < *n as usize).then_some(VmId(row as u32)),
            Self::List(list) => list.get(row).map(|&id| VmId(id)),
        }
    }

    /// The row of a VM.
    pub(crate) fn position(&self, vm: VmId) -> Option<usize> {
        match self {
            Self::All(n) => (vm.0 < *n).then_some(vm.index()),
            Self::List(list) => list.iter().position(|&id| id == vm.0),
        }
    }

    /// The VMs in these rows.
    pub(crate) fn rows(&self, rows: std::ops::Range<usize>) -> impl Iterator<Item = VmId> + '_ {
        (rows.start..rows.end.min(self.len())).filter_map(|row| self.get(row))
    }
}

struct Job {
    generation: u64,
    fleet: Fleet,
    let_through: LetThrough,
    sort: Sort,
}

/// What is shown: what a filter selects, of these VMs alone.
pub(crate) type LetThrough = (Option<Arc<Selection>>, Option<Arc<VmSet>>);

/// What a job found.
pub(crate) struct Found {
    /// The number of the job.
    pub generation: u64,
    /// The order.
    pub order: Order,
    /// The VMs that the filter lets through; none without a filter.
    pub visible: Option<VmSet>,
    /// How long it took.
    pub took: Duration,
}

#[derive(Default)]
struct Desk {
    job: Mutex<(Option<Job>, bool)>,
    wake: Condvar,
    latest: AtomicU64,
}

/// The thread that filters and sorts.
pub(crate) struct Sorter {
    desk: Arc<Desk>,
    found: mpsc::Receiver<Found>,
}

impl Sorter {
    /// Starts the thread; it ends with this.
    pub(crate) fn start() -> std::io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let (sender, found) = mpsc::channel(1);
        let theirs = desk.clone();
        std::thread::Builder::new().name("console-sort".into()).spawn(move || work(&theirs, &sender))?;
        Ok(Self { desk, found })
    }

    /// Asks for an order. What was asked for before is given up.
    pub(crate) fn ask(&self, generation: u64, fleet: Fleet, let_through: LetThrough, sort: Sort) {
        self.desk.latest.store(generation, Relaxed);
        let mut job = self.desk.job.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        job.0 = Some(Job { generation, fleet, let_through, sort });
        drop(job);
        self.desk.wake.notify_one();
    }

    /// The next result.
    pub(crate) async fn found(&mut self) -> Option<Found> {
        self.found.recv().await
    }
}

impl Drop for Sorter {
    fn drop(&mut self) {
        self.desk.latest.store(u64::MAX, Relaxed);
        self.desk.job.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1 = true;
        self.desk.wake.notify_one();
    }
}

fn work(desk: &Desk, results: &mpsc::Sender<Found>) {
    loop {
        let job = {
            let mut guard = desk.job.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            loop {
                if guard.1 {
                    return;
                }
                if let Some(job) = guard.0.take() {
                    break job;
                }
                guard = desk.wake.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
        };
        let started = Instant::now();
        let current = || desk.latest.load(Relaxed) == job.generation;
        if let Some((order, visible)) = arrange(&job.fleet, &job.let_through, job.sort, &current) {
            let found = Found { generation: job.generation, order, visible, took: started.elapsed() };
            if results.blocking_send(found).is_err() {
                return;
            }
        }
    }
}

/// VMs between two looks at whether the job is still wanted.
const CHUNK: usize = 4096;

/// Filters and sorts; nothing where `current` became false meanwhile.
fn arrange(
    fleet: &Fleet,
    (filter, only): &LetThrough,
    sort: Sort,
    current: &dyn Fn() -> bool,
) -> Option<(Order, Option<VmSet>)> {
    let everything = filter.is_none() && only.is_none() && fleet.vms.len() == fleet.vms.id_count() as usize;
    if everything && sort == Sort::default() {
        return Some((Order::All(fleet.vms.id_count()), None));
    }
    let mut list = Vec::new();
    for (i, vm) in fleet.vms.ids().enumerate() {
        if i % CHUNK == 0 && !current() {
            return None;
        }
        if only.as_ref().is_none_or(|o| o.contains(vm)) && filter.as_ref().is_none_or(|f| f.has_vm(fleet, vm)) {
            list.push(vm.0);
        }
    }
    let visible = (filter.is_some() || only.is_some()).then(|| list.iter().map(|&id| VmId(id)).collect());
    match sort.column {
        Column::Id => {}
        Column::Name => list.sort_by(|&a, &b| natural(fleet.vms.name(VmId(a)), fleet.vms.name(VmId(b)))),
        column => {
            // Key and id in one number sort without looking at the fleet again, ties by id.
            let mut keys = Vec::with_capacity(list.len());
            for (i, &id) in list.iter().enumerate() {
                if i % CHUNK == 0 && !current() {
                    return None;
                }
                keys.push(u64::from(column.key(fleet, VmId(id))) << 32 | u64::from(id));
            }
            keys.sort_unstable();
            list.clear();
            list.extend(keys.into_iter().map(|key| key as u32));
        }
    }
    if sort.descending {
        list.reverse();
    }
    list.shrink_to_fit();
    current().then_some((Order::List(list), visible))
}

/// Compares names as people do: `vm-2` before `vm-10`.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let ((left, rest_a), (right, rest_b)) = (number(a), number(b));
                // Without leading zeros, the longer number is the larger one.
                let longer = (a.len() - rest_a.len()).cmp(&(b.len() - rest_b.len()));
                let order = left.len().cmp(&right.len()).then_with(|| left.cmp(right)).then(longer);
                if order != Ordering::Equal {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some(x), Some(y)) if x != y => return x.cmp(y),
            _ => (a, b) = (&a[1..], &b[1..]),
        }
    }
}

/// The digits in front without leading zeros, and what follows them.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().position(|&c| c != b'0').unwrap_or(digits.len());
    (&digits[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{VmRow, VmState};

    fn fleet() -> Fleet {
        let mut fleet = Fleet::default();
        for (name, cpu) in [("vm-10", 300), ("vm-9", 100), ("db-1", 200)] {
            fleet.vms.push(name, VmRow { state: VmState::Up, cpu, ..VmRow::default() });
        }
        fleet
    }

    fn ids(fleet: &Fleet, column: Column, descending: bool) -> Vec<u32> {
        let (order, _) = arrange(fleet, &LetThrough::default(), Sort { column, descending }, &|| true).unwrap();
        order.rows(0..99).map(|vm| vm.0).collect()
    }

    #[test]
    fn sorts_by_any_column_and_names_as_people_do() {
        let fleet = fleet();
        assert_eq!(ids(&fleet, Column::Id, false), [0, 1, 2]);
        assert_eq!(ids(&fleet, Column::Id, true), [2, 1, 0]);
        assert_eq!(ids(&fleet, Column::Name, false), [2, 1, 0]);
        assert_eq!(ids(&fleet, Column::Cpu, true), [0, 2, 1]);
    }

    #[test]
    fn the_whole_fleet_by_id_needs_no_list_until_a_vm_is_gone() {
        let mut fleet = fleet();
        assert!(matches!(
            arrange(&fleet, &LetThrough::default(), Sort::default(), &|| true),
            Some((Order::All(3), None))
        ));
        fleet.vms.update(VmId(1), |row| row.state = VmState::Gone);
        assert_eq!(ids(&fleet, Column::Id, false), [0, 2]);
    }

    #[test]
    fn an_outdated_job_is_given_up() {
        assert!(
            arrange(&fleet(), &LetThrough::default(), Sort { column: Column::Cpu, descending: true }, &|| false)
                .is_none()
        );
    }

    #[test]
    fn natural_order_is_an_order() {
        let mut names = ["a10", "a9", "a09", "a", "b1", "a9b", "10", "9", ""];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["", "9", "10", "a", "a9", "a9b", "a09", "a10", "b1"]);
    }

    #[test]
    fn the_newest_job_is_answered() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut sorter = Sorter::start().unwrap();
        for generation in 1..=50 {
            sorter.ask(generation, fleet(), LetThrough::default(), Sort { column: Column::Cpu, descending: true });
        }
        runtime.block_on(async {
            while let Some(found) = sorter.found().await {
                if found.generation == 50 {
                    return;
                }
            }
            panic!("the newest job was never answered");
        });
    }
}
