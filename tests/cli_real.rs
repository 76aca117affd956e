//! The whole program on two real libvirt hosts: `hemera run`, and the console by hand. What is claimed is checked with
//! `virsh`.
#![cfg(feature = "libvirt")]
#![allow(clippy::unwrap_used)]

#[path = "support/lab.rs"]
mod lab;
#[path = "support/terminal.rs"]
mod terminal;

use std::process::Command;

use lab::Lab;
use terminal::Terminal;

/// A console on the lab, from which `count` VMs were booted.
fn console_with(lab: &Lab, count: u32) -> Terminal {
    let mut terminal = Terminal::start(&lab.console(), 120, 36);
    terminal.wait_until("two hosts that answer", |screen| screen.contains("2 hosts") && lab::sized(screen));
    terminal.keys("b");
    terminal.wait_for("Boot VMs");
    terminal.keys(&format!("\x15{count}"));
    terminal.press(&format!("Boot {count} VMs"));
    terminal.wait_for(&format!("{count} up"));
    terminal
}

#[test]
fn a_workflow_boots_four_vms_and_moves_them_crosswise_and_back() {
    let Some(lab) = Lab::take() else { return };
    let out = tempfile::tempdir().unwrap();
    let run = |workflow: &std::path::Path, out: &std::path::Path| {
        Command::new(env!("CARGO_BIN_EXE_hemera"))
            .args(["run".as_ref(), workflow.as_os_str(), "--world".as_ref(), lab.world().as_os_str()])
            .args(["--out".as_ref(), out.as_os_str()])
            .env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .output()
            .unwrap()
    };
    let ended = run(&lab.workflow(), &out.path().join("a"));
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let summary = std::fs::read_to_string(out.path().join("a/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    for step in summary["steps"].as_array().unwrap() {
        assert_eq!((step["tasks"].as_u64(), step["done"].as_u64()), (Some(4), Some(4)), "{step}");
    }
    // They were booted in turn on both hosts, and are back where they were.
    assert_eq!(lab.domains(0), ["tiny-1", "tiny-3"]);
    assert_eq!(lab.domains(1), ["tiny-2", "tiny-4"]);
    let migrations = std::fs::read_to_string(out.path().join("a/migrations.csv")).unwrap();
    assert_eq!(migrations.lines().count(), 9);
    for line in migrations.lines().skip(1) {
        let field = |n: usize| line.split(',').nth(n).unwrap();
        let (total, downtime): (f64, f64) = (field(7).parse().unwrap(), field(8).parse().unwrap());
        assert!(0.0 < downtime && downtime < total, "{line}");
        assert!(field(10).parse::<u64>().unwrap() > 1_000_000, "{line}");
    }
    // A VM that is there already is found, and only what Hemera made is destroyed.
    let destroy = out.path().join("destroy.toml");
    std::fs::write(&destroy, "name = \"destroy\"\n[[step]]\ndestroy = { select = \"tiny-1 or tiny-2\" }\n").unwrap();
    let ended = run(&destroy, &out.path().join("b"));
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(lab.domains(0), ["tiny-3"]);
    assert_eq!(lab.domains(1), ["tiny-4"]);
}

#[test]
fn vms_are_booted_moved_and_destroyed_by_hand() {
    let Some(lab) = Lab::take() else { return };
    let mut terminal = console_with(&lab, 4);
    let (first, second) = (lab.domains(0), lab.domains(1));
    assert_eq!((first.len(), second.len()), (2, 2));

    // Each host's VMs to the other: the second way of the move dialog.
    terminal.keys("*m");
    terminal.wait_for("by free memory");
    terminal.keys("\x1b[Z\x1b[C");
    terminal.wait_for("circular");
    terminal.wait_for("to send");
    terminal.press("Migrate 4 VMs");
    terminal.wait_for("#2");
    terminal.wait_until("the moves' end", |screen| screen.contains("0 open, 2 ended"));
    assert!(!terminal.text().contains("failed"), "{}", terminal.text());
    assert_eq!((lab.domains(0), lab.domains(1)), (second, first));

    terminal.keys("D");
    terminal.press("Destroy 4 VMs");
    terminal.wait_until("no VM left", |screen| screen.contains("0 VMs") && screen.contains("0 open, 3 ended"));
    assert!(lab.domains(0).is_empty() && lab.domains(1).is_empty());
    terminal.keys("q");
    assert_eq!(terminal.ended().exit_code(), 0);
    assert!(terminal.restored());
}

#[test]
fn what_somebody_else_does_is_seen_at_once() {
    let Some(lab) = Lab::take() else { return };
    let terminal = console_with(&lab, 2);
    lab.virsh(0, &["suspend", "vm-1"]);
    terminal.wait_until("it is paused", |screen| screen.lines().any(|l| l.contains("vm-1 ") && l.contains("paused")));
    lab.virsh(0, &["destroy", "vm-1"]);
    terminal.wait_until("it is gone", |screen| screen.lines().any(|l| l.contains("vm-1 ") && l.contains("failed")));
    assert!(terminal.text().contains("1 up"));
}
