//! The disk image that labs boot where it was built: Debian of this machine's own release, with systemd, cloud-init, sshd,
//! stress-ng, the QEMU guest agent and the load tool, much as images of Grid'5000 are.
//!
//! It is built with debootstrap without any device of the kernel's, and kept in `/var/cache/hemera/lab` as the small guest
//! is; `/var/cache/hemera/lab/debian` leads to the one that was asked for last, which labs offer. It boots by its own boot
//! loader, as any disk does. Nobody can log in to it by itself: it holds no key and no password, and each VM makes host
//! keys of its own. A lab hands its key to its VMs ([`VmClass::ssh_key`](crate::fleet::VmClass::ssh_key)).

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::run::{command, failed, tail};
use super::{LabError, cache, need};

mod sources;

use sources::Source;

/// Memory with which it boots.
pub(super) const MEMORY_MIB: u64 = 512;
/// How long its boot may take, in minutes: without KVM, on two cores that did other things as well, one took more than two
/// and two at once almost four.
pub(super) const PATIENCE_MIN: u64 = 10;

/// What is installed beside the base.
const PACKAGES: &str = "linux-image-cloud-amd64 systemd-sysv udev dbus e2fsprogs iproute2 cloud-init openssh-server \
                        stress-ng qemu-guest-agent";
/// What builds it.
const BUILD: &str = concat!(include_str!("bootable.sh"), include_str!("debian/build.sh"));
/// Files of ours in it: path and content.
const OWN: [(&str, &str); 9] = [
    ("boot/grub/grub.cfg", include_str!("debian/grub.cfg")),
    ("etc/cloud/cloud.cfg.d/90-hemera.cfg", include_str!("debian/cloud.cfg")),
    ("etc/fstab", "LABEL=debian / ext4 errors=remount-ro 0 0\n"),
    ("etc/hostname", "debian\n"),
    ("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 debian\n::1 localhost\n"),
    ("etc/ssh/sshd_config.d/hemera.conf", include_str!("debian/sshd.conf")),
    ("etc/systemd/network/80-dhcp.network", include_str!("debian/dhcp.network")),
    // With a seed cloud-init has found what it looks for.
    ("var/lib/cloud/seed/nocloud/meta-data", "instance-id: hemera\n"),
    ("var/lib/cloud/seed/nocloud/user-data", "#cloud-config\n{}\n"),
];

/// A built image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debian {
    /// Its directory in the cache.
    pub dir: PathBuf,
}

impl Debian {
    /// The disk, a qcow2 file.
    pub fn disk(&self) -> PathBuf {
        self.dir.join("disk.qcow2")
    }
}

/// All that goes into an image.
struct Parts {
    sources: Vec<Source>,
    /// The load tool, where it was built.
    load: Option<PathBuf>,
}

/// The image from the cache, built first where it is not there or is damaged. `say` is told what takes time; where `stop`
/// says so it ends early, and nothing is left.
///
/// # Errors
/// What is missing, forbidden or went wrong.
pub fn image(say: &mut dyn FnMut(&str), stop: &dyn Fn() -> bool) -> Result<Debian, LabError> {
    need::for_image()?;
    let load = cache::load_tool();
    if load.is_none() {
        say("no hemera-load is there: VMs of the image will take no stress by Hemera (load/build builds it)");
    }
    let parts = Parts { sources: sources::of_this_machine()?, load };
    let dir = cache::dir(&name(&parts)?);
    if !cache::intact(&dir) {
        let draft = cache::draft(&dir)?;
        if let Err(error) = build(&parts, &draft, say, stop) {
            let _ = fs::remove_dir_all(draft);
            return Err(error);
        }
        cache::keep(&draft, &dir)?;
    }
    cache::take("debian", &dir, say)?;
    Ok(Debian { dir })
}

/// The image that was asked for last, where there is one and it is as it was built.
pub(super) fn built(say: &mut dyn FnMut(&str)) -> Option<Debian> {
    let dir = cache::dir("debian").canonicalize().ok()?;
    if cache::intact(&dir) {
        cache::in_use(&dir);
        return Some(Debian { dir });
    }
    say(&format!("the disk image in {} is damaged and not offered: `hemera lab image` builds it anew", dir.display()));
    None
}

