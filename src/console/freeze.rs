//! The screen standing still while everything goes on.

use std::time::{Duration, Instant};

/// How long the text in the header stays the same in the first minute, and after it.
const STEPS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Since when the screen stands still, and what it has missed.
#[derive(Debug)]
pub(crate) struct Frozen {
    since: Instant,
    /// When its text was worked out, and what it said.
    shown: Instant,
    seen: u32,
    behind: u32,
}

impl Frozen {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { since: now, shown: now, seen: 0, behind: 0 }
    }

    /// Something changed that is not shown.
    pub(crate) const fn miss(&mut self) {
        self.behind = self.behind.saturating_add(1);
    }

    /// When the text is to be worked out again.
    pub(crate) fn due(&self) -> Instant {
        self.shown + if self.shown - self.since < STEPS[1] { STEPS[0] } else { STEPS[1] }
    }

    /// Works the text out where it is due; true where it says something else.
    pub(crate) fn refresh(&mut self, now: Instant) -> bool {
        if now < self.due() {
            return false;
        }
        self.shown = now;
        self.seen = self.behind;
        true
    }

    /// How long the screen has stood still.
    pub(crate) fn age(&self) -> String {
        match (self.shown - self.since).as_secs() {
            seconds @ 0..60 => format!("{seconds} s"),
            seconds => format!("{} min", seconds / 60),
        }
    }

    /// `frozen 12 s, 34 changes behind`.
    pub(crate) fn text(&self) -> String {
        format!("frozen {}, {} behind", self.age(), super::format::counted(self.seen as usize, "change"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_steady_between_its_steps() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut frozen = Frozen::new(start);
        frozen.miss();
        assert!(!frozen.refresh(at(900)));
        assert_eq!(frozen.text(), "frozen 0 s, 0 changes behind");
        assert!(frozen.refresh(at(1000)));
        assert_eq!(frozen.text(), "frozen 1 s, 1 change behind");
        assert!(frozen.refresh(at(61_000)) && !frozen.refresh(at(100_000)));
        assert_eq!(frozen.text(), "frozen 1 min, 1 change behind");
    }
}
