//! Bridges and cables: namespaces, a bridge per site, the gateway's bridge, and a cable from each host to its site.
//!
//! Every two sites have a link of their own, and the gateway has a cable to each: loops, if bridges were to pass frames
//! on. They do not: ports of links and of gateway cables are isolated from each other, so that a frame takes one hop
//! between bridges and no more, as in a full mesh of a provider's network. All sites are one Ethernet, in which a VM that
//! moves keeps its address.

use super::link::port;
use super::run::{ip_batch, run};
use super::{Host, LabError, Plan};

/// Makes all namespaces.
pub(super) fn namespaces(plan: &Plan) -> Result<(), LabError> {
    let names = std::iter::once(plan.net()).chain(plan.hosts().map(|host| host.namespace.clone()));
    ip_batch(None, &names.map(|name| format!("netns add {name}")).collect::<Vec<_>>())
}

/// Makes the bridges, the gateway's addresses, and the root namespace's way to it.
pub(super) fn bridges(plan: &Plan) -> Result<(), LabError> {
    let (prefix, _) = Plan::vm_mask();
    let mut lines = vec![
        "link set lo up".to_owned(),
        "link add gw type bridge mcast_snooping 0".to_owned(),
        format!("addr add {}/24 dev gw", plan.gateway()),
        format!("addr add {}/{prefix} dev gw", plan.router()),
        "link set gw up".to_owned(),
    ];
    for (s, site) in plan.sites.iter().enumerate() {
        let (ours, theirs) = (format!("gw-s{}", s + 1), format!("s{}-gw", s + 1));
        lines.push(format!("link add {} type bridge mcast_snooping 0", site.name));
        lines.push(format!("link set {} up", site.name));
        lines.push(format!("link add {ours} type veth peer name {theirs}"));
        lines.extend(isolated(&ours, "gw"));
        lines.extend(isolated(&theirs, site.name));
    }
    let net = plan.net();
    ip_batch(Some(&net), &lines)?;
    // Hosts and VMs are on one Ethernet: the gateway must not teach them shorter ways that others do not know.
    let settings = "echo 1 > /proc/sys/net/ipv4/ip_forward && for f in /proc/sys/net/ipv4/conf/*/send_redirects; do \
                    echo 0 > $f; done";
    run("ip", ["netns", "exec", &net, "sh", "-c", settings])?;
    let interface = plan.interface();
    let lines = [
        format!("link add {interface} type veth peer name root netns {net}"),
        format!("addr add {}/24 dev {interface}", plan.root()),
        format!("link set {interface} up"),
        format!("route add {} via {} dev {interface}", plan.vm_subnet(), plan.gateway()),
    ];
    ip_batch(None, &lines)?;
    ip_batch(Some(&net), &["link set root master gw up".to_owned()])
}

/// Plugs a host into its site's bridge: its own bridge, on which its VMs hang, is on the same Ethernet.
pub(super) fn host(plan: &Plan, site: &str, host: &Host) -> Result<(), LabError> {
    let net = plan.net();
    let lines = [
        "link set lo up".to_owned(),
        // An address of its own, or the bridge would change it with the first VM that has a lower one.
        format!("link add br0 address {} type bridge mcast_snooping 0", host.mac),
        format!("link add eth0 type veth peer name {} netns {net}", host.name),
        "link set eth0 master br0 up".to_owned(),
        format!("addr add {}/24 dev br0", host.address),
        "link set br0 up".to_owned(),
        format!("route add default via {}", plan.gateway()),
    ];
    ip_batch(Some(&host.namespace), &lines)?;
    ip_batch(Some(&net), &[format!("link set {} master {site} up", host.name)])
}

/// Plugs both ends of the links between sites into the sites' bridges.
pub(super) fn plug_links(plan: &Plan) -> Result<(), LabError> {
    let lines: Vec<String> = plan
        .pairs()
        .flat_map(|(a, b)| [(port(a, b), plan.sites[a].name), (port(b, a), plan.sites[b].name)])
        .flat_map(|(port, bridge)| isolated(&port, bridge))
        .collect();
    ip_batch(Some(&plan.net()), &lines)
}

fn isolated(port: &str, bridge: &str) -> [String; 2] {
    [format!("link set {port} master {bridge} up"), format!("link set {port} type bridge_slave isolated on")]
}
