//! The columns of the VM table.

use super::format;
use super::glyphs::Glyphs;
use crate::fleet::{Finding, Fleet, VmId, VmRow, VmState};

/// A column of the VM table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// The order in which VMs were made; has no width of its own.
    Id,
    Name,
    State,
    Host,
    Site,
    Cpu,
    Memory,
    Dirty,
    Net,
    Class,
    Since,
    Note,
}

/// How a column is shown.
pub(crate) struct Shape {
    pub column: Column,
    pub title: &'static str,
    pub width: u16,
    pub right: bool,
    /// Columns with a higher number go first where there is no room.
    pub priority: u8,
}

const fn shape(column: Column, title: &'static str, width: u16, right: bool, priority: u8) -> Shape {
    Shape { column, title, width, right, priority }
}

/// All shown columns, from left to right. The note takes what is left over.
pub(crate) static SHAPES: [Shape; 11] = [
    shape(Column::Name, "name", 16, false, 0),
    shape(Column::State, "state", 12, false, 0),
    shape(Column::Host, "host", 14, false, 1),
    shape(Column::Site, "site", 9, false, 6),
    shape(Column::Cpu, "cpu", 5, true, 2),
    shape(Column::Memory, "mem", 6, true, 3),
    shape(Column::Dirty, "dirty", 9, true, 4),
    shape(Column::Net, "net", 9, true, 7),
    shape(Column::Class, "class", 9, false, 8),
    shape(Column::Since, "since", 7, true, 3),
    shape(Column::Note, "note", 12, false, 5),
];

/// The columns that fit into `width`, with the width that each gets.
pub(crate) fn fitting(width: u16) -> Vec<(&'static Shape, u16)> {
    let mut shown: Vec<&Shape> = SHAPES.iter().collect();
    let needs = |shown: &[&Shape]| shown.iter().map(|s| s.width + 1).sum::<u16>();
    while shown.len() > 1 && needs(&shown) > width {
        let least = shown.iter().map(|s| s.priority).max().unwrap_or(0);
        shown.retain(|s| s.priority != least);
        if shown.is_empty() {
            shown.push(&SHAPES[0]);
        }
    }
    let spare = width.saturating_sub(needs(&shown));
    let has_note = shown.iter().any(|s| s.column == Column::Note);
    // Of what is left over, the note gets what it needs to be read, then long names, then the note again.
    let note = if has_note { spare.min(16) } else { 0 };
    let name = ((spare - note) / 2).min(6);
    let rest = spare - note - 2 * name;
    let more = |column| match column {
        Column::Note => note + rest,
        Column::Name | Column::Host => name,
        _ => 0,
    };
    shown.into_iter().map(|shape| (shape, shape.width + more(shape.column))).collect()
}

/// The columns one can sort by, in the order in which a key steps through them.
pub(crate) static SORTABLE: [Column; 10] = [
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

impl Column {
    /// What it is called.
    pub(crate) fn title(self) -> &'static str {
        SHAPES.iter().find(|s| s.column == self).map_or("age of the VM", |s| s.title)
    }

    /// Whether the first look at it is for the largest.
    pub(crate) const fn largest_first(self) -> bool {
        matches!(self, Self::Cpu | Self::Memory | Self::Dirty | Self::Net)
    }

    /// What sorts it, for all but names.
    pub(crate) fn key(self, fleet: &Fleet, vm: VmId) -> u32 {
        if self == Self::State {
            return fleet.vms.state(vm) as u32;
        }
        let row = fleet.vms.row(vm);
        match self {
            Self::Host => row.host.map_or(u32::MAX, |h| h.0),
            Self::Site => row.host.map_or(u32::MAX, |h| u32::from(fleet.topology.host(h).site.0)),
            Self::Cpu => row.cpu / u32::from(row.vcpus.max(1)),
            Self::Memory => row.memory,
            Self::Dirty => row.dirty,
            Self::Net => row.net,
            Self::Class => u32::from(row.class),
            // The youngest state first.
            Self::Since => u32::MAX - row.since,
            Self::Note => u32::from(row.finding == Finding::None),
            Self::Id | Self::Name | Self::State => vm.0,
        }
    }

    /// What stands in a VM's cell.
    pub(crate) fn text(self, fleet: &Fleet, vm: VmId, row: &VmRow, glyphs: &Glyphs) -> String {
        match self {
            Self::Cpu | Self::Dirty | Self::Net if !row.state.runs() => glyphs.none.into(),
            Self::Id => vm.0.to_string(),
            Self::Name => fleet.vms.name(vm).to_owned(),
            Self::State => format!("{} {}", glyphs.vm(row.state), row.state.word()),
            Self::Host => row.host.map_or(String::new(), |h| fleet.topology.host(h).name.to_string()),
            Self::Site => row.host.map_or(String::new(), |h| fleet.topology.site_name(h).to_string()),
            Self::Cpu => format!("{} %", format::percent(row.cpu, u32::from(row.vcpus.max(1)))),
            Self::Memory => format::memory(row.memory),
            Self::Dirty => format::rate(row.dirty),
            Self::Net => format::rate(row.net),
            Self::Class => fleet.class_name(row).to_owned(),
            Self::Since => format::age(fleet.now, row.since),
            Self::Note => note(fleet, vm, row, glyphs),
        }
    }
}

/// What is to be known beside the state: the reason, the finding, where it goes.
fn note(fleet: &Fleet, vm: VmId, row: &VmRow, glyphs: &Glyphs) -> String {
    let mut parts = Vec::new();
    if row.state == VmState::Migrating
        && let Some(target) = row.target
    {
        parts.push(format!("{} {}", glyphs.to, fleet.topology.host(target).name));
    }
    if row.finding != Finding::None {
        parts.push(format!("{} {}", glyphs.warn, row.finding.word()));
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
    parts.join(&format!(" {} ", glyphs.dot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_any_width_and_lose_the_least_important_first() {
        for width in 0..300 {
            let columns = fitting(width);
            assert!(!columns.is_empty());
            let used: u16 = columns.iter().map(|(_, w)| w + 1).sum();
            assert!(used <= width.max(SHAPES[0].width + SHAPES[1].width + 2), "{width}: {used}");
        }
        assert_eq!(fitting(200).len(), SHAPES.len());
        assert!(fitting(76).iter().any(|(s, _)| s.column == Column::Host));
    }
}
