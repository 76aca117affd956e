//! A VM from close by: serial console, screen, definition.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::Event;
use hemera::console::ColorLevel;
use hemera::handle::About;

use crate::driver::{Console, Setup};
use crate::{busy, dump, fake};

/// Real hosts, as far as the console is told.
fn real(width: u16, height: u16) -> Setup {
    let mut snapshot = fake::snapshot(fake::fleet(1024), fake::operations());
    snapshot.about = Arc::new(About { platform: "libvirt".into(), speed: 1.0, ..(*snapshot.about).clone() });
    Setup::new(snapshot, width, height)
}

/// Each part by the key that opens it, and what it shows when it is there.
const WINGS: [(&str, &str, &str); 4] = [
    ("overview", "", "running (booted)"),
    ("console", "c", "hemera guest is up"),
    ("screen", "v", "72 "),
    ("definition", "d", "<name>vm-1</name>"),
];

#[test]
fn every_part_at_every_size() {
    for (width, height) in [(40, 10), (80, 24), (120, 36)] {
        for (name, keys, there) in WINGS {
            let console = real(width, height).start();
            console.shows("vm-1 ").keys("Enter").shows("› vm-1").keys(keys);
            // The smallest page of a VM begins with its tasks.
            if width > 40 || !keys.is_empty() {
                // There is no room for the picture's size in the smallest.
                console.shows(if width > 40 || name != "screen" { there } else { "▀" }).quiet();
                dump(&console, &format!("room_{name}_{width}x{height}"));
                insta::assert_snapshot!(format!("room_{name}_{width}x{height}"), console.text());
            }
            console.end();
        }
    }
    let console = real(80, 24).start();
    console.shows("vm-1 ").keys("Enter c").shows("hemera guest is up").quiet();
    insta::assert_snapshot!("room_console_styles", console.styled());
    console.keys("v").shows("72 ").quiet();
    insta::assert_snapshot!("room_screen_styles", console.styled());
    console.end();
}

#[test]
fn without_colours_a_screen_is_told_by_shades() {
    let plain = |setup: Setup| {
        setup.options(|o| {
            o.color = ColorLevel::None;
            o.ascii = true;
        })
    };
    for (name, keys, there) in WINGS {
        let console = plain(real(80, 24)).start();
        console.shows("vm-1 ").keys("Enter").shows("> vm-1").keys(keys).shows(there).quiet();
        assert!(console.text().is_ascii(), "{}", console.text());
        dump(&console, &format!("room_{name}_ascii"));
        insta::assert_snapshot!(format!("room_{name}_ascii"), console.text());
        console.end();
    }
}

fn typed(console: &Console) -> String {
    String::from_utf8(console.typed()).unwrap()
}

/// Waits until this was typed and nothing else.
fn typed_in_the_end(console: &Console, expected: &str) {
    let began = Instant::now();
    while typed(console) != expected {
        assert!(began.elapsed() < Duration::from_mins(1), "{:?} instead of {expected:?}", typed(console));
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn what_is_typed_goes_to_the_guest_until_ctrl_bracket() {
    let console = real(100, 30).start();
    console.shows("vm-1 ").keys("Enter c").shows("hemera guest is up");
    console.keys("Esc").shows("Timeline").keys("c").shows("hemera guest is up").keys("Enter");
    // Nobody loses it unasked.
    console.shows("somebody else has the console of vm-1; F takes it from them");
    assert_eq!(typed(&console), "");
    console.keys("F").shows("typing: ctrl-] leaves").shows("goes to the guest");
    // What would do something else in the console: leave, quit, filter, destroy.
    console.keys("\"echo_q\" Esc ctrl-c / D Up Enter Backspace").shows("echo q");
    console.keys("ctrl-5").shows("reading");
    typed_in_the_end(&console, "echo q\u{1b}\u{3}/D\u{1b}[A\r\u{7f}");
    // From here on keys are the console's own again.
    console.keys("g").shows("Linux version").keys("i").shows("typing").keys("z ctrl-]").shows("reading");
    typed_in_the_end(&console, "echo q\u{1b}\u{3}/D\u{1b}[A\r\u{7f}z");
    console.keys("Esc").shows("Timeline").keys("Esc").shows("vm-2 ");
    console.end();
}

#[test]
fn a_console_that_only_reads_never_types() {
    let console = real(100, 30).options(|o| o.read_only = true).start();
    console.shows("vm-1 ").keys("Enter c").shows("hemera guest is up");
    for keys in ["Enter", "i", "F"] {
        console.keys(keys).shows("this console is read-only").keys("j").hides("this console is read-only");
    }
    console.keys("\"rm\"").quiet();
    assert_eq!(typed(&console), "");
    console.end();
}

#[test]
fn one_scrolls_looks_for_and_saves_what_was_said() {
    let home = tempfile::tempdir().unwrap();
    let console = real(100, 24).start();
    console.shows("vm-1 ").keys("Enter c").shows("hemera guest is up").hides("Linux version");
    console.keys("g").shows("Linux version").shows("lines up").keys("G").shows("guest is up").hides("Linux version");
    console.keys("/ \"DEVICE_7\" Enter").shows_all(&["1 of 1 found", "device 7 is there"]);
    console.keys("Esc").hides("of 1 found");
    console.keys("/ \"device_1\" Enter").shows("11 of 11 found").keys("n").shows("1 of 11 found").shows("device 1 is");
    console.keys("N").shows("11 of 11 found").keys("Esc");
    let file = home.path().join("said.log");
    console.keys("X").shows("Save the console of vm-1").keys("ctrl-u");
    console.event(Event::Paste(file.display().to_string()));
    console.keys("Enter Enter");
    console.shows("43 rows in");
    let said = std::fs::read_to_string(&file).unwrap();
    assert!(said.starts_with("[    0.000000] Linux version") && said.ends_with("hemera guest is up\n~ #\n"), "{said}");

    console.keys("d").shows("<domain type").keys("G").shows("</domain>").keys("/ \"number='30'\" Enter");
    console.shows_all(&["1 of 1 found", "number='30'"]).keys("Esc Right").shows("lines up");
    console.keys("Left Left").shows("72 ").keys("Tab").shows("of 63").keys("BackTab").shows("72 ");
    console.end();
}

#[test]
fn simulated_vms_say_that_there_is_nothing_to_see() {
    let console = busy(120, 36).start();
    console.shows("vm-1 ").keys("Enter").shows("Timeline").keys("c").shows("simulated: it has neither console");
    console.hides("libvirt ");
    console.end();
}
