//! What is shown and how.

use super::Action;
use super::when::{always, has_table, shows_rows};
use crate::console::app::{App, Overlay};
use crate::console::dialog::Dialog;
use crate::console::export::Format;
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
        "pulse" "pulse" true always "Shows big figures for a projector." |a| a.jump(Page::Pulse);
        "findings" "findings" true always "Shows what is wrong, counted." |a| a.jump(Page::Findings);
        "settings" "settings" true always "Shows every setting and where it comes from." |a| a.jump(Page::Settings);
        "metric" "heat of" true always "Changes what the heatmap shows: CPU or memory." |a| {
            a.heat.metric = a.heat.metric.next();
            a.heat.look(&a.snapshot.fleet);
        };
        "events" "events" true always "Shows what happened last." |a| a.jump(Page::Events);
        "columns" "columns" true has_table "Chooses which columns the table shows, in which order and how wide." App::choose_columns;
        "views" "saved views" true always "Shows a table as it was saved under a name." App::open_views;
        "save-view" "save view" true has_table "Saves the table's columns, order and filter under a name." |a| {
            let table = a.table();
            a.open_dialog(Dialog::save_view(table));
        };
        "export" "export" true shows_rows "Writes what the table shows to a file, as CSV." |a| a.ask_export(Format::Csv);
        "export-json" "export as JSON" false shows_rows "Writes what the table shows to a file, as JSON." |a| a.ask_export(Format::Json);
        "help" "keys" true always "Shows all actions and their keys." |a| a.overlays.push(Overlay::Help(0));
        "palette" "command" true always "Finds an action by a few of its letters." |a| {
            a.overlays.push(Overlay::Palette(Palette::new()));
        };
        "next-theme" "next theme" false always "Goes to the next theme, after the last to the first." App::next_theme;
        "next-keymap" "next keymap" false always "Goes to the next keymap, after the last to the first." App::next_keymap;
        "redraw" "redraw" true always "Draws the whole screen again." |a| a.redraw = true;
        "suspend" "suspend" true always "Stops the program and gives the terminal back to the shell." |a| a.suspend = true;
        "quit" "quit" true always "Ends the console." App::quit;
    }
}
