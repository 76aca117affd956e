//! What a guest's serial console shows.

use std::sync::Arc;

/// How much of what a guest wrote is kept.
const KEPT: usize = 1 << 20;
/// Lines that are kept above the screen.
const LINES: usize = 20_000;

/// Who has the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Hold {
    /// Nobody here: one only reads.
    #[default]
    Reading,
    /// It has been asked for.
    Asked,
    /// This console: keys go to the guest.
    Typing,
}

/// The terminal at which one sits.
pub(crate) struct Terminal {
    parser: vt100::Parser,
    /// All that came, to be shown again at another width.
    came: Vec<u8>,
    pub hold: Hold,
    /// Why nothing comes any more.
    pub ended: Option<Arc<str>>,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { parser: vt100::Parser::new(24, 80, LINES), came: Vec::new(), hold: Hold::Reading, ended: None }
    }
}

impl Terminal {
    /// What is on screen.
    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    pub(crate) fn height(&self) -> usize {
        usize::from(self.screen().size().0)
    }

    /// Begins with nothing, as before anything came.
    pub(crate) fn begin(&mut self) {
        let (rows, cols) = self.screen().size();
        *self = Self { parser: vt100::Parser::new(rows, cols, LINES), ..Self::default() };
    }

    /// Takes what the guest wrote. Whoever looks at earlier lines goes on doing so.
    pub(crate) fn wrote(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.came.extend_from_slice(bytes);
        if self.came.len() > KEPT + KEPT / 4 {
            self.came.drain(..self.came.len() - KEPT);
        }
    }

    /// Makes it as large as that. What came is shown anew where it is wider or narrower than before.
    pub(crate) fn fit(&mut self, width: u16, height: u16) {
        let (width, height) = (width.max(1), height.max(1));
        let (rows, cols) = self.screen().size();
        if (rows, cols) == (height, width) {
            return;
        }
        let scrolled = self.screen().scrollback();
        self.parser = vt100::Parser::new(height, width, LINES);
        self.parser.process(&self.came);
        self.parser.screen_mut().set_scrollback(scrolled);
    }

    /// Goes up or down in what was written.
    pub(crate) fn scroll(&mut self, by: isize) {
        let to = if by < 0 {
            self.screen().scrollback().saturating_add(by.unsigned_abs())
        } else {
            self.screen().scrollback().saturating_sub(by.unsigned_abs())
        };
        self.parser.screen_mut().set_scrollback(to);
    }

    /// Lines above the screen.
    fn above(&mut self) -> usize {
        let before = self.screen().scrollback();
        self.parser.screen_mut().set_scrollback(usize::MAX);
        let above = self.screen().scrollback();
        self.parser.screen_mut().set_scrollback(before);
        above
    }

    /// The first row on screen, counted from the first that is kept.
    pub(crate) fn top(&mut self) -> usize {
        self.above() - self.screen().scrollback()
    }

    /// Every row's text, from the first that is kept.
    pub(crate) fn rows_of_text(&mut self) -> Vec<String> {
        let (above, height) = (self.above(), self.height());
        let (_, cols) = self.screen().size();
        let before = self.screen().scrollback();
        let mut rows: Vec<String> = Vec::with_capacity(above + height);
        let mut offset = above;
        loop {
            self.parser.screen_mut().set_scrollback(offset);
            // Those above the screen that were not read yet, in the end the screen itself.
            let new = if offset == 0 { height } else { height.min(offset) };
            rows.extend(self.screen().rows(0, cols).take(new));
            if offset == 0 {
                break;
            }
            offset -= new;
        }
        self.parser.screen_mut().set_scrollback(before);
        rows
    }

    /// All text.
    pub(crate) fn text(&mut self) -> String {
        let rows = self.rows_of_text();
        let used = rows.iter().rposition(|row| !row.trim_end().is_empty()).map_or(0, |last| last + 1);
        rows[..used].iter().fold(String::new(), |text, row| text + row.trim_end() + "\n")
    }

    /// Brings a row into view.
    pub(crate) fn show_row(&mut self, row: usize) {
        let (above, height, top) = (self.above(), self.height(), self.top());
        if !(top..top + height).contains(&row) {
            let top = row.saturating_sub(height / 2);
            self.parser.screen_mut().set_scrollback(above.saturating_sub(top));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(lines: u32) -> Terminal {
        let mut terminal = Terminal::default();
        terminal.fit(20, 5);
        for line in 1..=lines {
            terminal.wrote(format!("line {line}\r\n").as_bytes());
        }
        terminal
    }

    #[test]
    fn what_went_up_is_found_again() {
        let mut terminal = numbered(23);
        let rows = terminal.rows_of_text();
        assert_eq!((rows.len(), rows[0].as_str(), rows[22].as_str()), (24, "line 1", "line 23"));
        assert_eq!(terminal.text().lines().count(), 23);
        assert_eq!(terminal.top(), 19);
        terminal.show_row(4);
        assert_eq!(terminal.screen().rows(0, 20).nth(2).as_deref(), Some("line 5"));
        // What comes meanwhile does not move what one looks at.
        terminal.wrote(b"more\r\n");
        assert_eq!(terminal.screen().rows(0, 20).nth(2).as_deref(), Some("line 5"));
        terminal.scroll(isize::MAX);
        assert!(terminal.screen().contents().contains("more"));
        terminal.scroll(isize::MIN);
        assert!(terminal.screen().contents().starts_with("line 1\n"));
    }

    #[test]
    fn another_width_breaks_lines_anew() {
        let mut terminal = numbered(1);
        terminal.wrote("x".repeat(30).as_bytes());
        assert_eq!(terminal.text(), format!("line 1\n{}\n{}\n", "x".repeat(20), "x".repeat(10)));
        terminal.fit(40, 5);
        assert_eq!(terminal.text(), format!("line 1\n{}\n", "x".repeat(30)));
        terminal.begin();
        assert_eq!((terminal.text().as_str(), terminal.screen().size()), ("", (5, 40)));
    }
}
