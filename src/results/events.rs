//! The lines of `events.jsonl`.

use serde::Serialize;

use super::seconds::Seconds;
use crate::engine::{Record, What};
use crate::fleet::{OpId, TaskId};
use crate::handle::OpKind;

/// What happened, with its time first.
#[derive(Serialize)]
struct Line<'a> {
    time_s: Seconds,
    #[serde(flatten)]
    what: &'a What,
}

/// The end of a task: its times in seconds, as everywhere in results.
#[derive(Serialize)]
struct Ended<'a> {
    time_s: Seconds,
    event: &'static str,
    task: TaskId,
    op: OpId,
    step: Option<u32>,
    kind: OpKind,
    vm: &'a str,
    source: &'a str,
    target: &'a str,
    queued_s: Seconds,
    started_s: Option<Seconds>,
    outcome: &'static str,
    reason: &'a str,
}

/// Appends the line of a record, its newline included.
pub(super) fn append(line: &mut Vec<u8>, record: &Record) -> serde_json::Result<()> {
    let time_s = record.at.into();
    match &record.what {
        What::TaskEnded(task) => serde_json::to_writer(
            &mut *line,
            &Ended {
                time_s,
                event: "task-ended",
                task: task.task,
                op: task.op,
                step: task.step,
                kind: task.kind,
                vm: &task.vm,
                source: &task.source,
                target: &task.target,
                queued_s: task.queued.into(),
                started_s: task.started.map(Into::into),
                outcome: task.outcome.word(),
                reason: &task.reason,
            },
        )?,
        what => serde_json::to_writer(&mut *line, &Line { time_s, what })?,
    }
    line.push(b'\n');
    Ok(())
}
