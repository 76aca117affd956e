//! What is written, row by row.

use std::io;
use std::sync::Arc;

use crate::console::columns::{Column, Figure, Table, fields, host_figures, vm_figures};
use crate::console::order::Order;
use crate::fleet::{Fleet, HostId, Time, VmId};
use crate::handle::{Event, Level, OpState, OperationView, TaskEnd, TaskState, TaskView};

/// Rows to be written.
#[derive(Debug, Clone)]
pub(crate) enum Sheet {
    /// These VMs with these columns.
    Vms {
        fleet: Fleet,
        order: Order<VmId>,
        columns: Vec<Column>,
    },
    /// These hosts with these columns.
    Hosts {
        fleet: Fleet,
        order: Order<HostId>,
        columns: Vec<Column>,
    },
    Operations(Vec<OperationView>),
    /// An operation's tasks.
    Tasks {
        fleet: Fleet,
        tasks: Vec<TaskView>,
    },
    Events {
        fleet: Fleet,
        events: Vec<Event>,
    },
    /// No table: what a VM says or is.
    Text(String),
}

const OPERATION: &[&str] = &[
    "operation",
    "kind",
    "title",
    "state",
    "tasks",
    "waiting",
    "running",
    "done",
    "failed",
    "cancelled",
    "started_s",
    "ended_s",
    "rate_per_s",
    "p50_s",
    "p95_s",
    "max_s",
];
const TASK: &[&str] = &[
    "task",
    "operation",
    "kind",
    "vm",
    "source",
    "target",
    "queued_s",
    "started_s",
    "ended_s",
    "state",
    "reason",
    "downtime_s",
    "rounds",
    "transferred_bytes",
];
const EVENT: &[&str] = &["number", "time_s", "level", "vm", "host", "operation", "text"];

type Put<'a> = &'a mut dyn FnMut(&[Figure]) -> io::Result<()>;

impl Sheet {
    /// The names of the fields of a row.
    pub(crate) fn fields(&self) -> Vec<&'static str> {
        match self {
            Self::Vms { columns, .. } => once(Table::Vms, columns).into_iter().flat_map(|(_, f)| f).copied().collect(),
            Self::Hosts { columns, .. } => {
                once(Table::Hosts, columns).into_iter().flat_map(|(_, f)| f).copied().collect()
            }
            Self::Operations(_) => OPERATION.to_vec(),
            Self::Tasks { .. } => TASK.to_vec(),
            Self::Events { .. } => EVENT.to_vec(),
            Self::Text(_) => Vec::new(),
        }
    }

    /// Gives the figures of each row.
    pub(crate) fn each(&self, put: Put<'_>) -> io::Result<()> {
        match self {
            Self::Vms { fleet, order, columns } => {
                let columns = once(Table::Vms, columns);
                rows(order.rows(0..usize::MAX), put, |vm, out| {
                    let row = fleet.vms.row(vm);
                    for (column, _) in &columns {
                        vm_figures(*column, fleet, vm, &row, out);
                    }
                })
            }
            Self::Hosts { fleet, order, columns } => {
                let columns = once(Table::Hosts, columns);
                rows(order.rows(0..usize::MAX), put, |host, out| {
                    let row = fleet.hosts.row(host);
                    for (column, _) in &columns {
                        host_figures(*column, fleet, host, row, out);
                    }
                })
            }
            Self::Operations(operations) => rows(operations.iter(), put, operation),
            Self::Tasks { fleet, tasks } => rows(tasks.iter(), put, |t, out| task(fleet, t, out)),
            Self::Events { fleet, events } => rows(events.iter(), put, |e, out| event(fleet, e, out)),
            Self::Text(_) => Ok(()),
        }
    }
}

/// Columns with their fields; of those that say the same, the first.
fn once(table: Table, columns: &[Column]) -> Vec<(Column, &'static [&'static str])> {
    let mut list: Vec<(Column, &'static [&'static str])> = Vec::new();
    for &column in columns {
        let names = fields(table, column);
        if list.iter().all(|(_, known)| *known != names) {
            list.push((column, names));
        }
    }
    list
}

fn rows<T>(all: impl Iterator<Item = T>, put: Put<'_>, mut figures: impl FnMut(T, &mut Vec<Figure>)) -> io::Result<()> {
    let mut row = Vec::new();
    for one in all {
        row.clear();
        figures(one, &mut row);
        put(&row)?;
    }
    Ok(())
}

fn seconds(at: Option<Time>) -> Figure {
    at.map_or(Figure::None, |at| Figure::Share(at.as_secs_f64()))
}

fn span(d: Option<std::time::Duration>) -> Figure {
    d.map_or(Figure::None, |d| Figure::Share(d.as_secs_f64()))
}

fn text(text: &Arc<str>) -> Figure {
    Figure::Text(text.to_string())
}

fn word(word: &str) -> Figure {
    Figure::Text(word.to_owned())
}

fn operation(op: &OperationView, out: &mut Vec<Figure>) {
    let state = match op.state {
        OpState::Running => "running",
        OpState::Paused => "paused",
        OpState::Cancelling => "cancelling",
        OpState::Ended => "ended",
    };
    let counts = [op.total, op.waiting, op.running, op.done, op.failed, op.cancelled];
    out.extend([Figure::Count(u64::from(op.id.0)), word(op.kind.word()), text(&op.title), word(state)]);
    out.extend(counts.map(|n| Figure::Count(u64::from(n))));
    out.extend([seconds(Some(op.started)), seconds(op.ended), Figure::Share(op.rate)]);
    let d = op.durations;
    out.extend([span(d.map(|d| d.p50)), span(d.map(|d| d.p95)), span(d.map(|d| d.max))]);
}

fn task(fleet: &Fleet, task: &TaskView, out: &mut Vec<Figure>) {
    let host = |host: Option<HostId>| host.map_or(Figure::None, |h| text(&fleet.topology.host(h).name));
    let (state, reason) = match &task.state {
        TaskState::Waiting(reason) => ("waiting", word(reason.kind().word())),
        TaskState::Running => ("running", Figure::None),
        TaskState::Cancelling => ("cancelling", Figure::None),
        TaskState::Ended(TaskEnd::Failed(reason)) => ("failed", text(reason)),
        TaskState::Ended(end) => (end.word(), Figure::None),
    };
    out.extend([Figure::Count(task.id.0.into()), Figure::Count(u64::from(task.op.0)), word(task.kind.word())]);
    out.extend([text(&task.name), host(task.source), host(task.target)]);
    out.extend([seconds(Some(task.queued)), seconds(task.started), seconds(task.ended), word(state), reason]);
    let figures = task.figures;
    out.extend([
        span(figures.map(|f| f.downtime)),
        figures.map_or(Figure::None, |f| Figure::Count(u64::from(f.rounds))),
        figures.map_or(Figure::None, |f| Figure::Count(f.transferred.0)),
    ]);
}

fn event(fleet: &Fleet, event: &Event, out: &mut Vec<Figure>) {
    let level = match event.level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    let vm = event.vm.filter(|vm| vm.0 < fleet.vms.id_count());
    out.extend([Figure::Count(event.number), seconds(Some(event.at)), word(level)]);
    out.extend([
        vm.map_or(Figure::None, |vm| word(fleet.vms.name(vm))),
        event.host.map_or(Figure::None, |h| text(&fleet.topology.host(h).name)),
        event.op.map_or(Figure::None, |op| Figure::Count(u64::from(op.0))),
        text(&event.text),
    ]);
}
