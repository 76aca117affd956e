//! The tour, taken as a newcomer does: by what it says, in the simulator, at its real speed.
#![allow(clippy::unwrap_used)]

#[path = "support/terminal.rs"]
mod terminal;

use terminal::Terminal;

/// What is to be typed by what the tour says after these words.
fn said(terminal: &Terminal, after: &str) -> String {
    let text = terminal.text().replace('│', " ");
    let text = text.split(after).nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("type ").nth(1).unwrap().split(',').next().unwrap().to_owned()
}

/// Moves the VM as the tour says it: away from its host.
fn migrate(terminal: &mut Terminal, after: &str, preview: &str) {
    terminal.wait_for(after);
    terminal.keys("m");
    terminal.wait_for("to hosts");
    terminal.wait_for(preview);
    terminal.press("Migrate 1 VM");
}

/// Takes the whole tour; `class` is how one gets to the class that it asks for, `rate` what it says to type.
fn take(terminal: &mut Terminal, class: &str, rate: &str) {
    terminal.keys("\x1bOQ");
    terminal.wait_for("Tour 1 of 5: boot");
    terminal.keys("b");
    terminal.wait_for("Boot VMs");
    terminal.keys(class);
    terminal.keys("8");
    terminal.press("Boot 8 VMs");
    terminal.wait_for("Tour 2 of 5: find");
    let name = said(terminal, "Find one VM");
    terminal.keys(&format!("/{name}\r"));
    terminal.wait_for("Tour 3 of 5: move");
    migrate(terminal, "while it runs", "to send");
    terminal.wait_for("Tour 4 of 5: stress");
    let text = terminal.text().replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&format!("type {rate},")), "{text}");
    // Too little at first: it says so.
    terminal.keys("s");
    terminal.press("Stress 1 VM");
    terminal.wait_for("It must write more.");
    terminal.keys("s");
    terminal.wait_for("dirty rate");
    terminal.keys(&format!("\t{rate}"));
    terminal.wait_for(&format!("{rate}  "));
    terminal.press("Stress 1 VM");
    terminal.wait_for("Tour 5 of 5: repair");
    migrate(terminal, "again: m", "doubtful");
    terminal.wait_for("it would never end. Cancel it");
    terminal.keys("4c");
    terminal.wait_for("Cancel #");
    terminal.keys("\x1b[C\r");
    terminal.wait_for("Take its load away");
    terminal.keys("3S");
    terminal.wait_for("Stop stressing 1 VM");
    terminal.keys("\x1b[C\r");
    terminal.wait_for("Now move it once more");
    migrate(terminal, "once more: m", "to send");
    terminal.wait_for("Tour: done");
    terminal.keys("\x1bOS");
    terminal.wait_until("the console alone", |screen| !screen.contains("Tour"));
}

#[test]
fn the_tour_can_be_taken_in_the_small_world() {
    let mut terminal = Terminal::start(&["--world", "small"], 120, 36);
    terminal.wait_for("There are no VMs yet");
    take(&mut terminal, "\x1b[A\x1b[C\x1b[C\x1b[B", "6.2 GB/s");
    terminal.keys("q");
    assert_eq!(terminal.ended().exit_code(), 0);
}

#[test]
fn the_tour_can_be_taken_in_the_world_of_2012_on_a_small_screen() {
    let mut terminal = Terminal::start(&["--speed", "4"], 80, 24);
    terminal.wait_for("There are no VMs yet");
    take(&mut terminal, "\x1b[A\x1b[C\x1b[B", "250 MB/s");
}

#[test]
fn the_tour_is_skipped_gone_back_in_and_left() {
    let mut terminal = Terminal::start(&["--world", "small"], 40, 10);
    terminal.wait_for("tour");
    terminal.keys("\x1bOQ");
    terminal.wait_for("Press b,");
    terminal.keys("\x1bOS");
    terminal.wait_for("Find one VM");
    terminal.keys("\x1bOR");
    terminal.wait_for("Press b,");
    terminal.keys("\x1b\x1b");
    terminal.wait_until("no tour", |screen| !screen.contains("Press b,"));
}
