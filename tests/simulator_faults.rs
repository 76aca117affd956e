//! The simulator under load and faults, driven with requests from outside.

#[path = "simulator/rig.rs"]
mod rig;

use std::time::Duration;

use hemera::fleet::{HostId, Load, PowerAction, Rate, Share, TaskId, Time};
use hemera::platform::sim::{FaultConfig, LoadConfig, PerHour, SimConfig, SimPlatform};
use hemera::platform::{Batch, Change, End, Observation, Platform, Progress, Virtual, VmKey};
use proptest::prelude::*;
use rig::{Hosts, Rig, class, instant_boots, running, star, two_sites};

const GB: u64 = 1_000_000_000;

#[test]
fn work_only_grows_and_stops_where_a_guest_is_stuck() {
    let faults = FaultConfig { stuck_guest: Share(1.0), ..FaultConfig::default() };
    let mut rig = Rig::new(star(1, Hosts::default()), SimConfig { faults, ..SimConfig::default() });
    let task = rig.boot(0, 0, &class(GB, 1));
    let mut before = -1.0;
    for tenth in 0..60 {
        rig.until(f64::from(tenth) / 10.0);
        let Progress::Work(work) = rig.probe(task) else { panic!("a boot's progress") };
        assert!(work > before || (work == before && work == 1.5), "{work} after {before}");
        before = work;
    }
    assert_eq!(before, 1.5);
    assert_eq!(rig.sim.next_at(), None);
    rig.cancel(task);
    rig.until(6.0);
    assert_eq!(rig.end(task).1, End::Cancelled);
}

#[test]
fn a_crash_ends_what_its_host_had_and_spares_vms_that_were_on_their_way_to_it() {
    let faults = FaultConfig {
        host_crash: PerHour(30.0),
        host_downtime: Some(Duration::from_secs(40)),
        ..FaultConfig::default()
    };
    let (mut as_source, mut as_target) = (0, 0);
    for seed in 0..20 {
        let mut rig =
            Rig::new(star(2, Hosts { nic: 1e6, ..Hosts::default() }), SimConfig { seed, faults, ..instant_boots() });
        rig.boot(0, 0, &class(GB, 1));
        rig.until(0.0);
        let task = rig.migrate(0, 0, 1);
        rig.until(1100.0);
        let (at, end, _) = rig.end(task);
        let End::Failed(reason) = end else { continue };
        assert!(reason.starts_with("its "), "{reason}");
        let down = |b: &&Batch| b.at == at && matches!(b.seen[0], Observation::HostUnreachable { .. });
        let crashed = rig.batches.iter().find(down).expect("the crash is told").host;
        let back = Time::from_secs_f64(at.as_secs_f64() + 40.0);
        let home = rig.batches.iter().find(|b| b.at == back && b.host == crashed).expect("it comes back");
        assert!(home.seen.contains(&Observation::Inventory(Vec::new())));
        if crashed == Some(HostId(0)) { as_source += 1 } else { as_target += 1 }
    }
    assert!(as_source > 0 && as_target > 0, "{as_source} {as_target}");
}

#[test]
fn hosts_that_are_switched_off_lose_their_vms_and_start_when_they_are_switched_on() {
    let mut rig = Rig::new(star(2, Hosts::default()), instant_boots());
    rig.boot(0, 0, &class(GB, 1));
    rig.boot(1, 1, &class(GB, 1));
    rig.until(1.0);
    let answered = |rig: &Rig, host: u32, from: f64| {
        let since = Time::from_secs_f64(from);
        let told = rig.batches.iter().filter(|batch| batch.at > since && batch.host == Some(HostId(host)));
        let empty = |batch: &Batch| batch.seen.contains(&Observation::Inventory(Vec::new()));
        let at: Vec<f64> = told.filter(|batch| empty(batch)).map(|batch| batch.at.as_secs_f64()).collect();
        at
    };
    let off = rig.power(0, PowerAction::Off);
    let again = rig.power(0, PowerAction::RestartLibvirtd);
    rig.until(10_000.0);
    assert_eq!(rig.end(off).1, End::Done);
    assert!(matches!(rig.end(again).1, End::Failed(why) if why.contains("does not answer")));
    assert_eq!(answered(&rig, 0, 1.0), [0.0; 0], "nobody brings it back");
    let on = rig.power(0, PowerAction::On);
    let reboot = rig.power(1, PowerAction::Reboot);
    rig.until(20_000.0);
    assert_eq!((rig.end(on).1, rig.end(reboot).1), (End::Done, End::Done));
    assert_eq!((answered(&rig, 0, 1.0), answered(&rig, 1, 1.0)), (vec![10_120.0], vec![10_120.0]));
    let booted = rig.boot(2, 0, &class(GB, 1));
    rig.run();
    assert_eq!(rig.end(booted).1, End::Done);
}

