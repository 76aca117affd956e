//! The real program in a pseudo-terminal, with a terminal emulator that knows what is on its screen.
// Each test binary uses its own part, and for a module of tests `pub` reads better than `pub(crate)`.
#![allow(dead_code, unreachable_pub)]

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// How long a condition may take to come true on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keys and answers go in.
type Writer = Arc<Mutex<Box<dyn Write + Send>>>;

/// What has arrived, and the bell that rings when more does.
type Shared = Arc<(Mutex<Arrived>, Condvar)>;

struct Arrived {
    parser: vt100::Parser,
    raw: Vec<u8>,
    /// When how many bytes of whole frames had come.
    times: Vec<(Duration, usize)>,
    closed: bool,
}

/// A program on a terminal of its own. It is killed when this goes.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Writer,
    child: Box<dyn Child + Send + Sync>,
    shared: Shared,
}

impl Terminal {
    /// Starts the program under test with these arguments on a terminal of `columns` by `rows` with all colours.
    pub fn start<S: AsRef<OsStr>>(args: &[S], columns: u16, rows: u16) -> Self {
        Self::start_with(args, columns, rows, &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")])
    }

    /// The same with other variables in its environment, which has no others of the kind.
    pub fn start_with<S: AsRef<OsStr>>(args: &[S], columns: u16, rows: u16, variables: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_hemera"));
        command.args(args);
        Self::spawn(command, columns, rows, variables)
    }

    /// Any program on a terminal.
    pub fn spawn(mut command: CommandBuilder, columns: u16, rows: u16, variables: &[(&str, &str)]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).expect("a pseudo-terminal");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(decides)) {
            command.env_remove(name);
        }
        command.env("LANG", "C.UTF-8");
        command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
        command.env("XDG_CONFIG_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/no-config"));
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).expect("the program starts");
        drop(pty.slave);
        let arrived =
            Arrived { parser: vt100::Parser::new(rows, columns, 0), raw: Vec::new(), times: Vec::new(), closed: false };
        let shared: Shared = Arc::new((Mutex::new(arrived), Condvar::new()));
        let mut reader = pty.master.try_clone_reader().expect("the terminal's output");
        let writer = pty.master.take_writer().expect("the terminal's input");
        let writer: Writer = Arc::new(Mutex::new(writer));
        let answers = writer.clone();
        let theirs = Arc::clone(&shared);
        let began = Instant::now();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            let (mut held, mut asked) = (Vec::new(), Vec::new());
            loop {
                let count = reader.read(&mut buffer).unwrap_or(0);
                held.extend_from_slice(&buffer[..count]);
                let whole = if count == 0 { held.len() } else { whole_frames(&held) };
                let mut arrived = theirs.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                arrived.parser.process(&held[..whole]);
                // What every terminal answers to "are you well?".
                asked.extend_from_slice(&held[..whole]);
                let questions = asked.windows(4).filter(|part| *part == b"\x1b[5n").count();
                // The beginning of one may have arrived.
                asked.drain(..asked.len().saturating_sub(3));
                for _ in 0..questions {
                    drop(answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).write_all(b"\x1b[0n"));
                }
                held.drain(..whole);
                arrived.raw.extend_from_slice(&buffer[..count]);
                let shown = arrived.raw.len() - held.len();
                arrived.times.push((began.elapsed(), shown));
                arrived.closed = count == 0;
                theirs.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self { master: pty.master, writer, child, shared }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        let mut writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()).expect("the terminal takes keys");
    }

    /// What is on the screen, a line per row.
    pub fn text(&self) -> String {
        self.shared.0.lock().unwrap().parser.screen().contents()
    }

    /// Everything that was ever written to the terminal.
    pub fn raw(&self) -> Vec<u8> {
        self.shared.0.lock().unwrap().raw.clone()
    }

    /// When how much of it had come, in whole frames.
    pub fn times(&self) -> Vec<(Duration, usize)> {
        self.shared.0.lock().unwrap().times.clone()
    }

    /// The screen itself.
    pub fn screen(&self) -> vt100::Screen {
        self.shared.0.lock().unwrap().parser.screen().clone()
    }

    /// Waits until what is on the screen is as wanted; `what` is told where it never becomes so.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        self.wait(what, |arrived| wanted(&arrived.parser.screen().contents()));
    }

    fn wait(&self, what: &str, wanted: impl Fn(&Arrived) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut arrived = self.shared.0.lock().unwrap();
        loop {
            if wanted(&arrived) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let text = arrived.parser.screen().contents();
            assert!(!left.is_zero() && !arrived.closed, "never: {what}\n{text}");
            arrived = self.shared.1.wait_timeout(arrived, left).unwrap().0;
        }
    }

    /// The same of the screen with its styles.
    pub fn wait_screen(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        self.wait(what, |arrived| wanted(arrived.parser.screen()));
    }

    /// The same of everything that was ever written.
    pub fn wait_raw(&self, what: &str, wanted: impl Fn(&[u8]) -> bool) {
        self.wait(what, |arrived| wanted(&arrived.raw));
    }

    /// Waits until a text is on the screen.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    /// Presses the button of that name beside Cancel. In a field of a dialog, Enter comes to Cancel first.
    pub fn press(&mut self, button: &str) {
        self.wait_for(&format!("  {button}  "));
        // The safe button, whatever it is called there.
        let safe = |text: &str| ["[ Cancel ]", "[ Let it run ]", "[ Let them run ]"].iter().any(|b| text.contains(b));
        if !safe(&self.text()) {
            self.keys("\r");
            self.wait_until("the safe button", |screen| safe(screen));
        }
        self.keys("\t");
        self.wait_for(&format!("[ {button} ]"));
        self.keys("\r");
    }

    /// Makes the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.shared.0.lock().unwrap().parser.screen_mut().set_size(rows, columns);
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).expect("a new size");
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.child.process_id().expect("a process that was started")
    }

    /// Sends the program a signal, by its name.
    pub fn signal(&self, name: &str) {
        let status = std::process::Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }

    /// Waits until the program has ended.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        {
            let mut arrived = self.shared.0.lock().unwrap();
            while !arrived.closed {
                let left = deadline.saturating_duration_since(Instant::now());
                assert!(!left.is_zero(), "does not end\n{}", arrived.parser.screen().contents());
                arrived = self.shared.1.wait_timeout(arrived, left).unwrap().0;
            }
        }
        self.child.wait().expect("the program was started by us")
    }

    /// Whether the terminal is as the program found it: main screen, cursor shown, no mouse, no paste marks.
    pub fn restored(&self) -> bool {
        let screen = self.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }
}

/// Whether a variable decides what the console looks like or does.
fn decides(name: &str) -> bool {
    const OTHERS: [&str; 7] = ["NO_COLOR", "COLORTERM", "COLORFGBG", "TERM", "TMUX", "STY", "ENV"];
    OTHERS.contains(&name) || name.starts_with("LC_") || name.starts_with("HEMERA_") && name != "HEMERA_LONG"
}

/// How many of these bytes can be shown without half a frame: as terminals that know synchronized updates do it.
fn whole_frames(bytes: &[u8]) -> usize {
    let (begin, end) = (b"\x1b[?2026h", b"\x1b[?2026l");
    let last = |mark: &[u8]| bytes.windows(mark.len()).rposition(|part| part == mark);
    match (last(begin), last(end)) {
        (Some(begin), end) if end.is_none_or(|end| end < begin) => begin,
        // A mark may have arrived in part.
        _ => bytes.len() - (1..begin.len()).rfind(|&n| bytes.ends_with(&begin[..n])).unwrap_or(0),
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
