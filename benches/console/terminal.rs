//! A program in a pseudo-terminal with an emulator behind it that notes when its screen shows what is waited for.

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::Screen;

/// Columns and rows of every terminal here.
pub const SIZE: (u16, u16) = (200, 50);
/// After so long without a byte a frame is over.
const QUIET: Duration = Duration::from_millis(10);
/// A terminal that knows synchronized updates shows what stands between these two at once.
const MARKS: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");

/// What a key is to bring about.
pub type Effect = Box<dyn Fn(&Screen) -> bool + Send>;

/// When what came after a key was there.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// From the key to the screen that shows its effect.
    pub effect: Duration,
    /// From the frame's first byte to its last.
    pub frame: Duration,
    /// Bytes that came.
    pub bytes: u64,
}

struct Watch {
    effect: Effect,
    first: Option<Instant>,
    shown: Option<Instant>,
}

struct Arrived {
    parser: vt100::Parser,
    bytes: u64,
    last: Instant,
    closed: bool,
    watch: Option<Watch>,
}

type Shared = Arc<(Mutex<Arrived>, Condvar)>;

/// A program on a terminal of its own. It is killed when this goes.
pub struct Terminal {
    /// Kept open: without it the program's terminal is gone.
    _master: Option<Box<dyn MasterPty + Send>>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    child: Box<dyn Child + Send + Sync>,
    shared: Shared,
    /// When it was started.
    pub started: Instant,
}

