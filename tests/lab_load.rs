//! The load tool in real guests: QEMU, which counts the dirty pages while it moves a VM, sees the rate that was asked for; a
//! load that is not what was asked is told.
//!
//! Needs what `hemera lab up` needs and `hemera-load`; where the machine cannot, that is said loudly, and is a failure in CI.
#![cfg(feature = "libvirt")]

#[path = "support/lab.rs"]
mod lab;
#[path = "support/live_lab.rs"]
mod live;

use std::collections::BTreeMap;

use hemera::fleet::{Bytes, Finding, HostState, Load, MigrationOptions, Rate, Ready, Selection, Share, VmState};
use hemera::handle::{Command, Migrate, Moves, OperationSpec, Snapshot, VmChange, Which};
use lab::{HOSTS, Lab, wait_until};
use live::{Live, found, guest, quiet, shown};
use serde_json::Value;

/// How far QEMU's figure may be from the rate that was asked for. It counts whatever the guest writes: some hundred pages of
/// its kernel in any pass, which weigh the more the shorter that is.
const OFF: f64 = 0.15;
/// What the moves may send in a second.
const LINK: Rate = Rate(12e6);
/// Bytes in a page, which is what QEMU counts.
const PAGE: f64 = 4096.0;

/// A runtime with one guest on the first host that answers.
fn one_guest(lab: &Lab, memory: Bytes) -> Live {
    let mut class = guest(&lab.tiny(), "loaded", "", Ready::Reachable);
    class.memory = memory;
    let mut live = Live::open(&lab.world());
    live.wait("both hosts answer", |now| now.fleet.hosts.rows().all(|(_, row)| row.state == HostState::Ready));
    live.boot(&class, 1, "loaded");
    live.wait("its guest answers", |now| quiet(now) && now.fleet.vms.count(VmState::Reachable) == 1);
    live
}

fn stress(live: &mut Live, dirty_rate: Rate, working_set: Option<f64>) {
    let load = Load { cpu: Share(0.0), dirty_rate, working_set: working_set.map(Share) };
    live.change("all", VmChange::Stress(load));
    live.wait("it has its load", quiet);
    let now = live.now();
    assert_eq!(now.operations.last().map(|op| op.failed), Some(0), "{}", shown(&now));
}

/// Lets it move to a host, slowly.
fn moves(live: &Live, to: usize) {
    let which = Which::Selected(Selection::vms("all").expect("a selection"));
    let hosts = Selection::hosts(&format!("name:{}", HOSTS[to])).expect("a selection");
    let options = MigrationOptions { bandwidth: Some(LINK), ..MigrationOptions::default() };
    let moves = Moves::To { which, hosts };
    live.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options, rescue: None })));
}

