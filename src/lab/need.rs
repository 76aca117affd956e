//! What a lab needs of the machine: root, programs, and a kernel that allows namespaces, bridges and cables.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::LabError;
use super::bootable;
use super::run::run;

/// Programs and the Debian packages that bring them.
const PROGRAMS: [(&str, &str); 22] = [
    ("ip", "iproute2"),
    ("tc", "iproute2"),
    ("unshare", "util-linux"),
    ("setsid", "util-linux"),
    ("libvirtd", "libvirt-daemon-system"),
    ("virsh", "libvirt-clients"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("qemu-img", "qemu-utils"),
    ("qemu-ga", "qemu-guest-agent"),
    ("sshd", "openssh-server"),
    ("ssh-keygen", "openssh-client"),
    ("openssl", "openssl"),
    ("busybox", "busybox-static"),
    ("dnsmasq", "dnsmasq-base"),
    ("cpio", "cpio"),
    ("gzip", "gzip"),
    ("ldd", "libc-bin"),
    ("sha256sum", "coreutils"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mke2fs", "e2fsprogs"),
    ("sfdisk", "fdisk"),
    ("grub-mkimage", bootable::PACKAGE),
];

/// What builds the disk image, in the same way.
const IMAGE_PROGRAMS: [(&str, &str); 10] = [
    ("debootstrap", "debootstrap"),
    ("apt-get", "apt"),
    ("sfdisk", "fdisk"),
    ("mke2fs", "e2fsprogs"),
    ("qemu-img", "qemu-utils"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("ldd", "libc-bin"),
    ("sha256sum", "coreutils"),
    ("grub-mkimage", bootable::PACKAGE),
];

/// Where a program is.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Whether this process may do everything.
///
/// # Errors
/// Where it is not root's.
pub fn root() -> Result<(), LabError> {
    let owner = std::fs::metadata("/proc/self").map_err(LabError::file("/proc/self"))?.uid();
    if owner == 0 {
        return Ok(());
    }
    Err(LabError::Forbidden("namespaces and bridges need root: run it with sudo, as in `sudo hemera lab up`".into()))
}

/// Checks everything that can be checked before the first thing is made.
///
/// # Errors
/// Names all that is missing at once.
pub(super) fn check() -> Result<(), LabError> {
    root()?;
    let kernel = super::guest::kernel().is_none().then_some(("/boot/vmlinuz-*-cloud-amd64", "linux-image-cloud-amd64"));
    there(
        PROGRAMS.into_iter().filter(|(program, _)| find(program).is_none()).chain(bootable::missing()).chain(kernel),
    )?;
    if !Path::new("/dev/net/tun").exists() {
        let why =
            "/dev/net/tun is missing: load the kernel's module with `modprobe tun`, or give the container the device";
        return Err(LabError::Forbidden(why.into()));
    }
    let forbidden = |what: &str| {
        let why = format!("expected to be allowed to make {what}; in a container, start it with --privileged");
        move |error: LabError| LabError::Forbidden(format!("{why} ({error})"))
    };
    run("unshare", ["--net", "--mount", "--uts", "true"]).map_err(forbidden("namespaces"))?;
    // Made and gone with a namespace that only this process has.
    let bridge = "ip link add br0 type bridge && ip link add v0 type veth peer name v1 && ip link set v0 master br0";
    run("unshare", ["--net", "sh", "-c", bridge]).map(drop).map_err(forbidden("bridges and veth pairs"))
}

/// Checks that the disk image can be built.
///
/// # Errors
/// Names all that is missing at once.
pub(super) fn for_image() -> Result<(), LabError> {
    root()?;
    there(IMAGE_PROGRAMS.into_iter().filter(|(program, _)| find(program).is_none()).chain(bootable::missing()))
}

/// Whether nothing is missing.
fn there(missing: impl Iterator<Item = (&'static str, &'static str)>) -> Result<(), LabError> {
    let (programs, mut packages): (Vec<_>, Vec<_>) = missing.unzip();
    if programs.is_empty() {
        return Ok(());
    }
    packages.dedup();
    Err(LabError::Missing { programs: programs.join(", "), packages: packages.join(" ") })
}
