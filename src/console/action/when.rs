//! When an action can be run, and why not.

use super::Reason;
use crate::console::app::App;
use crate::fleet::HostState;
use crate::handle::{OpState, TaskState};

#[allow(clippy::unnecessary_wraps)] // Has the shape of the other conditions.
pub(super) const fn always(_: &App) -> Result<(), Reason> {
    Ok(())
}

pub(super) const fn steers(app: &App) -> Result<(), Reason> {
    match (app.handle.can_command(), app.lost.is_some()) {
        (false, _) => Err("this console is read-only"),
        (_, true) => Err("the engine is gone"),
        _ => Ok(()),
    }
}

pub(super) fn steers_simulated(app: &App) -> Result<(), Reason> {
    steers(app)?;
    if !app.snapshot.about.is_simulated() {
        return Err("these are real hosts; try it in a simulated world: hemera --world small");
    }
    steers_class(app)
}

pub(super) fn on_tour(app: &App) -> Result<(), Reason> {
    if app.guide.tour.is_some() { Ok(()) } else { Err("no tour is under way") }
}

/// Marks wait for a filter that is still at work, so that what counts is whether there is any VM at all.
pub(super) fn has_any_vm(app: &App) -> Result<(), Reason> {
    if app.snapshot.fleet.vms.is_empty() { Err("there is no VM") } else { Ok(()) }
}

pub(super) fn has_vms(app: &App) -> Result<(), Reason> {
    if app.means_vms() { Ok(()) } else { Err("there is no VM here") }
}

pub(super) fn steers_vms(app: &App) -> Result<(), Reason> {
    steers(app)?;
    // What is about to be marked is not known yet; without it, the VM under the cursor would be meant.
    if app.vms.awaited.is_some() { Err("the filter is still at work") } else { has_vms(app) }
}

pub(super) fn steers_hosts(app: &App) -> Result<(), Reason> {
    steers(app)?;
    app.meant_host().map(|_| ()).ok_or("there is no host here")
}

pub(super) fn steers_drained(app: &App) -> Result<(), Reason> {
    steers(app)?;
    match app.meant_host().map(|host| app.snapshot.fleet.hosts.row(host).state) {
        None => Err("there is no host here"),
        Some(HostState::Draining) => Ok(()),
        Some(_) => Err("the host is not draining"),
    }
}

pub(super) fn steers_class(app: &App) -> Result<(), Reason> {
    steers(app)?;
    if app.snapshot.about.classes.is_empty() { Err("this world has no class of VMs to boot") } else { Ok(()) }
}

pub(super) fn open_operation(app: &App) -> Result<(), Reason> {
    steers(app)?;
    match app.operation() {
        None => Err("there is no operation"),
        Some(op) if op.state == OpState::Ended => Err("it has ended"),
        Some(_) => Ok(()),
    }
}

pub(super) fn failed_operation(app: &App) -> Result<(), Reason> {
    steers(app)?;
    match app.operation() {
        None => Err("there is no operation"),
        Some(op) if op.failed == 0 => Err("nothing failed in it"),
        Some(_) => Ok(()),
    }
}

pub(super) fn any_open(app: &App) -> Result<(), Reason> {
    steers(app)?;
    if app.snapshot.operations.iter().any(|op| op.state != OpState::Ended) { Ok(()) } else { Err("nothing runs") }
}

pub(super) fn open_task(app: &App) -> Result<(), Reason> {
    steers(app)?;
    match app.tasks().and_then(|t| t.under_cursor()) {
        None => Err("open an operation and choose a task first"),
        Some(task) if matches!(task.state, TaskState::Ended(_)) => Err("it has ended"),
        Some(_) => Ok(()),
    }
}

pub(super) fn in_tasks(app: &App) -> Result<(), Reason> {
    if app.tasks().is_some() { Ok(()) } else { Err("open an operation first") }
}

pub(super) fn has_marks(app: &App) -> Result<(), Reason> {
    if app.vms.marks.is_empty() { Err("nothing is marked") } else { Ok(()) }
}

pub(super) fn has_past(app: &App) -> Result<(), Reason> {
    if app.nav.has_past() { Ok(()) } else { Err("there is nothing before this") }
}

pub(super) fn has_future(app: &App) -> Result<(), Reason> {
    if app.nav.has_future() { Ok(()) } else { Err("there is nothing after this") }
}
