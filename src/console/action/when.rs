//! When an action can be run, and why not.

use super::Reason;
use crate::console::app::App;
use crate::console::keymap::Context;
use crate::console::page::Page;
use crate::fleet::{HostState, PowerAction};
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
    knows_vms(app)
}

/// Whether it is known which VMs are meant.
pub(in crate::console) fn knows_vms(app: &App) -> Result<(), Reason> {
    // What is about to be marked is not known yet; without it, the VM under the cursor would be meant.
    if app.awaits_marks() {
        Err("the filter is still at work")
    } else if app.asks.chosen.is_some() {
        Err("the selection is still at work")
    } else {
        has_vms(app)
    }
}

pub(super) fn has_hosts(app: &App) -> Result<(), Reason> {
    if app.means_hosts() { Ok(()) } else { Err("there is no host here") }
}

pub(super) fn steers_hosts(app: &App) -> Result<(), Reason> {
    steers(app)?;
    if app.awaits_hosts() { Err("the filter is still at work") } else { has_hosts(app) }
}

/// Whether the world says how this is done to hosts.
fn switches(app: &App, action: PowerAction) -> Result<(), Reason> {
    steers(app)?;
    if app.snapshot.about.power.contains(&action) {
        return Ok(());
    }
    Err(match action {
        PowerAction::On => "the world file does not say how: `on` of its [power]",
        PowerAction::Off => "the world file does not say how: `off` of its [power]",
        PowerAction::Reboot => "the world file does not say how: `reboot` of its [power]",
        PowerAction::RestartLibvirtd => "the world file does not say how: `restart_libvirtd` of its [power]",
    })
}

/// Conditions of what is done to hosts from outside: of hosts that are named, and of those that are meant here.
macro_rules! powers {
    ($($named:ident $here:ident $action:ident;)*) => {$(
        pub(super) fn $named(app: &App) -> Result<(), Reason> {
            switches(app, PowerAction::$action)
        }

        pub(super) fn $here(app: &App) -> Result<(), Reason> {
            $named(app).and_then(|()| steers_hosts(app))
        }
    )*};
}

powers! {
    switches_on switches_on_here On;
    switches_off switches_off_here Off;
    reboots_hosts reboots_hosts_here Reboot;
    restarts_libvirtd restarts_libvirtd_here RestartLibvirtd;
}

/// Somewhere to run a command: hosts where they have the focus, VMs elsewhere.
pub(super) fn steers_run(app: &App) -> Result<(), Reason> {
    if app.runs_on_hosts() { steers_hosts(app) } else { steers_vms(app) }
}

pub(super) fn steers_drained(app: &App) -> Result<(), Reason> {
    steers_hosts(app)?;
    let state = |host| app.snapshot.fleet.hosts.row(host).state;
    let drains = app.meant_hosts().into_iter().any(|host| state(host) == HostState::Draining);
    if drains { Ok(()) } else { Err("the host is not draining") }
}

/// Something that can be marked: VMs, or hosts where hosts have the focus.
pub(super) fn can_mark(app: &App) -> Result<(), Reason> {
    if app.marks_hosts() { has_hosts(app) } else { has_vms(app) }
}

pub(super) fn can_range(app: &App) -> Result<(), Reason> {
    can_mark(app)?;
    if app.has_ranges() { Ok(()) } else { Err("ranges are marked among hosts and in the VM table") }
}

/// In the heatmap, where hosts stand beside and below each other.
pub(super) fn in_hosts(app: &App) -> Result<(), Reason> {
    if app.panel() != Some(crate::console::layout::Panel::Hosts) {
        return Err("go to the heatmap first");
    }
    has_hosts(app)
}

pub(super) fn in_tree(app: &App) -> Result<(), Reason> {
    if app.nav.page() == crate::console::page::Page::Tree { Ok(()) } else { Err("go to the tree first") }
}

pub(super) fn can_mark_all(app: &App) -> Result<(), Reason> {
    if app.marks_hosts() { has_hosts(app) } else { has_any_vm(app) }
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
    match app.task() {
        None => Err("there is no task here"),
        Some(task) if matches!(task.state, TaskState::Ended(_)) => Err("it has ended"),
        Some(_) => Ok(()),
    }
}

