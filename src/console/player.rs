//! Plays a demo: types its keys as somebody would, waits for what comes on the screen, and says what it does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::demo::{Awaited, Demo};
use super::dock::Told;

/// Between two letters of a word, at the demo's own pace.
const LETTER: Duration = Duration::from_millis(90);
/// Before a key that stands for itself: one must see what it does.
const KEY: Duration = Duration::from_millis(450);
/// How long what is awaited may take, whatever the pace.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is being done in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// This key is pressed at that time.
    Press(usize, Instant),
    /// The text is awaited since then.
    Wait(Instant),
    /// What is there is held until then.
    Hold(Instant),
    /// It is over.
    Ended,
}

/// What a key of the operator's comes to while a demo is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heeded {
    /// The demo goes on, or stands still.
    Stays,
    /// The demo is left.
    Leaves,
}

/// A demo that is played.
#[derive(Debug)]
pub(crate) struct Player {
    demo: Arc<Demo>,
    /// How many times as fast as its own pace.
    pace: f64,
    step: usize,
    phase: Phase,
    /// Since when it stands still.
    paused: Option<Instant>,
    /// What did not come.
    missed: bool,
}

impl Player {
    pub(crate) fn new(demo: Arc<Demo>, pace: f64, now: Instant) -> Self {
        let phase = if demo.steps.is_empty() { Phase::Ended } else { Phase::Press(0, now) };
        Self { demo, pace, step: 0, phase, paused: None, missed: false }
    }

    fn paced(&self, time: Duration) -> Duration {
        time.div_f64(self.pace)
    }

