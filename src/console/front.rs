//! What the loop stands on: where keys come from, and the terminal, which can be given away for a while.

use std::io;

use crossterm::event::Event;
use futures_util::Stream;
use ratatui::layout::Size;

use super::guard::Guard;

/// The loop's input, and the terminal under its screen.
pub(crate) trait Front {
    /// Keys, the mouse, sizes.
    type Events: Stream<Item = io::Result<Event>> + Unpin;

    /// What happens on the terminal.
    fn events(&mut self) -> &mut Self::Events;

    /// Gives the terminal back and stops the process until somebody lets it go on; the size that it has then.
    fn stop(&mut self) -> io::Result<Size>;

    /// Gives the terminal to a command; false where there is none to give. Nothing is read from it until
    /// [`Front::take_back`].
    fn lend(&mut self) -> bool;

    /// Takes the terminal back; the size that it has now.
    fn take_back(&mut self) -> io::Result<Size>;
}

/// The terminal of this process.
pub(crate) struct Tty<E> {
    guard: Guard,
    events: E,
}

impl<E> Tty<E> {
    pub(crate) const fn new(guard: Guard, events: E) -> Self {
        Self { guard, events }
    }
}

impl<E: Stream<Item = io::Result<Event>> + Unpin> Front for Tty<E> {
    type Events = E;

    fn events(&mut self) -> &mut E {
        &mut self.events
    }

    fn stop(&mut self) -> io::Result<Size> {
        self.guard.suspend()?;
        size()
    }

    fn lend(&mut self) -> bool {
        // Keys are read only while they are waited for: from now on they are the command's.
        self.guard.lend();
        true
    }

    fn take_back(&mut self) -> io::Result<Size> {
        self.guard.take_back()?;
        size()
    }
}

fn size() -> io::Result<Size> {
    crossterm::terminal::size().map(|(width, height)| Size::new(width, height))
}

/// Events from anywhere, for a screen that is no terminal.
pub(crate) struct Given<E> {
    events: E,
    size: Size,
}

impl<E> Given<E> {
    pub(crate) const fn new(events: E, size: Size) -> Self {
        Self { events, size }
    }
}

impl<E: Stream<Item = io::Result<Event>> + Unpin> Front for Given<E> {
    type Events = E;

    fn events(&mut self) -> &mut E {
        &mut self.events
    }

    fn stop(&mut self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn lend(&mut self) -> bool {
        false
    }

    fn take_back(&mut self) -> io::Result<Size> {
        Ok(self.size)
    }
}
