//! What a run leaves: names and order of columns, formats, and whose directory it goes to.
// What a test cannot set up has failed as well.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hemera::engine::{Counts, Record, TaskRecord, What};
use hemera::fleet::{
    Bytes, COPIES_MARK, Fleet, HostId, HostState, MigrationFigures, NewHost, OpId, Rate, Selection, TaskId, Time,
    Topology, VmRow, VmState,
};
use hemera::handle::{OpKind, TaskEnd};
use hemera::results::{About, COPIED, FILES, Results, ResultsError};
use hemera::runtime::Recorder;
use tempfile::tempdir;

fn at(seconds: f64) -> Time {
    Time::from_secs_f64(seconds)
}

fn about() -> About {
    About { name: "crossed".into(), platform: "sim".into(), world: "two-sites".into(), seed: 7 }
}

fn fleet() -> Fleet {
    let mut topology = Topology::new("two-sites");
    let site = topology.site("rennes");
    let host = |n: u32| NewHost {
        name: format!("paradoxe-{n}"),
        cores: 8,
        memory: Bytes::GIB,
        nic: Rate(1.25e9),
        disk: Rate(5e8),
    };
    topology.add_cluster(site, "paradoxe", (1..=2).map(host));
    let mut fleet = Fleet::new(topology.into());
    fleet.hosts.update(HostId(0), |row| {
        row.state = HostState::Ready;
        row.cpu_used = 2500;
        row.memory = 320;
        row.net_rx = 3;
        row.net_tx = 4;
    });
    let row = VmRow { state: VmState::Up, vcpus: 2, cpu: 1000, memory: 256, net: 7, ..VmRow::default() };
    fleet.vms.push("vm-1", row);
    fleet
}

fn boot() -> TaskRecord {
    TaskRecord {
        task: TaskId(1),
        op: OpId(1),
        step: Some(0),
        kind: OpKind::Boot,
        vm: "vm-1".into(),
        source: "".into(),
        target: "paradoxe-1".into(),
        queued: at(0.0),
        started: Some(at(0.5)),
        ended: at(4.3),
        outcome: TaskEnd::Done,
        reason: "".into(),
        figures: None,
        predicted: None,
        output: None,
    }
}

fn moved() -> TaskRecord {
    TaskRecord {
        task: TaskId(2),
        op: OpId(2),
        step: Some(1),
        kind: OpKind::Migrate,
        source: "paradoxe-1".into(),
        target: "paradoxe-2".into(),
        queued: at(5.0),
        started: Some(at(5.0)),
        ended: at(13.319),
        figures: Some(MigrationFigures {
            total: Duration::from_millis(8319),
            downtime: Duration::from_millis(21),
            rounds: 3,
            transferred: Bytes(1_100_000_000),
            memory: Bytes(1_000_000_000),
            dirty_rate: Rate(12.5e6),
        }),
        predicted: Some((Duration::from_secs(8), Duration::from_millis(20))),
        ..boot()
    }
}

fn records() -> Vec<Record> {
    let never = TaskRecord {
        task: TaskId(3),
        op: OpId(2),
        queued: at(5.0),
        started: None,
        ended: at(6.0),
        outcome: TaskEnd::Failed("no room, says \"paradoxe-2\"".into()),
        reason: "no room, says \"paradoxe-2\"".into(),
        figures: None,
        predicted: None,
        output: None,
        ..moved()
    };
    let asked = TaskRecord { task: TaskId(4), op: OpId(3), step: None, outcome: TaskEnd::Cancelled, ..boot() };
    let counts = Counts { tasks: 1, done: 1, failed: 0, cancelled: 0 };
    [
        (0.0, What::StepStarted { index: 0, kind: "boot" }),
        (0.0, What::OperationStarted { op: OpId(1), kind: OpKind::Boot, title: "boot 1 small".into(), tasks: 1 }),
        (4.3, What::TaskEnded(boot())),
        (4.3, What::StepEnded { index: 0, kind: "boot", counts }),
        (5.0, What::StepStarted { index: 1, kind: "migrate" }),
        (6.0, What::TaskEnded(never)),
        (13.319, What::TaskEnded(moved())),
        (14.0, What::TaskEnded(asked)),
    ]
    .map(|(seconds, what)| Record { at: at(seconds), what })
    .into()
}

