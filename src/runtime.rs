//! Drives engine and platform.
