//! Seeded chance. What happens to one task is drawn from its own ids, so that it does not depend on what else happens;
//! what strikes the whole world is drawn from one stream per cause.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What a draw is for: different causes draw independently.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(super) enum Cause {
    /// Load changes.
    Load = 1,
    /// Host crashes.
    Crash,
    /// Link cuts.
    Cut,
    /// The first load of a VM.
    FirstLoad,
    /// How a boot goes.
    Boot,
    /// How far a boot comes.
    BootPoint,
    /// Whether a guest gets stuck.
    Stuck,
    /// Whether a migration fails.
    Migration,
    /// How far a failing migration comes.
    MigrationPoint,
    /// Whether a host is slow.
    Slow,
    /// What a guest falls ill with.
    Ailment,
    /// Hangs of libvirtd.
    Hang,
}

/// A stream of numbers for one cause.
pub(super) fn stream(seed: u64, cause: Cause) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(cause as u64);
    rng
}

/// Uniform in `0..1`, from 53 random bits.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// The next number of a stream, uniform in `0..1`.
pub(super) fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    unit(rng.next_u64())
}

/// The next number of a stream, uniform in `0..n`.
pub(super) fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// Exponential with mean 1.
pub(super) fn exponential(rng: &mut ChaCha8Rng) -> f64 {
    -(1.0 - uniform(rng)).ln()
}

/// Standard normal from two uniform numbers (Box and Muller 1958).
pub(super) fn normal(u: f64, v: f64) -> f64 {
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood 2014).
const fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Uniform in `0..1`, always the same for the same seed, cause and two ids.
pub(super) fn draw(seed: u64, cause: Cause, a: u32, b: u32) -> f64 {
    unit(mix(mix(mix(seed) ^ cause as u64) ^ (u64::from(a) << 32 | u64::from(b))))
}
