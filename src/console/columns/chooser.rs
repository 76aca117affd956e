//! Choosing columns: which are shown, in which order, how wide. The table behind shows each change at once.

use crossterm::event::{KeyCode, KeyEvent};

use super::{Columns, Table};

/// The chooser while it is open.
#[derive(Debug, Clone)]
pub(crate) struct Chooser {
    /// The columns as they were.
    before: Columns,
    /// The column under the cursor.
    pub at: usize,
}

/// What a key came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Did {
    /// The chooser stays open.
    Stay,
    /// The columns are kept as they are now.
    Keep,
    /// The columns are to be as they were.
    GiveUp(Columns),
}

impl Chooser {
    /// A chooser for these columns.
    pub(crate) fn new(columns: &Columns) -> Self {
        Self { before: columns.clone(), at: 0 }
    }

    /// The table whose columns are chosen.
    pub(crate) const fn table(&self) -> Table {
        self.before.table
    }

    /// Moves the cursor.
    pub(crate) fn step(&mut self, by: isize, columns: &Columns) {
        self.at = self.at.saturating_add_signed(by).min(columns.all().len().saturating_sub(1));
    }

    /// Does what a key means.
    pub(crate) fn key(&mut self, key: KeyEvent, columns: &mut Columns) -> Did {
        match key.code {
            KeyCode::Down | KeyCode::Tab | KeyCode::Char('j') => self.step(1, columns),
            KeyCode::Up | KeyCode::BackTab | KeyCode::Char('k') => self.step(-1, columns),
            KeyCode::Home | KeyCode::Char('g') => self.at = 0,
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX, columns),
            KeyCode::Char(' ') => columns.toggle(self.at),
            KeyCode::Left | KeyCode::Char('<' | 'h') => self.at = columns.shift(self.at, -1),
            KeyCode::Right | KeyCode::Char('>' | 'l') => self.at = columns.shift(self.at, 1),
            KeyCode::Char('+' | '=') => columns.widen(self.at, 1),
            KeyCode::Char('-') => columns.widen(self.at, -1),
            KeyCode::Char('r') => *columns = Columns::new(columns.table),
            KeyCode::Enter => return Did::Keep,
            KeyCode::Esc | KeyCode::Char('q') => return Did::GiveUp(self.before.clone()),
            _ => {}
        }
        Did::Stay
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;
    use crate::console::columns::Column;

    fn press(chooser: &mut Chooser, columns: &mut Columns, keys: &str) -> Did {
        keys.chars()
            .map(|c| {
                let code = match c {
                    '\n' => KeyCode::Enter,
                    '\x1b' => KeyCode::Esc,
                    c => KeyCode::Char(c),
                };
                chooser.key(KeyEvent::new(code, KeyModifiers::NONE), columns)
            })
            .last()
            .unwrap_or(Did::Stay)
    }

    #[test]
    fn columns_are_hidden_moved_and_widened_and_escape_brings_them_back() {
        let mut columns = Columns::new(Table::Vms);
        let before = columns.clone();
        let mut chooser = Chooser::new(&columns);
        // Hides the state, moves the host to the front, makes it two wider.
        press(&mut chooser, &mut columns, "j j<<++");
        assert_eq!(columns.all()[0].shape.column, Column::Host);
        assert_eq!(columns.all()[0].width, Some(16));
        assert!(columns.shown().all(|c| c.shape.column != Column::State));
        assert_eq!(press(&mut chooser, &mut columns, "\n"), Did::Keep);
        assert_eq!(press(&mut chooser, &mut columns, "\x1b"), Did::GiveUp(before));
    }
}
