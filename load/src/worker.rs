//! A thread that does one kind of work at the rate asked for.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::load::{Counters, Load};
use crate::pace::Pacer;
use crate::settings::Asked;
use crate::units::{Rate, Refusal};

/// How long a step may last before changes are looked for and the clock is read again.
pub(crate) const SLICE: Duration = Duration::from_millis(20);

/// How long after a failure the work is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// A kind of work, counted in bytes.
pub(crate) trait Work {
    /// What errors call it.
    const NAME: &'static str;
    /// Bytes that are done at once.
    const QUANTUM: u64;

    /// How fast it shall go.
    fn rate(asked: &Asked) -> Rate;

    /// Where it is counted.
    fn counter(counters: &Counters) -> &AtomicU64;

    /// Gets what is needed to work; called after every change and every failure.
    fn take_up(&mut self, asked: &Asked, load: &Load) -> Result<(), Refusal>;

    /// Nothing is to be done for now.
    fn put_down(&mut self, asked: &Asked, load: &Load);

    /// Does at least one quantum, then no more than `most` bytes and no longer than a moment; how many bytes were done.
    fn some(&mut self, most: u64, load: &Load) -> Result<u64, Refusal>;
}

/// Works until the program ends.
pub(crate) fn run<W: Work>(mut work: W, load: &Load) {
    let mut done = 0;
    let mut pacer = Pacer::new(W::QUANTUM, load.now());
    let mut order = load.order();
    let mut failed = false;
    while !order.ending {
        let rate = W::rate(&order.asked);
        pacer.set_rate(load.now(), done, rate.0);
        if rate.is_zero() {
            work.put_down(&order.asked, load);
            load.right(W::NAME);
            failed = false;
            order = load.wait(&order, None).unwrap_or(order);
            continue;
        }
        let outcome = work.take_up(&order.asked, load).and_then(|()| {
            loop {
                let due = pacer.due(load.now(), done);
                let slice = Instant::now();
                let goal = done + due;
                while done < goal && slice.elapsed() < SLICE {
                    let bytes = work.some(goal - done, load)?;
                    done += bytes;
                    W::counter(&load.counters).fetch_add(bytes, Relaxed);
                    if std::mem::take(&mut failed) {
                        load.right(W::NAME);
                    }
                }
                let rest = pacer.rest(load.now(), done);
                if let Some(changed) = load.wait(&order, Some(rest)) {
                    return Ok(changed);
                }
            }
        });
        order = match outcome {
            Ok(changed) => changed,
            Err(refusal) => {
                failed = true;
                load.wrong(W::NAME, &refusal.0);
                let next = load.wait(&order, Some(RETRY)).unwrap_or(order);
                pacer.forgive(load.now(), done);
                next
            }
        };
    }
    work.put_down(&Asked::default(), load);
}
