//! The tests of a selection and what each is true of.

use super::super::{Bytes, Finding, Fleet, HostId, HostState, Rate, Share, Span, VmId, VmRow, VmState};
use super::Over;
use super::pattern::Pattern;

/// Fields of VMs, as a selection names them.
pub(super) const VM_FIELDS: [&str; 14] = [
    "name", "host", "cluster", "site", "state", "finding", "class", "op", "tag", "cpu", "memory", "dirty", "net",
    "since",
];

/// Fields of hosts, as a selection names them.
pub(super) const HOST_FIELDS: [&str; 8] = ["name", "cluster", "site", "state", "vms", "cpu", "memory", "net"];

/// A field that holds a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Name,
    Host,
    Cluster,
    Site,
    State,
    Finding,
    Class,
    Tag,
}

impl Text {
    pub(super) fn named(field: &str) -> Option<Self> {
        Some(match field {
            "name" => Self::Name,
            "host" => Self::Host,
            "cluster" => Self::Cluster,
            "site" => Self::Site,
            "state" => Self::State,
            "finding" => Self::Finding,
            "class" => Self::Class,
            "tag" => Self::Tag,
            _ => return None,
        })
    }
}

/// A field that holds a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Op,
    Vms,
    Cpu,
    Memory,
    /// Promised memory of a host as a share of what it has.
    MemoryShare,
    Dirty,
    Net,
    Since,
}

impl Number {
    pub(super) fn named(field: &str) -> Option<Self> {
        Some(match field {
            "op" => Self::Op,
            "vms" => Self::Vms,
            "cpu" => Self::Cpu,
            "memory" => Self::Memory,
            "dirty" => Self::Dirty,
            "net" => Self::Net,
            "since" => Self::Since,
            _ => return None,
        })
    }

    /// Reads a value of the field into the unit that the fleet's columns have: MiB, KiB/s, seconds, a share, a count.
    pub(super) fn read(self, over: Over, text: &str) -> Option<(Self, f64)> {
        const KIB: f64 = 1024.0;
        let share = || text.parse::<Share>().ok().map(|share| share.0);
        let rate = || text.parse::<Rate>().ok().map(|rate| rate.0 / KIB);
        Some(match self {
            Self::Op => (self, f64::from(text.strip_prefix('#').unwrap_or(text).parse::<u32>().ok()?)),
            Self::Vms => (self, f64::from(text.parse::<u32>().ok()?)),
            Self::Cpu => (self, share()?),
            Self::Memory | Self::MemoryShare => match (over, share()) {
                (Over::Hosts, Some(share)) => (Self::MemoryShare, share),
                _ => (self, text.parse::<Bytes>().ok()?.0 as f64 / (KIB * KIB)),
            },
            Self::Dirty | Self::Net => (self, rate()?),
            Self::Since => (self, text.parse::<Span>().ok()?.0.as_secs_f64()),
        })
    }

    /// What a value of it looks like.
    pub(super) fn expected(self, over: Over) -> &'static str {
        match (self, over) {
            (Self::Op, _) => "an operation's number, as in `op:3`",
            (Self::Vms, _) => "a number, as in `vms > 20`",
            (Self::Cpu, _) => "a percentage, as in `cpu > 50 %`",
            (Self::Memory | Self::MemoryShare, Over::Vms) => "an amount of data, as in `memory >= 1 GiB`",
            (Self::Memory | Self::MemoryShare, Over::Hosts) => {
                "an amount of data or a percentage, as in `memory >= 16 GiB` or `memory > 80 %`"
            }
            (Self::Dirty, _) => "a rate, as in `dirty > 10 MB/s`",
            (Self::Net, _) => "a rate, as in `net > 10 MB/s`",
            (Self::Since, _) => "a time span, as in `since > 5m`",
        }
    }

    /// The field's value of a VM; none where VMs have no such field.
    pub(super) fn of_vm(self, fleet: &Fleet, row: &VmRow) -> Option<f64> {
        Some(match self {
            Self::Op => f64::from(row.op.0),
            Self::Cpu => f64::from(row.cpu) / (f64::from(row.vcpus.max(1)) * 1000.0),
            Self::Memory => f64::from(row.memory),
            Self::Dirty => f64::from(row.dirty),
            Self::Net => f64::from(row.net),
            // Whole seconds, as the column has them.
            Self::Since => fleet.now.as_secs().saturating_sub(u64::from(row.since)) as f64,
            Self::Vms | Self::MemoryShare => return None,
        })
    }

    /// The field's value of a host; none where hosts have no such field or its size is not known.
    pub(super) fn of_host(self, fleet: &Fleet, host: HostId) -> Option<f64> {
        let row = fleet.hosts.row(host);
        Some(match self {
            Self::Vms => f64::from(row.vms),
            Self::Cpu => match fleet.topology.host(host).cores {
                0 => return None,
                cores => f64::from(row.cpu_demand) / (f64::from(cores) * 1000.0),
            },
            Self::Memory => f64::from(row.memory),
            Self::MemoryShare => match fleet.topology.host(host).memory.0 {
                0 => return None,
                memory => f64::from(row.memory) * Bytes::MIB.0 as f64 / memory as f64,
            },
            Self::Net => f64::from(row.net_rx) + f64::from(row.net_tx),
            Self::Op | Self::Dirty | Self::Since => return None,
        })
    }
}

/// Whether values of the field are written with a unit.
pub(super) fn is_measured(field: &str) -> bool {
    Number::named(field).is_some_and(|number| !matches!(number, Number::Op | Number::Vms))
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
}