    /// When it does something next by itself.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.phase {
            _ if self.paused.is_some() => None,
            Phase::Press(_, at) | Phase::Hold(at) => Some(at),
            Phase::Wait(since) => Some(since + PATIENCE),
            Phase::Ended => None,
        }
    }

    /// What must come before it goes on.
    pub(crate) fn awaited(&self) -> Option<&Awaited> {
        match self.phase {
            Phase::Wait(_) => self.demo.steps.get(self.step).and_then(|step| step.wait.as_ref()),
            _ => None,
        }
    }

    /// Notes that the awaited text is on the screen.
    pub(crate) fn came(&mut self, now: Instant) {
        self.missed = false;
        let hold = self.demo.steps.get(self.step).map_or(Duration::ZERO, |step| step.hold);
        self.phase = Phase::Hold(now + self.paced(hold));
    }

    /// Goes on as far as it is due; the key that is pressed now.
    pub(crate) fn play(&mut self, now: Instant) -> Option<KeyEvent> {
        if self.due().is_none_or(|at| at > now) {
            return None;
        }
        let step = self.demo.steps.get(self.step)?;
        match self.phase {
            Phase::Press(at, _) => match step.keys.get(at) {
                Some(press) => {
                    let key = press.key;
                    let alone = |press: &super::demo::Press| press.first;
                    let gap = if step.keys.get(at + 1).is_none_or(alone) { KEY } else { LETTER };
                    self.phase = Phase::Press(at + 1, now + self.paced(gap));
                    return Some(key);
                }
                None if step.wait.is_some() => self.phase = Phase::Wait(now),
                None => self.came(now),
            },
            Phase::Wait(_) => {
                self.missed = true;
                self.paused = Some(now);
            }
            Phase::Hold(_) => {
                self.step += 1;
                self.phase = if self.step < self.demo.steps.len() { Phase::Press(0, now) } else { Phase::Ended };
            }
            Phase::Ended => {}
        }
        None
    }

    /// Takes a key of the operator's: any key makes it stand still; then it goes on or is left.
    pub(crate) fn key(&mut self, key: KeyEvent, now: Instant) -> Heeded {
        let leaves = matches!(key.code, KeyCode::Esc | KeyCode::Char('q'))
            || key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        match self.paused {
            _ if self.phase == Phase::Ended => return Heeded::Leaves,
            None => self.paused = Some(now),
            Some(_) if leaves => return Heeded::Leaves,
            Some(since) if matches!(key.code, KeyCode::Enter | KeyCode::Char(' ')) => {
                self.paused = None;
                self.missed = false;
                let stood = now.saturating_duration_since(since);
                match &mut self.phase {
                    Phase::Press(_, at) | Phase::Hold(at) | Phase::Wait(at) => *at += stood,
                    Phase::Ended => {}
                }
            }
            Some(_) => {}
        }
        Heeded::Stays
    }

    /// What is said now.
    pub(crate) fn told(&self) -> Told {
        let count = self.demo.steps.len();
        let title = format!("Demo {}: {} of {count}", self.demo.name, (self.step + 1).min(count));
        if self.phase == Phase::Ended {
            let title = format!("Demo {}: the end", self.demo.name);
            return Told {
                title,
                text: self.demo.end.clone(),
                left: String::new(),
                right: "any key closes this".into(),
            };
        }
        let step = self.demo.steps.get(self.step);
        let right = match (self.missed, self.paused) {
            (true, _) => "this did not come; Enter waits on, Esc leaves".into(),
            (_, Some(_)) => "paused; Enter goes on, Esc leaves".into(),
            _ => "any key pauses".into(),
        };
        let text = match (self.missed, step.and_then(|step| step.wait.as_ref())) {
            (true, Some(Awaited::There(wait))) => format!("Waiting for: {wait}"),
            (true, Some(Awaited::Gone(wait))) => format!("Waiting for the end of: {wait}"),
            _ => step.map(|step| step.caption.clone()).unwrap_or_default(),
        };
        Told { title, text, left: self.pressed(), right }
    }

    /// The keys that were pressed in this step.
    fn pressed(&self) -> String {
        let Some(step) = self.demo.steps.get(self.step) else { return String::new() };
        let pressed = match self.phase {
            Phase::Press(at, _) => &step.keys[..at.min(step.keys.len())],
            _ => &step.keys,
        };
        let mut text = String::new();
        for press in pressed {
            if press.first && !text.is_empty() {
                text.push(' ');
            }
            let ctrl = press.key.modifiers.contains(KeyModifiers::CONTROL);
            text.push_str(if ctrl { "ctrl-" } else { "" });
            match (press.name, press.key.code) {
                (Some(name), _) => text.push_str(name),
                (None, KeyCode::Char(c)) => text.push(c),
                (None, code) => text.push_str(&code.to_string()),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> Arc<Demo> {
        let text = "name = \"x\"\nworld = \"small\"\nend = \"over\"\n\
                    [[step]]\ncaption = \"one\"\nkeys = \"a <enter>\"\nwait = \"there\"\nhold = \"2 s\"\n\
                    [[step]]\ncaption = \"two\"\n";
        Arc::new(Demo::parse("x.toml", text).unwrap())
    }

    fn there() -> Awaited {
        Awaited::There("there".into())
    }

    #[test]
    fn it_types_waits_holds_and_ends() {
        let mut now = Instant::now();
        let mut player = Player::new(demo(), 2.0, now);
        let mut keys = Vec::new();
        while player.awaited().is_none() {
            keys.extend(player.play(now).map(|key| key.code));
            now = player.due().unwrap().max(now);
        }
        assert_eq!(keys, [KeyCode::Char('a'), KeyCode::Enter]);
        assert_eq!((player.awaited(), player.told().left.as_str()), (Some(&there()), "a Enter"));
        let since = now;
        player.came(now);
        assert_eq!(player.due(), Some(since + Duration::from_secs(1)), "twice as fast");
        while let Some(due) = player.due() {
            assert_eq!(player.play(due), None);
        }
        assert_eq!(player.told().text, "over");
    }

    #[test]
    fn any_key_makes_it_stand_still_until_enter() {
        let now = Instant::now();
        let mut player = Player::new(demo(), 1.0, now);
        let key = |code| KeyEvent::new(code, KeyModifiers::NONE);
        assert_eq!(player.key(key(KeyCode::Char('x')), now), Heeded::Stays);
        assert_eq!((player.due(), player.play(now)), (None, None));
        assert_eq!(player.key(key(KeyCode::Char('x')), now), Heeded::Stays);
        let later = now + Duration::from_secs(5);
        assert_eq!(player.key(key(KeyCode::Enter), later), Heeded::Stays);
        assert_eq!(player.due(), Some(later));
        player.key(key(KeyCode::Enter), later);
        assert_eq!(player.key(key(KeyCode::Esc), later), Heeded::Leaves);
    }

    #[test]
    fn what_never_comes_stops_it() {
        let mut now = Instant::now();
        let mut player = Player::new(demo(), 1000.0, now);
        while let Some(due) = player.due() {
            now = due;
            player.play(now);
        }
        assert!(player.told().text.contains("Waiting for: there"));
        player.key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE), now);
        assert_eq!(player.awaited(), Some(&there()));
    }
}
