use KeyCode::{BackTab, Char, Delete, Down, End, Enter, Esc, F, Home, Left, PageDown, Tab, Up};
use proptest::prelude::*;

use super::*;

const NONE: KeyModifiers = KeyModifiers::NONE;
const CONTROL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;

/// Everything that some bytes mean, without what means nothing.
fn all(mut bytes: &[u8]) -> Vec<Said> {
    let mut said = Vec::new();
    while let Some((one, used)) = parse(bytes, false) {
        bytes = &bytes[used..];
        said.extend((one != Said::Nothing).then_some(one));
    }
    assert!(bytes.is_empty(), "{bytes:?} is left of it");
    said
}

#[test]
fn keys_as_terminals_send_them() {
    for (bytes, code, modifiers) in [
        (&b"a"[..], Char('a'), NONE),
        (b"A", Char('A'), SHIFT),
        ("é".as_bytes(), Char('é'), NONE),
        ("漢".as_bytes(), Char('漢'), NONE),
        (b"\x1b", Esc, NONE),
        (b"\r", Enter, NONE),
        (b"\t", Tab, NONE),
        (b"\n", Char('j'), CONTROL),
        (b"\x03", Char('c'), CONTROL),
        (b"\x00", Char(' '), CONTROL),
        (b"\x1c", Char('4'), CONTROL),
        (b"\x7f", KeyCode::Backspace, NONE),
        (b"\x1bx", Char('x'), ALT),
        (b"\x1bO", Char('O'), ALT | SHIFT),
        (b"\x1b\x18", Char('x'), ALT | CONTROL),
        (b"\x1b[A", Up, NONE),
        (b"\x1bOB", Down, NONE),
        (b"\x1bOP", F(1), NONE),
        (b"\x1b[[C", F(3), NONE),
        (b"\x1b[1;5D", Left, CONTROL),
        (b"\x1b[1;2A", Up, SHIFT),
        (b"\x1b[1;4B", Down, SHIFT | ALT),
        (b"\x1b[H", Home, NONE),
        (b"\x1b[4~", End, NONE),
        (b"\x1b[3;5~", Delete, CONTROL),
        (b"\x1b[6~", PageDown, NONE),
        (b"\x1b[Z", BackTab, SHIFT),
        (b"\x1b[15~", F(5), NONE),
        (b"\x1b[17~", F(6), NONE),
        (b"\x1b[24~", F(12), NONE),
        (b"\x1b[1;2R", F(3), SHIFT),
        (b"\x1b[97;5u", Char('a'), CONTROL),
    ] {
        assert_eq!(all(bytes), [key(code, modifiers)], "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn keys_one_after_another_are_told_apart() {
    assert_eq!(all(b"\x1b\x1b[Ba"), [key(Esc, NONE), key(Down, NONE), key(Char('a'), NONE)]);
}

#[test]
fn the_mouse_in_three_languages() {
    let at = |kind, column, row| Said::Event(Event::Mouse(MouseEvent { kind, column, row, modifiers: NONE }));
    let left = MouseButton::Left;
    assert_eq!(all(b"\x1b[<0;120;36M"), [at(MouseEventKind::Down(left), 119, 35)]);
    assert_eq!(all(b"\x1b[<0;1;1m"), [at(MouseEventKind::Up(left), 0, 0)]);
    assert_eq!(all(b"\x1b[<32;3;4M"), [at(MouseEventKind::Drag(left), 2, 3)]);
    assert_eq!(all(b"\x1b[<64;3;4M"), [at(MouseEventKind::ScrollUp, 2, 3)]);
    assert_eq!(all(b"\x1b[<65;3;4M"), [at(MouseEventKind::ScrollDown, 2, 3)]);
    assert_eq!(all(b"\x1b[<35;3;4M"), [at(MouseEventKind::Moved, 2, 3)]);
    assert_eq!(all(b"\x1b[M !!"), [at(MouseEventKind::Down(left), 0, 0)]);
    assert_eq!(all(b"\x1b[32;3;4M"), [at(MouseEventKind::Down(left), 2, 3)]);
}

#[test]
fn pasted_text_is_no_keys() {
    let paste = |text: &str| Said::Event(Event::Paste(text.into()));
    assert_eq!(all(b"\x1b[200~q\x1b[Aq\x1b[201~"), [paste("q\x1b[Aq")]);
    assert_eq!(parse(b"\x1b[200~half of i", false), None);
}

#[test]
fn answers_are_no_keys_and_what_is_unknown_is_nothing() {
    assert_eq!(all(b"\x1b[0n"), [Said::Answer]);
    assert_eq!(all(b"j\x1b[0nk"), [key(Char('j'), NONE), Said::Answer, key(Char('k'), NONE)]);
    assert_eq!(all(b"\x1b[?62;22c\x1b[12;40R\x1b[8;36;120t"), []);
}

#[test]
fn what_arrives_in_parts_waits_for_the_rest() {
    for part in [&b"\x1b["[..], b"\x1b[1;", b"\x1b[<0;1", b"\x1b[[", b"\x1b[M!", "漢".as_bytes().split_at(2).0] {
        assert_eq!(parse(part, false), None, "{part:?}");
    }
    assert_eq!(parse(b"\x1b", true), None);
}

proptest! {
    #[test]
    fn any_bytes_are_survived_and_used_up(bytes in proptest::collection::vec(any::<u8>(), 0..200), more: bool) {
        let mut rest = &bytes[..];
        while let Some((_, used)) = parse(rest, more) {
            prop_assert!(used > 0 && used <= rest.len());
            rest = &rest[used..];
        }
    }
}

#[test]
fn a_paste_without_an_end_is_taken_as_far_as_it_came() {
    let mut lost = b"\x1b[200~half a".to_vec();
    assert_eq!(parse(&lost, false), None);
    assert_eq!(cut_short(&lost).as_deref(), Some("half a"));
    assert_eq!(cut_short(b"\x1b[1;"), None);
    lost.resize(LARGEST + 100, b'x');
    let Some((Said::Event(Event::Paste(text)), used)) = parse(&lost, false) else { panic!("no paste") };
    assert_eq!((text.len() + PASTE.len(), used), (lost.len(), lost.len()));
}

#[test]
fn the_background_is_told_between_keys() {
    let told = |end: &str| format!("a\x1b]11;rgb:ffff/ffff/ffff{end}b").into_bytes();
    let a_and_b = |said: Said| [key(Char('a'), NONE), said, key(Char('b'), NONE)];
    let white = || Said::Background("11;rgb:ffff/ffff/ffff".into());
    for end in ["\x07", "\x1b\\"] {
        assert_eq!(all(&told(end)), a_and_b(white()), "{end:?}");
    }
    // In part it is waited for; what only begins so is typed.
    for part in [&b"\x1b]1"[..], b"\x1b]11;rgb:ff", b"\x1b]11;rgb:ff\x1b"] {
        assert_eq!(parse(part, false), None, "{part:?}");
    }
    assert_eq!(all(b"\x1b]"), [key(Char(']'), ALT)]);
    assert_eq!(all(b"\x1b]12"), [key(Char(']'), ALT), key(Char('1'), NONE), key(Char('2'), NONE)]);
    assert_eq!(all(b"\x1b]11;rgb\x1b[A"), [key(Up, NONE)]);
}
