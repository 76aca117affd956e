//! One image on its way to many hosts, which may join and be forgotten while it is under way.

mod coordinator;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::ImageFile;
use super::plan::Shape;
use super::progress::Progress;
use super::transfer::{Outcome, Target};
use crate::fleet::Transfer;
use coordinator::Coordinator;

/// How an image is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Who passes it on to how many.
    pub shape: Shape,
    /// Whether hosts take it from hosts alone that have it, and never from this machine: to measure what goes between them.
    pub seeded: bool,
}

/// An image is on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its path there.
    pub path: String,
    /// Whether it had been there before anybody asked.
    pub there: bool,
}

/// Called once, when a host has the image or is given up.
type Done = Box<dyn FnOnce(Result<Arrival, String>) + Send>;

enum Event {
    Add(u64, Target, Done),
    Forget(u64),
    Bytes(usize, u64, u64),
    Ended(usize, u64, Outcome),
    Close,
}

/// An image on its way. Dropping it ends what is under way; what arrived stays.
#[derive(Debug)]
pub struct Spread {
    events: Sender<Event>,
    shared: Arc<Mutex<Progress>>,
    asked: Mutex<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spread {
    /// Begins with the image in that file and no host. A file that cannot be read fails whoever asks.
    pub fn start(path: PathBuf, options: Options) -> Self {
        let (events, inbox) = channel();
        let shared = Arc::<Mutex<Progress>>::default();
        let (sender, progress) = (events.clone(), shared.clone());
        let spawned = thread::Builder::new().name("spread".into()).spawn(move || {
            let image = ImageFile::read(&path);
            Coordinator::new(image, options, sender, progress).run(&inbox);
        });
        if let Err(error) = spawned {
            // Whoever asks is told when the channel is found closed.
            tracing::error!(%error, "no thread to spread an image");
        }
        Self { events, shared, asked: Mutex::new(0) }
    }

    /// Brings the image to a host too. `done` is called once, on another thread. The number names this wish.
    pub fn add(&self, target: Target, done: impl FnOnce(Result<Arrival, String>) + Send + 'static) -> u64 {
        let mut asked = lock(&self.asked);
        *asked += 1;
        if let Err(closed) = self.events.send(Event::Add(*asked, target, Box::new(done)))
            && let Event::Add(_, _, done) = closed.0
        {
            // Not here, where its maker may hold what it needs.
            let told = thread::Builder::new().spawn(|| done(Err("images cannot be spread: no thread for it".into())));
            drop(told);
        }
        *asked
    }

    /// Takes a wish back: its `done` is called with an error where it has not been. A host that nobody wants to have the
    /// image any more is left alone.
    pub fn forget(&self, wish: u64) {
        // Where nobody hears it, it has ended.
        let _ = self.events.send(Event::Forget(wish));
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        lock(&self.shared).clone()
    }

    /// How far a host is, beside what concerns all of them.
    pub fn transfer(&self, host: &str) -> Transfer {
        lock(&self.shared).transfer(host)
    }
}

impl Drop for Spread {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Close);
    }
}

/// Brings an image to hosts and waits until each has it or is given up, in the order of `targets`. `tell` is told how far
/// it is now and then.
pub fn spread(
    path: &Path,
    targets: Vec<Target>,
    options: Options,
    mut tell: impl FnMut(&Progress),
) -> (Vec<Result<Arrival, String>>, Progress) {
    let spread = Spread::start(path.to_path_buf(), options);
    let (sender, ends) = channel();
    let count = targets.len();
    for (i, target) in targets.into_iter().enumerate() {
        let sender = sender.clone();
        spread.add(target, move |end| drop(sender.send((i, end))));
    }
    let mut found: Vec<Result<Arrival, String>> = vec![Err("it was not asked".into()); count];
    let mut missing = count;
    while missing > 0 {
        if let Ok((i, end)) = ends.recv_timeout(Duration::from_millis(200)) {
            found[i] = end;
            missing -= 1;
        }
        tell(&spread.progress());
    }
    (found, spread.progress())
}
