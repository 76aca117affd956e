//! Choosing hosts for new VMs by free memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::fleet::{Bytes, Fleet, HostId, Topology};
use crate::handle::Placement;

/// Free memory by host while a plan is made, in MiB.
pub(super) struct Room(Vec<u64>);

impl Room {
    /// What is free and not meant for a waiting move.
    pub(super) fn new(fleet: &Fleet, intended: &[u64]) -> Self {
        let free = |host: HostId| (fleet.free_memory(host).0 >> 20).saturating_sub(intended[host.index()]);
        Self(fleet.topology.host_ids().map(free).collect())
    }

    pub(super) fn take(&mut self, host: HostId, mib: u64) {
        self.0[host.index()] -= mib;
    }

    fn fits(&self, host: HostId, mib: u64) -> bool {
        self.0[host.index()] >= mib
    }

    /// The hosts as a heap: most free memory on top, of equal ones the first of the world.
    pub(super) fn by_free_memory(&self, hosts: &[HostId]) -> BinaryHeap<(u64, Reverse<HostId>)> {
        hosts.iter().map(|&host| (self.0[host.index()], Reverse(host))).collect()
    }
}

/// A host for each of `count` VMs that need `need` MiB, or why there is none for it. The error of the whole names a
/// host of a fixed placement that cannot be.
pub(super) fn place(
    room: &mut Room,
    placement: &Placement,
    hosts: &[HostId],
    count: usize,
    need: u64,
    seed: u64,
    topology: &Topology,
) -> Result<Vec<Result<HostId, Arc<str>>>, Arc<str>> {
    let full: Arc<str> = format!("no host has {} free", Bytes::mib(need)).into();
    let mut places = Vec::with_capacity(count);
    match placement {
        Placement::RoundRobin => {
            let mut open: Vec<HostId> = hosts.to_vec();
            let mut at = 0;
            while places.len() < count && !open.is_empty() {
                if at >= open.len() {
                    at = 0;
                }
                if room.fits(open[at], need) {
                    room.take(open[at], need);
                    places.push(Ok(open[at]));
                    at += 1;
                } else {
                    open.remove(at);
                }
            }
        }
        Placement::Packed => {
            for &host in hosts {
                while places.len() < count && room.fits(host, need) {
                    room.take(host, need);
                    places.push(Ok(host));
                }
            }
        }
        Placement::Random => {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut open: Vec<HostId> = hosts.iter().copied().filter(|&h| room.fits(h, need)).collect();
            while places.len() < count && !open.is_empty() {
                let at = (random.next_u64() % open.len() as u64) as usize;
                let host = open[at];
                room.take(host, need);
                places.push(Ok(host));
                if !room.fits(host, need) {
                    open.swap_remove(at);
                }
            }
        }
        Placement::Balanced => {
            let mut free = room.by_free_memory(hosts);
            while places.len() < count {
                match free.pop() {
                    Some((mib, Reverse(host))) if mib >= need => {
                        room.take(host, need);
                        places.push(Ok(host));
                        free.push((mib - need, Reverse(host)));
                    }
                    _ => break,
                }
            }
        }
        Placement::Fixed(names) => {
            let fixed: Vec<HostId> = names
                .iter()
                .map(|name| {
                    let host = topology.host_named(name).ok_or_else(|| format!("no host is named `{name}`"))?;
                    let ready = hosts.contains(&host);
                    ready
                        .then_some(host)
                        .ok_or_else(|| format!("{name} is not ready, or not among the hosts to boot on"))
                })
                .collect::<Result<_, String>>()?;
            if fixed.is_empty() {
                return Err("a fixed placement names no host".into());
            }
            for &host in fixed.iter().cycle().take(count) {
                places.push(if room.fits(host, need) {
                    room.take(host, need);
                    Ok(host)
                } else {
                    Err(format!("{} has no {} free", topology.host(host).name, Bytes::mib(need)).into())
                });
            }
        }
    }
    places.resize_with(count, || Err(full.clone()));
    Ok(places)
}
