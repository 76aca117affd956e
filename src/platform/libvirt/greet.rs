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
/// Calls at a time to whom nothing has answered yet: a machine keeps about a thousand neighbours in mind (`gc_thresh3` of
/// Linux), those that do not answer included.
const AT_ONCE: usize = 256;
/// Calls at a time in all, each a file that is open: half of what is usually allowed (`ulimit -n`).
const OPEN: usize = 512;
/// How often it is looked whom to call.
const TICK: Duration = Duration::from_millis(100);
/// Between two calls of a guest that did not answer, and of one that did: each is a process in it.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
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
    /// When those are called next that no call is on its way to: those who are near, who do not wait for others, and the
    /// rest.
    due: [BTreeSet<(Instant, Callee)>; 2],
    wishes: HashMap<HostId, Wish>,
    /// The number of the last call.
    last: u64,
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
        Arc::new(Self { port: PORT, queue, state: Mutex::default() })
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
                let room = (AT_ONCE - calls.len()).min(OPEN.saturating_sub(calls.len() + listens.len()));
                for (callee, call) in self.due(room) {
                    let place = SocketAddr::from((callee.address, self.port));
                    let known = self.answers(&callee);
                    calls.spawn(async move { (callee, call, call::connect(place, known).await) });
                }
                tokio::select! {
                    Some(Ok((callee, call, stream))) = calls.join_next() => match stream {
                        Ok(stream) => {
                            listens.spawn(async move { (callee, call, call::greeted(stream).await) });
                        }
                        Err(heard) => self.heard(&callee, call, heard),
                    },
                    Some(Ok((callee, call, heard))) = listens.join_next() => self.heard(&callee, call, heard),
                    () = sleep(TICK) => {}
                }
            }
        });
    }

    /// Whom to call now, those first that are near and those that wait longest, with the number of each call.
    fn due(&self, most: usize) -> Vec<(Callee, u64)> {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let state = &mut *state;
        let mut due = Vec::new();
        while due.len() < most {
            let waits = |waiting: &&mut BTreeSet<(Instant, Callee)>| waiting.first().is_some_and(|&(at, _)| at <= now);
            let Some((_, callee)) = state.due.iter_mut().find(waits).and_then(BTreeSet::pop_first) else { break };
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
        let due = Instant::now() + if well { AGAIN.1 } else { AGAIN.0 };
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::mpsc;

    use super::call::tests::server;
    use super::*;

    fn greetings(port: u16) -> (Arc<Greetings>, Arc<Queue>) {
        let queue = Arc::new(Queue::new(Instant::now(), 16));
        (Arc::new(Greetings { port, queue: queue.clone(), state: Mutex::default() }), queue)
    }

    fn callee(uuid: &str) -> Callee {
        Callee { address: Ipv4Addr::LOCALHOST, uuid: uuid.into() }
    }

    /// Those whom nobody calls but the test.
    fn uncalled() -> Arc<Greetings> {
        let greetings = greetings(1).0;
        lock(&greetings.state).calls = true;
        greetings
    }

    fn want(greetings: &Arc<Greetings>, host: u32, wanted: &[&str]) {
        greetings.want(HostId(host), wanted.iter().map(|uuid| callee(uuid)).collect(), Arc::new(|| {}));
    }

    /// Those who are due are called, and answer.
    fn all_answer(greetings: &Greetings) {
        greetings.due(9).iter().for_each(|(callee, call)| greetings.heard(callee, *call, Heard::Greeting));
    }

    #[test]
    fn a_guest_that_begins_to_greet_is_told() {
        let (greetings, queue) = greetings(server(b"SSH-2.0-OpenSSH\r\n"));
        let (told, heard) = mpsc::channel();
        let stir: Stir = Arc::new(move || told.send(()).unwrap_or_default());
        greetings.want(HostId(0), HashSet::from([callee("a")]), stir);
        heard.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(greetings.answers(&callee("a")));
        queue.close();
    }

    #[test]
    fn guests_that_let_calls_in_and_say_nothing_hold_up_nobody() {
        let port = server(b"SSH-2.0-OpenSSH\r\n");
        let silent = Ipv4Addr::new(127, 0, 0, 2);
        let listener = TcpListener::bind((silent, port)).unwrap();
        let (more, accepted) = mpsc::channel();
        thread::spawn(move || listener.incoming().flatten().try_for_each(|stream| more.send(stream)));
        let (greetings, queue) = greetings(port);
        let (told, heard) = mpsc::channel();
        let stir: Stir = Arc::new(move || told.send(()).unwrap_or_default());
        let count = AT_ONCE + 20;
        let quiet = (0..count).map(|i| Callee { address: silent, uuid: i.to_string().into() });
        greetings.want(HostId(0), quiet.collect(), Arc::new(|| {}));
        // They have been let in, as many as are called at a time and more.
        let held: Vec<_> = accepted.iter().take(count).collect();
        greetings.want(HostId(1), HashSet::from([callee("a")]), stir);
        heard.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(greetings.answers(&callee("a")));
        assert!(lock(&greetings.state).guests[&callee("a")].near);
        assert_eq!(accepted.try_iter().count(), 0, "one of them was called again");
        drop(held);
        queue.close();
    }

    #[test]
    fn a_guest_that_moves_is_known_for_as_long_as_a_host_wants_it() {
        let greetings = uncalled();
        want(&greetings, 0, &["a"]);
        all_answer(&greetings);
        want(&greetings, 1, &["a"]);
        // The source sees it once more, and then no longer.
        want(&greetings, 0, &["a"]);
        want(&greetings, 0, &[]);
        assert!(greetings.answers(&callee("a")), "it moved");
        want(&greetings, 1, &[]);
        assert!(!greetings.answers(&callee("a")));
        let state = lock(&greetings.state);
        assert!(state.guests.is_empty() && state.due.iter().all(BTreeSet::is_empty));
    }

    #[test]
    fn a_vm_with_the_address_of_one_that_is_gone_inherits_nothing() {
        let greetings = uncalled();
        want(&greetings, 0, &["a"]);
        all_answer(&greetings);
        want(&greetings, 0, &["b"]);
        assert!(!greetings.answers(&callee("b")));
        let (late, call) = greetings.due(9).remove(0);
        want(&greetings, 0, &[]);
        want(&greetings, 0, &["b"]);
        greetings.heard(&late, call, Heard::Greeting);
        assert!(!greetings.answers(&callee("b")), "it was called before it began anew");
        all_answer(&greetings);
        assert!(greetings.answers(&callee("b")));
    }

    #[test]
    fn a_guest_that_is_reset_has_to_answer_again() {
        let greetings = uncalled();
        want(&greetings, 0, &["a"]);
        all_answer(&greetings);
        greetings.anew(&callee("a"));
        assert!(!greetings.answers(&callee("a")));
        let (_, late) = greetings.due(9).remove(0);
        greetings.anew(&callee("a"));
        greetings.heard(&callee("a"), late, Heard::Greeting);
        assert!(!greetings.answers(&callee("a")));
        all_answer(&greetings);
        assert!(greetings.answers(&callee("a")));
        assert_eq!(lock(&greetings.state).due.each_ref().map(BTreeSet::len), [1, 0]);
    }

    #[test]
    fn those_are_called_first_that_are_near_or_wait_longest_and_nobody_twice() {
        let greetings = uncalled();
        want(&greetings, 0, &["a", "b", "c"]);
        let now = Instant::now();
        let earlier = now.checked_sub(Duration::from_secs(1)).unwrap();
        let far = [(now, callee("a")), (earlier, callee("b"))].into();
        lock(&greetings.state).due = [[(now, callee("c"))].into(), far];
        let due = || greetings.due(1).into_iter().map(|(callee, _)| callee).collect::<Vec<_>>();
        let near = vec![callee("c")];
        assert_eq!([due(), due(), due(), due()], [near, vec![callee("b")], vec![callee("a")], vec![]]);
    }

    #[test]
    fn one_that_answered_is_called_three_times_before_it_is_given_up() {
        let greetings = uncalled();
        want(&greetings, 0, &["a"]);
        let calls = [(true, true), (false, true), (false, true), (true, true)];
        let misses = [true, true, false, false].map(|after| (false, after));
        for (call, (answers, after)) in calls.into_iter().chain(misses).enumerate() {
            // Its next call is not waited for.
            lock(&greetings.state).guests.get_mut(&callee("a")).unwrap().call = Some(call as u64);
            let heard = if answers { Heard::Greeting } else { Heard::Nothing };
            greetings.heard(&callee("a"), call as u64, heard);
            assert_eq!(greetings.answers(&callee("a")), after);
        }
    }
}
