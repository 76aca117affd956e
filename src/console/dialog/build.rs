//! The dialogs as they open.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::act::{PATTERNS, PLACEMENTS, class_label};
use super::{Act, Ahead, Change, Dialog, Field};
use crate::console::format::{count, counted};
use crate::console::hosts_marked::{name_hosts, select_hosts, these_hosts};
use crate::console::run::Errand;
use crate::fleet::{Fleet, HostId, MoveWords, Remedy, TaskId, VmId};
use crate::handle::{Limits, OpKind, OpState, OperationView, RunOn, Snapshot, Which};

/// Characters of a command of the operator's own that are shown.
const SHOWN: usize = 300;

/// How VMs move, from the field [`MANNER`](super::act::MANNER) on.
fn manner() -> [Field; 3] {
    [
        Field::text("bandwidth", "", "at most, per VM: 500 Mbit/s"),
        Field::text("downtime", "", "at most: 300 ms"),
        Field::text("options", "", "").completing(MoveWords::continuing),
    ]
}

impl Dialog {
    pub(super) fn new(act: Act, title: String, verb: &str, fields: Vec<Field>) -> Self {
        Self {
            act,
            title,
            facts: Vec::new(),
            fields,
            at: 0,
            danger: false,
            typed: None,
            ahead: Ahead::NotNeeded,
            verb: verb.to_owned(),
            problem: None,
            classes: Vec::new(),
        }
    }

    /// New VMs.
    pub(crate) fn boot(snapshot: &Snapshot) -> Self {
        let classes = snapshot.about.classes.clone();
        let labels = classes.iter().map(|c| class_label(c)).collect();
        let fields = vec![
            Field::choice("class", labels, "left and right choose"),
            Field::text("count", "1", "how many VMs"),
            Field::text("name", "vm-{n}", "{n}: the lowest free number"),
            Field::choice("placement", PLACEMENTS.map(|(name, _)| name.to_owned()).into(), "left and right choose"),
            Field::text("hosts", "all", "all, site:rennes, paradent-*"),
        ];
        let mut dialog = Self::new(Act::Boot, "Boot VMs".into(), "Boot", fields);
        dialog.classes = classes;
        dialog.at = 1;
        dialog
    }

    /// These VMs to other hosts.
    pub(crate) fn migrate(fleet: &Fleet, vms: Vec<VmId>, hidden: usize) -> Self {
        let mut fields = vec![
            Field::choice("how", PATTERNS.map(|p| p.0.to_owned()).into(), "left and right choose"),
            Field::text("to hosts", &elsewhere(fleet, &vms), "site:rennes, paradent-*; patterns need none"),
        ];
        fields.extend(manner());
        let title = format!("Migrate {}{}", the_vms(fleet, &vms), away_from(fleet, &vms));
        let mut dialog = Self::new(Act::Migrate(vms.into()), title, "Migrate", fields);
        dialog.facts.extend(hidden_fact(hidden));
        dialog.at = 1;
        dialog
    }

    /// Everything away from these hosts.
    pub(crate) fn evacuate(fleet: &Fleet, hosts: &[HostId]) -> Self {
        let topology = &fleet.topology;
        let mut fields = vec![
            Field::text("hosts", &select_hosts(topology, hosts), "which are emptied: paradent-17, site:rennes"),
            Field::text("to hosts", "", "which may take the VMs; empty: all others"),
        ];
        fields.extend(manner());
        let title = match hosts {
            [] | [_] => "Evacuate hosts".into(),
            many => format!("Evacuate {}", counted(many.len(), "host")),
        };
        let mut dialog = Self::new(Act::Evacuate, title, "Evacuate", fields);
        if hosts.len() > 1 {
            let vms = hosts.iter().map(|&host| fleet.hosts.row(host).vms as usize).sum();
            dialog.facts.push(format!("{} on {}.", counted(vms, "VM"), name_hosts(topology, hosts)));
        }
        dialog.facts.push("The hosts take no new VMs from then on.".into());
        dialog
    }

