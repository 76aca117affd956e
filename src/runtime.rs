//! Drives an [`Engine`](crate::engine::Engine) and a [`Platform`](crate::platform::Platform): in virtual time as fast
//! as it goes, in virtual time at a pace, or in real time.
//!
//! As fast as it goes there is no clock, thread or asynchrony, so that the same seed gives the same run. Consoles hold
//! a [`Handle`](crate::handle::Handle) to a thread of its own that [`spawn_paced`] or [`spawn_live`] starts; a headless
//! run uses [`run_max`], [`run_paced`] or [`run_live`], which end when everything asked for has ended.

mod driver;
mod error;
mod headless;
mod interrupt;
mod pace;
mod record;
mod serve;
mod spawn;

pub use driver::Driver;
pub use error::RuntimeError;
pub use headless::{Ended, run_live, run_max, run_paced};
pub use interrupt::Interrupts;
pub use record::{Recorder, Sampling};
pub use spawn::{Running, spawn_filled, spawn_live, spawn_paced};

/// A single-threaded event loop with a clock.
fn event_loop() -> Result<tokio::runtime::Runtime, RuntimeError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| RuntimeError::Thread(error.to_string()))
}
