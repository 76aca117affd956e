//! The states of the pages beside the overview: cursors, filters, what is unfolded.

pub(crate) mod events;
pub(crate) mod finder;
pub(crate) mod findings;
pub(crate) mod host;
pub(crate) mod hosts;
pub(crate) mod output;
pub(crate) mod parts;
pub(crate) mod pulse;
pub(crate) mod room;
pub(crate) mod settings;
pub(crate) mod tree;
pub(crate) mod vm;

/// A cursor in a list of which a window is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cursor {
    /// The row under the cursor.
    pub row: usize,
    /// The first row on screen, and how many fit.
    pub top: usize,
    pub height: usize,
}

impl Cursor {
    /// Moves by so many rows; [`Cursor::settle`] brings it back into the list.
    pub(crate) fn step(&mut self, by: isize) {
        self.row = self.row.saturating_add_signed(by);
    }

    /// Brings row and window into a list of `len` rows of which `height` fit.
    pub(crate) fn settle(&mut self, len: usize, height: usize) {
        self.height = height.max(1);
        self.row = self.row.min(len.saturating_sub(1));
        self.top = self.top.clamp((self.row + 1).saturating_sub(self.height), self.row);
        self.top = self.top.min(len.saturating_sub(self.height));
    }

    /// Rows on screen of a list of `len`.
    pub(crate) fn shown(&self, len: usize) -> std::ops::Range<usize> {
        self.top.min(len)..(self.top + self.height).min(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_stays_in_the_list_and_on_the_screen() {
        let mut cursor = Cursor::default();
        cursor.step(25);
        cursor.settle(100, 10);
        assert_eq!((cursor.row, cursor.top), (25, 16));
        cursor.step(isize::MAX);
        cursor.settle(100, 10);
        assert_eq!((cursor.row, cursor.shown(100)), (99, 90..100));
        cursor.settle(3, 10);
        assert_eq!((cursor.row, cursor.shown(3)), (2, 0..3));
        cursor.step(isize::MIN);
        cursor.settle(0, 0);
        assert_eq!((cursor.row, cursor.shown(0)), (0, 0..0));
    }
}
