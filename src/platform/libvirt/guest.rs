//! Commands in guests, by the QEMU guest agent.
//!
//! The agent starts a wrapper in a shell of the guest. It puts the command into a process group of its own, whose number
//! it notes, with its output in two files of a directory of its own in the guest's `/tmp`. The agent reads these while
//! the command runs; at the end the directory is removed. What ends a command early ends its process group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::agent::{AgentError, ask};
use super::errands::{Errand, Next};
use super::host::Host;
use super::queue::Queue;
use super::said::Said;
use super::trouble::Trouble;
use super::work::uuid;
use crate::fleet::{Script, TaskId};
use crate::platform::{End, OUTPUT_KEPT, Stream};

/// Between two looks at a command: doubled from the first to the last.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// For how long a guest whose agent does not answer is asked again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that one question for output brings.
const CHUNK: usize = 48 << 10;
/// Questions for one stream's output in one step.
const CHUNKS: usize = 4;
/// How much of a stream is fetched while its command runs; of what comes later only the end.
const FETCHED: u64 = 2 << 20;
/// How long a command may take to end when its group is told to, and then when it is killed.
const GRACE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));

/// Runs `$2` with the arguments that follow, by `sh` or, where it begins with `#!`, as a file. `$1` is the directory.
const WRAPPER: &str = r#"
d=$1 text=$2; shift 2
mkdir -m 700 "$d" || exit 125
case $text in
'#!'*) printf '%s\n' "$text" > "$d/script"; chmod 700 "$d/script"; set -- "$d/script" "$@" ;;
*) set -- /bin/sh -c "$text" sh "$@" ;;
esac
: > "$d/out"; : > "$d/err"
setsid "$@" < /dev/null > "$d/out" 2> "$d/err" &
echo $! > "$d/pid"
wait $!
"#;
/// Sends the signal `$2` to the group, or to what is about to become one.
const KILL: &str = r#"p=$(cat "$1/pid"); kill "-$2" "-$p" || kill "-$2" "$p""#;

/// One of a command's two files of output.
#[derive(Debug)]
struct Source {
    stream: Stream,
    name: &'static str,
    handle: Option<i64>,
    /// How far it was fetched, or left out.
    fetched: u64,
}

impl Source {
    const fn new(stream: Stream, name: &'static str) -> Self {
        Self { stream, name, handle: None, fetched: 0 }
    }
}

/// Why a command is being ended.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Why {
    Cancelled,
    Late,
}

/// A command in a guest.
#[derive(Debug)]
pub(super) struct Run {
    vm: Arc<str>,
    script: Arc<Script>,
    /// Its directory in the guest.
    dir: String,
    asked: Instant,
    /// The wrapper's process id and when it began.
    began: Option<(i64, Instant)>,
    /// Since when the agent has not answered.
    silent: Option<Instant>,
    /// Since when it is being ended, why, and whether it was killed.
    ending: Option<(Instant, Why, bool)>,
    pause: Duration,
    sources: [Source; 2],
    said: Said,
}

impl Run {
    pub(super) fn new(vm: Arc<str>, script: Arc<Script>, task: TaskId, queue: Arc<Queue>) -> Self {
        Self {
            vm,
            script,
            dir: format!("/tmp/hemera-{}", uuid()),
            asked: Instant::now(),
            began: None,
            silent: None,
            ending: None,
            pause: LOOKS.0,
            sources: [Source::new(Stream::Out, "out"), Source::new(Stream::Err, "err")],
            said: Said::new(task, queue),
        }
    }

    fn exec(&self, host: &Host, script: &str, arguments: &[&str]) -> Result<i64, AgentError> {
        let mut words = vec!["-c", script, "sh", &self.dir];
        words.extend(arguments);
        let started = ask(host, &self.vm, "guest-exec", &json!({ "path": "/bin/sh", "arg": words }))?;
        started["pid"].as_i64().ok_or_else(|| self.unexpected(&started, "the id of a process"))
    }

