//! From a world to what runs its VMs.

use std::sync::Arc;

use super::Failure;
use crate::engine::{Config, Engine, Expected};
use crate::handle::Limits;
use crate::platform::sim::SimPlatform;
use crate::world::{Kind, World};

/// A world's platform, opened.
pub(super) enum Opened {
    /// Simulated.
    Sim(Box<SimPlatform>),
    /// Real hosts.
    #[cfg(feature = "libvirt")]
    Libvirt {
        /// The platform.
        platform: crate::platform::libvirt::LibvirtPlatform,
        /// Tells of new observations.
        notify: Arc<tokio::sync::Notify>,
        /// Where its clock begins.
        started: std::time::Instant,
    },
}

/// Opens the platform of a world.
#[cfg_attr(feature = "libvirt", expect(clippy::unnecessary_wraps, reason = "without libvirt it can fail"))]
pub(super) fn open(world: &World) -> Result<Opened, Failure> {
    match &world.kind {
        Kind::Sim(config) => Ok(Opened::Sim(Box::new(SimPlatform::new(world.topology.clone(), config.clone())))),
        #[cfg(feature = "libvirt")]
        Kind::Libvirt(access) => {
            let started = std::time::Instant::now();
            let (platform, notify) = crate::platform::libvirt::LibvirtPlatform::connect(
                world.topology.clone(),
                access.clone(),
                world.images.clone(),
                world.power.clone(),
                started,
            );
            Ok(Opened::Libvirt { platform, notify, started })
        }
        #[cfg(not(feature = "libvirt"))]
        Kind::Libvirt(_) => Err(Failure::input(format!(
            "world `{}` is of real hosts, and this program was built without libvirt: install libvirt-dev and \
             pkg-config, then build it with `cargo build --release --features libvirt`",
            world.name
        ))),
    }
}

/// An engine for a world; `history` for a console, which shows figures over time.
pub(super) fn engine(world: &World, seed: u64, limits: Limits, history: bool) -> Engine {
    let mut config = Config { seed, limits, history, ..Config::default() };
    if let Kind::Sim(sim) = &world.kind {
        let crate::platform::sim::MigrationConfig { max_downtime, max_rounds, efficiency, setup } = sim.migration;
        config.migration = Expected { max_downtime, max_rounds, efficiency, setup };
    }
    Engine::new(Arc::clone(&world.topology), config)
}
