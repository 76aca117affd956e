//! What the kernel knows of a process and its children.

use std::fs;

/// Clock ticks in a second, as `/proc` counts CPU time: fixed on Linux.
const TICKS: f64 = 100.0;

/// A process, its children and theirs.
fn tree(id: u32) -> Vec<u32> {
    let mut all = vec![id];
    let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    for task in tasks {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|id| id.parse().ok()).flat_map(tree));
    }
    all
}

/// CPU-seconds that a process and its children have used.
pub fn cpu(id: u32) -> f64 {
    let of = |id: u32| -> Option<f64> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name in parentheses may hold blanks.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    };
    tree(id).into_iter().filter_map(of).sum::<f64>() / TICKS
}

/// Proportional and resident memory of a process and its children, in MiB.
pub fn memory(id: u32) -> (f64, f64) {
    let of = |id: u32, what: &str| -> f64 {
        let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
        let line = rollup.lines().find_map(|line| line.strip_prefix(what));
        line.and_then(|l| l.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    let all = tree(id);
    (all.iter().map(|&id| of(id, "Pss:")).sum(), all.iter().map(|&id| of(id, "Rss:")).sum())
}

/// The machine: processor, cores, kernel, and how busy it is.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ")).map_or("?", |m| m.1);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    format!("{model}, {cores} cores, Linux {}, load average {load} at the start", kernel.trim())
}
