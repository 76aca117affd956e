//! A lab that breaks while VMs boot and move: the rest goes on, what is shown is true soon, and in the end every VM is
//! accounted for exactly once, by `virsh` on every host.
//!
//! Needs what `hemera lab up` needs; where the machine cannot, that is said loudly, and is a failure in CI.
#![cfg(feature = "libvirt")]

#[path = "support/lab.rs"]
mod lab;
#[path = "support/live_lab.rs"]
mod live;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hemera::fleet::{
    Finding, HostId, HostState, Image, MigrationOptions, PowerAction, Rate, Ready, Selection, VmState,
};
use hemera::handle::{Command, Migrate, Moves, OperationSpec, Pattern, Snapshot, TaskEnd, TaskState, VmChange, Which};
use lab::{HOSTS, Lab};
use live::{Live, found, guest, named, quiet};

fn ready(now: &Snapshot) -> bool {
    now.fleet.hosts.rows().all(|(_, row)| row.state == HostState::Ready)
}

fn away(now: &Snapshot, host: u32) -> bool {
    now.fleet.hosts.row(HostId(host)).state == HostState::Unreachable
}

/// Where VMs are, and whether they run.
type Account = BTreeMap<String, (usize, bool)>;

/// What is shown of it.
fn told(now: &Snapshot) -> Account {
    let there = now.fleet.vms.rows().filter(|(_, row)| row.state.holds_memory());
    there
        .map(|(vm, row)| {
            let host = row.host.expect("what holds memory has a host").index();
            (now.fleet.vms.name(vm).to_owned(), (host, row.state.runs()))
        })
        .collect()
}

/// What `virsh` says of it; none where a VM is on two hosts, as while it moves.
fn really(lab: &Lab) -> Option<Account> {
    let mut all = Account::new();
    for host in 0..HOSTS.len() {
        let running = lab.virsh(host, &["list", "--name", "--state-running"]);
        let running: BTreeSet<&str> = running.split_whitespace().collect();
        for name in lab.domains(host) {
            let runs = running.contains(&*name);
            if all.insert(name, (host, runs)).is_some() {
                return None;
            }
        }
    }
    Some(all)
}

/// Domains that libvirt believes to be starting although whoever started them was killed: it lets nobody destroy them.
fn abandoned(lab: &Lab, host: usize) -> Vec<String> {
    let mut all = lab.domains(host);
    all.retain(|name| {
        lab.try_virsh(host, &["domstate", "--reason", name]).is_ok_and(|said| said.trim() == "paused (starting up)")
    });
    all
}

/// A libvirtd that was killed while it started VMs may hold on to some; they go by what is told about them.
fn let_go(lab: &Lab, live: &mut Live) {
    let shown = |now: &Snapshot| now.fleet.vms.rows().all(|(_, row)| row.state != VmState::Starting);
    live.wait("nothing is shown as starting", |now| quiet(now) && ready(now) && shown(now));
    let held = abandoned(lab, 0);
    if held.is_empty() {
        return;
    }
    live.say(&format!("libvirt holds on to {held:?}"));
    let told = |now: &Snapshot, name: &str| {
        let why = named(&now.fleet, name).and_then(|vm| now.fleet.vm_reasons.get(&vm));
        why.is_some_and(|why| why.contains("remove /run/libvirt/qemu/NAME.xml"))
    };
    live.wait("it is said what helps", |now| held.iter().all(|name| told(now, name)));
    lab.fault("kill", 0);
    live.wait("it is noticed", |now| away(now, 0));
    for name in &held {
        fs::remove_file(lab.file(0, &format!("/run/libvirt/qemu/{name}.xml"))).expect("its file");
    }
    lab.mend();
    live.wait("they are gone", |now| ready(now) && !lab.domains(0).iter().any(|name| held.contains(name)));
}

/// Every VM is where it is shown and nowhere else, and none is there that is not shown.
fn accounted_for(lab: &Lab, live: &mut Live) -> Account {
    let true_now = |now: &Snapshot| quiet(now) && ready(now) && really(lab) == Some(told(now));
    live.wait("every VM is accounted for exactly once", true_now);
    told(&live.now())
}

fn moves(live: &Live, which: &str, options: MigrationOptions) {
    let which = Which::Selected(Selection::vms(which).expect("a selection"));
    let moves = Moves::Pattern { which, pattern: Pattern::Crossed };
    live.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options, rescue: None })));
}

/// So slow that it lasts until something breaks.
fn slow() -> MigrationOptions {
    MigrationOptions { bandwidth: Some(Rate(2e6)), ..MigrationOptions::default() }
}

fn answering(now: &Snapshot, host: u32) -> usize {
    now.fleet.vms.rows().filter(|(_, row)| row.host == Some(HostId(host)) && row.state == VmState::Reachable).count()
}

