//! Commands in real guests and on real hosts: output, exit codes and time limits, nothing left behind; files copied there and back.

#[path = "support/lab.rs"]
mod lab;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use lab::Lab;
use serde_json::Value;

/// Steps after the boot: their places count from 1.
const STEPS: &str = r#"
[[step]]
run = { select = "class:tiny", command = "echo out $((6 * 7)); echo err >&2" }
[[step]]
run = { select = "class:tiny", command = "ls /nowhere" }
[[step]]
run = { select = "class:tiny", command = "echo begun; sleep 1000 & sleep 1000", timeout = "6 s" }
[[step]]
run = { select = "class:tiny", script = "script.sh", args = ["two words", "it's"] }
[[step]]
run = { select = "name:tiny-1", command = "head -c 3000000 /dev/zero | tr '\\000' x; echo; ps | grep -c '[s]leep 1000'; ls -d /tmp/hemera-* | wc -l" }
[[step]]
run = { hosts = "all", command = "hostname; exit 4" }
[[step]]
run = { hosts = "all", command = "echo $$; sleep 1000", timeout = "2 s" }
[[step]]
run = { hosts = "paradoxe-1", script = "script.sh", args = ["two words", "it's"] }
[[step]]
copy-in = { select = "class:tiny", from = "script.sh", to = "/root/tool", mode = "700" }
[[step]]
run = { select = "class:tiny", command = "cat /proc/sys/kernel/random/boot_id | tee /root/mine; /root/tool a b" }
[[step]]
copy-out = { select = "class:tiny", from = "/root/mine" }
[[step]]
copy-in = { select = "name:tiny-1", from = "some", to = "/root/some" }
[[step]]
copy-out = { select = "name:tiny-1", from = "/root/some" }
[[step]]
copy-in = { select = "class:tiny", from = "some", to = "/nowhere/some" }
[[step]]
copy-in = { select = "class:tiny", from = "some", to = "/tmp" }
[[step]]
copy-out = { select = "class:tiny", from = "/root/nothing" }
[[step]]
run = { select = "class:tiny", command = "ls /root; ls -d /root.* /tmp.*" }
[[step]]
copy-in = { hosts = "paradoxe-1", from = "much", to = "DIR/arrived" }
[[step]]
copy-out = { hosts = "all", from = "DIR/arrived" }
[[step]]
copy-in = { hosts = "all", from = "much", to = "DIR/nowhere/arrived" }
"#;

/// Files that are copied: more than a piece of one to an agent, and many of one to a host.
const COPIED: [(&str, u32); 2] = [("some", 300_000), ("much", 40_000_000)];

/// Bytes of which no two stretches are the same.
fn bytes(size: u32) -> Vec<u8> {
    (0..size / 4).flat_map(|i| i.wrapping_mul(0x9E37_79B1).to_le_bytes()).collect()
}

/// The results of a run of the workflow.
fn outputs(lab: &Lab, dir: &Path) -> Vec<Value> {
    let written = fs::read_to_string(lab.workflow()).expect("workflow.toml");
    let (class, _) = written.split_once("[[step]]").expect("steps");
    let boot = "[[step]]\nboot = { class = \"tiny\", count = 4, name = \"tiny-{n}\" }\n";
    let class = class.replace("[vm.tiny]\n", "[vm.tiny]\nready = \"reachable\"\n");
    let steps = STEPS.replace("DIR", &dir.display().to_string());
    fs::write(dir.join("run.toml"), format!("{class}{boot}{steps}")).expect("a workflow");
    for (name, size) in COPIED {
        fs::write(dir.join(name), bytes(size)).expect("a file");
    }
    fs::write(dir.join("script.sh"), "#!/bin/sh\necho \"$1|$2|$#\"\n").expect("a script");
    let mut run = Command::new(env!("CARGO_BIN_EXE_hemera"));
    run.arg("run").arg(dir.join("run.toml")).arg("--world").arg(lab.world()).arg("--out").arg(dir.join("out"));
    let output = run.stdin(Stdio::null()).output().expect("hemera");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "some tasks fail: {said}");
    let lines = fs::read_to_string(dir.join("out/outputs.jsonl")).expect("outputs.jsonl");
    lines.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

