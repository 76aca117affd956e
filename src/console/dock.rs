//! What the tour and a demo say, in lines of their own at the bottom of the screen: nothing that they talk about is covered.

use ratatui::layout::Size;

use super::format::wrapped;

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub title: String,
    pub text: String,
    /// The keys that were pressed, or how far it is.
    pub left: String,
    /// How one goes on.
    pub right: String,
}

/// A screen of so many lines has room for a border.
const ROOMY: u16 = 20;
/// Lines of text on a screen without a border.
const SPARE: usize = 2;

impl Told {
    /// Whether there is a border around it.
    pub(crate) const fn bordered(size: Size) -> bool {
        size.height >= ROOMY
    }

    /// The lines of its text.
    pub(crate) fn lines(&self, size: Size) -> Vec<String> {
        let border = if Self::bordered(size) { 2 } else { 0 };
        let mut lines = wrapped(&self.text, usize::from(size.width.saturating_sub(2 + border)));
        if border == 0 {
            lines.truncate(SPARE);
        }
        lines
    }

    /// Lines of the screen that it takes.
    pub(crate) fn height(&self, size: Size) -> u16 {
        self.lines(size).len() as u16 + 1 + if Self::bordered(size) { 2 } else { 0 }
    }
}
