//! The simulator, driven with requests from outside.

#[path = "simulator/rig.rs"]
mod rig;

use std::time::Duration;

use hemera::fleet::{Bytes, HostId, Load, MigrationFigures, MigrationOptions, Rate, Share, Time, VmId};
use hemera::platform::sim::{BootConfig, SimConfig};
use hemera::platform::{Change, End, Observation, Platform, Progress, Virtual, VmKey};
use rig::{Hosts, Rig, class, instant_boots, load, running, star, two_sites};

/// What moves: memory, dirty rate, source, target.
type Move = (u64, f64, u32, u32);

/// Boots the VMs, sets their loads and moves all of them at one instant; their figures in order.
fn move_all(hosts: u32, moves: &[Move], config: SimConfig) -> Vec<MigrationFigures> {
    let mut rig = Rig::new(star(hosts, Hosts::default()), config);
    for (vm, &(memory, _, source, _)) in (0..).zip(moves) {
        rig.boot(vm, source, &class(memory, 1));
    }
    rig.until(0.0);
    for (vm, &(_, dirty, source, _)) in (0..).zip(moves) {
        rig.change(vm, source, Change::Load(Some(load(dirty, 0.9))));
    }
    let tasks: Vec<_> = (0..).zip(moves).map(|(vm, &(_, _, source, target))| rig.migrate(vm, source, target)).collect();
    rig.run();
    let ends = rig.ends();
    tasks
        .iter()
        .map(|task| {
            let (_, end, figures) = &ends[task];
            assert_eq!(*end, End::Done);
            figures.expect("a migration has figures")
        })
        .collect()
}

fn assert_totals(figures: &[MigrationFigures], want: &[f64]) {
    for (figures, &want) in figures.iter().zip(want) {
        let total = figures.total.as_secs_f64();
        assert!((total - want).abs() < 0.001, "{total} s where {want} s was expected");
        assert!(figures.downtime <= Duration::from_millis(30), "{figures:?}");
    }
}

fn circle(hosts: u32, per_host: u32, dirty: f64) -> Vec<Move> {
    (0..hosts * per_host).map(|i| (1_000_000_000, dirty, i % hosts, (i + 1) % hosts)).collect()
}

#[test]
fn worked_figures_of_simgrid() {
    let idle = move_all(4, &circle(4, 1, 0.0), instant_boots());
    assert_totals(&idle, &[8.0; 4]);
    assert_eq!(idle[0].rounds, 2);
    assert_eq!(idle[0].transferred, Bytes(1_000_000_000));
    assert_totals(&move_all(16, &circle(16, 4, 12.5e6), instant_boots()), &[53.319; 64]);
    assert_totals(&move_all(128, &circle(128, 8, 12.5e6), instant_boots()), &[319.896; 1024]);
    let asymmetric = [
        (1_000_000_000, 12.5e6, 0, 1),
        (2_000_000_000, 5e6, 0, 1),
        (1_000_000_000, 0.0, 2, 1),
        (500_000_000, 30e6, 3, 0),
    ];
    assert_totals(&move_all(4, &asymmetric, instant_boots()), &[29.998, 36.457, 24.000, 5.259]);
}

const GB: u64 = 1_000_000_000;

fn seconds(at: Time) -> f64 {
    at.as_secs_f64()
}

#[track_caller]
fn assert_near(have: f64, want: f64) {
    assert!((have - want).abs() <= 1e-6 * want.abs().max(1.0), "{have} where {want} was expected");
}

#[test]
fn hosts_say_that_they_are_there_once() {
    let mut rig = Rig::new(star(3, Hosts::default()), SimConfig::default());
    rig.sim.collect(&mut rig.batches);
    let hosts: Vec<_> = rig.batches.iter().map(|b| (b.at, b.host, b.seen.len())).collect();
    assert_eq!(hosts, [0, 1, 2].map(|h| (Time::ZERO, Some(HostId(h)), 1)));
    rig.until(1.0);
    assert_eq!(rig.batches.len(), 3);
}

