//! What can be taken back.

use super::marks::{HostSet, VmSet};
use crate::fleet::{OpId, TaskId};
use crate::handle::{Limits, OpKind};

/// Steps that are remembered. The marks of a million VMs take 125 kB.
const REMEMBERED: usize = 50;

/// Something that was done, with what there was before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// VMs were marked, or no longer.
    Marks(VmSet),
    /// Hosts were marked, or no longer.
    HostMarks(HostSet),
    /// The VM table had another filter.
    Filter(String),
    /// The table of hosts had another filter.
    HostFilter(String),
    /// Limits were changed.
    Limits(Limits),
    /// A task was cancelled: what kind it was of, and what it was.
    Cancelled(TaskId, OpKind, String),
    /// An operation was cancelled: what it was.
    CancelledAll(OpId, String),
    /// Something that cannot be taken back: what it is called.
    Final(&'static str),
}

/// What was done, and what was taken back of it.
#[derive(Debug, Default)]
pub(crate) struct Undo {
    done: Vec<Step>,
    undone: Vec<Step>,
    /// Whether the last step is about one mark after the other, which are taken back together.
    marking: bool,
    /// Whether what changes now is itself a taking back.
    working: bool,
    /// What is told together with the reply to the command that takes back.
    pub said: Option<String>,
}

impl Undo {
    /// Notes a step. Single marks after one another are one step.
    pub(crate) fn note(&mut self, step: Step, single: bool) {
        let alike = |last: &Step| std::mem::discriminant(last) == std::mem::discriminant(&step);
        let goes_on = single && self.marking && self.done.last().is_some_and(alike);
        self.marking = single;
        self.undone.clear();
        if goes_on {
            return;
        }
        push(&mut self.done, step);
    }

    /// The last step, to be taken back.
    pub(crate) fn take(&mut self) -> Option<Step> {
        self.marking = false;
        self.working = true;
        self.done.pop()
    }

    /// Whether what was done just now was a taking back; forgets it.
    pub(crate) fn was_at_work(&mut self) -> bool {
        std::mem::take(&mut self.working)
    }

    /// What takes the taking back back.
    pub(crate) fn can_redo(&mut self, step: Step) {
        push(&mut self.undone, step);
    }

    /// The last step that was taken back, to be done again.
    pub(crate) fn take_undone(&mut self) -> Option<Step> {
        self.working = true;
        self.undone.pop()
    }

    /// What takes the doing again back.
    pub(crate) fn redone(&mut self, step: Step) {
        self.marking = false;
        push(&mut self.done, step);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    pub(crate) const fn has_undone(&self) -> bool {
        !self.undone.is_empty()
    }
}

fn push(steps: &mut Vec<Step>, step: Step) {
    if steps.len() == REMEMBERED {
        steps.remove(0);
    }
    steps.push(step);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_marks_are_one_step_and_steps_are_bounded() {
        let mut undo = Undo::default();
        let marks = |n: u32| Step::Marks((0..n).map(crate::fleet::VmId).collect());
        undo.note(marks(0), true);
        undo.note(marks(1), true);
        undo.note(Step::Filter("x".into()), false);
        undo.note(marks(2), true);
        assert_eq!(undo.take(), Some(marks(2)));
        undo.can_redo(marks(3));
        assert_eq!(undo.take(), Some(Step::Filter("x".into())));
        assert_eq!(undo.take(), Some(marks(0)));
        assert_eq!((undo.take(), undo.has_undone()), (None, true));
        undo.note(marks(5), false);
        assert!(!undo.has_undone());
        for _ in 0..200 {
            undo.note(Step::Final("destroy"), false);
        }
        assert_eq!(undo.done.len(), REMEMBERED);
    }
}
