//! Many VMs booted and moved on real hosts, beside `virsh` in loops in the same run: measurements.
//!
//!     cargo test --release --features libvirt --test beside_virsh -- --ignored --nocapture
#![cfg(feature = "libvirt")]

#[path = "support/bench.rs"]
mod bench;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/live_lab.rs"]
mod live;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::Bench;
use hemera::fleet::{HostState, MigrationOptions, Ready, Selection, VmState};
use hemera::handle::{Command as Order, Limits, Migrate, Moves, OperationSpec, VmChange, Which};
use hemera::platform::Change;
use lab::{HOSTS, Lab};
use live::{Live, guest, quiet};

fn names(count: u32) -> Vec<String> {
    (1..=count).map(|n| format!("tiny-{n}")).collect()
}

/// Runs `virsh` on a host once for each name, so many at a time; panics where one fails.
fn virsh_loops(lab: &Lab, host: usize, parallel: usize, dir: &Path, arguments: &[&str], names: &[String]) {
    let mut virsh = Command::new("xargs");
    virsh.current_dir(dir).args(["-I{}", &format!("-P{parallel}"), "virsh", "-q", "-c", lab.uri(host)]);
    let mut virsh = virsh.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("xargs");
    let mut input = virsh.stdin.take().expect("a pipe");
    input.write_all(names.join("\n").as_bytes()).expect("names");
    drop(input);
    assert!(virsh.wait().expect("its end").success());
}

/// Says how long it takes to boot eight VMs on one host. Nothing is asserted of the times, which say as much about the
/// machine's other work.
#[test]
#[ignore = "a measurement"]
fn mass_boot() {
    let Some(lab) = Lab::take() else { return };
    let mut bench = Bench::new(lab.hosts());
    bench.answers(2);
    let class = Arc::new(lab.tiny());
    let names = names(8);
    let dir = tempfile::tempdir().expect("a directory");
    for round in 0..3 {
        let began = Instant::now();
        let boots: Vec<_> = names.iter().map(|n| bench.boot(0, n, &class)).collect();
        bench.done(&boots);
        eprintln!("round {round}: hemera {:.2} s", began.elapsed().as_secs_f64());
        if round == 0 {
            // What virsh is to start is what we started.
            for name in &names {
                let xml = lab.virsh(0, &["dumpxml", "--inactive", "--migratable", name]);
                std::fs::write(dir.path().join(name), xml).expect("a definition");
            }
        }
        let ends: Vec<_> = names.iter().map(|n| bench.change(0, n, Change::Destroy)).collect();
        bench.done(&ends);
        for parallel in [1, 2, 4, 8] {
            let began = Instant::now();
            virsh_loops(&lab, 0, parallel, dir.path(), &["create", "{}"], &names);
            eprintln!("round {round}: {parallel} virsh loops {:.2} s", began.elapsed().as_secs_f64());
            let ends: Vec<_> = names.iter().map(|n| bench.change(0, n, Change::Destroy)).collect();
            bench.done(&ends);
        }
    }
}

/// All of these run on this host, and nothing on the other one.
fn all_on(lab: &Lab, host: usize, names: &[String]) {
    let mut sorted = names.to_vec();
    sorted.sort();
    assert_eq!((lab.domains(host), lab.domains(1 - host)), (sorted, vec![]), "all on {}", HOSTS[host]);
    let running = lab.virsh(host, &["list", "--name", "--state-running"]);
    assert_eq!(running.split_whitespace().count(), names.len());
}

/// The mean and the largest of these, in milliseconds.
fn spread(downtimes: &[Duration]) -> String {
    let milliseconds: Vec<f64> = downtimes.iter().map(|d| d.as_secs_f64() * 1000.0).collect();
    let mean = milliseconds.iter().sum::<f64>() / milliseconds.len().max(1) as f64;
    format!("downtime {mean:.0} ms on average, {:.0} ms at most", milliseconds.iter().fold(0.0_f64, |a, &b| a.max(b)))
}

