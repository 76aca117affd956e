//! What consoles are told: hosts, results of VMs, figures over time, events.

use hemera::fleet::{MigrationFigures, MigrationProgress};
use hemera::handle::{
    Answer, EventFilter, EventPage, HostView, Level, OpKind, Query, Samples, TaskEnd, TaskFilter, TaskState, VmView,
    WaitReason,
};
use hemera::platform::Progress;

use super::*;

impl Bench {
    /// A bench that keeps figures over time.
    pub(super) fn with_history() -> Self {
        Self::of(Config { seed: 1, history: true, ..Config::default() })
    }

    pub(super) fn host(&mut self, host: u32) -> HostView {
        match self.engine.query(self.world.now, &Query::Host(HostId(host))) {
            Answer::Host(view) => *view,
            answer => panic!("{answer:?}"),
        }
    }

    pub(super) fn vm(&mut self, vm: VmId) -> VmView {
        match self.engine.query(self.world.now, &Query::Vm(vm)) {
            Answer::Vm(view) => *view,
            answer => panic!("{answer:?}"),
        }
    }

    fn events(&mut self, filter: EventFilter, before: Option<u64>, offset: usize, limit: usize) -> EventPage {
        match self.engine.query(self.world.now, &Query::Events { filter, before, offset, limit }) {
            Answer::Events(page) => page,
            answer => panic!("{answer:?}"),
        }
    }

    /// After everything has ended: no host has a task, and every task is a result of its VM.
    pub(super) fn tells_the_same(&mut self) {
        for host in 0..HOSTS {
            assert_eq!(self.host(host).open, (0, 0), "tasks of host {host}");
        }
        let mut results = 0;
        for vm in (0..self.engine.fleet().vms.id_count()).map(VmId) {
            let view = self.vm(vm);
            results += view.results.len();
            assert!(
                view.results
                    .iter()
                    .all(|task| task.subject.vm() == Some(vm) && matches!(task.state, TaskState::Ended(_)))
            );
            assert!(view.results.is_sorted_by(|a, b| a.id > b.id), "newest first");
        }
        let mut tasks = 0;
        for op in operations(self).iter() {
            let query = Query::Tasks { op: op.id, show: TaskFilter::All, offset: 0, limit: usize::MAX };
            let Answer::Tasks(page) = self.engine.query(self.world.now, &query) else { panic!("no tasks") };
            assert_eq!(page.tasks.len(), op.total as usize);
            tasks += page.tasks.iter().filter(|task| task.subject.vm().is_some()).count();
        }
        assert_eq!(results, tasks);
    }

    /// Time passes as the engine wants it to.
    fn pass_by_deadlines(&mut self, seconds: f64) {
        let end = self.world.now + Duration::from_secs_f64(seconds);
        while let Some(at) = self.engine.next_deadline().filter(|&at| at <= end) {
            self.pass(at.since(self.world.now));
        }
        self.pass(end.since(self.world.now));
    }

    fn loads(&mut self, host: u32, cpu: u32, vm: VmId, vm_cpu: u32) {
        let (net_rx, net_tx) = (Rate(1024.0 * 100.0), Rate(1024.0 * 3_000_000.0));
        let load = Observation::HostLoad { cpu_used: cpu, cpu_demand: cpu, net_rx, net_tx };
        let (dirty, net) = (Rate(1024.0 * 10_000.0), Rate(1024.0 * 7.0));
        self.see(Some(HostId(host)), vec![load, Observation::VmLoad { vm: VmKey::Id(vm), cpu: vm_cpu, dirty, net }]);
    }
}

fn at(samples: &Samples) -> Vec<f64> {
    samples.iter().map(|(at, _)| at.as_secs_f64()).collect()
}

#[test]
fn a_host_tells_what_runs_and_waits_on_it() {
    let mut bench = Bench::new(Limits { boot_per_host: 1, migrate_per_target: 1, ..Limits::default() });
    bench.command(Command::Start(boot(18, Placement::RoundRobin, "all")));
    let host = bench.host(1);
    assert_eq!((&*host.about.name, host.about.cores, host.row.booting), ("rennes-2", 4, 1));
    assert_eq!(host.open, (1, 2));
    assert_eq!(host.vms, [1, 7, 13].map(VmId));
    assert_eq!(
        host.tasks.iter().filter_map(|task| task.subject.vm()).map(|vm| vm.0).collect::<Vec<_>>(),
        [1, 7, 13],
        "what runs, then what waits"
    );
    assert_eq!(host.tasks[1].state, TaskState::Waiting(WaitReason::BootHost(HostId(1))));
    bench.finish();

    // Moves from elsewhere that wait for this host are its tasks too, and those that wait for another task of a VM.
    let to = |vm: &str| (Arc::from(vm), Arc::from("rennes-2"));
    let moves = Moves::Explicit(vec![to("vm-1"), to("vm-3")]);
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    let which = Which::Ids([VmId(2), VmId(7)].into());
    bench.command(Command::Start(OperationSpec::Change { which, change: VmChange::Pause }));
    let host = bench.host(1);
    assert_eq!(host.open, (2, 1));
    let kinds: Vec<OpKind> = host.tasks.iter().map(|task| task.kind).collect();
    assert_eq!(kinds, [OpKind::Migrate, OpKind::Pause, OpKind::Migrate]);
    assert_eq!(bench.host(2).open, (0, 2), "a move away from it and a pause behind that");
}

