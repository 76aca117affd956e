//! What draws on the terminal: a ratatui backend that writes a frame in one piece, or nothing.
//!
//! ratatui hands over the cells that differ from the last frame. They become one text inside a synchronized update
//! (DEC private mode 2026, ignored where it is unknown), in the colours that the terminal has, written at once.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::color::ColorLevel;
use super::line::QUESTION;

/// Begin and end of a synchronized update.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// How cells are painted until the next change.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

impl Pen {
    /// Whether erased cells look like blanks in this style. Not all terminals erase with the background.
    fn erases(self) -> bool {
        self.bg == Color::Reset && !self.modifier.intersects(VISIBLE)
    }
}

/// What shows on a blank, too.
const VISIBLE: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

/// A terminal to draw on.
pub struct Screen<W: Write> {
    out: W,
    frame: Vec<u8>,
    level: ColorLevel,
    size: Size,
    took: Duration,
    asks: bool,
    sent: usize,
}

impl<W: Write> Screen<W> {
    /// A screen of that size behind `out`, which is taken to be clear.
    pub fn new(out: W, size: Size, level: ColorLevel) -> Self {
        Self { out, frame: Vec::with_capacity(1 << 14), level, size, took: Duration::ZERO, asks: false, sent: 0 }
    }

    /// Sends something else than cells with the next frame, which is then written even where no cell changed.
    pub fn pass(&mut self, bytes: &[u8]) {
        self.frame.extend_from_slice(bytes);
    }

    /// Ends every frame with a question, so that the answer tells that it was shown.
    #[must_use]
    pub fn asking(mut self) -> Self {
        self.asks = true;
        self
    }

    /// Bytes of frames that ended with a question and were written since this was last asked for.
    pub(super) const fn take_sent(&mut self) -> usize {
        std::mem::replace(&mut self.sent, 0)
    }

    /// Says that the terminal has another size now.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
    }

    /// How long the last write took: what a slow line shows in.
    pub const fn took(&self) -> Duration {
        self.took
    }
}

/// Cells on their way to the terminal.
type Cells<'a> = Vec<(u16, u16, Pen, &'a str)>;

/// Frames from this size on are also written style by style, and the shorter text is sent: a change of colours costs
/// three times what a move of the cursor does.
const LARGE: usize = 2048;
/// Blanks in a row from which on they are erased instead of written.
const BLANKS: usize = 10;

/// The text that draws these cells, in this order.
fn written(cells: &Cells<'_>) -> Vec<u8> {
    let mut text = Vec::with_capacity(1 << 12);
    let (mut pen, mut at, mut i) = (PLAIN, None, 0);
    while let Some(&(x, y, new, symbol)) = cells.get(i) {
        // Writing to a Vec cannot fail.
        drop(match at {
            Some((next, row)) if row == y && next == x => Ok(()),
            Some((next, row)) if row == y && next < x => write!(text, "\x1b[{}C", x - next),
            _ => write!(text, "\x1b[{};{}H", y + 1, x + 1),
        });
        if new != pen {
            paint(&mut text, pen, new);
            pen = new;
        }
        let blank = |(n, cell): &(usize, &(u16, u16, Pen, &str))| **cell == (x + *n as u16, y, new, " ");
        let blanks = if symbol == " " { cells[i..].iter().enumerate().take_while(blank).count() } else { 0 };
        if blanks >= BLANKS && new.erases() {
            drop(write!(text, "\x1b[{blanks}X"));
            (at, i) = (Some((x, y)), i + blanks);
        } else {
            text.extend_from_slice(symbol.as_bytes());
            (at, i) = (Some((x + (symbol.width() as u16).max(1), y)), i + 1);
        }
    }
    if pen != PLAIN {
        text.extend_from_slice(b"\x1b[0m");
    }
    text
}

/// The same cells style by style.
fn by_style(cells: &mut Cells<'_>) {
    let mut styles: Vec<Pen> = Vec::new();
    cells.sort_by_cached_key(|&(_, _, pen, _)| {
        styles.iter().position(|style| *style == pen).unwrap_or_else(|| {
            styles.push(pen);
            styles.len() - 1
        })
    });
}

fn paint(text: &mut Vec<u8>, old: Pen, new: Pen) {
    let mut codes = Codes::new(text);
    let mut old = old;
    if !(old.modifier - new.modifier).is_empty() {
        codes.push(format_args!("0"));
        old = PLAIN;
    }
    for (flag, code) in MODIFIERS {
        if (new.modifier - old.modifier).contains(flag) {
            codes.push(format_args!("{code}"));
        }
    }
    if new.fg != old.fg {
        codes.color(new.fg, 30);
    }
    if new.bg != old.bg {
        codes.color(new.bg, 40);
    }
    codes.end();
}

const MODIFIERS: [(Modifier, u8); 6] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::REVERSED, 7),
    (Modifier::CROSSED_OUT, 9),
];

