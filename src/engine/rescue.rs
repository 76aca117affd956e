//! Moves that do not end by themselves: whether one will, which step of its rescue plan is due, what came of it.

use std::sync::Arc;
use std::time::Duration;

use crate::doctor::Teller;
use crate::fleet::{
    Adjust, After, Bytes, Diagnosis, Finding, MigrationProgress, Rate, RescueAction, RescuePlan, Share, TaskId, Time,
    VmId,
};
use crate::handle::{Level, RescueView, TaskState, TaskSubject};
use crate::migration::precopy::predict;
use crate::platform::Request;

use super::history::Moment;
use super::task::Work;
use super::{Engine, What};

/// How often a move with a plan is looked at, so that its steps are taken in time.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// Over how long a move's bytes are counted at least to say at what rate it really goes.
const WINDOW: Duration = Duration::from_secs(2);
/// Below this share of the rate that it gets a guest must dirty for its move to count as converging again.
const CLEARLY: f64 = 0.9;

/// Where a move is in its plan.
#[derive(Debug, Clone)]
pub(super) struct Rescue {
    plan: Arc<RescuePlan>,
    /// Steps taken.
    taken: usize,
    /// When the last one was.
    at: Time,
}

impl Rescue {
    pub(super) fn new(plan: Arc<RescuePlan>, now: Time) -> Self {
        Self { plan, taken: 0, at: now }
    }

    /// The step that is due after so many stalled rounds, where the move came nearer to its end last at `nearer`.
    fn due(&self, stalled: u32, nearer: Time, now: Time) -> Option<RescueAction> {
        let step = self.plan.steps.get(self.taken)?;
        let due = match step.after {
            After::Rounds(rounds) => stalled >= rounds,
            After::Idle(span) => now.since(nearer.max(self.at)) >= span,
        };
        due.then_some(step.action)
    }

    /// What comes next, in words.
    fn next(&self) -> Option<String> {
        self.plan.steps.get(self.taken).map(|step| format!("{} after {}", step.action, step.after))
    }

    pub(super) fn view(&self) -> RescueView {
        RescueView {
            plan: self.plan.name.clone(),
            taken: self.taken as u32,
            of: self.plan.steps.len() as u32,
            last: self.taken.checked_sub(1).map(|at| self.plan.steps[at].action.to_string().into()),
            next: self.next().map(Into::into),
        }
    }
}

/// At what rate a move really goes, from the bytes that it sent: what hypervisors say of it are guesses from moments.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    since: Option<(Time, u64)>,
    last: Option<f64>,
    best: f64,
}

impl Pace {
    fn note(&mut self, now: Time, sent: Bytes) {
        let Some((at, bytes)) = self.since else {
            self.since = Some((now, sent.0));
            return;
        };
        let took = now.since(at);
        if took >= WINDOW {
            let rate = sent.0.saturating_sub(bytes) as f64 / took.as_secs_f64();
            self.since = Some((now, sent.0));
            self.last = Some(rate);
            self.best = self.best.max(rate);
        }
    }
}

/// What is known of whether a move will end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Outlook {
    /// It converges, as far as is known.
    #[default]
    Fair,
    /// It will not: estimated in its first pass, from the load of its guest.
    Foreseen,
    /// It does not, by what the hypervisor counted.
    Stated,
}

impl Engine {
    /// The longest pause and the working set that a move of a VM goes by.
    fn bounds(&self, id: TaskId, vm: VmId) -> (Duration, Share) {
        let allowed = match &self.op(self.task(id).op).work {
            Work::Move(options) => options.max_downtime,
            _ => None,
        };
        let raised = self.task(id).detail.as_ref().and_then(|detail| detail.max_downtime);
        let working_set = self.working_set(vm);
        (raised.or(allowed).unwrap_or(self.config.migration.max_downtime), working_set)
    }

