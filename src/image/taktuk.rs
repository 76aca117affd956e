//! An image to many hosts by TakTuk, which many testbeds have: <http://taktuk.gforge.inria.fr>.
//!
//! TakTuk starts the script of a [transfer](super::transfer) on every host, over connections that go on from host to host,
//! and sends all of them the image as its input. What the scripts say comes back the same way, so that each host verifies
//! what it got and tells how far it is as in any other transfer.
//!
//! A broadcast begins at the image's first byte: hosts that have a part of it go on otherwise.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ImageFile;
use super::transfer::{From, Handle, Heard, OPTIONS, Outcome, Target, hear, remote};

/// Its program.
const PROGRAM: &str = "taktuk";
/// To how many others each passes it on: one, as in a chain, is the fastest where the hosts' links are the limit.
const ARITY: &str = "1";
/// What it prints of the lines that hosts say: which stream, which host, what.
const STREAMS: [&str; 5] = [
    r#"output="O\t$host\t$line\n""#,
    r#"error="E\t$host\t$line\n""#,
    r#"connector="E\t$peer\t$line\n""#,
    r#"state="S\t$peer\t".event_msg($line)."\n""#,
    r#"status="""#,
];
/// What it says of a host that it does not reach.
const LOST: [&str; 2] = ["Connection failed", "Connection lost"];
/// Bytes that are on their way at most, and how many are read at once.
const AHEAD: u64 = 64 << 20;
const BLOCK: usize = 256 << 10;
/// How long hosts may take to be reached before the first byte is sent to those that are.
const CONNECTS: Duration = Duration::from_secs(20);
/// After so long without a byte that it lacks a host is waited for no more, and after so long nobody gets anything any more.
const SLOW: Duration = Duration::from_secs(10);
const STALLS: Duration = Duration::from_secs(60);
/// Bytes that a host verifies in a second at least, without a word.
const VERIFIES: u64 = 100 << 20;
/// How often the time is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Whether it is installed here; the hosts need nothing but Perl.
pub(super) fn is_installed() -> bool {
    let mut command = Command::new(PROGRAM);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether it reaches that host: how that is reached stands among words of a shell's and its own.
pub(super) fn reaches(target: &Target) -> bool {
    let usable = |config: &PathBuf| is_plain(&config.display().to_string(), b"./_-+") && File::open(config).is_ok();
    !target.destination.starts_with('-')
        && is_plain(&target.destination, b"._-@+")
        && target.config.as_ref().is_none_or(usable)
}

/// Whether a text has no letters beside these that a shell, TakTuk or its lists of hosts could understand otherwise.
fn is_plain(text: &str, also: &[u8]) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
}

/// Sends an image to hosts, and tells what each says, by its place among them. To the end of all of them.
pub(super) fn run(targets: &[Target], image: &ImageFile, handle: &Handle, mut tell: impl FnMut(usize, Heard)) {
    let places: HashMap<&str, usize> =
        targets.iter().enumerate().map(|(place, target)| (target.destination.as_str(), place)).collect();
    let flow = Arc::new(Pace::new(targets.len()));
    let mut why = vec![String::new(); targets.len()];
    let last = match handle.start(&mut command(targets, image)) {
        Err(error) => error,
        Ok((stdin, stdout, stderr)) => {
            let errors = stderr.map(|err| thread::spawn(move || std::io::read_to_string(err).unwrap_or_default()));
            let feeder = stdin.map(|stdin| feed(stdin, image.path.clone(), flow.clone(), handle.clone()));
            for line in stdout.map(BufReader::new).into_iter().flat_map(|out| out.lines().map_while(Result::ok)) {
                let mut parts = line.splitn(3, '\t');
                let (Some(stream), Some(host), Some(said)) = (parts.next(), parts.next(), parts.next()) else {
                    continue;
                };
                let Some(&place) = places.get(host) else { continue };
                let heard = read(stream, said, &mut why[place]);
                if let Some(heard) = heard.filter(|_| flow.missing(place)) {
                    flow.note(place, &heard);
                    tell(place, heard);
                }
            }
            handle.wait();
            flow.end();
            // It ends with its pipe, or has nobody to wait for any more.
            let _ = feeder.map(thread::JoinHandle::join);
            let said = errors.and_then(|errors| errors.join().ok()).unwrap_or_default();
            said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it ended early").to_owned()
        }
    };
    for place in (0..targets.len()).filter(|place| flow.missing(*place)) {
        let why = if why[place].is_empty() { &last } else { &why[place] };
        tell(place, Heard::Outcome(Outcome::Broken(format!("{PROGRAM}: {why}"))));
    }
}

