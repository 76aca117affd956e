//! The engine under random commands, observations and faults, beside a platform that remembers where every VM is.

// A bench for tests may give up where a test would.
#![allow(clippy::unwrap_used)]

#[path = "engine/again.rs"]
mod again;
#[path = "engine/commands.rs"]
mod commands;
#[path = "engine/loads.rs"]
mod loads;
#[path = "engine/outside.rs"]
mod outside;
#[path = "engine/told.rs"]
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hemera::engine::{Config, Engine, Output, What};
use hemera::fleet::{
    Bytes, HostId, HostState, Image, Load, NewHost, OpId, Rate, Ready, Script, Selection, Share, TaskId, Time,
    Topology, VM_OVERHEAD, VmClass, VmId, VmState,
};
use hemera::handle::{
    Boot, Command, Evacuate, Limits, Migrate, Moves, OperationSpec, Pattern, Placement, RunOn, Step, VmChange, Which,
};
use hemera::platform::{Batch, Change, End, HostWork, LOAD_TIMEOUT, Observation, Request, VmKey, VmSeen};
use proptest::prelude::*;

const HOSTS: u32 = 6;

fn topology() -> Arc<Topology> {
    let mut topology = Topology::new("test");
    for (site, hosts) in [("rennes", 4), ("nantes", 2)] {
        let id = topology.site(site);
        let host = |n| NewHost {
            name: format!("{site}-{n}"),
            cores: 4,
            memory: Bytes::mib(4 * 320),
            nic: Rate(125e6),
            disk: Rate(1e8),
        };
        topology.add_cluster(id, site, (1..=hosts).map(host));
    }
    Arc::new(topology)
}

fn class(memory: Bytes) -> Arc<VmClass> {
    Arc::new(VmClass {
        name: "small".into(),
        vcpus: 1,
        memory,
        image: Image::None,
        network: None,
        cpu: None,
        ready: Ready::Up,
        agent: true,
        ssh: None,
        patience: None,
        ssh_key: None,
    })
}

/// What really is: the truth that the engine's view is held against.
#[derive(Default)]
struct World {
    now: Time,
    down: Vec<bool>,
    vms: BTreeMap<VmId, (HostId, u64)>,
    running: BTreeMap<TaskId, Request>,
    started: BTreeMap<TaskId, u32>,
    ended: BTreeMap<TaskId, u32>,
}

impl World {
    fn load_of(&self, host: HostId) -> u64 {
        let here = self.vms.values().filter(|(on, _)| *on == host).map(|(_, mib)| mib).sum::<u64>();
        let coming: u64 = self
            .running
            .values()
            .map(|request| match request {
                Request::Boot { host: on, class, .. } if *on == host => class.memory.to_mib() + VM_OVERHEAD.to_mib(),
                Request::Migrate { vm, target, .. } if *target == host => self.vms[vm].1,
                _ => 0,
            })
            .sum();
        here + coming
    }

    fn count(&self, of: impl Fn(&Request) -> bool) -> u32 {
        self.running.values().filter(|request| of(request)).count() as u32
    }
}

