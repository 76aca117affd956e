//! A shell, and logging in to hosts and VMs.

use super::{App, Errand, fill};
use crate::console::action::Reason;
use crate::console::settings::Key;

/// A shell where the console was started.
const SHELL: &str = "exec \"${SHELL:-sh}\"";

/// On simulated hosts and VMs nobody can log in.
fn real(app: &App) -> Result<(), Reason> {
    if app.snapshot.about.is_simulated() { Err("simulated: there is nothing to log in to") } else { Ok(()) }
}

/// Whether the command of a setting can be filled, or why not.
fn possible(app: &App, key: Key) -> Result<(), Reason> {
    app.look.settings.template(key).map_or(Err("the settings have no command for it"), |t| fill::possible(app, &t))
}

/// Whether one can log in to the host under the cursor, or why not.
pub(crate) fn has_login_host(app: &App) -> Result<(), Reason> {
    real(app)?;
    possible(app, Key::SshHost)
}

/// Whether one can log in to the VM under the cursor, or why not.
pub(crate) fn has_login_vm(app: &App) -> Result<(), Reason> {
    real(app)?;
    let Some(vm) = fill::vm(app) else { return Err("there is no VM here") };
    if !app.snapshot.fleet.vms.state(vm).runs() {
        return Err("the VM does not run");
    }
    possible(app, Key::SshVm)
}

impl App {
    /// Logs in to the host under the cursor.
    pub(crate) fn log_in_to_host(&mut self) {
        self.log_in("the login on the host", Key::SshHost);
    }

    /// Logs in to the VM under the cursor.
    pub(crate) fn log_in_to_vm(&mut self) {
        self.log_in("the login on the VM", Key::SshVm);
    }

    /// Opens a shell.
    pub(crate) fn open_shell(&mut self) {
        self.in_front("the shell", SHELL.into());
    }

    fn log_in(&mut self, name: &str, key: Key) {
        if let Some(template) = self.look.settings.template(key) {
            let command = fill::fill(self, &template);
            self.in_front(name, command);
        }
    }

    fn in_front(&mut self, name: &str, command: String) {
        self.start_errand(Errand { name: name.into(), command, wait: false, background: false });
    }
}
