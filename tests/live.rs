//! The console while its configuration changes, and on terminals that tell of themselves.
#![allow(clippy::unwrap_used)]

#[path = "support/terminal.rs"]
mod terminal;

use std::path::Path;

use tempfile::TempDir;
use terminal::Terminal;

/// A folder with this configuration in `hemera/`.
fn home(files: &[(&str, &str)]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(home.path(), name, text);
    }
    home
}

/// Writes a file as editors do: beside it, then over it.
fn write(home: &Path, name: &str, text: &str) {
    let path = home.join("hemera").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path.with_extension("swp"), text).unwrap();
    std::fs::rename(path.with_extension("swp"), path).unwrap();
}

fn start(home: &Path, more: &[(&str, &str)]) -> Terminal {
    let config = home.display().to_string();
    let mut variables = vec![("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("XDG_CONFIG_HOME", &config)];
    variables.extend([("STY", ""), ("TMUX", ""), ("COLORFGBG", "")]);
    variables.extend_from_slice(more);
    let terminal = Terminal::start_with(&["--world", "small"], 120, 36, &variables);
    terminal.wait_for("nothing runs");
    terminal
}

/// The colour of the program's name, in the first line.
fn brand(terminal: &Terminal) -> vt100::Color {
    terminal.screen().cell(0, 1).unwrap().fgcolor()
}

fn wait_for_brand(terminal: &Terminal, red: u8, green: u8, blue: u8) {
    let wanted = vt100::Color::Rgb(red, green, blue);
    terminal.wait_screen(&format!("the name in {wanted:?}"), |screen| screen.cell(0, 1).unwrap().fgcolor() == wanted);
}

#[test]
fn a_theme_that_is_changed_is_read_again_and_a_broken_one_leaves_the_old() {
    let theme = |colour: &str| format!("inherit = \"dark\"\n\n[style]\nbrand = \"{colour}\"\n");
    let home = home(&[("config.toml", "theme = \"mine\"\n"), ("themes/mine.toml", &theme("#112233"))]);
    let terminal = start(home.path(), &[]);
    wait_for_brand(&terminal, 0x11, 0x22, 0x33);
    write(home.path(), "themes/mine.toml", &theme("#445566"));
    wait_for_brand(&terminal, 0x44, 0x55, 0x66);
    terminal.wait_for("configuration read again at");
    write(home.path(), "themes/mine.toml", &theme("#44"));
    terminal.wait_for("mine.toml:4: ");
    assert_eq!(brand(&terminal), vt100::Color::Rgb(0x44, 0x55, 0x66));
    write(home.path(), "config.toml", "theme = \"dark\"\n\nmouce = true\n");
    terminal.wait_for("config.toml:3: unknown setting `mouce`");
    write(home.path(), "config.toml", "theme = \"dark\"\n");
    wait_for_brand(&terminal, 0x56, 0xd4, 0xc4);
}

#[test]
fn a_configuration_that_is_made_while_the_console_runs_counts() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = start(home.path(), &[]);
    write(home.path(), "config.toml", "keymap = \"mine\"\n");
    // The folder may be seen before the file is in it, and the keymap is not there yet.
    terminal.wait_for("config.toml:1: unknown keymap `mine`");
    write(home.path(), "keymaps/mine.toml", "inherit = \"default\"\n[everywhere]\nctrl-k = \"help\"\n");
    terminal.wait_for("configuration read again at");
    terminal.keys("\x0b");
    terminal.wait_for("Moves the cursor d");
}

#[test]
fn what_was_chosen_in_the_console_stays_when_its_files_change() {
    let home = home(&[("config.toml", "theme = \"dark\"\n")]);
    let mut terminal = start(home.path(), &[]);
    wait_for_brand(&terminal, 0x56, 0xd4, 0xc4);
    terminal.keys(":");
    terminal.keys("next-theme");
    terminal.wait_for("next-theme");
    terminal.keys("\r");
    terminal.wait_for("theme light");
    wait_for_brand(&terminal, 0x0b, 0x7a, 0x70);
    write(home.path(), "config.toml", "theme = \"tritan\"\n");
    terminal.wait_for("configuration read again at");
    wait_for_brand(&terminal, 0x0b, 0x7a, 0x70);
}

#[test]
fn a_terminal_that_says_that_it_is_light_gets_the_light_theme() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = start(home.path(), &[]);
    terminal.wait_raw("the question for the background", |raw| raw.windows(6).any(|part| part == b"\x1b]11;?"));
    wait_for_brand(&terminal, 0x56, 0xd4, 0xc4);
    // As xterm answers, between two keys.
    terminal.keys("4\x1b]11;rgb:ffff/ffff/ffff\x1b\\");
    wait_for_brand(&terminal, 0x0b, 0x7a, 0x70);
    terminal.keys("/");
    terminal.keys("up");
    terminal.wait_for("up");
    assert!(!terminal.text().contains("rgb"), "{}", terminal.text());
}