fn moving(now: &Snapshot) -> usize {
    now.fleet.vms.rows().filter(|(_, row)| row.state == VmState::Migrating).count()
}

/// Breaks host 0, and waits until that is shown; the other host's VMs are not touched by it.
fn breaks(lab: &Lab, live: &mut Live, what: &str) {
    lab.fault(what, 0);
    live.wait(&format!("{what} of a host is shown"), |now| away(now, 0));
    live.wait("its VMs are not shown as running, those of the other host are not lost", |now| {
        now.fleet.vms.rows().all(|(_, row)| match row.host {
            Some(HostId(0)) => !row.state.runs(),
            _ => row.state != VmState::Lost,
        })
    });
}

/// Two guests that answer, one on each host.
fn pair(lab: &Lab) -> Live {
    let mut live = Live::open(&lab.world());
    live.wait("both hosts answer", ready);
    live.boot(&guest(&lab.tiny(), "well", "", Ready::Reachable), 2, "first-{n}");
    live.wait("two guests answer", |now| quiet(now) && now.fleet.vms.count(VmState::Reachable) == 2);
    live
}

fn end(lab: &Lab, live: &mut Live) {
    live.change("all", VmChange::Destroy);
    live.wait("nothing is left", |now| quiet(now) && now.fleet.vms.is_empty());
    assert_eq!(really(lab), Some(Account::new()));
}

#[test]
#[ignore = "takes minutes; tests/run --long"]
fn hosts_break_while_vms_boot_and_every_vm_is_accounted_for() {
    let Some(lab) = Lab::take() else { return };
    let mut live = pair(&lab);
    let class = guest(&lab.tiny(), "well", "", Ready::Reachable);
    for (n, what) in ["kill", "cut", "hang"].into_iter().enumerate() {
        live.boot(&class, 4, &format!("{what}-{{n}}"));
        live.wait("boots have begun", |now| now.fleet.vms.count(VmState::Starting) > 0);
        breaks(&lab, &mut live, what);
        live.wait("boots on the other host go on", |now| answering(now, 1) == 1 + 2 * (n + 1));
        lab.mend();
        let_go(&lab, &mut live);
        // Those that were cut short are there or not, and none is there unseen or twice.
        let all = accounted_for(&lab, &mut live);
        assert!(all.len() >= 2 + 2 * (n + 1), "{all:?}");
    }
    end(&lab, &mut live);
}

#[test]
#[ignore = "takes minutes; tests/run --long"]
fn hosts_break_while_vms_move_and_every_vm_is_accounted_for() {
    let Some(lab) = Lab::take() else { return };
    let mut live = pair(&lab);
    for what in ["kill", "cut", "hang"] {
        moves(&live, "all", slow());
        live.wait("both are on their way", |now| moving(now) == 2);
        breaks(&lab, &mut live, what);
        lab.mend();
        let all = accounted_for(&lab, &mut live);
        assert_eq!(all.len(), 2, "none is lost: {all:?}");
        assert!(all.values().all(|&(_, runs)| runs), "both run: {all:?}");
    }
    // What was broken off can be moved.
    let before = told(&live.now());
    moves(&live, "all", MigrationOptions::default());
    let after = accounted_for(&lab, &mut live);
    assert!(before.iter().all(|(name, (host, _))| after[name].0 != *host), "{before:?} {after:?}");
    end(&lab, &mut live);
}

