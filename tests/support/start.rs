//! What every test of a lab needs: the program, other programs, and a lab that starts or a word on why it cannot.
// Each test binary uses its own part, and for a module of tests `pub` reads better than `pub(crate)`.
#![allow(dead_code, unreachable_pub)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Hemera with these arguments.
pub fn hemera(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hemera"));
    command.args(args).stdin(Stdio::null());
    command
}

/// What a program wrote, as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a program printed; panics where it fails.
pub fn done(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("a program");
    assert!(status.success(), "{command:?}: {}{}", text(&stdout), text(&stderr));
    text(&stdout)
}

/// Waits until `holds` does, and panics with `what` after a minute.
pub fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    wait_minutes(1, what, holds);
}

/// Waits until `holds` does, and panics with `what` after so many minutes: for what takes long where many guests compute.
pub fn wait_minutes(minutes: u64, what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(minutes), "waited {minutes} min for: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Starts a lab in a directory: what `lab up` printed, or why this machine cannot run one.
pub fn start(dir: &Path, args: &[&str]) -> Result<String, String> {
    let output = hemera(&["lab", "up", "--dir"]).arg(dir).args(args).output().expect("hemera");
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let why = text(&output.stderr);
    let cannot = why.contains("this machine cannot run a lab") || why.contains("programs are missing");
    assert!(cannot, "the lab did not come up: {why}");
    Err(why)
}

/// Says loudly, not captured with the test's output, that the calling test was not run. In CI that is a failure.
pub fn not_run(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(std::env::var_os("CI").is_none(), "{test} must run in CI: {why}");
    writeln!(std::io::stderr(), "NOT RUN: {test} needs a lab: {}", why.trim()).expect("stderr");
}
