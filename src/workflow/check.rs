//! Whether a workflow can run in a world.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::files::{FileError, suggestion};
use crate::fleet::{Fleet, Image, Referent, Selection, VM_OVERHEAD};
use crate::handle::{Boot, Moves, OperationSpec, Placement, RunOn, Step, Which};
use crate::platform::no_power;
use crate::world::{Kind, World};

use super::{StepSpans, Workflow};

pub(super) fn check(workflow: &Workflow, world: &World) -> Result<(), FileError> {
    let real = matches!(world.kind, Kind::Libvirt(_));
    let check = Check { workflow, world, fleet: Fleet::new(world.topology.clone()), real };
    if let Some(vms) = &workflow.record.vms {
        check.references(vms, &workflow.sampled)?;
    }
    let mut booted = BTreeMap::new();
    for (step, spans) in workflow.steps.iter().zip(&workflow.spans) {
        if let Step::Operation(operation) = step {
            check.operation(operation, spans, &mut booted)?;
        }
    }
    Ok(())
}

const fn selected(which: &Which) -> Option<&Selection> {
    match which {
        Which::Selected(selection) => Some(selection),
        Which::Ids(_) => None,
    }
}

/// The selections of an operation, in the order in which [`StepSpans`] has their places.
fn selections(operation: &OperationSpec) -> Vec<&Selection> {
    let [first, second] = match operation {
        OperationSpec::Boot(boot) => [Some(&boot.on), None],
        OperationSpec::Migrate(migrate) => match &migrate.moves {
            Moves::To { which, hosts } => [selected(which), Some(hosts)],
            Moves::Pattern { which, .. } => [selected(which), None],
            Moves::Explicit(_) => [None, None],
        },
        OperationSpec::Evacuate(evacuate) => [Some(&evacuate.hosts), evacuate.to.as_ref()],
        OperationSpec::Change { which, .. }
        | OperationSpec::Run { on: RunOn::Vms(which), .. }
        | OperationSpec::Copy { on: RunOn::Vms(which), .. } => [selected(which), None],
        OperationSpec::Run { on: RunOn::Hosts(hosts), .. }
        | OperationSpec::Copy { on: RunOn::Hosts(hosts), .. }
        | OperationSpec::Spread { on: hosts, .. }
        | OperationSpec::Power { on: hosts, .. } => [Some(hosts), None],
    };
    [first, second].into_iter().flatten().collect()
}

struct Check<'a> {
    workflow: &'a Workflow,
    world: &'a World,
    /// The world's hosts before anything is known of them.
    fleet: Fleet,
    /// Whether VMs run on real hosts.
    real: bool,
}

impl<'a> Check<'a> {
    fn fail<T>(&self, at: &Range<usize>, message: impl Into<String>) -> Result<T, FileError> {
        Err(self.workflow.source.error(at, message))
    }

    /// `booted` counts the VMs that earlier steps boot, by name pattern.
    fn operation(
        &self,
        operation: &'a OperationSpec,
        spans: &StepSpans,
        booted: &mut BTreeMap<&'a str, u64>,
    ) -> Result<(), FileError> {
        for (selection, at) in selections(operation).into_iter().zip(&spans.selections) {
            self.references(selection, at)?;
            if selection.is_about_places() && selection.select_hosts(&self.fleet).is_empty() {
                let message = format!("{:?} selects no host of the world `{}`", selection.source(), self.world.name);
                return self.fail(at, message);
            }
        }
        match operation {
            OperationSpec::Boot(boot) => {
                if self.real && boot.class.image == Image::None {
                    let class = &boot.class.name;
                    return self
                        .fail(&spans.image, format!("class `{class}` boots from nothing: only the simulator can"));
                }
                if let Placement::Fixed(hosts) = &boot.placement {
                    for (host, at) in hosts.iter().zip(&spans.targets) {
                        self.host(host, at)?;
                    }
                }
                if let Image::Disk(image) = &boot.class.image {
                    self.image(image, &spans.image)?;
                }
                self.room(boot, &spans.step)?;
                *booted.entry(&boot.name).or_default() += u64::from(boot.count);
            }
            OperationSpec::Migrate(migrate) => {
                if let Moves::Explicit(moves) = &migrate.moves {
                    for (((vm, to), vm_at), to_at) in moves.iter().zip(&spans.vms).zip(&spans.targets) {
                        self.vm(vm, vm_at, booted)?;
                        self.host(to, to_at)?;
                    }
                }
            }
            OperationSpec::Power { action, .. } if !self.world.power_actions().contains(action) => {
                return self.fail(&spans.step, no_power(*action).to_string());
            }
            OperationSpec::Evacuate(_)
            | OperationSpec::Power { .. }
            | OperationSpec::Change { .. }
            | OperationSpec::Run { .. }
            | OperationSpec::Copy { .. } => {}
            OperationSpec::Spread { image, .. } => self.image(image, &spans.image)?,
        }
        Ok(())
    }

