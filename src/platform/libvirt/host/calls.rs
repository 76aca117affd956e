//! Connections to a host: opened with keep-alive, used again from call to call, each call with a word for what it does.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use virt::connect::Connect;
use virt::error::Error;

use super::super::line::{Broken, Line};
use super::super::queue::lock;
use super::super::trouble::Trouble;
use super::super::xml::Guests;
use super::{Host, WORKERS};

/// How many connections are kept for the next call when none is made.
const IDLE_LINES: usize = WORKERS;
/// How long a connection may take to open for work, while the host is not known to be unreachable. A busy machine takes
/// its time.
const OPEN_WITHIN: Duration = Duration::from_secs(30);
/// How many attempts to open a connection may hang on, given up, before no further is made.
const HANGING_OPENS: usize = 4;
/// How often it is looked whether an attempt is to be given up.
const LOOK: Duration = Duration::from_millis(250);
/// Keep-alive: a ping after so many seconds of silence, and so many unanswered pings until the connection is cut. Cut
/// after 6 s, before [`SILENCE`](crate::platform::SILENCE).
const KEEP_ALIVE: (i32, u32) = (2, 2);

impl Host {
    /// Opens a connection with keep-alive, within that time and for as long as `worth_it`. An attempt that is given up is
    /// left to itself, and at most [`HANGING_OPENS`] are.
    pub(in super::super) fn open(&self, within: Duration, worth_it: impl Fn() -> bool) -> Result<Connect, Trouble> {
        let no_connection =
            |why: String| Trouble::NoConnection { host: self.name.to_string(), uri: self.access.uri.clone(), why };
        super::super::ffi::start_event_loop().map_err(no_connection)?;
        let began = Instant::now();
        let silent = || {
            let within = began.elapsed();
            Trouble::Silent { host: self.name.to_string(), uri: self.access.uri.clone(), within }
        };
        if self.hanging.load(Ordering::Relaxed) >= HANGING_OPENS {
            return Err(no_connection(format!("{HANGING_OPENS} earlier attempts still wait for it")));
        }
        let uri = without_questions(&self.access.uri);
        let hanging = self.hanging.clone();
        // Without room, so that a connection is either taken or known not to be.
        let (answer, answered) = mpsc::sync_channel(0);
        let open = move || {
            let opened = Connect::open(Some(&uri));
            if let Ok(connect) = &opened {
                // The test driver has no keep-alive and needs none.
                let _ = connect.set_keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1);
            }
            if answer.send(opened).is_err() {
                hanging.fetch_sub(1, Ordering::Relaxed);
            }
        };
        if let Err(error) = thread::Builder::new().name(format!("open {}", self.name)).spawn(open) {
            return Err(no_connection(error.to_string()));
        }
        loop {
            match answered.recv_timeout(LOOK) {
                Ok(Ok(connect)) => return Ok(connect),
                Ok(Err(error)) => return Err(no_connection(error.message().to_owned())),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(no_connection("the thread that opened it broke off".into()));
                }
                Err(RecvTimeoutError::Timeout) if began.elapsed() < within && worth_it() => {}
                Err(RecvTimeoutError::Timeout) => {
                    self.hanging.fetch_add(1, Ordering::Relaxed);
                    return Err(silent());
                }
            }
        }
    }

    /// Makes a call on a line. `doing` reads after the host's name, as in `starting vm-1`.
    pub(in super::super) fn call_on<T: Send + 'static>(
        &self,
        line: &mut Line,
        doing: &str,
        call: impl FnOnce(&Connect) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (host, doing) = (|| self.name.to_string(), || doing.to_owned());
        line.call(call).map_err(|broken| match broken {
            Broken::Refused(error) => Trouble::Refused { host: host(), doing: doing(), error },
            Broken::Cut(why) => Trouble::Cut { host: host(), doing: doing(), why },
            Broken::Late(within) => Trouble::Hangs { host: host(), doing: doing(), within },
        })
    }

    /// The same, given up after so long: the line is of no use then.
    pub(in super::super) fn call_on_within<T: Send + 'static>(
        &self,
        line: &mut Line,
        doing: &str,
        within: Option<Duration>,
        call: impl FnOnce(&Connect) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        let Some(within) = within else { return self.call_on(line, doing, call) };
        let (host, doing) = (|| self.name.to_string(), || doing.to_owned());
        line.call_within(within, call).map_err(|broken| match broken {
            Broken::Refused(error) => Trouble::Refused { host: host(), doing: doing(), error },
            Broken::Cut(why) => Trouble::Cut { host: host(), doing: doing(), why },
            Broken::Late(within) => Trouble::Hangs { host: host(), doing: doing(), within },
        })
    }

    /// Makes a call on a connection that nobody else uses meanwhile, opened where none is idle. Fails at once where the
    /// host is known not to answer.
    pub(in super::super) fn call<T: Send + 'static>(
        &self,
        doing: &str,
        call: impl FnOnce(&Connect) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        self.reachable()?;
        let (idle, cut): (Option<Line>, Vec<Line>) = {
            let mut lines = lock(&self.idle);
            let cut = lines.extract_if(.., |line| !line.alive()).collect();
            (lines.pop(), cut)
        };
        // Closing a connection may take a while.
        drop(cut);
        let mut line = match idle {
            Some(line) => line,
            None => Line::new(self.open(OPEN_WITHIN, || self.reachable().is_ok())?),
        };
        let result = self.call_on(&mut line, doing, call);
        if line.alive() {
            let mut lines = lock(&self.idle);
            if lines.len() < IDLE_LINES {
                lines.push(line);
            }
        }
        result
    }

    /// What the host can run. Asked once.
    pub(in super::super) fn guests(&self) -> Result<Guests, Trouble> {
        if let Some(known) = lock(&self.guests).clone() {
            return Ok(known);
        }
        let ask = |connect: &Connect| Ok((connect.capabilities()?, connect.hyp_version().unwrap_or(0)));
        let (capabilities, version) = self.call("reading its capabilities", ask)?;
        let read = Guests::read(&capabilities).map(|guests| Guests { qemu: version.into(), ..guests });
        let read = read.ok_or_else(|| Trouble::NoConnection {
            host: self.name.to_string(),
            uri: self.access.uri.clone(),
            why: "its capabilities list no guests of its own architecture (is a hypervisor installed?)".into(),
        })?;
        *lock(&self.guests) = Some(read.clone());
        Ok(read)
    }
}

/// The URI such that SSH asks nothing on the terminal, which is the console's.
fn without_questions(uri: &str) -> String {
    let ssh = uri.split_once("://").is_some_and(|(scheme, _)| scheme.contains("+ssh") || scheme.contains("+libssh"));
    if !ssh || uri.contains("no_tty=") {
        return uri.to_owned();
    }
    format!("{uri}{}no_tty=1", if uri.contains('?') { '&' } else { '?' })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_never_asks_on_the_terminal() {
        assert_eq!(without_questions("qemu+ssh://root@h1/system"), "qemu+ssh://root@h1/system?no_tty=1");
        assert_eq!(without_questions("qemu+ssh://h1/system?keyfile=/k"), "qemu+ssh://h1/system?keyfile=/k&no_tty=1");
        assert_eq!(without_questions("qemu+tcp://h1/system"), "qemu+tcp://h1/system");
        assert_eq!(without_questions("qemu+ssh://h1/system?no_tty=0"), "qemu+ssh://h1/system?no_tty=0");
    }
}
