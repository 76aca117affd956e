//! The figures of VMs over time: three bytes a VM and sample, 180 in all.
//!
//! They are kept in blocks of 1 024 ids as long as few enough blocks have a VM; in larger fleets only of VMs that
//! somebody asked about.

use std::collections::VecDeque;
use std::time::Duration;

use crate::fleet::{Time, VmId, VmRow, VmTable};
use crate::handle::{Samples, VmHistory};

use super::code::{pack, unpack};

/// Samples kept.
const ROOM: usize = 60;
/// Blocks of ids with a VM up to which all VMs are sampled: 102 400 VMs, 18 MiB.
const BLOCKS: usize = 100;
/// VMs that somebody asked about that are sampled in any fleet.
const ASKED: usize = 256;
/// Bits that rates are kept to.
const BITS: u32 = 3;

/// CPU in 250ths of the vCPUs; dirty rate and network in [`pack`]'s code.
type Levels = [u8; 3];

/// A VM's figures in one sample.
fn levels(vcpus: u8, cpu: u32, dirty: u32, net: u32) -> Levels {
    let vcpus = u32::from(vcpus.max(1));
    [((cpu + 2 * vcpus) / (4 * vcpus)).min(255) as u8, pack::<BITS>(dirty) as u8, pack::<BITS>(net) as u8]
}

/// The samples of the VMs of one block, sample by sample.
#[derive(Debug)]
struct Block {
    levels: Box<[Levels]>,
    /// How many samples there were, of the whole fleet, before the first one here.
    from: u64,
}

/// A VM that somebody asked about.
#[derive(Debug)]
struct Asked {
    vm: VmId,
    levels: VecDeque<Levels>,
}

/// All that is kept of VMs.
#[derive(Debug)]
pub(super) struct VmRings {
    every: Duration,
    last: Time,
    /// Samples so far.
    count: u64,
    blocks: Vec<Option<Block>>,
    /// The one asked about last at the end.
    asked: VecDeque<Asked>,
}

impl VmRings {
    pub(super) const fn new(every: Duration) -> Self {
        Self { every, last: Time::ZERO, count: 0, blocks: Vec::new(), asked: VecDeque::new() }
    }

    pub(super) fn sample(&mut self, at: Time, vms: &VmTable) {
        self.last = at;
        self.asked.retain(|asked| vms.exists(asked.vm));
        for asked in &mut self.asked {
            if asked.levels.len() == ROOM {
                asked.levels.pop_front();
            }
            let row = vms.row(asked.vm);
            asked.levels.push_back(levels(row.vcpus, row.cpu, row.dirty, row.net));
        }
        let used: Vec<bool> = vms.chunks_in_use().collect();
        if used.iter().filter(|&&used| used).count() > BLOCKS {
            self.blocks = Vec::new();
        } else {
            self.blocks.resize_with(used.len(), || None);
            for (chunk, used) in used.into_iter().enumerate() {
                self.sample_block(chunk, used, vms);
            }
        }
        self.count += 1;
    }

    fn sample_block(&mut self, chunk: usize, used: bool, vms: &VmTable) {
        if !used {
            self.blocks[chunk] = None;
            return;
        }
        let count = self.count;
        let new = || Block { levels: vec![[0; 3]; ROOM * VmTable::CHUNK].into(), from: count };
        let block = self.blocks[chunk].get_or_insert_with(new);
        let slot = (count % ROOM as u64) as usize * VmTable::CHUNK;
        let loads = vms.loads(chunk);
        for (place, (vcpus, cpu, dirty, net)) in block.levels[slot..slot + VmTable::CHUNK].iter_mut().zip(loads) {
            *place = levels(vcpus, cpu, dirty, net);
        }
    }

    /// Somebody asks about a VM: it is sampled from now on in any fleet, until many others were asked about.
    pub(super) fn ask(&mut self, vm: VmId) {
        let known = self.asked.iter().position(|asked| asked.vm == vm).and_then(|at| self.asked.remove(at));
        if self.asked.len() == ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back(known.unwrap_or_else(|| Asked { vm, levels: VecDeque::new() }));
    }

    pub(super) fn of(&self, vm: VmId, row: &VmRow) -> VmHistory {
        let of_all = self.block_levels(vm);
        let of_asked = self.asked.iter().find(|asked| asked.vm == vm);
        let levels = match of_asked {
            Some(asked) if asked.levels.len() >= of_all.len() => asked.levels.iter().copied().collect(),
            _ => of_all,
        };
        let figure = |value: &dyn Fn(&Levels) -> u32| Samples {
            every: self.every,
            last: self.last,
            values: levels.iter().map(value).collect(),
        };
        let vcpus = u32::from(row.vcpus.max(1));
        VmHistory {
            cpu: figure(&|levels| u32::from(levels[0]) * 4 * vcpus),
            dirty: figure(&|levels| unpack::<BITS>(levels[1].into())),
            net: figure(&|levels| unpack::<BITS>(levels[2].into())),
        }
    }

    /// What its block has of a VM, oldest first.
    fn block_levels(&self, vm: VmId) -> Vec<Levels> {
        let Some(Some(block)) = self.blocks.get(vm.index() / VmTable::CHUNK) else { return Vec::new() };
        let from = block.from.max(self.count.saturating_sub(ROOM as u64));
        let place = |sample: u64| (sample % ROOM as u64) as usize * VmTable::CHUNK + vm.index() % VmTable::CHUNK;
        (from..self.count).map(|sample| block.levels[place(sample)]).collect()
    }
}
