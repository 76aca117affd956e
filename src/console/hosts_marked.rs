//! Several hosts in words: as a selection, and as a person says it.

use crate::fleet::{HostId, Selection, Topology};

/// Hosts that are named before the rest is counted.
const NAMED: usize = 3;

/// A selection of these hosts and no others, whole sites and clusters by their names.
pub(crate) fn select_hosts(topology: &Topology, hosts: &[HostId]) -> String {
    let mut chosen = vec![false; topology.hosts.len()];
    for host in hosts {
        if let Some(there) = chosen.get_mut(host.index()) {
            *there = true;
        }
    }
    let all = |range: &std::ops::Range<u32>| {
        range.len() > 1 && range.clone().all(|host| chosen.get(host as usize).copied().unwrap_or(false))
    };
    let mut terms = Vec::new();
    for site in &topology.sites {
        let clusters = || site.clusters.iter().map(|c| &topology.clusters[c.index()]);
        if clusters().all(|c| c.hosts.is_empty() || all(&c.hosts)) && clusters().any(|c| !c.hosts.is_empty()) {
            terms.push(format!("site:{}", site.name));
            continue;
        }
        for cluster in clusters() {
            let namesakes = topology.clusters.iter().filter(|c| c.name == cluster.name).count();
            if all(&cluster.hosts) && namesakes == 1 {
                terms.push(format!("cluster:{}", cluster.name));
            } else {
                let hosts = cluster.hosts.clone().filter(|&host| chosen[host as usize]);
                terms.extend(hosts.map(|host| topology.host(HostId(host)).name.to_string()));
            }
        }
    }
    terms.join(" or ")
}

/// The selection of these hosts and no others: of none where it could not be said, never of all.
pub(crate) fn these_hosts(topology: &Topology, hosts: &[HostId]) -> Selection {
    let text = Some(select_hosts(topology, hosts)).filter(|text| !text.is_empty());
    let selected = text.and_then(|text| Selection::hosts(&text).ok());
    selected.unwrap_or_else(|| Selection::hosts("not all").expect("`not all` is a selection"))
}

/// `suno-1, suno-2 and suno-9`; `suno-1, suno-2, suno-3 and 9 more`.
pub(crate) fn name_hosts(topology: &Topology, hosts: &[HostId]) -> String {
    let name = |host: &HostId| topology.host(*host).name.to_string();
    match hosts {
        [] => "no host".into(),
        [one] => name(one),
        [before @ .., last] if before.len() <= NAMED => {
            let before: Vec<_> = before.iter().map(name).collect();
            format!("{} and {}", before.join(", "), name(last))
        }
        _ => {
            let first: Vec<_> = hosts[..NAMED].iter().map(name).collect();
            format!("{} and {} more", first.join(", "), hosts.len() - NAMED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Bytes, Fleet, NewHost, Rate};

    fn topology() -> Topology {
        let mut topology = Topology::new("two");
        for (site, cluster, count) in [("rennes", "paradent", 4), ("rennes", "parapide", 2), ("sophia", "suno", 3)] {
            let site = topology.site(site);
            let host = |n| NewHost {
                name: format!("{cluster}-{n}"),
                cores: 8,
                memory: Bytes::mib(1024),
                nic: Rate(125e6),
                disk: Rate(1e8),
            };
            topology.add_cluster(site, cluster, (1..=count).map(host));
        }
        topology
    }

    fn ids(hosts: impl IntoIterator<Item = u32>) -> Vec<HostId> {
        hosts.into_iter().map(HostId).collect()
    }

    #[test]
    fn hosts_are_selected_by_the_shortest_names() {
        let topology = topology();
        assert_eq!(select_hosts(&topology, &ids([1])), "paradent-2");
        assert_eq!(select_hosts(&topology, &ids([0, 4, 5])), "paradent-1 or cluster:parapide");
        assert_eq!(select_hosts(&topology, &ids(0..6)), "site:rennes");
        assert_eq!(name_hosts(&topology, &ids(0..3)), "paradent-1, paradent-2 and paradent-3");
        assert_eq!(name_hosts(&topology, &ids(0..9)), "paradent-1, paradent-2, paradent-3 and 6 more");
    }

    #[test]
    fn the_selection_selects_exactly_these_hosts() {
        let fleet = Fleet::new(std::sync::Arc::new(topology()));
        for bits in 0u32..1 << 9 {
            let hosts = ids((0..9).filter(|i| bits >> i & 1 == 1));
            let selection = these_hosts(&fleet.topology, &hosts);
            assert_eq!(selection.select_hosts(&fleet), hosts);
        }
    }
}
