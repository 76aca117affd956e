//! What stands in the places of a command: what is under the cursor or marked.

use crate::console::action::{Reason, knows_vms};
use crate::console::app::App;
use crate::console::page::Around;
use crate::console::template::{Placeholder, Template};
use crate::fleet::{HostId, VmId};

/// Places that want a VM.
const OF_VM: [Placeholder; 3] = [Placeholder::Vm, Placeholder::State, Placeholder::Class];
/// Places that want a host.
const OF_HOST: [Placeholder; 3] = [Placeholder::Host, Placeholder::Site, Placeholder::Cluster];
/// Places that want any number of VMs.
const OF_VMS: [Placeholder; 1] = [Placeholder::Vms];

/// The VM under the cursor; none where the row stands for several.
pub(super) fn vm(app: &App) -> Option<VmId> {
    let around = Around { snapshot: &app.snapshot, heat: &app.heat };
    let vm = match app.pages.seen(app.nav.page()) {
        Some(view) => match view.vms(&around).as_slice() {
            [vm] => Some(*vm),
            _ => None,
        },
        None => app.vms.cursor,
    };
    vm.filter(|vm| app.snapshot.fleet.vms.exists(*vm))
}

/// The host under the cursor, or that of the VM under it.
pub(super) fn host(app: &App) -> Option<HostId> {
    app.meant_host().or_else(|| vm(app).and_then(|vm| app.snapshot.fleet.vms.row(vm).host))
}

/// The hosts that are meant where hosts have the focus; elsewhere those of the VMs that are meant.
pub(super) fn hosts(app: &App) -> Vec<HostId> {
    if app.marks_hosts() {
        return app.meant_hosts();
    }
    let mut hosts: Vec<HostId> = app.meant().into_iter().filter_map(|vm| app.snapshot.fleet.vms.row(vm).host).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// Whether every place of a command can be filled, or why not.
pub(super) fn possible(app: &App, template: &Template) -> Result<(), Reason> {
    let asks = |places: &[Placeholder]| places.iter().any(|place| template.asks(*place));
    let of_hosts = asks(&[Placeholder::Hosts]);
    if asks(&OF_VM) || asks(&OF_VMS) || of_hosts && !app.marks_hosts() {
        knows_vms(app)?;
    }
    if asks(&OF_VM) && vm(app).is_none() {
        return Err("there is no VM here");
    }
    if of_hosts && app.marks_hosts() && !app.means_hosts() {
        return Err("there is no host here");
    }
    if asks(&OF_HOST) && host(app).is_none() { Err("there is no host here") } else { Ok(()) }
}

/// The command with every place filled and quoted for the shell.
pub(super) fn fill(app: &App, template: &Template) -> String {
    let fleet = &app.snapshot.fleet;
    let topology = &fleet.topology;
    let row = vm(app).map(|vm| fleet.vms.row(vm));
    template.fill(|place| {
        let of_host = || host(app).map(|host| topology.host(host));
        match place {
            Placeholder::Vm => vm(app).map(|vm| fleet.vms.name(vm)).map(quoted).unwrap_or_default(),
            Placeholder::State => row.map(|row| quoted(row.state.word())).unwrap_or_default(),
            Placeholder::Class => row.map(|row| quoted(fleet.class_name(&row))).unwrap_or_default(),
            Placeholder::Host => of_host().map(|host| quoted(&host.name)).unwrap_or_default(),
            Placeholder::Site => {
                of_host().map(|host| quoted(&topology.sites[host.site.index()].name)).unwrap_or_default()
            }
            Placeholder::Cluster => {
                of_host().map(|host| quoted(&topology.clusters[host.cluster.index()].name)).unwrap_or_default()
            }
            Placeholder::Vms => words(app.meant().into_iter().map(|vm| fleet.vms.name(vm))),
            Placeholder::Hosts => words(hosts(app).into_iter().map(|host| &*topology.host(host).name)),
            Placeholder::World => quoted(&app.snapshot.about.world),
        }
    })
}

fn quoted(text: &str) -> String {
    shell_words::quote(text).into_owned()
}

fn words<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(quoted).collect::<Vec<_>>().join(" ")
}
