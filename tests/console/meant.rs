//! What an action is about: what one sees under the cursor or marked, and nothing else.

use crate::busy;

#[test]
fn marks_of_all_wait_for_the_filter_of_hosts_and_of_the_tree() {
    let console = busy(120, 36).start();
    // Typed ahead: no order of the new filter is there when the marks are asked for.
    console.shows("VMs").keys("5").shows("504 hosts").keys("/ \"suno\" Enter *").shows("45 selected");
    console.keys("u / ctrl-u \"paradent\" Enter i").shows("64 selected").keys("u");
    console.keys("6").shows_all(&["Tree", "parapluie"]).keys("/ \"paradent\" Enter *").shows("1 344 selected");
    console.keys("i").hides("selected");
    console.harmless();
    console.end();
}

#[test]
fn without_a_host_under_the_cursor_none_is_meant() {
    let console = busy(120, 36).start();
    console.shows("VMs").keys("/ \"nothing-like-this\" Enter").shows("No VM is selected by this filter");
    console.keys(": \"evacuate\" Enter").shows("evacuate: there is no host here").keys("Esc Esc");
    for panel in ["1", "4"] {
        console.keys(panel).keys(": \"evacuate\" Enter").shows("evacuate: there is no host here").keys("Esc Esc");
    }
    console.keys("2 e").shows("Evacuate hosts").keys("Esc");
    console.harmless();
    console.end();
}

#[test]
fn marks_that_a_page_does_not_show_are_told_before_anything_is_done() {
    let console = busy(120, 36).start();
    console.shows("VMs").keys("Space Space Space").shows("3 selected");
    console.keys("4 Enter").shows("round 3").keys("D").shows_all(&["Destroy 3 VMs", "3 of them are marked elsewhere"]);
    console.keys("Esc 2 Enter").shows("vm-505 ").keys("D").shows("2 of them are marked elsewhere").keys("Esc");
    console.keys("3 D").shows("Destroy 3 VMs").hides("marked elsewhere").keys("Esc");
    console.harmless();
    console.end();
}
