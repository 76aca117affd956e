//! Drives the console's loop as a person would: keys in, what a terminal shows out.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use hemera::console::{ColorLevel, Options, Screen, Signal, drive};
use hemera::handle::{Command, OperationSpec, Snapshot, pair};
use ratatui::layout::Size;
use tokio::sync::mpsc;

use crate::fake::{Heard, serve};

/// How long something may take before a test says that it never came.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a terminal makes of what is written to it.
pub(crate) struct Seen {
    pub(crate) parser: vt100::Parser,
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: usize,
}

/// How many events were sent, how many the console took, and how often it found none since.
#[derive(Default)]
struct Events {
    sent: usize,
    taken: usize,
    none: usize,
}

#[derive(Clone)]
struct Sink(Arc<(Mutex<Seen>, Condvar)>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut seen = self.0.0.lock().unwrap();
        seen.parser.process(bytes);
        seen.bytes.extend_from_slice(bytes);
        seen.frames += 1;
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A running console.
pub(crate) struct Console {
    sink: Sink,
    events: Option<mpsc::UnboundedSender<Event>>,
    counted: Arc<(Mutex<Events>, Condvar)>,
    signals: mpsc::Sender<Signal>,
    snapshots: mpsc::UnboundedSender<Snapshot>,
    heard: Arc<Mutex<Heard>>,
    thread: Option<JoinHandle<()>>,
}

/// How it starts.
pub(crate) struct Setup {
    pub(crate) size: (u16, u16),
    pub(crate) options: Options,
    pub(crate) snapshot: Snapshot,
    engine: bool,
    asks: bool,
}

impl Setup {
    pub(crate) fn new(snapshot: Snapshot, width: u16, height: u16) -> Self {
        let options = Options { color: ColorLevel::True, ..Options::default() };
        Self { size: (width, height), options, snapshot, engine: true, asks: false }
    }

    pub(crate) fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Without anybody behind the handle.
    pub(crate) fn engine_gone(mut self) -> Self {
        self.engine = false;
        self
    }

    /// With a question at the end of each frame, which [`Console::answer`] answers.
    pub(crate) fn asking(mut self) -> Self {
        self.asks = true;
        self
    }

    pub(crate) fn start(self) -> Console {
        elsewhere();
        let (width, height) = self.size;
        let seen = Seen { parser: vt100::Parser::new(height.max(1), width.max(1), 0), bytes: Vec::new(), frames: 0 };
        let sink = Sink(Arc::new((Mutex::new(seen), Condvar::new())));
        let (events, mut taken) = mpsc::unbounded_channel();
        let (signals, signals_out) = mpsc::channel(1);
        let (snapshots, snapshots_out) = mpsc::unbounded_channel();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let counted: Arc<(Mutex<Events>, Condvar)> = Arc::default();
        let (sink_there, heard_there, counted_there) = (sink.clone(), heard.clone(), counted.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (handle, service) = pair(Arc::new(self.snapshot));
                if self.engine {
                    tokio::spawn(serve(service, heard_there, snapshots_out));
                } else {
                    drop(service);
                }
                let events = futures_util::stream::poll_fn(move |cx| {
                    let next = taken.poll_recv(cx);
                    let mut counted = counted_there.0.lock().unwrap();
                    counted.none = if next.is_pending() { counted.none + 1 } else { 0 };
                    counted.taken += usize::from(next.is_ready());
                    counted_there.1.notify_all();
                    next.map(|event| event.map(Ok))
                });
                let screen = Screen::new(sink_there, Size::new(width, height), self.options.color);
                let screen = if self.asks { screen.asking() } else { screen };
                drive(handle, &self.options, screen, events, signals_out).await.unwrap();
            });
        });
        Console { sink, events: Some(events), counted, signals, snapshots, heard, thread: Some(thread) }
    }
}

/// Random keys may write a table to a file without a folder in its name: not among the sources.
fn elsewhere() {
    static MOVED: std::sync::Once = std::sync::Once::new();
    MOVED.call_once(|| {
        let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/console");
        std::fs::create_dir_all(folder).and_then(|()| std::env::set_current_dir(folder)).unwrap();
    });
}

