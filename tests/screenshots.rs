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

/// A view: its picture's name, the program's arguments, the terminal's size, and the way there: keys, then what is on the
/// screen after them: one of the texts between `|`. What begins with `!` is no longer there. `(press, NAME)` presses a button.
struct View {
    name: &'static str,
    arguments: &'static [&'static str],
    size: (u16, u16),
    way: &'static [(&'static str, &'static str)],
}

/// Four sites of 2012 with 10 240 VMs, fast.
const FLEET: &[&str] = &["--vms", "10240", "--speed", "5"];
/// Eight hosts at two sites.
const SMALL: &[&str] = &["--world", "small", "--vms", "240", "--speed", "4"];
/// Much goes wrong.
const FAULTY: &[&str] = &["--world", "faulty", "--vms", "900", "--speed", "60"];
const WIDE: (u16, u16) = (120, 36);
/// A boot in that world, of which some fail.
const UP: (&str, &str) = ("", "900 up");
const BOOT: (&str, &str) = ("b", "Boot VMs");
const COUNT: (&str, &str) = ("\x1b[C\x15300", "300 VMs on");
const PRESS: (&str, &str) = ("press", "Boot 300 VMs");
const ENDED: (&str, &str) = ("", "0 open, 1 ended");
const TOLD: (&str, &str) = ("", "<1 m");

const fn view(name: &'static str, way: &'static [(&'static str, &'static str)]) -> View {
    View { name, arguments: FLEET, size: WIDE, way }
}

/// Each is made in the dark and in the light theme. To have another one, add a line.
const VIEWS: &[View] = &[
    view("overview", &[TOLD]),
    View { size: (80, 24), ..view("overview-80x24", &[TOLD]) },
    View { size: (40, 10), ..view("overview-40x10", &[("", "vm-1 ")]) },
    View { arguments: SMALL, ..view("heatmap-boxes", &[("", "240 up"), ("2z", "!vm-1 ")]) },
    View { size: (200, 50), ..view("heatmap", &[TOLD, ("2z", "!vm-1 ")]) },
    view("host-table", &[TOLD, ("5", "› hosts"), ("", "paradent-1 ")]),
    view("host", &[TOLD, ("2\r", "› paradent-1"), ("", "!asking")]),
    View {
        arguments: SMALL,
        ..view(
            "vm",
            &[
                ("", "240 up"),
                ("3*m", "to hosts"),
                ("\x15site:nantes", "to send"),
                ("press", "Migrate 120 VMs"),
                ("", "0 open, 1 ended"),
                ("u3\r", "› vm-1"),
                ("", "!asking"),
                ("", "round"),
            ],
        )
    },
    view("vms", &[TOLD, ("3z", "!sophia  ")]),
    view("tree", &[TOLD, ("6", "› tree"), ("", "paradent"), ("\x1b[B\x1b[C", "paradent-2")]),
    view(
        "tasks",
        &[
            TOLD,
            ("3/host:paradent-1*\r", " of 10 240"),
            ("*m", "to hosts"),
            ("\x15site:sophia", "to send"),
            ("press", "Migrate 209 VMs"),
            ("", "p95"),
            ("4\r", "› #1"),
            ("", "!asking"),
        ],
    ),
    View {
        arguments: FAULTY, ..view("events", &[UP, BOOT, COUNT, PRESS, ENDED, ("7", "› events"), ("", "panicked")])
    },
    View {
        arguments: FAULTY,
        ..view("findings", &[UP, BOOT, COUNT, PRESS, ENDED, ("8", "› findings"), ("", "!asking")])
    },
    View {
        arguments: &["--vms", "10240", "--speed", "3"],
        ..view(
            "pulse",
            &[
                TOLD,
                ("b", "Boot VMs"),
                ("\x1b[C\x154000", "4 000 VMs on"),
                ("press", "Boot 4 000 VMs"),
                ("", "p95"),
                ("9", "pulse"),
                ("", " 40 %| 41 %| 42 %| 43 %| 44 %| 45 %| 46 %| 47 %| 48 %| 49 %"),
            ],
        )
    },
    view("settings", &[TOLD, (",", "settings")]),
    view("columns", &[TOLD, ("3C", "Columns")]),
    view("command-line", &[TOLD, (":filter state:", "failed")]),
    view("palette", &[TOLD, ("\x10", "Find an action"), ("mig", "mark faults")]),
    view("filter-error", &[TOLD, ("/state:failed and cpu > lots", "expected")]),
    view(
        "migrate-preview",
        &[
            TOLD,
            ("/site:nancy and cpu > 60 %\r", " of 10 240 VMs"),
            ("*m", "to hosts"),
            ("\x15site:rennes or site:sophia", "to send"),
        ],
    ),
    view("limits", &[TOLD, ("l", "moves per link")]),
    view("tour", &[TOLD, ("\x1bOQ", "Tour 1 of 5")]),
    view("keys", &[TOLD, ("?", "Moves the cursor down")]),
    View { arguments: &[], ..view("demo-step", &[("", "hosts"), ("\x1b[15~", "Hundreds of hosts")]) },
    View { arguments: &[], ..view("empty", &[("", "hosts")]) },
    view("boot-dialog", &[TOLD, ("b", "Boot VMs"), ("\x1b[C\x152000", "2 000 VMs on")]),
    view(
        "boot-storm",
        &[
            TOLD,
            ("b", "Boot VMs"),
            ("\x1b[C\x152000", "2 000 VMs on"),
            ("press", "Boot 2 000 VMs"),
            ("", "p95"),
            ("/state:starting\r", " of 12 240"),
        ],
    ),
];

