//! The tour: five steps in which the operator boots, finds, moves, stresses and repairs VMs.
//!
//! A step is done when what it is about is so, whichever keys led there; the tour only looks.

use std::sync::Arc;

use super::app::App;
use super::dock::Told;
use crate::fleet::{Finding, OpId, Rate, VmClass, VmId, VmState};
use crate::handle::{OpKind, OpState, OperationView, Snapshot};

/// How many VMs the tour asks for.
const VMS: u32 = 8;
/// Before this long a guest may stand still, so that what it dirties less than in this time is sent at once.
const DOWNTIME_S: f64 = 0.3;
/// The share of its memory that a stressed VM writes to again and again.
const WORKING_SET: f64 = 0.9;

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Boot,
    Find,
    Move,
    Stress,
    Repair,
    End,
}

const STEPS: [Step; 6] = [Step::Boot, Step::Find, Step::Move, Step::Stress, Step::Repair, Step::End];

/// What the repair has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Repair {
    /// The VM is to be moved, so that the move gets stuck.
    #[default]
    Begun,
    /// The move is stuck: it is to be cancelled.
    Stuck,
    /// The move has ended: the load is to be taken away.
    Cancelled,
    /// The VM is to be moved once more.
    Calm(OpId),
}

/// The tour, and where it is.
#[derive(Debug, Default)]
pub(crate) struct Tour {
    at: usize,
    /// The newest operation when the step began.
    since: OpId,
    /// The VM that it is about.
    vm: Option<VmId>,
    repair: Repair,
}

impl Tour {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        Self { since: newest(snapshot), ..Self::default() }
    }

    /// Whether all steps are done.
    pub(crate) fn has_ended(&self) -> bool {
        self.step() == Step::End
    }

    fn step(&self) -> Step {
        STEPS[self.at.min(STEPS.len() - 1)]
    }

    /// Goes to another step, `by` steps on.
    pub(crate) fn go(&mut self, by: isize, snapshot: &Snapshot) {
        self.at = self.at.saturating_add_signed(by).min(STEPS.len() - 1);
        self.since = newest(snapshot);
        self.repair = Repair::Begun;
    }

    /// The name of the VM that it is about.
    fn name<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a str> {
        self.vm.filter(|vm| snapshot.fleet.vms.exists(*vm)).map(|vm| snapshot.fleet.vms.name(vm))
    }

    /// Looks whether the step is done and goes on; whether it says something else now.
    pub(crate) fn look(&mut self, app: &App) -> bool {
        let snapshot = &app.snapshot;
        let done = match self.step() {
            Step::Boot => self.since(snapshot, |kind| kind == OpKind::Boot).is_some_and(|op| {
                self.vm = last_of(snapshot, op.id);
                op.state == OpState::Ended && self.vm.is_some()
            }),
            Step::Find => {
                let filter = &app.vms.filter_box;
                let (found, all) = (app.vms.order.len(), snapshot.fleet.vms.len());
                let kept = filter.editing.is_none() && filter.error.is_none() && !filter.text.is_empty();
                kept && found > 0 && (found < all || all == 1)
            }
            Step::Move => self.since(snapshot, OpKind::moves).is_some_and(|op| {
                let moved = op.state == OpState::Ended && op.done > 0;
                if moved {
                    self.vm = last_of(snapshot, op.id).or(self.vm);
                }
                moved
            }),
            Step::Stress => self.since(snapshot, |kind| kind == OpKind::Stress).is_some_and(|op| {
                let vm = if op.state == OpState::Ended { last_of(snapshot, op.id) } else { None };
                self.vm = vm.or(self.vm);
                vm.is_some_and(|vm| dirties(snapshot, vm) >= fastest(snapshot).0)
            }),
            Step::Repair => return self.look_at_repair(snapshot),
            Step::End => false,
        };
        if done {
            self.go(1, snapshot);
        }
        done
    }

    fn look_at_repair(&mut self, snapshot: &Snapshot) -> bool {
        let Some(vm) = self.vm.filter(|vm| snapshot.fleet.vms.exists(*vm)) else { return false };
        let row = snapshot.fleet.vms.row(vm);
        let before = self.repair;
        let moves = row.state == VmState::Migrating;
        self.repair = match before {
            Repair::Begun if row.finding == Finding::NonConverging => Repair::Stuck,
            Repair::Stuck if !moves => Repair::Cancelled,
            Repair::Cancelled if !row.stressed => Repair::Calm(newest(snapshot)),
            other => other,
        };
        let calm = |since| newest_of(snapshot, since, OpKind::moves).is_some_and(|op| op.done > 0);
        let repaired = match self.repair {
            Repair::Calm(since) => !moves && calm(since),
            // Whoever took the load away first has let the move end by itself.
            Repair::Stuck => !moves && !row.stressed,
            _ => false,
        };
        if repaired {
            self.go(1, snapshot);
        }
        repaired || self.repair != before
    }

    /// The newest operation of a kind that began in this step.
    fn since<'a>(&self, snapshot: &'a Snapshot, kind: impl Fn(OpKind) -> bool) -> Option<&'a OperationView> {
        newest_of(snapshot, self.since, kind)
    }

    /// What is said now.
    pub(crate) fn told(&self, app: &App) -> Told {
        let key = |id: &str| app.look.keymap.keys_of(id).first().cloned().unwrap_or_else(|| format!(":{id}"));
        let (name, text) = self.text(app, &key);
        let title = match self.step() {
            Step::End => "Tour: done".to_owned(),
            _ => format!("Tour {} of {}: {name}", self.at + 1, STEPS.len() - 1),
        };
        let right = match self.step() {
            Step::End => format!("{} closes this", key("tour-skip")),
            _ => format!("{} skips, {} goes back, Esc Esc leaves", key("tour-skip"), key("tour-back")),
        };
        Told { title, text, left: self.progress(&app.snapshot), right }
    }

    fn text(&self, app: &App, key: &dyn Fn(&str) -> String) -> (&'static str, String) {
        let snapshot = &app.snapshot;
        let vm = self.name(snapshot).unwrap_or("a VM");
        let gone = self.vm.is_some() && self.name(snapshot).is_none();
        match self.step() {
            Step::Boot => {
                let class = match class(snapshot) {
                    Some((0, _)) | None => String::new(),
                    Some((_, class)) => format!("Up, then Right until the class is {}; Down, ", class.name),
                };
                let text = format!(
                    "Press {}, {class}type {VMS}. Enter, Tab and Enter again confirm it: Enter alone never does.",
                    key("boot")
                );
                ("boot", text)
            }
            _ if gone => ("what was", format!("The VM is gone. {} goes back to boot others.", key("tour-back"))),
            Step::Find => (
                "find",
                format!(
                    "Find one VM among {}: press {}, type {vm}, then Enter. So do state:failed, cpu > 90 % or site:NAME.",
                    super::format::count(snapshot.fleet.vms.len()),
                    key("filter")
                ),
            ),
            Step::Move => (
                "move",
                format!("Move {vm} while it runs: {}. The preview says where to and what it costs.", moving(key)),
            ),
            Step::Stress => {
                let rate = Rate(2.0 * fastest(snapshot).0);
                let low = self.since(snapshot, |kind| kind == OpKind::Stress).is_some();
                let again = if low { "It must write more. " } else { "" };
                let text = format!(
                    "{again}Let {vm} write to memory faster than a network card sends: {}, Tab, type {rate}, \
                     then Enter, Tab, Enter.",
                    key("stress")
                );
                ("stress", text)
            }
            Step::Repair => ("repair", self.repair_text(vm, key)),
            Step::End => (
                "done",
                format!(
                    "You have booted, found, moved, stressed and repaired VMs. Next: {} shows all keys, {} finds any action, \
                     {} plays a demo, and the README has a tour of the screens.",
                    key("help"),
                    key("palette"),
                    key("demo")
                ),
            ),
        }
    }

    fn repair_text(&self, vm: &str, key: &dyn Fn(&str) -> String) -> String {
        match self.repair {
            Repair::Begun => {
                format!("Move {vm} again: {}. The preview doubts that it converges; watch its note.", moving(key))
            }
            Repair::Stuck => format!(
                "The move sends more slowly than {vm} writes: it would never end. Cancel it: {}, then {}, Right, Enter.",
                key("operations"),
                key("cancel-operation")
            ),
            Repair::Cancelled => format!(
                "{vm} is still where it was, and whole. Take its load away: {} for the VMs, {}, Right, Enter.",
                key("vms"),
                key("stop-stress")
            ),
            Repair::Calm(_) => format!("Now move it once more: {}.", moving(key)),
        }
    }

    /// What the step waits for, where that goes on by itself.
    fn progress(&self, snapshot: &Snapshot) -> String {
        let op = match self.step() {
            Step::Boot => self.since(snapshot, |kind| kind == OpKind::Boot),
            Step::Move => self.since(snapshot, OpKind::moves),
            Step::Repair if matches!(self.repair, Repair::Begun | Repair::Calm(_)) => {
                let since = if let Repair::Calm(since) = self.repair { since } else { self.since };
                newest_of(snapshot, since, OpKind::moves)
            }
            _ => None,
        };
        match op {
            Some(op) if op.state != OpState::Ended => format!("{} runs: {} of {} done", op.id, op.done, op.total),
            _ => String::new(),
        }
    }
}

