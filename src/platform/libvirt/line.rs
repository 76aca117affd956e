//! A connection that serves one call at a time, each of which can be given up.
//!
//! libvirt's client allows several threads to share a connection, and its versions before 10.4 get that wrong: two
//! calls at once may touch a stack frame that is gone (CVE-2024-4418; Debian 12 has 9.0, where it crashed our tests),
//! and a call may lie unsent until another one is answered. Nor does the client wake a call that waits for its reply when
//! keep-alive finds the host dead: it stays until TCP gives up, a quarter of an hour later. So each connection makes one
//! call at a time, on a thread of its own, and whoever waits for it leaves when the connection is cut.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use virt::connect::Connect;
use virt::error::Error;

use super::queue::lock;

/// How often a connection is looked at while a call blocks on it.
const LOOK: Duration = Duration::from_millis(250);

/// Why a call gave no result.
#[derive(Debug)]
pub(super) enum Broken {
    /// libvirt answered with an error.
    Refused(Error),
    /// The connection was cut before the answer came.
    Cut(String),
    /// It was given up after so long.
    Late(Duration),
}

/// A connection in the hands of whoever may call on it next.
#[derive(Debug)]
pub(super) struct Line {
    connect: Arc<Connect>,
    /// Held while a call is made, also by one that was given up.
    turn: Arc<Mutex<()>>,
}

impl Line {
    /// A line on a fresh connection.
    pub(super) fn new(connect: Connect) -> Self {
        Self { connect: Arc::new(connect), turn: Arc::default() }
    }

    /// Lets go of what cannot be let go of without a call, as subscriptions, when the call that was given up has ended:
    /// nothing may call on the connection before, and that may take a quarter of an hour.
    pub(super) fn leave(&self, left: impl Send + 'static) {
        let turn = self.turn.clone();
        let leaving = thread::Builder::new().name("leave".into()).spawn(move || {
            let turn = lock(&turn);
            drop(left);
            drop(turn);
        });
        if let Err(error) = leaving {
            tracing::error!(%error, "no thread to leave a connection");
        }
    }

    /// Whether the connection is not cut, as far as is known without asking the host.
    pub(super) fn alive(&self) -> bool {
        self.connect.is_alive().unwrap_or(false)
    }

    /// Makes a call as [`call`](Self::call) does, and gives it up after so long. What it waits for may still come: the
    /// line is of no use any more.
    pub(super) fn call_within<T: Send + 'static>(
        &mut self,
        within: Duration,
        call: impl FnOnce(&Connect) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Broken> {
        self.make(Some(within), call)
    }

    /// Makes a call. It returns at the latest when the connection is cut; the call itself may then still hang, and keeps
    /// its thread and the connection until it ends.
    pub(super) fn call<T: Send + 'static>(
        &mut self,
        call: impl FnOnce(&Connect) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Broken> {
        self.make(None, call)
    }

    fn make<T: Send + 'static>(
        &mut self,
        within: Option<Duration>,
        call: impl FnOnce(&Connect) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Broken> {
        let began = Instant::now();
        let (answer, answered) = mpsc::sync_channel(1);
        let (connect, turn) = (self.connect.clone(), self.turn.clone());
        let made = thread::Builder::new().name("libvirt-call".into()).spawn(move || {
            let turn = lock(&turn);
            let result = call(&connect);
            // Given back before the answer, so that the last one to let go of the connection is not this thread.
            drop(connect);
            drop(turn);
            // Nobody may wait any more.
            let _ = answer.send(result);
        });
        if let Err(error) = made {
            return Err(Broken::Cut(format!("no thread for the call: {error}")));
        }
        let mut cut = false;
        loop {
            match answered.recv_timeout(LOOK) {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) if self.alive() => return Err(Broken::Refused(error)),
                Ok(Err(error)) => return Err(Broken::Cut(error.message().to_owned())),
                Err(RecvTimeoutError::Disconnected) => return Err(Broken::Cut("the call broke off".into())),
                // Once more after the cut, as an answer may just have arrived.
                Err(RecvTimeoutError::Timeout) if cut => return Err(Broken::Cut("the connection was cut".into())),
                Err(RecvTimeoutError::Timeout) if within.is_some_and(|within| began.elapsed() >= within) => {
                    return Err(Broken::Late(began.elapsed()));
                }
                Err(RecvTimeoutError::Timeout) => cut = !self.alive(),
            }
        }
    }
}
