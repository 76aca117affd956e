//! Writes a run's files while it goes on.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::directory::{OUTPUTS, ResultsError, prepare};
use super::summary::{Outcome, Steps, Summary};
use super::{Machine, events, rows};
use crate::engine::{Record, TaskRecord, What};
use crate::fleet::{Fleet, Selection, Time};
use crate::handle::TaskOutput;
use crate::runtime::Recorder;

/// How much is gathered before it is written.
const BUFFER: usize = 256 << 10;

/// What was gathered is written after this much wall time at the latest.
const FLUSH: Duration = Duration::from_secs(1);

/// What a run is of.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// The workflow's name.
    pub name: String,
    /// `sim` or `libvirt`.
    pub platform: String,
    /// The world's name.
    pub world: String,
    /// The seed of every random choice.
    pub seed: u64,
}

struct Table {
    path: PathBuf,
    csv: csv::Writer<File>,
}

impl Table {
    fn create(dir: &Path, name: &str, header: &[&str]) -> Result<Self, ResultsError> {
        let path = dir.join(name);
        let file = File::create(&path).map_err(|error| ResultsError::io(&path, error))?;
        let mut table = Self { path, csv: csv::WriterBuilder::new().buffer_capacity(BUFFER).from_writer(file) };
        table.write(|csv| csv.write_record(header))?;
        Ok(table)
    }

    fn write(&mut self, row: impl FnOnce(&mut csv::Writer<File>) -> csv::Result<()>) -> Result<(), ResultsError> {
        row(&mut self.csv).map_err(|error| ResultsError::io(&self.path, error))
    }

    fn flush(&mut self) -> Result<(), ResultsError> {
        self.csv.flush().map_err(|error| ResultsError::io(&self.path, error))
    }
}

/// A run's files, open. Rows are written as things happen; whatever ends the run, what happened before is on disk once
/// this is finished or dropped.
pub struct Results {
    dir: PathBuf,
    about: About,
    machine: Machine,
    /// VMs whose loads are recorded beside the hosts'.
    sampled: Option<Selection>,
    tasks: Table,
    migrations: Table,
    samples: Table,
    events_path: PathBuf,
    events: BufWriter<File>,
    /// What commands wrote: there from the first command's end on.
    outputs: Option<BufWriter<File>>,
    line: Vec<u8>,
    steps: Steps,
    flushed: Instant,
    failed: Option<ResultsError>,
}

impl Results {
    /// Makes the directory and opens its files. `sampled`: VMs whose loads are recorded beside those of hosts.
    ///
    /// # Errors
    /// The directory holds what no run wrote, or cannot be written.
    pub fn create(dir: &Path, about: About, sampled: Option<Selection>) -> Result<Self, ResultsError> {
        prepare(dir)?;
        let events_path = dir.join("events.jsonl");
        let events = File::create(&events_path).map_err(|error| ResultsError::io(&events_path, error))?;
        Ok(Self {
            dir: dir.into(),
            about,
            machine: Machine::now(),
            sampled,
            tasks: Table::create(dir, "tasks.csv", &rows::TASKS)?,
            migrations: Table::create(dir, "migrations.csv", &rows::MIGRATIONS)?,
            samples: Table::create(dir, "samples.csv", &rows::SAMPLES)?,
            events_path,
            events: BufWriter::with_capacity(BUFFER, events),
            outputs: None,
            line: Vec::new(),
            steps: Steps::default(),
            flushed: Instant::now(),
            failed: None,
        })
    }

