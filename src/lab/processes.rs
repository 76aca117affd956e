//! The processes that run in network namespaces, found by asking the kernel.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where `ip netns` keeps namespaces by name.
const NAMESPACES: &str = "/run/netns";

/// A process in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// The name of its program, cut at 15 characters by the kernel.
    pub(super) program: String,
    /// Its arguments, the program first.
    pub(super) args: Vec<String>,
}

impl Process {
    /// The name of the VM that it runs; none where it is no VM: libvirt starts QEMU without a guest to learn what it can.
    pub(super) fn vm(&self) -> Option<&str> {
        self.args.iter().find_map(|arg| arg.strip_prefix("guest=")).map(|rest| rest.split(',').next().unwrap_or(rest))
    }

    /// Whether a signal has stopped it.
    pub(super) fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // The state follows the program's name, which is in brackets and may hold anything.
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    }

    /// Kills it. One may end by itself meanwhile.
    pub(super) fn kill(&self) {
        signal("KILL", self.pid);
    }
}

/// Sends a signal, by its name. The shell does it: the program is in a package that small systems lack.
pub(super) fn signal(name: &str, process: u32) {
    let _ = super::run::run("sh", ["-c", "kill -\"$0\" \"$1\"", name, &process.to_string()]);
}

/// The file of a namespace.
pub(super) fn namespace_file(name: &str) -> PathBuf {
    Path::new(NAMESPACES).join(name)
}

/// The names of the namespaces that begin so, sorted.
pub(super) fn namespaces(prefix: &str) -> Vec<String> {
    let entries = fs::read_dir(NAMESPACES).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

/// The processes in the namespaces of these names, with the namespace of each.
pub(super) fn inside(namespaces: &[String]) -> Vec<(String, Process)> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let wanted: Vec<((u64, u64), &String)> =
        namespaces.iter().filter_map(|name| Some((identity(&namespace_file(name))?, name))).collect();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let dir = entry.path();
        let Some(own) = identity(&dir.join("ns/net")) else { continue };
        let Some((_, namespace)) = wanted.iter().find(|(identity, _)| *identity == own) else { continue };
        let text = |file: &str| fs::read(dir.join(file)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let program = text("comm").unwrap_or_default().trim().to_owned();
        let args = text("cmdline").unwrap_or_default().split('\0').map(str::to_owned).collect();
        found.push(((*namespace).clone(), Process { pid, program, args }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_qemu_with_a_guest_is_a_vm() {
        let process = |args: &[&str]| Process {
            pid: 1,
            program: "qemu-system-x86".into(),
            args: args.iter().map(|&arg| arg.into()).collect(),
        };
        let vm = process(&["/usr/bin/qemu-system-x86_64", "-name", "guest=tiny-1,debug-threads=on"]);
        assert_eq!(vm.vm(), Some("tiny-1"));
        assert_eq!(process(&["/usr/bin/qemu-system-x86_64", "-S", "-machine", "none"]).vm(), None);
    }
}