/// Moves sixteen VMs from the first host to the second, with so many moves at once.
fn moves(live: &mut Live, at_once: u32) -> (Duration, Vec<Duration>) {
    let limits = Limits {
        migrate_per_source: at_once,
        migrate_per_target: at_once,
        migrate_per_link: at_once,
        migrate_total: at_once,
        ..live.now().limits
    };
    live.command(Order::SetLimits(limits));
    let which = Which::Selected(Selection::vms("all").expect("a selection"));
    let hosts = Selection::hosts(HOSTS[1]).expect("a selection");
    let migrate = Migrate { moves: Moves::To { which, hosts }, options: MigrationOptions::default(), rescue: None };
    let before = live.now().operations.len();
    live.command(Order::Start(OperationSpec::Migrate(migrate)));
    live.wait("sixteen moves have ended", |now| now.operations.len() > before && quiet(now));
    let tasks = live.tasks();
    assert!(tasks.len() == 16 && tasks.iter().all(|task| task.figures.is_some()), "{tasks:?}");
    let began = tasks.iter().filter_map(|task| task.started).min().expect("a start");
    let ended = tasks.iter().filter_map(|task| task.ended).max().expect("an end");
    (ended.since(began), tasks.iter().filter_map(|task| Some(task.figures?.downtime)).collect())
}

/// Says how long sixteen VMs take to move at once from one host to another, and how long they stand still, with one, two,
/// four moves at once and without a limit. They go by us and come back by `virsh`. None may get lost on the way.
#[test]
#[ignore = "a measurement"]
fn sixteen_moves() {
    let Some(lab) = Lab::take() else { return };
    let names = names(16);
    let dir = tempfile::tempdir().expect("a directory");
    let mut live = Live::open(&lab.world());
    live.wait("both hosts answer", |now| now.fleet.hosts.rows().all(|(_, row)| row.state == HostState::Ready));
    live.command(Order::Start(OperationSpec::Boot(hemera::handle::Boot {
        class: Arc::new(guest(&lab.tiny(), "tiny", "", Ready::Reachable)),
        count: 16,
        name: "tiny-{n}".into(),
        placement: hemera::handle::Placement::RoundRobin,
        on: Selection::hosts(HOSTS[0]).expect("a selection"),
    })));
    live.wait("sixteen guests answer", |now| quiet(now) && now.fleet.vms.count(VmState::Reachable) == 16);
    let target = lab.uri(0).to_owned();
    for (words, at_once, loops) in
        [("1 at once", 1, 1), ("2 at once", 2, 2), ("4 at once", 4, 4), ("no limit", 1000, 16)]
    {
        let (took, downtimes) = moves(&mut live, at_once);
        all_on(&lab, 1, &names);
        eprintln!("{words}: hemera {:.1} s, {}", took.as_secs_f64(), spread(&downtimes));
        let began = Instant::now();
        virsh_loops(&lab, 1, loops, dir.path(), &["migrate", "--live", "{}", &target], &names);
        let took = began.elapsed();
        all_on(&lab, 0, &names);
        let downtimes: Vec<Duration> = names.iter().filter_map(|name| downtime(&lab, name)).collect();
        eprintln!("{words}: virsh  {:.1} s, {}", took.as_secs_f64(), spread(&downtimes));
        live.wait("all are seen where they are", |now| {
            quiet(now) && now.fleet.vms.rows().all(|(_, row)| row.host.is_some_and(|host| host.index() == 0))
        });
    }
    live.change("all", VmChange::Destroy);
    live.wait("nothing is left", |now| quiet(now) && now.fleet.vms.is_empty());
}

/// How long a VM stood still when it came to the first host; none where libvirt does not say.
fn downtime(lab: &Lab, name: &str) -> Option<Duration> {
    let said = lab.virsh(0, &["domjobinfo", "--completed", name]);
    let words: Vec<&str> = said.lines().find(|line| line.starts_with("Total downtime"))?.split_whitespace().collect();
    let value: f64 = words.get(2)?.parse().ok()?;
    Some(Duration::from_secs_f64(if words.get(3) == Some(&"ms") { value / 1000.0 } else { value }))
}
