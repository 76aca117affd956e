//! What is done to hosts from outside, by their names.

use super::{Takes, hosts};
use crate::console::action::when::{reboots_hosts, restarts_libvirtd, switches_off, switches_on};
use crate::console::app::App;
use crate::console::prompt::Wrong;
use crate::console::prompt::complete::{host_names, last_word};
use crate::fleet::{PowerAction, Selection};

use super::changing::either;

/// Asks before it is done to the hosts of that text.
fn ask(app: &mut App, text: &str, action: PowerAction) -> Result<(), Wrong> {
    let found = Selection::hosts(&either(text))?.select_hosts(&app.snapshot.fleet);
    if found.is_empty() {
        return Err(Wrong::new(0, "no host is meant".to_owned()));
    }
    app.ask_power(&found, action);
    Ok(())
}

const fn switches() -> Takes {
    Takes {
        usage: "HOST...",
        needed: false,
        preview: None,
        when: switches_on,
        complete: |app, text| {
            if text.contains([':', '=', '(']) { hosts(app, text) } else { last_word(text, host_names(app)) }
        },
        check: |_, text| Selection::hosts(&either(text)).map(drop).map_err(Wrong::from),
        run: |app, text| ask(app, text, PowerAction::On),
    }
}

pub(in crate::console::action) static POWER_ON: Takes = switches();
pub(in crate::console::action) static POWER_OFF: Takes =
    Takes { when: switches_off, run: |app, text| ask(app, text, PowerAction::Off), ..switches() };
pub(in crate::console::action) static REBOOT_HOST: Takes =
    Takes { when: reboots_hosts, run: |app, text| ask(app, text, PowerAction::Reboot), ..switches() };
pub(in crate::console::action) static RESTART_LIBVIRTD: Takes =
    Takes { when: restarts_libvirtd, run: |app, text| ask(app, text, PowerAction::RestartLibvirtd), ..switches() };
