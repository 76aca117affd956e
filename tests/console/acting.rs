//! Keys to commands: what is typed reaches the engine as meant, and nothing dangerous unconfirmed.

use hemera::fleet::{HostId, HostState, MigrationOptions, OpId, Rate, Selection, VmId, VmState};
use hemera::handle::{Command, Evacuate, Moves, OperationSpec, Pattern, Placement, VmChange, Which};

use crate::driver::{Console, Setup};
use crate::{busy, fake};

fn start() -> Console {
    let console = busy(120, 36).start();
    console.shows("vm-14");
    console
}

/// The ids a command is about.
fn ids(which: &Which) -> Vec<u32> {
    match which {
        Which::Ids(ids) => ids.iter().map(|vm| vm.0).collect(),
        Which::Selected(selection) => panic!("a selection: {selection:?}"),
    }
}

#[test]
fn boot_with_a_preview() {
    let console = start();
    console.keys("b Backspace \"256\"").shows("Boot 256 VMs");
    // Enter in a field goes to Cancel, so that a second Enter does nothing.
    console.keys("Enter Enter").hides("Boot VMs");
    assert_eq!(console.commands(), 0);
    console
        .keys("b Backspace \"256\" Down Backspace Backspace Backspace \"x{n}\" Down Right")
        .shows_all(&["packed", "Boot 256 VMs"]);
    console.keys("Down Backspace Backspace Backspace \"site:reims\"").shows_all(&["site:reims", "Boot 256 VMs"]);
    console.keys("Enter Right Enter");
    let Command::Start(OperationSpec::Boot(boot)) = console.command() else { panic!("not a boot") };
    assert_eq!((boot.count, &*boot.name, &*boot.class.name), (256, "vm-x{n}", "small"));
    assert_eq!((boot.placement, boot.on.source()), (Placement::Packed, "site:reims"));
    console.end();
}

#[test]
fn mistakes_in_a_dialog_are_told_and_block_it() {
    let console = start();
    console.keys("b \"x\"").shows("count: expected a whole number, found `x`");
    console.keys("Enter Right Enter").shows("expected a whole number");
    console.keys("Esc b Down Backspace Backspace Backspace Up Backspace \"2\"").shows("expected {n} in the name");
    console.keys("Esc b Down Down Down Backspace Backspace Backspace \"site:\"").shows("column ");
    console.keys("Enter Right Enter");
    console.keys("Esc").hides("Boot VMs");
    assert_eq!(console.commands(), 0);
    console.end();
}

#[test]
fn what_is_typed_takes_the_place_of_what_a_field_was_opened_with() {
    let console = start();
    console.keys("b \"25\"").shows("25 ").hides("125");
    // Once edited it is the operator's own, and a key that moves says that it is to be edited.
    console.keys("Left \"7\"").shows("275");
    console.keys("Down Left \"x\"").shows("vm-{nx}").keys("Esc");
    console.keys("m").shows("not paradent-1");
    console.keys("\"site:nancy\"").shows("site:nancy").hides("not paradent").keys("Esc");
    assert_eq!(console.commands(), 0);
    console.end();
}

#[test]
fn a_range_that_looks_marked_is_meant() {
    let console = start();
    console.keys("v Down Down D").shows("Destroy 3 VMs").keys("Esc").shows("3 selected").hides("range of");
    console.keys("U").hides("3 selected");
    console.end();
}

#[test]
fn migrate_marked_vms_by_a_pattern_and_to_hosts() {
    let console = start();
    console.keys("Space Space Space m").shows("Migrate 3 VMs away from 3 hosts").shows("3 refused: would not converge");
    console.keys("Backspace Backspace Backspace \"site:nancy\"").shows_all(&["site:nancy", "Migrate 240 VMs"]);
    console.keys("Enter Right Enter");
    let Command::Start(OperationSpec::Migrate(migrate)) = console.command() else { panic!("not a move") };
    let Moves::To { which, hosts } = migrate.moves else { panic!("not to hosts") };
    assert_eq!((ids(&which), hosts.source()), (vec![0, 1, 2], "site:nancy"));
    console.keys("m").shows("Migrate 3 VMs away");
    console.keys("Up Right").shows_all(&["circular", "Migrate 240 VMs"]);
    console.keys("Enter Right Enter");
    let Command::Start(OperationSpec::Migrate(migrate)) = console.command() else { panic!("not a move") };
    assert!(matches!(migrate.moves, Moves::Pattern { pattern: Pattern::Circular, .. }));
    console.end();
}

