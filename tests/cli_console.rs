//! The console as its users have it: the real program on a terminal, with simulated VMs.
#![allow(clippy::unwrap_used)]

#[path = "support/terminal.rs"]
mod terminal;

use std::sync::Arc;

use hemera::fleet::{Fleet, HostId, Topology, VmRow, VmState};
use hemera::handle::Snapshot;
use portable_pty::CommandBuilder;
use terminal::Terminal;

const LEFT: &str = "\x1b[D";
const CLEAR: &str = "\x15";

/// The console on the world of 8 hosts, fast enough that nobody waits for its boots.
fn small() -> Terminal {
    let terminal = Terminal::start(&["--world", "small", "--speed", "50"], 120, 36);
    terminal.wait_for("nothing runs");
    terminal
}

/// Boots that many VMs by the dialog.
fn boot(terminal: &mut Terminal, count: u32) {
    terminal.keys("b");
    terminal.wait_for("Boot VMs");
    terminal.keys(&format!("{CLEAR}{count}"));
    terminal.wait_for(&format!("Boot {count} VMs"));
    terminal.press(&format!("Boot {count} VMs"));
    terminal.wait_for(&format!("{count} done"));
}

#[test]
fn the_world_is_there_with_its_vms_and_goes_with_the_console() {
    let mut terminal = Terminal::start(&["--vms", "10240"], 120, 36);
    terminal.wait_until("10 240 VMs on the screen", |screen| {
        screen.contains("grid5000-2012") && screen.contains("10 240 up") && screen.contains("vm-1 ")
    });
    terminal.keys("q");
    assert_eq!(terminal.ended().exit_code(), 0);
    assert!(terminal.restored());
}

#[test]
fn mistakes_are_told_before_the_terminal_is_touched() {
    for (args, expected) in [
        (&["--theme", "no-such-theme"][..], "no-such-theme"),
        (&["--keymap", "no-such-keymap"], "no-such-keymap"),
        (&["--world", "smal"], "did you mean `small`"),
        (&["--speed", "max"], "cannot follow `max`"),
    ] {
        let mut terminal = Terminal::start(args, 120, 36);
        assert_eq!(terminal.ended().exit_code(), 2, "{args:?}");
        let told = terminal.text();
        assert!(told.trim_start().starts_with("error: ") && told.contains(expected), "{told}");
        assert!(!String::from_utf8_lossy(&terminal.raw()).contains("\x1b[?1049h"));
    }
}

#[test]
fn worlds_that_cannot_hold_the_vms_have_their_hosts_multiplied() {
    let terminal = Terminal::start(&["--world", "small", "--vms", "20000"], 120, 36);
    terminal.wait_until("20 000 VMs on more hosts", |screen| screen.contains("20 000 up") && screen.contains('×'));
}

#[test]
fn vms_are_booted_moved_and_destroyed_from_the_keyboard() {
    let mut terminal = small();
    boot(&mut terminal, 12);
    terminal.wait_for("12 up");
    // All to the other site: `*` marks what the filter shows.
    terminal.keys("/site:rennes\r");
    terminal.wait_until("the filter's count", |screen| screen.contains("of 12"));
    terminal.keys("*m");
    terminal.wait_for("to hosts");
    terminal.keys(&format!("{CLEAR}site:nantes"));
    terminal.wait_until("a preview", |screen| screen.contains("to send"));
    terminal.press("Migrate 8 VMs");
    terminal.wait_until("the moves done", |screen| {
        screen.lines().any(|line| line.contains("#2") && line.contains("100 %")) && !screen.contains(" open,")
            || screen.contains("0 of 12")
    });
    terminal.wait_for("0 of 12");
    // Everything goes away again; Enter lies on the safe choice.
    terminal.keys("/\x15\ru*");
    terminal.wait_for("12 selected");
    terminal.keys("D");
    terminal.wait_for("[ Cancel ]");
    terminal.press("Destroy 12 VMs");
    terminal.wait_until("no VM left", |screen| screen.contains("0 VMs") && screen.contains("12 done"));
    terminal.keys("q");
    assert_eq!(terminal.ended().exit_code(), 0);
    assert!(terminal.restored());
}

#[test]
fn a_running_operation_is_cancelled_from_the_keyboard() {
    let mut terminal = Terminal::start(&["--world", "small", "--speed", "0.01"], 120, 36);
    terminal.wait_for("nothing runs");
    terminal.keys("b");
    terminal.wait_for("Boot VMs");
    terminal.keys(&format!("{CLEAR}20"));
    terminal.press("Boot 20 VMs");
    terminal.wait_for("20 running");
    terminal.keys("4c");
    terminal.wait_for("[ ");
    terminal.press("Cancel the operation");
    terminal.wait_for("20 cancelled");
    terminal.wait_for("0 VMs");
}

#[test]
fn what_is_confirmed_by_mistake_is_the_safe_choice() {
    let mut terminal = Terminal::start(&["--world", "small", "--vms", "200"], 120, 36);
    terminal.wait_for("200 up");
    terminal.keys("*D");
    terminal.wait_for("Destroy 200 VMs");
    // The first Enter leaves the field for the count and comes to Cancel.
    terminal.keys("\r");
    terminal.wait_for("[ Cancel ]");
    terminal.keys("\r");
    terminal.wait_until("no dialog", |screen| !screen.contains("Destroy 200 VMs"));
    assert!(terminal.text().contains("200 up"));
}