/// Four boots read at a quarter of the disk each, then share two cores.
#[test]
fn boots_share_disk_and_cores() {
    let boot = BootConfig { cpu: Duration::from_secs(4), read: Bytes(100_000_000) };
    let hosts = Hosts { cores: 2, disk: 100e6, ..Hosts::default() };
    let mut rig = Rig::new(star(2, hosts), SimConfig { boot, ..SimConfig::default() });
    let class = class(GB, 1);
    let crowd: Vec<_> = (0..4).map(|vm| rig.boot(vm, 0, &class)).collect();
    let alone = rig.boot(4, 1, &class);
    rig.run();
    assert_near(seconds(rig.end(alone).0), 1.0 + 4.0);
    for task in crowd {
        assert_near(seconds(rig.end(task).0), 4.0 + 8.0);
    }
}

/// A boot that comes later slows the first one down only while both read.
#[test]
fn a_later_boot_takes_its_share_from_then_on() {
    let boot = BootConfig { cpu: Duration::ZERO, read: Bytes(100_000_000) };
    let hosts = Hosts { disk: 100e6, ..Hosts::default() };
    let mut rig = Rig::new(star(1, hosts), SimConfig { boot, ..SimConfig::default() });
    let class = class(GB, 1);
    let first = rig.boot(0, 0, &class);
    rig.until(0.5);
    let second = rig.boot(1, 0, &class);
    rig.run();
    assert_near(seconds(rig.end(first).0), 1.5);
    assert_near(seconds(rig.end(second).0), 2.0);
}

#[test]
fn a_guest_dirties_in_proportion_to_the_cpu_it_gets() {
    let hosts = Hosts { cores: 1, ..Hosts::default() };
    let mut rig = Rig::new(star(2, hosts), instant_boots());
    for vm in 0..4 {
        rig.boot(vm, 0, &class(GB, 1));
    }
    rig.boot(4, 1, &class(GB, 1));
    rig.until(0.0);
    for vm in 0..4 {
        rig.change(vm, 0, Change::Load(Some(load(40e6, 0.9))));
    }
    // Coming from the target it makes that host the first whose shares are computed again.
    rig.migrate(4, 1, 0);
    let task = rig.migrate(0, 0, 1);
    rig.run();
    let (_, end, figures) = rig.end(task);
    let figures = figures.unwrap();
    assert_eq!(end, End::Done);
    assert_near(figures.dirty_rate.0, 10e6);
    // 8 s, then each round 10/125 of the one before.
    assert!((figures.total.as_secs_f64() - 8.0 / (1.0 - 0.08)).abs() < 0.01, "{figures:?}");
}

#[test]
fn one_that_does_not_converge_goes_on_until_it_is_cancelled_and_stays() {
    let mut rig = Rig::new(star(2, Hosts::default()), instant_boots());
    rig.boot(0, 0, &class(GB, 1));
    rig.until(0.0);
    rig.change(0, 0, Change::Load(Some(load(200e6, 0.9))));
    let task = rig.migrate(0, 0, 1);
    rig.until(100.0);
    let Progress::Migration(progress) = rig.probe(task) else { panic!("a migration's progress") };
    assert_eq!(progress.round_size, Bytes(900_000_000));
    assert_near(progress.rate.0, 125e6);
    assert!(rig.ends().keys().all(|&t| t != task));
    rig.cancel(task);
    rig.until(100.0);
    let (at, end, figures) = rig.end(task);
    assert_eq!((at, end), (Time::from_secs_f64(100.0), End::Cancelled));
    let figures = figures.unwrap();
    assert_eq!(figures.downtime, Duration::ZERO);
    assert_near(figures.transferred.0 as f64, 12.5e9);
    let again = rig.migrate(0, 1, 0);
    rig.until(100.0);
    assert!(matches!(rig.end(again).1, End::Failed(_)), "it is not on the target");
    let gone = rig.change(0, 0, Change::Destroy);
    rig.until(100.0);
    assert_eq!(rig.end(gone).1, End::Done);
    assert_eq!(rig.sim.next_at(), None);
}

