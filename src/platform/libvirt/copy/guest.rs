//! Files into guests and out of them, by the QEMU guest agent, a few pieces a step.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::landing::Landing;
use super::{MAKE, PLACE, part_of, without_part};
use crate::fleet::{FileCopy, Way};
use crate::platform::End;
use crate::platform::libvirt::agent::{AgentError, ask};
use crate::platform::libvirt::errands::{Errand, Next};
use crate::platform::libvirt::guest::why;
use crate::platform::libvirt::host::Host;
use crate::platform::libvirt::said::{Said, last_line};

/// Bytes of a piece, which is one question to the agent, and pieces of a step. libvirt 9.0 does not get a question of
/// 340 KiB, as 256 KiB make in Base64, to the agent at all; 170 KiB it does.
const PIECE: usize = 96 << 10;
const PIECES: usize = 4;
/// Between two looks at the checksum: doubled from the first to the last.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// For how long a guest whose agent does not answer is asked again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The checksum of the first `$2` bytes of the file `$1`: what comes to its end meanwhile, as to a log's, was not copied.
const CHECK: &str = r#"[ -f "$1" ] || { echo "$1 is no file" >&2; exit 1; }; head -c "$2" "$1" | sha256sum"#;

/// Why a step did not do what it was to do.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{}", why(.0))]
    Agent(#[from] AgentError),
    #[error("{0}")]
    Other(String),
}

impl From<String> for Broken {
    fn from(why: String) -> Self {
        Self::Other(why)
    }
}

impl Broken {
    /// Whether the agent may answer when it is asked again.
    fn silent(&self) -> bool {
        matches!(self, Self::Agent(AgentError::Trouble(trouble)) if trouble.agent_silent())
    }
}

/// Where a copy is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The file in the guest is to be made.
    Make,
    /// It is, in this process.
    Makes(i64),
    /// The file in the guest is to be opened.
    Open,
    /// Pieces go to or come from this handle.
    Pieces(i64),
    /// All of them have; the handle is to be closed.
    Close(i64),
    /// The guest is to compare what arrived.
    Compare,
    /// It does, in this process.
    Compares(i64),
    /// It removes what is not whole, in this process, since then.
    Clears(i64, Instant),
}

/// A copy into a guest or out of it.
#[derive(Debug)]
pub(in super::super) struct Transfer {
    vm: Arc<str>,
    copy: Arc<FileCopy>,
    /// Where a file lies in the guest until it is whole.
    part: String,
    /// Where a file arrives here.
    landing: Option<Landing>,
    began: Option<Instant>,
    stage: Stage,
    /// How many bytes were copied.
    done: u64,
    /// Since when the agent has not answered.
    silent: Option<Instant>,
    pause: Duration,
    /// Its end, while what it left is removed.
    end: Option<End>,
}

impl Transfer {
    pub(in super::super) fn new(vm: Arc<str>, copy: Arc<FileCopy>) -> Self {
        let (part, stage) = match &copy.way {
            Way::In { to, .. } => (part_of(to), Stage::Make),
            Way::Out { .. } => (String::new(), Stage::Open),
        };
        Self { vm, copy, part, landing: None, began: None, stage, done: 0, silent: None, pause: LOOKS.0, end: None }
    }

    fn ask(&self, host: &Host, execute: &str, arguments: &Value) -> Result<Value, AgentError> {
        ask(host, &self.vm, execute, arguments)
    }

    fn number(&self, answer: &Value, of: Option<&str>, expected: &'static str) -> Result<i64, AgentError> {
        let found = of.map_or(Some(answer), |key| answer.get(key)).and_then(Value::as_i64);
        found.ok_or_else(|| AgentError::Answer { vm: self.vm.to_string(), answer: answer.to_string(), expected })
    }

    fn exec(&self, host: &Host, script: &str, arguments: &[&str]) -> Result<i64, AgentError> {
        let mut words = vec!["-c", script, "sh"];
        words.extend(arguments);
        let arguments = json!({ "path": "/bin/sh", "arg": words, "capture-output": true });
        self.number(&self.ask(host, "guest-exec", &arguments)?, Some("pid"), "the id of a process")
    }

    fn open(&mut self, host: &Host) -> Result<(), Broken> {
        let copy = self.copy.clone();
        let (path, mode) = match &copy.way {
            Way::In { .. } => (&*self.part, "w"),
            Way::Out { from, .. } => (&**from, "r"),
        };
        let opened = self.ask(host, "guest-file-open", &json!({ "path": path, "mode": mode }))?;
        self.stage = Stage::Pieces(self.number(&opened, None, "an open file")?);
        if let Way::Out { from, to } = &copy.way {
            self.landing = Some(Landing::begin(to, &self.vm, from)?);
        }
        Ok(())
    }

