//! What the hypervisor shows.

use std::time::Duration;

use super::Evidence;
use super::evidence::secs;
use crate::fleet::{Diagnosis, Finding, VmState};

/// For how long a QEMU that runs must have used no CPU time at all. Its main loop and an idle guest's timers take a
/// hundredth of a second, the finest that is counted, every few seconds.
const STILL: Duration = Duration::from_secs(8);

/// The VM's QEMU went away: it was killed, it broke off, the guest shut down, somebody destroyed it.
///
/// Nothing is left on its host. It can be booted again as it was booted first.
pub(super) fn gone(evidence: &Evidence) -> Option<Diagnosis> {
    let why = evidence.gone.as_ref().filter(|_| evidence.state == VmState::Failed)?;
    let ago = secs(evidence.lasts(evidence.since));
    let seen = vec![format!("libvirt: {why}").into(), format!("no task of ours took it away, {ago} ago").into()];
    Some(Diagnosis::new(Finding::QemuGone, format!("it is gone from {} for {ago}: {why}", evidence.host), seen))
}

/// QEMU is there and does nothing: it was stopped by a signal, or its disk or network file system hangs.
pub(super) fn stopped(evidence: &Evidence) -> Option<Diagnosis> {
    let still = evidence.still.filter(|_| evidence.state.runs() || evidence.state == VmState::Starting)?;
    let span = evidence.lasts(still);
    if span < STILL {
        return None;
    }
    let mut seen = vec![format!("the hypervisor says that it runs; its QEMU does nothing for {}", secs(span)).into()];
    if let Some(silent) = evidence.silent {
        seen.push(format!("its agent does not answer for {}", secs(evidence.lasts(silent))).into());
    }
    Some(Diagnosis::new(Finding::QemuStopped, format!("its QEMU does nothing for {}", secs(span)), seen))
}

/// A write to its disk failed as the disk that it lies on is full; the hypervisor stopped it before it lost anything.
///
/// When there is room again it goes on where it stopped.
pub(super) fn disk_full(evidence: &Evidence) -> Option<Diagnosis> {
    let (disk, _) = evidence.disk.as_ref().filter(|(_, full)| *full && evidence.state == VmState::Paused)?;
    let text =
        format!("the disk of {} that {disk} lies on is full; it stands still until there is room", evidence.host);
    Some(Diagnosis::new(Finding::DiskFull, text, io_evidence(evidence, disk, "no space left")))
}

/// Its disk had an error, and the hypervisor stopped it before it lost anything.
pub(super) fn io_error(evidence: &Evidence) -> Option<Diagnosis> {
    let (disk, _) = evidence.disk.as_ref().filter(|(_, full)| !full && evidence.state == VmState::Paused)?;
    let text = format!("an error of {disk} stopped it");
    Some(Diagnosis::new(Finding::IoError, text, io_evidence(evidence, disk, "input/output error")))
}

fn io_evidence(evidence: &Evidence, disk: &str, what: &str) -> Vec<std::sync::Arc<str>> {
    let span = secs(evidence.lasts(evidence.since));
    vec![format!("libvirt: paused by an I/O error for {span}").into(), format!("{disk}: {what}").into()]
}

/// A second domain of its name lies on another host: a move was done and its source not cleaned up, or somebody defined
/// it twice. Were both let run, they would write to one disk and have one address.
///
/// The copy can be removed where it does not run.
pub(super) fn left_on_source(evidence: &Evidence) -> Option<Diagnosis> {
    let copy = evidence.copy.as_ref()?;
    let how = if copy.moved { "its move is done and left it on its source" } else { "it is there twice" };
    let text = format!("{how}: {} on {}, {} on {}", evidence.state.word(), evidence.host, copy.state.word(), copy.host);
    let seen = vec![
        format!("{} lists it: {}", evidence.host, evidence.state.word()).into(),
        format!("{} lists it, too: {}", copy.host, copy.state.word()).into(),
    ];
    Some(Diagnosis::new(Finding::LeftOnSource, text, seen))
}

/// It is paused, and no task of ours paused it.
pub(super) fn paused_outside(evidence: &Evidence) -> Option<Diagnosis> {
    if evidence.state != VmState::Paused || evidence.paused_here || evidence.busy {
        return None;
    }
    let why = evidence.reason.as_deref().unwrap_or("paused by a request");
    let span = secs(evidence.lasts(evidence.since));
    let seen = vec![format!("libvirt: {why}").into(), format!("no task of ours paused it, {span} ago").into()];
    Some(Diagnosis::new(Finding::PausedOutside, format!("somebody else paused it {span} ago: {why}"), seen))
}
