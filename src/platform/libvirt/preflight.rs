//! What keeps a VM from moving, asked before its move begins: once on its source, and once on its target. That both hosts
//! answer and that its image is on the target is found out on the way as well.

use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;

use super::ffi;
use super::host::Host;
use super::login;
use super::migrate::Move;
use super::room::{self, NodeMemory};
use super::trouble::Trouble;
use super::work;
use super::xml::{self, Mark};
use crate::fleet::{Bytes, Compression, MigrationOptions, Storage};
use crate::platform::SshAccess;

/// What the source says of a VM that is to move.
#[derive(Debug)]
pub(super) struct Traveller {
    /// Its mark, where Hemera made it.
    pub(super) mark: Option<Mark>,
    /// How its guest is reached; none: by its agent, which answers, or not at all.
    pub(super) login: Option<SshAccess>,
    /// Its UUID.
    pub(super) uuid: String,
    /// What it needs of its target's hypervisor.
    needs: Needs,
    /// What it holds of its source's memory, where that is known.
    holds: Option<Bytes>,
    /// What its source is.
    source: Versions,
}

/// Versions of a host's libvirt and QEMU as libvirt counts them: 9.0.0 is 9000000. 0 where it is not known.
#[derive(Debug, Clone, Copy, Default)]
struct Versions {
    libvirt: u32,
    qemu: u32,
}

impl Versions {
    fn of(connect: &Connect) -> Self {
        Self { libvirt: connect.lib_version().unwrap_or(0), qemu: connect.hyp_version().unwrap_or(0) }
    }
}

/// What the target says.
struct Target {
    /// Whether a domain of the VM's name runs there.
    taken: bool,
    memory: Option<NodeMemory>,
    versions: Versions,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    /// `kvm` or `qemu`.
    kind: String,
    arch: String,
    /// Its `<cpu>` element, where it has one.
    cpu: Option<String>,
    /// How its first host device is attached, where it has any.
    device: Option<String>,
}

impl Needs {
    /// From a domain's definition as libvirt writes it.
    fn read(definition: &str) -> Self {
        let value = |text: &str, name: &str| {
            let after = text.split_once(&format!("{name}='"))?.1;
            Some(after.split_once('\'')?.0.to_owned())
        };
        let tag = |name: &str| {
            let at = definition.find(&format!("<{name} "))?;
            Some(&definition[at..at + definition[at..].find('>')?])
        };
        let cpu = tag("cpu").and_then(|start| {
            let at = definition.find(start)?;
            let rest = &definition[at..];
            // One without anything in it closes itself.
            let end = if start.ends_with('/') { start.len() + 1 } else { rest.find("</cpu>")? + "</cpu>".len() };
            Some(rest[..end].to_owned())
        });
        Self {
            kind: tag("domain").and_then(|tag| value(tag, "type")).unwrap_or_default(),
            arch: tag("type").and_then(|tag| value(tag, "arch")).unwrap_or_default(),
            cpu,
            device: tag("hostdev").map(|tag| value(tag, "type").unwrap_or_else(|| "host".into())),
        }
    }
}

/// Asks the source for the VM, and refuses what cannot move.
///
/// # Errors
/// Why it cannot, in a sentence that names both.
pub(super) fn check(source: &Host, target: &Host, this: &Move) -> Result<Traveller, String> {
    let (name, wanted) = (&this.name, this.name.clone());
    let look = move |connect: &Connect| {
        let domain = connect.lookup_domain_by_name(&wanted)?;
        let definition = domain.xml_desc(0)?;
        let (mark, uuid) = (work::mark(&domain), domain.uuid_string()?);
        let login = mark.as_ref().filter(|_| !xml::agent_connected(&definition)).and_then(login::of);
        let needs = Needs::read(&definition);
        Ok(Traveller { mark, login, uuid, needs, holds: room::held(&domain), source: Versions::of(connect) })
    };
    let traveller = source.call(&format!("looking at {name}"), look).map_err(|trouble| trouble.to_string())?;
    if let Some(device) = &traveller.needs.device {
        return Err(format!("{name} has a {device} device of {}, which cannot move with it", source.name));
    }
    if traveller.mark.as_ref().is_some_and(|mark| mark.image.is_some())
        && let Some(why) = disk_stays(&this.options)
    {
        return Err(format!("the disk of {name} lies on {} alone, and {why}", source.name));
    }
    let found = ask(target, this, &traveller).map_err(|trouble| refusal(&trouble, target, name))?;
    if found.taken {
        return Err(format!("{} has a domain named {name} that runs already", target.name));
    }
    for (host, versions) in [(source, traveller.source), (target, found.versions)] {
        if let Some(why) = this.options.compression.and_then(|how| uncompressed(how, &host.name, versions)) {
            return Err(why);
        }
    }
    let all = || room::by_shell(target);
    room::lacking(name, traveller.holds, &target.name, found.memory, all).map_or(Ok(traveller), Err)
}

