//! Is the terminal dark or light? `COLORFGBG` says so, or the terminal itself is asked, without waiting for it.
//!
//! The question is OSC 11. crossterm does not know the answer and makes keys of it: alt-], then `11;rgb:1e1e/1e1e/1e1e`,
//! then ctrl-g or alt-\. They are taken out of the events whenever they come, so that a terminal on a slow line leaves
//! nothing behind, and one that never answers costs nothing: the first frame does not wait.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::Signal;
use super::theme::Background;

/// The question for the colour of the background.
pub(super) const QUESTION: &[u8] = b"\x1b]11;?\x1b\\";

/// What `COLORFGBG` says: `15;0`, `0;default;15`, the background last, as an index of the sixteen.
pub(super) fn told(var: &impl Fn(&str) -> Option<String>) -> Option<Background> {
    let index: u8 = var("COLORFGBG")?.rsplit(';').next()?.trim().parse().ok()?;
    match index {
        0..=6 | 8 => Some(Background::Dark),
        7 | 9..=15 => Some(Background::Light),
        _ => None,
    }
}

/// Whether the terminal may be asked: those that would show the question, or swallow it, are not.
pub(super) fn may_ask(var: &impl Fn(&str) -> Option<String>) -> bool {
    let term = var("TERM").unwrap_or_default();
    let mute = ["linux", "dumb", "screen", "vt", "cons", "ansi", "sun", "unknown"];
    let screen = var("STY").is_some_and(|v| !v.is_empty());
    !term.is_empty() && !screen && !mute.iter().any(|name| term.starts_with(name))
}

/// Events, without the answer to the question.
pub(super) struct Listening<S> {
    events: S,
    /// Where the answer goes; none when it has come.
    signals: Option<mpsc::Sender<Signal>>,
    /// Events that may belong to the answer.
    held: Vec<Event>,
    /// What they say so far.
    said: String,
    /// Events that turned out not to belong to it.
    ready: VecDeque<Event>,
}

/// What every answer begins with.
const BEGIN: &str = "11;rgb";
/// No answer is longer: `11;rgba:` and four components of four digits.
const LONGEST: usize = 32;

impl<S> Listening<S> {
    /// Takes the answer out of these events, once, where `signals` is given.
    pub(super) fn new(events: S, signals: Option<mpsc::Sender<Signal>>) -> Self {
        Self { events, signals, held: Vec::new(), said: String::new(), ready: VecDeque::new() }
    }

    /// Looks at an event. What it sets free is in `ready` then.
    fn look_at(&mut self, event: Event) {
        let key = match &event {
            Event::Key(KeyEvent { code: KeyCode::Char(c), modifiers, kind, .. }) if *kind != KeyEventKind::Release => {
                Some((*c, *modifiers - KeyModifiers::SHIFT))
            }
            _ => None,
        };
        let begins = key == Some((']', KeyModifiers::ALT));
        if self.held.is_empty() && !(begins && self.signals.is_some()) {
            self.ready.push_back(event);
            return;
        }
        self.held.push(event);
        match key {
            _ if self.held.len() == 1 => {}
            Some(('g', KeyModifiers::CONTROL) | ('\\', KeyModifiers::ALT)) if self.said.starts_with(BEGIN) => {
                self.end();
            }
            Some((c, KeyModifiers::NONE)) => {
                self.said.push(c.to_ascii_lowercase());
                let fits = BEGIN.starts_with(&self.said) || self.said.starts_with(BEGIN);
                if !fits || self.said.len() > LONGEST {
                    self.give_back();
                }
            }
            _ => self.give_back(),
        }
    }

    fn give_back(&mut self) {
        self.ready.extend(self.held.drain(..));
        self.said.clear();
    }

    /// The answer is complete: it is told, and no other is expected.
    fn end(&mut self) {
        self.held.clear();
        if let (Some(background), Some(signals)) = (shade(&self.said), self.signals.take()) {
            // Where the queue is full or nobody listens any more, the theme stays as it is.
            let _ = signals.try_send(Signal::Background(background));
        }
        self.said.clear();
    }
}

