//! The short work on one host: booting, destroying, shutting down, pausing, resuming, restarting.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;

use super::ffi;
use super::host::{Host, Leftover};
use super::ledger::Ticket;
use super::overlay;
use super::queue::lock;
use super::serial;
use super::smbios;
use super::stress;
use super::trouble::Trouble;
use super::xml::{self, Mark};
use crate::fleet::{Image, Ready, VmClass};
use crate::platform::{Change, End};

/// What a host's workers do.
#[derive(Debug)]
pub(super) enum Work {
    /// Bring a VM up.
    Boot {
        /// Its name.
        name: Arc<str>,
        /// Its class.
        class: Arc<VmClass>,
    },
    /// Change a VM.
    Change {
        /// Its name.
        name: Arc<str>,
        /// How.
        change: Change,
    },
    /// Ask a guest to end that was asked before.
    AskToEnd {
        /// Its VM's name.
        name: Arc<str>,
        /// Whether the VM is ours.
        ours: bool,
    },
    /// Remove what a VM that shut down has left.
    Clear {
        /// Its name.
        name: Arc<str>,
        /// Whether it is ours.
        ours: bool,
    },
    /// Remove what a start that was cut off may have left, or what a boot that is cancelled has started.
    Remove(Leftover),
}

impl Work {
    /// Does it and ends its task.
    pub(super) fn run(self, host: &Arc<Host>, ticket: Option<Ticket>) {
        match (self, ticket) {
            (Self::Boot { name, class }, Some(ticket)) => run_boot(host, &name, &class, ticket),
            (Self::Change { name, change }, Some(ticket)) => run_change(host, &name, change, ticket),
            (Self::Remove(leftover), None) => remove(host, leftover),
            (Self::Remove(leftover), Some(ticket)) => give_up(host, leftover, ticket),
            (Self::Clear { name, ours }, Some(ticket)) => clear(host, &name, ours, ticket),
            (Self::AskToEnd { name, ours }, Some(ticket)) => ask_to_end(host, &name, ours, ticket),
            (Self::Boot { .. } | Self::Change { .. } | Self::AskToEnd { .. } | Self::Clear { .. }, None) => {}
        }
    }
}

fn run_boot(host: &Arc<Host>, name: &Arc<str>, class: &VmClass, ticket: Ticket) {
    let end = match boot(host, name, class, &ticket) {
        Ok(Some(started)) if class.ready == Ready::Reachable => return host.await_guest(name, ticket, started),
        Ok(Some(_)) => End::Done,
        Ok(None) => End::Cancelled,
        Err(why) => End::Failed(why.into()),
    };
    let up = end == End::Done;
    if !up {
        host.addresses.gone(name, host.id);
    }
    ticket.end(end, |_| up, None);
}

/// Between attempts to remove a domain that something else holds; each takes libvirt's patience of half a minute.
const HELD: Duration = Duration::from_mins(1);

/// Brings a VM up: what was started, none where it was cancelled. On failure nothing is left, or is removed when the
/// host answers again.
fn boot(host: &Arc<Host>, name: &Arc<str>, class: &VmClass, ticket: &Ticket) -> Result<Option<Leftover>, String> {
    if class.image == Image::None {
        return Err(format!("class {} has no image: only the simulator boots nothing", class.name));
    }
    if ticket.signals.cancelled() {
        return Ok(None);
    }
    let guests = host.guests().map_err(|t| t.to_string())?;
    if let Some(why) = smbios::lacks(class, &guests.arch) {
        return Err(format!("{}: {why}", host.name));
    }
    ticket.signals.advance();
    let address = match (&class.network, host.access.subnet) {
        (Some(_), Some(subnet)) => match host.addresses.give(name, subnet, host.id) {
            None => return Err(format!("{}: all addresses of {subnet} are in use", host.name)),
            given => given,
        },
        _ => None,
    };
    host.tools.forget(name);
    let uuid = uuid();
    let overlay = match &class.image {
        Image::Disk(image) => Some(overlay::create(host, name, &uuid, image).map_err(|t| t.to_string())?),
        Image::Kernel { .. } | Image::None => None,
    };
    ticket.signals.advance();
    let leftover = Leftover { after: None, name: name.clone(), uuid, overlay };
    let log = serial::create(host, name, &leftover.uuid, Vec::new()).then(|| serial::path(name, &leftover.uuid));
    let overlay = leftover.overlay.as_deref();
    let definition = xml::domain(name, &leftover.uuid, class, &guests, overlay, log.as_deref(), address);
    let started =
        host.call(&format!("starting {name}"), move |connect| connect.create_domain_xml(&definition, 0).map(drop));
    ticket.signals.advance();
    match started {
        Ok(()) if ticket.signals.cancelled() => match take_away(host, &leftover) {
            Ok(()) => Ok(None),
            Err(trouble) => {
                host.leave_over(leftover);
                Err(format!("cancelled, but it runs until its host answers again: {trouble}"))
            }
        },
        Ok(()) => Ok(Some(leftover)),
        Err(trouble) => {
            let mut why = trouble.to_string();
            if trouble.in_doubt() {
                why += " (the connection was cut; if it started, it is removed when the host answers again)";
                host.leave_over(leftover);
            } else if take_away(host, &leftover).is_err() {
                host.leave_over(leftover);
            }
            Err(why)
        }
    }
}

