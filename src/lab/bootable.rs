//! What disks take that boot by their own loader: GRUB's, for machines with a BIOS. `bootable.sh` makes them.

use std::path::PathBuf;

/// Where GRUB's files are.
const DIR: &str = "/usr/lib/grub/i386-pc";
/// The Debian package that brings them and the programs that are needed.
pub(super) const PACKAGE: &str = "grub-pc-bin";

/// Files of the loader, by which its version is known: another one makes another disk.
pub(super) fn parts() -> [PathBuf; 3] {
    ["boot.img", "kernel.img", "normal.mod"].map(|name| PathBuf::from(DIR).join(name))
}

/// What is missing of it, and the package that brings it.
pub(super) fn missing() -> Option<(&'static str, &'static str)> {
    parts().iter().any(|file| !file.is_file()).then_some((DIR, PACKAGE))
}
