//! The XML that goes to libvirt and the little that is read back: a domain, its mark, a host's capabilities.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::{login, smbios};
use crate::fleet::{GuestSsh, Image, VmClass, vm_mac};

/// The namespace of Hemera's mark in a domain's metadata.
pub(super) const NAMESPACE: &str = "https://hemera.invalid/domain/1";

/// The prefix that stands for it.
pub(super) const PREFIX: &str = "hemera";

/// What a host can run, from its capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guests {
    /// `kvm` where the host offers it, else what it has: `qemu`, or `test` on libvirt's test driver.
    pub(super) domain_type: String,
    /// The host's own architecture, as in `x86_64`.
    pub(super) arch: String,
    /// The version of its QEMU, as libvirt counts: 7.2.22 is 7002022. 0 where it is not known.
    pub(super) qemu: u64,
}

impl Guests {
    /// Reads a host's capabilities; none where it runs no guests of its own architecture.
    pub(super) fn read(capabilities: &str) -> Option<Self> {
        let arch = between(capabilities, "<arch>", "</arch>")?;
        let quoted = [format!("<arch name='{arch}'>"), format!("<arch name=\"{arch}\">")];
        let section = quoted.iter().find_map(|start| between(capabilities, start, "</arch>"))?;
        let offered = |kind: &str| section.contains(&format!("<domain type='{kind}'"));
        let first = || between(section, "<domain type='", "'").map(str::to_owned);
        let domain_type = if offered("kvm") { "kvm".to_owned() } else { first()? };
        Some(Self { domain_type, arch: arch.to_owned(), qemu: 0 })
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = &text[text.find(start)? + start.len()..];
    Some(&rest[..rest.find(end)?])
}

/// Text made safe for an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\'' => safe.push_str("&apos;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}

fn unescape(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&apos;", "'").replace("&quot;", "\"");
    plain.replace("&amp;", "&")
}

/// What Hemera writes into the metadata of the domains it makes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// The class the VM was booted from.
    pub(super) class: Option<Arc<str>>,
    /// The disk image that its overlay stands on; none where it has no disk.
    pub(super) image: Option<String>,
    /// The address that it was given.
    pub(super) address: Option<Ipv4Addr>,
    /// How its guest's SSH server is reached.
    pub(super) ssh: Option<GuestSsh>,
}

impl Mark {
    /// The mark of a VM of that class.
    pub(super) fn of(class: &VmClass, address: Option<Ipv4Addr>) -> Self {
        let image = if let Image::Disk(path) = &class.image { Some(path.clone()) } else { None };
        Self { class: Some(class.name.clone()), image, address, ssh: class.ssh.clone() }
    }

    /// As an element whose prefix libvirt declares.
    pub(super) fn bare(&self) -> String {
        self.write().replacen("hemera:vm", "vm", 1).replacen(&format!(" xmlns:hemera='{NAMESPACE}'"), "", 1)
    }

    /// As an element.
    pub(super) fn write(&self) -> String {
        let mut text = format!("<hemera:vm xmlns:hemera='{NAMESPACE}'");
        if let Some(class) = &self.class {
            let _ = write!(text, " class='{}'", escape(class));
        }
        if let Some(image) = &self.image {
            let _ = write!(text, " image='{}'", escape(image));
        }
        if let Some(address) = self.address {
            let _ = write!(text, " address='{address}'");
        }
        if let Some(GuestSsh { user, config }) = &self.ssh {
            let _ = write!(text, " ssh='{}'", escape(user));
            if let Some(config) = config {
                let _ = write!(text, " ssh-config='{}'", escape(&config.to_string_lossy()));
            }
        }
        text + "/>"
    }

    /// From the element that libvirt gives back, whichever quotes it has.
    pub(super) fn read(element: &str) -> Self {
        let attribute = |name: &str| {
            ['\'', '"'].iter().find_map(|quote| {
                let value = between(element, &format!(" {name}={quote}"), &quote.to_string())?;
                Some(unescape(value)).filter(|v| !v.is_empty())
            })
        };
        let address = attribute("address").and_then(|address| address.parse().ok());
        let config = attribute("ssh-config").map(Into::into);
        let user = attribute("ssh").filter(|user| {
            let good = GuestSsh::is_user(user);
            if !good {
                login::say_once(format!("{user:?} is no user of guests: no SSH to those whose marks name it"));
            }
            good
        });
        let ssh = user.map(|user| GuestSsh { user, config });
        Self { class: attribute("class").map(Into::into), image: attribute("image"), address, ssh }
    }
}

