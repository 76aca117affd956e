//! What the console costs and how fast it answers, beside other consoles: `cargo bench --bench console`.
//!
//! Every program runs in a pseudo-terminal of 200x50 with a terminal emulator behind it. Prints the README's table; the
//! slowest keys go to standard error. Nothing is asserted.
//!
//!     cargo bench --bench console -- [--quick] [--keys N] [--idle SECONDS] [--only TEXT] [--line]
//!
//! `--quick` measures 60 keys and idles 5 s instead of 60; `--only` takes the programs whose name holds the text.
//! `--line` puts a line of 1 Mbit/s between hemera and its terminal instead, and prints a table of that (needs root).

// For modules of a benchmark `pub` reads better than `pub(crate)`.
#![allow(unreachable_pub)]

#[path = "console/keys.rs"]
mod keys;
#[path = "console/link.rs"]
mod link;
#[path = "console/measure.rs"]
mod measure;
#[path = "console/process.rs"]
mod process;
#[path = "console/slow.rs"]
mod slow;
#[path = "console/table.rs"]
mod table;
#[path = "console/terminal.rs"]
mod terminal;

use std::path::{Path, PathBuf};
use std::time::Duration;

use measure::{Amount, Program};
use portable_pty::CommandBuilder;

/// What was asked for on the command line.
struct Asked {
    amount: Amount,
    only: String,
    line: bool,
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked { amount: Amount { keys: 200, idle: 60 }, only: String::new(), line: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{argument}: {text} is no number"));
        match argument.as_str() {
            // What cargo says to every benchmark.
            "--bench" => {}
            "--quick" => asked.amount = Amount { keys: 60, idle: 5 },
            "--keys" => asked.amount.keys = number(value()?)? as usize,
            "--idle" => asked.amount.idle = number(value()?)?,
            "--line" => asked.line = true,
            "--only" => asked.only = value()?,
            other => return Err(format!("{other}: expected --quick, --keys, --idle, --only or --line")),
        }
    }
    Ok(asked)
}

fn main() {
    if let Some(program) = slow::far_program() {
        if let Err(error) = link::far_end(&program) {
            eprintln!("the far end of the line: {error}");
        }
        return;
    }
    let asked = match asked() {
        Ok(asked) => asked,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    };
    let directory = tempfile::tempdir().expect("a directory for the world");
    println!("{}\n", process::machine());
    if asked.line {
        return over_lines(&asked, directory.path());
    }
    println!("{}", table::HEAD);
    for program in programs(directory.path()) {
        if !program.name.contains(&asked.only) {
            continue;
        }
        match measure::measure(&program, asked.amount) {
            Ok(figures) => {
                println!("{}", table::row(&figures));
                let (pss, rss) = figures.memory;
                eprintln!("  {} keys, slowest: {}", figures.keys.len(), figures.slowest);
                eprintln!("  PSS {pss:.1} MiB, RSS {rss:.1} MiB");
            }
            Err(error) => eprintln!("{error}"),
        }
    }
}

/// Everything that is measured: what is installed of the others.
fn programs(directory: &Path) -> Vec<Program> {
    let world = changing_world(directory);
    let mut all = vec![hemera("`hemera --vms 10240`", 10_240, None, directory)];
    for vms in [10_240, 100_000, 1_000_000] {
        let name = format!("{} VMs, a tenth changing each second", spaced(vms));
        all.push(hemera(&name, vms, Some(&world), directory));
    }
    for name in ["htop", "btop", "btm"] {
        if let Some(path) = installed(name) {
            all.push(Program {
                name: name.into(),
                command: environment(CommandBuilder::new(path), directory),
                begun: || Box::new(|screen| screen.contents().lines().filter(|line| !line.is_empty()).count() > 10),
                full: || Box::new(|screen| screen.contents().lines().filter(|line| !line.is_empty()).count() > 10),
                round: if name == "htop" { &keys::KEYPAD } else { &keys::ARROWS },
                heatmap: None,
            });
        } else {
            eprintln!("not installed, so not measured: {name}");
        }
    }
    all.push(Program {
        name: "an echoed key: the machine itself".into(),
        command: environment(CommandBuilder::new("cat"), directory),
        begun: || Box::new(|_| true),
        full: || Box::new(|_| true),
        round: &keys::ECHO,
        heatmap: None,
    });
    all
}

fn hemera(name: &str, vms: u32, world: Option<&Path>, directory: &Path) -> Program {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_hemera"));
    command.args(["--vms", &vms.to_string()]);
    if let Some(world) = world {
        command.arg("--world");
        command.arg(world);
    }
    Program {
        name: name.into(),
        command: environment(command, directory),
        begun: || keys::says("Hosts"),
        full: || Box::new(|screen| keys::cursor(screen).is_some()),
        round: &keys::ROUND,
        heatmap: Some("2z"),
    }
}

fn environment(mut command: CommandBuilder, directory: &Path) -> CommandBuilder {
    for name in ["NO_COLOR", "LC_ALL"] {
        command.env_remove(name);
    }
    for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
        command.env(name, value);
    }
    command.env("XDG_STATE_HOME", directory);
    command.env("XDG_CONFIG_HOME", directory.join("config"));
    command.cwd(directory);
    command
}

/// The default world with loads of which a tenth changes each second.
fn changing_world(directory: &Path) -> PathBuf {
    let text = include_str!("../worlds/grid5000-2012.toml");
    let path = directory.join("changing.toml");
    let slow = text.lines().find(|line| line.starts_with("period = ")).expect("the world says how often loads change");
    std::fs::write(&path, text.replace(slow, "period = \"10 s\"")).expect("a file for the world");
    path
}

fn installed(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

fn spaced(n: u32) -> String {
    let (thousands, rest) = (n / 1000, n % 1000);
    if thousands >= 1000 {
        format!("{} {:03} {rest:03}", thousands / 1000, thousands % 1000)
    } else {
        format!("{thousands} {rest:03}")
    }
}

/// Measures keys over slow lines, and says what could not be.
fn over_lines(asked: &Asked, directory: &Path) {
    println!("| over 1 Mbit/s | round trip | view | key to effect, p50 / p99 / max | bytes/s |");
    println!("| --- | --- | --- | --- | --- |");
    let world = changing_world(directory);
    for delay in [25, 50].map(Duration::from_millis) {
        for vms in [10_240, 100_000] {
            for (view, keys, round) in [("VM table", "", &keys::ROUND[..]), ("heatmap", "2z", &keys::HEATMAP)] {
                let program = hemera("", vms, Some(&world), directory);
                match slow::over_line(&program, &[], delay, (keys, round), asked.amount) {
                    Ok(found) => {
                        println!(
                            "| {} VMs, a tenth changing each second | {} ms ({}) | {view} | {:.0} / {:.0} / {:.0} ms | {:.0} |",
                            spaced(vms),
                            2 * delay.as_millis(),
                            found.made,
                            found.keys.at(0.5),
                            found.keys.at(0.99),
                            found.keys.at(1.0),
                            found.bytes,
                        );
                        eprintln!("  {} keys, slowest: {}", found.keys.len(), found.slowest);
                    }
                    Err(error) => println!("NOT RUN: {error}"),
                }
            }
        }
    }
}