/// Moves it to a host; what QEMU said last in each pass of its dirty rate, in bytes per second.
fn rates_of_a_move(lab: &Lab, live: &mut Live, to: usize) -> BTreeMap<u64, f64> {
    moves(live, to);
    let mut rates = BTreeMap::new();
    wait_until("it has moved", || {
        let asked = lab.try_virsh(1 - to, &["qemu-monitor-command", "loaded", r#"{"execute":"query-migrate"}"#]);
        let told: Value = asked.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let ram = &told["return"]["ram"];
        // While its last pages go, it stands still and dirties none.
        let counts = told["return"]["status"] == "active";
        if counts
            && let (Some(pass), Some(pages)) = (ram["dirty-sync-count"].as_u64(), ram["dirty-pages-rate"].as_f64())
        {
            rates.insert(pass, pages * PAGE);
        }
        let now = live.now();
        quiet(&now) && now.operations.last().is_some_and(|op| op.done == 1)
    });
    assert_eq!(lab.domains(to), ["loaded"]);
    rates
}

/// The rate that was asked for is what QEMU sees from the second pass on.
fn is_seen(rates: &BTreeMap<u64, f64>, asked: f64) {
    let shown: Vec<String> = rates.iter().map(|(pass, rate)| format!("pass {pass}: {:.2} MB/s", rate / 1e6)).collect();
    let later: Vec<f64> = rates.iter().filter(|(pass, _)| **pass >= 2).map(|(_, rate)| *rate).collect();
    assert!(later.len() >= 2, "{asked}: {shown:?}");
    assert!(later.iter().all(|rate| (rate / asked - 1.0).abs() <= OFF), "{asked}: {shown:?}");
}

#[test]
#[ignore = "takes long; tests/run --long"]
fn qemu_sees_the_dirty_rate_that_was_asked_for() {
    let Some(lab) = Lab::take() else { return };
    // Room for a working set that a whole first pass does not go through: QEMU counts a page once a pass.
    let mut live = one_guest(&lab, Bytes::mib(256));
    for (to, asked) in [(1, 6e6), (0, 4e6)] {
        stress(&mut live, Rate(asked), Some(0.45));
        let rates = rates_of_a_move(&lab, &mut live, to);
        live.say(&format!("asked for {asked}: {rates:?}"));
        is_seen(&rates, asked);
    }
    assert_eq!(found(&live.now().fleet), BTreeMap::new());
    live.change("all", VmChange::Destroy);
    live.wait("nothing is left", |now| quiet(now) && now.fleet.vms.is_empty());
}

#[test]
#[ignore = "takes long; tests/run --long"]
fn a_move_of_a_large_guest_is_foreseen_by_a_sample_of_its_pages() {
    let Some(lab) = Lab::take() else { return };
    let mut live = one_guest(&lab, Bytes::mib(1024));
    // A load that nobody here knows of.
    lab.in_guest(0, "loaded", "hemera-load --dirty 60MB/s --working-set 192MiB");
    lab.in_guest(0, "loaded", "sleep 5; echo filled > /dev/ttyS0");
    wait_until("it has gone through it", || lab.said(0, "loaded").contains("filled"));
    moves(&live, 1);
    let vm = live.vm("loaded");
    live.wait("it is foreseen not to converge", |now| {
        now.fleet.diagnosis(vm).is_some_and(|found| found.text.contains("estimated in its first pass"))
    });
    let found = live.now().fleet.diagnosis(vm).expect("a finding").clone();
    assert_eq!(&*found.evidence[0], "what it dirties was sampled by its hypervisor when the move began", "{found:?}");
    let op = live.now().operations.last().expect("a move").id;
    live.command(Command::CancelOperation(op));
    live.wait("the move has ended", quiet);
    assert_eq!(lab.domains(0), ["loaded"]);
    live.change("all", VmChange::Destroy);
    live.wait("nothing is left", |now| quiet(now) && now.fleet.vms.is_empty());
}

#[test]
#[ignore = "takes long; tests/run --long"]
fn a_load_that_is_not_what_was_asked_is_told() {
    let Some(lab) = Lab::take() else { return };
    let mut live = one_guest(&lab, Bytes::mib(96));
    let load_off = BTreeMap::from([("loaded".to_owned(), Finding::LoadOff.word())]);

    // More than its guest has: what can be had is taken, and the guest lives.
    stress(&mut live, Rate(20e6), Some(0.9));
    live.wait("its working set is too large", |now| found(&now.fleet) == load_off);
    let vm = live.vm("loaded");
    let text = live.now().fleet.diagnosis(vm).expect("a finding").text.clone();
    assert!(text.starts_with("its working set is ") && text.contains(", not 86 MiB: "), "{text}");
    let passes = || lab.said(0, "loaded").contains("twice");
    lab.in_guest(
        0,
        "loaded",
        "until hemera-load ctl /run/hemera-load report | grep -q passes.:[2-9]; do sleep 1; done; echo twice > /dev/ttyS0",
    );
    wait_until("it went through its working set twice", passes);
    assert!(!lab.said(0, "loaded").contains("Out of memory"), "{}", lab.said(0, "loaded"));

    // Less fits, and ends the finding; so does what it has room for, where nobody names a working set.
    stress(&mut live, Rate(1e6), Some(0.1));
    live.wait("it bears its load", |now| found(&now.fleet).is_empty());
    stress(&mut live, Rate(1e6), None);
    let dirties = |now: &Snapshot| now.fleet.vms.rows().all(|(_, row)| (800..1200).contains(&row.dirty));
    live.wait("what it dirties is shown", |now| dirties(now) && found(&now.fleet).is_empty());

    // Who comes later sees the load of those who were here before.
    drop(live);
    let mut live = Live::open(&lab.world());
    let stressed = |now: &Snapshot| now.fleet.vms.rows().any(|(_, row)| row.stressed);
    live.wait("its load is seen", |now| stressed(now) && dirties(now));
    let vm = live.vm("loaded");

    // The tool goes away, here and on another host.
    lab.in_guest(0, "loaded", "killall -KILL hemera-load");
    live.wait("its tool is gone", |now| found(&now.fleet) == load_off);
    let text = live.now().fleet.diagnosis(vm).expect("a finding").text.clone();
    assert_eq!(&*text, "it bears no load any more: the load tool in it is gone");
    stress(&mut live, Rate(0.0), Some(0.1));
    live.wait("it bears its load again", |now| found(&now.fleet).is_empty());
    rates_of_a_move(&lab, &mut live, 1);
    // And ended by its kernel, as when a guest runs out of memory.
    lab.in_guest(1, "loaded", "echo 900 > /proc/$(pidof hemera-load)/oom_score_adj; echo f > /proc/sysrq-trigger");
    live.wait("its kernel ended its tool", |now| found(&now.fleet) == load_off);
    let text = live.now().fleet.diagnosis(vm).expect("a finding").text.clone();
    assert_eq!(&*text, "it bears no load any more: its kernel ended the load tool for want of memory");
    live.change("all", VmChange::StopStress);
    live.wait("no load is asked for", |now| quiet(now) && found(&now.fleet).is_empty());
    live.change("all", VmChange::Destroy);
    live.wait("nothing is left", |now| quiet(now) && now.fleet.vms.is_empty());
}