#[test]
fn destroying_many_wants_the_count_typed() {
    let console = start();
    console.keys("/ \"name:vm-99?_and_not_state:failed\" Enter").shows("of 10 240 VMs");
    console.keys("*").shows("10 selected").keys("D").shows("Destroy 10 VMs on 10 hosts?");
    console
        .keys("Esc / ctrl-u \"state:starting\" Enter")
        .wait_until("the filter", |s| s.contains("10 selected, 10 hidden"));
    console.keys("u *").wait_until("marks", |s| s.contains("selected") && !s.contains("hidden"));
    console.keys("D").shows("VMs on").shows("vm-1, vm-2, vm-3");
    let count: usize = {
        let text = console.text();
        let line = text.lines().find(|l| l.contains("Destroy")).unwrap();
        line.split("Destroy ").nth(1).unwrap().split(" VM").next().unwrap().replace(' ', "").parse().unwrap()
    };
    assert!(count > 100);
    console.keys("Enter Right Enter").shows(&format!("type {count} to confirm"));
    assert_eq!(console.commands(), 0);
    console.keys("Up Up").keys(&format!("\"{count}\"")).keys("Enter Right Enter");
    let Command::Start(OperationSpec::Change { which, change: VmChange::Destroy }) = console.command() else {
        panic!("not a destroy")
    };
    assert_eq!(ids(&which).len(), count);
    console.end();
}

#[test]
fn evacuate_the_host_under_the_cursor() {
    let console = start();
    console.keys("2 Right Right e").shows("Evacuate hosts").shows_all(&["paradent-3", "Evacuate 240 VMs"]);
    console.keys("Enter Right Enter");
    let Command::Start(OperationSpec::Evacuate(evacuate)) = console.command() else { panic!("not an evacuation") };
    assert_eq!(evacuate, Evacuate::of(Selection::hosts("paradent-3").unwrap()));
    console.keys("e").shows("Evacuate hosts").keys("Tab Tab \"500_Mbit/s\" Tab Tab \"auto-converge_rescue=pos\"");
    console.keys("Enter Right Enter").shows("unknown rescue plan `pos`, did you mean `post-copy`?");
    assert_eq!(console.commands(), 0);
    console.keys("Up Up \"t-copy\"").shows_all(&["rescue=post-copy", "Evacuate 240 VMs"]).keys("Enter Right Enter");
    let Command::Start(OperationSpec::Evacuate(evacuate)) = console.command() else { panic!("not an evacuation") };
    let options =
        MigrationOptions { bandwidth: Some(Rate(62.5e6)), auto_converge: true, ..MigrationOptions::default() };
    assert_eq!((evacuate.options, &*evacuate.rescue.unwrap().name), (options, "post-copy"));
    console.end();
}

#[test]
fn a_draining_host_takes_vms_again() {
    let mut fleet = fake::fleet(10_240);
    fleet.hosts.update(HostId(2), |row| row.state = HostState::Draining);
    let console = Setup::new(fake::snapshot(fleet, fake::operations()), 120, 36).start();
    console.shows("vm-14");
    console.keys("2 Right E").shows("the host is not draining");
    assert_eq!(console.commands(), 0);
    console.keys("Right E");
    let Command::Undrain(hosts) = console.command() else { panic!("it does not take VMs again") };
    assert_eq!(hosts.source(), "paradent-3");
    console.end();
}

#[test]
fn operations_are_held_cancelled_retried_and_stopped() {
    let console = start();
    console.keys("4 p");
    assert_eq!(console.command(), Command::PauseOperation(OpId(3)));
    console.keys("Down").hides("#4 began").keys("p");
    assert_eq!(console.command(), Command::ResumeOperation(OpId(2)));
    console.keys("Up c").shows("Cancel #3 boot 10 240 small?");
    console.keys("Enter").hides("Cancel #3");
    console.keys("c Right Enter");
    assert_eq!(console.command(), Command::CancelOperation(OpId(3)));
    console.keys("t").shows("Retry 6 failed tasks of #3");
    console.keys("Right Enter");
    assert_eq!(console.command(), Command::RetryFailed(OpId(3)));
    console.keys("Q").shows("Stop 2 operations?");
    console.keys("Right Enter");
    assert_eq!(console.command(), Command::StopEverything);
    console.keys("Enter").shows("10 240").shows("what happens").shows("round 3");
    console.keys("Down Down Down x").shows("it has ended");
    console.keys("Up Up x").shows("Cancel migrate of vm-2?");
    console.keys("Right Enter");
    assert!(matches!(console.command(), Command::CancelTask(task) if task.0 == 1));
    console.end();
}