    /// Something done to these VMs where they are. Of more than `typed_above`, what is hard to undo wants the count typed.
    pub(crate) fn change(fleet: &Fleet, vms: Vec<VmId>, change: Change, hidden: usize, typed_above: usize) -> Self {
        let (verb, danger) = match change {
            Change::Destroy => ("Destroy", true),
            Change::Shutdown => ("Shut down", true),
            Change::Pause => ("Pause", false),
            Change::Resume => ("Resume", false),
            Change::Reboot => ("Reboot", true),
            Change::Stress => ("Stress", false),
            Change::StopStress => ("Stop stressing", false),
            Change::Adopt => ("Adopt", true),
            Change::RemoveCopy => ("Remove the second domain of", true),
        };
        let mut fields = Vec::new();
        if change == Change::Stress {
            fields = vec![
                Field::text("cpu", "60 %", "of the VM's vCPUs"),
                Field::text("dirty rate", "12.5 MB/s", "memory written to per second"),
                Field::text("working set", "", "of its memory; empty: what fits"),
            ];
        }
        let typed = (danger && vms.len() > typed_above).then_some(vms.len());
        if typed.is_some() {
            fields.push(Field::text("count", "", "type how many VMs to confirm"));
        }
        let title = format!("{verb} {}{}?", the_vms(fleet, &vms), on_hosts(fleet, &vms));
        let mut dialog = Self::new(Act::Change(vms.into(), change), title, verb, fields);
        dialog.facts.extend(hidden_fact(hidden));
        if change == Change::Destroy {
            dialog.facts.push("Their disks and memory are lost. This cannot be undone.".into());
        }
        if change == Change::Shutdown {
            dialog.facts.push("Their guests end what they do; then they are removed with their disks.".into());
        }
        if change == Change::Adopt {
            dialog.facts.push("From then on Hemera treats them as its own: they can be moved and destroyed.".into());
        }
        if change == Change::RemoveCopy {
            dialog.facts.push("Only what does not run is removed. Disks stay.".into());
        }
        dialog.danger = danger;
        dialog.typed = typed;
        dialog
    }

    /// A remedy for these VMs that is no change of them where they are.
    pub(crate) fn mend(fleet: &Fleet, remedy: Remedy, vms: Arc<[VmId]>) -> Self {
        let who = the_vms(fleet, &vms);
        let (title, verb) = match remedy {
            Remedy::CancelTask => (format!("Cancel what works on {who}?"), "Cancel the tasks"),
            _ => (format!("Boot {who} again?"), "Boot again"),
        };
        let mut dialog = Self::new(Act::Mend(remedy, vms), title, verb, Vec::new());
        if remedy == Remedy::BootAgain {
            dialog
                .facts
                .push("Under the same names, as they were booted first. What they had in memory is lost.".into());
        }
        dialog
    }

    /// A command in these VMs; `said` is what to begin with, and whether it is only a proposal.
    pub(crate) fn run_in(fleet: &Fleet, vms: Vec<VmId>, hidden: usize, said: (&str, bool)) -> Self {
        let title = format!("Run a command in {}{}", the_vms(fleet, &vms), on_hosts(fleet, &vms));
        let mut dialog = Self::new(Act::Run(in_vms(vms)), title, "Run in", command_fields(said));
        dialog.facts.extend(hidden_fact(hidden));
        dialog.facts.push("In the guests, as root: their agents run it, or it goes by SSH where there is none.".into());
        dialog
    }

    /// The same on these hosts themselves.
    pub(crate) fn run_on(fleet: &Fleet, hosts: &[HostId], said: (&str, bool)) -> Self {
        let topology = &fleet.topology;
        let title = format!("Run a command on {}", name_hosts(topology, hosts));
        let selected = RunOn::Hosts(these_hosts(topology, hosts));
        let mut dialog = Self::new(Act::Run(selected), title, "Run on", command_fields(said));
        dialog.facts.push("On the hosts themselves, by SSH.".into());
        dialog
    }

    /// How many tasks at once.
    pub(crate) fn limits(limits: Limits) -> Self {
        let field = |label, value: u32, hint| Field::text(label, &value.to_string(), hint);
        let fields = vec![
            field("boots per host", limits.boot_per_host, "0: no limit"),
            field("boots in all", limits.boot_total, ""),
            field("moves per source", limits.migrate_per_source, "away from one host"),
            field("moves per target", limits.migrate_per_target, "to one host"),
            field("moves per link", limits.migrate_per_link, "between two sites, both ways"),
            field("moves in all", limits.migrate_total, ""),
            field("commands in all", limits.run_total, ""),
        ];
        let mut dialog = Self::new(Act::Limits, "Limits: tasks at once".into(), "Set limits", fields);
        dialog.facts.push("They hold from now on; running tasks beyond a lower limit go on.".into());
        dialog
    }

    /// The end of an operation.
    pub(crate) fn cancel_operation(op: &OperationView) -> Self {
        let title = format!("Cancel {} {}?", op.id, op.title);
        let mut dialog = Self::new(Act::CancelOperation(op.id), title, "Cancel the operation", Vec::new());
        dialog.facts.push(format!(
            "{} waiting and {} running; {} stay done.",
            count(op.waiting as usize),
            count(op.running as usize),
            count(op.done as usize)
        ));
        dialog.danger = true;
        dialog
    }

    /// What failed, again.
    pub(crate) fn retry(op: &OperationView) -> Self {
        let failed = counted(op.failed as usize, "failed task");
        let title = format!("Retry {failed} of {} {}?", op.id, op.title);
        let mut dialog = Self::new(Act::RetryFailed(op.id), title, "Retry", Vec::new());
        dialog.facts.extend(op.failed_by.iter().take(4).map(|(why, n)| format!("{} {why}", count(*n as usize))));
        dialog
    }

