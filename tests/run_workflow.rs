//! `hemera run` from end to end on the simulator: results, the same twice, exit codes, interrupts.
// What a test cannot set up has failed as well.
#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use hemera::results::FILES;
use program::{file, hemera, stderr};
use tempfile::{TempDir, tempdir};

/// A test's directory with files to run.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        file(self.dir.path(), name, text)
    }

    fn command(&self, workflow: &Path, world: &str, out: &str, more: &[&str]) -> Command {
        let mut command = hemera(self.dir.path());
        command.arg("run").arg(workflow).args(["--world", world, "--out"]).arg(self.path(out)).args(more);
        command
    }

    fn run(&self, workflow: &Path, world: &str, out: &str, more: &[&str]) -> Output {
        self.command(workflow, world, out, more).output().unwrap()
    }

    fn read(&self, out: &str, name: &str) -> String {
        fs::read_to_string(self.path(out).join(name)).unwrap()
    }

    fn summary(&self, out: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(out, "summary.json")).unwrap()
    }

    /// The rows of a table by the names of its columns.
    fn rows(&self, out: &str, name: &str) -> Vec<HashMap<String, String>> {
        csv::Reader::from_path(self.path(out).join(name)).unwrap().deserialize().collect::<Result<_, _>>().unwrap()
    }
}

fn shipped(workflow: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows").join(workflow)
}

/// A workflow that boots `count` VMs on the simulator and then does the rest.
fn workflow(count: u32, rest: &str) -> String {
    format!(
        "name = \"test\"\n[vm.small]\nvcpus = 1\nmemory = \"1 GiB\"\nimage = \"none\"\n\
         [[step]]\nboot = {{ class = \"small\", count = {count}, name = \"vm-{{n}}\" }}\n{rest}"
    )
}

#[test]
fn ten_thousand_boots_the_same_twice() {
    let bench = Bench::new();
    for out in ["a", "b"] {
        let run = bench.run(&shipped("boot-10240.toml"), "grid5000-2012", out, &["--seed", "1", "--speed", "max"]);
        assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
        assert!(stderr(&run).contains("10240 done"), "{}", stderr(&run));
    }
    for name in FILES.into_iter().filter(|name| *name != "machine.json") {
        assert!(bench.read("a", name) == bench.read("b", name), "{name} differs");
    }
    let summary = bench.summary("a");
    assert_eq!(summary["world"], "grid5000-2012");
    assert_eq!(summary["vms"], 10240);
    assert_eq!(summary["steps"][0]["done"], 10240);
    assert_eq!(summary["steps"][0]["failed"], 0);
    let tasks = bench.rows("a", "tasks.csv");
    assert_eq!(tasks.len(), 10240);
    assert!(tasks.iter().all(|task| task["outcome"] == "done" && task["kind"] == "boot" && task["step"] == "0"));
}

#[test]
fn every_shipped_workflow_runs_to_its_end() {
    let bench = Bench::new();
    for name in ["first-boot.toml", "crossed.toml", "stress-and-move.toml"] {
        let run = bench.run(&shipped(name), "small", name, &[]);
        assert_eq!(run.status.code(), Some(0), "{name}: {}", stderr(&run));
        let summary = bench.summary(name);
        let steps = summary["steps"].as_array().unwrap();
        assert!(steps.iter().all(|step| step["ended_s"].is_number()), "{name}: {summary}");
        let moving = steps.iter().filter(|step| step["kind"] == "migrate" || step["kind"] == "evacuate");
        let moves: u64 = moving.map(|step| step["done"].as_u64().unwrap()).sum();
        assert_eq!(bench.rows(name, "migrations.csv").len() as u64, moves, "{name}");
    }
}

#[test]
fn seeds_change_what_is_drawn() {
    let bench = Bench::new();
    let flow = bench
        .file("w.toml", &workflow(30, "").replace("name = \"vm-{n}\"", "name = \"vm-{n}\", placement = \"random\""));
    let mut placed = Vec::new();
    for (out, seed) in [("a", "1"), ("b", "2"), ("c", "1")] {
        let run = bench.run(&flow, "small", out, &["--seed", seed]);
        assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
        assert_eq!(bench.summary(out)["seed"].to_string(), seed);
        placed.push(bench.read(out, "tasks.csv"));
    }
    assert_ne!(placed[0], placed[1]);
    assert_eq!(placed[0], placed[2]);
}

#[test]
fn a_paced_run_comes_to_the_same_end() {
    let bench = Bench::new();
    let flow =
        bench.file("w.toml", &workflow(16, "[[step]]\nmigrate = { select = \"all\", pattern = \"circular\" }\n"));
    for (out, speed) in [("a", "max"), ("b", "1000")] {
        let run = bench.run(&flow, "small", out, &["--speed", speed]);
        assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    }
    let ends = |out: &str| {
        let mut ends: Vec<_> = bench
            .rows(out, "tasks.csv")
            .into_iter()
            .map(|task| {
                (task["operation"].clone(), task["vm"].clone(), task["target"].clone(), task["outcome"].clone())
            })
            .collect();
        ends.sort();
        ends
    };
    assert_eq!(ends("a").len(), 32);
    assert_eq!(ends("a"), ends("b"));
}