impl Console {
    /// Types keys written as in `b`, `Enter`, `ctrl-z`, `"text"`.
    pub(crate) fn keys(&self, keys: &str) -> &Self {
        for word in keys.split(' ').filter(|w| !w.is_empty()) {
            if let Some(text) = word.strip_prefix('"') {
                for c in text.trim_end_matches('"').replace('_', " ").chars() {
                    self.send(KeyCode::Char(c), KeyModifiers::NONE);
                }
                continue;
            }
            let (modifiers, name) = match word.split_once('-') {
                Some(("ctrl", rest)) => (KeyModifiers::CONTROL, rest),
                Some(("shift", rest)) => (KeyModifiers::SHIFT, rest),
                _ => (KeyModifiers::NONE, word),
            };
            let code = match name {
                "Enter" => KeyCode::Enter,
                "Esc" => KeyCode::Esc,
                "Tab" => KeyCode::Tab,
                "BackTab" => KeyCode::BackTab,
                "Up" => KeyCode::Up,
                "Down" => KeyCode::Down,
                "Left" => KeyCode::Left,
                "Right" => KeyCode::Right,
                "Home" => KeyCode::Home,
                "End" => KeyCode::End,
                "PgDn" => KeyCode::PageDown,
                "Space" => KeyCode::Char(' '),
                "Backspace" => KeyCode::Backspace,
                one => KeyCode::Char(one.chars().next().unwrap()),
            };
            self.send(code, modifiers);
        }
        self
    }

    fn send(&self, code: KeyCode, modifiers: KeyModifiers) {
        self.event(Event::Key(KeyEvent::new(code, modifiers)));
    }

    pub(crate) fn event(&self, event: Event) {
        if let Some(events) = &self.events {
            self.counted.0.lock().unwrap().sent += 1;
            events.send(event).ok();
        }
    }

    /// Waits until every event was taken.
    pub(crate) fn taken(&self) -> &Self {
        self.wait_events("taken", |events| events.taken >= events.sent)
    }

    /// Waits until what every event did by itself is drawn: the loop looks for more once before it draws and once after
    /// it. What was asked of the engine or of a thread may still come.
    pub(crate) fn drawn(&self) -> &Self {
        self.wait_events("drawn", |events| events.taken >= events.sent && events.none >= 2)
    }

    fn wait_events(&self, what: &str, there: impl Fn(&Events) -> bool) -> &Self {
        let waits = |events: &mut Events| !there(events);
        let (events, over) =
            self.counted.1.wait_timeout_while(self.counted.0.lock().unwrap(), PATIENCE, waits).unwrap();
        assert!(!over.timed_out(), "events never {what}: {} of {}", events.taken, events.sent);
        self
    }

    pub(crate) fn resize(&self, width: u16, height: u16) -> &Self {
        self.sink.0.0.lock().unwrap().parser.screen_mut().set_size(height.max(1), width.max(1));
        self.event(Event::Resize(width, height));
        self
    }

    /// Says that one more frame was shown.
    pub(crate) fn answer(&self) -> &Self {
        self.signal(Signal::Answered);
        self
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.signals.blocking_send(signal).unwrap();
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        self.snapshots.send(snapshot).unwrap();
    }