#[test]
fn commands_run_in_guests_and_on_hosts_and_end_in_time() {
    let Some(lab) = Lab::take() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let outputs = outputs(&lab, dir.path());
    let of = |step: u64| outputs.iter().filter(|o| o["step"] == step).collect::<Vec<_>>();
    let each = |step: u64, count: usize, is: &dyn Fn(&Value) -> bool| {
        let found = of(step);
        assert!(found.len() == count && found.iter().all(|o| is(o)), "step {step}: {found:#?}");
    };
    each(1, 4, &|o| o["exit_code"] == 0 && o["out"] == "out 42\n" && o["err"] == "err\n" && o["outcome"] == "done");
    each(2, 4, &|o| o["exit_code"] == 1 && o["outcome"] == "failed" && o["out"] == "");
    each(3, 4, &|o| o["exit_code"].is_null() && o["outcome"] == "failed" && o["out"] == "begun\n");
    each(4, 4, &|o| o["out"] == "two words|it's|2\n" && o["exit_code"] == 0);
    let long = of(5)[0];
    let out = long["out"].as_str().expect("text");
    assert_eq!(out.len(), 256 << 10, "the end of a long output is kept");
    assert_eq!(long["out_cut_bytes"], 3_000_001 + 4 - (256 << 10));
    assert!(out.ends_with("xxx\n0\n1\n"), "no sleep runs on, and nothing is left but this command's own directory");
    each(6, 2, &|o| {
        o["exit_code"] == 4
            && o["vm"] == ""
            && format!("{}\n", o["host"].as_str().unwrap()) == *o["out"].as_str().unwrap()
    });
    each(7, 2, &|o| o["exit_code"].is_null() && o["outcome"] == "failed");
    for group in of(7).iter().map(|o| o["out"].as_str().expect("text").trim()) {
        // Labs have no namespace of processes of their own.
        assert!(!Path::new("/proc").join(group).exists(), "{group} runs on");
    }
    each(8, 1, &|o| o["out"] == "two words|it's|2\n");
    let tasks = fs::read_to_string(dir.path().join("out/tasks.csv")).expect("tasks.csv");
    for reason in ["ended with 1: ls: /nowhere", "took longer than 6 s and was ended", "took longer than 2 s"] {
        assert!(tasks.contains(reason), "{reason}: {tasks}");
    }
    let copied = |path: &str| fs::read(dir.path().join("out/copied").join(path)).unwrap_or_default();
    for own in of(10) {
        let (vm, out) = (own["vm"].as_str().expect("a name"), own["out"].as_str().expect("text"));
        let (mine, rest) = out.split_once('\n').expect("lines");
        assert_eq!((copied(&format!("11/{vm}/mine")), rest), (format!("{mine}\n").into_bytes(), "a|b|2\n"));
    }
    assert!(of(10).len() == 4 && copied("13/tiny-1/some") == bytes(300_000));
    each(17, 4, &|o| {
        // What did not arrive whole left nothing.
        o["out"] == if o["vm"] == "tiny-1" { "mine\nsome\ntool\n" } else { "mine\ntool\n" }
    });
    assert!(["paradoxe-1", "paradoxe-2"].iter().all(|host| copied(&format!("19/{host}/arrived")) == bytes(40_000_000)));
    let ended = |step: &str| tasks.lines().filter(|line| line.split(',').nth(1) == Some(step)).collect::<Vec<_>>();
    for (step, count, why) in [
        ("9", 4, "done,"),
        ("14", 4, "can't create /nowhere/some: nonexistent directory"),
        ("15", 4, "failed,\"/tmp is a directory, expected a path for a file\""),
        ("16", 4, "failed,failed to open file '/root/nothing' (mode: 'r'): No such file or directory"),
        ("20", 2, "/nowhere/arrived: "),
    ] {
        let ended = ended(step);
        assert!(ended.len() == count && ended.iter().all(|line| line.contains(why)), "{step}: {ended:?}");
    }
    assert!(!dir.path().join("out/copied/16").join("tiny-1").exists(), "no empty directory stays");
}
