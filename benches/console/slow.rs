//! A program behind a slow line.

use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;

use crate::keys::Press;
use crate::link::Link;
use crate::measure::{Amount, Program, Times, keys, slowest};
use crate::terminal::Terminal;

/// Says to a process of this that it is the far end of a line, and what runs there.
const FAR: &str = "HEMERA_BENCH_FAR";

/// The program to run, where this is the far end of a line.
pub fn far_program() -> Option<CommandBuilder> {
    let told = std::env::var(FAR).ok()?;
    let mut arguments = told.split('\n');
    let mut command = CommandBuilder::new(arguments.next()?);
    command.args(arguments);
    Some(command)
}

/// What was found.
pub struct Found {
    /// How the line is made.
    pub made: &'static str,
    /// Key to effect.
    pub keys: Times,
    /// Bytes a second while nobody types.
    pub bytes: f64,
    /// The slowest keys in words.
    pub slowest: String,
}

/// Measures a program that has a line of 1 Mbit/s and `delay` each way between itself and its terminal: first `before`
/// is typed, then the keys of a round. This program is started again at the far end with `arguments`, and has to go to
/// [`far_program`] then.
pub fn over_line(
    program: &Program,
    arguments: &[&str],
    delay: Duration,
    (before, round): (&str, &'static [Press]),
    amount: Amount,
) -> Result<Found, String> {
    let link = Link::new(delay)?;
    let mut far = link.command(&std::env::current_exe().map_err(|e| e.to_string())?);
    far.args(arguments);
    let words: Vec<String> = program.command.get_argv().iter().map(|a| a.to_string_lossy().into_owned()).collect();
    far.env(FAR, words.join("\n"));
    for (name, value) in program.command.iter_full_env_as_str() {
        far.env(name, value);
    }
    let started = Instant::now();
    let child = far.spawn().map_err(|e| e.to_string())?;
    let (reader, writer) = link.connect().map_err(|e| e.to_string())?;
    let terminal = Terminal::over(reader, writer, Box::new(child), None, started);
    let patience = Duration::from_secs(30);
    terminal.wait((program.full)(), patience).ok_or_else(|| format!("no VMs ever came:\n{}", terminal.text()))?;
    std::thread::sleep(Duration::from_secs(3));
    terminal.send(before);
    std::thread::sleep(Duration::from_secs(2));
    let bytes = terminal.bytes();
    std::thread::sleep(Duration::from_secs(amount.idle.min(10)));
    let bytes = (terminal.bytes() - bytes) as f64 / amount.idle.min(10) as f64;
    let all = keys(&terminal, round, amount.keys)?;
    Ok(Found {
        made: link.made(),
        keys: Times::new(all.iter().map(|(_, seen)| seen.effect)),
        bytes,
        slowest: slowest(&all),
    })
}
