//! `hemera lab`: Grid'5000 in a box, started, looked at and ended.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::args::{LabFault, LabPower, LabTask, LabUp};
use super::{DONE, Failure, INTERRUPTED};
use crate::lab::{self, Fault, LabError, Link, Power, Ready, Record, Status, Wish};

/// Does it and returns the exit code.
pub(super) fn lab(task: &LabTask) -> Result<u8, Failure> {
    match task {
        LabTask::Up(asked) => up(asked),
        LabTask::Status => {
            let labs = lab::status()?;
            if labs.is_empty() {
                say!("no lab is there: `sudo hemera lab up` starts one");
            }
            labs.iter().for_each(show);
            if !labs.is_empty() && lab::root().is_err() {
                note!("only root sees what runs in a lab: `sudo hemera lab status`");
            }
            Ok(DONE)
        }
        LabTask::Image => image(),
        LabTask::Down { dir, all } => down(dir.as_deref(), *all),
        LabTask::Fault { what, dir } => {
            say!("{}; `hemera lab mend` undoes it", lab::fault(dir.as_deref(), &meant(what))?);
            Ok(DONE)
        }
        LabTask::Mend { dir } => {
            for what in lab::mend(dir.as_deref())? {
                say!("{what}");
            }
            say!("nothing is broken any more");
            Ok(DONE)
        }
        LabTask::Power { power, host, dir } => {
            let power = match power {
                LabPower::On => Power::On,
                LabPower::Off => Power::Off,
                LabPower::Reboot => Power::Reboot,
            };
            say!("{}", lab::power(dir.as_deref(), host, power)?);
            Ok(DONE)
        }
        LabTask::RestartLibvirtd { host, dir } => {
            say!("{}", lab::restart_libvirtd(dir.as_deref(), host)?);
            Ok(DONE)
        }
        LabTask::Relay { a, b, shape } => {
            lab::relay(a, b, *shape)?;
            Ok(DONE)
        }
    }
}

fn meant(what: &LabFault) -> Fault {
    match what.clone() {
        LabFault::Hang { host } => Fault::Hang(host),
        LabFault::Kill { host } => Fault::Kill(host),
        LabFault::Cut { host } => Fault::Cut(host),
        LabFault::Full { host } => Fault::Full(host),
        LabFault::NoDhcp => Fault::NoDhcp,
        LabFault::KillVm { vm } => Fault::KillVm(vm),
        LabFault::FreezeVm { vm } => Fault::FreezeVm(vm),
    }
}

fn up(asked: &LabUp) -> Result<u8, Failure> {
    let began = Instant::now();
    let program = std::env::current_exe().map_err(Failure::work)?;
    let wish = Wish {
        sites: asked.sites.into(),
        hosts: asked.hosts.into(),
        shape: asked.link,
        vms: asked.vms.into(),
        disk: asked.disk,
        dir: asked.dir.clone(),
    };
    until_stopped(|say, stop| {
        let ready = lab::up(&wish, &program, say, stop)?;
        say!("{}", closing(&ready, began.elapsed().as_secs_f64()));
        Ok(())
    })
}

fn image() -> Result<u8, Failure> {
    until_stopped(|say, stop| {
        let disk = lab::image(say, stop)?.disk();
        say!(
            "{} is there: labs that start from now on have a class `debian` that boots it, and `debian-ssh` without its agent",
            disk.display()
        );
        Ok(())
    })
}

/// Does what takes a while, says on standard error how it goes on, and ends it early at a Ctrl-C.
fn until_stopped(
    work: impl FnOnce(&mut dyn FnMut(&str), &dyn Fn() -> bool) -> Result<(), LabError>,
) -> Result<u8, Failure> {
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, stopped.clone()).map_err(Failure::work)?;
    }
    match work(&mut |what| note!("{what}"), &|| stopped.load(Ordering::Relaxed)) {
        Ok(()) => Ok(DONE),
        Err(error @ LabError::Interrupted) => {
            note!("{error}");
            Ok(INTERRUPTED)
        }
        Err(error) => Err(error.into()),
    }
}

