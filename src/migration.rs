//! Models of live migration.
