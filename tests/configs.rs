//! Every right configuration, theme, keymap and list of plugins starts the program, every wrong one is told with its
//! line before anything begins.
#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;
#[path = "support/terminal.rs"]
mod terminal;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hemera::console::{ColorLevel, Keymap, Options, Overrides, Theme};
use program::{hemera, stderr};
use tempfile::TempDir;
use terminal::Terminal;

/// Files of a folder of `tests/configs`, by what they are and their name.
fn files(folder: &str) -> Vec<(String, String, PathBuf)> {
    let mut found = Vec::new();
    for sort in ["config", "theme", "keymap", "plugins"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(folder).join(sort);
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            found.push((sort.to_owned(), path.file_stem().unwrap().to_str().unwrap().to_owned(), path));
        }
    }
    found.sort();
    found
}

/// A folder of configuration with that file where the program looks for it, and the flags that make it count.
fn configured(sort: &str, name: &str, path: &Path) -> (TempDir, Vec<String>) {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("hemera");
    let (to, flags) = match sort {
        "theme" => (format!("themes/{name}.toml"), vec!["--theme".to_owned(), name.to_owned()]),
        "keymap" => (format!("keymaps/{name}.toml"), vec!["--keymap".to_owned(), name.to_owned()]),
        _ => (format!("{sort}.toml"), Vec::new()),
    };
    let to = dir.join(to);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(path, to).unwrap();
    (home, flags)
}

/// Starts the program and waits until it shows the overview.
fn starts(what: &str, home: &Path, flags: &[String]) {
    let mut args = vec!["--world".to_owned(), "small".to_owned()];
    args.extend_from_slice(flags);
    let config = home.display().to_string();
    let variables = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("XDG_CONFIG_HOME", config.as_str())];
    let mut terminal = Terminal::start_with(&args, 100, 30, &variables);
    terminal.wait_until(&format!("the overview, with {what}"), |screen| {
        ["Sites", "Hosts", "VMs", "Operations", "rennes"].iter().all(|word| screen.contains(word))
    });
    // Esc, whatever the keys are; then the end by a signal, which no keymap changes.
    terminal.keys("\x1b");
    terminal.signal("TERM");
    assert_eq!(terminal.ended().exit_code(), 0, "{what}");
    assert!(terminal.restored(), "{what}");
}

#[test]
fn every_right_file_starts_the_program() {
    let found = files("valid");
    assert!(found.len() >= 15);
    for chunk in found.chunks(4) {
        std::thread::scope(|scope| {
            for (sort, name, path) in chunk {
                scope.spawn(move || {
                    let (home, flags) = configured(sort, name, path);
                    starts(&format!("{sort}/{name}"), home.path(), &flags);
                });
            }
        });
    }
}

#[test]
fn every_built_in_theme_and_keymap_starts_the_program() {
    let home = tempfile::tempdir().unwrap();
    let themes = Theme::names().map(|name| vec!["--theme".to_owned(), name.to_owned()]);
    let keymaps = Keymap::names().map(|name| vec!["--keymap".to_owned(), name.to_owned()]);
    for flags in themes.chain(keymaps) {
        starts(&flags.join(" "), home.path(), &flags);
    }
}

