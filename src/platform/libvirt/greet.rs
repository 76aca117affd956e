//! Whether guests without an agent answer: their SSH servers greet who calls. One thread calls for all hosts, many at a
//! time and without waiting for any.

mod call;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::queue::{Queue, lock};
use crate::fleet::HostId;

/// Where SSH servers listen.
const PORT: u16 = 22;
/// How many are called at a time, and how long they may take.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Calls at a time to whom nothing has answered yet.
    at_once: usize,
    /// Calls at a time in all.
    open: usize,
    /// How many servers at a time may take all the time there is to greet.
    patient: usize,
    /// How long those may take, and those beyond them, so that guests that let calls in and stay silent leave room.
    greeting: [Duration; 2],
}

const BOUNDS: Bounds = Bounds {
    // A machine keeps about a thousand neighbours in mind (`gc_thresh3` of Linux), those that do not answer included.
    at_once: 256,
    // Each is a file that is open: half of what is usually allowed (`ulimit -n`).
    open: 512,
    patient: 384,
    // While an emulated guest boots on a busy machine it took 9 s, and each new call is one more process in it that does
    // not get done.
    greeting: [Duration::from_secs(30), Duration::from_secs(3)],
};
/// How often it is looked whom to call.
const TICK: Duration = Duration::from_millis(100);
/// Between two calls of a guest that did not answer, and of one that did: each is a process in it.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// The same of one that keeps refusing: doubled from the first of these to this.
const REFUSES: Duration = Duration::from_secs(1);
/// Calls in a row that one that answered must leave unanswered: a busy server refuses now and then.
const MISSES: u32 = 3;
/// What is done when a guest begins or ceases to answer.
type Stir = Arc<dyn Fn() + Send + Sync>;

/// Who is called. An address alone is not enough: a new VM gets the one of a VM that is gone. One that moves or is reset
/// keeps both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Callee {
    /// Where its SSH server is.
    pub(super) address: Ipv4Addr,
    /// Its domain's UUID.
    pub(super) uuid: Arc<str>,
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Nobody is there yet.
    Nothing,
    /// Somebody is there, whose SSH server does not greet.
    Refusal,
    /// An SSH server greets.
    Greeting,
}

struct Guest {
    /// Who wants it called: while it moves, two hosts.
    hosts: Vec<HostId>,
    /// When it is called next, where no call is on its way.
    due: Instant,
    /// Whether somebody was there when it was last called. Its server may greet any moment, and it is asked in no time.
    near: bool,
    /// The call that is on its way.
    call: Option<u64>,
    answers: bool,
    misses: u32,
}

/// What a host wants.
struct Wish {
    guests: HashSet<Callee>,
    stir: Stir,
}

#[derive(Default)]
struct State {
    guests: HashMap<Callee, Guest>,
    /// When those are called next that no call is on its way to: those who are near, and the rest. They take turns, so that
    /// neither are held up by however many of the others.
    due: [BTreeSet<(Instant, Callee)>; 2],
    wishes: HashMap<HostId, Wish>,
    /// The number of the last call.
    last: u64,
    /// Whether that was of one who is near.
    last_near: bool,
    /// Whether a thread calls.
    calls: bool,
}

impl State {
    /// Those who wait for their calls.
    const fn waiting(&mut self, near: bool) -> &mut BTreeSet<(Instant, Callee)> {
        &mut self.due[if near { 0 } else { 1 }]
    }

    /// A host wants this guest called.
    fn join(&mut self, host: HostId, callee: &Callee) {
        if !self.guests.contains_key(callee) {
            let due = Instant::now();
            self.waiting(false).insert((due, callee.clone()));
            let guest = Guest { hosts: Vec::new(), due, near: false, call: None, answers: false, misses: 0 };
            self.guests.insert(callee.clone(), guest);
        }
        if let Some(guest) = self.guests.get_mut(callee) {
            guest.hosts.push(host);
        }
    }

    /// A host no longer wants this guest called. One that nobody wants is forgotten.
    fn leave(&mut self, host: HostId, callee: &Callee) {
        let Some(guest) = self.guests.get_mut(callee) else { return };
        guest.hosts.retain(|&other| other != host);
        if guest.hosts.is_empty() {
            let (due, near) = (guest.due, guest.near);
            self.guests.remove(callee);
            self.waiting(near).remove(&(due, callee.clone()));
        }
    }
}

/// The guests that are called.
pub(super) struct Greetings {
    port: u16,
    bounds: Bounds,
    queue: Arc<Queue>,
    state: Mutex<State>,
}

impl fmt::Debug for Greetings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greetings").field("guests", &lock(&self.state).guests.len()).finish_non_exhaustive()
    }
}

impl Greetings {
    /// Nobody is called yet. It ends with the queue.
    pub(super) fn new(queue: Arc<Queue>) -> Arc<Self> {
        Arc::new(Self { port: PORT, bounds: BOUNDS, queue, state: Mutex::default() })
    }