#[test]
fn failed_tasks_make_the_run_fail_and_are_told_by_reason() {
    let bench = Bench::new();
    let small = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("worlds/small.toml")).unwrap();
    let world = bench.file("faulty.toml", &format!("{small}\n[faults]\nboot_failure = \"50 %\"\n"));
    let flow = bench.file("w.toml", &workflow(40, ""));
    let run = bench.run(&flow, world.to_str().unwrap(), "out", &[]);
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    let failed = bench.rows("out", "tasks.csv").iter().filter(|task| task["outcome"] == "failed").count();
    assert!((1..40).contains(&failed), "{failed}");
    assert!(stderr(&run).contains(&format!("{failed} failed")), "{}", stderr(&run));
    assert!(
        bench.rows("out", "tasks.csv").iter().all(|task| (task["outcome"] == "failed") != task["reason"].is_empty())
    );
}

#[test]
fn copies_run_on_the_simulator_and_bring_nothing() {
    let bench = Bench::new();
    let rest = "[[step]]\ncopy-in = { select = \"all\", from = \"w.toml\", to = \"/root/w.toml\" }\n\
                [[step]]\ncopy-out = { hosts = \"all\", from = \"/etc/hosts\" }\n\
                [[step]]\ncopy-out = { select = \"vm-1\", from = \"/root/w.toml\", timeout = \"500 ms\" }\n";
    let flow = bench.file("w.toml", &workflow(3, rest));
    let run = bench.run(&flow, "small", "out", &[]);
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    let tasks = bench.rows("out", "tasks.csv");
    let ended = |kind: &str, outcome: &str| {
        tasks.iter().filter(|task| task["kind"] == kind && task["outcome"] == outcome).count()
    };
    assert_eq!((ended("copy-in", "done"), ended("copy-out", "failed")), (3, 1));
    assert!(ended("copy-out", "done") > 1);
    assert_eq!(tasks.last().unwrap()["reason"], "took longer than 0.5 s and was ended");
    assert!(!bench.path("out/copied").exists() && !bench.path("out/outputs.jsonl").exists());
}

#[test]
fn a_step_that_cannot_be_done_fails_the_run_and_one_of_nothing_is_told() {
    let bench = Bench::new();
    let rest = "[[step]]\ndestroy = { select = \"state:paused\" }\n\
                [[step]]\nmigrate = { select = \"vm-1\", pattern = \"circular\" }\n[[step]]\nwait = \"10 s\"\n";
    let flow = bench.file("w.toml", &workflow(3, rest));
    let run = bench.run(&flow, "small", "out", &[]);
    let told = stderr(&run);
    assert_eq!(run.status.code(), Some(1), "{told}");
    let reason = "the circular pattern needs VMs on two hosts at least";
    for expected in [
        "warning: step 2/4 destroy: nothing selected".to_owned(),
        format!("step 3/4 migrate: cannot be done: {reason}\n"),
        "step 4/4 wait: over in 10 s\n".into(),
        "\n3 of 4 done, 1 failed; ".into(),
        format!("  1 failed: {reason}\n"),
    ] {
        assert!(told.contains(&expected), "{expected} is missing in\n{told}");
    }
    assert_eq!(bench.summary("out")["steps"][2]["failed"], 1);
}