/// The port on which a guest's agent answers.
const AGENT: &str = "org.qemu.guest_agent.0";

/// Whether a running domain's definition says that its guest's agent has opened its port.
pub(super) fn agent_connected(definition: &str) -> bool {
    let targets = definition.split("<target ").skip(1).filter_map(|rest| rest.split('>').next());
    let has = |target: &str, attribute: &str, value: &str| {
        ['\'', '"'].iter().any(|quote| target.contains(&format!("{attribute}={quote}{value}{quote}")))
    };
    targets.into_iter().any(|target| has(target, "name", AGENT) && has(target, "state", "connected"))
}

/// Memory for QEMU's translated code where there is no KVM. Its default of up to 1 GiB would let a host hold a fraction
/// of the VMs; small guests run at the same speed with 16 MiB (measured: 145 instead of 200 MiB a guest of 96 MiB).
fn translation_cache_mib(class: &VmClass) -> u64 {
    (class.memory.to_mib() / 8).clamp(16, 512)
}

/// What has a guest survive being moved under QEMU's own emulation (TCG).
///
/// Before version 9.0 QEMU forgets to tell its emulation when it has noted the dirty pages of a piece of memory of which
/// both the start and the size are multiples of 64 pages, and then misses what the guest writes there: guests that do
/// something while they move panic (seen with 7.2: 7 of 8 moves of a guest that dirties 2 MB/s, and none of 4 with this).
/// 8 KiB more, the least that QEMU takes, keep it from that way. libvirt rounds sizes to 1 MiB, so that they are told past
/// it. It costs a look at every page alone, instead of at 64 of them, each time that dirty pages are noted.
fn odd_memory(class: &VmClass, guests: &Guests) -> String {
    // Earlier ones cannot be told so, and other architectures want rounder sizes.
    if guests.domain_type != "qemu" || guests.arch != "x86_64" || !(5_000_000..9_000_000).contains(&guests.qemu) {
        return String::new();
    }
    let kib = class.memory.0.div_ceil(1 << 20) * 1024 + 8;
    let arguments = [
        ("-m", format!("size={kib}k")),
        ("-object", format!("memory-backend-ram,id=hemera.ram,size={kib}k")),
        ("-machine", "memory-backend=hemera.ram".to_owned()),
    ];
    let arguments = arguments.map(|(name, value)| format!("<qemu:arg value='{name}'/><qemu:arg value='{value}'/>"));
    format!("<qemu:commandline>{}</qemu:commandline>", arguments.concat())
}

