//! The VMs of a fleet as columns in chunks that snapshots share.
//!
//! A clone of a [`VmTable`] copies one pointer per 1 024 VMs. A write copies the chunk it falls into where a snapshot
//! still holds it, and gives it a new version, so that a reader sees which chunks changed since it last looked.

use std::sync::Arc;

use super::{Finding, HostId, OpId, Time, VmId, VmState};

mod scan;

/// VMs in a chunk.
const CHUNK: usize = 1024;

/// No host: the value that stands in a host column for none.
const NO_HOST: u32 = u32::MAX;

/// One VM's figures, gathered from the columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VmRow {
    /// Where it is in its life.
    pub state: VmState,
    /// A diagnosis beside the state.
    pub finding: Finding,
    /// Whether Hemera made it (or was told to adopt it); other VMs are shown and never touched.
    pub managed: bool,
    /// Whether a stress step set its load.
    pub stressed: bool,
    /// vCPUs.
    pub vcpus: u8,
    /// Its class: an index into [`Fleet::classes`](super::Fleet::classes).
    pub class: u16,
    /// The host that runs it; while it migrates, the source. None before it is placed.
    pub host: Option<HostId>,
    /// Where it migrates to, while it does.
    pub target: Option<HostId>,
    /// The operation that last worked on it; `OpId(0)` for none.
    pub op: OpId,
    /// CPU it gets, in thousandths of a core.
    pub cpu: u32,
    /// Its memory in MiB, without the hypervisor's overhead.
    pub memory: u32,
    /// The rate at which it dirties memory, in KiB/s.
    pub dirty: u32,
    /// What it receives and sends, in KiB/s.
    pub net: u32,
    /// Since when it has this state: whole seconds on the platform's clock.
    pub since: u32,
}

impl Default for VmRow {
    fn default() -> Self {
        Self {
            state: VmState::Planned,
            finding: Finding::None,
            managed: true,
            stressed: false,
            vcpus: 1,
            class: 0,
            host: None,
            target: None,
            op: OpId(0),
            cpu: 0,
            memory: 0,
            dirty: 0,
            net: 0,
            since: 0,
        }
    }
}

impl VmRow {
    /// Sets the state and, where it is another one, since when.
    pub fn enter(&mut self, state: VmState, now: Time) {
        if self.state != state {
            self.state = state;
            self.since = now.as_secs() as u32;
        }
    }
}

const MANAGED: u8 = 1;
const STRESSED: u8 = 2;

/// The hot columns of 1 024 VMs.
#[derive(Clone)]
struct Chunk {
    version: u64,
    state: [VmState; CHUNK],
    finding: [Finding; CHUNK],
    flags: [u8; CHUNK],
    vcpus: [u8; CHUNK],
    class: [u16; CHUNK],
    host: [u32; CHUNK],
    target: [u32; CHUNK],
    op: [u32; CHUNK],
    cpu: [u32; CHUNK],
    memory: [u32; CHUNK],
    dirty: [u32; CHUNK],
    net: [u32; CHUNK],
    since: [u32; CHUNK],
}

impl Chunk {
    fn new() -> Self {
        Self {
            version: 0,
            state: [VmState::Gone; CHUNK],
            finding: [Finding::None; CHUNK],
            flags: [0; CHUNK],
            vcpus: [0; CHUNK],
            class: [0; CHUNK],
            host: [NO_HOST; CHUNK],
            target: [NO_HOST; CHUNK],
            op: [0; CHUNK],
            cpu: [0; CHUNK],
            memory: [0; CHUNK],
            dirty: [0; CHUNK],
            net: [0; CHUNK],
            since: [0; CHUNK],
        }
    }

    fn row(&self, i: usize) -> VmRow {
        let host = |h: u32| (h != NO_HOST).then_some(HostId(h));
        VmRow {
            state: self.state[i],
            finding: self.finding[i],
            managed: self.flags[i] & MANAGED != 0,
            stressed: self.flags[i] & STRESSED != 0,
            vcpus: self.vcpus[i],
            class: self.class[i],
            host: host(self.host[i]),
            target: host(self.target[i]),
            op: OpId(self.op[i]),
            cpu: self.cpu[i],
            memory: self.memory[i],
            dirty: self.dirty[i],
            net: self.net[i],
            since: self.since[i],
        }
    }

    fn set(&mut self, i: usize, row: &VmRow) {
        let host = |h: Option<HostId>| h.map_or(NO_HOST, |h| h.0);
        self.state[i] = row.state;
        self.finding[i] = row.finding;
        self.flags[i] = if row.managed { MANAGED } else { 0 } | if row.stressed { STRESSED } else { 0 };
        self.vcpus[i] = row.vcpus;
        self.class[i] = row.class;
        self.host[i] = host(row.host);
        self.target[i] = host(row.target);
        self.op[i] = row.op.0;
        self.cpu[i] = row.cpu;
        self.memory[i] = row.memory;
        self.dirty[i] = row.dirty;
        self.net[i] = row.net;
        self.since[i] = row.since;
    }
}

