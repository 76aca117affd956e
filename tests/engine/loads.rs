//! What VMs bear, as far as it is seen: it counts for more than what was asked of them.

use std::time::Duration;

use hemera::doctor::{LoadSeen, Sign, Teller};
use hemera::fleet::{
    Bytes, Finding, Load, MigrationOptions, MigrationProgress, Rate, Selection, Share, TaskId, VmId, VmState,
};
use hemera::handle::{Command, Limits, Migrate, Moves, OperationSpec, VmChange, Which};
use hemera::platform::{End, Observation, Progress, VmKey, VmSeen};

use super::{Bench, booted, operations};

fn sees(bench: &mut Bench, vm: VmId, seen: LoadSeen) {
    bench.see(None, vec![Observation::Sign { vm: VmKey::Id(vm), sign: Sign::Load(seen) }]);
}

fn changes(bench: &mut Bench, change: VmChange) {
    bench.command(Command::Start(OperationSpec::Change { which: Which::Selected(Selection::all()), change }));
    bench.finish();
}

fn stress(dirty_rate: f64) -> VmChange {
    VmChange::Stress(Load { cpu: Share(0.5), dirty_rate: Rate(dirty_rate), working_set: Some(Share(0.5)) })
}

/// A VM with a load of so many bytes a second, of whose load that is seen, in the first pass of a move at 10 MB/s: what
/// is found of it, with the evidence.
fn in_its_first_pass(asked: f64, seen: Option<LoadSeen>) -> (Finding, String) {
    let mut bench = booted(1, Limits::default());
    let (&vm, _) = bench.world.vms.first_key_value().unwrap();
    if asked > 0.0 {
        changes(&mut bench, stress(asked));
    }
    let (which, hosts) = (Which::Selected(Selection::all()), Selection::hosts("nantes-1").unwrap());
    let (moves, options) = (Moves::To { which, hosts }, MigrationOptions::default());
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options, rescue: None })));
    let task = *bench.world.running.keys().next().expect("a move");
    if let Some(seen) = seen {
        sees(&mut bench, vm, seen);
    }
    for second in 1..=6_u64 {
        bench.pass(Duration::from_secs(1));
        let (size, sent) = (Bytes::mib(64), Bytes(second * 10_000_000));
        let progress = MigrationProgress {
            round: 1,
            round_size: size,
            remaining: Bytes(size.0 - sent.0),
            transferred: sent,
            rate: Rate(10e6),
            ..MigrationProgress::default()
        };
        bench.see(None, vec![Observation::Progress { task, progress: Progress::Migration(progress) }]);
    }
    let fleet = bench.engine.fleet();
    let found = fleet.diagnosis(vm);
    (fleet.vms.row(vm).finding, found.map_or(String::new(), |found| found.evidence[0].to_string()))
}

#[test]
fn a_move_is_foreseen_by_what_its_vm_is_seen_to_dirty() {
    let found = |evidence: &str| (Finding::NonConverging, evidence.to_owned());
    let dirties = |rate, teller| Some(LoadSeen::Dirties(Rate(rate), teller));
    assert_eq!(in_its_first_pass(40e6, None), found("what it dirties is what its load was set to"));
    let tool = "what it dirties is what the load tool in it says";
    assert_eq!(in_its_first_pass(1e6, dirties(40e6, Teller::Tool)), found(tool));
    assert_eq!(in_its_first_pass(40e6, dirties(1e6, Teller::Tool)).0, Finding::None, "it cannot do what was asked");
    let sample = "what it dirties was sampled by its hypervisor when the move began";
    assert_eq!(in_its_first_pass(0.0, dirties(40e6, Teller::Sample)), found(sample));
    assert_eq!(in_its_first_pass(0.0, None).0, Finding::None);
    // A working set that is sent within the pause is the end of it.
    let asked = Bytes::mib(64);
    assert_eq!(in_its_first_pass(40e6, Some(LoadSeen::Short { asked, taken: Bytes(4096) })).0, Finding::LoadOff);
}

#[test]
fn a_load_that_lacks_something_is_a_finding_until_another_is_asked_of_it() {
    let mut bench = booted(1, Limits::default());
    let (&vm, _) = bench.world.vms.first_key_value().unwrap();
    let finding = |bench: &Bench| bench.engine.fleet().vms.row(vm).finding;
    let gone = || LoadSeen::Gone { why: None };
    for change in [stress(1e6), VmChange::StopStress, VmChange::Reboot] {
        changes(&mut bench, stress(1e6));
        sees(&mut bench, vm, gone());
        assert_eq!(finding(&bench), Finding::LoadOff);
        assert!(bench.engine.fleet().vms.row(vm).stressed, "it was asked of it");
        changes(&mut bench, change);
        assert_eq!(finding(&bench), Finding::None, "{change:?}");
    }
    assert!(!bench.engine.fleet().vms.row(vm).stressed, "a reboot ends what runs in a guest");
}

#[test]
fn a_load_that_an_earlier_run_left_is_shown_and_can_be_ended() {
    let mut bench = booted(1, Limits::default());
    let (&vm, _) = bench.world.vms.first_key_value().unwrap();
    let load = Load { cpu: Share(0.5), dirty_rate: Rate(1e6), working_set: None };
    sees(&mut bench, vm, LoadSeen::Found(load));
    assert!(bench.engine.fleet().vms.row(vm).stressed);
    changes(&mut bench, VmChange::StopStress);
    assert!(!bench.engine.fleet().vms.row(vm).stressed);
    // Also of one that answers and was not looked at yet.
    let (host, memory) = (bench.world.vms[&vm].0, Bytes::mib(256));
    let seen = VmSeen {
        vm: VmKey::Id(vm),
        state: VmState::Reachable,
        managed: true,
        class: None,
        vcpus: 1,
        memory,
        reason: None,
    };
    bench.see(Some(host), vec![Observation::Vm(seen)]);
    let before = operations(&bench).len();
    bench.command(Command::Start(OperationSpec::Change {
        which: Which::Selected(Selection::all()),
        change: VmChange::StopStress,
    }));
    let task = *bench.world.running.keys().next().expect("a task");
    bench.end(TaskId(task.0), End::Done);
    assert_eq!(operations(&bench)[before].done, 1);
}
