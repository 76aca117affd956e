//! The pictures of the README, made from real runs: `screenshots/make`.
//!
//! They are tests so that they use what the other tests use; they are not run with them because they write files.
#![allow(clippy::unwrap_used)]

#[path = "support/cast.rs"]
mod cast;
#[cfg(feature = "libvirt")]
#[path = "support/lab.rs"]
mod lab;
#[path = "support/picture.rs"]
mod picture;
#[path = "support/terminal.rs"]
mod terminal;

use std::path::Path;

use terminal::Terminal;

const DARK: &str = "#0d1117";
const LIGHT: &str = "#ffffff";

fn keep(terminal: &Terminal, name: &str, ground: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots").join(format!("{name}.svg"));
    std::fs::write(path, picture::svg(&terminal.screen(), ground)).unwrap();
}

/// A console on the four sites of 2012 with 10 240 VMs whose loads have been told.
fn fleet(arguments: &[&str], columns: u16, rows: u16) -> Terminal {
    let arguments: Vec<&str> = ["--vms", "10240", "--speed", "2"].iter().chain(arguments).copied().collect();
    let terminal = Terminal::start(&arguments, columns, rows);
    terminal.wait_until("loads and violations", |screen| screen.contains("10 240 up") && screen.contains(" over"));
    terminal.wait_until("ages", |screen| screen.contains("<1 m"));
    terminal
}

#[test]
#[ignore = "writes files: screenshots/make"]
fn overview() {
    let mut terminal = fleet(&[], 120, 36);
    keep(&terminal, "overview", DARK);
    terminal.keys("b");
    terminal.wait_for("Boot VMs");
    terminal.keys("\x1b[C\x15");
    terminal.keys("2000");
    terminal.wait_for("2 000 VMs on");
    keep(&terminal, "boot-dialog", DARK);
    terminal.press("Boot 2 000 VMs");
    terminal.wait_until("a part of them done", |screen| screen.contains("p95") && screen.contains(" running"));
    terminal.keys("/state:starting\r");
    terminal.wait_until("the filter", |screen| screen.contains(" of 12 240"));
    keep(&terminal, "boot-storm", DARK);
}

#[test]
#[ignore = "writes files: screenshots/make"]
fn a_move_in_preview() {
    let mut terminal = fleet(&[], 120, 36);
    terminal.keys("/site:nancy and cpu > 60 %\r");
    terminal.wait_until("the filter", |screen| screen.contains(" of 10 240"));
    terminal.keys("*m");
    terminal.wait_for("to hosts");
    terminal.keys("\x15site:rennes or site:sophia");
    terminal.wait_for("to send");
    keep(&terminal, "migrate-preview", DARK);
}

#[test]
#[ignore = "writes files: screenshots/make"]
fn other_looks() {
    let terminal = fleet(&["--theme", "light"], 120, 36);
    keep(&terminal, "overview-light", LIGHT);
    let mut terminal = fleet(&[], 80, 24);
    keep(&terminal, "overview-80x24", DARK);
    terminal.keys("?");
    terminal.wait_for("Enlarges the panel");
    keep(&terminal, "keys", DARK);
    let mut terminal = fleet(&[], 200, 50);
    terminal.keys("2z");
    terminal.wait_until("the heatmap alone", |screen| !screen.contains("vm-1 ") && screen.contains("sophia"));
    keep(&terminal, "heatmap", DARK);
}

/// A view: its picture's name, the keys that lead to it, what is on the screen then. Each is made in the dark and in the
/// light theme. To have another one, add a line.
const VIEWS: [(&str, &str, &str); 14] = [
    ("host-table", "5", "paradent-1 "),
    ("tree", "6", "rennes"),
    ("events", "7", "events"),
    ("findings", "8", "findings"),
    ("pulse", "9", "pulse"),
    ("settings", ",", "settings"),
    ("vm", "3\r", "› vm-1"),
    ("host", "2\r", "paradent-1"),
    ("vms", "3z", "vm-1 "),
    ("hosts", "2z", "paradent"),
    ("command-line", ":fil", "filter"),
    ("palette", "\x10mig", "migrate"),
    ("limits", "l", "moves per link"),
    ("tour", "\x1bOQ", "Tour 1 of 5"),
];

#[test]
#[ignore = "writes files: screenshots/make"]
fn views() {
    for (theme, ground, ending) in [("dark", DARK, ""), ("light", LIGHT, "-light")] {
        for (name, keys, there) in VIEWS {
            let mut terminal = fleet(&["--theme", theme], 120, 36);
            let before = terminal.text();
            terminal.keys(keys);
            terminal.wait_until(name, |screen| *screen != before && screen.contains(there));
            keep(&terminal, &format!("{name}{ending}"), ground);
        }
    }
}

/// The demo at its own pace: the cast, and the picture that moves, which is shown where casts are not.
#[test]
#[ignore = "writes files: screenshots/make"]
fn demo() {
    let mut terminal = Terminal::start(&["--demo", "--theme", "dark"], 100, 30);
    for step in ["2 of 11", "4 of 11", "6 of 11", "8 of 11", "10 of 11", ": the end"] {
        terminal.wait_for(step);
    }
    let (bytes, times) = (terminal.raw(), terminal.times());
    terminal.keys("x");
    let cast = cast::Cast::new(100, 30, &bytes, &times);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    std::fs::write(folder.join("demo.cast"), cast.asciicast("Hemera")).unwrap();
    let svg = cast.svg(DARK);
    assert!(svg.len() < 1_500_000, "{} bytes are too many for a README", svg.len());
    std::fs::write(folder.join("demo.svg"), svg).unwrap();
}

#[cfg(feature = "libvirt")]
#[test]
#[ignore = "writes files: screenshots/make"]
fn real_vms() {
    let Some(lab) = lab::Lab::take() else { return };
    let mut terminal = Terminal::start(&lab.console(), 120, 36);
    terminal.wait_until("two hosts that answer", |screen| screen.contains("2 hosts") && screen.contains("of 2 cores"));
    terminal.keys("b");
    terminal.wait_for("Boot VMs");
    terminal.keys("\x156");
    terminal.press("Boot 6 VMs");
    terminal.wait_for("6 up");
    terminal.keys("*m");
    terminal.wait_for("by free memory");
    terminal.keys("\x1b[Z\x1b[C");
    terminal.wait_for("to send");
    terminal.press("Migrate 6 VMs");
    terminal.wait_until("moves under way", |screen| screen.contains("migrating") && screen.contains("#2"));
    keep(&terminal, "real-vms", DARK);
    terminal.wait_until("the moves' end", |screen| screen.contains("0 open, 2 ended"));
}
