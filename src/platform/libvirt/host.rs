//! One host: its connections, its queue of short work, and whether it answers.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use virt::connect::Connect;
use virt::error::Error;

use super::ledger::{Ledger, Ticket};
use super::migrate::Move;
use super::queue::{Queue, lock};
use super::trouble::Trouble;
use super::work::Work;
use super::xml::Guests;
use crate::fleet::{HostId, TaskId};
use crate::platform::{End, HostAccess, Observation};

/// How many calls may block on one connection: libvirt serves 5 requests of a client at a time by default, and a sixth
/// starves the keep-alive, which cuts the connection.
pub(super) const CALLS_PER_CONNECTION: usize = 4;
/// How many threads do a host's queued work. One call is left for what must not wait behind it.
const WORKERS: usize = CALLS_PER_CONNECTION - 1;
/// How long a connection may take to open.
const OPEN_WITHIN: Duration = Duration::from_secs(5);
/// How many attempts to open a connection may hang at once before no further is made.
const HANGING_OPENS: usize = 4;
/// Keep-alive: a ping after so many seconds of silence, and so many unanswered pings until the connection is cut. Cut
/// after 6 s, before [`SILENCE`](crate::platform::SILENCE).
const KEEP_ALIVE: (i32, u32) = (2, 2);

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

/// The control connection and how many calls block on it.
#[derive(Debug, Default)]
struct Control {
    connect: Mutex<Option<Connect>>,
    calls: Mutex<usize>,
    freed: Condvar,
}

/// A connection for moves and how many block on it.
#[derive(Debug)]
struct Seat {
    number: usize,
    connect: Connect,
    taken: usize,
}

/// A domain of ours whose start was cut off, to be removed as soon as its host answers again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leftover {
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
    /// What happened on it according to libvirt's events.
    pub(super) inbox: Mutex<Inbox>,
    /// Notified when something is put into the inbox.
    pub(super) stir: Condvar,
    /// The moves that leave it now.
    pub(super) moves: Mutex<Vec<Arc<Move>>>,
    /// When a round of observation last ended, well or with an error.
    last_round: Mutex<Instant>,
    reach: Mutex<Reach>,
    jobs: Mutex<Jobs>,
    control: Control,
    seats: Mutex<Vec<Seat>>,
    seat_numbers: AtomicUsize,
    opening: Arc<AtomicUsize>,
    guests: Mutex<Option<Guests>>,
    leftovers: Mutex<Vec<Leftover>>,
}

impl Host {
    /// A host that has not been asked yet.
    pub(super) fn new(name: Arc<str>, access: HostAccess, queue: Arc<Queue>, ledger: Arc<Ledger>) -> Arc<Self> {
        Arc::new(Self {
            id: access.host,
            name,
            access,
            queue,
            ledger,
            inbox: Mutex::default(),
            stir: Condvar::new(),
            moves: Mutex::default(),
            last_round: Mutex::new(Instant::now()),
            reach: Mutex::new(Reach::Unknown),
            jobs: Mutex::default(),
            control: Control::default(),
            seats: Mutex::default(),
            seat_numbers: AtomicUsize::new(0),
            opening: Arc::default(),
            guests: Mutex::default(),
            leftovers: Mutex::default(),
        })
    }

    // ---- whether it answers

    /// Says that a round went well. True where the host did not answer before, so that everything is to be told anew.
    pub(super) fn answers(self: &Arc<Self>) -> bool {
        *lock(&self.last_round) = Instant::now();
        let before = std::mem::replace(&mut *lock(&self.reach), Reach::Answers);
        if before == Reach::Answers {
            return false;
        }
        for leftover in std::mem::take(&mut *lock(&self.leftovers)) {
            self.enqueue(Job { ticket: None, work: Work::Remove(leftover) });
        }
        true
    }

    /// Says that the host does not answer. Work that waits for it fails; calls that already block end when keep-alive
    /// cuts their connection.
    pub(super) fn unreachable(&self, why: &str) {
        let why: Arc<str> = why.into();
        let before = std::mem::replace(&mut *lock(&self.reach), Reach::Unreachable(why.clone()));
        let told = matches!(before, Reach::Unreachable(_));
        if !told {
            tracing::warn!(host = &*self.name, %why, "unreachable");
            self.queue.push(Some(self.id), vec![Observation::HostUnreachable { reason: why.clone() }]);
        }
        let waiting = std::mem::take(&mut lock(&self.jobs).waiting);
        for job in waiting {
            match (job.ticket, job.work) {
                (Some(ticket), work) => {
                    let absent = matches!(work, Work::Boot { .. });
                    let reason = format!("{} is unreachable: {why}", self.name);
                    ticket.end(End::Failed(reason.into()), |_| !absent, None);
                }
                (None, Work::Remove(leftover)) => self.leave_over(leftover),
                (None, _) => {}
            }
        }
    }

    /// For how long no round of observation has ended.
    pub(super) fn silent_for(&self) -> Duration {
        lock(&self.last_round).elapsed()
    }

    /// Says that the observer is at work, though without an answer.
    pub(super) fn round_failed(&self) {
        *lock(&self.last_round) = Instant::now();
    }

    /// Fails where the host is known not to answer.
    pub(super) fn reachable(&self) -> Result<(), Trouble> {
        match &*lock(&self.reach) {
            Reach::Unreachable(why) => Err(Trouble::Unreachable { host: self.name.to_string(), why: why.to_string() }),
            Reach::Unknown | Reach::Answers => Ok(()),
        }
    }

    /// Remembers what a start that was cut off may have left.
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

