//! The command line: what is asked for, and how it went as an exit code.

#[macro_use]
mod say;

mod args;
mod check;
mod classes;
mod docs;
mod failure;
mod interactive;
mod lab;
mod logs;
mod platform;
mod progress;
mod run;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use args::Speed;
use args::{Args, Task};
use failure::Failure;

/// All went as asked.
const DONE: u8 = 0;
/// Tasks failed, or the run could not go on.
const FAILED: u8 = 1;
/// A file, a flag or a name is wrong; nothing was done.
const BAD_INPUT: u8 = 2;
/// Ended early by the operator: 128 and the number of SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    ExitCode::from(run_with(std::env::args_os()))
}

/// Runs the program with these arguments, the program's name first.
fn run_with(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            // Where even that cannot be printed there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { BAD_INPUT } else { DONE };
        }
    };
    if let Err(error) = color_eyre::install() {
        note!("warning: {error}");
    }
    let outcome = match args.task {
        Some(Task::Check(check)) => Ok(check::check(&check)),
        Some(Task::Lab(task)) => lab::lab(&task),
        Some(Task::Docs { dir }) => docs::write(&dir),
        Some(Task::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "hemera", &mut script);
            // As with what is said: whoever asked may have seen enough.
            let _ = io::stdout().write_all(&script);
            Ok(DONE)
        }
        Some(Task::Run(run)) => {
            let _logs = logs::to_file();
            run::run(&run)
        }
        None => {
            let _logs = logs::to_file();
            interactive::open(&args.console)
        }
    };
    outcome.unwrap_or_else(|failure| {
        failure.tell();
        failure.code()
    })
}
