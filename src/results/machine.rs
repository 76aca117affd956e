//! `machine.json`: what differs from run to run.

use std::fs;
use std::time::Instant;

use serde::Serialize;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// The machine that a run is driven from, and when it began there.
#[derive(Debug, Clone)]
pub struct Machine {
    began: Instant,
    started: String,
}

/// `machine.json`.
#[derive(Debug, Serialize)]
struct Figures<'a> {
    /// The program's version.
    version: &'static str,
    /// When the run began, in UTC.
    started: &'a str,
    /// How long it took.
    wall_s: f64,
    /// The machine's name; null where the system does not tell.
    hostname: Option<String>,
    /// CPUs that the program may use.
    cpus: usize,
    /// The most memory that the program held; null where the system does not tell.
    memory_peak_bytes: Option<u64>,
}

impl Machine {
    /// A run begins now.
    pub fn now() -> Self {
        let mut started = String::new();
        // Into a string it cannot fail.
        let _ = SystemTime.format_time(&mut Writer::new(&mut started));
        Self { began: Instant::now(), started }
    }

    /// The file's text, as of now.
    pub(super) fn json(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(&Figures {
            version: env!("CARGO_PKG_VERSION"),
            started: &self.started,
            wall_s: self.began.elapsed().as_secs_f64(),
            hostname: fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned()),
            cpus: std::thread::available_parallelism().map_or(1, Into::into),
            memory_peak_bytes: memory_peak(),
        })?;
        text.push(b'\n');
        Ok(text)
    }
}

/// The largest resident size so far, from the `VmHWM` line of `/proc/self/status`, which is in kB of 1 024 bytes.
fn memory_peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}
