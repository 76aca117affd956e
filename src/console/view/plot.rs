//! A graph of a figure over time, with its axes.

use std::time::Duration;

use ratatui::layout::Rect;

use super::paint::{Paint, width};
use super::{braille, spark};
use crate::console::format::span;
use crate::console::theme::Role;
use crate::fleet::Time;
use crate::handle::Samples;

/// What is drawn.
pub(super) struct Plot<'a> {
    pub title: &'a str,
    /// The figure of now.
    pub now: String,
    pub samples: &'a Samples,
    /// The first and the last moment on the axis of time, and what is written under them; the first in seconds, as it may
    /// be before the run began.
    pub from: f64,
    pub to: Time,
    pub ends: (String, String),
    /// The top of the axis, at least what is ever reached.
    pub top: f64,
    /// What can be had: a line, and marks under what is above it.
    pub cap: Option<f64>,
    /// How a value is written at the axis.
    pub label: &'a dyn Fn(f64) -> String,
    pub role: Role,
}

/// The span that a graph shows of figures that are known for `known`: steps, so that it seldom changes.
fn window(known: Duration) -> Duration {
    [1, 2, 5, 10, 30].map(Duration::from_mins).into_iter().find(|w| *w >= known).unwrap_or(Duration::from_hours(1))
}

/// A round number above a value: 1, 2 or 5 times a power of ten.
pub(super) fn round_up(value: f64) -> f64 {
    if value <= 1.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|n| *n >= value).unwrap_or(value)
}

impl<'a> Plot<'a> {
    /// A graph of the last minutes before `now`, as far as anything is known of them.
    pub(super) fn recent(title: &'a str, samples: &'a Samples, now: Time, label: &'a dyn Fn(f64) -> String) -> Self {
        let known = samples.first().map_or(Duration::ZERO, |first| samples.last.since(first));
        let window = window(known);
        // Between two samples it stands still.
        let to = if samples.values.is_empty() { now } else { samples.last };
        let most = samples.values.iter().max().map_or(0.0, |&v| f64::from(v));
        Self {
            title,
            now: samples.values.last().map_or_else(String::new, |&v| label(f64::from(v))),
            samples,
            from: to.as_secs_f64() - window.as_secs_f64(),
            to,
            ends: (format!("-{}", span(window).trim_end_matches(" 00s")), "now".into()),
            top: round_up(most),
            cap: None,
            label,
            role: Role::Done,
        }
    }

    /// Of values in KiB/s: the axis ends at a round rate.
    pub(super) fn of_rates(mut self) -> Self {
        const KIB: f64 = 1024.0;
        let most = self.samples.values.iter().max().map_or(0.0, |&v| f64::from(v));
        self.top = round_up((most * KIB).max(1e5)) / KIB;
        self
    }

    /// What can be had, and is on the axis in any case.
    pub(super) fn capped(mut self, cap: f64) -> Self {
        if cap > 0.0 {
            let most = self.samples.values.iter().max().map_or(0.0, |&v| f64::from(v));
            self.top = cap.max(most);
            self.cap = Some(cap);
        }
        self
    }

    fn shares(&self, columns: usize) -> Vec<Option<f64>> {
        let (from, to) = (self.from, self.to.as_secs_f64());
        let values = braille::resample(self.samples, from, to, columns);
        values.into_iter().map(|value| value.map(|v| v / self.top.max(f64::MIN_POSITIVE))).collect()
    }

    /// Draws it: as a line of eighths where there is little room.
    pub(super) fn draw(&self, paint: &mut Paint<'_>, room: Rect) {
        match room.height {
            0 => {}
            1..4 => self.small(paint, room),
            _ => self.large(paint, room),
        }
    }

    fn small(&self, paint: &mut Paint<'_>, room: Rect) {
        let end = room.right();
        let x = paint.text(room.x, room.y, end, self.title, Role::Dim).max(room.x + 8.min(room.width / 4)) + 1;
        let figure = paint.right(end, room.y, x, &format!("{:>9}", self.now), Role::Strong);
        let cells = figure.saturating_sub(x + 1);
        spark::draw(paint, (x, room.y), end, &self.shares(usize::from(cells)), self.role);
    }

