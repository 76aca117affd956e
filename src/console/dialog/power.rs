//! The question before something is done to hosts from outside.

use super::{Act, Dialog, Field};
use crate::console::format::counted;
use crate::console::hosts_marked::{name_hosts, these_hosts};
use crate::fleet::{Fleet, HostId, PowerAction};

impl Dialog {
    /// This, done to these hosts. Where more than `typed_above` VMs end with it, their count is to be typed.
    pub(crate) fn power(fleet: &Fleet, hosts: &[HostId], action: PowerAction, typed_above: usize) -> Self {
        let topology = &fleet.topology;
        let verb = match action {
            PowerAction::On => "Power on",
            PowerAction::Off => "Power off",
            PowerAction::Reboot => "Reboot",
            PowerAction::RestartLibvirtd => "Restart libvirtd on",
        };
        let selected = these_hosts(topology, hosts);
        let vms: usize = hosts.iter().map(|&host| fleet.hosts.row(host).vms as usize).sum();
        let typed = (action.ends_vms() && vms > typed_above).then_some(vms);
        let fields = typed.map(|_| Field::text("count", "", "type how many VMs end to confirm"));
        let title = format!("{verb} {}?", name_hosts(topology, hosts));
        let mut dialog = Self::new(Act::Power(selected, action), title, verb, fields.into_iter().collect());
        dialog.facts.push(match (action, vms) {
            (PowerAction::RestartLibvirtd, _) => "Their VMs run on; moves to and from there fail.".into(),
            (PowerAction::On, _) => "It does nothing to hosts that are on.".into(),
            (_, 0) => "No VM is known to run there.".into(),
            (_, vms) => format!("{} there end with it: what they have in memory is lost.", counted(vms, "VM")),
        });
        dialog.danger = action != PowerAction::On;
        dialog.typed = typed;
        dialog
    }
}