impl Relation {
    fn holds(self, number: Number, is: f64, value: f64) -> bool {
        // Columns hold whole numbers and thousandths of a core: a value between two of them equals the nearest.
        let step = if matches!(number, Number::Cpu | Number::MemoryShare) { 0.001 } else { 1.0 };
        match self {
            Self::Equal => (is - value).abs() <= step / 2.0,
            Self::Greater => is > value,
            Self::Less => is < value,
            Self::GreaterEqual => is >= value,
            Self::LessEqual => is <= value,
        }
    }
}

/// The comparison of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Comparison {
    pub(super) number: Number,
    pub(super) relation: Relation,
    /// In the unit of [`Number::read`].
    pub(super) value: f64,
}

impl Comparison {
    pub(super) fn has_vm(self, fleet: &Fleet, row: &VmRow) -> bool {
        self.number.of_vm(fleet, row).is_some_and(|is| self.relation.holds(self.number, is, self.value))
    }

    pub(super) fn has_host(self, fleet: &Fleet, host: HostId) -> bool {
        self.number.of_host(fleet, host).is_some_and(|is| self.relation.holds(self.number, is, self.value))
    }
}

/// Words that Hemera knows of a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Managed,
    Unmanaged,
    Stressed,
}

impl Tag {
    pub(super) const ALL: [(Self, &'static str); 3] =
        [(Self::Managed, "managed"), (Self::Unmanaged, "unmanaged"), (Self::Stressed, "stressed")];

    pub(super) fn of(self, row: &VmRow) -> bool {
        match self {
            Self::Managed => row.managed,
            Self::Unmanaged => !row.managed,
            Self::Stressed => row.stressed,
        }
    }
}

/// The word by which hosts are selected whose demand exceeds their cores, whatever their state.
pub(super) const OVER: &str = "over";

/// What a name in a selection is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referent {
    /// A site.
    Site,
    /// A cluster.
    Cluster,
    /// A host.
    Host,
    /// A class of VMs.
    Class,
}

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Atom {
    All,
    Text(Text, Pattern),
    Number(Comparison),
}

impl Atom {
    /// What the test names without wildcards.
    pub(super) fn reference(&self, over: Over) -> Option<(Referent, &str)> {
        let Self::Text(field, pattern) = self else { return None };
        let to = match (field, over) {
            (Text::Site, _) => Referent::Site,
            (Text::Cluster, _) => Referent::Cluster,
            (Text::Host, _) | (Text::Name, Over::Hosts) => Referent::Host,
            (Text::Class, _) => Referent::Class,
            _ => return None,
        };
        Some((to, pattern.exact()?))
    }

    /// Whether it is about hosts' names, clusters and sites alone, which stay as they are.
    pub(super) const fn is_about_places(&self) -> bool {
        matches!(self, Self::All | Self::Text(Text::Name | Text::Host | Text::Cluster | Text::Site, _))
    }

    pub(super) fn has_vm(&self, fleet: &Fleet, vm: VmId, row: &VmRow) -> bool {
        match self {
            Self::All => true,
            Self::Number(comparison) => comparison.has_vm(fleet, row),
            Self::Text(field, pattern) => match field {
                Text::Name => pattern.matches(fleet.vms.name(vm)),
                Text::Host | Text::Cluster | Text::Site => {
                    row.host.is_some_and(|host| in_place(*field, pattern, fleet, host))
                }
                Text::State => pattern.matches(row.state.word()),
                Text::Finding => has_finding(pattern, row.finding),
                Text::Class => {
                    let class = fleet.class_name(row);
                    !class.is_empty() && pattern.matches(class)
                }
                Text::Tag => Tag::ALL.iter().any(|(tag, word)| tag.of(row) && pattern.matches(word)),
            },
        }
    }

    pub(super) fn has_host(&self, fleet: &Fleet, host: HostId) -> bool {
        match self {
            Self::All => true,
            Self::Number(comparison) => comparison.has_host(fleet, host),
            Self::Text(Text::State, pattern) => {
                let row = fleet.hosts.row(host);
                pattern.matches(row.state.word()) || (row.over() && pattern.matches(OVER))
            }
            Self::Text(Text::Name, pattern) => in_place(Text::Host, pattern, fleet, host),
            Self::Text(field @ (Text::Host | Text::Cluster | Text::Site), pattern) => {
                in_place(*field, pattern, fleet, host)
            }
            Self::Text(Text::Finding | Text::Class | Text::Tag, _) => false,
        }
    }
}

/// Whether a host, or what runs on it, is in a place of that name.
pub(super) fn in_place(field: Text, pattern: &Pattern, fleet: &Fleet, host: HostId) -> bool {
    let topology = &fleet.topology;
    match field {
        Text::Site => pattern.matches(topology.site_name(host)),
        Text::Cluster => pattern.matches(topology.cluster_name(host)),
        _ => pattern.matches(&topology.host(host).name) || pattern.matches(&topology.full_name(host)),
    }
}

pub(super) fn has_finding(pattern: &Pattern, finding: Finding) -> bool {
    if finding == Finding::None { pattern.exact() == Some("none") } else { pattern.matches(finding.word()) }
}

/// The words that a state has.
pub(super) fn state_words(over: Over) -> Vec<&'static str> {
    match over {
        Over::Vms => VmState::SHOWN.iter().map(|state| state.word()).collect(),
        Over::Hosts => HostState::ALL.iter().map(|state| state.word()).chain([OVER]).collect(),
    }
}
