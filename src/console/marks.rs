//! Sets of VMs or hosts, a bit each: marks and what a filter lets through.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fleet::{HostId, VmId};

/// What counts from zero up.
pub(crate) trait Numbered: Copy {
    fn of(number: u32) -> Self;
    fn number(self) -> u32;
}

impl Numbered for VmId {
    fn of(number: u32) -> Self {
        Self(number)
    }
    fn number(self) -> u32 {
        self.0
    }
}

impl Numbered for HostId {
    fn of(number: u32) -> Self {
        Self(number)
    }
    fn number(self) -> u32 {
        self.0
    }
}

/// The last version that a set had: none is given twice, so that sets of the same version are the same.
static LAST_VERSION: AtomicU64 = AtomicU64::new(0);

/// A set by id. A million members take 125 kB.
#[derive(Debug, Clone)]
pub(crate) struct Set<I> {
    words: Vec<u64>,
    len: usize,
    version: u64,
    of: PhantomData<I>,
}

/// A set of VMs.
pub(crate) type VmSet = Set<VmId>;
/// A set of hosts.
pub(crate) type HostSet = Set<HostId>;

impl<I> Default for Set<I> {
    fn default() -> Self {
        Self { words: Vec::new(), len: 0, version: 0, of: PhantomData }
    }
}

impl<I> PartialEq for Set<I> {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version || self.words == other.words
    }
}

impl<I> Eq for Set<I> {}

impl<I: Numbered> Set<I> {
    /// Another one after every change.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn contains(&self, id: I) -> bool {
        let number = id.number();
        self.words.get(number as usize / 64).is_some_and(|w| w >> (number % 64) & 1 == 1)
    }

    /// Adds or removes one; says whether that changed anything.
    pub(crate) fn set(&mut self, id: I, present: bool) -> bool {
        if self.contains(id) == present {
            return false;
        }
        let word = id.number() as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] ^= 1 << (id.number() % 64);
        self.version = LAST_VERSION.fetch_add(1, Ordering::Relaxed) + 1;
        self.len = if present { self.len + 1 } else { self.len - 1 };
        true
    }

    /// Its members by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = I> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            std::iter::successors((word != 0).then_some(word), |w| Some(w & (w - 1)).filter(|w| *w != 0))
                .map(move |w| I::of(i as u32 * 64 + w.trailing_zeros()))
        })
    }

    /// How many members are not in `other`.
    pub(crate) fn outside(&self, other: &Self) -> usize {
        let theirs = other.words.iter().copied().chain(std::iter::repeat(0));
        self.words.iter().zip(theirs).map(|(a, b)| (a & !b).count_ones() as usize).sum()
    }

    /// Keeps those for which `keep` is true.
    pub(crate) fn retain(&mut self, keep: impl Fn(I) -> bool) {
        let gone: Vec<I> = self.iter().filter(|&id| !keep(id)).collect();
        for id in gone {
            self.set(id, false);
        }
    }
}

impl<I: Numbered> FromIterator<I> for Set<I> {
    fn from_iter<A: IntoIterator<Item = I>>(ids: A) -> Self {
        let mut set = Self::default();
        for id in ids {
            set.set(id, true);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_two_contents_have_the_same_version() {
        let one: VmSet = [VmId(1)].into_iter().collect();
        let two: VmSet = [VmId(2)].into_iter().collect();
        assert_ne!((one.version(), VmSet::default().version()), (two.version(), two.version()));
        assert_ne!(one.version(), two.version());
        let mut copy = one.clone();
        assert_eq!(copy.version(), one.version());
        assert!(!copy.set(VmId(1), true) && copy.version() == one.version());
        assert!(copy.set(VmId(7), true) && copy.version() != one.version());
    }

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
