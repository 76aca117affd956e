//! The workflow file: classes of VMs, limits, what is recorded, and steps that run one after another.

mod build;
mod check;
mod moves;
mod raw;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::files::{FileError, Source};
use crate::fleet::{Selection, VmClass, Way};
use crate::handle::{Limits, OperationSpec, Step};
use crate::world::World;

/// What a workflow file says.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Its name.
    pub name: Arc<str>,
    /// Seed of every random choice, where the file gives one.
    pub seed: Option<u64>,
    /// VM classes, by name.
    pub classes: Vec<Arc<VmClass>>,
    /// Limits from the begin on.
    pub limits: Limits,
    /// What is recorded beside operations and events.
    pub record: Recording,
    /// Steps, in order; [`into_steps`](Self::into_steps) makes them ready to run.
    pub steps: Vec<Step>,
    /// The file, for errors found later.
    source: Source,
    /// Where each step's parts stand, in the order of `steps`.
    spans: Vec<StepSpans>,
    /// Where the selection of sampled VMs stands.
    sampled: Range<usize>,
}

/// What a run samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// How often hosts, and the VMs below, are sampled; none: never.
    pub samples: Option<Duration>,
    /// VMs that are sampled too.
    pub vms: Option<Selection>,
}

/// How often hosts are sampled where the file does not say.
pub const DEFAULT_SAMPLES: Duration = Duration::from_secs(10);

impl Default for Recording {
    fn default() -> Self {
        Self { samples: Some(DEFAULT_SAMPLES), vms: None }
    }
}

/// Where the parts of a step stand in its file.
#[derive(Debug, Clone, Default)]
struct StepSpans {
    /// The step's value.
    step: Range<usize>,
    /// Its selections, in the order of [`check::selections`]; the step where one is not written.
    selections: Vec<Range<usize>>,
    /// Names of hosts in `placement` or of the targets in `moves`.
    targets: Vec<Range<usize>>,
    /// Names of VMs in `moves`.
    vms: Vec<Range<usize>>,
    /// The image of the class, for boots; the class where it has none.
    image: Range<usize>,
}

impl Workflow {
    /// Reads a workflow file.
    ///
    /// # Errors
    /// Where the file cannot be read; see [`Workflow::parse`].
    pub fn load(path: &Path) -> Result<Self, FileError> {
        build::build(Source::read(path)?)
    }

    /// Reads a workflow from its text; `source_name` stands for the file in errors.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing keys, values out of their range, selections that cannot be read; with
    /// line and column.
    pub fn parse(text: &str, source_name: &str) -> Result<Self, FileError> {
        build::build(Source::new(text, source_name))
    }

    /// Its steps. What they copy out of guests and from hosts goes to `copied`, for each step into a directory of its own
    /// that bears the step's number.
    pub fn into_steps(mut self, copied: &Path) -> Vec<Step> {
        for step in &mut self.steps {
            if let Step::Operation(OperationSpec::Copy { copy, .. }) = step
                && let Way::Out { to, .. } = &mut Arc::make_mut(copy).way
            {
                *to = copied.join(&*to);
            }
        }
        self.steps
    }

    /// Whether it can run in a world: sites and hosts that it names are there, VMs that it moves by name can have been
    /// made, and it asks nothing of real hosts that only the simulator does.
    ///
    /// # Errors
    /// The first thing that does not fit, with its place in the workflow file.
    pub fn check(&self, world: &World) -> Result<(), FileError> {
        check::check(self, world)
    }
}
