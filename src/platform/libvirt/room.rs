//! Whether the memory of a VM that is to move plainly does not fit on its target, by what both hosts themselves count.
//!
//! What is asked for there is what the VM really holds: the resident memory of its QEMU on the source, and of that no more
//! than the guest's memory, as what QEMU needs beside it may differ. What there is there is free memory and all that the
//! kernel could give back or swap out at best: page cache, buffers, slab that it can reclaim, and free swap. libvirt counts
//! only free memory, cache and buffers; where these do not suffice, the rest is asked of the host's shell, and where that is
//! not reached, only what is more than the host's whole memory is refused. A move that these figures let through may still not
//! fit, as the cache holds what cannot be given back, and others take memory meanwhile; one that they refuse would have had
//! its target kill. Where either host does not say, nothing is refused: guests on huge pages, of which a process does not say
//! how many it holds, and drivers that count nothing.

use virt::connect::Connect;
use virt::domain::Domain;

use super::ffi;
use super::host::Host;
use super::nbd;
use crate::fleet::Bytes;

/// What a host says of its memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct NodeMemory {
    /// Used for nothing.
    pub(super) free: Bytes,
    /// What it could give back or swap out at best, as far as that was counted.
    pub(super) reclaimable: Bytes,
    /// All that it has.
    pub(super) total: Bytes,
}

impl NodeMemory {
    /// From `/proc/meminfo`; none where its figures are not there.
    fn read(meminfo: &str) -> Option<Self> {
        let figure = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.trim().strip_suffix(" kB")?.parse().ok().map(|kib: u64| Bytes(kib * 1024))
        };
        // Older kernels do not count what else they can reclaim beside slab.
        let slab = figure("KReclaimable").or_else(|| figure("SReclaimable"))?;
        let reclaimable = figure("Cached")?.0 + figure("Buffers")?.0 + slab.0 + figure("SwapFree")?.0;
        Some(Self { free: figure("MemFree")?, reclaimable: Bytes(reclaimable), total: figure("MemTotal")? })
    }

    fn holds(self, size: Bytes) -> bool {
        size.0 <= self.free.0 + self.reclaimable.0
    }
}

/// What a VM really holds of its host's memory, as far as its guest may need it elsewhere; none where that is not known.
pub(super) fn held(domain: &Domain) -> Option<Bytes> {
    let figures = domain.memory_stats(0).ok()?;
    let resident = figures.iter().find(|figure| figure.tag == virt_sys::VIR_DOMAIN_MEMORY_STAT_RSS)?.val;
    Some(Bytes(resident.min(domain.max_memory().ok()?) * 1024))
}

/// What a host has; none where it does not say.
pub(super) fn there(connect: &Connect) -> Option<NodeMemory> {
    ffi::node_memory(connect).ok().filter(|memory| *memory != NodeMemory::default())
}

/// What its kernel counts itself; none where the host's shell is not reached.
pub(super) fn by_shell(host: &Host) -> Option<NodeMemory> {
    let shell = host.images.target(&host.access)?;
    NodeMemory::read(&nbd::run(&shell, &["cat", "/proc/meminfo"]).ok()?)
}

/// Why a VM that holds so much plainly does not fit; none where it may. `there` is what libvirt counts, `all` asks for what it
/// does not count as well.
pub(super) fn lacking(
    vm: &str,
    held: Option<Bytes>,
    target: &str,
    there: Option<NodeMemory>,
    all: impl FnOnce() -> Option<NodeMemory>,
) -> Option<String> {
    let (held, there) = (held?, there?);
    if there.holds(held) {
        return None;
    }
    let why = match all() {
        Some(all) if all.holds(held) => return None,
        Some(NodeMemory { free, reclaimable, .. }) => {
            format!("{free} are free there, and at best {reclaimable} more could be freed or swapped out")
        }
        None if held.0 <= there.total.0 || there.total == Bytes(0) => return None,
        None => format!("it has {} in all", there.total),
    };
    Some(format!("{target} has no room for {vm}, which holds {held} of memory: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(free: u64, reclaimable: u64) -> NodeMemory {
        let [free, reclaimable, total] = [free, reclaimable, 100].map(Bytes::mib);
        NodeMemory { free, reclaimable, total }
    }

    #[test]
    fn only_what_plainly_does_not_fit_is_refused() {
        let not_asked = || -> Option<NodeMemory> { panic!("libvirt's figures suffice") };
        for (held, there) in [
            (Some(Bytes::mib(50)), Some(there(20, 30))),
            (None, Some(there(20, 30))),
            (Some(Bytes::mib(51)), None),
            (Some(Bytes(0)), Some(there(20, 30))),
        ] {
            assert_eq!(lacking("vm-1", held, "h2", there, not_asked), None, "{held:?}");
        }
        let why = |held, all| lacking("vm-1", Some(Bytes::mib(held)), "h2", Some(there(20, 30)), || all);
        assert_eq!(why(51, Some(there(20, 31))), None, "slab and swap are room too");
        let said = "h2 has no room for vm-1, which holds 51 MiB of memory: 20 MiB are free there, and at best 30 MiB more \
                    could be freed or swapped out";
        assert_eq!(why(51, Some(there(20, 30))).as_deref(), Some(said));
        assert_eq!(why(100, None), None, "no shell says that it does not fit");
        let said = "h2 has no room for vm-1, which holds 101 MiB of memory: it has 100 MiB in all";
        assert_eq!(why(101, None).as_deref(), Some(said));
    }

    #[test]
    fn all_that_can_be_freed_is_read_of_the_kernels_figures() {
        let figures = "MemTotal:  102400 kB\nMemFree:   1024 kB\nMemAvailable: 5 kB\nBuffers:   2048 kB\nCached:  \
                       4096 kB\nSwapCached:   0 kB\nSwapFree:  8192 kB\nSReclaimable: 16384 kB\n";
        assert_eq!(NodeMemory::read(figures), Some(there(1, 2 + 4 + 8 + 16)));
        let newer = format!("{figures}KReclaimable: 32768 kB\n");
        assert_eq!(NodeMemory::read(&newer), Some(there(1, 2 + 4 + 8 + 32)));
        assert_eq!(NodeMemory::read("MemTotal: 102400 kB\n"), None);
    }
}
