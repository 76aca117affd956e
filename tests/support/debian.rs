//! What tests of a lab's Debian need: its image, a lab of their own, SSH.
// Each test binary uses its own part, and for a module of tests `pub` reads better than `pub(crate)`.
#![allow(dead_code, unreachable_pub)]

#[path = "start.rs"]
pub mod start;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use start::{hemera, not_run, text};

/// Where images are kept.
pub const CACHE: &str = "/var/cache/hemera/lab";

/// A lab in a directory, ended however the test ends.
pub struct Lab(pub PathBuf);

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = hemera(&["lab", "down"]).arg(&self.0).output();
    }
}

impl Lab {
    /// Starts one in a directory of that name, or says why this machine cannot.
    pub fn start(name: &str, options: &[&str]) -> Result<Self, String> {
        let lab = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        // What an earlier test process left that was killed.
        drop(Self(lab.0.clone()));
        let _ = fs::remove_dir_all(&lab.0);
        start::start(&lab.0, options).map(|_| lab)
    }
}

/// Sees to it that the image is there, for one test at a time; none where this machine cannot build it, which is said.
pub fn image() -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let output = hemera(&["lab", "image"]).output().expect("hemera");
    let why = text(&output.stderr);
    if !output.status.success() && (why.contains("programs are missing") || why.contains("need root")) {
        not_run(&why);
        return None;
    }
    assert!(output.status.success(), "no image: {why}");
    Some(turn)
}

/// A command by SSH, with these options.
pub fn ssh(options: &[&str], address: &str, command: &str) -> Output {
    let mut ssh = Command::new("ssh");
    ssh.args(["-o", "BatchMode=yes"]).args(options).arg(format!("root@{address}")).arg(command);
    ssh.stdin(Stdio::null()).output().expect("ssh")
}
