//! Copying to the clipboard of the terminal that the operator sits at, however many connections away it is.
//!
//! The terminal is asked by OSC 52. What lies between often must be told to let that through:
//!
//! - tmux takes OSC 52 itself where `set-clipboard` is `on`; with `external`, its default, it ignores it. What is wrapped
//!   into its own sequence is passed on as it is where `allow-passthrough` is on, and always before tmux 3.3. Both are
//!   sent: where both work, the clipboard is set twice to the same.
//! - screen knows nothing of OSC 52, and passes on what is wrapped into DCS, in pieces that fit its buffer.
//!
//! Whether a terminal does as asked cannot be found out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratatui::buffer::Buffer;

use super::format::{count, counted};
use crate::fleet::Bytes;

/// The longest text that is copied, in bytes: many terminals ignore more than 100 kB.
pub(crate) const LONGEST: usize = 74_000;
/// The longest piece that screen takes: its buffer was 256 bytes once.
const PIECE: usize = 240;

/// What stands between the console and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiplexer {
    /// Nothing that minds.
    #[default]
    None,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

impl Multiplexer {
    /// What the environment says: `TMUX` or `STY` is set inside.
    pub fn from_env(var: &impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| var(name).is_some_and(|value| !value.is_empty());
        if set("TMUX") {
            Self::Tmux
        } else if set("STY") {
            Self::Screen
        } else {
            Self::None
        }
    }
}

/// What waits to be copied.
#[derive(Debug, Default)]
pub(crate) struct Clipboard {
    between: Multiplexer,
    /// What goes to the terminal with the next frame.
    pub outgoing: Option<Vec<u8>>,
    /// Whether the next frame is to be copied.
    pub screen: bool,
}

impl Clipboard {
    pub(crate) fn new(between: Multiplexer) -> Self {
        Self { between, ..Self::default() }
    }

    /// Copies a text of so many things with the next frame; says what was copied, or why nothing is.
    pub(crate) fn copy(&mut self, text: &str, things: usize, noun: &str) -> Result<String, String> {
        if text.is_empty() {
            return Err(format!("there is no {noun} to copy"));
        }
        let size = |bytes: usize| {
            if bytes < 1000 { counted(bytes, "byte") } else { Bytes(bytes as u64).to_string() }
        };
        if text.len() > LONGEST {
            return Err(format!("not copied: terminals take {} at most", size(LONGEST)));
        }
        self.outgoing = Some(sequence(text, self.between));
        let what = if things == 1 { format!("1 {noun}") } else { format!("{} {noun}s", count(things)) };
        Ok(format!("copied {what}, {}", size(text.len())))
    }
}

fn sequence(text: &str, between: Multiplexer) -> Vec<u8> {
    let plain = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    match between {
        Multiplexer::None => plain.into_bytes(),
        Multiplexer::Tmux => {
            let wrapped = format!("\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b"));
            (plain + &wrapped).into_bytes()
        }
        Multiplexer::Screen => {
            let pieces = plain.as_bytes().chunks(PIECE);
            pieces.flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect()
        }
    }
}

/// Names or rows after one another, as long as they can be copied; what is too long is longer than that by one at most.
pub(crate) fn lines(all: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for line in all {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
        if text.len() > LONGEST {
            break;
        }
    }
    text
}

/// What a screen says, without what fills its lines.
pub(crate) fn text_of(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let line: String = (buffer.area.left()..buffer.area.right()).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_terminal_gets_what_it_understands() {
        let of = |between| String::from_utf8(sequence("vm-1", between)).unwrap();
        assert_eq!(of(Multiplexer::None), "\x1b]52;c;dm0tMQ==\x07");
        assert_eq!(of(Multiplexer::Tmux), "\x1b]52;c;dm0tMQ==\x07\x1bPtmux;\x1b\x1b]52;c;dm0tMQ==\x07\x1b\\");
        assert_eq!(of(Multiplexer::Screen), "\x1bP\x1b]52;c;dm0tMQ==\x07\x1b\\");
        let long = sequence(&"x".repeat(600), Multiplexer::Screen);
        let long = String::from_utf8(long).unwrap();
        assert_eq!(long.matches("\x1bP").count(), long.matches("\x1b\\").count());
        let joined: String = long.split("\x1b\\").map(|piece| piece.trim_start_matches("\x1bP")).collect();
        assert_eq!(joined.as_bytes(), sequence(&"x".repeat(600), Multiplexer::None));
    }

    #[test]
    fn what_is_copied_is_said_and_too_much_is_refused() {
        let mut clipboard = Clipboard::default();
        assert_eq!(clipboard.copy("vm-1\nvm-2", 2, "name"), Ok("copied 2 names, 9 bytes".into()));
        assert!(clipboard.outgoing.is_some());
        clipboard.outgoing = None;
        let names = lines((0..1_000_000).map(|i| format!("vm-{i}")));
        assert!(names.len() < LONGEST + 20);
        assert!(clipboard.copy(&names, 1_000_000, "name").unwrap_err().contains("at most"));
        assert!(clipboard.copy("", 0, "name").is_err() && clipboard.outgoing.is_none());
    }

    #[test]
    fn tmux_and_screen_are_known_by_what_they_set() {
        let of = |set: &'static str| Multiplexer::from_env(&|name| (name == set).then(|| "x".to_owned()));
        assert_eq!((of("TMUX"), of("STY"), of("TERM")), (Multiplexer::Tmux, Multiplexer::Screen, Multiplexer::None));
    }
}
