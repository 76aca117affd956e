//! Ending a lab, whole or half-made.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::record::{self, Claim};
use super::run::run;
use super::{LabError, disk, need, processes};

/// After so long without anything new, a start that was killed makes nothing more.
const SETTLING: Duration = Duration::from_secs(1);

/// A lab that is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Which it was.
    pub number: u8,
    /// How many VMs ended with it.
    pub vms: usize,
    /// Its directory, where something stays in it that is not the lab's.
    pub kept: Option<PathBuf>,
}

/// Ends the lab in `dir`; without, the only one; with `all`, all of them. None where there is none.
///
/// # Errors
/// Where several are there and none is named, another process is at work on it, or something cannot be taken away.
pub fn down(dir: Option<&Path>, all: bool) -> Result<Vec<Gone>, LabError> {
    need::root()?;
    let records = record::of(dir)?;
    if dir.is_none() && !all && records.len() > 1 {
        return Err(LabError::WhichOne { count: records.len() });
    }
    if records.is_empty() {
        record::tidy();
    }
    records.into_iter().map(|record| take_away(Claim::take(record)?)).collect()
}

/// Takes away all that a lab may have made, in the order in which nothing new can come: processes, namespaces, files,
/// and its record last. What is not there is as good as taken away.
pub(super) fn take_away(claim: Claim) -> Result<Gone, LabError> {
    let record = claim.record.clone();
    let plan = record.plan();
    // What a start that was killed had begun may still be at work, and is not inside.
    let settling = if record.world().exists() { Duration::ZERO } else { SETTLING };
    let (mut vms, mut quiet) = (0, Instant::now());
    loop {
        let namespaces = processes::namespaces(&plan.prefix());
        if namespaces.is_empty() {
            if quiet.elapsed() >= settling {
                break;
            }
            thread::sleep(Duration::from_millis(50));
            continue;
        }
        let inside = processes::inside(&namespaces);
        vms += inside.iter().filter(|(_, process)| process.vm().is_some()).count();
        kill(record.number, &namespaces)?;
        for name in &namespaces {
            // One of which only the file was made yet.
            if run("ip", ["netns", "del", name]).is_err() {
                let file = processes::namespace_file(name);
                fs::remove_file(&file).or_else(absent).map_err(LabError::file(file))?;
            }
        }
        quiet = Instant::now();
    }
    // The other end went with its namespace, and this one with it, but only a moment later.
    let _ = run("ip", ["link", "del", &plan.interface()]);
    disk::unmount(&record)?;
    for dir in [record.dir.join("hosts"), record.ssh_dir(), record.tls_dir(), record.net_dir()] {
        fs::remove_dir_all(&dir).or_else(absent).map_err(LabError::file(dir))?;
    }
    for file in [record.world(), record.workflow()] {
        fs::remove_file(&file).or_else(absent).map_err(LabError::file(file))?;
    }
    // Not empty where people put something there.
    record.made.iter().for_each(|dir| drop(fs::remove_dir(dir)));
    let kept = record.made.first().filter(|dir| dir.exists()).cloned();
    claim.forget()?;
    Ok(Gone { number: record.number, vms, kept })
}

/// Kills all processes in the namespaces until there are none: also a stopped libvirtd, and VMs whose libvirtd is gone.
fn kill(number: u8, namespaces: &[String]) -> Result<(), LabError> {
    let mut left = Vec::new();
    for _ in 0..100 {
        left = processes::inside(namespaces);
        if left.is_empty() {
            return Ok(());
        }
        for (_, process) in &left {
            process.kill();
        }
        thread::sleep(Duration::from_millis(100));
    }
    let pids = left.iter().map(|(_, process)| process.pid.to_string()).collect::<Vec<_>>().join(" ");
    Err(LabError::Immortal { number, pids })
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