#[test]
fn a_hosts_timeline_tells_its_states_and_what_was_done_on_it() {
    let mut bench = booted(6, Limits::default());
    bench.pass(Duration::from_secs(1));
    bench.crash(HostId(0));
    bench.pass(Duration::from_secs(1));
    bench.recover(HostId(0));
    let timeline = bench.host(0).timeline;
    let told: Vec<&str> = timeline.iter().map(|(_, text)| &**text).collect();
    let expected = [
        "ready",
        "vm-1: #1 boot on rennes-1 began",
        "vm-1: #1 boot on rennes-1 done",
        "unreachable: crashed",
        "ready",
        "vm-1 is gone from rennes-1: it is no longer on its host",
    ];
    assert_eq!(told, expected);
    assert!(timeline.is_sorted_by_key(|&(at, _)| at));
}

#[test]
fn tasks_are_paged_by_how_they_ended() {
    let mut bench = Bench::new(Limits { boot_total: 4, ..Limits::default() });
    bench.command(Command::Start(boot(10, Placement::RoundRobin, "all")));
    for task in 7..10 {
        bench.command(Command::CancelTask(TaskId(task)));
    }
    bench.end(TaskId(0), End::Done);
    bench.end(TaskId(1), End::Done);
    bench.end(TaskId(2), End::Failed("broke".into()));
    let mut page =
        |show| match bench.engine.query(bench.world.now, &Query::Tasks { op: OpId(1), show, offset: 1, limit: 1 }) {
            Answer::Tasks(page) => (page.total, page.tasks.first().map(|task| task.id.0)),
            answer => panic!("{answer:?}"),
        };
    assert_eq!(page(TaskFilter::Done), (2, Some(1)));
    assert_eq!(page(TaskFilter::Failed), (1, None));
    assert_eq!(page(TaskFilter::Cancelled), (3, Some(8)));
    assert_eq!(page(TaskFilter::Running), (4, Some(4)));
    assert_eq!(page(TaskFilter::All), (10, Some(4)));
}

#[test]
fn a_vm_tells_everything_that_was_done_to_it() {
    let mut bench = booted(6, Limits::default());
    let moves = Moves::Explicit(vec![("vm-1".into(), "rennes-2".into())]);
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    let figures = MigrationFigures { rounds: 3, ..MigrationFigures::default() };
    let task = bench.nth_running(0).unwrap();
    bench.world.vms.insert(VmId(0), (HostId(1), 320));
    bench.world.running.remove(&task);
    bench.see(None, vec![Observation::Ended { task, end: End::Done, figures: Some(figures) }]);
    let which = Which::Ids([VmId(0)].into());
    bench.command(Command::Start(OperationSpec::Change { which, change: VmChange::Pause }));

    let results = bench.vm(VmId(0)).results;
    let kinds: Vec<OpKind> = results.iter().map(|task| task.kind).collect();
    assert_eq!(kinds, [OpKind::Pause, OpKind::Migrate, OpKind::Boot], "newest first");
    assert_eq!(results[0].state, TaskState::Running);
    assert_eq!(results[1].state, TaskState::Ended(TaskEnd::Done));
    assert_eq!(results[1].figures, Some(figures));
    assert!(results[1].predicted.is_some());
    assert_eq!((results[1].source, results[1].target), (Some(HostId(0)), Some(HostId(1))));
}

