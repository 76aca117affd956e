//! Filters, marks and orders.

use super::Action;
use super::when::{always, has_any_vm, has_marks, has_vms};
use crate::console::app::App;
use crate::console::columns::Column;
use crate::console::vms::Marking;

actions! {
    "Choosing VMs" {
        "filter" "filter" true always "Shows only some VMs: state:failed and site:rennes, cpu > 90 %, web-*." App::begin_filter;
        "clear-filter" "clear filter" false always "Shows all VMs again." |a| a.filter_by("");
        "faults" "faults only" true always "Shows only VMs that failed, are lost or have a finding." |a| {
            a.filter_by("state:failed or state:lost or finding:non-converging or finding:no-progress");
        };
        "mark" "mark" true has_vms "Marks the VM under the cursor, or removes its mark, and goes on to the next." |a| {
            if let Some(vm) = a.vms.cursor {
                let marked = a.vms.marks.contains(vm);
                a.vms.marks.set(vm, !marked);
                a.vms.step(1);
            }
        };
        "range" "range" true has_vms "Begins a range of marks at the cursor; once more marks it." |a| {
            if a.vms.anchor.is_some() { a.vms.end_range(); } else { a.vms.anchor = a.vms.cursor; }
        };
        "mark-down" "mark downwards" true has_vms "Marks the VM under the cursor and goes down." |a| {
            if let Some(vm) = a.vms.cursor { a.vms.marks.set(vm, true); a.vms.step(1); }
        };
        "mark-up" "mark upwards" true has_vms "Marks the VM under the cursor and goes up." |a| {
            if let Some(vm) = a.vms.cursor { a.vms.marks.set(vm, true); a.vms.step(-1); }
        };
        "mark-all" "mark all" true has_any_vm "Marks all VMs that the filter shows." |a| a.vms.mark(Marking::All);
        "invert-marks" "invert marks" true has_any_vm "Turns the marks of all VMs that the filter shows." |a| a.vms.mark(Marking::Invert);
        "clear-marks" "clear marks" true has_marks "Removes all marks." |a| {
            a.vms.marks = crate::console::marks::VmSet::default();
            a.vms.anchor = None;
        };
        "sort-id" "sort by age of VM" true always "Sorts VMs in the order in which they were made." |a| a.sort_by(Column::Id);
        "sort-name" "sort by name" true always "Sorts VMs by name, vm-2 before vm-10." |a| a.sort_by(Column::Name);
        "sort-state" "sort by state" true always "Sorts VMs by state." |a| a.sort_by(Column::State);
        "sort-host" "sort by host" true always "Sorts VMs by host, in world order." |a| a.sort_by(Column::Host);
        "sort-cpu" "sort by cpu" true always "Sorts VMs by the CPU that they get, most first." |a| a.sort_by(Column::Cpu);
        "sort-memory" "sort by memory" true always "Sorts VMs by memory, most first." |a| a.sort_by(Column::Memory);
        "sort-dirty" "sort by dirty rate" true always "Sorts VMs by the rate at which they dirty memory, most first." |a| a.sort_by(Column::Dirty);
        "sort-net" "sort by network" true always "Sorts VMs by what they send and receive, most first." |a| a.sort_by(Column::Net);
        "sort-class" "sort by class" false always "Sorts VMs by class." |a| a.sort_by(Column::Class);
        "sort-since" "sort by change" true always "Sorts VMs by how long they have had their state, the youngest first." |a| a.sort_by(Column::Since);
        "sort-reverse" "turn the order" true always "Turns the order of the VM table round." |a| a.sort_by(a.vms.sort.column);
        "sort-next" "sort by next column" true always "Sorts VMs by the next column." |a| {
            let all = &crate::console::columns::SORTABLE;
            let at = all.iter().position(|c| *c == a.vms.sort.column).unwrap_or(0);
            a.sort_by(all[(at + 1) % all.len()]);
        };
    }
}