    /// The end of one task.
    pub(crate) fn cancel_task(task: TaskId, kind: OpKind, what: &str) -> Self {
        Self::new(Act::CancelTask(task, kind), format!("Cancel {what}?"), "Cancel the task", Vec::new())
    }

    /// A task that was cancelled and does harm, once more.
    pub(crate) fn ask_again(task: TaskId, what: &str) -> Self {
        let mut dialog = Self::new(Act::AskAgain(task), format!("Ask for {what} again?"), "Ask again", Vec::new());
        dialog.facts.push("It was cancelled.".into());
        dialog.danger = true;
        dialog
    }

    /// The end of all operations.
    pub(crate) fn stop_everything(operations: &[OperationView]) -> Self {
        let open: Vec<_> = operations.iter().filter(|o| o.state != OpState::Ended).collect();
        let title = format!("Stop {}?", counted(open.len(), "operation"));
        let mut dialog = Self::new(Act::StopEverything, title, "Stop everything", Vec::new());
        let left = open.iter().map(|o| (o.waiting + o.running) as usize).sum();
        let is = if left == 1 { "waits or runs is" } else { "wait or run are" };
        dialog.facts.push(format!("{} that {is} cancelled.", counted(left, "task")));
        dialog.danger = true;
        dialog
    }

    /// A command of the operator's own, on so many VMs or hosts.
    pub(crate) fn own(errand: Errand, on: Option<(usize, &str)>, danger: bool, typed_above: usize) -> Self {
        let what = on.map(|(n, what)| format!(" on {}", counted(n, what))).unwrap_or_default();
        let title = format!("Run {}{what}?", errand.name);
        let typed = on.map(|(n, _)| n).filter(|n| danger && *n > typed_above);
        let fields = typed.map(|_| Field::text("count", "", "type the number of them to confirm"));
        // It is drawn again and again; all of a long one would not fit anyway.
        let command = format!("$ {}", errand.command.chars().take(SHOWN).collect::<String>());
        let mut dialog = Self::new(Act::Own(Box::new(errand)), title, "Run", fields.into_iter().collect());
        dialog.facts.push(command);
        dialog.danger = danger;
        dialog.typed = typed;
        dialog
    }

    /// The end of the program while operations run.
    pub(crate) fn quit(open: usize) -> Self {
        let title = format!(
            "Quit while {} not ended?",
            if open == 1 { "an operation has".into() } else { format!("{} have", counted(open, "operation")) }
        );
        Self::new(Act::Quit, title, "Quit", Vec::new())
    }
}

fn command_fields((command, proposed): (&str, bool)) -> Vec<Field> {
    let mut command = Field::text("command", command, "for /bin/sh");
    command.fresh &= proposed;
    vec![command, Field::text("time limit", "60 s", "each is ended when it takes longer")]
}

/// These VMs as where something runs.
pub(super) fn in_vms(vms: Vec<VmId>) -> RunOn {
    RunOn::Vms(Which::Ids(vms.into()))
}

/// `vm-17` or `240 VMs`.
pub(super) fn the_vms(fleet: &Fleet, vms: &[VmId]) -> String {
    match vms {
        [vm] => fleet.vms.name(*vm).to_owned(),
        vms => counted(vms.len(), "VM"),
    }
}

fn hosts(fleet: &Fleet, vms: &[VmId]) -> Vec<Arc<str>> {
    let hosts: BTreeSet<HostId> = vms.iter().filter_map(|&vm| fleet.vms.row(vm).host).collect();
    hosts.into_iter().map(|h| fleet.topology.host(h).name.clone()).collect()
}

fn host_words(fleet: &Fleet, vms: &[VmId], lead: &str) -> String {
    let hosts = hosts(fleet, vms);
    match hosts.as_slice() {
        [] => String::new(),
        [one] => format!(" {lead} {one}"),
        [one, two] => format!(" {lead} {one} and {two}"),
        many => format!(" {lead} {}", counted(many.len(), "host")),
    }
}

pub(super) fn on_hosts(fleet: &Fleet, vms: &[VmId]) -> String {
    host_words(fleet, vms, "on")
}

fn away_from(fleet: &Fleet, vms: &[VmId]) -> String {
    host_words(fleet, vms, "away from")
}

/// The hosts a move is for where nothing else is said: others than those that hold the VMs, as far as they can be named.
fn elsewhere(fleet: &Fleet, vms: &[VmId]) -> String {
    let hosts = hosts(fleet, vms);
    match hosts.as_slice() {
        [one] => format!("not {one}"),
        [one, two] => format!("not {one} and not {two}"),
        _ => "all".into(),
    }
}

pub(super) fn hidden_fact(hidden: usize) -> Option<String> {
    (hidden > 0)
        .then(|| format!("{} of them {} hidden by the filter.", count(hidden), if hidden == 1 { "is" } else { "are" }))
}
