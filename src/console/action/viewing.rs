//! What is shown and how.

use super::when::{
    always, at_events, can_redo, can_undo, has_any_vm, has_filter, has_name, has_table, in_tree, knows_vms, shows_rows,
};
use super::{Action, takes};
use crate::console::app::App;
use crate::console::dialog::Dialog;
use crate::console::export::Format;
use crate::console::heat::Metric;
use crate::console::layout::Panel;
use crate::console::page::Page;

actions! {
    "View" {
        "next-panel" "next panel" true always "Gives the focus to the next panel, or to the next part of a page." |a| a.next_panel(1);
        "previous-panel" "previous panel" true always "Gives the focus to the previous panel, or to the part before of a page." |a| a.next_panel(3);
        "overview" "overview" true always "Shows sites, heatmap, VMs and operations beside each other." |a| a.jump(Page::Overview);
        "sites" "sites" true always "Gives the focus to the sites." |a| a.focus(Panel::Sites);
        "hosts" "hosts" true always "Gives the focus to the heatmap of hosts." |a| a.focus(Panel::Hosts), takes takes::HOSTS;
        "vms" "VMs" true always "Gives the focus to the VM table." |a| a.focus(Panel::Vms), takes takes::VMS;
        "operations" "operations" true always "Gives the focus to the operations." |a| a.focus(Panel::Operations), also "ops";
        "site" "site" false always "Shows the VMs of a site, by its name." |a| a.begin_command("site "), takes takes::SITE;
        "host" "host" false always "Shows a host, by its name." |a| a.begin_command("host "), takes takes::HOST;
        "vm" "VM" false has_any_vm "Shows a VM, by its name." |a| a.begin_command("vm "), takes takes::VM;
        "zoom" "enlarge" true always "Enlarges the panel with the focus, or brings the others back." App::zoom;
        "host-table" "host table" true always "Shows all hosts as a table." |a| a.jump(Page::Hosts);
        "tree" "tree" true always "Shows sites, clusters, hosts and VMs as a tree." |a| a.jump(Page::Tree);
        "tree-order" "hosts by load" false in_tree "Puts the hosts of the tree in the order of their load, or of the world." |a| a.pages.tree.turn_order();
        "pulse" "pulse" true always "Shows big figures for a projector." |a| a.jump(Page::Pulse);
        "findings" "findings" true always "Shows what is wrong, counted." |a| a.jump(Page::Findings);
        "settings" "settings" true always "Shows every setting and where it comes from." |a| a.jump(Page::Settings);
        "metric" "heat of" true always "Changes what the heatmap shows: cpu, memory, VMs, network, moves in or out, dirty rate." |a| a.show_heat(a.heat.metric.next(1)), takes takes::METRIC, also "heat";
        "metric-back" "heat of, back" false always "Changes what the heatmap shows to what comes before." |a| a.show_heat(a.heat.metric.next(-1));
        "heat-cpu" "heat: cpu" false always "Shows in the heatmap the CPU asked for." |a| a.show_heat(Metric::Cpu);
        "heat-memory" "heat: memory" false always "Shows in the heatmap the memory promised." |a| a.show_heat(Metric::Memory);
        "heat-vms" "heat: VMs" false always "Shows in the heatmap how many VMs each host has." |a| a.show_heat(Metric::Vms);
        "heat-net" "heat: network" false always "Shows in the heatmap what hosts send or receive, against the rate of their NIC." |a| a.show_heat(Metric::Net);
        "heat-in" "heat: moves in" false always "Shows in the heatmap how many VMs come to each host." |a| a.show_heat(Metric::In);
        "heat-out" "heat: moves out" false always "Shows in the heatmap how many VMs leave each host." |a| a.show_heat(Metric::Out);
        "heat-dirty" "heat: dirty rate" false always "Shows in the heatmap what the VMs of each host dirty, against the rate of its NIC." |a| a.show_heat(Metric::Dirty);
        "flows" "flows" false always "Shows in the heatmap which hosts send VMs to which, or no longer." App::toggle_flows;
        "events" "events" true always "Shows what happened last." |a| a.jump(Page::Events);
        "columns" "columns" true has_table "Chooses which columns the table shows, in which order and how wide." App::choose_columns, takes takes::COLUMNS;
        "views" "saved views" true always "Shows a table as it was saved under a name." App::open_views, takes takes::VIEW, also "view";
        "save-view" "save view" true has_table "Saves the table's columns, order and filter under a name." |a| {
            let table = a.table();
            a.open_dialog(Dialog::save_view(table));
        }, takes takes::SAVE_VIEW;
        "export" "export" true shows_rows "Writes what the table shows to a file, as CSV; of a VM, what its console or definition says; of a command, what it wrote." |a| a.ask_export(Format::Csv), takes takes::EXPORT;
        "export-json" "export as JSON" false shows_rows "Writes what the table shows to a file, as JSON." |a| a.ask_export(Format::Json);
        "event-level" "warnings/errors/all" true at_events "Shows all events, warnings and errors, or errors alone." |a| a.pages.events.next_level();
        "help" "keys" true always "Shows all actions and their keys." |a| a.open_help(""), takes takes::HELP, also "h" "?";
        "command" "command" true always "Opens the command line: a name, then what it is about." |a| a.begin_command(""), takes takes::COMMAND;
        "palette" "find an action" true always "Finds actions, hosts and saved filters by a few of their letters." App::open_palette;
        "act" "act" true always "Lists what can be done with what is marked, or with what is under the cursor." App::open_act;
        "freeze" "hold still" true always "Keeps the screen as it is while everything goes on; once more shows what is now." App::freeze, also "unfreeze";
        "copy" "copy names" true has_name "Copies the names of what is marked, or of what is under the cursor, to the clipboard." App::copy_names, takes takes::COPY;
        "copy-row" "copy rows" true knows_vms "Copies the rows of the marked VMs, or of the one under the cursor, to the clipboard." App::copy_rows;
        "copy-filter" "copy filter" true has_filter "Copies the filter to the clipboard." App::copy_filter;
        "copy-screen" "copy screen" true always "Copies the text of the screen to the clipboard." App::copy_screen;
        "undo" "undo" true can_undo "Takes back the last change of marks, filters or limits, or a task's cancelling." App::undo;
        "redo" "redo" true can_redo "Does again what was taken back." App::redo;
        "theme" "theme" false always "Changes the theme; what is chosen from the list is shown at once." |a| a.begin_command("theme "), takes takes::THEME;
        "keymap" "keymap" false always "Changes the keymap." |a| a.begin_command("keymap "), takes takes::KEYMAP;
        "next-theme" "next theme" false always "Goes to the next theme, after the last to the first." App::next_theme;
        "next-keymap" "next keymap" false always "Goes to the next keymap, after the last to the first." App::next_keymap;
        "redraw" "redraw" true always "Draws the whole screen again." |a| a.redraw = true;
        "suspend" "suspend" true always "Stops the program and gives the terminal back to the shell." |a| a.suspend = true;
        "quit" "quit" true always "Ends the console." App::quit, also "q" "exit";
    }
}