#[test]
fn how_often_loads_are_recorded_does_not_change_what_a_workflow_does() {
    let bench = Bench::new();
    let rest = "[[step]]\nstress = { select = \"vm-1 or vm-2\", cpu = \"80 %\", dirty_rate = \"1 MB/s\", working_set = \"10 %\" }\n\
                [[step]]\npause = { select = \"cpu > 50 % and vm-2\" }\n\
                [[step]]\nwait = \"3 s\"\n\
                [[step]]\nstress = { select = \"vm-3\", cpu = \"80 %\", dirty_rate = \"1 MB/s\", working_set = \"10 %\" }\n\
                [[step]]\nresume = { select = \"state:paused\" }\n\
                [[step]]\ndestroy = { select = \"cpu > 50 %\" }\n";
    let mut tasks = Vec::new();
    for (out, samples) in [("none", "0 s"), ("often", "10 s"), ("oftener", "1 s")] {
        let record = format!("[record]\nsamples = \"{samples}\"\n");
        let flow = bench.file("w.toml", &workflow(4, &format!("{rest}{record}")));
        let run = bench.run(&flow, "small", out, &["--speed", "max"]);
        assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
        tasks.push(bench.read(out, "tasks.csv"));
    }
    assert_eq!(tasks[0], tasks[1]);
    assert_eq!(tasks[0], tasks[2]);
    let destroyed: Vec<_> =
        bench.rows("none", "tasks.csv").into_iter().filter(|task| task["kind"] == "destroy").collect();
    let mut names: Vec<_> = destroyed.iter().map(|task| task["vm"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["vm-1", "vm-2", "vm-3"], "also what was paused meanwhile");
    assert_eq!(bench.rows("none", "samples.csv").len(), 0);
}

/// A migration that does not converge is given up when it has made no progress for a while: recording is no progress.
#[test]
fn how_often_loads_are_recorded_does_not_change_when_a_migration_is_given_up() {
    let bench = Bench::new();
    let rest = "[[step]]\nstress = { select = \"vm-1\", cpu = \"80 %\", dirty_rate = \"20 GB/s\", working_set = \"90 %\" }\n\
                [[step]]\nmigrate = { select = \"all\", pattern = \"circular\" }\n";
    let mut tasks = Vec::new();
    for (out, samples) in [("none", "0 s"), ("often", "7 s")] {
        let record = format!("[record]\nsamples = \"{samples}\"\n");
        let flow = bench.file("w.toml", &workflow(4, &format!("{rest}{record}")));
        let run = bench.run(&flow, "small", out, &["--speed", "max"]);
        assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
        assert!(stderr(&run).contains("did not converge"), "{}", stderr(&run));
        tasks.push(bench.read(out, "tasks.csv"));
    }
    assert_eq!(tasks[0], tasks[1]);
}

#[test]
fn samples_follow_the_workflow() {
    let bench = Bench::new();
    let record = "[record]\nsamples = \"5 s\"\nvms = \"vm-1\"\n";
    let flow = bench.file("w.toml", &workflow(3, &format!("[[step]]\nwait = \"21 s\"\n{record}")));
    let run = bench.run(&flow, "small", "out", &[]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let rows = bench.rows("out", "samples.csv");
    let hosts = bench.summary("out")["hosts"].as_u64().unwrap() as usize;
    let at_ten: Vec<_> = rows.iter().filter(|row| row["time_s"] == "10").collect();
    assert_eq!(at_ten.iter().filter(|row| row["kind"] == "host").count(), hosts);
    let vms: Vec<_> = at_ten.iter().filter(|row| row["kind"] == "vm").map(|row| row["name"].as_str()).collect();
    assert_eq!(vms, ["vm-1"]);
    let last = bench.summary("out")["clock_s"].to_string();
    assert!(rows.iter().any(|row| row["time_s"] == last), "and once at the end, at {last}");
}

/// Waits until a file has a text.
fn wait_for(path: &Path, text: &str, run: &mut Child) {
    let begin = Instant::now();
    while !fs::read_to_string(path).is_ok_and(|found| found.contains(text)) {
        if let Some(status) = run.try_wait().unwrap() {
            let mut said = String::new();
            run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("ended as {status} before {} had `{text}`: {said}", path.display());
        }
        assert!(begin.elapsed() < Duration::from_mins(1), "{} never had `{text}`", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn interrupt(run: &Child) {
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
}

#[test]
fn an_interrupt_begins_nothing_more_and_writes_the_results() {
    let bench = Bench::new();
    let flow =
        bench.file("w.toml", &workflow(4, "[[step]]\nwait = \"2h\"\n[[step]]\ndestroy = { select = \"all\" }\n"));
    let mut run = bench.command(&flow, "small", "out", &["--speed", "100"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&bench.path("out/events.jsonl"), "\"kind\":\"wait\"", &mut run);
    interrupt(&run);
    let ended = run.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", stderr(&ended));
    let summary = bench.summary("out");
    assert_eq!(summary["steps"][0]["done"], 4);
    assert_eq!(summary["vms"], 4, "nothing was destroyed");
    assert!(bench.path("out/machine.json").exists());
}

#[test]
fn a_second_interrupt_aborts_what_runs() {
    let bench = Bench::new();
    let slow = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("worlds/small.toml")).unwrap();
    // Boots that take an hour each.
    let (head, boot) = slow.split_once("[boot]").unwrap_or((&slow, ""));
    let rest = boot.split_once("\n[").map_or(String::new(), |(_, rest)| format!("\n[{rest}"));
    let world = bench.file("slow.toml", &format!("{head}[boot]\ncpu = \"3600 s\"\nread = \"150 MB\"\n{rest}"));
    let flow = bench.file("w.toml", &workflow(4, "[limits]\nboot_total = 2\n"));
    let mut run =
        bench.command(&flow, world.to_str().unwrap(), "out", &["--speed", "1"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&bench.path("out/events.jsonl"), "step-started", &mut run);
    interrupt(&run);
    wait_for(&bench.path("out/tasks.csv"), "cancelled", &mut run);
    assert!(run.try_wait().unwrap().is_none(), "two boots still run");
    interrupt(&run);
    let ended = run.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", stderr(&ended));
    let tasks = bench.rows("out", "tasks.csv");
    assert_eq!(tasks.len(), 4);
    assert!(tasks.iter().all(|task| task["outcome"] == "cancelled"));
    let begun = tasks.iter().filter(|task| !task["started_s"].is_empty()).count();
    assert_eq!(begun, 2);
    assert_eq!(bench.summary("out")["vms"], 0);
}