#[test]
fn who_knows_the_background_is_not_asked() {
    let home = tempfile::tempdir().unwrap();
    for (variables, colour) in [
        ([("COLORFGBG", "0;15")], (0x0b, 0x7a, 0x70)),
        ([("COLORFGBG", "15;default;0")], (0x56, 0xd4, 0xc4)),
        ([("HEMERA_BACKGROUND", "light")], (0x0b, 0x7a, 0x70)),
        ([("HEMERA_THEME", "okabe-ito")], (0x6c, 0xc1, 0xf0)),
    ] {
        let terminal = start(home.path(), &variables);
        wait_for_brand(&terminal, colour.0, colour.1, colour.2);
        assert!(!terminal.raw().windows(5).any(|part| part == b"\x1b]11;"), "{variables:?}");
    }
}

#[test]
fn numbers_are_written_as_the_locale_has_them() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().display().to_string();
    for (language, expected) in [("C.UTF-8", "10 240 up"), ("de_DE.UTF-8", "10.240 up"), ("en_US.UTF-8", "10,240 up")] {
        let variables = [("TERM", "xterm-256color"), ("XDG_CONFIG_HOME", config.as_str()), ("LANG", language)];
        Terminal::start_with(&["--vms", "10240"], 120, 36, &variables).wait_for(expected);
    }
    // A flag goes before the environment.
    let variables = [("TERM", "xterm-256color"), ("XDG_CONFIG_HOME", config.as_str()), ("LANG", "de_DE.UTF-8")];
    Terminal::start_with(&["--vms", "10240", "--locale", "C"], 120, 36, &variables).wait_for("10 240 up");
}

#[test]
fn the_mouse_can_be_left_to_the_terminal() {
    let home = home(&[("config.toml", "mouse = false\n")]);
    let terminal = start(home.path(), &[]);
    assert_eq!(terminal.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    let with = start(home.path(), &[("HEMERA_MOUSE", "true")]);
    assert_ne!(with.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
}

#[test]
fn the_count_is_typed_where_the_configuration_wants_it() {
    let home = home(&[("config.toml", "confirm_above = 2\nspeed = 50\n")]);
    let mut terminal = start(home.path(), &[]);
    terminal.keys("b");
    terminal.wait_for("Boot VMs");
    terminal.keys("\x153");
    terminal.wait_for("Boot 3 VMs");
    terminal.press("Boot 3 VMs");
    terminal.wait_for("3 done");
    terminal.keys("*D");
    terminal.wait_for("type how many VMs to confirm");
}

#[test]
fn plugins_that_are_changed_are_read_again_and_names_of_commands_are_refused() {
    let plugin = |name: &str, key: &str, says: &str| {
        format!(
            "[[plugin]]\nname = \"{name}\"\nkey = \"{key}\"\ncontext = \"vms\"\ncommand = \"echo {says}\"\nbackground = true\n"
        )
    };
    let home = home(&[("plugins.toml", &plugin("greet", "alt-z", "good-morning"))]);
    let mut terminal = start(home.path(), &[]);
    terminal.keys("\x1bz");
    terminal.wait_for("greet: good-morning");
    write(home.path(), "plugins.toml", &plugin("leave", "alt-x", "good-night"));
    terminal.wait_for("configuration read again at");
    terminal.keys("\x1bx");
    terminal.wait_for("leave: good-night");
    terminal.keys("\x1bz:gree");
    terminal.wait_until("the old one is gone", |screen| screen.contains(":gree") && !screen.contains("good-morning"));
    terminal.keys("\x03");
    write(home.path(), "plugins.toml", &plugin("quit", "alt-x", "no"));
    terminal.wait_for("plugins.toml:2: name: `quit` is a command of the console already");
    terminal.keys("\x1bx");
    terminal.wait_for("leave: good-night");
}
