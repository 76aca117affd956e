//! VM classes that the console offers.

use std::path::Path;
use std::sync::Arc;

use crate::files::FileError;
use crate::fleet::{Bytes, Image, Ready, VmClass};
use crate::workflow::Workflow;
use crate::world::Kind;

/// Name, vCPUs and MiB of what the simulator offers where no file says.
const SIMULATED: [(&str, u8, u64); 4] = [("tiny", 1, 64), ("small", 1, 1024), ("medium", 2, 2048), ("large", 4, 8192)];

/// A class of the simulator, which needs no image.
fn simulated(name: &str, vcpus: u8, mib: u64) -> Arc<VmClass> {
    Arc::new(VmClass {
        name: name.into(),
        vcpus,
        memory: Bytes::mib(mib),
        image: Image::None,
        network: None,
        cpu: None,
        ready: Ready::Up,
        agent: true,
        ssh: None,
        patience: None,
        ssh_key: None,
    })
}

/// The class of the VMs that run already with `--vms`: the first of the simulator's.
pub(super) fn tiny() -> Arc<VmClass> {
    let (name, vcpus, mib) = SIMULATED[0];
    simulated(name, vcpus, mib)
}

/// The classes to boot from: a workflow file's, else those that the platform has by itself.
pub(super) fn offered(kind: &Kind, file: Option<&Path>) -> Result<Vec<Arc<VmClass>>, FileError> {
    match (file, kind) {
        (Some(file), _) => Ok(Workflow::load(file)?.classes),
        (None, Kind::Sim(_)) => Ok(SIMULATED.map(|(name, vcpus, mib)| simulated(name, vcpus, mib)).into()),
        (None, Kind::Libvirt(_)) => Ok(Vec::new()),
    }
}
