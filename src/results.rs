//! What a run leaves in its directory.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `summary.json` | name, platform, world, seed, how many hosts and VMs, each step with its times and counts, the clock at the end |
//! | `machine.json` | how long it took in wall time and every other figure of the machine that ran it |
//! | `tasks.csv` | a row for each task, in the order in which they ended |
//! | `migrations.csv` | a row for each attempt to move a VM |
//! | `samples.csv` | loads over time |
//! | `events.jsonl` | everything that happened, one JSON object a line |
//!
//! Times are seconds of the platform's clock since the run's start, exact to the nanosecond; sizes are bytes, rates
//! bytes per second. Steps count from 0 as the workflow file lists them. With the same seed, the simulator and
//! `--speed max`, all but `machine.json` are identical from run to run.

mod directory;
mod events;
mod machine;
mod rows;
mod seconds;
mod summary;
mod writer;

pub use directory::{COPIED, FILES, OUTPUTS, ResultsError};
pub use machine::Machine;
pub use summary::Outcome;
pub use writer::{About, Results};