/// Destroys the domain of a failed start, if there is one, its serial log and its overlay.
fn take_away(host: &Host, leftover: &Leftover) -> Result<(), Trouble> {
    let uuid = leftover.uuid.clone();
    let destroy = move |connect: &Connect| connect.lookup_domain_by_uuid_string(&uuid)?.destroy();
    match host.call("removing a VM that was not to stay", destroy) {
        Err(trouble) if !trouble.not_there() => return Err(trouble),
        _ => {}
    }
    serial::delete(host, &leftover.name, Some(&leftover.uuid));
    leftover.overlay.as_deref().map_or(Ok(()), |path| overlay::delete(host, path))
}

fn remove(host: &Arc<Host>, leftover: Leftover) {
    if let Err(trouble) = take_away(host, &leftover) {
        if trouble.held() {
            host.leave_over(Leftover { after: Some(Instant::now() + HELD), ..leftover });
        } else if trouble.answered() {
            tracing::warn!(%trouble, uuid = leftover.uuid, "what a failed start left stays");
        } else {
            host.leave_over(leftover);
        }
    }
}

/// Ends a boot that was cancelled while it waited for its guest, when its VM is gone.
fn give_up(host: &Arc<Host>, leftover: Leftover, ticket: Ticket) {
    match take_away(host, &leftover) {
        Ok(()) => ticket.end(End::Cancelled, |_| false, None),
        Err(trouble) if !trouble.answered() => {
            host.leave_over(leftover);
            let why = format!("cancelled, but it runs until its host answers again: {trouble}");
            ticket.end(End::Failed(why.into()), |_| false, None);
        }
        // Its host refused. It is a VM like others from now on, and not to vanish some time later.
        Err(trouble) => ticket.end(End::Failed(format!("cancelled, but it runs on: {trouble}").into()), |_| true, None),
    }
}

fn run_change(host: &Arc<Host>, name: &Arc<str>, change: Change, ticket: Ticket) {
    if ticket.signals.cancelled() {
        return ticket.end(End::Cancelled, |_| true, None);
    }
    // A call on the domain of that name.
    let on = |doing: &str, call: fn(&Domain) -> Result<(), Error>| {
        let wanted = name.to_owned();
        host.call(&format!("{doing} {name}"), move |connect| call(&connect.lookup_domain_by_name(&wanted)?))
    };
    let done = match change {
        Change::Destroy => destroy(host, name),
        Change::Shutdown => return shut_down(host, name, ticket),
        Change::Pause => on("pausing", Domain::suspend),
        Change::Resume => on("resuming", Domain::resume),
        Change::Reboot => match on("restarting", Domain::reset) {
            // Drivers without a reset line ask the guest.
            Err(trouble) if trouble.unsupported() => on("restarting", |domain| domain.reboot(0)),
            other => other,
        },
        Change::Adopt => adopt(host, name),
        Change::RemoveCopy => remove_copy(host, name),
        Change::Load(load) => {
            return match stress::stress(host, name, load) {
                Ok(taken) => {
                    host.tools.take(name, taken.map(|taken| taken.pid));
                    ticket.end(End::Done, |_| true, None);
                    stress::tell(host, name, load, taken);
                }
                Err(why) => {
                    // What it bears now nobody knows.
                    host.tools.forget(name);
                    ticket.fail(&why);
                }
            };
        }
    };
    let removes = matches!(change, Change::Destroy | Change::RemoveCopy);
    if done.is_ok() && removes {
        host.addresses.gone(name, host.id);
    }
    if done.is_ok() && change == Change::Adopt {
        lock(&host.inbox).marked.insert(name.to_string());
    }
    if done.is_ok() && change == Change::Reboot {
        host.tools.take(name, None);
        // Before the task ends: what is told of the VM then is to know it.
        let mut inbox = lock(&host.inbox);
        inbox.stirred = true;
        inbox.reset.insert(name.to_string());
        drop(inbox);
        host.stir.notify_one();
    }
    match done {
        Ok(()) => ticket.end(End::Done, |_| !removes, None),
        Err(trouble) => ticket.fail(&trouble.to_string()),
    }
}

/// Destroys a VM, its serial log and the overlay that its mark speaks of. One that is not there is as good as destroyed.
fn destroy(host: &Host, name: &str) -> Result<(), Trouble> {
    let wanted = name.to_owned();
    let destroy = move |connect: &Connect| {
        let domain = connect.lookup_domain_by_name(&wanted)?;
        let mark = mark(&domain);
        domain.destroy()?;
        Ok(mark)
    };
    let ours = match host.call(&format!("destroying {name}"), destroy) {
        // It may have ended by itself.
        Err(trouble) if trouble.not_there() => true,
        mark => mark?.is_some(),
    };
    if ours { leave_nothing(host, name) } else { Ok(()) }
}

