//! The selection language: which VMs or hosts are meant.

use super::{Fleet, HostId, VmId};

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

/// A selection, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    source: String,
}

impl Selection {
    /// Selects everything.
    pub fn all() -> Self {
        Self { source: "all".into() }
    }

    /// Reads a selection of VMs. A bare pattern is a whole name.
    pub fn vms(text: &str) -> Result<Self, SelectError> {
        Ok(Self { source: text.into() })
    }

    /// Reads a selection of hosts.
    pub fn hosts(text: &str) -> Result<Self, SelectError> {
        Ok(Self { source: text.into() })
    }

    /// Reads what is typed into the console's quick filter over VMs: a bare word is a part of a name.
    pub fn quick_vms(text: &str) -> Result<Self, SelectError> {
        Ok(Self { source: text.into() })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether a VM is selected.
    pub fn has_vm(&self, _fleet: &Fleet, _vm: VmId) -> bool {
        true
    }

    /// Whether a host is selected.
    pub fn has_host(&self, _fleet: &Fleet, _host: HostId) -> bool {
        true
    }

    /// The selected VMs, by id.
    pub fn select_vms(&self, fleet: &Fleet) -> Vec<VmId> {
        fleet.vms.ids().filter(|&vm| self.has_vm(fleet, vm)).collect()
    }

    /// The selected hosts, in world order.
    pub fn select_hosts(&self, fleet: &Fleet) -> Vec<HostId> {
        fleet.topology.host_ids().filter(|&host| self.has_host(fleet, host)).collect()
    }
}
