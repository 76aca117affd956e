//! What an empty world says, and what newcomers are offered on hosts of every kind.

use std::sync::Arc;

use hemera::handle::{About, Snapshot};

use crate::driver::Setup;
use crate::{dump, fake};

fn empty(platform: &str, classes: bool) -> Snapshot {
    let mut snapshot = fake::snapshot(fake::hosts(), Vec::new());
    let about = About::clone(&snapshot.about);
    let classes = if classes { about.classes.clone() } else { Vec::new() };
    snapshot.about = Arc::new(About { platform: platform.into(), classes, ..about });
    snapshot
}

#[test]
fn an_empty_world_says_where_to_begin() {
    for (width, height) in [(40, 10), (80, 24), (120, 36)] {
        let console = Setup::new(empty("sim", true), width, height).start();
        console.shows_all(&["boot", "tour", "demo", "keys"]);
        dump(&console, &format!("empty_{width}x{height}"));
        insta::assert_snapshot!(format!("empty_{width}x{height}"), console.text());
        console.end();
    }
}

#[test]
fn on_real_hosts_without_a_class_it_says_how_one_is_given() {
    let console = Setup::new(empty("libvirt", false), 120, 36).start();
    console.shows("--classes WORKFLOW.toml").shows("hemera --world small");
    console.keys("b").shows("no class of VMs to boot");
    console.end();
}

#[test]
fn the_tour_leaves_room_for_what_it_talks_about() {
    for (width, height) in [(40, 10), (80, 24), (120, 36)] {
        let console = Setup::new(empty("sim", true), width, height).start();
        console.shows("tour");
        console.keys(": \"tour\" Enter").shows("Press b,");
        dump(&console, &format!("tour_{width}x{height}"));
        insta::assert_snapshot!(format!("tour_{width}x{height}"), console.text());
        console.keys("b").shows_all(&["Boot VMs", "Press b,"]);
        console.end();
    }
}
