//! Loads of guests, set by the load tool inside them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::agent;
use super::host::Host;
use super::ledger::Ticket;
use super::said::{Said, last_line};
use super::shell::{Outcome, Session};
use super::trouble::Trouble;
use crate::doctor::{LoadSeen, Sign};
use crate::fleet::{Bytes, Load};
use crate::platform::{End, LOAD_TIMEOUT, Observation, SshAccess, Stream, VmKey};

/// How much of the end of what a guest says is remembered.
const REMEMBERED: usize = 1 << 10;

/// Where the load tool takes its commands: at `$1`, or where others than root may write.
const WHERE: &str = r#"control=$1; shift; [ -w "${control%/*}" ] || control=/tmp/hemera-load-$(id -u)
"#;
/// Gives the load tool a command, which is all arguments; starts it first where it does not run. Says its answer. Programs
/// that start are what takes time in an emulated guest: there are few of them, and the rest is the shell.
const SET: &str = r#"
command -v hemera-load > /dev/null || { echo "there is no hemera-load in it" >&2; exit 127; }
if [ -S "$control" ]; then
    said=$(hemera-load ctl "$control" "$@" 2> /dev/null)
    code=$?
    if [ -n "$said" ]; then echo "$said"; exit "$code"; fi
    # It was killed, unless it is only slow.
    if pidof hemera-load > /dev/null; then echo "the hemera-load in it does not answer at $control" >&2; exit 1; fi
    rm -f "$control"
fi
# The tool itself has left the group that is ended with this.
trap 'kill "$!" 2> /dev/null; exit 143' TERM
setsid hemera-load --control "$control" < /dev/null > /dev/null 2> "$control.err" &
while [ ! -S "$control" ]; do
    kill -0 $! 2> /dev/null || { cat "$control.err" >&2; exit 1; }
    sleep 0.1
done
exec hemera-load ctl "$control" "$@"
"#;
/// Ends all load; without a load tool that runs there is none.
const STOP: &str = r#"
if [ -S "$control" ]; then
    said=$(hemera-load ctl "$control" stop 2> /dev/null)
    code=$?
    if [ -n "$said" ]; then echo "$said"; exit "$code"; fi
fi
pidof hemera-load > /dev/null || exit 0
echo "a hemera-load runs in it and does not answer at $control" >&2
exit 1
"#;
/// Where the load tool takes its commands from root.
const CONTROL: &str = "/run/hemera-load";
/// How long a guest may take to carry a command out: under emulation, with all of its CPU in use.
const WITHIN: Duration = Duration::from_secs(50);

/// The script that sets a VM's load or ends it, and its arguments. Blocks.
fn script(host: &Host, vm: &str, load: Option<Load>) -> Result<(String, Vec<String>), Trouble> {
    let mut arguments = vec![CONTROL.to_owned()];
    let Some(load) = load else { return Ok((format!("{WHERE}{STOP}"), arguments)) };
    let wanted = vm.to_owned();
    let memory = host.call(&format!("asking for the memory of {vm}"), move |connect| {
        Ok(Bytes(connect.lookup_domain_by_name(&wanted)?.max_memory()? * 1024))
    })?;
    arguments.extend(command(&load, memory));
    Ok((format!("{WHERE}{SET}"), arguments))
}

/// Sets a VM's load by its guest's agent, or ends it; what the load tool said when it took it. The guest must have
/// `hemera-load`. Blocks.
///
/// # Errors
/// Why not, naming the VM.
pub(super) fn stress(host: &Host, vm: &str, load: Option<Load>) -> Result<Option<Taken>, String> {
    let (script, arguments) = script(host, vm, load).map_err(|trouble| trouble.to_string())?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = agent::run(host, vm, &script, &arguments, WITHIN).map_err(|error| error.to_string())?;
    if ran.code != Some(0) {
        return Err(format!("{vm}: {}", said(&[ran.err.as_bytes(), ran.out.as_bytes()])));
    }
    Ok(load.and(taken(&ran.out)))
}

/// What a load tool said when it took a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// Its process in the guest.
    pub(super) pid: u32,
    /// The working set that it was asked for, and the one that it has.
    working_set: [Bytes; 2],
}

