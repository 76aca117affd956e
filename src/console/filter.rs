//! A line in which a filter is typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::edit;
use super::history::Walk;
use super::prompt::complete::Candidate;
use crate::fleet::SelectError;

/// A filter, and the line in which it is typed.
#[derive(Debug, Default)]
pub(crate) struct FilterBox {
    /// The filter that holds, as written.
    pub text: String,
    /// The filter being typed, with what it was before.
    pub editing: Option<(Input, String)>,
    /// What is wrong with what is typed; the last good filter holds.
    pub error: Option<SelectError>,
    /// What can stand at the end of the line, while one chooses from it.
    pub choosing: Option<Choosing>,
    /// Where one is in what was typed before.
    pub walk: Walk,
}

/// Words that can stand at the end of a line, and the one that stands there now.
#[derive(Debug)]
pub(crate) struct Choosing {
    /// The line before them.
    before: String,
    pub words: Vec<Candidate>,
    /// The chosen one; none where the line has only what they begin with.
    pub at: Option<usize>,
}

impl Choosing {
    /// A choice that begins with what all of the words have in common.
    pub(crate) fn new(before: String, words: Vec<Candidate>) -> Self {
        let at = (words.len() == 1).then_some(0);
        Self { before, words, at }
    }

    /// Goes on to the next word, or back.
    pub(crate) fn step(&mut self, by: isize) {
        let count = self.words.len() as isize;
        let next = self.at.map_or(if by > 0 { 0 } else { count - 1 }, |at| (at as isize + by).rem_euclid(count.max(1)));
        self.at = Some(next as usize);
    }

    /// The line with the chosen word.
    pub(crate) fn line(&self) -> String {
        let word = self.at.and_then(|at| self.words.get(at)).map_or("", |word| &word.text);
        format!("{}{word}", self.before)
    }

    /// The line with what all the words begin with.
    pub(crate) fn common(&self) -> String {
        let Some(first) = self.words.first() else { return self.before.clone() };
        let mut common = first.text.as_str();
        for word in &self.words {
            while !word.text.starts_with(common) {
                common = &common[..common.char_indices().next_back().map_or(0, |(at, _)| at)];
            }
        }
        format!("{}{common}", self.before)
    }
}

/// What a key did to the line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// It is not for the line.
    Other,
    /// Nothing that matters outside.
    Nothing,
    /// The filter is to be this one.
    Changed(String),
    /// It stays; before, it was this one.
    Kept(String),
}

impl FilterBox {
    /// Lets the filter be typed.
    pub(crate) fn begin(&mut self) {
        self.editing = Some((Input::new(self.text.clone()), self.text.clone()));
        self.choosing = None;
        self.walk.end();
    }

    /// Replaces what is typed.
    pub(crate) fn say(&mut self, text: &str) {
        if let Some((input, _)) = &mut self.editing {
            *input = Input::new(text.to_owned());
        }
    }

    /// What is typed.
    pub(crate) fn typed(&self) -> &str {
        self.editing.as_ref().map_or("", |(input, _)| input.value())
    }

    /// Lines of the screen that it takes.
    pub(crate) fn lines(&self) -> u16 {
        u16::from(self.editing.is_some() || !self.text.is_empty()) + u16::from(self.error.is_some())
    }

    /// Does what a key means while the filter is typed.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Typed {
        let Some((input, before)) = &mut self.editing else { return Typed::Other };
        self.choosing = None;
        let interrupted = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            _ if interrupted || key.code == KeyCode::Esc => {
                let before = std::mem::take(before);
                self.editing = None;
                self.error = None;
                Typed::Changed(before)
            }
            KeyCode::Enter => {
                if self.error.is_some() {
                    return Typed::Nothing;
                }
                let before = std::mem::take(before);
                self.editing = None;
                Typed::Kept(before)
            }
            _ if edit::key(input, key) => {
                self.walk.end();
                Typed::Changed(input.value().to_owned())
            }
            _ => Typed::Nothing,
        }
    }

    /// Inserts pasted text.
    pub(crate) fn paste(&mut self, text: &str) -> Typed {
        let Some((input, _)) = &mut self.editing else { return Typed::Other };
        edit::paste(input, text);
        Typed::Changed(input.value().to_owned())
    }
}
