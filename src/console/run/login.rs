//! A shell, and logging in to hosts and VMs.

use super::{App, Errand, fill};
use crate::console::action::Reason;
use crate::console::template::Template;

/// A shell where the console was started.
const SHELL: &str = "exec \"${SHELL:-sh}\"";

/// On simulated hosts and VMs nobody can log in.
fn real(app: &App) -> Result<(), Reason> {
    if app.snapshot.about.is_simulated() { Err("simulated: there is nothing to log in to") } else { Ok(()) }
}

/// Whether one can log in to the host under the cursor, or why not.
pub(crate) fn has_login_host(app: &App) -> Result<(), Reason> {
    real(app)?;
    fill::possible(app, &app.own.commands.ssh_host)
}

/// Whether one can log in to the VM under the cursor, or why not.
pub(crate) fn has_login_vm(app: &App) -> Result<(), Reason> {
    real(app)?;
    let Some(vm) = fill::vm(app) else { return Err("there is no VM here") };
    if !app.snapshot.fleet.vms.state(vm).runs() {
        return Err("the VM does not run");
    }
    fill::possible(app, &app.own.commands.ssh_vm)
}

impl App {
    /// Logs in to the host under the cursor.
    pub(crate) fn log_in_to_host(&mut self) {
        let template = self.own.commands.ssh_host.clone();
        self.log_in("the login on the host", &template);
    }

    /// Logs in to the VM under the cursor.
    pub(crate) fn log_in_to_vm(&mut self) {
        let template = self.own.commands.ssh_vm.clone();
        self.log_in("the login on the VM", &template);
    }

    /// Opens a shell.
    pub(crate) fn open_shell(&mut self) {
        self.in_front("the shell", SHELL.into());
    }

    fn log_in(&mut self, name: &str, template: &Template) {
        let command = fill::fill(self, template);
        self.in_front(name, command);
    }

    fn in_front(&mut self, name: &str, command: String) {
        self.start_errand(Errand { name: name.into(), command, wait: false, background: false });
    }
}
