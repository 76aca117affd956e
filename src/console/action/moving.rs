//! Moving about.

use super::Action;
use super::when::{always, at_vm, has_future, has_host, has_past};
use crate::console::app::App;

actions! {
    "Moving" {
        "down" "down" true always "Moves the cursor down." |a| a.step(1);
        "up" "up" true always "Moves the cursor up." |a| a.step(-1);
        "left" "left" true always "Moves the cursor of the heatmap left; folds in the tree." |a| a.side(-1);
        "right" "right" true always "Moves the cursor of the heatmap right; unfolds in the tree." |a| a.side(1);
        "page-down" "page down" true always "Moves the cursor down by a page." |a| { let p = a.page(); a.step(p); };
        "page-up" "page up" true always "Moves the cursor up by a page." |a| { let p = a.page(); a.step(-p); };
        "top" "first" true always "Goes to the first row." |a| a.end(false);
        "bottom" "last" true always "Goes to the last row." |a| a.end(true);
        "open" "open" true always "Goes into what is under the cursor: a VM, the VMs of a host or site, an operation's tasks." App::open;
        "open-host" "its host" true has_host "Goes to the host of what is under the cursor." App::open_host;
        "next-vm" "next VM" true at_vm "Looks at the next VM in the order of the VM table." |a| a.next_vm(1);
        "previous-vm" "previous VM" true at_vm "Looks at the VM before in the order of the VM table." |a| a.next_vm(-1);
        "home" "back" true always "Goes one level up; in the overview, clears the filter." App::home;
        "back" "where I was" true has_past "Goes to where one was before." App::go_back;
        "forward" "where I came from" true has_future "Goes back to where one came from by going back." App::go_forward;
    }
}
