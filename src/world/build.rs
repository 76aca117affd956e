//! The checks that make a [`World`] of what a file holds.

mod power;
mod reach;

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use crate::files::{Checker, FileError, Source, suggestion};
use crate::fleet::{Bytes, HostId, Link, NewHost, Rate, Share, SiteId, Span, Topology};
use crate::platform::HostAccess;
use crate::platform::sim::{
    Ailment, Ailments, BootConfig, FaultConfig, LoadConfig, MigrationConfig, PerHour, SimConfig,
};

use super::raw::{Hosts, Platform, RawBoot, RawCluster, RawFaults, RawLink, RawLoad, RawMigration, RawWorld};
use super::{DEFAULT_LOAD, Kind, MAX_HOSTS, World};

/// The most cores of a host: what the fleet's columns of thousandths of a core hold a thousand times.
const MAX_CORES: u32 = 4096;
/// The most memory of a host. The sum over [`MAX_HOSTS`] stays far below 2^64 bytes.
const MAX_MEMORY: Bytes = Bytes(1 << 44);
/// The longest span of time that a file may give: ten years.
const MAX_SPAN: Duration = Duration::from_hours(10 * 365 * 24);
/// How fast a host's disk reads where the file does not say.
const DEFAULT_DISK: Rate = Rate(500e6);

/// Reads and checks a world.
pub(super) fn build(source: &Source) -> Result<World, FileError> {
    let raw: RawWorld = source.parse()?;
    let read = Reader(Checker { source });
    if raw.name.get_ref().trim().is_empty() || raw.name.get_ref().contains(char::is_control) {
        return read
            .fail(&raw.name, format!("found {:?} as the name of the world, expected some text", raw.name.get_ref()));
    }
    if raw.cluster.is_empty() {
        return Err(source.error(&(0..0), "no [[cluster]]: expected at least one"));
    }
    if raw.cluster.len() > usize::from(u16::MAX) {
        return Err(source.error(&raw.cluster[usize::from(u16::MAX)].span(), "more than 65535 clusters"));
    }
    let mut topology = Topology::new(raw.name.get_ref());
    let mut places = Places::default();
    let mut access = Vec::new();
    for cluster in &raw.cluster {
        read.cluster(raw.platform, cluster, &mut topology, &mut places, &mut access)?;
    }
    for link in &raw.link {
        read.link(link, &mut topology, &mut places)?;
    }
    let kind = match raw.platform {
        Platform::Sim => Kind::Sim(SimConfig {
            seed: 0,
            load: raw.load.map(|load| read.load(load.get_ref())).transpose()?,
            boot: raw.boot.map(|boot| read.boot(boot.get_ref())).transpose()?.unwrap_or_default(),
            migration: raw.migration.map(|m| read.migration(m.get_ref())).transpose()?.unwrap_or_default(),
            faults: raw.faults.map(|faults| read.faults(faults.get_ref())).transpose()?.unwrap_or_default(),
        }),
        Platform::Libvirt => {
            let spans = [
                ("load", raw.load.as_ref().map(Spanned::span)),
                ("boot", raw.boot.as_ref().map(Spanned::span)),
                ("migration", raw.migration.as_ref().map(Spanned::span)),
                ("faults", raw.faults.as_ref().map(Spanned::span)),
            ];
            if let Some((table, span)) = spans.into_iter().find_map(|(table, span)| Some((table, span?))) {
                let message = format!("[{table}] says what the simulator does: not with platform = \"libvirt\"");
                return Err(source.error(&span, message));
            }
            Kind::Libvirt(access)
        }
    };
    let images = raw.images.map(|images| read.images(raw.platform, &images)).transpose()?.unwrap_or_default();
    let power = raw.power.map(|power| read.power(raw.platform, &power)).transpose()?.unwrap_or_default();
    Ok(World { name: topology.world.clone(), kind, topology: Arc::new(topology), images, power, multiplied: 1 })
}

/// Names given so far.
#[derive(Default)]
struct Places {
    sites: HashMap<String, SiteId>,
    clusters: HashMap<String, String>,
    hosts: HashSet<String>,
    links: HashSet<(SiteId, SiteId)>,
}

