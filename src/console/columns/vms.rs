//! The columns of the VM table.

use super::{Column, Figure, Shape};
use crate::console::format;
use crate::console::glyphs::Glyphs;
use crate::console::theme::Role;
use crate::console::view::state_role;
use crate::fleet::{Finding, Fleet, VmId, VmRow, VmState};

macro_rules! shapes {
    ($($column:ident $id:literal $title:literal $width:literal $right:literal $priority:literal $shown:literal $doc:literal;)*) => {
        [$(Shape {
            column: Column::$column, id: $id, title: $title, width: $width, right: $right, priority: $priority,
            shown: $shown, doc: $doc,
        },)*]
    };
}
pub(super) use shapes;

pub(super) static SHAPES: [Shape; 19] = shapes! {
    Name "name" "name" 16 false 0 true "Its name.";
    State "state" "state" 12 false 0 true "Where it is in its life.";
    Host "host" "host" 14 false 1 true "The host that runs it.";
    Site "site" "site" 9 false 6 true "The site of its host.";
    Cluster "cluster" "cluster" 11 false 9 false "The cluster of its host.";
    Cpu "cpu" "cpu" 5 true 2 true "The CPU that it gets, of what its vCPUs could get.";
    Bar "cpu-bar" "load" 8 false 10 false "The same as a bar.";
    Memory "memory" "mem" 6 true 3 true "Its memory.";
    Vcpus "vcpus" "vcpus" 5 true 11 false "How many vCPUs it has.";
    Dirty "dirty" "dirty" 9 true 4 true "The rate at which it dirties memory.";
    Net "net" "net" 9 true 7 true "What it receives and sends.";
    Class "class" "class" 9 false 8 true "The class that it was booted from.";
    Target "target" "to" 14 false 5 false "The host that it moves to.";
    Op "operation" "op" 6 false 12 false "The operation that last worked on it.";
    Finding "finding" "finding" 14 false 5 false "What is wrong with it.";
    Flags "flags" "flags" 16 false 13 false "Whether it is not ours, and whether it is stressed.";
    Since "since" "since" 7 true 3 true "How long it has had its state.";
    Note "note" "note" 12 false 5 true "The reason, the finding, where it moves to.";
    Id "id" "id" 8 true 14 false "Its number, in the order in which VMs were made.";
};

pub(super) static SORTABLE: [Column; 10] = [
    Column::Id,
    Column::Name,
    Column::State,
    Column::Host,
    Column::Cpu,
    Column::Memory,
    Column::Dirty,
    Column::Net,
    Column::Class,
    Column::Since,
];

/// What sorts VMs by a column, for all but names.
pub(crate) fn vm_key(column: Column, fleet: &Fleet, vm: VmId) -> u32 {
    if column == Column::State {
        return fleet.vms.state(vm) as u32;
    }
    let row = fleet.vms.row(vm);
    let place =
        |of: fn(&crate::fleet::Host) -> u16| row.host.map_or(u32::MAX, |h| u32::from(of(fleet.topology.host(h))));
    match column {
        Column::Host => row.host.map_or(u32::MAX, |h| h.0),
        Column::Target => row.target.map_or(u32::MAX, |h| h.0),
        Column::Site => place(|host| host.site.0),
        Column::Cluster => place(|host| host.cluster.0),
        Column::Cpu | Column::Bar => row.cpu / u32::from(row.vcpus.max(1)),
        Column::Memory => row.memory,
        Column::Vcpus => u32::from(row.vcpus),
        Column::Dirty => row.dirty,
        Column::Net => row.net,
        Column::Class => u32::from(row.class),
        Column::Op => row.op.0,
        Column::Flags => u32::from(!row.managed) * 2 + u32::from(row.stressed),
        // The youngest state first.
        Column::Since => u32::MAX - row.since,
        Column::Finding | Column::Note => u32::from(row.finding == Finding::None),
        _ => vm.0,
    }
}

/// What stands in a VM's cell.
pub(crate) fn vm_text(column: Column, fleet: &Fleet, vm: VmId, row: &VmRow, glyphs: &Glyphs) -> String {
    let host = |h: Option<crate::fleet::HostId>| h.map_or(String::new(), |h| fleet.topology.host(h).name.to_string());
    match column {
        Column::Cpu | Column::Bar | Column::Dirty | Column::Net if !row.state.runs() => glyphs.none.into(),
        Column::Id => vm.0.to_string(),
        Column::Name => fleet.vms.name(vm).to_owned(),
        Column::State => format!("{} {}", glyphs.vm(row.state), row.state.word()),
        Column::Host => host(row.host),
        Column::Target => host(row.target),
        Column::Site => row.host.map_or(String::new(), |h| fleet.topology.site_name(h).to_string()),
        Column::Cluster => row.host.map_or(String::new(), |h| fleet.topology.cluster_name(h).to_string()),
        Column::Cpu => format!("{} %", share(row)),
        Column::Bar => format::bar(share(row), SHAPES[6].width, glyphs),
        Column::Memory => format::memory(row.memory),
        Column::Vcpus => row.vcpus.to_string(),
        Column::Dirty => format::rate(row.dirty),
        Column::Net => format::rate(row.net),
        Column::Class => fleet.class_name(row).to_owned(),
        Column::Op if row.op.0 == 0 => String::new(),
        Column::Op => row.op.to_string(),
        Column::Finding => row.finding.word().to_owned(),
        Column::Flags => flags(row, glyphs.dot),
        Column::Since => format::age(fleet.now, row.since),
        Column::Note => note(fleet, vm, row, glyphs),
        _ => String::new(),
    }
}

