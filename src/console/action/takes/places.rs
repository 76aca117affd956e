//! Places by their name: a site, a host, a VM, an operation.

use super::{Takes, anything, unknown};
use crate::console::action::when::{always, has_any_vm, has_operations};
use crate::console::app::App;
use crate::console::page::{Go, Page};
use crate::console::prompt::Wrong;
use crate::console::prompt::complete::{among, host_names, operations, vm_names};
use crate::fleet::{HostId, OpId, VmId, nearest};

fn site_words(app: &App) -> impl Iterator<Item = (String, String)> + '_ {
    let topology = &app.snapshot.fleet.topology;
    topology.sites.iter().map(|site| {
        let clusters: Vec<&str> = site.clusters.iter().map(|c| &*topology.clusters[c.index()].name).collect();
        (site.name.to_string(), clusters.join(", "))
    })
}

fn site_named<'a>(app: &'a App, text: &str) -> Result<&'a str, Wrong> {
    let name = text.trim();
    let sites = &app.snapshot.fleet.topology.sites;
    sites.iter().find(|site| *site.name == *name).map(|site| &*site.name).ok_or_else(|| {
        let near = nearest(name, sites.iter().map(|site| &*site.name));
        Wrong::new(0, unknown("site", name, near))
    })
}

/// A site's VMs.
pub(in crate::console::action) static SITE: Takes = Takes {
    usage: "NAME",
    needed: true,
    preview: None,
    when: always,
    complete: |app, text| among(0, text, site_words(app)),
    check: |app, text| site_named(app, text).map(drop),
    run: |app, text| {
        let filter = format!("site:{}", site_named(app, text)?);
        app.follow(Go::Vms(filter));
        Ok(())
    },
};

fn host_named(app: &App, text: &str) -> Result<HostId, Wrong> {
    let topology = &app.snapshot.fleet.topology;
    topology.host_named(text.trim()).ok_or_else(|| {
        let near = nearest(text.trim(), topology.hosts.iter().map(|host| &*host.name));
        Wrong::new(0, unknown("host", text.trim(), near))
    })
}

/// A host's page.
pub(in crate::console::action) static HOST: Takes = Takes {
    usage: "NAME",
    needed: true,
    preview: None,
    when: always,
    complete: |app, text| among(0, text, host_names(app)),
    check: |app, text| host_named(app, text).map(drop),
    run: |app, text| {
        let host = host_named(app, text)?;
        app.enter(Page::Host(host));
        Ok(())
    },
};

fn vm_named(app: &App, text: &str) -> Result<VmId, Wrong> {
    let vms = &app.snapshot.fleet.vms;
    let name = text.trim();
    vms.ids().find(|&vm| vms.name(vm) == name).ok_or_else(|| Wrong::new(0, unknown("VM", name, None)))
}

/// A VM's page.
pub(in crate::console::action) static VM: Takes = Takes {
    usage: "NAME",
    needed: true,
    preview: None,
    when: has_any_vm,
    complete: |app, text| among(0, text, vm_names(app, text)),
    // Only Enter looks through the whole fleet.
    check: anything,
    run: |app, text| {
        let vm = vm_named(app, text)?;
        app.enter(Page::Vm(vm));
        Ok(())
    },
};

fn operation_named(app: &App, text: &str) -> Result<OpId, Wrong> {
    let number = text.trim().trim_start_matches('#').parse().ok().map(OpId);
    let known = number.filter(|id| app.snapshot.operations.iter().any(|op| op.id == *id));
    known.ok_or_else(|| Wrong::new(0, unknown("operation", text.trim(), None)))
}

/// An operation's tasks.
pub(in crate::console::action) static OPERATION: Takes = Takes {
    usage: "NUMBER",
    needed: true,
    preview: None,
    when: has_operations,
    complete: |app, text| among(0, text, operations(app)),
    check: |app, text| operation_named(app, text).map(drop),
    run: |app, text| {
        let op = operation_named(app, text)?;
        app.enter(Page::Tasks(op));
        Ok(())
    },
};
