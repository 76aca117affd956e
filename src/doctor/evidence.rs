//! What is seen of VMs and hosts, as plain data.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{Bytes, Load, Rate, Time, VmState};

/// How much of the end of a serial console's log is looked at, in bytes.
pub const TAIL: usize = 4096;

/// Something seen of a VM that tells how its guest or its hypervisor is. Each says what is true at the instant that it
/// is told, and counts until another one of its kind, or until the VM starts anew.
#[derive(Debug, Clone, PartialEq)]
pub enum Sign {
    /// The end of what its serial console said, at most [`TAIL`] bytes, and for how long it has said nothing more.
    Serial {
        /// The text; empty where it never said anything.
        tail: Arc<str>,
        /// For how long it is as it is.
        silent: Duration,
    },
    /// Its guest's agent answered a question.
    AgentAnswers {
        /// How far its clock was behind the asker's, in milliseconds; none where it was not asked for the time.
        behind: Option<i64>,
    },
    /// Its guest's agent, which has its port open, did not answer a question.
    AgentSilent,
    /// For so long its QEMU has used no CPU time though the hypervisor says that it runs; zero: it uses some.
    Still(Duration),
    /// A disk of it had an error.
    DiskError {
        /// Which disk and where, in words.
        disk: Arc<str>,
        /// Whether the disk that it lies on is full.
        full: bool,
    },
    /// Its addresses by the guest's own word, without that of loopback.
    Addresses(Arc<[Ipv4Addr]>),
    /// Whether the network reaches it.
    Network {
        /// The address that was tried.
        address: Ipv4Addr,
        /// Whether anybody answered there.
        answers: bool,
        /// Whether other VMs are reached the same way: where none is, the way is to blame.
        others: bool,
    },
    /// What it bears.
    Load(LoadSeen),
}

/// What is seen of a VM's load.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadSeen {
    /// The load tool in its guest has a load that nobody of ours asked for since we are here.
    Found(Load),
    /// So much memory it dirties in a second.
    Dirties(Rate, Teller),
    /// It has this working set. Nobody named one.
    Has(Bytes),
    /// Its guest has no room for the working set. Counts until another load, or none, is asked of it.
    Short {
        /// What was asked for.
        asked: Bytes,
        /// What is used instead.
        taken: Bytes,
    },
    /// The load tool in its guest is gone: it bears none. Counts as long.
    Gone {
        /// What its console said of that; none where it says nothing.
        why: Option<Arc<str>>,
    },
}

/// Who says how much memory a VM dirties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// The load tool in its guest, which counts what it does.
    Tool,
    /// The hypervisor, from some of its pages, looked at twice.
    Sample,
}

/// Something seen of a host beside what its hypervisor tells.
#[derive(Debug, Clone, PartialEq)]
pub enum HostSign {
    /// A disk on which its VMs write.
    Disk {
        /// Where it is mounted or what is on it.
        path: Arc<str>,
        /// Room that is left.
        free: Bytes,
        /// Its size.
        total: Bytes,
    },
    /// What its machine says where its hypervisor gave no answer.
    Contact(Contact),
}

/// What a machine says to somebody who calls on its hypervisor's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// The port is open: somebody holds it.
    Open,
    /// The machine says that nobody listens there.
    Refused,
    /// Nothing.
    Nothing,
}

/// The end of a serial console's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serial {
    /// The text.
    pub tail: Arc<str>,
    /// Since when it has said nothing more.
    pub since: Time,
}

/// A second domain of a VM's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The host that lists it.
    pub host: Arc<str>,
    /// Its state there.
    pub state: VmState,
    /// Whether that is where the VM last moved away from.
    pub moved: bool,
}

