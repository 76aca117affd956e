//! Engine and platform at one instant, and how they come to the next.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::record::{Recorder, Sampling};
use super::{Interrupts, RuntimeError};
use crate::engine::{Engine, Output};
use crate::fleet::{FromConsole, HostId, Inquiry, Time, VmId};
use crate::handle::{About, Answer, Command, LineEnd, Query, Reply, Stream};
use crate::platform::{Batch, Observation, Platform, Virtual};

/// How many turns engine and platform may take at one instant. Far above what a million VMs that change at once need.
const TURNS: u32 = 20_000_000;

/// How long nothing may be recorded, on a platform on which only loads change, before a run that waits counts as
/// hanging. Longer than hosts stay away after a crash.
const QUIET: Duration = Duration::from_hours(24);

/// An engine with the platform that it works on and whoever writes down what happens.
#[derive(Debug)]
pub struct Driver<P, R> {
    engine: Engine,
    platform: P,
    recorder: R,
    sampling: Option<Sampling>,
    now: Time,
    /// Turns taken since time last passed.
    turns: u32,
    /// When something was last recorded.
    recorded: Time,
    batches: Vec<Batch>,
}

impl<P: Platform, R: Recorder> Driver<P, R> {
    /// Both as they are before anything happened, at [`Time::ZERO`].
    pub const fn new(engine: Engine, platform: P, recorder: R, sampling: Option<Sampling>) -> Self {
        Self {
            engine,
            platform,
            recorder,
            sampling,
            now: Time::ZERO,
            turns: 0,
            recorded: Time::ZERO,
            batches: Vec::new(),
        }
    }

    /// The engine.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The instant that both stand at.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Whoever writes down what happens.
    pub const fn recorder(&mut self) -> &mut R {
        &mut self.recorder
    }

    /// Enters what is there already, before any time passes.
    pub(super) fn fill(&mut self, fill: impl FnOnce(&mut Engine, &mut P)) {
        fill(&mut self.engine, &mut self.platform);
    }

    /// The engine as it stands at the end, and whoever wrote down what happened.
    pub fn into_parts(self) -> (Engine, R) {
        (self.engine, self.recorder)
    }

    /// Gives the engine a command at this instant and lets it act on it.
    ///
    /// # Errors
    /// [`RuntimeError::StandsStill`]; that the engine refuses is in the reply.
    pub fn command(&mut self, command: Command) -> Result<Reply, RuntimeError> {
        self.see_loads()?;
        let reply = self.engine.command(self.now, command);
        self.settle()?;
        Ok(reply)
    }

    /// Asks the engine something at this instant. A preview plans as the command would that it is of.
    ///
    /// # Errors
    /// [`RuntimeError::StandsStill`].
    pub fn query(&mut self, query: &Query) -> Result<Answer, RuntimeError> {
        if matches!(query, Query::Preview(_)) {
            self.see_loads()?;
        }
        Ok(self.engine.query(self.now, query))
    }

    /// Asks the platform about a VM; the answer goes to whoever waits for it when it comes.
    pub fn inspect(&mut self, vm: VmId, inquiry: Inquiry, answer: oneshot::Sender<Answer>) {
        let reply = move |told| {
            // Who asked may have gone meanwhile.
            drop(answer.send(match told {
                Ok(told) => Answer::Told(vm, told),
                Err(why) => Answer::None(why),
            }));
        };
        match self.place(vm) {
            Ok((name, host)) => self.platform.ask(&name, host, inquiry, Box::new(reply)),
            Err(why) => reply(Err(why)),
        }
    }

    /// Connects whoever opened a stream with the platform.
    pub fn open(&mut self, stream: Stream, end: LineEnd) {
        let Stream::Console(vm) = stream;
        match self.place(vm) {
            Ok((name, host)) => self.platform.console(&name, host, end.to, end.from),
            // There is room: nothing was sent before.
            Err(why) => drop(end.from.try_send(FromConsole::Ended(why))),
        }
    }

