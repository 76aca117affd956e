//! Whom it calls, how often and how many at a time.

use std::net::TcpListener;
use std::sync::mpsc;

use super::call::tests::server;
use super::*;

fn greetings(port: u16) -> (Arc<Greetings>, Arc<Queue>) {
    bounded(port, Bounds { greeting: [Duration::MAX; 2], ..BOUNDS })
}

fn bounded(port: u16, bounds: Bounds) -> (Arc<Greetings>, Arc<Queue>) {
    let queue = Arc::new(Queue::new(Instant::now(), 16));
    (Arc::new(Greetings { port, bounds, queue: queue.clone(), state: Mutex::default() }), queue)
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
    let count = BOUNDS.at_once + 20;
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
fn however_many_guests_stay_silent_those_that_greet_are_found() {
    let port = server(b"SSH-2.0-OpenSSH\r\n");
    let silent = Ipv4Addr::new(127, 0, 0, 3);
    let listener = TcpListener::bind((silent, port)).unwrap();
    let (more, held) = mpsc::channel();
    thread::spawn(move || listener.incoming().flatten().try_for_each(|stream| more.send(stream)));
    let greeting = [Duration::MAX, Duration::from_millis(10)];
    let (greetings, queue) = bounded(port, Bounds { at_once: 4, open: 8, patient: 6, greeting });
    let (told, heard) = mpsc::channel();
    let stir: Stir = Arc::new(move || told.send(()).unwrap_or_default());
    let quiet = (0..20).map(|i| Callee { address: silent, uuid: i.to_string().into() });
    greetings.want(HostId(0), quiet.collect(), Arc::new(|| {}));
    // There is room for none of them more.
    let held: Vec<_> = held.iter().take(8).chain(held.try_iter()).collect();
    greetings.want(HostId(1), HashSet::from([callee("a")]), stir);
    heard.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(greetings.answers(&callee("a")));
    drop(held);
    queue.close();
}

#[test]
fn those_that_keep_refusing_are_called_less_and_less_but_every_second() {
    let spans = [1, 2, 3, 4, 1000].map(|misses| again(Heard::Refusal, misses).as_millis());
    assert_eq!(spans, [200, 400, 800, 1000, 1000]);
    assert_eq!(again(Heard::Nothing, 1000), AGAIN.0);
    assert_eq!(again(Heard::Greeting, 0), AGAIN.1);
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
fn those_that_are_near_and_the_rest_take_turns_and_nobody_is_called_twice() {
    let greetings = uncalled();
    want(&greetings, 0, &["a", "b", "c", "d"]);
    let now = Instant::now();
    let earlier = now.checked_sub(Duration::from_secs(1)).unwrap();
    let far = [(now, callee("a")), (earlier, callee("b"))].into();
    let near = [(earlier, callee("c")), (now, callee("d"))].into();
    lock(&greetings.state).due = [near, far];
    let due = || greetings.due(1).into_iter().map(|(callee, _)| callee.uuid.to_string()).collect::<String>();
    assert_eq!([due(), due(), due(), due(), due()], ["c", "b", "d", "a", ""]);
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
