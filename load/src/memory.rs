//! Dirty memory: one word written into each page of a working set, page after page.
//!
//! The order of the pages is a fixed permutation that visits each once a pass: steps of about 0.618 of the set's length,
//! coprime to it, so that at any moment the pages written last lie evenly in the whole set. A hypervisor sends memory in
//! the order of addresses; writes in that order would run ahead of it or behind it and be sent too often or too seldom.
//!
//! A page is filled with noise when it is written first, and gets another word at another place in each pass: neither the
//! detection of pages of zeros nor compression makes it small. (XBZRLE, which sends differences, does make it small, as it
//! does for programs that write little into each page.)

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::load::{Counters, Load};
use crate::settings::Asked;
use crate::units::{Rate, Refusal};
use crate::worker::Work;

/// Bytes in a page, which is what gets dirty at once.
pub(crate) const PAGE: usize = 4096;

/// Pages that are written to between two looks at the clock.
const AT_ONCE: u64 = 64;

/// Blocks from this size on come from the kernel as pages that nobody has touched, and go back to it at once, whatever
/// was allocated before: malloc maps larger ones than 32 MiB each by itself. What is never touched costs nothing.
const MAPPED: usize = 33 << 20;

/// Page-aligned memory that is not there before it is touched.
#[derive(Debug, Default)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl Block {
    /// A block of `length` bytes, all zero.
    pub(crate) fn new(length: usize) -> Self {
        let bytes = vec![0; (length + PAGE).max(if length > 1 << 20 { MAPPED } else { 0 })];
        let start = bytes.as_ptr().align_offset(PAGE);
        Self { bytes, start, length }
    }

    /// The bytes.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.length]
    }
}

/// Scatters `seed` over 64 bits (the last step of `SplitMix64`).
pub(crate) fn mix(seed: u64) -> u64 {
    let z = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Fills `bytes` with noise that does not compress (xorshift).
pub(crate) fn fill(bytes: &mut [u8], seed: u64) {
    let mut word = mix(seed) | 1;
    for place in bytes.chunks_exact_mut(8) {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        place.copy_from_slice(&word.to_le_bytes());
    }
}

fn coprime(mut a: usize, mut b: usize) -> bool {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

/// The step of the permutation of `pages` pages.
fn stride(pages: usize) -> usize {
    let golden = (pages as f64 * 0.618_033_988_75) as usize;
    (golden.max(1)..=pages).find(|step| coprime(*step, pages)).unwrap_or(1)
}

/// The working set and where in it the work is.
#[derive(Debug, Default)]
pub(crate) struct WorkingSet {
    block: Block,
    pages: usize,
    stride: usize,
    /// Passes that are over.
    pass: u64,
    /// Pages written to in this pass.
    visited: usize,
    /// The next page.
    next: usize,
}

impl WorkingSet {
    fn resize(&mut self, pages: usize) {
        // The old one goes first: both together may be too much.
        self.block = Block::default();
        *self = Self { block: Block::new(pages * PAGE), pages, stride: stride(pages), ..Self::default() };
    }

    /// Makes the next page dirty.
    fn touch(&mut self) {
        let page = self.next;
        let bytes = &mut self.block.bytes()[page * PAGE..(page + 1) * PAGE];
        if self.pass == 0 {
            fill(bytes, page as u64);
        } else {
            let place = (self.pass as usize % (PAGE / 8)) * 8;
            bytes[place..place + 8].copy_from_slice(&mix(self.pass << 32 ^ page as u64).to_le_bytes());
        }
        self.next = (page + self.stride) % self.pages;
        self.visited += 1;
        if self.visited == self.pages {
            self.visited = 0;
            self.pass += 1;
        }
    }

    fn tell(&self, counters: &Counters) {
        let owned = if self.pass == 0 { self.visited } else { self.pages };
        counters.owned.store((owned * PAGE) as u64, Relaxed);
        let part = (self.visited * 1000).checked_div(self.pages).unwrap_or(0);
        counters.passes.store(self.pass * 1000 + part as u64, Relaxed);
    }
}

impl Work for WorkingSet {
    const NAME: &'static str = "dirty";
    const QUANTUM: u64 = PAGE as u64;

    fn rate(asked: &Asked) -> Rate {
        asked.dirty
    }

    fn counter(counters: &Counters) -> &AtomicU64 {
        &counters.dirty
    }

    fn take_up(&mut self, asked: &Asked, load: &Load) -> Result<(), Refusal> {
        let pages = asked.working_set.map_or(0, |set| set.granted.0 as usize / PAGE);
        if pages == 0 {
            return Err(Refusal("there is no working set".to_owned()));
        }
        if pages != self.pages {
            self.resize(pages);
            self.tell(&load.counters);
        }
        Ok(())
    }

    fn put_down(&mut self, asked: &Asked, load: &Load) {
        // Set smaller meanwhile, it gives back what it had; the next pass begins anew.
        if asked.working_set.is_none_or(|set| set.granted.0 as usize / PAGE != self.pages) {
            *self = Self::default();
            self.tell(&load.counters);
        }
    }

    fn some(&mut self, most: u64, load: &Load) -> Result<u64, Refusal> {
        let pages = (most / PAGE as u64).clamp(1, AT_ONCE);
        (0..pages).for_each(|_| self.touch());
        self.tell(&load.counters);
        Ok(pages * PAGE as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn of(pages: usize) -> WorkingSet {
        let mut set = WorkingSet::default();
        set.resize(pages);
        set
    }

    #[test]
    fn a_pass_visits_every_page_once_whatever_their_number() {
        for pages in (1..200).chain([256, 4096, 6_561]) {
            let mut set = of(pages);
            for pass in 0..2 {
                assert_eq!(set.pass, pass);
                let visited: BTreeSet<usize> = (0..pages)
                    .map(|_| {
                        let page = set.next;
                        set.touch();
                        page
                    })
                    .collect();
                assert_eq!(visited.len(), pages);
            }
        }
    }

    #[test]
    fn pages_written_last_lie_evenly_in_the_set() {
        let mut set = of(8192);
        let mut eighths = [0; 8];
        for _ in 0..800 {
            eighths[set.next / 1024] += 1;
            set.touch();
        }
        assert!(eighths.iter().all(|count| (95..=105).contains(count)), "{eighths:?}");
    }

    #[test]
    fn each_pass_changes_each_page_and_none_is_zero_or_like_another() {
        let mut set = of(64);
        let mut before = vec![0; 64 * PAGE];
        for _ in 0..3 {
            (0..64).for_each(|_| set.touch());
            let after = set.block.bytes().to_vec();
            let pages = || before.chunks(PAGE).zip(after.chunks(PAGE));
            assert!(pages().all(|(old, new)| old != new && new.iter().any(|byte| *byte != 0)));
            assert_eq!(after.chunks(PAGE).collect::<BTreeSet<_>>().len(), 64);
            before = after;
        }
    }

    #[test]
    fn blocks_begin_on_a_page() {
        for length in [PAGE, 64 << 10, 40 << 20] {
            let mut block = Block::new(length);
            assert_eq!(block.bytes().len(), length);
            assert_eq!(block.bytes().as_ptr().align_offset(PAGE), 0);
        }
    }
}
