//! Runtimes on a thread of their own, for consoles.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::Notify;

use super::pace::{Live, Paced, Simulated};
use super::record::Recorder;
use super::serve::{Until, serve};
use super::{Driver, RuntimeError};
use crate::engine::Engine;
use crate::handle::{About, Handle, Snapshot, pair};
use crate::platform::{Platform, Virtual};

/// A runtime that lives as long as anybody holds a [`Handle`] to it.
#[derive(Debug)]
pub struct Running {
    thread: JoinHandle<Result<(), RuntimeError>>,
}

impl Running {
    /// Waits for its end: drop all handles first.
    ///
    /// # Errors
    /// What it ended of, if not of being left alone.
    pub fn join(self) -> Result<(), RuntimeError> {
        self.thread.join().unwrap_or_else(|_| Err(RuntimeError::Thread("it panicked; see the log".into())))
    }

    /// Whether it ended, for whatever reason.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

/// Starts virtual time at `speed` times the wall clock. The handle's first snapshot is there at once.
///
/// # Errors
/// [`RuntimeError::Thread`], or what already the first look at the platform comes to.
pub fn spawn_paced<P, R>(
    mut driver: Driver<P, R>,
    speed: f64,
    about: Arc<About>,
) -> Result<(Handle, Running), RuntimeError>
where
    P: Virtual + 'static,
    R: Recorder + 'static,
{
    driver.settle()?;
    driver.look()?;
    let first = driver.engine().snapshot(driver.now(), &about);
    start(move || Ok(Simulated::new(driver, speed)), first, about)
}

/// The same where `fill` first enters `coming` VMs that are there already. That happens on the runtime's own thread: for
/// a million VMs it takes a second, and the handle is there before, with a snapshot that says that they are on their way.
///
/// # Errors
/// As [`spawn_paced`].
pub fn spawn_filled<P, R>(
    mut driver: Driver<P, R>,
    coming: u32,
    fill: impl FnOnce(&mut Engine, &mut P) + Send + 'static,
    speed: f64,
    about: Arc<About>,
) -> Result<(Handle, Running), RuntimeError>
where
    P: Virtual + 'static,
    R: Recorder + 'static,
{
    let first = Snapshot { loading: coming, ..driver.engine().snapshot(driver.now(), &about) };
    let make = move || {
        driver.fill(fill);
        driver.settle()?;
        Ok(Simulated::new(driver, speed))
    };
    start(make, first, about)
}

/// Starts to drive a platform whose time passes by itself: since `started`, with `notify` telling of observations.
///
/// # Errors
/// As [`spawn_paced`].
pub fn spawn_live<P, R>(
    mut driver: Driver<P, R>,
    started: Instant,
    notify: Arc<Notify>,
    about: Arc<About>,
) -> Result<(Handle, Running), RuntimeError>
where
    P: Platform + 'static,
    R: Recorder + 'static,
{
    driver.settle()?;
    let first = driver.engine().snapshot(driver.now(), &about);
    start(move || Ok(Live::new(driver, started, notify)), first, about)
}

fn start<D: Paced>(
    make: impl FnOnce() -> Result<D, RuntimeError> + Send + 'static,
    first: Snapshot,
    about: Arc<About>,
) -> Result<(Handle, Running), RuntimeError> {
    let runtime = super::event_loop()?;
    let (handle, mut service) = pair(Arc::new(first));
    let run = move || {
        let served = async { serve(&mut make()?, &mut service, &about, Until::Forsaken).await };
        let outcome = runtime.block_on(served);
        if let Err(error) = &outcome {
            tracing::error!(%error, "the runtime ended");
        }
        outcome
    };
    let thread = std::thread::Builder::new()
        .name("runtime".into())
        .spawn(run)
        .map_err(|error| RuntimeError::Thread(error.to_string()))?;
    Ok((handle, Running { thread }))
}
