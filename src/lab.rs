//! Grid'5000 in a box: sites of real libvirt hosts on one Linux machine, each in namespaces of its own.
//!
//! A lab is a number N, from which all its names and addresses follow ([`Plan`]), and a directory:
//!
//! - `hmN-net`, a network namespace with a bridge per site, the links between them ([`Link`], shaped by the kernel or by
//!   [`relay()`]), and the gateway: a bridge that reaches every site, with DHCP by Grid'5000's rule. The root namespace
//!   reaches it by the interface `hmN`. Being there, the lab is out of reach of the machine's packet filters;
//! - `hmN-HOST`, a network namespace per host, in which a libvirtd and an sshd run with mounts and a host name of its own.
//!
//! What is made is recorded first, in `/var/lib/hemera/lab/N.toml` ([`Record`]), so that [`down`] finds everything,
//! whenever [`up`] was killed. But for memory that moves under TLS nobody authenticates anybody: the addresses are reachable
//! from this machine alone.
//!
//! Everything is done by the system's own programs (`ip`, `tc`, `virsh` and so on), as an operator would.

mod bootable;
mod cache;
mod debian;
mod disk;
mod down;
mod error;
mod fault;
mod files;
mod gateway;
mod guest;
mod host;
mod kvm;
mod link;
mod modules;
mod need;
mod net;
mod plan;
mod power;
mod processes;
mod record;
mod relay;
mod run;
mod ssh;
mod status;
mod tls;
mod up;

pub use debian::{Debian, image};
pub use down::{Gone, down};
pub use error::LabError;
pub use fault::{Fault, fault, mend};
pub use files::{workflow, world};
pub use guest::Guest;
pub use link::Link;
pub use need::root;
pub use plan::{Host, MAX_HOSTS, MAX_SITES, MAX_VMS, Plan, Shape, Site};
pub use power::{Power, power, restart_libvirtd};
pub use record::{REGISTRY, Record};
pub use relay::relay;
pub use status::{HostStatus, Status, status};
pub use up::{Ready, Wish, up};
