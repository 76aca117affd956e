//! The selection language: which VMs or hosts are meant.
//!
//! ```text
//! expr = and { "or" and } ; and = not { ["and"] not } ; not = { "not" | "!" } atom
//! atom = "(" expr ")" | "all" | field (":" | "=") pattern | field (">" | "<" | ">=" | "<=") value | pattern
//! ```
//!
//! VM fields are `name host cluster site state finding class op tag cpu memory dirty net since`, host fields `name
//! cluster site state vms cpu memory net`. A bare pattern is a name. Patterns match exactly, with `*` for any text and
//! `?` for one character; a host goes by its short or full name. Between double quotes stands what holds spaces or
//! would be a keyword; there `\` makes the next character an ordinary one. A field without a value (the host of a VM
//! that is not placed, the finding where there is none) matches no pattern; `finding:none` is the exception.
//!
//! A selection is compiled to a list of tests, each with the test to go on with after yes and after no. Nothing here
//! recurses, so that a selection may be as long and as deep as memory allows.

mod atom;
mod bound;
mod lexer;
mod parser;
mod pattern;

use std::fmt;
use std::sync::Arc;

use super::{Fleet, HostId, VmId};
use atom::Atom;
pub use atom::Referent;
pub use bound::Bound;

/// Where and why a selection cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: found {found}, expected {expected}")]
pub struct SelectError {
    /// Character column, from 1.
    pub column: usize,
    /// What stands there.
    pub found: String,
    /// What could have stood there.
    pub expected: String,
}

/// What a selection is over, which decides its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Vms,
    Hosts,
}

/// A selection, read and checked. Clones share it.
#[derive(Clone)]
pub struct Selection {
    source: Arc<str>,
    program: Arc<Program>,
    over: Over,
    quick: bool,
}

/// The tests of a selection, in the order of its text.
#[derive(Debug, Default)]
struct Program {
    steps: Vec<Step>,
}

/// A test and where to go on: a later step, or [`YES`] or [`NO`].
#[derive(Debug)]
struct Step {
    atom: Atom,
    /// Character column of the value in the text, from 1.
    column: usize,
    /// After yes, after no.
    next: [u32; 2],
}

/// The end of a program: selected.
const YES: u32 = u32::MAX;
/// The end of a program: not selected.
const NO: u32 = u32::MAX - 1;

impl Program {
    fn run(&self, test: impl Fn(&Atom) -> bool) -> bool {
        follow(|at| self.steps[at].next, |at| test(&self.steps[at].atom))
    }
}

/// Goes from test to test until the end.
fn follow(next: impl Fn(usize) -> [u32; 2], test: impl Fn(usize) -> bool) -> bool {
    let mut at = 0;
    loop {
        let ways = next(at as usize);
        at = ways[usize::from(!test(at as usize))];
        match at {
            YES => return true,
            NO => return false,
            _ => {}
        }
    }
}

/// A name that a selection holds without wildcards, of something that is there or not before any VM is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// What it is the name of.
    pub to: Referent,
    /// The name.
    pub name: &'a str,
    /// Its character column in the selection's text, from 1.
    pub column: usize,
}

impl Selection {
    /// Selects everything, VMs or hosts.
    pub fn all() -> Self {
        Self::read("all", Over::Hosts, false).expect("`all` is a selection")
    }

    /// Reads a selection of VMs. A bare pattern is a whole name.
    ///
    /// # Errors
    /// The column of what cannot stand there, and what could.
    pub fn vms(text: &str) -> Result<Self, SelectError> {
        Self::read(text, Over::Vms, false)
    }

    /// Reads a selection of hosts.
    ///
    /// # Errors
    /// See [`Selection::vms`].
    pub fn hosts(text: &str) -> Result<Self, SelectError> {
        Self::read(text, Over::Hosts, false)
    }

    /// Reads what is typed into the console's quick filter over VMs: a bare word is a part of a name, in capitals or
    /// not; nothing at all selects everything.
    ///
    /// # Errors
    /// See [`Selection::vms`].
    pub fn quick_vms(text: &str) -> Result<Self, SelectError> {
        if text.trim().is_empty() {
            return Self::read("all", Over::Vms, true);
        }
        Self::read(text, Over::Vms, true)
    }

    /// Reads what is typed into the console's quick filter over hosts; see [`Selection::quick_vms`].
    ///
    /// # Errors
    /// See [`Selection::vms`].
    pub fn quick_hosts(text: &str) -> Result<Self, SelectError> {
        Self::read(if text.trim().is_empty() { "all" } else { text }, Over::Hosts, true)
    }

    fn read(text: &str, over: Over, quick: bool) -> Result<Self, SelectError> {
        let program = Arc::new(parser::parse(text, over, quick)?);
        Ok(Self { source: text.into(), program, over, quick })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is `all`, and so selects everything at any time.
    pub fn is_all(&self) -> bool {
        matches!(self.program.steps.as_slice(), [Step { atom: Atom::All, next: [YES, _], .. }])
    }

    /// The sites, clusters, hosts and classes that it names without wildcards.
    pub fn references(&self) -> impl Iterator<Item = Reference<'_>> {
        self.program.steps.iter().filter_map(|step| {
            let (to, name) = step.atom.reference(self.over)?;
            Some(Reference { to, name, column: step.column })
        })
    }

    /// Whether it is over hosts and asks only where they are and what they are called, so that the same hosts are
    /// selected as long as none joins or leaves.
    pub fn is_about_places(&self) -> bool {
        self.over == Over::Hosts && self.program.steps.iter().all(|step| step.atom.is_about_places())
    }

    /// Looks up in a fleet what the selection names, for testing many VMs or hosts of it.
    pub fn bind<'a>(&'a self, fleet: &'a Fleet) -> Bound<'a> {
        Bound::new(self, fleet)
    }

    /// Whether a VM is selected. Of a selection of hosts, only fields that VMs have too can be true. For many VMs,
    /// [`bind`](Self::bind) is faster.
    pub fn has_vm(&self, fleet: &Fleet, vm: VmId) -> bool {
        let row = fleet.vms.row(vm);
        self.program.run(|atom| atom.has_vm(fleet, vm, &row))
    }

    /// Whether a host is selected. Of a selection of VMs, only fields that hosts have too can be true. For many hosts,
    /// [`bind`](Self::bind) is faster.
    pub fn has_host(&self, fleet: &Fleet, host: HostId) -> bool {
        self.program.run(|atom| atom.has_host(fleet, host))
    }

    /// The selected VMs, by id.
    pub fn select_vms(&self, fleet: &Fleet) -> Vec<VmId> {
        if self.is_all() {
            return fleet.vms.ids().collect();
        }
        let bound = self.bind(fleet);
        fleet.vms.rows().filter(|(vm, row)| bound.has_vm(*vm, row)).map(|(vm, _)| vm).collect()
    }

    /// The selected hosts, in world order.
    pub fn select_hosts(&self, fleet: &Fleet) -> Vec<HostId> {
        let bound = self.bind(fleet);
        fleet.topology.host_ids().filter(|&host| bound.has_host(host)).collect()
    }
}

impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.over == other.over && self.quick == other.quick
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selection({:?} over {:?})", self.source, self.over)
    }
}

/// With single spaces and every `and` spoken; reads as the same selection.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&lexer::tidy(&self.source))
    }
}

#[cfg(test)]
mod tests;