    /// Judges whether a move will end, and takes the step of its plan that is due.
    pub(super) fn look_after(&mut self, id: TaskId, vm: VmId, progress: &MigrationProgress) {
        let now = self.fleet.now;
        // A guest that stands still arrives.
        if matches!(&self.op(self.task(id).op).work, Work::Move(options) if options.cold) {
            return;
        }
        if let Some(detail) = &mut self.task_mut(id).detail {
            detail.pace.note(now, progress.transferred);
        }
        self.judge_convergence(id, vm, progress);
        let (max_downtime, _) = self.bounds(id, vm);
        let Some(detail) = &mut self.task_mut(id).detail else { return };
        // What can be sent within the pause that is allowed is the last round, or soon will be.
        if progress.remaining.0 as f64 <= progress.rate.0 * max_downtime.as_secs_f64() {
            return;
        }
        let (stalled, nearer) = (detail.stalled, detail.nearer);
        let Some(rescue) = &mut detail.rescue else { return };
        if progress.post_copy || progress.round == 0 {
            return;
        }
        let Some(action) = rescue.due(stalled, nearer, now) else { return };
        rescue.taken += 1;
        rescue.at = now;
        let plan = rescue.plan.clone();
        let step = rescue.taken as u32;
        let rounds = if stalled == 1 { "1 round".into() } else { format!("{stalled} rounds") };
        let why = format!(
            "{rounds} stalled, {} left at {}, dirties {}",
            progress.remaining, progress.rate, progress.dirty_rate
        );
        self.take_step(id, vm, action, (&plan, step), &why);
    }

    fn take_step(&mut self, id: TaskId, vm: VmId, action: RescueAction, (plan, step): (&RescuePlan, u32), why: &str) {
        let (op, host, name) = (self.task(id).op, self.task(id).source, self.vm_name(vm));
        let of = plan.steps.len() as u32;
        let text = format!("step {step} of {of} of plan {}: {action} ({why})", plan.name);
        self.history.moment(self.fleet.now, TaskSubject::Vm(vm), Moment::Said(text.as_str().into()));
        self.say(Level::Warning, Some(vm), host, Some(op), format!("{name}: {text}"));
        self.record(What::RescueStep {
            task: id,
            vm: name,
            plan: plan.name.clone(),
            step,
            of,
            action: action.to_string().into(),
            reason: why.into(),
        });
        let adjust = match action {
            RescueAction::Wait => return,
            RescueAction::Abort => {
                self.cancel_task(id, Some(format!("ended by its rescue plan {}: {why}", plan.name).into()));
                return;
            }
            RescueAction::MaxDowntime(span) => {
                if let Some(detail) = &mut self.task_mut(id).detail {
                    detail.max_downtime = Some(span);
                }
                Adjust::MaxDowntime(span)
            }
            RescueAction::Bandwidth(rate) => Adjust::Bandwidth(rate),
            RescueAction::Throttle(share) => Adjust::Throttle(share),
            RescueAction::PostCopy => Adjust::PostCopy,
            RescueAction::Pause => Adjust::Pause,
        };
        self.request(Request::Adjust { task: id, adjust });
    }

    /// A running move could not be changed.
    pub(super) fn not_adjusted(&mut self, id: TaskId, adjust: Adjust, reason: &str) {
        if id.index() >= self.tasks.len() || self.task(id).state != TaskState::Running {
            return;
        }
        let task = self.task(id);
        let (op, host) = (task.op, task.source);
        let Some(vm) = task.subject.vm() else { return };
        let name = self.vm_name(vm);
        let text = format!("{adjust} was refused: {reason}");
        self.history.moment(self.fleet.now, TaskSubject::Vm(vm), Moment::Said(text.as_str().into()));
        self.say(Level::Warning, Some(vm), host, Some(op), format!("{name}: {text}"));
        self.record(What::NotAdjusted { task: id, vm: name, adjust: adjust.to_string().into(), reason: reason.into() });
    }