impl Taken {
    /// What is to be said of its working set: what it lacks of the one that was named, or how much it is.
    fn seen(self, load: &Load) -> Option<LoadSeen> {
        let [asked, taken] = self.working_set;
        match load.working_set {
            // It writes to none.
            _ if load.dirty_rate.0 == 0.0 => None,
            Some(_) => (taken < asked).then_some(LoadSeen::Short { asked, taken }),
            None => Some(LoadSeen::Has(taken)),
        }
    }
}

/// Reads the tool's answer; none where that is something else.
fn taken(said: &str) -> Option<Taken> {
    let answer: Value = serde_json::from_str(said.lines().last()?).ok()?;
    let pid = answer["pid"].as_u64()?.try_into().ok()?;
    let working_set = |which: &str| answer[which]["working_set"].as_u64().map(Bytes);
    Some(Taken { pid, working_set: [working_set("asked")?, working_set("granted")?] })
}

/// Setting a load in a guest that has no agent, or ending it, by SSH.
#[derive(Debug)]
pub(super) struct Strain {
    host: Arc<Host>,
    vm: Arc<str>,
    ssh: SshAccess,
    load: Option<Load>,
    ticket: Ticket,
}

impl Strain {
    pub(super) const fn new(host: Arc<Host>, vm: Arc<str>, ssh: SshAccess, load: Option<Load>, ticket: Ticket) -> Self {
        Self { host, vm, ssh, load, ticket }
    }

    /// Its task.
    pub(super) const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Ends it before it has begun.
    pub(super) fn cancelled(self) {
        self.ticket.end(End::Cancelled, |_| true, None);
    }

    /// Does it. Blocks.
    pub(super) fn work(self) {
        let (end, taken) = if self.ticket.signals.cancelled() { (End::Cancelled, None) } else { self.converse() };
        match end {
            End::Done => self.host.tools.take(&self.vm, taken.map(|taken| taken.pid)),
            // What it bears now nobody knows.
            _ => self.host.tools.forget(&self.vm),
        }
        self.ticket.end(end, |_| true, None);
        tell(&self.host, &self.vm, self.load, taken);
    }

    /// How it ended, and what the load tool said when it took its load.
    fn converse(&self) -> (End, Option<Taken>) {
        let (script, arguments) = match script(&self.host, &self.vm, self.load) {
            Ok(asked) => asked,
            Err(trouble) => return (End::Failed(trouble.to_string().into()), None),
        };
        let session = Session::bound(&self.ssh, &script, arguments.iter().map(String::as_str), LOAD_TIMEOUT);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = session.follow(None, &self.ticket.signals, &mut |stream, bytes| {
            let text = if stream == Stream::Err { &mut err } else { &mut out };
            text.extend_from_slice(bytes);
            text.drain(..text.len().saturating_sub(REMEMBERED));
            Ok(())
        });
        let end = match outcome {
            Outcome::Exited(0) => {
                return (End::Done, self.load.and(taken(&String::from_utf8_lossy(&out))));
            }
            Outcome::Exited(_) => End::Failed(said(&[&err, &out]).into()),
            Outcome::NoSsh => End::Failed(format!("ssh did not get through: {}", said(&[&err])).into()),
            Outcome::Cancelled => End::Cancelled,
            Outcome::Late => Said::late(LOAD_TIMEOUT),
            Outcome::Broken(why) => End::Failed(why.into()),
        };
        (end, None)
    }
}

/// Says what is to be said of a load that was just taken; after its task's end, with which it begins.
pub(super) fn tell(host: &Host, vm: &Arc<str>, load: Option<Load>, taken: Option<Taken>) {
    if let (Some(load), Some(taken)) = (load, taken)
        && let Some(seen) = taken.seen(&load)
    {
        let vm = VmKey::Name(vm.clone());
        host.queue.push(None, vec![Observation::Sign { vm, sign: Sign::Load(seen) }]);
    }
}

/// The last words of the load tool, in the first of these that has any.
fn said(texts: &[&[u8]]) -> String {
    let last = |text: &&[u8]| {
        let whole = String::from_utf8_lossy(text);
        let line = whole.lines().rev().find(|line| !line.trim().is_empty())?;
        refusal(line).or_else(|| last_line(text))
    };
    texts.iter().find_map(last).unwrap_or_else(|| "it ended without a word".into())
}

