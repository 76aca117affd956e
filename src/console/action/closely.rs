//! A VM from close by.

use super::Action;
use super::when::{finds, in_room, sees_vm, types};
use crate::console::app::App;
use crate::console::pages::room::Wing;

actions! {
    "A VM from close by" {
        "console" "console" true sees_vm "Shows what the VM has said on its serial console since it was started." |a| a.look_closely(Wing::Console);
        "screen" "screen" true sees_vm "Shows what is on the VM's screen." |a| a.look_closely(Wing::Screen);
        "definition" "definition" true sees_vm "Shows the VM's definition in libvirt's XML." |a| a.look_closely(Wing::Xml), also "xml";
        "type" "type" true types "Sends what is typed to the VM's serial console; ctrl-] leaves." |a| a.type_to_guest(false);
        "take-over" "take over" true types "The same, also where somebody else has the serial console: they lose it." |a| a.type_to_guest(true);
        "find-next" "next found" true finds "Goes to the next place of what is looked for." |a| a.find(true);
        "find-previous" "found before" true finds "Goes to the place before of what is looked for." |a| a.find(false);
        "again" "look again" true in_room "Asks the VM's host again for what is shown." App::again;
    }
}