impl<S: Stream<Item = io::Result<Event>> + Unpin> Stream for Listening<S> {
    type Item = io::Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match self.events.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(event))) => self.look_at(event),
                other => return other,
            }
        }
    }
}

/// What `11;rgb:1e1e/1e1e/1e1e` is: light where it is nearer to white than to black.
fn shade(answer: &str) -> Option<Background> {
    let (_, components) = answer.split_once(':')?;
    let mut shares = components.split('/').map(|hex| {
        let most = 16u32.checked_pow(hex.len() as u32)?.checked_sub(1).filter(|most| *most > 0)?;
        Some(f64::from(u32::from_str_radix(hex, 16).ok()?) / f64::from(most))
    });
    let (red, green, blue) = (shares.next()??, shares.next()??, shares.next()??);
    // Luma as ITU-R BT.601 weighs it.
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    Some(if luma > 0.5 { Background::Light } else { Background::Dark })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_first() {
        let told = |value: &'static str| super::told(&|_: &str| Some(value.to_owned()));
        assert_eq!(told("15;0"), Some(Background::Dark));
        assert_eq!(told("0;default;15"), Some(Background::Light));
        assert_eq!(told("0;7"), Some(Background::Light));
        assert_eq!((told("default;default"), told("")), (None, None));
        assert_eq!(super::told(&|_: &str| None), None);
    }

    #[test]
    fn terminals_that_would_show_the_question_are_not_asked() {
        let asked =
            |term: &str, sty: &str| may_ask(&|name: &str| Some(if name == "TERM" { term } else { sty }.to_owned()));
        assert!(asked("xterm-256color", "") && asked("tmux-256color", "") && asked("foot", ""));
        for term in ["", "linux", "dumb", "screen", "screen-256color", "vt100"] {
            assert!(!asked(term, ""), "{term}");
        }
        assert!(!asked("xterm-256color", "1234.pts-0.host"));
    }

    #[test]
    fn answers_are_light_or_dark() {
        assert_eq!(shade("11;rgb:1e1e/1e1e/1e1e"), Some(Background::Dark));
        assert_eq!(shade("11;rgb:ffff/ffff/ffff"), Some(Background::Light));
        assert_eq!(shade("11;rgb:fd/f6/e3"), Some(Background::Light));
        assert_eq!(shade("11;rgba:0000/2b2b/3636/ffff"), Some(Background::Dark));
        assert_eq!((shade("11;rgb:"), shade("11;rgb:zz/00/00"), shade("11")), (None, None, None));
    }

    fn key(c: char, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(c), modifiers))
    }

    fn typed(text: &str) -> impl Iterator<Item = Event> {
        text.chars().map(|c| key(c, KeyModifiers::NONE))
    }

    fn heard(events: Vec<Event>) -> (Vec<Event>, Option<Signal>) {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut listening = Listening::new((), Some(sender));
        for event in events {
            listening.look_at(event);
        }
        (listening.ready.into_iter().collect(), receiver.try_recv().ok())
    }

    #[test]
    fn an_answer_between_keys_is_taken_out_of_them() {
        for end in [key('g', KeyModifiers::CONTROL), key('\\', KeyModifiers::ALT)] {
            let mut events: Vec<Event> = typed("ab").collect();
            events.push(key(']', KeyModifiers::ALT));
            events.extend(typed("11;rgb:ffff/ffff/ffff"));
            events.push(end);
            events.extend(typed("cd"));
            let (left, told) = heard(events);
            assert_eq!(left, typed("abcd").collect::<Vec<_>>());
            assert_eq!(told, Some(Signal::Background(Background::Light)));
        }
    }

    #[test]
    fn what_only_begins_like_an_answer_is_typed_text() {
        let mut events = vec![key(']', KeyModifiers::ALT)];
        events.extend(typed("12"));
        assert_eq!(heard(events.clone()), (events, None));
        let mut endless = vec![key(']', KeyModifiers::ALT)];
        endless.extend(typed("11;rgb:"));
        endless.extend(typed(&"f".repeat(40)));
        assert_eq!(heard(endless.clone()), (endless, None));
    }
}
