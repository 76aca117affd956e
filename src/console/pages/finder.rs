//! Looking for a text in rows of text.

/// What is looked for and where it stands.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    /// In small letters; empty: nothing.
    pub needle: String,
    /// Rows that have it, from the top.
    pub rows: Vec<usize>,
    /// Which of them one is at.
    pub at: Option<usize>,
}

impl Finder {
    /// Looks for a text, in capital letters or small ones.
    pub(crate) fn look(&mut self, needle: &str, rows: &[impl AsRef<str>]) {
        self.needle = needle.to_lowercase();
        self.at = None;
        self.look_again(rows);
    }

    /// Looks for the same in what there is now.
    pub(crate) fn look_again(&mut self, rows: &[impl AsRef<str>]) {
        let here = self.at.and_then(|at| self.rows.get(at).copied());
        self.rows.clear();
        if !self.needle.is_empty() {
            let has = |row: &str| row.to_lowercase().contains(&self.needle);
            self.rows.extend(rows.iter().enumerate().filter(|(_, row)| has(row.as_ref())).map(|(at, _)| at));
        }
        self.at = here.and_then(|here| self.rows.iter().position(|row| *row == here));
    }

    /// The first place from a row on, or with `last` the last one of all.
    pub(crate) fn begin(&mut self, from: usize, last: bool) -> Option<usize> {
        let first = self.rows.iter().position(|row| *row >= from).unwrap_or(0);
        self.at = if last { self.rows.len().checked_sub(1) } else { Some(first).filter(|at| *at < self.rows.len()) };
        self.at.map(|at| self.rows[at])
    }

    /// The next place, after the last the first.
    pub(crate) fn step(&mut self, forward: bool) -> Option<usize> {
        let count = self.rows.len();
        if count == 0 {
            return None;
        }
        let at = match (self.at, forward) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(at), true) => (at + 1) % count,
            (Some(at), false) => (at + count - 1) % count,
        };
        self.at = Some(at);
        Some(self.rows[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_round_through_what_is_found() {
        let rows: Vec<String> = ["Linux", "panic", "linux again", "end"].map(String::from).into();
        let mut finder = Finder::default();
        finder.look("LINUX", &rows);
        assert_eq!((finder.begin(1, false), finder.step(true), finder.step(false)), (Some(2), Some(0), Some(2)));
        assert_eq!(finder.begin(0, true), Some(2));
        let more: Vec<String> = ["a linux", "Linux", "panic", "linux again"].map(String::from).into();
        finder.look_again(&more);
        assert_eq!((finder.rows.as_slice(), finder.at), (&[0, 1, 3][..], None));
        finder.look("nothing", &rows);
        assert_eq!((finder.begin(0, true), finder.step(true)), (None, None));
        finder.look("", &rows);
        assert!(finder.rows.is_empty());
    }
}