    /// Ends a task that still waits in the queue as cancelled. False where it does not wait here.
    pub(super) fn cancel_waiting(&self, task: TaskId) -> bool {
        let mut jobs = lock(&self.jobs);
        let place = jobs.waiting.iter().position(|j| j.ticket.as_ref().is_some_and(|t| t.task == task));
        let Some(job) = place.and_then(|i| jobs.waiting.remove(i)) else { return false };
        drop(jobs);
        let absent = matches!(job.work, Work::Boot { .. });
        if let Some(ticket) = job.ticket {
            ticket.end(End::Cancelled, |_| !absent, None);
        }
        true
    }

    // ---- connections

    /// Opens a connection with keep-alive. An attempt that hangs is left to itself, and at most [`HANGING_OPENS`] are.
    pub(super) fn open(&self) -> Result<Connect, Trouble> {
        let no_connection =
            |why: String| Trouble::NoConnection { host: self.name.to_string(), uri: self.access.uri.clone(), why };
        super::ffi::start_event_loop().map_err(no_connection)?;
        let silent =
            || Trouble::Silent { host: self.name.to_string(), uri: self.access.uri.clone(), within: OPEN_WITHIN };
        if self.opening.load(Ordering::Relaxed) >= HANGING_OPENS {
            return Err(silent());
        }
        let uri = without_questions(&self.access.uri);
        let opening = self.opening.clone();
        opening.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = mpsc::sync_channel(1);
        let open = move || {
            let opened = Connect::open(Some(&uri));
            if let Ok(connect) = &opened {
                // The test driver has no keep-alive and needs none.
                let _ = connect.set_keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1);
            }
            opening.fetch_sub(1, Ordering::Relaxed);
            // Nobody may wait any more; the connection is then closed.
            let _ = answer.send(opened);
        };
        if let Err(error) = thread::Builder::new().name(format!("open {}", self.name)).spawn(open) {
            self.opening.fetch_sub(1, Ordering::Relaxed);
            return Err(no_connection(error.to_string()));
        }
        match answered.recv_timeout(OPEN_WITHIN) {
            Ok(Ok(connect)) => Ok(connect),
            Ok(Err(error)) => Err(no_connection(error.message().to_owned())),
            Err(RecvTimeoutError::Timeout) => Err(silent()),
            Err(RecvTimeoutError::Disconnected) => Err(no_connection("the thread that opened it broke off".into())),
        }
    }

    /// What a failed call on a connection means. `doing` reads after the host's name, as in `starting vm-1`.
    pub(super) fn trouble(&self, connect: &Connect, doing: &str, error: Error) -> Trouble {
        let cut = !connect.is_alive().unwrap_or(false);
        Trouble::Call { host: self.name.to_string(), doing: doing.to_owned(), error, cut }
    }

    /// Makes a call on the control connection, opened where needed; at most [`CALLS_PER_CONNECTION`] at once.
    pub(super) fn control<T>(
        &self,
        doing: &str,
        call: impl FnOnce(&Connect) -> Result<T, Error>,
    ) -> Result<T, Trouble> {
        struct Call<'a>(&'a Control);
        impl Drop for Call<'_> {
            fn drop(&mut self) {
                *lock(&self.0.calls) -= 1;
                self.0.freed.notify_one();
            }
        }
        let mut calls = lock(&self.control.calls);
        while *calls >= CALLS_PER_CONNECTION {
            calls = self.control.freed.wait(calls).unwrap_or_else(PoisonError::into_inner);
        }
        *calls += 1;
        drop(calls);
        let _call = Call(&self.control);
        self.reachable()?;
        let connect = {
            let mut slot = lock(&self.control.connect);
            match slot.as_ref().filter(|c| c.is_alive().unwrap_or(false)) {
                Some(connect) => connect.clone(),
                None => slot.insert(self.open()?).clone(),
            }
        };
        call(&connect).map_err(|error| self.trouble(&connect, doing, error))
    }

    /// Makes a call that blocks for as long as a move lasts, on a connection with a free seat.
    pub(super) fn blocking_call<T>(
        &self,
        doing: &str,
        call: impl FnOnce(&Connect) -> Result<T, Error>,
    ) -> Result<T, Trouble> {
        self.reachable()?;
        let free = {
            let mut seats = lock(&self.seats);
            let usable = |s: &&mut Seat| s.taken < CALLS_PER_CONNECTION && s.connect.is_alive().unwrap_or(false);
            seats.iter_mut().find(usable).map(|seat| {
                seat.taken += 1;
                (seat.number, seat.connect.clone())
            })
        };
        let (number, connect) = match free {
            Some(seat) => seat,
            None => {
                let connect = self.open()?;
                let number = self.seat_numbers.fetch_add(1, Ordering::Relaxed);
                lock(&self.seats).push(Seat { number, connect: connect.clone(), taken: 1 });
                (number, connect)
            }
        };
        let result = call(&connect).map_err(|error| self.trouble(&connect, doing, error));
        let mut seats = lock(&self.seats);
        if let Some(seat) = seats.iter_mut().find(|s| s.number == number) {
            seat.taken -= 1;
        }
        // One unused connection is kept for the next move.
        let mut kept = false;
        let mut unused = Vec::new();
        let mut i = 0;
        while i < seats.len() {
            let alive = seats[i].connect.is_alive().unwrap_or(false);
            if seats[i].taken > 0 || (alive && !std::mem::replace(&mut kept, true)) {
                i += 1;
            } else {
                unused.push(seats.swap_remove(i));
            }
        }
        drop(seats);
        drop(unused);
        result
    }

    /// What the host can run. Asked once.
    pub(super) fn guests(&self) -> Result<Guests, Trouble> {
        if let Some(known) = lock(&self.guests).clone() {
            return Ok(known);
        }
        let capabilities = self.control("reading its capabilities", Connect::capabilities)?;
        let read = Guests::read(&capabilities).ok_or_else(|| Trouble::NoConnection {
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
