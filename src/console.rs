//! The terminal console.
//!
//! One loop ([`drive`]) waits for keys, answers, snapshots and signals, changes the state, and draws when something
//! changed: what a key does at once, data at most ten times a second, more rarely on a slow line. Filtering and sorting
//! run on a thread of their own. All that the operator can do stands in one list of actions ([`action::all`]).

use std::future::poll_fn;
use std::io::{self, Write};
use std::task::Poll;
use std::time::{Duration, Instant};

use crossterm::event::Event;
use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::layout::Size;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

pub mod action;
mod app;
mod asks;
mod background;
mod clipboard;
mod color;
mod columns;
mod config;
mod demo;
mod dialog;
mod dock;
pub mod docs;
mod edit;
mod export;
mod filter;
mod format;
mod freeze;
mod front;
mod glyphs;
mod guard;
mod habits;
mod heat;
mod help;
mod history;
mod hits;
mod hosts_marked;
mod input;
mod keymap;
mod layout;
mod library;
mod line;
mod live;
mod locale;
mod marks;
mod menu;
mod nav;
mod options;
mod order;
mod page;
mod pages;
mod palette;
mod player;
mod plugins;
mod prompt;
mod remedies;
mod rows;
mod run;
mod saved;
mod screen;
pub mod settings;
mod table_views;
mod tasks;
mod template;
mod terms;
mod theme;
mod tour;
mod undo;
mod view;
mod vms;
mod watch;

pub use clipboard::Multiplexer;
pub use color::ColorLevel;
pub use config::ConfigError;
pub use demo::Demo;
pub use keymap::{Context, Keymap};
pub use library::Library;
pub use locale::Locale;
pub use options::Options;
pub use plugins::Plugin;
pub use saved::check as check_filters;
pub use screen::Screen;
pub use settings::{Key, Overrides, Settings};
pub use table_views::check as check_views;
pub use template::{Placeholder, Template};
pub use theme::{Background, ROLES, Role, Theme};

use crate::handle::Handle;
use app::App;
use front::{Front, Given, Tty};
use guard::Guard;
use habits::Habits;
use input::Input;
use line::Line;
use live::Look;
use watch::Watch;

/// The shortest time between two frames that only data asked for.
const PACE: Duration = Duration::from_millis(100);
/// A write that takes longer shows a slow line: data is then drawn so rarely that writing takes a tenth of the time.
const SLOW: Duration = Duration::from_millis(50);
/// However slow the line, data is drawn this often.
const SLOWEST: Duration = Duration::from_secs(3);

/// An interrupt that comes so soon after a command gave the terminal back was meant for that command.
const AFTERTHOUGHT: Duration = Duration::from_millis(100);

/// The variables of this process.
pub(crate) fn from_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Why the console ended or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// A theme or keymap cannot be understood.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The terminal cannot be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
    /// There is no terminal.
    #[error("the console needs a terminal, and standard input or output is none; `hemera run` needs none")]
    NoTerminal,
}

/// Something that comes from outside while the console runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The program is to end.
    End,
    /// The same from the keyboard: while a command has the terminal, it is meant for that command.
    Interrupt,
    /// The program is to be stopped until it is let go on.
    Stop,
    /// The program goes on after it was stopped: the screen may show anything.
    Continue,
    /// A file of the configuration may have changed.
    Files,
    /// The terminal says what its background is.
    Background(Background),
    /// The terminal answered the question of a [`Screen`] that asks: it has shown one more frame.
    Answered,
}

/// Runs the console on this process's terminal until the operator quits or the process is told to end. Blocks; builds
/// a runtime of its own for this thread.
///
/// # Errors
/// Where there is no terminal, or a theme or keymap cannot be understood.
pub fn run(handle: Handle, options: &Options) -> Result<(), ConsoleError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run_async(handle, options))
}

