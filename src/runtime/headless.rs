//! Runs without a console: they end when all steps have ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::pace::{Live, Paced, Simulated};
use super::record::Recorder;
use super::serve::{Until, serve};
use super::{Driver, Interrupts, RuntimeError};
use crate::fleet::Time;
use crate::handle::{About, Command, Snapshot, Step, pair};
use crate::platform::{Platform, SILENCE, Virtual};

/// How a run went, and the driver as it stands at its end, whose recorder has what there is of the results.
pub type Ended<P, R> = (Driver<P, R>, Result<(), RuntimeError>);

/// Wall time between two moments that the recorder is told of.
const MOMENT: Duration = Duration::from_millis(100);

/// How long a run waits for hosts to answer before its first step is planned without those that do not: until the
/// platform itself counts them as unreachable, and a little.
const FIRST_ANSWERS: Duration = SILENCE.saturating_mul(2);

/// Events between two looks at the wall clock.
const EVENTS_PER_LOOK: u32 = 256;

/// Runs steps in virtual time as fast as it goes, on this thread. What is recorded depends on nothing but the driver
/// and the steps, as long as nobody interrupts.
///
/// # Errors
/// In the pair's second part: the steps are refused, or the run cannot go on.
pub fn run_max<P: Virtual, R: Recorder>(
    mut driver: Driver<P, R>,
    steps: Vec<Step>,
    interrupts: &Interrupts,
) -> Ended<P, R> {
    let outcome = max(&mut driver, steps, interrupts);
    (driver, outcome)
}

fn max<P: Virtual, R: Recorder>(
    driver: &mut Driver<P, R>,
    steps: Vec<Step>,
    interrupts: &Interrupts,
) -> Result<(), RuntimeError> {
    driver.settle()?;
    driver.command(Command::RunSteps(steps))??;
    let mut heeded = 0;
    let mut moment = Instant::now();
    while driver.engine().busy() {
        for _ in 0..EVENTS_PER_LOOK {
            driver.check_alive()?;
            driver.heed(interrupts, &mut heeded)?;
            if !driver.engine().busy() || !driver.step(Time::MAX)? {
                break;
            }
        }
        if moment.elapsed() >= MOMENT {
            moment = Instant::now();
            let now = driver.now();
            driver.recorder().moment(now);
        }
    }
    driver.last_sample()
}

/// Runs steps in virtual time, `speed` times as fast as the wall clock.
///
/// # Errors
/// As [`run_max`], and where the thread's event loop cannot be made.
pub fn run_paced<P: Virtual, R: Recorder>(
    driver: Driver<P, R>,
    speed: f64,
    steps: Vec<Step>,
    interrupts: &Interrupts,
) -> Ended<P, R> {
    let mut simulated = Simulated::new(driver, speed);
    let outcome = follow(&mut simulated, steps, interrupts);
    (simulated.into_driver(), outcome)
}

/// Runs steps on a platform whose time passes by itself: since `started`, with `notify` telling of observations.
///
/// # Errors
/// As [`run_paced`].
pub fn run_live<P: Platform, R: Recorder>(
    driver: Driver<P, R>,
    started: Instant,
    notify: Arc<Notify>,
    steps: Vec<Step>,
    interrupts: &Interrupts,
) -> Ended<P, R> {
    let mut live = Live::new(driver, started, notify);
    let outcome = follow(&mut live, steps, interrupts);
    (live.into_driver(), outcome)
}

fn follow(paced: &mut impl Paced, steps: Vec<Step>, interrupts: &Interrupts) -> Result<(), RuntimeError> {
    let runtime = super::event_loop()?;
    // Held to the end: a run goes on whether or not somebody looks.
    let (_handle, mut service) = pair(Arc::new(Snapshot::default()));
    let about = Arc::new(About::default());
    runtime.block_on(async {
        serve(paced, &mut service, &about, Until::Known(interrupts, Instant::now() + FIRST_ANSWERS)).await?;
        if interrupts.count() > 0 {
            return Ok(());
        }
        paced.driver_mut().command(Command::RunSteps(steps))??;
        serve(paced, &mut service, &about, Until::Done(interrupts)).await
    })?;
    paced.last_sample()
}
