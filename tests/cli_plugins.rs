//! Commands of the operator's own, in a pseudo-terminal: who has the keys, and what the terminal is like afterwards.
#![allow(clippy::unwrap_used)]

#[path = "support/terminal.rs"]
mod terminal;

use std::sync::Arc;

use hemera::console::{Library, Options, Overrides, Settings};
use hemera::fleet::{Bytes, Fleet, HostId, HostState, NewHost, Rate, Topology, VmRow, VmState};
use hemera::handle::{About, Snapshot};
use portable_pty::CommandBuilder;
use terminal::Terminal;

/// Logs in to nothing: says what it was asked for, and what is typed there.
const SSH_HOST: &str = "echo on {host}; read x; echo got $x; echo again; read y; echo and $y; sleep 0.05";
const SSH_VM: &str = "echo on {vm} of {host}; read x; exit 7";

const PLUGINS: &str = r#"
[[plugin]]
name = "say"
key = "alt-x"
command = "echo 'it is' {vm}"
wait = true
[[plugin]]
name = "count"
key = "alt-y"
command = "set -- {vms}; echo $# of them: $2"
background = true
[[plugin]]
name = "on-hosts"
key = "alt-e"
context = "everywhere"
command = "echo {hosts}"
background = true
[[plugin]]
name = "fails"
key = "alt-c"
command = "echo no use >&2; exit 4"
background = true
[[plugin]]
name = "ask"
key = "alt-d"
command = "echo {vms} {hosts} {state}"
confirm = true
background = true
[[plugin]]
name = "wipe"
key = "ctrl-w"
command = "echo wiped {vms}"
description = "Does what wipe does."
dangerous = true
background = true
[[plugin]]
name = "sleep"
key = "alt-z"
command = "echo asleep; exec sleep 1000"
"#;

/// Not a test of its own: a console on two real hosts that nobody is behind.
#[test]
#[ignore = "is run by the others in a terminal"]
fn a_console_with_commands() {
    let Ok(mode) = std::env::var("HEMERA_CONSOLE") else { return };
    let mut topology = Topology::new("lab");
    let site = topology.site("rennes");
    let host =
        |n| NewHost { name: format!("h{n}"), cores: 8, memory: Bytes::mib(16 * 1024), nic: Rate(1e9), disk: Rate(1e8) };
    topology.add_cluster(site, "lab", (1..=2).map(host));
    let mut fleet = Fleet::new(Arc::new(topology));
    for n in 0..2 {
        fleet.hosts.update(HostId(n), |row| row.state = HostState::Ready);
    }
    for (name, state) in [("it's one", VmState::Up), ("vm-2", VmState::Up), ("vm-3", VmState::Off)] {
        fleet.vms.push(name, VmRow { state, host: Some(HostId(1)), memory: 64, ..VmRow::default() });
    }
    let about = About {
        world: "lab".into(),
        platform: "libvirt".into(),
        multiplied: 1,
        speed: 1.0,
        classes: vec![],
        power: vec![],
    };
    let (handle, _service) =
        hemera::handle::pair(Arc::new(Snapshot { fleet, about: Arc::new(about), ..Snapshot::default() }));
    let folder = tempfile::tempdir().unwrap();
    let config = format!("[ssh]\nhost = \"{SSH_HOST}\"\nvm = \"{SSH_VM}\"\n");
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    std::fs::write(folder.path().join("plugins.toml"), PLUGINS).unwrap();
    let library = Library::new(Some(folder.path().into()));
    let settings = Settings::read(&library, None, &Overrides::default()).unwrap();
    let options = Options { library, settings, read_only: mode == "read-only", ..Options::default() };
    hemera::console::run(handle, &options).unwrap();
}

fn console_that(mode: &str) -> Terminal {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_console_with_commands", "--ignored", "--nocapture"]);
    let variables = [("TERM", "xterm-256color"), ("HEMERA_CONSOLE", mode), ("SHELL", "/bin/sh"), ("PS1", "$ ")];
    let terminal = Terminal::spawn(command, 100, 30, &variables);
    terminal.wait_for("it's one");
    terminal
}

fn console() -> Terminal {
    console_that("steers")
}

/// The console is there again.
fn back(terminal: &Terminal) {
    terminal.wait_screen("the console", |screen| {
        let text = screen.contents();
        screen.alternate_screen() && text.contains("it's one") && text.contains("VMs")
    });
}

/// The login has begun for that time; what earlier ones wrote is still there.
fn began(terminal: &Terminal, round: usize) {
    terminal.wait_until("a login", |screen| screen.matches("on h2").count() == round);
}

#[test]
fn what_is_typed_goes_to_the_command_and_afterwards_to_the_console() {
    let mut terminal = console();
    for round in 1..=5 {
        terminal.keys("T");
        began(&terminal, round);
        assert!(terminal.restored(), "a command has the terminal as a shell would give it");
        // One line, and the next before it is asked for.
        terminal.keys("hello\nworld\n");
        terminal.wait_until("both lines", |screen| {
            screen.matches("got hello").count() == round && screen.matches("and world").count() == round
        });
        // Typed while the command ends: the console gets it, none is lost.
        terminal.keys("?");
        terminal.wait_for("Moves the cursor down");
        terminal.keys("\x1b");
        back(&terminal);
    }
    terminal.keys("jj");
    terminal.wait_until("the cursor on vm-3", |s| s.lines().any(|l| l.contains('▸') && l.contains("vm-3")));
    terminal.keys("q");
    assert_eq!(terminal.ended().exit_code(), 0);
    assert!(terminal.restored());
}

