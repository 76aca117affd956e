//! Filters, marks and orders.

use super::when::{
    always, can_mark, can_mark_all, can_range, has_any_vm, has_filter, has_hosts, has_marks, has_saved, has_vms,
    in_hosts, marked_or_only,
};
use super::{Action, takes};
use crate::console::app::App;
use crate::console::columns::Column;
use crate::console::vms::Marking;

actions! {
    "Choosing VMs" {
        "filter" "filter" true always "Shows only some VMs: state:failed and site:rennes, cpu > 90 %, web-*." App::begin_filter, takes takes::FILTER;
        "clear-filter" "clear filter" false always "Shows all VMs again." |a| a.filter_by("");
        "faults" "faults only" true always "Shows only VMs that failed, are lost or have a finding, of hosts those that are down or over; once more brings the filter back." App::toggle_faults;
        "invert-filter" "invert filter" true has_filter "Shows the VMs that the filter hides, and hides those that it shows." App::invert_filter;
        "widen-filter" "widen filter" true has_filter "Removes the last of the filter's terms that are joined by `and`." App::widen_filter;
        "filter-like" "filter like this" true has_vms "Shows only VMs with the host, site, state or class of the one under the cursor." App::open_likeness;
        "save-filter" "save filter" false has_filter "Saves the filter under a name; @name in a filter stands for it." |a| a.begin_command("save-filter "), takes takes::SAVE_FILTER;
        "saved-filters" "saved filters" true has_saved "Lists the saved filters to choose from." App::open_saved;
        "mark" "mark" true can_mark "Marks what is under the cursor, a VM or host, or removes its mark, and goes on to the next." App::mark, takes takes::MARK;
        "mark-by" "mark by filter" true has_any_vm "Marks all VMs that a selection selects: mark state:failed." |a| a.begin_command("mark ");
        "unmark" "unmark by filter" true has_marks "Removes the marks of all VMs that a selection selects." |a| a.begin_command("unmark "), takes takes::UNMARK;
        "mark-faults" "mark faults" false has_any_vm "Marks all VMs that failed, are lost or have a finding." App::mark_faults;
        "only-marked" "only marked" true marked_or_only "Shows only the marked VMs; once more shows the others too." App::toggle_only_marked;
        "range" "range" true can_range "Begins a range of marks at the cursor; once more marks it." |a| a.range(false);
        "rectangle" "rectangle" false in_hosts "Begins a rectangle of hosts at the heatmap's cursor; once more marks it." |a| a.range(true);
        "mark-down" "mark downwards" true can_mark "Marks what is under the cursor and goes down." |a| a.mark_on(1);
        "mark-up" "mark upwards" true can_mark "Marks what is under the cursor and goes up." |a| a.mark_on(-1);
        "mark-all" "mark all" true can_mark_all "Marks all VMs, or hosts, that the filter shows." |a| a.mark_all(Marking::All);
        "invert-marks" "invert marks" true can_mark_all "Turns the marks of all VMs, or hosts, that the filter shows." |a| a.mark_all(Marking::Invert);
        "clear-marks" "clear marks" true has_marks "Removes all marks: of hosts where hosts have the focus, of VMs elsewhere." App::clear_marks;
        "sort" "sort by" false always "Sorts VMs by a column." |a| a.begin_command("sort "), takes takes::SORT;
        "mark-vms-of-hosts" "mark their VMs" false has_hosts "Marks all VMs of the marked hosts, or of the one under the cursor." App::mark_vms_of_hosts;
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
        "sort-reverse" "turn the order" true always "Turns the order of the table round." App::turn_order;
        "sort-next" "sort by next column" true always "Sorts VMs by the next column." App::sort_next;
        "sort-demand" "sort by demand" false always "Sorts hosts by the CPU that their VMs ask for, most first." |a| a.sort_by(Column::Demand);
        "sort-vms" "sort by VMs" false always "Sorts hosts by how many VMs they have, most first." |a| a.sort_by(Column::Vms);
        "sort-over" "sort by over" false always "Sorts hosts by how long their VMs have asked for more than they have, the longest first." |a| a.sort_by(Column::Over);
    }
}
