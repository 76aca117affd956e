//! What the simulator costs: `cargo bench --bench simulator`. Prints one line per case; nothing is asserted.

#[path = "../tests/simulator/rig.rs"]
mod rig;

use std::time::{Duration, Instant};

use hemera::fleet::{Bytes, Rate, Share, Time};
use hemera::platform::sim::{LoadConfig, SimConfig, SimPlatform};
use hemera::platform::{Change, Platform, Virtual};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rig::{Hosts, Rig, class, load, running, star};

fn moves(count: u32, hosts: u32, dirty: &[f64]) {
    let mut rig = Rig::new(star(hosts, Hosts::default()), SimConfig::default());
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut below = |n: u32| rng.next_u32() % n;
    let class = class(1_000_000_000, 1);
    let plan: Vec<_> = (0..count)
        .map(|vm| {
            let source = below(hosts);
            let rate = dirty[below(dirty.len() as u32) as usize];
            (vm, rate, source, (source + 1 + below(hosts - 1)) % hosts)
        })
        .collect();
    for &(vm, _, source, _) in &plan {
        rig.boot(vm, source, &class);
    }
    rig.run();
    for &(vm, rate, source, _) in &plan {
        rig.change(vm, source, Change::Load(Some(load(rate, 0.9))));
    }
    let begun = Instant::now();
    for &(vm, _, source, target) in &plan {
        rig.migrate(vm, source, target);
    }
    let end = rig.run();
    println!("{count} moves among {hosts} hosts: {:?} for {end} s", begun.elapsed());
}

fn boots(count: u32, hosts: u32) {
    let begun = Instant::now();
    let mut rig = Rig::new(star(hosts, Hosts { cores: 16, ..Hosts::default() }), SimConfig::default());
    let class = class(1 << 30, 1);
    for vm in 0..count {
        rig.boot(vm, vm % hosts, &class);
    }
    let end = rig.run();
    println!("{count} boots on {hosts} hosts: {:?} for {end} s", begun.elapsed());
}

/// A minute of changing loads, sampled ten times a second.
fn loads(hosts: u32, per_host: u32, period: u64) {
    let topology = star(hosts, Hosts { cores: 12, ..Hosts::default() });
    let load = LoadConfig {
        mean: Share(0.35),
        deviation: Share(0.2),
        period: Duration::from_secs(period),
        steps: 10,
        dirty_rate: Rate(1e6),
    };
    let fleet = running(&topology, per_host);
    let before = resident();
    let mut sim = SimPlatform::new(topology, SimConfig { load: Some(load), ..SimConfig::default() });
    let begun = Instant::now();
    sim.place(&fleet);
    let placed = begun.elapsed();
    let memory = resident().saturating_sub(before);
    let mut batches = Vec::new();
    sim.sample();
    sim.collect(&mut batches);
    let told = resident();
    let begun = Instant::now();
    let mut observations = 0;
    for tenth in 1..=600u32 {
        sim.advance(Time::from_secs_f64(f64::from(tenth) / 10.0));
        sim.sample();
        batches.clear();
        sim.collect(&mut batches);
        observations += batches.iter().map(|b| b.seen.len()).sum::<usize>();
    }
    let vms = hosts * per_host;
    let share = begun.elapsed().as_secs_f64() / 60.0 * 100.0;
    println!(
        "{vms} VMs, period {period} s: {share:.1} % of a core in real time, {} observations a second; placed in \
         {placed:?}, {} a VM, {} with the fleet and all loads told at once",
        observations / 60,
        Bytes(memory / u64::from(vms)),
        Bytes(told),
    );
}

/// Memory of this process.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|s| s.split(' ').nth(1).and_then(|p| p.parse::<u64>().ok()));
    pages.unwrap_or(0) * 4096
}

fn main() {
    boots(10_240, 512);
    moves(2000, 256, &[0.0, 0.0, 1e6, 2e6]);
    moves(10_240, 512, &[0.0]);
    loads(3200, 32, 10);
    loads(31_250, 32, 10);
}
