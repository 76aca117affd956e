//! The one list of actions. Keymaps, the palette, the help and the hints at the bottom all come from it.

use super::app::{App, Overlay};
use super::columns::Column;
use super::dialog::{Change, Dialog};
use super::layout::Panel;
use super::palette::Palette;
use super::vms::Marking;
use crate::fleet::HostState;
use crate::handle::{Command, OpState, TaskState};

/// Why an action cannot be run now.
pub(crate) type Reason = &'static str;

/// Something that the operator can do.
pub struct Action {
    /// Its name in keymap files.
    pub id: &'static str,
    /// Its name on screen.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// The chapter of the help that it stands in.
    pub area: &'static str,
    /// Whether keymaps must have a key for it; the others are found in the palette.
    pub keyed: bool,
    /// Whether it can be run now, or why not.
    pub(crate) when: fn(&App) -> Result<(), Reason>,
    pub(crate) run: fn(&mut App),
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Action({})", self.id)
    }
}

#[allow(clippy::unnecessary_wraps)] // Has the shape of the other conditions.
const fn always(_: &App) -> Result<(), Reason> {
    Ok(())
}

const fn steers(app: &App) -> Result<(), Reason> {
    match (app.handle.can_command(), app.lost.is_some()) {
        (false, _) => Err("this console is read-only"),
        (_, true) => Err("the engine is gone"),
        _ => Ok(()),
    }
}

/// Marks wait for a filter that is still at work, so that what counts is whether there is any VM at all.
fn has_any_vm(app: &App) -> Result<(), Reason> {
    if app.snapshot.fleet.vms.is_empty() { Err("there is no VM") } else { Ok(()) }
}

fn has_vms(app: &App) -> Result<(), Reason> {
    if app.vms.marks.is_empty() && app.vms.cursor.is_none() { Err("there is no VM here") } else { Ok(()) }
}

fn steers_vms(app: &App) -> Result<(), Reason> {
    steers(app)?;
    // What is about to be marked is not known yet; without it, the VM under the cursor would be meant.
    if app.vms.awaited.is_some() { Err("the filter is still at work") } else { has_vms(app) }
}

fn steers_hosts(app: &App) -> Result<(), Reason> {
    steers(app)?;
    app.pointed().map(|_| ()).ok_or("there is no host")
}

fn steers_drained(app: &App) -> Result<(), Reason> {
    steers(app)?;
    match app.meant_host().map(|host| app.snapshot.fleet.hosts.row(host).state) {
        None => Err("there is no host"),
        Some(HostState::Draining) => Ok(()),
        Some(_) => Err("the host is not draining"),
    }
}

fn steers_class(app: &App) -> Result<(), Reason> {
    steers(app)?;
    if app.snapshot.about.classes.is_empty() { Err("this world has no class of VMs to boot") } else { Ok(()) }
}

fn open_operation(app: &App) -> Result<(), Reason> {
    steers(app)?;
    match app.operation() {
        None => Err("there is no operation"),
        Some(op) if op.state == OpState::Ended => Err("it has ended"),
        Some(_) => Ok(()),
    }
}

fn failed_operation(app: &App) -> Result<(), Reason> {
    steers(app)?;
    match app.operation() {
        None => Err("there is no operation"),
        Some(op) if op.failed == 0 => Err("nothing failed in it"),
        Some(_) => Ok(()),
    }
}

fn any_open(app: &App) -> Result<(), Reason> {
    steers(app)?;
    if app.snapshot.operations.iter().any(|op| op.state != OpState::Ended) { Ok(()) } else { Err("nothing runs") }
}

fn open_task(app: &App) -> Result<(), Reason> {
    steers(app)?;
    match app.tasks.as_ref().and_then(|t| t.under_cursor()) {
        None => Err("open an operation and choose a task first"),
        Some(task) if matches!(task.state, TaskState::Ended(_)) => Err("it has ended"),
        Some(_) => Ok(()),
    }
}

fn in_tasks(app: &App) -> Result<(), Reason> {
    if app.tasks.is_some() { Ok(()) } else { Err("open an operation first") }
}

fn has_marks(app: &App) -> Result<(), Reason> {
    if app.vms.marks.is_empty() { Err("nothing is marked") } else { Ok(()) }
}

macro_rules! actions {
    ($($area:literal { $($id:literal $name:literal $keyed:literal $when:ident $doc:literal $run:expr;)* })*) => {
        /// Everything that the operator can do, in the order of the help.
        pub static ACTIONS: &[Action] = &[$($(Action {
            id: $id, name: $name, doc: $doc, area: $area, keyed: $keyed, when: $when, run: $run,
        },)*)*];
    };
}