#[test]
fn figures_are_kept_closely_for_ten_minutes_and_coarsely_for_an_hour() {
    let mut bench = Bench::with_history();
    bench.command(Command::Start(boot(2, Placement::RoundRobin, "rennes-1")));
    bench.finish();
    bench.loads(0, 1000, VmId(0), 500);
    bench.pass_by_deadlines(16.0);
    let host = bench.host(0).history;
    assert_eq!(host.cpu.recent.values, [1000; 4]);
    assert_eq!(at(&host.cpu.recent), [1.0, 6.0, 11.0, 16.0]);
    assert_eq!(host.memory.recent.values, [640; 4]);
    assert_eq!(host.net_rx.recent.values, [100; 4]);
    assert!(host.net_tx.recent.values[0].abs_diff(3_000_000) < 3_000_000 / 4000, "{:?}", host.net_tx.recent.values);
    assert!(host.cpu.hour.values.is_empty());
    let vm = bench.vm(VmId(0)).history;
    assert_eq!((vm.cpu.values.clone(), at(&vm.cpu)), (vec![500; 2], vec![1.0, 11.0]));
    assert!(vm.dirty.values[1].abs_diff(10_000) < 10_000 / 16, "{:?}", vm.dirty.values);
    assert_eq!(vm.net.values, [7; 2]);

    // The third of every six samples a third of them is of a higher load: the coarse ones have the mean.
    bench.loads(0, 4000, VmId(0), 1000);
    bench.pass_by_deadlines(10.0);
    let hour = bench.host(0).history.cpu.hour;
    assert_eq!((hour.values.clone(), hour.every, at(&hour)), (vec![2000], Duration::from_secs(30), vec![26.0]));
    bench.pass_by_deadlines(2.0 * 3600.0);
    let cpu = bench.host(0).history.cpu;
    assert_eq!((cpu.recent.values.len(), cpu.hour.values.len()), (120, 120));
    let whole = bench.vm(VmId(0)).history.cpu;
    assert_eq!(whole.values, [1000; 60]);
    assert_eq!(at(&whole).last().map(|last| (bench.world.now.as_secs_f64() - last) < 10.0), Some(true));

    // Over a leap nothing was seen.
    bench.pass(Duration::from_secs(3600));
    assert_eq!(bench.host(0).history.cpu.recent.values, [4000]);
    assert_eq!(bench.vm(VmId(0)).history.cpu.values, [1000]);
}

#[test]
fn the_fleets_figures_are_in_every_snapshot() {
    let mut bench = Bench::with_history();
    bench.command(Command::Start(boot(12, Placement::RoundRobin, "all")));
    bench.pass_by_deadlines(1.0);
    bench.finish();
    bench.loads(0, 4800, VmId(0), 1000);
    let to = |vm: &str| (Arc::from(vm), Arc::from("rennes-2"));
    let moves = Moves::Explicit(vec![to("vm-1"), to("vm-3")]);
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    let task = bench.nth_running(0).unwrap();
    let progress = MigrationProgress { rate: Rate(1024.0 * 90_000.0), ..MigrationProgress::default() };
    bench.see(None, vec![Observation::Progress { task, progress: Progress::Migration(progress) }]);
    bench.pass_by_deadlines(5.0);
    let history = bench.engine.snapshot(bench.world.now, &Arc::default()).history;
    assert_eq!(history.booting.values, [12, 0]);
    assert_eq!(history.up.values, [0, 10]);
    assert_eq!(history.moving.values, [0, 2]);
    assert_eq!(history.failed.values, [0, 0]);
    assert_eq!(history.cpu.values, [0, 200], "4.8 of 24 cores");
    assert_eq!(history.migration.values, [0, 90_000]);
    assert_eq!(history.net.values, [0, 3_000_000]);
    assert_eq!(at(&history.net), [1.0, 6.0]);
    let again = bench.engine.snapshot(bench.world.now, &Arc::default()).history;
    assert!(Arc::ptr_eq(&history, &again), "snapshots share it");
}

#[test]
fn without_history_nothing_is_kept_and_nobody_is_woken() {
    let mut bench = booted(6, Limits::default());
    assert_eq!(bench.engine.next_deadline(), None);
    bench.pass(Duration::from_secs(60));
    assert!(bench.host(0).history.cpu.recent.values.is_empty());
    assert!(bench.vm(VmId(0)).history.cpu.values.is_empty());
    assert!(bench.engine.snapshot(bench.world.now, &Arc::default()).history.up.values.is_empty());
}

