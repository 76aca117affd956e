//! Tasks and operations as the engine keeps them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{
    HostId, MigrationFigures, MigrationOptions, MigrationProgress, OpId, TaskId, Time, Transfer, VmClass, VmState,
};
use crate::handle::{
    Durations, OpKind, OpState, OperationSpec, OperationView, TaskEnd, TaskState, TaskSubject, WaitKind,
};
use crate::platform::{Change, GuestWork, HostWork};

use super::Counts;
use super::curve::Curve;
use super::rescue::{Outlook, Pace, Rescue};

/// Over how long an operation's rate is taken at least.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// Stands for no task where one is kept for each VM or task.
pub(super) const NO_TASK: TaskId = TaskId(u32::MAX);

/// What an operation does to each of its VMs, or on each of its hosts.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Boot(Arc<VmClass>),
    Move(MigrationOptions),
    Change(Change),
    Guest(GuestWork),
    Host(HostWork),
}

/// An operation's work on one VM, or on one host itself.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) op: OpId,
    pub(super) subject: TaskSubject,
    pub(super) source: Option<HostId>,
    pub(super) target: Option<HostId>,
    pub(super) state: TaskState,
    /// The VM's state before the task began, to which a failure returns it; means nothing where it is about a host.
    pub(super) before: VmState,
    pub(super) queued: Time,
    pub(super) started: Option<Time>,
    pub(super) ended: Option<Time>,
    /// When it last showed progress.
    pub(super) advanced: Time,
    /// The next task in the same line.
    pub(super) next: Option<TaskId>,
    /// The task before on the same VM, ended or not; or [`NO_TASK`], as for all on hosts.
    pub(super) earlier: TaskId,
    /// What only running tasks and ended migrations have.
    pub(super) detail: Option<Box<Detail>>,
}

/// What few tasks have at a time.
#[derive(Debug, Default)]
pub(super) struct Detail {
    pub(super) migration: Option<MigrationProgress>,
    /// How far the image is that it waits for.
    pub(super) transfer: Option<Transfer>,
    /// When it is looked at next.
    pub(super) check_at: Time,
    /// The furthest that was seen, in the measure of [`Detail::advance`].
    best_work: f64,
    /// The round that was seen last, and how many rounds were no smaller than the smallest before them when they began.
    round: u32,
    pub(super) stalled: u32,
    /// Number and size of the smallest round so far.
    best_round: Option<(u32, u64)>,
    /// When a move last came nearer to its end.
    pub(super) nearer: Time,
    pub(super) figures: Option<MigrationFigures>,
    pub(super) predicted: Option<(Duration, Duration)>,
    /// Where it is in its rescue plan, where it has one.
    pub(super) rescue: Option<Rescue>,
    /// The longest pause that a step of the plan allowed.
    pub(super) max_downtime: Option<Duration>,
    pub(super) pace: Pace,
    pub(super) outlook: Outlook,
    /// How many steps of its plan were taken when that was told.
    pub(super) told_at: usize,
    /// Why it is being ended early, where that makes it a failure.
    pub(super) verdict: Option<Arc<str>>,
}

impl Detail {
    /// Takes a measure of work that grows while a task advances; says whether it grew.
    pub(super) fn advance(&mut self, work: f64) -> bool {
        let grew = work > self.best_work;
        self.best_work = self.best_work.max(work);
        grew
    }

    /// Takes how far an image is; says whether more of it is there. Any step of the task after that counts for more.
    pub(super) fn advance_transfer(&mut self, transfer: Transfer) -> bool {
        self.transfer = Some(transfer);
        self.advance(1.0 - 1.0 / (1.0 + transfer.bytes.0 as f64))
    }

    /// Takes a migration's state; says whether bytes went over since the last. It comes nearer to its end while it sends
    /// its smallest round so far: in the first pass, then in every round that is a hundredth smaller than all before.
    pub(super) fn advance_migration(&mut self, progress: MigrationProgress, now: Time) -> bool {
        self.migration = Some(progress);
        let sent = self.advance(progress.transferred.0 as f64);
        let (round, size) = (progress.round, progress.round_size.0);
        // Asked before its first byte, a platform has nothing to tell.
        if round == 0 {
            return sent;
        }
        if self.best_round.is_none_or(|(_, best)| size < best - best / 100) {
            self.best_round = Some((round, size));
            self.nearer = now;
        } else if round > self.round {
            self.stalled += 1;
        } else if sent && self.best_round.is_some_and(|(best, _)| best == round) {
            self.nearer = now;
        }
        self.round = self.round.max(round);
        sent
    }
}

