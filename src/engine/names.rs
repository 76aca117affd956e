//! Which VM has which name, in few bytes for a million VMs: the names themselves stand in the VM table.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use crate::fleet::{VmId, VmTable};

/// The place in a name pattern where the number goes.
pub(super) const NUMBER: &str = "{n}";

/// Names of the VMs that exist.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_hash: HashMap<u64, VmId>,
    /// Names whose hash another name has too.
    rest: BTreeMap<Arc<str>, VmId>,
    /// No number below this is free for the pattern.
    lowest_free: HashMap<Arc<str>, u64>,
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(name.as_bytes());
    hasher.finish()
}

impl Names {
    /// The VM of that name.
    pub(super) fn find(&self, vms: &VmTable, name: &str) -> Option<VmId> {
        match self.by_hash.get(&hash(name)) {
            Some(&vm) if vms.name(vm) == name => Some(vm),
            Some(_) => self.rest.get(name).copied(),
            None => None,
        }
    }

    /// Enters a VM's name; a name that another VM has goes over to this one.
    pub(super) fn insert(&mut self, vms: &VmTable, vm: VmId) {
        let name = vms.name(vm);
        match self.by_hash.get(&hash(name)) {
            Some(&other) if vms.name(other) != name => {
                self.rest.insert(name.into(), vm);
            }
            _ => {
                self.by_hash.insert(hash(name), vm);
            }
        }
    }

    /// Frees a VM's name.
    pub(super) fn remove(&mut self, vms: &VmTable, vm: VmId) {
        let name = vms.name(vm);
        if self.rest.get(name) == Some(&vm) {
            self.rest.remove(name);
        } else if self.by_hash.get(&hash(name)) == Some(&vm) {
            self.by_hash.remove(&hash(name));
            // One that had to stand aside because of this one takes its place, or `find` would not see it.
            let aside = self.rest.iter().find(|(other, _)| hash(other) == hash(name)).map(|(n, &vm)| (n.clone(), vm));
            if let Some((other, vm)) = aside {
                self.rest.remove(&other);
                self.by_hash.insert(hash(&other), vm);
            }
        }
        self.lowest_free.clear();
    }

    /// The first `count` names of a pattern that are free, numbers counting from 1. A pattern without a number gives
    /// its one name, if that is free.
    pub(super) fn free(&self, vms: &VmTable, pattern: &Arc<str>, count: u32) -> Vec<Arc<str>> {
        if !pattern.contains(NUMBER) {
            let free = count > 0 && self.find(vms, pattern).is_none();
            return if free { vec![pattern.clone()] } else { Vec::new() };
        }
        let first = self.lowest_free.get(pattern).copied().unwrap_or(1);
        (first..)
            .map(|n| pattern.replacen(NUMBER, &n.to_string(), 1))
            .filter(|name| self.find(vms, name).is_none())
            .take(count as usize)
            .map(Arc::from)
            .collect()
    }

    /// Notes that names of a pattern were given up to this one, so that the next search need not begin at 1.
    pub(super) fn used_up_to(&mut self, pattern: &Arc<str>, last: &str) {
        let Some((before, after)) = pattern.split_once(NUMBER) else { return };
        let number = last.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).and_then(|n| n.parse().ok());
        if let Some(number) = number {
            self.lowest_free.insert(pattern.clone(), number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::VmRow;

    #[test]
    fn numbers_continue_and_holes_are_filled() {
        let mut vms = VmTable::default();
        let mut names = Names::default();
        let pattern: Arc<str> = "vm-{n}".into();
        let add = |names: &mut Names, vms: &mut VmTable, count| {
            let new = names.free(vms, &pattern, count);
            for name in &new {
                let vm = vms.push(name, VmRow::default());
                names.insert(vms, vm);
            }
            names.used_up_to(&pattern, new.last().unwrap());
            new.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(add(&mut names, &mut vms, 3), ["vm-1", "vm-2", "vm-3"]);
        assert_eq!(add(&mut names, &mut vms, 2), ["vm-4", "vm-5"]);
        names.remove(&vms, VmId(1));
        assert_eq!(names.find(&vms, "vm-2"), None);
        assert_eq!(add(&mut names, &mut vms, 2), ["vm-2", "vm-6"]);
        assert_eq!(names.find(&vms, "vm-2"), Some(VmId(5)));
    }
}