#[test]
fn a_cut_link_holds_its_flows_up_until_it_is_back() {
    let faults =
        FaultConfig { link_cut: PerHour(3.6), link_downtime: Some(Duration::from_secs(500)), ..FaultConfig::default() };
    let topology = two_sites(1, Hosts::default(), Rate(1e6), Duration::ZERO);
    let mut rig = Rig::new(topology, SimConfig { seed: 1, faults, ..instant_boots() });
    rig.boot(0, 0, &class(GB, 1));
    rig.until(0.0);
    let task = rig.migrate(0, 0, 1);
    let mut held = 0;
    for second in 1..20_000 {
        rig.until(f64::from(second));
        if rig.ends().contains_key(&task) {
            break;
        }
        if let Progress::Migration(progress) = rig.probe(task) {
            held += u32::from(progress.rate.0 == 0.0);
        }
    }
    let total = rig.end(task).2.unwrap().total.as_secs_f64();
    assert!(held > 100, "the link was never cut");
    assert!((total - 1000.0 - f64::from(held)).abs() < 3.0, "{total} s with {held} s without a link");
}

#[test]
fn shares_of_boots_and_migrations_fail_as_configured() {
    let faults = FaultConfig { boot_failure: Share(0.2), migration_failure: Share(0.2), ..FaultConfig::default() };
    let mut rig = Rig::new(star(50, Hosts::default()), SimConfig { faults, ..SimConfig::default() });
    let boots: Vec<_> = (0..1000).map(|vm| rig.boot(vm, vm % 50, &class(GB, 1))).collect();
    rig.run();
    let ends = rig.ends();
    let failed = boots.iter().filter(|t| matches!(ends[t].1, End::Failed(_))).count();
    assert!((140..260).contains(&failed), "{failed} of 1000");
    let moves: Vec<_> = (0..1000).map(|vm| rig.migrate(vm, vm % 50, (vm + 1) % 50)).collect();
    rig.run();
    let ends = rig.ends();
    let broken = moves.iter().filter(|t| ends[t].2.is_some() && matches!(ends[t].1, End::Failed(_))).count();
    assert!((100..240).contains(&broken), "{broken} of {}", 1000 - failed);
}

#[test]
fn loads_are_told_where_they_changed_and_never_exceed_the_cores() {
    let load = LoadConfig {
        mean: Share(0.6),
        deviation: Share(0.2),
        period: Duration::from_secs(10),
        steps: 10,
        dirty_rate: Rate(1e6),
    };
    let topology = star(20, Hosts { cores: 8, ..Hosts::default() });
    let mut sim = SimPlatform::new(topology.clone(), SimConfig { load: Some(load), ..SimConfig::default() });
    sim.place(&running(&topology, 14));
    let mut cpu = vec![0; 280];
    let (mut over, mut told) = (0, 0);
    for tenth in 0..300 {
        sim.advance(Time::from_secs_f64(f64::from(tenth) / 10.0));
        sim.sample();
        let mut batches = Vec::new();
        sim.collect(&mut batches);
        for batch in batches {
            let mut used = None;
            for seen in batch.seen {
                match seen {
                    Observation::HostLoad { cpu_used, cpu_demand, .. } => {
                        assert!(cpu_used <= 8000 && cpu_used <= cpu_demand);
                        over += u32::from(cpu_demand > 8000);
                        used = Some(cpu_used);
                    }
                    Observation::VmLoad { vm: VmKey::Id(vm), cpu: now, .. } => {
                        cpu[vm.index()] = now;
                        told += 1;
                    }
                    _ => {}
                }
            }
            if let (Some(used), Some(host)) = (used, batch.host) {
                let sum: u32 = (0..14).map(|i| cpu[host.index() + i * 20]).sum();
                assert!(sum.abs_diff(used) <= 14, "VMs get {sum} of {used}");
            }
        }
    }
    assert!(over > 0, "some host is over");
    assert!(told < 280 * 300 / 4, "{told} loads told");
}

