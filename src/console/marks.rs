//! Sets of VMs, a bit each: marks and what a filter lets through.

use crate::fleet::VmId;

/// A set of VMs by id. A million of them take 125 kB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VmSet {
    words: Vec<u64>,
    len: usize,
}

impl VmSet {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn contains(&self, vm: VmId) -> bool {
        self.words.get(vm.index() / 64).is_some_and(|w| w >> (vm.0 % 64) & 1 == 1)
    }

    /// Adds or removes one; says whether that changed anything.
    pub(crate) fn set(&mut self, vm: VmId, present: bool) -> bool {
        if self.contains(vm) == present {
            return false;
        }
        let word = vm.index() / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] ^= 1 << (vm.0 % 64);
        self.len = if present { self.len + 1 } else { self.len - 1 };
        true
    }

    /// Its members by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = VmId> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            std::iter::successors((word != 0).then_some(word), |w| Some(w & (w - 1)).filter(|w| *w != 0))
                .map(move |w| VmId(i as u32 * 64 + w.trailing_zeros()))
        })
    }

    /// How many members are not in `other`.
    pub(crate) fn outside(&self, other: &Self) -> usize {
        let theirs = other.words.iter().copied().chain(std::iter::repeat(0));
        self.words.iter().zip(theirs).map(|(a, b)| (a & !b).count_ones() as usize).sum()
    }

    /// Keeps those for which `keep` is true.
    pub(crate) fn retain(&mut self, keep: impl Fn(VmId) -> bool) {
        let gone: Vec<VmId> = self.iter().filter(|&vm| !keep(vm)).collect();
        for vm in gone {
            self.set(vm, false);
        }
    }
}

impl FromIterator<VmId> for VmSet {
    fn from_iter<I: IntoIterator<Item = VmId>>(vms: I) -> Self {
        let mut set = Self::default();
        for vm in vms {
            set.set(vm, true);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_set(changes in prop::collection::vec((0u32..300, any::<bool>()), 0..200)) {
            let mut set = VmSet::default();
            let mut model = std::collections::BTreeSet::new();
            for (id, present) in changes {
                let changed = if present { model.insert(VmId(id)) } else { model.remove(&VmId(id)) };
                prop_assert_eq!(set.set(VmId(id), present), changed);
            }
            prop_assert_eq!(set.len(), model.len());
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            let even: VmSet = (0..300).filter(|i| i % 2 == 0).map(VmId).collect();
            prop_assert_eq!(set.outside(&even), model.iter().filter(|v| v.0 % 2 == 1).count());
            set.retain(|vm| vm.0 < 100);
            prop_assert_eq!(set.len(), model.iter().filter(|v| v.0 < 100).count());
        }
    }
}
