//! The lines of `events.jsonl` and `outputs.jsonl`.

use serde::Serialize;

use super::seconds::Seconds;
use crate::engine::{Record, TaskRecord, What};
use crate::fleet::{OpId, TaskId};
use crate::handle::{OpKind, TaskOutput};

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

/// What a command wrote and how it ended.
#[derive(Serialize)]
struct Output<'a> {
    operation: OpId,
    step: Option<u32>,
    /// Empty for a command on the host itself.
    vm: &'a str,
    host: &'a str,
    started_s: Option<Seconds>,
    ended_s: Seconds,
    outcome: &'static str,
    /// None where it was ended before it ended by itself.
    exit_code: Option<i32>,
    out: &'a str,
    err: &'a str,
    /// Bytes that came before the end that is kept.
    out_cut_bytes: u64,
    err_cut_bytes: u64,
}

/// Appends the line of a command, its newline included.
pub(super) fn append_output(line: &mut Vec<u8>, task: &TaskRecord, output: &TaskOutput) -> serde_json::Result<()> {
    serde_json::to_writer(
        &mut *line,
        &Output {
            operation: task.op,
            step: task.step,
            vm: &task.vm,
            host: &task.source,
            started_s: task.started.map(Into::into),
            ended_s: task.ended.into(),
            outcome: task.outcome.word(),
            exit_code: output.code,
            out: &output.out.text,
            err: &output.err.text,
            out_cut_bytes: output.out.cut,
            err_cut_bytes: output.err.cut,
        },
    )?;
    line.push(b'\n');
    Ok(())
}