/// A random schedule on a faulty world; what came out of it.
fn schedule(seed: u64, steps: &[(u8, u32, u32, u32)]) -> Vec<Batch> {
    let faults = FaultConfig {
        boot_failure: Share(0.1),
        migration_failure: Share(0.1),
        stuck_guest: Share(0.1),
        host_crash: PerHour(20.0),
        host_downtime: Some(Duration::from_secs(20)),
        link_cut: PerHour(60.0),
        link_downtime: Some(Duration::from_secs(10)),
        slow_host: Share(0.3),
        slow_factor: Share(0.5),
        ..FaultConfig::default()
    };
    let load = LoadConfig {
        mean: Share(0.5),
        deviation: Share(0.3),
        period: Duration::from_secs(5),
        steps: 10,
        dirty_rate: Rate(20e6),
    };
    let hosts = Hosts { cores: 2, ..Hosts::default() };
    let topology = two_sites(3, hosts, Rate(60e6), Duration::from_millis(10));
    let mut rig = Rig::new(topology, SimConfig { seed, load: Some(load), faults, ..SimConfig::default() });
    let small = class(GB / 10, 1);
    let mut asked = 0;
    let mut tasks = Vec::new();
    // Where each task leaves its VM if it is done.
    let mut leaves = Vec::new();
    for (i, &(what, vm, anywhere, b)) in (1..).zip(steps) {
        asked += 1;
        let ends = rig.ends();
        let done = |task: &TaskId| ends.get(task).is_some_and(|e| e.1 == End::Done);
        let home = leaves.iter().rev().find(|(task, v, _)| *v == vm && done(task)).map(|&(_, _, host)| host);
        let a = if what < 3 { anywhere } else { home.unwrap_or(anywhere) };
        leaves.push((TaskId(asked), vm, if (3..7).contains(&what) { b } else { a }));
        tasks.push(match what {
            0..=2 => rig.boot(vm, a, &small),
            3..=6 => rig.migrate(vm, a, b),
            7 => rig.change(vm, a, Change::Load(Some(load_of(b)))),
            8 => rig.change(vm, a, [Change::Pause, Change::Resume, Change::Reboot][b as usize % 3]),
            _ => rig.change(vm, a, Change::Destroy),
        });
        if b == 0 {
            rig.cancel(TaskId(vm + 1));
        }
        rig.until(f64::from(i) * 0.7);
        if i % 5 == 0 {
            rig.sample();
        }
    }
    // What hangs, or cannot converge, is ended by whoever asked for it.
    let end = f64::from(asked) * 0.7 + 1000.0;
    rig.until(end);
    for &task in &tasks {
        rig.cancel(task);
    }
    rig.until(end);
    assert_eq!(rig.ends().len(), asked as usize, "every task ends once");
    assert_eq!(rig.ends().keys().copied().collect::<Vec<_>>(), tasks);
    rig.batches
}

fn load_of(n: u32) -> Load {
    Load { cpu: Share(0.8), dirty_rate: Rate(f64::from(n) * 15e6), working_set: Some(Share(0.5)) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn every_task_ends_once_and_the_same_seed_gives_the_same_run(
        seed in 0u64..1000, steps in proptest::collection::vec((0u8..10, 0u32..8, 0u32..6, 0u32..6), 1..120),
    ) {
        let first = schedule(seed, &steps);
        prop_assert!(first.is_sorted_by_key(|b| b.at));
        prop_assert_eq!(first, schedule(seed, &steps));
    }
}
