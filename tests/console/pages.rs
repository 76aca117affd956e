//! The pages of things looked at closely: a VM, a host, events, the pulse, findings.

use hemera::console::ColorLevel;
use hemera::fleet::{HostId, HostState, Time, VmId, VmState};
use hemera::handle::{Event, Level, Snapshot};

use crate::driver::Setup;
use crate::{busy, dump, fake};

/// Each page by the keys that open it, and what it shows when it is there at any size.
const PAGES: [(&str, &str, &str); 6] = [
    ("vm", "Enter", "migrate of #3"),
    ("host", "H", "1 task waiting"),
    ("events", "7", "503+"),
    ("findings", "8", "VMs failed"),
    ("pulse", "9", "VMs up"),
    ("settings", ",", "keymap"),
];

#[test]
fn every_page_at_every_size() {
    for (width, height) in [(40, 10), (80, 24), (120, 36), (200, 50)] {
        for (name, keys, there) in PAGES {
            let console = busy(width, height).start();
            console.shows("vm-1 ").keys(keys).shows(there);
            dump(&console, &format!("{name}_{width}x{height}"));
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), console.text());
            console.end();
        }
    }
}

#[test]
fn pages_with_styles_and_in_ascii() {
    let console = busy(120, 36).start();
    console.shows("vm-1 ").keys("H").shows("receives");
    insta::assert_snapshot!("host_styles", console.styled());
    console.end();
    for (name, keys, there) in PAGES {
        let console = busy(80, 24)
            .options(|o| {
                o.color = ColorLevel::None;
                o.ascii = true;
            })
            .start();
        console.shows("vm-1 ").keys(keys).shows(there);
        assert!(console.text().is_ascii(), "{}", console.text());
        dump(&console, &format!("{name}_ascii"));
        insta::assert_snapshot!(format!("{name}_ascii"), console.text());
        console.end();
    }
}

#[test]
fn a_vm_leads_to_its_results_its_host_and_its_neighbours() {
    let console = busy(120, 36).start();
    console.shows("vm-1 ").keys("Enter").shows_all(&["Results", "Timeline", "212 ms"]);
    console.keys("n").shows("vm-2 ").keys("n").wait_until("vm-3", |s| s.contains("› vm-3"));
    console.keys("N").shows_all(&["› vm-2", "stood still"]);
    console.keys("Down Enter").shows("#1 boot 64 small").shows("what happens");
    console.keys("Esc").shows("Timeline").keys("H").shows("vm-506 ");
    console.keys("Down Enter").wait_until("a VM of the host", |s| s.contains("› paradent-2 › vm-"));
    console.end();
}

#[test]
fn tab_goes_through_the_parts_where_not_all_fit() {
    let console = busy(80, 24).start();
    console.shows("vm-1 ").keys("Enter").shows("what happens");
    console.keys("Tab").shows("planned on paradent-1").hides("what happens");
    console.keys("Tab").hides("planned on paradent-1").keys("BackTab").shows("planned on paradent-1");
    console.resize(40, 10).shows("planned on").keys("Tab").shows("state ").keys("Esc").shows("vm-1 ");
    console.end();
}

#[test]
fn the_task_at_work_is_cancelled_from_its_vm() {
    let console = busy(120, 36).start();
    console.shows("vm-1 ").keys("Enter").shows("migrate of #3").keys("x").shows("Cancel migrate of vm-2?");
    console.end();
}

/// The events of a run: one for each number from `first` to `last`.
fn with_events(first: u64, last: u64) -> Snapshot {
    let mut snapshot = fake::snapshot(fake::fleet(1000), fake::operations());
    let event = |number: u64| Event {
        number,
        at: Time::from_secs_f64(750.0),
        level: if number.is_multiple_of(10) { Level::Error } else { Level::Info },
        vm: Some(VmId((number % 1000) as u32)),
        host: None,
        op: None,
        kind: None,
        text: format!("event {number} of the run").into(),
    };
    snapshot.events = std::sync::Arc::new((first..=last).map(event).collect());
    snapshot
}

