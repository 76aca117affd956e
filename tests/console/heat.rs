//! The heatmap: every density, every metric, marks of hosts, flows.

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use hemera::console::ColorLevel;
use hemera::fleet::{Bytes, Fleet, HostId, HostState, NewHost, Rate, Time, Topology, VmRow, VmState};
use hemera::handle::{Command, Evacuate, OperationSpec};

use crate::driver::{Console, Setup};
use crate::{busy, dump, fake};

/// A world of so many hosts in eight clusters on four sites, with loads that make regions, and one host of each kind
/// that is to be seen.
fn world(hosts: u32) -> Fleet {
    let mut topology = Topology::new("any");
    for i in 0..8u32 {
        let site = topology.site(["rennes", "nancy", "sophia", "reims"][i as usize / 2]);
        let host = |n| NewHost {
            name: format!("c{i}-{n}"),
            cores: 8,
            memory: Bytes::mib(32 * 1024),
            nic: Rate(125e6),
            disk: Rate(1e8),
        };
        topology.add_cluster(site, &format!("c{i}"), (1..=(hosts + i) / 8).map(host));
    }
    let mut fleet = Fleet::new(std::sync::Arc::new(topology));
    fleet.now = Time::from_secs_f64(100.0);
    for i in 0..fleet.hosts.len() as u32 {
        let load = 4000.0 + 3000.0 * (f64::from(i) / 29.0).sin() + 1200.0 * (f64::from(i) / 3.0).cos();
        fleet.hosts.update(HostId(i), |row| {
            row.state = [HostState::Ready, HostState::Unreachable, HostState::Draining, HostState::Preparing]
                [if i < 4 { i as usize } else { 0 }];
            row.vms = if i == 4 { 0 } else { 8 };
            let load = if row.vms == 0 { 0 } else { load as u32 };
            row.demand(if i == 5 { 9000 } else { load }, 8, Time::from_secs_f64(40.0));
            row.memory = row.vms * 1088;
        });
    }
    fleet
}

fn console(hosts: u32, width: u16, height: u16) -> Console {
    let console = Setup::new(fake::snapshot(world(hosts), Vec::new()), width, height).start();
    // The hints are those of the heatmap.
    console.keys("2").shows_all(&["Hosts", "Enter open  space mark"]);
    console
}

fn look(console: &Console, name: &str) {
    dump(console, &format!("heat_{name}"));
    insta::assert_snapshot!(format!("heat_{name}"), console.text());
}

#[test]
fn every_size_has_its_density() {
    for (name, hosts, width, height, there) in [
        ("boxes_120x36", 24, 120, 36, "unreachable"),
        ("wide_120x36", 600, 120, 36, "c7"),
        ("single_80x24", 600, 80, 24, "a sign is a host"),
        ("half_80x24", 1500, 80, 24, "two hosts in a sign"),
        ("half_200x50", 10_000, 200, 50, "two hosts in a sign"),
        ("half_40x10", 200, 40, 10, "↓ 3 lines"),
    ] {
        let console = console(hosts, width, height);
        if width > 60 {
            console.keys("z").shows("› heatmap");
        }
        console.shows(there);
        assert!(width < 60 || !console.text().contains("more"), "{name} does not fit:\n{}", console.text());
        look(&console, name);
        console.end();
    }
    // In the overview's own panel.
    let console = console(600, 120, 36);
    console.shows("two hosts in a sign").shows_all(&["c0", "c7"]);
    look(&console, "overview_120x36");
    console.end();
}

#[test]
fn fewer_colours_and_signs() {
    for (name, color, ascii) in [
        ("true", ColorLevel::True, false),
        ("16", ColorLevel::Ansi16, false),
        ("none", ColorLevel::None, false),
        ("ascii", ColorLevel::None, true),
    ] {
        let setup = Setup::new(fake::snapshot(world(1500), Vec::new()), 80, 24).options(|o| {
            o.color = color;
            o.ascii = ascii;
        });
        let console = setup.start();
        console
            .keys("2 z Right Right Right Right Right Right Space V Down Right")
            .shows("rectangle of 4, 1 host marked");
        // Without colours the halves of a sign say nothing: a sign each, and the rest is scrolled to.
        console.shows(if color == ColorLevel::None { "lines more" } else { "two hosts in a sign" });
        assert!(console.text().contains('!'));
        assert!(!ascii || console.text().is_ascii(), "{}", console.text());
        dump(&console, &format!("heat_{name}_80x24"));
        insta::assert_snapshot!(format!("heat_{name}_80x24"), console.styled());
        console.end();
    }
}

#[test]
fn every_metric_by_keys_and_by_name() {
    let console = busy(120, 36).start();
    console.keys("2").shows("Hosts · cpu").keys("h").shows("Hosts · memory").keys("h").shows("Hosts · VMs");
    console.shows("24 VMs").keys("h").shows_all(&["Hosts · network", "100 % of NIC"]);
    console
        .keys("h")
        .shows("Hosts · moves in")
        .keys("h")
        .shows("Hosts · moves out")
        .keys("h")
        .shows("Hosts · dirty rate");
    console.shows("dirties ").keys("h").shows("Hosts · cpu").keys("H").shows("Hosts · dirty rate");
    console.keys(":").shows("Command").keys("\"heat-memory\" Enter").shows("Hosts · memory");
    console.end();
}

