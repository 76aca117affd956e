//! Bytes from a terminal as events: what xterm and those that follow it send.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// No sequence is longer, pasted text aside.
const LONGEST: usize = 64;
/// A paste that has not ended by then has lost its end.
const LARGEST: usize = 1 << 20;
/// How the answer to the question for the background begins.
const BACKGROUND: &[u8] = b"\x1b]11;";
const PASTE: &[u8] = b"\x1b[200~";
const PASTED: &[u8] = b"\x1b[201~";

/// What some bytes mean.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// Something happened.
    Event(Event),
    /// The terminal answers that it is well (`CSI 0 n`).
    Answer,
    /// The terminal says what its background is (`OSC 11 ; colour`), in these words.
    Background(String),
    /// Nothing that is known.
    Nothing,
}

/// What the first bytes mean, and how many they are; none where the rest has still to come. `more` bytes are certain to
/// come: without them, a lone escape is the key.
pub(super) fn parse(bytes: &[u8], more: bool) -> Option<(Said, usize)> {
    match *bytes.first()? {
        0x1b => escape(bytes, more),
        first => character(first, bytes),
    }
}

/// The text that was pasted, of a paste whose end was lost; none for other sequences, which mean nothing without theirs.
pub(super) fn cut_short(bytes: &[u8]) -> Option<String> {
    bytes.strip_prefix(PASTE).map(|text| String::from_utf8_lossy(text).into_owned())
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Said {
    Said::Event(Event::Key(KeyEvent::new(code, modifiers)))
}

fn escape(bytes: &[u8], more: bool) -> Option<(Said, usize)> {
    let esc = (key(KeyCode::Esc, KeyModifiers::NONE), 1);
    match (bytes.get(1), bytes.get(2)) {
        (None, _) | (Some(b'O'), None) if more => None,
        (None | Some(0x1b), _) => Some(esc),
        (Some(b'['), _) => sequence(bytes),
        (Some(b']'), Some(_)) if BACKGROUND.starts_with(&bytes[..bytes.len().min(BACKGROUND.len())]) => told(bytes),
        (Some(b'O'), Some(&last)) => {
            let code = match last {
                b'M' => Some(KeyCode::Enter),
                b'R' => Some(KeyCode::F(3)),
                _ => named(last),
            };
            Some((code.map_or(Said::Nothing, |code| key(code, KeyModifiers::NONE)), 3))
        }
        (Some(&next), _) => {
            let (said, used) = character(next, &bytes[1..])?;
            let Said::Event(Event::Key(mut event)) = said else { return Some((said, used + 1)) };
            event.modifiers |= KeyModifiers::ALT;
            Some((Said::Event(Event::Key(event)), used + 1))
        }
    }
}

/// What the terminal tells in words, up to the bell or `ESC \\`.
fn told(bytes: &[u8]) -> Option<(Said, usize)> {
    let end = bytes.iter().skip(2).position(|byte| matches!(byte, 7 | 0x1b)).map(|at| at + 2);
    let Some(end) = end else { return (bytes.len() > LONGEST).then_some((Said::Nothing, bytes.len())) };
    let after = match (bytes[end], bytes.get(end + 1)) {
        (7, _) => end + 1,
        (_, Some(b'\\')) => end + 2,
        (_, None) => return None,
        // Cut short by something else.
        _ => return Some((Said::Nothing, end)),
    };
    Some((Said::Background(String::from_utf8_lossy(&bytes[2..end]).into_owned()), after))
}

/// A key that sends one character.
fn character(first: u8, bytes: &[u8]) -> Option<(Said, usize)> {
    let control = |letter: u8| key(KeyCode::Char(char::from(letter)), KeyModifiers::CONTROL);
    let said = match first {
        b'\r' => key(KeyCode::Enter, KeyModifiers::NONE),
        b'\t' => key(KeyCode::Tab, KeyModifiers::NONE),
        0x7f => key(KeyCode::Backspace, KeyModifiers::NONE),
        0 => control(b' '),
        1..=0x1a => control(first - 1 + b'a'),
        0x1c..=0x1f => control(first - 0x1c + b'4'),
        _ => return text(bytes),
    };
    Some((said, 1))
}

fn text(bytes: &[u8]) -> Option<(Said, usize)> {
    let whole = match std::str::from_utf8(&bytes[..bytes.len().min(4)]) {
        Ok(whole) => whole,
        Err(error) if error.valid_up_to() > 0 => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        // The rest of a character that arrived in part is still to come.
        Err(error) => return error.error_len().map(|wrong| (Said::Nothing, wrong)),
    };
    let c = whole.chars().next()?;
    let modifiers = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    Some((key(KeyCode::Char(c), modifiers), c.len_utf8()))
}

/// A control sequence: `CSI parameters final`.
fn sequence(bytes: &[u8]) -> Option<(Said, usize)> {
    if bytes.starts_with(PASTE) {
        let text = &bytes[PASTE.len()..];
        let end = text.windows(PASTED.len()).position(|part| part == PASTED);
        if end.is_none() && text.len() > LARGEST {
            return Some((Said::Event(Event::Paste(String::from_utf8_lossy(text).into_owned())), bytes.len()));
        }
        let end = end?;
        let pasted = String::from_utf8_lossy(&text[..end]).into_owned();
        return Some((Said::Event(Event::Paste(pasted)), PASTE.len() + end + PASTED.len()));
    }
    match bytes.get(2)? {
        // The Linux console's first function keys.
        b'[' => {
            let last = *bytes.get(3)?;
            let said = if last.is_ascii_uppercase() && last <= b'E' {
                key(KeyCode::F(last - b'A' + 1), KeyModifiers::NONE)
            } else {
                Said::Nothing
            };
            return Some((said, 4));
        }
        // The mouse as X10 told it: three bytes follow.
        b'M' => {
            let &[button, x, y] = bytes.get(3..6)? else { return None };
            let at = |byte: u8| u16::from(byte.saturating_sub(33));
            return Some((mouse(u16::from(button.saturating_sub(32)), at(x), at(y), false), 6));
        }
        _ => {}
    }
    let parameters = bytes[2..].iter().take_while(|byte| (0x20..0x40).contains(*byte)).count();
    let Some(&last) = bytes.get(2 + parameters) else {
        return (parameters > LONGEST).then_some((Said::Nothing, bytes.len()));
    };
    if !(0x40..0x7f).contains(&last) {
        // Whatever it was, it was cut short.
        return Some((Said::Nothing, 2 + parameters));
    }
    let text = std::str::from_utf8(&bytes[2..2 + parameters]).unwrap_or_default();
    Some((meaning(text, last), 3 + parameters))
}

fn meaning(parameters: &str, last: u8) -> Said {
    if let Some(sgr) = parameters.strip_prefix('<') {
        let mut numbers = sgr.split(';').map_while(|n| n.parse::<u16>().ok());
        return match (numbers.next(), numbers.next(), numbers.next(), last) {
            (Some(button), Some(x), Some(y), b'M' | b'm') => {
                mouse(button, x.saturating_sub(1), y.saturating_sub(1), last == b'm')
            }
            _ => Said::Nothing,
        };
    }
    let mut fields = parameters.split(';').map(|field| field.split(':').map(|n| n.parse::<u32>().unwrap_or(0)));
    let mut first = fields.next().into_iter().flatten();
    let number = first.next().unwrap_or(0);
    let mut second = fields.next().into_iter().flatten();
    let held = held(second.next().unwrap_or(0));
    let kind = match second.next() {
        Some(2) => KeyEventKind::Repeat,
        Some(3) => KeyEventKind::Release,
        _ => KeyEventKind::Press,
    };
    let code = match last {
        b'I' => return Said::Event(Event::FocusGained),
        b'O' => return Said::Event(Event::FocusLost),
        b'n' if matches!(parameters, "0" | "3") => return Said::Answer,
        b'Z' => return key(KeyCode::BackTab, held | KeyModifiers::SHIFT),
        b'M' => {
            // The mouse as rxvt tells it.
            let mut numbers = parameters.split(';').skip(1).map_while(|n| n.parse::<u16>().ok());
            let (x, y) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(1));
            return mouse((number as u16).saturating_sub(32), x.saturating_sub(1), y.saturating_sub(1), false);
        }
        b'~' => numbered(number),
        b'u' => unicode(number),
        // With another first number it is where the cursor stands.
        b'R' if number <= 1 => Some(KeyCode::F(3)),
        _ => named(last),
    };
    code.map_or(Said::Nothing, |code| Said::Event(Event::Key(KeyEvent::new_with_kind(code, held, kind))))
}