    /// Writes what is left and the two summaries, with the fleet as the run leaves it.
    ///
    /// # Errors
    /// The first thing that could not be written in the whole run.
    pub fn finish(mut self, clock: Time, fleet: &Fleet) -> Result<Outcome, ResultsError> {
        let summary = Summary {
            name: self.about.name.clone(),
            platform: self.about.platform.clone(),
            world: self.about.world.clone(),
            seed: self.about.seed,
            hosts: fleet.topology.hosts.len(),
            vms: fleet.vms.len(),
            steps: std::mem::take(&mut self.steps.steps),
            clock: clock.into(),
        };
        let flushed = self.flush();
        self.note(flushed);
        let summary = serde_json::to_vec_pretty(&summary).map(|mut text| {
            text.push(b'\n');
            text
        });
        for (name, text) in [("summary.json", summary), ("machine.json", self.machine.json())] {
            let path = self.dir.join(name);
            let written = text
                .map_err(io::Error::from)
                .and_then(|text| fs::write(&path, text))
                .map_err(|error| ResultsError::io(&path, error));
            self.note(written);
        }
        self.failed.map_or(Ok(Outcome { counts: self.steps.all, clock }), Err)
    }

    fn note(&mut self, outcome: Result<(), ResultsError>) {
        if let Err(error) = outcome {
            tracing::error!(%error, "results");
            self.failed.get_or_insert(error);
        }
    }

    fn flush(&mut self) -> Result<(), ResultsError> {
        self.flushed = Instant::now();
        self.tasks.flush()?;
        self.migrations.flush()?;
        self.samples.flush()?;
        if let Some(outputs) = &mut self.outputs {
            outputs.flush().map_err(|error| ResultsError::io(&self.dir.join(OUTPUTS), error))?;
        }
        self.events.flush().map_err(|error| ResultsError::io(&self.events_path, error))
    }

    fn write(&mut self, record: &Record) -> Result<(), ResultsError> {
        self.line.clear();
        events::append(&mut self.line, record)
            .map_err(io::Error::from)
            .and_then(|()| self.events.write_all(&self.line))
            .map_err(|error| ResultsError::io(&self.events_path, error))?;
        match &record.what {
            What::TaskEnded(task) => {
                self.tasks.write(|csv| rows::task(csv, task))?;
                if let Some(output) = &task.output {
                    self.write_output(task, output)
                        .map_err(|error| ResultsError::io(&self.dir.join(OUTPUTS), error))?;
                }
                // What never began moved nothing and is no attempt.
                if task.kind.moves()
                    && let Some(started) = task.started
                {
                    self.migrations.write(|csv| rows::migration(csv, task, started))?;
                }
                Ok(())
            }
            // A step may wait for hours: what led to it is on disk meanwhile.
            What::StepStarted { .. } | What::StepEnded { .. } => self.flush(),
            _ => Ok(()),
        }
    }

    fn write_output(&mut self, task: &TaskRecord, output: &TaskOutput) -> io::Result<()> {
        let file = match &mut self.outputs {
            Some(file) => file,
            none => none.insert(BufWriter::with_capacity(BUFFER, File::create(self.dir.join(OUTPUTS))?)),
        };
        self.line.clear();
        events::append_output(&mut self.line, task, output)?;
        file.write_all(&self.line)
    }

    fn write_sample(&mut self, now: Time, fleet: &Fleet) -> Result<(), ResultsError> {
        for host in fleet.topology.host_ids() {
            self.samples.write(|csv| rows::host(csv, now, fleet, host))?;
        }
        let Some(selection) = &self.sampled else { return Ok(()) };
        for vm in selection.select_vms(fleet) {
            self.samples.write(|csv| rows::vm(csv, now, fleet.vms.name(vm), &fleet.vms.row(vm)))?;
        }
        Ok(())
    }
}

impl Recorder for Results {
    fn record(&mut self, record: &Record) {
        self.steps.record(record.at, &record.what);
        if self.failed.is_none() {
            let outcome = self.write(record);
            self.note(outcome);
        }
    }

    fn sample(&mut self, now: Time, fleet: &Fleet) {
        if self.failed.is_none() {
            let outcome = self.write_sample(now, fleet);
            self.note(outcome);
        }
    }

    fn moment(&mut self, _now: Time) {
        if self.failed.is_none() && self.flushed.elapsed() >= FLUSH {
            let outcome = self.flush();
            self.note(outcome);
        }
    }

    fn broken(&self) -> bool {
        self.failed.is_some()
    }
}
