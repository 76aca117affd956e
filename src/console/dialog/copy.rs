//! Dialogs that copy files to VMs or hosts, and back from them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::act::Wrong;
use super::build::{hidden_fact, in_vms, on_hosts, the_vms};
use super::{Act, Dialog, Field};
use crate::console::export::Target;
use crate::console::hosts_marked::{name_hosts, these_hosts};
use crate::files::Content;
use crate::fleet::{Bytes, FileCopy, Fleet, HostId, VmId, Way};
use crate::handle::{Command, OperationSpec, RunOn};

/// Where a copy goes or comes from.
pub(crate) enum There<'a> {
    /// These VMs, of which so many are hidden by the filter.
    Vms(Vec<VmId>, usize),
    /// These hosts.
    Hosts(&'a [HostId]),
}

impl There<'_> {
    /// How it is called, how it is said to the engine, and what the operator must know.
    fn told(self, fleet: &Fleet) -> (String, RunOn, Vec<String>) {
        match self {
            Self::Vms(vms, hidden) => {
                let name = format!("{}{}", the_vms(fleet, &vms), on_hosts(fleet, &vms));
                let most = format!("As root, by the guests' agents or by SSH; {} at most.", FileCopy::GUEST_MAX);
                (name, in_vms(vms), hidden_fact(hidden).into_iter().chain([most]).collect())
            }
            Self::Hosts(hosts) => {
                let on = RunOn::Hosts(these_hosts(&fleet.topology, hosts));
                (name_hosts(&fleet.topology, hosts), on, vec!["On the hosts themselves, by SSH.".into()])
            }
        }
    }
}

impl Dialog {
    /// A file from here to each of them.
    pub(crate) fn copy_in(fleet: &Fleet, there: There) -> Self {
        let (name, on, facts) = there.told(fleet);
        let fields = vec![
            Field::text("file here", "", "a path on this machine: ./probe.sh"),
            Field::text("to", "", "its whole path there: /root/probe.sh"),
            Field::text("permissions", "", "octal, as in 755; empty: as here"),
            Field::text("time limit", "10 min", "each is given up when it takes longer"),
        ];
        let mut dialog = Self::new(Act::CopyIn(on), format!("Copy a file to {name}"), "Copy to", fields);
        dialog.facts = facts;
        dialog.facts.push("It gets its name there when all of it has arrived; a file of that name is replaced.".into());
        dialog
    }

    /// A file from each of them to here.
    pub(crate) fn copy_out(fleet: &Fleet, there: There) -> Self {
        let (name, on, facts) = there.told(fleet);
        let into = Target::default_path("copied", "");
        let fields = vec![
            Field::text("file there", "", "its whole path: /var/log/syslog"),
            Field::text("into", into.trim_end_matches('.'), "a directory here, in which each gets its own"),
            Field::text("time limit", "10 min", "each is given up when it takes longer"),
        ];
        let mut dialog = Self::new(Act::CopyOut(on), format!("Copy a file from {name}"), "Copy from", fields);
        dialog.facts = facts;
        dialog
    }

    /// What the fields say. As long as the file was not read, nothing is known of it but its path: enough for a preview.
    pub(super) fn copied_in(&self, content: Option<&Content>) -> Result<Arc<FileCopy>, Wrong> {
        let name = self.fields[0].value();
        if name.is_empty() {
            return Err((0, "expected the path of a file on this machine".into()));
        }
        let to = FileCopy::path_there(self.fields[1].value()).map_err(|why| (1, why))?;
        let mode = match self.fields[2].value() {
            "" => content.map_or(0, |content| content.mode),
            text => FileCopy::mode(text).map_err(|why| (2, why))?,
        };
        let (size, sum) = content.map_or((0, ""), |content| (content.size, &content.sum));
        let way = Way::In { file: self.source()?, name: name.into(), size: Bytes(size), sum: sum.into(), to, mode };
        Ok(Arc::new(FileCopy { way, timeout: self.time_limit(3)? }))
    }

    /// The file here that is sent.
    fn source(&self) -> Result<PathBuf, Wrong> {
        std::path::absolute(Target::path(self.fields[0].value())).map_err(|why| (0, why.to_string()))
    }

    /// Reads the file that it sends, on a thread of its own; none where it sends none.
    pub(crate) fn read(&self) -> Option<oneshot::Receiver<io::Result<Content>>> {
        let Act::CopyIn(on) = &self.act else { return None };
        let most = matches!(on, RunOn::Vms(_)).then_some(FileCopy::GUEST_MAX.0);
        let file = self.source().ok()?;
        let (sender, receiver) = oneshot::channel();
        let work = move || drop(sender.send(Content::of(&file, most)));
        // Without the thread the sender is gone at once, and the receiver says so.
        drop(std::thread::Builder::new().name("console-read".into()).spawn(work));
        Some(receiver)
    }

    /// What it asks for, now that its file has been read.
    ///
    /// # Errors
    /// With the first field that cannot be understood, or the file's, where it cannot be read.
    pub(crate) fn sends(&self, read: io::Result<Content>) -> Result<Command, Wrong> {
        let content = read.map_err(|why| (0, format!("{}: {why}", self.fields[0].value())))?;
        let Act::CopyIn(on) = &self.act else { return self.command() };
        Ok(Command::Start(OperationSpec::Copy { on: on.clone(), copy: self.copied_in(Some(&content))? }))
    }

    pub(super) fn copied_out(&self) -> Result<Arc<FileCopy>, Wrong> {
        let from = FileCopy::path_there(self.fields[0].value()).map_err(|why| (0, why))?;
        let into = self.fields[1].value();
        if into.is_empty() {
            return Err((1, "expected a directory on this machine".into()));
        }
        let to = std::path::absolute(Target::path(into)).map_err(|why| (1, why.to_string()))?;
        Ok(Arc::new(FileCopy { way: Way::Out { from, to }, timeout: self.time_limit(2)? }))
    }
}