#[test]
fn a_limit_of_rounds_stops_the_guest() {
    let mut config = instant_boots();
    config.migration.max_rounds = 3;
    let figures = move_all(2, &[(GB, 200e6, 0, 1)], config);
    assert_eq!(figures[0].rounds, 4);
    assert_near(figures[0].downtime.as_secs_f64(), 7.2);
    assert_near(figures[0].total.as_secs_f64(), 8.0 + 3.0 * 7.2);
}

/// Rounds shrink for ever where no downtime is allowed, down to nanoseconds; they have to end all the same.
#[test]
fn without_any_allowed_downtime_the_rounds_end_at_a_page() {
    let hosts = Hosts { nic: 20e9, ..Hosts::default() };
    let mut rig = Rig::new(star(2, hosts), instant_boots());
    rig.boot(0, 0, &class(GB, 1));
    rig.until(0.0);
    rig.change(0, 0, Change::Load(Some(load(15e9, 0.9))));
    let options = MigrationOptions { max_downtime: Some(Duration::ZERO), ..MigrationOptions::default() };
    let task = rig.migrate_with(0, 0, 1, options);
    rig.until(10.0);
    let figures = rig.end(task).2.unwrap();
    assert_near(figures.total.as_secs_f64(), 0.05 / 0.25);
    assert!(figures.downtime < Duration::from_micros(1), "{figures:?}");
}

#[test]
fn bandwidth_efficiency_setup_and_latency_count() {
    let mut config = instant_boots();
    config.migration.setup = Duration::from_secs(1);
    config.migration.efficiency = Share(0.8);
    let topology = two_sites(2, Hosts::default(), Rate(100e6), Duration::from_millis(250));
    let mut rig = Rig::new(topology, config);
    for vm in 0..3 {
        rig.boot(vm, 0, &class(GB, 1));
    }
    rig.until(0.0);
    let near =
        rig.migrate_with(0, 0, 1, MigrationOptions { bandwidth: Some(Rate(25e6)), ..MigrationOptions::default() });
    let far = rig.migrate(1, 0, 2);
    rig.run();
    assert_near(rig.end(near).2.unwrap().total.as_secs_f64(), 1.0 + 1e9 / 20e6);
    // What the other one leaves of the NIC is what the link between the sites carries.
    assert_near(rig.end(far).2.unwrap().total.as_secs_f64(), 1.25 + 1e9 / 80e6);
}

#[test]
fn a_paused_guest_neither_uses_cpu_nor_dirties_and_stays_paused() {
    let mut rig = Rig::new(star(2, Hosts { cores: 4, ..Hosts::default() }), instant_boots());
    rig.boot(0, 0, &class(GB, 2));
    rig.until(0.0);
    rig.change(0, 0, Change::Load(Some(Load { cpu: Share(0.5), ..load(50e6, 0.9) })));
    rig.sample();
    let seen = |rig: &Rig| {
        let loads = rig.batches.iter().rev().flat_map(|b| &b.seen).find_map(|seen| match seen {
            Observation::VmLoad { vm: VmKey::Id(VmId(0)), cpu, dirty, .. } => Some((*cpu, dirty.0)),
            _ => None,
        });
        loads.unwrap()
    };
    assert_eq!(seen(&rig), (1000, 50e6));
    rig.change(0, 0, Change::Pause);
    rig.sample();
    assert_eq!(seen(&rig), (0, 0.0));
    let task = rig.migrate(0, 0, 1);
    rig.run();
    let figures = rig.end(task).2.unwrap();
    assert_eq!((figures.rounds, figures.total), (2, Duration::from_secs(8)));
    rig.sample();
    assert_eq!(seen(&rig), (0, 0.0));
    rig.change(0, 1, Change::Resume);
    rig.sample();
    assert_eq!(seen(&rig), (1000, 50e6));
}