#[test]
fn of_very_many_vms_only_those_asked_about_are_sampled() {
    let mut topology = Topology::new("large");
    let site = topology.site("rennes");
    let host = NewHost { name: "h".into(), cores: 1, memory: Bytes::mib(1 << 26), nic: Rate(125e6), disk: Rate(1e8) };
    topology.add_cluster(site, "large", [host]);
    let mut engine = Engine::new(Arc::new(topology), Config { history: true, ..Config::default() });
    let placed = engine.preload(Time::ZERO, &class(Bytes::mib(64)), 110_000, "vm-{n}");
    assert_eq!(placed, 110_000);
    let cpu = |engine: &mut Engine, vm: u32| match engine.query(Time::ZERO, &Query::Vm(VmId(vm))) {
        Answer::Vm(view) => view.history.cpu,
        answer => panic!("{answer:?}"),
    };
    engine.tick(Time::from_secs_f64(11.0));
    assert!(cpu(&mut engine, 7).values.is_empty());
    engine.tick(Time::from_secs_f64(31.0));
    assert_eq!(at(&cpu(&mut engine, 7)), [21.0, 31.0], "since it was asked about");
    // So many others are asked about that this one is forgotten.
    for vm in 1000..1256 {
        cpu(&mut engine, vm);
    }
    engine.tick(Time::from_secs_f64(41.0));
    assert!(cpu(&mut engine, 7).values.is_empty());
    assert_eq!(at(&cpu(&mut engine, 1255)), [41.0]);
}

#[test]
fn events_are_paged_and_filtered() {
    let mut bench = Bench::new(Limits::default());
    bench.command(Command::Start(boot(6, Placement::RoundRobin, "all")));
    bench.end(TaskId(2), End::Failed("No DHCP answer".into()));
    bench.finish();
    let all = bench.events(EventFilter::default(), None, 0, 100);
    let told: Vec<&str> = all.events.iter().map(|event| &*event.text).collect();
    assert_eq!(told, ["#1 boot ended: 5 done, 1 failed", "boot vm-3: No DHCP answer", "#1 boot 6 small"]);
    assert_eq!(all.events.iter().map(|event| event.number).collect::<Vec<_>>(), [3, 2, 1]);

    let mut count = |filter: EventFilter| bench.events(filter, None, 0, 0).total;
    assert_eq!(count(EventFilter { level: Some(Level::Warning), ..<_>::default() }), 2);
    assert_eq!(count(EventFilter { vm: Some(VmId(2)), ..<_>::default() }), 1);
    assert_eq!(count(EventFilter { host: Some(HostId(2)), ..<_>::default() }), 1);
    assert_eq!(count(EventFilter { op: Some(OpId(1)), kind: Some(OpKind::Boot), ..<_>::default() }), 3);
    assert_eq!(count(EventFilter { kind: Some(OpKind::Migrate), ..<_>::default() }), 0);
    assert_eq!(count(EventFilter { text: "dhcp".into(), ..<_>::default() }), 1);

    for _ in 0..3000 {
        bench.command(Command::Start(boot(0, Placement::RoundRobin, "all")));
    }
    let snapshot = bench.engine.snapshot(bench.world.now, &Arc::default());
    assert_eq!((snapshot.events.len(), snapshot.events.last().map(|event| event.number)), (400, Some(6003)));
    let page = bench.events(EventFilter::default(), Some(6000), 10, 5);
    assert_eq!(page.total, 5999);
    assert_eq!(page.events.iter().map(|event| event.number).collect::<Vec<_>>(), [5989, 5988, 5987, 5986, 5985]);
}

#[test]
fn an_operation_shows_how_its_tasks_ended_over_time() {
    let mut bench = Bench::new(Limits::default());
    bench.command(Command::Start(boot(6, Placement::RoundRobin, "all")));
    for _ in 0..6 {
        bench.pass(Duration::from_millis(250));
        let task = bench.nth_running(0).unwrap();
        bench.end(task, End::Done);
    }
    let first = operations(&bench)[0].curve.clone();
    assert_eq!(first.values, [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5]);
    assert_eq!((first.every, first.first()), (Duration::from_millis(100), Some(Time::from_secs_f64(0.1))));
    assert!(Arc::ptr_eq(&first, &operations(&bench)[0].curve), "snapshots share it");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases() / 5, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn keeping_figures_changes_nothing(first in limits(), actions in prop::collection::vec(action(), 1..60)) {
        let run = |history| {
            let mut bench = Bench::of(Config { seed: 1, limits: first, history, ..Config::default() });
            for action in &actions {
                bench.act(action);
                bench.vm_of_any();
            }
            bench
        };
        let (mut with, without) = (run(true), run(false));
        assert_eq!(with.outputs, without.outputs);
        with.finish();
        with.holds_together();
    }
}

impl Bench {
    /// Asks about what there is.
    fn vm_of_any(&mut self) {
        if self.engine.fleet().vms.id_count() > 0 {
            self.vm(VmId(0));
        }
        self.host(0);
    }
}
