//! What was drawn where: the views note it while they draw, and a click looks it up.

use crossterm::event::KeyCode;
use ratatui::layout::{Position, Rect};

use super::columns::{Column, Table};

/// What a click can be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hit {
    /// A hint that runs an action, by its id.
    Action(&'static str),
    /// A hint of a key that no keymap changes.
    Key(KeyCode),
    /// A step of the way from the overview to where one is, counted from the overview.
    Crumb(usize),
    /// The title of a column.
    Title(Table, Column),
    /// A row of a table.
    Row(Table, usize),
    /// A site.
    Site(usize),
    /// An operation, counted as the panel shows them.
    Operation(usize),
    /// Something that lies over the panels, beside what can be clicked on in it.
    Popup,
    /// A line of a list in a popup.
    Line(usize),
    /// What has the focus in a dialog: a field, then Cancel, then the button that acts.
    Part(usize),
}

/// What was drawn where in a frame; what was drawn last lies on top.
#[derive(Debug, Default)]
pub(crate) struct Hits(Vec<(Rect, Hit)>);

impl Hits {
    /// Notes what stands in an area.
    pub(crate) fn note(&mut self, area: Rect, hit: Hit) {
        self.0.push((area, hit));
    }

    /// What stands at a position.
    pub(crate) fn at(&self, at: Position) -> Option<Hit> {
        self.0.iter().rev().find(|(area, _)| area.contains(at)).map(|(_, hit)| *hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drawn_last_lies_on_top() {
        let mut hits = Hits::default();
        hits.note(Rect::new(0, 0, 10, 10), Hit::Row(Table::Vms, 3));
        hits.note(Rect::new(2, 2, 4, 4), Hit::Popup);
        assert_eq!(hits.at(Position::new(0, 0)), Some(Hit::Row(Table::Vms, 3)));
        assert_eq!(hits.at(Position::new(5, 5)), Some(Hit::Popup));
        assert_eq!(hits.at(Position::new(10, 5)), None);
    }
}
