//! The doctor on real guests and hosts: each finding is brought about by its cause, found by what is seen, and cured where
//! a remedy exists. `virsh` has the last word.
//!
//! Needs what `hemera lab up` needs; where the machine cannot, that is said loudly, and is a failure in CI.
#![cfg(feature = "libvirt")]

#[path = "support/lab.rs"]
mod lab;
#[path = "support/live_lab.rs"]
mod live;

use std::collections::BTreeMap;

use hemera::fleet::{Finding, HostState, Image, Ready, Remedy, VmState};
use hemera::handle::{Command, Snapshot, VmChange};
use lab::Lab;
use live::{Live, found, guest, named, quiet, shown};

/// What a VM of these has to be found with.
fn has<'a>(expected: &'a [(&'a str, Finding)]) -> impl Fn(&Snapshot) -> bool + 'a {
    move |now| {
        let found = found(&now.fleet);
        expected.iter().all(|(name, finding)| found.get(*name) == Some(&finding.word()))
    }
}

/// Whether nothing is found but this.
fn only<'a>(expected: &'a [(&'a str, Finding)]) -> impl Fn(&Snapshot) -> bool + 'a {
    move |now| {
        let wanted: BTreeMap<String, &str> = expected.iter().map(|(name, f)| ((*name).to_owned(), f.word())).collect();
        found(&now.fleet) == wanted && quiet(now)
    }
}

/// On which host of the lab, 0 or 1, a VM is.
fn host_of(live: &mut Live, name: &str) -> usize {
    let now = live.now();
    let vm = named(&now.fleet, name).unwrap_or_else(|| panic!("no {name}: {}", shown(&now)));
    now.fleet.vms.row(vm).host.expect("a host").index()
}

/// A domain that nobody of ours makes, stopped before its first instruction.
fn foreign(lab: &Lab, host: usize, name: &str) {
    let path = lab.file(host, "/var/lib/libvirt/images").join(format!("{name}.xml"));
    let text = format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64'>hvm</type></os><devices><memballoon model='none'/></devices></domain>"
    );
    std::fs::write(&path, text).expect("a definition");
    lab.virsh(host, &["create", "--paused", path.to_str().expect("a path of text")]);
}

/// A runtime on the lab with four guests that answer, two on each host.
fn four_guests(lab: &Lab) -> Live {
    let well = guest(&lab.tiny(), "well", "", Ready::Reachable);
    let mut live = Live::open(&lab.world());
    live.wait("both hosts answer", |now| now.fleet.hosts.rows().all(|(_, row)| row.state == HostState::Ready));
    live.boot(&well, 4, "well-{n}");
    live.wait("four guests answer", |now| quiet(now) && now.fleet.vms.count(VmState::Reachable) == 4);
    // Agents answer before DHCP does.
    for n in 1..=4 {
        let name = format!("well-{n}");
        let host = host_of(&mut live, &name);
        lab::wait_until(&format!("{name} has an address"), || lab.said(host, &name).contains("hemera guest has "));
    }
    live
}

/// Nothing is left of what a test made.
fn end(lab: &Lab, live: &mut Live) {
    live.change("all", VmChange::Destroy);
    live.wait("nothing is left", |now| quiet(now) && now.fleet.vms.is_empty());
    assert_eq!((0..2).flat_map(|host| lab.domains(host)).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
#[ignore = "takes minutes; tests/run --long"]
#[allow(clippy::too_many_lines, reason = "one lab, one story")]
fn what_is_wrong_with_real_guests_and_hosts_is_found_and_cured() {
    let Some(lab) = Lab::take() else { return };
    let tiny = lab.tiny();
    let mut live = four_guests(&lab);
    // What guests are born with, and what befalls them while they run.
    lab.fault_lab("no-dhcp");
    live.boot(&guest(&tiny, "panics", "rdinit=/bin/false", Ready::Up), 1, "panics");
    live.boot(&guest(&tiny, "stops", "rdinit=/bin/sh", Ready::Up), 1, "stops");
    let mut mute = guest(&tiny, "mute", "", Ready::Up);
    if let Image::Kernel { cmdline, .. } = &mut mute.image {
        *cmdline = "console=tty0 rdinit=/bin/false".into();
    }
    live.boot(&mute, 1, "mute");
    live.boot(&guest(&tiny, "lone", "", Ready::Up), 1, "lone");
    let hosts: Vec<usize> = (1..=4).map(|n| host_of(&mut live, &format!("well-{n}"))).collect();
    lab.virsh(hosts[0], &["suspend", "well-1"]);
    lab.in_guest(hosts[1], "well-2", "killall -STOP qemu-ga");
    lab.in_guest(hosts[2], "well-3", "date -s 2020-01-01");
    foreign(&lab, 0, "stranger");
    live.wait(
        "eight kinds of trouble are found",
        has(&[
            ("panics", Finding::Panic),
            ("stops", Finding::Emergency),
            ("mute", Finding::NoOutput),
            ("lone", Finding::NoDhcp),
            ("well-1", Finding::PausedOutside),
            ("well-2", Finding::AgentSilent),
            ("well-3", Finding::ClockStuck),
            ("stranger", Finding::Unknown),
        ]),
    );
    let now = live.now();
    live.say(&shown(&now));
    for (vm, finding) in now.fleet.vms.found() {
        let told = now.fleet.diagnosis(vm).expect("what is found is told");
        assert!(told.finding == finding && !told.evidence.is_empty() && !told.remedies.is_empty(), "{told:?}");
    }
    assert_eq!(found(&now.fleet).len(), 8, "nothing else: {}", shown(&now));
    live.change("finding:paused-outside", VmChange::Resume);
    live.change("finding:agent-silent or finding:clock-stuck", VmChange::Reboot);
    live.change("finding:panic or finding:emergency or finding:no-output", VmChange::Destroy);
    live.change("finding:unknown", VmChange::Adopt);
    lab.mend();
    // The one was paused when it was adopted, and so it stays until somebody lets it go on; the other's clock stood still
    // for as long as it was paused.
    let left = [("stranger", Finding::PausedOutside), ("well-1", Finding::ClockStuck)];
    live.wait("all is cured but what comes of being paused", only(&left));
    live.change("finding:clock-stuck", VmChange::Reboot);
    assert!(lab.virsh(0, &["dumpxml", "stranger"]).contains("https://hemera.invalid/domain/1"), "the mark");
    live.change("name:stranger", VmChange::Destroy);
    let all_answer = |now: &Snapshot| only(&[])(now) && now.fleet.vms.count(VmState::Reachable) == 5;
    live.wait("all five guests answer", all_answer);

    // A libvirtd that hangs is told from a host that is cut off.
    lab.fault("hang", 0);
    lab.fault("cut", 1);
    let is = |now: &Snapshot, host: u32| {
        now.fleet.host_diagnoses.get(&hemera::fleet::HostId(host)).map(|found| found.finding)
    };
    live.wait("one libvirtd hangs, one host is silent", |now| {
        is(now, 0) == Some(Finding::LibvirtdHung) && is(now, 1) == Some(Finding::HostSilent)
    });
    let now = live.now();
    let lost = found(&now.fleet);
    // All five guests, by what is wrong with their hosts.
    let by_host = |found: &&&str| matches!(**found, "libvirtd-hung" | "host-silent");
    assert_eq!(lost.values().filter(by_host).count(), 5, "{lost:?}");
    lab.mend();
    live.wait("all is as it was", |now| {
        only(&[])(now) && now.fleet.vms.count(VmState::Reachable) == 5 && now.fleet.host_diagnoses.is_empty()
    });
    end(&lab, &mut live);
}

#[test]
#[ignore = "takes minutes; tests/run --long"]
fn what_befalls_real_hypervisors_is_found_and_cured() {
    let Some(lab) = Lab::take() else { return };
    let mut live = four_guests(&lab);
    live.boot(&guest(&lab.tiny(), "lone", "", Ready::Reachable), 1, "lone");
    live.wait("all five guests answer", |now| quiet(now) && now.fleet.vms.count(VmState::Reachable) == 5);

    // What befalls their hypervisors and their network.
    let address = |lab: &Lab, host: usize, name: &str| {
        let said = lab.said(host, name);
        said.rsplit("hemera guest has ").next().and_then(|rest| rest.split_whitespace().next()).map(str::to_owned)
    };
    let hosts: Vec<usize> = (1..=4).map(|n| host_of(&mut live, &format!("well-{n}"))).collect();
    let (third, lone) = (host_of(&mut live, "well-3"), host_of(&mut live, "lone"));
    let taken = address(&lab, third, "well-3").expect("an address");
    lab.fault_vm("freeze-vm", "well-1");
    lab.fault_vm("kill-vm", "well-2");
    lab.in_guest(hosts[3], "well-4", &format!("ip addr add {taken}/19 dev eth0"));
    foreign(&lab, 1 - lone, "lone");
    live.wait(
        "five more kinds of trouble are found",
        has(&[
            ("well-1", Finding::QemuStopped),
            ("well-2", Finding::QemuGone),
            ("well-3", Finding::AddressTwice),
            ("well-4", Finding::AddressTwice),
            ("lone", Finding::LeftOnSource),
        ]),
    );
    let now = live.now();
    live.say(&shown(&now));
    live.change("finding:left-on-source", VmChange::RemoveCopy);
    let gone = live.vm("well-2");
    let told = live.now().fleet.diagnosis(gone).expect("found").clone();
    assert_eq!(told.remedies[0], Remedy::BootAgain);
    live.command(Command::BootAgain([gone].into()));
    live.change("finding:qemu-stopped", VmChange::Destroy);
    live.change("name:well-4", VmChange::Reboot);
    live.wait("all is cured", |now| only(&[])(now) && now.fleet.vms.count(VmState::Reachable) == 4);
    assert_eq!(lab.domains(1 - lone).iter().filter(|name| *name == "lone").count(), 0);
    let names: Vec<String> = (0..2).flat_map(|host| lab.domains(host)).collect();
    assert_eq!(names.len(), 4, "{names:?}");

    // Alive, and cut off from the network.
    let third = host_of(&mut live, "well-3");
    lab.in_guest(third, "well-3", "ip link set eth0 down");
    live.wait("a guest that the network does not reach", has(&[("well-3", Finding::NoNetwork)]));
    live.change("finding:no-network", VmChange::Reboot);
    live.wait("it is reached again", only(&[]));

    end(&lab, &mut live);
}
