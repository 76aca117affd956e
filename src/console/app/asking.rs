//! What an action is about, and the question before it is done.

use super::App;
use crate::console::dialog::{Change, Dialog, There};
use crate::console::format::count;
use crate::console::keymap::Context;
use crate::console::layout::Panel;
use crate::console::page::Around;
use crate::fleet::{HostId, PowerAction, Remedy, VmId};
use crate::handle::OpKind;

impl App {
    /// The VMs that an action is about: the marked ones, or the one under the cursor.
    pub(crate) fn meant(&self) -> Vec<VmId> {
        let fleet = &self.snapshot.fleet;
        let around = Around { snapshot: &self.snapshot, heat: &self.heat };
        match self.pages.seen(self.nav.page()) {
            // Who looks at one VM closely means that one, whatever is marked elsewhere.
            Some(view) if self.vms.marks.is_empty() || self.nav.page().vm().is_some() => {
                view.vms(&around).into_iter().filter(|&vm| fleet.vms.exists(vm)).collect()
            }
            _ => self.vms.meant(fleet),
        }
    }

    /// Whether an action would be about any VM.
    pub(crate) fn means_vms(&self) -> bool {
        let around = Around { snapshot: &self.snapshot, heat: &self.heat };
        match self.pages.seen(self.nav.page()) {
            Some(view) if self.vms.marks.is_empty() || self.nav.page().vm().is_some() => view.has_vms(&around),
            Some(_) => true,
            None => !self.vms.marks.is_empty() || self.vms.cursor.is_some(),
        }
    }

    pub(super) fn hidden_marks(&self) -> usize {
        if self.vms.marks.is_empty() || self.pages.seen(self.nav.page()).is_some() {
            0
        } else {
            self.vms.hidden_marks()
        }
    }

    /// How many of the marked VMs that are meant a page does not show, in words. Marks are meant wherever one is, but
    /// nobody is to forget those that are not on screen.
    pub(crate) fn marked_elsewhere(&self) -> Option<String> {
        let view = self.pages.seen(self.nav.page())?;
        if self.vms.marks.is_empty() || self.nav.page().vm().is_some() {
            return None;
        }
        let shown = view.shown_vms().unwrap_or_default().iter().copied().collect();
        let many = self.vms.marks.outside(&shown);
        let are = if many == 1 { "is" } else { "are" };
        (many > 0).then(|| {
            format!(
                "{} of them {are} marked elsewhere: this page does not show {}.",
                count(many),
                if many == 1 { "it" } else { "them" }
            )
        })
    }

    /// Asks before changing the VMs that are meant.
    pub(crate) fn ask_change(&mut self, change: Change) {
        let typed_above = self.look.settings.confirm_above();
        let mut dialog = Dialog::change(&self.snapshot.fleet, self.meant(), change, self.hidden_marks(), typed_above);
        dialog.facts.extend(self.marked_elsewhere());
        self.open_dialog(dialog);
    }

    /// Asks before booting the VMs that are meant again.
    pub(crate) fn ask_boot_again(&mut self) {
        self.open_dialog(Dialog::mend(&self.snapshot.fleet, Remedy::BootAgain, self.meant().into()));
    }

    /// Asks before moving the VMs that are meant.
    pub(crate) fn ask_migrate(&mut self) {
        let mut dialog = Dialog::migrate(&self.snapshot.fleet, self.meant(), self.hidden_marks());
        dialog.facts.extend(self.marked_elsewhere());
        self.open_dialog(dialog);
    }

    /// The host that is meant: the page's, the heatmap's, or that of the VM under the cursor. Where no host is under the
    /// cursor, none is meant: not one that has a cursor elsewhere.
    pub(crate) fn meant_host(&self) -> Option<HostId> {
        let around = Around { snapshot: &self.snapshot, heat: &self.heat };
        if let Some(view) = self.pages.seen(self.nav.page()) {
            return view.host(&around);
        }
        match self.focus {
            Panel::Vms => self.vms.cursor.and_then(|vm| self.snapshot.fleet.vms.row(vm).host),
            Panel::Hosts => self.pointed(),
            Panel::Sites | Panel::Operations => None,
        }
    }

    /// Asks before emptying the hosts that are meant.
    pub(crate) fn ask_evacuate(&mut self) {
        let hosts = self.meant_hosts();
        self.open_dialog(Dialog::evacuate(&self.snapshot.fleet, &hosts));
    }

    /// Asks before something is done to these hosts from outside.
    pub(crate) fn ask_power(&mut self, hosts: &[HostId], action: PowerAction) {
        let typed_above = self.look.settings.confirm_above();
        self.open_dialog(Dialog::power(&self.snapshot.fleet, hosts, action, typed_above));
    }

    /// The same for the hosts that are meant.
    pub(crate) fn ask_power_here(&mut self, action: PowerAction) {
        let hosts = self.meant_hosts();
        self.ask_power(&hosts, action);
    }

    /// Whether a command would run on hosts themselves: where they have the focus, and not their VMs.
    pub(crate) fn runs_on_hosts(&self) -> bool {
        match self.context() {
            Context::Hosts | Context::Host => true,
            Context::Tasks | Context::Output => self.task().is_some_and(|task| task.subject.vm().is_none()),
            _ => false,
        }
    }

    /// Asks for a command, or whether to run this one, in the guests or on the hosts that are meant.
    pub(crate) fn ask_run(&mut self, command: Option<&str>) {
        let on_hosts = self.runs_on_hosts().then(|| self.meant_hosts());
        let last = self.habits.last_command.clone();
        let said = command.map_or((&*last, true), |command| (command, false));
        let mut dialog = match on_hosts {
            Some(hosts) => Dialog::run_on(&self.snapshot.fleet, &hosts, said),
            None => Dialog::run_in(&self.snapshot.fleet, self.meant(), self.hidden_marks(), said),
        };
        if !self.runs_on_hosts() {
            dialog.facts.extend(self.marked_elsewhere());
        }
        self.open_dialog(dialog);
    }

    /// Asks which file to copy to the VMs or hosts that are meant, or from them; what is said already is filled in.
    pub(crate) fn ask_copy(&mut self, way: OpKind, said: &[(usize, String)]) {
        let on_hosts = self.runs_on_hosts().then(|| self.meant_hosts());
        let there = match &on_hosts {
            Some(hosts) => There::Hosts(hosts),
            None => There::Vms(self.meant(), self.hidden_marks()),
        };
        let fleet = &self.snapshot.fleet;
        let mut dialog =
            if way == OpKind::CopyIn { Dialog::copy_in(fleet, there) } else { Dialog::copy_out(fleet, there) };
        if on_hosts.is_none() {
            dialog.facts.extend(self.marked_elsewhere());
        }
        dialog.fill(said);
        self.open_dialog(dialog);
    }

    /// Opens the dialog of a boot, filled in.
    pub(crate) fn ask_boot(&mut self, fields: &[(usize, String)]) {
        let mut dialog = Dialog::boot(&self.snapshot);
        dialog.fill(fields);
        self.open_dialog(dialog);
    }

    /// Opens the dialog of the limits, filled in.
    pub(crate) fn ask_limits(&mut self, fields: &[(usize, String)]) {
        let mut dialog = Dialog::limits(self.snapshot.limits);
        dialog.fill(fields);
        self.open_dialog(dialog);
    }

    /// Opens the dialog that empties hosts, filled in.
    pub(crate) fn ask_evacuate_hosts(&mut self, fields: &[(usize, String)]) {
        let mut dialog = Dialog::evacuate(&self.snapshot.fleet, &[]);
        dialog.fill(fields);
        self.open_dialog(dialog);
    }
}
