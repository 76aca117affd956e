//! Commands on hosts, by OpenSSH's `ssh`.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::ledger::Ticket;
use super::queue::{Queue, lock};
use super::said::Said;
use crate::fleet::Script;
use crate::platform::{End, SshAccess, Stream};

/// How many commands run at once on all hosts together: each has a process and three threads here.
const AT_ONCE: usize = 32;
/// How long a host may take to let SSH in, in seconds.
const CONNECT: u32 = 10;
/// How often it is looked whether a command is to be ended.
const LOOK: Duration = Duration::from_millis(200);
/// How long a command may take to end when it is told to; then it is left to itself.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes that are read at once.
const CHUNK: usize = 32 << 10;
/// What `ssh` ends with where it did not get through.
const NO_SSH: i32 = 255;

/// Runs `$1` with the arguments that follow, by `sh` or, where it begins with `#!`, as a file, in a process group of its
/// own. Its own standard input stays open while the command may go on: when it is closed, be it because the connection
/// broke, the group is ended, or what is about to become one.
const WRAPPER: &str = r#"text=$1; shift; exec 3<&0 < /dev/null; d=
case $text in
'#!'*) d=$(mktemp -d) || exit 125; printf "%s\n" "$text" > "$d/script"; chmod 700 "$d/script"; set -- "$d/script" "$@" ;;
*) set -- /bin/sh -c "$text" sh "$@" ;;
esac
setsid "$@" 3<&- & p=$!
{ cat <&3; kill -TERM "-$p" || kill -TERM "$p"; sleep 2; kill -KILL "-$p"; } > /dev/null 2>&1 & w=$!
wait "$p"; c=$?; kill "$w"; [ -z "$d" ] || rm -rf "$d"; exit "$c""#;

/// A command that waits for its turn.
#[derive(Debug)]
struct Job {
    command: Command,
    timeout: Duration,
    ticket: Ticket,
    said: Said,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Job>,
    running: usize,
}

/// The commands that run on hosts.
#[derive(Debug, Default, Clone)]
pub(super) struct Shells(Arc<Mutex<State>>);

impl Shells {
    /// Runs a command on a host when it is its turn.
    pub(super) fn run(&self, ssh: &SshAccess, script: &Script, ticket: Ticket, queue: Arc<Queue>) {
        let said = Said::new(ticket.task, queue);
        let job = Job { command: command(ssh, script), timeout: script.timeout, ticket, said };
        let mut state = lock(&self.0);
        state.waiting.push_back(job);
        if state.running == AT_ONCE {
            return;
        }
        state.running += 1;
        drop(state);
        let shells = self.clone();
        let spawned = thread::Builder::new().name("shell".into()).spawn(move || {
            loop {
                let mut state = lock(&shells.0);
                let Some(job) = state.waiting.pop_front() else {
                    state.running -= 1;
                    return;
                };
                drop(state);
                work(job);
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for commands on hosts");
            let mut state = lock(&self.0);
            state.running -= 1;
            if state.running == 0 {
                // Their tickets fail when dropped, which takes no lock of this.
                state.waiting.clear();
            }
        }
    }
}

/// A word as a shell takes it unchanged.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn command(ssh: &SshAccess, script: &Script) -> Command {
    let mut command = Command::new("ssh");
    if let Some(config) = &ssh.config {
        command.arg("-F").arg(config);
    }
    command.args(["-T", "-o", "BatchMode=yes", "-o", &format!("ConnectTimeout={CONNECT}")]);
    command.args(["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "--", &ssh.destination]);
    let words = ["sh", "-c", WRAPPER, "sh", &script.text].into_iter();
    let words = words.chain(script.arguments.iter().map(|argument| &**argument)).map(quoted);
    command.arg(words.collect::<Vec<_>>().join(" "));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn work(mut job: Job) {
    if job.ticket.signals.cancelled() {
        return job.ticket.end(End::Cancelled, |_| true, None);
    }
    let end = match job.command.spawn() {
        Ok(child) => follow(&mut job, child),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            End::Failed("there is no `ssh` here: install OpenSSH's client".into())
        }
        Err(error) => End::Failed(format!("ssh: {error}").into()),
    };
    job.ticket.end(end, |_| true, None);
}

type Piece = (Stream, Vec<u8>);

/// Passes on what comes from a pipe until its end.
fn pass(mut from: impl Read + Send + 'static, stream: Stream, to: SyncSender<Piece>) -> io::Result<()> {
    thread::Builder::new().name("shell output".into()).spawn(move || {
        let mut bytes = vec![0; CHUNK];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if to.send((stream, bytes[..count].to_vec())).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

/// Follows a command to its end, or ends it.
fn follow(job: &mut Job, mut child: Child) -> End {
    let (pieces, came) = mpsc::sync_channel(16);
    let mut input = child.stdin.take();
    let streams = (child.stdout.take(), child.stderr.take());
    if let (Some(out), Some(err)) = streams
        && let Err(error) = pass(out, Stream::Out, pieces.clone()).and_then(|()| pass(err, Stream::Err, pieces))
    {
        let _ = child.kill();
        let _ = child.wait();
        return End::Failed(format!("no thread for its output: {error}").into());
    }
    let began = Instant::now();
    let mut ending: Option<(Instant, bool)> = None;
    loop {
        match came.recv_timeout(LOOK) {
            Ok((stream, bytes)) => job.said.wrote(stream, &bytes, 0),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let cancelled = job.ticket.signals.cancelled();
        match ending {
            None if cancelled || began.elapsed() >= job.timeout => {
                ending = Some((Instant::now(), cancelled));
                // What its wrapper waits for.
                drop(input.take());
            }
            Some((since, _)) if since.elapsed() >= GRACE => {
                let _ = child.kill();
                let _ = child.wait();
                return End::Failed("was told to end and did not".into());
            }
            _ => {}
        }
    }
    drop(input);
    let code = child.wait().ok().and_then(|status| status.code());
    match (ending, code) {
        (Some((_, true)), _) => End::Cancelled,
        (Some((_, false)), _) => Said::late(job.timeout),
        (None, Some(NO_SSH)) => {
            let why = job.said.last_line().unwrap_or_else(|| "it did not say why".into());
            End::Failed(format!("ssh did not get through: {why}").into())
        }
        (None, code) => job.said.exited(code.unwrap_or(-1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the wrapper as a host would, and gives its output and code.
    fn run(text: &str, arguments: &[&str], keep_open: bool) -> (String, Option<i32>) {
        let mut command = Command::new("sh");
        command.args(["-c", WRAPPER, "sh", text]).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().filter(|_| keep_open);
        let output = child.wait_with_output().unwrap();
        drop(input);
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }

    #[test]
    fn the_wrapper_runs_commands_and_files_and_ends_both() {
        assert_eq!(run("echo \"$1-$#\"; exit 3", &["a b", "c"], true), ("a b-2\n".into(), Some(3)));
        assert_eq!(run("#!/bin/sh\necho \"it's $1\"", &["it"], true), ("it's it\n".into(), Some(0)));
        let began = Instant::now();
        let (_, code) = run("sleep 600 & sleep 600", &[], false);
        assert_eq!(code, Some(128 + 15));
        assert!(began.elapsed() < Duration::from_secs(300));
    }

    #[test]
    fn words_reach_the_shell_unchanged() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
