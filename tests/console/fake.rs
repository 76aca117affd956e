//! A fleet filled by hand, and a service that answers without any engine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hemera::fleet::{
    Bytes, Diagnosis, Finding, Fleet, HostId, HostState, Image, MigrationProgress, NewHost, OpId, PowerAction, Rate,
    Ready, TaskId, Time, Topology, Transfer, VmClass, VmId, VmRow, VmState,
};
use hemera::handle::{
    About, Accepted, Answer, Command, Durations, Event, Level, OpKind, OpState, OperationSpec, OperationView,
    OutputView, Preview, Query, RefusedGroup, RescueView, RunOn, Service, Snapshot, TaskEnd, TaskOutput, TaskPage,
    TaskState, TaskSubject, TaskView, Text, WaitKind, WaitReason, Which,
};

use super::{close, past};

/// Clusters by site: name, hosts, cores, GiB.
const CLUSTERS: [(&str, &str, u32, u32, u64); 8] = [
    ("rennes", "paradent", 64, 8, 32),
    ("rennes", "parapide", 25, 8, 24),
    ("rennes", "parapluie", 40, 24, 48),
    ("nancy", "graphene", 144, 4, 16),
    ("nancy", "griffon", 92, 8, 16),
    ("sophia", "suno", 45, 8, 32),
    ("sophia", "sol", 50, 4, 4),
    ("reims", "stremi", 44, 24, 48),
];

/// Figures that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(below.max(1))) as u32
    }
}

