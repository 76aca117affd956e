//! The help while it is open: what it is searched for, and where one is in it.

use crossterm::event::{KeyCode, KeyEvent};
use tui_input::Input;

use super::action::Action;
use super::edit;

/// The help.
#[derive(Debug, Default)]
pub(crate) struct Help {
    /// The first line shown.
    pub top: usize,
    /// What it is searched for.
    pub input: Input,
    /// Whether that is being typed.
    pub typing: bool,
}

impl Help {
    /// A help that is searched for this.
    pub(crate) fn about(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()), ..Self::default() }
    }

    /// Whether an action is shown: its id, name or description has all the words.
    pub(crate) fn shows(&self, action: &Action) -> bool {
        let text = format!("{} {} {} {}", action.id, action.name, action.doc, action.aliases.join(" ")).to_lowercase();
        self.input.value().to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// Does what a key means; true where it is closed.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        match key.code {
            KeyCode::Esc if self.typing || !self.input.value().is_empty() => *self = Self::default(),
            KeyCode::Enter if self.typing => self.typing = false,
            KeyCode::Down => self.top = self.top.saturating_add(1),
            KeyCode::Up => self.top = self.top.saturating_sub(1),
            KeyCode::PageDown => self.top = self.top.saturating_add(10),
            KeyCode::PageUp => self.top = self.top.saturating_sub(10),
            _ if self.typing && edit::key(&mut self.input, key) => self.top = 0,
            _ if self.typing => {}
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?') => return true,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char('j') => self.top = self.top.saturating_add(1),
            KeyCode::Char('k') => self.top = self.top.saturating_sub(1),
            KeyCode::Char(' ') => self.top = self.top.saturating_add(10),
            KeyCode::Home | KeyCode::Char('g') => self.top = 0,
            KeyCode::End | KeyCode::Char('G') => self.top = usize::MAX / 2,
            _ => {}
        }
        false
    }
}
