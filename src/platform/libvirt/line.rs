//! A connection on which a bounded number of calls block, each of which can be given up.
//!
//! libvirt's client does not wake a call that waits for its reply when keep-alive finds the host dead: the call stays
//! until TCP gives up, a quarter of an hour later (libvirt 9: `virNetClientIOEventLoop` computes a time-out and does not
//! use it). So each call is made on a thread of its own, and whoever waits for it leaves when the connection is cut.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use virt::connect::Connect;
use virt::error::Error;

use super::queue::lock;

/// How many calls may block on one connection: libvirt serves 5 requests of a client at a time by default, and a sixth
/// starves the keep-alive, which cuts the connection.
pub(super) const CALLS: usize = 4;
/// How often a connection is looked at while a call blocks on it.
const LOOK: Duration = Duration::from_millis(250);

/// Why a call gave no result.
#[derive(Debug)]
pub(super) enum Broken {
    /// libvirt answered with an error.
    Refused(Error),
    /// The connection was cut before the answer came.
    Cut(String),
}

/// A connection and how many calls block on it.
#[derive(Debug)]
pub(super) struct Line {
    connect: Connect,
    calls: Mutex<usize>,
    freed: Condvar,
}

impl Line {
    /// A line on a fresh connection.
    pub(super) fn new(connect: Connect) -> Arc<Self> {
        Arc::new(Self { connect, calls: Mutex::new(0), freed: Condvar::new() })
    }

    /// Whether the connection is not cut, as far as is known without asking the host.
    pub(super) fn alive(&self) -> bool {
        self.connect.is_alive().unwrap_or(false)
    }

    /// How many calls block on it.
    pub(super) fn calls(&self) -> usize {
        *lock(&self.calls)
    }

    /// Takes one of the calls. False where all are taken.
    pub(super) fn try_take(&self) -> bool {
        let mut calls = lock(&self.calls);
        let free = *calls < CALLS;
        if free {
            *calls += 1;
        }
        free
    }

    /// Waits for one of the calls. False where the connection was cut meanwhile.
    pub(super) fn take(&self) -> bool {
        let mut calls = lock(&self.calls);
        while *calls >= CALLS {
            if !self.alive() {
                return false;
            }
            calls = self.freed.wait_timeout(calls, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        *calls += 1;
        true
    }

    fn release(&self) {
        *lock(&self.calls) -= 1;
        self.freed.notify_one();
    }

    /// Makes a call for which one was taken. It returns at the latest when the connection is cut; the call itself may
    /// then still hang, and keeps its thread and the connection until it ends.
    pub(super) fn call<T: Send + 'static>(
        self: &Arc<Self>,
        call: impl FnOnce(&Connect) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Broken> {
        let (answer, answered) = mpsc::sync_channel(1);
        let line = self.clone();
        let made = thread::Builder::new().name("libvirt-call".into()).spawn(move || {
            // Released also where the call panics.
            struct Taken(Arc<Line>);
            impl Drop for Taken {
                fn drop(&mut self) {
                    self.0.release();
                }
            }
            let taken = Taken(line);
            let result = call(&taken.0.connect);
            drop(taken);
            // Nobody may wait any more.
            let _ = answer.send(result);
        });
        if let Err(error) = made {
            self.release();
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
                Err(RecvTimeoutError::Timeout) => cut = !self.alive(),
            }
        }
    }
}
