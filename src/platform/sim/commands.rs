//! Commands in simulated guests and on simulated hosts: each takes [`TAKES`], writes nothing and ends with 0. Copies of
//! files take as long, whatever their size, and bring nothing: there are no files in simulated guests.

use std::time::Duration;

use crate::fleet::{HostId, TaskId, Time, VmId};
use crate::platform::{End, Observation};

use super::host::called;
use super::vms::State;
use super::{Event, SimPlatform, Work};

/// How long every command and copy takes.
pub const TAKES: Duration = Duration::from_secs(1);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// A command, which ends with a code.
    Command,
    /// A copy of a file.
    Copy,
}

/// A command or copy that runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command {
    does: Does,
    /// Where: in a guest of this host, or on it.
    host: HostId,
    /// In which guest; none: on the host itself.
    vm: Option<VmId>,
    ends: Time,
    /// It ends when its time is over, before it would have ended.
    late: Option<Duration>,
}

impl SimPlatform {
    pub(super) fn run_in_guest(&mut self, task: TaskId, vm: VmId, host: HostId, does: Does, timeout: Duration) {
        let row = self.vms.get(vm);
        let refused = if row.state == State::Absent || row.host != host {
            format!("there is no such VM on {}", called(&self.topology, host))
        } else if row.state != State::Running {
            "its guest does not run".to_owned()
        } else {
            return self.begin_command(task, Some(vm), host, does, timeout);
        };
        self.ended(task, End::Failed(refused.into()), None);
    }

    pub(super) fn run_on_host(&mut self, task: TaskId, host: HostId, does: Does, timeout: Duration) {
        if !self.hosts[host.index()].is_up() {
            let reason = format!("{} does not answer", called(&self.topology, host));
            return self.ended(task, End::Failed(reason.into()), None);
        }
        self.begin_command(task, None, host, does, timeout);
    }

    /// Simulated hosts have every image.
    pub(super) fn have_image(&mut self, task: TaskId, host: HostId) {
        let end = if self.hosts[host.index()].is_up() {
            End::Done
        } else {
            End::Failed(format!("{} does not answer", called(&self.topology, host)).into())
        };
        self.ended(task, end, None);
    }

    fn begin_command(&mut self, task: TaskId, vm: Option<VmId>, host: HostId, does: Does, timeout: Duration) {
        let late = (timeout < TAKES).then_some(timeout);
        let command = Command { does, host, vm, ends: self.now + TAKES.min(timeout), late };
        self.commands.insert((command.ends, task));
        self.tasks.insert(task, Work::Command(command));
        self.expect_command();
    }

    /// Sets when the next command ends.
    fn expect_command(&mut self) {
        let source = self.source(Event::Commands);
        match self.commands.first() {
            Some(&(at, _)) => self.queue.set(source, at),
            None => self.queue.clear(source),
        }
    }

    /// Ends the commands whose time has come.
    pub(super) fn commands_end(&mut self) {
        while let Some(&(at, task)) = self.commands.first().filter(|&&(at, _)| at <= self.now) {
            self.commands.remove(&(at, task));
            let Some(Work::Command(command)) = self.tasks.remove(&task) else { continue };
            let end = match (command.late, command.vm) {
                (Some(limit), _) => {
                    End::Failed(format!("took longer than {} s and was ended", limit.as_secs_f64()).into())
                }
                (None, Some(vm)) if self.vms.get(vm).state == State::Absent => End::Failed("the VM is gone".into()),
                (None, _) => End::Done,
            };
            if end == End::Done && command.does == Does::Command {
                self.say(None, Observation::Exited { task, code: 0 });
            }
            self.ended(task, end, None);
        }
        self.expect_command();
    }

    pub(super) fn end_command(&mut self, task: TaskId, command: Command, end: End) {
        self.commands.remove(&(command.ends, task));
        self.tasks.remove(&task);
        self.expect_command();
        self.ended(task, end, None);
    }

    /// Ends all that runs on a host that crashes.
    pub(super) fn fail_commands(&mut self, host: HostId, reason: &str) {
        let here = self.commands.iter().filter_map(|&(_, task)| match self.tasks.get(&task) {
            Some(&Work::Command(command)) if command.host == host => Some((task, command)),
            _ => None,
        });
        for (task, command) in here.collect::<Vec<_>>() {
            self.end_command(task, command, End::Failed(reason.into()));
        }
    }
}
