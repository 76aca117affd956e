use std::sync::Arc;

use super::*;
use crate::console::heat::Heat;
use crate::fleet::{Bytes, NewHost, Rate, Topology, VmRow, VmState};
use crate::handle::Snapshot;

fn snapshot() -> Snapshot {
    let mut topology = Topology::new("two");
    for (site, cluster, count) in [("rennes", "paradent", 3), ("sophia", "suno", 2), ("rennes", "parapide", 2)] {
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
    let mut fleet = Fleet::new(Arc::new(topology));
    for i in 0..40u32 {
        let state = if i == 9 { VmState::Failed } else { VmState::Up };
        let host = (i % 8 < 7).then_some(HostId(i % 8));
        fleet.vms.push(&format!("vm-{i}"), VmRow { state, host, ..VmRow::default() });
    }
    for i in 0..7 {
        fleet.hosts.update(HostId(i), |row| row.cpu_demand = 1000 * i);
    }
    Snapshot { fleet, ..Snapshot::default() }
}

/// A tree that has gathered.
fn settled(snapshot: &Snapshot, change: impl FnOnce(&mut TreePage)) -> TreePage {
    let mut page = TreePage::default();
    change(&mut page);
    settle(&mut page, snapshot);
    page
}

fn settle(page: &mut TreePage, snapshot: &Snapshot) {
    let heat = Heat::default();
    let around = Around { snapshot, heat: &heat };
    page.settle(&around, Rect::new(0, 0, 80, 20));
    while page.in_flight {
        std::thread::yield_now();
        page.settle(&around, Rect::new(0, 0, 80, 20));
    }
}

fn names(page: &TreePage, fleet: &Fleet) -> Vec<String> {
    let name = |node: &Node| match node {
        Node::Site(site) => fleet.topology.sites[site.index()].name.to_string(),
        Node::Cluster(cluster) => fleet.topology.clusters[cluster.index()].name.to_string(),
        Node::Host(host) => fleet.topology.host(*host).name.to_string(),
        Node::Nowhere => "nowhere".into(),
        Node::Vm(vm) => fleet.vms.name(*vm).to_owned(),
    };
    page.rows().iter().map(name).collect()
}

#[test]
fn the_index_says_what_the_rows_say() {
    let snapshot = snapshot();
    let fleet = &snapshot.fleet;
    let index = Index::of(fleet, &Only::All, &|| true).unwrap();
    for host in fleet.topology.host_ids() {
        let there: Vec<_> = fleet.vms.rows().filter(|(_, row)| row.host == Some(host)).map(|(vm, _)| vm).collect();
        assert_eq!(index.on(host), there);
    }
    assert_eq!(index.nowhere(), [7, 15, 23, 31, 39].map(VmId));
    let rennes = index.site(0);
    assert_eq!((rennes.hosts, rennes.vms, rennes.failed), (5, 25, 1));
    assert_eq!((index.cluster(1).hosts, index.cluster(1).cpu.0), (2, 3000 + 4000));
    assert!(Index::of(fleet, &Only::All, &|| false).is_none());
}

#[test]
fn folds_and_unfolds_and_keeps_the_cursor_on_its_node() {
    let snapshot = snapshot();
    let fleet = &snapshot.fleet;
    let mut page = settled(&snapshot, |_| {});
    assert_eq!(names(&page, fleet), ["rennes", "paradent", "parapide", "sophia", "suno", "nowhere"]);
    page.side(-1);
    settle(&mut page, &snapshot);
    assert_eq!(names(&page, fleet), ["rennes", "sophia", "suno", "nowhere"]);
    page.side(1);
    settle(&mut page, &snapshot);
    page.side(1);
    page.side(1);
    settle(&mut page, &snapshot);
    page.step(2);
    settle(&mut page, &snapshot);
    assert_eq!(page.node(), Some(Node::Host(HostId(1))));
    page.turn_order();
    settle(&mut page, &snapshot);
    assert_eq!(names(&page, fleet)[2..5], ["paradent-3", "paradent-2", "paradent-1"]);
    assert_eq!(page.node(), Some(Node::Host(HostId(1))));
    let heat = Heat::default();
    let around = Around { snapshot: &snapshot, heat: &heat };
    assert_eq!(page.vms(&around), [1, 9, 17, 25, 33].map(VmId));
    assert_eq!(page.host(&around), Some(HostId(1)));
    page.side(-1);
    assert_eq!(page.node(), Some(Node::Cluster(ClusterId(0))));
    assert_eq!(page.vms(&around).len(), 15);
    page.side(-1);
    settle(&mut page, &snapshot);
    assert_eq!(names(&page, fleet).len(), 6);
}

#[test]
fn a_filter_finds_vms_and_hosts_and_unfolds_what_it_found() {
    let snapshot = snapshot();
    let fleet = &snapshot.fleet;
    let page = settled(&snapshot, |page| page.set_filter("state:failed", &Saved::default()));
    assert_eq!(names(&page, fleet), ["rennes", "paradent", "paradent-2", "vm-9"]);
    let page = settled(&snapshot, |page| page.set_filter("suno", &Saved::default()));
    assert_eq!(page.index.as_ref().unwrap().all().len(), 10);
    assert_eq!(names(&page, fleet)[..3], ["sophia", "suno", "suno-1"]);
    let page = settled(&snapshot, |page| page.set_filter("name:nothing-like-this", &Saved::default()));
    assert!(page.rows().is_empty());
    let mut page = settled(&snapshot, |page| page.set_filter("state:", &Saved::default()));
    assert!(page.filter_box.error.is_some());
    assert_eq!(page.rows().len(), 6);
    page.set_filter("", &Saved::default());
    settle(&mut page, &snapshot);
    assert!(page.filter_box.error.is_none());
}

#[test]
fn marks_are_counted_by_node() {
    let snapshot = snapshot();
    let mut page = settled(&snapshot, |_| {});
    page.count_marks(&[1, 9, 7].map(VmId).into_iter().collect(), &snapshot.fleet);
    let marked = |node| page.marked(node, &snapshot.fleet);
    assert_eq!(marked(Node::Host(HostId(1))), 2);
    assert_eq!((marked(Node::Site(SiteId(0))), marked(Node::Site(SiteId(1))), marked(Node::Nowhere)), (2, 0, 1));
}

#[test]
fn what_changed_too_soon_after_a_look_is_looked_at_however_late_one_asks() {
    let mut snapshot = snapshot();
    let mut page = settled(&snapshot, |_| {});
    assert_eq!(page.due(), None, "nothing has changed");
    snapshot.fleet.vms.push("late", VmRow::default());
    page.gather(&snapshot.fleet);
    assert!(!page.in_flight, "two looks so close together");
    // The time between both questions is whatever drawing takes.
    page.asked = page.asked.map(|(at, vms, hosts)| (at.checked_sub(GATHER).unwrap(), vms, hosts));
    assert!(page.due().is_some_and(|due| due <= Instant::now()));
    settle(&mut page, &snapshot);
    assert_eq!(page.index.as_ref().unwrap().all().len(), 41);
    assert_eq!(page.due(), None);
}
