//! `hemera docs`: the documentation that comes from the code.

use std::path::Path;

use super::{DONE, Failure};
use crate::console::docs;

/// Writes every generated file into a directory and returns the exit code.
pub(super) fn write(dir: &Path) -> Result<u8, Failure> {
    let failed = |error: std::io::Error| Failure::work(format!("{}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    for (name, text) in docs::all()? {
        std::fs::write(dir.join(name), text).map_err(failed)?;
        say!("{}", dir.join(name).display());
    }
    Ok(DONE)
}
