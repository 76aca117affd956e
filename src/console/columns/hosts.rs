//! The columns of the host table.

use super::vms::{load_role, shapes};
use super::{Column, Figure, Shape};
use crate::console::format;
use crate::console::glyphs::Glyphs;
use crate::console::theme::Role;
use crate::fleet::{Fleet, HostId, HostRow, HostState};

pub(super) static SHAPES: [Shape; 19] = shapes! {
    Name "name" "name" 14 false 0 true "Its name.";
    Site "site" "site" 9 false 5 true "The site where it stands.";
    Cluster "cluster" "cluster" 11 false 9 true "Its cluster.";
    State "state" "state" 13 false 1 true "What is known of it.";
    Cpu "cpu" "cpu" 6 true 2 true "The CPU in use, of its cores.";
    Bar "cpu-bar" "load" 8 false 8 true "The same as a bar.";
    Demand "demand" "demand" 7 true 4 true "The CPU that its VMs ask for, of its cores.";
    Memory "memory" "memory" 15 true 3 true "Memory promised to VMs, of what there is.";
    Free "free" "free" 7 true 10 false "Memory that is free.";
    Vms "vms" "VMs" 6 true 1 true "How many VMs it has.";
    Booting "booting" "boot" 5 true 11 true "VMs that boot on it.";
    In "in" "in" 5 true 7 true "VMs that move to it.";
    Out "out" "out" 5 true 7 true "VMs that move away from it.";
    Rx "rx" "rx" 9 true 12 true "What it receives.";
    Tx "tx" "tx" 9 true 12 true "What it sends.";
    Over "over" "over" 7 true 6 true "How long its VMs have asked for more than it has.";
    Since "since" "since" 7 true 13 true "How long it has had its state.";
    Note "note" "note" 12 false 6 true "Why it is in its state.";
    Id "id" "id" 6 true 14 false "Its number, in world order.";
};

pub(super) static SORTABLE: [Column; 10] = [
    Column::Id,
    Column::Name,
    Column::State,
    Column::Cpu,
    Column::Demand,
    Column::Memory,
    Column::Vms,
    Column::Rx,
    Column::Tx,
    Column::Over,
];

/// Memory of a host in MiB.
fn total(fleet: &Fleet, host: HostId) -> u32 {
    u32::try_from(fleet.topology.host(host).memory.to_mib()).unwrap_or(u32::MAX)
}

/// What sorts hosts by a column, for all but names.
pub(crate) fn host_key(column: Column, fleet: &Fleet, host: HostId) -> u32 {
    let row = fleet.hosts.row(host);
    let size = fleet.topology.host(host);
    let share = |millicores: u32| (u64::from(millicores) * 10 / u64::from(size.cores.max(1))) as u32;
    match column {
        Column::State => row.state as u32,
        Column::Site => u32::from(size.site.0),
        Column::Cluster => u32::from(size.cluster.0),
        Column::Cpu | Column::Bar => share(row.cpu_used),
        Column::Demand => share(row.cpu_demand),
        Column::Memory => row.memory,
        Column::Free => total(fleet, host).saturating_sub(row.memory),
        Column::Vms => row.vms,
        Column::Booting => u32::from(row.booting),
        Column::In => u32::from(row.migrations_in),
        Column::Out => u32::from(row.migrations_out),
        Column::Rx => row.net_rx,
        Column::Tx => row.net_tx,
        // The longest first, and all that are not over behind them.
        Column::Over => row.over_since().unwrap_or(u32::MAX),
        Column::Since => u32::MAX - row.since,
        Column::Note => u32::from(!fleet.host_reasons.contains_key(&host)),
        _ => host.0,
    }
}

/// What stands in a host's cell.
pub(crate) fn host_text(column: Column, fleet: &Fleet, host: HostId, row: &HostRow, glyphs: &Glyphs) -> String {
    let size = fleet.topology.host(host);
    let some = |n: u16| if n == 0 { String::new() } else { n.to_string() };
    match column {
        Column::Id => host.0.to_string(),
        Column::Name => size.name.to_string(),
        Column::Site => fleet.topology.site_name(host).to_string(),
        Column::Cluster => fleet.topology.cluster_name(host).to_string(),
        Column::State => format!("{} {}", sign(row.state, glyphs), row.state.word()),
        Column::Cpu | Column::Bar | Column::Demand if size.cores == 0 => glyphs.none.into(),
        Column::Cpu => format!("{} %", format::percent(row.cpu_used, size.cores)),
        Column::Bar => format::bar(format::percent(row.cpu_used, size.cores), SHAPES[5].width, glyphs),
        Column::Demand => format!("{} %", format::percent(row.cpu_demand, size.cores)),
        Column::Memory => format!("{} of {}", format::memory(row.memory), format::memory(total(fleet, host))),
        Column::Free => format::memory(total(fleet, host).saturating_sub(row.memory)),
        Column::Vms => row.vms.to_string(),
        Column::Booting => some(row.booting),
        Column::In => some(row.migrations_in),
        Column::Out => some(row.migrations_out),
        Column::Rx => format::rate(row.net_rx),
        Column::Tx => format::rate(row.net_tx),
        Column::Over => row.over_since().map_or(String::new(), |since| format::age(fleet.now, since)),
        Column::Since => format::age(fleet.now, row.since),
        Column::Note => fleet.host_reasons.get(&host).map_or(String::new(), ToString::to_string),
        _ => String::new(),
    }
}

