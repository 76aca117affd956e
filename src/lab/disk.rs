//! Disks of hosts: a file system of a given size each, so that it can be full without the machine's being so.

use std::fs::{self, File};
use std::path::PathBuf;

use super::run::run;
use super::{Host, LabError, Record};
use crate::fleet::Bytes;

/// What fills a host's disk, on it.
const BALLAST: &str = "ballast";

/// Where a host's libvirt keeps its images, overlays and saved VMs.
fn storage(record: &Record, host: &Host) -> PathBuf {
    record.host_dir(&host.name).join("lib")
}

/// Makes a host's disk, and mounts it where all namespaces of the host see it, also those of a libvirtd that is started
/// again.
pub(super) fn make(record: &Record, host: &Host, size: Bytes) -> Result<(), LabError> {
    let storage = storage(record, host);
    fs::create_dir_all(&storage).map_err(LabError::file(&storage))?;
    let path = record.host_dir(&host.name).join("disk.img");
    let file = File::create(&path).map_err(LabError::file(&path))?;
    file.set_len(size.0).map_err(LabError::file(&path))?;
    let image = path.display().to_string();
    // No blocks kept for root, who libvirt is: full is full. Inodes are initialised at once, as the kernel would otherwise
    // write them in the background for a while.
    run("mkfs.ext4", ["-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", &image])?;
    run("mount", ["-o", "loop", &image, &storage.display().to_string()]).map(drop)
}

/// Unmounts the disks that are mounted below the lab's directory. Nothing uses them any more.
pub(super) fn unmount(record: &Record) -> Result<(), LabError> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(LabError::file("/proc/self/mountinfo"))?;
    let within = record.dir.join("hosts");
    // Spaces in paths are written as \040.
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(|point| point.replace("\\040", " "));
    for point in points.filter(|point| PathBuf::from(point).starts_with(&within)) {
        run("umount", [&point])?;
    }
    Ok(())
}

/// Fills a host's disk to the last block.
pub(super) fn fill(record: &Record, host: &Host) -> Result<(), LabError> {
    let ballast = storage(record, host).join(BALLAST).display().to_string();
    // The most of it at once without writing, then what is left block by block, which ends for want of room.
    let fill = r#"free=$(($(stat -f -c '%a * %S' "$(dirname "$1")") - 1048576))
        [ "$free" -le 0 ] || fallocate -l "$free" "$1"
        dd if=/dev/zero of="$1" bs=4k oflag=append conv=notrunc,fsync 2> /dev/null || true"#;
    run("sh", ["-c", fill, "sh", &ballast]).map(drop)
}

/// Frees what [`fill`] took.
pub(super) fn free(record: &Record, host: &Host) -> Result<(), LabError> {
    let ballast = storage(record, host).join(BALLAST);
    match fs::remove_file(&ballast) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(LabError::file(ballast)(error)),
        _ => Ok(()),
    }
}
