//! One image on its way to many hosts: a thread that asks the plan what to start, and a thread per transfer.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::ImageFile;
use super::plan::{Plan, Shape, Source, State};
use super::progress::{HostProgress, Progress, Stage};
use super::transfer::{self, From, Handle, Outcome, Target};
use crate::fleet::Transfer;

/// How many hosts are asked at the same time whether they have the image.
const CHECKS: usize = 32;
/// How long a host rests after its first failure, and so much longer after each.
const REST: Duration = Duration::from_millis(500);

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

struct Wanted {
    target: Target,
    wishes: Vec<(u64, Done)>,
    /// Which of its transfers is the present one, to know what is said by an earlier one.
    attempt: u64,
    handle: Handle,
    failures: u32,
    there: bool,
}

struct Coordinator {
    image: Result<Arc<ImageFile>, String>,
    plan: Plan,
    hosts: Vec<Wanted>,
    by_name: HashMap<Arc<str>, usize>,
    unchecked: VecDeque<usize>,
    checking: usize,
    events: Sender<Event>,
    shared: Arc<Mutex<Progress>>,
}

impl Coordinator {
    fn new(
        image: Result<ImageFile, String>,
        options: Options,
        events: Sender<Event>,
        shared: Arc<Mutex<Progress>>,
    ) -> Self {
        if let Ok(image) = &image {
            let mut shared = lock(&shared);
            (shared.size, shared.name) = (image.size, image.name().into());
        }
        Self {
            image: image.map(Arc::new),
            plan: Plan::new(options.shape, !options.seeded),
            hosts: Vec::new(),
            by_name: HashMap::new(),
            unchecked: VecDeque::new(),
            checking: 0,
            events,
            shared,
        }
    }

    fn run(mut self, inbox: &Receiver<Event>) {
        while let Ok(event) = inbox.recv() {
            match event {
                Event::Add(wish, target, done) => self.add(wish, target, done),
                Event::Forget(wish) => self.forget(wish),
                Event::Bytes(host, attempt, bytes) => self.bytes(host, attempt, bytes),
                Event::Ended(host, attempt, outcome) => self.ended(host, attempt, outcome),
                Event::Close => break,
            }
            self.start();
        }
        for host in &mut self.hosts {
            host.handle.kill();
            host.wishes.drain(..).for_each(|(_, done)| done(Err("cancelled".into())));
        }
    }

    fn add(&mut self, wish: u64, target: Target, done: Done) {
        let image = match &self.image {
            Ok(image) => image.clone(),
            Err(why) => return done(Err(why.clone())),
        };
        if let Some(&host) = self.by_name.get(&target.name) {
            if self.plan.state(host) == State::Has {
                let there = self.hosts[host].there;
                return done(Ok(Arrival { path: transfer::path(&image), there }));
            }
            if self.plan.state(host) == State::Failed {
                // Somebody hopes anew.
                self.hosts[host].failures = 0;
                self.plan.again(host);
                self.stage(host, Stage::Waits);
            }
            return self.hosts[host].wishes.push((wish, done));
        }
        let host = self.plan.join(target.site);
        self.by_name.insert(target.name.clone(), host);
        lock(&self.shared).hosts.push(HostProgress {
            name: target.name.clone(),
            stage: Stage::Waits,
            bytes: 0,
            broken: 0,
        });
        let (wishes, handle) = (vec![(wish, done)], Handle::default());
        self.hosts.push(Wanted { target, wishes, attempt: 0, handle, failures: 0, there: false });
        self.unchecked.push_back(host);
    }

    fn forget(&mut self, wish: u64) {
        for host in 0..self.hosts.len() {
            let wishes = &mut self.hosts[host].wishes;
            let Some(place) = wishes.iter().position(|(known, _)| *known == wish) else { continue };
            let (_, done) = wishes.remove(place);
            let alone = wishes.is_empty();
            done(Err("cancelled".into()));
            // Whoever hangs on it goes on from another.
            if alone {
                self.stop(host);
                self.unchecked.retain(|waiting| *waiting != host);
                let hung = self.plan.give_up(host);
                for host in hung {
                    self.stop(host);
                }
                self.stage(host, Stage::Failed("cancelled".into()));
            }
            return;
        }
    }

