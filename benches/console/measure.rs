//! Measures one program.

use std::time::Duration;

use portable_pty::CommandBuilder;

use crate::keys::Press;
use crate::process;
use crate::terminal::{Effect, Seen, Terminal};

/// How long anything may take before the program counts as stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Keys, at least.
    pub keys: usize,
    /// Seconds of idling, in each view.
    pub idle: u64,
}

/// A program to measure.
pub struct Program {
    /// What it is called in the table.
    pub name: String,
    /// How it is started.
    pub command: CommandBuilder,
    /// Its first frame.
    pub begun: fn() -> Effect,
    /// When it has everything to show.
    pub full: fn() -> Effect,
    /// Keys, again and again.
    pub round: &'static [Press],
    /// Keys that lead to its heatmap, where it has one.
    pub heatmap: Option<&'static str>,
}

/// Times sorted from the shortest to the longest, in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<f64>);

impl Times {
    /// Sorts times.
    pub fn new(times: impl Iterator<Item = Duration>) -> Self {
        let mut all: Vec<f64> = times.map(|time| time.as_secs_f64() * 1e3).collect();
        all.sort_by(f64::total_cmp);
        Self(all)
    }

    /// The time that this share of all is not above; 1: the longest.
    pub fn at(&self, share: f64) -> f64 {
        let place = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// What was found.
pub struct Figures {
    /// What the program is called.
    pub name: String,
    /// To the first frame, and to everything that there is to show, in milliseconds.
    pub begun: f64,
    pub full: f64,
    /// CPU-seconds a minute while nobody types, and bytes a second to the terminal.
    pub cpu: f64,
    pub bytes: f64,
    /// The same in the heatmap.
    pub heatmap: Option<(f64, f64)>,
    /// Key to effect, and how long whole frames took.
    pub keys: Times,
    pub frames: Times,
    /// The slowest keys, for who looks for the reason.
    pub slowest: String,
    /// Proportional and resident memory in MiB.
    pub memory: (f64, f64),
}

/// Measures a program from its start to its end.
pub fn measure(program: &Program, amount: Amount) -> Result<Figures, String> {
    let terminal = Terminal::start(&program.command);
    let shown = |effect: Effect, what: &str| {
        let time = terminal.wait(effect, PATIENCE);
        time.ok_or_else(|| format!("{}: {what} never came; the screen:\n{}", program.name, terminal.text()))
    };
    let begun = shown((program.begun)(), "the first frame")?;
    let full = shown((program.full)(), "what there is to show")?;
    std::thread::sleep(Duration::from_secs(3));
    let (cpu, bytes) = idle(&terminal, amount.idle);
    let heatmap = program.heatmap.map(|keys| {
        terminal.send(keys);
        std::thread::sleep(Duration::from_secs(2));
        let figures = idle(&terminal, amount.idle);
        terminal.send("\x1b");
        std::thread::sleep(Duration::from_millis(500));
        terminal.send("3");
        std::thread::sleep(Duration::from_millis(500));
        figures
    });
    let all = keys(&terminal, program.round, amount.keys).map_err(|e| format!("{}: {e}", program.name))?;
    Ok(Figures {
        name: program.name.clone(),
        begun: begun.as_secs_f64() * 1e3,
        full: full.as_secs_f64() * 1e3,
        cpu,
        bytes,
        heatmap,
        keys: Times::new(all.iter().map(|(_, seen)| seen.effect)),
        frames: Times::new(all.iter().map(|(_, seen)| seen.frame)),
        slowest: slowest(&all),
        memory: process::memory(terminal.id()),
    })
}

/// The slowest keys in words.
pub fn slowest(all: &[(&'static str, Seen)]) -> String {
    let mut slowest: Vec<_> = all.iter().collect();
    slowest.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.effect));
    let word = |(kind, seen): &&(&str, Seen)| {
        format!("{kind} {:.1} ms, {} bytes", seen.effect.as_secs_f64() * 1e3, seen.bytes)
    };
    slowest.iter().take(6).map(word).collect::<Vec<_>>().join("; ")
}

/// CPU-seconds a minute and bytes a second while nobody types.
fn idle(terminal: &Terminal, seconds: u64) -> (f64, f64) {
    let (cpu, bytes) = (process::cpu(terminal.id()), terminal.bytes());
    std::thread::sleep(Duration::from_secs(seconds));
    let seconds = seconds as f64;
    ((process::cpu(terminal.id()) - cpu) * 60.0 / seconds, (terminal.bytes() - bytes) as f64 / seconds)
}

/// Presses keys round after round, in gaps that are never the same.
pub fn keys(terminal: &Terminal, round: &'static [Press], count: usize) -> Result<Vec<(&'static str, Seen)>, String> {
    let mut gap = 12_345u64;
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        for press in round {
            gap = gap.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(Duration::from_micros(30_000 + (gap >> 33) % 140_000));
            if !press.before.is_empty() {
                terminal.send(press.before);
                std::thread::sleep(Duration::from_millis(60));
            }
            let seen = terminal.press(press.key, press.effect, PATIENCE);
            let missing = || format!("{} {:?} had no effect:\n{}", press.kind, press.key, terminal.text());
            all.push((press.kind, seen.ok_or_else(missing)?));
        }
    }
    Ok(all)
}
