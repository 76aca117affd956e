//! The pacer on simulated machines that are slow, stall and oversleep.

use super::*;

/// Random figures that are the same in each run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A machine that does `speed` units a second while it runs.
struct Machine {
    speed: f64,
    /// How much longer than asked a sleep may last.
    oversleep: Duration,
    /// Before a step the machine stands still with this chance, for at most this long.
    stall: (f64, Duration),
    /// A step is given up after this long, however much was asked for.
    slice: Duration,
}

/// Runs a worker for `length`; what it did and when, as (time, units).
fn run(machine: &Machine, pacer: &mut Pacer, length: Duration, dice: &mut Dice) -> Vec<(Duration, u64)> {
    let (mut now, mut done) = (Duration::ZERO, 0);
    let mut steps = Vec::new();
    while now < length {
        if dice.next() < machine.stall.0 {
            now += machine.stall.1.mul_f64(dice.next());
        }
        let due = pacer.due(now, done);
        let most = (machine.speed * machine.slice.as_secs_f64()) as u64;
        let did = due.min(most.max(pacer.quantum));
        if did > 0 {
            steps.push((now, did));
            done += did;
            now += Duration::from_secs_f64(did as f64 / machine.speed);
        }
        let rest = pacer.rest(now, done);
        if !rest.is_zero() {
            now += rest + machine.oversleep.mul_f64(dice.next());
        }
    }
    steps
}

fn paced(quantum: u64, rate: f64) -> Pacer {
    let mut pacer = Pacer::new(quantum, Duration::ZERO);
    pacer.set_rate(Duration::ZERO, 0, rate);
    pacer
}

/// The most that was done in any span of time beyond the rate.
fn worst_burst(steps: &[(Duration, u64)], rate: f64) -> f64 {
    let (mut worst, mut lowest, mut sum) = (0.0f64, 0.0f64, 0.0);
    for &(at, did) in steps {
        let line = sum - rate * at.as_secs_f64();
        lowest = lowest.min(line);
        sum += did as f64;
        worst = worst.max(sum - rate * at.as_secs_f64() - lowest);
    }
    worst
}

#[test]
fn the_mean_rate_is_kept_wherever_the_machine_can_and_bursts_are_bounded() {
    let mut dice = Dice(7);
    for case in 0..400 {
        let rate = 10f64.powf(4.0 + 5.0 * dice.next());
        let machine = Machine {
            // From barely enough to plenty.
            speed: rate * (1.5 + 20.0 * dice.next()),
            oversleep: Duration::from_millis(40).mul_f64(dice.next()),
            stall: (0.02 * dice.next(), Duration::from_millis(400)),
            slice: Duration::from_millis(20),
        };
        // Where a tenth of the time is lost, half as much again in speed makes up for it.
        let length = Duration::from_secs(60);
        let steps = run(&machine, &mut paced(4096, rate), length, &mut dice);
        let done: u64 = steps.iter().map(|step| step.1).sum();
        let mean = done as f64 / length.as_secs_f64();
        // One quantum is what a very low rate may still owe at the end.
        let quantum = 4096.0 / length.as_secs_f64();
        let stalls = machine.stall.0 > 0.01 && machine.speed < rate * 4.0;
        assert!(mean <= rate * 1.02 + quantum, "case {case}: {mean} of {rate}");
        assert!(stalls || mean >= rate * 0.98 - quantum, "case {case}: {mean} of {rate}, {}", machine.speed / rate);
        let burst = worst_burst(&steps, rate);
        let bound = (rate * CATCH_UP.as_secs_f64()).max(4096.0) + 4096.0;
        assert!(burst <= bound, "case {case}: {burst} at once, {bound} allowed");
    }
}

#[test]
fn a_machine_that_is_too_slow_works_without_a_rest() {
    let mut dice = Dice(1);
    let slice = Duration::from_millis(20);
    let machine = Machine { speed: 5e6, oversleep: Duration::ZERO, stall: (0.0, Duration::ZERO), slice };
    let steps = run(&machine, &mut paced(4096, 20e6), Duration::from_secs(10), &mut dice);
    let mean = steps.iter().map(|step| step.1).sum::<u64>() as f64 / 10.0;
    assert!((mean / 5e6 - 1.0).abs() < 0.02, "{mean}");
}

/// A hypervisor that holds the vCPU back lets it run 10 ms out of every 50: the work still comes at its rate.
#[test]
fn a_throttled_vcpu_reaches_the_rate_in_the_time_that_it_gets() {
    let mut pacer = paced(4096, 10e6);
    let (mut done, speed, tick) = (0u64, 100e6, Duration::from_millis(1));
    for ms in 0..20_000 {
        if ms % 50 < 10 {
            let now = tick * ms;
            done += pacer.due(now, done).min((speed * tick.as_secs_f64()) as u64 / 4096 * 4096);
        }
    }
    assert!((done as f64 / 20.0 / 10e6 - 1.0).abs() < 0.02, "{done}");
}

#[test]
fn a_long_stall_is_forgiven_but_for_half_a_second() {
    let mut pacer = paced(4096, 8_192_000.0);
    assert_eq!(pacer.due(Duration::from_millis(10), 0), 81_920);
    assert_eq!(pacer.due(Duration::from_secs(3600), 81_920), 4_096_000);
}

#[test]
fn more_than_asked_is_made_up_for_within_bounds() {
    let mut pacer = paced(1, 1000.0);
    assert_eq!(pacer.due(Duration::from_secs(1), 1_000_000), 0, "far too much was done");
    assert_eq!(pacer.due(Duration::from_millis(1500), 1_000_000), 0);
    assert_eq!(pacer.due(Duration::from_millis(1600), 1_000_000), 100, "at most half a second is waited for");
}

#[test]
fn a_new_rate_leaves_no_old_debt_behind() {
    let mut pacer = paced(1, 1e9);
    pacer.due(Duration::from_secs(1), 0);
    pacer.set_rate(Duration::from_secs(1), 0, 1000.0);
    assert_eq!(pacer.due(Duration::from_secs(1), 0), 500);
    pacer.forgive(Duration::from_secs(1), 0);
    assert_eq!(pacer.due(Duration::from_secs(1), 0), 0);
}

#[test]
fn rests_end_when_the_next_quantum_is_due() {
    let mut pacer = paced(4096, 4096.0);
    assert_eq!(pacer.rest(Duration::ZERO, 0), Duration::from_secs(1));
    assert_eq!(pacer.rest(Duration::from_millis(999), 0), TICK, "never shorter than a tick");
    assert_eq!(pacer.rest(Duration::from_secs(1), 0), Duration::ZERO);
    assert_eq!(paced(4096, 0.001).rest(Duration::ZERO, 0), LONGEST);
}
