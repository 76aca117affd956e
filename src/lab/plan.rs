//! What a lab is made of: names, addresses, MAC addresses. All of it follows from its number and its size.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fleet::{Rate, Span};

/// Sites of Grid'5000, each with a cluster of it. In a lab's eighth subnet is its gateway.
const SITES: [(&str, &str); MAX_SITES] = [
    ("rennes", "paradoxe"),
    ("nantes", "ecotype"),
    ("lille", "chiclet"),
    ("nancy", "gros"),
    ("grenoble", "dahu"),
    ("lyon", "nova"),
    ("toulouse", "montcalm"),
];
/// The most sites of a lab.
pub const MAX_SITES: usize = 7;
/// The most hosts of a site: with them all of a lab's hosts and its gateway fit into one /24.
pub const MAX_HOSTS: usize = 32;
/// The most VMs of a site that get an address: the usable ones of a /22.
pub const MAX_VMS: usize = 1022;
/// The prefix length of a lab's VMs: eight subnets of Grid'5000's size /22.
const LAB_PREFIX: u8 = 19;
/// The prefix length of a site's VMs, as `g5k-subnets` hands them out.
const SITE_PREFIX: u8 = 22;

/// The rate and the one-way delay of the links between sites, as in `1 Gbit/s,10 ms`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// In bytes per second and direction.
    bytes_per_second: f64,
    /// In microseconds.
    delay_us: u64,
}

impl Shape {
    /// The rate in each direction.
    pub const fn rate(self) -> Rate {
        Rate(self.bytes_per_second)
    }

    /// How long each frame is on its way.
    pub const fn delay(self) -> Duration {
        Duration::from_micros(self.delay_us)
    }

    /// Bits per second, as `tc` counts.
    pub(super) fn bits(self) -> u64 {
        (self.bytes_per_second * 8.0).round() as u64
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rate, delay) = text.split_once(',').ok_or("expected RATE,DELAY, as in \"1 Gbit/s,10 ms\"")?;
        let rate: Rate = rate.parse().map_err(|error| format!("{error}"))?;
        let delay: Span = delay.parse().map_err(|error| format!("{error}"))?;
        if !(125e3..=12.5e9).contains(&rate.0) {
            return Err(format!("found a rate of {rate}, expected 1 Mbit/s to 100 Gbit/s"));
        }
        if delay.0 > Duration::from_secs(1) {
            return Err(format!("found a delay of {delay}, expected up to 1 s"));
        }
        Ok(Self { bytes_per_second: rate.0, delay_us: delay.0.as_micros() as u64 })
    }
}

/// As a world file and a person have it: `1 Gbit/s, 10 ms`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.rate_text(), self.delay_text())
    }
}

impl Shape {
    /// The rate in bits, exactly, with the largest unit that leaves a short number.
    pub(super) fn rate_text(self) -> String {
        let bits = self.bits();
        let (divisor, unit) = match bits {
            1_000_000_000.. => (1e9, "Gbit/s"),
            _ => (1e6, "Mbit/s"),
        };
        format!("{} {unit}", bits as f64 / divisor)
    }

    /// The delay, exactly.
    pub(super) fn delay_text(self) -> String {
        format!("{} ms", self.delay_us as f64 / 1e3)
    }
}

/// A lab as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Which of the labs of this machine.
    pub number: u8,
    /// Its sites.
    pub sites: Vec<Site>,
    /// What the links between sites are like; none: as fast as the machine.
    pub shape: Option<Shape>,
    /// How many VMs of each site can get an address.
    pub vms: usize,
}

/// A site: a bridge with its hosts, and a subnet of its VMs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// As on Grid'5000; its bridge in the lab's network namespace is called the same.
    pub name: &'static str,
    /// Its only cluster.
    pub cluster: &'static str,
    /// Its hosts.
    pub hosts: Vec<Host>,
    /// The first address of its VMs' subnet.
    network: Ipv4Addr,
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// As in `paradoxe-1`; its cable at its site's bridge is called the same.
    pub name: String,
    /// Its name in full, as in `paradoxe-1.rennes.grid5000.fr`.
    pub full_name: String,
    /// Its network namespace.
    pub namespace: String,
    /// Where its libvirtd listens.
    pub address: Ipv4Addr,
    /// The MAC address of its bridge.
    pub mac: String,
}

impl Plan {
    /// The lab of that number and size. More than [`MAX_SITES`], [`MAX_HOSTS`] or [`MAX_VMS`] are as many as these.
    pub fn new(number: u8, sites: usize, hosts: usize, vms: usize, shape: Option<Shape>) -> Self {
        let hosts = hosts.min(MAX_HOSTS);
        let site = |(s, (name, cluster)): (usize, &(&'static str, &'static str))| Site {
            name,
            cluster,
            hosts: (0..hosts).map(|h| Host::new(number, name, cluster, h, s * hosts + h + 1)).collect(),
            network: subnet(number, s),
        };
        let sites = SITES.iter().enumerate().take(sites).map(site).collect();
        Self { number, sites, shape, vms: vms.min(MAX_VMS) }
    }

