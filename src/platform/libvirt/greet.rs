//! Whether guests without an agent answer: their SSH servers greet who calls. One thread calls for all hosts, many at a
//! time and without waiting for any.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::queue::{Queue, lock};
use crate::fleet::HostId;

/// Where SSH servers listen.
const PORT: u16 = 22;
/// Calls at a time.
const AT_ONCE: usize = 256;
/// How often it is looked whom to call.
const TICK: Duration = Duration::from_millis(100);
/// How long a guest may take to let a call in: asked again, one that has just come up is found sooner.
const CALL: Duration = Duration::from_millis(500);
/// How long its server may take to greet then, under emulation.
const GREETING: Duration = Duration::from_secs(5);
/// Between two calls of a guest that did not answer, and of one that did: each is a process in it.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Calls in a row that one that answered must leave unanswered: a busy server refuses now and then.
const MISSES: u32 = 3;
/// How much a server says at most before its greeting.
const LINES: usize = 4 << 10;

/// What is done when a guest begins or ceases to answer.
type Stir = Arc<dyn Fn() + Send + Sync>;

struct Guest {
    host: HostId,
    stir: Stir,
    due: Instant,
    called: bool,
    answers: bool,
    misses: u32,
}

#[derive(Default)]
struct State {
    guests: HashMap<Ipv4Addr, Guest>,
    /// Whether a thread calls.
    calls: bool,
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
    pub(super) fn want(self: &Arc<Self>, host: HostId, wanted: &HashSet<Ipv4Addr>, stir: &Stir) {
        let mut state = lock(&self.state);
        state.guests.retain(|address, guest| guest.host != host || wanted.contains(address));
        for &address in wanted {
            let new =
                || Guest { host, stir: stir.clone(), due: Instant::now(), called: false, answers: false, misses: 0 };
            let guest = state.guests.entry(address).or_insert_with(new);
            (guest.host, guest.stir) = (host, stir.clone());
        }
        if state.calls || state.guests.is_empty() {
            return;
        }
        let greetings = self.clone();
        match thread::Builder::new().name("greetings".into()).spawn(move || greetings.call()) {
            Ok(_) => state.calls = true,
            Err(error) => tracing::error!(%error, "no thread that calls guests without an agent"),
        }
    }

    /// Whether the guest at this address answers.
    pub(super) fn answers(&self, address: Ipv4Addr) -> bool {
        lock(&self.state).guests.get(&address).is_some_and(|guest| guest.answers)
    }

    /// Calls until the platform is gone.
    fn call(&self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "guests without an agent are not called"),
        };
        runtime.block_on(async {
            let mut calls = JoinSet::new();
            while !self.queue.closed() {
                for address in self.due(AT_ONCE - calls.len()) {
                    let place = SocketAddr::from((address, self.port));
                    calls.spawn(async move { (address, greets(place).await) });
                }
                tokio::select! {
                    Some(heard) = calls.join_next() => {
                        if let Ok((address, answers)) = heard {
                            self.heard(address, answers);
                        }
                    }
                    () = sleep(TICK) => {}
                }
            }
        });
    }

    /// Whom to call now, those first that wait longest.
    fn due(&self, most: usize) -> Vec<Ipv4Addr> {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let due = state.guests.iter().filter(|(_, guest)| !guest.called && guest.due <= now);
        let mut due: Vec<_> = due.map(|(&address, guest)| (guest.due, address)).collect();
        due.sort_unstable();
        due.truncate(most);
        for (_, address) in &due {
            if let Some(guest) = state.guests.get_mut(address) {
                guest.called = true;
            }
        }
        due.into_iter().map(|(_, address)| address).collect()
    }

    /// Notes how a call went.
    fn heard(&self, address: Ipv4Addr, answers: bool) {
        let mut state = lock(&self.state);
        let Some(guest) = state.guests.get_mut(&address) else { return };
        guest.misses = if answers { 0 } else { guest.misses + 1 };
        let answers = answers || guest.answers && guest.misses < MISSES;
        let well = answers && guest.misses == 0;
        (guest.called, guest.due) = (false, Instant::now() + if well { AGAIN.1 } else { AGAIN.0 });
        if std::mem::replace(&mut guest.answers, answers) != answers {
            let stir = guest.stir.clone();
            drop(state);
            stir();
        }
    }
}

