//! What the loop stands on: where keys come from, and the terminal, which can be given away for a while.

use std::io;
use std::time::Duration;

use crossterm::event::{Event, EventStream};
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
    fn lend(&mut self) -> io::Result<bool>;

    /// Takes the terminal back; the size that it has now.
    fn take_back(&mut self) -> io::Result<Size>;
}

/// The terminal of this process.
pub(crate) struct Tty {
    guard: Guard,
    /// None until it is asked.
    events: Option<EventStream>,
}

/// What a thread that was just asked for keys needs to begin waiting for them.
const LET_GO: Duration = Duration::from_millis(1);

impl Tty {
    pub(crate) const fn new(guard: Guard) -> Self {
        Self { guard, events: None }
    }
}

impl Front for Tty {
    type Events = EventStream;

    fn events(&mut self) -> &mut EventStream {
        self.events.get_or_insert_with(EventStream::new)
    }

    fn stop(&mut self) -> io::Result<Size> {
        self.guard.suspend()?;
        size()
    }

    fn lend(&mut self) -> io::Result<bool> {
        // The stream has a thread that waits for keys while it is asked for some, and would take those of the command.
        // Dropping it wakes that thread for its end. One that is only about to wait is woken by the next streams' ends.
        drop(self.events.take());
        for _ in 0..2 {
            // Made only once the thread has let go of the reader.
            drop(EventStream::new());
            std::thread::sleep(LET_GO);
        }
        // Takes what woke: the reader would take it for a reason to pass over the first key afterwards.
        crossterm::event::poll(Duration::ZERO)?;
        self.guard.lend();
        Ok(true)
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

    fn lend(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    fn take_back(&mut self) -> io::Result<Size> {
        Ok(self.size)
    }
}
