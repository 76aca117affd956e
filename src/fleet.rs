//! What there is: ids, units, sites, hosts, VMs, their states, and the language that selects among them.
//!
//! A [`Fleet`] is cheap to clone: clones share what neither has written. The engine owns the one that is true; everybody
//! else reads clones.

mod class;
mod copy;
mod finding;
mod hosts;
mod ids;
mod inspect;
mod moves;
mod power;
mod rescue;
mod script;
pub mod select;
mod state;
mod subnet;
mod time;
mod topology;
mod units;
mod vms;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use class::{
    DEFAULT_WORKING_SET, GuestSsh, Image, Load, MigrationFigures, MigrationProgress, Ready, Transfer, VmClass,
};
pub use copy::{COPIES_MARK, FileCopy, Way};
pub use finding::{Diagnosis, Finding, Remedy};
pub use hosts::{HostRow, HostTable};
pub use ids::{ClusterId, HostId, OpId, SiteId, TaskId, VmId};
pub use inspect::{Details, FromConsole, Inquiry, Job, Picture, SerialLog, ToConsole, Told};
pub use moves::{Compression, MAX_CONNECTIONS, MigrationOptions, MoveWords, Storage};
pub use power::PowerAction;
pub use rescue::{Adjust, After, PLANS, RescueAction, RescuePlan, RescueStep, THROTTLE};
pub use script::Script;
pub use select::{Bound, Reference, Referent, SelectError, Selection};
pub use state::{HostState, VmState};
pub use subnet::{Subnet, vm_mac};
pub use time::Time;
pub use topology::{Cluster, Host, Link, NewHost, Site, Topology};
pub use units::{Bytes, Rate, Share, Span, UnitError};
pub use vms::{VmRow, VmTable};
pub use words::nearest;

/// Memory that a hypervisor needs beside each VM's own: QEMU's own heap and video memory, as measured with small
/// guests under KVM; counted for every VM when a host's capacity is checked.
pub const VM_OVERHEAD: Bytes = Bytes::mib(64);

/// Everything there is at one instant.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// The platform's clock.
    pub now: Time,
    /// Sites, clusters, hosts' names and sizes, links.
    pub topology: Arc<Topology>,
    /// Hosts' figures.
    pub hosts: HostTable,
    /// VMs.
    pub vms: VmTable,
    /// Names of VM classes by [`VmRow::class`]; the first is empty, for VMs of no class.
    pub classes: Arc<Vec<Arc<str>>>,
    /// Why a VM failed or is where it is, for those of which there is something to say.
    pub vm_reasons: Arc<HashMap<VmId, Arc<str>>>,
    /// Why a host failed or is unreachable.
    pub host_reasons: Arc<HashMap<HostId, Arc<str>>>,
    /// What was found of the VMs beside whose state a finding stands, save where it is their host's.
    pub vm_diagnoses: Arc<BTreeMap<VmId, Arc<Diagnosis>>>,
    /// What was found of hosts.
    pub host_diagnoses: Arc<BTreeMap<HostId, Arc<Diagnosis>>>,
}

impl Fleet {
    /// A fleet without VMs on hosts that nothing is known of yet.
    pub fn new(topology: Arc<Topology>) -> Self {
        Self {
            hosts: HostTable::new(topology.hosts.len()),
            topology,
            classes: Arc::new(vec!["".into()]),
            ..Self::default()
        }
    }

    /// The name of a VM's class, empty where it has none.
    pub fn class_name(&self, vm: &VmRow) -> &str {
        self.classes.get(usize::from(vm.class)).map_or("", |c| c)
    }

    /// The index of the class of that name, added where it is new.
    pub fn class_named(&mut self, name: &str) -> u16 {
        if let Some(found) = self.classes.iter().position(|c| &**c == name) {
            return found as u16;
        }
        Arc::make_mut(&mut self.classes).push(name.into());
        (self.classes.len() - 1) as u16
    }

    /// What is wrong with a VM: its own diagnosis, or that of the host it is lost with.
    pub fn diagnosis(&self, vm: VmId) -> Option<&Arc<Diagnosis>> {
        let row = self.vms.row(vm);
        match row.finding {
            Finding::None => None,
            _ if row.state == VmState::Lost => row.host.and_then(|host| self.host_diagnoses.get(&host)),
            _ => self.vm_diagnoses.get(&vm),
        }
    }

    /// Memory of a host that is promised to nobody; zero where its size is not known.
    pub fn free_memory(&self, host: HostId) -> Bytes {
        let promised = Bytes::mib(u64::from(self.hosts.row(host).memory));
        self.topology.host(host).memory.saturating_sub(promised)
    }
}