/// By what it is known: the release, and a checksum of all that goes in. What the mirror has today is not part of it.
fn name(parts: &Parts) -> Result<String, LabError> {
    let own = OWN.iter().flat_map(|(path, content)| [*path, *content]);
    let text: String = own.chain([sources::list(&parts.sources).as_str(), PACKAGES, BUILD]).collect();
    Ok(format!("debian-{}-{}", parts.sources[0].suite, cache::key(&parts.load, &text)?))
}

fn build(parts: &Parts, draft: &Path, say: &mut dyn FnMut(&str), stop: &dyn Fn() -> bool) -> Result<(), LabError> {
    let list = sources::list(&parts.sources);
    for (name, content) in OWN.into_iter().chain([("sources.list", list.as_str())]) {
        write(&draft.join("own"), name, content)?;
    }
    let log = draft.join("build.log");
    let mut build = command("setpriv");
    // Killed with this process and with all that it has started, wherever that went; its mounts are gone with it.
    build.args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    build.args(["--propagation", "private", "bash", "-o", "pipefail", "-euc", BUILD, "build"]);
    build.args([&parts.sources[0].suite, &parts.sources[0].mirror, PACKAGES]);
    build.arg(parts.load.as_deref().unwrap_or(Path::new("")));
    // A Ctrl-C is for this process, which ends it then.
    build.current_dir(draft).process_group(0).stdout(Stdio::piped());
    build.stderr(File::create(&log).map_err(LabError::file(&log))?);
    let mut child = build.spawn().map_err(|error| failed(&build, &error.to_string()))?;
    let stages = stages(&mut child);
    let mut interrupted = false;
    loop {
        match stages.recv_timeout(Duration::from_millis(100)) {
            Ok(stage) => say(&stage),
            // All that it started has ended.
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if stop() && !interrupted => {
                interrupted = true;
                let _ = child.kill();
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    let status = child.wait().map_err(|error| failed(&build, &error.to_string()))?;
    if interrupted || stop() {
        return Err(LabError::Interrupted);
    }
    if !status.success() {
        return Err(LabError::Image(format!("the end of what was said at it:\n{}", tail(&log))));
    }
    fs::remove_file(&log).map_err(LabError::file(log))
}

/// What a build says that it does, a line each; closed when all its processes have ended.
fn stages(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.all(|line| sender.send(line).is_ok())
        });
    }
    receiver
}

/// Writes a file that everybody may read, as all directories on the way to it.
fn write(dir: &Path, name: &str, content: &str) -> Result<(), LabError> {
    let path = dir.join(name);
    let above: Vec<&Path> = path.ancestors().skip(1).take_while(|above| above.starts_with(dir)).collect();
    if let Some(folder) = above.first() {
        fs::create_dir_all(folder).map_err(LabError::file(*folder))?;
    }
    fs::write(&path, content).map_err(LabError::file(&path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).map_err(LabError::file(&path))?;
    for folder in above {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(LabError::file(folder))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(mirror: &str, load: Option<PathBuf>) -> Parts {
        Parts { sources: vec![Source { mirror: mirror.into(), suite: "bookworm".into() }], load }
    }

    #[test]
    fn an_image_is_named_by_its_release_and_what_goes_in() {
        let folder = tempfile::tempdir().unwrap();
        let tool = folder.path().join("hemera-load");
        fs::write(&tool, "1").unwrap();
        let plain = name(&parts("http://deb.debian.org/debian/", None)).unwrap();
        assert!(plain.starts_with("debian-bookworm-") && plain.len() == "debian-bookworm-".len() + 12, "{plain}");
        assert_eq!(name(&parts("http://deb.debian.org/debian/", None)).unwrap(), plain);
        assert_ne!(name(&parts("http://ftp.debian.org/debian/", None)).unwrap(), plain);
        let with = name(&parts("http://deb.debian.org/debian/", Some(tool.clone()))).unwrap();
        assert_ne!(with, plain);
        fs::write(&tool, "2").unwrap();
        assert_ne!(name(&parts("http://deb.debian.org/debian/", Some(tool))).unwrap(), with);
    }
}
