//! What a VM's firmware tells its guest (SMBIOS): the guest's own name, and a key that opens it.

use super::xml::escape;
use crate::fleet::VmClass;

/// The longest label of a host name (RFC 1035, 2.3.4).
const LABEL: usize = 63;

/// Whether VMs of this architecture have such firmware.
pub(super) fn is_there(arch: &str) -> bool {
    matches!(arch, "x86_64" | "i686" | "aarch64")
}

/// Why guests of a class cannot be told there what it says.
pub(super) fn lacks(class: &VmClass, arch: &str) -> Option<String> {
    let why = || format!("class {}: VMs of {arch} have no SMBIOS by which their guests get its `ssh_key`", class.name);
    (class.ssh_key.is_some() && !is_there(arch)).then(why)
}

/// The element that says it.
///
/// The name stands in the serial number, where cloud-init's `NoCloud` looks for it, with the VM's UUID for the instance: a
/// disk that cloud-init has set up before is another machine now. A seed in the image or on a disk counts beside it, and
/// nothing is asked over the network. The key is a credential of systemd's. It is public: every user of the guest may read
/// it.
pub(super) fn sysinfo(name: &str, uuid: &str, key: Option<&str>) -> String {
    let serial = format!("ds=nocloud;h={};i={uuid}", host_name(name));
    let key = key.map_or_else(String::new, |key| {
        let entry = format!("io.systemd.credential:ssh.authorized_keys.root={}", escape(key));
        format!("<oemStrings><entry>{entry}</entry></oemStrings>")
    });
    format!("<sysinfo type='smbios'><system><entry name='serial'>{serial}</entry></system>{key}</sysinfo>")
}

/// A VM's name as hosts may be called: letters, digits and hyphens, in labels between dots.
fn host_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let labels = name.split('.').map(|label| {
        let label: String = label.chars().map(plain).collect();
        let label = label.trim_matches('-');
        // All of it is ASCII.
        label[..label.len().min(LABEL)].trim_end_matches('-').to_owned()
    });
    let labels: Vec<String> = labels.filter(|label| !label.is_empty()).collect();
    if labels.is_empty() { "vm".to_owned() } else { labels.join(".") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_vms_become_names_of_hosts() {
        let long = "a".repeat(80);
        for (name, expected) in [
            ("debian-1", "debian-1"),
            ("Web_3", "Web-3"),
            ("-a-", "a"),
            ("vm-1.rennes", "vm-1.rennes"),
            ("..", "vm"),
            ("a;s=http://x", "a-s-http---x"),
            ("é", "vm"),
            (&long, &long[..LABEL]),
        ] {
            assert_eq!(host_name(name), expected, "{name}");
        }
    }

    #[test]
    fn a_guest_is_told_its_name_and_the_key_that_opens_it() {
        let named = "<system><entry name='serial'>ds=nocloud;h=vm-1;i=u</entry></system>";
        assert_eq!(sysinfo("vm-1", "u", None), format!("<sysinfo type='smbios'>{named}</sysinfo>"));
        let entry = "<entry>io.systemd.credential:ssh.authorized_keys.root=ssh-ed25519 AA+/= a&lt;b</entry>";
        let with = format!("<sysinfo type='smbios'>{named}<oemStrings>{entry}</oemStrings></sysinfo>");
        assert_eq!(sysinfo("vm-1", "u", Some("ssh-ed25519 AA+/= a<b")), with);
    }
}