#[test]
fn a_reboot_costs_a_boot_and_a_cancelled_boot_leaves_nothing() {
    let boot = BootConfig { cpu: Duration::from_secs(3), read: Bytes(100_000_000) };
    let hosts = Hosts { disk: 100e6, ..Hosts::default() };
    let mut rig = Rig::new(star(1, hosts), SimConfig { boot, ..SimConfig::default() });
    rig.boot(0, 0, &class(GB, 1));
    rig.run();
    let reboot = rig.change(0, 0, Change::Reboot);
    rig.run();
    assert_near(seconds(rig.end(reboot).0), 8.0);
    let cancelled = rig.boot(1, 0, &class(GB, 1));
    rig.until(10.0);
    rig.cancel(cancelled);
    rig.cancel(reboot);
    rig.until(10.0);
    assert_eq!(rig.end(cancelled).1, End::Cancelled);
    let none = rig.change(1, 0, Change::Destroy);
    rig.until(10.0);
    assert!(matches!(rig.end(none).1, End::Failed(_)));
    rig.boot(1, 0, &class(GB, 1));
    assert_near(seconds(rig.run()), 14.0);
}

/// Whoever sees a VM stop sets its load to nothing: it has to be told again though it is the same as before.
#[test]
fn what_a_guest_uses_is_told_again_after_it_stood_still_between_two_samples() {
    let mut rig = Rig::new(star(1, Hosts::default()), SimConfig::default());
    let told = |rig: &mut Rig| {
        rig.batches.clear();
        rig.sample();
        let of_vm = |seen: &Observation| match seen {
            Observation::VmLoad { vm: VmKey::Id(VmId(0)), cpu, .. } => Some(*cpu),
            _ => None,
        };
        rig.batches.iter().flat_map(|b| &b.seen).filter_map(of_vm).collect::<Vec<_>>()
    };
    rig.boot(0, 0, &class(GB, 1));
    rig.run();
    let stress = Change::Load(Some(Load { cpu: Share(0.5), ..load(50e6, 0.9) }));
    rig.change(0, 0, stress);
    assert_eq!(told(&mut rig), [500]);
    assert!(told(&mut rig).is_empty(), "nothing changed");
    rig.change(0, 0, Change::Pause);
    rig.change(0, 0, Change::Resume);
    assert_eq!(told(&mut rig), [500]);
    rig.change(0, 0, Change::Reboot);
    rig.run();
    assert_eq!(told(&mut rig), [0], "a stress does not outlive the guest that bore it");
    rig.change(0, 0, stress);
    assert_eq!(told(&mut rig), [500]);
}

#[test]
fn vms_that_ran_before_can_be_moved_and_their_traffic_shows() {
    let topology = star(2, Hosts::default());
    let mut rig = Rig::new(topology.clone(), instant_boots());
    rig.sim.place(&running(&topology, 2));
    let task = rig.migrate(0, 0, 1);
    rig.until(1.0);
    let net = |rig: &mut Rig, host| {
        rig.sample();
        let of_host = rig.batches.iter().rev().filter(|b| b.host == Some(HostId(host))).flat_map(|b| &b.seen);
        let mut loads = of_host.filter_map(|seen| match seen {
            Observation::HostLoad { net_rx, net_tx, .. } => Some((net_rx.0, net_tx.0)),
            _ => None,
        });
        loads.next().expect("the host's load was told")
    };
    assert_eq!(net(&mut rig, 0), (0.0, 125e6));
    assert_eq!(net(&mut rig, 1), (125e6, 0.0));
    rig.run();
    assert_near(rig.end(task).2.unwrap().total.as_secs_f64(), f64::from(1 << 30) / 125e6);
    assert_eq!((net(&mut rig, 0), net(&mut rig, 1)), ((0.0, 0.0), (0.0, 0.0)));
    let told = rig.batches.len();
    rig.sample();
    assert_eq!(rig.batches.len(), told, "nothing changed since");
}
