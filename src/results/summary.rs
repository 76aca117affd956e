//! What a run comes to.

use serde::Serialize;

use super::seconds::Seconds;
use crate::engine::{Counts, TaskRecord, What};
use crate::fleet::Time;
use crate::handle::TaskEnd;

/// A step of the workflow, as it went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StepSummary {
    /// Its place in the file, from 0.
    pub index: u32,
    /// `wait` or the operation's kind.
    pub kind: &'static str,
    #[serde(rename = "started_s")]
    pub(super) started: Seconds,
    /// Null where the run ended before it.
    #[serde(rename = "ended_s")]
    pub(super) ended: Option<Seconds>,
    /// How its tasks ended.
    #[serde(flatten)]
    pub counts: Counts,
}

/// `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Summary {
    /// The workflow's name.
    pub name: String,
    /// `sim` or `libvirt`.
    pub platform: String,
    /// The world's name.
    pub world: String,
    /// The seed of every random choice.
    pub seed: u64,
    /// Hosts of the world.
    pub hosts: usize,
    /// VMs that there are at the end.
    pub vms: usize,
    /// The steps that began.
    pub steps: Vec<StepSummary>,
    #[serde(rename = "clock_s")]
    pub(super) clock: Seconds,
}

/// How all tasks of a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Tasks that ended, by how.
    pub counts: Counts,
    /// The platform's clock at the end.
    pub clock: Time,
}

/// Follows the steps as records tell of them.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) steps: Vec<StepSummary>,
    pub(super) all: Counts,
}

impl Steps {
    pub(super) fn record(&mut self, at: Time, what: &What) {
        match what {
            What::StepStarted { index, kind } => self.steps.push(StepSummary {
                index: *index,
                kind,
                started: at.into(),
                ended: None,
                counts: Counts::default(),
            }),
            What::StepEnded { index, counts, .. } => {
                if let Some(step) = self.steps.iter_mut().rfind(|step| step.index == *index) {
                    step.ended = Some(at.into());
                    step.counts = *counts;
                }
            }
            // It never became tasks: the step's own count, which follows, holds it as the one failed task that it is.
            What::StepRefused { .. } => {
                self.all.tasks += 1;
                self.all.failed += 1;
            }
            What::TaskEnded(task) => self.count(task),
            _ => {}
        }
    }

    fn count(&mut self, task: &TaskRecord) {
        add(&mut self.all, &task.outcome);
        // The step's own count stands only where the run ends before the step says it itself.
        if let Some(index) = task.step
            && let Some(step) = self.steps.iter_mut().rfind(|step| step.index == index && step.ended.is_none())
        {
            add(&mut step.counts, &task.outcome);
        }
    }
}

fn add(counts: &mut Counts, end: &TaskEnd) {
    counts.tasks += 1;
    match end {
        TaskEnd::Done => counts.done += 1,
        TaskEnd::Failed(_) => counts.failed += 1,
        TaskEnd::Cancelled => counts.cancelled += 1,
    }
}
