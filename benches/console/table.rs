//! The table that the README shows.

use crate::measure::Figures;

/// The heading.
pub const HEAD: &str = "\
| | first frame / all shown | idle, CPU-s a minute | idle, bytes/s | with the heatmap | key to effect, p50 / p99 / max | \
whole frame, p99 | memory |
| --- | --- | --- | --- | --- | --- | --- | --- |";

/// A time in words: milliseconds, from a second on seconds.
fn time(ms: f64) -> String {
    if ms >= 1000.0 { format!("{:.1} s", ms / 1000.0) } else { format!("{ms:.0} ms") }
}

/// Thousands apart.
fn count(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A row.
pub fn row(f: &Figures) -> String {
    let heatmap = f.heatmap.map_or(String::new(), |(cpu, bytes)| format!("{cpu:.2}, {} bytes/s", count(bytes)));
    let start =
        if (f.full - f.begun).abs() < 1.0 { time(f.begun) } else { format!("{} / {}", time(f.begun), time(f.full)) };
    format!(
        "| {} | {start} | {:.2} | {} | {heatmap} | {:.1} / {:.1} / {:.1} ms | {:.1} ms | {:.0} MiB |",
        f.name,
        f.cpu,
        count(f.bytes),
        f.keys.at(0.5),
        f.keys.at(0.99),
        f.keys.at(1.0),
        f.frames.at(0.99),
        f.memory.0,
    )
}
