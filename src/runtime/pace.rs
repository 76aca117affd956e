//! How a driver keeps up with the wall clock: virtual time at a pace, or a platform whose time passes by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::record::Recorder;
use super::{Driver, RuntimeError};
use crate::fleet::Time;
use crate::platform::{Platform, Virtual};

/// The longest that simulated events are worked off before commands and questions get their turn.
const SLICE: Duration = Duration::from_millis(20);

/// Events between two looks at the wall clock, which costs about as much as one of them.
const EVENTS_PER_LOOK: u32 = 64;

/// How far behind the wall clock a simulator may fall that still makes up for it; beyond that, virtual time goes as
/// fast as it can and the rest is forgone.
const LAG: Duration = Duration::from_secs(1);

/// A driver that follows the wall clock.
pub(super) trait Paced {
    /// The platform.
    type Platform: Platform;
    /// Whoever writes down what happens.
    type Recorder: Recorder;

    /// Comes closer to where the wall clock says it should be, in a bounded slice; true once it is there.
    fn catch_up(&mut self) -> Result<bool, RuntimeError>;

    /// Lets the engine see what changes without being asked for: loads, and how far migrations are.
    fn look(&mut self) -> Result<(), RuntimeError>;

    /// When it has to be called again whatever else happens.
    fn next(&self) -> Option<Instant>;

    /// What tells of new observations; none where the platform only moves in [`catch_up`](Self::catch_up).
    fn notify(&self) -> Option<Arc<Notify>>;

    /// The driver.
    fn driver(&self) -> &Driver<Self::Platform, Self::Recorder>;

    /// The driver.
    fn driver_mut(&mut self) -> &mut Driver<Self::Platform, Self::Recorder>;

    /// Records the loads at the end of a run.
    fn last_sample(&mut self) -> Result<(), RuntimeError>;

    /// Whether what has not ended can still go on.
    fn check_alive(&self) -> Result<(), RuntimeError>;
}

/// Virtual time: so many times as fast as the wall clock.
pub(super) struct Simulated<P, R> {
    driver: Driver<P, R>,
    speed: f64,
    /// The wall-clock instant at which virtual time was [`Time::ZERO`], or would have been at this speed.
    origin: Instant,
    /// Virtual time by which `origin` was moved because the simulator could not keep up.
    forgone: Duration,
}

impl<P: Virtual, R: Recorder> Simulated<P, R> {
    pub(super) fn new(driver: Driver<P, R>, speed: f64) -> Self {
        Self { driver, speed, origin: Instant::now(), forgone: Duration::ZERO }
    }

    pub(super) fn into_driver(self) -> Driver<P, R> {
        self.driver
    }

    /// Where virtual time should be now.
    fn target(&self) -> Time {
        Time::ZERO + self.origin.elapsed().mul_f64(self.speed).saturating_sub(self.forgone)
    }
}

impl<P: Virtual, R: Recorder> Paced for Simulated<P, R> {
    type Platform = P;
    type Recorder = R;

    fn catch_up(&mut self) -> Result<bool, RuntimeError> {
        let target = self.target();
        let began = Instant::now();
        loop {
            for _ in 0..EVENTS_PER_LOOK {
                if !self.driver.step(target)? {
                    self.driver.idle_until(target)?;
                    return Ok(true);
                }
            }
            if began.elapsed() >= SLICE {
                let lag = self.target().since(self.driver.now());
                self.forgone += lag.saturating_sub(LAG.mul_f64(self.speed));
                return Ok(false);
            }
        }
    }

    fn look(&mut self) -> Result<(), RuntimeError> {
        self.driver.look()
    }

    fn next(&self) -> Option<Instant> {
        None
    }

    fn notify(&self) -> Option<Arc<Notify>> {
        None
    }

    fn driver(&self) -> &Driver<P, R> {
        &self.driver
    }

    fn driver_mut(&mut self) -> &mut Driver<P, R> {
        &mut self.driver
    }

    fn last_sample(&mut self) -> Result<(), RuntimeError> {
        self.driver.last_sample()
    }

    fn check_alive(&self) -> Result<(), RuntimeError> {
        self.driver.check_alive()
    }
}

/// Real time: what a platform sees arrives whenever it does.
pub(super) struct Live<P, R> {
    driver: Driver<P, R>,
    started: Instant,
    notify: Arc<Notify>,
}

impl<P: Platform, R: Recorder> Live<P, R> {
    pub(super) const fn new(driver: Driver<P, R>, started: Instant, notify: Arc<Notify>) -> Self {
        Self { driver, started, notify }
    }

    pub(super) fn into_driver(self) -> Driver<P, R> {
        self.driver
    }
}

impl<P: Platform, R: Recorder> Paced for Live<P, R> {
    type Platform = P;
    type Recorder = R;

    fn catch_up(&mut self) -> Result<bool, RuntimeError> {
        self.driver.live_until(Time::ZERO + self.started.elapsed())?;
        Ok(true)
    }

    /// Real hosts tell their loads by themselves.
    fn look(&mut self) -> Result<(), RuntimeError> {
        Ok(())
    }

    fn next(&self) -> Option<Instant> {
        let next = self.driver.next_own()?;
        Some(self.started + next.since(Time::ZERO))
    }

    fn notify(&self) -> Option<Arc<Notify>> {
        Some(self.notify.clone())
    }

    fn driver(&self) -> &Driver<P, R> {
        &self.driver
    }

    fn driver_mut(&mut self) -> &mut Driver<P, R> {
        &mut self.driver
    }

    fn last_sample(&mut self) -> Result<(), RuntimeError> {
        self.driver.last_known();
        Ok(())
    }

    /// A real host may always still answer.
    fn check_alive(&self) -> Result<(), RuntimeError> {
        Ok(())
    }
}
