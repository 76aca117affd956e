//! `hemera run`: a workflow from a file, without a console.

use super::args::{DEFAULT_SEED, RunArgs, Speed};
use super::platform::{self, Opened};
use super::progress::Progress;
use super::{DONE, FAILED, Failure, INTERRUPTED};
use crate::engine::{Engine, Record};
use crate::fleet::{Fleet, Time};
use crate::platform::Platform;
use crate::results::{self, About, Results};
use crate::runtime::{self, Driver, Ended, Interrupts, Recorder, RuntimeError, Sampling};
use crate::workflow::Workflow;
use crate::world::{Kind, World};

/// Writes results and shows progress.
struct Watched {
    results: Results,
    progress: Progress,
}

impl Recorder for Watched {
    fn record(&mut self, record: &Record) {
        self.results.record(record);
        self.progress.record(record);
    }

    fn sample(&mut self, now: Time, fleet: &Fleet) {
        self.results.sample(now, fleet);
    }

    fn moment(&mut self, now: Time) {
        self.results.moment(now);
        self.progress.moment(now);
    }

    fn broken(&self) -> bool {
        self.results.broken()
    }
}

/// Runs a workflow and returns the exit code.
pub(super) fn run(args: &RunArgs) -> Result<u8, Failure> {
    let (workflow, world) = load(args)?;
    let seed = args.seed.or(workflow.seed).unwrap_or(DEFAULT_SEED);
    let world = world.with_seed(seed);
    if let (Kind::Libvirt(_), Some(_)) = (&world.kind, args.speed) {
        return Err(Failure::input("--speed: real hosts run in real time; leave it away"));
    }
    // Before anything is written: what cannot be opened leaves an earlier run's results alone.
    let opened = platform::open(&world)?;
    let about = About {
        name: workflow.name.to_string(),
        platform: world.platform().to_owned(),
        world: world.name.to_string(),
        seed,
    };
    let results = Results::create(&args.out, about, workflow.record.vms.clone()).map_err(Failure::input)?;
    let watched = Watched { results, progress: Progress::new(workflow.steps.len()) };
    let engine = platform::engine(&world, seed, workflow.limits, false);
    let sampling = workflow.record.samples.and_then(Sampling::every);
    let interrupts = catch_interrupts()?;
    let steps = workflow.into_steps(&args.out.join(results::COPIED));
    let outcome = match opened {
        Opened::Sim(sim) => {
            let driver = Driver::new(engine, *sim, watched, sampling);
            parts(match args.speed.unwrap_or(Speed::Max) {
                Speed::Max => runtime::run_max(driver, steps, &interrupts),
                Speed::Times(times) => runtime::run_paced(driver, times, steps, &interrupts),
            })
        }
        #[cfg(feature = "libvirt")]
        Opened::Libvirt { platform, notify, started } => {
            let driver = Driver::new(engine, platform, watched, sampling);
            parts(runtime::run_live(driver, started, notify, steps, &interrupts))
        }
    };
    end(outcome, &interrupts, args)
}

/// Both files, or all that is wrong with either.
fn load(args: &RunArgs) -> Result<(Workflow, World), Failure> {
    let (workflow, world) = match (Workflow::load(&args.workflow), World::load(&args.world)) {
        (Ok(workflow), Ok(world)) => (workflow, world),
        (workflow, world) => {
            let errors = [workflow.err(), world.err()];
            return Err(Failure::Input(errors.into_iter().flatten().map(|error| error.to_string()).collect()));
        }
    };
    workflow.check(&world)?;
    Ok((workflow, world))
}

/// A run at its end, whichever platform it was on.
struct Over {
    engine: Engine,
    watched: Watched,
    clock: Time,
    outcome: Result<(), RuntimeError>,
}

fn parts<P: Platform>((driver, outcome): Ended<P, Watched>) -> Over {
    let clock = driver.now();
    let (engine, watched) = driver.into_parts();
    Over { engine, watched, clock, outcome }
}

/// Writes what is left to write, says how it went and returns the exit code.
fn end(over: Over, interrupts: &Interrupts, args: &RunArgs) -> Result<u8, Failure> {
    let Over { engine, watched: Watched { results, mut progress }, clock, outcome } = over;
    let ended = results.finish(clock, engine.fleet());
    if let Err(error) = outcome {
        progress.line(&format!("error: {error}"));
    } else if let Ok(ended) = &ended {
        progress.end(&ended.counts, clock, &args.out.display().to_string());
        if interrupts.count() > 0 {
            return Ok(INTERRUPTED);
        }
        return Ok(if ended.counts.failed == 0 { DONE } else { FAILED });
    }
    ended?;
    Ok(FAILED)
}

/// Counts Ctrl-C and SIGTERM from now on, on a thread of its own.
fn catch_interrupts() -> Result<Interrupts, Failure> {
    use tokio::signal::unix::{SignalKind, signal};

    let interrupts = Interrupts::default();
    let raised = interrupts.clone();
    let failed = |error: std::io::Error| Failure::work(format!("signals cannot be caught: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    // Registered here, so that a signal that comes right away is caught already.
    let (mut int, mut term) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?)
    };
    let catch = async move {
        loop {
            let caught = tokio::select! {
                caught = int.recv() => caught,
                caught = term.recv() => caught,
            };
            if caught.is_none() {
                return;
            }
            raised.raise();
            match raised.count() {
                1 => note!("\nending: nothing more is started, running tasks go on; again to abort these too"),
                2 => note!("\naborting running tasks"),
                _ => {}
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(catch)).map_err(failed)?;
    Ok(interrupts)
}