    /// The name of a VM and the host that it is on, or why it cannot be asked about.
    fn place(&self, vm: VmId) -> Result<(Arc<str>, HostId), Arc<str>> {
        let vms = &self.engine.fleet().vms;
        if vm.0 >= vms.id_count() || !vms.exists(vm) {
            return Err("it is not there any more".into());
        }
        let host = vms.row(vm).host.ok_or("it is on no host")?;
        Ok((vms.name(vm).into(), host))
    }

    /// Lets the engine see every load and how far every migration is now: what a console shows.
    ///
    /// # Errors
    /// [`RuntimeError::StandsStill`].
    pub fn look(&mut self) -> Result<(), RuntimeError> {
        self.platform.report();
        self.see_loads()
    }

    /// Lets the engine see every load as it is now. Not how far migrations are: a migration without progress is given
    /// up, and how often a run is recorded must not change when.
    fn see_loads(&mut self) -> Result<(), RuntimeError> {
        self.platform.sample();
        self.settle()
    }

    /// Ends a run early as interrupts ask for: at the first, and where what happens can no longer be written down,
    /// nothing more is started; at the second everything is cancelled. `heeded` counts those acted on.
    ///
    /// # Errors
    /// [`RuntimeError::StandsStill`].
    pub fn heed(&mut self, interrupts: &Interrupts, heeded: &mut u32) -> Result<(), RuntimeError> {
        let asked = interrupts.count().max(u32::from(self.recorder.broken()));
        while *heeded < asked.min(2) {
            let command = if *heeded == 0 { Command::Drain } else { Command::StopEverything };
            *heeded += 1;
            // It is refused only where nothing is left to end, which is as good.
            drop(self.command(command)?);
        }
        Ok(())
    }

    /// Hands what the platform saw to the engine and what the engine wants to the platform until neither has more.
    ///
    /// # Errors
    /// [`RuntimeError::StandsStill`] where that never comes to an end.
    pub fn settle(&mut self) -> Result<(), RuntimeError> {
        loop {
            self.platform.collect(&mut self.batches);
            let due = self.engine.next_deadline().is_some_and(|deadline| deadline <= self.now);
            if self.may_plan(due) {
                // Before all else that was seen: the step after the present one is planned where that ends.
                let seen = std::mem::take(&mut self.batches);
                self.platform.sample();
                self.platform.collect(&mut self.batches);
                self.batches.extend(seen);
            }
            let mut more = !self.batches.is_empty();
            for batch in self.batches.drain(..) {
                self.engine.observe(self.now, batch);
            }
            // After what was seen: a task that ends at its very deadline has ended.
            if self.engine.next_deadline().is_some_and(|deadline| deadline <= self.now) {
                self.engine.tick(self.now);
                more = true;
            }
            while let Some(output) = self.engine.poll() {
                match output {
                    Output::Request(request) => {
                        self.platform.submit(request);
                        more = true;
                    }
                    Output::Record(record) => {
                        self.recorded = self.now;
                        self.recorder.record(&record);
                    }
                }
            }
            if !more {
                return Ok(());
            }
            self.turn()?;
        }
    }

    /// Whether a step may be planned by what was collected or, at a deadline, by the time. It goes by the loads of that
    /// instant then, not by those of the last time of sampling: how often a run is recorded does not change what it
    /// does.
    fn may_plan(&self, due: bool) -> bool {
        if due {
            return self.engine.steps_run();
        }
        if self.batches.is_empty() {
            return false;
        }
        let Some(running) = self.engine.step_running() else { return false };
        let ends = |batch: &Batch| batch.seen.iter().filter(|seen| matches!(seen, Observation::Ended { .. })).count();
        let ended: usize = self.batches.iter().map(ends).sum();
        ended > 0 && ended >= running as usize
    }

    fn turn(&mut self) -> Result<(), RuntimeError> {
        self.turns += 1;
        if self.turns > TURNS {
            return Err(RuntimeError::StandsStill { at: self.now, rounds: TURNS });
        }
        Ok(())
    }

    /// Time passes to `now`; it never goes back.
    fn pass(&mut self, now: Time) {
        if now > self.now {
            self.now = now;
            self.turns = 0;
        }
    }

