//! What keeps a VM from moving, asked before its move begins: once on its source, and once on its target where more is to
//! be known. That both hosts answer and that its image is on the target is found out on the way as well.

use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;

use super::ffi;
use super::host::Host;
use super::migrate::Move;
use super::trouble::Trouble;
use super::work;
use super::xml::Mark;

/// What the source says of a VM that is to move.
#[derive(Debug)]
pub(super) struct Traveller {
    /// Its mark, where Hemera made it.
    pub(super) mark: Option<Mark>,
    /// Its UUID.
    pub(super) uuid: String,
    /// What it needs of its target's hypervisor.
    needs: Needs,
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
        let needs = Needs::read(&domain.xml_desc(0)?);
        Ok(Traveller { mark: work::mark(&domain), uuid: domain.uuid_string()?, needs })
    };
    let traveller = source.call(&format!("looking at {name}"), look).map_err(|trouble| trouble.to_string())?;
    if let Some(device) = &traveller.needs.device {
        return Err(format!("{name} has a {device} device of {}, which cannot move with it", source.name));
    }
    let (wanted, cpu) = (name.clone(), traveller.needs.cpu.clone().filter(|_| this.options.check_cpu));
    let (kind, arch) = (traveller.needs.kind.clone(), traveller.needs.arch.clone());
    let ask = move |connect: &Connect| {
        let there = connect.lookup_domain_by_name(&wanted).and_then(|domain: Domain| domain.is_active());
        if matches!(there, Ok(true)) {
            return Ok(true);
        }
        cpu.map_or(Ok(()), |cpu| ffi::has_cpu(connect, &kind, &arch, &cpu)).map(|()| false)
    };
    let taken = target.call(&format!("asking whether {name} can run there"), ask);
    match taken {
        Ok(false) => Ok(traveller),
        Ok(true) => Err(format!("{} has a domain named {name} that runs already", target.name)),
        Err(trouble) => Err(refusal(&trouble, target, name)),
    }
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
}
