//! A million VMs: the same habits, and the keys do not wait for filters and sorts.

use std::time::Instant;

use hemera::fleet::{HostId, VmRow, VmState};

use crate::driver::Setup;
use crate::fake;

#[test]
fn a_million_vms_are_filtered_sorted_and_marked() {
    let mut fleet = fake::hosts();
    let hosts = fleet.hosts.len() as u32;
    for i in 0..1_000_000u32 {
        let state = if i % 1000 == 7 { VmState::Failed } else { VmState::Up };
        let row = VmRow { state, host: Some(HostId(i % hosts)), cpu: i % 997, memory: 64, ..VmRow::default() };
        fleet.vms.push(&format!("vm-{}", i + 1), row);
    }
    let console = Setup::new(fake::snapshot(fleet, Vec::new()), 120, 36).start();
    console.shows("1 000 000 VMs");
    let step = |what: &str, keys: &str, there: &[&str]| {
        let begin = Instant::now();
        console.keys(keys).shows_all(there);
        // Figures for whoever runs it with --nocapture; no test of time.
        println!("{what}: {:?}", begin.elapsed());
    };
    step("to the end", "End", &["vm-1000000"]);
    step("a row up", "Up", &["▸  vm-999999 "]);
    step("filter", "/ \"state:failed\" Enter", &["1 000 of 1 000 000 VMs"]);
    step("mark all", "*", &["1 000 selected"]);
    step("sort by cpu", "Esc o c Home", &["by cpu ↓", "996", "1 000 000 VMs"]);
    step("a key while sorting by name", "o n Down Down", &["by name ↑"]);
    step("sorted by name", "Home", &["▸  vm-1 "]);
    step("mark a million", "*", &["1 000 000 selected"]);
    step("turn a million", "i", &["by name"]);
    console.end();
}
