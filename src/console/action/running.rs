//! Other programs.

use super::Action;
use super::when::can_shell;
use crate::console::app::App;
use crate::console::run::{has_login_host, has_login_vm};

actions! {
    "Other programs" {
        "shell" "shell" true can_shell "Opens a shell; its end leads back to the console." App::open_shell;
        "ssh-host" "log in to host" true has_login_host "Logs in to the host under the cursor, or to that of the VM." App::log_in_to_host;
        "ssh-vm" "log in to VM" true has_login_vm "Logs in to the VM under the cursor." App::log_in_to_vm;
    }
}
