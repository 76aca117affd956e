//! Serial consoles: what a guest has written since it was started, what it writes, and typing.
//!
//! Reading takes nothing away from anybody: it follows the VM's serial log. The console itself is taken only for as long as
//! somebody types, as only one at a time can have it; what comes from it then only says that there is more in the log, which
//! has every byte once and in order. VMs without a log, which others have started, show what comes while the console is
//! theirs.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender};
use virt::connect::Connect;
use virt::error::ErrorNumber;
use virt::stream::Stream;

use super::ffi;
use super::host::Host;
use super::line::Line;
use super::serial;
use super::trouble::Trouble;
use crate::fleet::{FromConsole, ToConsole};
use crate::platform::SILENCE;

/// How much of what was written before is shown at first.
const HISTORY: u64 = 512 << 10;
/// How much is read of a log at once, and how large pieces are that go to the reader.
const PIECE: u64 = 32 << 10;
/// How often a log is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// The same after the console showed that there is more: where virtlogd writes logs, it comes a moment later.
const LOOK_SOON: Duration = Duration::from_millis(40);
/// How often keys are looked for while one types, and while one does not.
const KEYS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(50));

/// Opens the console of a VM for whoever holds the other ends; it ends when they drop them.
pub(super) fn open(host: &Arc<Host>, vm: &Arc<str>, to: Receiver<ToConsole>, from: Sender<FromConsole>) {
    let (host, vm) = (host.clone(), vm.clone());
    let spawned = thread::Builder::new().name(format!("console {vm}")).spawn(move || {
        let mut session = Session { host: &host, vm: &vm, from, at: None, held: None };
        let why = session.run(to);
        session.give_back();
        // Whoever closed it does not listen.
        if let Err(why) = why {
            drop(session.from.blocking_send(FromConsole::Ended(why.to_string().into())));
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for a console");
    }
}

/// The console, while it is ours.
struct Held {
    line: Line,
    stream: Stream,
}

/// Nobody listens any more.
struct Closed;

struct Session<'a> {
    host: &'a Host,
    vm: &'a str,
    from: Sender<FromConsole>,
    /// How far the log has been read; none where there is none.
    at: Option<u64>,
    held: Option<Held>,
}

impl Session<'_> {
    fn say(&self, what: FromConsole) -> Result<(), Closed> {
        self.from.blocking_send(what).map_err(|_| Closed)
    }

    /// Until somebody closes it, or for the reason given.
    fn run(&mut self, to: Receiver<ToConsole>) -> Result<(), Trouble> {
        match serial::read(self.host, self.vm, None, HISTORY) {
            Ok(log) => {
                self.at = Some(log.from + log.bytes.len() as u64);
                if self.wrote(&log.bytes).is_err() {
                    return Ok(());
                }
            }
            Err(Trouble::NoLog { .. }) => {}
            Err(trouble) => return Err(trouble),
        }
        self.follow(to)
    }

    fn wrote(&self, bytes: &[u8]) -> Result<(), Closed> {
        bytes.chunks(PIECE as usize).try_for_each(|piece| self.say(FromConsole::Wrote(piece.to_vec())))
    }

    fn follow(&mut self, mut to: Receiver<ToConsole>) -> Result<(), Trouble> {
        let mut looked = Instant::now();
        // When the log is to be looked at again.
        let mut due = looked;
        while !self.from.is_closed() && !self.host.queue.closed() {
            let heard = match self.keys(&mut to).and_then(|()| self.listen()) {
                Ok(heard) => heard,
                Err(Closed) => return Ok(()),
            };
            let now = Instant::now();
            if heard {
                due = now;
            }
            if self.at.is_some() && now >= due {
                let Ok(more) = self.read_on()? else { return Ok(()) };
                // The console may be a moment ahead of the log.
                let soon = heard || looked.elapsed() < LOOK_SOON * 3;
                looked = if heard { now } else { looked };
                due = now
                    + if more {
                        Duration::ZERO
                    } else if soon {
                        LOOK_SOON
                    } else {
                        LOOK
                    };
            }
            let pause = if self.held.is_some() { KEYS.0 } else { KEYS.1 };
            thread::sleep(pause.min(due.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))));
        }
        Ok(())
    }

    /// Reads on in the log; true where there may be more at once.
    fn read_on(&mut self) -> Result<Result<bool, Closed>, Trouble> {
        let log = serial::read(self.host, self.vm, self.at, PIECE)?;
        let end = log.from + log.bytes.len() as u64;
        self.at = Some(end);
        Ok(self.wrote(&log.bytes).map(|()| end < log.size))
    }

    /// Does what was asked for and sends what was typed.
    fn keys(&mut self, to: &mut Receiver<ToConsole>) -> Result<(), Closed> {
        loop {
            match to.try_recv() {
                Ok(ToConsole::Take { force }) => self.take(force)?,
                Ok(ToConsole::GiveBack) => self.give_back(),
                Ok(ToConsole::Type(keys)) => {
                    let mut left = &keys[..];
                    while let Some(held) = self.held.as_ref().filter(|_| !left.is_empty()) {
                        match ffi::stream_send(&held.stream, left) {
                            Ok(Some(sent)) => left = &left[sent.min(left.len())..],
                            Ok(None) => thread::sleep(KEYS.0),
                            Err(error) => self.lose(error.message())?,
                        }
                    }
                }
                // Whoever only reads has let go of it at once.
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Ok(()),
            }
        }
    }

    /// Takes what came from the console itself; whether anything did.
    fn listen(&mut self) -> Result<bool, Closed> {
        let mut heard = false;
        let mut chunk = [0; 4096];
        while let Some(held) = &self.held {
            if !held.line.alive() {
                self.lose("the connection was cut")?;
                break;
            }
            match ffi::stream_recv(&held.stream, &mut chunk) {
                Ok(None) => break,
                Ok(Some(0)) => self.lose("somebody else took it, or the VM ended")?,
                Ok(Some(count)) => {
                    heard = true;
                    if self.at.is_none() {
                        self.wrote(&chunk[..count])?;
                    }
                }
                Err(error) => self.lose(error.message())?,
            }
        }
        Ok(heard)
    }

    fn lose(&mut self, why: &str) -> Result<(), Closed> {
        self.held = None;
        self.say(FromConsole::Lost(why.into()))
    }

    fn take(&mut self, force: bool) -> Result<(), Closed> {
        if self.held.is_some() {
            return self.say(FromConsole::Taken);
        }
        match self.taken(force) {
            Ok(held) => {
                self.held = Some(held);
                self.say(FromConsole::Taken)
            }
            // What QEMU's driver says where somebody has it.
            Err(Trouble::Refused { error, .. }) if !force && error.code().is(ErrorNumber::OperationFailed) => {
                self.say(FromConsole::InUse)
            }
            Err(trouble) => self.say(FromConsole::Lost(trouble.to_string().into())),
        }
    }

    fn taken(&self, force: bool) -> Result<Held, Trouble> {
        let mut line = Line::new(self.host.open(SILENCE, || !self.from.is_closed())?);
        let wanted = self.vm.to_owned();
        let flags = virt_sys::VIR_DOMAIN_CONSOLE_SAFE | if force { virt_sys::VIR_DOMAIN_CONSOLE_FORCE } else { 0 };
        let take = move |connect: &Connect| {
            let stream = Stream::new(connect, virt_sys::VIR_STREAM_NONBLOCK)?;
            connect.lookup_domain_by_name(&wanted)?.open_console(None, &stream, flags)?;
            Ok(stream)
        };
        let stream = self.host.call_on(&mut line, &format!("taking the serial console of {}", self.vm), take)?;
        Ok(Held { line, stream })
    }

    fn give_back(&mut self) {
        if let Some(Held { mut line, stream }) = self.held.take() {
            // On a thread that can be left behind where the host does not answer any more.
            drop(line.call(move |_| stream.finish()));
        }
    }
}
