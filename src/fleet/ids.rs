//! Identities. All are dense indices: a site, cluster or host is its place in the [`Topology`](super::Topology),
//! a VM its row in the [`VmTable`](super::VmTable), an operation or task its number since the run began.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The id as an index into a slice.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A site of the testbed, in the order of the world file.
    SiteId(u16),
    "site "
);
id!(
    /// A cluster, in the order of the world file.
    ClusterId(u16),
    "cluster "
);
id!(
    /// A host, in world order: clusters as the file lists them, hosts by number.
    HostId(u32),
    "host "
);
id!(
    /// A VM. Never given to another VM, also after its VM is gone, so that a selection cannot come to mean another one.
    VmId(u32),
    "vm "
);
id!(
    /// An operation, numbered from 1 as the operator sees it.
    OpId(u32),
    "#"
);
id!(
    /// A task: an operation's work on one VM. Older tasks have lower numbers.
    TaskId(u32),
    "task "
);
