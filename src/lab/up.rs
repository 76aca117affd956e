//! Starting a lab.

use std::fs;
use std::path::{Path, PathBuf};

use super::record::{Claim, REGISTRY};
use super::{
    Debian, Guest, LabError, Link, Plan, Record, Shape, cache, debian, disk, down, files, gateway, guest, host, kvm,
    link, need, net, record, ssh, tls,
};
use crate::fleet::Bytes;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// How many sites.
    pub sites: usize,
    /// How many hosts per site.
    pub hosts: usize,
    /// The links between sites; none: as fast as the machine.
    pub shape: Option<Shape>,
    /// How many VMs of each site can get an address.
    pub vms: usize,
    /// The size of a disk of each host's own; none: they share the machine's.
    pub disk: Option<Bytes>,
    /// Where its files go, a new or empty directory; none: `/var/lib/hemera/lab/N`.
    pub dir: Option<PathBuf>,
}

/// A lab that runs.
#[derive(Debug)]
pub struct Ready {
    /// What is written down of it.
    pub record: Record,
    /// What it is made of.
    pub plan: Plan,
    /// The guest that its workflow boots.
    pub guest: Guest,
    /// Whether its VMs run under KVM.
    pub kvm: bool,
    /// How its links are shaped.
    pub link: Link,
}

/// Starts a lab. `program` is the `hemera` that plays links where the kernel cannot; `say` is told what takes time; where
/// `stop` says so it ends early.
///
/// # Errors
/// What is missing, forbidden or went wrong. What had been made is taken away again.
pub fn up(wish: &Wish, program: &Path, say: &mut dyn FnMut(&str), stop: &dyn Fn() -> bool) -> Result<Ready, LabError> {
    need::check()?;
    let dir = wish.dir.as_deref().map(directory).transpose()?;
    let guest = guest::get(say)?;
    let debian = debian::built(say);
    let kvm = kvm::works(&guest, say)?;
    let uses: Vec<PathBuf> =
        [&guest.dir].into_iter().chain(debian.as_ref().map(|debian| &debian.dir)).map(|dir| cache::real(dir)).collect();
    let claim = Claim::first_free(|number| {
        let dir = dir.clone().unwrap_or_else(|| Path::new(REGISTRY).join(number.to_string()));
        let made = dir.ancestors().take_while(|dir| !dir.exists()).map(Path::to_path_buf).collect();
        let process = std::process::id();
        let (sites, hosts, vms, disk) = (wish.sites, wish.hosts, wish.vms, wish.disk.map(|size| size.0));
        Record { number, dir, made, process, sites, hosts, vms, shape: wish.shape, disk, kvm, uses: uses.clone() }
    })?;
    let record = claim.record.clone();
    let plan = record.plan();
    match make(&record, &plan, (&guest, debian.as_ref()), kvm, program, say, stop) {
        Ok(link) => Ok(Ready { record, plan, guest, kvm, link }),
        Err(error) => {
            say("taking away what had been started");
            // The first error says more than what may come of it.
            let _ = down::take_away(claim);
            Err(if stop() { LabError::Interrupted } else { error })
        }
    }
}

/// The directory in full, where it can hold a lab.
fn directory(dir: &Path) -> Result<PathBuf, LabError> {
    let full = std::path::absolute(dir).map_err(LabError::file(dir))?;
    // A link among its parents could lead to where the hosts do not find it.
    let there = full.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    let real = there.canonicalize().map_err(LabError::file(there))?;
    let rest = full.strip_prefix(there).unwrap_or(Path::new(""));
    // Joined with nothing it would end in a slash.
    let full = if rest.as_os_str().is_empty() { real } else { real.join(rest) };
    let refuse = |why: &str| Err(LabError::Directory { dir: full.clone(), why: why.to_owned() });
    let hidden =
        ["/run", "/dev", "/proc", "/sys", "/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt"];
    if let Some(hidden) = hidden.iter().find(|hidden| full.starts_with(hidden)) {
        return refuse(&format!(
            "the hosts have a {hidden} of their own, in which it would not be found: choose another"
        ));
    }
    if record::all()?.iter().any(|record| record.dir == full) {
        return refuse("a lab is there already: `hemera lab status` shows it, `hemera lab down` ends it");
    }
    match fs::read_dir(&full).map(|mut entries| entries.next().is_some()) {
        Ok(true) => refuse("is not empty: expected a new or empty directory"),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => refuse("is a file: expected a directory"),
        _ => Ok(full),
    }
}

fn make(
    record: &Record,
    plan: &Plan,
    (guest, debian): (&Guest, Option<&Debian>),
    kvm: bool,
    program: &Path,
    say: &mut dyn FnMut(&str),
    stop: &dyn Fn() -> bool,
) -> Result<Link, LabError> {
    let go_on = || if stop() { Err(LabError::Interrupted) } else { Ok(()) };
    let net_dir = record.net_dir();
    fs::create_dir_all(&net_dir).map_err(LabError::file(net_dir))?;
    say(&format!("lab {}: network of {} sites and its gateway", plan.number, plan.sites.len()));
    net::namespaces(plan)?;
    net::bridges(plan)?;
    let link = link::make(record, plan, program)?;
    net::plug_links(plan)?;
    gateway::start(record, plan)?;
    ssh::client(record, plan)?;
    tls::authority(record, plan)?;
    let mut started = Vec::new();
    for site in &plan.sites {
        for host in &site.hosts {
            go_on()?;
            if let Some(size) = record.disk {
                disk::make(record, host, Bytes(size))?;
            }
            host::prepare(record, plan, host)?;
            ssh::server(record, host)?;
            tls::host(record, host)?;
            net::host(plan, site.name, host)?;
            started.push((host, host::launch(record, host, kvm)?));
        }
    }
    let count = started.len();
    for (i, (host, child)) in started.iter_mut().enumerate() {
        say(&format!("libvirt on host {} of {count}: {}", i + 1, host.full_name));
        host::wait(record, host, child, stop)?;
    }
    helpers_run(record, plan, link)?;
    let write = |path: PathBuf, text: String| fs::write(&path, text).map_err(LabError::file(path));
    write(record.world(), files::world(plan, record, guest, program))?;
    let key = ssh::key(record)?;
    write(record.workflow(), files::workflow(plan, record, guest, debian.map(|debian| (debian, key.as_str()))))?;
    go_on()?;
    Ok(link)
}

/// Whether DHCP and relays, which were started without waiting, run.
fn helpers_run(record: &Record, plan: &Plan, link: Link) -> Result<(), LabError> {
    let processes = super::processes::inside(&[plan.net()]);
    let relays = processes.iter().filter(|(_, process)| link::is_relay(process)).count();
    let said = |what: &str| {
        let mut text = String::new();
        for entry in fs::read_dir(record.net_dir()).into_iter().flatten().flatten() {
            let path = entry.path();
            let log = path.extension().is_some_and(|extension| extension == "err" || extension == "log");
            if log && entry.file_name().to_string_lossy().starts_with(what) {
                text += fs::read_to_string(path).unwrap_or_default().trim();
            }
        }
        LabError::Program { command: what.to_owned(), said: text }
    };
    if !processes.iter().any(|(_, process)| process.program == "dnsmasq") {
        return Err(said("dnsmasq"));
    }
    if link == Link::Relay && relays < plan.pairs().count() {
        return Err(said("relay"));
    }
    Ok(())
}
