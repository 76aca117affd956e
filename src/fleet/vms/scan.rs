//! Looks at all VMs that read few columns only: a million VMs take a millisecond or two.

use super::{CHUNK, NO_HOST, VmTable};
use crate::fleet::{HostId, VmId, VmState};

impl VmTable {
    /// All VMs that exist with the host that they are on, by id.
    pub fn places(&self) -> impl Iterator<Item = (VmId, Option<HostId>)> + '_ {
        let len = self.len as usize;
        self.chunks.iter().enumerate().flat_map(move |(c, chunk)| {
            let first = c * CHUNK;
            (0..CHUNK.min(len - first))
                .filter(move |&i| chunk.state[i] != VmState::Gone)
                .map(move |i| (VmId((first + i) as u32), (chunk.host[i] != NO_HOST).then_some(HostId(chunk.host[i]))))
        })
    }

    /// The rate at which the VMs of each host dirty memory, in KiB/s, by host; hosts from `hosts` on are left out.
    pub fn dirty_by_host(&self, hosts: usize) -> Vec<u64> {
        let mut sums = vec![0; hosts];
        for chunk in &self.chunks {
            for ((&host, &dirty), &state) in chunk.host.iter().zip(&chunk.dirty).zip(&chunk.state) {
                if let Some(sum) = sums.get_mut(host as usize)
                    && state.runs()
                {
                    *sum += u64::from(dirty);
                }
            }
        }
        sums
    }

    /// Source and target of every VM that migrates now.
    pub fn moves(&self) -> impl Iterator<Item = (HostId, HostId)> + '_ {
        // Where nothing migrates, nothing is looked at.
        let chunks = if self.count(VmState::Migrating) == 0 { &[] } else { self.chunks.as_slice() };
        chunks.iter().flat_map(|chunk| {
            (0..CHUNK)
                .filter(|&i| chunk.state[i] == VmState::Migrating)
                .filter(|&i| chunk.host[i] != NO_HOST && chunk.target[i] != NO_HOST)
                .map(|i| (HostId(chunk.host[i]), HostId(chunk.target[i])))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::VmRow;

    #[test]
    fn scans_say_what_rows_say() {
        let mut table = VmTable::default();
        for i in 0..3000u32 {
            let state = [VmState::Up, VmState::Migrating, VmState::Gone, VmState::Paused][i as usize % 4];
            let host = (i % 7 != 0).then_some(HostId(i % 5));
            let target = (state == VmState::Migrating).then_some(HostId(i % 3));
            table.push("a", VmRow { state, host, target, dirty: i, ..VmRow::default() });
        }
        let places: Vec<_> = table.rows().map(|(vm, row)| (vm, row.host)).collect();
        assert_eq!(table.places().collect::<Vec<_>>(), places);
        let mut sums = vec![0u64; 4];
        for (_, row) in table.rows().filter(|(_, row)| row.state.runs()) {
            if let Some(sum) = row.host.and_then(|host| sums.get_mut(host.index())) {
                *sum += u64::from(row.dirty);
            }
        }
        assert_eq!(table.dirty_by_host(4), sums);
        let moves: Vec<_> = table.rows().filter_map(|(_, row)| Some((row.host?, row.target?))).collect();
        assert_eq!(table.moves().collect::<Vec<_>>(), moves);
        assert_eq!(VmTable::default().moves().count(), 0);
    }
}
