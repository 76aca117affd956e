//! From a filled-in dialog to a command.

use std::sync::Arc;
use std::time::Duration;

use super::{Act, Dialog};
use crate::fleet::{
    Load, MigrationOptions, MoveWords, Rate, Remedy, RescuePlan, Script, Selection, Share, Span, VmClass,
};
use crate::handle::{
    Boot, Command, Evacuate, Limits, Migrate, Moves, OperationSpec, Pattern, Placement, VmChange, Which,
};

/// What is done to VMs where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Destroy,
    Shutdown,
    Pause,
    Resume,
    Reboot,
    Stress,
    StopStress,
    Adopt,
    RemoveCopy,
}

/// Where a move goes, in the order in which the dialog offers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MovePattern(pub &'static str, pub Option<Pattern>);

/// All of them.
pub(super) const PATTERNS: [MovePattern; 5] = [
    MovePattern("by free memory", None),
    MovePattern("circular", Some(Pattern::Circular)),
    MovePattern("crossed", Some(Pattern::Crossed)),
    MovePattern("two nodes", Some(Pattern::TwoNodes)),
    MovePattern("split and merge", Some(Pattern::SplitMerge)),
];

/// Placements in the order in which the dialog offers them.
pub(super) const PLACEMENTS: [(&str, Placement); 4] = [
    ("round-robin", Placement::RoundRobin),
    ("packed", Placement::Packed),
    ("balanced", Placement::Balanced),
    ("random", Placement::Random),
];

/// The first of the fields that say how VMs move.
pub(super) const MANNER: usize = 2;

/// A field that cannot be understood, and why.
pub(super) type Wrong = (usize, String);

impl Dialog {
    /// The field that takes options of moves in words.
    pub(crate) const OPTIONS: usize = MANNER + 2;

    /// What it asks for as it is filled in.
    ///
    /// # Errors
    /// With the first field that cannot be understood.
    pub(crate) fn command(&self) -> Result<Command, Wrong> {
        Ok(match &self.act {
            Act::Boot => Command::Start(OperationSpec::Boot(self.new_vms()?)),
            Act::Migrate(vms) => Command::Start(OperationSpec::Migrate(self.moves(vms)?)),
            Act::Evacuate => Command::Start(OperationSpec::Evacuate(self.emptied()?)),
            Act::Change(vms, change) => {
                Command::Start(OperationSpec::Change { which: Which::Ids(vms.clone()), change: self.changed(*change)? })
            }
            Act::Run(on) => Command::Start(OperationSpec::Run { on: on.clone(), script: self.script()? }),
            Act::CopyIn(on) => Command::Start(OperationSpec::Copy { on: on.clone(), copy: self.copied_in(None)? }),
            Act::CopyOut(on) => Command::Start(OperationSpec::Copy { on: on.clone(), copy: self.copied_out()? }),
            Act::Power(hosts, action) => Command::Start(OperationSpec::Power { on: hosts.clone(), action: *action }),
            Act::Limits => Command::SetLimits(Limits {
                boot_per_host: self.number(0)?,
                boot_total: self.number(1)?,
                migrate_per_source: self.number(2)?,
                migrate_per_target: self.number(3)?,
                migrate_per_link: self.number(4)?,
                migrate_total: self.number(5)?,
                run_total: self.number(6)?,
            }),
            Act::CancelOperation(op) => Command::CancelOperation(*op),
            Act::RetryFailed(op) => Command::RetryFailed(*op),
            Act::CancelTask(task, _) => Command::CancelTask(*task),
            Act::AskAgain(task) => Command::RetryTask(*task),
            Act::Mend(Remedy::CancelTask, vms) => Command::CancelTasksOf(vms.clone()),
            Act::Mend(_, vms) => Command::BootAgain(vms.clone()),
            // Quitting and the operator's own commands give none: see `Dialog::press`.
            Act::StopEverything | Act::Quit | Act::Own(_) => Command::StopEverything,
            Act::Export(_) | Act::Overwrite(_) | Act::SaveView(_) | Act::DeleteView(..) => {
                return Err((0, "the engine has nothing to do with it".into()));
            }
        })
    }

