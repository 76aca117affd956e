//! What stands in a column, for programs: sizes in bytes, rates in bytes a second, shares in percent, times in seconds
//! of the platform's clock.

use super::{Column, Table};

/// What a field says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Figure {
    /// It says nothing.
    None,
    Text(String),
    Count(u64),
    /// Percent.
    Share(f64),
    Switch(bool),
}

impl Figure {
    /// Thousandths of a core as a share of `cores`, to a hundredth of a percent.
    pub(super) fn share(millicores: u32, cores: u32) -> Self {
        let hundredths = (u64::from(millicores) * 10).checked_div(u64::from(cores));
        hundredths.map_or(Self::None, |n| Self::Share(n as f64 / 100.0))
    }

    pub(super) fn mib(mib: u32) -> Self {
        Self::Count(u64::from(mib) << 20)
    }

    pub(super) fn kib(kib: u32) -> Self {
        Self::Count(u64::from(kib) << 10)
    }

    pub(super) fn text(text: &str) -> Self {
        if text.is_empty() { Self::None } else { Self::Text(text.to_owned()) }
    }
}

/// The names of the fields that a column is written as.
pub(crate) const fn fields(table: Table, column: Column) -> &'static [&'static str] {
    match (table, column) {
        (_, Column::Id) => &["id"],
        (_, Column::Name) => &["name"],
        (_, Column::State) => &["state"],
        (_, Column::Host) => &["host"],
        (_, Column::Site) => &["site"],
        (_, Column::Cluster) => &["cluster"],
        (_, Column::Cpu | Column::Bar) => &["cpu_percent"],
        (_, Column::Demand) => &["demand_percent"],
        (Table::Vms, Column::Memory) => &["memory_bytes"],
        (Table::Hosts, Column::Memory) => &["memory_bytes", "memory_total_bytes"],
        (_, Column::Free) => &["memory_free_bytes"],
        (_, Column::Dirty) => &["dirty_rate"],
        (_, Column::Net) => &["net_rate"],
        (_, Column::Rx) => &["net_rx"],
        (_, Column::Tx) => &["net_tx"],
        (_, Column::Class) => &["class"],
        (_, Column::Vcpus) => &["vcpus"],
        (_, Column::Target) => &["target"],
        (_, Column::Op) => &["operation"],
        (_, Column::Finding) => &["finding"],
        (_, Column::Flags) => &["managed", "stressed"],
        (_, Column::Vms) => &["vms"],
        (_, Column::Booting) => &["booting"],
        (_, Column::In) => &["migrations_in"],
        (_, Column::Out) => &["migrations_out"],
        (_, Column::Over) => &["over_since_s"],
        (_, Column::Since) => &["since_s"],
        (_, Column::Note) => &["note"],
    }
}