/// What was asked for.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: OpId,
    pub(super) kind: OpKind,
    pub(super) title: Arc<str>,
    pub(super) work: Work,
    /// As it was asked for: what a retry goes by.
    pub(super) spec: OperationSpec,
    pub(super) step: Option<u32>,
    pub(super) paused: bool,
    pub(super) cancelling: bool,
    /// Its tasks have consecutive numbers.
    pub(super) tasks: std::ops::Range<u32>,
    pub(super) counts: Counts,
    pub(super) running: u32,
    pub(super) waiting_by: BTreeMap<WaitKind, u32>,
    pub(super) failed_by: HashMap<Arc<str>, u32>,
    pub(super) started: Time,
    pub(super) ended: Option<Time>,
    /// Tasks that ended after they had started.
    ran: u32,
    /// Over how long the rate is taken: long enough that a few tasks end within it.
    rate_window: Duration,
    recent_ends: VecDeque<Time>,
    /// Done tasks by their duration in milliseconds.
    durations: BTreeMap<u64, u32>,
    curve: Curve,
}

impl Operation {
    pub(super) fn new(
        id: OpId,
        kind: OpKind,
        title: Arc<str>,
        work: Work,
        spec: OperationSpec,
        step: Option<u32>,
        now: Time,
    ) -> Self {
        Self {
            id,
            kind,
            title,
            work,
            spec,
            step,
            paused: false,
            cancelling: false,
            tasks: 0..0,
            counts: Counts::default(),
            running: 0,
            waiting_by: BTreeMap::new(),
            failed_by: HashMap::new(),
            started: now,
            ended: None,
            ran: 0,
            rate_window: RATE_WINDOW,
            recent_ends: VecDeque::new(),
            durations: BTreeMap::new(),
            curve: Curve::new(now),
        }
    }

    pub(super) fn unended(&self) -> u32 {
        self.counts.tasks - self.counts.done - self.counts.failed - self.counts.cancelled
    }

    /// Counts an ended task.
    pub(super) fn count_end(&mut self, end: &TaskEnd, started: Option<Time>, now: Time) {
        self.curve.reach(now, self.counts.tasks - self.unended());
        match end {
            TaskEnd::Done => {
                self.counts.done += 1;
                if let Some(started) = started {
                    *self.durations.entry(now.since(started).as_millis() as u64).or_default() += 1;
                }
            }
            TaskEnd::Failed(reason) => {
                self.counts.failed += 1;
                *self.failed_by.entry(reason.clone()).or_default() += 1;
            }
            TaskEnd::Cancelled => self.counts.cancelled += 1,
        }
        if started.is_some() {
            self.ran += 1;
            self.recent_ends.push_back(now);
            // As many tasks end between two looks at the median as ended before: it costs little and is right enough.
            if self.ran.is_power_of_two() {
                self.rate_window = RATE_WINDOW.max(self.quantile(0.5).unwrap_or_default() * 3);
            }
            let window = self.rate_window;
            while self.recent_ends.front().is_some_and(|&t| now.since(t) > window) {
                self.recent_ends.pop_front();
            }
        }
    }

    /// The duration below which this share of the done tasks stayed.
    pub(super) fn quantile(&self, share: f64) -> Option<Duration> {
        let total: u32 = self.durations.values().sum();
        let rank = ((f64::from(total) * share).ceil() as u32).clamp(1, total.max(1));
        let mut seen = 0;
        self.durations.iter().find_map(|(&ms, &n)| {
            seen += n;
            (seen >= rank).then_some(Duration::from_millis(ms))
        })
    }

    fn rate(&self, now: Time) -> f64 {
        if let Some(ended) = self.ended {
            let ends = f64::from(self.ran);
            let seconds = ended.since(self.started).as_secs_f64();
            return if seconds > 0.0 { ends / seconds } else { 0.0 };
        }
        let longest = self.rate_window;
        let window = longest.min(now.since(self.started)).as_secs_f64();
        let ends = self.recent_ends.iter().filter(|&&t| now.since(t) <= longest).count();
        if window > 0.0 { ends as f64 / window } else { 0.0 }
    }