/// All that is known of a VM.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// The instant at which it is looked at.
    pub now: Time,
    /// Its state.
    pub state: VmState,
    /// Why it is in it, where the hypervisor or a task says.
    pub reason: Option<Arc<str>>,
    /// Since when.
    pub since: Time,
    /// Its host's name; empty for none.
    pub host: Arc<str>,
    /// Whether a task works on it.
    pub busy: bool,
    /// Whether Hemera paused it.
    pub paused_here: bool,
    /// What its serial console said.
    pub serial: Option<Serial>,
    /// Since when its guest's agent, which had answered, does not.
    pub silent: Option<Time>,
    /// How far its guest's clock is behind, in milliseconds.
    pub behind: Option<i64>,
    /// Since when its QEMU has used no CPU time though it runs.
    pub still: Option<Time>,
    /// Which disk had an error, and whether the disk that it lies on is full.
    pub disk: Option<(Arc<str>, bool)>,
    /// Since when its guest says that it has no address, though it has a card.
    pub no_address: Option<Time>,
    /// The address at which the network does not reach it though it reaches others, and since when.
    pub unreached: Option<(Ipv4Addr, Time)>,
    /// What its load lacks of what was asked.
    pub load: Option<LoadSeen>,
    /// The domain of its name on another host.
    pub copy: Option<Copy>,
    /// The address that it shares, and the name of whom with.
    pub twin: Option<(Ipv4Addr, Arc<str>)>,
    /// Why its domain went away though nobody of ours took it.
    pub gone: Option<Arc<str>>,
}

impl Evidence {
    /// Takes in what was seen at `at`. A second domain, a shared address and where the VM went are for others to say.
    pub fn take(&mut self, at: Time, sign: &Sign) {
        let before = |span: Duration| Time(at.0.saturating_sub(span.as_nanos() as u64));
        match sign {
            Sign::Serial { tail, silent } => {
                self.serial = Some(Serial { tail: tail.clone(), since: before(*silent) });
            }
            Sign::AgentAnswers { behind } => {
                // It is past whatever its console said before.
                (self.silent, self.still, self.serial) = (None, None, None);
                self.behind = behind.or(self.behind);
            }
            Sign::AgentSilent => self.silent = self.silent.or(Some(at)),
            Sign::Still(span) => self.still = (!span.is_zero()).then(|| before(*span)),
            Sign::DiskError { disk, full } => self.disk = Some((disk.clone(), *full)),
            Sign::Addresses(addresses) => {
                self.no_address = if addresses.is_empty() { self.no_address.or(Some(at)) } else { None };
            }
            Sign::Network { address, answers, others } => {
                let since = self.unreached.map_or(at, |(_, since)| since);
                self.unreached = (!answers && *others).then_some((*address, since));
            }
            Sign::Load(seen) => {
                if matches!(seen, LoadSeen::Short { .. } | LoadSeen::Gone { .. }) {
                    self.load = Some(seen.clone());
                }
            }
        }
    }

    /// Whether nothing in it tells of any trouble: it need not be kept.
    pub fn is_well(&self) -> bool {
        let twice = self.copy.is_some() || self.twin.is_some();
        let trouble = twice || self.serial.is_some() || self.disk.is_some() || self.load.is_some();
        let times = [self.silent, self.still, self.no_address].iter().any(Option::is_some);
        let late = self.behind.is_some_and(|behind| behind.unsigned_abs() > 1000);
        !(trouble || times || late || self.unreached.is_some() || self.gone.is_some())
    }

    /// For how long something has been so.
    pub(super) fn lasts(&self, since: Time) -> Duration {
        self.now.since(since)
    }
}

/// All that is known of a host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostEvidence {
    /// Its name.
    pub name: Arc<str>,
    /// Why its hypervisor gives no answer; none: it answers.
    pub silent: Option<Arc<str>>,
    /// What its machine said since.
    pub contact: Option<Contact>,
    /// A disk of it: where, room left, size.
    pub disk: Option<(Arc<str>, Bytes, Bytes)>,
}

/// A duration as sentences have it, in the largest unit that tells enough.
pub(super) fn secs(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
