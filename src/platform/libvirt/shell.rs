//! Commands on hosts, and in guests without an agent, by OpenSSH's `ssh`; and here, those that switch hosts.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::iter;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::copy::Carry;
use super::ledger::{Signals, Ticket};
use super::queue::{Queue, lock};
use super::said::Said;
use crate::fleet::Script;
use crate::platform::{End, POWER_TIMEOUT, SshAccess, Stream};

/// How many commands run at once on all hosts and in all guests together: each has a process and three threads here.
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

/// What waits for its turn.
#[derive(Debug)]
enum Job {
    Run(Box<Run>),
    Copy(Carry),
}

/// A command.
#[derive(Debug)]
struct Run {
    session: Session,
    ticket: Ticket,
    said: Said,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Job>,
    running: usize,
}

/// The commands that run by SSH, and the files that are copied so.
#[derive(Debug, Default, Clone)]
pub(super) struct Shells(Arc<Mutex<State>>);

impl Shells {
    /// Runs a command there when it is its turn.
    pub(super) fn run(&self, ssh: &SshAccess, script: &Script, ticket: Ticket, queue: Arc<Queue>) {
        let said = Said::new(ticket.task, queue);
        let arguments = script.arguments.iter().map(|argument| &**argument);
        let session = Session::new(ssh, WRAPPER, iter::once(&*script.text).chain(arguments), script.timeout);
        self.put(Job::Run(Box::new(Run { session, ticket, said })));
    }

    /// Runs a program here, with its arguments, when it is its turn: what switches a host.
    pub(super) fn switch(&self, command: &[String], ticket: Ticket, queue: Arc<Queue>) {
        let said = Said::new(ticket.task, queue);
        self.put(Job::Run(Box::new(Run { session: Session::here(command, POWER_TIMEOUT), ticket, said })));
    }

    /// Copies a file there or back when it is its turn.
    pub(super) fn copy(&self, carry: Carry) {
        self.put(Job::Copy(carry));
    }

