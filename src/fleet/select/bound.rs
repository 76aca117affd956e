//! A selection with its names looked up, for testing many VMs or hosts.

use super::super::{Fleet, HostId, SiteId, VmId, VmRow, VmState};
use super::atom::{Atom, Comparison, OVER, Tag, Text, has_finding, in_place};
use super::pattern::Pattern;
use super::{Over, Program, Selection};

/// A selection and the fleet it is about, made by [`Selection::bind`].
///
/// Sites, clusters, hosts, states and classes are sets of ids here, so that a test reads one column of a VM. It stands
/// for the fleet as it was when bound: ask again after it changed.
pub struct Bound<'a> {
    fleet: &'a Fleet,
    program: &'a Program,
    over: Over,
    tests: Vec<Test<'a>>,
}

/// A set of small numbers.
struct Bits(Vec<u64>);

impl Bits {
    fn new(len: usize, has: impl Fn(usize) -> bool) -> Self {
        let mut words = vec![0u64; len.div_ceil(64)];
        for i in (0..len).filter(|&i| has(i)) {
            words[i / 64] |= 1 << (i % 64);
        }
        Self(words)
    }

    fn has(&self, i: usize) -> bool {
        self.0.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 != 0)
    }
}

/// A test with its names looked up.
enum Test<'a> {
    Always,
    Never,
    Name(&'a Pattern),
    Host(HostId),
    Hosts(Bits),
    /// Of VMs by bits; of hosts the pattern, which also finds hosts that are over.
    State(u32, &'a Pattern),
    Finding(&'a Pattern),
    Class(Bits),
    Tags(Vec<Tag>),
    Number(Comparison),
}

impl<'a> Bound<'a> {
    pub(super) fn new(selection: &'a Selection, fleet: &'a Fleet) -> Self {
        let program = &*selection.program;
        let tests = program.steps.iter().map(|step| test(&step.atom, fleet, selection.over)).collect();
        Self { fleet, program, over: selection.over, tests }
    }

    /// Whether a VM is selected; `row` is its row in the fleet.
    pub fn has_vm(&self, vm: VmId, row: &VmRow) -> bool {
        if self.over == Over::Hosts {
            return self.program.run(|_, atom| atom.has_vm(self.fleet, vm, row));
        }
        self.program.run(|i, _| match &self.tests[i] {
            Test::Always => true,
            Test::Never => false,
            Test::Name(pattern) => pattern.matches(self.fleet.vms.name(vm)),
            Test::Host(host) => row.host == Some(*host),
            Test::Hosts(hosts) => row.host.is_some_and(|host| hosts.has(host.index())),
            Test::State(states, _) => states >> row.state as u8 & 1 != 0,
            Test::Finding(pattern) => has_finding(pattern, row.finding),
            Test::Class(classes) => classes.has(usize::from(row.class)),
            Test::Tags(tags) => tags.iter().any(|tag| tag.of(row)),
            Test::Number(comparison) => comparison.has_vm(self.fleet, row),
        })
    }

    /// Whether a host is selected.
    pub fn has_host(&self, host: HostId) -> bool {
        self.program.run(|i, atom| match &self.tests[i] {
            Test::Host(named) => host == *named,
            Test::Hosts(hosts) => hosts.has(host.index()),
            Test::State(_, pattern) => {
                let row = self.fleet.hosts.row(host);
                pattern.matches(row.state.word()) || (row.over() && pattern.matches(OVER))
            }
            _ => atom.has_host(self.fleet, host),
        })
    }
}

fn test<'a>(atom: &'a Atom, fleet: &Fleet, over: Over) -> Test<'a> {
    let topology = &fleet.topology;
    let (field, pattern) = match atom {
        Atom::All => return Test::Always,
        Atom::Number(comparison) => return Test::Number(*comparison),
        Atom::Text(field, pattern) => (*field, pattern),
    };
    match field {
        Text::Name if over == Over::Vms => Test::Name(pattern),
        Text::Name | Text::Host => match pattern.exact() {
            Some(name) => topology.host_named(name).map_or(Test::Never, Test::Host),
            None => {
                Test::Hosts(Bits::new(topology.hosts.len(), |i| in_place(Text::Host, pattern, fleet, HostId(i as u32))))
            }
        },
        Text::Cluster => {
            let clusters = Bits::new(topology.clusters.len(), |i| pattern.matches(&topology.clusters[i].name));
            Test::Hosts(Bits::new(topology.hosts.len(), |i| clusters.has(topology.hosts[i].cluster.index())))
        }
        Text::Site => {
            let sites = Bits::new(topology.sites.len(), |i| pattern.matches(&topology.sites[i].name));
            let site_of = |i: usize| -> SiteId { topology.hosts[i].site };
            Test::Hosts(Bits::new(topology.hosts.len(), |i| sites.has(site_of(i).index())))
        }
        Text::State => {
            let states = VmState::SHOWN.iter().filter(|state| pattern.matches(state.word()));
            Test::State(states.fold(0, |bits, state| bits | 1 << *state as u8), pattern)
        }
        Text::Finding => Test::Finding(pattern),
        Text::Class => {
            let classes = &fleet.classes;
            Test::Class(Bits::new(classes.len(), |i| !classes[i].is_empty() && pattern.matches(&classes[i])))
        }
        Text::Tag => {
            Test::Tags(Tag::ALL.iter().filter(|(_, word)| pattern.matches(word)).map(|(tag, _)| *tag).collect())
        }
    }
}
