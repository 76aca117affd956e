//! Streams: bytes that flow both ways for as long as both sides want.

use tokio::sync::mpsc;

use crate::fleet::{FromConsole, ToConsole, VmId};

/// How many pieces may wait on a stream's way, in each direction; whoever sends more waits, or is told.
pub const STREAM_ROOM: usize = 64;

/// What can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The serial console of a VM.
    Console(VmId),
}

/// The reader's end of a stream. Dropping it closes the stream.
#[derive(Debug)]
pub struct Line {
    /// What comes; it ends with [`FromConsole::Ended`], or without where whatever drives the engine is gone.
    pub from: mpsc::Receiver<FromConsole>,
    /// What goes; none where nothing may be changed.
    pub to: Option<mpsc::Sender<ToConsole>>,
}

/// The other end. Dropping it closes the stream.
#[derive(Debug)]
pub struct LineEnd {
    /// What comes from the reader.
    pub to: mpsc::Receiver<ToConsole>,
    /// What goes to the reader.
    pub from: mpsc::Sender<FromConsole>,
}
