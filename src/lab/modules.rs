//! The kernel modules that a guest needs for its virtio devices.

use std::fs;
use std::path::{Path, PathBuf};

use super::LabError;
use super::run::run;

/// Devices of VMs: the bus, card, disk, the agent's port, random numbers. One that is built into the kernel needs nothing.
const WANTED: [&str; 5] = ["virtio_pci", "virtio_net", "virtio_blk", "virtio_console", "virtio_rng"];

/// Files below the kernel's directory of modules, each after those that it needs.
pub(super) fn needed(dir: &Path) -> Result<Vec<PathBuf>, LabError> {
    let path = dir.join("modules.dep");
    let text = fs::read_to_string(&path).map_err(LabError::file(path))?;
    Ok(in_order(&text, &WANTED).into_iter().map(|file| dir.join(file)).collect())
}

/// The files of `modules.dep` that these modules need, dependencies first. It has a module a line, followed by all that
/// it needs, the nearest first.
fn in_order(dependencies: &str, wanted: &[&str]) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    for name in wanted {
        let line = dependencies.lines().filter_map(|line| line.split_once(':')).find(|(file, _)| module(file) == *name);
        let Some((file, needs)) = line else { continue };
        for file in needs.split_whitespace().rev().chain([file]) {
            if !order.iter().any(|known| known == file) {
                order.push(file.to_owned());
            }
        }
    }
    order
}

/// The module's name, from its file's: `kernel/drivers/char/hw_random/virtio-rng.ko.xz` is `virtio_rng`.
fn module(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split('.').next().unwrap_or(name).replace('-', "_")
}

/// Copies modules into `target` by their number, unpacked, and writes their order beside them.
pub(super) fn copy(modules: &[PathBuf], target: &Path) -> Result<(), LabError> {
    fs::create_dir_all(target).map_err(LabError::file(target))?;
    let mut order = String::new();
    for from in modules {
        let name = format!("{}.ko", module(&from.display().to_string()));
        let to = target.join(&name);
        let unpack = match from.extension().and_then(|extension| extension.to_str()) {
            Some("xz") => Some("xz -dc"),
            Some("zst") => Some("zstd -dc"),
            Some("gz") => Some("gzip -dc"),
            _ => None,
        };
        match unpack {
            None => fs::copy(from, &to).map(drop).map_err(LabError::file(from))?,
            Some(unpack) => {
                let script = format!("{unpack} \"$0\" > \"$1\"");
                run("sh", ["-c".as_ref(), script.as_ref(), from.as_os_str(), to.as_os_str()])?;
            }
        }
        order += &name;
        order.push('\n');
    }
    let path = target.join("order");
    fs::write(&path, order).map_err(LabError::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_needs_comes_before_it() {
        let text = "kernel/net/virtio_net.ko.xz: kernel/net/net_failover.ko.xz kernel/net/failover.ko.xz kernel/virtio.ko.xz\n\
                    kernel/virtio.ko.xz:\n\
                    kernel/char/virtio-rng.ko.xz: kernel/virtio.ko.xz\n";
        let order = in_order(text, &["virtio_net", "virtio_rng", "virtio_scsi"]);
        let names: Vec<_> = order.iter().map(|file| module(file)).collect();
        assert_eq!(names, ["virtio", "failover", "net_failover", "virtio_net", "virtio_rng"]);
    }
}
