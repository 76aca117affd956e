//! Running the system's programs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::LabError;

/// A program with no standard input. Debian keeps some where only root's login shell looks.
pub(super) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin:/usr/bin:/bin")).stdin(Stdio::null());
    // What they say is told to people and looked for in tests.
    command.env("LC_ALL", "C");
    command
}

/// Starts a program in a network namespace that is to outlive this process, and what started it: in a session of its own,
/// so that no Ctrl-C ends it, and without the files that were handed to this process open, as the pipes and locks of
/// whoever waits for their end. What it says goes to `log`. The process started is the program itself in the end.
pub(super) fn daemon<A: AsRef<OsStr>>(
    namespace: &str,
    args: impl IntoIterator<Item = A>,
    log: &Path,
) -> Result<Child, LabError> {
    let output = File::options().create(true).append(true).open(log).map_err(LabError::file(log))?;
    let errors = output.try_clone().map_err(LabError::file(log))?;
    let mut daemon = command("setsid");
    daemon.args(["bash", "-c", CLOSE, "bash", "ip", "netns", "exec", namespace]).args(args);
    daemon.stdout(output).stderr(errors);
    daemon.spawn().map_err(|error| failed(&daemon, &error.to_string()))
}

/// Closes all but the three usual files, then becomes what the arguments say.
const CLOSE: &str =
    r#"for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done; exec "$@""#;

/// Runs a program to its end; what it printed, or what it said of why it failed.
pub(super) fn run(program: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<String, LabError> {
    finish(command(program).args(args))
}

/// Runs a prepared command to its end.
pub(super) fn finish(command: &mut Command) -> Result<String, LabError> {
    let output = command.output().map_err(|error| failed(command, &error.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failed(command, &String::from_utf8_lossy(&output.stderr)))
    }
}

/// The last lines of a log.
pub(super) fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Feeds `ip` with commands, one a line, within a network namespace: much faster than one process each.
pub(super) fn ip_batch(namespace: Option<&str>, lines: &[String]) -> Result<(), LabError> {
    batch("ip", namespace, lines)
}

/// Feeds `tc` with commands, one a line, within a network namespace.
pub(super) fn tc_batch(namespace: &str, lines: &[String]) -> Result<(), LabError> {
    batch("tc", Some(namespace), lines)
}

fn batch(program: &str, namespace: Option<&str>, lines: &[String]) -> Result<(), LabError> {
    let mut command = command(program);
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(&command, &error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // Where it ends at a wrong line and reads no more, its own words say more than the broken pipe.
        let _ = stdin.write_all((lines.join("\n") + "\n").as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(&command, &error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    // "Command failed -:3" names the line.
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.rsplit("-:").next().and_then(|n| n.trim().parse::<usize>().ok());
    let line = line.and_then(|n| lines.get(n.saturating_sub(1))).map_or("-batch", String::as_str);
    let namespace = namespace.map_or(String::new(), |name| format!("-n {name} "));
    Err(LabError::Program { command: format!("{program} {namespace}{line}"), said: said.trim().to_owned() })
}

/// The error of a program that failed.
pub(super) fn failed(command: &Command, said: &str) -> LabError {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let text = words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    // Scripts that are given as an argument would bury the rest.
    let text = text.lines().next().unwrap_or_default().chars().take(200).collect();
    LabError::Program { command: text, said: said.trim().to_owned() }
}
