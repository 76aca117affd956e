//! Findings: what is wrong with a VM or a host, concluded from what can be seen of it, and what helps.
//!
//! A rule is a pure function from [`Evidence`] to a [`Diagnosis`], or none. It sees what the hypervisor, the serial
//! console, the guest agent and the network show, never how that was got and never what brought it about. The rules are
//! asked in order, the most telling first: a guest whose kernel panicked is silent as well, and its silence is no
//! finding of its own.

mod console;
mod evidence;
mod guest;
mod host;
mod hypervisor;

pub use console::killed;
pub use evidence::{Contact, Copy, Evidence, HostEvidence, HostSign, LoadSeen, Serial, Sign, TAIL, Teller};
pub use host::diagnose_host;

use std::time::Duration;

use crate::fleet::Diagnosis;

/// After so long evidence is worth another look though nothing new was seen: some rules wait for time to pass.
pub const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// After so long without anything new no rule waits for time to pass any more.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A rule.
type Rule = fn(&Evidence) -> Option<Diagnosis>;

/// The rules about VMs, the most telling first.
const RULES: [Rule; 15] = [
    hypervisor::gone,
    hypervisor::disk_full,
    hypervisor::io_error,
    console::panic,
    hypervisor::stopped,
    console::emergency,
    console::no_output,
    hypervisor::left_on_source,
    guest::address_twice,
    guest::no_dhcp,
    guest::agent_silent,
    guest::clock_stuck,
    guest::no_network,
    guest::load_off,
    hypervisor::paused_outside,
];

/// What is wrong with a VM by all that is known of it; none where nothing is.
pub fn diagnose(evidence: &Evidence) -> Option<Diagnosis> {
    RULES.iter().find_map(|rule| rule(evidence))
}

#[cfg(test)]
mod tests;