/// Asks the target what has to be known of it.
fn ask(target: &Host, this: &Move, traveller: &Traveller) -> Result<Target, Trouble> {
    let (wanted, cpu) = (this.name.clone(), traveller.needs.cpu.clone().filter(|_| this.options.check_cpu));
    let (kind, arch) = (traveller.needs.kind.clone(), traveller.needs.arch.clone());
    target.call(&format!("asking whether {} can run there", this.name), move |connect: &Connect| {
        let there = connect.lookup_domain_by_name(&wanted).and_then(|domain: Domain| domain.is_active());
        let taken = matches!(there, Ok(true));
        if !taken && let Some(cpu) = cpu {
            ffi::has_cpu(connect, &kind, &arch, &cpu)?;
        }
        Ok(Target { taken, memory: room::there(connect), versions: Versions::of(connect) })
    })
}

/// Why the disk of a VM that has one on its host alone would not come with it. libvirt refuses a tunnel only when the
/// target's QEMU has started, and nothing else at all where the disk's cache is off.
fn disk_stays(options: &MigrationOptions) -> Option<&'static str> {
    if options.tunnelled {
        Some("a tunnelled move copies no disks: leave out tunnelled")
    } else if options.storage == Storage::None {
        Some("with storage none it would stay there: leave out storage")
    } else {
        None
    }
}

/// The first libvirt that compresses what goes over parallel connections.
const PARALLEL_COMPRESSION: u32 = 9_004_000;
/// The first QEMU without compressing threads.
const NO_MT: u32 = 9_001_000;

/// Why a host does not compress so.
fn uncompressed(how: Compression, host: &str, versions: Versions) -> Option<String> {
    let Versions { libvirt, qemu } = versions;
    match how {
        Compression::Zlib | Compression::Zstd if libvirt > 0 && libvirt < PARALLEL_COMPRESSION => {
            Some(format!("compression {} needs libvirt 9.4, and {host} has {}", how.word(), version(libvirt)))
        }
        Compression::Mt if qemu >= NO_MT => {
            Some(format!("compression mt is gone since QEMU 9.1, and {host} has {}", version(qemu)))
        }
        _ => None,
    }
}

fn version(number: u32) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1000 % 1000, number % 1000)
}

fn refusal(trouble: &Trouble, target: &Host, name: &str) -> String {
    match trouble {
        Trouble::Refused { error, .. } => no_cpu(error, target, name),
        trouble => trouble.to_string(),
    }
}

fn no_cpu(error: &Error, target: &Host, name: &str) -> String {
    format!("{} does not have the CPU of {name}: {}", target.name, error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_vm_needs_is_read_from_its_definition() {
        let definition = "<domain type='qemu' id='3'><name>a</name><os><type arch='x86_64' machine='pc'>hvm</type></os>\
                          <cpu mode='custom' match='exact'><model>qemu64</model></cpu><devices>\
                          <hostdev mode='subsystem' type='pci'/></devices></domain>";
        let needs = Needs::read(definition);
        assert_eq!((needs.kind.as_str(), needs.arch.as_str()), ("qemu", "x86_64"));
        assert_eq!(needs.cpu.as_deref(), Some("<cpu mode='custom' match='exact'><model>qemu64</model></cpu>"));
        assert_eq!(needs.device.as_deref(), Some("pci"));
        let short = Needs::read("<domain type='kvm'><cpu mode='host-passthrough'/><devices/></domain>");
        assert_eq!(short.cpu.as_deref(), Some("<cpu mode='host-passthrough'/>"));
        assert_eq!(short.device, None);
        assert_eq!(Needs::read("<domain/>"), Needs::default());
    }

    #[test]
    fn a_disk_of_its_own_moves_or_the_move_is_refused() {
        let options = MigrationOptions::default();
        assert_eq!(disk_stays(&options), None);
        assert_eq!(disk_stays(&MigrationOptions { storage: Storage::Full, ..options }), None);
        assert!(disk_stays(&MigrationOptions { storage: Storage::None, ..options }).unwrap().contains("storage none"));
        assert!(disk_stays(&MigrationOptions { tunnelled: true, ..options }).unwrap().contains("tunnelled"));
    }

    #[test]
    fn what_a_host_is_too_old_or_too_new_for_is_refused() {
        let debian = Versions { libvirt: 9_000_000, qemu: 7_002_022 };
        let later = Versions { libvirt: 11_003_001, qemu: 10_000_002 };
        let why = |how, versions| uncompressed(how, "h1", versions);
        assert_eq!(
            why(Compression::Zstd, debian).as_deref(),
            Some("compression zstd needs libvirt 9.4, and h1 has 9.0.0")
        );
        assert_eq!(
            why(Compression::Mt, later).as_deref(),
            Some("compression mt is gone since QEMU 9.1, and h1 has 10.0.2")
        );
        for (how, versions) in [
            (Compression::Mt, debian),
            (Compression::Xbzrle, debian),
            (Compression::Zlib, later),
            (Compression::Xbzrle, later),
            (Compression::Zlib, Versions::default()),
        ] {
            assert_eq!(why(how, versions), None, "{how:?}");
        }
    }
}
