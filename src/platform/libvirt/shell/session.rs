//! A session of OpenSSH's `ssh`, or of a program here, from its start to its end.

use std::fs::File;
use std::io::{self, Read};
use std::iter;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use super::WRAPPER;
use crate::fleet::Script;
use crate::platform::libvirt::ledger::Signals;
use crate::platform::{SshAccess, Stream};

/// How long a host may take to let SSH in, in seconds; between two questions whether it is still there; and how many of
/// them may go without an answer.
const HOST: [u32; 3] = [10, 5, 3];
/// The same of guests: an emulated one that had just booted on a busy machine took more than 10 s to greet.
const GUEST: [u32; 3] = [60, 15, 4];
/// How often it is looked whether a command is to be ended.
const LOOK: Duration = Duration::from_millis(200);
/// How long a command may take to end when it is told to; then it is left to itself.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes that are read at once.
const CHUNK: usize = 32 << 10;
/// What `ssh` ends with where it did not get through.
const NO_SSH: i32 = 255;

/// A word as a shell takes it unchanged.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What a session came to.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Outcome {
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
pub(in super::super) type Takes<'a> = dyn FnMut(Stream, &[u8]) -> Result<(), String> + 'a;

/// A script on a host, by `ssh`, or a program here.
#[derive(Debug)]
pub(in super::super) struct Session {
    command: Command,
    pub(super) timeout: Duration,
    /// Whether what runs ends when its standard input does.
    wrapped: bool,
    /// Whether it is a program here, which may end with whatever it likes.
    here: bool,
}

impl Session {
    /// Runs a user's script there, for its time at most, in a process group of its own that ends with the session.
    pub(super) fn wrapped(ssh: &SshAccess, script: &Script) -> Self {
        let arguments = script.arguments.iter().map(|argument| &**argument);
        Self { wrapped: true, ..Self::bound(ssh, &script.text, arguments, script.timeout) }
    }

    /// Runs a script of the shell there as [`new`](Self::new) does, in a process group of its own that is ended when its
    /// connection is.
    pub(in super::super) fn bound<'a>(
        ssh: &SshAccess,
        script: &'a str,
        arguments: impl Iterator<Item = &'a str>,
        timeout: Duration,
    ) -> Self {
        Self::new(ssh, WRAPPER, iter::once(script).chain(arguments), timeout)
    }

    /// Runs a script of the shell there with these arguments, for that time at most. What is ended is the connection: the
    /// script ends when it has something to say.
    pub(in super::super) fn new<'a>(
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
            let keys = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
            // Whoever answers there may be anybody: nothing that the user's own configuration does for hosts in general.
            let options = keys.into_iter().chain(["PermitLocalCommand=no", "RemoteCommand=none"]);
            command.args(options.flat_map(|option| ["-o", option]));
        }
        // Commands need no agent, no display and no ports from here, whatever the configuration forwards.
        command.args(["-a", "-x", "-T", "-o", "ClearAllForwardings=yes"]);
        let [connect, ask, most] = if ssh.guest { GUEST } else { HOST };
        command.args(["-o", "BatchMode=yes", "-o", &format!("ConnectTimeout={connect}")]);
        command.args(["-o", &format!("ServerAliveInterval={ask}"), "-o", &format!("ServerAliveCountMax={most}")]);
        command.args(["--", &ssh.destination]);
        let words = ["sh", "-c", script, "sh"].into_iter().chain(arguments).map(quoted);
        command.arg(words.collect::<Vec<_>>().join(" "));
        Self { command, timeout, wrapped: false, here: false }
    }

    /// Runs a program here with its arguments, for that time at most, in a process group of its own that ends with it.
    pub(super) fn here(program: &[String], timeout: Duration) -> Self {
        let mut command = Command::new("sh");
        command.process_group(0);
        command.args(["-c", WRAPPER, "sh", "exec \"$@\""]).args(program);
        Self { command, timeout, wrapped: true, here: true }
    }

    /// Follows it to its end, or ends it: by closing its standard input, or where it does not heed that, by closing all.
    /// `feed` goes to a script that is not wrapped; `wrote` takes what it writes.
    pub(in super::super) fn follow(mut self, feed: Option<File>, signals: &Signals, wrote: &mut Takes<'_>) -> Outcome {
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
                    drop(input.take());
                    if !self.wrapped {
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
            (None, Some(NO_SSH)) if !self.here => Outcome::NoSsh,
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

    #[test]
    fn only_keys_of_guests_are_taken_as_they_come() {
        let arguments = |any_key| {
            let ssh = SshAccess { destination: "root@10.160.0.1".into(), config: None, any_key, guest: any_key };
            let session = Session::new(&ssh, "true", iter::empty(), Duration::from_secs(1));
            let arguments = session.command.get_args();
            arguments.map(|argument| argument.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert!(arguments(true).contains("-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"));
        assert!(!arguments(false).contains("StrictHostKeyChecking"));
        assert!(arguments(true).contains("-o PermitLocalCommand=no -o RemoteCommand=none"));
        for any_key in [true, false] {
            assert!(arguments(any_key).contains("-a -x -T -o ClearAllForwardings=yes -o BatchMode=yes"));
        }
        assert!(
            arguments(true).contains("-o ConnectTimeout=60 ") && arguments(false).contains("-o ConnectTimeout=10 ")
        );
        assert!(arguments(true).ends_with("-- root@10.160.0.1 'sh' '-c' 'true' 'sh'"));
    }

    #[test]
    fn what_does_not_heed_its_input_is_ended_with_its_connection() {
        for cancelled in [true, false] {
            let mut command = Command::new("sleep");
            command.arg("600");
            let session = Session { command, timeout: Duration::ZERO, wrapped: false, here: false };
            let signals = Signals::default();
            if cancelled {
                signals.cancel();
            }
            let outcome = session.follow(None, &signals, &mut |_, _| Ok(()));
            assert_eq!(outcome, if cancelled { Outcome::Cancelled } else { Outcome::Late });
        }
    }

    #[test]
    fn words_reach_the_shell_unchanged() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
