//! Faults of a lab: what breaks on a testbed, broken on purpose, and mended again.

use std::thread;
use std::time::Duration;

use super::processes::{self, Process, signal};
use super::record::Claim;
use super::run::run;
use super::{Host, LabError, Plan, Record, disk, gateway, host};

/// What breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A host's libvirtd stands still: it accepts connections and answers nothing.
    Hang(String),
    /// A host's libvirtd is killed. Its VMs run on.
    Kill(String),
    /// A host's cable is cut, for itself and for its VMs.
    Cut(String),
    /// A host's disk is full.
    Full(String),
    /// The gateway gives no addresses.
    NoDhcp,
    /// A VM's QEMU is killed.
    KillVm(String),
    /// A VM's QEMU stands still.
    FreezeVm(String),
}

/// Breaks something in the only lab, or in the one of this directory; says what was done.
///
/// # Errors
/// Where there is no such lab, host or VM, or it cannot be broken.
pub fn fault(dir: Option<&std::path::Path>, fault: &Fault) -> Result<String, LabError> {
    let claim = claim(dir)?;
    let (record, plan) = (&claim.record, claim.record.plan());
    Ok(match fault {
        Fault::Hang(name) => {
            let host = find(&plan, name)?;
            libvirtd(&plan, host)?.iter().for_each(|process| signal("STOP", process.pid));
            format!("libvirtd on {} stands still", host.name)
        }
        Fault::Kill(name) => {
            let host = find(&plan, name)?;
            libvirtd(&plan, host)?.iter().for_each(Process::kill);
            format!("libvirtd on {} is killed; its VMs run on", host.name)
        }
        Fault::Cut(name) => {
            let host = find(&plan, name)?;
            cable(&plan, host, "down")?;
            format!("{} is cut off", host.name)
        }
        Fault::Full(name) => {
            let host = find(&plan, name)?;
            if record.disk.is_none() {
                return Err(LabError::Fault {
                    what: format!("{} has no disk of its own that could be full", host.name),
                    help: "start a lab with `hemera lab up --disk \"2 GiB\"`".into(),
                });
            }
            disk::fill(record, host)?;
            format!("the disk of {} is full", host.name)
        }
        Fault::NoDhcp => {
            dhcp(&plan).iter().for_each(Process::kill);
            "the gateway gives no addresses".into()
        }
        Fault::KillVm(name) => {
            vms(&plan, name)?.iter().for_each(Process::kill);
            format!("the QEMU of {name} is killed")
        }
        Fault::FreezeVm(name) => {
            vms(&plan, name)?.iter().for_each(|process| signal("STOP", process.pid));
            format!("the QEMU of {name} stands still")
        }
    })
}

/// Mends everything that [`fault`] can break in the only lab, or in the one of this directory, but brings no killed VM
/// back. Says what was mended.
///
/// # Errors
/// Where there is no such lab, or it cannot be mended.
pub fn mend(dir: Option<&std::path::Path>) -> Result<Vec<String>, LabError> {
    let claim = claim(dir)?;
    let (record, plan) = (&claim.record, claim.record.plan());
    let mut mended = Vec::new();
    for host in plan.hosts() {
        mended.append(&mut mend_host(record, &plan, host)?);
    }
    if dhcp(&plan).is_empty() {
        gateway::start(record, &plan)?;
        mended.push("the gateway gives addresses".into());
    }
    Ok(mended)
}

/// The same for all that is of one host.
pub(super) fn mend_host(record: &Record, plan: &Plan, host: &Host) -> Result<Vec<String>, LabError> {
    let mut mended = Vec::new();
    cable(plan, host, "up")?;
    disk::free(record, host)?;
    let inside = processes::inside(std::slice::from_ref(&host.namespace));
    for (_, process) in inside.iter().filter(|(_, process)| process.is_stopped()) {
        signal("CONT", process.pid);
        let what = process.vm().map_or_else(|| process.program.clone(), |vm| format!("the QEMU of {vm}"));
        mended.push(format!("{what} on {} goes on", host.name));
    }
    if !inside.iter().any(|(_, process)| process.program == "libvirtd") {
        // Its sshd is in the mounts of the libvirtd that is gone, and has the address that the next one wants.
        clear(host, |process| process.vm().is_none());
        let mut started = host::launch(record, host, record.kvm)?;
        host::wait(record, host, &mut started, &|| false)?;
        mended.push(format!("libvirtd on {} is started", host.name));
    }
    Ok(mended)
}

