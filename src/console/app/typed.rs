//! What the terminal says: which part takes it, and which action a key runs.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Size;

use super::{App, Tone};
use crate::console::action::Action;
use crate::console::keymap::{Context, Key, Meaning};
use crate::console::layout::Panel;

impl App {
    /// Takes what the terminal says.
    pub(crate) fn event(&mut self, event: Event) {
        if !self.demo_takes(&event) {
            self.typed(event);
        }
    }

    pub(super) fn typed(&mut self, event: Event) {
        // What does nothing by itself must not hide what a key before it did.
        let before = std::mem::replace(&mut self.dirty, true);
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Paste(text) => self.paste(&text),
            Event::Resize(width, height) => {
                // A size that came and went again between two frames leaves a terminal that shows something else.
                self.size = Size::new(width, height);
                self.redraw = true;
            }
            Event::Mouse(mouse) => self.mouse(mouse),
            _ => self.dirty = false,
        }
        self.dirty |= before;
    }

    pub(super) fn key(&mut self, key: KeyEvent) {
        self.note = None;
        if self.overlays.is_empty() && self.is_typing() {
            return self.type_key(key);
        }
        self.forget_question();
        let ctrl = |c| key.code == KeyCode::Char(c) && key.modifiers.contains(KeyModifiers::CONTROL);
        if ctrl('z') {
            self.suspend = true;
            return;
        }
        if !self.overlays.is_empty() {
            // Whatever lies on top, the interrupt key closes it.
            let key = if ctrl('c') { KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE) } else { key };
            self.overlay_key(key);
        } else if self.is_filtering() {
            self.filter_key(key);
        } else if key.code == KeyCode::Esc {
            self.tour_esc();
            self.noting(Self::home);
        } else {
            self.run_key(key);
        }
    }

    fn run_key(&mut self, key: KeyEvent) {
        self.keys.push(Key::from(key));
        match self.look.keymap.meaning(self.context(), &self.keys) {
            Meaning::Begins => {}
            Meaning::Nothing => self.keys.clear(),
            Meaning::Run(action) => {
                self.keys.clear();
                self.run(action);
            }
            Meaning::Say(action, words) => {
                self.keys.clear();
                self.say_by_key(action, &words);
            }
        }
    }

    /// Whether a filter is being typed.
    pub(crate) fn is_filtering(&self) -> bool {
        match self.pages.seen(self.nav.page()) {
            Some(view) => view.filter_seen().is_some_and(|b| b.editing.is_some()),
            None => self.vms.filter_box.editing.is_some(),
        }
    }

    /// Runs an action, or says why it cannot be run.
    pub(crate) fn run(&mut self, action: &'static Action) {
        if action.is_about_marks() && self.has_open_range() {
            self.noting(|app| app.range(false));
        }
        match (action.when)(self) {
            Ok(()) => self.noting(|app| (action.run)(app)),
            Err(reason) => self.note = Some((Tone::Bad, format!("{}: {reason}", action.name))),
        }
    }

    /// Where the keys go.
    pub(crate) fn context(&self) -> Context {
        if let Some(view) = self.pages.seen(self.nav.page()) {
            return view.context();
        }
        match self.focus {
            Panel::Sites => Context::Sites,
            Panel::Hosts => Context::Hosts,
            Panel::Vms => Context::Vms,
            Panel::Operations => Context::Operations,
        }
    }
}
