//! Driving an engine: headless runs, interrupts, and what the holder of a handle sees.
// What a test cannot set up has failed as well.
#![allow(clippy::unwrap_used)]

#[path = "support/fake.rs"]
mod fake;

use std::sync::Arc;
use std::time::Duration;

use fake::{Fake, Real, Restless, boot, boot_step, topology};
use hemera::engine::{Config, Engine, Record, What};
use hemera::fleet::{Time, VmState};
use hemera::handle::{About, Command, Handle, Limits, Query, Snapshot, Step, TaskEnd};
use hemera::runtime::{
    Driver, Interrupts, Recorder, RuntimeError, Sampling, run_live, run_max, run_paced, spawn_live, spawn_paced,
};

/// Keeps what it is told, and interrupts the run or breaks when so many tasks have ended.
#[derive(Default)]
struct Notes {
    records: Vec<Record>,
    samples: Vec<Time>,
    ended: usize,
    interrupt_at: Vec<(usize, Interrupts)>,
    break_at: Option<usize>,
}

impl Notes {
    fn outcomes(&self) -> Vec<TaskEnd> {
        let outcome = |record: &Record| match &record.what {
            What::TaskEnded(task) => Some(task.outcome.clone()),
            _ => None,
        };
        self.records.iter().filter_map(outcome).collect()
    }

    fn count(&self, outcome: &TaskEnd) -> usize {
        self.outcomes().iter().filter(|ended| *ended == outcome).count()
    }
}

impl Recorder for Notes {
    fn record(&mut self, record: &Record) {
        if matches!(record.what, What::TaskEnded(_)) {
            self.ended += 1;
            let ended = self.ended;
            self.interrupt_at.iter().filter(|(at, _)| *at == ended).for_each(|(_, interrupts)| interrupts.raise());
        }
        self.records.push(record.clone());
    }

    fn sample(&mut self, now: Time, _fleet: &hemera::fleet::Fleet) {
        self.samples.push(now);
    }

    fn broken(&self) -> bool {
        self.break_at.is_some_and(|at| self.ended >= at)
    }
}

