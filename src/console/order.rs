//! Which rows a table shows, in which order: filtering and sorting on a thread of their own.
//!
//! The drawing path hands a job over and goes on with the order that it has. A newer job for the same table makes an
//! older one stop at the next chunk; what comes back carries the number of its job.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::columns::{Column, Table, host_key, vm_key};
use super::marks::{Numbered, Set};
use crate::fleet::{Bound, Fleet, HostId, SelectError, Selection, VmId};

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

/// What stands in a table's rows: VMs or hosts.
pub(crate) trait Listed: Numbered + Eq + std::fmt::Debug + Send + 'static {
    /// The table that they stand in.
    const TABLE: Table;
    /// All ids are below this one.
    fn bound(fleet: &Fleet) -> u32;
    /// How many there are.
    fn count(fleet: &Fleet) -> usize;
    /// Grows with every change of their figures.
    fn version(fleet: &Fleet) -> u64;
    /// All of them by id.
    fn all(fleet: &Fleet) -> Box<dyn Iterator<Item = Self> + '_>;
    /// Its name.
    fn name(self, fleet: &Fleet) -> &str;
    /// What sorts it by any other column.
    fn key(self, column: Column, fleet: &Fleet) -> u32;
    /// Whether it is selected.
    fn selected(self, by: &Bound<'_>, fleet: &Fleet) -> bool;
    /// Reads a filter as it is typed.
    fn filter(text: &str) -> Result<Selection, SelectError>;
    /// Where the newest job for this table waits.
    fn waiting(jobs: &mut Jobs) -> &mut Option<Job<Self>>;
    /// A result for this table.
    fn answer(found: Found<Self>) -> Answer;
}

impl Listed for VmId {
    const TABLE: Table = Table::Vms;
    fn bound(fleet: &Fleet) -> u32 {
        fleet.vms.id_count()
    }
    fn count(fleet: &Fleet) -> usize {
        fleet.vms.len()
    }
    fn version(fleet: &Fleet) -> u64 {
        fleet.vms.version()
    }
    fn all(fleet: &Fleet) -> Box<dyn Iterator<Item = Self> + '_> {
        Box::new(fleet.vms.ids())
    }
    fn name(self, fleet: &Fleet) -> &str {
        fleet.vms.name(self)
    }
    fn key(self, column: Column, fleet: &Fleet) -> u32 {
        vm_key(column, fleet, self)
    }
    fn selected(self, by: &Bound<'_>, fleet: &Fleet) -> bool {
        by.has_vm(self, &fleet.vms.row(self))
    }
    fn filter(text: &str) -> Result<Selection, SelectError> {
        Selection::quick_vms(text)
    }
    fn waiting(jobs: &mut Jobs) -> &mut Option<Job<Self>> {
        &mut jobs.vms
    }
    fn answer(found: Found<Self>) -> Answer {
        Answer::Vms(found)
    }
}

impl Listed for HostId {
    const TABLE: Table = Table::Hosts;
    fn bound(fleet: &Fleet) -> u32 {
        fleet.hosts.len() as u32
    }
    fn count(fleet: &Fleet) -> usize {
        fleet.hosts.len()
    }
    fn version(fleet: &Fleet) -> u64 {
        fleet.hosts.version()
    }
    fn all(fleet: &Fleet) -> Box<dyn Iterator<Item = Self> + '_> {
        Box::new((0..fleet.hosts.len() as u32).map(HostId))
    }
    fn name(self, fleet: &Fleet) -> &str {
        &fleet.topology.host(self).name
    }
    fn key(self, column: Column, fleet: &Fleet) -> u32 {
        host_key(column, fleet, self)
    }
    fn selected(self, by: &Bound<'_>, _: &Fleet) -> bool {
        by.has_host(self)
    }
    fn filter(text: &str) -> Result<Selection, SelectError> {
        Selection::quick_hosts(text)
    }
    fn waiting(jobs: &mut Jobs) -> &mut Option<Job<Self>> {
        &mut jobs.hosts
    }
    fn answer(found: Found<Self>) -> Answer {
        Answer::Hosts(found)
    }
}

