//! The rows of the CSV files, in the order of their columns.

use std::io;

use super::seconds::Seconds;
use crate::engine::TaskRecord;
use crate::fleet::{Bytes, Fleet, HostId, Time, VmRow};

/// The columns of `tasks.csv`. `step` is empty for what an operator asked for.
pub(super) const TASKS: [&str; 11] =
    ["operation", "step", "kind", "vm", "source", "target", "queued_s", "started_s", "ended_s", "outcome", "reason"];

/// The columns of `migrations.csv`. Predictions are empty where none was made.
pub(super) const MIGRATIONS: [&str; 15] = [
    "vm",
    "source",
    "target",
    "memory_bytes",
    "dirty_rate",
    "started_s",
    "ended_s",
    "total_s",
    "downtime_s",
    "rounds",
    "transferred_bytes",
    "predicted_total_s",
    "predicted_downtime_s",
    "outcome",
    "reason",
];

/// The columns of `samples.csv`. `cpu_percent` is of the host's cores or the VM's vCPUs; `memory_bytes` of a host is
/// what is promised to VMs. A VM's traffic is not told apart by direction: all of it stands in `net_rx`, and `net_tx`
/// is empty.
pub(super) const SAMPLES: [&str; 7] = ["time_s", "kind", "name", "cpu_percent", "memory_bytes", "net_rx", "net_tx"];

type Csv<W> = csv::Writer<W>;

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A row of `tasks.csv`.
pub(super) fn task<W: io::Write>(csv: &mut Csv<W>, task: &TaskRecord) -> csv::Result<()> {
    csv.write_record([
        &*task.op.0.to_string(),
        &optional(task.step),
        task.kind.word(),
        &task.vm,
        &task.source,
        &task.target,
        &Seconds::from(task.queued).to_string(),
        &optional(task.started.map(Seconds::from)),
        &Seconds::from(task.ended).to_string(),
        task.outcome.word(),
        &task.reason,
    ])
}

/// A row of `migrations.csv`. An attempt that ended before the platform could measure it has no figures.
pub(super) fn migration<W: io::Write>(csv: &mut Csv<W>, task: &TaskRecord, started: Time) -> csv::Result<()> {
    let figures = task.figures;
    csv.write_record([
        &*task.vm,
        &task.source,
        &task.target,
        &optional(figures.map(|f| f.memory.0)),
        &optional(figures.map(|f| f.dirty_rate.0)),
        &Seconds::from(started).to_string(),
        &Seconds::from(task.ended).to_string(),
        &optional(figures.map(|f| Seconds::from(f.total))),
        &optional(figures.map(|f| Seconds::from(f.downtime))),
        &optional(figures.map(|f| f.rounds)),
        &optional(figures.map(|f| f.transferred.0)),
        &optional(task.predicted.map(|(total, _)| Seconds::from(total))),
        &optional(task.predicted.map(|(_, downtime)| Seconds::from(downtime))),
        task.outcome.word(),
        &task.reason,
    ])
}

/// KiB or KiB/s as bytes or bytes per second.
fn kib(kib: u32) -> String {
    (u64::from(kib) << 10).to_string()
}

/// Thousandths of a core as a percentage of so many cores, in tenths; empty where their number is not known.
fn percent(millicores: u32, cores: u32) -> String {
    if cores == 0 {
        return String::new();
    }
    let tenths = (u64::from(millicores) + u64::from(cores) / 2) / u64::from(cores);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A host's row of `samples.csv`.
pub(super) fn host<W: io::Write>(csv: &mut Csv<W>, now: Time, fleet: &Fleet, id: HostId) -> csv::Result<()> {
    let (host, row) = (fleet.topology.host(id), fleet.hosts.row(id));
    csv.write_record([
        &*Seconds::from(now).to_string(),
        "host",
        &host.name,
        &percent(row.cpu_used, host.cores),
        &Bytes::mib(row.memory.into()).0.to_string(),
        &kib(row.net_rx),
        &kib(row.net_tx),
    ])
}

/// A VM's row of `samples.csv`.
pub(super) fn vm<W: io::Write>(csv: &mut Csv<W>, now: Time, name: &str, row: &VmRow) -> csv::Result<()> {
    csv.write_record([
        &*Seconds::from(now).to_string(),
        "vm",
        name,
        &percent(row.cpu, row.vcpus.into()),
        &Bytes::mib(row.memory.into()).0.to_string(),
        &kib(row.net),
        "",
    ])
}
