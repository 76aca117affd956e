//! What changes VMs and hosts.

use super::when::{
    reboots_hosts_here, restarts_libvirtd_here, steers, steers_class, steers_drained, steers_hosts, steers_run,
    steers_vms, switches_off_here, switches_on_here,
};
use super::{Action, takes};
use crate::console::app::App;
use crate::console::dialog::{Change, Dialog};
use crate::fleet::PowerAction;
use crate::handle::OpKind;

actions! {
    "VMs and hosts" {
        "boot" "boot" true steers_class "Boots new VMs." |a| a.open_dialog(Dialog::boot(&a.snapshot)), takes takes::BOOT;
        "migrate" "migrate" true steers_vms "Moves the marked VMs, or the one under the cursor, to other hosts while they run." App::ask_migrate, takes takes::MIGRATE, also "move" "mv";
        "evacuate" "evacuate" true steers_hosts "Moves all VMs away from a host." App::ask_evacuate, takes takes::EVACUATE, also "drain";
        "undrain" "take VMs again" true steers_drained "Lets a host that was evacuated take VMs again." App::undrain;
        "power-on" "power host on" false switches_on_here "Switches the marked hosts, or the one under the cursor or of the VM there, on." |a| a.ask_power_here(PowerAction::On), takes takes::POWER_ON;
        "power-off" "power host off" false switches_off_here "Switches the marked hosts, or the one under the cursor or of the VM there, off; their VMs end." |a| a.ask_power_here(PowerAction::Off), takes takes::POWER_OFF;
        "reboot-host" "reboot host" false reboots_hosts_here "Starts the marked hosts, or the one under the cursor or of the VM there, again; their VMs end." |a| a.ask_power_here(PowerAction::Reboot), takes takes::REBOOT_HOST;
        "restart-libvirtd" "restart libvirtd" false restarts_libvirtd_here "Starts libvirtd again on the marked hosts, or on the one under the cursor or of the VM there; VMs run on." |a| a.ask_power_here(PowerAction::RestartLibvirtd), takes takes::RESTART_LIBVIRTD;
        "destroy" "destroy" true steers_vms "Stops and removes the marked VMs, or the one under the cursor." |a| a.ask_change(Change::Destroy), takes takes::DESTROY, also "rm" "delete";
        "shutdown" "shut down" false steers_vms "Asks the guests of the marked VMs, or of the one under the cursor, to end, and removes them when they have." |a| a.ask_change(Change::Shutdown), takes takes::SHUTDOWN, also "halt" "poweroff";
        "pause" "pause" true steers_vms "Stops the vCPUs of the marked VMs, or of the one under the cursor." |a| a.ask_change(Change::Pause), takes takes::PAUSE;
        "resume" "resume" true steers_vms "Lets the vCPUs of the marked VMs, or of the one under the cursor, go on." |a| a.ask_change(Change::Resume), takes takes::RESUME;
        "reboot" "reboot" true steers_vms "Restarts the guests of the marked VMs, or of the one under the cursor." |a| a.ask_change(Change::Reboot), takes takes::REBOOT;
        "stress" "stress" true steers_vms "Sets the load of the marked VMs, or of the one under the cursor." |a| a.ask_change(Change::Stress), takes takes::STRESS;
        "stop-stress" "stop stress" true steers_vms "Returns the marked VMs, or the one under the cursor, to the load of the world." |a| a.ask_change(Change::StopStress), takes takes::STOP_STRESS;
        "remedies" "what helps" true steers "Lists what helps against what is wrong with the marked VMs, the one under the cursor, or a host." App::open_remedies, also "cure";
        "adopt" "adopt" false steers_vms "Takes the marked VMs, or the one under the cursor, that others made under Hemera's care." |a| a.ask_change(Change::Adopt), takes takes::ADOPT;
        "remove-copy" "remove copy" false steers_vms "Removes second domains of the marked VMs, or of the one under the cursor, that lie on other hosts and do not run." |a| a.ask_change(Change::RemoveCopy);
        "boot-again" "boot again" false steers_vms "Boots the marked VMs, or the one under the cursor, again where they failed or went away." App::ask_boot_again;
        "run" "run a command" true steers_run "Runs a command in the guests of the marked VMs, or of the one under the cursor; where hosts have the focus, on these." |a| a.ask_run(None), takes takes::RUN, also "exec";
        "copy-in" "copy a file in" false steers_run "Copies a file to the guests of the marked VMs, or of the one under the cursor; where hosts have the focus, to these." |a| a.ask_copy(OpKind::CopyIn, &[]), takes takes::COPY_IN, also "put" "upload";
        "copy-out" "copy a file out" false steers_run "Copies a file from the guests of the marked VMs, or of the one under the cursor; where hosts have the focus, from these." |a| a.ask_copy(OpKind::CopyOut, &[]), takes takes::COPY_OUT, also "get" "download" "fetch";
    }
}
