//! `hemera lab image`, for real: Debian is built from packages, boots on a lab, answers, and lets the lab's key in alone.
//!
//! Needs root, the network where the image is not in the cache, and what `hemera lab image` names where it is missing.
//! Where the machine cannot, that is said loudly, and is a failure in CI.
#![cfg(feature = "libvirt")]

#[path = "support/debian.rs"]
mod debian;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use debian::start::{done, hemera, not_run, text, wait_until};
use debian::{CACHE, Lab, image, ssh};
use serde_json::Value;

/// What is to be true in a guest.
const CHECKS: &str = "cloud-init status --wait && test $(systemctl is-system-running --wait) = running && \
                      systemctl is-active ssh && stress-ng --cpu 1 --timeout 1 && passwd -S root && hostname -I";

#[test]
#[ignore = "takes minutes; tests/run --long"]
fn debian_boots_on_a_lab_and_lets_the_labs_key_in_alone() {
    let Some(_turn) = image() else { return };
    let lab = match Lab::start("lab-debian", &["--sites", "1", "--hosts", "2"]) {
        Ok(lab) => lab,
        Err(why) => return not_run(&why),
    };
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
    assert_eq!((ours.status.code(), text(&ours.stdout).as_str()), (Some(0), "debian-1\n"), "{}", text(&ours.stderr));
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

#[test]
#[ignore = "needs the image; tests/run --long"]
fn old_images_go_and_others_stay() {
    let Some(_turn) = image() else { return };
    let [old, young] = ["old", "young"].map(|name| Path::new(CACHE).join(format!("debian-test-{name}")));
    for dir in [&old, &young] {
        fs::create_dir_all(dir).expect("a directory");
        fs::write(dir.join("disk.qcow2"), "").expect("a disk");
    }
    done(Command::new("touch").args(["-d", "2 days ago"]).arg(&old));
    let output = hemera(&["lab", "image"]).output().expect("hemera");
    let (there, said) = ([&old, &young].map(|dir| dir.exists()), text(&output.stderr));
    let _ = fs::remove_dir_all(&young);
    assert_eq!(there, [false, true], "{said}");
    assert!(output.status.success() && said.contains(&format!("{} was removed: ", old.display())), "{said}");
    assert!(Path::new(CACHE).join("debian/disk.qcow2").exists());
}