/// The names of up to 1 024 VMs in one text.
#[derive(Clone, Default)]
struct Names {
    text: String,
    ends: Vec<u32>,
}

impl Names {
    fn get(&self, i: usize) -> &str {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.text[start..self.ends[i] as usize]
    }
}

/// All VMs that ever were in this run, by [`VmId`].
#[derive(Clone, Default)]
pub struct VmTable {
    chunks: Vec<Arc<Chunk>>,
    names: Vec<Arc<Names>>,
    len: u32,
    counts: [u32; 13],
    version: u64,
}

impl VmTable {
    /// VMs in a chunk: chunks are what changes are versioned by.
    pub const CHUNK: usize = CHUNK;

    /// Adds a VM. Panics beyond 2^32 - 1 VMs.
    pub fn push(&mut self, name: &str, row: VmRow) -> VmId {
        let id = VmId(self.len);
        let slot = id.index() % CHUNK;
        if slot == 0 {
            self.chunks.push(Arc::new(Chunk::new()));
            self.names.push(Arc::default());
        }
        let names = Arc::make_mut(&mut self.names[id.index() / CHUNK]);
        names.text.push_str(name);
        names.ends.push(names.text.len() as u32);
        self.len += 1;
        self.version += 1;
        let chunk = Arc::make_mut(&mut self.chunks[id.index() / CHUNK]);
        chunk.version = self.version;
        chunk.set(slot, &row);
        self.counts[row.state as usize] += 1;
        id
    }

    /// A VM's figures. Panics where the id is not of this table.
    pub fn row(&self, vm: VmId) -> VmRow {
        self.chunks[vm.index() / CHUNK].row(vm.index() % CHUNK)
    }

    /// A VM's state alone: one byte read.
    pub fn state(&self, vm: VmId) -> VmState {
        self.chunks[vm.index() / CHUNK].state[vm.index() % CHUNK]
    }

    /// A VM's name. Panics where the id is not of this table.
    pub fn name(&self, vm: VmId) -> &str {
        self.names[vm.index() / CHUNK].get(vm.index() % CHUNK)
    }

    /// Changes a VM's row. Where nothing changes, no chunk is copied and no version moves.
    pub fn update(&mut self, vm: VmId, change: impl FnOnce(&mut VmRow)) {
        let before = self.row(vm);
        let mut row = before;
        change(&mut row);
        if row == before {
            return;
        }
        self.counts[before.state as usize] -= 1;
        self.counts[row.state as usize] += 1;
        self.version += 1;
        let chunk = Arc::make_mut(&mut self.chunks[vm.index() / CHUNK]);
        chunk.version = self.version;
        chunk.set(vm.index() % CHUNK, &row);
    }

    /// Sets what a VM gets and does now: CPU in thousandths of a core, dirty rate and traffic in KiB/s. As
    /// [`update`](Self::update), but reads and writes three columns alone: a million VMs change often.
    pub fn set_load(&mut self, vm: VmId, cpu: u32, dirty: u32, net: u32) {
        let (chunk, i) = (&mut self.chunks[vm.index() / CHUNK], vm.index() % CHUNK);
        if (chunk.cpu[i], chunk.dirty[i], chunk.net[i]) == (cpu, dirty, net) {
            return;
        }
        self.version += 1;
        let chunk = Arc::make_mut(chunk);
        chunk.version = self.version;
        (chunk.cpu[i], chunk.dirty[i], chunk.net[i]) = (cpu, dirty, net);
    }

    /// How many ids were given, gone VMs included: ids run from 0 to this.
    pub const fn id_count(&self) -> u32 {
        self.len
    }

    /// How many VMs there are, without those that are gone.
    pub fn len(&self) -> usize {
        (self.len - self.counts[VmState::Gone as usize]) as usize
    }

    /// Whether there is no VM.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many VMs are in that state.
    pub const fn count(&self, state: VmState) -> usize {
        self.counts[state as usize] as usize
    }

    /// Whether the id stands for a VM that exists.
    pub fn exists(&self, vm: VmId) -> bool {
        vm.0 < self.len && self.state(vm) != VmState::Gone
    }

