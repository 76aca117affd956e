//! Moves that do not end by themselves, from end to end on the simulator: they are foreseen, and a plan rescues them.
// What a test cannot set up has failed as well.
#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;

use program::{file, hemera, stderr};
use serde_json::Value;
use tempfile::tempdir;

const WORLD: &str = "name = \"pair\"\nplatform = \"sim\"\n[[cluster]]\nsite = \"rennes\"\nname = \"paradoxe\"\nhosts = 2\ncores = 8\n\
                     memory = \"16 GiB\"\nnic = \"1 Gbit/s\"\ndisk = \"500 MB/s\"\n";

/// What came of a move of a VM that dirties this much, by a `migrate` or `evacuate` step with these options.
struct Ran {
    code: Option<i32>,
    events: Vec<Value>,
    outcome: String,
    reason: String,
    downtime: f64,
}

impl Ran {
    fn of(dirty: &str, options: &str) -> Self {
        Self::by(dirty, &format!("migrate = {{ select = \"all\", to = \"paradoxe-2\"{options} }}"))
    }

    fn by(dirty: &str, step: &str) -> Self {
        let dir = tempdir().unwrap();
        let world = file(dir.path(), "world.toml", WORLD);
        let flow = format!(
            "name = \"stuck\"\nseed = 7\n[vm.small]\nvcpus = 1\nmemory = \"1 GiB\"\nimage = \"none\"\n[[step]]\n\
             boot = {{ class = \"small\", count = 1, name = \"vm-1\" }}\n[[step]]\n\
             stress = {{ select = \"all\", cpu = \"80 %\", dirty_rate = \"{dirty}\", working_set = \"55 %\" }}\n[[step]]\n\
             {step}\n"
        );
        let flow = file(dir.path(), "w.toml", &flow);
        let out = dir.path().join("out");
        let run =
            hemera(dir.path()).arg("run").arg(flow).arg("--world").arg(world).arg("--out").arg(&out).output().unwrap();
        assert!(matches!(run.status.code(), Some(0 | 1)), "{}", stderr(&run));
        let lines = fs::read_to_string(out.join("events.jsonl")).unwrap();
        let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let table = fs::read_to_string(out.join("migrations.csv")).unwrap();
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let headers = reader.headers().unwrap().clone();
        let row = reader.records().next().expect("a move").unwrap();
        let field = |name: &str| row[headers.iter().position(|header| header == name).unwrap()].to_owned();
        Self {
            code: run.status.code(),
            events,
            outcome: field("outcome"),
            reason: field("reason"),
            downtime: field("downtime_s").parse().unwrap_or(0.0),
        }
    }

    fn all(&self, event: &str, field: &str) -> Vec<String> {
        let of = self.events.iter().filter(|e| e["event"] == event);
        of.map(|e| e[field].as_str().unwrap().to_owned()).filter(|text| !text.is_empty()).collect()
    }
}

#[test]
fn ovirts_policies_do_with_a_stuck_move_what_they_say() {
    let rising = ["max downtime 150 ms", "max downtime 200 ms"];
    let further = ["max downtime 300 ms", "max downtime 400 ms", "max downtime 500 ms"];
    // 591 MB are dirty after each round: no pause of theirs is long enough, and no throttle where it is too late.
    let ran = Ran::of("9 GB/s", ", rescue = \"minimal-downtime\"");
    assert_eq!((ran.code, ran.outcome.as_str()), (Some(1), "failed"));
    let steps = ran.all("rescue-step", "action");
    assert_eq!(steps, [&rising[..], &further, &["abort"]].concat());
    assert!(ran.reason.starts_with("ended by its rescue plan minimal-downtime: 7 rounds stalled, "), "{}", ran.reason);

    // A pause of 5 s is as long as the round.
    let ran = Ran::of("9 GB/s", ", rescue = \"suspend-workload\"");
    assert_eq!((ran.code, ran.outcome.as_str()), (Some(0), "done"));
    assert_eq!(ran.all("rescue-step", "action").last().unwrap(), "max downtime 5.0 s");
    assert!(ran.downtime > 4.5 && ran.downtime <= 5.2, "{}", ran.downtime);

    let ran = Ran::of("9 GB/s", ", rescue = \"post-copy\"");
    assert_eq!((ran.code, ran.outcome.as_str()), (Some(0), "done"));
    assert_eq!(ran.all("rescue-step", "action"), [&rising[..], &["post-copy"]].concat());
    assert!(ran.downtime < 0.001, "{}", ran.downtime);
}

#[test]
fn an_evacuation_takes_options_and_a_plan_as_moves_do() {
    let ran =
        Ran::by("9 GB/s", "evacuate = { hosts = \"paradoxe-1\", bandwidth = \"100 MB/s\", rescue = \"post-copy\" }");
    assert_eq!((ran.code, ran.outcome.as_str()), (Some(0), "done"));
    assert_eq!(ran.all("rescue-step", "action").last().unwrap(), "post-copy");
    let titled = |e: &&Value| e["title"].as_str().is_some_and(|title| title.starts_with("evacuate "));
    let title = ran.events.iter().find(titled).map(|e| e["title"].clone());
    assert_eq!(title.unwrap(), "evacuate 1 VM from paradoxe-1: at most 100 MB/s, rescue post-copy");
    // Without a plan it is stuck, and given up by none: one that gives up does.
    let plan = "evacuate = { hosts = \"paradoxe-1\", rescue = [{ after = \"1 round\", do = \"abort\" }] }";
    let ran = Ran::by("9 GB/s", plan);
    assert_eq!((ran.code, ran.outcome.as_str()), (Some(1), "failed"));
    assert!(ran.reason.starts_with("ended by its rescue plan"), "{}", ran.reason);
}

#[test]
fn a_plan_of_ones_own_is_taken_step_by_step() {
    let plan = ", rescue = [{ after = \"1 round\", do = \"wait\" }, { do = \"throttle 30 %\" }, { after = \"20 s\", do = \"pause\" }]";
    let ran = Ran::of("9 GB/s", plan);
    assert_eq!((ran.code, ran.outcome.as_str()), (Some(0), "done"));
    assert_eq!(ran.all("rescue-step", "action"), ["wait", "throttle 30 %", "pause"]);
    let at: Vec<f64> =
        ran.events.iter().filter(|e| e["event"] == "rescue-step").map(|e| e["time_s"].as_f64().unwrap()).collect();
    assert!((19.99..21.5).contains(&(at[2] - at[1])), "{at:?}");
}

/// Foreseen in the first pass, which takes 8.6 s, by the load of the guest; stated by what the second found.
#[test]
fn what_will_not_converge_is_foreseen_in_the_first_pass_and_stated_after_it() {
    let ran = Ran::of("9 GB/s", ", rescue = \"post-copy\"");
    let said = ran.all("finding", "text");
    let next = "its plan: max downtime 150 ms after 1 stalled round";
    let foreseen =
        format!("will not converge, estimated in its first pass: dirties 9 GB/s, the move gets 125 MB/s; {next}");
    assert_eq!(said[0], foreseen);
    assert_eq!(said[1], foreseen.replace("will not converge, estimated in its first pass", "does not converge"));
    // What converges is no finding, with a plan or without.
    let ran = Ran::of("20 MB/s", ", rescue = \"post-copy\"");
    assert_eq!((ran.code, ran.all("finding", "text").len(), ran.all("rescue-step", "action").len()), (Some(0), 0, 0));
}
