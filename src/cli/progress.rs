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
    redrawn: Instant,
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

impl Progress {
    /// Of a run of so many steps.
    pub(super) fn new(steps: usize) -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            steps,
            step: None,
            drawn: false,
            redrawn: Instant::now(),
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
            What::StepEnded { index, kind, counts } => {
                let took = self.step.take().map_or(Duration::ZERO, |step| record.at - step.began);
                let of = self.steps;
                self.line(&format!("step {}/{of} {kind}: {} in {}", index + 1, told(counts), Span(took)));
            }
            _ => {}
        }
    }

    /// Writes where the run is, at most a few times a second and only on a terminal.
    pub(super) fn moment(&mut self, now: Time) {
        if !self.terminal || self.redrawn.elapsed() < REDRAW {
            return;
        }
        let Some(Step { index, kind, began, tasks, ended, failed }) = self.step else { return };
        self.redrawn = Instant::now();
        self.drawn = true;
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        let tasks = if tasks == 0 { String::new() } else { format!(" {ended} of {tasks} ended{failed}") };
        eprint!("\r\x1b[2Kstep {}/{} {kind}:{tasks}, {} so far", index + 1, self.steps, Span(now - began));
        let _ = io::stderr().flush();
    }

    /// Writes a line that stays.
    pub(super) fn line(&mut self, text: &str) {
        let clear = if std::mem::take(&mut self.drawn) { "\r\x1b[2K" } else { "" };
        eprintln!("{clear}{text}");
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
            eprintln!("  {count} failed: {reason}");
        }
        if unnamed > 0 {
            eprintln!("  {unnamed} failed for other reasons: see tasks.csv");
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
}
