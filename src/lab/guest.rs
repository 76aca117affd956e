//! The guest that labs boot: Debian's cloud kernel, and an initial RAM disk of busybox, the QEMU guest agent
//! and the load tool where that was built; and a small disk image that boots both by its own loader, for what wants one.
//!
//! It is built once and kept in `/var/cache/hemera/lab`, in a directory whose name holds the kernel's version and a
//! checksum of all that went in: an update of any package builds another one. `/var/cache/hemera/lab/guest` leads to the
//! one that a lab took last, so that workflow files can name it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::LabError;
use super::bootable;
use super::cache;
use super::modules;
use super::need::find;
use super::run::{command, finish, run};

/// Memory with which it boots.
pub(super) const MEMORY_MIB: u64 = 96;
/// Its kernel's arguments: what it says is on its screen and, as for every process without a terminal, on its serial line.
pub(super) const CMDLINE: &str = "console=tty0 console=ttyS0";
/// By what name its disk image is found in its directory.
pub(super) const IMAGE: &str = "tiny";
/// What it says on its serial line when it is up.
pub(super) const UP: &str = "hemera guest is up";

/// Scripts of ours: path, content, mode.
const OWN: [(&str, &str, u32); 6] = [
    ("etc/inittab", include_str!("guest/inittab"), 0o644),
    ("etc/rcS", include_str!("guest/rcS"), 0o755),
    ("etc/agent", include_str!("guest/agent"), 0o755),
    ("etc/network", include_str!("guest/network"), 0o755),
    ("etc/lease", include_str!("guest/lease"), 0o755),
    ("sbin/shutdown", include_str!("guest/shutdown"), 0o755),
];

/// What packs it.
const PACK: &str = concat!(include_str!("bootable.sh"), include_str!("guest/pack.sh"));
/// What the loader of its disk does.
const GRUB: &str = include_str!("guest/grub.cfg");

/// A built guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// Its directory in the cache.
    pub dir: PathBuf,
    /// Whether the load tool is in it, so that it takes stress.
    pub stress: bool,
}

impl Guest {
    /// Its kernel.
    pub fn kernel(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    /// Its initial RAM disk.
    pub fn initrd(&self) -> PathBuf {
        self.dir.join("initrd.gz")
    }
}

/// The newest of Debian's kernels for virtual machines.
pub(super) fn kernel() -> Option<PathBuf> {
    let entries = fs::read_dir("/boot").into_iter().flatten().flatten();
    let kernels = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("vmlinuz-") && name.ends_with("-cloud-amd64")
    });
    kernels.map(|entry| entry.path()).max_by_key(|path| version_key(&path.display().to_string()))
}

