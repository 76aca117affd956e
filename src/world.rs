//! The world file: sites, hosts, links, and how they are simulated or reached.

mod build;
mod raw;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::files::{FileError, Source, suggestion};
use crate::fleet::{Bytes, NewHost, PowerAction, Rate, Share, Topology, VM_OVERHEAD};
use crate::image::Settings;
use crate::platform::sim::{LoadConfig, SimConfig};
use crate::platform::{HostAccess, Power};

/// What runs VMs in a world.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
pub enum Kind {
    /// The simulator.
    Sim(SimConfig),
    /// Libvirt on real hosts, in world order.
    Libvirt(Vec<HostAccess>),
}

/// A world: where VMs can run.
#[derive(Debug, Clone)]
pub struct World {
    /// Its name, as the file gives it.
    pub name: Arc<str>,
    /// What runs the VMs.
    pub kind: Kind,
    /// Sites, clusters, hosts, links.
    pub topology: Arc<Topology>,
    /// How its hosts come by images; the simulated ones have them all.
    pub images: Settings,
    /// How the power of its hosts is switched; simulated ones need nothing said.
    pub power: Power,
    /// How many times as many hosts as the file lists there are; see [`World::fit`].
    pub multiplied: u32,
}

/// The most hosts that a world may have: a hundred times the largest testbed.
pub const MAX_HOSTS: u32 = 1_000_000;

/// The load of VMs in a console's simulated world whose file has no `[load]`, and what keys that a `[load]` lacks stand
/// for.
pub const DEFAULT_LOAD: LoadConfig = LoadConfig {
    mean: Share(0.35),
    deviation: Share(0.2),
    period: Duration::from_mins(5),
    steps: 10,
    dirty_rate: Rate(4e6),
};

const BUILT_IN: [(&str, &str); 4] = [
    ("grid5000-2012", include_str!("../worlds/grid5000-2012.toml")),
    ("grid5000-2026", include_str!("../worlds/grid5000-2026.toml")),
    ("small", include_str!("../worlds/small.toml")),
    ("faulty", include_str!("../worlds/faulty.toml")),
];

impl World {
    /// The names of the worlds that need no file.
    pub fn built_in() -> impl Iterator<Item = &'static str> + Clone {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The world of that name, or in that file. A built-in name goes before a file of the same name; `./NAME` is
    /// always a file.
    ///
    /// # Errors
    /// Where neither exists, with the built-in names; where the file cannot be read; see [`World::parse`].
    pub fn load(name_or_path: &str) -> Result<Self, FileError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(text, &format!("worlds/{name}.toml"));
        }
        let path = Path::new(name_or_path);
        let looks_like_a_path = path.extension().is_some() || name_or_path.contains('/');
        if !looks_like_a_path && !path.exists() {
            return Err(FileError::of_file(
                name_or_path,
                format!("no world and no file of this name{}", suggestion(name_or_path, Self::built_in())),
            ));
        }
        build::build(&Source::read(path)?)
    }

    /// Reads a world from its text; `source_name` stands for the file in errors.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing keys, values out of their range, names that do not fit together; with
    /// line and column.
    pub fn parse(text: &str, source_name: &str) -> Result<Self, FileError> {
        build::build(&Source::new(text, source_name))
    }

    /// The word for what runs the VMs: `sim` or `libvirt`.
    pub const fn platform(&self) -> &'static str {
        match self.kind {
            Kind::Sim(_) => "sim",
            Kind::Libvirt(_) => "libvirt",
        }
    }

    /// What can be done to the power of its hosts: to simulated ones everything.
    pub fn power_actions(&self) -> Vec<PowerAction> {
        match self.kind {
            Kind::Sim(_) => PowerAction::ALL.to_vec(),
            Kind::Libvirt(_) => self.power.actions().collect(),
        }
    }

    /// The same world with another seed for all that the simulator draws; real hosts draw nothing.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        if let Kind::Sim(config) = &mut self.kind {
            config.seed = seed;
        }
        self
    }

    /// The same world, where it is simulated and its file has no `[load]` with [`DEFAULT_LOAD`]: what a console shows.
    #[must_use]
    pub fn with_default_load(mut self) -> Self {
        if let Kind::Sim(config) = &mut self.kind {
            config.load.get_or_insert(DEFAULT_LOAD);
        }
        self
    }

    /// How many VMs of that much memory the hosts have room for, each with [`VM_OVERHEAD`]; hosts whose memory is not
    /// known yet count nothing.
    pub fn room(&self, memory: Bytes) -> u64 {
        let each = memory.0.saturating_add(VM_OVERHEAD.0);
        self.topology.hosts.iter().map(|host| host.memory.0 / each).sum()
    }

    /// The same world with every cluster's hosts multiplied by the smallest whole factor with which `vms` VMs of
    /// `memory` fit. Unchanged where they fit already, on real hosts, where no host has room for one such VM, and where
    /// it would take more than [`MAX_HOSTS`].
    #[must_use]
    pub fn fit(&self, vms: u32, memory: Bytes) -> Self {
        let room = self.room(memory);
        let hosts = self.topology.hosts.len() as u64;
        if matches!(self.kind, Kind::Libvirt(_)) || room == 0 || room >= u64::from(vms) {
            return self.clone();
        }
        let factor = u64::from(vms).div_ceil(room);
        if factor * hosts > u64::from(MAX_HOSTS) {
            return self.clone();
        }
        let mut topology = Topology::new(&self.name);
        for site in &self.topology.sites {
            topology.site(&site.name);
        }
        for cluster in &self.topology.clusters {
            let listed = &self.topology.hosts[cluster.hosts.start as usize..cluster.hosts.end as usize];
            let hosts =
                listed.iter().cycle().take(listed.len() * factor as usize).enumerate().map(|(i, host)| NewHost {
                    name: format!("{}-{}", cluster.name, i + 1),
                    cores: host.cores,
                    memory: host.memory,
                    nic: host.nic,
                    disk: host.disk,
                });
            topology.add_cluster(cluster.site, &cluster.name, hosts);
        }
        for link in &self.topology.links {
            topology.add_link(link.clone());
        }
        Self { topology: topology.into(), multiplied: self.multiplied * factor as u32, ..self.clone() }
    }
}
