//! Whether a workflow can run in a world.

use std::ops::Range;

use crate::files::{FileError, suggestion};
use crate::fleet::Image;
use crate::handle::{Moves, OperationSpec, Placement, Step, VmChange};
use crate::world::{Kind, World};

use super::Workflow;

pub(super) fn check(workflow: &Workflow, world: &World) -> Result<(), FileError> {
    let real = matches!(world.kind, Kind::Libvirt(_));
    let fail = |at: &Range<usize>, message: String| Err(workflow.source.error(at, message));
    for (step, spans) in workflow.steps.iter().zip(&workflow.spans) {
        let Step::Operation(operation) = step else { continue };
        match operation {
            OperationSpec::Boot(boot) => {
                if real && boot.class.image == Image::None {
                    let message =
                        format!("class `{}` boots from nothing, which only the simulator does", boot.class.name);
                    return fail(&spans.image, message);
                }
                if let Placement::Fixed(hosts) = &boot.placement {
                    for (host, span) in hosts.iter().zip(&spans.targets) {
                        host_exists(workflow, world, host, span)?;
                    }
                }
            }
            OperationSpec::Migrate(migrate) => {
                if let Moves::Explicit(moves) = &migrate.moves {
                    for ((_, to), span) in moves.iter().zip(&spans.targets) {
                        host_exists(workflow, world, to, span)?;
                    }
                }
            }
            OperationSpec::Change { change: VmChange::Stress(_) | VmChange::StopStress, .. } if real => {
                return fail(
                    &spans.step,
                    "only the simulator can stress VMs so far, and this world is on libvirt".into(),
                );
            }
            OperationSpec::Evacuate { .. } | OperationSpec::Change { .. } => {}
        }
    }
    Ok(())
}

fn host_exists(workflow: &Workflow, world: &World, name: &str, span: &Range<usize>) -> Result<(), FileError> {
    if world.topology.host_named(name).is_some() {
        return Ok(());
    }
    let hint = suggestion(name, world.topology.hosts.iter().map(|host| &*host.name));
    Err(workflow.source.error(span, format!("no host `{name}` in the world `{}`{hint}", world.name)))
}
