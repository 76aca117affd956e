//! `workflows/lab-tour.toml`, for real: all that it shows comes about, its rescue among it, and nothing is left.
//!
//! Needs root, what `hemera lab up` names where it is missing, and `hemera-load`. Where the machine cannot, that is said
//! loudly, and is a failure in CI.
#![cfg(feature = "libvirt")]

#[path = "support/start.rs"]
mod start;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use start::{done, hemera, not_run, start};

/// A lab in a directory, ended however the test ends.
struct Lab(PathBuf);

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = hemera(&["lab", "down"]).arg(&self.0).output();
    }
}

/// How many rows of a table have these values under these headings.
fn rows(table: &str, wanted: &[(&str, &str)]) -> usize {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let headings = reader.headers().expect("headings").clone();
    let place = |name: &str| headings.iter().position(|heading| heading == name).expect("a heading");
    let wanted: Vec<_> = wanted.iter().map(|(name, value)| (place(name), *value)).collect();
    let rows = reader.records().map(|row| row.expect("a row"));
    rows.filter(|row| wanted.iter().all(|(at, value)| &row[*at] == *value)).count()
}

#[test]
#[ignore = "takes minutes; tests/run --long"]
fn the_tour_shows_all_that_it_says() {
    let lab = Lab(Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab-tour"));
    // What an earlier test process left that was killed.
    drop(Lab(lab.0.clone()));
    let _ = fs::remove_dir_all(&lab.0);
    if let Err(why) = start(&lab.0, &["--sites", "2", "--hosts", "2"]) {
        return not_run(&why);
    }
    if !fs::read_to_string(lab.0.join("workflow.toml")).expect("workflow.toml").contains("stress") {
        return not_run("there is no hemera-load: load/build builds it");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let tour = concat!(env!("CARGO_MANIFEST_DIR"), "/workflows/lab-tour.toml");
    done(hemera(&["run", tour, "--world"]).arg(lab.0.join("world.toml")).arg("--out").arg(folder.path().join("out")));
    let read = |name: &str| fs::read_to_string(folder.path().join("out").join(name)).expect("a result");

    let tasks = read("tasks.csv");
    let kinds = [("spread", 4), ("boot", 8), ("run", 8), ("copy-in", 8), ("stress", 9), ("migrate", 9), ("destroy", 8)];
    for (kind, count) in kinds {
        assert_eq!(rows(&tasks, &[("kind", kind), ("outcome", "done")]), count, "{kind}: {tasks}");
    }
    assert_eq!(rows(&tasks, &[]), kinds.iter().map(|(_, count)| count).sum::<usize>(), "{tasks}");
    for host in ["paradoxe-1", "paradoxe-2", "ecotype-1", "ecotype-2"] {
        assert_eq!(rows(&tasks, &[("kind", "spread"), ("source", host)]), 1, "{tasks}");
        let images = fs::read_dir(lab.0.join("hosts").join(host).join("lib/images/hemera")).expect("its images");
        assert_eq!(images.count(), 1, "{host} has a copy of its own");
    }

    // The last move was foreseen never to end, took steps of its plan, and is done.
    let events = read("events.jsonl");
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let of = |event: &str| events.iter().filter(|entry| entry["event"] == event).collect::<Vec<_>>();
    let foreseen = |entry: &&Value| {
        entry["vm"] == "tiny-1" && entry["text"].as_str().is_some_and(|text| text.contains("will not converge"))
    };
    assert!(of("finding").iter().any(foreseen), "{:?}", of("finding"));
    let steps = of("rescue-step");
    assert!(!steps.is_empty() && steps.iter().all(|step| step["vm"] == "tiny-1"), "{steps:?}");
    assert!(of("not-adjusted").is_empty(), "{:?}", of("not-adjusted"));
    let migrations = read("migrations.csv");
    assert_eq!(rows(&migrations, &[("vm", "tiny-1"), ("outcome", "done")]), 2, "{migrations}");

    let gone = done(hemera(&["lab", "down"]).arg(&lab.0));
    assert!(gone.contains("with its 0 VMs; nothing of it is left"), "{gone}");
    assert!(!lab.0.exists());
}
