//! What a terminal showed over time: as asciinema's recording, and as an SVG picture that moves.
//!
//! A file of asciinema's version 2 is a line of JSON that says the size, then one per piece of output with its time:
//! <https://docs.asciinema.org/manual/asciicast/v2/>.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

/// The longest time in which nothing happens that is kept.
const STILL: Duration = Duration::from_secs(3);
/// The shortest time that a frame of the picture stands.
const FRAME: Duration = Duration::from_millis(350);
/// How long the last frame stands.
const LAST: Duration = Duration::from_secs(4);

/// A recording: the size, and the output with its times.
pub(crate) struct Cast {
    columns: u16,
    rows: u16,
    pieces: Vec<(Duration, String)>,
}

impl Cast {
    /// Makes a recording of bytes and of when how many of them had come. Bytes of one letter stay together, and what is
    /// written in one synchronized update too.
    pub(crate) fn new(columns: u16, rows: u16, bytes: &[u8], times: &[(Duration, usize)]) -> Self {
        let mut pieces: Vec<(Duration, String)> = Vec::new();
        let (mut from, mut before, mut at) = (0, Duration::ZERO, Duration::ZERO);
        for (time, to) in times {
            let whole = match std::str::from_utf8(&bytes[from..*to]) {
                Ok(text) => text.len(),
                Err(error) => error.valid_up_to(),
            };
            at += time.saturating_sub(before).min(STILL);
            before = *time;
            if whole > 0 {
                pieces.push((at, String::from_utf8_lossy(&bytes[from..from + whole]).into_owned()));
                from += whole;
            }
        }
        Self { columns, rows, pieces }
    }

    /// The recording as a file of asciinema.
    pub(crate) fn asciicast(&self, title: &str) -> String {
        let head = serde_json::json!({
            "version": 2, "width": self.columns, "height": self.rows, "title": title,
            "env": { "TERM": "xterm-256color" },
        });
        let mut out = format!("{head}\n");
        for (at, text) in &self.pieces {
            let time = (at.as_secs_f64() * 1000.0).round() / 1000.0;
            writeln!(out, "{}", serde_json::json!([time, "o", text])).expect("writing to a string");
        }
        out
    }

    /// The screens that stood long enough to be seen, with how long each stood.
    fn frames(&self) -> Vec<(Duration, vt100::Screen)> {
        let mut parser = vt100::Parser::new(self.rows, self.columns, 0);
        let mut frames: Vec<(Duration, vt100::Screen)> = Vec::new();
        let mut shown = Duration::ZERO;
        for (i, (at, text)) in self.pieces.iter().enumerate() {
            parser.process(text.as_bytes());
            let until = self.pieces.get(i + 1).map_or(*at + LAST, |(next, _)| *next);
            let changed =
                frames.last().is_none_or(|(_, last)| last.contents_formatted() != parser.screen().contents_formatted());
            if until >= shown + FRAME || i + 1 == self.pieces.len() {
                let stood = until.saturating_sub(shown);
                match frames.last_mut() {
                    Some((time, _)) if !changed => *time += stood,
                    _ => frames.push((stood, parser.screen().clone())),
                }
                shown = until;
            }
        }
        frames
    }

    /// The recording as a picture that moves, on a ground of this colour. Lines that look the same are drawn once.
    pub(crate) fn svg(&self, ground: &str) -> String {
        let frames = self.frames();
        let total: f64 = frames.iter().map(|(time, _)| time.as_secs_f64()).sum();
        let (width, height) = super::picture::size(self.columns, self.rows);
        let (mut lines, mut defs): (HashMap<String, usize>, String) = (HashMap::new(), String::new());
        let (mut film, mut keys, mut at) = (String::new(), String::new(), 0.0);
        for (i, (time, screen)) in frames.iter().enumerate() {
            let x = i as f32 * width;
            writeln!(keys, "{:.3}%{{transform:translateX(-{x:.0}px)}}", 100.0 * at / total).expect("a string");
            at += time.as_secs_f64();
            for row in 0..self.rows {
                let drawn = super::picture::line(screen, row, ground);
                if drawn.is_empty() {
                    continue;
                }
                let known = lines.len();
                let id = *lines.entry(drawn).or_insert_with_key(|drawn| {
                    writeln!(defs, "<g id=\"l{known}\">{drawn}</g>").expect("a string");
                    known
                });
                let y = f32::from(row) * height / f32::from(self.rows);
                write!(film, "<use href=\"#l{id}\" x=\"{x:.0}\" y=\"{y:.0}\"/>").expect("a string");
            }
            film.push('\n');
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\">\n<style>@keyframes play{{\n{keys}}}\n\
             .film{{animation:play {total:.1}s step-end infinite}}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"{ground}\"/>\n<defs>\n\
             <g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\">{defs}</g></defs>\n\
             <g class=\"film\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" \
             font-size=\"14\" xml:space=\"preserve\">\n{film}</g>\n</svg>\n"
        )
    }
}
