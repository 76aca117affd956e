//! The terminal is given back as it was found: at the end, after a panic, before the program is suspended.

use std::io::{self, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};

/// Whether the terminal is ours now.
static OURS: AtomicBool = AtomicBool::new(false);

/// Holds the terminal: raw mode, the alternate screen, the mouse where it is used. Dropping it gives everything back.
pub(crate) struct Guard {
    mouse: bool,
}

impl Guard {
    /// Takes the terminal. From the first time on, a panic gives it back before anything is reported.
    pub(crate) fn enter(mouse: bool) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                report(panic);
            }));
        });
        take(mouse)?;
        Ok(Self { mouse })
    }

    /// Gives the terminal back and stops the process until somebody lets it go on.
    pub(crate) fn suspend(&self) -> io::Result<()> {
        restore();
        // The shell sees a stopped job, as with any other program; what follows runs after `fg`.
        signal_hook::low_level::raise(signal_hook::consts::SIGSTOP)?;
        take(self.mouse)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

fn take(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    OURS.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, cursor::Hide, EnableBracketedPaste)?;
    if mouse { execute!(io::stdout(), EnableMouseCapture) } else { Ok(()) }
}

/// Gives the terminal back where it is ours. What fails is not reported: there is nothing to report it on.
fn restore() {
    if OURS.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        // Also the end of a synchronized update and the plain style, in case a frame was cut short.
        drop(out.write_all(b"\x1b[?2026l\x1b[0m"));
        drop(execute!(out, DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show));
        drop(disable_raw_mode());
    }
}
