//! Boots on one real host beside what the simulator predicts for them from the boot of one VM: a measurement.
//!
//!     cargo test --release --features libvirt --test libvirt_boots -- --ignored --nocapture
#![cfg(feature = "libvirt")]

#[path = "support/bench.rs"]
mod bench;
#[path = "support/lab.rs"]
mod lab;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::Bench;
use hemera::fleet::{Bytes, HostId, Image, NewHost, Rate, TaskId, Topology, VmClass, VmId};
use hemera::platform::sim::{BootConfig, SimConfig, SimPlatform};
use hemera::platform::{Change, Observation, Platform, Request, Virtual};
use lab::Lab;

/// What the guest writes to its serial console once it is up.
const UP: &str = "hemera guest is up";
/// How often each number of boots is measured; the median counts.
const ROUNDS: usize = 3;

/// CPU time that this machine has used so far, on all cores. Nothing else of weight must run beside a measurement.
fn cpu_used() -> Duration {
    let stat = std::fs::read_to_string("/proc/stat").expect("/proc/stat");
    let ticks: Vec<u64> =
        stat.lines().next().expect("the line of all cores").split_whitespace().flat_map(str::parse).collect();
    // user, nice, system, then idle and waiting for I/O, then interrupts; in hundredths of a second.
    let busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6];
    Duration::from_millis(busy * 10)
}

/// From the request for the first of `count` boots on the first host until the last guest is up: how long it took, and
/// what CPU time.
fn real(lab: &Lab, bench: &mut Bench, class: &Arc<VmClass>, count: u32) -> (Duration, Duration) {
    let names: Vec<String> = (1..=count).map(|n| format!("boot-{n}")).collect();
    let (began, used) = (Instant::now(), cpu_used());
    let boots: Vec<_> = names.iter().map(|name| bench.boot(0, name, class)).collect();
    bench.done(&boots);
    let up = |name: &String| lab.said(0, name).contains(UP);
    while !names.iter().all(up) {
        assert!(began.elapsed() < Duration::from_mins(2), "a guest does not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
    let took = (began.elapsed(), cpu_used().saturating_sub(used));
    let ends: Vec<_> = names.iter().map(|name| bench.change(0, name, Change::Destroy)).collect();
    bench.done(&ends);
    took
}

/// The same in the simulator, on one host with this machine's cores where a boot costs so much of one.
fn simulated(cpu: Duration, count: u32) -> Duration {
    let mut topology = Topology::new("one host");
    let site = topology.site("here");
    let cores = std::thread::available_parallelism().expect("a number of cores").get() as u32;
    let memory = Bytes::mib(65_536);
    topology.add_cluster(site, "h", [NewHost { name: "h1".into(), cores, memory, nic: Rate(1e9), disk: Rate(1e9) }]);
    let config = SimConfig { boot: BootConfig { cpu, read: Bytes(0) }, ..SimConfig::default() };
    let mut sim = SimPlatform::new(Arc::new(topology), config);
    let class = Arc::new(VmClass {
        name: "tiny".into(),
        vcpus: 1,
        memory: Bytes::mib(96),
        image: Image::None,
        network: None,
        cpu: None,
        ready: hemera::fleet::Ready::Up,
        agent: true,
        ssh: None,
        patience: None,
        ssh_key: None,
    });
    for n in 0..count {
        let name = format!("boot-{n}").into();
        sim.submit(Request::Boot { task: TaskId(n), vm: VmId(n), name, host: HostId(0), class: class.clone() });
    }
    let (mut left, mut last) = (count, hemera::fleet::Time::ZERO);
    let mut batches = Vec::new();
    while left > 0 {
        let next = sim.next_at().expect("boots that have not ended");
        sim.advance(next);
        sim.collect(&mut batches);
        for batch in batches.drain(..) {
            let ends = batch.seen.iter().filter(|seen| matches!(seen, Observation::Ended { .. })).count() as u32;
            if ends > 0 {
                (left, last) = (left - ends, batch.at);
            }
        }
    }
    last.since(hemera::fleet::Time::ZERO)
}

#[test]
#[ignore = "a measurement"]
fn boots_beside_the_simulator() {
    let Some(lab) = Lab::take() else { return };
    let mut bench = Bench::new(lab.hosts());
    bench.answers(2);
    let class = Arc::new(lab.tiny());
    // The first boot of a host probes QEMU.
    real(&lab, &mut bench, &class, 1);
    let mut median = |count| {
        let (mut times, mut cpu): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| real(&lab, &mut bench, &class, count)).unzip();
        times.sort_unstable();
        cpu.sort_unstable();
        (times[ROUNDS / 2], cpu[ROUNDS / 2])
    };
    let one = median(1);
    // A boot costs the CPU time of the guest's start, QEMU's and libvirt's: on an idle host they overlap, in a storm they
    // do not.
    eprintln!("one boot: {:.2} s, {:.2} s of CPU", one.0.as_secs_f64(), one.1.as_secs_f64());
    eprintln!("boots  real s  by its CPU time s  difference  by its duration s  difference");
    for count in [1, 2, 4, 8] {
        let real = if count == 1 { one } else { median(count) }.0.as_secs_f64();
        let [cpu, wall] = [one.1, one.0].map(|cost| simulated(cost, count).as_secs_f64());
        let off = |simulated: f64| (simulated / real - 1.0) * 100.0;
        eprintln!("{count:>5}  {real:>6.2}  {cpu:>17.2}  {:>+8.1} %  {wall:>17.2}  {:>+8.1} %", off(cpu), off(wall));
    }
}
