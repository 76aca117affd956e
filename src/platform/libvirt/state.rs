//! What libvirt's states, reasons and events mean in our words.

use virt_sys as sys;

use crate::fleet::VmState;

/// Our word for a domain's state, and why it is in it where that says more than the state does.
pub(super) fn vm_state(state: u32, reason: u32) -> (VmState, Option<&'static str>) {
    match state {
        sys::VIR_DOMAIN_RUNNING | sys::VIR_DOMAIN_BLOCKED => (VmState::Up, None),
        sys::VIR_DOMAIN_PAUSED => paused(reason),
        sys::VIR_DOMAIN_SHUTDOWN => (VmState::Stopping, None),
        sys::VIR_DOMAIN_SHUTOFF => match reason {
            sys::VIR_DOMAIN_SHUTOFF_CRASHED => (VmState::Failed, Some("it crashed")),
            sys::VIR_DOMAIN_SHUTOFF_FAILED => (VmState::Failed, Some("its hypervisor could not start it")),
            sys::VIR_DOMAIN_SHUTOFF_DAEMON => (VmState::Off, Some("libvirt stopped it when it started")),
            sys::VIR_DOMAIN_SHUTOFF_SAVED => (VmState::Off, Some("its memory is saved on disk")),
            _ => (VmState::Off, None),
        },
        sys::VIR_DOMAIN_CRASHED => (VmState::Failed, Some("its guest's kernel panicked")),
        sys::VIR_DOMAIN_PMSUSPENDED => (VmState::Paused, Some("its guest suspended itself")),
        _ => (VmState::Failed, Some("libvirt does not know its state")),
    }
}

/// Why a VM failed that libvirt was killed over while it started it.
pub(super) const ABANDONED: &str = "its libvirtd was killed while it started, and lets nobody destroy what is not there: \
                                    stop libvirtd, remove /run/libvirt/qemu/NAME.xml, start libvirtd";

fn paused(reason: u32) -> (VmState, Option<&'static str>) {
    match reason {
        sys::VIR_DOMAIN_PAUSED_MIGRATION | sys::VIR_DOMAIN_PAUSED_POSTCOPY => (VmState::Migrating, None),
        sys::VIR_DOMAIN_PAUSED_POSTCOPY_FAILED => (VmState::Paused, Some("its post-copy migration broke off")),
        sys::VIR_DOMAIN_PAUSED_SAVE => (VmState::Saving, None),
        sys::VIR_DOMAIN_PAUSED_STARTING_UP => (VmState::Starting, None),
        sys::VIR_DOMAIN_PAUSED_SHUTTING_DOWN => (VmState::Stopping, None),
        sys::VIR_DOMAIN_PAUSED_CRASHED => (VmState::Failed, Some("its guest crashed")),
        sys::VIR_DOMAIN_PAUSED_IOERROR => (VmState::Paused, Some("a disk error stopped it")),
        sys::VIR_DOMAIN_PAUSED_WATCHDOG => (VmState::Paused, Some("its watchdog stopped it")),
        sys::VIR_DOMAIN_PAUSED_DUMP => (VmState::Paused, Some("its memory is being dumped")),
        sys::VIR_DOMAIN_PAUSED_SNAPSHOT | sys::VIR_DOMAIN_PAUSED_FROM_SNAPSHOT => {
            (VmState::Paused, Some("a snapshot stopped it"))
        }
        sys::VIR_DOMAIN_PAUSED_API_ERROR => (VmState::Paused, Some("a failed libvirt call left it stopped")),
        _ => (VmState::Paused, None),
    }
}