/// Rows in the order of a table.
#[derive(Debug, Clone)]
pub(crate) enum Order<I> {
    /// All ids below this one: no list is needed.
    All(u32),
    /// These.
    List(Arc<Vec<I>>),
}

impl<I: Listed> Order<I> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::All(n) => *n as usize,
            Self::List(list) => list.len(),
        }
    }

    /// What stands in a row.
    pub(crate) fn get(&self, row: usize) -> Option<I> {
        match self {
            Self::All(n) => (row < *n as usize).then(|| I::of(row as u32)),
            Self::List(list) => list.get(row).copied(),
        }
    }

    /// The row in which it stands.
    pub(crate) fn position(&self, id: I) -> Option<usize> {
        match self {
            Self::All(n) => (id.number() < *n).then_some(id.number() as usize),
            Self::List(list) => list.iter().position(|&i| i == id),
        }
    }

    /// What stands in these rows.
    pub(crate) fn rows(&self, rows: std::ops::Range<usize>) -> impl Iterator<Item = I> + '_ {
        (rows.start..rows.end.min(self.len())).filter_map(|row| self.get(row))
    }
}

/// What is shown: what a filter selects, of these alone.
pub(crate) type LetThrough<I> = (Option<Arc<Selection>>, Option<Arc<Set<I>>>);

/// What is to be found out.
pub(crate) struct Job<I> {
    generation: u64,
    fleet: Fleet,
    let_through: LetThrough<I>,
    sort: Sort,
}

/// What a job found.
#[derive(Debug)]
pub(crate) struct Found<I> {
    /// The number of the job.
    pub generation: u64,
    /// The order.
    pub order: Order<I>,
    /// What the filter lets through; none without a filter.
    pub visible: Option<Set<I>>,
    /// How long it took.
    pub took: Duration,
}

/// What a job found, for one of the tables.
#[derive(Debug)]
pub(crate) enum Answer {
    Vms(Found<VmId>),
    Hosts(Found<HostId>),
}

/// The newest job of each table that nobody has begun, and whether all is over.
#[derive(Default)]
pub(crate) struct Jobs {
    vms: Option<Job<VmId>>,
    hosts: Option<Job<HostId>>,
    over: bool,
}

#[derive(Default)]
struct Desk {
    jobs: Mutex<Jobs>,
    wake: Condvar,
    latest: [AtomicU64; 2],
}

/// The thread that filters and sorts.
pub(crate) struct Sorter {
    desk: Arc<Desk>,
    found: mpsc::Receiver<Answer>,
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

    /// Asks for an order. What was asked for the same table before is given up.
    pub(crate) fn ask<I: Listed>(&self, generation: u64, fleet: Fleet, let_through: LetThrough<I>, sort: Sort) {
        self.desk.latest[I::TABLE as usize].store(generation, Relaxed);
        let mut jobs = self.desk.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *I::waiting(&mut jobs) = Some(Job { generation, fleet, let_through, sort });
        drop(jobs);
        self.desk.wake.notify_one();
    }

    /// The next result.
    pub(crate) async fn found(&mut self) -> Option<Answer> {
        self.found.recv().await
    }
}

impl Drop for Sorter {
    fn drop(&mut self) {
        for latest in &self.desk.latest {
            latest.store(u64::MAX, Relaxed);
        }
        self.desk.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).over = true;
        self.desk.wake.notify_one();
    }
}

/// The next job of either table.
enum Next {
    Vms(Job<VmId>),
    Hosts(Job<HostId>),
}

