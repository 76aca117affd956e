//! Pre-copy live migration: the memory is sent while the guest runs, then again what it dirtied meanwhile, round by
//! round, until the rest is small enough to be sent with the guest stopped.
//!
//! The stages are those of SimGrid's live-migration plugin (`src/plugins/vm/VmLiveMigration.cpp`), which is the
//! yardstick; the closed form for a constant rate is the geometric series of Liu et al., "Performance and energy
//! modeling for live migration of virtual machines" (HPDC 2011), with the plugin's cap on what a round can find dirty.
//!
//! - Stage 1 sends the whole memory; its bytes over its time are the first estimate of the bandwidth.
//! - Stage 2 sends, round by round, what was dirtied during the round before, at most the working set, and estimates
//!   the bandwidth anew from each round. It ends when the rest can be sent within the downtime that is allowed.
//! - Stage 3 stops the guest, sends the rest and resumes the guest on the target.
//!
//! Rounds count the first pass, the middle rounds and the last one with the guest stopped, also where that one has
//! nothing to send: a guest that writes nothing takes two.

use std::time::Duration;

use crate::fleet::{Bytes, Rate, Share};

/// The least that makes a further round worth while, in bytes: a page of x86 memory. It ends the rounds where no
/// downtime at all is allowed, which would otherwise shrink for ever.
const PAGE: u64 = 4096;

/// What a pre-copy does after a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Sends this much while the guest runs.
    Copy(Bytes),
    /// Stops the guest and sends this much, which may be nothing.
    Stop(Bytes),
    /// Nothing is left: the guest resumes on the target.
    End,
}

/// The stages of one pre-copy, fed with what each round took and found dirty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precopy {
    max_downtime: Duration,
    max_rounds: u32,
    round: u32,
    size: Bytes,
    sent: Bytes,
    stopped: bool,
}

impl Precopy {
    /// A pre-copy that is about to send all of `memory`. `max_rounds` limits the rounds before the guest is stopped
    /// whatever is left; 0 is no limit.
    pub const fn new(memory: Bytes, max_downtime: Duration, max_rounds: u32) -> Self {
        Self { max_downtime, max_rounds, round: 1, size: memory, sent: Bytes(0), stopped: false }
    }

    /// The round that is being sent, from 1.
    pub const fn round(&self) -> u32 {
        self.round
    }

    /// What this round has to send.
    pub const fn size(&self) -> Bytes {
        self.size
    }

    /// What the rounds before this one sent.
    pub const fn sent(&self) -> Bytes {
        self.sent
    }

    /// Whether the guest is stopped.
    pub const fn stopped(&self) -> bool {
        self.stopped
    }

    /// Allows this pause from the end of this round on.
    pub const fn allow(&mut self, max_downtime: Duration) {
        self.max_downtime = max_downtime;
    }

    /// Breaks this round off where it has sent so much; `rest` is all that there is still to send, in one last round.
    pub fn finish(&mut self, sent: Bytes, rest: Bytes) {
        self.sent += sent;
        self.size = rest;
        self.round += 1;
        self.stopped = true;
    }

    /// Takes note that this round was sent within `took` while the guest dirtied `dirtied` (at most its working set),
    /// and says what comes next.
    pub fn round_sent(&mut self, took: Duration, dirtied: Bytes) -> Next {
        self.sent += self.size;
        if self.stopped {
            self.size = Bytes(0);
            return Next::End;
        }
        // The rest fits where rest / bandwidth <= max_downtime, with bandwidth = size / took; written without the
        // division because a round may take no time.
        let fits = dirtied.0 as f64 * took.as_secs_f64() <= self.size.0 as f64 * self.max_downtime.as_secs_f64();
        let last = dirtied.0 < PAGE || fits || (self.max_rounds != 0 && self.round >= self.max_rounds);
        self.round += 1;
        self.size = dirtied;
        self.stopped = last;
        if last { Next::Stop(dirtied) } else { Next::Copy(dirtied) }
    }
}

/// What a migration at a constant rate is expected to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// From the first byte to the guest's resumption. [`Duration::MAX`] at rate zero.
    pub total: Duration,
    /// How long the guest stands still.
    pub downtime: Duration,
    /// Rounds, counted as [the module](self) says.
    pub rounds: u32,
    /// Bytes sent in all rounds.
    pub transferred: Bytes,
    /// Whether the rest becomes small enough by itself. Where it does not and no limit of rounds ends it, the other
    /// figures are those of a guest that is stopped right after the first pass, the least that it can take.
    pub converges: bool,
}