/// A domain's state and the reason for it in the words of `virsh domstate --reason`.
pub(super) fn words(state: u32, reason: u32) -> (&'static str, &'static str) {
    const RUNNING: &[&str] = &[
        "booted",
        "migrated",
        "restored",
        "from snapshot",
        "unpaused",
        "migration canceled",
        "save canceled",
        "event wakeup",
        "crashed",
        "post-copy",
        "post-copy failed",
    ];
    const PAUSED: &[&str] = &[
        "user",
        "migrating",
        "saving",
        "dumping",
        "I/O error",
        "watchdog",
        "from snapshot",
        "shutting down",
        "creating snapshot",
        "crashed",
        "starting up",
        "post-copy",
        "post-copy failed",
        "api error",
    ];
    const OFF: &[&str] =
        &["shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from snapshot", "daemon"];
    let (word, reasons): (_, &[&str]) = match state {
        sys::VIR_DOMAIN_RUNNING => ("running", RUNNING),
        sys::VIR_DOMAIN_BLOCKED => ("idle", &[]),
        sys::VIR_DOMAIN_PAUSED => ("paused", PAUSED),
        sys::VIR_DOMAIN_SHUTDOWN => ("in shutdown", &["user"]),
        sys::VIR_DOMAIN_SHUTOFF => ("shut off", OFF),
        sys::VIR_DOMAIN_CRASHED => ("crashed", &["panicked"]),
        sys::VIR_DOMAIN_PMSUSPENDED => ("pmsuspended", &[]),
        _ => ("no state", &[]),
    };
    // 0 stands for an unknown reason everywhere.
    let reason = (reason as usize).checked_sub(1).and_then(|at| reasons.get(at));
    (word, reason.copied().unwrap_or("unknown"))
}

/// Whether a disk error stopped a domain.
pub(super) const fn disk_error(state: u32, reason: u32) -> bool {
    state == sys::VIR_DOMAIN_PAUSED && reason == sys::VIR_DOMAIN_PAUSED_IOERROR
}

/// Whether a domain in this state executes instructions or could at once: it has a hypervisor process of its own.
pub(super) fn runs(state: VmState) -> bool {
    matches!(state, VmState::Up | VmState::Paused)
}

/// Why a domain is no longer there, from a lifecycle event; none for an event that takes nothing away.
pub(super) fn gone(event: u32, detail: u32) -> Option<&'static str> {
    match event {
        sys::VIR_DOMAIN_EVENT_STOPPED => Some(match detail {
            sys::VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN => "its guest shut down",
            sys::VIR_DOMAIN_EVENT_STOPPED_DESTROYED => "somebody destroyed it",
            sys::VIR_DOMAIN_EVENT_STOPPED_CRASHED => "it crashed",
            sys::VIR_DOMAIN_EVENT_STOPPED_MIGRATED => "somebody moved it to another host",
            sys::VIR_DOMAIN_EVENT_STOPPED_SAVED => "somebody saved it to disk",
            sys::VIR_DOMAIN_EVENT_STOPPED_FAILED => "its hypervisor failed",
            _ => "it stopped",
        }),
        sys::VIR_DOMAIN_EVENT_UNDEFINED => Some("somebody removed its definition"),
        sys::VIR_DOMAIN_EVENT_CRASHED => Some("its guest's kernel panicked"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_domain_says_whether_it_broke() {
        assert_eq!(vm_state(sys::VIR_DOMAIN_RUNNING, 1), (VmState::Up, None));
        assert_eq!(vm_state(sys::VIR_DOMAIN_PAUSED, sys::VIR_DOMAIN_PAUSED_USER), (VmState::Paused, None));
        assert_eq!(vm_state(sys::VIR_DOMAIN_SHUTOFF, sys::VIR_DOMAIN_SHUTOFF_DESTROYED), (VmState::Off, None));
        let (state, why) = vm_state(sys::VIR_DOMAIN_SHUTOFF, sys::VIR_DOMAIN_SHUTOFF_CRASHED);
        assert_eq!((state, why), (VmState::Failed, Some("it crashed")));
        let (state, why) = vm_state(sys::VIR_DOMAIN_PAUSED, sys::VIR_DOMAIN_PAUSED_IOERROR);
        assert_eq!((state, why), (VmState::Paused, Some("a disk error stopped it")));
        assert_eq!(vm_state(99, 0).0, VmState::Failed);
    }

    #[test]
    fn only_an_event_that_ends_a_domain_gives_a_reason_for_its_absence() {
        let destroyed = sys::VIR_DOMAIN_EVENT_STOPPED_DESTROYED;
        assert_eq!(gone(sys::VIR_DOMAIN_EVENT_STOPPED, destroyed), Some("somebody destroyed it"));
        assert_eq!(gone(sys::VIR_DOMAIN_EVENT_SUSPENDED, 0), None);
    }
}
