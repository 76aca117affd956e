//! What the terminal says: keys, the mouse, pasted text, sizes, and answers to what it was asked.
//!
//! crossterm's own stream keeps the answers to itself, and what it keeps it never lets go. They are what a slow line
//! shows in, see [`Line`](super::line::Line). It is read here only while somebody waits for it: a program that was
//! started from the console has the terminal to itself.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crossterm::event::Event;
use futures_util::Stream;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal as Resized, SignalKind, signal};
use tokio::sync::mpsc;

use super::Signal;
use super::background::shade;

mod parse;

use parse::{Said, parse};

/// The most bytes taken at once.
const CHUNK: usize = 4096;
/// The parts of a sequence, or of a paste, follow one another faster than this, or do not come any more.
const LOST: Duration = Duration::from_secs(1);
/// Standard input's terminal, and the process's where that one belongs to somebody else.
const TERMINALS: [&str; 2] = ["/proc/self/fd/0", "/dev/tty"];

/// Events of this process's terminal.
pub(super) struct Input {
    terminal: pipe::Receiver,
    resized: Resized,
    answers: mpsc::Sender<Signal>,
    /// Whether the terminal still has to say what its background is.
    asked: bool,
    bytes: Vec<u8>,
    /// When the last bytes came.
    read_at: Instant,
    events: VecDeque<Event>,
}

impl Input {
    /// Reads the terminal that standard input is, in raw mode. Answers go to `answers`; `asked` says that the terminal was
    /// asked for its background.
    pub(super) fn new(answers: mpsc::Sender<Signal>, asked: bool) -> io::Result<Self> {
        Ok(Self {
            terminal: open()?,
            resized: signal(SignalKind::window_change())?,
            answers,
            asked,
            bytes: Vec::new(),
            read_at: Instant::now(),
            events: VecDeque::new(),
        })
    }

    /// Takes what there is; false at the end.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let mut chunk = [0; CHUNK];
        let mut chunk = ReadBuf::new(&mut chunk);
        // A terminal that is gone has come to its end, whatever it is called.
        let ended = ready!(Pin::new(&mut self.terminal).poll_read(context, &mut chunk)).is_err();
        let now = Instant::now();
        if now - std::mem::replace(&mut self.read_at, now) > LOST {
            // The rest of what has begun was lost on the way; what is typed now is not a part of it.
            self.events.extend(parse::cut_short(&std::mem::take(&mut self.bytes)).map(Event::Paste));
        }
        self.bytes.extend_from_slice(chunk.filled());
        let count = chunk.filled().len();
        self.understand(count == CHUNK);
        Poll::Ready(!ended && count > 0)
    }

    /// Makes events of the bytes; `more` are certain to come.
    fn understand(&mut self, more: bool) {
        let mut from = 0;
        while let Some((said, used)) = parse(&self.bytes[from..], more) {
            if self.asked && self.bytes[from..] == *b"\x1b]" {
                // The answer may have come in two parts: the second one is not to be taken for keys.
                break;
            }
            from += used;
            match said {
                Said::Event(event) => self.events.push_back(event),
                // Where nobody can take it, the next one tells as much.
                Said::Answer => {
                    let _ = self.answers.try_send(Signal::Answered);
                }
                Said::Background(told) => {
                    self.asked = false;
                    if let Some(shade) = shade(&told) {
                        // Where the queue is full or nobody listens any more, the theme stays as it is.
                        let _ = self.answers.try_send(Signal::Background(shade));
                    }
                }
                Said::Nothing => {}
            }
        }
        self.bytes.drain(..from);
    }
}

/// Opens the terminal anew: what is read without waiting here is still waited for by who else has it open.
fn open() -> io::Result<pipe::Receiver> {
    // No pipe it is, but nothing else in tokio reads a file when it is ready.
    let open = |path| pipe::OpenOptions::new().unchecked(true).open_receiver(path);
    open(TERMINALS[0]).or_else(|_| open(TERMINALS[1]))
}

impl Stream for Input {
    type Item = io::Result<Event>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.events.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if let Poll::Ready(Some(())) = this.resized.poll_recv(context) {
                let (width, height) = crossterm::terminal::size()?;
                return Poll::Ready(Some(Ok(Event::Resize(width, height))));
            }
            if !ready!(this.read(context)) {
                return Poll::Ready(None);
            }
        }
    }
}
