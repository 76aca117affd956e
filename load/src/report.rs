//! Reports: what is asked for and what is achieved, as one line of JSON.
//!
//! Amounts are in bytes, rates in bytes per second, CPU as a share of all vCPUs from 0 to 1, times in seconds.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fs, process};

use crate::cpu;
use crate::load::Load;
use crate::settings::Asked;

/// Between two reports in a file: each dirties a few pages of the guest that is to be measured.
const FILED: Duration = Duration::from_secs(5);

/// What reports on request cover where no interval was given.
const WINDOW: Duration = Duration::from_secs(1);

/// What was done by a moment since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sample {
    at: Duration,
    cpu: Duration,
    dirty: u64,
    disk: u64,
    net: u64,
}

impl Sample {
    fn now(load: &Load) -> Self {
        let counters = &load.counters;
        Self {
            at: load.now(),
            cpu: cpu::used(),
            dirty: counters.dirty.load(Relaxed),
            disk: counters.disk.load(Relaxed),
            net: counters.net.load(Relaxed),
        }
    }
}

/// Makes reports over windows of an interval.
#[derive(Debug)]
pub(crate) struct Reporter {
    interval: Duration,
    /// Whether a report is printed each interval.
    prints: bool,
    /// The file that holds a report, at most [`FILED`] old.
    file: Option<PathBuf>,
    /// The beginnings of the last window and of this one.
    windows: Mutex<(Sample, Sample)>,
    /// When something else was asked for: what was achieved before says nothing of it.
    asked: Mutex<Duration>,
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => _ = write!(quoted, "\\u{:04x}", c as u32),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// What is asked for, as a JSON object.
pub(crate) fn asked(asked: &Asked) -> String {
    format!(
        r#"{{"cpu":{:.4},"dirty":{:.0},"working_set":{},"disk":{:.0},"net":{:.0}}}"#,
        asked.cpu.0,
        asked.dirty.0,
        asked.working_set.map_or(0, |set| set.asked.0),
        asked.disk.0,
        asked.net.0
    )
}

/// `texts` as a JSON array.
pub(crate) fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(","))
}

impl Reporter {
    /// Prints a report each `interval`, or none; those on request cover about as much, or [`WINDOW`]. There is
    /// one in `file`, for those who can read files here and run nothing.
    pub(crate) fn new(interval: Option<Duration>, file: Option<PathBuf>) -> Self {
        Self {
            interval: interval.unwrap_or(WINDOW),
            prints: interval.is_some(),
            file,
            windows: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Begins a window each interval, and hands `print` the report on the one that ended, until the program ends.
    pub(crate) fn run(&self, load: &Load, mut print: impl FnMut(&str)) {
        let mut next = self.interval;
        let mut filed = Duration::ZERO;
        while load.wait_until(next) {
            let now = Sample::now(load);
            let since = {
                let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
                *windows = (windows.1, now);
                windows.0
            };
            if let Some(file) = &self.file {
                let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
                // Of another load there is none until a whole window was spent with it.
                if since.at >= *asked && (now.at >= filed || !file.exists()) {
                    filed = now.at + FILED;
                    write(file, &line(load, since, now, &load.errors(false)));
                }
            }
            if self.prints {
                print(&line(load, since, now, &load.errors(true)));
            }
            // After a stall the missed reports are not made up for.
            next = (next + self.interval).max(load.now());
        }
    }

    /// Something else is asked for: reports on what was before are none any more.
    pub(crate) fn begins(&self, load: &Load) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked = load.now();
        if let Some(file) = &self.file {
            // There may be none yet.
            let _ = fs::remove_file(file);
        }
    }

    /// The report at this moment, on half an interval at least.
    pub(crate) fn on_request(&self, load: &Load) -> String {
        let now = Sample::now(load);
        let (last, this) = *self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let since = if now.at.saturating_sub(this.at) * 2 >= self.interval { this } else { last };
        line(load, since, now, &load.errors(!self.prints))
    }
}

/// Puts a report into the file, which never holds half of one. Where it cannot be, whoever looks finds an old one, or none.
fn write(file: &Path, report: &str) {
    let new = file.with_extension("new");
    // Where others may write, it may be a link of theirs.
    let _ = fs::remove_file(&new);
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new);
    let _ = made.and_then(|mut made| writeln!(made, "{report}")).and_then(|()| fs::rename(&new, file));
}

fn line(load: &Load, since: Sample, now: Sample, errors: &[String]) -> String {
    let order = load.order();
    let window = now.at.saturating_sub(since.at).as_secs_f64().max(1e-9);
    let rate = |before: u64, after: u64| after.saturating_sub(before) as f64 / window;
    let cpu = now.cpu.saturating_sub(since.cpu).as_secs_f64() / window / load.vcpus as f64;
    format!(
        concat!(
            r#"{{"pid":{},"time_s":{:.3},"window_s":{:.3},"asked":{},"#,
            r#""achieved":{{"cpu":{:.4},"dirty":{:.0},"working_set":{},"disk":{:.0},"net":{:.0},"passes":{:.3}}},"#,
            r#""done":{{"cpu_s":{:.3},"dirty":{},"disk":{},"net":{}}},"vcpus":{},"errors":{}}}"#
        ),
        process::id(),
        now.at.as_secs_f64(),
        window,
        asked(&order.asked),
        cpu,
        rate(since.dirty, now.dirty),
        order.asked.working_set.map_or(0, |set| set.granted.0),
        rate(since.disk, now.disk),
        rate(since.net, now.net),
        load.counters.passes.load(Relaxed) as f64 / 1000.0,
        now.cpu.as_secs_f64(),
        now.dirty,
        now.disk,
        now.net,
        load.vcpus,
        list(errors)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Change;
    use serde_json::Value;

    fn json(text: &str) -> Value {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn strings_survive() {
        for text in ["", "plain", "a \"quoted\" \\ path\n\t\u{1}", "µ"] {
            assert_eq!(json(&quoted(text)), Value::from(text));
        }
    }

    #[test]
    fn a_report_says_what_was_asked_achieved_and_went_wrong() {
        let load = Load::new();
        let mut change = Change::default();
        change.set("dirty", "12.5 MB/s").expect("good");
        change.set("working-set", "32 KiB").expect("good");
        load.change(change).expect("good");
        load.wrong("disk", "it is \"full\"");
        let since = Sample { at: Duration::from_secs(2), ..Sample::default() };
        let now = Sample { at: Duration::from_secs(4), dirty: 20_000_000, net: 4, ..Sample::default() };
        let report = json(&line(&load, since, now, &load.errors(true)));
        assert_eq!(report["time_s"], 4.0);
        assert_eq!(report["window_s"], 2.0);
        assert_eq!(report["asked"]["dirty"], 12_500_000);
        assert_eq!(report["asked"]["working_set"], 32 << 10);
        assert_eq!(report["achieved"]["dirty"], 10_000_000);
        assert_eq!(report["achieved"]["net"], 2);
        assert_eq!(report["achieved"]["cpu"], 0.0);
        assert_eq!(report["errors"][0], "disk: it is \"full\"");
    }

    #[test]
    fn errors_that_are_over_are_told_once() {
        let load = Load::new();
        load.wrong("net", "gone");
        assert_eq!(load.errors(true), ["net: gone"]);
        load.right("net");
        assert_eq!(load.errors(false), ["net: gone"], "a request does not take it from the next report");
        assert_eq!(load.errors(true), ["net: gone"]);
        assert!(load.errors(true).is_empty());
    }
}
