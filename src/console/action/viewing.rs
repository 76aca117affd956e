//! What is shown and how.

use super::Action;
use super::when::{always, in_tree};
use crate::console::app::{App, Overlay};
use crate::console::heat::Metric;
use crate::console::layout::Panel;
use crate::console::page::Page;
use crate::console::palette::Palette;

actions! {
    "View" {
        "next-panel" "next panel" true always "Gives the focus to the next panel." |a| a.next_panel(1);
        "previous-panel" "previous panel" true always "Gives the focus to the previous panel." |a| a.next_panel(3);
        "overview" "overview" true always "Shows sites, heatmap, VMs and operations beside each other." |a| a.jump(Page::Overview);
        "sites" "sites" true always "Gives the focus to the sites." |a| a.focus(Panel::Sites);
        "hosts" "hosts" true always "Gives the focus to the heatmap of hosts." |a| a.focus(Panel::Hosts);
        "vms" "VMs" true always "Gives the focus to the VM table." |a| a.focus(Panel::Vms);
        "operations" "operations" true always "Gives the focus to the operations." |a| a.focus(Panel::Operations);
        "zoom" "enlarge" true always "Enlarges the panel with the focus, or brings the others back." App::zoom;
        "host-table" "host table" true always "Shows all hosts as a table." |a| a.jump(Page::Hosts);
        "tree" "tree" true always "Shows sites, clusters, hosts and VMs as a tree." |a| a.jump(Page::Tree);
        "tree-order" "hosts by load" false in_tree "Puts the hosts of the tree in the order of their load, or of the world." |a| a.pages.tree.turn_order();
        "pulse" "pulse" true always "Shows big figures for a projector." |a| a.jump(Page::Pulse);
        "findings" "findings" true always "Shows what is wrong, counted." |a| a.jump(Page::Findings);
        "settings" "settings" true always "Shows every setting and where it comes from." |a| a.jump(Page::Settings);
        "metric" "heat of" true always "Changes what the heatmap shows: cpu, memory, VMs, network, moves in or out, dirty rate." |a| a.show_heat(a.heat.metric.next(1));
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
        "help" "keys" true always "Shows all actions and their keys." |a| a.overlays.push(Overlay::Help(0));
        "palette" "command" true always "Finds an action by a few of its letters." |a| {
            a.overlays.push(Overlay::Palette(Palette::new()));
        };
        "redraw" "redraw" true always "Draws the whole screen again." |a| a.redraw = true;
        "suspend" "suspend" true always "Stops the program and gives the terminal back to the shell." |a| a.suspend = true;
        "quit" "quit" true always "Ends the console." App::quit;
    }
}