    /// All VMs that exist, by id.
    pub fn ids(&self) -> impl Iterator<Item = VmId> + '_ {
        (0..self.len).map(VmId).filter(|&vm| self.state(vm) != VmState::Gone)
    }

    /// All VMs that exist with their rows, by id; faster than asking for each.
    pub fn rows(&self) -> impl Iterator<Item = (VmId, VmRow)> + '_ {
        let len = self.len as usize;
        self.chunks.iter().enumerate().flat_map(move |(c, chunk)| {
            let first = c * CHUNK;
            (0..CHUNK.min(len - first))
                .filter(move |&i| chunk.state[i] != VmState::Gone)
                .map(move |i| (VmId((first + i) as u32), chunk.row(i)))
        })
    }

    /// Grows with every change.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Whether a chunk of 1 024 ids has a VM that exists, by chunk.
    pub fn chunks_in_use(&self) -> impl ExactSizeIterator<Item = bool> + '_ {
        self.chunks.iter().map(|chunk| chunk.state.iter().any(|&state| state != VmState::Gone))
    }

    /// VMs beside whose state a finding stands, by id; reads one byte of each other VM.
    pub fn found(&self) -> impl Iterator<Item = (VmId, Finding)> + '_ {
        let any = |chunk: &Chunk| chunk.finding.iter().filter(|f| **f != Finding::None).count() > 0;
        self.chunks.iter().enumerate().filter(move |(_, chunk)| any(chunk)).flat_map(|(c, chunk)| {
            let found = move |&i: &usize| chunk.finding[i] != Finding::None && chunk.state[i] != VmState::Gone;
            (0..CHUNK).filter(found).map(move |i| (VmId((c * CHUNK + i) as u32), chunk.finding[i]))
        })
    }

    /// vCPUs, CPU, dirty rate and network, as in [`VmRow`], of the 1 024 ids of a chunk.
    pub fn loads(&self, chunk: usize) -> impl ExactSizeIterator<Item = (u8, u32, u32, u32)> + '_ {
        let chunk = &self.chunks[chunk];
        (0..CHUNK).map(|i| (chunk.vcpus[i], chunk.cpu[i], chunk.dirty[i], chunk.net[i]))
    }

    /// The version at which the chunk of 1 024 ids last changed, by chunk.
    pub fn chunk_versions(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.chunks.iter().map(|c| c.version)
    }
}

impl std::fmt::Debug for VmTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VmTable({} VMs, version {})", self.len(), self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_what_it_saw_and_untouched_chunks_stay_shared() {
        let mut table = VmTable::default();
        for i in 0..3 * CHUNK {
            table.push(&format!("vm-{i}"), VmRow { state: VmState::Up, ..VmRow::default() });
        }
        let before = table.clone();
        table.update(VmId(5), |row| row.state = VmState::Paused);
        assert_eq!(before.state(VmId(5)), VmState::Up);
        assert_eq!(table.state(VmId(5)), VmState::Paused);
        assert_eq!(table.count(VmState::Paused), 1);
        assert!(Arc::ptr_eq(&before.chunks[1], &table.chunks[1]));
        assert!(!Arc::ptr_eq(&before.chunks[0], &table.chunks[0]));
        assert_eq!(table.name(VmId(2047)), "vm-2047");
    }

    #[test]
    fn a_row_survives_its_columns() {
        let row = VmRow {
            state: VmState::Migrating,
            finding: Finding::NonConverging,
            managed: false,
            stressed: true,
            vcpus: 3,
            class: 7,
            host: Some(HostId(0)),
            target: Some(HostId(9)),
            op: OpId(4),
            cpu: 2500,
            memory: 1024,
            dirty: 12,
            net: 1,
            since: 99,
        };
        let mut table = VmTable::default();
        let vm = table.push("a", row);
        assert_eq!(table.row(vm), row);
    }

    #[test]
    fn vms_with_a_finding_are_found_in_any_chunk() {
        let mut table = VmTable::default();
        for i in 0..3 * CHUNK {
            table.push(&format!("vm-{i}"), VmRow { state: VmState::Up, ..VmRow::default() });
        }
        let last = VmId(3 * CHUNK as u32 - 1);
        for vm in [VmId(7), VmId(8), last] {
            table.update(vm, |row| row.finding = Finding::NoProgress);
        }
        table.update(VmId(8), |row| row.state = VmState::Gone);
        assert_eq!(table.found().collect::<Vec<_>>(), [(VmId(7), Finding::NoProgress), (last, Finding::NoProgress)]);
    }

    #[test]
    fn gone_vms_keep_their_id_and_are_not_listed() {
        let mut table = VmTable::default();
        let a = table.push("a", VmRow::default());
        let b = table.push("b", VmRow::default());
        table.update(a, |row| row.state = VmState::Gone);
        assert_eq!(table.ids().collect::<Vec<_>>(), [b]);
        assert_eq!(table.rows().map(|(vm, _)| vm).collect::<Vec<_>>(), [b]);
        assert_eq!((table.len(), table.exists(a), table.exists(b)), (1, false, true));
    }
}