fn seconds(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

/// A driver of two hosts on which each boot takes two seconds, at most `at_once` of them at once.
fn driver(at_once: u32, notes: Notes, sampling: Option<Sampling>) -> Driver<Fake, Notes> {
    let topology = topology();
    let limits = Limits { boot_total: at_once, ..Limits::default() };
    let engine = Engine::new(topology.clone(), Config { limits, ..Config::default() });
    Driver::new(engine, Fake::new(&topology, Some(Duration::from_secs(2))), notes, sampling)
}

#[test]
fn as_fast_as_it_goes_time_is_the_platforms() {
    let sampling = Sampling::every(Duration::from_secs(3));
    let steps = vec![boot_step(5), Step::Wait(Duration::from_secs(7)), boot_step(1)];
    let (driver, outcome) = run_max(driver(1, Notes::default(), sampling), steps, &Interrupts::default());
    outcome.unwrap();
    assert_eq!(driver.now(), seconds(5 * 2 + 7 + 2));
    let (engine, notes) = driver.into_parts();
    assert!(!engine.busy());
    assert_eq!(engine.fleet().vms.count(VmState::Up), 6);
    assert_eq!(notes.count(&TaskEnd::Done), 6);
    let expected: Vec<Time> = [3, 6, 9, 12, 15, 18, 19].map(seconds).into();
    assert_eq!(notes.samples, expected, "every three seconds and at the end");
    assert!(notes.records.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[test]
fn the_same_twice() {
    let run = || {
        let steps = vec![boot_step(40), Step::Wait(Duration::from_secs(1))];
        let (driver, outcome) = run_max(driver(3, Notes::default(), None), steps, &Interrupts::default());
        outcome.unwrap();
        driver.into_parts().1.records
    };
    assert_eq!(run(), run());
}

#[test]
fn the_first_interrupt_lets_running_tasks_end() {
    let interrupts = Interrupts::default();
    let notes = Notes { interrupt_at: vec![(2, interrupts.clone())], ..Notes::default() };
    let (driver, outcome) = run_max(driver(2, notes, None), vec![boot_step(10), boot_step(1)], &interrupts);
    outcome.unwrap();
    let (engine, notes) = driver.into_parts();
    // Two ended at the same instant; what their end let begin may have begun.
    let done = notes.count(&TaskEnd::Done);
    assert!((2..=4).contains(&done), "{:?}", notes.outcomes());
    assert_eq!(notes.count(&TaskEnd::Cancelled), 10 - done);
    assert!(!engine.busy());
    assert_eq!(engine.fleet().vms.count(VmState::Up), done);
}

#[test]
fn the_second_interrupt_aborts_them() {
    let interrupts = Interrupts::default();
    let twice = vec![(2, interrupts.clone()), (2, interrupts.clone())];
    let notes = Notes { interrupt_at: twice, ..Notes::default() };
    let (driver, outcome) = run_max(driver(2, notes, None), vec![boot_step(10)], &interrupts);
    outcome.unwrap();
    assert_eq!(driver.now(), seconds(2), "no further boot was waited for");
    let (engine, notes) = driver.into_parts();
    assert_eq!((notes.count(&TaskEnd::Done), notes.count(&TaskEnd::Cancelled)), (2, 8));
    assert!(!engine.busy());
}

#[test]
fn what_can_no_longer_be_written_down_is_not_begun() {
    let notes = Notes { break_at: Some(1), ..Notes::default() };
    let (driver, outcome) = run_max(driver(1, notes, None), vec![boot_step(10)], &Interrupts::default());
    outcome.unwrap();
    assert!(driver.now() <= seconds(4));
    assert!(!driver.engine().busy());
}

#[test]
fn a_platform_that_never_answers_fails_the_tasks() {
    let topology = topology();
    let deaf = Fake::new(&topology, None);
    let driver = Driver::new(Engine::new(topology, Config::default()), deaf, Notes::default(), None);
    let (driver, outcome) = run_max(driver, vec![boot_step(3)], &Interrupts::default());
    outcome.unwrap();
    let (_, notes) = driver.into_parts();
    assert_eq!(notes.outcomes().len(), 3);
    assert_eq!(notes.count(&TaskEnd::Done), 0);
}

#[test]
fn what_can_never_end_is_told_with_what_it_waits_for() {
    let mut driver = driver(1, Notes::default(), None);
    driver.settle().unwrap();
    let op = driver.command(Command::Start(boot(3))).unwrap().unwrap().op.unwrap();
    driver.check_alive().unwrap();
    driver.command(Command::PauseOperation(op)).unwrap().unwrap();
    while driver.step(seconds(3600)).unwrap() {}
    let error = driver.check_alive().unwrap_err();
    assert!(matches!(error, RuntimeError::Hangs { .. }));
    let told = error.to_string();
    assert!(told.contains("2 tasks left, 2 wait for: operation paused"), "{told}");
}

#[test]
fn at_a_pace_the_results_are_those_of_full_speed() {
    let steps = || vec![boot_step(6), Step::Wait(Duration::from_secs(1)), boot_step(2)];
    let (fast, outcome) = run_max(driver(2, Notes::default(), None), steps(), &Interrupts::default());
    outcome.unwrap();
    let (paced, outcome) = run_paced(driver(2, Notes::default(), None), 1e4, steps(), &Interrupts::default());
    outcome.unwrap();
    let shape = |notes: Notes| notes.records.into_iter().map(|record| (record.at, record.what)).collect::<Vec<_>>();
    // The steps begin a moment after the clock does: times are the same from there on.
    let (fast, mut paced) = (shape(fast.into_parts().1), shape(paced.into_parts().1));
    assert_eq!(fast.len(), paced.len());
    let begin = |records: &[(Time, What)]| {
        records.iter().find(|(_, what)| matches!(what, What::StepStarted { .. })).map(|(at, _)| *at).unwrap()
    };
    let (began_fast, began_paced) = (begin(&fast), begin(&paced));
    for ((fast, what), (paced, _)) in fast.iter().zip(&mut paced) {
        if *paced >= began_paced {
            assert_eq!(*fast - began_fast, *paced - began_paced, "{what:?}");
        }
    }
}

/// Waits until a snapshot is as wanted.
fn wait_until(handle: &mut Handle, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("an event loop");
    runtime.block_on(async {
        let seen = async {
            loop {
                let snapshot = handle.snapshot();
                if wanted(&snapshot) {
                    return snapshot;
                }
                assert!(handle.changed().await, "the runtime ended before: {what}");
            }
        };
        tokio::time::timeout(Duration::from_mins(1), seen).await.unwrap_or_else(|_| panic!("never came: {what}"))
    })
}

#[test]
fn a_handle_sees_what_its_commands_do() {
    let about = Arc::new(About { speed: 100.0, ..About::default() });
    let (mut handle, running) = spawn_paced(driver(2, Notes::default(), None), 100.0, about).unwrap();
    let first = handle.snapshot();
    assert_eq!(first.fleet.topology.hosts.len(), 2);
    assert_eq!(first.about.speed, 100.0);

    let accepted = handle.command(Command::Start(boot(8))).blocking_recv().unwrap().unwrap();
    // The reply comes after the snapshot that shows what it is about.
    assert_eq!(handle.snapshot().operations.last().map(|op| op.id), accepted.op);
    wait_until(&mut handle, "all VMs up", |snapshot| snapshot.fleet.vms.count(VmState::Up) == 8);

    let query = Query::Preview(boot(3));
    let hemera::handle::Answer::Preview(preview) = handle.query(query).blocking_recv().unwrap() else { panic!() };
    assert_eq!(preview.tasks, 3);

    drop(handle);
    running.join().unwrap();
}

#[test]
fn a_read_only_handle_keeps_the_runtime_alive_and_changes_nothing() {
    let about = Arc::new(About::default());
    let (handle, running) = spawn_paced(driver(2, Notes::default(), None), 1.0, about).unwrap();
    let handle = handle.read_only();
    assert!(handle.command(Command::Start(boot(8))).blocking_recv().unwrap().is_err());
    let answer = handle.query(Query::Preview(boot(1))).blocking_recv().unwrap();
    assert!(matches!(answer, hemera::handle::Answer::Preview(_)), "{answer:?}");
    assert!(!running.is_finished());
    drop(handle);
    running.join().unwrap();
}

#[test]
fn a_simulator_that_cannot_keep_up_leaves_the_console_in_charge() {
    let engine = Engine::new(topology(), Config::default());
    let driver = Driver::new(engine, Restless(Time::ZERO), (), None);
    let (handle, running) = spawn_paced(driver, 1e6, Arc::new(About::default())).unwrap();
    for _ in 0..3 {
        let refused = handle.command(Command::PauseOperation(hemera::fleet::OpId(99))).blocking_recv().unwrap();
        assert!(refused.is_err());
        handle.query(Query::Preview(boot(1))).blocking_recv().unwrap();
    }
    drop(handle);
    running.join().unwrap();
}

#[test]
fn a_console_gets_figures_over_time() {
    let topology = topology();
    let engine = Engine::new(topology.clone(), Config { history: true, ..Config::default() });
    let fake = Fake::new(&topology, Some(Duration::from_secs(2)));
    let (mut handle, running) = spawn_paced(Driver::new(engine, fake, (), None), 100.0, Arc::default()).unwrap();
    wait_until(&mut handle, "four samples, though nothing happens", |snapshot| snapshot.history.up.values.len() >= 4);
    let answer = handle.query(Query::Host(hemera::fleet::HostId(0))).blocking_recv().unwrap();
    let hemera::handle::Answer::Host(view) = answer else { panic!("{answer:?}") };
    assert!(view.history.cpu.recent.values.len() >= 4);
    assert!(handle.query(Query::Host(hemera::fleet::HostId(9))).blocking_recv().is_ok_and(
        |answer| matches!(answer, hemera::handle::Answer::None(reason) if &*reason == "there is no host 9")
    ));
    drop(handle);
    running.join().unwrap();
}

#[test]
fn a_question_changes_nothing_on_screen() {
    let (mut handle, running) = spawn_paced(driver(2, Notes::default(), None), 1.0, Arc::default()).unwrap();
    let boots = handle.command(Command::Start(boot(1))).blocking_recv().unwrap();
    boots.unwrap();
    let before = wait_until(&mut handle, "the VM is up", |snapshot| snapshot.fleet.vms.count(VmState::Up) == 1);
    handle.query(Query::Preview(boot(3))).blocking_recv().unwrap();
    let now = handle.snapshot();
    assert_eq!(before.operations.len(), now.operations.len());
    assert_eq!(before.fleet.vms.version(), now.fleet.vms.version());
    drop(handle);
    running.join().unwrap();
}

#[test]
fn on_real_hosts_steps_begin_once_these_have_answered() {
    let topology = topology();
    let (real, started, notify) = Real::connect(topology.clone(), Duration::from_millis(50));
    let driver = Driver::new(Engine::new(topology, Config::default()), real, Notes::default(), None);
    let (driver, outcome) = run_live(driver, started, notify, vec![boot_step(6)], &Interrupts::default());
    outcome.unwrap();
    assert!(driver.now() >= Time::ZERO + Duration::from_millis(50), "no boot before there was a host");
    let (engine, notes) = driver.into_parts();
    assert_eq!(notes.count(&TaskEnd::Done), 6);
    assert_eq!(engine.fleet().vms.count(VmState::Up), 6);
}

#[test]
fn an_interrupt_before_any_host_answers_begins_nothing() {
    let topology = topology();
    let (real, started, notify) = Real::connect(topology.clone(), Duration::from_hours(1));
    let interrupts = Interrupts::default();
    interrupts.raise();
    let driver = Driver::new(Engine::new(topology, Config::default()), real, Notes::default(), None);
    let (driver, outcome) = run_live(driver, started, notify, vec![boot_step(6)], &interrupts);
    outcome.unwrap();
    assert!(driver.into_parts().1.outcomes().is_empty());
}

#[test]
fn what_real_hosts_tell_reaches_the_handle() {
    let topology = topology();
    let (answer, answers) = std::sync::mpsc::channel::<()>();
    let (real, started, notify) = Real::connect_when(topology.clone(), move || {
        let _ = answers.recv();
    });
    let driver = Driver::new(Engine::new(topology, Config::default()), real, (), None);
    let (mut handle, running) = spawn_live(driver, started, notify, Arc::default()).unwrap();
    let ready = |snapshot: &Snapshot| {
        snapshot.fleet.hosts.rows().all(|(_, host)| host.state == hemera::fleet::HostState::Ready)
    };
    assert!(!ready(&handle.snapshot()));
    drop(answer);
    wait_until(&mut handle, "both hosts ready", ready);
    handle.command(Command::Start(boot(4))).blocking_recv().unwrap().unwrap();
    wait_until(&mut handle, "all VMs up", |snapshot| snapshot.fleet.vms.count(VmState::Up) == 4);
    drop(handle);
    running.join().unwrap();
}
