//! Runs the program as its users do.
// Each test binary uses its own part.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program with a home of its own, so that a test leaves no log in the user's.
pub(crate) fn hemera(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hemera"));
    command.env("XDG_STATE_HOME", home.join("state")).env("XDG_CONFIG_HOME", home.join("config"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEMERA_")) {
        command.env_remove(name);
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Runs it to its end.
pub(crate) fn output(home: &Path, args: &[&str]) -> Output {
    hemera(home).args(args).output().expect("the program starts")
}

/// What it wrote to stderr.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file with that text.
pub(crate) fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("the file can be written");
    path
}