/// What there is now and what to do with it.
fn closing(ready: &Ready, seconds: f64) -> String {
    let Ready { record, plan, kvm, link, .. } = ready;
    let accelerator = if *kvm { "KVM" } else { "TCG, as KVM runs no guests here" };
    let links = match (plan.shape, link) {
        _ if plan.sites.len() < 2 => String::new(),
        (Some(shape), Link::Relay) => format!(", links of {shape} (played by relays, as the kernel has no netem)"),
        (Some(shape), _) => format!(", links of {shape}"),
        (None, _) => ", links as fast as the machine".to_owned(),
    };
    let sites = plan.sites.iter().map(|site| format!("{} ({})", site.name, site.hosts.len()));
    let (world, workflow) = (quoted(&record.world()), quoted(&record.workflow()));
    let shell = plan.hosts().next().map_or_else(String::new, |host| ssh(record, &host.name));
    let down = if record.dir.starts_with(lab::REGISTRY) { String::new() } else { format!(" {}", quoted(&record.dir)) };
    format!(
        "lab {} is up after {seconds:.1} s: {}{links}; VMs run under {accelerator}\n\
         the VM with the MAC address 00:16:3E:X:Y:Z gets 10.X.Y.Z and is reached from here, as in {}\n\
         \n  world file  {}\n  console     hemera --world {world} --classes {workflow}\n  \
         a run       hemera run {workflow} --world {world} --out results\n  a host      {shell}\n  \
         the end     sudo hemera lab down{down}",
        record.number,
        sites.collect::<Vec<_>>().join(", "),
        plan.vm_subnet(),
        record.world().display(),
    )
}

fn quoted(path: &Path) -> String {
    shell_words::quote(&path.display().to_string()).into_owned()
}

fn show(status: &Status) {
    let Status { record, hosts, dhcp, relays } = status;
    let vms: usize = hosts.iter().map(|host| host.vms).sum();
    let links = match (record.shape, relays) {
        _ if record.sites < 2 => String::new(),
        (Some(shape), Some((runs, all))) => format!(", links of {shape} ({runs} of {all} relays run)"),
        (Some(shape), None) => format!(", links of {shape}"),
        (None, _) => ", links as fast as the machine".to_owned(),
    };
    say!("lab {}: {} sites, {} hosts, {vms} VMs{links}", record.number, record.sites, hosts.len());
    for host in hosts {
        let libvirtd = match (host.libvirtd, host.hangs) {
            (true, true) => "libvirtd stands still",
            (true, false) => "libvirtd runs",
            (false, _) => "libvirtd does not run",
        };
        let sshd = if host.sshd { "sshd runs" } else { "sshd does not run" };
        let (site, name, address) = (host.site, &host.name, host.address);
        say!("  {site:<9} {name:<14} {address:<15} {libvirtd:<21}  {sshd:<17}  {} VMs", host.vms);
    }
    say!("  DHCP {}", if *dhcp { "runs" } else { "does not run" });
    say!("  {}", record.world().display());
    if let Some(host) = hosts.first() {
        say!("  {}", ssh(record, &host.name));
    }
}

/// How a host's shell is opened.
fn ssh(record: &Record, host: &str) -> String {
    format!("ssh -F {} {host}", quoted(&record.ssh_config()))
}

fn down(dir: Option<&Path>, all: bool) -> Result<u8, Failure> {
    let gone = lab::down(dir, all)?;
    if gone.is_empty() {
        let place = dir.map_or(String::new(), |dir| format!(" in {}", dir.display()));
        say!("no lab is there{place}: nothing to do");
    }
    for lab in gone {
        let kept =
            lab.kept.map_or_else(String::new, |dir| format!(", but files in {} that are others'", dir.display()));
        say!("lab {} is gone with its {} VMs; nothing of it is left{kept}", lab.number, lab.vms);
    }
    Ok(DONE)
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Directory { .. } | LabError::WhichOne { .. } | LabError::Fault { .. } => Self::input(error),
            other => Self::work(other),
        }
    }
}