/// The definition of a VM of a class. `overlay` is the path of its disk on the host, where it has one; `log` that of
/// the file that keeps what its serial console says; `address` the one that it is to have by its MAC address, where that is
/// ours to say.
pub(super) fn domain(
    name: &str,
    uuid: &str,
    class: &VmClass,
    guests: &Guests,
    overlay: Option<&str>,
    log: Option<&str>,
    address: Option<Ipv4Addr>,
) -> String {
    let mut boot = String::new();
    if let Image::Kernel { kernel, initrd, cmdline } = &class.image {
        let _ = write!(boot, "<kernel>{}</kernel>", escape(kernel));
        if let Some(initrd) = initrd {
            let _ = write!(boot, "<initrd>{}</initrd>", escape(initrd));
        }
        let _ = write!(boot, "<cmdline>{}</cmdline>", escape(cmdline));
    }
    let mut told = String::new();
    if smbios::is_there(&guests.arch) {
        told = smbios::sysinfo(name, uuid, class.ssh_key.as_deref());
        boot += "<smbios mode='sysinfo'/>";
    }
    let disk = overlay.map_or_else(String::new, |path| {
        let path = escape(path);
        format!(
            "<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' discard='unmap'/>\
             <source file='{path}'/><target dev='vda' bus='virtio'/></disk>"
        )
    });
    let nic = class.network.as_deref().map_or_else(String::new, |network| {
        let network = escape(network);
        let mac = address.map_or_else(String::new, |address| format!("<mac address='{}'/>", vm_mac(address)));
        format!("<interface type='network'>{mac}<source network='{network}'/><model type='virtio'/></interface>")
    });
    let cpu = match class.cpu.as_deref() {
        None => String::new(),
        Some(mode @ ("host-passthrough" | "host-model" | "maximum")) => format!("<cpu mode='{mode}'/>"),
        Some(model) => {
            format!("<cpu mode='custom' match='exact'><model fallback='allow'>{}</model></cpu>", escape(model))
        }
    };
    let tcg = if guests.domain_type == "qemu" {
        format!("<tcg><tb-cache unit='MiB'>{}</tb-cache></tcg>", translation_cache_mib(class))
    } else {
        String::new()
    };
    // A screen to look at: 4 MiB hold 1024 by 768 pixels. It costs a guest of 96 MiB under emulation 3 MiB and a tenth of a
    // second of its boot.
    let video = if guests.arch == "x86_64" { "<video><model type='vga' vram='4096' heads='1'/></video>" } else { "" };
    let odd = odd_memory(class, guests);
    let Guests { domain_type, arch, .. } = guests;
    let (name, mark, bytes, vcpus) = (escape(name), Mark::of(class, address).write(), class.memory.0, class.vcpus);
    // Where a guest has no agent nobody listens on the port. An agent that is there begins when it finds one.
    let agent = format!("<channel type='unix'><target type='virtio' name='{AGENT}'/></channel>");
    let agent = if class.agent { agent } else { String::new() };
    // What tells why a guest hangs. Added to, as what it has said before it moved is there already.
    let log = log.map_or_else(String::new, |path| format!("<log file='{}' append='on'/>", escape(path)));
    format!(
        "<domain type='{domain_type}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>{name}</name><uuid>{uuid}</uuid><metadata>{mark}</metadata>\
         <memory unit='b'>{bytes}</memory><vcpu>{vcpus}</vcpu>{told}\
         <os><type arch='{arch}'>hvm</type>{boot}</os><features><acpi/>{tcg}</features>{cpu}<clock offset='utc'/>\
         <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>\
         <devices>{disk}{nic}<controller type='usb' model='none'/>\
         <serial type='pty'>{log}<target port='0'/></serial>\
         <console type='pty'><target type='serial' port='0'/></console>{agent}{video}\
         <memballoon model='none'/></devices>{odd}</domain>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Bytes, Ready};

    fn class(image: Image) -> VmClass {
        VmClass {
            name: "ti<ny".into(),
            vcpus: 2,
            memory: Bytes::mib(96),
            image,
            network: None,
            cpu: None,
            ready: Ready::Up,
            agent: true,
            ssh: None,
            patience: None,
            ssh_key: None,
        }
    }

    #[test]
    fn kvm_is_chosen_where_the_host_offers_it_for_its_own_architecture() {
        let host = "<capabilities><host><cpu><arch>x86_64</arch></cpu></host>";
        let qemu = "<guest><arch name='i686'><domain type='kvm'/></arch></guest>\
                    <guest><arch name='x86_64'><domain type='qemu'/>";
        let found = Guests::read(&format!("{host}{qemu}</arch></guest></capabilities>")).unwrap();
        assert_eq!((found.domain_type.as_str(), found.arch.as_str()), ("qemu", "x86_64"));
        let found = Guests::read(&format!("{host}{qemu}<domain type='kvm'/></arch></guest>")).unwrap();
        assert_eq!(found.domain_type, "kvm");
        assert_eq!(Guests::read(host), None);
    }

    #[test]
    fn the_mark_survives_what_people_put_into_names() {
        let mark = Mark {
            class: Some("a'b\"<&amp;>".into()),
            image: Some("/x y/d.qcow2".into()),
            address: Some(Ipv4Addr::new(10, 160, 0, 1)),
            ssh: Some(GuestSsh { user: "root".into(), config: Some("/it's/a config".into()) }),
        };
        assert_eq!(Mark::read(&mark.write()), mark);
        assert_eq!(Mark::read(&mark.write().replace('\'', "\"")), mark);
        assert_eq!(Mark::read("<vm/>"), Mark::default());
    }

    #[test]
    fn a_mark_that_names_no_user_has_no_ssh() {
        for user in ["-oProxyCommand=id", "root@10.0.0.1", "a b", "`id`", "$(id)"] {
            let ssh = Some(GuestSsh { user: user.into(), config: None });
            let mark = Mark { class: Some("small".into()), ssh, ..Mark::default() };
            assert_eq!(Mark::read(&mark.write()), Mark { ssh: None, ..mark }, "{user}");
        }
    }

    #[test]
    fn a_class_without_network_has_no_nic_and_its_texts_are_escaped() {
        let guests = Guests { domain_type: "qemu".into(), arch: "x86_64".into(), qemu: 7_002_022 };
        let kernel = Image::Kernel { kernel: "/k".into(), initrd: None, cmdline: "console=ttyS0 a=\"<1>\"".into() };
        let text = domain("vm-1", "u", &class(kernel), &guests, None, None, None);
        assert!(text.contains("a=&quot;&lt;1&gt;&quot;"), "{text}");
        assert!(text.contains("class='ti&lt;ny'"), "{text}");
        assert!(text.contains("<tb-cache unit='MiB'>16</tb-cache>") && text.contains("size=98312k"), "{text}");
        assert!(!text.contains("<interface") && !text.contains("<disk") && !text.contains("<initrd>"), "{text}");
        let disk = class(Image::Disk("/images/d.img".into()));
        let kvm = Guests { domain_type: "kvm".into(), arch: "x86_64".into(), qemu: 7_002_022 };
        let text = domain("vm-1", "u", &disk, &kvm, Some("/pool/vm-1.qcow2"), Some("/pool/vm-1.log"), None);
        assert!(text.contains("<source file='/pool/vm-1.qcow2'/>") && text.contains("image='/images/d.img'"), "{text}");
        assert!(text.contains("<serial type='pty'><log file='/pool/vm-1.log' append='on'/><target"), "{text}");
        assert!(!text.contains("tb-cache") && !text.contains("<kernel>") && !text.contains("<qemu:"), "{text}");
    }

    #[test]
    fn guests_are_told_who_they_are_where_there_is_firmware_for_it() {
        let mut guests = Guests { domain_type: "kvm".into(), arch: "x86_64".into(), qemu: 7_002_022 };
        let class = class(Image::Disk("/images/d.img".into()));
        let text = domain("vm-1", "u", &class, &guests, Some("/d"), None, None);
        assert!(text.contains("ds=nocloud;h=vm-1;i=u") && text.contains("<smbios mode='sysinfo'/></os>"), "{text}");
        let keyed = VmClass { ssh_key: Some("ssh-ed25519 AA".into()), ..class.clone() };
        assert_eq!(smbios::lacks(&keyed, &guests.arch), None);
        guests.arch = "ppc64".into();
        assert!(!domain("vm-1", "u", &class, &guests, Some("/d"), None, None).contains("smbios"));
        assert_eq!(smbios::lacks(&class, &guests.arch), None);
        let why = "class ti<ny: VMs of ppc64 have no SMBIOS by which their guests get its `ssh_key`";
        assert_eq!(smbios::lacks(&keyed, &guests.arch).as_deref(), Some(why));
    }

    #[test]
    fn a_class_whose_guests_have_no_agent_has_no_port_for_one() {
        let guests = Guests { domain_type: "kvm".into(), arch: "x86_64".into(), qemu: 7_002_022 };
        let class = class(Image::Disk("/images/d.img".into()));
        assert!(domain("vm-1", "u", &class, &guests, Some("/d"), None, None).contains(AGENT));
        let without = VmClass { agent: false, ..class };
        assert!(!domain("vm-1", "u", &without, &guests, Some("/d"), None, None).contains("<channel"));
    }

    #[test]
    fn an_agent_is_there_when_its_port_is_open() {
        let channel = |state: &str| {
            format!("<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'{state}/></channel>")
        };
        let other = "<channel type='unix'><target type='virtio' name='com.example.0' state='connected'/></channel>";
        assert!(agent_connected(&format!("<domain>{other}{}</domain>", channel(" state='connected'"))));
        for closed in [channel(" state='disconnected'"), channel(""), String::new()] {
            assert!(!agent_connected(&format!("<domain>{closed}{other}</domain>")), "{closed}");
        }
    }

    #[test]
    fn a_vm_with_an_address_has_its_mac() {
        let guests = Guests { domain_type: "qemu".into(), arch: "x86_64".into(), qemu: 7_002_022 };
        let kernel = Image::Kernel { kernel: "/k".into(), initrd: None, cmdline: String::new() };
        let class = VmClass { network: Some("hemera".into()), ..class(kernel) };
        let text = domain("vm-1", "u", &class, &guests, None, None, Some(Ipv4Addr::new(10, 160, 0, 10)));
        assert!(text.contains("<mac address='00:16:3e:a0:00:0a'/><source network='hemera'/>"), "{text}");
        assert!(text.contains(" address='10.160.0.10'/></metadata>"), "{text}");
        let text = domain("vm-1", "u", &class, &guests, None, None, None);
        assert!(!text.contains("<mac"), "{text}");
        for mended in [Guests { qemu: 9_000_000, ..guests.clone() }, Guests { arch: "ppc64".into(), ..guests }] {
            assert!(!domain("vm-1", "u", &class, &mended, None, None, None).contains("<qemu:"), "{mended:?}");
        }
    }
}
