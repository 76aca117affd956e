//! A selection with its names looked up, for testing many VMs or hosts.

use std::collections::HashSet;

use super::super::{Fleet, HostId, SiteId, VmId, VmRow, VmState};
use super::atom::{Atom, Comparison, OVER, Tag, Text, has_finding, in_place};
use super::pattern::Pattern;
use super::{Over, Program, Selection, Step, follow};

/// A selection and the fleet it is about, made by [`Selection::bind`].
///
/// Sites, clusters, hosts, states and classes are sets of ids here, so that a test reads one column of a VM, and names
/// joined by `or` are one look into a set. It stands for the fleet as it was when bound: ask again after it changed.
pub struct Bound<'a> {
    fleet: &'a Fleet,
    program: &'a Program,
    over: Over,
    /// A test for each step of the program, and where to go on.
    tests: Vec<(Test<'a>, [u32; 2])>,
}

/// A set of small numbers.
struct Bits(Vec<u64>);

impl Bits {
    fn new(len: usize, has: impl Fn(usize) -> bool) -> Self {
        let mut bits = Self(vec![0; len.div_ceil(64)]);
        for i in (0..len).filter(|&i| has(i)) {
            bits.add(i);
        }
        bits
    }

    fn add(&mut self, i: usize) {
        self.0[i / 64] |= 1 << (i % 64);
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
    Names(HashSet<&'a str>),
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
        let mut tests: Vec<_> =
            program.steps.iter().map(|step| (test(&step.atom, fleet, selection.over), step.next)).collect();
        for (run, field) in runs(&program.steps) {
            let names = program.steps[run.clone()].iter().filter_map(|step| exact(&step.atom)).map(|(_, name)| name);
            let set = if field == Text::Name && selection.over == Over::Vms {
                Test::Names(names.collect())
            } else {
                let mut hosts = Bits::new(fleet.topology.hosts.len(), |_| false);
                for host in names.filter_map(|name| fleet.topology.host_named(name)) {
                    hosts.add(host.index());
                }
                Test::Hosts(hosts)
            };
            tests[run.start] = (set, [program.steps[run.start].next[0], program.steps[run.end - 1].next[1]]);
        }
        Self { fleet, program, over: selection.over, tests }
    }

    /// Whether a VM is selected; `row` is its row in the fleet.
    pub fn has_vm(&self, vm: VmId, row: &VmRow) -> bool {
        if self.over == Over::Hosts {
            return self.program.run(|atom| atom.has_vm(self.fleet, vm, row));
        }
        let test = |i: usize| match &self.tests[i].0 {
            Test::Always => true,
            Test::Never => false,
            Test::Name(pattern) => pattern.matches(self.fleet.vms.name(vm)),
            Test::Names(names) => names.contains(self.fleet.vms.name(vm)),
            Test::Host(host) => row.host == Some(*host),
            Test::Hosts(hosts) => row.host.is_some_and(|host| hosts.has(host.index())),
            Test::State(states, _) => states >> row.state as u8 & 1 != 0,
            Test::Finding(pattern) => has_finding(pattern, row.finding),
            Test::Class(classes) => classes.has(usize::from(row.class)),
            Test::Tags(tags) => tags.iter().any(|tag| tag.of(row)),
            Test::Number(comparison) => comparison.has_vm(self.fleet, row),
        };
        follow(|i| self.tests[i].1, test)
    }

    /// Whether a host is selected.
    pub fn has_host(&self, host: HostId) -> bool {
        if self.over == Over::Vms {
            return self.program.run(|atom| atom.has_host(self.fleet, host));
        }
        let test = |i: usize| match &self.tests[i].0 {
            Test::Always => true,
            Test::Host(named) => host == *named,
            Test::Hosts(hosts) => hosts.has(host.index()),
            Test::State(_, pattern) => {
                let row = self.fleet.hosts.row(host);
                pattern.matches(row.state.word()) || (row.over() && pattern.matches(OVER))
            }
            Test::Number(comparison) => comparison.has_host(self.fleet, host),
            Test::Never | Test::Name(_) | Test::Names(_) | Test::Finding(_) | Test::Class(_) | Test::Tags(_) => false,
        };
        follow(|i| self.tests[i].1, test)
    }
}

/// The name of a VM or host that a test asks for without wildcards.
fn exact(atom: &Atom) -> Option<(Text, &str)> {
    match atom {
        Atom::Text(field @ (Text::Name | Text::Host), pattern) => Some((*field, pattern.exact()?)),
        _ => None,
    }
}

/// Runs of steps that ask for names of the same field, go to the same place after yes, to the next one after no, and
/// are entered at their first step alone: `a or b or c`, also where it is negated. A whole run is one look into a set.
fn runs(steps: &[Step]) -> Vec<(std::ops::Range<usize>, Text)> {
    let mut entered = vec![0u32; steps.len()];
    for target in steps.iter().flat_map(|step| step.next) {
        if let Some(entries) = entered.get_mut(target as usize) {
            *entries += 1;
        }
    }
    let mut runs = Vec::new();
    let mut start = 0;
    while start < steps.len() {
        let mut end = start + 1;
        if let Some((field, _)) = exact(&steps[start].atom) {
            while end < steps.len()
                && steps[end - 1].next[1] as usize == end
                && steps[end].next[0] == steps[start].next[0]
                && entered[end] == 1
                && exact(&steps[end].atom).is_some_and(|(other, _)| other == field)
            {
                end += 1;
            }
            if end - start > 1 {
                runs.push((start..end, field));
            }
        }
        start = end;
    }
    runs
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
