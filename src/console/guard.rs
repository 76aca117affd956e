//! The terminal is given back as it was found: at the end, after a panic, before the program is suspended, while a command
//! of the operator's has it.

use std::io::{self, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};

/// Whether the terminal is ours now.
static OURS: AtomicBool = AtomicBool::new(false);

/// Reports buttons, the wheel and dragging, in the notation without a limit. Not every motion as crossterm asks for:
/// nothing here follows the pointer, and over a long line it would only be in the way.
const MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1002h\x1b[?1006h";

/// Holds the terminal: raw mode, the alternate screen, the mouse where it is used. Dropping it gives everything back.
pub(crate) struct Guard {
    mouse: bool,
}

impl Guard {
    /// Takes the terminal. From the first time on, a panic on the thread that took it gives it back before anything is
    /// reported. One on another thread is only logged: the console lives on and holds the terminal.
    pub(crate) fn enter(mouse: bool) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        let console = std::thread::current().id();
        HOOK.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                if std::thread::current().id() != console && OURS.load(Ordering::SeqCst) {
                    tracing::error!("{panic}");
                    return;
                }
                restore();
                report(panic);
            }));
        });
        take(mouse)?;
        Ok(Self { mouse })
    }

    /// Gives the terminal back and stops the process until somebody lets it go on.
    pub(crate) fn suspend(&self) -> io::Result<()> {
        self.lend();
        stop()?;
        self.take_back()
    }

    /// Gives the terminal to somebody else.
    #[allow(clippy::unused_self)] // Whoever lends holds the terminal.
    pub(crate) fn lend(&self) {
        restore();
    }

    /// Takes the terminal again.
    pub(crate) fn take_back(&self) -> io::Result<()> {
        take(self.mouse)
    }
}

/// Stops the process; returns when somebody lets it go on.
pub(crate) fn stop() -> io::Result<()> {
    // The shell sees a stopped job, as with any other program; what follows runs after `fg`.
    signal_hook::low_level::raise(signal_hook::consts::SIGSTOP)
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
    if mouse { io::stdout().write_all(MOUSE).and_then(|()| io::stdout().flush()) } else { Ok(()) }
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
