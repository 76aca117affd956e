//! The simulator: a discrete-event platform without clock, thread or randomness of its own beyond its seed.

mod config;

pub use config::{BootConfig, FaultConfig, LoadConfig, MigrationConfig, PerHour, SimConfig};
