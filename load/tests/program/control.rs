//! Starting, commanding and ending the program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::support::{Load, json, program, wait_until};

fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()))
}

fn output(arguments: &[&str]) -> Output {
    program().args(arguments).stdin(Stdio::null()).output().expect("runs")
}

fn ctl(path: &str, command: &[&str]) -> (String, bool) {
    let output = output(&[&["ctl", path], command].concat());
    (String::from_utf8(output.stdout).expect("text"), output.status.success())
}

#[test]
fn help_and_version_go_to_standard_output_and_mistakes_to_standard_error() {
    for (arguments, start) in [(["--help"], "Loads this machine"), (["-V"], "hemera-load ")] {
        let output = output(&arguments);
        assert!(output.status.success() && output.stdout.starts_with(start.as_bytes()), "{output:?}");
    }
    for arguments in [&["--cup", "1%"][..], &["--cpu"], &["ctl"], &[]] {
        let output = output(arguments);
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("Try hemera-load --help"), "{output:?}");
    }
}

#[test]
fn it_ends_with_its_standard_input() {
    let mut load = Load::start(&["--cpu", "1%", "--dirty", "1MB/s"]);
    assert_eq!(load.ask("report")["asked"]["cpu"], 0.01);
    load.let_go();
    assert!(load.ended().success());
}

#[test]
fn reports_come_by_themselves() {
    let mut load = Load::start(&["--dirty", "1MB/s", "--report", "100ms"]);
    let first = load.line();
    let second = load.line();
    assert!(first["time_s"].as_f64() < second["time_s"].as_f64(), "{first} {second}");
}

#[test]
fn a_socket_takes_commands_and_is_removed_by_a_signal() {
    let path = place("socket");
    let name = path.to_str().expect("text");
    let mut killed = program().args(["--control", name]).spawn().expect("starts");
    wait_until("it listens", || path.exists().then_some(()));
    killed.kill().and_then(|()| killed.wait()).expect("killed");
    assert!(path.exists(), "what was killed leaves its socket, which the next one takes over");
    for signal in ["TERM", "INT"] {
        let mut child = program().args(["--control", name]).stdout(Stdio::null()).spawn().expect("starts");
        let (answer, good) = wait_until("it listens", || {
            let answer = ctl(name, &["dirty=1MB/s", "cpu", "2", "%"]);
            (!answer.0.is_empty()).then_some(answer)
        });
        assert!(good, "{answer}");
        assert_eq!(json(&answer)["asked"]["dirty"], 1_000_000);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let (answer, good) = ctl(name, &["dirty=9"]);
        assert!(!good && answer.contains("`9` is not a rate"), "{answer}");
        let (report, good) = ctl(name, &["report"]);
        assert!(good && json(&report)["asked"]["dirty"] == 1_000_000, "{report}");
        let second = output(&["--control", name]);
        assert!(String::from_utf8_lossy(&second.stderr).contains("another hemera-load"), "{second:?}");
        Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().expect("runs");
        let status = wait_until("it ends", || child.try_wait().expect("waits"));
        assert!(status.success() && !path.exists(), "{status}");
    }
    let (_, good) = ctl(name, &["report"]);
    assert!(!good, "nobody listens");
}

#[test]
fn a_fifo_takes_commands_from_any_number_of_writers() {
    let path = place("fifo");
    let name = path.to_str().expect("text");
    assert!(Command::new("mkfifo").arg(&path).status().expect("runs").success());
    let mut child = program().args(["--control", name]).stdout(Stdio::piped()).spawn().expect("starts");
    wait_until("it reads the FIFO", || ctl(name, &["dirty=1MB/s"]).1.then_some(()));
    for command in ["cpu=3%", "end"] {
        assert!(ctl(name, &[command]).1);
    }
    let status = wait_until("it ends", || child.try_wait().expect("waits"));
    let output = child.wait_with_output().expect("reads");
    let answers = String::from_utf8(output.stdout).expect("text");
    assert!(
        status.success() && answers.lines().nth(1).is_some_and(|line| json(line)["asked"]["cpu"] == 0.03),
        "{answers}"
    );
    assert!(!ctl(name, &["report"]).1, "nobody reads it any more");
    assert!(path.exists(), "a FIFO of somebody else's stays");
    fs::remove_file(&path).expect("removed");
}

#[test]
fn a_file_in_the_way_is_left_alone() {
    let path = place("file");
    fs::write(&path, "a thesis").expect("written");
    let output = output(&["--control", path.to_str().expect("text")]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("neither a FIFO nor a socket"), "{output:?}");
    assert_eq!(fs::read_to_string(&path).expect("there"), "a thesis");
    fs::remove_file(&path).expect("removed");
}