/// Predicts a pre-copy at a constant `rate` of a guest that dirties `dirty_rate` all the time, of which one round finds
/// at most the `working_set` share of `memory`. Takes constant time whatever the inputs are.
///
/// With ratio `q = dirty_rate / rate`, round `k` of stage 2 sends `v_k = v_1 q^(k-1)`, where `v_1` is
/// `min(q * memory, working_set * memory)`; for `q >= 1` every round sends the working set.
pub fn predict(
    memory: Bytes,
    dirty_rate: Rate,
    working_set: Share,
    rate: Rate,
    max_downtime: Duration,
    max_rounds: u32,
) -> Prediction {
    if rate.0 <= 0.0 {
        return Prediction {
            total: Duration::MAX,
            downtime: Duration::ZERO,
            rounds: 1,
            transferred: Bytes(0),
            converges: false,
        };
    }
    let size = memory.0 as f64;
    let ratio = dirty_rate.0.max(0.0) / rate.0;
    let first = (ratio * size).min(working_set.0.max(0.0) * size);
    let small = (rate.0 * max_downtime.as_secs_f64()).max(PAGE as f64);
    let needed = if first <= small {
        Some(0.0)
    } else if ratio < 1.0 {
        Some(((small / first).ln() / ratio.ln() - 1e-9).ceil())
    } else {
        None
    };
    let allowed = if max_rounds == 0 { f64::INFINITY } else { f64::from(max_rounds - 1) };
    let converges = needed.is_some_and(|n| n <= allowed);
    let middle = match needed {
        Some(n) => n.min(allowed),
        None if max_rounds == 0 => 0.0,
        None => allowed,
    };
    let (middle_bytes, rest) = if ratio < 1.0 {
        let power = ratio.powf(middle);
        (first * (1.0 - power) / (1.0 - ratio), first * power)
    } else {
        (first * middle, first)
    };
    // Rounds have whole bytes.
    let rest = if rest < 1.0 { 0.0 } else { rest };
    let transferred = size + middle_bytes + rest;
    let seconds = |bytes: f64| Duration::try_from_secs_f64(bytes / rate.0).unwrap_or(Duration::MAX);
    Prediction {
        total: seconds(transferred),
        downtime: seconds(rest),
        rounds: (middle as u32).saturating_add(2),
        transferred: Bytes(transferred as u64),
        converges,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NIC: Rate = Rate(125e6);
    const DOWN: Duration = Duration::from_millis(30);

    fn stepped(
        memory: Bytes,
        dirty: f64,
        ws: f64,
        rate: f64,
        max_downtime: Duration,
        max_rounds: u32,
    ) -> (f64, f64, u32, f64) {
        let mut machine = Precopy::new(memory, max_downtime, max_rounds);
        let (mut total, mut size) = (0.0, memory.0 as f64);
        loop {
            let took = size / rate;
            total += took;
            let dirtied = (took * dirty).min(ws * memory.0 as f64).floor();
            match machine.round_sent(Duration::from_secs_f64(took), Bytes(dirtied as u64)) {
                Next::Copy(b) | Next::Stop(b) => size = b.0 as f64,
                Next::End => return (total, took, machine.round(), machine.sent().0 as f64),
            }
        }
    }

    #[test]
    fn worked_figures() {
        let idle = predict(Bytes(1_000_000_000), Rate(0.0), Share(0.9), NIC, DOWN, 0);
        assert_eq!((idle.total, idle.rounds, idle.converges), (Duration::from_secs(8), 2, true));
        let quarter = predict(Bytes(1_000_000_000), Rate(12.5e6), Share(0.9), Rate(31.25e6), DOWN, 0);
        assert!((quarter.total.as_secs_f64() - 53.319).abs() < 0.001, "{quarter:?}");
    }

    #[test]
    fn what_cannot_converge_says_so_and_stays_bounded() {
        let stuck = predict(Bytes(1_000_000_000), Rate(200e6), Share(0.9), NIC, DOWN, 0);
        assert!(!stuck.converges);
        assert_eq!(stuck.rounds, 2);
        assert!((stuck.downtime.as_secs_f64() - 7.2).abs() < 1e-6);
        let forced = predict(Bytes(1_000_000_000), Rate(200e6), Share(0.9), NIC, DOWN, 5);
        assert!(!forced.converges);
        assert_eq!(forced.rounds, 6);
        assert!((forced.total.as_secs_f64() - (8.0 + 5.0 * 7.2)).abs() < 1e-6);
        let small_set = predict(Bytes(1_000_000_000), Rate(200e6), Share(0.003), NIC, DOWN, 0);
        assert!(small_set.converges);
        let no_downtime = predict(Bytes(1_000_000_000), Rate(15e9), Share(0.9), Rate(20e9), Duration::ZERO, 0);
        assert!(no_downtime.converges && no_downtime.downtime < Duration::from_micros(1), "{no_downtime:?}");
        assert_eq!(predict(Bytes(1), Rate(1.0), Share(0.9), Rate(0.0), DOWN, 0).total, Duration::MAX);
    }

    proptest! {
        #[test]
        fn the_closed_form_is_the_sum_of_the_rounds(
            memory in 1_000_000u64..8_000_000_000, dirty in 0.0f64..0.97, ws in 0.001f64..1.0,
            rate in 1e6f64..1e10, down in 1u64..2000, rounds in 0u32..40,
        ) {
            let down = Duration::from_millis(down);
            let predicted = predict(Bytes(memory), Rate(dirty * rate), Share(ws), Rate(rate), down, rounds);
            let (total, downtime, n, sent) = stepped(Bytes(memory), dirty * rate, ws, rate, down, rounds);
            // Whole bytes may end the rounds one earlier or later where the rest is just at the threshold.
            prop_assert!(predicted.rounds.abs_diff(n) <= 1, "{predicted:?} {n}");
            let slack = down.as_secs_f64() + 100.0 / rate;
            prop_assert!((predicted.total.as_secs_f64() - total).abs() <= 1e-6 * total + slack);
            if predicted.rounds == n {
                prop_assert!((predicted.total.as_secs_f64() - total).abs() <= 1e-6 * total + 100.0 / rate);
                prop_assert!((predicted.downtime.as_secs_f64() - downtime).abs() <= 1e-6 * total + 100.0 / rate);
                prop_assert!((predicted.transferred.0 as f64 - sent).abs() <= 1e-6 * sent + 100.0);
            }
        }
    }
}