/// The results of the records above, of a run that ended before its second step did.
fn write(dir: &Path) {
    let mut results = Results::create(dir, about(), Some(Selection::all())).unwrap();
    for record in records() {
        results.record(&record);
    }
    results.sample(at(10.0), &fleet());
    let outcome = results.finish(at(14.0), &fleet()).unwrap();
    assert_eq!(outcome.counts, Counts { tasks: 4, done: 2, failed: 1, cancelled: 1 });
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

#[test]
fn tasks_and_migrations_have_their_columns() {
    let dir = tempdir().unwrap();
    write(dir.path());
    assert_eq!(
        read(dir.path(), "tasks.csv"),
        "operation,step,kind,vm,source,target,queued_s,started_s,ended_s,outcome,reason\n\
         1,0,boot,vm-1,,paradoxe-1,0,0.5,4.3,done,\n\
         2,1,migrate,vm-1,paradoxe-1,paradoxe-2,5,,6,failed,\"no room, says \"\"paradoxe-2\"\"\"\n\
         2,1,migrate,vm-1,paradoxe-1,paradoxe-2,5,5,13.319,done,\n\
         3,,boot,vm-1,,paradoxe-1,0,0.5,4.3,cancelled,\n"
    );
    // What never began is no attempt.
    assert_eq!(
        read(dir.path(), "migrations.csv"),
        "vm,source,target,memory_bytes,dirty_rate,started_s,ended_s,total_s,downtime_s,rounds,transferred_bytes,\
         predicted_total_s,predicted_downtime_s,outcome,reason\n\
         vm-1,paradoxe-1,paradoxe-2,1000000000,12500000,5,13.319,8.319,0.021,3,1100000000,8,0.02,done,\n"
    );
}

#[test]
fn samples_name_hosts_and_selected_vms() {
    let dir = tempdir().unwrap();
    write(dir.path());
    assert_eq!(
        read(dir.path(), "samples.csv"),
        "time_s,kind,name,cpu_percent,memory_bytes,net_rx,net_tx\n\
         10,host,paradoxe-1,31.3,335544320,3072,4096\n\
         10,host,paradoxe-2,0.0,0,0,0\n\
         10,vm,vm-1,50.0,268435456,7168,\n"
    );
}

#[test]
fn the_summary_has_every_step_that_began() {
    let dir = tempdir().unwrap();
    write(dir.path());
    let summary: serde_json::Value = serde_json::from_str(&read(dir.path(), "summary.json")).unwrap();
    let expected = serde_json::json!({
        "name": "crossed", "platform": "sim", "world": "two-sites", "seed": 7, "hosts": 2, "vms": 1,
        "steps": [
            { "index": 0, "kind": "boot", "started_s": 0, "ended_s": 4.3, "tasks": 1, "done": 1, "failed": 0, "cancelled": 0 },
            { "index": 1, "kind": "migrate", "started_s": 5, "ended_s": null, "tasks": 2, "done": 1, "failed": 1, "cancelled": 0 },
        ],
        "clock_s": 14,
    });
    assert_eq!(summary, expected);
    let machine: serde_json::Value = serde_json::from_str(&read(dir.path(), "machine.json")).unwrap();
    assert!(machine["wall_s"].as_f64().is_some_and(|wall| wall >= 0.0));
    assert!(machine["started"].as_str().is_some_and(|started| started.starts_with("20") && started.contains('T')));
    assert_eq!(machine["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_event_is_a_line_with_its_time_in_seconds() {
    let dir = tempdir().unwrap();
    write(dir.path());
    let text = read(dir.path(), "events.jsonl");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), records().len());
    assert_eq!(text.lines().next().unwrap(), r#"{"time_s":0,"event":"step-started","index":0,"kind":"boot"}"#);
    assert_eq!(
        lines[2],
        serde_json::json!({
            "time_s": 4.3, "event": "task-ended", "task": 1, "op": 1, "step": 0, "kind": "boot", "vm": "vm-1",
            "source": "", "target": "paradoxe-1", "queued_s": 0, "started_s": 0.5, "outcome": "done", "reason": "",
        })
    );
}

#[test]
fn an_earlier_runs_directory_is_taken_over_whole() {
    let dir = tempdir().unwrap();
    write(dir.path());
    let first = FILES.map(|name| fs::read(dir.path().join(name)).unwrap());
    fs::write(dir.path().join("notes.txt"), "kept").unwrap();
    fs::create_dir_all(dir.path().join("copied/1/vm-1")).unwrap();
    fs::write(dir.path().join("copied/1/vm-1/log"), "of the first run").unwrap();
    write(dir.path());
    assert!(dir.path().join("copied/1/vm-1/log").exists(), "no run says that it is its own");
    fs::write(dir.path().join(COPIED).join(COPIES_MARK), "").unwrap();
    write(dir.path());
    assert!(!dir.path().join(COPIED).exists());
    for (name, before) in FILES.into_iter().zip(first).filter(|(name, _)| *name != "machine.json") {
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), before, "{name}");
    }
    assert_eq!(read(dir.path(), "notes.txt"), "kept");

    // One that begins and is cut short leaves nothing that reads as the earlier one's end.
    drop(Results::create(dir.path(), about(), None).unwrap());
    assert!(!dir.path().join("summary.json").exists());
    fs::remove_file(dir.path().join("notes.txt")).unwrap();
    fs::create_dir(dir.path().join(COPIED)).unwrap();
    fs::write(dir.path().join(COPIED).join(COPIES_MARK), "").unwrap();
    write(dir.path());
}

