//! The thread that asks the plan what to start, and starts a thread per transfer.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::super::ImageFile;
use super::super::plan::{Plan, Shape, Source, State};
use super::super::progress::{HostProgress, Progress, Stage};
use super::super::taktuk;
use super::super::transfer::{self, From, Handle, Heard, Outcome, Target};
use super::{Arrival, Done, Event, Options, lock};

/// How many hosts are asked at the same time whether they have the image.
const CHECKS: usize = 32;
/// For how long hosts wait for others to be sent an image together with them.
const GATHERS: Duration = Duration::from_secs(5);
/// How long a host rests after its first failure, and so much longer after each.
const REST: Duration = Duration::from_millis(500);

struct Wanted {
    target: Target,
    wishes: Vec<(u64, Done)>,
    /// Which of its transfers is the present one, to know what is said by an earlier one.
    attempt: u64,
    handle: Handle,
    failures: u32,
    there: bool,
    /// Whether TakTuk is to send it to it.
    by_taktuk: bool,
}

/// An image on its way to several hosts at once.
struct Broadcast {
    hosts: Vec<usize>,
    handle: Handle,
}

pub(super) struct Coordinator {
    image: Result<Arc<ImageFile>, String>,
    plan: Plan,
    /// Whether hosts that have nothing of it yet are sent it by TakTuk.
    broadcasts: bool,
    broadcast: Option<Broadcast>,
    /// Since when hosts are held back until it is known of others whether they go with them.
    held: Option<Instant>,
    hosts: Vec<Wanted>,
    by_name: HashMap<Arc<str>, usize>,
    unchecked: VecDeque<usize>,
    checking: usize,
    events: Sender<Event>,
    shared: Arc<Mutex<Progress>>,
}

impl Coordinator {
    pub(super) fn new(
        image: Result<ImageFile, String>,
        options: Options,
        events: Sender<Event>,
        shared: Arc<Mutex<Progress>>,
    ) -> Self {
        if let Ok(image) = &image {
            let mut shared = lock(&shared);
            (shared.size, shared.name) = (image.size, image.name().into());
        }
        // It would come from here.
        let wanted = options.shape == Shape::TakTuk && !options.seeded;
        let broadcasts = wanted && image.is_ok() && taktuk::is_installed();
        if wanted && image.is_ok() && !broadcasts {
            tracing::warn!("images go by a chain of hosts: taktuk is not installed here");
        }
        Self {
            image: image.map(Arc::new),
            plan: Plan::new(options.shape, !options.seeded),
            broadcasts,
            broadcast: None,
            held: None,
            hosts: Vec::new(),
            by_name: HashMap::new(),
            unchecked: VecDeque::new(),
            checking: 0,
            events,
            shared,
        }
    }

    pub(super) fn run(mut self, inbox: &Receiver<Event>) {
        loop {
            let event = match self.held {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(_) => inbox.recv_timeout(GATHERS),
            };
            match event {
                Ok(Event::Add(wish, target, done)) => self.add(wish, target, done),
                Ok(Event::Forget(wish)) => self.forget(wish),
                Ok(Event::Bytes(host, attempt, bytes)) => self.bytes(host, attempt, bytes),
                Ok(Event::Ended(host, attempt, outcome)) => self.ended(host, attempt, outcome),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Event::Close) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.start();
        }
        if let Some(broadcast) = &self.broadcast {
            broadcast.handle.kill();
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
                // What it has of it is not known where it was forgotten before it told.
                if self.broadcasts {
                    self.plan.asks(host);
                    self.unchecked.push_back(host);
                }
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
        let by_taktuk = self.broadcasts && taktuk::reaches(&target);
        self.hosts.push(Wanted { target, wishes, attempt: 0, handle, failures: 0, there: false, by_taktuk });
        self.unchecked.push_back(host);
    }

    fn forget(&mut self, wish: u64) {
        for host in 0..self.hosts.len() {
            let wishes = &mut self.hosts[host].wishes;
            let Some(place) = wishes.iter().position(|(known, _)| *known == wish) else { continue };
            let (_, done) = wishes.remove(place);
            let alone = wishes.is_empty();
            done(Err("cancelled".into()));
            // One that TakTuk sends to goes on as long as anybody wants it of those that it sends to.
            let sent = self.broadcast.as_ref().filter(|broadcast| broadcast.hosts.contains(&host));
            if alone && let Some(broadcast) = sent {
                let hosts = broadcast.hosts.clone();
                if hosts.iter().all(|&host| self.hosts[host].wishes.is_empty()) {
                    broadcast.handle.kill();
                    self.broadcast = None;
                    for host in hosts {
                        self.stop(host);
                        self.plan.give_up(host);
                        self.stage(host, Stage::Failed("cancelled".into()));
                    }
                }
                return;
            }
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
        if let Some(broadcast) = &mut self.broadcast {
            broadcast.hosts.retain(|sent| *sent != host);
            if broadcast.hosts.is_empty() {
                self.broadcast = None;
            }
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
        let held = self.gather(&image);
        for (host, source) in self.plan.due(&held) {
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

    /// Sends the image by TakTuk to the hosts that have nothing of it, when it is known of all of them or has been waited
    /// for; those that wait until then.
    fn gather(&mut self, image: &Arc<ImageFile>) -> Vec<usize> {
        if !self.broadcasts || self.broadcast.is_some() {
            return Vec::new();
        }
        let hosts = self.plan.untried().into_iter();
        let mut hosts: Vec<usize> =
            hosts.filter(|&host| self.hosts[host].by_taktuk && lock(&self.shared).hosts[host].bytes == 0).collect();
        let open = self.checking > 0 || !self.unchecked.is_empty();
        if hosts.is_empty() || (hosts.len() == 1 && !open) {
            self.held = None;
            return Vec::new();
        }
        let since = *self.held.get_or_insert_with(Instant::now);
        if open && since.elapsed() < GATHERS {
            return hosts;
        }
        self.held = None;
        if hosts.len() > 1 {
            // From one to the next: into each site once.
            hosts.sort_by_key(|&host| self.hosts[host].target.site);
            self.send(image, hosts);
        }
        Vec::new()
    }

    fn send(&mut self, image: &Arc<ImageFile>, hosts: Vec<usize>) {
        let handle = Handle::default();
        lock(&self.shared).begin();
        for &host in &hosts {
            self.plan.is_sent(host);
            self.hosts[host].attempt += 1;
            self.hosts[host].handle = Handle::default();
            self.stage(host, Stage::Receives("taktuk".into()));
        }
        let attempts: Vec<(usize, u64)> = hosts.iter().map(|&host| (host, self.hosts[host].attempt)).collect();
        let targets: Vec<Target> = hosts.iter().map(|&host| self.hosts[host].target.clone()).collect();
        let (events, image, own) = (self.events.clone(), image.clone(), handle.clone());
        self.broadcast = Some(Broadcast { hosts, handle });
        let told = attempts.clone();
        let spawned = thread::Builder::new().name("taktuk".into()).spawn(move || {
            taktuk::run(&targets, &image, &own, |place, heard| {
                let (host, attempt) = attempts[place];
                // Nobody hears it where the spread has ended.
                let _ = events.send(match heard {
                    Heard::From(bytes) | Heard::At(bytes) => Event::Bytes(host, attempt, bytes),
                    Heard::Outcome(outcome) => Event::Ended(host, attempt, outcome),
                });
            });
        });
        if let Err(error) = spawned {
            for (host, attempt) in told {
                let _ = self.events.send(Event::Ended(host, attempt, Outcome::Broken(format!("no thread: {error}"))));
            }
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