    /// Calls these guests of a host from now on, and no others of it. What is known of one that came from another host
    /// counts on.
    pub(super) fn want(self: &Arc<Self>, host: HostId, wanted: HashSet<Callee>, stir: Stir) {
        let mut state = lock(&self.state);
        let before = state.wishes.remove(&host).map(|wish| wish.guests).unwrap_or_default();
        before.difference(&wanted).for_each(|callee| state.leave(host, callee));
        wanted.difference(&before).for_each(|callee| state.join(host, callee));
        state.wishes.insert(host, Wish { guests: wanted, stir });
        if state.calls || state.guests.is_empty() {
            return;
        }
        let greetings = self.clone();
        match thread::Builder::new().name("greetings".into()).spawn(move || greetings.call()) {
            Ok(_) => state.calls = true,
            Err(error) => tracing::error!(%error, "no thread that calls guests without an agent"),
        }
    }

    /// Whether this guest answers.
    pub(super) fn answers(&self, callee: &Callee) -> bool {
        lock(&self.state).guests.get(callee).is_some_and(|guest| guest.answers)
    }

    /// Forgets how this guest answered: it has been reset. What a call that is on its way hears counts no more.
    pub(super) fn anew(&self, callee: &Callee) {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let Some(guest) = state.guests.get_mut(callee) else { return };
        // It is not called again soon, as it answered.
        let (due, near) = (guest.due, guest.near);
        (guest.answers, guest.misses, guest.near) = (false, 0, false);
        (guest.call, guest.due) = (None, Instant::now());
        let now = guest.due;
        state.waiting(near).remove(&(due, callee.clone()));
        state.waiting(false).insert((now, callee.clone()));
    }

    /// Calls until the platform is gone.
    fn call(&self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "guests without an agent are not called"),
        };
        runtime.block_on(async {
            let (mut calls, mut listens) = (JoinSet::new(), JoinSet::new());
            while !self.queue.closed() {
                let Bounds { at_once, open, patient, greeting } = self.bounds;
                let room = (at_once - calls.len()).min(open.saturating_sub(calls.len() + listens.len()));
                for (callee, call) in self.due(room) {
                    let place = SocketAddr::from((callee.address, self.port));
                    let known = self.answers(&callee);
                    calls.spawn(async move { (callee, call, call::connect(place, known).await) });
                }
                tokio::select! {
                    Some(Ok((callee, call, stream))) = calls.join_next() => match stream {
                        Ok(stream) => {
                            let within = greeting[usize::from(listens.len() >= patient)];
                            listens.spawn(async move { (callee, call, call::greeted(stream, within).await) });
                        }
                        Err(heard) => self.heard(&callee, call, heard),
                    },
                    Some(Ok((callee, call, heard))) = listens.join_next() => self.heard(&callee, call, heard),
                    () = sleep(TICK) => {}
                }
            }
        });
    }

    /// Whom to call now, those that are near and the rest in turns and of each those first that wait longest, with the
    /// number of each call.
    fn due(&self, most: usize) -> Vec<(Callee, u64)> {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let state = &mut *state;
        let mut due = Vec::new();
        while due.len() < most {
            let first = usize::from(state.last_near);
            let waits = |&which: &usize| state.due[which].first().is_some_and(|&(at, _)| at <= now);
            let Some(which) = [first, 1 - first].into_iter().find(waits) else { break };
            let Some((_, callee)) = state.due[which].pop_first() else { break };
            state.last_near = which == 0;
            if let Some(guest) = state.guests.get_mut(&callee) {
                state.last += 1;
                guest.call = Some(state.last);
                due.push((callee, state.last));
            }
        }
        due
    }

    /// Notes how a call went, unless it was made before the guest began anew.
    fn heard(&self, callee: &Callee, call: u64, heard: Heard) {
        let mut locked = lock(&self.state);
        let state = &mut *locked;
        let Some(guest) = state.guests.get_mut(callee).filter(|guest| guest.call == Some(call)) else { return };
        let well = heard == Heard::Greeting;
        guest.misses = if well { 0 } else { guest.misses + 1 };
        let answers = well || guest.answers && guest.misses < MISSES;
        let due = Instant::now() + again(heard, guest.misses);
        (guest.call, guest.due, guest.near) = (None, due, heard != Heard::Nothing);
        state.due[usize::from(!guest.near)].insert((due, callee.clone()));
        if std::mem::replace(&mut guest.answers, answers) != answers {
            let wishes = guest.hosts.iter().filter_map(|host| state.wishes.get(host));
            let stirs: Vec<Stir> = wishes.map(|wish| wish.stir.clone()).collect();
            drop(locked);
            for stir in stirs {
                stir();
            }
        }
    }
}

/// For how long a guest is not called again, by how its last call went and how many in a row it has not answered.
fn again(heard: Heard, misses: u32) -> Duration {
    match heard {
        Heard::Greeting => AGAIN.1,
        Heard::Nothing => AGAIN.0,
        Heard::Refusal => (AGAIN.0 * (1 << misses.saturating_sub(1).min(8))).min(REFUSES),
    }
}

#[cfg(test)]
mod tests;
