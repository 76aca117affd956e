//! The tree of sites, clusters, hosts and VMs.

use hemera::console::ColorLevel;
use hemera::fleet::{HostId, VmRow, VmState};
use hemera::handle::{Command, Moves, OperationSpec, Which};

use crate::driver::{Console, Setup};
use crate::{busy, dump, fake};

fn look(console: &Console, name: &str) {
    dump(console, &format!("tree_{name}"));
    insta::assert_snapshot!(format!("tree_{name}"), console.text());
}

#[test]
fn at_every_size() {
    for (width, height) in [(40, 10), (80, 24), (120, 36), (200, 50)] {
        let console = busy(width, height).start();
        console.keys("6").shows_all(&["Tree", "parapluie"]);
        // The first host of the first cluster, unfolded.
        console.keys("Right Right").shows("paradent-1 ").keys("Right Right").shows("vm-1 ");
        look(&console, &format!("{width}x{height}"));
        console.end();
    }
}

#[test]
fn fewer_colours_and_signs() {
    for (name, color, ascii) in [
        ("true", ColorLevel::True, false),
        ("16", ColorLevel::Ansi16, false),
        ("none", ColorLevel::None, false),
        ("ascii", ColorLevel::None, true),
    ] {
        let console = busy(80, 24).options(|o| (o.color, o.ascii) = (color, ascii)).start();
        console
            .keys("6")
            .shows_all(&["Tree", "parapluie"])
            .keys("Right Right")
            .shows("paradent-1 ")
            .keys("Right Space")
            .shows("selected");
        assert!(!ascii || console.text().is_ascii(), "{}", console.text());
        dump(&console, &format!("tree_{name}_80x24"));
        insta::assert_snapshot!(format!("tree_{name}_80x24"), console.styled());
        console.end();
    }
}

#[test]
fn unfolds_marks_and_opens() {
    let console = busy(120, 36).start();
    console.keys("6").shows_all(&["Tree", "parapluie"]).keys("Left").hides("paradent").keys("Right").shows("paradent");
    console.keys("Down Enter").shows("paradent-1 ").keys("Down Space").shows("21 selected");
    console.keys("m").shows("Migrate 21 VMs away from paradent-1").shows("Migrate 240 VMs").keys("Enter Right Enter");
    let Command::Start(OperationSpec::Migrate(migrate)) = console.command() else { panic!("not a move") };
    let Moves::To { which: Which::Ids(ids), .. } = migrate.moves else { panic!("not these VMs") };
    assert_eq!((ids.len(), ids[0].0, ids[1].0), (21, 0, 504));
    console.keys("u").hides("selected");
    // The host of a row by its own key, a VM by Enter.
    console.keys("H").shows("› tree › paradent-2").keys("Esc").shows("› tree");
    console.keys("Right Right Enter").shows("› vm-2 ");
    console.keys("Esc").shows("vm-506 ").keys("Left Left").hides("vm-506 ");
    console.keys("e").shows("Evacuate hosts").shows("paradent-2").keys("Esc");
    console.keys("t").shows("hosts by load").keys("*").shows("10 240 selected");
    console.end();
}

#[test]
fn a_filter_of_vms_or_of_hosts() {
    let console = busy(120, 36).start();
    console
        .keys("6")
        .shows_all(&["Tree", "parapluie"])
        .keys("/ \"state:failed\" Enter")
        .shows_all(&["29 VMs", "no DHCP answer in 45 s"]);
    look(&console, "failed_120x36");
    console.keys("/ ctrl-u \"suno\" Enter").shows("900 VMs").hides("graphene");
    console.keys("/ ctrl-u \"state:\"").shows("expected").keys("Esc").shows("900 VMs");
    console.keys("/ ctrl-u \"nothing-like-this\" Enter").shows("Nothing is selected by this filter.");
    console.keys("/ ctrl-u Enter").shows("10 240 VMs");
    console.end();
}

#[test]
fn follows_what_happens() {
    let mut fleet = fake::hosts();
    fleet.vms.push("vm-1", VmRow { state: VmState::Up, host: Some(HostId(0)), ..VmRow::default() });
    let console = Setup::new(fake::snapshot(fleet.clone(), Vec::new()), 80, 24).start();
    console.keys("6").shows_all(&["Tree", "parapluie"]).keys("Right Right Right Right").shows("vm-1 ");
    fleet.vms.push("vm-2", VmRow { state: VmState::Up, host: Some(HostId(0)), ..VmRow::default() });
    fleet.vms.push("lone", VmRow::default());
    console.publish(fake::snapshot(fleet, Vec::new()));
    console.shows_all(&["vm-2 ", "3 VMs"]).keys("End").shows("on no host");
    console.end();
}

#[test]
fn a_million_vms() {
    let mut fleet = fake::hosts();
    let hosts = fleet.hosts.len() as u32;
    for i in 0..1_000_000u32 {
        let row = VmRow { state: VmState::Up, host: Some(HostId(i % hosts)), memory: 64, ..VmRow::default() };
        fleet.vms.push(&format!("vm-{}", i + 1), row);
    }
    let console = Setup::new(fake::snapshot(fleet, Vec::new()), 120, 36).start();
    console.keys("6").shows_all(&["Tree", "parapluie", "1 000 000 VMs"]);
    console.keys("Down Right Right Right Right").shows("vm-1 ").keys("End").shows("stremi");
    console.keys("Home Space").shows("256 000 selected");
    console.end();
}
