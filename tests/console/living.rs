//! What the console writes and survives: nothing when nothing changed, any size, any keys.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use hemera::console::Signal;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::driver::Setup;
use crate::{busy, fake};

#[test]
fn nothing_is_written_when_nothing_changed() {
    let console = busy(120, 36).start();
    console.shows("vm-14");
    // A key that means nothing, and one whose effect shows that the first was taken.
    console.keys("End").shows("vm-10240");
    let (frames, bytes) = (console.frames(), console.bytes().len());
    console.keys("End End").publish(fake::snapshot(fake::fleet(10_240), fake::operations()));
    console.publish(fake::snapshot(fake::fleet(10_240), fake::operations()));
    console.keys("Up").wait_until("cursor one up", |s| s.contains("▸  vm-10239"));
    assert_eq!(console.frames(), frames + 1);
    // Moving the cursor costs two rows.
    assert!(console.bytes().len() - bytes < 1200, "{}", console.bytes().len() - bytes);
    console.end();
}

#[test]
fn a_frame_is_one_synchronized_update() {
    let console = busy(80, 24).start();
    console.shows("vm-8").keys("Down Down Down").wait_until("cursor", |s| s.contains("▸  vm-4"));
    let bytes = console.bytes();
    let count = |what: &[u8]| bytes.windows(what.len()).filter(|w| *w == what).count();
    assert_eq!((count(b"\x1b[?2026h"), count(b"\x1b[?2026l")), (console.frames(), console.frames()));
    assert!(bytes.starts_with(b"\x1b[?2026h") && bytes.ends_with(b"\x1b[?2026l"));
    console.end();
}

#[test]
fn every_size_from_one_cell_on_is_survived() {
    let console = busy(80, 24).start();
    console.shows("vm-8").keys("? Esc 4 Enter").shows("what happens");
    for (width, height) in [
        (1, 1),
        (0, 0),
        (39, 15),
        (40, 9),
        (40, 10),
        (59, 15),
        (60, 14),
        (60, 15),
        (2, 60),
        (400, 3),
        (400, 120),
        (61, 16),
    ] {
        console.resize(width, height);
    }
    console.resize(39, 10).shows("needs 40 x 10");
    console.resize(100, 30).shows("what happens").keys("Esc").shows("Hosts");
    console.end();
}

#[test]
fn whatever_lies_over_the_panels_survives_the_smallest_layout() {
    // Help, palette, and dialogs with and without fields.
    for (keys, shown) in [("?", "Keys"), (":", "Command"), ("b", "Boot VMs"), ("D", "Destroy")] {
        let console = busy(120, 36).start();
        console.shows("vm-8").keys(keys).shows(shown);
        console.resize(40, 10).wait_until("a frame at 40x10", |s| s.lines().count() <= 10 && s.contains('╭'));
        console.resize(120, 36).shows(shown);
        // Sizes that come and go before anything is drawn: the terminal has lost what it showed all the same.
        for (width, height) in [(1, 1), (0, 0), (59, 15), (60, 14), (60, 15), (2, 60), (400, 3), (400, 120), (120, 36)]
        {
            console.resize(width, height);
        }
        console.shows(shown);
        console.end();
    }
}

#[test]
fn signals_redraw_and_end() {
    let console = busy(80, 24).start();
    console.shows("vm-8");
    let frames = console.frames();
    console.signal(Signal::Continue);
    console.wait_until("the screen drawn again", |s| s.contains("vm-8"));
    console.keys("Down").wait_until("cursor", |s| s.contains("▸  vm-2"));
    assert!(console.frames() > frames);
    console.signal(Signal::End);
    console.ended();
}

#[test]
fn an_engine_that_is_gone_is_said_and_nothing_can_be_done() {
    let console = Setup::new(fake::snapshot(fake::fleet(100), Vec::new()), 120, 36).engine_gone().start();
    console.shows("engine gone, as of 12:34").keys("b").shows("boot: the engine is gone").keys("q");
    console.ended();
}

/// Keys that a keymap or a dialog knows, and some that none knows.
fn any_event() -> impl Strategy<Value = Event> {
    let code = prop_oneof![
        8 => prop::char::ranges(vec![' '..='~'].into()).prop_map(KeyCode::Char),
        4 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down, KeyCode::Left,
            KeyCode::Right, KeyCode::Home, KeyCode::End, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Backspace,
            KeyCode::Delete, KeyCode::F(1), KeyCode::Insert,
        ]),
    ];
    let modifiers = prop_oneof![
        6 => Just(KeyModifiers::NONE),
        1 => Just(KeyModifiers::CONTROL),
        1 => Just(KeyModifiers::SHIFT),
    ];
    prop_oneof![
        20 => (code, modifiers).prop_map(|(code, modifiers)| Event::Key(KeyEvent::new(code, modifiers))),
        1 => (1u16..200, 1u16..70).prop_map(|(w, h)| Event::Resize(w, h)),
        1 => "[a-z:{}>]{0,12}".prop_map(Event::Paste),
    ]
}

#[test]
fn random_keys_never_panic_and_escape_always_leads_home() {
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    runner
        .run(&prop::collection::vec(any_event(), 200..300), |events| {
            // Nobody types the way through a confirmation by chance: no dangerous command may come out.
            let console = Setup::new(fake::snapshot(fake::fleet(1_000), fake::operations()), 120, 36).start();
            for event in events {
                // The program's end is not what this is about; X would write files here.
                let left_out = ['q', 'Q', 'c', 'z', 'Z', 'X'];
                let skipped = matches!(&event, Event::Key(k) if left_out.iter().any(|c| k.code == KeyCode::Char(*c)));
                if !skipped {
                    console.event(event);
                }
            }
            console.resize(120, 36);
            console.keys("Esc Esc Esc Esc Esc Esc Esc Esc Esc Esc Esc Esc");
            console.wait_until("home", |s| {
                s.contains("Sites")
                    && s.contains("Hosts")
                    && s.contains("Operations")
                    && s.contains("1 000 VMs")
                    && !s.contains("of 1 000 VMs")
            });
            console.end();
            Ok(())
        })
        .unwrap();
}
