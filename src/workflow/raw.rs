//! What a workflow file may hold.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use crate::fleet::{Bytes, MigrationOptions, PLANS, Rate, Share, Span};
use crate::handle::{Limits, Placement};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWorkflow {
    pub(super) name: Spanned<String>,
    pub(super) seed: Option<u64>,
    #[serde(default)]
    pub(super) vm: BTreeMap<Spanned<String>, Spanned<RawClass>>,
    #[serde(default)]
    pub(super) limits: Limits,
    #[serde(default)]
    pub(super) record: RawRecord,
    #[serde(default)]
    pub(super) step: Vec<Spanned<RawStep>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClass {
    pub(super) vcpus: Spanned<u32>,
    pub(super) memory: Spanned<Bytes>,
    pub(super) image: Option<Spanned<String>>,
    pub(super) kernel: Option<Spanned<String>>,
    pub(super) initrd: Option<Spanned<String>>,
    pub(super) cmdline: Option<Spanned<String>>,
    pub(super) network: Option<String>,
    pub(super) cpu: Option<String>,
    pub(super) ready: Option<Spanned<RawReady>>,
    pub(super) agent: Option<Spanned<bool>>,
    pub(super) ssh: Option<Spanned<String>>,
    pub(super) ssh_config: Option<Spanned<String>>,
    pub(super) patience: Option<Spanned<Span>>,
    pub(super) ssh_key: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawReady {
    Up,
    Reachable,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecord {
    pub(super) samples: Option<Spanned<Span>>,
    pub(super) vms: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawStep {
    pub(super) boot: Option<Spanned<RawBoot>>,
    pub(super) wait: Option<Spanned<Span>>,
    pub(super) stress: Option<Spanned<RawStress>>,
    pub(super) stop_stress: Option<Spanned<RawSelect>>,
    pub(super) migrate: Option<Spanned<RawMigrate>>,
    pub(super) evacuate: Option<Spanned<RawEvacuate>>,
    pub(super) destroy: Option<Spanned<RawSelect>>,
    pub(super) shutdown: Option<Spanned<RawSelect>>,
    pub(super) pause: Option<Spanned<RawSelect>>,
    pub(super) resume: Option<Spanned<RawSelect>>,
    pub(super) reboot: Option<Spanned<RawSelect>>,
    pub(super) run: Option<Spanned<RawRun>>,
    pub(super) copy_in: Option<Spanned<RawCopyIn>>,
    pub(super) copy_out: Option<Spanned<RawCopyOut>>,
    pub(super) spread: Option<Spanned<RawSpread>>,
    pub(super) power: Option<Spanned<RawPower>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPower {
    pub(super) hosts: Spanned<String>,
    pub(super) action: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSpread {
    pub(super) image: Spanned<String>,
    pub(super) on: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBoot {
    pub(super) class: Spanned<String>,
    pub(super) count: Spanned<u32>,
    pub(super) name: Spanned<String>,
    pub(super) placement: Option<RawPlacement>,
    pub(super) on: Option<Spanned<String>>,
}

pub(super) enum RawPlacement {
    Named(Placement),
    Fixed(Spanned<Vec<Spanned<String>>>),
}

const PLACEMENTS: [&str; 4] = ["round-robin", "packed", "random", "balanced"];

impl<'de> Deserialize<'de> for RawPlacement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct RawFixed {
            fixed: Spanned<Vec<Spanned<String>>>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RawPlacement;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "one of \"{}\" or {{ fixed = [HOSTS] }}", PLACEMENTS.join("\", \""))
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<RawPlacement, E> {
                Ok(RawPlacement::Named(match word {
                    "round-robin" => Placement::RoundRobin,
                    "packed" => Placement::Packed,
                    "random" => Placement::Random,
                    "balanced" => Placement::Balanced,
                    _ => return Err(E::unknown_variant(word, &PLACEMENTS)),
                }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawPlacement, A::Error> {
                RawFixed::deserialize(MapAccessDeserializer::new(map)).map(|fixed| RawPlacement::Fixed(fixed.fixed))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSelect {
    pub(super) select: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStress {
    pub(super) select: Spanned<String>,
    pub(super) cpu: Spanned<Share>,
    pub(super) dirty_rate: Option<Spanned<Rate>>,
    pub(super) working_set: Option<Spanned<Share>>,
}

/// A step whose VMs move: what is its own, and how they do. (serde takes no flattened struct that refuses unknown keys.)
macro_rules! moving {
    ($step:ident { $($own:ident: $value:ty,)* }) => {
        // Each switch is an option of its own.
        #[allow(clippy::struct_excessive_bools)]
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $step {
            $(pub(super) $own: $value,)*
            bandwidth: Option<Spanned<Rate>>,
            max_downtime: Option<Spanned<Span>>,
            #[serde(default)]
            post_copy: bool,
            #[serde(default)]
            auto_converge: bool,
            compression: Option<Spanned<String>>,
            parallel: Option<Spanned<u32>>,
            storage: Option<Spanned<String>>,
            #[serde(default)]
            tunnelled: bool,
            #[serde(default)]
            tls: bool,
            #[serde(default)]
            check_cpu: bool,
            #[serde(default)]
            cold: bool,
            rescue: Option<Spanned<RawRescue>>,
        }

        impl $step {
            /// How its VMs move.
            pub(super) fn manner(&self) -> Manner<'_> {
                Manner {
                    bandwidth: self.bandwidth.as_ref(),
                    max_downtime: self.max_downtime.as_ref(),
                    compression: self.compression.as_ref(),
                    parallel: self.parallel.as_ref(),
                    storage: self.storage.as_ref(),
                    switches: MigrationOptions {
                        post_copy: self.post_copy,
                        auto_converge: self.auto_converge,
                        tunnelled: self.tunnelled,
                        tls: self.tls,
                        check_cpu: self.check_cpu,
                        cold: self.cold,
                        ..MigrationOptions::default()
                    },
                    rescue: self.rescue.as_ref(),
                }
            }
        }
    };
}

/// How VMs move.
pub(super) struct Manner<'a> {
    pub(super) bandwidth: Option<&'a Spanned<Rate>>,
    pub(super) max_downtime: Option<&'a Spanned<Span>>,
    pub(super) compression: Option<&'a Spanned<String>>,
    pub(super) parallel: Option<&'a Spanned<u32>>,
    pub(super) storage: Option<&'a Spanned<String>>,
    pub(super) switches: MigrationOptions,
    pub(super) rescue: Option<&'a Spanned<RawRescue>>,
}

moving!(RawMigrate {
    select: Option<Spanned<String>>,
    pattern: Option<Spanned<RawPattern>>,
    to: Option<Spanned<String>>,
    moves: Option<Spanned<Vec<RawMove>>>,
});

moving!(RawEvacuate {
    hosts: Spanned<String>,
    to: Option<Spanned<String>>,
});

pub(super) enum RawRescue {
    Named(String),
    Own(Vec<Spanned<RawRescueStep>>),
}

impl<'de> Deserialize<'de> for RawRescue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RawRescue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "one of \"{}\" or a list of steps {{ after, do }}", PLANS.join("\", \""))
            }
            fn visit_str<E>(self, name: &str) -> Result<RawRescue, E> {
                Ok(RawRescue::Named(name.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawRescue, A::Error> {
                let mut steps = Vec::new();
                while let Some(step) = seq.next_element()? {
                    steps.push(step);
                }
                Ok(RawRescue::Own(steps))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRescueStep {
    pub(super) after: Option<Spanned<String>>,
    #[serde(rename = "do")]
    pub(super) action: Spanned<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawPattern {
    TwoNodes,
    Crossed,
    Circular,
    SplitMerge,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMove {
    pub(super) vm: Spanned<String>,
    pub(super) to: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRun {
    pub(super) select: Option<Spanned<String>>,
    pub(super) hosts: Option<Spanned<String>>,
    pub(super) command: Option<Spanned<String>>,
    pub(super) script: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) args: Vec<String>,
    pub(super) timeout: Option<Spanned<Span>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCopyIn {
    pub(super) select: Option<Spanned<String>>,
    pub(super) hosts: Option<Spanned<String>>,
    pub(super) from: Spanned<String>,
    pub(super) to: Spanned<String>,
    pub(super) mode: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<Span>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCopyOut {
    pub(super) select: Option<Spanned<String>>,
    pub(super) hosts: Option<Spanned<String>>,
    pub(super) from: Spanned<String>,
    pub(super) timeout: Option<Spanned<Span>>,
}