/// The same inside a runtime that is there already.
///
/// # Errors
/// As [`run`].
pub async fn run_async(handle: Handle, options: &Options) -> Result<(), ConsoleError> {
    use std::io::IsTerminal;
    // Mistakes in files are told before the terminal is touched.
    let mut look = Look::new(options)?;
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(ConsoleError::NoTerminal);
    }
    let (width, height) = crossterm::terminal::size()?;
    let (sender, signals) = signals()?;
    match Watch::start(sender.clone()) {
        Ok(watch) => look.watch(watch),
        Err(error) => tracing::warn!("changes of the configuration are not seen: {error}"),
    }
    let guard = Guard::enter(options.mouse)?;
    let asked = look.wonders() && background::may_ask(&from_env);
    if asked {
        io::stdout().write_all(background::QUESTION)?;
    }
    let events = Input::new(sender, asked)?;
    let screen = Screen::new(io::stdout(), Size::new(width, height), options.color).asking();
    drive_with(handle, options, look, screen, Tty::new(guard, events), signals).await
}

/// Listens for what ends or wakes the process; also gives a sender for whoever hears more.
fn signals() -> io::Result<(mpsc::Sender<Signal>, mpsc::Receiver<Signal>)> {
    let (sender, receiver) = mpsc::channel(64);
    let kinds = [
        (SignalKind::terminate(), Signal::End),
        (SignalKind::hangup(), Signal::End),
        (SignalKind::interrupt(), Signal::Interrupt),
        (SignalKind::quit(), Signal::Interrupt),
        (SignalKind::from_raw(signal_hook::consts::SIGTSTP), Signal::Stop),
        (SignalKind::from_raw(signal_hook::consts::SIGCONT), Signal::Continue),
    ];
    for (kind, meaning) in kinds {
        let mut stream = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move { while stream.recv().await.is_some() && sender.send(meaning).await.is_ok() {} });
    }
    Ok((sender, receiver))
}

/// The console's loop over any screen, events and signals. Returns when the operator quits, an end signal comes or the
/// events end.
///
/// # Errors
/// Where a theme or keymap cannot be understood, or the screen cannot be written to.
pub async fn drive<W: Write>(
    handle: Handle,
    options: &Options,
    screen: Screen<W>,
    events: impl Stream<Item = io::Result<Event>> + Unpin,
    signals: mpsc::Receiver<Signal>,
) -> Result<(), ConsoleError> {
    let look = Look::new(options)?;
    let size = ratatui::backend::Backend::size(&screen)?;
    drive_with(handle, options, look, screen, Given::new(events, size), signals).await
}