/// Compares versions by their numbers: 6.1.0-56 is newer than 6.1.0-9.
fn version_key(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// All that goes into a guest.
struct Parts {
    kernel: PathBuf,
    version: String,
    busybox: PathBuf,
    agent: PathBuf,
    /// The load tool, where it was built.
    load: Option<PathBuf>,
    /// Shared libraries of the agent, where it looks for them.
    libraries: Vec<PathBuf>,
    modules: Vec<PathBuf>,
}

/// The guest from the cache, built first where it is not there or is damaged. `say` is told what takes time.
pub(super) fn get(say: &mut dyn FnMut(&str)) -> Result<Guest, LabError> {
    let guest = cached(say)?;
    cache::take("guest", &guest.dir, say)?;
    Ok(guest)
}

fn cached(say: &mut dyn FnMut(&str)) -> Result<Guest, LabError> {
    let parts = parts()?;
    let stress = parts.load.is_some();
    if !stress {
        say("no hemera-load is there: guests will take no stress (load/build builds it)");
    }
    let dir = cache::dir(&format!("guest-{}-{}", parts.version, key(&parts)?));
    if cache::intact(&dir) {
        return Ok(Guest { dir, stress });
    }
    say(&format!("building the guest from kernel {}, busybox and the guest agent", parts.version));
    let draft = cache::draft(&dir)?;
    build(&parts, &draft)?;
    cache::keep(&draft, &dir)?;
    Ok(Guest { dir, stress })
}

fn parts() -> Result<Parts, LabError> {
    let there = |found: Option<PathBuf>, what: &str, package: &str| {
        found.ok_or_else(|| LabError::Missing { programs: what.to_owned(), packages: package.to_owned() })
    };
    let kernel = there(kernel(), "/boot/vmlinuz-*-cloud-amd64", "linux-image-cloud-amd64")?;
    let busybox = there(find("busybox"), "busybox", "busybox-static")?;
    let agent = there(find("qemu-ga"), "qemu-ga", "qemu-guest-agent")?;
    let name = kernel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let version = name.trim_start_matches("vmlinuz-").to_owned();
    let modules = modules::needed(&Path::new("/lib/modules").join(&version))?;
    // "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)" and "/lib64/ld-linux-x86-64.so.2 (0x…)".
    let listed = run("ldd", [&agent])?;
    let libraries = listed.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect();
    Ok(Parts { kernel, version, busybox, agent, load: cache::load_tool(), libraries, modules })
}

/// A checksum of all that goes in.
fn key(parts: &Parts) -> Result<String, LabError> {
    let files = [&parts.kernel, &parts.busybox, &parts.agent].into_iter().chain(&parts.load);
    let own: String = OWN.iter().flat_map(|(path, content, _)| [*path, *content]).chain([PACK, GRUB]).collect();
    cache::key(files.chain(&parts.libraries).chain(&parts.modules).chain(&bootable::parts()), &own)
}

fn build(parts: &Parts, draft: &Path) -> Result<(), LabError> {
    let root = draft.join("root");
    for dir in ["bin", "sbin", "etc", "dev", "proc", "sys", "run", "tmp", "root", "usr/bin", "usr/sbin"] {
        let dir = root.join(dir);
        fs::create_dir_all(&dir).map_err(LabError::file(&dir))?;
    }
    copy(&parts.busybox, &root.join("bin/busybox"))?;
    copy(&parts.agent, &root.join("usr/sbin/qemu-ga"))?;
    if let Some(load) = &parts.load {
        copy(load, &root.join("usr/bin/hemera-load"))?;
    }
    for library in &parts.libraries {
        copy(library, &root.join(library.strip_prefix("/").unwrap_or(library)))?;
    }
    modules::copy(&parts.modules, &root.join("lib/modules"))?;
    for program in run(&parts.busybox.display().to_string(), ["--list"])?.lines() {
        let link = root.join("bin").join(program);
        if program != "busybox" {
            symlink("busybox", &link).map_err(LabError::file(link))?;
        }
    }
    for (link, target) in
        [("init", "bin/busybox"), ("sbin/reboot", "../bin/busybox"), ("sbin/poweroff", "../bin/busybox")]
    {
        let link = root.join(link);
        symlink(target, &link).map_err(LabError::file(link))?;
    }
    for (name, content, mode) in OWN {
        let path = root.join(name);
        fs::write(&path, content).map_err(LabError::file(&path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(LabError::file(path))?;
    }
    copy(&parts.kernel, &draft.join("vmlinuz"))?;
    finish(command("bash").args(["-o", "pipefail", "-euc", PACK, "pack", GRUB]).current_dir(draft)).map(drop)
}

fn copy(from: &Path, to: &Path) -> Result<(), LabError> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir).map_err(LabError::file(dir))?;
    }
    fs::copy(from, to).map(drop).map_err(LabError::file(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_is_that_with_the_highest_numbers() {
        let mut names =
            ["vmlinuz-6.1.0-9-cloud-amd64", "vmlinuz-6.1.0-56-cloud-amd64", "vmlinuz-5.10.0-99-cloud-amd64"];
        names.sort_by_key(|name| version_key(name));
        assert_eq!(names[2], "vmlinuz-6.1.0-56-cloud-amd64");
    }
}
