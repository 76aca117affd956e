//! `hemera-load` loads a guest: CPU, dirty memory, disk and network at rates that change on command.
//!
//! A thread for each kind of load works at its rate ([`worker`], [`pace`]), burners fill up the CPU level ([`cpu`]),
//! commands change what is asked for ([`control`]), reports tell what is achieved ([`report`]).

mod control;
mod cpu;
mod disk;
mod load;
mod memory;
mod net;
mod options;
mod pace;
mod report;
mod settings;
mod units;
mod worker;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use control::{Controls, Source};
use load::Load;
use options::{HELP, Options};
use report::Reporter;
use settings::Change;
use units::Refusal;

/// Threads do little; small stacks keep the address space small.
const STACK: usize = 64 << 10;

fn main() -> ExitCode {
    let outcome = match Options::parse(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned())) {
        Err(refusal) => {
            eprintln!("hemera-load: {refusal}\nTry hemera-load --help");
            return ExitCode::from(2);
        }
        Ok(Options::Help) => {
            say(HELP.trim_end());
            Ok(true)
        }
        Ok(Options::Version) => {
            say(concat!("hemera-load ", env!("CARGO_PKG_VERSION")));
            Ok(true)
        }
        Ok(Options::Call { path, command }) => control::call(&path, &command).map(|(answer, good)| {
            if !answer.is_empty() {
                say(&answer);
            }
            good
        }),
        Ok(Options::Run { change, control, report }) => run(change, control.as_deref(), report).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(refusal) => {
            eprintln!("hemera-load: {refusal}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line; that nobody reads it is no reason to end.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// Starts a thread.
fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    Builder::new().name(name.to_owned()).stack_size(STACK).spawn(work).map(drop)
}

fn run(change: Change, control: Option<&str>, report: Option<Duration>) -> Result<(), Refusal> {
    let failed = |error: std::io::Error| Refusal(format!("cannot start: {error}"));
    let load = Arc::new(Load::new());
    // A page at a time gets dirty, not 512 when the first of them is touched. Old kernels know no such wish.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    load.change(change)?;
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(failed)?;
    let source = control.map(|control| Source::open(control, &load)).transpose()?;
    // Beside the socket.
    let beside =
        control.filter(|_| matches!(source, Some(Source::Socket(_)))).map(|path| format!("{path}.json").into());
    if let Some(file) = &beside {
        load.clean_up(PathBuf::clone(file));
    }
    let reporter = Arc::new(Reporter::new(report, beside));

    let own = Arc::clone(&load);
    thread("signals", move || {
        for _ in signals.forever() {
            own.end();
        }
    })
    .map_err(failed)?;
    let missing = Arc::new(cpu::Missing::new(&load));
    for _ in 0..load.vcpus {
        let (missing, own) = (Arc::clone(&missing), Arc::clone(&load));
        thread("cpu", move || cpu::run(&missing, &own)).map_err(failed)?;
    }
    let own = Arc::clone(&load);
    thread("memory", move || worker::run(memory::WorkingSet::default(), &own)).map_err(failed)?;
    let own = Arc::clone(&load);
    thread("disk", move || worker::run(disk::Disk::default(), &own)).map_err(failed)?;
    let own = Arc::clone(&load);
    thread("net", move || worker::run(net::Net::new(), &own)).map_err(failed)?;
    let (own, windows) = (Arc::clone(&load), Arc::clone(&reporter));
    thread("report", move || windows.run(&own, say)).map_err(failed)?;
    if let Some(source) = source {
        let controls = Controls { load: Arc::clone(&load), reporter };
        thread("control", move || controls.run(source)).map_err(failed)?;
    }

    let mut order = load.order();
    while !order.ending {
        order = load.wait(&order, None).unwrap_or(order);
    }
    load.remove_leftovers();
    Ok(())
}