/// Whether an SSH server greets there, with the line by which such servers tell their version.
async fn greets(place: SocketAddr) -> bool {
    let Ok(Ok(stream)) = timeout(CALL, TcpStream::connect(place)).await else { return false };
    let greeting = async {
        let (mut said, mut piece) = (Vec::new(), [0; 256]);
        while said.len() < LINES && stream.readable().await.is_ok() {
            match stream.try_read(&mut piece) {
                Ok(0) => return false,
                Ok(count) => said.extend(&piece[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
            // Other lines may come before it (RFC 4253, 4.2).
            if said.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"SSH-2.0-")) {
                return true;
            }
        }
        false
    };
    timeout(GREETING, greeting).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::sync::mpsc;

    use super::*;

    /// A server that greets everybody with this, and its port.
    fn server(greeting: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let streams = listener.incoming().flatten();
            streams.for_each(|mut stream| stream.write_all(greeting).unwrap_or_default());
        });
        port
    }

    fn greeted(greeting: &'static [u8]) -> bool {
        let place = SocketAddr::from((Ipv4Addr::LOCALHOST, server(greeting)));
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(greets(place))
    }

    #[test]
    fn only_ssh_servers_greet() {
        assert!(greeted(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"));
        assert!(greeted(b"welcome\r\nSSH-2.0-x\r\n"));
        assert!(!greeted(b"220 mail.example ESMTP, not SSH-2.0-\r\n"));
        assert!(!greeted(b""));
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert!(!runtime.block_on(greets(free)));
    }

    fn greetings(port: u16) -> (Arc<Greetings>, Arc<Queue>) {
        let queue = Arc::new(Queue::new(Instant::now(), 16));
        (Arc::new(Greetings { port, queue: queue.clone(), state: Mutex::default() }), queue)
    }

    #[test]
    fn a_guest_that_begins_to_greet_is_told_and_known_on_another_host() {
        let (greetings, queue) = greetings(server(b"SSH-2.0-OpenSSH\r\n"));
        let (told, heard) = mpsc::channel();
        let stir: Stir = Arc::new(move || told.send(()).unwrap_or_default());
        let wanted = HashSet::from([Ipv4Addr::LOCALHOST]);
        greetings.want(HostId(0), &wanted, &stir);
        heard.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(greetings.answers(Ipv4Addr::LOCALHOST));
        greetings.want(HostId(1), &wanted, &stir);
        greetings.want(HostId(0), &HashSet::new(), &stir);
        assert!(greetings.answers(Ipv4Addr::LOCALHOST), "it moved");
        greetings.want(HostId(1), &HashSet::new(), &stir);
        assert!(!greetings.answers(Ipv4Addr::LOCALHOST));
        queue.close();
    }

    #[test]
    fn one_that_answered_is_called_three_times_before_it_is_given_up() {
        let (greetings, _queue) = greetings(1);
        let stir: Stir = Arc::new(|| {});
        // Nobody calls but this test.
        lock(&greetings.state).calls = true;
        greetings.want(HostId(0), &HashSet::from([Ipv4Addr::LOCALHOST]), &stir);
        let answers = || greetings.answers(Ipv4Addr::LOCALHOST);
        assert_eq!((greetings.due(9), greetings.due(9)), (vec![Ipv4Addr::LOCALHOST], vec![]));
        for (call, after) in [(true, true), (false, true), (false, true), (true, true)] {
            greetings.heard(Ipv4Addr::LOCALHOST, call);
            assert_eq!(answers(), after);
        }
        for after in [true, true, false, false] {
            greetings.heard(Ipv4Addr::LOCALHOST, false);
            assert_eq!(answers(), after);
        }
    }
}