fn lock(shared: &Shared) -> MutexGuard<'_, Arrived> {
    shared.0.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Terminal {
    /// Starts a program on a terminal with all colours.
    pub fn start(command: &CommandBuilder) -> Self {
        let size = PtySize { rows: SIZE.1, cols: SIZE.0, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let reader = pty.master.try_clone_reader().expect("the terminal's output");
        let writer = pty.master.take_writer().expect("the terminal's input");
        let started = Instant::now();
        let child = pty.slave.spawn_command(command.clone()).expect("the program starts");
        drop(pty.slave);
        Self::over(reader, writer, child, Some(pty.master), started)
    }

    /// The terminal of a program whose bytes come and go elsewhere.
    pub fn over(
        reader: impl Read + Send + 'static,
        writer: Box<dyn Write + Send>,
        child: Box<dyn Child + Send + Sync>,
        master: Option<Box<dyn MasterPty + Send>>,
        started: Instant,
    ) -> Self {
        let arrived = Arrived {
            parser: vt100::Parser::new(SIZE.1, SIZE.0, 0),
            bytes: 0,
            last: Instant::now(),
            closed: false,
            watch: None,
        };
        let shared: Shared = Arc::new((Mutex::new(arrived), Condvar::new()));
        let writer = Arc::new(Mutex::new(writer));
        let (theirs, answers) = (shared.clone(), writer.clone());
        std::thread::spawn(move || emulate(reader, &theirs, &answers));
        Self { _master: master, writer, child, shared, started }
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.child.process_id().expect("a process that was started")
    }

    /// What is on the screen, a line per row.
    pub fn text(&self) -> String {
        lock(&self.shared).parser.screen().contents()
    }

    /// Bytes that came so far.
    pub fn bytes(&self) -> u64 {
        lock(&self.shared).bytes
    }

    /// Types keys and does not care what they do.
    pub fn send(&self, keys: &str) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()).expect("the terminal takes keys");
    }

    /// Types a key and says when its effect was on the screen; none where it never came. `effect` is made from the
    /// screen as it is before.
    pub fn press(&self, key: &str, effect: impl FnOnce(&Screen) -> Effect, patience: Duration) -> Option<Seen> {
        let mut arrived = lock(&self.shared);
        let effect = effect(arrived.parser.screen());
        arrived.watch = Some(Watch { effect, first: None, shown: None });
        drop(arrived);
        let before = self.bytes();
        let pressed = Instant::now();
        self.send(key);
        let watch = self.outcome(pressed + patience)?;
        let (first, shown) = (watch.first?, watch.shown?);
        let last = self.quiet();
        Some(Seen {
            effect: shown - pressed,
            frame: last.saturating_duration_since(first),
            bytes: self.bytes() - before,
        })
    }

    /// Waits until the screen is as wanted; how long after the program's start that was.
    pub fn wait(&self, wanted: Effect, patience: Duration) -> Option<Duration> {
        {
            let mut arrived = lock(&self.shared);
            let shown = wanted(arrived.parser.screen()).then(Instant::now);
            arrived.watch = Some(Watch { effect: wanted, first: None, shown });
        }
        Some(self.outcome(Instant::now() + patience)?.shown? - self.started)
    }

    fn outcome(&self, until: Instant) -> Option<Watch> {
        let mut arrived = lock(&self.shared);
        loop {
            if arrived.watch.as_ref().is_some_and(|watch| watch.shown.is_some()) {
                return arrived.watch.take();
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || arrived.closed {
                arrived.watch = None;
                return None;
            }
            arrived = self.shared.1.wait_timeout(arrived, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until nothing comes any more, for a quarter of a second at most; when the last byte came.
    fn quiet(&self) -> Instant {
        let until = Instant::now() + Duration::from_millis(250);
        loop {
            let last = lock(&self.shared).last;
            if last.elapsed() >= QUIET || Instant::now() > until {
                return last;
            }
            std::thread::sleep(QUIET.saturating_sub(last.elapsed()));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Shows what arrives, whole frames only, and answers what terminals are asked.
fn emulate(mut reader: impl Read, shared: &Shared, answers: &Mutex<Box<dyn Write + Send>>) {
    let mut buffer = vec![0; 1 << 16];
    let (mut held, mut before) = (Vec::new(), Vec::new());
    loop {
        let count = reader.read(&mut buffer).unwrap_or(0);
        let now = Instant::now();
        held.extend_from_slice(&buffer[..count]);
        let whole = if count == 0 { held.len() } else { whole_frames(&held) };
        let mut arrived = lock(shared);
        arrived.parser.process(positioned(&mut held[..whole]));
        arrived.bytes += count as u64;
        arrived.last = now;
        arrived.closed = count == 0;
        let arrived = &mut *arrived;
        if let Some(watch) = &mut arrived.watch {
            watch.first.get_or_insert(now);
            if watch.shown.is_none() && whole > 0 && (watch.effect)(arrived.parser.screen()) {
                watch.shown = Some(Instant::now());
            }
        }
        shared.1.notify_all();
        if count == 0 {
            return;
        }
        answer(&mut before, &held[..whole], answers);
        held.drain(..whole);
    }
}

/// What a terminal says when it is asked how it is, where its cursor stands and what it can do.
const ANSWERS: [(&[u8], &[u8]); 3] =
    [(b"\x1b[5n", b"\x1b[0n"), (b"\x1b[6n", b"\x1b[1;1R"), (b"\x1b[c", b"\x1b[?62;22c")];

/// Answers what is asked in `shown`; `before` is the end of what was shown before, where a question may have begun.
fn answer(before: &mut Vec<u8>, shown: &[u8], answers: &Mutex<Box<dyn Write + Send>>) {
    let old = before.len();
    before.extend_from_slice(shown);
    for (question, reply) in ANSWERS {
        let parts = before.windows(question.len()).enumerate();
        let asked = parts.filter(|(at, part)| at + question.len() > old && *part == question).count();
        for _ in 0..asked {
            let mut writer = answers.lock().unwrap_or_else(PoisonError::into_inner);
            // A program that has ended needs no answer.
            drop(writer.write_all(reply).and_then(|()| writer.flush()));
        }
    }
    before.drain(..before.len().saturating_sub(3));
}

/// The bytes with cursor positions as the emulator knows them: `CSI row ; column f`, which btop writes, is the same as
/// with `H`.
fn positioned(bytes: &mut [u8]) -> &[u8] {
    let mut inside = false;
    for i in 1..bytes.len() {
        inside = match bytes[i] {
            b'[' if bytes[i - 1] == 0x1b => true,
            b'0'..=b'9' | b';' => inside,
            b'f' if inside => {
                bytes[i] = b'H';
                false
            }
            _ => false,
        };
    }
    bytes
}

/// How many of these bytes can be shown without half a frame.
fn whole_frames(bytes: &[u8]) -> usize {
    let last = |mark: &[u8]| bytes.windows(mark.len()).rposition(|part| part == mark);
    match (last(MARKS.0), last(MARKS.1)) {
        (Some(begin), end) if end.is_none_or(|end| end < begin) => begin,
        // A mark may have arrived in part.
        _ => bytes.len() - (1..MARKS.0.len()).rfind(|&n| bytes.ends_with(&MARKS.0[..n])).unwrap_or(0),
    }
}