#[test]
fn somebody_elses_directory_is_left_alone() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "years").unwrap();
    fs::write(dir.path().join("summary.json"), "{\"name\": \"of something else\"}").unwrap();
    let Err(error) = Results::create(dir.path(), about(), None) else { panic!("it was taken") };
    assert!(matches!(&error, ResultsError::Foreign { found, .. } if found == "thesis.tex"), "{error}");
    assert!(error.to_string().contains(&dir.path().display().to_string()));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);

    let copied = tempdir().unwrap();
    fs::create_dir(copied.path().join(COPIED)).unwrap();
    let Err(error) = Results::create(copied.path(), about(), None) else { panic!("it was taken") };
    assert!(matches!(&error, ResultsError::Foreign { found, .. } if found == COPIED), "{error}");

    let under_a_file = dir.path().join("thesis.tex").join("out");
    let Err(error) = Results::create(&under_a_file, about(), None) else { panic!("it was taken") };
    assert!(error.to_string().starts_with(&under_a_file.display().to_string()), "{error}");
}

#[test]
fn what_is_no_directory_is_told_as_such() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("notes.txt");
    fs::write(&file, "kept").unwrap();
    for (path, why) in [(file.clone(), "this is a file"), ("/proc/x".into(), "No such file"), (file.join("a"), "Not a")]
    {
        let Err(error) = Results::create(&path, about(), None) else { panic!("{} was taken", path.display()) };
        let told = error.to_string();
        let expected = format!("{}: expected a directory for the results, or the name of a new one: ", path.display());
        assert!(told.starts_with(&expected) && told.contains(why), "{told}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
}

#[test]
fn what_happened_before_the_end_is_on_disk() {
    let dir = tempdir().unwrap();
    let mut results = Results::create(dir.path(), about(), None).unwrap();
    results.record(&Record { at: at(1.0), what: What::StepStarted { index: 0, kind: "wait" } });
    assert!(read(dir.path(), "events.jsonl").contains("step-started"), "a step may wait for hours");
    let name: Arc<str> = "vm-1".into();
    let state = What::VmState { vm: name, state: VmState::Up, host: "h".into(), reason: "".into() };
    results.record(&Record { at: at(2.0), what: state });
    drop(results);
    assert!(read(dir.path(), "events.jsonl").contains("vm-1"), "dropped without an end, as in a panic");
}

#[test]
fn what_cannot_be_written_is_named_and_the_rest_is_written() {
    let dir = tempdir().unwrap();
    let mut results = Results::create(dir.path(), about(), None).unwrap();
    // The files are open: what cannot be written from now on is the summary alone.
    fs::create_dir(dir.path().join("summary.json")).unwrap();
    results.record(&records()[0]);
    assert!(!results.broken());
    let error = results.finish(at(1.0), &fleet()).unwrap_err();
    assert!(error.to_string().contains("summary.json"), "{error}");
    assert!(dir.path().join("machine.json").exists(), "the rest is written all the same");
}
