//! Whether guests run under KVM here.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::guest::{CMDLINE, MEMORY_MIB, UP};
use super::run::command;
use super::{Guest, LabError};

/// How long a guest may take to come up under KVM. It takes one second where it works.
const PATIENCE: Duration = Duration::from_secs(6);

/// Whether a guest really comes up under KVM. It may be there and yet run none, as in nested machines: only a guest that
/// boots proves it. The answer is kept beside the guest until the machine starts again.
pub(super) fn works(guest: &Guest, say: &mut dyn FnMut(&str)) -> Result<bool, LabError> {
    if !Path::new("/dev/kvm").exists() {
        return Ok(false);
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let kept = guest.dir.join("kvm");
    let text = |works: bool| format!("{} {}\n", if works { "yes" } else { "no" }, boot.trim());
    let known = fs::read_to_string(&kept).unwrap_or_default();
    if let Some(works) = [true, false].into_iter().find(|works| known == text(*works)) {
        return Ok(works);
    }
    say("trying whether guests run under KVM");
    let works = tried(guest)?;
    fs::write(&kept, text(works)).map_err(LabError::file(kept))?;
    Ok(works)
}

fn tried(guest: &Guest) -> Result<bool, LabError> {
    let log = guest.dir.join(format!("kvm-{}.log", std::process::id()));
    let mut qemu = command("timeout");
    qemu.args(["--signal=KILL", &PATIENCE.as_secs().to_string(), "qemu-system-x86_64", "-accel", "kvm", "-m"]);
    qemu.arg(MEMORY_MIB.to_string()).args(["-nodefaults", "-display", "none", "-serial"]);
    qemu.arg(format!("file:{}", log.display()));
    qemu.arg("-kernel").arg(guest.kernel()).arg("-initrd").arg(guest.initrd()).args(["-append", CMDLINE]);
    qemu.stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let mut child = qemu
        .spawn()
        .map_err(|error| LabError::Program { command: "qemu-system-x86_64".into(), said: error.to_string() })?;
    let mut works = false;
    while !works && began.elapsed() < PATIENCE && child.try_wait().ok().flatten().is_none() {
        thread::sleep(Duration::from_millis(100));
        works = fs::read_to_string(&log).unwrap_or_default().contains(UP);
    }
    // `timeout` passes this on, which it could not do with KILL.
    super::processes::signal("TERM", child.id());
    let _ = child.wait();
    let _ = fs::remove_file(log);
    Ok(works)
}
