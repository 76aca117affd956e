//! What every view looks like, at several sizes and with fewer colours and signs.

use std::fmt::Write;

use hemera::console::ColorLevel;

use crate::driver::Setup;
use crate::{busy, dump, fake};

/// The heatmap's levels and the table are there.
fn settled(setup: Setup) -> crate::Console {
    let console = setup.start();
    // The header's count is there at every size.
    console.shows("VM");
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

/// A view: its name, the keys that lead to it, and what it shows when it is there, at every size.
type View = (&'static str, &'static str, &'static [&'static str]);

/// Every view. Texts that are waited for stand on the smallest screens, too.
const VIEWS: [View; 24] = [
    ("vms", "3", &["vm-1"]),
    ("sites", "1", &["rennes", "nancy"]),
    ("heatmap", "2 z", &["parap"]),
    ("operations", "4 z", &["#3", "boot 10 240 small"]),
    ("hosts", "5", &["parade"]),
    ("tree", "6", &["parapluie"]),
    ("events", "7", &["503+", "not answer"]),
    ("findings", "8", &["Findings"]),
    ("pulse", "9", &["VMs up"]),
    ("settings", ",", &["Settings"]),
    ("host", "2 Enter", &["waiting"]),
    ("vm", "Enter", &["of #3", "Timeline"]),
    ("tasks", "4 Enter", &["vm-3 ", "what happens"]),
    ("help", "?", &["Keys"]),
    ("palette", ": \"mig\"", &["Command", "migrate"]),
    ("boot", "b", &["Boot VMs", "1 GiB of memory"]),
    ("migrate", "Space Space Space m", &["Migrate 240 VMs", "Migrate 3 VMs", "refused"]),
    ("evacuate", "2 e", &["Evacuate 240 VM", "VMs from 2 hosts", "refused"]),
    ("destroy", "* D", &["Destroy 10 240 VMs", "vm-1, vm-2, vm-3"]),
    ("limits", "l", &["Limits", "moves per link"]),
    ("stop", "Q", &["Stop 2 operations"]),
    ("filter", "/ \"state:failed\"", &["29 of 10 240 VMs"]),
    ("mistake", "/ \"state:faild\"", &[" 0 of 10 240 VMs", "expected", "faild"]),
    ("marks", "v Down Down Down", &["range of 4"]),
];

const SIZES: [(u16, u16); 4] = [(40, 10), (80, 24), (120, 36), (200, 50)];

/// Waits for a view to be there; on the smallest screens not all that is waited for has room.
fn there(console: &crate::Console, texts: &[&str], height: u16) {
    if height >= 24 {
        console.shows_all(texts)
    } else {
        console.shows(texts[0])
    };
    console.quiet();
}

/// Each view at every size, one snapshot a view.
#[test]
fn views() {
    for (name, keys, texts) in VIEWS {
        let mut all = String::new();
        for (width, height) in SIZES {
            let console = settled(busy(width, height));
            console.keys(keys);
            there(&console, texts, height);
            dump(&console, &format!("{name}_{width}x{height}"));
            writeln!(all, "== {width}x{height}\n{}", console.text()).unwrap();
            console.end();
        }
        insta::assert_snapshot!(format!("view_{name}"), all);
    }
}

/// Each view's styles in all colours, in 16, in none and in ASCII without any.
#[test]
fn views_with_styles() {
    let levels = [("true", ColorLevel::True), ("16", ColorLevel::Ansi16), ("none", ColorLevel::None)];
    for (name, keys, texts) in VIEWS {
        let mut all = String::new();
        for (level, color) in levels {
            let console = settled(busy(80, 24).options(|o| o.color = color));
            console.keys(keys);
            there(&console, texts, 24);
            writeln!(all, "== {level}\n{}", console.styled()).unwrap();
            console.end();
        }
        insta::assert_snapshot!(format!("styles_{name}"), all);
    }
}

/// Each view with ASCII alone and without colours: nothing else reaches the terminal.
#[test]
fn views_in_ascii() {
    for (name, keys, texts) in VIEWS {
        let mut all = String::new();
        for (width, height) in [(40, 10), (80, 24)] {
            let console = settled(busy(width, height).options(|o| {
                o.color = ColorLevel::None;
                o.ascii = true;
            }));
            console.keys(keys);
            there(&console, texts, height);
            assert!(console.text().is_ascii(), "{name}: {}", console.text());
            dump(&console, &format!("{name}_ascii_{width}x{height}"));
            writeln!(all, "== {width}x{height}\n{}", console.text()).unwrap();
            console.end();
        }
        insta::assert_snapshot!(format!("ascii_{name}"), all);
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