/// How the VM under the cursor is moved to any other host.
fn moving(key: &dyn Fn(&str) -> String) -> String {
    format!("{}, then Enter, Tab, Enter", key("migrate"))
}

fn newest(snapshot: &Snapshot) -> OpId {
    snapshot.operations.iter().map(|op| op.id).max().unwrap_or(OpId(0))
}

fn newest_of(snapshot: &Snapshot, since: OpId, kind: impl Fn(OpKind) -> bool) -> Option<&OperationView> {
    snapshot.operations.iter().filter(|op| op.id > since && kind(op.kind)).max_by_key(|op| op.id)
}

/// The last VM that an operation worked on and that runs. Looks through all VMs: only for an operation of this step.
fn last_of(snapshot: &Snapshot, op: OpId) -> Option<VmId> {
    snapshot.fleet.vms.rows().filter(|(_, row)| row.op == op && row.state.runs()).map(|(vm, _)| vm).last()
}

/// The rate at which a VM dirties memory, in bytes a second.
fn dirties(snapshot: &Snapshot, vm: VmId) -> f64 {
    f64::from(snapshot.fleet.vms.row(vm).dirty) * 1024.0
}

/// The fastest network card: what is dirtied faster is never sent.
fn fastest(snapshot: &Snapshot) -> Rate {
    Rate(snapshot.fleet.topology.hosts.iter().map(|host| host.nic.0).fold(0.0, f64::max))
}

/// The first class whose stressed VMs cannot be sent at once even over the fastest card, and its place.
fn class(snapshot: &Snapshot) -> Option<(usize, &Arc<VmClass>)> {
    let needed = 1.5 * DOWNTIME_S * fastest(snapshot).0 / WORKING_SET;
    let classes = &snapshot.about.classes;
    let enough = classes.iter().position(|class| class.memory.0 as f64 >= needed);
    let at = enough.unwrap_or(classes.len().saturating_sub(1));
    classes.get(at).map(|class| (at, class))
}
