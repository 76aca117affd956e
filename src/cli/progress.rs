//! What a headless run says on stderr while it goes on, and at its end.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::{Counts, Record, What};
use crate::fleet::{Span, Time};
use crate::handle::TaskEnd;

/// The shortest time between two changes of the line that shows where a run is.
const REDRAW: Duration = Duration::from_millis(250);

/// The shortest time between two such lines where each one stays, as in a log.
const RETELL: Duration = Duration::from_secs(10);

/// How many reasons of failures the end of a run names.
const REASONS: usize = 5;

/// Follows a run by its records.
pub(super) struct Progress {
    /// Whether a line may be written again and again.
    terminal: bool,
    steps: usize,
    step: Option<Step>,
    /// Whether the changing line stands on the terminal.
    drawn: bool,
    /// When something was last written.
    written: Instant,
    began: Instant,
    failures: HashMap<Arc<str>, u32>,
}

/// The step that runs.
struct Step {
    index: u32,
    kind: &'static str,
    began: Time,
    tasks: u32,
    ended: u32,
    failed: u32,
}

impl Step {
    /// How far it is.
    fn told(&self, of: usize, now: Time) -> String {
        let Self { index, kind, began, tasks, ended, failed } = *self;
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        let tasks = if tasks == 0 { String::new() } else { format!(" {ended} of {tasks} ended{failed},") };
        format!("step {}/{of} {kind}:{tasks} {} so far", index + 1, Span(now - began))
    }
}

/// How a step went. One that had nothing to do is seldom what its writer meant.
fn ended(index: u32, of: usize, kind: &str, counts: &Counts, took: Duration) -> String {
    let step = format!("step {}/{of} {kind}", index + 1);
    match counts.tasks {
        0 if kind == "wait" => format!("{step}: over in {}", Span(took)),
        0 => format!("warning: {step}: nothing selected, or all of it as asked already"),
        _ => format!("{step}: {} in {}", told(counts), Span(took)),
    }
}

impl Progress {
    /// Of a run of so many steps.
    pub(super) fn new(steps: usize) -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            steps,
            step: None,
            drawn: false,
            written: Instant::now(),
            began: Instant::now(),
            failures: HashMap::new(),
        }
    }

    pub(super) fn record(&mut self, record: &Record) {
        match &record.what {
            What::StepStarted { index, kind } => {
                self.step = Some(Step { index: *index, kind, began: record.at, tasks: 0, ended: 0, failed: 0 });
            }
            What::OperationStarted { tasks, .. } => {
                if let Some(step) = &mut self.step {
                    step.tasks += tasks;
                }
            }
            What::TaskEnded(task) => {
                if let TaskEnd::Failed(reason) = &task.outcome {
                    *self.failures.entry(reason.clone()).or_default() += 1;
                }
                if let Some(step) = &mut self.step {
                    step.ended += 1;
                    step.failed += u32::from(matches!(task.outcome, TaskEnd::Failed(_)));
                }
            }
            What::StepRefused { index, kind, reason } => {
                // Said here, so that nothing is left to say at the step's end.
                self.step = None;
                *self.failures.entry(reason.clone()).or_default() += 1;
                self.line(&format!("step {}/{} {kind}: cannot be done: {reason}", index + 1, self.steps));
            }
            What::StepEnded { index, kind, counts } => {
                if let Some(step) = self.step.take() {
                    let line = ended(*index, self.steps, kind, counts, record.at - step.began);
                    self.line(&line);
                }
            }
            _ => {}
        }
    }

    /// Writes where the run is: a few times a second on the same line of a terminal, elsewhere a line from time to
    /// time.
    pub(super) fn moment(&mut self, now: Time) {
        let pause = if self.terminal { REDRAW } else { RETELL };
        if self.written.elapsed() < pause {
            return;
        }
        let Some(text) = self.step.as_ref().map(|step| step.told(self.steps, now)) else { return };
        if !self.terminal {
            return self.line(&text);
        }
        self.written = Instant::now();
        self.drawn = true;
        let _ = write!(io::stderr(), "\r\x1b[2K{text}");
        let _ = io::stderr().flush();
    }

    /// Writes a line that stays.
    pub(super) fn line(&mut self, text: &str) {
        self.written = Instant::now();
        let clear = if std::mem::take(&mut self.drawn) { "\r\x1b[2K" } else { "" };
        note!("{clear}{text}");
    }

    /// Says how it went.
    pub(super) fn end(&mut self, counts: &Counts, clock: Time, results: &str) {
        let wall = self.began.elapsed();
        self.line(&format!(
            "{}; {} on the platform's clock, {} here; results in {results}",
            told(counts),
            Span(clock - Time::ZERO),
            Span(wall)
        ));
        let mut failures: Vec<_> = self.failures.drain().collect();
        failures.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let unnamed: u32 = failures.iter().skip(REASONS).map(|(_, count)| count).sum();
        for (reason, count) in failures.iter().take(REASONS) {
            note!("  {count} failed: {reason}");
        }
        if unnamed > 0 {
            note!("  {unnamed} failed for other reasons: see tasks.csv");
        }
    }
}

/// Counts in words: `10240 done`, `12 of 20 done, 8 failed`.
fn told(counts: &Counts) -> String {
    let Counts { tasks, done, failed, cancelled } = *counts;
    if tasks == 0 {
        return "no tasks".into();
    }
    let mut text = if done == tasks { format!("{done} done") } else { format!("{done} of {tasks} done") };
    for (count, word) in [(failed, "failed"), (cancelled, "cancelled")] {
        if count > 0 {
            write!(text, ", {count} {word}").expect("a string takes everything");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_name_only_what_there_is() {
        assert_eq!(told(&Counts { tasks: 3, done: 3, failed: 0, cancelled: 0 }), "3 done");
        assert_eq!(told(&Counts { tasks: 3, done: 1, failed: 1, cancelled: 1 }), "1 of 3 done, 1 failed, 1 cancelled");
        assert_eq!(told(&Counts::default()), "no tasks");
    }

    #[test]
    fn steps_tell_how_far_they_are_and_how_they_went() {
        let step = Step { index: 1, kind: "boot", began: Time::ZERO, tasks: 20, ended: 12, failed: 2 };
        let now = Time::ZERO + Duration::from_secs(30);
        assert_eq!(step.told(3, now), "step 2/3 boot: 12 of 20 ended, 2 failed, 30 s so far");
        assert_eq!(Step { kind: "wait", tasks: 0, ..step }.told(3, now), "step 2/3 wait: 30 s so far");
        let ended = |kind, tasks| {
            let counts = Counts { tasks, done: tasks, ..Counts::default() };
            super::ended(1, 3, kind, &counts, Duration::from_secs(10))
        };
        assert_eq!(ended("boot", 3), "step 2/3 boot: 3 done in 10 s");
        assert_eq!(ended("wait", 0), "step 2/3 wait: over in 10 s");
        assert_eq!(ended("migrate", 0), "warning: step 2/3 migrate: nothing selected, or all of it as asked already");
    }

    #[test]
    fn a_log_gets_a_line_from_time_to_time() {
        let mut progress = Progress::new(1);
        progress.terminal = false;
        progress.step = Some(Step { index: 0, kind: "wait", began: Time::ZERO, tasks: 0, ended: 0, failed: 0 });
        let long_ago = Instant::now().checked_sub(RETELL).expect("the machine has been up for so long");
        progress.written = long_ago;
        progress.moment(Time::ZERO);
        assert!(progress.written > long_ago);
        let told = progress.written;
        progress.moment(Time::ZERO);
        assert_eq!(progress.written, told, "not twice in a row");
    }
}