impl View {
    fn make(&self, theme: &str, ground: &str, ending: &str) {
        let arguments: Vec<&str> = self.arguments.iter().copied().chain(["--theme", theme]).collect();
        let mut terminal = Terminal::start(&arguments, self.size.0, self.size.1);
        for (keys, there) in self.way {
            let what = format!("{}{ending}: {there}", self.name);
            match (*keys, there.strip_prefix('!')) {
                ("press", _) => terminal.press(there),
                (keys, gone) => {
                    terminal.keys(keys);
                    terminal.wait_until(&what, |screen| match gone {
                        Some(gone) => !screen.contains(gone),
                        None => there.split('|').any(|there| screen.contains(there)),
                    });
                }
            }
        }
        keep(&terminal, &format!("{}{ending}", self.name), ground);
    }
}

/// All of them, or those that `PICTURES` names, separated by blanks.
#[test]
#[ignore = "writes files: screenshots/make"]
fn views() {
    let wanted = std::env::var("PICTURES").unwrap_or_default();
    let is_wanted = |view: &&View| wanted.is_empty() || wanted.split(' ').any(|name| name == view.name);
    let looks = [("dark", DARK, ""), ("light", LIGHT, "-light")];
    let each = |view: &&View| {
        std::thread::scope(|scope| {
            let works = looks.map(|(theme, ground, ending)| scope.spawn(move || view.make(theme, ground, ending)));
            works.map(std::thread::ScopedJoinHandle::join).iter().all(Result::is_ok)
        })
    };
    // One that cannot be made does not keep the others from being made.
    let (_, missing): (Vec<&View>, Vec<&View>) = VIEWS.iter().filter(is_wanted).partition(each);
    assert!(missing.is_empty(), "not made: {:?}", missing.iter().map(|view| view.name).collect::<Vec<_>>());
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
    terminal.wait_until("two hosts that answer", |screen| screen.contains("2 hosts") && lab::sized(screen));
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

    // What its guest has said since its start.
    terminal.keys("\r");
    terminal.wait_for("libvirt");
    terminal.keys("c");
    terminal.wait_for("hemera guest is up");
    keep(&terminal, "serial-console", DARK);
    terminal.keys("\x1b\x1b");

    // A command in all of them, and what one of them wrote.
    terminal.wait_until("the table", |screen| !screen.contains("hemera guest is up"));
    terminal.keys("u3");
    terminal.wait_until("guests that answer", |screen| screen.matches("reachable").count() == 6);
    terminal.keys("*!");
    terminal.wait_for("Run a command in 6 VMs");
    terminal.keys("\x15cat /proc/loadavg; free -m; uname -srm");
    terminal.press("Run in 6 VMs");
    terminal.wait_for("0 open, 3 ended");
    terminal.keys("4\r");
    terminal.wait_until("their last lines", |screen| screen.matches("exit code 0: Linux").count() == 6);
    keep(&terminal, "commands", DARK);
    terminal.keys("\r");
    terminal.wait_for("Mem:");
    keep(&terminal, "output", DARK);

    // What it would cost to switch a host off.
    terminal.keys("u2:power-off\r");
    terminal.wait_for("Power off 1 host");
    keep(&terminal, "power-question", DARK);
    terminal.keys("\x1b");

    // Somebody pauses one behind our back: what is wrong, from what, and what helps.
    lab.virsh(usize::from(lab.domains(1).contains(&"vm-2".to_owned())), &["suspend", "vm-2"]);
    terminal.keys("u8");
    terminal.wait_for("1 VM was paused by others");
    // The cursor goes with its row where others come before it.
    terminal.keys("g");
    terminal.wait_for("no task of ours paused it");
    keep(&terminal, "stuck", DARK);
}