#[test]
fn keys_move_in_the_geometry_and_keep_the_column() {
    let console = busy(120, 36).start();
    console.keys("2 z").shows("paradent-1 ");
    // 32 hosts a line: the second one of paradent ends with 64, parapide has 25.
    console.keys("End").shows("stremi-44 ").keys("Home").shows("paradent-1 ");
    for _ in 0..30 {
        console.keys("Right");
    }
    console.shows("paradent-31 ").keys("Down").shows("paradent-63 ").keys("Down").shows("parapide-25 ");
    console.keys("Down").shows("parapluie-31 ").keys("Up Up").shows("paradent-63 ");
    console.keys("Right Right").shows("parapide-1 ").keys("Left").shows("paradent-64 ");
    console.end();
}

fn mouse(console: &Console, kind: MouseEventKind, column: u16, row: u16) {
    console.drawn();
    console.event(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

#[test]
fn the_mouse_chooses_opens_and_draws_rectangles() {
    let console = busy(120, 36).start();
    console.keys("2 z").shows("paradent-1 ");
    let left = MouseButton::Left;
    // The cells begin after border and labels, three columns each.
    mouse(&console, MouseEventKind::Down(left), 22 + 3 * 4, 2);
    console.shows("paradent-5 ");
    mouse(&console, MouseEventKind::Drag(left), 22 + 3 * 6 + 1, 3);
    console.shows("rectangle of 6");
    mouse(&console, MouseEventKind::Up(left), 22 + 3 * 6 + 1, 3);
    console.shows("6 hosts marked");
    // Both clicks at once: what comes later than a double click's second one is another click.
    console.drawn();
    for _ in 0..2 {
        let (column, row, modifiers) = (22 + 3, 2, KeyModifiers::NONE);
        console.event(Event::Mouse(MouseEvent { kind: MouseEventKind::Down(left), column, row, modifiers }));
    }
    console.shows("› heatmap › paradent-2");
    console.end();
}

#[test]
fn marked_hosts_are_emptied_and_their_vms_marked() {
    let console = busy(120, 36).start();
    console.keys("2 z Space Space v Right Right v").shows("5 hosts marked");
    dump(&console, "heat_marks_120x36");
    console.keys("e").shows_all(&["Evacuate 5 hosts", "paradent-1, paradent-2, paradent-3 and 2 more"]);
    console.shows("Evacuate 240 VMs").keys("Tab Tab Tab Tab Tab Right Enter");
    let Command::Start(OperationSpec::Evacuate(Evacuate { hosts, .. })) = console.command() else {
        panic!("not an evacuation")
    };
    assert_eq!(hosts.source(), "paradent-1 or paradent-2 or paradent-3 or paradent-4 or paradent-5");
    // 10 240 VMs in turn on 504 hosts: 21 on each of the first ones.
    console.keys("M").shows("105 more VMs marked on 5 hosts");
    console.keys("*").shows("504 hosts marked").keys("i").hides("hosts marked").keys("u").shows("nothing is marked");
    console
        .keys("U")
        .shows("undone: marks, now 504 hosts")
        .keys("U")
        .shows("undone: marks, now 5 hosts")
        .keys("ctrl-y");
    console.keys("3").shows("105 selected");
    console.end();
}

#[test]
fn flows_are_drawn_on_demand() {
    for (width, height) in [(120, 36), (80, 24)] {
        let console = busy(width, height).start();
        console.keys("2 z").shows("paradent-1 ").keys("F").shows_all(&["moves run", "→", "rennes → rennes ×"]);
        console.keys("Right Right Right").shows("paradent-4 ").drawn();
        look(&console, &format!("flows_{width}x{height}"));
        console.keys("F").hides("moves run");
        console.end();
    }
    let mut fleet = fake::hosts();
    for i in 0..6u32 {
        let row = VmRow {
            state: VmState::Migrating,
            host: Some(HostId(2)),
            target: Some(HostId(300 + i % 2)),
            ..VmRow::default()
        };
        fleet.vms.push(&format!("vm-{i}"), row);
    }
    let console = Setup::new(fake::snapshot(fleet, Vec::new()), 120, 36).start();
    console.keys("2 z F").shows_all(&["6 moves run", "rennes → nancy ×6", "paradent-3 → griffon-28 ×3"]);
    console.end();
}

#[test]
fn a_map_that_hardly_changed_costs_hardly_anything() {
    let console = busy(120, 36).start();
    console.keys("2 z").wait_until("the map alone", |s| s.contains("paradent-1 ") && !s.contains("Operations"));
    let mut snapshot = fake::snapshot(fake::fleet(10_240), fake::operations());
    let hosts = &mut snapshot.fleet.hosts;
    for id in 0..9 {
        hosts.update(HostId(id), |row| row.cpu_demand += 1);
    }
    // What really changed shows when the map was drawn again.
    hosts.update(HostId(9), |row| row.state = HostState::Unreachable);
    let before = console.bytes().len();
    console.publish(snapshot);
    console.shows("✖▅");
    let written = console.bytes().len() - before;
    assert!(written < 1000, "{written} bytes for one host");
    console.end();
}
