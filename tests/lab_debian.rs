//! `hemera lab image`, for real: Debian is built from packages, boots on a lab, answers, and lets the lab's key in alone.
//!
//! Needs root, the network where the image is not in the cache, and what `hemera lab image` names where it is missing.
//! Where the machine cannot, that is said loudly, and is a failure in CI.
#![cfg(feature = "libvirt")]

#[path = "support/start.rs"]
mod start;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use start::{done, hemera, not_run, start, text, wait_until};

/// Where images are kept.
const CACHE: &str = "/var/cache/hemera/lab";

/// What is to be true in a guest.
const CHECKS: &str = "cloud-init status --wait && test $(systemctl is-system-running --wait) = running && \
                      systemctl is-active ssh && stress-ng --cpu 1 --timeout 1 && passwd -S root && hostname -I";

/// A lab in a directory, ended however the test ends.
struct Lab(PathBuf);

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = hemera(&["lab", "down"]).arg(&self.0).output();
    }
}

/// Sees to it that the image is there, for one test at a time; none where this machine cannot build it, which is said.
fn image() -> Option<MutexGuard<'static, ()>> {
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
fn ssh(options: &[&str], address: &str, command: &str) -> Output {
    let mut ssh = Command::new("ssh");
    ssh.args(["-o", "BatchMode=yes"]).args(options).arg(format!("root@{address}")).arg(command);
    ssh.stdin(Stdio::null()).output().expect("ssh")
}

#[test]
#[ignore = "takes minutes; tests/run --long"]
fn debian_boots_on_a_lab_and_lets_the_labs_key_in_alone() {
    let Some(_turn) = image() else { return };
    let lab = Lab(Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab-debian"));
    // What an earlier test process left that was killed.
    drop(Lab(lab.0.clone()));
    let _ = fs::remove_dir_all(&lab.0);
    if let Err(why) = start(&lab.0, &["--sites", "1", "--hosts", "2"]) {
        return not_run(&why);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let written = fs::read_to_string(lab.0.join("workflow.toml")).expect("workflow.toml");
    let (classes, _) = written.split_once("[limits]").expect("classes before limits");
    let steps = format!(
        "[[step]]\nboot = {{ class = \"debian\", count = 1, name = \"debian-{{n}}\" }}\n\
         [[step]]\nrun = {{ select = \"class:debian\", command = \"{CHECKS}\", timeout = \"10 min\" }}\n\
         [[step]]\nstress = {{ select = \"class:debian\", cpu = \"10 %\", dirty_rate = \"1 MB/s\" }}\n\
         [[step]]\nmigrate = {{ select = \"class:debian\", to = \"paradoxe-2\" }}\n"
    );
    let (workflow, out) = (folder.path().join("debian.toml"), folder.path().join("out"));
    fs::write(&workflow, format!("{classes}{steps}")).expect("a workflow");
    done(hemera(&["run"]).arg(&workflow).arg("--world").arg(lab.0.join("world.toml")).arg("--out").arg(&out));
    let outputs = fs::read_to_string(out.join("outputs.jsonl")).expect("outputs.jsonl");
    let said: Value = serde_json::from_str(outputs.lines().next().expect("a line")).expect("an object");
    let said = said["out"].as_str().expect("text");
    assert!(said.contains("status: done") && said.contains("\nactive\nroot L "), "{said}");
    let address = said.split_whitespace().next_back().expect("an address");
    let config = lab.0.join("ssh/config").display().to_string();
    let ours = ssh(&["-F", &config], address, "hostname");
    assert_eq!((ours.status.code(), text(&ours.stdout).as_str()), (Some(0), "debian\n"), "{}", text(&ours.stderr));
    let strange = ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];
    let others = ssh(&strange, address, "true");
    assert!(text(&others.stderr).contains("Permission denied (publickey)"), "{}", text(&others.stderr));
}

/// What builds have under way.
fn drafts() -> Vec<String> {
    let entries = fs::read_dir(CACHE).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("debian-") && name.contains(".draft-")).collect()
}

#[test]
#[ignore = "needs the network; tests/run --long"]
fn a_build_that_is_interrupted_leaves_nothing() {
    let Some(_turn) = image() else { return };
    // Another load tool makes it another image.
    let folder = tempfile::tempdir().expect("a folder");
    let tool = folder.path().join("hemera-load");
    fs::copy("/bin/busybox", &tool).expect("a static program");
    File::options().append(true).open(&tool).expect("it").write_all(b"another").expect("it");
    let before = fs::read_link(format!("{CACHE}/debian")).expect("the image of before");
    let mut build = hemera(&["lab", "image"]).env("HEMERA_LOAD", &tool).stderr(Stdio::piped()).spawn().expect("hemera");
    let said = BufReader::new(build.stderr.take().expect("its words"));
    let mut stages = said.lines().map(|line| line.expect("text"));
    let stage = stages.find(|stage| stage.starts_with("installing "));
    assert!(stage.is_some(), "it ended before it came to that");
    let draft = format!(".draft-{}", build.id());
    let root = || drafts().into_iter().find(|name| name.ends_with(&draft)).map(|name| format!("{CACHE}/{name}/root"));
    let within = |file: &str| root().is_some_and(|root| Path::new(&root).join(file).exists());
    wait_until("packages are being installed", || within("usr/sbin/policy-rc.d"));
    done(Command::new("kill").args(["-INT", &build.id().to_string()]));
    assert_eq!(build.wait().expect("its end").code(), Some(130));
    assert!(root().is_none(), "{:?}", drafts());
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    assert!(!mounts.contains(&draft), "{mounts}");
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let left = processes.filter(|entry| {
        let at = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        at.display().to_string().contains(&draft)
    });
    assert_eq!(left.count(), 0, "processes of the build");
    assert_eq!(fs::read_link(format!("{CACHE}/debian")).expect("the image of before"), before);
}