struct Reader<'a>(Checker<'a>);

impl<'a> Deref for Reader<'a> {
    type Target = Checker<'a>;
    fn deref(&self) -> &Checker<'a> {
        &self.0
    }
}

impl Reader<'_> {
    /// A name that selections, host names and paths can hold.
    fn name(&self, name: &Spanned<String>, of: &str) -> Result<(), FileError> {
        let text = name.get_ref();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if text.is_empty() || text.len() > 63 || !text.chars().all(plain) || text.starts_with('-') {
            let message = format!(
                "found {text:?} as the name of {of}, expected up to 63 letters, digits, `-` and `_`, as in \"rennes\""
            );
            return self.fail(name, message);
        }
        Ok(())
    }

    fn cluster(
        &self,
        platform: Platform,
        cluster: &Spanned<RawCluster>,
        topology: &mut Topology,
        places: &mut Places,
        access: &mut Vec<HostAccess>,
    ) -> Result<(), FileError> {
        let raw = cluster.get_ref();
        self.name(&raw.site, "a site")?;
        self.name(&raw.name, "a cluster")?;
        let name = raw.name.get_ref();
        let site = *places.sites.entry(raw.site.get_ref().clone()).or_insert_with_key(|site| topology.site(site));
        if let Some(at) = places.clusters.insert(name.clone(), raw.site.get_ref().clone()) {
            let message =
                format!("cluster `{name}` is there twice (first at {at}): its hosts' names would not be unique");
            return self.fail(&raw.name, message);
        }
        let cores = raw.cores.as_ref().map(|cores| self.count(cores, 1, MAX_CORES, "cores")).transpose()?;
        let memory =
            raw.memory.as_ref().map(|memory| self.bytes(memory, Bytes::MIB, MAX_MEMORY, "memory")).transpose()?;
        let nic = raw.nic.as_ref().map(|nic| self.rate(nic, "nic")).transpose()?;
        let disk = raw.disk.as_ref().map(|disk| self.rate(disk, "disk")).transpose()?;
        let host = |name: String| NewHost {
            name,
            cores: cores.unwrap_or(0),
            memory: memory.unwrap_or_default(),
            nic: nic.unwrap_or_default(),
            disk: disk.unwrap_or_default(),
        };
        let subnet = raw.subnet.as_ref().map(|subnet| self.subnet(platform, subnet)).transpose()?;
        let ssh_config = raw.ssh_config.as_ref().map(|file| self.ssh_config(platform, file)).transpose()?;
        match (platform, raw.hosts.get_ref()) {
            (Platform::Sim, Hosts::Count(count)) => {
                let missing = [("cores", cores.is_none()), ("memory", memory.is_none()), ("nic", nic.is_none())];
                if let Some((key, _)) = missing.into_iter().find(|(_, missing)| *missing) {
                    return self.fail(cluster, format!("missing key `{key}` in [[cluster]] `{name}`"));
                }
                let room = i64::from(MAX_HOSTS) - topology.hosts.len() as i64;
                if *count < 1 || *count > room {
                    let message = format!("hosts: found {count}, expected 1 to {room} (a world has up to {MAX_HOSTS})");
                    return self.fail(&raw.hosts, message);
                }
                let hosts =
                    (1..=*count).map(|i| NewHost { disk: disk.unwrap_or(DEFAULT_DISK), ..host(format!("{name}-{i}")) });
                topology.add_cluster(site, name, hosts);
            }
            (Platform::Sim, Hosts::Listed(_)) => {
                return self.fail(&raw.hosts, "hosts: found a list, expected a number with platform = \"sim\"");
            }
            (Platform::Libvirt, Hosts::Count(_)) => {
                let message = "hosts: found a number, expected a list of { name, uri } with platform = \"libvirt\"";
                return self.fail(&raw.hosts, message);
            }
            (Platform::Libvirt, Hosts::Listed(listed)) => {
                if listed.is_empty() {
                    return self.fail(&raw.hosts, "hosts: found an empty list, expected at least one { name, uri }");
                }
                for (i, listed) in listed.iter().enumerate() {
                    self.name(&listed.name, "a host")?;
                    if !places.hosts.insert(listed.name.get_ref().clone()) {
                        return self.fail(&listed.name, format!("host `{}` is there twice", listed.name.get_ref()));
                    }
                    self.uri(&listed.uri, "qemu+ssh://root@h1/system")?;
                    for (uri, example) in
                        [(&listed.peer, "qemu+tls://h1/system"), (&listed.migrate, "tcp://10.158.0.1")]
                    {
                        uri.as_ref().map(|uri| self.uri(uri, example)).transpose()?;
                    }
                    access.push(HostAccess {
                        host: HostId((topology.hosts.len() + i) as u32),
                        uri: listed.uri.get_ref().clone(),
                        peer: listed.peer.as_ref().map(|uri| uri.get_ref().clone()),
                        migrate: listed.migrate.as_ref().map(|uri| uri.get_ref().clone()),
                        subnet,
                        ssh: self.ssh(listed, ssh_config.as_ref())?,
                    });
                }
                topology.add_cluster(site, name, listed.iter().map(|listed| host(listed.name.get_ref().clone())));
            }
        }
        Ok(())
    }

    fn link(&self, link: &RawLink, topology: &mut Topology, places: &mut Places) -> Result<(), FileError> {
        let ends = link.between.get_ref();
        let [a, b] = ends.as_slice() else {
            return self.fail(&link.between, format!("between: found {} sites, expected two", ends.len()));
        };
        let site = |end: &Spanned<String>| {
            places.sites.get(end.get_ref()).copied().ok_or_else(|| {
                let mut known: Vec<_> = places.sites.keys().map(String::as_str).collect();
                known.sort_unstable();
                let hint = suggestion(end.get_ref(), known);
                self.source.error(&end.span(), format!("no cluster is at a site `{}`{hint}", end.get_ref()))
            })
        };
        let (from, to) = (site(a)?, site(b)?);
        if from == to {
            let message = format!("a link from `{}` to itself: inside a site the NICs are the limit", a.get_ref());
            return self.fail(b, message);
        }
        if !places.links.insert((from.min(to), from.max(to))) {
            let message = format!("a second link between `{}` and `{}`", a.get_ref(), b.get_ref());
            return self.fail(&link.between, message);
        }
        let bandwidth = self.rate(&link.bandwidth, "bandwidth")?;
        let latency = self.span(&link.latency, Duration::ZERO, Duration::from_mins(1), "latency")?;
        topology.add_link(Link { a: from, b: to, bandwidth, latency });
        Ok(())
    }

    fn load(&self, load: &RawLoad) -> Result<LoadConfig, FileError> {
        let share = |share: &Option<Spanned<Share>>, key, default| {
            share.as_ref().map_or(Ok(default), |share| self.share(share, key))
        };
        let default = DEFAULT_LOAD;
        let least = Duration::from_millis(1);
        Ok(LoadConfig {
            mean: share(&load.mean, "mean", default.mean)?,
            deviation: share(&load.deviation, "deviation", default.deviation)?,
            period: load
                .period
                .as_ref()
                .map_or(Ok(default.period), |period| self.span(period, least, MAX_SPAN, "period"))?,
            steps: load.steps.as_ref().map_or(Ok(default.steps), |steps| self.count(steps, 1, 1000, "steps"))?,
            dirty_rate: load
                .dirty_rate
                .as_ref()
                .map_or(Ok(default.dirty_rate), |rate| self.rate_or_zero(rate, "dirty_rate"))?,
        })
    }

    fn boot(&self, boot: &RawBoot) -> Result<BootConfig, FileError> {
        let default = BootConfig::default();
        Ok(BootConfig {
            cpu: boot.cpu.as_ref().map_or(Ok(default.cpu), |cpu| self.span(cpu, Duration::ZERO, MAX_SPAN, "cpu"))?,
            read: boot.read.as_ref().map_or(Ok(default.read), |read| self.bytes(read, Bytes(0), MAX_MEMORY, "read"))?,
        })
    }

    fn migration(&self, migration: &RawMigration) -> Result<MigrationConfig, FileError> {
        let default = MigrationConfig::default();
        let efficiency = match &migration.efficiency {
            None => default.efficiency,
            Some(share) if *share.get_ref() > 0.0 && *share.get_ref() <= 1.0 => Share(*share.get_ref()),
            Some(share) => {
                let message = format!("efficiency: found {}, expected a number above 0, up to 1", share.get_ref());
                return self.fail(share, message);
            }
        };
        let least = Duration::from_micros(1);
        Ok(MigrationConfig {
            max_downtime: migration
                .max_downtime
                .as_ref()
                .map_or(Ok(default.max_downtime), |span| self.span(span, least, MAX_SPAN, "max_downtime"))?,
            max_rounds: migration.max_rounds.unwrap_or(default.max_rounds),
            efficiency,
            setup: migration
                .setup
                .as_ref()
                .map_or(Ok(default.setup), |span| self.span(span, Duration::ZERO, MAX_SPAN, "setup"))?,
        })
    }

    fn faults(&self, faults: &RawFaults) -> Result<FaultConfig, FileError> {
        let share = |share: &Option<Spanned<Share>>, key| {
            share.as_ref().map_or(Ok(Share::default()), |share| self.share(share, key))
        };
        let downtime = |span: &Option<Spanned<Span>>, key| {
            span.as_ref().map(|span| self.span(span, Duration::from_millis(1), MAX_SPAN, key)).transpose()
        };
        let per_hour = |rate: &Option<Spanned<String>>, key: &str| {
            rate.as_ref().map_or(Ok(PerHour::default()), |rate| {
                parse_per_hour(rate.get_ref()).map_or_else(
                    || {
                        let message = format!(
                            "{key}: found {:?}, expected a number per time, up to 3600 an hour, as in \"1/1000h\"",
                            rate.get_ref()
                        );
                        self.fail(rate, message)
                    },
                    Ok,
                )
            })
        };
        let mut ailments = Ailments::default();
        let mut strikes = 0.0;
        for ailment in Ailment::ALL {
            let told = faults.ailment(ailment);
            let struck = told.map_or(Ok(Share::default()), |told| self.share(told, ailment.key()))?;
            strikes += if ailment == Ailment::LeftOnSource { 0.0 } else { struck.0 };
            if let Some(told) = told.filter(|_| strikes > 1.0 + 1e-9) {
                return self.fail(told, format!("{}: more than 100 % of all guests would fall ill", ailment.key()));
            }
            ailments = ailments.with(ailment, struck);
        }
        Ok(FaultConfig {
            ailments,
            libvirtd_hang: per_hour(&faults.libvirtd_hang, "libvirtd_hang")?,
            boot_failure: share(&faults.boot_failure, "boot_failure")?,
            migration_failure: share(&faults.migration_failure, "migration_failure")?,
            stuck_guest: share(&faults.stuck_guest, "stuck_guest")?,
            host_crash: per_hour(&faults.host_crash, "host_crash")?,
            host_downtime: downtime(&faults.host_downtime, "host_downtime")?,
            link_cut: per_hour(&faults.link_cut, "link_cut")?,
            link_downtime: downtime(&faults.link_downtime, "link_downtime")?,
            slow_host: share(&faults.slow_host, "slow_host")?,
            slow_factor: match &faults.slow_factor {
                Some(factor) if factor.get_ref().0 == 0.0 => {
                    return self.fail(factor, "slow_factor: found 0 %, expected above 0 %, up to 100 %");
                }
                factor => share(factor, "slow_factor")?,
            },
        })
    }
}

/// Reads `1/1000h`, `2/day`-like rates of events: a number, a slash, a span; `1/h` is once an hour.
fn parse_per_hour(text: &str) -> Option<PerHour> {
    let (number, span) = text.split_once('/')?;
    let number: f64 = number.trim().parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0)?;
    let span = span.trim();
    let span: Span = if span.starts_with(|c: char| c.is_ascii_alphabetic()) {
        format!("1{span}").parse().ok()?
    } else {
        span.parse().ok()?
    };
    let per_hour = number / (span.0.as_secs_f64() / 3600.0);
    (per_hour.is_finite() && per_hour <= 3600.0).then_some(PerHour(per_hour))
}
