//! Every setting and where it comes from.

use ratatui::layout::{Position, Rect};

use super::Cursor;
use crate::console::filter::FilterBox;
use crate::console::keymap::Context;
use crate::console::page::{Around, Go, PageView};
use crate::console::saved::Saved;
use crate::console::settings::{Origin, SETTINGS, Settings};

/// A setting as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub key: String,
    pub value: String,
    /// What an `auto` has come to.
    pub means: Option<String>,
    pub origin: String,
    /// Whether somebody set it.
    pub set: bool,
    /// What it does; empty for what a file's free tables say.
    pub doc: &'static str,
    /// Its default, and by what else it can be set.
    pub ways: String,
}

/// Rows below the list, about the setting under the cursor.
pub(crate) const BELOW: u16 = 5;

/// The page's state.
#[derive(Debug, Default)]
pub(crate) struct SettingsPage {
    pub cursor: Cursor,
    pub filter: FilterBox,
    /// The configuration file, where there is one.
    pub file: Option<String>,
    all: Vec<Line>,
    /// Those of all that the filter shows.
    shown: Vec<usize>,
    room: Rect,
}

impl SettingsPage {
    /// Takes the settings as they are.
    pub(crate) fn read(&mut self, settings: &Settings) {
        self.file = settings.path.as_ref().map(|path| path.display().to_string());
        self.all = settings
            .all
            .iter()
            .map(|effective| {
                let setting = SETTINGS.iter().find(|setting| setting.key == effective.key);
                let ways = setting.map_or_else(String::new, |setting| {
                    let flag = setting.flag.map_or_else(String::new, |flag| format!(", {flag}"));
                    format!(
                        "default {}; set by {} in the file, ${}{flag}",
                        setting.default, setting.key, setting.variable
                    )
                });
                Line {
                    key: effective.key.clone(),
                    value: effective.value.to_string(),
                    means: effective.means.clone(),
                    origin: effective.origin.to_string(),
                    set: effective.origin != Origin::Default,
                    doc: setting.map_or("", |setting| setting.doc),
                    ways,
                }
            })
            .collect();
        self.choose();
    }

    /// Lines that the filter shows.
    fn choose(&mut self) {
        let words: Vec<String> = self.filter.text.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let has = |line: &Line| {
            let text = format!("{} {} {} {}", line.key, line.value, line.origin, line.doc).to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        self.shown = (0..self.all.len()).filter(|&i| has(&self.all[i])).collect();
    }

    /// How many are shown, and how many there are.
    pub(crate) const fn count(&self) -> (usize, usize) {
        (self.shown.len(), self.all.len())
    }

    /// The setting in a row.
    pub(crate) fn line(&self, row: usize) -> Option<&Line> {
        self.all.get(*self.shown.get(row)?)
    }

    /// Rows of the list.
    const fn list(&self) -> u16 {
        if self.room.height > 2 * BELOW { self.room.height - BELOW } else { self.room.height }
    }
}

impl PageView for SettingsPage {
    fn context(&self) -> Context {
        Context::Settings
    }

    fn settle(&mut self, _: &Around<'_>, room: Rect) {
        let lines = self.filter.lines().min(room.height);
        self.room = Rect { y: room.y + lines, height: room.height - lines, ..room };
        self.cursor.settle(self.shown.len(), usize::from(self.list()));
    }

    fn step(&mut self, by: isize) {
        self.cursor.step(by);
    }

    fn rows(&self) -> isize {
        self.cursor.height as isize
    }

    fn open(&mut self, _: &Around<'_>) -> Go {
        match self.line(self.cursor.row).map(|line| line.key.as_str()) {
            Some("theme") => Go::Run("next-theme"),
            Some("keymap") => Go::Run("next-keymap"),
            _ => Go::Stay,
        }
    }

    fn click(&mut self, at: Position, _: &Around<'_>) {
        if let Some(line) = at.y.checked_sub(self.room.y).filter(|line| *line < self.list()) {
            self.cursor.row = self.cursor.top + usize::from(line);
        }
    }

    fn filter(&mut self) -> Option<&mut FilterBox> {
        Some(&mut self.filter)
    }

    fn filter_seen(&self) -> Option<&FilterBox> {
        Some(&self.filter)
    }

    fn set_filter(&mut self, text: &str, _: &Saved) {
        text.clone_into(&mut self.filter.text);
        self.choose();
    }
}