    /// A move whose guest dirties memory as fast as it is sent will not end by itself. In its first pass, of which
    /// hypervisors do not say what it dirties, its load tool tells, a sample of its pages, or what was asked of it.
    fn judge_convergence(&mut self, id: TaskId, vm: VmId, progress: &MigrationProgress) {
        let row = self.fleet.vms.row(vm);
        let first_pass = progress.round < 2;
        let known = self.dirties(vm);
        let dirty = match (progress.dirty_rate.0, known) {
            (0.0, Some((known, _))) if first_pass => known.0,
            (rate, _) => rate,
        };
        if dirty > 0.0 || !first_pass {
            self.fleet.vms.update(vm, |row| row.dirty = super::observe::kib(Rate(dirty)));
        }
        let (max_downtime, working_set) = self.bounds(id, vm);
        let Some(detail) = &self.task(id).detail else { return };
        // What a first pass skips, as pages of zeros are, makes it look slower than the network is.
        let measured = if first_pass { detail.pace.last.map(|_| detail.pace.best) } else { detail.pace.last };
        // Who knows what is dirtied in the first pass, as the simulator does, knows the rate as well.
        let told = (!first_pass || progress.dirty_rate.0 > 0.0).then_some(progress.rate.0);
        let Some(rate) = measured.or(told).filter(|rate| *rate > 0.0) else { return };
        let before = detail.outlook;
        let memory = Bytes::mib(u64::from(row.memory));
        let sure = if before == Outlook::Fair { 1.0 } else { CLEARLY };
        let converges = progress.post_copy
            || predict(memory, Rate(dirty / sure), working_set, Rate(rate), max_downtime, 0).converges;
        let outlook = match (converges, first_pass) {
            // What a hypervisor says first of a guest's dirty rate is of the pass that it did not count.
            (true, _) if before == Outlook::Foreseen && progress.round < 3 && !progress.post_copy => before,
            (true, _) => Outlook::Fair,
            (false, true) => Outlook::Foreseen.max(before),
            (false, false) => Outlook::Stated,
        };
        let taken = detail.rescue.as_ref().map_or(0, |rescue| rescue.taken);
        if outlook == before && (outlook == Outlook::Fair || taken == detail.told_at) {
            return;
        }
        let helps = detail.rescue.as_ref().and_then(Rescue::next).map_or_else(
            || "lower its load, allow a longer downtime or cancel".to_owned(),
            |next| format!("its plan: {next}"),
        );
        if let Some(detail) = &mut self.task_mut(id).detail {
            (detail.outlook, detail.told_at) = (outlook, taken);
        }
        if outlook == Outlook::Fair {
            if row.finding == Finding::NonConverging {
                self.find(vm, Finding::None, "");
            }
            return;
        }
        let (lead, source) = match outlook {
            Outlook::Stated => ("does not converge", "the hypervisor counted what it dirties"),
            _ => (
                "will not converge, estimated in its first pass",
                match known.and_then(|(_, teller)| teller) {
                    Some(Teller::Tool) => "what it dirties is what the load tool in it says",
                    Some(Teller::Sample) => "what it dirties was sampled by its hypervisor when the move began",
                    None => "what it dirties is what its load was set to",
                },
            ),
        };
        let text: Arc<str> = format!("{lead}: dirties {}, the move gets {}; {helps}", Rate(dirty), Rate(rate)).into();
        let evidence = vec![
            source.into(),
            format!(
                "round {}: {} of {} left, {} sent in all",
                progress.round, progress.remaining, progress.round_size, progress.transferred
            )
            .into(),
        ];
        let said = row.finding == Finding::NonConverging && outlook != before;
        self.found(vm, Diagnosis::new(Finding::NonConverging, text.clone(), evidence));
        if said {
            self.find_anew(vm, Finding::NonConverging, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_in_their_order_one_at_a_time() {
        let steps = ["2 rounds", "10 s", "3 rounds"]
            .map(|after| crate::fleet::RescueStep { after: after.parse().unwrap(), action: RescueAction::Wait });
        let at = Time::from_secs_f64;
        let mut rescue = Rescue::new(Arc::new(RescuePlan::own(steps.into())), at(0.0));
        assert_eq!(rescue.due(1, at(0.0), at(50.0)), None);
        assert_eq!(rescue.due(2, at(0.0), at(50.0)), Some(RescueAction::Wait));
        (rescue.taken, rescue.at) = (1, at(50.0));
        assert_eq!(rescue.due(9, at(0.0), at(59.0)), None, "a time is counted from the step before");
        assert_eq!(rescue.due(9, at(55.0), at(61.0)), None, "and from what brought the move nearer to its end");
        assert_eq!(rescue.due(9, at(55.0), at(65.0)), Some(RescueAction::Wait));
        (rescue.taken, rescue.at) = (3, at(65.0));
        assert_eq!(rescue.due(99, at(0.0), at(999.0)), None);
        assert_eq!(rescue.next(), None);
    }

    #[test]
    fn a_pace_is_bytes_over_time() {
        let mut pace = Pace::default();
        for (seconds, sent) in [(1.0, 1000), (2.0, 9000), (3.0, 3000), (6.0, 3300)] {
            pace.note(Time::from_secs_f64(seconds), Bytes(sent));
        }
        assert_eq!((pace.last, pace.best), (Some(100.0), 1000.0));
    }
}
