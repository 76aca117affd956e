//! A line in which a filter is typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::edit;
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
}

impl FilterBox {
    /// Lets the filter be typed.
    pub(crate) fn begin(&mut self) {
        self.editing = Some((Input::new(self.text.clone()), self.text.clone()));
    }

    /// Lines of the screen that it takes.
    pub(crate) fn lines(&self) -> u16 {
        u16::from(self.editing.is_some() || !self.text.is_empty()) + u16::from(self.error.is_some())
    }

    /// Does what a key means while the filter is typed.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Typed {
        let Some((input, before)) = &mut self.editing else { return Typed::Other };
        let interrupted = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            _ if interrupted || key.code == KeyCode::Esc => {
                let before = std::mem::take(before);
                self.editing = None;
                self.error = None;
                Typed::Changed(before)
            }
            KeyCode::Enter => {
                if self.error.is_none() {
                    self.editing = None;
                }
                Typed::Nothing
            }
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => Typed::Other,
            _ if edit::key(input, key) => Typed::Changed(input.value().to_owned()),
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