/// What the load tool is told. It takes the working set in bytes: a share would be one of what is free in the guest.
fn command(load: &Load, memory: Bytes) -> [String; 3] {
    let working_set = (memory.0 as f64 * load.cap().0).round() as u64;
    [
        format!("cpu={}%", load.cpu.0 * 100.0),
        format!("dirty={:.0}B/s", load.dirty_rate.0),
        format!("working-set={working_set}B"),
    ]
}

/// The reason in the tool's answer to a command that it did not carry out.
fn refusal(line: &str) -> Option<String> {
    serde_json::from_str::<Value>(line).ok()?["error"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::Instant;
    use std::{env, fs, thread};

    use super::super::shell::WRAPPER;
    use super::*;
    use crate::fleet::{Rate, Share};

    #[test]
    fn the_tool_is_told_shares_rates_and_bytes() {
        let load = Load { cpu: Share(0.6), dirty_rate: Rate(12.5e6), working_set: Some(Share(0.5)) };
        assert_eq!(command(&load, Bytes::mib(96)), ["cpu=60%", "dirty=12500000B/s", "working-set=50331648B"]);
    }

    fn wait(what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < Duration::from_secs(60), "waited for {what}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_tool_that_starts_ends_with_the_session_that_starts_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, text) in [("hemera-load", "echo $$ > pid.new; mv pid.new pid; exec sleep 600"), ("pidof", "exit 1")]
        {
            fs::write(at(name), format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:{}", folder.path().display(), env::var("PATH").unwrap());
        let mut session = Command::new("sh");
        session.args(["-c", WRAPPER, "sh", &format!("{WHERE}{SET}")]).arg(at("control")).arg("cpu=60%");
        session.env("PATH", path).current_dir(&folder).stdin(Stdio::piped());
        let mut session = session.spawn().unwrap();
        wait("its start", || at("pid").exists());
        let tool = Path::new("/proc").join(fs::read_to_string(at("pid")).unwrap().trim()).join("cmdline");
        // Of one that has ended there is nothing to read, whether or not somebody has taken note of that.
        let runs = || fs::read(&tool).is_ok_and(|words| !words.is_empty());
        assert!(runs());
        drop(session.stdin.take());
        assert!(!session.wait().unwrap().success());
        wait("its end", || !runs());
    }

    #[test]
    fn what_the_tool_takes_may_be_less_than_was_asked() {
        let said = |granted: u64| {
            format!(r#"{{"ok":true,"pid":124,"asked":{{"working_set":100}},"granted":{{"working_set":{granted}}}}}"#)
        };
        let load = |rate, working_set| Load { cpu: Share(0.6), dirty_rate: Rate(rate), working_set };
        let seen = |granted, load: Load| taken(&said(granted)).and_then(|taken| taken.seen(&load));
        let named = load(1e6, Some(Share(0.5)));
        assert_eq!(taken(&said(100)).map(|taken| taken.pid), Some(124));
        assert_eq!(seen(100, named), None);
        assert_eq!(seen(60, named), Some(LoadSeen::Short { asked: Bytes(100), taken: Bytes(60) }));
        assert_eq!(seen(60, load(1e6, None)), Some(LoadSeen::Has(Bytes(60))), "nobody named one");
        assert_eq!(seen(60, load(0.0, Some(Share(0.5)))), None, "nothing is written to it");
        assert_eq!(taken("ash: odd\n"), None);
        assert_eq!(taken(""), None);
    }

    #[test]
    fn the_tools_reason_is_told_without_its_wrapping() {
        assert_eq!(said(&[b"\n", b"x\n{\"error\":\"no\"}\n"]), "no");
        assert_eq!(said(&[b"ash: bad\n", b"x\n"]), "ash: bad");
        assert_eq!(said(&[b""]), "it ended without a word");
        assert_eq!(refusal(r#"{"error":"`cpu` is too much"}"#).as_deref(), Some("`cpu` is too much"));
        assert_eq!(refusal("hemera-load: no socket"), None);
    }
}
