//! Models of live migration.

pub mod precopy;
