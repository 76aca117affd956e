//! What a guest's agent and the network say.

use std::time::Duration;

use super::console::no_lease;
use super::evidence::secs;
use super::{Evidence, LoadSeen};
use crate::fleet::{Diagnosis, Finding, VmState};

/// How long an agent that answered may be silent: it is started again within a second where its system cares.
const SILENT: Duration = Duration::from_secs(6);
/// How far a clock may be behind. A move or a pause leaves it behind by as long as the guest stood still; NTP steps
/// what is more than a few seconds.
const BEHIND_MS: u64 = 10_000;
/// How long a guest may be without an address: DHCP clients ask for some ten seconds before they give up.
const NO_ADDRESS: Duration = Duration::from_secs(15);
/// For how long the network must not have reached it: bridges learn, and moves are announced late.
const UNREACHED: Duration = Duration::from_secs(5);

/// The guest asked for an address and nobody answered: its DHCP client said so, or its agent tells that its card has
/// none.
///
/// The DHCP server is to be looked at; clients ask again by themselves.
pub(super) fn no_dhcp(evidence: &Evidence) -> Option<Diagnosis> {
    if !evidence.state.runs() && evidence.state != VmState::Starting {
        return None;
    }
    let said = evidence.serial.as_ref().and_then(|serial| no_lease(&serial.tail));
    // What an agent told last is no news while it says nothing.
    let told = evidence.no_address.filter(|_| evidence.silent.is_none());
    let without = told.map(|since| evidence.lasts(since)).filter(|span| *span >= NO_ADDRESS);
    let (text, seen) = match (said, without) {
        (Some(said), _) => (format!("no DHCP server answered it: {said}"), format!("console: {said}")),
        (None, Some(span)) => {
            let seen = format!("its agent tells of no address for {}", secs(span));
            (format!("it has no address for {}", secs(span)), seen)
        }
        (None, None) => return None,
    };
    Some(Diagnosis::new(Finding::NoDhcp, text, vec![seen.into()]))
}

/// The guest's agent answered once and does not any more, while the hypervisor says that the VM runs: the agent was
/// stopped, or the guest hangs. The same of the SSH server of a guest that is reached by it.
pub(super) fn agent_silent(evidence: &Evidence) -> Option<Diagnosis> {
    let silent = evidence.silent.filter(|_| evidence.state.runs() && !evidence.busy)?;
    let span = evidence.lasts(silent);
    if span < SILENT {
        return None;
    }
    let mut seen = vec![format!("it answered, and does not for {}", secs(span)).into()];
    if evidence.still.is_none() {
        seen.push("its QEMU runs".into());
    }
    Some(Diagnosis::new(Finding::AgentSilent, format!("its guest does not answer for {}", secs(span)), seen))
}

/// The guest's clock is far behind: it stood still too long, or its time does not pass.
///
/// What runs in it takes leases and certificates for valid that are not. A reboot reads the clock anew; NTP in the guest
/// mends it without.
pub(super) fn clock_stuck(evidence: &Evidence) -> Option<Diagnosis> {
    let behind = evidence.behind.filter(|behind| evidence.state.runs() && behind.unsigned_abs() > BEHIND_MS)?;
    let way = if behind > 0 { "behind" } else { "ahead" };
    let far = secs(Duration::from_millis(behind.unsigned_abs()));
    let seen = vec![format!("its agent told a time that is {far} {way}").into()];
    Some(Diagnosis::new(Finding::ClockStuck, format!("its clock is {far} {way}"), seen))
}

/// The guest's agent answers and the network does not reach it, though it reaches others: its card is down, its address
/// is another one, a firewall in it drops what comes.
pub(super) fn no_network(evidence: &Evidence) -> Option<Diagnosis> {
    let (address, since) = evidence.unreached?;
    let span = evidence.lasts(since);
    if span < UNREACHED || evidence.state != VmState::Reachable {
        return None;
    }
    let seen = vec![
        format!("nobody answers at {address} for {}", secs(span)).into(),
        "its agent answers".into(),
        "other VMs are reached the same way".into(),
    ];
    Some(Diagnosis::new(Finding::NoNetwork, format!("it is alive, and {address} does not answer"), seen))
}

/// The guest bears another load than was asked of it: its memory has no room for the working set, or the load tool in it is
/// gone, as where the kernel ended it for want of memory.
///
/// Whatever is measured with it from then on is not what was meant. Asking for less memory helps.
pub(super) fn load_off(evidence: &Evidence) -> Option<Diagnosis> {
    let seen = evidence.load.as_ref().filter(|_| evidence.state.runs())?;
    let (text, seen) = match seen {
        LoadSeen::Short { asked, taken } => {
            let text = format!("its working set is {taken}, not {asked}: its guest has no room for more");
            (text, vec![format!("the load tool in it was asked for {asked} and took {taken}").into()])
        }
        LoadSeen::Gone { why: None } => {
            ("it bears no load any more: the load tool in it is gone".into(), vec!["its process is not there".into()])
        }
        LoadSeen::Gone { why: Some(said) } => {
            let text = "it bears no load any more: its kernel ended the load tool for want of memory".into();
            (text, vec![format!("console: {said}").into(), "its process is not there".into()])
        }
        LoadSeen::Found(_) | LoadSeen::Dirties(..) | LoadSeen::Has(_) => return None,
    };
    Some(Diagnosis::new(Finding::LoadOff, text, seen))
}

/// Two VMs have one address, and each takes what is for the other.
pub(super) fn address_twice(evidence: &Evidence) -> Option<Diagnosis> {
    let (address, other) = evidence.twin.as_ref().filter(|_| evidence.state.holds_memory())?;
    let seen = vec![format!("{address} is an address of {other} as well").into()];
    Some(Diagnosis::new(Finding::AddressTwice, format!("{other} has its address {address}, too"), seen))
}
