//! What a console keeps beside what it shows: what was typed, saved filters, what can be taken back.

use super::Options;
use super::clipboard::Clipboard;
use super::freeze::Frozen;
use super::history::History;
use super::saved::Saved;
use super::undo::Undo;

/// The operator's habits, and what serves them.
#[derive(Debug, Default)]
pub(crate) struct Habits {
    pub history: History,
    pub saved: Saved,
    pub undo: Undo,
    pub clipboard: Clipboard,
    /// Since when the screen stands still.
    pub frozen: Option<Frozen>,
    /// The filter that `faults only` took the place of.
    pub before_faults: Option<String>,
    /// What was last run in guests or on hosts.
    pub last_command: std::sync::Arc<str>,
    /// What could not be read at the start.
    pub problem: Option<String>,
}

impl Habits {
    /// The habits that the files of these options hold.
    pub(crate) fn load(options: &Options) -> Self {
        let (saved, problem) = Saved::load(&options.settings.filters, options.library.dir());
        Self {
            history: History::load(options.state.as_deref()),
            saved,
            clipboard: Clipboard::new(options.multiplexer),
            problem,
            ..Self::default()
        }
    }
}
