//! What every view looks like, at several sizes and with fewer colours and signs.

use hemera::console::ColorLevel;

use crate::driver::Setup;
use crate::{busy, dump, fake};

/// The heatmap's levels and the table are there.
fn settled(setup: Setup) -> crate::Console {
    let console = setup.start();
    console.shows("Operations");
    console
}

#[test]
fn overview() {
    for (width, height) in [(80, 24), (120, 36), (200, 50)] {
        let console = settled(busy(width, height));
        dump(&console, &format!("overview_{width}x{height}"));
        insta::assert_snapshot!(format!("overview_{width}x{height}"), console.text());
        console.end();
    }
}

#[test]
fn overview_with_styles() {
    let light = settled(busy(80, 24).options(|o| o.theme = "light".into()));
    dump(&light, "light_80x24");
    insta::assert_snapshot!("light_styles", light.styled());
    light.end();
    let dark = settled(busy(80, 24));
    insta::assert_snapshot!("dark_styles", dark.styled());
    dark.end();
    let few = settled(busy(80, 24).options(|o| o.color = ColorLevel::Ansi16));
    dump(&few, "ansi16_80x24");
    insta::assert_snapshot!("ansi16_styles", few.styled());
    few.end();
    let none = settled(busy(80, 24).options(|o| {
        o.color = ColorLevel::None;
        o.ascii = true;
    }));
    assert!(none.text().is_ascii(), "{}", none.text());
    dump(&none, "ascii_80x24");
    insta::assert_snapshot!("ascii_mono_styles", none.styled());
    none.end();
}

/// Each view by the keys that open it, what it shows when it is there, at two sizes.
#[test]
fn views() {
    let views = [
        ("vm", "Enter", "timeline"),
        ("help", "?", "Moves the cursor d"),
        ("palette", ": \"mig\"", "sort by change"),
        ("boot", "b", "1 GiB of memory"),
        ("migrate", "Space Space Space m", "refused: would not converge"),
        ("evacuate", "2 e", "refused: would not converge"),
        ("destroy", "* D", "type 10240 to confirm"),
        ("limits", "l", "moves per link"),
        ("stop", "!", "Stop 2 operations"),
        ("tasks", "4 Enter", "round 3"),
        ("events", "w", "does not answer"),
        ("zoom_hosts", "2 z", "suno"),
        ("zoom_operations", "4 z", "boot 64 small"),
        ("filter", "/ \"state:failed\"", "29 of 10 240 VMs"),
        ("marks", "v Down Down Down", "range of 4"),
    ];
    for (width, height) in [(80, 24), (120, 36)] {
        for (name, keys, there) in views {
            let console = settled(busy(width, height));
            console.keys(keys);
            if name == "destroy" {
                console.shows_all(&["Destroy 10 240 VMs on", "vm-1, vm-2, vm-3"]);
            } else {
                console.shows(there);
            }
            dump(&console, &format!("{name}_{width}x{height}"));
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), console.text());
            console.end();
        }
    }
}

#[test]
fn nothing_there() {
    let empty = settled(Setup::new(fake::snapshot(fake::hosts(), Vec::new()), 80, 24));
    empty.shows("There are no VMs yet.");
    dump(&empty, "empty_80x24");
    insta::assert_snapshot!("empty_80x24", empty.text());
    empty.end();
    let loading = settled(Setup::new(hemera::handle::Snapshot::default(), 80, 24));
    loading.shows("waiting for the engine");
    loading.end();
}
