//! A short list to choose from, each line with its key.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Action, Reason};
use super::keymap::Key;
use crate::fleet::{HostId, PowerAction, Remedy, VmId};

/// What a line of a menu does.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// It runs an action.
    Run(&'static Action),
    /// It shows only what this filter selects.
    Filter(String),
    /// It applies a remedy to these VMs, after a question.
    Remedy(Remedy, Arc<[VmId]>),
    /// It does this to these hosts from outside, after a question.
    Power(PowerAction, Arc<[HostId]>),
    /// It tells what has to be done elsewhere.
    Say(String),
}

/// A line of a menu.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its key as it is shown, and as it is pressed where it is the menu's own.
    pub key: String,
    pub name: String,
    pub doc: String,
    pub does: Does,
    /// Why it cannot be chosen now.
    pub off: Option<Reason>,
}

/// A menu while it is open.
#[derive(Debug, Clone)]
pub(crate) struct Menu {
    pub title: String,
    pub entries: Vec<Entry>,
    pub at: usize,
    /// Keys of an action's sequence that has begun.
    pub keys: Vec<Key>,
}

/// What a key in a menu comes to.
#[derive(Debug)]
pub(crate) enum Picked {
    Nothing,
    Close,
    /// The line in this place.
    Entry(usize),
    /// It may be an action's key.
    Other(Key),
}

impl Menu {
    pub(crate) fn new(title: String, entries: Vec<Entry>) -> Self {
        Self { title, entries, at: 0, keys: Vec::new() }
    }

    /// Whether an action is on it and can be chosen or says why not.
    pub(crate) fn has(&self, action: &Action) -> bool {
        self.entries.iter().any(|entry| matches!(entry.does, Does::Run(own) if own.id == action.id))
    }

    /// Does what a key means.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Picked {
        let last = self.entries.len().saturating_sub(1);
        match key.code {
            KeyCode::Esc => return Picked::Close,
            KeyCode::Enter => return Picked::Entry(self.at),
            KeyCode::Down | KeyCode::Tab => self.at = if self.at == last { 0 } else { self.at + 1 },
            KeyCode::Up | KeyCode::BackTab => self.at = self.at.checked_sub(1).unwrap_or(last),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = last,
            KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) => {
                let own = |entry: &Entry| !matches!(entry.does, Does::Run(_)) && entry.key == c.to_string();
                if let Some(at) = self.entries.iter().position(own) {
                    return Picked::Entry(at);
                }
                return Picked::Other(key.into());
            }
            _ => return Picked::Other(key.into()),
        }
        Picked::Nothing
    }
}