    /// Comes to `now` on a platform whose time passes by itself, and records a sample where one is due.
    ///
    /// # Errors
    /// As [`settle`](Self::settle).
    pub fn live_until(&mut self, now: Time) -> Result<(), RuntimeError> {
        self.pass(now);
        self.settle()?;
        if let Some(sampling) = self.sampling.as_mut().filter(|sampling| sampling.next() <= self.now) {
            sampling.pass(self.now);
            self.recorder.sample(self.now, self.engine.fleet());
        }
        Ok(())
    }

    /// Records the loads as they were last seen, at the end of a run that records loads at all.
    pub fn last_known(&mut self) {
        // A run that ends on a time of sampling has that sample already.
        if self.sampling.is_some_and(|sampling| !sampling.fell_on(self.now)) {
            self.recorder.sample(self.now, self.engine.fleet());
        }
    }

    /// When engine or recorder want to be called though nothing happens.
    pub fn next_own(&self) -> Option<Time> {
        earliest(self.engine.next_deadline(), self.sampling.map(|sampling| sampling.next()))
    }
}

impl<P: Virtual, R: Recorder> Driver<P, R> {
    /// Lets the next thing happen that happens until `to`; false where nothing does, and then time has not passed.
    ///
    /// # Errors
    /// [`RuntimeError::StandsStill`].
    pub fn step(&mut self, to: Time) -> Result<bool, RuntimeError> {
        let due = earliest(self.next_own(), self.platform.next_at());
        let Some(next) = due.filter(|&next| next <= to) else { return Ok(false) };
        self.pass(next);
        self.turn()?;
        self.platform.advance(self.now);
        self.settle()?;
        if self.sampling.is_some_and(|sampling| sampling.next() <= self.now) {
            self.see_loads()?;
            self.recorder.sample(self.now, self.engine.fleet());
            if let Some(sampling) = &mut self.sampling {
                sampling.pass(self.now);
            }
        }
        Ok(true)
    }

    /// Lets time pass to `to` after everything that happens until then has happened.
    ///
    /// # Errors
    /// [`RuntimeError::StandsStill`].
    pub fn idle_until(&mut self, to: Time) -> Result<(), RuntimeError> {
        if to > self.now {
            self.pass(to);
            self.platform.advance(to);
            self.settle()?;
        }
        Ok(())
    }

    /// Records the loads as they are at the end of a run, where loads are recorded at all.
    ///
    /// # Errors
    /// [`RuntimeError::StandsStill`].
    pub fn last_sample(&mut self) -> Result<(), RuntimeError> {
        if self.sampling.is_some() {
            self.see_loads()?;
        }
        self.last_known();
        Ok(())
    }

    /// Whether what has not ended can still go on.
    ///
    /// # Errors
    /// [`RuntimeError::Hangs`] where the engine waits and neither it nor the platform will do anything more. Changing
    /// loads are not counted as something: after a day of nothing else, a wait without a deadline is for ever.
    pub fn check_alive(&self) -> Result<(), RuntimeError> {
        if !self.engine.busy() || self.engine.next_deadline().is_some() {
            return Ok(());
        }
        if self.platform.next_at().is_some() && self.now.since(self.recorded) < QUIET {
            return Ok(());
        }
        Err(RuntimeError::Hangs { at: self.now, waiting: self.waiting() })
    }

    /// What has not ended, for people.
    fn waiting(&self) -> String {
        let mut text = String::new();
        for operation in self.engine.snapshot(self.now, &Arc::new(About::default())).operations.iter() {
            if operation.ended.is_some() {
                continue;
            }
            let separator = if text.is_empty() { "" } else { "; " };
            let left = operation.waiting + operation.running;
            write!(text, "{separator}{} {} has {left} tasks left", operation.id, operation.title)
                .expect("a string takes everything");
            for (kind, count) in &operation.waiting_by {
                write!(text, ", {count} wait for: {}", kind.word()).expect("a string takes everything");
            }
        }
        if text.is_empty() { "a step has not ended".into() } else { text }
    }
}

fn earliest(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    [a, b].into_iter().flatten().min()
}