fn work(desk: &Desk, results: &mpsc::Sender<Answer>) {
    loop {
        let next = {
            let mut jobs = desk.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            loop {
                if jobs.over {
                    return;
                }
                // Hosts first: there are fewer of them.
                let hosts = jobs.hosts.take().map(Next::Hosts);
                if let Some(next) = hosts.or_else(|| jobs.vms.take().map(Next::Vms)) {
                    break next;
                }
                jobs = desk.wake.wait(jobs).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
        };
        let answer = match next {
            Next::Vms(job) => done(&job, desk),
            Next::Hosts(job) => done(&job, desk),
        };
        if answer.is_some_and(|answer| results.blocking_send(answer).is_err()) {
            return;
        }
    }
}

fn done<I: Listed>(job: &Job<I>, desk: &Desk) -> Option<Answer> {
    let started = Instant::now();
    let current = || desk.latest[I::TABLE as usize].load(Relaxed) == job.generation;
    let (order, visible) = arrange::<I>(&job.fleet, &job.let_through, job.sort, &current)?;
    Some(I::answer(Found { generation: job.generation, order, visible, took: started.elapsed() }))
}

/// Rows between two looks at whether the job is still wanted.
const CHUNK: usize = 4096;

/// Filters and sorts; nothing where `current` became false meanwhile.
fn arrange<I: Listed>(
    fleet: &Fleet,
    (filter, only): &LetThrough<I>,
    sort: Sort,
    current: &dyn Fn() -> bool,
) -> Option<(Order<I>, Option<Set<I>>)> {
    let everything = filter.is_none() && only.is_none() && I::count(fleet) == I::bound(fleet) as usize;
    if everything && sort == Sort::default() {
        return Some((Order::All(I::bound(fleet)), None));
    }
    let bound = filter.as_ref().map(|f| f.bind(fleet));
    let mut list: Vec<I> = Vec::new();
    for (i, id) in I::all(fleet).enumerate() {
        if i % CHUNK == 0 && !current() {
            return None;
        }
        let wanted = only.as_ref().is_none_or(|only| only.contains(id));
        if wanted && bound.as_ref().is_none_or(|bound| id.selected(bound, fleet)) {
            list.push(id);
        }
    }
    let visible = (filter.is_some() || only.is_some()).then(|| list.iter().copied().collect());
    match sort.column {
        Column::Id => {}
        Column::Name => list.sort_by(|&a, &b| natural(a.name(fleet), b.name(fleet))),
        column => {
            // Key and id in one number sort without looking at the fleet again, ties by id.
            let mut keys = Vec::with_capacity(list.len());
            for (i, &id) in list.iter().enumerate() {
                if i % CHUNK == 0 && !current() {
                    return None;
                }
                keys.push(u64::from(id.key(column, fleet)) << 32 | u64::from(id.number()));
            }
            keys.sort_unstable();
            list.clear();
            list.extend(keys.into_iter().map(|key| I::of(key as u32)));
        }
    }
    if sort.descending {
        list.reverse();
    }
    list.shrink_to_fit();
    current().then(|| (Order::List(Arc::new(list)), visible))
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
        let (order, _) = arrange::<VmId>(fleet, &LetThrough::default(), Sort { column, descending }, &|| true).unwrap();
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
            arrange::<VmId>(&fleet, &LetThrough::default(), Sort::default(), &|| true),
            Some((Order::All(3), None))
        ));
        fleet.vms.update(VmId(1), |row| row.state = VmState::Gone);
        assert_eq!(ids(&fleet, Column::Id, false), [0, 2]);
    }

    #[test]
    fn an_outdated_job_is_given_up() {
        assert!(
            arrange::<VmId>(&fleet(), &LetThrough::default(), Sort { column: Column::Cpu, descending: true }, &|| {
                false
            })
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
            sorter.ask::<VmId>(
                generation,
                fleet(),
                LetThrough::default(),
                Sort { column: Column::Cpu, descending: true },
            );
        }
        runtime.block_on(async {
            while let Some(answer) = sorter.found().await {
                if matches!(answer, Answer::Vms(found) if found.generation == 50) {
                    return;
                }
            }
            panic!("the newest job was never answered");
        });
    }
}