pub(super) fn in_tasks(app: &App) -> Result<(), Reason> {
    if app.tasks().is_some() { Ok(()) } else { Err("open an operation first") }
}

pub(super) fn has_marks(app: &App) -> Result<(), Reason> {
    let none = if app.marks_hosts() { app.host_marks.is_empty() } else { app.vms.marks.is_empty() };
    if none { Err("nothing is marked") } else { Ok(()) }
}

pub(super) fn has_table(app: &App) -> Result<(), Reason> {
    if app.shows_table() { Ok(()) } else { Err("go to a table first") }
}

pub(super) fn shows_rows(app: &App) -> Result<(), Reason> {
    if app.can_export() { Ok(()) } else { Err("go to VMs, hosts, operations, tasks, events or a VM's console first") }
}

pub(super) fn has_past(app: &App) -> Result<(), Reason> {
    if app.nav.has_past() { Ok(()) } else { Err("there is nothing before this") }
}

pub(super) fn has_future(app: &App) -> Result<(), Reason> {
    if app.nav.has_future() { Ok(()) } else { Err("there is nothing after this") }
}

/// Something to copy the name of.
pub(super) fn has_name(app: &App) -> Result<(), Reason> {
    if matches!(app.context(), Context::Hosts | Context::Host) {
        app.meant_host().map(drop).ok_or("there is no host here")
    } else {
        knows_vms(app)
    }
}

pub(super) fn has_operations(app: &App) -> Result<(), Reason> {
    if app.snapshot.operations.is_empty() { Err("there is no operation") } else { Ok(()) }
}

pub(super) fn has_filter(app: &App) -> Result<(), Reason> {
    if app.filter_text().is_empty() { Err("there is no filter") } else { Ok(()) }
}

pub(super) fn has_saved(app: &App) -> Result<(), Reason> {
    if app.habits.saved.all().next().is_some() {
        Ok(())
    } else {
        Err("no filter is saved: `:save-filter NAME` saves one")
    }
}

pub(super) fn marked_or_only(app: &App) -> Result<(), Reason> {
    if app.vms.only_marked() { Ok(()) } else { has_marks(app) }
}

pub(super) fn can_undo(app: &App) -> Result<(), Reason> {
    if app.habits.undo.is_empty() { Err("there is nothing to take back") } else { Ok(()) }
}

pub(super) fn can_redo(app: &App) -> Result<(), Reason> {
    if app.habits.undo.has_undone() { Ok(()) } else { Err("nothing was taken back") }
}

pub(super) fn has_host(app: &App) -> Result<(), Reason> {
    if app.meant_host().is_some() { Ok(()) } else { Err("there is no host here") }
}

pub(super) fn at_vm(app: &App) -> Result<(), Reason> {
    if matches!(app.nav.page(), Page::Vm(_)) { Ok(()) } else { Err("open a VM first") }
}

/// A VM that one can look at from close by.
pub(super) fn sees_vm(app: &App) -> Result<(), Reason> {
    app.close_vm().map(drop)
}

pub(super) fn types(app: &App) -> Result<(), Reason> {
    steers(app)?;
    app.may_type()
}

pub(super) fn in_room(app: &App) -> Result<(), Reason> {
    if matches!(app.nav.page(), Page::Room(..)) {
        Ok(())
    } else {
        Err("go to a VM's console, screen or definition first")
    }
}

pub(super) fn finds(app: &App) -> Result<(), Reason> {
    let finder = if let (Page::Output(_), Some(page)) = (app.nav.page(), &app.pages.output) {
        Some(&page.finder)
    } else {
        in_room(app)?;
        app.pages.room.as_ref().map(|room| &room.finder)
    };
    if finder.is_some_and(|finder| !finder.rows.is_empty()) { Ok(()) } else { Err("nothing is found") }
}

pub(super) fn at_events(app: &App) -> Result<(), Reason> {
    if app.nav.page() == Page::Events { Ok(()) } else { Err("open the events first") }
}

/// A shell can change anything: not from a console that others are to look at only.
pub(super) fn can_shell(app: &App) -> Result<(), Reason> {
    if app.handle.can_command() { Ok(()) } else { Err("this console is read-only") }
}
