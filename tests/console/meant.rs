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
