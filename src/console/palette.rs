//! The palette: actions by a few of their letters.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;

use super::action::{self, Action};
use super::edit;

/// The palette while it is open.
pub(crate) struct Palette {
    pub input: Input,
    /// What matches, best first.
    pub found: Vec<&'static Action>,
    /// The chosen one.
    pub at: usize,
}

impl Palette {
    pub(crate) fn new() -> Self {
        Self { input: Input::default(), found: matching(""), at: 0 }
    }

    /// What Enter runs.
    pub(crate) fn chosen(&self) -> Option<&'static Action> {
        self.found.get(self.at).copied()
    }

    pub(crate) fn key(&mut self, key: KeyEvent) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let last = self.found.len().saturating_sub(1);
        match key.code {
            KeyCode::Down | KeyCode::Tab => self.at = (self.at + 1).min(last),
            KeyCode::Char('n') if ctrl => self.at = (self.at + 1).min(last),
            KeyCode::Up | KeyCode::BackTab => self.at = self.at.saturating_sub(1),
            KeyCode::Char('p') if ctrl => self.at = self.at.saturating_sub(1),
            KeyCode::PageDown => self.at = (self.at + 10).min(last),
            KeyCode::PageUp => self.at = self.at.saturating_sub(10),
            _ => {
                if edit::key(&mut self.input, key) {
                    self.search();
                }
            }
        }
    }

    pub(crate) fn paste(&mut self, text: &str) {
        edit::paste(&mut self.input, text);
        self.search();
    }

    fn search(&mut self) {
        self.found = matching(self.input.value());
        self.at = 0;
    }
}

/// Actions whose name, id or description has these letters in this order; a hit in the name weighs more.
fn matching(text: &str) -> Vec<&'static Action> {
    if text.trim().is_empty() {
        return action::all().collect();
    }
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut score = |haystack: &str| pattern.score(Utf32Str::new(haystack, &mut buffer), &mut matcher).unwrap_or(0);
    let mut found: Vec<_> = action::all()
        .map(|action| (3 * score(action.name).max(score(action.id)) + score(action.doc), action))
        .filter(|(score, _)| *score > 0)
        .collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, action)| action).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_the_action() {
        assert_eq!(matching("destr")[0].id, "destroy");
        assert_eq!(matching("mgrt")[0].id, "migrate");
        assert_eq!(matching("stop every")[0].id, "stop-everything");
        assert!(matching("zzzz").is_empty());
    }
}