#[test]
fn every_wrong_file_is_told_with_its_line() {
    let found = files("invalid");
    assert!(found.len() >= 25);
    let mut told = String::new();
    for (sort, name, path) in &found {
        let (home, flags) = configured(sort, name, path);
        let run = hemera(home.path()).env("XDG_CONFIG_HOME", home.path()).args(flags).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{sort}/{name}: {}", stderr(&run));
        let message = stderr(&run).replace(&home.path().display().to_string(), "~");
        assert!(message.starts_with("error: "), "{sort}/{name}: {message}");
        write!(told, "{sort}/{name}\n    {message}").unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn check_says_the_same_of_the_same_files() {
    let home = tempfile::tempdir().unwrap();
    for (sort, name, path) in files("valid") {
        if std::fs::read_to_string(&path).unwrap().lines().all(|line| line.starts_with('#')) {
            continue; // What is empty is told by its place alone.
        }
        let run = hemera(home.path()).arg("check").arg(&path).output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{sort}/{name}: {}", stderr(&run));
        let word = if sort == "config" { "configuration" } else { &sort };
        let told = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(told.contains(&format!(": {word}, ok")), "{sort}/{name}: {told}");
    }
    // Names are looked up when the program starts, and a name in another file is not that file's mistake.
    let elsewhere = ["theme-unknown", "keymap-unknown", "world-unknown"];
    for (sort, name, path) in files("invalid").into_iter().filter(|(_, name, _)| !elsewhere.contains(&name.as_str())) {
        let run = hemera(home.path()).arg("check").arg(&path).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{sort}/{name}: {}", stderr(&run));
    }
}

#[test]
fn a_configuration_file_can_be_named() {
    let home = tempfile::tempdir().unwrap();
    let missing = hemera(home.path()).args(["--config", "no-such.toml"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).starts_with("error: no-such.toml: cannot be read"), "{}", stderr(&missing));
    let wrong = program::file(home.path(), "mine.toml", "\nspeeed = 1\n");
    let told = hemera(home.path()).arg("--config").arg(&wrong).output().unwrap();
    assert!(stderr(&told).contains("mine.toml:2: unknown setting `speeed`"), "{}", stderr(&told));
}

#[test]
fn wrong_variables_are_named() {
    let home = tempfile::tempdir().unwrap();
    let told = hemera(home.path()).env("HEMERA_COLORS", "lots").output().unwrap();
    assert_eq!(told.status.code(), Some(2));
    assert!(stderr(&told).starts_with("error: HEMERA_COLORS: unknown value `lots`"), "{}", stderr(&told));
}

/// What the terminal is told to be, the colours that it gets, and whether only ASCII is drawn.
type Told = (&'static [(&'static str, &'static str)], ColorLevel, bool);

const TERMINALS: [Told; 23] = [
    (&[("TERM", "xterm")], ColorLevel::Ansi16, false),
    (&[("TERM", "xterm-256color")], ColorLevel::Ansi256, false),
    (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], ColorLevel::True, false),
    (&[("TERM", "xterm-256color"), ("COLORTERM", "24bit")], ColorLevel::True, false),
    (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], ColorLevel::None, false),
    (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], ColorLevel::Ansi256, false),
    (&[("TERM", "xterm-256color"), ("LANG", "C")], ColorLevel::Ansi256, true),
    (&[("TERM", "xterm-256color"), ("LC_ALL", "en_US.ISO-8859-1")], ColorLevel::Ansi256, true),
    (&[("TERM", "xterm-kitty")], ColorLevel::True, false),
    (&[("TERM", "foot")], ColorLevel::True, false),
    (&[("TERM", "screen")], ColorLevel::Ansi16, false),
    (&[("TERM", "screen-256color")], ColorLevel::Ansi256, false),
    // GNU screen does not know 24 bits, whatever the terminal around it said; tmux does.
    (&[("TERM", "screen-256color"), ("COLORTERM", "truecolor"), ("STY", "1.pts-0")], ColorLevel::Ansi256, false),
    (&[("TERM", "screen-256color"), ("COLORTERM", "truecolor"), ("TMUX", "/tmp/t,1,0")], ColorLevel::True, false),
    (&[("TERM", "tmux-256color")], ColorLevel::Ansi256, false),
    (&[("TERM", "tmux-256color"), ("COLORTERM", "truecolor"), ("TMUX", "/tmp/t,1,0")], ColorLevel::True, false),
    (&[("TERM", "linux")], ColorLevel::Ansi16, true),
    (&[("TERM", "linux"), ("COLORTERM", "truecolor")], ColorLevel::Ansi16, true),
    (&[("TERM", "dumb")], ColorLevel::None, true),
    (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], ColorLevel::None, true),
    (&[("TERM", "vt100")], ColorLevel::None, true),
    (&[("TERM", "")], ColorLevel::None, true),
    (&[], ColorLevel::None, true),
];

#[test]
fn what_a_terminal_can_show_is_told_by_its_environment() {
    for (variables, color, ascii) in TERMINALS {
        let var = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            found.or_else(|| (name == "LANG").then(|| "C.UTF-8".to_owned()))
        };
        let options = Options::read(None, Overrides::default(), &var).unwrap();
        assert_eq!((options.color, options.ascii), (color, ascii), "{variables:?}");
    }
}

#[test]
fn no_terminal_gets_more_than_it_can_show() {
    for (variables, color, ascii) in TERMINALS {
        let unset = !variables.iter().any(|(name, _)| *name == "TERM");
        let mut variables: Vec<(&str, &str)> = variables.to_vec();
        variables.extend(unset.then_some(("TERM", "")));
        // Whatever the tests themselves run in says nothing here.
        for name in ["STY", "TMUX", "COLORFGBG"] {
            if !variables.iter().any(|(n, _)| *n == name) {
                variables.push((name, ""));
            }
        }
        let terminal = Terminal::start_with(&["--world", "small"], 80, 24, &variables);
        terminal.wait_until(&format!("the overview, with {variables:?}"), |screen| screen.contains("nothing runs"));
        assert_eq!(terminal.text().is_ascii(), ascii, "{variables:?}");
        let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
        let (rgb, indexed) = (raw.contains("38;2;"), raw.contains("38;5;"));
        assert_eq!((rgb, indexed), (color == ColorLevel::True, color == ColorLevel::Ansi256), "{variables:?}");
        let asks = raw.contains("\x1b]11;?");
        assert!(!asks || color > ColorLevel::Ansi16, "{variables:?}");
    }
}