#[test]
#[ignore = "takes minutes; tests/run --long"]
fn a_killed_qemu_a_full_disk_and_no_dhcp_take_nothing_else_down() {
    let Some(lab) = Lab::take() else { return };
    let mut live = pair(&lab);

    // A VM whose QEMU is killed while it moves is gone, and is told; the other one's move is done.
    moves(&live, "all", MigrationOptions { bandwidth: Some(Rate(5e6)), ..MigrationOptions::default() });
    live.wait("both are on their way", |now| moving(now) == 2);
    lab.fault_vm("kill-vm", "first-1");
    live.wait("the one is found gone", |now| found(&now.fleet).get("first-1") == Some(&Finding::QemuGone.word()));
    let all = accounted_for(&lab, &mut live);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["first-2"]);
    assert_eq!(all["first-2"], (0, true), "it was on the second host and moved to the first one");
    let gone = live.vm("first-1");
    live.command(Command::BootAgain([gone].into()));
    live.wait("it answers again", |now| quiet(now) && now.fleet.vms.count(VmState::Reachable) == 2);

    // A guest that writes to its disk while that of its host is full stands still; both are told.
    let mut class = guest(&lab.tiny(), "disk", "", Ready::Reachable);
    class.image = Image::Disk("/var/cache/hemera/lab/guest/tiny.qcow2".into());
    live.boot(&class, 1, "writer");
    live.wait("it answers", |now| quiet(now) && now.fleet.vms.count(VmState::Reachable) == 3);
    let full = told(&live.now())["writer"].0;
    lab.fault("full", full);
    lab.in_guest(full, "writer", "dd if=/dev/urandom of=/dev/vda bs=1M count=12");
    live.wait("the full disk is found, and whom it stopped", |now| {
        let host = now.fleet.host_diagnoses.get(&HostId(full as u32)).map(|found| found.finding);
        (host, found(&now.fleet).get("writer")) == (Some(Finding::DiskFull), Some(&Finding::DiskFull.word()))
    });
    assert_eq!(lab.virsh(full, &["domstate", "--reason", "writer"]).trim(), "paused (I/O error)");
    // VMs without disks still come up.
    live.boot(&guest(&lab.tiny(), "well", "", Ready::Reachable), 2, "full-{n}");
    live.wait("boots have ended", quiet);
    accounted_for(&lab, &mut live);
    lab.mend();
    live.wait("there is room again", |now| now.fleet.host_diagnoses.is_empty());
    live.change("finding:disk-full", VmChange::Resume);
    live.wait("the guest goes on", |now| {
        let writer = named(&now.fleet, "writer").map(|vm| now.fleet.vms.state(vm));
        // Its clock has stood still, and that is told as well.
        let full = found(&now.fleet).get("writer") == Some(&Finding::DiskFull.word());
        quiet(now) && writer == Some(VmState::Reachable) && !full
    });

    // Without DHCP guests answer by their agent and are found without an address; when it is back they get one.
    lab.fault_lab("no-dhcp");
    live.boot(&guest(&lab.tiny(), "well", "", Ready::Reachable), 1, "lone");
    live.wait("it is found", |now| found(&now.fleet).get("lone") == Some(&Finding::NoDhcp.word()));
    accounted_for(&lab, &mut live);
    lab.mend();
    live.wait("it has an address", |now| !found(&now.fleet).contains_key("lone"));
    assert!(named(&live.now().fleet, "lone").is_some());
    end(&lab, &mut live);
}

fn switch(live: &Live, hosts: &str, action: PowerAction) {
    let on = Selection::hosts(hosts).expect("a selection");
    live.command(Command::Start(OperationSpec::Power { on, action }));
}

#[test]
#[ignore = "takes minutes; tests/run --long"]
fn guests_shut_down_and_hosts_are_switched_by_what_the_world_says() {
    let Some(lab) = Lab::take() else { return };
    let mut live = pair(&lab);
    let class = guest(&lab.tiny(), "well", "", Ready::Reachable);
    live.boot(&class, 2, "second-{n}");
    live.wait("four guests answer", |now| quiet(now) && answering(now, 0) + answering(now, 1) == 4);

    // A guest that shuts down leaves nothing.
    live.change("second-*", VmChange::Shutdown);
    live.wait("both have shut down", |now| quiet(now) && named(&now.fleet, "second-1").is_none());
    assert!(live.tasks().iter().all(|task| task.state == TaskState::Ended(TaskEnd::Done)), "{:?}", live.tasks());
    assert_eq!(really(&lab), Some(told(&live.now())));
    let logs = |host: usize| lab.virsh(host, &["vol-list", "hemera"]);
    assert!((0..HOSTS.len()).all(|host| !logs(host).contains("second-")), "{}", logs(0));

    // A libvirtd that hangs is started again by what is its remedy, and its VMs run on.
    let kept = really(&lab);
    lab.fault("hang", 0);
    let hangs = |now: &Snapshot| {
        now.fleet.host_diagnoses.get(&HostId(0)).is_some_and(|found| found.finding == Finding::LibvirtdHung)
    };
    live.wait("a libvirtd is found to hang", hangs);
    switch(&live, HOSTS[0], PowerAction::RestartLibvirtd);
    live.wait("the host answers", |now| quiet(now) && ready(now) && now.fleet.host_diagnoses.is_empty());
    assert_eq!(accounted_for(&lab, &mut live), kept.expect("every VM once"));

    // A host goes off with its VMs, and comes back without them.
    switch(&live, HOSTS[0], PowerAction::Off);
    live.wait("it is off", |now| quiet(now) && away(now, 0));
    assert_eq!(answering(&live.now(), 1), 1, "the other host's VM runs on");
    switch(&live, HOSTS[0], PowerAction::On);
    live.wait("it is on", |now| quiet(now) && ready(now));
    let gone = |now: &Snapshot| now.fleet.vms.count(VmState::Failed) == 1 && now.fleet.vms.count(VmState::Lost) == 0;
    live.wait("its VM is known to be gone", gone);
    assert!(lab.domains(0).is_empty());
    live.boot(&class, 1, "third");
    live.wait("it takes VMs", |now| quiet(now) && answering(now, 0) + answering(now, 1) == 2);
    end(&lab, &mut live);
}
