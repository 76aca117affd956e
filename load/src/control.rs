//! Commands while the load runs: `dirty 25MB/s cpu 30%`, `stop`, `report`, `end`; each line gets a line of JSON.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use rustix::fs::OFlags;

use crate::load::Load;
use crate::report::{self, Reporter};
use crate::settings::{Asked, Change, NAMES};
use crate::units::Refusal;

/// No command is longer; what is may not fill the memory.
const LONGEST: u64 = 4096;

/// Connections served at once.
const CONNECTIONS: usize = 16;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is needed to carry out commands.
#[derive(Debug, Clone)]
pub(crate) struct Controls {
    pub(crate) load: Arc<Load>,
    pub(crate) reporter: Arc<Reporter>,
}

/// A command.
#[derive(Debug, Clone, PartialEq)]
enum Command {
    Change(Change),
    Stop,
    Report,
    End,
}

/// Where commands come from.
#[derive(Debug)]
pub(crate) enum Source {
    Input,
    Socket(UnixListener),
    Fifo(fs::File),
}

/// Reads settings as `name value` or `name=value`, several on a line; values may hold blanks.
fn parse(line: &str) -> Result<Command, Refusal> {
    let line = line.trim();
    match line {
        "stop" => return Ok(Command::Stop),
        "report" => return Ok(Command::Report),
        "end" => return Ok(Command::End),
        _ => {}
    }
    let mut settings: Vec<(&str, String)> = Vec::new();
    for word in line.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match settings.last_mut() {
            _ if NAMES.contains(&name) => settings.push((name, value.to_owned())),
            Some((_, value)) => {
                value.push(' ');
                value.push_str(word);
            }
            None => {
                return Err(Refusal(format!(
                    "`{name}` is no command: expected stop, report, end, or settings ({}), as in \"dirty=25MB/s cpu=30%\"",
                    NAMES.join(", ")
                )));
            }
        }
    }
    if settings.is_empty() {
        return Err(Refusal("an empty line is no command".to_owned()));
    }
    let mut change = Change::default();
    settings.iter().try_for_each(|(name, value)| change.set(name, value))?;
    Ok(Command::Change(change))
}

impl Controls {
    /// Carries out a line; the answer, and whether the program ends then.
    fn answer(&self, line: &str) -> (String, bool) {
        let done = |asked: Asked| {
            let errors = report::list(&self.load.errors(false));
            let granted = asked.working_set.map_or(0, |set| set.granted.0);
            let asked = report::asked(&asked);
            let pid = std::process::id();
            self.reporter.begins(&self.load);
            format!(
                r#"{{"ok":true,"pid":{pid},"asked":{asked},"granted":{{"working_set":{granted}}},"errors":{errors}}}"#
            )
        };
        let answer = parse(line).and_then(|command| {
            Ok(match command {
                Command::Change(change) => (done(self.load.change(change)?), false),
                Command::Stop => (done(self.load.stop()), false),
                Command::Report => (self.reporter.on_request(&self.load), false),
                Command::End => (r#"{"ok":true}"#.to_owned(), true),
            })
        });
        answer.unwrap_or_else(|refusal| (format!(r#"{{"error":{}}}"#, report::quoted(&refusal.0)), false))
    }

    /// Answers lines until there are no more.
    fn serve(&self, input: impl Read, mut output: impl Write) {
        let mut input = BufReader::with_capacity(512, input);
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut input).take(LONGEST).read_until(b'\n', &mut line) {
                Err(_) | Ok(0) => return,
                Ok(length) if length as u64 == LONGEST && line.last() != Some(&b'\n') => {
                    let _ = writeln!(output, r#"{{"error":"a command has at most {LONGEST} bytes"}}"#);
                    return;
                }
                Ok(_) => {}
            }
            let (answer, end) = self.answer(&String::from_utf8_lossy(&line));
            // Who does not wait for the answer has given the command all the same.
            let _ = writeln!(output, "{answer}").and_then(|()| output.flush());
            if end {
                self.load.end();
                return;
            }
        }
    }

    /// Takes commands from `source` until the program ends, which it does with standard input.
    pub(crate) fn run(self, source: Source) {
        match source {
            Source::Input => {
                self.serve(std::io::stdin(), std::io::stdout());
                self.load.end();
            }
            // Opened for writing too, it never ends. A line that is too long is left out.
            Source::Fifo(file) => loop {
                self.serve(&file, std::io::stdout());
            },
            Source::Socket(listener) => self.listen(&listener),
        }
    }

    fn listen(&self, listener: &UnixListener) {
        let open = Arc::new(AtomicUsize::new(0));
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else {
                // Too many files are open, say; the next call would fail at once again.
                std::thread::sleep(Duration::from_millis(100));
                continue;
            };
            if open.fetch_add(1, Relaxed) >= CONNECTIONS {
                let _ = writeln!(stream, r#"{{"error":"{CONNECTIONS} connections are open already"}}"#);
                open.fetch_sub(1, Relaxed);
                continue;
            }
            let (controls, done) = (self.clone(), Arc::clone(&open));
            let serve = move || {
                controls.serve(&stream, &stream);
                done.fetch_sub(1, Relaxed);
            };
            if let Err(error) = crate::thread("connection", serve) {
                open.fetch_sub(1, Relaxed);
                self.load.wrong("control", &format!("cannot serve a connection: {error}"));
            }
        }
    }
}

impl Source {
    /// Opens what `--control` names: `-` for standard input, a FIFO that is there, else a socket that is made.
    pub(crate) fn open(name: &str, load: &Load) -> Result<Self, Refusal> {
        if name == "-" {
            return Ok(Self::Input);
        }
        let refused = |what: &str| Refusal(format!("--control {name}: {what}"));
        let failed = |error: std::io::Error| refused(&error.to_string());
        if let Ok(data) = fs::metadata(name) {
            let kind = data.file_type();
            if kind.is_fifo() {
                return fs::File::options().read(true).write(true).open(name).map(Self::Fifo).map_err(failed);
            }
            if !kind.is_socket() {
                return Err(refused("is there and is neither a FIFO nor a socket: name a path that is free"));
            }
            if UnixStream::connect(name).is_ok() {
                return Err(refused("another hemera-load takes commands there"));
            }
            // One that was killed left it.
            fs::remove_file(name).map_err(failed)?;
        }
        let listener = UnixListener::bind(name).map_err(failed)?;
        load.clean_up(name.into());
        fs::set_permissions(name, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self::Socket(listener))
    }
}

/// Gives `command` to the hemera-load at `path`; its answer, and whether it did what was asked.
pub(crate) fn call(path: &Path, command: &str) -> Result<(String, bool), Refusal> {
    let failed = |error: std::io::Error| Refusal(format!("{}: {error}: is hemera-load running?", path.display()));
    if fs::metadata(path).is_ok_and(|data| data.file_type().is_fifo()) {
        // Answers come out of the program's own output. Without a reader the command would be lost unsaid.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let write = |mut fifo: fs::File| writeln!(fifo, "{command}");
        let written = fs::File::options().write(true).custom_flags(flags).open(path).and_then(write);
        return written.map_err(failed).map(|()| (String::new(), true));
    }
    let mut stream = UnixStream::connect(path).map_err(failed)?;
    let mut answer = String::new();
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    writeln!(stream, "{command}").map_err(failed)?;
    BufReader::new(stream).read_line(&mut answer).map_err(failed)?;
    let good = !answer.is_empty() && !answer.starts_with(r#"{"error""#);
    Ok((answer.trim_end().to_owned(), good))
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
