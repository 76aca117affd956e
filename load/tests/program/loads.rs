//! What the loads come to, seen from outside where the kernel tells it.

use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::{Load, wait_until};
use serde_json::Value;

/// Half to one and a half times what was asked for: what else the machine does must not fail a test.
fn about(found: f64, asked: f64) -> bool {
    (0.5..=1.5).contains(&(found / asked))
}

fn achieved(report: &Value, what: &str) -> f64 {
    report["achieved"][what].as_f64().unwrap_or_else(|| panic!("no `{what}`: {report}"))
}

/// Pages of memory of its own that a process has touched since they were cleared, as bytes.
///
/// By the bits for dirty pages where the kernel keeps them (`CONFIG_MEM_SOFT_DIRTY`), else by those for pages that were
/// accessed: the load writes to each page that it accesses.
struct Touched {
    process: u32,
    soft_dirty: bool,
}

impl Touched {
    fn of(process: u32) -> Self {
        let mut touched = Self { process, soft_dirty: true };
        // With the bits, pages that were never cleared count as dirty.
        touched.soft_dirty = touched.count() > 0;
        touched
    }

    fn clear(&self) {
        let what = if self.soft_dirty { "4" } else { "1" };
        fs::write(format!("/proc/{}/clear_refs", self.process), what).expect("the kernel lets pages be cleared");
    }

    fn count(&self) -> u64 {
        let (mut bytes, mut mapped) = (0, false);
        let smaps = fs::read_to_string(format!("/proc/{}/smaps", self.process)).expect("the process is there");
        for line in smaps.lines() {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or_default();
            if let Some((from, to)) = first.split_once('-') {
                let number = |text| u64::from_str_radix(text, 16).unwrap_or(0);
                let range = (number(from), number(to));
                // No other mapping is as large as the working set's and its own.
                mapped = words.count() == 4 && range.1 - range.0 >= 32 << 20;
                if mapped && self.soft_dirty {
                    bytes += self.dirty(range);
                }
            } else if mapped && !self.soft_dirty && first == "Referenced:" {
                bytes += words.next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024;
            }
        }
        bytes
    }

    fn dirty(&self, range: (u64, u64)) -> u64 {
        use std::os::unix::fs::FileExt;
        let Ok(pagemap) = fs::File::open(format!("/proc/{}/pagemap", self.process)) else { return 0 };
        let mut entries = vec![0; ((range.1 - range.0) / 4096 * 8) as usize];
        let read = pagemap.read_at(&mut entries, range.0 / 4096 * 8).unwrap_or(0);
        let present_and_soft_dirty = |entry: &&[u8]| entry[7] & 0x80 != 0 && entry[6] & 0x80 != 0;
        entries[..read].chunks_exact(8).filter(present_and_soft_dirty).count() as u64 * 4096
    }
}

#[test]
fn memory_gets_dirty_at_the_rate_asked_for_as_the_kernel_counts_it() {
    let load = Load::start(&["--dirty", "20MB/s", "--working-set", "32MiB"]);
    let touched = Touched::of(load.id());
    wait_until("a second's worth of pages is touched in about a second", || {
        touched.clear();
        let started = Instant::now();
        std::thread::sleep(Duration::from_secs(1));
        let bytes = touched.count() as f64;
        about(bytes, 20e6 * started.elapsed().as_secs_f64()).then_some(())
    });
    wait_until("a pass takes in the working set, and no more", || {
        touched.clear();
        std::thread::sleep(Duration::from_secs(3));
        let bytes = touched.count();
        assert!(bytes <= 33 << 20, "{bytes}");
        (bytes >= 31 << 20).then_some(())
    });
}

#[test]
fn rates_change_on_command_and_reports_follow() {
    let mut load = Load::start(&["--dirty", "2MB/s", "--working-set", "8MiB"]);
    for (command, rate) in [("dirty 40MB/s", 40e6), ("dirty=5MB/s", 5e6), ("working-set 1MiB", 5e6)] {
        assert_eq!(load.ask(command)["ok"], true);
        wait_until(command, || {
            let report = load.ask("report");
            assert_eq!(report["asked"]["dirty"], rate);
            about(achieved(&report, "dirty"), rate).then_some(())
        });
    }
    wait_until("a small working set is gone through again and again", || {
        (achieved(&load.ask("report"), "passes") > 3.0).then_some(())
    });
    assert_eq!(load.ask("stop")["ok"], true);
    wait_until("nothing gets dirty any more", || (achieved(&load.ask("report"), "dirty") == 0.0).then_some(()));
}

#[test]
fn the_cpu_level_counts_what_dirtying_uses() {
    let mut load = Load::start(&["--cpu", "20%", "--dirty", "50MB/s", "--working-set", "16MiB"]);
    wait_until("the level is reached", || about(achieved(&load.ask("report"), "cpu"), 0.2).then_some(()));
    assert_eq!(load.ask("cpu off")["ok"], true);
    wait_until("only dirtying is left", || (achieved(&load.ask("report"), "cpu") < 0.15).then_some(()));
}

#[test]
fn disk_and_network_reach_their_rates() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("disk-{}", std::process::id()));
    let sink = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let to = sink.local_addr().expect("an address").to_string();
    let mut load =
        Load::start(&["--disk", "2MB/s", "--file", file.to_str().expect("text"), "--net", "3MB/s", "--to", &to]);
    wait_until("both rates", || {
        let report = load.ask("report");
        (about(achieved(&report, "disk"), 2e6) && about(achieved(&report, "net"), 3e6)).then_some(())
    });
    assert!(fs::metadata(&file).expect("there").len() <= 16 << 20);
    let mut datagram = [0; 2000];
    assert_eq!(sink.recv(&mut datagram).expect("a datagram"), 1400);
    assert_eq!(load.ask("end")["ok"], true);
    assert!(load.ended().success());
    assert!(!file.exists(), "the file goes in the end");
}

#[test]
fn what_fails_is_told_and_stops_nothing_else() {
    let mut load = Load::start(&[
        "--dirty",
        "4MB/s",
        "--disk",
        "1MB/s",
        "--file",
        "/proc/none/file",
        "--net",
        "1MB/s",
        "--to",
        "tcp:127.0.0.1:1",
    ]);
    wait_until("two errors beside the rate of memory", || {
        let report = load.ask("report");
        let told =
            |what: &str| report["errors"].as_array().is_some_and(|e| e.iter().any(|e| e.to_string().contains(what)));
        (told("disk: cannot make /proc/none/file")
            && told("net: cannot reach 127.0.0.1:1")
            && about(achieved(&report, "dirty"), 4e6))
        .then_some(())
    });
    load.ask("disk off net off");
    wait_until("what is not asked for any more is no error", || {
        (load.ask("report")["errors"] == Value::Array(Vec::new())).then_some(())
    });
}
