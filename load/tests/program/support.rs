//! A hemera-load under test: what it prints, what it answers, its end.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a condition may take on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The program, ready for arguments.
pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_hemera-load"))
}

/// A line of JSON.
pub(crate) fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Asks until `condition` gives something.
pub(crate) fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A program that takes commands on its standard input.
pub(crate) struct Load {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Load {
    /// Starts it.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = program();
        command.args(arguments).args(["--control", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, input, output }
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("reads");
        json(&line)
    }

    /// The answer to a command.
    pub(crate) fn ask(&mut self, command: &str) -> Value {
        writeln!(self.input.as_mut().expect("open"), "{command}").expect("takes commands");
        self.line()
    }

    /// Closes its standard input.
    pub(crate) fn let_go(&mut self) {
        self.input = None;
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_until("the program ends", || self.child.try_wait().expect("waits"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
