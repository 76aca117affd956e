//! What there is of labs on this machine.

use super::{LabError, Record, link, processes, record};

/// A lab as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// What is written down of it.
    pub record: Record,
    /// Its hosts, site by site.
    pub hosts: Vec<HostStatus>,
    /// Whether its DHCP server runs.
    pub dhcp: bool,
    /// How many relays play its links, and how many should; none where the kernel or nobody shapes them.
    pub relays: Option<(usize, usize)>,
}

/// A host as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStatus {
    /// Its site.
    pub site: &'static str,
    /// Its name.
    pub name: String,
    /// Where its libvirtd listens.
    pub address: std::net::Ipv4Addr,
    /// Whether its libvirtd runs.
    pub libvirtd: bool,
    /// Whether its sshd runs.
    pub sshd: bool,
    /// Whether a signal has stopped it: it answers nothing.
    pub hangs: bool,
    /// How many VMs run on it, by their QEMU processes.
    pub vms: usize,
}

/// All labs of this machine. What runs is told to root alone: to others it looks as if nothing ran.
///
/// # Errors
/// Where the records cannot be read.
pub fn status() -> Result<Vec<Status>, LabError> {
    Ok(record::all()?.into_iter().map(look).collect())
}

fn look(record: Record) -> Status {
    let plan = record.plan();
    let inside = processes::inside(&processes::namespaces(&plan.prefix()));
    let of = |namespace: &str| {
        let namespace = namespace.to_owned();
        inside.iter().filter(move |(name, _)| *name == namespace).map(|(_, process)| process)
    };
    let hosts = plan.sites.iter().flat_map(|site| site.hosts.iter().map(move |host| (site.name, host)));
    let hosts = hosts.map(|(site, host)| HostStatus {
        site,
        name: host.name.clone(),
        address: host.address,
        libvirtd: of(&host.namespace).any(|process| process.program == "libvirtd"),
        sshd: of(&host.namespace).any(|process| process.program == "sshd"),
        hangs: of(&host.namespace).any(|process| process.program == "libvirtd" && process.is_stopped()),
        vms: of(&host.namespace).filter(|process| process.vm().is_some()).count(),
    });
    let relays = of(&plan.net()).filter(|process| link::is_relay(process)).count();
    let dhcp = of(&plan.net()).any(|process| process.program == "dnsmasq");
    // The devices of relays tell whether there are to be some.
    let to_be = if record.net_dir().join("relay-s1-s2.log").exists() { plan.pairs().count() } else { 0 };
    Status { hosts: hosts.collect(), dhcp, relays: (to_be > 0).then_some((relays, to_be)), record }
}