struct Bench {
    engine: Engine,
    world: World,
    limits: Limits,
    outputs: Vec<Output>,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self::of(Config { seed: 1, limits, ..Config::default() })
    }

    fn of(config: Config) -> Self {
        let engine = Engine::new(topology(), config);
        let world = World { down: vec![false; HOSTS as usize], ..World::default() };
        let mut bench = Self { engine, world, limits: config.limits, outputs: Vec::new() };
        for host in (0..HOSTS).map(HostId) {
            bench.answer(host);
        }
        bench
    }

    fn see(&mut self, host: Option<HostId>, seen: Vec<Observation>) {
        self.engine.observe(self.world.now, Batch { at: self.world.now, host, seen });
        self.drain();
    }

    fn answer(&mut self, host: HostId) {
        let (cores, memory) = (4, Bytes::mib(4 * 320));
        let list = self
            .world
            .vms
            .iter()
            .filter(|(_, (on, _))| *on == host)
            .map(|(&vm, &(_, mib))| VmSeen {
                vm: VmKey::Id(vm),
                state: VmState::Up,
                managed: true,
                class: None,
                vcpus: 1,
                memory: Bytes::mib(mib),
                reason: None,
            })
            .collect();
        self.see(Some(host), vec![Observation::HostAnswers { cores, memory }, Observation::Inventory(list)]);
    }

    fn command(&mut self, command: Command) {
        // Refusals are part of the game.
        let _ = self.engine.command(self.world.now, command);
        self.drain();
    }

    /// Takes the engine's requests over into the world and holds each against what must never be.
    fn drain(&mut self) {
        let mut cancelled = Vec::new();
        while let Some(output) = self.engine.poll() {
            self.outputs.push(output.clone());
            match output {
                Output::Record(record) => match record.what {
                    What::TaskStarted { task, .. } => *self.world.started.entry(task).or_default() += 1,
                    What::TaskEnded(ended) => *self.world.ended.entry(ended.task).or_default() += 1,
                    _ => {}
                },
                Output::Request(Request::Cancel { task }) => cancelled.push(task),
                Output::Request(Request::Probe { .. }) => {}
                Output::Request(request) => self.take(request),
            }
        }
        // A platform ends what it was asked to cancel, unless its host is down.
        for task in cancelled {
            self.end(task, End::Cancelled);
        }
    }

    fn take(&mut self, request: Request) {
        let (task, host) = match &request {
            Request::Boot { task, vm, host, .. } => {
                assert!(!self.world.vms.contains_key(vm), "{vm} is booted a second time");
                (*task, *host)
            }
            Request::Migrate { task, vm, source, target, .. } => {
                assert_eq!(self.world.vms[vm].0, *source, "{vm} moves from where it is not");
                assert_ne!(source, target);
                (*task, *target)
            }
            Request::Change { task, vm, host, .. } => {
                assert_eq!(self.world.vms.get(vm).map(|at| at.0), Some(*host), "{vm} is changed where it is not");
                (*task, *host)
            }
            Request::Guest { task, vm, host, .. } => {
                assert_eq!(self.world.vms.get(vm).map(|at| at.0), Some(*host), "a command in {vm} where it is not");
                (*task, *host)
            }
            Request::Host { task, host, work } => {
                let outside = matches!(work, HostWork::Power(_));
                assert!(outside || !self.world.down[host.index()], "work on {host}, which is down");
                let there = |r: &Request| {
                    let Request::Host { host: on, work: other, .. } = r else { return false };
                    on == host && std::mem::discriminant(other) == std::mem::discriminant(work)
                };
                assert_eq!(self.world.count(there), 0, "two of a kind at once on {host}");
                (*task, *host)
            }
            Request::Cancel { .. } | Request::Adjust { .. } | Request::Probe { .. } => unreachable!(),
        };
        let of = vm_of(&request);
        let same = |r: &Request| of.is_some() && vm_of(r) == of;
        assert_eq!(self.world.count(same), 0, "two tasks at once on {of:?}");
        assert!(self.world.running.insert(task, request).is_none(), "{task} runs twice");
        assert!(self.world.load_of(host) <= 4 * 320, "{host} is promised more memory than it has");
        let limits = self.limits;
        let boots = |on: Option<HostId>| {
            self.world.count(|r| matches!(r, Request::Boot { host, .. } if on.is_none_or(|on| on == *host)))
        };
        let moves = |from: Option<HostId>, to: Option<HostId>| {
            self.world.count(|r| {
                matches!(r, Request::Migrate { source, target, .. }
                    if from.is_none_or(|h| h == *source) && to.is_none_or(|h| h == *target))
            })
        };
        let within = |count: u32, limit: u32| assert!(limit == 0 || count <= limit, "{count} at a limit of {limit}");
        match self.world.running[&task] {
            Request::Boot { host, .. } => {
                within(boots(Some(host)), limits.boot_per_host);
                within(boots(None), limits.boot_total);
            }
            Request::Migrate { source, target, .. } => {
                within(moves(Some(source), None), limits.migrate_per_source);
                within(moves(None, Some(target)), limits.migrate_per_target);
                within(moves(None, None), limits.migrate_total);
                let far = |r: &Request| matches!(r, Request::Migrate { source, target, .. } if (source.0 < 4) != (target.0 < 4));
                if (source.0 < 4) != (target.0 < 4) {
                    within(self.world.count(far), limits.migrate_per_link);
                }
            }
            Request::Guest { .. } | Request::Host { work: HostWork::Run(_) | HostWork::Copy(_), .. } => {
                let runs = |r: &Request| match r {
                    Request::Guest { .. } => true,
                    Request::Host { work, .. } => !matches!(work, HostWork::Image(_)),
                    _ => false,
                };
                within(self.world.count(runs), limits.run_total);
            }
            _ => {}
        }
    }

    fn end(&mut self, task: TaskId, end: End) {
        let Some(request) = self.world.running.remove(&task) else { return };
        let done = end == End::Done;
        match request {
            Request::Boot { vm, host, class, .. } if done => {
                self.world.vms.insert(vm, (host, class.memory.to_mib() + VM_OVERHEAD.to_mib()));
            }
            Request::Migrate { vm, target, .. } if done => self.world.vms.get_mut(&vm).unwrap().0 = target,
            Request::Change { vm, change: Change::Destroy | Change::Shutdown, .. } if done => {
                self.world.vms.remove(&vm);
            }
            _ => {}
        }
        self.see(None, vec![Observation::Ended { task, end, figures: None }]);
    }

    fn nth_running(&self, n: usize) -> Option<TaskId> {
        let count = self.world.running.len();
        (count > 0).then(|| *self.world.running.keys().nth(n % count).unwrap())
    }

    fn crash(&mut self, host: HostId) {
        if std::mem::replace(&mut self.world.down[host.index()], true) {
            return;
        }
        self.see(Some(host), vec![Observation::HostUnreachable { reason: "crashed".into() }]);
        let there = |request: &Request| match request {
            Request::Boot { host: on, .. }
            | Request::Change { host: on, .. }
            | Request::Guest { host: on, .. }
            | Request::Host { host: on, .. } => *on == host,
            Request::Migrate { source, target, .. } => *source == host || *target == host,
            _ => false,
        };
        let hit: Vec<TaskId> = self.world.running.iter().filter(|(_, r)| there(r)).map(|(&task, _)| task).collect();
        for task in hit {
            self.end(task, End::Failed("the host crashed".into()));
        }
        self.world.vms.retain(|_, (on, _)| *on != host);
    }

    fn recover(&mut self, host: HostId) {
        self.world.down[host.index()] = false;
        self.answer(host);
    }

    fn pass(&mut self, span: Duration) {
        self.world.now += span;
        self.engine.tick(self.world.now);
        self.drain();
    }

    /// Runs a command that has a minute.
    fn run(&mut self, on: RunOn) {
        self.command(Command::Start(OperationSpec::Run { on, script: Arc::new(Script::command("true")) }));
    }

    /// The ids of every third VM or so.
    fn some(&self, n: usize) -> Which {
        let ids: Vec<VmId> = self.engine.fleet().vms.ids().filter(|vm| !(vm.index() + n).is_multiple_of(3)).collect();
        Which::Ids(ids.into())
    }

    fn act(&mut self, action: &Action) {
        match action.clone() {
            Action::Boot(count, placement) => self.command(Command::Start(boot(count, placement, "all"))),
            Action::To(n, site) => {
                let hosts = Selection::hosts(if site { "site:rennes" } else { "site:nantes" }).unwrap();
                let moves = Moves::To { which: self.some(n), hosts };
                self.command(Command::Start(OperationSpec::Migrate(Migrate {
                    moves,
                    options: <_>::default(),
                    rescue: None,
                })));
            }
            Action::Pattern(n, pattern) => {
                let moves = Moves::Pattern { which: self.some(n), pattern };
                self.command(Command::Start(OperationSpec::Migrate(Migrate {
                    moves,
                    options: <_>::default(),
                    rescue: None,
                })));
            }
            Action::Evacuate(host) => {
                let name = topology().host(HostId(host % HOSTS)).name.to_string();
                let hosts = Selection::hosts(&name).unwrap();
                self.command(Command::Start(OperationSpec::Evacuate(Evacuate::of(hosts))));
            }
            Action::Undrain => self.command(Command::Undrain(Selection::all())),
            Action::Change(n, change) => {
                let which = self.some(n);
                self.command(Command::Start(OperationSpec::Change { which, change }));
            }
            Action::RunIn(n) => self.run(RunOn::Vms(self.some(n))),
            Action::RunOn(text) => self.run(RunOn::Hosts(Selection::hosts(text).unwrap())),
            Action::Limits(limits) => {
                self.limits = limits;
                self.command(Command::SetLimits(limits));
            }
            Action::PauseOp(op) => self.command(Command::PauseOperation(OpId(op))),
            Action::ResumeOp(op) => self.command(Command::ResumeOperation(OpId(op))),
            Action::CancelOp(op) => self.command(Command::CancelOperation(OpId(op))),
            Action::Retry(op) => self.command(Command::RetryFailed(OpId(op))),
            Action::RetryCancelled(op) => self.command(Command::RetryCancelled(OpId(op))),
            Action::RetryTask(task) => self.command(Command::RetryTask(TaskId(task))),
            Action::CancelTask(task) => self.command(Command::CancelTask(TaskId(task))),
            Action::Stop => self.command(Command::StopEverything),
            Action::Finish(n) => {
                if let Some(task) = self.nth_running(n) {
                    self.end(task, End::Done);
                }
            }
            Action::Fail(n) => {
                if let Some(task) = self.nth_running(n) {
                    self.end(task, End::Failed("broke".into()));
                }
            }
            Action::Crash(host) => self.crash(HostId(host % HOSTS)),
            Action::Recover(host) => self.recover(HostId(host % HOSTS)),
            Action::Pass(seconds) => self.pass(Duration::from_secs(seconds)),
            Action::Vanish(n) => self.vanish(n),
        }
    }

    /// Somebody destroys a VM behind the engine's back.
    fn vanish(&mut self, n: usize) {
        let Some((&vm, &(host, _))) = self.world.vms.iter().nth(n % self.world.vms.len().max(1)) else { return };
        let mut of_it = self.world.running.iter().filter(|(_, request)| vm_of(request) == Some(vm));
        let (task, busy) = match of_it.next() {
            // A VM may vanish while something is done in its guest: that does not say where it is.
            Some((&task, Request::Guest { .. })) => (Some(task), false),
            found => (None, found.is_some()),
        };
        if !busy && !self.world.down[host.index()] {
            self.world.vms.remove(&vm);
            self.see(
                Some(host),
                vec![Observation::VmGone { vm: VmKey::Id(vm), reason: "destroyed from outside".into() }],
            );
            if let Some(task) = task {
                self.end(task, End::Failed("the VM is gone".into()));
            }
        }
    }

    /// Lets everything come to its end.
    fn finish(&mut self) {
        for host in (0..HOSTS).map(HostId) {
            self.recover(host);
        }
        for op in 1..200 {
            self.command(Command::ResumeOperation(OpId(op)));
        }
        self.command(Command::Undrain(Selection::all()));
        for _ in 0..100_000 {
            if !self.engine.busy() {
                return;
            }
            if let Some(task) = self.nth_running(0) {
                self.end(task, End::Done);
            } else {
                let at = self.engine.next_deadline().expect("something is waited for while nothing runs");
                self.pass(at.since(self.world.now));
            }
        }
        panic!("does not come to an end");
    }

    fn holds_together(&mut self) {
        self.tells_the_same();
        let fleet = self.engine.fleet();
        for (vm, row) in fleet.vms.rows() {
            let real = self.world.vms.get(&vm).map(|at| at.0);
            match row.state {
                VmState::Up | VmState::Paused => assert_eq!(row.host, real, "{vm} is {:?}", row.state),
                VmState::Failed => {
                    assert_eq!(real, None, "{vm} failed and is there");
                    assert!(fleet.vm_reasons.contains_key(&vm), "{vm} failed without a reason");
                }
                other => panic!("{vm} is left {other:?}"),
            }
        }
        for vm in self.world.vms.keys() {
            assert!(fleet.vms.exists(*vm), "{vm} was lost without a reason");
        }
        for (host, row) in fleet.hosts.rows() {
            assert_eq!(u64::from(row.memory), self.world.load_of(host), "memory promised on {host}");
            assert_eq!((row.booting, row.migrations_in, row.migrations_out), (0, 0, 0));
            assert_ne!(row.state, HostState::Unreachable);
        }
        let snapshot = self.engine.snapshot(self.world.now, &Arc::default());
        for op in snapshot.operations.iter() {
            assert_eq!((op.waiting, op.running), (0, 0), "{op:?}");
            assert_eq!(op.total, op.done + op.failed + op.cancelled, "{op:?}");
            assert!(op.ended.is_some());
        }
        assert!(self.world.ended.values().all(|&ends| ends == 1), "a task ended twice");
        assert!(self.world.started.values().all(|&starts| starts == 1), "a task started twice");
        assert!(self.world.started.keys().all(|task| self.world.ended.contains_key(task)), "a task never ended");
    }
}