#[test]
fn events_follow_the_newest_unless_one_looks_at_older_ones() {
    let console = Setup::new(with_events(5001, 5100), 80, 24).start();
    console.shows("vm-1 ").keys("7").shows("event 5100 of");
    console.publish(with_events(5001, 5103));
    console.shows("event 5103 of");
    console.keys("Down Down").publish(with_events(5001, 5115));
    console.shows("12 new").wait_until("the same event", |s| s.contains("▸   12:30 · event 5101 of"));
    console.keys("Home").shows("event 5115 of").hides("new");
    // A leap over events that no snapshot showed.
    console.publish(with_events(6000, 6100));
    console.shows("event 6100 of");
    console.end();
}

#[test]
fn older_events_come_page_by_page() {
    let console = Setup::new(with_events(5001, 5100), 80, 24).start();
    console.shows("vm-1 ").keys("7").shows("event 5100 of").keys("End").shows("600+").keys("End").shows("event 4501");
    // To the oldest that is remembered.
    for known in ["1 100+", "1 600+", "2 100+"] {
        console.shows(known).keys("End");
    }
    console.keys("Home").shows("event 5100 of");
    console.end();
}

#[test]
fn events_are_filtered_and_lead_to_what_they_are_about() {
    let console = Setup::new(with_events(5001, 5100), 80, 24).start();
    console.shows("vm-1 ").keys("7").shows("event 5100 of");
    console.keys("/ \"level:error_!5100\" Enter").shows("event 5090 of").hides("event 5089 of").hides("event 5100 of");
    console.keys("/ ctrl-u \"level:bad\"").shows("expected info, warning or error, found `bad`");
    console.keys("Esc f").shows("warnings and errors").keys("f").shows("· errors");
    console.keys("Enter").wait_until("the VM", |s| s.contains("› events › vm-"));
    console.end();
}

#[test]
fn findings_lead_to_exactly_those_concerned() {
    let mut fleet = fake::fleet(10_240);
    let mut reasons = (*fleet.vm_reasons).clone();
    let first = fleet.vms.ids().find(|vm| fleet.vms.state(*vm) == VmState::Failed).unwrap();
    reasons.insert(first, "image not found".into());
    fleet.vm_reasons = std::sync::Arc::new(reasons);
    fleet.hosts.update(HostId(71), |row| row.state = HostState::Failed);
    let failed = fleet.vms.count(VmState::Failed);
    let console = Setup::new(fake::snapshot(fleet, fake::operations()), 120, 36).start();
    console.shows("findings [8]").keys("8").shows_all(&["moves do not converge", "VMs failed", "image not found"]);
    console.keys("Down Enter").shows(&format!("{failed} of 10 240 VMs"));
    console.keys("Esc Down Enter").shows(&format!("{} of 10 240 VMs", failed - 1));
    console.keys("Esc Down Enter").wait_until("the one VM", |s| s.contains("› findings › vm-"));
    console.keys("Esc").shows("Findings").keys("End").shows("then retry what failed").keys("t").shows("Retry");
    console.end();
}

#[test]
fn settings_are_filtered_and_the_theme_is_switched() {
    let console = busy(120, 36).start();
    console.shows("vm-1 ").keys(",").shows_all(&["theme", "keymap", "$HEMERA_THEME"]);
    console.keys("Enter").shows("theme light");
    console.keys("/ \"ssh\" Enter").hides("keymap").shows_all(&["ssh.host", "ssh.vm"]);
    console.end();
}

#[test]
fn nothing_wrong_is_said() {
    let console = Setup::new(fake::snapshot(fake::hosts(), Vec::new()), 80, 24).start();
    console.shows("no VMs yet").keys("8").shows("Nothing is wrong");
    console.end();
}
