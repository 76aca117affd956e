//! Reading the TOML files that people write.
