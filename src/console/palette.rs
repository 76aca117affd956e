//! The palette: actions by a few of their letters.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;

use super::action::{self, Action};
use super::edit;

/// Something that the palette finds beside actions.
#[derive(Debug, Clone)]
pub(crate) struct Extra {
    pub name: String,
    pub doc: String,
    /// The command line that it stands for.
    pub line: String,
}

/// What can be picked.
#[derive(Debug, Clone)]
pub(crate) enum Pick {
    Action(&'static Action),
    Extra(Extra),
}

/// Of what is no action, so many are shown.
const EXTRAS: usize = 20;

/// The palette while it is open.
pub(crate) struct Palette {
    pub input: Input,
    /// What matches, best first: actions, then the rest.
    pub found: Vec<Pick>,
    /// The chosen one.
    pub at: usize,
    extras: Vec<Extra>,
}

impl Palette {
    pub(crate) fn new(extras: Vec<Extra>) -> Self {
        let mut palette = Self { input: Input::default(), found: Vec::new(), at: 0, extras };
        palette.search();
        palette
    }

    /// What Enter runs.
    pub(crate) fn chosen(&self) -> Option<&Pick> {
        self.found.get(self.at)
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
        let text = self.input.value();
        self.found = actions(text).into_iter().map(Pick::Action).collect();
        if !text.trim().is_empty() {
            let extras = matching(text, self.extras.iter(), |extra| (extra.name.clone(), String::new()));
            self.found.extend(extras.into_iter().take(EXTRAS).cloned().map(Pick::Extra));
        }
        self.at = 0;
    }
}

/// Actions whose name, id or description has these letters in this order.
pub(crate) fn actions(text: &str) -> Vec<&'static Action> {
    matching(text, action::all(), |action| {
        (format!("{} {} {}", action.id, action.name, action.aliases.join(" ")), action.doc.to_owned())
    })
}

/// What has these letters in this order in its name or description, best first; a hit in the name weighs more.
pub(crate) fn matching<T>(
    text: &str,
    all: impl IntoIterator<Item = T>,
    words: impl Fn(&T) -> (String, String),
) -> Vec<T> {
    if text.trim().is_empty() {
        return all.into_iter().collect();
    }
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut score = |haystack: &str| pattern.score(Utf32Str::new(haystack, &mut buffer), &mut matcher).unwrap_or(0);
    let mut found: Vec<(u32, T)> = all
        .into_iter()
        .map(|item| {
            let (name, doc) = words(&item);
            (3 * score(&name) + score(&doc), item)
        })
        .filter(|(score, _)| *score > 0)
        .collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_the_action() {
        assert_eq!(actions("destr")[0].id, "destroy");
        assert_eq!(actions("mgrt")[0].id, "migrate");
        assert_eq!(actions("stop every")[0].id, "stop-everything");
        assert!(actions("zzzz").is_empty());
    }
}