/// One SGR sequence in the making.
struct Codes<'a> {
    frame: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Codes<'a> {
    const fn new(frame: &'a mut Vec<u8>) -> Self {
        Self { frame, first: true }
    }

    fn push(&mut self, code: std::fmt::Arguments<'_>) {
        let lead = if self.first { "\x1b[" } else { ";" };
        self.first = false;
        // Writing to a Vec cannot fail.
        drop(write!(self.frame, "{lead}{code}"));
    }

    fn color(&mut self, color: Color, base: u8) {
        match color {
            Color::Reset => self.push(format_args!("{}", base + 9)),
            Color::Rgb(r, g, b) => self.push(format_args!("{};2;{r};{g};{b}", base + 8)),
            Color::Indexed(i) => self.push(format_args!("{};5;{i}", base + 8)),
            named => {
                let i = ansi_index(named);
                self.push(format_args!("{}", if i < 8 { base + i } else { base + 52 + i }));
            }
        }
    }

    fn end(self) {
        if !self.first {
            self.frame.push(b'm');
        }
    }
}

const fn ansi_index(color: Color) -> u8 {
    match color {
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        _ => 0,
    }
}

impl<W: Write> Backend for Screen<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let pen =
            |cell: &Cell| Pen { fg: self.level.step(cell.fg), bg: self.level.step(cell.bg), modifier: cell.modifier };
        let mut cells: Cells<'a> = content.map(|(x, y, cell)| (x, y, pen(cell), cell.symbol())).collect();
        let mut text = written(&cells);
        if text.len() >= LARGE {
            by_style(&mut cells);
            let other = written(&cells);
            if other.len() < text.len() {
                text = other;
            }
        }
        self.frame.append(&mut text);
        Ok(())
    }

    // The terminal's own cursor stays hidden all the time: the text fields draw theirs.
    fn hide_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, _position: P) -> io::Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.frame.extend_from_slice(b"\x1b[0m\x1b[2J");
        Ok(())
    }

    fn clear_region(&mut self, _region: ClearType) -> io::Result<()> {
        self.clear()
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        self.frame.splice(0..0, BEGIN.iter().copied());
        self.frame.extend_from_slice(END);
        if self.asks {
            self.frame.extend_from_slice(QUESTION);
            self.sent += self.frame.len();
        }
        self.out.write_all(&self.frame)?;
        self.out.flush()?;
        self.took = started.elapsed();
        self.frame.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::style::Style;

    use super::*;

    fn written(level: ColorLevel, style: Style) -> String {
        let mut terminal = Terminal::new(Screen::new(Vec::new(), Size::new(4, 1), level)).unwrap();
        terminal.draw(|frame| frame.buffer_mut().set_style(ratatui::layout::Rect::new(1, 0, 2, 1), style)).unwrap();
        String::from_utf8(terminal.backend().out.clone()).unwrap()
    }

    #[test]
    fn a_frame_is_one_synchronized_write_and_an_unchanged_one_is_none() {
        let mut terminal = Terminal::new(Screen::new(Vec::new(), Size::new(10, 2), ColorLevel::True)).unwrap();
        let draw = |frame: &mut ratatui::Frame<'_>| frame.buffer_mut().set_string(2, 1, "abc", Style::new().bold());
        terminal.draw(draw).unwrap();
        assert_eq!(terminal.backend().out, b"\x1b[?2026h\x1b[2;3H\x1b[1mabc\x1b[0m\x1b[?2026l");
        let before = terminal.backend().out.len();
        terminal.draw(draw).unwrap();
        assert_eq!(terminal.backend().out.len(), before);
    }

    #[test]
    fn colours_are_stepped_down_and_bold_survives_without_colour() {
        let style = Style::new().fg(Color::Rgb(224, 108, 117)).bold().reversed();
        assert!(written(ColorLevel::True, style).contains("\x1b[1;7;38;2;224;108;117m"));
        assert!(written(ColorLevel::Ansi256, style).contains("\x1b[1;7;38;5;168m"));
        assert!(written(ColorLevel::Ansi16, style).contains("\x1b[1;7;91m"));
        assert!(written(ColorLevel::None, style).contains("\x1b[1;7m"));
    }

    proptest::proptest! {
        #[test]
        fn large_frames_look_the_same_in_whatever_order_they_are_written(
            frames in proptest::collection::vec(proptest::collection::vec((0usize..4, 0usize..12), 40 * 20), 2),
        ) {
            let styles = [
                Style::new(),
                Style::new().fg(Color::Rgb(1, 2, 3)),
                Style::new().fg(Color::Red).bg(Color::Rgb(9, 9, 9)).bold(),
                Style::new().reversed(),
            ];
            let mut terminal = Terminal::new(Screen::new(Vec::new(), Size::new(40, 20), ColorLevel::True)).unwrap();
            let mut emulator = vt100::Parser::new(20, 40, 0);
            for frame in frames {
                terminal.backend_mut().out.clear();
                terminal
                    .draw(|into| {
                        for (cell, (style, letter)) in into.buffer_mut().content.iter_mut().zip(&frame) {
                            cell.set_symbol(["a", "b"].get(*letter).unwrap_or(&" ")).set_style(styles[*style]);
                        }
                    })
                    .unwrap();
                emulator.process(&terminal.backend().out);
                for (i, (style, letter)) in frame.iter().enumerate() {
                    let cell = emulator.screen().cell(i as u16 / 40, i as u16 % 40).unwrap();
                    let shown = cell.contents();
                    proptest::prop_assert_eq!(["a", "b"].get(*letter).copied().unwrap_or(""), shown.trim());
                    proptest::prop_assert_eq!((cell.inverse(), cell.bold()), (*style == 3, *style == 2));
                    let background = if *style == 2 { vt100::Color::Rgb(9, 9, 9) } else { vt100::Color::Default };
                    proptest::prop_assert_eq!(cell.bgcolor(), background);
                }
            }
        }
    }
}
