//! The tour and demos: they look at the console, and a demo types for the operator.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent};
use ratatui::buffer::Buffer;

use super::{App, Tone};
use crate::console::demo::{Awaited, Demo};
use crate::console::dock::Told;
use crate::console::keymap::Keymap;
use crate::console::library::Library;
use crate::console::player::{Heeded, Player};
use crate::console::tour::Tour;

/// Two Esc so soon after one another leave the tour.
const TWICE: Duration = Duration::from_secs(1);

/// What guides the operator.
#[derive(Default)]
pub(crate) struct Guide {
    pub tour: Option<Tour>,
    pub player: Option<Player>,
    /// The demo that is played where none is named.
    pub demo: Option<Arc<Demo>>,
    /// The operator's keymap while a demo is played: what a demo types is meant for the default one.
    keymap: Option<Keymap>,
    /// When Esc was pressed last.
    esc: Option<Instant>,
}

impl App {
    /// What the tour or a demo says.
    pub(crate) fn told(&self) -> Option<Told> {
        let demo = self.guide.player.as_ref().map(Player::told);
        demo.or_else(|| self.guide.tour.as_ref().map(|tour| tour.told(self)))
    }

    /// Begins the tour.
    pub(crate) fn begin_tour(&mut self) {
        if self.guide.tour.is_none() {
            self.guide.tour = Some(Tour::new(&self.snapshot));
        }
    }

    /// Goes to another step of the tour; beyond its end it is over.
    pub(crate) fn tour_go(&mut self, by: isize) {
        match &mut self.guide.tour {
            Some(tour) if tour.has_ended() && by > 0 => self.guide.tour = None,
            Some(tour) => tour.go(by, &self.snapshot),
            None => {}
        }
    }

    /// Ends the tour.
    pub(crate) fn leave_tour(&mut self) {
        self.guide.tour = None;
        let key = self.look.keymap.keys_of("tour").first().cloned().unwrap_or_default();
        self.note = Some((Tone::Good, format!("the tour is over; {key} begins it again")));
    }

    /// Lets the tour look.
    pub(super) fn tour_look(&mut self) {
        if let Some(mut tour) = self.guide.tour.take() {
            self.dirty |= tour.look(self);
            self.guide.tour = Some(tour);
        }
    }

    /// Notes Esc; the second one soon after leaves the tour.
    pub(super) fn tour_esc(&mut self) {
        if self.guide.tour.is_some() && self.guide.esc.replace(self.now).is_some_and(|before| self.now < before + TWICE)
        {
            self.guide.esc = None;
            self.leave_tour();
        }
    }

    /// Plays the demo, so many times as fast as its own pace.
    pub(crate) fn play_demo(&mut self, pace: f64) {
        let demo = match self.guide.demo.clone() {
            Some(demo) => Ok(demo),
            None => Demo::load(Demo::names().next().unwrap_or_default()).map(Arc::new),
        };
        match demo {
            Ok(demo) => {
                self.close_all();
                self.guide.tour = None;
                if let (None, Ok(keys)) = (&self.guide.keymap, Keymap::load(&Library::default(), "default")) {
                    self.guide.keymap = Some(std::mem::replace(&mut self.look.keymap, keys));
                }
                self.guide.player = Some(Player::new(demo, pace, self.now));
            }
            Err(error) => self.note = Some((Tone::Bad, error.to_string())),
        }
    }

    /// Types what the demo types now.
    pub(crate) fn play(&mut self) {
        let Some(player) = &mut self.guide.player else { return };
        let before = player.due();
        let key = player.play(self.now);
        // What it says may have changed, and what it waits for may be on the screen already.
        self.dirty |= before.is_some_and(|at| at <= self.now);
        if let Some(key) = key {
            self.typed(Event::Key(key));
        }
    }

    /// Looks whether what the demo waits for is on the screen.
    pub(crate) fn saw(&mut self, buffer: &Buffer) {
        let Some(player) = &mut self.guide.player else { return };
        let Some(awaited) = player.awaited() else { return };
        let (Awaited::There(text) | Awaited::Gone(text)) = awaited;
        let area = buffer.area;
        let lines = area.y..self.plan.dock.y.min(area.bottom());
        let there = lines.into_iter().any(|y| {
            let line: String = (area.x..area.right()).map(|x| buffer[(x, y)].symbol()).collect();
            line.contains(text)
        });
        if there == matches!(awaited, Awaited::There(_)) {
            player.came(self.now);
        }
    }

    /// Takes what the operator types while a demo is played. False where it is for the console itself.
    pub(super) fn demo_takes(&mut self, event: &Event) -> bool {
        let Some(player) = &mut self.guide.player else { return false };
        match event {
            Event::Key(key) if key.is_press() => {
                self.dirty = true;
                if player.key(*key, self.now) == Heeded::Leaves {
                    self.guide.player = None;
                    self.close_all();
                    if let Some(keymap) = self.guide.keymap.take() {
                        self.look.keymap = keymap;
                    }
                }
                true
            }
            Event::Resize(..) => false,
            _ => true,
        }
    }

    /// Closes whatever lies over the panels or is being typed.
    fn close_all(&mut self) {
        while !self.overlays.is_empty() {
            self.close();
        }
        if self.is_filtering() {
            self.typed(Event::Key(KeyEvent::from(KeyCode::Esc)));
        }
    }
}
