//! The simulator, driven with requests from outside.

#[path = "simulator/rig.rs"]
mod rig;

use std::time::Duration;

use hemera::fleet::{Bytes, MigrationFigures};
use hemera::platform::sim::{BootConfig, MigrationConfig, SimConfig};
use hemera::platform::{Change, End};
use rig::{Hosts, Rig, class, load, star};

/// Boots take no time, the last round takes at most 30 ms: SimGrid's defaults.
fn instant_boots() -> SimConfig {
    SimConfig {
        boot: BootConfig { cpu: Duration::ZERO, read: Bytes(0) },
        migration: MigrationConfig { max_downtime: Duration::from_millis(30), ..MigrationConfig::default() },
        ..SimConfig::default()
    }
}

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
