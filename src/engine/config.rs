//! How an engine is set up.

use std::time::Duration;

use crate::fleet::Share;
use crate::handle::Limits;

/// How an engine is set up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Config {
    /// Seed of random placement.
    pub seed: u64,
    /// Limits to begin with.
    pub limits: Limits,
    /// When a task without progress is given up.
    pub patience: Patience,
    /// What is known of the platform's migrations.
    pub migration: Expected,
    /// Whether figures are kept over time, for consoles. The engine then wants to be called every few seconds though
    /// nothing happens; a run without a console leaves it off.
    pub history: bool,
}

/// What predictions assume of a platform's migrations. The defaults are QEMU's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// The longest pause of a guest that they aim at.
    pub max_downtime: Duration,
    /// Rounds after which the guest is stopped whatever is left; 0: no limit.
    pub max_rounds: u32,
    /// The share of its network rate that a migration really gets.
    pub efficiency: Share,
    /// Time before the first byte is sent.
    pub setup: Duration,
}

impl Default for Expected {
    fn default() -> Self {
        Self { max_downtime: Duration::from_millis(300), max_rounds: 0, efficiency: Share(1.0), setup: Duration::ZERO }
    }
}

/// How long a running task may go on without any progress, by what it does; it is then cancelled and fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Boots of classes that say no other.
    pub boot: Duration,
    /// Migrations that send no byte, and images of which none arrives.
    pub migrate: Duration,
    /// Migrations that send bytes without coming nearer to their end: no round is smaller than those before.
    pub converge: Duration,
    /// Everything else.
    pub change: Duration,
    /// How long a task that is being ended early may take to end; it then fails without the platform's word.
    pub cancel: Duration,
    /// How long tasks wait for memory while nothing runs that could free it.
    pub memory: Duration,
    /// How long tasks wait for a host to answer while nothing runs.
    pub host: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            boot: Duration::from_secs(120),
            migrate: Duration::from_secs(300),
            converge: Duration::from_secs(3600),
            change: Duration::from_secs(60),
            cancel: Duration::from_secs(60),
            memory: Duration::from_secs(30),
            host: Duration::from_secs(600),
        }
    }
}
