//! The event queue: at most one time for each of many sources, earliest first.

use crate::fleet::Time;

const NOWHERE: u32 = u32::MAX;

/// A binary heap of `(time, source)` in which each source stands at most once and can be moved or taken out. Events of
/// one instant come in the order of their sources.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: Vec<(Time, u32)>,
    place: Vec<u32>,
}

impl Queue {
    /// When the next event is.
    pub(super) fn next_at(&self) -> Option<Time> {
        self.heap.first().map(|&(at, _)| at)
    }

    /// Takes the next event out.
    pub(super) fn pop(&mut self) -> Option<(Time, u32)> {
        let &(at, source) = self.heap.first()?;
        self.clear(source);
        Some((at, source))
    }

    /// Sets when the source's event is, instead of any time set before.
    pub(super) fn set(&mut self, source: u32, at: Time) {
        let index = source as usize;
        if index >= self.place.len() {
            self.place.resize(index + 1, NOWHERE);
        }
        let place = self.place[index] as usize;
        if place == NOWHERE as usize {
            self.heap.push((at, source));
            self.up(self.heap.len() - 1);
        } else {
            let before = self.heap[place].0;
            self.heap[place].0 = at;
            if at < before { self.up(place) } else { self.down(place) }
        }
    }

    /// Takes the source's event out, if it has one.
    pub(super) fn clear(&mut self, source: u32) {
        let Some(&place) = self.place.get(source as usize) else { return };
        if place == NOWHERE {
            return;
        }
        self.place[source as usize] = NOWHERE;
        let place = place as usize;
        self.heap.swap_remove(place);
        if let Some(&(_, moved)) = self.heap.get(place) {
            self.place[moved as usize] = place as u32;
            self.up(place);
            self.down(self.place[moved as usize] as usize);
        }
    }

    fn up(&mut self, mut i: usize) {
        let entry = self.heap[i];
        while i > 0 {
            let parent = (i - 1) / 2;
            if self.heap[parent] <= entry {
                break;
            }
            self.heap[i] = self.heap[parent];
            self.place[self.heap[i].1 as usize] = i as u32;
            i = parent;
        }
        self.heap[i] = entry;
        self.place[entry.1 as usize] = i as u32;
    }

    fn down(&mut self, mut i: usize) {
        let entry = self.heap[i];
        loop {
            let mut child = 2 * i + 1;
            if child + 1 < self.heap.len() && self.heap[child + 1] < self.heap[child] {
                child += 1;
            }
            if child >= self.heap.len() || self.heap[child] >= entry {
                break;
            }
            self.heap[i] = self.heap[child];
            self.place[self.heap[i].1 as usize] = i as u32;
            i = child;
        }
        self.heap[i] = entry;
        self.place[entry.1 as usize] = i as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_a_sorted_map(steps in proptest::collection::vec((0u8..4, 0u32..20, 0u64..50), 0..300)) {
            let (mut queue, mut model) = (Queue::default(), BTreeMap::new());
            for (what, source, at) in steps {
                match what {
                    0 => {
                        queue.clear(source);
                        model.remove(&source);
                    }
                    1 => {
                        let first = model.iter().map(|(&s, &t)| (t, s)).min();
                        prop_assert_eq!(queue.pop(), first);
                        if let Some((_, s)) = first {
                            model.remove(&s);
                        }
                    }
                    _ => {
                        queue.set(source, Time(at));
                        model.insert(source, Time(at));
                    }
                }
                prop_assert_eq!(queue.next_at(), model.values().min().copied());
            }
        }
    }
}