const fn sign(state: HostState, glyphs: &Glyphs) -> &'static str {
    match state {
        HostState::Ready => glyphs.ok,
        HostState::Draining => glyphs.down,
        HostState::Offered | HostState::Preparing => glyphs.wait,
        HostState::Withdrawn => glyphs.none,
        HostState::Unreachable | HostState::Failed => glyphs.bad,
    }
}

/// The style of a host's cell.
pub(crate) fn host_role(column: Column, fleet: &Fleet, host: HostId, row: &HostRow) -> Role {
    let cores = fleet.topology.host(host).cores;
    match column {
        Column::Name | Column::Memory | Column::Vms => Role::Text,
        Column::State => match row.state {
            HostState::Ready => Role::Ok,
            HostState::Draining => Role::Warn,
            HostState::Offered | HostState::Preparing | HostState::Withdrawn => Role::Wait,
            HostState::Unreachable | HostState::Failed => Role::Error,
        },
        Column::Cpu | Column::Bar => load_role(format::percent(row.cpu_used, cores)),
        Column::Demand if row.over() => Role::Over,
        Column::Demand => load_role(format::percent(row.cpu_demand, cores)),
        Column::Booting | Column::In | Column::Out => Role::Busy,
        Column::Over | Column::Note => Role::Warn,
        _ => Role::Dim,
    }
}

/// What a column says to programs: a figure for each of its fields.
pub(crate) fn host_figures(column: Column, fleet: &Fleet, host: HostId, row: &HostRow, out: &mut Vec<Figure>) {
    let size = fleet.topology.host(host);
    let figure = match column {
        Column::Id => Figure::Count(u64::from(host.0)),
        Column::Name => Figure::text(&size.name),
        Column::Site => Figure::text(fleet.topology.site_name(host)),
        Column::Cluster => Figure::text(fleet.topology.cluster_name(host)),
        Column::State => Figure::text(row.state.word()),
        Column::Cpu | Column::Bar => Figure::share(row.cpu_used, size.cores),
        Column::Demand => Figure::share(row.cpu_demand, size.cores),
        Column::Memory => {
            out.push(Figure::mib(row.memory));
            Figure::Count(size.memory.0)
        }
        Column::Free => Figure::mib(total(fleet, host).saturating_sub(row.memory)),
        Column::Vms => Figure::Count(u64::from(row.vms)),
        Column::Booting => Figure::Count(u64::from(row.booting)),
        Column::In => Figure::Count(u64::from(row.migrations_in)),
        Column::Out => Figure::Count(u64::from(row.migrations_out)),
        Column::Rx => Figure::kib(row.net_rx),
        Column::Tx => Figure::kib(row.net_tx),
        Column::Over => row.over_since().map_or(Figure::None, |since| Figure::Count(u64::from(since))),
        Column::Since => Figure::Count(u64::from(row.since)),
        Column::Note => fleet.host_reasons.get(&host).map_or(Figure::None, |reason| Figure::text(reason)),
        _ => Figure::None,
    };
    out.push(figure);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Bytes, NewHost, Rate, Time, Topology};

    #[test]
    fn demand_is_of_the_cores_and_over_sorts_the_longest_first() {
        let mut topology = Topology::new("one");
        let site = topology.site("rennes");
        let host = |n: u32| NewHost {
            name: format!("h-{n}"),
            cores: 4,
            memory: Bytes::mib(4096),
            nic: Rate(1e9),
            disk: Rate(1e8),
        };
        topology.add_cluster(site, "h", (1..=2).map(host));
        let mut fleet = Fleet::new(std::sync::Arc::new(topology));
        fleet.hosts.update(HostId(1), |row| row.demand(6000, 4, Time::from_secs_f64(3.0)));
        assert!(host_key(Column::Over, &fleet, HostId(1)) < host_key(Column::Over, &fleet, HostId(0)));
        let text =
            host_text(Column::Demand, &fleet, HostId(1), fleet.hosts.row(HostId(1)), &crate::console::glyphs::ASCII);
        assert_eq!(text, "150 %");
        let mut figures = Vec::new();
        host_figures(Column::Memory, &fleet, HostId(0), fleet.hosts.row(HostId(0)), &mut figures);
        assert_eq!(figures, [Figure::Count(0), Figure::Count(4 << 30)]);
    }
}
