//! What a host shows.

use super::{Contact, HostEvidence};
use crate::fleet::{Bytes, Diagnosis, Finding};

/// A disk with less room is as good as full: guests' next writes may fail.
const NO_ROOM: Bytes = Bytes::mib(16);
/// So is one with less than this share of its size, in percent, up to a gibibyte.
const SHARE: u64 = 2;

/// What is wrong with a host by all that is known of it; none where nothing is.
pub fn diagnose_host(evidence: &HostEvidence) -> Option<Diagnosis> {
    libvirtd_hung(evidence).or_else(|| silent(evidence)).or_else(|| disk_full(evidence))
}

/// The machine is there and its libvirtd is not: it hangs, or nobody started it again. VMs run on without it.
///
/// Restarting it stops no VM: it finds the running ones again.
fn libvirtd_hung(evidence: &HostEvidence) -> Option<Diagnosis> {
    let why = evidence.silent.as_ref()?;
    let (what, seen) = match evidence.contact? {
        Contact::Open => ("libvirtd hangs", "its port is open, and nobody answers there"),
        Contact::Refused => ("libvirtd does not run", "the machine answers that nobody listens on its port"),
        Contact::Nothing => return None,
    };
    let name = &evidence.name;
    let text = format!("{what}; VMs run on. On {name}: systemctl restart libvirtd");
    Some(Diagnosis::new(Finding::LibvirtdHung, text, vec![format!("libvirt: {why}").into(), seen.into()]))
}

/// Neither the hypervisor nor the machine says anything: it is off, it crashed, or its network is cut.
fn silent(evidence: &HostEvidence) -> Option<Diagnosis> {
    let why = evidence.silent.as_ref()?;
    let mut seen = vec![format!("libvirt: {why}").into()];
    if evidence.contact == Some(Contact::Nothing) {
        seen.push("its machine says nothing either".into());
    }
    Some(Diagnosis::new(Finding::HostSilent, why.clone(), seen))
}

/// A disk on which guests write has no room left.
fn disk_full(evidence: &HostEvidence) -> Option<Diagnosis> {
    let (path, free, total) = evidence.disk.as_ref()?;
    let least = Bytes((total.0 / 100 * SHARE).clamp(NO_ROOM.0.min(total.0 / 10), 1 << 30));
    if *free >= least {
        return None;
    }
    let text = format!("{path} is full: {free} of {total} free; guests whose disks grow are stopped");
    let seen = vec![format!("{path}: {free} of {total} free").into()];
    Some(Diagnosis::new(Finding::DiskFull, text, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_port_or_a_refusal_tells_a_hung_libvirtd_from_a_dead_machine() {
        let of = |contact| {
            let silent = Some("no answer for 8 s".into());
            let found = HostEvidence { name: "h1".into(), silent, contact, disk: None };
            diagnose_host(&found).expect("a finding").finding
        };
        assert_eq!(of(Some(Contact::Open)), Finding::LibvirtdHung);
        assert_eq!(of(Some(Contact::Refused)), Finding::LibvirtdHung);
        assert_eq!(of(Some(Contact::Nothing)), Finding::HostSilent);
        assert_eq!(of(None), Finding::HostSilent);
        assert_eq!(diagnose_host(&HostEvidence::default()), None);
    }

    #[test]
    fn a_disk_is_full_before_the_last_byte_is_written() {
        let of = |free: u64, total: u64| {
            let disk = Some(("/var/lib/libvirt/images".into(), Bytes::mib(free), Bytes::mib(total)));
            diagnose_host(&HostEvidence { disk, ..HostEvidence::default() }).is_some()
        };
        assert!(of(0, 20) && of(1, 20) && of(10, 500) && of(500, 1 << 20));
        assert!(!of(5, 20) && !of(30, 500) && !of(2000, 1 << 20));
    }
}
