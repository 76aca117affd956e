//! The console behind a line of 1 Mbit/s and 25 ms each way: keys show their effect within 150 ms while the fleet
//! changes. Needs root, `ip` and `tc`.

#![allow(clippy::unwrap_used)] // What is unexpected here fails the test.
// The benchmark's modules: here only a part of them is needed.
#![allow(dead_code, unreachable_pub)]

#[path = "../benches/console/keys.rs"]
mod keys;
#[path = "../benches/console/link.rs"]
mod link;
#[path = "../benches/console/measure.rs"]
mod measure;
#[path = "../benches/console/process.rs"]
mod process;
#[path = "../benches/console/slow.rs"]
mod slow;
#[path = "../benches/console/terminal.rs"]
mod terminal;

use std::time::Duration;

use measure::{Amount, Program};
use portable_pty::CommandBuilder;

/// Each way: a round trip takes 50 ms.
const DELAY: Duration = Duration::from_millis(25);
/// Of a hundred keys, ninety-nine.
const BUDGET_MS: f64 = 150.0;

#[test]
#[ignore = "takes minutes and needs root: tests/run --long"]
fn keys_show_within_150_ms_over_a_slow_line_while_the_fleet_changes() {
    if let Err(reason) = link::Link::new(DELAY) {
        // Past the capture of the output: whoever runs the tests is to know.
        std::io::Write::write_all(&mut std::io::stderr(), format!("NOT RUN: the slow line: {reason}\n").as_bytes())
            .unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let world = directory.path().join("changing.toml");
    let text = include_str!("../worlds/grid5000-2012.toml").replace("period = \"300 s\"", "period = \"10 s\"");
    std::fs::write(&world, text).unwrap();
    let mut slow = Vec::new();
    for vms in [10_240, 100_000] {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_hemera"));
        command.args(["--vms", &format!("{vms}"), "--world"]);
        command.arg(&world);
        command.env_clear();
        for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        command.env("XDG_STATE_HOME", directory.path());
        command.env("XDG_CONFIG_HOME", directory.path().join("config"));
        let program = Program {
            name: format!("{vms} VMs"),
            command,
            begun: || keys::says("Hosts"),
            full: || Box::new(|screen| keys::cursor(screen).is_some()),
            round: &[],
            heatmap: None,
        };
        for (view, before, round) in [("VM table", "", &keys::ROUND[..]), ("heatmap", "2z", &keys::HEATMAP)] {
            let again = ["the_far_end", "--exact", "--include-ignored", "--nocapture"];
            let amount = Amount { keys: 200, idle: 1 };
            let found = slow::over_line(&program, &again, DELAY, (before, round), amount).unwrap();
            let figures = format!(
                "{vms} VMs, {view}: p50 {:.0}, p99 {:.0}, at most {:.0} ms ({}); {}",
                found.keys.at(0.5),
                found.keys.at(0.99),
                found.keys.at(1.0),
                found.made,
                found.slowest
            );
            println!("{figures}");
            slow.extend((found.keys.at(0.99) > BUDGET_MS).then_some(figures));
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

#[test]
#[ignore = "is run by keys_show_within_150_ms_over_a_slow_line_while_the_fleet_changes"]
fn the_far_end() {
    if let Some(program) = slow::far_program() {
        link::far_end(&program).unwrap();
    }
}