/// What a line of a host says; what it complains of is kept in `why`.
fn read(stream: &str, said: &str, why: &mut String) -> Option<Heard> {
    let broken = |why: &str| Some(Heard::Outcome(Outcome::Broken(format!("{PROGRAM}: {why}"))));
    match stream {
        "E" => {
            said.trim().clone_into(why);
            None
        }
        "S" if LOST.contains(&said) => broken(if why.is_empty() { said } else { why }),
        "S" => None,
        _ => match hear(said) {
            // It comes from the first byte on.
            Some(Heard::From(1..)) => broken("the host has a part already"),
            heard => heard,
        },
    }
}

/// Gives it the image, no faster than hosts take it: what is on its way lies in its memory, here and on every host.
fn feed(mut stdin: ChildStdin, path: PathBuf, flow: Arc<Pace>, handle: Handle) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut sent = 0;
        let fed = File::open(&path).and_then(|mut file| {
            let mut block = vec![0; BLOCK];
            while flow.wants(sent) {
                let count = file.read(&mut block)?;
                if count == 0 {
                    break;
                }
                stdin.write_all(&block[..count])?;
                sent += count as u64;
            }
            Ok(())
        });
        if let Err(error) = fed {
            tracing::debug!(%error, path = %path.display(), "sending an image");
        }
        drop(stdin);
        if !flow.all_end(STALLS + Duration::from_secs(sent / VERIFIES)) {
            handle.kill();
        }
    })
}

/// How far hosts are.
#[derive(Debug)]
struct Pace {
    state: Mutex<Hosts>,
    changed: Condvar,
}

#[derive(Debug)]
struct Hosts {
    /// What each has, and since when; none where nothing was heard of it yet.
    at: Vec<Option<(u64, Instant)>>,
    missing: Vec<bool>,
    began: Instant,
    moved: Instant,
    over: bool,
}

impl Hosts {
    /// How many of the bytes that were sent the slowest of those has that get on, or wait for more; none where there are
    /// none.
    fn slowest(&self, sent: u64) -> Option<u64> {
        let gets_on = |(place, at): (usize, &Option<(u64, Instant)>)| {
            let (bytes, since) = at.filter(|_| self.missing[place])?;
            (bytes >= sent || since.elapsed() < SLOW).then_some(bytes)
        };
        self.at.iter().enumerate().filter_map(gets_on).min()
    }

    fn all_are_heard(&self) -> bool {
        self.at.iter().zip(&self.missing).all(|(at, missing)| at.is_some() || !missing)
    }
}