    fn new_vms(&self) -> Result<Boot, Wrong> {
        let class = self.classes.get(self.fields[0].chosen()).ok_or((0, "this world has no class to boot".into()))?;
        let count = self.number(1)?;
        if count == 0 {
            return Err((1, "expected a number from 1".into()));
        }
        let name = self.fields[2].value();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err((2, "expected a name without blanks, as in vm-{n}".into()));
        }
        if count > 1 && !name.contains("{n}") {
            return Err((2, "expected {n} in the name: there is more than one VM".into()));
        }
        Ok(Boot {
            class: class.clone(),
            count,
            name: name.into(),
            placement: PLACEMENTS[self.fields[3].chosen()].1.clone(),
            on: self.hosts(4)?,
        })
    }

    fn moves(&self, vms: &Arc<[crate::fleet::VmId]>) -> Result<Migrate, Wrong> {
        let which = Which::Ids(vms.clone());
        let moves = match PATTERNS[self.fields[0].chosen()].1 {
            Some(pattern) => Moves::Pattern { which, pattern },
            None => Moves::To { which, hosts: self.hosts(1)? },
        };
        let (options, rescue) = self.manner()?;
        Ok(Migrate { moves, options, rescue })
    }

    fn emptied(&self) -> Result<Evacuate, Wrong> {
        let hosts = self.hosts(0)?;
        let to = if self.fields[1].value().is_empty() { None } else { Some(self.hosts(1)?) };
        let (options, rescue) = self.manner()?;
        Ok(Evacuate { hosts, to, options, rescue })
    }

    /// How VMs move, by the fields that end both dialogs of moves.
    fn manner(&self) -> Result<(MigrationOptions, Option<Arc<RescuePlan>>), Wrong> {
        let words: MoveWords = self.fields[Self::OPTIONS].value().parse().map_err(|error| (Self::OPTIONS, error))?;
        let options = MigrationOptions {
            bandwidth: self.optional::<Rate>(MANNER)?,
            max_downtime: self.optional::<Span>(MANNER + 1)?.map(|span| span.0),
            ..words.options
        };
        Ok((options, words.rescue))
    }

    fn changed(&self, change: Change) -> Result<VmChange, Wrong> {
        Ok(match change {
            Change::Destroy => VmChange::Destroy,
            Change::Shutdown => VmChange::Shutdown,
            Change::Pause => VmChange::Pause,
            Change::Resume => VmChange::Resume,
            Change::Reboot => VmChange::Reboot,
            Change::StopStress => VmChange::StopStress,
            Change::Adopt => VmChange::Adopt,
            Change::RemoveCopy => VmChange::RemoveCopy,
            Change::Stress => VmChange::Stress(Load {
                cpu: self.parsed::<Share>(0)?,
                dirty_rate: self.parsed::<Rate>(1)?,
                working_set: self.optional::<Share>(2)?,
            }),
        })
    }

    fn script(&self) -> Result<Arc<Script>, Wrong> {
        let command = self.fields[0].value();
        if command.is_empty() {
            return Err((0, "expected what a shell shall run, as in uptime".into()));
        }
        Ok(Arc::new(Script { timeout: self.time_limit(1)?, ..Script::command(command) }))
    }

    pub(super) fn time_limit(&self, field: usize) -> Result<Duration, Wrong> {
        let limit = self.parsed::<Span>(field)?.0;
        if limit.is_zero() { Err((field, "expected some time, as in 60 s".into())) } else { Ok(limit) }
    }

    fn number(&self, field: usize) -> Result<u32, Wrong> {
        let text = self.fields[field].value().replace(' ', "");
        text.parse().map_err(|_| (field, format!("expected a whole number, found `{text}`")))
    }

    fn hosts(&self, field: usize) -> Result<Selection, Wrong> {
        let text = self.fields[field].value();
        if text.is_empty() {
            return Err((field, "expected hosts, as in all, site:rennes or paradent-*".into()));
        }
        Selection::hosts(text).map_err(|error| (field, error.to_string()))
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&self, field: usize) -> Result<T, Wrong> {
        self.fields[field].value().parse().map_err(|error: T::Err| (field, error.to_string()))
    }

    fn optional<T: std::str::FromStr<Err: std::fmt::Display>>(&self, field: usize) -> Result<Option<T>, Wrong> {
        if self.fields[field].value().is_empty() { Ok(None) } else { self.parsed(field).map(Some) }
    }
}

/// A class as the boot dialog offers it: `small · 1 vCPU · 1 GiB`.
pub(super) fn class_label(class: &VmClass) -> String {
    let plural = if class.vcpus == 1 { "" } else { "s" };
    format!("{} ({} vCPU{plural}, {})", class.name, class.vcpus, class.memory)
}