    /// The next piece goes there. True where it was the last.
    fn send(&mut self, host: &Host, handle: i64, from: &mut File, size: u64) -> Result<bool, Broken> {
        let mut piece = Vec::with_capacity(PIECE);
        let left = (size - self.done).min(PIECE as u64);
        from.take(left).read_to_end(&mut piece).map_err(|error| error.to_string())?;
        if piece.is_empty() && left > 0 {
            return Err(Broken::Other("the file here has become shorter".into()));
        }
        let mut sent = 0;
        while sent < piece.len() {
            let arguments = json!({ "handle": handle, "buf-b64": STANDARD.encode(&piece[sent..]) });
            let written = self.ask(host, "guest-file-write", &arguments)?;
            match self.number(&written, Some("count"), "how much was written")? {
                count @ 1.. => {
                    sent += count as usize;
                    self.done += count as u64;
                }
                _ => return Err(Broken::Other("the guest's agent wrote nothing of it".into())),
            }
        }
        Ok(self.done >= size)
    }

    /// The next piece comes from there. True where there is no more.
    fn receive(&mut self, host: &Host, handle: i64) -> Result<bool, Broken> {
        let read = self.ask(host, "guest-file-read", &json!({ "handle": handle, "count": PIECE }))?;
        let bytes = read["buf-b64"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        let landing = self.landing.as_mut().ok_or_else(|| "nothing takes it here".to_owned())?;
        landing.write(&bytes)?;
        self.done = landing.size();
        if self.done > FileCopy::GUEST_MAX.0 {
            let most = FileCopy::GUEST_MAX;
            return Err(Broken::Other(format!("it is larger than {most}, the most that is copied out of guests")));
        }
        Ok(bytes.is_empty())
    }

    /// A few pieces. True where there are no more.
    fn pieces(&mut self, host: &Host, handle: i64) -> Result<bool, Broken> {
        if self.silent.is_some() {
            // What was asked before may have been done or not.
            let arguments = json!({ "handle": handle, "offset": self.done, "whence": "set" });
            self.ask(host, "guest-file-seek", &arguments)?;
        }
        let copy = self.copy.clone();
        let mut from = match &copy.way {
            Way::In { file, size, .. } => Some((self.source(file)?, size.0)),
            Way::Out { .. } => None,
        };
        for _ in 0..PIECES {
            let over = match &mut from {
                Some((file, size)) => self.send(host, handle, file, *size)?,
                None => self.receive(host, handle)?,
            };
            if over {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The file here, open only for a step: thousands may be under way.
    fn source(&self, path: &Path) -> Result<File, String> {
        let opened = File::open(path).and_then(|mut file| file.seek(SeekFrom::Start(self.done)).map(|_| file));
        opened.map_err(|error| format!("{}: {error}", path.display()))
    }

    fn compare(&self, host: &Host) -> Result<i64, Broken> {
        Ok(match &self.copy.way {
            Way::In { to, mode, sum, size, .. } => {
                self.exec(host, PLACE, &[&self.part, to, &format!("{mode:o}"), sum, &size.0.to_string()])?
            }
            Way::Out { from, .. } => self.exec(host, CHECK, &[from, &self.done.to_string()])?,
        })
    }

    /// What a process in the guest that went well has written; none while it runs.
    fn ended(&self, host: &Host, pid: i64) -> Result<Option<String>, Broken> {
        let status = self.ask(host, "guest-exec-status", &json!({ "pid": pid }))?;
        if status["exited"].as_bool() != Some(true) {
            return Ok(None);
        }
        let bytes = |name: &str| status[name].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        if status["exitcode"].as_i64() != Some(0) {
            let why = last_line(&bytes("err-data")).unwrap_or_else(|| "the guest could not do it".into());
            return Err(Broken::Other(why));
        }
        Ok(Some(String::from_utf8_lossy(&bytes("out-data")).into_owned()))
    }

    /// Whether the guest has compared it, and found no difference.
    fn compared(&mut self, host: &Host, pid: i64) -> Result<bool, Broken> {
        let Some(out) = self.ended(host, pid)? else { return Ok(false) };
        if let Some(landing) = self.landing.take() {
            landing.finish(out.split_whitespace().next().unwrap_or_default())?;
        }
        Ok(true)
    }

    /// The next step; none where the last was done, otherwise when the next is due.
    fn advance(&mut self, host: &Host) -> Result<Option<Duration>, Broken> {
        match self.stage {
            Stage::Make => self.stage = Stage::Makes(self.exec(host, MAKE, &[&self.part])?),
            Stage::Makes(pid) => {
                if self.ended(host, pid)?.is_none() {
                    return Ok(Some(self.longer()));
                }
                (self.stage, self.pause) = (Stage::Open, LOOKS.0);
            }
            Stage::Open => self.open(host)?,
            Stage::Pieces(handle) => {
                if self.pieces(host, handle)? {
                    self.stage = Stage::Close(handle);
                }
            }
            Stage::Close(handle) => {
                // Only a closed file is written in whole.
                match self.ask(host, "guest-file-close", &json!({ "handle": handle })).map_err(Broken::from) {
                    // It was closed by a question before, of whose answer nothing was heard.
                    Err(error) if self.silent.is_some() && !error.silent() => {}
                    closed => drop(closed?),
                }
                self.stage = Stage::Compare;
            }
            Stage::Compare => self.stage = Stage::Compares(self.compare(host)?),
            Stage::Compares(pid) => {
                if self.compared(host, pid)? {
                    return Ok(None);
                }
                return Ok(Some(self.longer()));
            }
            Stage::Clears(pid, since) => {
                let status = self.ask(host, "guest-exec-status", &json!({ "pid": pid }))?;
                if status["exited"].as_bool() == Some(true) || since.elapsed() >= PATIENCE {
                    return Ok(None);
                }
                return Ok(Some(self.longer()));
            }
        }
        Ok(Some(Duration::ZERO))
    }

    fn told(&self, why: &str) -> String {
        if let Way::In { to, .. } = &self.copy.way { without_part(why, &self.part, to) } else { why.to_owned() }
    }

    fn longer(&mut self) -> Duration {
        self.pause = (self.pause * 2).min(LOOKS.1);
        self.pause
    }

    /// Begins to remove what is not whole there, and has removed it here.
    fn give_up(&mut self, host: &Host) -> Result<(), AgentError> {
        self.landing = None;
        let handle = match self.stage {
            Stage::Make if self.silent.is_none() => return Ok(()),
            Stage::Open if self.silent.is_none() && self.part.is_empty() => return Ok(()),
            Stage::Clears(..) => return Ok(()),
            Stage::Pieces(handle) | Stage::Close(handle) => Some(handle),
            Stage::Make | Stage::Makes(_) | Stage::Open | Stage::Compare | Stage::Compares(_) => None,
        };
        if let Some(handle) = handle {
            self.ask(host, "guest-file-close", &json!({ "handle": handle }))?;
        }
        if let Way::In { .. } = self.copy.way {
            self.stage = Stage::Clears(self.exec(host, r#"rm -f "$1""#, &[&self.part])?, Instant::now());
            self.pause = LOOKS.0;
        }
        Ok(())
    }
}

impl Errand for Transfer {
    fn step(&mut self, host: &Arc<Host>, cancelled: bool) -> Next {
        let began = *self.began.get_or_insert_with(Instant::now);
        if let Some(end) = self.end.clone() {
            return match self.advance(host) {
                Ok(Some(pause)) => Next::After(pause),
                _ => Next::Ended(end),
            };
        }
        let over = cancelled || began.elapsed() >= self.copy.timeout;
        if let Stage::Compares(pid) = self.stage
            && over
            && matches!(self.compared(host, pid), Ok(true))
        {
            // It was done before it was to end.
            return Next::Ended(End::Done);
        }
        let end = if cancelled {
            End::Cancelled
        } else if over {
            Said::late(self.copy.timeout)
        } else {
            match self.advance(host) {
                Ok(next) => {
                    self.silent = None;
                    return next.map_or(Next::Ended(End::Done), Next::After);
                }
                Err(error) => {
                    let silent = *self.silent.get_or_insert_with(Instant::now);
                    if error.silent() && silent.elapsed() < PATIENCE {
                        return Next::After(LOOKS.1);
                    }
                    End::Failed(self.told(&error.to_string()).into())
                }
            }
        };
        if let Err(error) = self.give_up(host) {
            tracing::warn!(vm = &*self.vm, %error, "what a copy left in a guest stays");
        }
        if let Stage::Clears(..) = self.stage {
            self.end = Some(end);
            return Next::After(self.pause);
        }
        Next::Ended(end)
    }
}