async fn drive_with<W: Write>(
    handle: Handle,
    options: &Options,
    look: Look,
    screen: Screen<W>,
    mut front: impl Front,
    mut signals: mpsc::Receiver<Signal>,
) -> Result<(), ConsoleError> {
    let handle = if options.read_only { handle.read_only() } else { handle };
    let size = ratatui::backend::Backend::size(&screen)?;
    let mut terminal = Terminal::new(screen)?;
    let mut app = App::new(handle, look, Habits::load(options), size)?;
    app.views = table_views::ViewsFile::new(options.library.dir());
    app.take_default_views();
    app.take_own(options.read_only);
    if let Some((demo, pace)) = &options.demo {
        app.guide.demo = Some(demo.clone());
        app.play_demo(*pace);
    }
    let mut data_at = Instant::now();
    let mut signals_open = true;
    let mut shown = size;
    let mut line = Line::default();
    let mut deaf_until = None;
    while !app.exit {
        app.look.speak();
        app.settle();
        if app.suspend {
            app.suspend = false;
            if line::last_answers(&mut line, front.events(), &mut signals).await {
                break;
            }
            app.size = front.stop()?;
            app.redraw = true;
            continue;
        }
        if let Some(errand) = app.own.errand.take() {
            if line::last_answers(&mut line, front.events(), &mut signals).await {
                break;
            }
            let lent = run::in_front(&mut front, &mut signals, errand).await?;
            app.now = Instant::now();
            deaf_until = Some(app.now + AFTERTHOUGHT);
            app.came_back(lent);
            continue;
        }
        if app.redraw || app.size != shown {
            app.redraw = false;
            app.dirty = true;
            shown = app.size;
            terminal.backend_mut().resize(app.size);
            terminal.resize(ratatui::layout::Rect::from((ratatui::layout::Position::ORIGIN, app.size)))?;
            app.settle();
        }
        // On a slow line one frame shows what several keys did.
        if app.dirty && line.has_room(Instant::now()) {
            app.dirty = false;
            if let Some(bytes) = app.habits.clipboard.outgoing.take() {
                terminal.backend_mut().pass(&bytes);
            }
            let mut hits = hits::Hits::default();
            let drawn = terminal.draw(|frame| hits = view::draw(&app, frame))?;
            app.now = Instant::now();
            app.saw(drawn.buffer);
            let text = app.habits.clipboard.screen.then(|| clipboard::text_of(drawn.buffer));
            app.hits = hits;
            let sent = terminal.backend_mut().take_sent();
            if sent > 0 {
                line.asked(Instant::now(), sent);
            }
            if let Some(text) = text {
                app.copy_frame(&text);
                continue;
            }
        }
        let took = terminal.backend().took();
        let pace = if took > SLOW { (took * 10).min(SLOWEST) } else { PACE };
        let due = data_at + pace;
        let deadline = app.deadline();
        let lost = app.lost.is_some();
        let line_due = line.deadline(app.dirty);
        tokio::select! {
            biased;
            event = front.events().next() => {
                app.now = Instant::now();
                match event {
                    Some(event) => app.event(event?),
                    None => break,
                }
                // Keys that wait already are taken together: one frame shows what they all did. Each finds the cursors
                // where the one before left them. Whoever is to have the terminal gets those that come from now on.
                while !(app.exit || app.suspend || app.own.errand.is_some()) {
                    app.settle();
                    let Some(event) = arrived(front.events()).await else { break };
                    app.event(event?);
                }
            }
            signal = signals.recv(), if signals_open => match signal {
                Some(Signal::Interrupt) if deaf_until.is_some_and(|until| Instant::now() < until) => {}
                Some(Signal::End | Signal::Interrupt) => break,
                Some(Signal::Stop) => app.suspend = true,
                Some(Signal::Continue) => {
                    // Whoever stopped it by force left the terminal as it was, and the shell changed it since.
                    front.lend();
                    app.size = front.take_back()?;
                    app.redraw = true;
                }
                Some(Signal::Files) => app.reload(),
                Some(Signal::Background(background)) => app.see_background(background),
                Some(Signal::Answered) => line.answered(),
                None => signals_open = false,
            },
            heard = app.asks.next() => {
                app.now = Instant::now();
                app.hear(heard);
                // What a command changed is shown at once.
                data_at = app.now.checked_sub(pace).unwrap_or(app.now);
            }
            Some(found) = app.sorter.found() => {
                app.now = Instant::now();
                app.order(found);
            }
            alive = async {
                tokio::time::sleep_until(due.into()).await;
                app.handle.changed().await
            }, if !lost && line.is_clear() => {
                app.now = Instant::now();
                data_at = app.now;
                if alive { app.take_snapshot() } else { app.lose() }
            }
            () = tokio::time::sleep_until(deadline.unwrap_or(data_at).into()), if deadline.is_some() && line.is_clear() => {
                app.now = Instant::now();
                app.refresh();
                app.play();
            }
            () = tokio::time::sleep_until(line_due.unwrap_or(data_at).into()), if line_due.is_some() => {
                line.give_up(Instant::now());
            }
        }
    }
    line::last_answers(&mut line, front.events(), &mut signals).await;
    Ok(())
}

/// What has arrived on a stream already, if anything has.
///
/// It is asked with this task's own waker, unlike by `now_or_never`: the terminal's stream remembers the waker that it
/// was last asked with, and with one that does nothing the next key would wake nobody.
async fn arrived<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| {
        Poll::Ready(match stream.poll_next_unpin(context) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        })
    })
    .await
}
