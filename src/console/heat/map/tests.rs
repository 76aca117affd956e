use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fleet::{Bytes, NewHost, Rate};

/// A world of clusters of these sizes on three sites, whose clusters do not stand beside each other.
fn world(clusters: &[usize]) -> Topology {
    let mut topology = Topology::new("any");
    for (i, &count) in clusters.iter().enumerate() {
        let site = topology.site(["rennes", "nancy", "sophia"][i % 3]);
        let host = |n| NewHost {
            name: format!("c{i}-{n}"),
            cores: 8,
            memory: Bytes::mib(1024),
            nic: Rate(125e6),
            disk: Rate(1e8),
        };
        topology.add_cluster(site, &format!("c{i}"), (1..=count).map(host));
    }
    topology
}

fn map(clusters: &[usize], width: u16, height: u16, halves: bool) -> Map {
    Map::new(&world(clusters), Size { width, height }, halves)
}

#[test]
fn as_large_as_there_is_room_for() {
    assert_eq!(map(&[4, 3], 118, 31, true).density, Density::Box);
    assert_eq!(map(&[64, 25, 40, 144, 92, 45, 50, 44], 118, 31, true).density, Density::Wide);
    assert_eq!(map(&[75; 8], 118, 31, true).density, Density::Wide);
    assert_eq!(map(&[400; 4], 118, 31, true).density, Density::Single);
    let ten_thousand = map(&[1250; 8], 198, 46, true);
    assert_eq!(ten_thousand.density, Density::Half);
    assert!(ten_thousand.lines() <= 46);
    // Without colours the halves of a sign say nothing: a sign each, scrolled.
    let plain = map(&[1250; 8], 198, 46, false);
    assert_eq!(plain.density, Density::Single);
    assert!(plain.lines() > 46);
    // 600 hosts in the panel of the overview at 120x36.
    assert!(map(&[75; 8], 78, 9, true).lines() <= 9);
}

proptest! {
    #[test]
    fn every_host_has_a_cell_and_every_cell_its_hosts(
        clusters in prop::collection::vec(0usize..200, 1..9), width in 12u16..220, height in 1u16..60, halves: bool,
    ) {
        let map = map(&clusters, width, height, halves);
        let count: usize = clusters.iter().sum();
        let room = Rect::new(3, 2, width, height);
        let mut found = BTreeSet::new();
        let mut cells = BTreeSet::new();
        // The room as it is scrolled from the first line to the last.
        let (_, high) = map.cell();
        for top in (0..map.lines()).step_by(usize::from(high)) {
            for x in 0..width + 6 {
                for host in map.at(Rect { height: high, ..room }, top, Position::new(x, room.y)) {
                    let (row, column) = map.place(host).unwrap();
                    found.insert(host);
                    cells.insert((row, column));
                }
            }
        }
        prop_assert_eq!(found.len(), count);
        prop_assert_eq!(cells.len(), count);
        prop_assert_eq!(map.order().count(), count);
    }

    #[test]
    fn the_cursor_reaches_every_host(
        clusters in prop::collection::vec(0usize..60, 1..7), width in 12u16..120, height in 1u16..30, halves: bool,
    ) {
        let map = map(&clusters, width, height, halves);
        let Some(first) = map.order().next() else { return Ok(()) };
        let count = map.order().count();
        // To the right, one after another.
        let mut seen = BTreeSet::from([first]);
        let mut at = first;
        for _ in 1..count {
            at = map.side(at, 1);
            seen.insert(at);
        }
        prop_assert_eq!(seen.len(), count);
        prop_assert_eq!(map.side(at, 1), at);
        prop_assert_eq!(map.side(at, i32::MIN), first);
        // Down and up again, in the column.
        for host in map.order() {
            let (row, column) = map.place(host).unwrap();
            let below = map.step(host, 1, column);
            let (to, in_column) = map.place(below).unwrap();
            prop_assert!(to >= row && in_column <= column);
            if to > row {
                prop_assert!(map.rows()[row + 1..to].iter().all(|r| r.hosts.is_empty()));
                prop_assert_eq!(map.step(below, -1, column), host);
            }
        }
    }

    #[test]
    fn a_rectangle_is_what_one_sees(
        clusters in prop::collection::vec(1usize..90, 1..7), width in 12u16..120, height in 1u16..30, halves: bool,
        picks in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let map = map(&clusters, width, height, halves);
        let all: Vec<HostId> = map.order().collect();
        let (a, b) = (all[picks.0.index(all.len())], all[picks.1.index(all.len())]);
        let (pa, pb) = (map.place(a).unwrap(), map.place(b).unwrap());
        let inside = |host: &HostId| {
            let (row, column) = map.place(*host).unwrap();
            (pa.0.min(pb.0)..=pa.0.max(pb.0)).contains(&row) && (pa.1.min(pb.1)..=pa.1.max(pb.1)).contains(&column)
        };
        let expected: HostSet = all.iter().copied().filter(inside).collect();
        prop_assert_eq!(map.rectangle(a, b), expected);
    }
}