/// Ends the processes of a host that are such.
pub(super) fn clear(host: &Host, such: impl Fn(&Process) -> bool) {
    for _ in 0..100 {
        let mut inside = processes::inside(std::slice::from_ref(&host.namespace));
        inside.retain(|(_, process)| such(process));
        if inside.is_empty() {
            return;
        }
        for (_, process) in inside {
            process.kill();
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn claim(dir: Option<&std::path::Path>) -> Result<Claim, LabError> {
    Claim::take(the_one(dir)?)
}

/// The same, after whoever is at work on the lab.
pub(super) fn claim_in_turn(dir: Option<&std::path::Path>) -> Result<Claim, LabError> {
    Claim::wait(the_one(dir)?)
}

fn the_one(dir: Option<&std::path::Path>) -> Result<Record, LabError> {
    super::need::root()?;
    let mut records = super::record::of(dir)?;
    match (records.pop(), records.len()) {
        (Some(record), 0) => Ok(record),
        (None, _) => Err(LabError::Fault {
            what: dir.map_or_else(|| "no lab is there".into(), |dir| format!("no lab is in {}", dir.display())),
            help: "`sudo hemera lab up` starts one".into(),
        }),
        (Some(_), others) => Err(LabError::WhichOne { count: others + 1 }),
    }
}

pub(super) fn find<'a>(plan: &'a Plan, name: &str) -> Result<&'a Host, LabError> {
    plan.hosts().find(|host| host.name == name || host.full_name == name).ok_or_else(|| {
        let names: Vec<&str> = plan.hosts().map(|host| host.name.as_str()).collect();
        LabError::Fault { what: format!("lab {} has no host {name}", plan.number), help: list(&names) }
    })
}

fn list(names: &[&str]) -> String {
    format!("expected one of: {}", names.join(", "))
}

/// The processes of a host's libvirtd: itself, and while it starts those that ask QEMU what it can.
fn libvirtd(plan: &Plan, host: &Host) -> Result<Vec<Process>, LabError> {
    let inside = processes::inside(std::slice::from_ref(&host.namespace)).into_iter().map(|(_, process)| process);
    let found: Vec<Process> = inside.filter(|process| process.program == "libvirtd").collect();
    if found.is_empty() {
        let what = format!("no libvirtd runs on {} of lab {}", host.name, plan.number);
        return Err(LabError::Fault { what, help: "`hemera lab mend` starts it".into() });
    }
    Ok(found)
}

/// The QEMU of a VM; while it moves, both.
fn vms(plan: &Plan, name: &str) -> Result<Vec<Process>, LabError> {
    let namespaces: Vec<String> = plan.hosts().map(|host| host.namespace.clone()).collect();
    let mut inside: Vec<Process> = processes::inside(&namespaces).into_iter().map(|(_, process)| process).collect();
    inside.retain(|process| process.vm().is_some());
    if inside.iter().any(|process| process.vm() == Some(name)) {
        inside.retain(|process| process.vm() == Some(name));
        return Ok(inside);
    }
    let names: Vec<&str> = inside.iter().filter_map(Process::vm).take(20).collect();
    let help = if names.is_empty() { "no VM runs in it".into() } else { list(&names) };
    Err(LabError::Fault { what: format!("no VM {name} runs in lab {}", plan.number), help })
}

fn dhcp(plan: &Plan) -> Vec<Process> {
    let inside = processes::inside(&[plan.net()]).into_iter().map(|(_, process)| process);
    inside.filter(|process| process.program == "dnsmasq").collect()
}

/// Cuts or joins a host's cable, at its site's bridge.
pub(super) fn cable(plan: &Plan, host: &Host, state: &str) -> Result<(), LabError> {
    run("ip", ["-n", &plan.net(), "link", "set", &host.name, state]).map(drop)
}