    /// Ends a host's transfer; what it still says is nobody's.
    fn stop(&mut self, host: usize) {
        if self.plan.state(host) == State::Unknown && !self.unchecked.contains(&host) {
            self.checking -= 1;
        }
        self.hosts[host].attempt += 1;
        self.hosts[host].handle.kill();
    }

    fn bytes(&mut self, host: usize, attempt: u64, bytes: u64) {
        if self.hosts[host].attempt != attempt {
            return;
        }
        lock(&self.shared).note(host, bytes);
    }

    fn ended(&mut self, host: usize, attempt: u64, outcome: Outcome) {
        if self.hosts[host].attempt != attempt {
            return;
        }
        let checked = self.plan.state(host) == State::Unknown;
        if checked {
            self.checking -= 1;
        }
        match outcome {
            Outcome::There | Outcome::Arrived => {
                self.hosts[host].there = outcome == Outcome::There;
                self.plan.has(host);
                if let Ok(image) = &self.image {
                    let there = self.hosts[host].there;
                    lock(&self.shared).hosts[host].bytes = image.size;
                    let arrival = Arrival { path: transfer::path(image), there };
                    self.hosts[host].wishes.drain(..).for_each(|(_, done)| done(Ok(arrival.clone())));
                }
                self.stage(host, Stage::Has);
            }
            Outcome::Lacks(bytes) => {
                self.plan.lacks(host);
                lock(&self.shared).hosts[host].bytes = bytes;
            }
            Outcome::Full(why) => {
                let hung = self.plan.give_up(host);
                self.failed(host, &why, hung);
            }
            Outcome::Broken(why) => {
                tracing::info!(host = &*self.hosts[host].target.name, %why, "the transfer of an image broke");
                self.hosts[host].failures += 1;
                lock(&self.shared).hosts[host].broken += 1;
                let hung = self.plan.broke(host);
                if self.plan.state(host) == State::Failed {
                    self.failed(host, &why, hung);
                } else {
                    self.stage(host, Stage::Waits);
                }
            }
        }
    }

    fn failed(&mut self, host: usize, why: &str, hung: Vec<usize>) {
        for host in hung {
            self.stop(host);
        }
        let why = format!("{}: {why}", self.hosts[host].target.name);
        self.stage(host, Stage::Failed(why.as_str().into()));
        self.hosts[host].wishes.drain(..).for_each(|(_, done)| done(Err(why.clone())));
    }

    fn stage(&self, host: usize, stage: Stage) {
        lock(&self.shared).hosts[host].stage = stage;
    }

    /// Starts what can be started now.
    fn start(&mut self) {
        let Ok(image) = self.image.clone() else { return };
        while self.checking < CHECKS
            && let Some(host) = self.unchecked.pop_front()
        {
            self.checking += 1;
            self.launch(host, &image, From::Nobody);
        }
        for (host, source) in self.plan.due() {
            let (from, name) = match source {
                Source::Origin => (From::Here, "this machine".into()),
                Source::Host(from) => {
                    let from = &self.hosts[from].target;
                    (From::Host(from.clone()), from.name.clone())
                }
            };
            lock(&self.shared).begin();
            self.stage(host, Stage::Receives(name));
            self.launch(host, &image, from);
        }
    }

    fn launch(&mut self, host: usize, image: &Arc<ImageFile>, from: From) {
        let wanted = &mut self.hosts[host];
        wanted.attempt += 1;
        wanted.handle = Handle::default();
        let (attempt, handle, target) = (wanted.attempt, wanted.handle.clone(), wanted.target.clone());
        let (events, image, rest) = (self.events.clone(), image.clone(), REST * wanted.failures);
        let spawned = thread::Builder::new().name(format!("image {}", target.name)).spawn(move || {
            thread::sleep(rest);
            let tell = |bytes| drop(events.send(Event::Bytes(host, attempt, bytes)));
            let outcome = transfer::run(&target, &image, &from, &handle, tell);
            // Nobody hears it where the spread has ended.
            let _ = events.send(Event::Ended(host, attempt, outcome));
        });
        if let Err(error) = spawned {
            let _ = self.events.send(Event::Ended(host, attempt, Outcome::Broken(format!("no thread: {error}"))));
        }
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