    fn put(&self, job: Job) {
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
                match job {
                    Job::Run(run) => run.work(),
                    Job::Copy(carry) => carry.work(),
                }
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

impl Run {
    fn work(self) {
        let Self { session, ticket, mut said } = self;
        if ticket.signals.cancelled() {
            return ticket.end(End::Cancelled, |_| true, None);
        }
        let (timeout, here) = (session.timeout, session.here);
        let outcome = session.follow(None, &ticket.signals, &mut |stream, bytes| {
            said.wrote(stream, bytes, 0);
            Ok(())
        });
        let end = match outcome {
            Outcome::Exited(code) => said.exited(code),
            Outcome::NoSsh if here => said.exited(NO_SSH),
            Outcome::NoSsh => {
                let why = said.last_line().unwrap_or_else(|| "it did not say why".into());
                End::Failed(format!("ssh did not get through: {why}").into())
            }
            Outcome::Cancelled => End::Cancelled,
            Outcome::Late => Said::late(timeout),
            Outcome::Broken(why) => End::Failed(why.into()),
        };
        ticket.end(end, |_| true, None);
    }
}

/// A word as a shell takes it unchanged.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What a session came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// What ran ended by itself, with this code.
    Exited(i32),
    /// `ssh` did not get through; why, it wrote to standard error.
    NoSsh,
    /// It was ended because its task was cancelled.
    Cancelled,
    /// It was ended because its time was over.
    Late,
    /// It broke for this reason.
    Broken(String),
}

/// What takes what a session writes; its error ends the session.
pub(super) type Takes<'a> = dyn FnMut(Stream, &[u8]) -> Result<(), String> + 'a;

/// A script on a host, by `ssh`, or a program here.
#[derive(Debug)]
pub(super) struct Session {
    command: Command,
    timeout: Duration,
    here: bool,
}

impl Session {
    /// Runs a script of the shell there with these arguments, for that time at most.
    pub(super) fn new<'a>(
        ssh: &SshAccess,
        script: &'a str,
        arguments: impl Iterator<Item = &'a str>,
        timeout: Duration,
    ) -> Self {
        let mut command = Command::new("ssh");
        // A Ctrl-C at our terminal is ours alone: what runs goes on to its end.
        command.process_group(0);
        if let Some(config) = &ssh.config {
            command.arg("-F").arg(config);
        }
        if ssh.any_key {
            // Without a word about it among what the command says.
            let options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
            command.args(options.iter().flat_map(|option| ["-o", option]));
        }
        command.args(["-T", "-o", "BatchMode=yes", "-o", &format!("ConnectTimeout={CONNECT}")]);
        command.args(["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "--", &ssh.destination]);
        let words = ["sh", "-c", script, "sh"].into_iter().chain(arguments).map(quoted);
        command.arg(words.collect::<Vec<_>>().join(" "));
        Self { command, timeout, here: false }
    }

    /// Runs a program here with its arguments, for that time at most, in a process group of its own that ends with it.
    fn here(program: &[String], timeout: Duration) -> Self {
        let mut command = Command::new("sh");
        command.process_group(0);
        command.args(["-c", WRAPPER, "sh", "exec \"$@\""]).args(program);
        Self { command, timeout, here: true }
    }

    /// Follows it to its end, or ends it: by closing its standard input, or where `feed` goes there, by closing all.
    /// `wrote` takes what it writes.
    pub(super) fn follow(mut self, feed: Option<File>, signals: &Signals, wrote: &mut Takes<'_>) -> Outcome {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Outcome::Broken("there is no `ssh` here: install OpenSSH's client".into());
            }
            Err(error) => return Outcome::Broken(format!("ssh: {error}")),
        };
        let broken = |mut child: Child, why: String| {
            let _ = child.kill();
            let _ = child.wait();
            Outcome::Broken(why)
        };
        let (came, mut input) = match streams(&mut child, feed) {
            Ok(streams) => streams,
            Err(error) => return broken(child, format!("no thread for its output: {error}")),
        };
        let began = Instant::now();
        let mut ending: Option<(Instant, bool)> = None;
        loop {
            match came.recv_timeout(LOOK) {
                Ok((stream, bytes)) => {
                    if let Err(why) = wrote(stream, &bytes) {
                        return broken(child, why);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let cancelled = signals.cancelled();
            match ending {
                None if cancelled || began.elapsed() >= self.timeout => {
                    ending = Some((Instant::now(), cancelled));
                    if input.take().is_none() {
                        let _ = child.kill();
                    }
                }
                Some((since, _)) if since.elapsed() >= GRACE => {
                    return broken(child, "was told to end and did not".into());
                }
                _ => {}
            }
        }
        drop(input);
        let code = child.wait().ok().and_then(|status| status.code());
        match (ending, code) {
            (Some((_, true)), _) => Outcome::Cancelled,
            (Some((_, false)), _) => Outcome::Late,
            (None, Some(NO_SSH)) => Outcome::NoSsh,
            (None, code) => Outcome::Exited(code.unwrap_or(-1)),
        }
    }
}

type Piece = (Stream, Vec<u8>);

/// What a child writes; its standard input, where nothing is fed to it.
fn streams(child: &mut Child, feed: Option<File>) -> io::Result<(Receiver<Piece>, Option<ChildStdin>)> {
    let (pieces, came) = mpsc::sync_channel(16);
    if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
        pass(out, Stream::Out, pieces.clone())?;
        pass(err, Stream::Err, pieces)?;
    }
    let mut input = child.stdin.take();
    if let Some(mut feed) = feed
        && let Some(mut to) = input.take()
    {
        // It breaks off where nobody takes it any more, and how that came the child says.
        thread::Builder::new().name("shell input".into()).spawn(move || io::copy(&mut feed, &mut to))?;
    }
    Ok((came, input))
}

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
    fn programs_here_are_ended_with_their_tasks() {
        let outcome = |program: &[&str], cancelled: bool| {
            let program: Vec<String> = program.iter().map(|&word| word.to_owned()).collect();
            let signals = Signals::default();
            if cancelled {
                signals.cancel();
            }
            let mut said = Vec::new();
            let outcome = Session::here(&program, Duration::from_secs(300)).follow(None, &signals, &mut |_, bytes| {
                said.extend_from_slice(bytes);
                Ok(())
            });
            (outcome, String::from_utf8(said).unwrap())
        };
        assert_eq!(outcome(&["echo", "a  b", "$0"], false), (Outcome::Exited(0), "a  b $0\n".into()));
        assert_eq!(outcome(&["/nowhere/kapower3", "--off"], false).0, Outcome::Exited(127));
        assert_eq!(outcome(&["sleep", "600"], true).0, Outcome::Cancelled);
    }

    #[test]
    fn only_keys_of_guests_are_taken_as_they_come() {
        let arguments = |any_key| {
            let ssh = SshAccess { destination: "root@10.160.0.1".into(), config: None, any_key };
            let session = Session::new(&ssh, "true", iter::empty(), Duration::from_secs(1));
            let arguments = session.command.get_args();
            arguments.map(|argument| argument.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert!(arguments(true).contains("-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"));
        assert!(!arguments(false).contains("StrictHostKeyChecking"));
        assert!(arguments(true).ends_with("-- root@10.160.0.1 'sh' '-c' 'true' 'sh'"));
    }

    #[test]
    fn words_reach_the_shell_unchanged() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
