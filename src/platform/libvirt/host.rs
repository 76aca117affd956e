//! One host: its connections, its queue of short work, and whether it answers.

mod calls;
mod silence;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

pub(super) use silence::{KNOCK, Silence};

use super::addresses::Addresses;
use super::awaiting::Awaiting;
use super::errands::Errands;
use super::greet::Greetings;
use super::images::Images;
use super::ledger::{Ledger, Ticket};
use super::line::Line;
use super::load_tool::Tools;
use super::login::Logins;
use super::look::{self, Looks};
use super::migrate::Move;
use super::queue::{Queue, lock};
use super::stopping::{Stopped, Stopping};
use super::trouble::Trouble;
use super::work::Work;
use super::xml::Guests;
use crate::doctor::HostSign;
use crate::fleet::{HostId, TaskId};
use crate::platform::{End, HostAccess, Observation};

/// How many threads do a host's queued work. A start waits more than it computes: eight at once took a quarter of the
/// time of eight in a row on two cores. More would crowd the 20 workers of an untuned libvirtd, and the 10 connections
/// that an untuned SSH server lets in at a time.
const WORKERS: usize = 8;

/// Whether a host answers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    /// Not asked yet.
    Unknown,
    /// It does.
    Answers,
    /// It does not, for this reason.
    Unreachable(Arc<str>),
}

/// Something for a host's workers to do; without a ticket it is for nobody's task.
#[derive(Debug)]
struct Job {
    ticket: Option<Ticket>,
    work: Work,
}

#[derive(Debug, Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    workers: usize,
}

/// A domain of ours whose start was cut off, to be removed as soon as its host answers again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leftover {
    /// Not before then, where an attempt took long.
    pub(super) after: Option<Instant>,
    /// The domain's name, which another one may bear by now.
    pub(super) name: Arc<str>,
    /// The domain's UUID, which only our start can have given it.
    pub(super) uuid: String,
    /// Its overlay's path, where it has one.
    pub(super) overlay: Option<String>,
}

/// What the event thread leaves for the observer.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Whether anything happened since the last round.
    pub(super) stirred: bool,
    /// Why domains went away.
    pub(super) gone: HashMap<String, &'static str>,
    /// Whose guest's agent came (true) or left.
    pub(super) agents: HashMap<String, bool>,
    /// Which domains were given Hemera's mark.
    pub(super) marked: HashSet<String>,
    /// Which domains were reset.
    pub(super) reset: HashSet<String>,
}

/// A host.
#[derive(Debug)]
pub(super) struct Host {
    /// Its id.
    pub(super) id: HostId,
    /// Its short name, which every reason begins with.
    pub(super) name: Arc<str>,
    /// How it is reached.
    pub(super) access: HostAccess,
    /// Where observations go.
    pub(super) queue: Arc<Queue>,
    /// The book of tasks.
    pub(super) ledger: Arc<Ledger>,
    /// Who has which address.
    pub(super) addresses: Arc<Addresses>,
    /// The images on their way to it.
    pub(super) images: Arc<Images>,
    /// Whose SSH server greets.
    pub(super) greetings: Arc<Greetings>,
    /// How its guests that have no agent are reached, by their names.
    pub(super) logins: Mutex<Logins>,
    /// VMs that are looked at more closely.
    pub(super) looks: Looks,
    /// The load tools that are to run in its guests.
    pub(super) tools: Tools,
    /// Boots that wait for their guests.
    pub(super) awaiting: Awaiting,
    /// Shutdowns that wait for their guests to end.
    pub(super) stopping: Stopping,
    /// What is done in its guests.
    pub(super) errands: Errands,
    /// What happened on it according to libvirt's events.
    pub(super) inbox: Mutex<Inbox>,
    /// Notified when something is put into the inbox.
    pub(super) stir: Condvar,
    /// The moves that leave it now.
    pub(super) moves: Mutex<Vec<Arc<Move>>>,
    /// For how long it has said nothing.
    pub(super) silence: Silence,
    reach: Mutex<Reach>,
    jobs: Mutex<Jobs>,
    idle: Mutex<Vec<Line>>,
    hanging: Arc<AtomicUsize>,
    guests: Mutex<Option<Guests>>,
    /// How many questions about single VMs wait for an answer.
    pub(super) asking: Arc<AtomicUsize>,
    leftovers: Mutex<Vec<Leftover>>,
}