#[test]
fn nobody_changes_anything_read_only() {
    let mut terminal = Terminal::start(&["--world", "small", "--vms", "5", "--read-only"], 120, 36);
    terminal.wait_for("5 up");
    terminal.keys("b");
    terminal.wait_for("read-only");
    assert!(!terminal.text().contains("Boot VMs"));
}

#[test]
fn another_size_is_another_layout() {
    let mut terminal = small();
    for (columns, rows) in [(80, 24), (200, 50), (40, 10), (120, 36)] {
        terminal.resize(columns, rows);
        // The smallest shows the VMs alone.
        let wanted = if columns < 60 { "b boot" } else { "nothing runs" };
        terminal.wait_until("the size's layout", |screen| {
            screen.contains(wanted) && screen.lines().all(|line| line.chars().count() <= usize::from(columns))
        });
    }
    terminal.keys("q");
    assert_eq!(terminal.ended().exit_code(), 0);
}

#[test]
fn signals_end_it_with_the_terminal_as_it_was() {
    for signal in ["TERM", "HUP"] {
        let mut terminal = small();
        assert!(!terminal.restored());
        terminal.signal(signal);
        terminal.ended();
        assert!(terminal.restored(), "after SIG{signal}");
    }
}

#[test]
fn it_sleeps_with_the_terminal_restored_and_comes_back() {
    let mut terminal = small();
    terminal.keys("\x1a");
    terminal.wait_until("the main screen", |screen| !screen.contains("nothing runs"));
    assert!(terminal.restored());
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", terminal.id())).unwrap();
        stat.rsplit(')').next().unwrap().trim().chars().next()
    };
    // It stops itself right after its last write.
    while state() != Some('T') {
        std::thread::yield_now();
    }
    terminal.signal("CONT");
    terminal.wait_for("nothing runs");
    terminal.keys("q");
    assert_eq!(terminal.ended().exit_code(), 0);
}

/// Not a test of its own: a console that breaks while it draws, for the next one to look at.
#[test]
#[ignore = "is run by a_panic_is_told_after_the_terminal_is_restored"]
fn a_console_that_panics() {
    if std::env::var_os("HEMERA_PANICS").is_none() {
        return;
    }
    color_eyre::install().unwrap();
    let mut fleet = Fleet::new(Arc::new(Topology::new("broken")));
    // A VM on a host that is not there.
    fleet.vms.push("vm-1", VmRow { state: VmState::Up, host: Some(HostId(7)), ..VmRow::default() });
    let (handle, _service) = hemera::handle::pair(Arc::new(Snapshot { fleet, ..Snapshot::default() }));
    hemera::console::run(handle, &hemera::console::Options::default()).unwrap();
}

#[test]
fn a_panic_is_told_after_the_terminal_is_restored() {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_console_that_panics", "--ignored", "--nocapture"]);
    let variables = [("TERM", "xterm-256color"), ("HEMERA_PANICS", "1"), ("RUST_BACKTRACE", "0")];
    let mut terminal = Terminal::spawn(command, 120, 36, &variables);
    assert_ne!(terminal.ended().exit_code(), 0);
    assert!(terminal.restored());
    assert!(String::from_utf8_lossy(&terminal.raw()).contains("\x1b[?1049h"), "it never drew");
    assert!(terminal.text().contains("index out of bounds"), "{}", terminal.text());
}

#[test]
fn terminals_without_colours_or_glyphs_are_drawn_on_too() {
    for variables in
        [&[("TERM", "xterm"), ("NO_COLOR", "1")][..], &[("TERM", "linux"), ("LANG", "C")], &[("TERM", "dumb")]]
    {
        let mut terminal = Terminal::start_with(&["--world", "small", "--vms", "20"], 100, 30, variables);
        terminal.wait_for("20 up");
        let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
        let colours = |kind: &str| raw.contains(&format!("\x1b[38;{kind};")) || raw.contains(&format!(";38;{kind};"));
        assert!(!colours("2") && !colours("5"), "{variables:?}");
        if variables[0].1 != "xterm" {
            assert!(terminal.text().is_ascii(), "{variables:?}\n{}", terminal.text());
        }
        terminal.keys("q");
        assert_eq!(terminal.ended().exit_code(), 0);
    }
}

#[test]
fn the_vim_keymap_moves_as_vim_does() {
    let mut terminal = Terminal::start(&["--world", "small", "--vms", "50", "--keymap", "vim"], 100, 30);
    terminal.wait_for("50 up");
    terminal.keys("jj");
    terminal.wait_until("the cursor on the third VM", |screen| {
        screen.lines().any(|line| line.contains('▸') && line.contains("vm-3 "))
    });
    terminal.keys("gg");
    terminal.wait_until("the cursor on the first VM", |screen| {
        screen.lines().any(|line| line.contains('▸') && line.contains("vm-1 "))
    });
    terminal.keys(LEFT);
}