    /// Waits until the screen is as described.
    pub(crate) fn wait_until(&self, what: &str, there: impl Fn(&str) -> bool) -> &Self {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.sink.0.0.lock().unwrap();
        loop {
            let text = seen.parser.screen().contents();
            if there(&text) {
                return self;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never came: {what}\n{text}");
            seen = self.sink.0.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until so many frames were written.
    pub(crate) fn wait_frames(&self, frames: usize) -> &Self {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.sink.0.0.lock().unwrap();
        while seen.frames < frames {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "only {} frames of {frames}", seen.frames);
            seen = self.sink.0.1.wait_timeout(seen, left).unwrap().0;
        }
        self
    }

    /// Waits until the screen shows a text.
    pub(crate) fn shows(&self, text: &str) -> &Self {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// Waits until the screen shows all of these at once.
    pub(crate) fn shows_all(&self, texts: &[&str]) -> &Self {
        self.wait_until(&texts.join(" and "), |screen| texts.iter().all(|text| screen.contains(text)))
    }

    /// Waits until the screen no longer shows a text.
    pub(crate) fn hides(&self, text: &str) -> &Self {
        self.wait_until(&format!("no {text}"), |screen| !screen.contains(text))
    }

    /// Waits until nothing more is written for a moment: what was asked for has come, in however many frames.
    pub(crate) fn quiet(&self) -> &Self {
        self.drawn();
        let moment = Duration::from_millis(120);
        let mut seen = self.sink.0.0.lock().unwrap();
        loop {
            let frames = seen.frames;
            seen = self.sink.0.1.wait_timeout_while(seen, moment, |seen| seen.frames == frames).unwrap().0;
            if seen.frames == frames {
                return self;
            }
        }
    }

    /// Waits until a command was heard, and gives it.
    pub(crate) fn command(&self) -> Command {
        self.shows("#4 began");
        self.heard.lock().unwrap().commands.pop().unwrap()
    }

    pub(crate) fn commands(&self) -> usize {
        self.heard.lock().unwrap().commands.len()
    }

    /// Nothing was asked for but what loses nothing: holding operations, letting hosts take VMs again.
    pub(crate) fn harmless(&self) {
        for command in &self.heard.lock().unwrap().commands {
            let harmless =
                matches!(command, Command::PauseOperation(_) | Command::ResumeOperation(_) | Command::Undrain(_));
            assert!(harmless, "{command:?}");
        }
    }

    /// What was typed into serial consoles.
    pub(crate) fn typed(&self) -> Vec<u8> {
        self.heard.lock().unwrap().typed.lock().unwrap().clone()
    }

    pub(crate) fn previews(&self) -> Vec<OperationSpec> {
        self.heard.lock().unwrap().previews.clone()
    }

    /// What the screen shows. Blanks at the ends of lines are left out: whether they were written is not seen.
    pub(crate) fn text(&self) -> String {
        let contents = self.sink.0.0.lock().unwrap().parser.screen().contents();
        contents.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn frames(&self) -> usize {
        self.sink.0.0.lock().unwrap().frames
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.sink.0.0.lock().unwrap().bytes.clone()
    }

    /// The screen as ANSI, for eyes.
    pub(crate) fn ansi(&self) -> Vec<u8> {
        self.sink.0.0.lock().unwrap().parser.screen().contents_formatted()
    }

    /// The screen with styles: after each line that has any, the runs of cells that are not plain.
    pub(crate) fn styled(&self) -> String {
        let seen = self.sink.0.0.lock().unwrap();
        let screen = seen.parser.screen();
        let (rows, cols) = screen.size();
        let mut out = String::new();
        for y in 0..rows {
            let mut line = String::new();
            let mut runs: Vec<(u16, u16, String)> = Vec::new();
            for x in 0..cols {
                let Some(cell) = screen.cell(y, x) else { continue };
                line.push_str(if cell.contents().is_empty() { " " } else { cell.contents() });
                let mut style = Vec::new();
                let color = |c: vt100::Color| match c {
                    vt100::Color::Default => None,
                    vt100::Color::Idx(i) => Some(i.to_string()),
                    vt100::Color::Rgb(r, g, b) => Some(format!("{r:02x}{g:02x}{b:02x}")),
                };
                style.extend(color(cell.fgcolor()));
                style.extend(color(cell.bgcolor()).map(|c| format!("on {c}")));
                for (on, name) in [(cell.bold(), "bold"), (cell.underline(), "underline"), (cell.inverse(), "reverse")]
                {
                    style.extend(on.then(|| name.to_owned()));
                }
                let style = style.join(" ");
                match runs.last_mut() {
                    Some((_, to, s)) if *to + 1 == x && *s == style => *to = x,
                    _ if style.is_empty() => {}
                    _ => runs.push((x, x, style)),
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
            let runs: Vec<_> = runs.iter().map(|(from, to, style)| format!("{from}-{to} {style}")).collect();
            if !runs.is_empty() {
                out.extend(["    ", &runs.join("; "), "\n"]);
            }
        }
        out
    }

    /// Ends the events and waits until the loop has ended, without a panic.
    pub(crate) fn end(mut self) {
        self.events = None;
        self.thread.take().unwrap().join().unwrap();
    }

    /// Waits until the loop has ended by itself.
    pub(crate) fn ended(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}