    fn unexpected(&self, answer: &Value, expected: &'static str) -> AgentError {
        AgentError::Answer { vm: self.vm.to_string(), answer: answer.to_string(), expected }
    }

    /// Fetches what a file of output has now. True where it may have more.
    fn fetch(&mut self, host: &Host, which: usize, ended: bool) -> Result<bool, AgentError> {
        let source = &mut self.sources[which];
        let handle = if let Some(handle) = source.handle {
            handle
        } else {
            let path = format!("{}/{}", self.dir, source.name);
            let open = ask(host, &self.vm, "guest-file-open", &json!({ "path": path, "mode": "r" }));
            // The wrapper may not have made it yet; one that could not will never.
            let Some(handle) = open.ok().and_then(|handle| handle.as_i64()) else { return Ok(false) };
            *source.handle.insert(handle)
        };
        let mut skipped = 0;
        if source.fetched >= FETCHED {
            if !ended {
                return Ok(false);
            }
            let seek = |offset: u64, whence: &str| {
                ask(host, &self.vm, "guest-file-seek", &json!({ "handle": handle, "offset": offset, "whence": whence }))
            };
            let size = seek(0, "end")?["position"].as_u64().unwrap_or(source.fetched);
            let begin = size.saturating_sub(OUTPUT_KEPT as u64).max(source.fetched);
            seek(begin, "set")?;
            skipped = begin - source.fetched;
            source.fetched = begin;
        }
        for _ in 0..CHUNKS {
            let read = ask(host, &self.vm, "guest-file-read", &json!({ "handle": handle, "count": CHUNK }))?;
            let bytes = read["buf-b64"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
            if !bytes.is_empty() {
                self.said.wrote(source.stream, &bytes, std::mem::take(&mut skipped));
                source.fetched += bytes.len() as u64;
            }
            if bytes.len() < CHUNK {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn fetch_all(&mut self, host: &Host, ended: bool) -> Result<bool, AgentError> {
        Ok(self.fetch(host, 0, ended)? | self.fetch(host, 1, ended)?)
    }

    /// Fetches the rest of what an ended command wrote and removes what it leaves.
    fn finish(&mut self, host: &Host) {
        let within = Instant::now();
        // `fetch` brings the end of what is left in a few steps, whatever its size.
        while within.elapsed() < PATIENCE {
            match self.fetch_all(host, true) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(vm = &*self.vm, %error, "the end of a command's output is lost");
                    break;
                }
            }
        }
        for handle in self.sources.iter().filter_map(|source| source.handle) {
            let _ = ask(host, &self.vm, "guest-file-close", &json!({ "handle": handle }));
        }
        if let Err(error) = self.exec(host, r#"rm -rf "$1""#, &[]) {
            tracing::warn!(vm = &*self.vm, %error, "what a command left in a guest stays");
        }
    }

    fn start(&mut self, host: &Host) -> Next {
        let mut arguments = vec![&*self.script.text];
        arguments.extend(self.script.arguments.iter().map(|argument| &**argument));
        match self.exec(host, WRAPPER, &arguments) {
            Ok(pid) => {
                self.began = Some((pid, Instant::now()));
                Next::After(LOOKS.0)
            }
            // An agent comes a while after its guest, and after a move.
            Err(AgentError::Trouble(trouble @ Trouble::Refused { .. }))
                if !trouble.not_there() && self.asked.elapsed() < PATIENCE.min(self.script.timeout) =>
            {
                Next::After(LOOKS.1)
            }
            Err(error) => Next::Ended(End::Failed(why(&error).into())),
        }
    }

    /// Ends the group where that is due; the end where nothing helps.
    fn end_early(&mut self, host: &Host, began: Instant, cancelled: bool) -> Option<End> {
        match self.ending {
            None if cancelled || began.elapsed() >= self.script.timeout => {
                let why = if cancelled { Why::Cancelled } else { Why::Late };
                self.ending = Some((Instant::now(), why, false));
                self.signal(host, "TERM");
            }
            Some((since, why, false)) if since.elapsed() >= GRACE.0 => {
                self.ending = Some((since, why, true));
                self.signal(host, "KILL");
            }
            Some((since, _, true)) if since.elapsed() >= GRACE.0 + GRACE.1 => {
                return Some(End::Failed("was killed and did not end".into()));
            }
            _ => {}
        }
        None
    }

    fn signal(&mut self, host: &Host, signal: &str) {
        self.pause = LOOKS.0;
        if let Err(error) = self.exec(host, KILL, &[signal]) {
            tracing::warn!(vm = &*self.vm, %error, signal, "no signal to a command in a guest");
        }
    }

    fn look(&mut self, host: &Host, pid: i64, began: Instant, cancelled: bool) -> Next {
        let before: u64 = self.sources.iter().map(|source| source.fetched).sum();
        let looked = ask(host, &self.vm, "guest-exec-status", &json!({ "pid": pid })).and_then(|status| {
            let exited = status["exited"].as_bool().ok_or_else(|| self.unexpected(&status, "whether it ended"))?;
            if exited { Ok(Some(status)) } else { self.fetch_all(host, false).map(|_| None) }
        });
        match looked {
            Ok(Some(status)) => {
                self.finish(host);
                let signal = status["signal"].as_i64().map(|signal| 128 + signal);
                let code = status["exitcode"].as_i64().or(signal).unwrap_or(-1) as i32;
                return Next::Ended(match self.ending {
                    Some((_, Why::Cancelled, _)) => End::Cancelled,
                    Some((_, Why::Late, _)) => Said::late(self.script.timeout),
                    None => self.said.exited(code),
                });
            }
            Ok(None) => self.silent = None,
            Err(AgentError::Trouble(trouble)) if trouble.not_there() => {
                return Next::Ended(End::Failed("the VM is gone".into()));
            }
            Err(error) => {
                // It may be paused, or be moved by somebody else; its time runs on.
                let silent = *self.silent.get_or_insert_with(Instant::now);
                if host.reachable().is_err() || silent.elapsed() >= PATIENCE && began.elapsed() >= self.script.timeout {
                    let end = End::Failed(format!("{}; how the command ended is not known", why(&error)).into());
                    return Next::Ended(if cancelled { End::Cancelled } else { end });
                }
            }
        }
        if let Some(end) = self.end_early(host, began, cancelled) {
            return Next::Ended(end);
        }
        let wrote = self.sources.iter().map(|source| source.fetched).sum::<u64>() > before;
        self.pause = if wrote { LOOKS.0 * 2 } else { (self.pause * 2).min(LOOKS.1) };
        let left = self.script.timeout.saturating_sub(began.elapsed());
        Next::After(if self.ending.is_none() { self.pause.min(left) } else { self.pause })
    }
}

/// Why the agent did not do something, without the names that stand beside it anyway where they are known.
pub(super) fn why(error: &AgentError) -> String {
    match error {
        AgentError::Trouble(Trouble::Refused { error, .. }) => said_by_agent(error.message()).to_owned(),
        error => error.to_string(),
    }
}

/// What an agent said, of libvirt's message: `internal error: unable to execute QEMU agent command 'NAME': WHAT`.
fn said_by_agent(message: &str) -> &str {
    let agents = message.split_once("unable to execute QEMU agent command '");
    agents.and_then(|(_, rest)| rest.split_once("': ")).map_or(message, |(_, said)| said)
}

impl Errand for Run {
    fn step(&mut self, host: &Arc<Host>, cancelled: bool) -> Next {
        match self.began {
            None if cancelled => Next::Ended(End::Cancelled),
            None => self.start(host),
            Some((pid, began)) => self.look(host, pid, began, cancelled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_needs_no_words_about_libvirt() {
        let message =
            "internal error: unable to execute QEMU agent command 'guest-file-open': failed to open file '/x'";
        assert_eq!(said_by_agent(message), "failed to open file '/x'");
        let other = "Guest agent is not responding: QEMU guest agent is not connected";
        assert_eq!(said_by_agent(other), other);
    }
}
