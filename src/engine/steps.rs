//! A workflow's steps, one after another.

use crate::fleet::{OpId, Time};
use crate::handle::{Level, Step};

use super::{Counts, Engine, What};

/// Steps that have not ended.
#[derive(Debug)]
pub(super) struct Steps {
    list: Vec<Step>,
    /// The step that goes on.
    at: usize,
    now: Option<Going>,
}

/// What the present step waits for.
#[derive(Debug, Clone, Copy)]
enum Going {
    Operation(OpId),
    Until(Time),
}

impl Steps {
    pub(super) const fn new(list: Vec<Step>) -> Self {
        Self { list, at: 0, now: None }
    }

    /// When a wait ends.
    pub(super) const fn deadline(&self) -> Option<Time> {
        match self.now {
            Some(Going::Until(at)) => Some(at),
            _ => None,
        }
    }

    fn kind(&self) -> &'static str {
        match &self.list[self.at] {
            Step::Wait(_) => "wait",
            Step::Operation(spec) => spec.kind().word(),
        }
    }
}

impl Engine {
    /// Ends the present step where it is over and begins the next, as far as it goes without time passing.
    pub(super) fn advance_steps(&mut self) {
        while let Some(mut steps) = self.steps.take() {
            let counts = match steps.now {
                Some(Going::Operation(op)) if self.op(op).ended.is_none() => {
                    self.steps = Some(steps);
                    return;
                }
                Some(Going::Until(at)) if at > self.fleet.now => {
                    self.steps = Some(steps);
                    return;
                }
                Some(Going::Operation(op)) => Some(self.op(op).counts),
                Some(Going::Until(_)) => Some(Counts::default()),
                None => None,
            };
            if let Some(counts) = counts {
                self.record(What::StepEnded { index: steps.at as u32, kind: steps.kind(), counts });
                steps.at += 1;
                steps.now = None;
            }
            if steps.at == steps.list.len() {
                self.record(What::StepsEnded);
                self.changes += 1;
                return;
            }
            let (index, kind) = (steps.at as u32, steps.kind());
            self.record(What::StepStarted { index, kind });
            match steps.list[steps.at].clone() {
                Step::Wait(span) => {
                    steps.now = Some(Going::Until(self.fleet.now + span));
                    self.steps = Some(steps);
                }
                Step::Operation(spec) => match self.start(&spec, Some(index)) {
                    // Starting settles the queue, which would come back here were the steps not taken out.
                    Ok(op) => {
                        steps.now = Some(Going::Operation(op));
                        self.steps = Some(steps);
                    }
                    Err(reason) => {
                        let text = format!("step {index} ({kind}) cannot be done: {reason}");
                        self.say(Level::Error, None, None, None, text);
                        let counts = Counts { tasks: 1, failed: 1, ..Counts::default() };
                        self.record(What::StepRefused { index, kind, reason });
                        self.record(What::StepEnded { index, kind, counts });
                        steps.at += 1;
                        self.steps = Some(steps);
                    }
                },
            }
        }
    }

    /// Begins no further step.
    pub(super) fn stop_steps(&mut self) {
        let Some(steps) = self.steps.take() else { return };
        if let Some(going) = steps.now {
            let counts = match going {
                Going::Operation(op) if self.op(op).ended.is_none() => {
                    // It goes on to its end; what remains of the file is dropped.
                    let steps = Steps { list: steps.list[..=steps.at].to_vec(), ..steps };
                    self.steps = Some(steps);
                    return;
                }
                Going::Operation(op) => self.op(op).counts,
                Going::Until(_) => Counts::default(),
            };
            self.record(What::StepEnded { index: steps.at as u32, kind: steps.kind(), counts });
        }
        self.record(What::StepsEnded);
        self.changes += 1;
    }
}
