//! What is asked of one VM at a time, as it would be too much for a table of all; and its serial console.

use std::sync::Arc;

use super::Bytes;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inquiry {
    /// Its definition.
    Xml,
    /// What its screen shows.
    Screen,
    /// What its hypervisor says of it.
    Details,
    /// What its guest wrote to its serial console.
    Serial {
        /// From this place on, in bytes from the log's start; none: its end.
        from: Option<u64>,
        /// At most so many bytes.
        most: u32,
    },
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// To [`Inquiry::Xml`].
    Xml(Arc<str>),
    /// To [`Inquiry::Screen`].
    Screen(Arc<Picture>),
    /// To [`Inquiry::Details`].
    Details(Arc<Details>),
    /// To [`Inquiry::Serial`].
    Serial(SerialLog),
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picture {
    /// Pixels in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Red, green and blue of each pixel, line by line from the top.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Red, green and blue of a pixel; black outside.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        match self.rgb.get(at..at + 3) {
            Some(&[red, green, blue]) if x < self.width => [red, green, blue],
            _ => [0; 3],
        }
    }
}

/// What a hypervisor says of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// Its state in libvirt's words, as `virsh domstate` says it.
    pub state: Arc<str>,
    /// Why it is in it, as `virsh domstate --reason` says it.
    pub reason: Arc<str>,
    /// The job that works on it, as a move is.
    pub job: Option<Job>,
    /// What its hypervisor itself answers, or why it does not.
    pub hypervisor: Result<Arc<str>, Arc<str>>,
    /// libvirt's number for it, while it runs.
    pub id: Option<u32>,
    /// Its UUID.
    pub uuid: Arc<str>,
    /// Whether its definition stays when it ends.
    pub persistent: bool,
    /// Whether its host starts it with itself.
    pub autostart: bool,
}

/// A job that works on a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Job {
    /// For how long, in milliseconds.
    pub elapsed_ms: u64,
    /// What has been sent or written of memory.
    pub processed: Bytes,
    /// What is left in this round.
    pub remaining: Bytes,
    /// All.
    pub total: Bytes,
}

/// A piece of what a guest wrote to its serial console since it was started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SerialLog {
    /// Where the piece begins, in bytes from the log's start.
    pub from: u64,
    /// How long the log was, in bytes.
    pub size: u64,
    /// What was written: text and the terminal's control sequences, from there on.
    pub bytes: Vec<u8>,
}

/// What goes to a VM's serial console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToConsole {
    /// Take it, so that what is typed reaches the guest. Only one at a time can have it.
    Take {
        /// Also from somebody else who has it.
        force: bool,
    },
    /// These bytes are typed; without the console they are dropped.
    Type(Vec<u8>),
    /// Give it back, and go on reading.
    GiveBack,
}

/// What comes from a VM's serial console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromConsole {
    /// What the guest wrote: first what it wrote before, then what it writes.
    Wrote(Vec<u8>),
    /// The console has been taken.
    Taken,
    /// Somebody else has it.
    InUse,
    /// It was given back, or taken away by somebody else, for this reason.
    Lost(Arc<str>),
    /// Nothing comes any more, for this reason.
    Ended(Arc<str>),
}
