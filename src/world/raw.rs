//! What a world file may hold.

use std::fmt;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, SeqAccess, Visitor};
use toml::Spanned;

use crate::fleet::{Bytes, Rate, Share, Span};
use crate::image::{Shape, Strategy};
use crate::platform::sim::Ailment;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWorld {
    pub(super) name: Spanned<String>,
    pub(super) platform: Platform,
    #[serde(default)]
    pub(super) cluster: Vec<Spanned<RawCluster>>,
    #[serde(default)]
    pub(super) link: Vec<RawLink>,
    pub(super) images: Option<Spanned<RawImages>>,
    pub(super) power: Option<Spanned<RawPower>>,
    pub(super) load: Option<Spanned<RawLoad>>,
    pub(super) boot: Option<Spanned<RawBoot>>,
    pub(super) migration: Option<Spanned<RawMigration>>,
    pub(super) faults: Option<Spanned<RawFaults>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Platform {
    Sim,
    Libvirt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCluster {
    pub(super) site: Spanned<String>,
    pub(super) name: Spanned<String>,
    pub(super) hosts: Spanned<Hosts>,
    pub(super) cores: Option<Spanned<u32>>,
    pub(super) memory: Option<Spanned<Bytes>>,
    pub(super) nic: Option<Spanned<Rate>>,
    pub(super) disk: Option<Spanned<Rate>>,
    pub(super) subnet: Option<Spanned<String>>,
    pub(super) ssh_config: Option<Spanned<String>>,
}

/// The hosts of a cluster: so many, or these.
pub(super) enum Hosts {
    Count(i64),
    Listed(Vec<RawHost>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHost {
    pub(super) name: Spanned<String>,
    pub(super) uri: Spanned<String>,
    pub(super) peer: Option<Spanned<String>>,
    pub(super) migrate: Option<Spanned<String>>,
    pub(super) ssh: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Hosts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of hosts or a list of { name, uri }")
            }
            fn visit_i64<E>(self, count: i64) -> Result<Hosts, E> {
                Ok(Hosts::Count(count))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Hosts, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Hosts::Listed)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLink {
    pub(super) between: Spanned<Vec<Spanned<String>>>,
    pub(super) bandwidth: Spanned<Rate>,
    pub(super) latency: Spanned<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawImages {
    pub(super) directories: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) strategy: Option<Strategy>,
    pub(super) spread: Option<Shape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPower {
    pub(super) off: Option<RawCommand>,
    pub(super) on: Option<RawCommand>,
    pub(super) reboot: Option<RawCommand>,
    pub(super) restart_libvirtd: Option<RawCommand>,
}

/// A program and its arguments.
pub(super) type RawCommand = Spanned<Vec<Spanned<String>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLoad {
    pub(super) mean: Option<Spanned<Share>>,
    pub(super) deviation: Option<Spanned<Share>>,
    pub(super) period: Option<Spanned<Span>>,
    pub(super) steps: Option<Spanned<u32>>,
    pub(super) dirty_rate: Option<Spanned<Rate>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBoot {
    pub(super) cpu: Option<Spanned<Span>>,
    pub(super) read: Option<Spanned<Bytes>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMigration {
    pub(super) max_downtime: Option<Spanned<Span>>,
    pub(super) max_rounds: Option<u32>,
    pub(super) efficiency: Option<Spanned<f64>>,
    pub(super) setup: Option<Spanned<Span>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFaults {
    pub(super) boot_failure: Option<Spanned<Share>>,
    pub(super) migration_failure: Option<Spanned<Share>>,
    pub(super) stuck_guest: Option<Spanned<Share>>,
    pub(super) host_crash: Option<Spanned<String>>,
    pub(super) host_downtime: Option<Spanned<Span>>,
    pub(super) link_cut: Option<Spanned<String>>,
    pub(super) link_downtime: Option<Spanned<Span>>,
    pub(super) slow_host: Option<Spanned<Share>>,
    pub(super) slow_factor: Option<Spanned<Share>>,
    pub(super) libvirtd_hang: Option<Spanned<String>>,
    pub(super) kernel_panic: Option<Spanned<Share>>,
    pub(super) no_output: Option<Spanned<Share>>,
    pub(super) emergency_shell: Option<Spanned<Share>>,
    pub(super) no_dhcp: Option<Spanned<Share>>,
    pub(super) agent_silent: Option<Spanned<Share>>,
    pub(super) clock_behind: Option<Spanned<Share>>,
    pub(super) qemu_stopped: Option<Spanned<Share>>,
    pub(super) qemu_killed: Option<Spanned<Share>>,
    pub(super) paused_outside: Option<Spanned<Share>>,
    pub(super) disk_error: Option<Spanned<Share>>,
    pub(super) disk_full: Option<Spanned<Share>>,
    pub(super) address_twice: Option<Spanned<Share>>,
    pub(super) card_down: Option<Spanned<Share>>,
    pub(super) left_on_source: Option<Spanned<Share>>,
}

impl RawFaults {
    /// The share of an ailment.
    pub(super) const fn ailment(&self, ailment: Ailment) -> Option<&Spanned<Share>> {
        let share = match ailment {
            Ailment::KernelPanic => &self.kernel_panic,
            Ailment::NoOutput => &self.no_output,
            Ailment::EmergencyShell => &self.emergency_shell,
            Ailment::NoDhcp => &self.no_dhcp,
            Ailment::AgentSilent => &self.agent_silent,
            Ailment::ClockBehind => &self.clock_behind,
            Ailment::QemuStopped => &self.qemu_stopped,
            Ailment::QemuKilled => &self.qemu_killed,
            Ailment::PausedOutside => &self.paused_outside,
            Ailment::DiskError => &self.disk_error,
            Ailment::DiskFull => &self.disk_full,
            Ailment::AddressTwice => &self.address_twice,
            Ailment::CardDown => &self.card_down,
            Ailment::LeftOnSource => &self.left_on_source,
        };
        share.as_ref()
    }
}
