//! Sites, clusters, hosts and the links between sites: what a world file describes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Bytes, ClusterId, HostId, Rate, SiteId};

/// A site of the testbed.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its name, as in `rennes`.
    pub name: Arc<str>,
    /// Its clusters, in world order.
    pub clusters: Vec<ClusterId>,
}

/// Hosts of one kind at one site.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its name, as in `paradoxe`.
    pub name: Arc<str>,
    /// Where it stands.
    pub site: SiteId,
    /// Its hosts, in world order.
    pub hosts: std::ops::Range<u32>,
}

/// A node that runs VMs.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Its short name, as in `paradoxe-1`.
    pub name: Arc<str>,
    /// Where it stands.
    pub site: SiteId,
    /// Its cluster.
    pub cluster: ClusterId,
    /// CPU cores; 0 while a real host has not answered.
    pub cores: u32,
    /// Memory for VMs; 0 while a real host has not answered.
    pub memory: Bytes,
    /// The rate of its NIC, each way.
    pub nic: Rate,
    /// The rate at which its disk reads.
    pub disk: Rate,
}

/// What joins two sites, each way.
#[derive(Debug, Clone)]
pub struct Link {
    /// One end.
    pub a: SiteId,
    /// The other end.
    pub b: SiteId,
    /// Its rate, each way.
    pub bandwidth: Rate,
    /// One-way latency.
    pub latency: Duration,
}

/// The places there are. It changes when hosts join, leave or tell their sizes; snapshots share it.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    /// The world's name.
    pub world: Arc<str>,
    /// Sites by [`SiteId`].
    pub sites: Vec<Site>,
    /// Clusters by [`ClusterId`].
    pub clusters: Vec<Cluster>,
    /// Hosts by [`HostId`].
    pub hosts: Vec<Host>,
    /// Links between sites.
    pub links: Vec<Link>,
    by_name: HashMap<Arc<str>, HostId>,
    site_by_name: HashMap<Arc<str>, SiteId>,
    link_of: HashMap<(SiteId, SiteId), usize>,
}

/// Name and sizes of the hosts of a cluster that is to be added.
#[derive(Debug, Clone)]
pub struct NewHost {
    /// Short name.
    pub name: String,
    /// CPU cores.
    pub cores: u32,
    /// Memory for VMs.
    pub memory: Bytes,
    /// NIC rate, each way.
    pub nic: Rate,
    /// Disk read rate.
    pub disk: Rate,
}

impl Topology {
    /// An empty world of that name.
    pub fn new(world: &str) -> Self {
        Self { world: world.into(), ..Self::default() }
    }

    /// The site of that name, added where it is new.
    pub fn site(&mut self, name: &str) -> SiteId {
        if let Some(found) = self.site_named(name) {
            return found;
        }
        let id = SiteId(self.sites.len() as u16);
        let name: Arc<str> = name.into();
        self.site_by_name.insert(name.clone(), id);
        self.sites.push(Site { name, clusters: Vec::new() });
        id
    }

    /// Adds a cluster with its hosts at the end of world order.
    pub fn add_cluster(&mut self, site: SiteId, name: &str, hosts: impl IntoIterator<Item = NewHost>) -> ClusterId {
        let cluster = ClusterId(self.clusters.len() as u16);
        let first = self.hosts.len() as u32;
        for host in hosts {
            let id = HostId(self.hosts.len() as u32);
            let name: Arc<str> = host.name.into();
            self.by_name.insert(name.clone(), id);
            self.hosts.push(Host {
                name,
                site,
                cluster,
                cores: host.cores,
                memory: host.memory,
                nic: host.nic,
                disk: host.disk,
            });
        }
        let hosts = first..self.hosts.len() as u32;
        self.clusters.push(Cluster { name: name.into(), site, hosts });
        self.sites[site.index()].clusters.push(cluster);
        cluster
    }

    /// Joins two sites. A second link between the same sites replaces the first.
    pub fn add_link(&mut self, link: Link) {
        self.link_of.insert((link.a.min(link.b), link.a.max(link.b)), self.links.len());
        self.links.push(link);
    }

    /// The site of that name.
    pub fn site_named(&self, name: &str) -> Option<SiteId> {
        self.site_by_name.get(name).copied()
    }

    /// The host of that short (`paradoxe-1`) or full (`paradoxe-1.rennes.grid5000.fr`) name.
    pub fn host_named(&self, name: &str) -> Option<HostId> {
        if let Some(&host) = self.by_name.get(name) {
            return Some(host);
        }
        let host = *self.by_name.get(name.split_once('.')?.0)?;
        (self.full_name(host) == name).then_some(host)
    }

    /// The host's name on Grid'5000: `paradoxe-1.rennes.grid5000.fr`.
    pub fn full_name(&self, host: HostId) -> String {
        let host = self.host(host);
        format!("{}.{}.grid5000.fr", host.name, self.sites[host.site.index()].name)
    }

    /// A host. Panics where the id is not of this topology.
    pub fn host(&self, host: HostId) -> &Host {
        &self.hosts[host.index()]
    }

    /// The name of the site a host stands at.
    pub fn site_name(&self, host: HostId) -> &Arc<str> {
        &self.sites[self.host(host).site.index()].name
    }

    /// The name of the cluster a host belongs to.
    pub fn cluster_name(&self, host: HostId) -> &Arc<str> {
        &self.clusters[self.host(host).cluster.index()].name
    }

    /// All host ids in world order.
    pub fn host_ids(&self) -> impl ExactSizeIterator<Item = HostId> + use<> {
        (0..self.hosts.len() as u32).map(HostId)
    }

    /// The place in [`links`](Self::links) of what joins two different sites; none inside a site or where no link is
    /// described (then the NICs alone limit).
    pub fn link_between(&self, a: SiteId, b: SiteId) -> Option<usize> {
        (a != b).then(|| self.link_of.get(&(a.min(b), a.max(b))).copied()).flatten()
    }
}
