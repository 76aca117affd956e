//! What changes VMs and hosts.

use super::Action;
use super::when::{steers_class, steers_drained, steers_hosts, steers_vms};
use crate::console::app::App;
use crate::console::dialog::{Change, Dialog};

actions! {
    "VMs and hosts" {
        "boot" "boot" true steers_class "Boots new VMs." |a| a.open_dialog(Dialog::boot(&a.snapshot));
        "migrate" "migrate" true steers_vms "Moves the marked VMs, or the one under the cursor, to other hosts while they run." App::ask_migrate;
        "evacuate" "evacuate" true steers_hosts "Moves all VMs away from a host." App::ask_evacuate;
        "undrain" "take VMs again" true steers_drained "Lets a host that was evacuated take VMs again." App::undrain;
        "destroy" "destroy" true steers_vms "Stops and removes the marked VMs, or the one under the cursor." |a| a.ask_change(Change::Destroy);
        "pause" "pause" true steers_vms "Stops the vCPUs of the marked VMs, or of the one under the cursor." |a| a.ask_change(Change::Pause);
        "resume" "resume" true steers_vms "Lets the vCPUs of the marked VMs, or of the one under the cursor, go on." |a| a.ask_change(Change::Resume);
        "reboot" "reboot" true steers_vms "Restarts the guests of the marked VMs, or of the one under the cursor." |a| a.ask_change(Change::Reboot);
        "stress" "stress" true steers_vms "Sets the load of the marked VMs, or of the one under the cursor." |a| a.ask_change(Change::Stress);
        "stop-stress" "stop stress" true steers_vms "Returns the marked VMs, or the one under the cursor, to the load of the world." |a| a.ask_change(Change::StopStress);
    }
}
