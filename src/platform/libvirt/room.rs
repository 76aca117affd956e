//! Whether the memory of a VM that is to move plainly does not fit on its target, by what both hosts themselves count.
//!
//! What is asked for there is what the VM really holds: the resident memory of its QEMU on the source, and of that no more
//! than the guest's memory, as what QEMU needs beside it may differ. What there is there is free memory and all that the
//! kernel could give back at best (page cache and buffers). A move that these figures let through may still not fit, as the
//! cache holds what cannot be given back, and others take memory meanwhile; one that they refuse would have had its target
//! swap or kill. Where either host does not say, nothing is refused: guests on huge pages, of which a process does not say
//! how many it holds, and drivers that count nothing.

use virt::connect::Connect;
use virt::domain::Domain;

use super::ffi;
use crate::fleet::Bytes;

/// What a host says of its memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct NodeMemory {
    /// Used for nothing.
    pub(super) free: Bytes,
    /// Page cache and buffers: what it could give back at best.
    pub(super) reclaimable: Bytes,
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

/// Why a VM that holds so much plainly does not fit; none where it may.
pub(super) fn lacking(vm: &str, held: Option<Bytes>, target: &str, there: Option<NodeMemory>) -> Option<String> {
    let (held, NodeMemory { free, reclaimable }) = (held?, there?);
    (held.0 > free.0 + reclaimable.0).then(|| {
        format!(
            "{target} has no room for {vm}, which holds {held} of memory: {free} are free there, and at best {reclaimable} \
             more could be freed"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_plainly_does_not_fit_is_refused() {
        let there = NodeMemory { free: Bytes::mib(20), reclaimable: Bytes::mib(30) };
        for (held, there) in [
            (Some(Bytes::mib(50)), Some(there)),
            (None, Some(there)),
            (Some(Bytes::mib(51)), None),
            (Some(Bytes(0)), Some(there)),
        ] {
            assert_eq!(lacking("vm-1", held, "h2", there), None, "{held:?}");
        }
        let why = lacking("vm-1", Some(Bytes::mib(51)), "h2", Some(there));
        let said = "h2 has no room for vm-1, which holds 51 MiB of memory: 20 MiB are free there, and at best 30 MiB more \
                    could be freed";
        assert_eq!(why.as_deref(), Some(said));
    }
}
