//! The command line: an action's name, then what it is about.
//!
//! The first word is matched as in the palette, by a few letters; after a blank it is a name, an alias or the beginning
//! of one name alone, and what follows is completed for that command.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::action::Action;
use super::edit;
use super::history::Walk;

pub(crate) mod complete;
pub(crate) mod line;

use complete::{Candidate, Completions};

/// What cannot be understood, and where: a character of the text, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub at: usize,
    pub text: String,
}

impl Wrong {
    pub(crate) fn new(at: usize, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }

    /// The same in a text that has so many characters before it.
    pub(crate) fn after(mut self, characters: usize) -> Self {
        self.at += characters;
        self
    }
}

impl From<crate::fleet::SelectError> for Wrong {
    fn from(error: crate::fleet::SelectError) -> Self {
        Self::new(error.column.saturating_sub(1), format!("expected {}, found {}", error.expected, error.found))
    }
}

/// A line of the list under the command line.
#[derive(Debug, Clone)]
pub(crate) enum Row {
    /// An action whose name fits.
    Action(&'static Action),
    /// A word of the user's own, and what it stands for.
    Alias(String, String),
    /// Something that can stand where the cursor is.
    Word(Candidate),
    /// What was typed before.
    Past(String),
}

/// What a key in the command line comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Only the line looks different.
    Nothing,
    /// The text is another one: the list must follow.
    Changed,
    /// It is closed.
    Close,
    /// It is to be done.
    Do,
    /// The line before or after in the history is asked for.
    Older,
    Newer,
}

/// The command line while it is open.
#[derive(Debug, Default)]
pub(crate) struct Prompt {
    pub input: Input,
    /// What can stand there.
    pub rows: Vec<Row>,
    /// The chosen row, and whether somebody chose it.
    pub at: usize,
    pub chosen: bool,
    /// Where a chosen word goes, in characters.
    pub from: usize,
    /// What is wrong with what is typed.
    pub wrong: Option<Wrong>,
    /// How the command is used.
    pub usage: Option<String>,
    /// Whether what was typed before is searched.
    pub searching: bool,
    pub walk: Walk,
}

impl Prompt {
    /// A line that says this already.
    pub(crate) fn new(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()), ..Self::default() }
    }

    /// What is typed.
    pub(crate) fn text(&self) -> &str {
        self.input.value()
    }

    /// Replaces what is typed.
    pub(crate) fn say(&mut self, text: String) {
        self.input = Input::new(text);
    }

    /// Shows another list.
    pub(crate) fn show(&mut self, rows: Vec<Row>, from: usize) {
        self.rows = rows;
        self.from = from;
        self.at = 0;
        self.chosen = false;
    }

    /// Shows what can stand at the end of the line.
    pub(crate) fn show_words(&mut self, words: Completions) {
        self.show(words.found.into_iter().map(Row::Word).collect(), words.from);
    }

    /// Puts the chosen row into the line. False where there is none, or it stands there already.
    pub(crate) fn accept(&mut self) -> bool {
        let text = match self.rows.get(self.at) {
            None => return false,
            Some(Row::Action(action)) => format!("{}{}", action.id, if action.takes.is_some() { " " } else { "" }),
            Some(Row::Alias(name, _)) => name.clone(),
            Some(Row::Past(line)) => line.clone(),
            Some(Row::Word(word)) => {
                let before: String = self.text().chars().take(self.from).collect();
                // A field waits for its value; anything else is a whole word.
                let blank = if word.text.ends_with([':', '>', '<']) { "" } else { " " };
                format!("{before}{}{blank}", word.text)
            }
        };
        if text.trim_end() == self.text().trim_end() && !text.ends_with(' ') {
            return false;
        }
        self.say(text);
        true
    }

    /// Does what a key means.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Said {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let untouched = !self.chosen && (self.text().is_empty() || self.walk.is_under_way()) && !self.searching;
        let at_end = self.input.cursor() == self.text().chars().count();
        match key.code {
            KeyCode::Esc if self.searching => {
                self.searching = false;
                return Said::Changed;
            }
            KeyCode::Esc => return Said::Close,
            KeyCode::Backspace if self.text().is_empty() => return Said::Close,
            KeyCode::Enter => return Said::Do,
            KeyCode::Up if untouched => return Said::Older,
            KeyCode::Down if self.walk.is_under_way() && !self.chosen => return Said::Newer,
            KeyCode::Down => self.choose(1),
            KeyCode::Up => self.choose(-1),
            KeyCode::Char('n') if ctrl => self.choose(1),
            KeyCode::Char('p') if ctrl => self.choose(-1),
            KeyCode::PageDown => self.choose(10),
            KeyCode::PageUp => self.choose(-10),
            KeyCode::Char('r') if ctrl => {
                self.searching = !self.searching;
                return Said::Changed;
            }
            KeyCode::Tab => return if self.accept() { Said::Changed } else { Said::Nothing },
            KeyCode::Right if at_end && !ctrl => return if self.accept() { Said::Changed } else { Said::Nothing },
            _ => {
                let before = self.text().to_owned();
                if edit::key(&mut self.input, key) && self.text() != before {
                    self.walk.end();
                    return Said::Changed;
                }
            }
        }
        Said::Nothing
    }

    fn choose(&mut self, by: isize) {
        // The first step chooses what is shown as the best already.
        let by = if self.chosen || by != 1 || !self.text().contains(' ') { by } else { 0 };
        self.at = self.at.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.chosen = !self.rows.is_empty();
    }
}