    /// All hosts, site by site.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.sites.iter().flat_map(|site| &site.hosts)
    }

    /// What the names of all its namespaces begin with.
    pub fn prefix(&self) -> String {
        format!("hm{}-", self.number)
    }

    /// The network namespace of bridges, links and gateway.
    pub fn net(&self) -> String {
        format!("hm{}-net", self.number)
    }

    /// The root namespace's interface to it.
    pub fn interface(&self) -> String {
        format!("hm{}", self.number)
    }

    /// The gateway's address among the hosts.
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 158, self.number, 253)
    }

    /// The root namespace's address among the hosts.
    pub fn root(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 158, self.number, 254)
    }

    /// The gateway's address among the VMs, the last of the lab's last subnet.
    pub fn router(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(subnet(self.number, MAX_SITES + 1).to_bits() - 2)
    }

    /// The subnet of all VMs of the lab with its prefix length, as in `10.160.0.0/19`.
    pub fn vm_subnet(&self) -> String {
        format!("{}/{LAB_PREFIX}", subnet(self.number, 0))
    }

    /// The prefix length of the lab's VMs, and their netmask.
    pub(super) fn vm_mask() -> (u8, Ipv4Addr) {
        (LAB_PREFIX, Ipv4Addr::from_bits(u32::MAX << (32 - LAB_PREFIX)))
    }

    /// Every two sites, by their places in the list.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let sites = self.sites.len();
        (0..sites).flat_map(move |a| (a + 1..sites).map(move |b| (a, b)))
    }
}

impl Site {
    /// The subnet of its VMs with its prefix length, as in `10.160.0.0/22`.
    pub fn subnet(&self) -> String {
        format!("{}/{SITE_PREFIX}", self.network)
    }

    /// The subnet's addresses as patterns, as in `10.160.0.*`.
    pub(super) fn patterns(&self) -> impl Iterator<Item = String> {
        let [a, b, c, _] = self.network.octets();
        (c..=c + ((1 << (24 - SITE_PREFIX)) - 1)).map(move |c| format!("{a}.{b}.{c}.*"))
    }

    /// The first `count` addresses of VMs.
    pub fn addresses(&self, count: usize) -> impl Iterator<Item = Ipv4Addr> {
        let first = self.network.to_bits() + 1;
        (first..).take(count.min(MAX_VMS)).map(Ipv4Addr::from_bits)
    }
}

impl Host {
    fn new(number: u8, site: &str, cluster: &str, index: usize, id: usize) -> Self {
        let name = format!("{cluster}-{}", index + 1);
        Self {
            full_name: format!("{name}.{site}.grid5000.fr"),
            namespace: format!("hm{number}-{name}"),
            address: Ipv4Addr::new(10, 158, number, id as u8),
            mac: format!("02:68:6d:00:{number:02x}:{id:02x}"),
            name,
        }
    }

    /// The libvirt URI by which it is reached from everywhere in the lab and from the root namespace.
    pub fn uri(&self) -> String {
        format!("qemu+tcp://{}/system", self.address)
    }
}

/// Where the subnet of a lab's site begins: /22 after /22 from 10.160.0.0, eight per lab.
fn subnet(number: u8, site: usize) -> Ipv4Addr {
    let first = Ipv4Addr::new(10, 160, 0, 0).to_bits();
    Ipv4Addr::from_bits(first + ((u32::from(number) * 8 + site as u32) << (32 - SITE_PREFIX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_addresses_follow_from_number_and_size() {
        let plan = Plan::new(3, 2, 2, 256, None);
        let names: Vec<_> = plan.hosts().map(|host| host.full_name.as_str()).collect();
        let expected = ["paradoxe-1.rennes", "paradoxe-2.rennes", "ecotype-1.nantes", "ecotype-2.nantes"];
        assert_eq!(names, expected.map(|name| format!("{name}.grid5000.fr")));
        let last = plan.hosts().last().unwrap();
        assert_eq!((last.uri().as_str(), last.namespace.as_str()), ("qemu+tcp://10.158.3.4/system", "hm3-ecotype-2"));
        assert_eq!(plan.vm_subnet(), "10.160.96.0/19");
        assert_eq!(plan.sites[1].subnet(), "10.160.100.0/22");
        assert_eq!(plan.router(), Ipv4Addr::new(10, 160, 127, 254));
        assert_eq!(plan.pairs().collect::<Vec<_>>(), [(0, 1)]);
    }

    #[test]
    fn vms_get_the_first_addresses_of_their_site() {
        let plan = Plan::new(0, 1, 1, 3, None);
        let addresses: Vec<_> = plan.sites[0].addresses(plan.vms).map(|address| address.to_string()).collect();
        assert_eq!(addresses, ["10.160.0.1", "10.160.0.2", "10.160.0.3"]);
    }

    #[test]
    fn no_two_labs_share_an_address_and_names_fit_interfaces() {
        let mut seen = HashSet::new();
        for number in [0, 1, 7, 8, 254, 255] {
            let plan = Plan::new(number, usize::MAX, usize::MAX, usize::MAX, None);
            for address in plan.sites.iter().flat_map(|site| site.addresses(plan.vms)) {
                assert!(seen.insert(address), "{address}");
            }
            for address in plan.hosts().map(|host| host.address).chain([plan.gateway(), plan.root(), plan.router()]) {
                assert!(seen.insert(address), "{address}");
            }
            // The kernel's limit of interface names.
            assert!(plan.hosts().all(|host| host.name.len() <= 15 && host.mac.len() == 17));
        }
        assert!(seen.iter().all(|address| address.octets()[0] == 10));
    }

    #[test]
    fn a_shape_is_a_rate_and_a_delay() {
        let shape: Shape = "1 Gbit/s,10 ms".parse().unwrap();
        assert_eq!((shape.rate(), shape.delay()), (Rate(125e6), Duration::from_millis(10)));
        assert_eq!(shape.to_string(), "1 Gbit/s, 10 ms");
        assert_eq!("200 Mbit/s, 0.5 ms".parse::<Shape>().unwrap().to_string(), "200 Mbit/s, 0.5 ms");
        for wrong in ["1 Gbit/s", "10 ms,1 Gbit/s", "0 bit/s,1 ms", "1 Gbit/s,2 s", ""] {
            assert!(wrong.parse::<Shape>().is_err(), "{wrong}");
        }
    }
}