/// Keys that a letter stands for.
const fn named(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P' => KeyCode::F(1),
        b'Q' => KeyCode::F(2),
        b'S' => KeyCode::F(4),
        _ => return None,
    })
}

/// Keys that a number stands for.
const fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number as u8 - 10),
        17..=21 => KeyCode::F(number as u8 - 11),
        23..=26 => KeyCode::F(number as u8 - 12),
        28..=29 => KeyCode::F(number as u8 - 13),
        31..=34 => KeyCode::F(number as u8 - 14),
        _ => return None,
    })
}

/// Keys by the character that they stand for.
fn unicode(number: u32) -> Option<KeyCode> {
    Some(match number {
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        _ => KeyCode::Char(char::from_u32(number).filter(|c| !c.is_control())?),
    })
}

/// Keys held down with another one: one more than the sum of their bits.
fn held(number: u32) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    let all = [
        KeyModifiers::SHIFT,
        KeyModifiers::ALT,
        KeyModifiers::CONTROL,
        KeyModifiers::SUPER,
        KeyModifiers::HYPER,
        KeyModifiers::META,
    ];
    all.into_iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, modifier)| modifier).collect()
}

fn mouse(code: u16, column: u16, row: u16, released: bool) -> Said {
    let number = code & 3 | (code & 0xc0) >> 4;
    let button = [MouseButton::Left, MouseButton::Middle, MouseButton::Right].get(usize::from(number)).copied();
    let kind = match (button, code & 32 != 0, number) {
        (Some(button), false, _) if released => MouseEventKind::Up(button),
        (Some(button), false, _) => MouseEventKind::Down(button),
        (Some(button), true, _) => MouseEventKind::Drag(button),
        (None, false, 3) => MouseEventKind::Up(MouseButton::Left),
        (None, true, 3..=5) => MouseEventKind::Moved,
        (None, false, 4) => MouseEventKind::ScrollUp,
        (None, false, 5) => MouseEventKind::ScrollDown,
        (None, false, 6) => MouseEventKind::ScrollLeft,
        (None, false, 7) => MouseEventKind::ScrollRight,
        _ => return Said::Nothing,
    };
    let held = [(4, KeyModifiers::SHIFT), (8, KeyModifiers::ALT), (16, KeyModifiers::CONTROL)];
    let modifiers = held.into_iter().filter(|(bit, _)| code & bit != 0).map(|(_, modifier)| modifier).collect();
    Said::Event(Event::Mouse(MouseEvent { kind, column, row, modifiers }))
}

#[cfg(test)]
mod tests;