impl Host {
    /// A host that has not been asked yet.
    pub(super) fn new(
        name: Arc<str>,
        access: HostAccess,
        queue: Arc<Queue>,
        ledger: Arc<Ledger>,
        addresses: Arc<Addresses>,
        images: Arc<Images>,
        greetings: Arc<Greetings>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: access.host,
            name,
            access,
            queue,
            ledger,
            addresses,
            images,
            greetings,
            logins: Mutex::default(),
            looks: Looks::default(),
            tools: Tools::default(),
            awaiting: Awaiting::default(),
            stopping: Stopping::default(),
            errands: Errands::default(),
            inbox: Mutex::default(),
            stir: Condvar::new(),
            moves: Mutex::default(),
            silence: Silence::default(),
            reach: Mutex::new(Reach::Unknown),
            jobs: Mutex::default(),
            idle: Mutex::default(),
            hanging: Arc::default(),
            guests: Mutex::default(),
            asking: Arc::default(),
            leftovers: Mutex::default(),
        })
    }

    // ---- whether it answers

    /// Whether it answered when it was last asked.
    pub(super) fn known_to_answer(&self) -> bool {
        *lock(&self.reach) == Reach::Answers
    }

    /// Says that a round went well; `told`, that it tells the host's first answer. One that does not leaves a host that was
    /// called unreachable meanwhile as it is, for the next round to tell.
    pub(super) fn answers(self: &Arc<Self>, told: bool) {
        self.silence.answered();
        let mut reach = lock(&self.reach);
        if *reach != Reach::Answers {
            if !told {
                return;
            }
            *reach = Reach::Answers;
        }
        drop(reach);
        let now = Instant::now();
        let due: Vec<Leftover> =
            lock(&self.leftovers).extract_if(.., |leftover| leftover.after.is_none_or(|at| at <= now)).collect();
        for leftover in due {
            self.remove(leftover);
        }
    }

    /// Removes what a start left, as soon as a worker is free.
    pub(super) fn remove(self: &Arc<Self>, leftover: Leftover) {
        self.enqueue(Job { ticket: None, work: Work::Remove(leftover) });
    }

    /// Says that the host does not answer. Work that waits for it fails; calls that already block end when keep-alive
    /// cuts their connection.
    pub(super) fn unreachable(self: &Arc<Self>, why: &str) {
        let why: Arc<str> = why.into();
        let before = std::mem::replace(&mut *lock(&self.reach), Reach::Unreachable(why.clone()));
        let told = matches!(before, Reach::Unreachable(_));
        if !told {
            tracing::warn!(host = &*self.name, %why, "unreachable");
            self.queue.push(Some(self.id), vec![Observation::HostUnreachable { reason: why.clone() }]);
        }
        let waiting = std::mem::take(&mut lock(&self.jobs).waiting);
        let failed = || End::Failed(format!("{} is unreachable: {why}", self.name).into());
        for job in waiting {
            let absent = matches!(job.work, Work::Boot { .. } | Work::Remove(_) | Work::Clear { .. });
            if let Some(ticket) = job.ticket {
                ticket.end(failed(), |_| !absent, None);
            }
            if let Work::Remove(leftover) = job.work {
                self.leave_over(leftover);
            }
        }
    }

    /// Tells what the machine says while the hypervisor on it gives no answer. Blocks for a moment.
    pub(super) fn tell_contact(&self) {
        if let Some(contact) = look::contact(&self.access.uri)
            && self.reachable().is_err()
        {
            self.queue.push(Some(self.id), vec![Observation::HostSign(HostSign::Contact(contact))]);
        }
    }

    /// Fails where the host is known not to answer.
    pub(super) fn reachable(&self) -> Result<(), Trouble> {
        match &*lock(&self.reach) {
            Reach::Unreachable(why) => Err(Trouble::Unreachable { host: self.name.to_string(), why: why.to_string() }),
            Reach::Unknown | Reach::Answers => Ok(()),
        }
    }

    /// Removes what a start that was cut off may have left when the host answers next: it may be gone though nobody has
    /// found that out yet.
    pub(super) fn leave_over(&self, leftover: Leftover) {
        lock(&self.leftovers).push(leftover);
    }

    // ---- queued work

    /// Queues a task's work.
    pub(super) fn submit(self: &Arc<Self>, ticket: Ticket, work: Work) {
        if let Err(trouble) = self.reachable() {
            let absent = matches!(work, Work::Boot { .. });
            return ticket.end(End::Failed(trouble.to_string().into()), |_| !absent, None);
        }
        self.enqueue(Job { ticket: Some(ticket), work });
    }

    fn enqueue(self: &Arc<Self>, job: Job) {
        let mut jobs = lock(&self.jobs);
        jobs.waiting.push_back(job);
        if jobs.workers == WORKERS {
            return;
        }
        jobs.workers += 1;
        drop(jobs);
        let host = self.clone();
        let spawned = thread::Builder::new().name(format!("work {}", self.name)).spawn(move || host.work());
        if let Err(error) = spawned {
            let mut jobs = lock(&self.jobs);
            jobs.workers -= 1;
            // With no worker at all nobody would ever take what waits; its tickets fail when dropped.
            if jobs.workers == 0 {
                let waiting = std::mem::take(&mut jobs.waiting);
                drop(jobs);
                tracing::error!(host = &*self.name, %error, dropped = waiting.len(), "no thread for queued work");
            }
        }
    }

    fn work(self: Arc<Self>) {
        loop {
            let mut jobs = lock(&self.jobs);
            let Some(job) = jobs.waiting.pop_front() else {
                jobs.workers -= 1;
                return;
            };
            drop(jobs);
            // A panic would take the worker's count with it, and in the end all workers.
            let run = std::panic::AssertUnwindSafe(|| job.work.run(&self, job.ticket));
            if std::panic::catch_unwind(run).is_err() {
                tracing::error!(host = &*self.name, "queued work panicked");
            }
        }
    }

    /// Removes what a VM that shut down has left, as soon as a worker is free, and ends its task.
    pub(super) fn clear(self: &Arc<Self>, stopped: Stopped) {
        let Stopped { name, ticket, ours } = stopped;
        self.enqueue(Job { ticket: Some(ticket), work: Work::Clear { name, ours } });
    }

    /// Asks a guest that was asked to end before, as soon as a worker is free.
    pub(super) fn ask_to_end(self: &Arc<Self>, running: Stopped) {
        let Stopped { name, ticket, ours } = running;
        self.enqueue(Job { ticket: Some(ticket), work: Work::AskToEnd { name, ours } });
    }

    /// Lets a shutdown that was asked for wait for its guest.
    pub(super) fn await_end(&self, name: &Arc<str>, ticket: Ticket, ours: bool) {
        let (task, signals) = (ticket.task, ticket.signals.clone());
        self.stopping.wait(name, ticket, ours);
        // A cancellation that came just before did not find it here.
        if signals.cancelled()
            && let Some(ticket) = self.stopping.take(task)
        {
            ticket.end(End::Cancelled, |_| true, None);
        }
        // Its guest may have ended before anybody waited.
        lock(&self.inbox).stirred = true;
        self.stir.notify_one();
    }

    /// Lets a boot whose VM runs wait for its guest.
    pub(super) fn await_guest(self: &Arc<Self>, name: &Arc<str>, ticket: Ticket, leftover: Leftover) {
        let (task, signals) = (ticket.task, ticket.signals.clone());
        self.awaiting.wait(name, ticket, leftover);
        // A cancellation that came just before did not find it here.
        if signals.cancelled() {
            self.cancel_waiting(task);
        }
        // Its guest may have answered before anybody waited.
        lock(&self.inbox).stirred = true;
        self.stir.notify_one();
    }

    /// Ends a task that still waits as cancelled, in the queue at once, for its guest when its VM is removed. False where
    /// it does not wait here.
    pub(super) fn cancel_waiting(self: &Arc<Self>, task: TaskId) -> bool {
        if let Some((ticket, leftover)) = self.awaiting.take(task) {
            self.enqueue(Job { ticket: Some(ticket), work: Work::Remove(leftover) });
            return true;
        }
        if let Some(ticket) = self.stopping.take(task) {
            ticket.end(End::Cancelled, |_| true, None);
            return true;
        }
        let mut jobs = lock(&self.jobs);
        let of_task = |job: &Job| {
            // Whose VM is being removed ends with that.
            !matches!(job.work, Work::Remove(_) | Work::Clear { .. })
                && job.ticket.as_ref().is_some_and(|ticket| ticket.task == task)
        };
        let place = jobs.waiting.iter().position(of_task);
        let Some(job) = place.and_then(|i| jobs.waiting.remove(i)) else { return false };
        drop(jobs);
        let absent = matches!(job.work, Work::Boot { .. });
        if let Some(ticket) = job.ticket {
            ticket.end(End::Cancelled, |_| !absent, None);
        }
        true
    }
}