impl Pace {
    fn new(hosts: usize) -> Self {
        let (began, moved) = (Instant::now(), Instant::now());
        let hosts = Hosts { at: vec![None; hosts], missing: vec![true; hosts], began, moved, over: false };
        Self { state: Mutex::new(hosts), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Hosts> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a host has neither the image nor failed.
    fn missing(&self, place: usize) -> bool {
        self.lock().missing[place]
    }

    fn note(&self, place: usize, heard: &Heard) {
        let mut hosts = self.lock();
        let now = Instant::now();
        match heard {
            Heard::Outcome(_) => (hosts.missing[place], hosts.moved) = (false, now),
            Heard::From(bytes) | Heard::At(bytes) => {
                if hosts.at[place].is_none_or(|(before, _)| before != *bytes) {
                    hosts.at[place] = Some((*bytes, now));
                    hosts.moved = now;
                }
            }
        }
        self.changed.notify_all();
    }

    fn end(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    /// Waits until more is wanted after so many bytes; false where nobody wants any.
    fn wants(&self, sent: u64) -> bool {
        let mut hosts = self.lock();
        loop {
            if hosts.over || !hosts.missing.contains(&true) || hosts.moved.elapsed() >= STALLS {
                return false;
            }
            let begun = hosts.all_are_heard() || hosts.began.elapsed() >= CONNECTS;
            if begun && hosts.slowest(sent).is_some_and(|slowest| sent < slowest + AHEAD) {
                return true;
            }
            hosts = self.changed.wait_timeout(hosts, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until all is over; false where hosts are missing of which nothing was heard for so long.
    fn all_end(&self, patience: Duration) -> bool {
        let mut hosts = self.lock();
        while !hosts.over && hosts.missing.contains(&true) {
            if hosts.moved.elapsed() >= patience {
                return false;
            }
            hosts = self.changed.wait_timeout(hosts, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

fn command(targets: &[Target], image: &ImageFile) -> Command {
    let mut command = Command::new(PROGRAM);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args(["-s", "-d", ARITY, "-u", &AHEAD.to_string()]);
    for stream in STREAMS {
        command.arg("-o").arg(stream);
    }
    for target in targets {
        command.arg("-c").arg(connector(target.config.as_deref())).arg("-m").arg(&target.destination);
    }
    // In a form without the letters that end TakTuk's parameters.
    let script = STANDARD.encode(remote(image, &From::Here));
    command.args(["broadcast", "exec", "["]).arg(format!(r#"eval "$(echo {script} | base64 -d)""#)).args(["]", ";"]);
    command.args(["broadcast", "input", "file", "[", "-", "]", ";", "broadcast", "input", "close"]);
    command
}

/// How a host is reached, from here and from other hosts, as a shell's words. From other hosts those are taken as they are
/// that are not known there, as in any other transfer.
fn connector(config: Option<&Path>) -> String {
    let options = OPTIONS.map(|option| format!("-o {option}")).join(" ");
    let accept = "echo -o StrictHostKeyChecking=accept-new";
    if let Some(config) = config {
        let config = config.display();
        return format!("ssh $(test -r {config} && echo -F {config} || {accept}) {options}");
    }
    // The hosts go on from one to the next with the keys of whoever asks.
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("ssh -A $(test \"$(uname -n)\" = {} || {accept}) {options}", shell_words::quote(here.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_taktuk_would_take_for_words_of_its_own_goes_without_it() {
        let target = |destination: &str, config: Option<&str>| Target {
            name: "a".into(),
            site: 0,
            destination: destination.into(),
            config: config.map(Into::into),
        };
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, "").expect("a file");
            path.display().to_string()
        };
        let (plain, odd) = (at("config"), at("a b"));
        let host = "root@paradoxe-1.rennes.grid5000.fr";
        assert!(reaches(&target(host, Some(&plain))) && reaches(&target(host, None)));
        let wrong = [("h[1-3]", None), ("-oProxyCommand=x", None), ("h;x", None), ("a/b", None)];
        for (destination, config) in wrong.into_iter().chain([("h", Some(&*odd)), ("h", Some("/nowhere/config"))]) {
            assert!(!reaches(&target(destination, config)), "{destination} {config:?}");
        }
    }

    #[test]
    fn no_more_is_on_its_way_than_the_slowest_can_take() {
        let pace = Pace::new(2);
        pace.note(0, &Heard::From(0));
        pace.note(1, &Heard::Outcome(Outcome::Broken("it was not reached".into())));
        assert!(pace.wants(0) && pace.wants(AHEAD - 1));
        pace.note(0, &Heard::At(1000));
        assert!(pace.wants(AHEAD));
        let waits = thread::scope(|scope| {
            let waits = scope.spawn(|| pace.wants(AHEAD + 1000));
            assert!(!waits.is_finished());
            pace.note(0, &Heard::At(1001));
            waits.join().expect("no panic")
        });
        assert!(waits);
        pace.note(0, &Heard::Outcome(Outcome::Arrived));
        assert!(!pace.wants(AHEAD + 1000), "nobody wants more");
        assert!(pace.all_end(STALLS));
    }
}