/// The CPU that it gets, in whole percent of its vCPUs.
fn share(row: &VmRow) -> u32 {
    format::percent(row.cpu, u32::from(row.vcpus.max(1)))
}

fn flags(row: &VmRow, dot: &str) -> String {
    match (row.managed, row.stressed) {
        (true, true) => "stressed".into(),
        (false, true) => format!("not ours{dot}stress"),
        (false, false) => "not ours".into(),
        (true, false) => String::new(),
    }
}

/// The style of a VM's cell.
pub(crate) fn vm_role(column: Column, row: &VmRow) -> Role {
    match column {
        Column::State => state_role(row.state),
        Column::Cpu | Column::Bar if row.state.runs() => load_role(share(row)),
        Column::Note | Column::Finding if row.finding != Finding::None => Role::Warn,
        Column::Note if row.state == VmState::Failed || row.state == VmState::Lost => Role::Text,
        Column::Name | Column::Host | Column::Target | Column::Memory => Role::Text,
        _ => Role::Dim,
    }
}

/// The style of a load in percent.
pub(super) const fn load_role(percent: u32) -> Role {
    match percent {
        0..50 => Role::Text,
        50..85 => Role::Heat4,
        _ => Role::Heat6,
    }
}

/// What a column says to programs: a figure for each of its fields.
pub(crate) fn vm_figures(column: Column, fleet: &Fleet, vm: VmId, row: &VmRow, out: &mut Vec<Figure>) {
    let host = |h: Option<crate::fleet::HostId>| {
        h.map_or(Figure::None, |h| Figure::Text(fleet.topology.host(h).name.to_string()))
    };
    let figure = match column {
        Column::Cpu | Column::Bar | Column::Dirty | Column::Net if !row.state.runs() => Figure::None,
        Column::Id => Figure::Count(u64::from(vm.0)),
        Column::Name => Figure::text(fleet.vms.name(vm)),
        Column::State => Figure::text(row.state.word()),
        Column::Host => host(row.host),
        Column::Target => host(row.target),
        Column::Site => row.host.map_or(Figure::None, |h| Figure::text(fleet.topology.site_name(h))),
        Column::Cluster => row.host.map_or(Figure::None, |h| Figure::text(fleet.topology.cluster_name(h))),
        Column::Cpu | Column::Bar => Figure::share(row.cpu, u32::from(row.vcpus.max(1))),
        Column::Memory => Figure::mib(row.memory),
        Column::Vcpus => Figure::Count(u64::from(row.vcpus)),
        Column::Dirty => Figure::kib(row.dirty),
        Column::Net => Figure::kib(row.net),
        Column::Class => Figure::text(fleet.class_name(row)),
        Column::Op if row.op.0 == 0 => Figure::None,
        Column::Op => Figure::Count(u64::from(row.op.0)),
        Column::Finding => Figure::text(row.finding.word()),
        Column::Flags => {
            out.push(Figure::Switch(row.managed));
            Figure::Switch(row.stressed)
        }
        Column::Since => Figure::Count(u64::from(row.since)),
        Column::Note => Figure::text(&notes(fleet, vm, row, "to ", "").join("; ")),
        _ => Figure::None,
    };
    out.push(figure);
}

/// What is to be known beside the state: the reason, the finding, where it goes.
fn note(fleet: &Fleet, vm: VmId, row: &VmRow, glyphs: &Glyphs) -> String {
    let (to, warn) = (format!("{} ", glyphs.to), format!("{} ", glyphs.warn));
    notes(fleet, vm, row, &to, &warn).join(&format!(" {} ", glyphs.dot))
}

fn notes(fleet: &Fleet, vm: VmId, row: &VmRow, to: &str, warn: &str) -> Vec<String> {
    let mut parts = Vec::new();
    if row.state == VmState::Migrating
        && let Some(target) = row.target
    {
        parts.push(format!("{to}{}", fleet.topology.host(target).name));
    }
    if row.finding != Finding::None {
        parts.push(format!("{warn}{}", row.finding.word()));
    }
    if let Some(reason) = fleet.vm_reasons.get(&vm) {
        parts.push(reason.to_string());
    }
    if !row.managed {
        parts.push("not ours".into());
    }
    if parts.is_empty() && row.stressed {
        parts.push("stressed".into());
    }
    parts
}
