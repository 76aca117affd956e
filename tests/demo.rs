//! The demos, played to their end by the real program: everything that they wait for comes.
#![allow(clippy::unwrap_used)]

#[path = "support/terminal.rs"]
mod terminal;

use hemera::console::Demo;
use terminal::Terminal;

const ESC: &str = "\x1b";

/// The end, or that something did not come.
fn ends(terminal: &Terminal) {
    terminal
        .wait_until("the end of the demo", |screen| screen.contains(": the end") || screen.contains("did not come"));
    assert!(terminal.text().contains(": the end"), "{}", terminal.text());
}

#[test]
fn every_demo_comes_to_its_end() {
    // Whatever the operator's keymap is: what a demo types is meant for the default one.
    for (name, keymap) in Demo::names().flat_map(|name| ["default", "emacs"].map(|keymap| (name, keymap))) {
        let mut terminal = Terminal::start(&["--demo", name, "--pace", "1000", "--keymap", keymap], 100, 30);
        ends(&terminal);
        // It has removed what it made.
        terminal.wait_for("0 VMs");
        // Any key closes what it said; the console is the operator's again.
        terminal.keys("x");
        terminal.wait_for("There are no VMs yet");
        terminal.keys("q");
        assert_eq!(terminal.ended().exit_code(), 0);
        assert!(terminal.restored());
    }
}

#[test]
fn the_demo_is_played_in_whatever_simulated_world_there_is() {
    for arguments in [&["--world", "small", "--vms", "50", "--speed", "20"][..], &["--world", "small", "--speed", "20"]]
    {
        let mut terminal = Terminal::start(arguments, 80, 24);
        terminal.wait_for("nothing runs");
        terminal.keys("\x1b[15~");
        terminal.wait_for("any key pauses");
        // At its own pace it takes a minute: it is looked at no longer than until it has booted something.
        terminal.wait_for("400 done");
        terminal.keys("x");
        terminal.wait_for("paused; Enter goes on, Esc leaves");
        terminal.keys("\r");
        terminal.wait_for("any key pauses");
        terminal.keys("x");
        terminal.wait_for("paused;");
        terminal.keys(ESC);
        terminal
            .wait_until("the console alone", |screen| !screen.contains("paused;") && !screen.contains("Demo first"));
        terminal.keys("q");
        assert_eq!(terminal.ended().exit_code(), 0);
    }
}

#[test]
fn a_demo_is_chosen_by_name_and_has_a_world_of_its_own() {
    for (arguments, expected) in [
        (&["--demo", "frist"][..], "did you mean `first`"),
        (&["--demo", "first", "--world", "small"], "cannot be used with"),
        (&["--pace", "2"], "--demo"),
    ] {
        let mut terminal = Terminal::start(arguments, 100, 30);
        assert_eq!(terminal.ended().exit_code(), 2, "{arguments:?}");
        assert!(terminal.text().contains(expected), "{}", terminal.text());
    }
}