    fn large(&self, paint: &mut Paint<'_>, room: Rect) {
        let end = room.right();
        let x = paint.text(room.x, room.y, end, self.title, Role::Dim);
        let x = paint.text(x + 1, room.y, end, &self.now, Role::Strong);
        let (top, zero) = ((self.label)(self.top), (self.label)(0.0));
        let labels = width(&top).max(width(&zero)).min(room.width / 3);
        let graph = Rect {
            x: room.x + labels + 1,
            y: room.y + 1,
            width: room.width.saturating_sub(labels + 1),
            height: room.height - 2,
        };
        if graph.width == 0 {
            return;
        }
        paint.right(graph.x - 1, graph.y, room.x, &top, Role::Dim);
        paint.right(graph.x - 1, graph.bottom() - 1, room.x, &zero, Role::Dim);
        let plain = paint.glyphs().plain;
        let shares = self.shares(usize::from(graph.width) * braille::columns(plain));
        self.cap_line(paint, graph, x + 2);
        for (i, line) in braille::fill(&shares, graph.height, plain).iter().enumerate() {
            self.line(paint, graph, graph.y + i as u16, line);
        }
        self.axis(paint, graph, &shares);
    }

    /// A line of the graph; where nothing is to be drawn, what is there stays.
    fn line(&self, paint: &mut Paint<'_>, graph: Rect, y: u16, line: &str) {
        let mut sign = [0; 4];
        for (x, c) in (graph.x..graph.right()).zip(line.chars()) {
            if c != ' ' {
                paint.text(x, y, graph.right(), c.encode_utf8(&mut sign), self.role);
            }
        }
    }

    fn cap_line(&self, paint: &mut Paint<'_>, graph: Rect, after: u16) {
        let Some(cap) = self.cap.filter(|cap| *cap < self.top) else { return };
        let below = (cap / self.top * f64::from(graph.height)) as u16;
        let y = graph.bottom().saturating_sub(below + 1).max(graph.y);
        for x in graph.x..graph.right() {
            paint.text(x, y, graph.right(), paint.glyphs().line, Role::Warn);
        }
        let text = format!("{} {}", paint.glyphs().line, (self.label)(cap));
        paint.right(graph.right(), graph.y - 1, after, &text, Role::Warn);
    }

    /// The axis of time, with a mark under what is above what can be had.
    fn axis(&self, paint: &mut Paint<'_>, graph: Rect, shares: &[Option<f64>]) {
        let y = graph.bottom();
        let x = paint.text(graph.x, y, graph.right(), &self.ends.0, Role::Dim);
        let last = paint.right(graph.right(), y, x, &self.ends.1, Role::Dim);
        let Some(cap) = self.cap else { return };
        let over = |cell: &[Option<f64>]| cell.iter().flatten().any(|s| s * self.top > cap * 1.000_01);
        let cells = shares.chunks(braille::columns(paint.glyphs().plain));
        for (at, _) in (graph.x..graph.right()).zip(cells).filter(|(_, cell)| over(cell)) {
            if at > x && at + 1 < last {
                paint.text(at, y, graph.right(), "!", Role::Over);
            }
        }
    }
}

/// Graphs in a room: beneath each other where each is high enough, else in columns that are wide enough, else as lines.
pub(super) fn stack(paint: &mut Paint<'_>, room: Rect, plots: &[Plot<'_>]) {
    let count = (plots.len() as u16).max(1);
    let fits = |columns: &u16| room.height / count.div_ceil(*columns) >= 5 && room.width / columns >= 22;
    let columns = (1..=count).find(fits).unwrap_or(1);
    let wide = room.width / columns;
    let high = (room.height / count.div_ceil(columns)).max(1);
    for (i, plot) in (0..).zip(plots) {
        let (x, y) = (room.x + wide * (i % columns), room.y + high * (i / columns));
        let gap = u16::from(columns > 1 && i % columns + 1 < columns) * 2;
        let part = Rect { x, y, width: wide - gap, height: high.min(room.bottom().saturating_sub(y)) };
        plot.draw(paint, part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_the_run_is_left_empty() {
        let samples = Samples { last: Time(30_000_000_000), every: Duration::from_secs(1), values: vec![7; 31] };
        let plot = Plot::recent("cpu", &samples, Time(30_000_000_000), &|_| String::new());
        let shares = plot.shares(60);
        assert_eq!((shares[10], shares[28], shares[32]), (None, None, Some(0.7)));
    }

    #[test]
    fn axes_are_round_and_change_seldom() {
        assert_eq!([0.0, 1.0, 7.0, 11.0, 499.0, 500.1].map(round_up), [1.0, 1.0, 10.0, 20.0, 500.0, 1000.0]);
        let minutes = |s| window(Duration::from_secs(s)).as_secs() / 60;
        assert_eq!([0, 61, 299, 595, 601, 3000].map(minutes), [1, 2, 5, 10, 30, 60]);
    }
}