#[test]
fn limits_are_edited_in_place() {
    let console = start();
    console.keys("l").shows("moves per source");
    console.keys("Backspace \"4\" Down Down Backspace \"2\" Enter Right Enter");
    let Command::SetLimits(limits) = console.command() else { panic!("no limits") };
    assert_eq!((limits.boot_per_host, limits.migrate_per_source, limits.boot_total), (4, 2, 0));
    console.end();
}

#[test]
fn marks_survive_sorting_and_filters_and_say_what_is_hidden() {
    let console = start();
    console
        .keys("/ \"state:paused\" Enter")
        .shows("/state:paused")
        .wait_until("few VMs", |s| s.contains(" of 10 240 VMs"));
    console.keys("*").wait_until("marks", |s| s.contains("selected"));
    console.keys("Esc").hides("/state:paused").hides(" of 10 240 VMs");
    console.keys("o n").shows("by name ↑");
    console.keys("o c").shows("by cpu ↓");
    console
        .keys("/ \"state:failed\" Enter")
        .shows("29 of 10 240 VMs")
        .shows("selected, ")
        .shows("hidden by the filter");
    console.keys("p").shows("are hidden by the filter.");
    console.keys("Esc Esc").hides("hidden by the filter");
    console.keys("p").shows("Pause ").keys("Enter Enter").hides("Pause 73");
    console.end();
}

#[test]
fn a_filter_is_live_and_its_mistakes_stand_under_it() {
    let console = start();
    console.keys("/ \"state:fail").shows("/state:fail");
    console.keys("\"ed_and\"").shows("expected");
    console.keys("Esc").hides("/state").shows("vm-14");
    console.keys("/ \"vm-99\" Enter").shows("/vm-99").shows(" of 10 240 VMs");
    console.keys("1 Down Enter").shows("/site:nancy").shows("4 751 of 10 240 VMs");
    console.end();
}

#[test]
fn a_range_is_marked_downwards_and_upwards() {
    let console = start();
    console.keys("Down Down v Down Down v").shows("3 selected");
    console.keys("u shift-Down shift-Down shift-Down").shows("3 selected");
    console.keys("i").shows("10 237 selected");
    console.end();
}

#[test]
fn read_only_keeps_every_action_in_place_and_says_why() {
    let console = busy(120, 36).options(|o| o.read_only = true).start();
    console.shows("read-only").shows("boot");
    console.keys("b").shows("boot: this console is read-only");
    console.keys("D").shows("destroy: this console is read-only");
    console.keys("?").shows("Moving").keys("/ \"evacuate\"").shows("not now: this console is read-only");
    assert_eq!((console.commands(), console.previews().len()), (0, 0));
    console.end();
}

#[test]
fn the_palette_runs_what_a_few_letters_name() {
    let console = start();
    for open in [":", "ctrl-p"] {
        console.keys(&format!("{open} \"evac\" Enter")).shows("Evacuate hosts");
        console.keys(&format!("Esc {open} \"sortcpu\" Enter")).shows("by cpu");
        console.keys("o i").shows("by age");
    }
    console.end();
}

#[test]
fn vim_keys_take_sequences_and_show_what_can_follow() {
    let console = busy(120, 36).options(|o| o.keymap = "vim".into()).start();
    console.shows("vm-14");
    console.keys("G").shows("vm-10240");
    console.keys("g").shows("then ").shows("first");
    console.keys("g").shows("vm-14").hides("then ");
    console.keys("d d").shows("Destroy vm-1 on paradent-1?");
    console.keys("Enter").hides("Destroy vm-1");
    console.keys("Z Z").shows("Quit while 2 operations have not ended?");
    console.keys("Right Enter");
    console.ended();
}

#[test]
fn a_new_snapshot_is_shown_and_the_cursor_stays_on_its_vm() {
    let console = start();
    console.keys("/ \"state:up\" Enter").shows("/state:up").wait_until("rows", |s| s.contains("9 500 of 10 240"));
    console.keys("Down Down").wait_until("cursor on vm-4", |s| s.contains("▸  vm-4 "));
    let mut fleet = fake::fleet(10_240);
    fleet.vms.update(VmId(0), |row| row.state = VmState::Gone);
    console.publish(fake::snapshot(fleet, fake::operations()));
    console.shows("9 499 of 10 239").wait_until("cursor on vm-4", |s| s.contains("▸  vm-4 "));
    console.end();
}

#[test]
fn quitting_asks_only_while_something_runs() {
    let console = Setup::new(fake::snapshot(fake::fleet(10), Vec::new()), 80, 24).start();
    console.shows("vm-1").keys("q");
    console.ended();
    let console = start();
    console.keys("q").shows("Quit while 2 operations have not ended?").keys("Enter").hides("Quit while");
    console.signal(hemera::console::Signal::End);
    console.ended();
}
