//! The last samples, each in the memory of the one that it drives out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::fleet::Time;
use crate::handle::Samples;

/// The last `room` samples at even intervals.
#[derive(Debug)]
pub(super) struct Ring<T> {
    slots: VecDeque<T>,
    room: usize,
    every: Duration,
    last: Time,
}

impl<T: Default> Ring<T> {
    pub(super) const fn new(room: usize, every: Duration) -> Self {
        Self { slots: VecDeque::new(), room, every, last: Time::ZERO }
    }

    /// The place of the next sample, which still holds the one that it drives out.
    pub(super) fn turn(&mut self, at: Time) -> &mut T {
        let slot = if self.slots.len() == self.room { self.slots.pop_front() } else { None };
        self.slots.push_back(slot.unwrap_or_default());
        self.last = at;
        self.slots.back_mut().expect("one was just put there")
    }

    /// The newest samples, newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().rev()
    }

    /// One figure of every sample that has it: those since something is there.
    pub(super) fn samples(&self, figure: impl FnMut(&T) -> Option<u32>) -> Samples {
        Samples { every: self.every, last: self.last, values: self.slots.iter().filter_map(figure).collect() }
    }
}