    pub(super) fn view(&self, now: Time) -> OperationView {
        let unended = self.unended();
        let state = match self.ended {
            Some(_) => OpState::Ended,
            None if self.cancelling => OpState::Cancelling,
            None if self.paused => OpState::Paused,
            None => OpState::Running,
        };
        let mut waiting_by: Vec<_> = self.waiting_by.iter().filter(|&(_, &n)| n > 0).map(|(&k, &n)| (k, n)).collect();
        waiting_by.sort_by_key(|&(kind, n)| (std::cmp::Reverse(n), kind));
        let mut failed_by: Vec<_> = self.failed_by.iter().map(|(reason, &n)| (reason.clone(), n)).collect();
        failed_by.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let rate = self.rate(now);
        let held_up = self.running == 0 || state == OpState::Paused;
        OperationView {
            id: self.id,
            kind: self.kind,
            title: self.title.clone(),
            state,
            total: self.counts.tasks,
            waiting: unended - self.running,
            running: self.running,
            done: self.counts.done,
            failed: self.counts.failed,
            cancelled: self.counts.cancelled,
            waiting_by,
            failed_by,
            started: self.started,
            ended: self.ended,
            rate,
            eta: (self.ended.is_none() && !held_up && rate > 0.0)
                .then(|| Duration::from_secs_f64((f64::from(unended) / rate).min(1e9))),
            durations: self.quantile(0.5).map(|p50| Durations {
                p50,
                p95: self.quantile(0.95).unwrap_or(p50),
                max: self.durations.keys().next_back().map_or(p50, |&ms| Duration::from_millis(ms)),
            }),
            curve: self.curve.samples(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Bytes;

    #[test]
    fn a_migration_that_sends_the_same_round_again_makes_no_progress() {
        let mut detail = Detail::default();
        let round = |round, round_size, transferred| MigrationProgress {
            round,
            round_size: Bytes(round_size),
            transferred: Bytes(transferred),
            ..MigrationProgress::default()
        };
        let at = |seconds: f64| Time::from_secs_f64(seconds);
        for (seconds, progress, nearer) in [
            (1.0, round(1, 1000, 500), 1.0),
            (2.0, round(1, 1000, 900), 2.0),
            (3.0, round(2, 900, 1100), 3.0),
            // Within the smallest round every byte counts; in one that is no smaller none does.
            (4.0, round(2, 900, 1500), 4.0),
            (5.0, round(3, 900, 2000), 4.0),
            (6.0, round(4, 895, 2900), 4.0),
            (7.0, round(5, 400, 3500), 7.0),
        ] {
            assert!(detail.advance_migration(progress, at(seconds)));
            assert_eq!(detail.nearer, at(nearer), "{progress:?}");
        }
        assert!(!detail.advance_migration(round(5, 400, 3500), at(8.0)), "no byte went over");
        assert_eq!(detail.stalled, 2, "the third and the fourth round were no smaller than the second");
        assert!(!detail.advance_migration(round(0, 0, 0), at(9.0)), "nothing is known of it");
        assert_eq!((detail.stalled, detail.nearer), (2, at(7.0)));
    }

    #[test]
    fn quantiles_are_of_done_tasks() {
        let which = crate::handle::Which::Ids([].into());
        let spec = OperationSpec::Change { which, change: crate::handle::VmChange::Pause };
        let work = Work::Change(Change::Pause);
        let mut op = Operation::new(OpId(1), OpKind::Pause, "".into(), work, spec, None, Time::ZERO);
        op.counts.tasks = 20;
        for i in 1..=20 {
            op.count_end(&TaskEnd::Done, Some(Time::ZERO), Time::from_secs_f64(f64::from(i)));
        }
        assert_eq!(op.quantile(0.5), Some(Duration::from_secs(10)));
        assert_eq!(op.quantile(0.95), Some(Duration::from_secs(19)));
        assert_eq!(op.view(Time::from_secs_f64(20.0)).durations.unwrap().max, Duration::from_secs(20));
    }
}
