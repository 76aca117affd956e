//! The program without a subcommand, in a pseudo-terminal: the console on a simulated world.
// What a test cannot set up has failed as well.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::{TempDir, tempdir};

/// What the program drew so far; the condition is signalled at every change and at its end.
type Drawn = Arc<(Mutex<(vt100::Parser, bool)>, Condvar)>;

struct Session {
    drawn: Drawn,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _terminal: Box<dyn MasterPty + Send>,
    _home: TempDir,
}

impl Session {
    fn start(args: &[&str]) -> Self {
        let home = tempdir().unwrap();
        let size = PtySize { rows: 36, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_hemera"));
        command.args(args);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env("XDG_STATE_HOME", home.path());
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let mut output = pty.master.try_clone_reader().unwrap();
        let drawn: Drawn = Arc::new((Mutex::new((vt100::Parser::new(36, 120, 0), false)), Condvar::new()));
        let shared = drawn.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 16384];
            loop {
                let read = output.read(&mut bytes).unwrap_or(0);
                let mut state = shared.0.lock().unwrap();
                state.0.process(&bytes[..read]);
                state.1 = read == 0;
                shared.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { drawn, keys: pty.master.take_writer().unwrap(), child, _terminal: pty.master, _home: home }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen is as wanted, or the program has ended, and returns it.
    fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut state = self.drawn.0.lock().unwrap();
        loop {
            let screen = state.0.screen().contents();
            if wanted(&screen) {
                return screen;
            }
            assert!(!state.1, "the program ended before: {what}\n{screen}");
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never came: {what}\n{screen}");
            state = self.drawn.1.wait_timeout(state, left).unwrap().0;
        }
    }

    fn end(mut self) -> u32 {
        self.child.wait().unwrap().exit_code()
    }
}

#[test]
fn the_world_is_there_with_its_vms_and_goes_with_the_console() {
    let mut session = Session::start(&["--vms", "10240"]);
    // A frame may arrive in parts: everything is waited for together.
    session.wait_until("10 240 VMs on the screen", |screen| {
        let counted = screen.contains("10 240") || screen.contains("10240");
        screen.contains("grid5000-2012") && counted && screen.contains("vm-1")
    });
    session.press("q");
    assert_eq!(session.end(), 0);
}

#[test]
fn mistakes_are_told_before_the_terminal_is_touched() {
    for (args, expected) in [
        (&["--theme", "no-such-theme"][..], "no-such-theme"),
        (&["--keymap", "no-such-keymap"], "no-such-keymap"),
        (&["--world", "smal"], "did you mean `small`"),
        (&["--speed", "max"], "cannot follow `max`"),
    ] {
        let session = Session::start(args);
        let told = session.wait_until(expected, |screen| screen.contains(expected));
        assert!(told.trim_start().starts_with("error: "), "{told}");
        assert_eq!(session.end(), 2, "{args:?}");
    }
}

#[test]
fn worlds_that_cannot_hold_the_vms_have_their_hosts_multiplied() {
    let mut session = Session::start(&["--world", "small", "--vms", "20000"]);
    session.wait_until("20 000 VMs", |screen| screen.contains("20 000") || screen.contains("20000"));
    session.press("q");
    assert_eq!(session.end(), 0);
}
