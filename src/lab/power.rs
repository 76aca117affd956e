//! The power of a lab's hosts, and their libvirtd: what a testbed's own tools do to real ones.

use std::fs;
use std::path::Path;

use super::fault::{cable, claim_in_turn, clear, find, mend_host};
use super::{Host, LabError, Plan, Record, processes};

/// What becomes of a host's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// It is on: what is broken of it is mended, and its libvirtd and sshd run.
    On,
    /// It is off: nothing of it runs, and its cable is dead.
    Off,
    /// Off, then on.
    Reboot,
}

/// Switches a host of the only lab, or of the one of this directory; says what was done. Whoever works on the lab already
/// is waited for.
///
/// # Errors
/// Where there is no such lab or host, or it does not come up.
pub fn power(dir: Option<&Path>, host: &str, power: Power) -> Result<String, LabError> {
    let claim = claim_in_turn(dir)?;
    let (record, plan) = (&claim.record, claim.record.plan());
    let host = find(&plan, host)?;
    if power != Power::On {
        off(record, &plan, host)?;
    }
    if power != Power::Off {
        mend_host(record, &plan, host)?;
    }
    Ok(match power {
        Power::On => format!("{} is on", host.name),
        Power::Off => format!("{} is off", host.name),
        Power::Reboot => format!("{} has started again", host.name),
    })
}

/// Ends a host's libvirtd, however it is, and starts it again. Its VMs run on.
///
/// # Errors
/// Where there is no such lab or host, or the libvirtd does not come up.
pub fn restart_libvirtd(dir: Option<&Path>, host: &str) -> Result<String, LabError> {
    let claim = claim_in_turn(dir)?;
    let (record, plan) = (&claim.record, claim.record.plan());
    let host = find(&plan, host)?;
    let inside = processes::inside(std::slice::from_ref(&host.namespace));
    for (_, process) in inside.iter().filter(|(_, process)| process.program == "libvirtd") {
        process.kill();
    }
    clear(host, |process| process.vm().is_none());
    mend_host(record, &plan, host)?;
    Ok(format!("libvirtd on {} has started again", host.name))
}

/// Its cable goes dead first: whoever is connected to it hears nothing of its end, as with a real one.
fn off(record: &Record, plan: &Plan, host: &Host) -> Result<(), LabError> {
    cable(plan, host, "down")?;
    clear(host, |_| true);
    // What a real one has in memory.
    let run = record.host_dir(&host.name).join("run");
    fs::remove_dir_all(&run).map_err(LabError::file(&run))?;
    fs::create_dir(&run).map_err(LabError::file(run))
}
