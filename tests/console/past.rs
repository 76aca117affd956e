//! What the fake service remembers: graphs, events, all about a VM and a host.

use std::sync::Arc;
use std::time::Duration;

use hemera::fleet::{Bytes, HostId, MigrationFigures, OpId, Rate, Time, VmId};
use hemera::handle::{
    Event, EventFilter, EventPage, FleetHistory, History, HostHistory, HostView, Level, OpKind, Samples, Snapshot,
    TaskSubject, TaskView, VmHistory, VmView,
};

use super::fake::task;

/// Events that are remembered beside those that every snapshot shows.
pub(crate) const EVENTS: u64 = 5000;

/// So many values up to `last`, up and down around `middle`.
fn wave(last: Time, every: u64, count: usize, middle: f64, height: f64) -> Samples {
    let value = |i: usize| (middle + height * (i as f64 / 9.0).sin() + height / 5.0 * (i as f64 / 2.0).cos()).max(0.0);
    Samples { every: Duration::from_secs(every), last, values: (0..count).map(|i| value(i) as u32).collect() }
}

/// So many tasks that ended evenly within so many seconds.
pub(crate) fn curve(started: Time, tasks: u32, seconds: u32) -> Arc<Samples> {
    let values = (1..=seconds).map(|second| tasks * second / seconds).collect();
    let every = Duration::from_secs(1);
    Arc::new(Samples { every, last: started + every * seconds, values })
}

/// The fleet's last ten minutes.
pub(crate) fn fleet(now: Time) -> Arc<FleetHistory> {
    let of = |middle, height| wave(now, 5, 120, middle, height);
    let mut up = of(0.0, 0.0);
    for (i, value) in up.values.iter_mut().enumerate() {
        *value = (i as u32 * 90).min(9_800);
    }
    Arc::new(FleetHistory {
        up,
        booting: of(260.0, 110.0),
        moving: of(70.0, 60.0),
        failed: of(6.0, 2.0),
        cpu: of(540.0, 160.0),
        migration: of(2_400_000.0, 1_200_000.0),
        net: of(2_600_000.0, 1_200_000.0),
    })
}

/// All about a VM.
pub(crate) fn vm(now: &Snapshot, vm: VmId) -> VmView {
    let (last, row) = (now.fleet.now, now.fleet.vms.row(vm));
    let of = |middle: u32, height: u32| wave(last, 10, 42, f64::from(middle), f64::from(height));
    VmView {
        vm,
        name: now.fleet.vms.name(vm).into(),
        row,
        reason: now.fleet.vm_reasons.get(&vm).cloned(),
        found: now.fleet.diagnosis(vm).cloned(),
        task: Some(task(OpId(3), 1)),
        timeline: vec![
            (Time::from_secs_f64(702.0), "planned on paradent-1".into()),
            (Time::from_secs_f64(704.5), "started".into()),
            (Time::from_secs_f64(711.0), "up".into()),
        ],
        history: VmHistory {
            cpu: of(row.cpu, row.cpu / 3),
            dirty: of(row.dirty, row.dirty / 2),
            net: of(row.net, row.net / 2),
        },
        results: vec![
            moved(vm, now),
            TaskView { subject: TaskSubject::Vm(vm), name: now.fleet.vms.name(vm).into(), ..task(OpId(1), 5) },
        ],
    }
}

/// A move of a VM that is done.
fn moved(vm: VmId, now: &Snapshot) -> TaskView {
    TaskView {
        subject: TaskSubject::Vm(vm),
        name: now.fleet.vms.name(vm).into(),
        figures: Some(MigrationFigures {
            total: Duration::from_millis(4_480),
            downtime: Duration::from_millis(212),
            rounds: 4,
            transferred: Bytes(1_340_000_000),
            memory: Bytes(1 << 30),
            dirty_rate: Rate(12.5e6),
        }),
        predicted: Some((Duration::from_millis(4_300), Duration::from_millis(190))),
        ..task(OpId(2), 11)
    }
}

/// All about a host.
pub(crate) fn host(now: &Snapshot, host: HostId) -> HostView {
    let (about, row) = (now.fleet.topology.host(host).clone(), *now.fleet.hosts.row(host));
    let of = |now_is: u32| {
        let (middle, height) = (f64::from(now_is), f64::from(now_is) / 3.0);
        History {
            recent: wave(now.fleet.now, 5, 120, middle, height),
            hour: wave(now.fleet.now, 30, 25, middle, height / 2.0),
        }
    };
    let timeline = vec![
        (Time::from_secs_f64(0.0), "ready".into()),
        (Time::from_secs_f64(704.5), "vm-1: #3 boot on paradent-1 began".into()),
        (Time::from_secs_f64(711.0), "vm-1: #3 boot on paradent-1 done".into()),
    ];
    HostView {
        host,
        vms: now.fleet.vms.rows().filter(|(_, row)| row.host == Some(host)).map(|(vm, _)| vm).take(1000).collect(),
        tasks: (0..3).map(|i| task(OpId(3), i)).collect(),
        open: (2, 1),
        timeline,
        reason: now.fleet.host_reasons.get(&host).cloned(),
        history: HostHistory {
            cpu: of(row.cpu_demand),
            memory: of(row.memory),
            net_rx: of(row.net_rx),
            net_tx: of(row.net_tx),
        },
        about,
        row,
    }
}

/// One of the events that snapshots do not show; lower numbers are older.
fn event(number: u64) -> Event {
    let level = match number % 50 {
        0 => Level::Error,
        1..4 => Level::Warning,
        _ => Level::Info,
    };
    let vm = VmId((number % 900) as u32);
    Event {
        number,
        at: Time::from_secs_f64(number as f64 * 0.13),
        level,
        vm: Some(vm),
        host: Some(HostId((number % 70) as u32)),
        op: Some(OpId(1)),
        kind: Some(OpKind::Boot),
        text: format!("boot vm-{}: event {number}", vm.0 + 1).into(),
    }
}

/// A page of events: those of the snapshot are the newest.
pub(crate) fn events(
    now: &Snapshot,
    filter: &EventFilter,
    before: Option<u64>,
    offset: usize,
    limit: usize,
) -> EventPage {
    let shown = now.events.iter().cloned();
    let mut all: Vec<Event> = (1..=EVENTS).map(event).chain(shown).collect();
    all.retain(|event| {
        before.is_none_or(|before| event.number < before)
            && filter.level.is_none_or(|level| event.level >= level)
            && (filter.vm.is_none() || event.vm == filter.vm)
            && (filter.host.is_none() || event.host == filter.host)
            && (filter.op.is_none() || event.op == filter.op)
            && (filter.kind.is_none() || event.kind == filter.kind)
            && event.text.to_lowercase().contains(&filter.text.to_lowercase())
    });
    let events = all.iter().rev().skip(offset).take(limit).cloned().collect();
    EventPage { total: all.len(), events }
}