/// The VM that a request is about.
fn vm_of(request: &Request) -> Option<VmId> {
    match request {
        Request::Boot { vm, .. }
        | Request::Migrate { vm, .. }
        | Request::Change { vm, .. }
        | Request::Guest { vm, .. } => Some(*vm),
        Request::Host { .. } | Request::Cancel { .. } | Request::Adjust { .. } | Request::Probe { .. } => None,
    }
}

fn boot(count: u32, placement: Placement, on: &str) -> OperationSpec {
    OperationSpec::Boot(Boot {
        class: class(Bytes::mib(256)),
        count,
        name: "vm-{n}".into(),
        placement,
        on: Selection::hosts(on).unwrap(),
    })
}

#[derive(Debug, Clone)]
enum Action {
    Boot(u32, Placement),
    To(usize, bool),
    Pattern(usize, Pattern),
    Evacuate(u32),
    Undrain,
    Change(usize, VmChange),
    RunIn(usize),
    RunOn(&'static str),
    Limits(Limits),
    PauseOp(u32),
    ResumeOp(u32),
    CancelOp(u32),
    Retry(u32),
    RetryCancelled(u32),
    RetryTask(u32),
    CancelTask(u32),
    Stop,
    Finish(usize),
    Fail(usize),
    Crash(u32),
    Recover(u32),
    Pass(u64),
    Vanish(usize),
}

fn limits() -> impl Strategy<Value = Limits> {
    let limit = || prop_oneof![Just(0_u32), 1..4_u32];
    (limit(), limit(), limit(), limit(), limit(), limit(), limit()).prop_map(|(a, b, c, d, e, f, g)| Limits {
        boot_per_host: a,
        boot_total: b,
        migrate_per_source: c,
        migrate_per_target: d,
        migrate_per_link: e,
        migrate_total: f,
        run_total: g,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let load = Load { cpu: Share(0.5), dirty_rate: Rate(1e6), working_set: Some(Share(0.9)) };
    let placement = prop_oneof![
        Just(Placement::RoundRobin),
        Just(Placement::Packed),
        Just(Placement::Random),
        Just(Placement::Balanced),
        Just(Placement::Fixed(vec!["rennes-1".into(), "nantes-2".into()])),
    ];
    let pattern = prop_oneof![
        Just(Pattern::TwoNodes),
        Just(Pattern::Crossed),
        Just(Pattern::Circular),
        Just(Pattern::SplitMerge)
    ];
    let change = prop_oneof![
        Just(VmChange::Destroy),
        Just(VmChange::Pause),
        Just(VmChange::Resume),
        Just(VmChange::Reboot),
        Just(VmChange::Stress(load)),
        Just(VmChange::StopStress),
    ];
    prop_oneof![
        3 => (1..12_u32, placement).prop_map(|(n, p)| Action::Boot(n, p)),
        3 => (0..3_usize, any::<bool>()).prop_map(|(n, s)| Action::To(n, s)),
        3 => (0..3_usize, pattern).prop_map(|(n, p)| Action::Pattern(n, p)),
        1 => (0..HOSTS).prop_map(Action::Evacuate),
        1 => Just(Action::Undrain),
        2 => (0..3_usize, change).prop_map(|(n, c)| Action::Change(n, c)),
        2 => (0..3_usize).prop_map(Action::RunIn),
        2 => prop_oneof![Just("all"), Just("site:nantes"), Just("rennes-2")].prop_map(Action::RunOn),
        2 => limits().prop_map(Action::Limits),
        1 => (1..9_u32).prop_map(Action::PauseOp),
        1 => (1..9_u32).prop_map(Action::ResumeOp),
        1 => (1..9_u32).prop_map(Action::CancelOp),
        1 => (1..9_u32).prop_map(Action::Retry),
        1 => (1..9_u32).prop_map(Action::RetryCancelled),
        1 => (0..60_u32).prop_map(Action::RetryTask),
        2 => (0..60_u32).prop_map(Action::CancelTask),
        1 => Just(Action::Stop),
        12 => (0..50_usize).prop_map(Action::Finish),
        3 => (0..50_usize).prop_map(Action::Fail),
        1 => (0..HOSTS).prop_map(Action::Crash),
        1 => (0..HOSTS).prop_map(Action::Recover),
        2 => (1..200_u64).prop_map(Action::Pass),
        1 => (0..50_usize).prop_map(Action::Vanish),
    ]
}

/// Schedules tried; many more in a long run.
fn cases() -> u32 {
    if std::env::var_os("HEMERA_LONG").is_some() { 50_000 } else { 1000 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 20_000, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn whatever_happens_the_books_are_right(first in limits(), actions in prop::collection::vec(action(), 1..60)) {
        let mut bench = Bench::new(first);
        for action in &actions {
            bench.act(action);
        }
        bench.finish();
        bench.holds_together();
    }
}

/// A bench with `count` VMs up.
fn booted(count: u32, limits: Limits) -> Bench {
    let mut bench = Bench::new(limits);
    bench.command(Command::Start(boot(count, Placement::RoundRobin, "all")));
    bench.finish();
    bench
}

fn operations(bench: &Bench) -> Arc<Vec<hemera::handle::OperationView>> {
    bench.engine.snapshot(bench.world.now, &Arc::default()).operations
}

#[test]
fn a_slot_that_frees_starts_the_next_task_at_once() {
    let mut bench = Bench::new(Limits { boot_total: 3, ..Limits::default() });
    bench.command(Command::Start(boot(10, Placement::RoundRobin, "all")));
    assert_eq!(bench.world.running.len(), 3);
    bench.end(TaskId(1), End::Done);
    assert_eq!(bench.world.running.keys().copied().collect::<Vec<_>>(), [TaskId(0), TaskId(2), TaskId(3)]);
    let op = &operations(&bench)[0];
    assert_eq!((op.done, op.running, op.waiting), (1, 3, 6));
    assert_eq!(op.waiting_by[0].0.word(), "boots in all");
}

#[test]
fn raised_limits_let_more_run_and_lowered_ones_let_running_tasks_be() {
    let mut bench = Bench::new(Limits { boot_total: 2, ..Limits::default() });
    bench.command(Command::Start(boot(10, Placement::RoundRobin, "all")));
    bench.limits = Limits { boot_total: 5, ..Limits::default() };
    bench.command(Command::SetLimits(bench.limits));
    assert_eq!(bench.world.running.len(), 5);
    bench.limits = Limits { boot_total: 1, ..Limits::default() };
    bench.command(Command::SetLimits(bench.limits));
    assert_eq!(bench.world.running.len(), 5);
    bench.end(TaskId(0), End::Done);
    assert_eq!(bench.world.running.len(), 4);
}

#[test]
fn full_hosts_swap_their_vms_only_as_far_as_memory_lets_them() {
    // Four VMs fill a host: nothing can move until somebody gives way, and nobody will.
    let mut bench = booted(24, Limits::default());
    let which = Which::Selected(Selection::all());
    let moves = Moves::Pattern { which, pattern: Pattern::Circular };
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    assert_eq!(bench.world.running.len(), 0);
    assert_eq!(operations(&bench)[1].waiting_by[0].0.word(), "memory on the target");
    bench.finish();
    bench.holds_together();
    let op = &operations(&bench)[1];
    assert_eq!(op.failed, 24);
    assert!(op.failed_by[0].0.starts_with("no room on "), "{:?}", op.failed_by);
    // With one VM less a ring of moves goes all the way round.
    let one = Which::Ids([bench.engine.fleet().vms.ids().next().unwrap()].into());
    bench.command(Command::Start(OperationSpec::Change { which: one, change: VmChange::Destroy }));
    bench.finish();
    let moves = Moves::Pattern { which: Which::Selected(Selection::all()), pattern: Pattern::Circular };
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    bench.finish();
    bench.holds_together();
    assert_eq!(operations(&bench)[3].done, 23);
}

#[test]
fn what_finds_no_room_is_refused_and_counts_as_failed() {
    let mut bench = Bench::new(Limits::default());
    bench.command(Command::Start(boot(30, Placement::Balanced, "all")));
    bench.finish();
    let op = &operations(&bench)[0];
    assert_eq!((op.done, op.failed), (24, 6));
    assert_eq!(&*op.failed_by[0].0, "no host has 320 MiB free");
    bench.holds_together();
}

#[test]
fn numbers_continue_with_the_next_boot() {
    let mut bench = booted(3, Limits::default());
    bench.command(Command::Start(boot(2, Placement::RoundRobin, "all")));
    bench.finish();
    let fleet = bench.engine.fleet();
    let names: Vec<&str> = fleet.vms.ids().map(|vm| fleet.vms.name(vm)).collect();
    assert_eq!(names, ["vm-1", "vm-2", "vm-3", "vm-4", "vm-5"]);
}

#[test]
fn circular_moves_each_vm_to_the_next_host_that_holds_one() {
    let mut bench = Bench::new(Limits::default());
    bench.command(Command::Start(boot(4, Placement::Fixed(vec!["rennes-2".into(), "nantes-1".into()]), "all")));
    bench.finish();
    let moves = Moves::Pattern { which: Which::Selected(Selection::all()), pattern: Pattern::Circular };
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    bench.finish();
    let hosts: Vec<HostId> = bench.world.vms.values().map(|at| at.0).collect();
    assert_eq!(hosts, [HostId(4), HostId(1), HostId(4), HostId(1)]);
}

#[test]
fn split_merge_brings_every_vm_back() {
    let mut bench = Bench::new(Limits::default());
    bench.command(Command::Start(boot(3, Placement::Packed, "rennes-1")));
    bench.finish();
    let moves = Moves::Pattern { which: Which::Selected(Selection::all()), pattern: Pattern::SplitMerge };
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    assert_eq!(operations(&bench)[1].waiting_by[0], (hemera::handle::WaitKind::Earlier, 3));
    bench.finish();
    assert_eq!(operations(&bench)[1].done, 6);
    assert!(bench.world.vms.values().all(|at| at.0 == HostId(0)));
}

#[test]
fn evacuated_hosts_take_no_vms_until_they_may_again() {
    let mut bench = booted(12, Limits::default());
    let hosts = Selection::hosts("rennes-1").unwrap();
    bench.command(Command::Start(OperationSpec::Evacuate(Evacuate::of(hosts))));
    bench.finish();
    assert!(bench.world.vms.values().all(|at| at.0 != HostId(0)));
    // `finish` lets it take VMs again.
    assert_eq!(bench.engine.fleet().hosts.row(HostId(0)).state, HostState::Ready);
}

#[test]
fn steps_follow_each_other_and_a_wait_lets_time_pass() {
    let mut bench = Bench::new(Limits::default());
    let all = || Which::Selected(Selection::all());
    let steps = vec![
        Step::Operation(boot(4, Placement::RoundRobin, "all")),
        Step::Wait(Duration::from_secs(10)),
        Step::Operation(OperationSpec::Change { which: all(), change: VmChange::Destroy }),
    ];
    bench.command(Command::RunSteps(steps));
    for task in 0..4 {
        bench.end(TaskId(task), End::Done);
    }
    assert_eq!(operations(&bench).len(), 1);
    assert_eq!(bench.engine.next_deadline(), Some(Time::from_secs_f64(10.0)));
    bench.finish();
    assert_eq!(operations(&bench)[1].done, 4);
    assert!(bench.engine.fleet().vms.is_empty());
}

#[test]
fn a_task_without_progress_is_given_up_and_one_with_progress_is_not() {
    let mut bench = Bench::new(Limits::default());
    bench.command(Command::Start(boot(2, Placement::RoundRobin, "all")));
    for i in 1..20 {
        bench.pass(Duration::from_secs(30));
        let progress = hemera::platform::Progress::Work(f64::from(i));
        bench.see(None, vec![Observation::Progress { task: TaskId(0), progress }]);
    }
    let op = &operations(&bench)[0];
    assert_eq!((op.running, op.failed), (1, 1));
    assert_eq!(&*op.failed_by[0].0, "no progress for 120 s");
}

#[test]
fn a_boot_is_given_up_when_its_class_says_so() {
    let mut bench = Bench::new(Limits::default());
    let mut slow = boot(1, Placement::RoundRobin, "all");
    if let OperationSpec::Boot(boot) = &mut slow {
        boot.class = Arc::new(VmClass { patience: Some(Duration::from_mins(10)), ..(*boot.class).clone() });
    }
    bench.command(Command::Start(slow));
    bench.pass(Duration::from_secs(500));
    assert_eq!(operations(&bench)[0].running, 1);
    bench.pass(Duration::from_secs(100));
    assert_eq!(&*operations(&bench)[0].failed_by[0].0, "no progress for 600 s");
}

#[test]
fn a_load_is_given_up_only_after_all_the_time_that_a_platform_may_take() {
    let mut bench = booted(1, Limits::default());
    let load = Load { cpu: Share(0.5), dirty_rate: Rate(0.0), working_set: Some(Share(0.5)) };
    let which = Which::Selected(Selection::all());
    bench.command(Command::Start(OperationSpec::Change { which, change: VmChange::Stress(load) }));
    bench.pass(LOAD_TIMEOUT);
    assert_eq!(operations(&bench)[1].running, 1);
    bench.pass(Duration::from_secs(60));
    assert_eq!(&*operations(&bench)[1].failed_by[0].0, "no progress for 160 s");
}

#[test]
fn what_failed_is_asked_again_under_the_same_names() {
    let mut bench = Bench::new(Limits::default());
    bench.command(Command::Start(boot(4, Placement::RoundRobin, "all")));
    bench.end(TaskId(1), End::Failed("broke".into()));
    bench.finish();
    bench.command(Command::RetryFailed(OpId(1)));
    bench.finish();
    bench.holds_together();
    let fleet = bench.engine.fleet();
    let mut names: Vec<&str> = fleet.vms.ids().map(|vm| fleet.vms.name(vm)).collect();
    names.sort_unstable();
    assert_eq!(names, ["vm-1", "vm-2", "vm-3", "vm-4"]);
}

#[test]
fn a_lost_host_takes_its_vms_with_it_and_says_so() {
    let mut bench = booted(12, Limits::default());
    bench.crash(HostId(2));
    assert_eq!(bench.engine.fleet().vms.count(VmState::Lost), 2);
    bench.recover(HostId(2));
    assert_eq!(bench.engine.fleet().vms.count(VmState::Failed), 2);
    bench.finish();
    bench.holds_together();
}

#[test]
fn previews_change_nothing_and_say_what_starts() {
    use hemera::handle::{Answer, Query};
    let mut bench = booted(12, Limits::default());
    let moves = Moves::To { which: Which::Selected(Selection::all()), hosts: Selection::hosts("site:nantes").unwrap() };
    let spec = OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None });
    let version = bench.engine.version();
    let Answer::Preview(preview) = bench.engine.query(bench.world.now, &Query::Preview(spec)) else { panic!() };
    assert_eq!(bench.engine.version(), version);
    // Each of the two hosts of Nantes has two VMs and room for two more.
    assert_eq!((preview.tasks, preview.unchanged), (4, 4));
    assert_eq!(preview.refused[0].count, 4);
    assert_eq!(&*preview.refused[0].reason, "no target has 320 MiB free");
    assert_eq!(preview.tightest.map(|(_, free)| free), Some(Bytes(0)));
    // Two moves of 256 MiB at once into each NIC of 125 MB/s.
    let seconds = preview.duration.unwrap().as_secs_f64();
    assert!((4.2..4.4).contains(&seconds), "{seconds}");
}

#[test]
fn an_odd_host_out_stays_where_it_is_and_the_others_cross() {
    let mut bench = Bench::new(Limits::default());
    let hosts = ["rennes-1", "rennes-2", "rennes-3", "rennes-4", "nantes-1"].map(Arc::from).to_vec();
    bench.command(Command::Start(boot(5, Placement::Fixed(hosts), "all")));
    bench.finish();
    bench.crash(HostId(5));
    let moves = Moves::Pattern { which: Which::Selected(Selection::all()), pattern: Pattern::Crossed };
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    while let Some(task) = bench.nth_running(0) {
        bench.end(task, End::Done);
    }
    let hosts: Vec<u32> = bench.world.vms.values().map(|at| at.0.0).collect();
    assert_eq!(hosts, [1, 0, 3, 2, 4]);
}

#[test]
fn what_fits_is_not_held_up_for_ever_by_something_larger() {
    let mut bench = Bench::new(Limits::default());
    let boot_one = |bench: &mut Bench, mib: u64, name: &str, on: &str| {
        let spec = OperationSpec::Boot(Boot {
            class: class(Bytes::mib(mib)),
            count: 1,
            name: name.into(),
            placement: Placement::RoundRobin,
            on: Selection::hosts(on).unwrap(),
        });
        bench.command(Command::Start(spec));
        bench.finish();
    };
    boot_one(&mut bench, 512, "here", "rennes-2");
    boot_one(&mut bench, 900, "big", "rennes-1");
    boot_one(&mut bench, 64, "little", "rennes-1");
    let to = |vm: &str| (Arc::from(vm), Arc::from("rennes-2"));
    let moves = Moves::Explicit(vec![to("big"), to("little")]);
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    assert_eq!(bench.world.running.len(), 1, "what fits beside the large one that waits has begun");
    bench.finish();
    let op = &operations(&bench)[3];
    assert_eq!((op.done, op.failed), (1, 1));
    assert!(op.failed_by[0].0.starts_with("no room on rennes-2"), "{:?}", op.failed_by);
}

#[test]
fn numbers_of_refused_vms_stay_free() {
    let mut bench = Bench::new(Limits::default());
    bench.command(Command::Start(boot(6, Placement::Packed, "rennes-1")));
    bench.finish();
    bench.command(Command::Start(boot(2, Placement::Packed, "rennes-2")));
    bench.finish();
    let fleet = bench.engine.fleet();
    let names: Vec<&str> = fleet.vms.ids().map(|vm| fleet.vms.name(vm)).collect();
    assert_eq!(names, ["vm-1", "vm-2", "vm-3", "vm-4", "vm-5", "vm-6"]);
}

#[test]
fn moves_that_found_no_room_are_asked_again() {
    let mut bench = booted(12, Limits::default());
    let hosts = Selection::hosts("site:nantes").unwrap();
    let moves = Moves::To { which: Which::Selected(Selection::all()), hosts };
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    bench.finish();
    assert_eq!(operations(&bench)[1].failed, 4);
    let there = Selection::vms("site:nantes").unwrap();
    let spec = OperationSpec::Change { which: Which::Selected(there), change: VmChange::Destroy };
    bench.command(Command::Start(spec));
    bench.finish();
    bench.command(Command::RetryFailed(OpId(2)));
    bench.finish();
    assert_eq!(operations(&bench)[3].done, 4);
}

#[test]
fn a_refused_retry_changes_nothing() {
    let mut bench = Bench::new(Limits::default());
    bench.command(Command::Start(boot(1, Placement::RoundRobin, "rennes-1")));
    bench.end(TaskId(0), End::Failed("broke".into()));
    bench.crash(HostId(0));
    let reply = bench.engine.command(bench.world.now, Command::RetryFailed(OpId(1)));
    assert!(reply.is_err());
    assert_eq!(bench.engine.fleet().vms.count(VmState::Failed), 1);
}

#[test]
fn an_evacuated_host_that_comes_back_still_takes_no_vms() {
    let mut bench = booted(6, Limits::default());
    let hosts = Selection::hosts("rennes-1").unwrap();
    bench.command(Command::Start(OperationSpec::Evacuate(Evacuate::of(hosts))));
    bench.crash(HostId(0));
    bench.recover(HostId(0));
    assert_eq!(bench.engine.fleet().hosts.row(HostId(0)).state, HostState::Draining);
    // Where nobody is left to take the VMs, nothing is drained.
    let all = OperationSpec::Evacuate(Evacuate::of(Selection::all()));
    assert!(bench.engine.command(bench.world.now, Command::Start(all)).is_err());
    assert_eq!(bench.engine.fleet().hosts.row(HostId(1)).state, HostState::Ready);
}