/// The class that can be booted.
pub(crate) fn small() -> Arc<VmClass> {
    Arc::new(VmClass {
        name: "small".into(),
        vcpus: 1,
        memory: Bytes(1 << 30),
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

/// Four sites and 504 hosts, without VMs.
pub(crate) fn hosts() -> Fleet {
    let mut topology = Topology::new("grid5000-2012");
    for (site, cluster, count, cores, gib) in CLUSTERS {
        let site = topology.site(site);
        let host = |n| NewHost {
            name: format!("{cluster}-{n}"),
            cores,
            memory: Bytes::mib(gib * 1024),
            nic: Rate(125e6),
            disk: Rate(1e8),
        };
        topology.add_cluster(site, cluster, (1..=count).map(host));
    }
    let mut fleet = Fleet::new(Arc::new(topology));
    fleet.now = Time::from_secs_f64(754.0);
    for host in 0..fleet.hosts.len() as u32 {
        fleet.hosts.update(HostId(host), |row| row.state = HostState::Ready);
    }
    fleet
}

/// The hosts with so many VMs.
pub(crate) fn fleet(vms: u32) -> Fleet {
    let mut fleet = hosts();
    let mut dice = Dice(7);
    let class = fleet.class_named("small");
    let count = fleet.hosts.len() as u32;
    let mut reasons = std::collections::HashMap::new();
    for i in 0..vms {
        let state = match dice.roll(400) {
            0 => VmState::Failed,
            1..4 => VmState::Paused,
            4..9 => VmState::Migrating,
            9..24 => VmState::Starting,
            24..28 => VmState::Preparing,
            _ => VmState::Up,
        };
        let host = HostId(i % count);
        let runs = state.runs();
        let target = (state == VmState::Migrating).then(|| HostId((i + 7) % count));
        // Neighbouring hosts have similar loads, so that the heatmap shows regions.
        let warm = 30.0 + 28.0 * (f64::from(host.0) / 23.0).sin() + 16.0 * (f64::from(host.0) / 5.0).cos();
        let cpu = if runs { (warm * 10.0).max(0.0) as u32 + dice.roll(200) } else { 0 };
        let row = VmRow {
            state,
            class,
            host: Some(host),
            target,
            finding: if i % 997 == 5 && runs { Finding::NonConverging } else { Finding::None },
            cpu,
            memory: 1024,
            dirty: if runs { dice.roll(12_000) } else { 0 },
            net: if runs { dice.roll(300) } else { 0 },
            since: 754 - dice.roll(700),
            ..VmRow::default()
        };
        let vm = fleet.vms.push(&format!("vm-{}", i + 1), row);
        if row.finding != Finding::None {
            let seen = vec!["round 7 sends no less than round 6".into()];
            let found = Diagnosis::new(row.finding, "dirties 140 MB/s, sends 117 MB/s", seen);
            Arc::make_mut(&mut fleet.vm_diagnoses).insert(vm, Arc::new(found));
        }
        if state == VmState::Failed {
            reasons.insert(vm, "no DHCP answer in 45 s".into());
        }
        let cores = fleet.topology.host(host).cores;
        let now = fleet.now;
        fleet.hosts.update(host, |h| {
            h.vms += 1;
            h.memory += 1088;
            let scale = cores * 1000 / 8;
            let asked = h.cpu_demand + cpu * scale / 1800;
            h.demand(asked, cores, Time(now.0 - 12_000_000_000));
            h.net_tx = 400 * (host.0 % 5);
        });
    }
    fleet.hosts.update(HostId(70), |h| h.enter(HostState::Unreachable, Time::from_secs_f64(700.0)));
    fleet.hosts.update(HostId(300), |h| h.enter(HostState::Preparing, Time::from_secs_f64(700.0)));
    fleet.vm_reasons = Arc::new(reasons);
    fleet
}

/// An operation half done, one that is paused, one that has ended.
pub(crate) fn operations() -> Vec<OperationView> {
    let base = OperationView {
        id: OpId(1),
        kind: OpKind::Boot,
        title: "boot 64 small".into(),
        state: OpState::Ended,
        total: 64,
        waiting: 0,
        running: 0,
        done: 64,
        failed: 0,
        cancelled: 0,
        waiting_by: vec![],
        failed_by: vec![],
        started: Time::from_secs_f64(12.0),
        ended: Some(Time::from_secs_f64(31.0)),
        rate: 3.4,
        eta: None,
        durations: Some(Durations {
            p50: Duration::from_millis(4100),
            p95: Duration::from_millis(7300),
            max: Duration::from_secs(9),
        }),
        curve: past::curve(Time::from_secs_f64(12.0), 64, 19),
    };
    vec![
        base.clone(),
        OperationView {
            id: OpId(2),
            kind: OpKind::Migrate,
            title: "migrate 240 VMs to 31 hosts".into(),
            state: OpState::Paused,
            total: 240,
            waiting: 180,
            running: 0,
            done: 57,
            failed: 3,
            waiting_by: vec![(WaitKind::Paused, 180)],
            failed_by: vec![("target host ran out of memory".into(), 3)],
            ended: None,
            started: Time::from_secs_f64(400.0),
            curve: past::curve(Time::from_secs_f64(400.0), 60, 40),
            ..base.clone()
        },
        OperationView {
            id: OpId(3),
            title: "boot 10 240 small".into(),
            state: OpState::Running,
            total: 10_240,
            waiting: 1_860,
            running: 312,
            done: 8_062,
            failed: 6,
            waiting_by: vec![(WaitKind::BootHost, 1_800), (WaitKind::BootTotal, 60)],
            failed_by: vec![("no DHCP answer in 45 s".into(), 5), ("image not found".into(), 1)],
            ended: None,
            started: Time::from_secs_f64(700.0),
            rate: 413.0,
            eta: Some(Duration::from_secs(8)),
            durations: Some(Durations {
                p50: Duration::from_millis(6100),
                p95: Duration::from_millis(11_900),
                max: Duration::from_secs(31),
            }),
            curve: past::curve(Time::from_secs_f64(700.0), 8_068, 54),
            ..base
        },
    ]
}

/// All that a console sees at one instant.
pub(crate) fn snapshot(fleet: Fleet, operations: Vec<OperationView>) -> Snapshot {
    let now = fleet.now;
    let at = |s| Time::from_secs_f64(s);
    let event = |number, s, level, text: &str| {
        let (op, kind) = (Some(OpId(3)), Some(OpKind::Boot));
        Event { number, at: at(s), level, vm: None, host: None, op, kind, text: text.into() }
    };
    Snapshot {
        about: Arc::new(About {
            world: fleet.topology.world.clone(),
            platform: "sim".into(),
            multiplied: 1,
            speed: 10.0,
            classes: vec![small()],
            power: PowerAction::ALL.to_vec(),
        }),
        fleet,
        operations: Arc::new(operations),
        events: Arc::new(vec![
            event(past::EVENTS + 1, 700.0, Level::Info, "boot 10 240 small began"),
            event(past::EVENTS + 2, 720.5, Level::Error, "vm-9902 failed: no DHCP answer in 45 s"),
            event(past::EVENTS + 3, 731.0, Level::Warning, "host parapide-6 does not answer"),
        ]),
        history: past::fleet(now),
        ..Snapshot::default()
    }
}

/// What the service heard.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) commands: Vec<Command>,
    pub(crate) previews: Vec<OperationSpec>,
    /// What was typed into a serial console.
    pub(crate) typed: Arc<Mutex<Vec<u8>>>,
}

/// Answers until the console is gone.
pub(crate) async fn serve(
    mut service: Service,
    heard: Arc<Mutex<Heard>>,
    mut snapshots: tokio::sync::mpsc::UnboundedReceiver<Snapshot>,
) {
    let mut now = service.snapshots.borrow().clone();
    let mut steered = true;
    loop {
        tokio::select! {
            command = service.commands.recv(), if steered => {
                // A console that only looks has let go of it.
                let Some((command, reply)) = command else {
                    steered = false;
                    continue;
                };
                heard.lock().unwrap().commands.push(command);
                reply.send(Ok(Accepted { op: Some(OpId(4)), message: "#4 began".into() })).ok();
            }
            query = service.queries.recv() => {
                let Some((query, reply)) = query else { return };
                if let Query::Preview(spec) = &query {
                    heard.lock().unwrap().previews.push(spec.clone());
                }
                reply.send(answer(&now, &query)).ok();
            }
            Some((_, end)) = service.streams.recv() => {
                let typed = heard.lock().unwrap().typed.clone();
                tokio::spawn(close::console(end, typed));
            }
            Some(snapshot) = snapshots.recv() => {
                now = Arc::new(snapshot);
                service.snapshots.send(now.clone()).ok();
            }
            else => return,
        }
    }
}

fn answer(now: &Snapshot, query: &Query) -> Answer {
    match query {
        Query::Preview(spec) => Answer::Preview(Box::new(preview(now, spec))),
        Query::Tasks { op, offset, limit, .. } => {
            let found = now.operations.iter().find(|o| o.id == *op);
            let total = found.map_or(0, |o| o.total as usize);
            let runs = found.is_some_and(|o| o.kind == OpKind::Run);
            let one = |i| if runs { command(*op, i) } else { task(*op, i) };
            let tasks = (*offset..(offset + limit).min(total)).map(one).collect();
            Answer::Tasks(TaskPage { total, tasks })
        }
        Query::Vm(vm) => Answer::Vm(Box::new(past::vm(now, *vm))),
        Query::Inspect(vm, inquiry) => Answer::Told(*vm, close::told(*inquiry)),
        Query::Host(host) => Answer::Host(Box::new(past::host(now, *host))),
        Query::Output(id) => Answer::Output(Box::new(OutputView {
            task: command(OpId(4), id.index()),
            output: TaskOutput {
                out: Text { text: (1..=100).map(|i| format!("line {i}")).collect::<Vec<_>>().join("\n"), cut: 12 },
                err: Text { text: "\x1b[31mno space left\n".into(), cut: 0 },
                code: Some(3),
            },
        })),
        Query::Events { filter, before, offset, limit } => {
            Answer::Events(past::events(now, filter, *before, *offset, *limit))
        }
    }
}

fn preview(now: &Snapshot, spec: &OperationSpec) -> Preview {
    let count = match spec {
        OperationSpec::Boot(boot) => boot.count,
        OperationSpec::Migrate(_) | OperationSpec::Evacuate(_) => 240,
        OperationSpec::Change { which: Which::Ids(ids), .. }
        | OperationSpec::Run { on: RunOn::Vms(Which::Ids(ids)), .. }
        | OperationSpec::Copy { on: RunOn::Vms(Which::Ids(ids)), .. } => ids.len() as u32,
        OperationSpec::Change { .. }
        | OperationSpec::Run { on: RunOn::Vms(_), .. }
        | OperationSpec::Copy { on: RunOn::Vms(_), .. } => now.fleet.vms.len() as u32,
        OperationSpec::Run { on: RunOn::Hosts(hosts), .. }
        | OperationSpec::Copy { on: RunOn::Hosts(hosts), .. }
        | OperationSpec::Spread { on: hosts, .. }
        | OperationSpec::Power { on: hosts, .. } => hosts.select_hosts(&now.fleet).len() as u32,
    };
    let moves = spec.kind().moves();
    let boots = spec.kind() == OpKind::Boot;
    Preview {
        kind: spec.kind(),
        title: "".into(),
        tasks: count,
        sources: if boots { vec![] } else { vec![(HostId(0), 24), (HostId(1), 20)] },
        targets: if moves || boots { vec![(HostId(100), 8), (HostId(101), 8), (HostId(102), 8)] } else { vec![] },
        ending: if matches!(spec.kind(), OpKind::Power) { 12 } else { 0 },
        unchanged: 0,
        doubtful: None,
        refused: if moves {
            vec![RefusedGroup {
                reason: "would not converge".into(),
                count: 3,
                examples: vec!["vm-412".into(), "vm-413".into(), "vm-420".into()],
            }]
        } else {
            vec![]
        },
        bytes: Bytes(u64::from(count) << 30),
        duration: Some(Duration::from_secs(130)),
        downtime: moves.then_some(Duration::from_millis(310)),
        tightest: moves.then_some((HostId(101), Bytes::mib(2304))),
        examples: vec!["vm-1".into(), "vm-2".into(), "vm-3".into()],
    }
}

/// A command's task: in a guest, on a host every third.
pub(crate) fn command(op: OpId, i: usize) -> TaskView {
    let (code, state) = match i % 3 {
        0 => (None, TaskState::Running),
        1 => (Some(3), TaskState::Ended(TaskEnd::Failed("ended with 3: no space left".into()))),
        _ => (Some(0), TaskState::Ended(TaskEnd::Done)),
    };
    let (subject, name) = match i % 3 {
        2 => (TaskSubject::Host(HostId(i as u32)), format!("host-{i}")),
        _ => (TaskSubject::Vm(VmId(i as u32)), format!("vm-{}", i + 1)),
    };
    TaskView {
        kind: OpKind::Run,
        subject,
        name: name.into(),
        target: None,
        ended: matches!(state, TaskState::Ended(_)).then(|| Time::from_secs_f64(752.5)),
        started: Some(Time::from_secs_f64(748.0)),
        state,
        migration: None,
        code,
        line: Some("line 100".into()),
        ..task(op, i)
    }
}

pub(crate) fn task(op: OpId, i: usize) -> TaskView {
    let state = match i % 6 {
        0 | 1 => TaskState::Running,
        2 => TaskState::Waiting(WaitReason::BootHost(HostId(3))),
        3 => TaskState::Ended(TaskEnd::Failed("no DHCP answer in 45 s".into())),
        4 => TaskState::Ended(TaskEnd::Cancelled),
        _ => TaskState::Ended(TaskEnd::Done),
    };
    let started = (!matches!(state, TaskState::Waiting(_))).then(|| Time::from_secs_f64(748.0));
    let ended = matches!(state, TaskState::Ended(_)).then(|| Time::from_secs_f64(752.5));
    TaskView {
        id: TaskId(i as u32),
        op,
        kind: OpKind::Migrate,
        subject: TaskSubject::Vm(VmId(i as u32)),
        name: format!("vm-{}", i + 1).into(),
        source: Some(HostId(i as u32 % 500)),
        target: Some(HostId((i as u32 + 9) % 500)),
        migration: (i.is_multiple_of(6)).then_some(MigrationProgress {
            round: 3,
            round_size: Bytes(1 << 28),
            remaining: Bytes(1 << 26),
            transferred: Bytes(1 << 31),
            rate: Rate(117e6),
            dirty_rate: Rate(12.5e6),
            ..MigrationProgress::default()
        }),
        state,
        queued: Time::from_secs_f64(700.0),
        started,
        ended,
        transfer: (i == 1).then_some(Transfer {
            bytes: Bytes::mib(213),
            size: Bytes::mib(640),
            rate: Rate(412e6),
            left: Some(Duration::from_secs(38)),
        }),
        figures: None,
        predicted: None,
        code: None,
        line: None,
        rescue: (i == 6).then(|| RescueView {
            plan: "minimal-downtime".into(),
            taken: 3,
            of: 6,
            last: Some("max downtime 300 ms".into()),
            next: Some("max downtime 400 ms after 4 stalled rounds".into()),
        }),
    }
}