actions! {
    "Moving" {
        "down" "down" true always "Moves the cursor down." |a| a.step(1);
        "up" "up" true always "Moves the cursor up." |a| a.step(-1);
        "left" "left" true always "Moves the cursor of the heatmap left." |a| a.side(-1);
        "right" "right" true always "Moves the cursor of the heatmap right." |a| a.side(1);
        "page-down" "page down" true always "Moves the cursor down by a page." |a| { let p = a.page(); a.step(p); };
        "page-up" "page up" true always "Moves the cursor up by a page." |a| { let p = a.page(); a.step(-p); };
        "top" "first" true always "Goes to the first row." |a| a.end(false);
        "bottom" "last" true always "Goes to the last row." |a| a.end(true);
        "open" "open" true always "Goes into what is under the cursor: a VM, the VMs of a host or site, an operation's tasks." App::open;
        "home" "back" true always "Goes one level back; in the overview, clears the filter." App::home;
    }
    "View" {
        "next-panel" "next panel" true always "Gives the focus to the next panel." |a| a.next_panel(1);
        "previous-panel" "previous panel" true always "Gives the focus to the previous panel." |a| a.next_panel(3);
        "sites" "sites" true always "Gives the focus to the sites." |a| a.focus(Panel::Sites);
        "hosts" "hosts" true always "Gives the focus to the heatmap of hosts." |a| a.focus(Panel::Hosts);
        "vms" "VMs" true always "Gives the focus to the VM table." |a| a.focus(Panel::Vms);
        "operations" "operations" true always "Gives the focus to the operations." |a| a.focus(Panel::Operations);
        "zoom" "enlarge" true always "Enlarges the panel with the focus, or brings the others back." |a| {
            a.zoom = if a.zoom.is_some() { None } else { Some(a.focus) };
        };
        "metric" "heat of" true always "Changes what the heatmap shows: CPU or memory." |a| {
            a.heat.metric = a.heat.metric.next();
            a.heat.look(&a.snapshot.fleet);
        };
        "events" "events" true always "Shows what happened last." |a| a.overlays.push(Overlay::Events(0));
        "help" "keys" true always "Shows all actions and their keys." |a| a.overlays.push(Overlay::Help(0));
        "palette" "command" true always "Finds an action by a few of its letters." |a| {
            a.overlays.push(Overlay::Palette(Palette::new()));
        };
        "next-theme" "next theme" false always "Goes to the next theme, after the last to the first." App::next_theme;
        "next-keymap" "next keymap" false always "Goes to the next keymap, after the last to the first." App::next_keymap;
        "redraw" "redraw" true always "Draws the whole screen again." |a| a.redraw = true;
        "suspend" "suspend" true always "Stops the program and gives the terminal back to the shell." |a| a.suspend = true;
        "quit" "quit" true always "Ends the console." App::quit;
    }
    "Choosing VMs" {
        "filter" "filter" true always "Shows only some VMs: state:failed and site:rennes, cpu > 90 %, web-*." App::begin_filter;
        "clear-filter" "clear filter" false always "Shows all VMs again." |a| a.filter_by("");
        "faults" "faults only" true always "Shows only VMs that failed, are lost or have a finding." |a| {
            a.filter_by("state:failed or state:lost or finding:non-converging or finding:no-progress");
        };
        "mark" "mark" true has_vms "Marks the VM under the cursor, or removes its mark, and goes on to the next." |a| {
            if let Some(vm) = a.vms.cursor {
                let marked = a.vms.marks.contains(vm);
                a.vms.marks.set(vm, !marked);
                a.vms.step(1);
            }
        };
        "range" "range" true has_vms "Begins a range of marks at the cursor; once more marks it." |a| {
            if a.vms.anchor.is_some() { a.vms.end_range(); } else { a.vms.anchor = a.vms.cursor; }
        };
        "mark-down" "mark downwards" true has_vms "Marks the VM under the cursor and goes down." |a| {
            if let Some(vm) = a.vms.cursor { a.vms.marks.set(vm, true); a.vms.step(1); }
        };
        "mark-up" "mark upwards" true has_vms "Marks the VM under the cursor and goes up." |a| {
            if let Some(vm) = a.vms.cursor { a.vms.marks.set(vm, true); a.vms.step(-1); }
        };
        "mark-all" "mark all" true has_any_vm "Marks all VMs that the filter shows." |a| a.vms.mark(Marking::All);
        "invert-marks" "invert marks" true has_any_vm "Turns the marks of all VMs that the filter shows." |a| a.vms.mark(Marking::Invert);
        "clear-marks" "clear marks" true has_marks "Removes all marks." |a| {
            a.vms.marks = super::marks::VmSet::default();
            a.vms.anchor = None;
        };
        "sort-id" "sort by age of VM" true always "Sorts VMs in the order in which they were made." |a| a.sort_by(Column::Id);
        "sort-name" "sort by name" true always "Sorts VMs by name, vm-2 before vm-10." |a| a.sort_by(Column::Name);
        "sort-state" "sort by state" true always "Sorts VMs by state." |a| a.sort_by(Column::State);
        "sort-host" "sort by host" true always "Sorts VMs by host, in world order." |a| a.sort_by(Column::Host);
        "sort-cpu" "sort by cpu" true always "Sorts VMs by the CPU that they get, most first." |a| a.sort_by(Column::Cpu);
        "sort-memory" "sort by memory" true always "Sorts VMs by memory, most first." |a| a.sort_by(Column::Memory);
        "sort-dirty" "sort by dirty rate" true always "Sorts VMs by the rate at which they dirty memory, most first." |a| a.sort_by(Column::Dirty);
        "sort-net" "sort by network" true always "Sorts VMs by what they send and receive, most first." |a| a.sort_by(Column::Net);
        "sort-class" "sort by class" false always "Sorts VMs by class." |a| a.sort_by(Column::Class);
        "sort-since" "sort by change" true always "Sorts VMs by how long they have had their state, the youngest first." |a| a.sort_by(Column::Since);
        "sort-reverse" "turn the order" true always "Turns the order of the VM table round." |a| a.sort_by(a.vms.sort.column);
        "sort-next" "sort by next column" true always "Sorts VMs by the next column." |a| {
            let all = &super::columns::SORTABLE;
            let at = all.iter().position(|c| *c == a.vms.sort.column).unwrap_or(0);
            a.sort_by(all[(at + 1) % all.len()]);
        };
    }
    "VMs and hosts" {
        "boot" "boot" true steers_class "Boots new VMs." |a| a.open_dialog(Dialog::boot(&a.snapshot));
        "migrate" "migrate" true steers_vms "Moves the marked VMs, or the one under the cursor, to other hosts while they run." App::ask_migrate;
        "evacuate" "evacuate" true steers_hosts "Moves all VMs away from a host." App::ask_evacuate;
        "undrain" "take VMs again" true steers_drained "Lets a host that was evacuated take VMs again." App::undrain;
        "destroy" "destroy" true steers_vms "Stops and removes the marked VMs, or the one under the cursor." |a| a.ask_change(Change::Destroy);
        "pause" "pause" true steers_vms "Stops the vCPUs of the marked VMs, or of the one under the cursor." |a| a.ask_change(Change::Pause);
        "resume" "resume" true steers_vms "Lets the vCPUs of the marked VMs, or of the one under the cursor, go on." |a| a.ask_change(Change::Resume);
        "reboot" "reboot" true steers_vms "Restarts the guests of the marked VMs, or of the one under the cursor." |a| a.ask_change(Change::Reboot);
        "stress" "stress" true steers_vms "Sets the load of the marked VMs, or of the one under the cursor." |a| a.ask_change(Change::Stress);
        "stop-stress" "stop stress" true steers_vms "Returns the marked VMs, or the one under the cursor, to the load of the world." |a| a.ask_change(Change::StopStress);
    }
    "Operations" {
        "cancel-operation" "cancel" true open_operation "Cancels all tasks of the operation that have not ended." |a| {
            if let Some(dialog) = a.operation().map(Dialog::cancel_operation) { a.open_dialog(dialog); }
        };
        "hold-operation" "pause/go on" true open_operation "Pauses the operation, so that it starts no more tasks, or lets it go on." |a| {
            if let Some((op, state)) = a.operation().map(|op| (op.id, op.state)) {
                a.command(if state == OpState::Paused { Command::ResumeOperation(op) } else { Command::PauseOperation(op) });
            }
        };
        "retry-failed" "retry failed" true failed_operation "Asks again for what failed in the operation." |a| {
            if let Some(dialog) = a.operation().map(Dialog::retry) { a.open_dialog(dialog); }
        };
        "cancel-task" "cancel task" true open_task "Cancels the task under the cursor." |a| {
            if let Some(task) = a.tasks.as_ref().and_then(|t| t.under_cursor()) {
                let dialog = Dialog::cancel_task(task.id, &format!("{} of {}", task.kind.word(), task.name));
                a.open_dialog(dialog);
            }
        };
        "task-filter" "show all/running/…" true in_tasks "Shows all, running, waiting or failed tasks." |a| {
            if let Some(tasks) = &mut a.tasks { tasks.next_filter(); }
        };
        "stop-everything" "stop everything" true any_open "Cancels every operation." |a| {
            a.open_dialog(Dialog::stop_everything(&a.snapshot.operations));
        };
        "limits" "limits" true steers "Changes how many tasks may run at once." |a| a.open_dialog(Dialog::limits(a.snapshot.limits));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_docs_are_sentences() {
        let mut ids: Vec<_> = ACTIONS.iter().map(|a| a.id).collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert!(ACTIONS.iter().all(|a| a.doc.ends_with('.') && a.doc.starts_with(char::is_uppercase)));
    }
}