    /// One VM of the class must fit on one of the hosts, where their sizes are known.
    fn room(&self, boot: &Boot, at: &Range<usize>) -> Result<(), FileError> {
        let topology = &self.world.topology;
        let hosts =
            if boot.on.is_about_places() { boot.on.select_hosts(&self.fleet) } else { topology.host_ids().collect() };
        let sizes = || hosts.iter().map(|&host| topology.host(host).memory);
        let needed = boot.class.memory + VM_OVERHEAD;
        match sizes().max() {
            Some(largest) if largest < needed && sizes().all(|size| size.0 > 0) => {
                let message = format!(
                    "a VM of class `{}` needs {} and {VM_OVERHEAD} for its hypervisor, the largest of these hosts has {largest}",
                    boot.class.name, boot.class.memory
                );
                self.fail(at, message)
            }
            _ => Ok(()),
        }
    }

    /// An image that is named must be found here; one with a path may be on the hosts alone.
    fn image(&self, image: &str, at: &Range<usize>) -> Result<(), FileError> {
        if !self.real || image.contains('/') {
            return Ok(());
        }
        self.world.images.catalogue.find(image).map(drop).or_else(|why| self.fail(at, why))
    }

    /// What the selection at `at` names must be there.
    fn references(&self, selection: &Selection, at: &Range<usize>) -> Result<(), FileError> {
        let topology = &self.world.topology;
        for reference in selection.references() {
            let name = reference.name;
            let missing = match reference.to {
                Referent::Site if topology.site_named(name).is_none() => {
                    Some(("site", suggestion(name, topology.sites.iter().map(|site| &*site.name))))
                }
                Referent::Cluster if !topology.clusters.iter().any(|cluster| *cluster.name == *name) => {
                    Some(("cluster", suggestion(name, topology.clusters.iter().map(|cluster| &*cluster.name))))
                }
                Referent::Host if topology.host_named(name).is_none() => Some(("host", self.nearest_host(name))),
                // On real hosts there may be VMs of other files' classes.
                Referent::Class if !self.real && !self.workflow.classes.iter().any(|class| *class.name == *name) => {
                    Some(("class", suggestion(name, self.workflow.classes.iter().map(|class| &*class.name))))
                }
                _ => None,
            };
            if let Some((what, hint)) = missing {
                let place = if reference.to == Referent::Class {
                    "this file".to_owned()
                } else {
                    format!("the world `{}`", self.world.name)
                };
                let text = selection.source();
                let offset = text.char_indices().nth(reference.column - 1).map_or(0, |(i, _)| i);
                let message = format!("no {what} `{name}` in {place}{hint}");
                return Err(self.workflow.source.error_within(at, text, offset, message));
            }
        }
        Ok(())
    }

    fn host(&self, name: &str, at: &Range<usize>) -> Result<(), FileError> {
        if self.world.topology.host_named(name).is_some() {
            return Ok(());
        }
        let hint = self.nearest_host(name);
        self.fail(at, format!("no host `{name}` in the world `{}`{hint}", self.world.name))
    }

    /// A hint at the host that was meant: where the cluster is right, its numbers say more than a similar name.
    fn nearest_host(&self, name: &str) -> String {
        let topology = &self.world.topology;
        let named = |cluster: &str| topology.clusters.iter().find(|known| *known.name == *cluster);
        if let Some(cluster) = name.rsplit_once('-').and_then(|(cluster, _)| named(cluster))
            && let [first, .., last] = &topology.hosts[cluster.hosts.start as usize..cluster.hosts.end as usize]
        {
            return format!(": `{}` has `{}` to `{}`", cluster.name, first.name, last.name);
        }
        suggestion(name, topology.hosts.iter().map(|host| &*host.name))
    }

    /// A VM that a step moves by name must have been booted by an earlier step; real hosts may hold others too.
    fn vm(&self, name: &str, at: &Range<usize>, booted: &BTreeMap<&str, u64>) -> Result<(), FileError> {
        if self.real {
            return Ok(());
        }
        let mut beyond = None;
        for (pattern, count) in booted {
            let Some((before, after)) = pattern.split_once("{n}") else {
                if *pattern == name {
                    return Ok(());
                }
                continue;
            };
            let number = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            let Some(number) = number.filter(|n| !n.starts_with(['0', '+'])).and_then(|n| n.parse::<u64>().ok()) else {
                continue;
            };
            if number <= *count {
                return Ok(());
            }
            beyond = Some(format!(": `{pattern}` makes 1 to {count}"));
        }
        let patterns = booted.keys().copied().collect::<Vec<_>>();
        let hint = beyond.unwrap_or_else(|| match patterns.as_slice() {
            [] => ": no earlier step boots any".into(),
            patterns => format!(": earlier steps boot `{}`", patterns.join("`, `")),
        });
        self.fail(at, format!("no VM `{name}` will be there{hint}"))
    }
}
