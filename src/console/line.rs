//! How far the terminal is behind.
//!
//! How long a write takes tells little of a slow line: `sshd` takes what is written at once, and megabytes wait in its
//! buffers and the kernel's while the operator waits for the effect of a key. So every frame ends with a question that
//! all terminals answer (`CSI 5 n`, "are you well?"), and what has not been answered has not been shown. Data is drawn
//! when nothing is left to be answered; what a key does is drawn at once unless much is.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use crossterm::event::Event;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::Signal;

/// The question, and there are terminals that never answer it.
pub(crate) const QUESTION: &[u8] = b"\x1b[5n";
/// So many bytes may wait to be shown before a key's frame waits too: a thirtieth of a second at 1 Mbit/s.
const ROOM: usize = 4096;
/// However much waits to be shown, a key's frame waits no longer than this after the one before.
const LATE: Duration = Duration::from_millis(500);
/// How long the end waits for the terminal's last answers.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
/// An answer that takes longer is not waited for.
const LOST: Duration = Duration::from_secs(3);

/// What was written and may not have been shown yet.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// When each frame was written, and its size.
    unanswered: VecDeque<(Instant, usize)>,
    bytes: usize,
    /// Whether there ever was an answer.
    answers: bool,
    /// Whether it was waited for one in vain.
    silent: bool,
}

impl Line {
    /// Notes a frame that ends with the question.
    pub(crate) fn asked(&mut self, now: Instant, bytes: usize) {
        if !self.silent {
            self.unanswered.push_back((now, bytes));
            self.bytes += bytes;
        }
    }

    /// The terminal has shown one more frame.
    pub(crate) fn answered(&mut self) {
        (self.answers, self.silent) = (true, false);
        if let Some((_, bytes)) = self.unanswered.pop_front() {
            self.bytes -= bytes;
        }
    }

    /// Whether all was shown, or nobody can know.
    pub(crate) fn is_clear(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// Whether a key's frame would be shown soon, as far as is known, or has waited long enough.
    pub(crate) fn has_room(&self, now: Instant) -> bool {
        !self.answers || self.bytes < ROOM || self.late().is_none_or(|late| late <= now)
    }

    fn late(&self) -> Option<Instant> {
        self.unanswered.back().map(|(asked, _)| *asked + LATE)
    }

    fn lost(&self) -> Option<Instant> {
        self.unanswered.front().map(|(asked, _)| *asked + LOST)
    }

    /// When to look again though there is no answer, while a frame waits to be drawn or none does.
    pub(crate) fn deadline(&self, waiting: bool) -> Option<Instant> {
        [self.lost(), self.late().filter(|_| waiting)].into_iter().flatten().min()
    }

    /// Waits no longer for answers that are overdue. A terminal that never gave one is not waited for again.
    pub(crate) fn give_up(&mut self, now: Instant) {
        if self.lost().is_some_and(|lost| lost <= now) {
            self.silent = !self.answers;
            self.unanswered.clear();
            self.bytes = 0;
        }
    }
}

/// Waits until all that was asked is answered: an answer that comes later would stand in the operator's shell. Keys that
/// come meanwhile are lost. True where the program is told to end meanwhile.
pub(super) async fn last_answers(
    line: &mut Line,
    events: &mut (impl Stream<Item = io::Result<Event>> + Unpin),
    signals: &mut mpsc::Receiver<Signal>,
) -> bool {
    let until = tokio::time::Instant::now() + LAST_ANSWERS;
    while !line.is_clear() {
        tokio::select! {
            biased;
            event = events.next() => if !matches!(event, Some(Ok(_))) { return false },
            signal = signals.recv() => match signal {
                Some(Signal::Answered) => line.answered(),
                Some(Signal::End) => return true,
                Some(_) => {}
                None => return false,
            },
            () = tokio::time::sleep_until(until) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_answered_is_not_shown() {
        let (now, mut line) = (Instant::now(), Line::default());
        line.asked(now, 3000);
        assert!(!line.is_clear() && line.has_room(now));
        line.answered();
        assert!(line.is_clear());
        line.asked(now, 3000);
        line.asked(now, 3000);
        assert!(!line.has_room(now));
        line.answered();
        assert!(line.has_room(now) && !line.is_clear());
        line.answered();
        assert!(line.is_clear());
    }

    #[test]
    fn a_terminal_that_never_answers_is_waited_for_once() {
        let (now, mut line) = (Instant::now(), Line::default());
        line.asked(now, 100_000);
        assert!(line.has_room(now));
        line.give_up(now + LOST / 2);
        assert!(!line.is_clear());
        line.give_up(now + LOST);
        line.asked(now + LOST, 100_000);
        assert!(line.is_clear() && line.deadline(true).is_none());
    }

    #[test]
    fn a_lost_answer_stops_nothing_for_ever() {
        let (now, mut line) = (Instant::now(), Line::default());
        line.asked(now, 10);
        line.answered();
        line.asked(now, 10_000);
        assert!(!line.has_room(now) && line.has_room(line.deadline(true).unwrap()));
        line.give_up(line.lost().unwrap());
        assert!(line.is_clear() && line.has_room(now));
        line.asked(now, 10);
        assert!(!line.is_clear());
    }
}