#[test]
fn an_exit_code_is_told_and_vms_that_do_not_run_have_no_login() {
    let mut terminal = console();
    terminal.keys("jt");
    terminal.wait_for("on vm-2 of h2");
    terminal.keys("\r");
    terminal.wait_for("the login on the VM: exit code 7");
    back(&terminal);
    terminal.keys("jt");
    terminal.wait_for("log in to VM: the VM does not run");
}

#[test]
fn an_interrupt_ends_the_command_and_not_the_console() {
    let mut terminal = console();
    for round in 1..=3 {
        terminal.keys("T");
        began(&terminal, round);
        terminal.keys("\x03");
        terminal.wait_for("the login on the host: ended by signal 2");
        back(&terminal);
    }
    // Where no command has the terminal it is meant for the console itself.
    let mut terminal = console();
    terminal.signal("INT");
    terminal.ended();
    assert!(terminal.restored());
}

#[test]
fn a_shell_is_opened_and_left() {
    let mut terminal = console();
    terminal.keys("$");
    terminal.wait_until("a prompt", |screen| screen.trim_end().ends_with('$') || screen.trim_end().ends_with('#'));
    terminal.keys("echo $((6 * 7))\nexit 0\n");
    terminal.wait_for("the shell has ended");
    back(&terminal);
}

#[test]
fn output_stays_until_enter() {
    let mut terminal = console();
    terminal.keys("\x1bx");
    terminal.wait_for("it is it's one");
    terminal.wait_for("Enter goes back to the console");
    assert!(!terminal.screen().alternate_screen());
    terminal.keys("\r");
    terminal.wait_for("say has ended");
    back(&terminal);
}

#[test]
fn behind_the_console_the_last_line_is_told() {
    let mut terminal = console();
    terminal.keys("*\x1by");
    terminal.wait_for("count: 3 of them: vm-2");
    terminal.keys("\x1bc");
    terminal.wait_for("fails: exit code 4: no use");
    assert!(terminal.screen().alternate_screen());
}

#[test]
fn they_are_among_what_can_be_done() {
    let mut terminal = console();
    terminal.keys("a");
    terminal.wait_for("With it's one");
    // The last of the list.
    terminal.keys("k");
    terminal.wait_for("Runs `echo asleep; exec sleep 1000`.");
    assert!(terminal.text().contains("Does what wipe does."));
    terminal.keys("\x1by");
    terminal.wait_for("count: 1 of them: ");
    // Those of VMs are not among what can be done with hosts.
    terminal.keys("5a");
    terminal.wait_for("With h1");
    terminal.keys("k");
    terminal.wait_for("on-hosts");
    assert!(!terminal.text().contains("wipe"));
}

#[test]
fn what_is_not_marked_yet_is_waited_for() {
    let mut terminal = console();
    // All at once: the filter is still at work when the command is asked for.
    terminal.keys("/vm-\r*\x1by");
    terminal.wait_until("an answer", |screen| {
        assert!(!screen.contains("of them:") || screen.contains("2 of them"), "one VM is not what is marked");
        screen.contains("count: the filter is still at work") || screen.contains("count: 2 of them: vm-3")
    });
}

#[test]
fn marked_hosts_are_the_hosts_that_are_meant() {
    let mut terminal = console();
    terminal.keys("2*\x1be");
    terminal.wait_for("on-hosts: h1 h2");
}

#[test]
fn what_wants_a_question_is_asked_and_shows_what_would_run() {
    let mut terminal = console();
    terminal.keys("\x1bd");
    terminal.wait_for("Run ask on 1 VM?");
    terminal.wait_for(r"$ echo 'it'\''s one' h2 up");
    // Enter lies on the safe choice.
    terminal.keys("\r");
    terminal.wait_until("no question", |screen| !screen.contains("Run ask"));
    terminal.keys("\x1bd");
    terminal.press("Run");
    terminal.wait_for("ask: it's one h2 up");
    terminal.keys("\x17");
    terminal.press("Run");
    terminal.wait_for("wipe: wiped it's one");
    // They stand in the help as every action does.
    terminal.keys("?");
    terminal.keys(&"\x1b[6~".repeat(25));
    terminal.wait_until("the commands", |screen| {
        screen.contains("Your own commands") && screen.contains("Does what wipe does.")
    });
}

#[test]
fn a_read_only_console_has_no_dangerous_command() {
    let mut terminal = console_that("read-only");
    terminal.keys("\x17:wipe");
    terminal.wait_for(":wipe");
    assert!(!terminal.text().contains("Does what wipe does"));
    terminal.keys("\x1b");
    back(&terminal);
    terminal.keys("\x1by");
    terminal.wait_for("count: 1 of them");
}

#[test]
fn stopped_from_outside_it_gives_the_terminal_back() {
    let mut terminal = console();
    let state = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(')').next().unwrap().trim().chars().next()
    };
    terminal.signal("TSTP");
    while state(terminal.id()) != Some('T') {
        std::thread::yield_now();
    }
    terminal.wait_until("the main screen", |screen| !screen.contains("it's one"));
    assert!(terminal.restored());
    terminal.signal("CONT");
    back(&terminal);
    // The same while a command has the terminal.
    terminal.keys("\x1bz");
    // It is there before it is interrupted.
    terminal.wait_for("asleep");
    terminal.signal("TSTP");
    while state(terminal.id()) != Some('T') {
        std::thread::yield_now();
    }
    terminal.signal("CONT");
    terminal.keys("\x03");
    terminal.wait_for("sleep: ended by signal 2");
    back(&terminal);
    terminal.keys("q");
    assert_eq!(terminal.ended().exit_code(), 0);
}