/// Removes the serial log and the overlay of a VM that is gone.
fn leave_nothing(host: &Host, name: &str) -> Result<(), Trouble> {
    serial::delete(host, name, None);
    overlay::delete_all(host, name)
}

/// Asks a VM's guest to end, by its agent, or by its power button where there is no agent or it does not do it. Then the
/// task waits for the VM's end without a worker.
fn shut_down(host: &Arc<Host>, name: &Arc<str>, ticket: Ticket) {
    match ask(host, name) {
        Ok(ours) => host.await_end(name, ticket, ours),
        // It may have ended by itself.
        Err(trouble) if trouble.not_there() => clear(host, name, true, ticket),
        Err(trouble) => ticket.fail(&trouble.to_string()),
    }
}

/// The same once more. It may be ending just then, and whatever is said of that is no reason to give up.
fn ask_to_end(host: &Arc<Host>, name: &Arc<str>, ours: bool, ticket: Ticket) {
    match ask(host, name) {
        Err(trouble) if trouble.not_there() => clear(host, name, ours, ticket),
        _ => host.await_end(name, ticket, ours),
    }
}

/// Asks a VM's guest to end; says whether the VM is ours.
fn ask(host: &Host, name: &Arc<str>) -> Result<bool, Trouble> {
    const BY_ANY: u32 = virt_sys::VIR_DOMAIN_SHUTDOWN_GUEST_AGENT | virt_sys::VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN;
    let ask = |flags| {
        let wanted = name.to_owned();
        host.call(&format!("shutting down {name}"), move |connect| {
            let domain = connect.lookup_domain_by_name(&wanted)?;
            let ours = mark(&domain).is_some();
            domain.shutdown_flags(flags).map(|()| ours)
        })
    };
    match ask(BY_ANY) {
        // Drivers that have neither know a way of their own.
        Err(trouble) if trouble.unsupported() => ask(0),
        asked => asked,
    }
}

/// Ends the task of a VM that shut down, when nothing of it is left that is ours.
fn clear(host: &Host, name: &Arc<str>, ours: bool, ticket: Ticket) {
    host.addresses.gone(name, host.id);
    let cleared = if ours { leave_nothing(host, name) } else { Ok(()) };
    if let Err(trouble) = cleared {
        tracing::warn!(%trouble, "what a VM that shut down left stays");
    }
    ticket.end(End::Done, |_| false, None);
}

/// Puts Hemera's mark on a domain that others made: without an image, so that its disks are never taken for ours.
fn adopt(host: &Host, name: &str) -> Result<(), Trouble> {
    let wanted = name.to_owned();
    let adopt = move |connect: &Connect| {
        let domain = connect.lookup_domain_by_name(&wanted)?;
        if mark(&domain).is_some() {
            return Ok(());
        }
        let mut flags = virt_sys::VIR_DOMAIN_AFFECT_CURRENT;
        if domain.is_active()? && domain.is_persistent()? {
            flags = virt_sys::VIR_DOMAIN_AFFECT_LIVE | virt_sys::VIR_DOMAIN_AFFECT_CONFIG;
        }
        let (element, text) = (virt_sys::VIR_DOMAIN_METADATA_ELEMENT as i32, Mark::default().bare());
        domain.set_metadata(element, Some(&text), Some(xml::PREFIX), Some(xml::NAMESPACE), flags)
    };
    host.call(&format!("adopting {name}"), adopt)
}

/// Removes a domain of which another one of its name runs elsewhere, unless it executes instructions itself. Its disks are
/// left alone: the other may use the same ones.
fn remove_copy(host: &Host, name: &str) -> Result<(), Trouble> {
    let wanted = name.to_owned();
    let remove = move |connect: &Connect| {
        let domain = connect.lookup_domain_by_name(&wanted)?;
        let (state, _) = ffi::domain_state(&domain)?;
        if matches!(state, virt_sys::VIR_DOMAIN_RUNNING | virt_sys::VIR_DOMAIN_BLOCKED) {
            return Ok(false);
        }
        let persistent = domain.is_persistent()?;
        if domain.is_active()? {
            domain.destroy()?;
        }
        if persistent {
            domain.undefine()?;
        }
        Ok(true)
    };
    match host.call(&format!("removing the second {name}"), remove) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Trouble::Unfit { host: host.name.to_string(), why: format!("its {name} runs: it stays") }),
        Err(trouble) if trouble.not_there() => Ok(()),
        Err(trouble) => Err(trouble),
    }
}

/// The mark of a domain, where Hemera made it.
pub(super) fn mark(domain: &Domain) -> Option<Mark> {
    let element = virt_sys::VIR_DOMAIN_METADATA_ELEMENT as i32;
    domain.metadata(element, Some(xml::NAMESPACE), 0).ok().map(|m| Mark::read(&m))
}

/// A random UUID (version 4), by which a domain of ours is told from another of the same name.
pub(super) fn uuid() -> String {
    let random = || RandomState::new().hash_one(0_u64);
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_well_formed_and_differ() {
        let (a, b) = (uuid(), uuid());
        assert_ne!(a, b);
        let lengths: Vec<usize> = a.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(a.as_bytes()[14], b'4');
    }
}
