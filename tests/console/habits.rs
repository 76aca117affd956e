//! The habits of good consoles: command line, filters, marks, undo, holding still, copying, what keys may follow.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hemera::console::{Library, Multiplexer};
use hemera::fleet::{HostId, VmId, VmState};
use hemera::handle::{Command, Limits, Moves, OperationSpec, VmChange, Which};
use proptest::prelude::*;

use crate::driver::{Console, Setup};
use crate::{busy, dump, fake};

fn start() -> Console {
    let console = busy(120, 36).start();
    console.shows("vm-14");
    console
}

/// The row under the cursor begins with this name.
fn on(console: &Console, name: &str) {
    console.wait_until(&format!("cursor on {name}"), |s| s.contains(&format!("▸  {name} ")));
}

#[test]
fn commands_go_places_with_arguments() {
    let console = start();
    console.keys(": \"vms_state:failed\" Enter").shows_all(&["/state:failed", "29 of 10 240 VMs"]);
    console.keys(": \"site_nancy\" Enter").shows_all(&["/site:nancy", "4 751 of 10 240 VMs"]);
    console.keys(": \"vm_vm-17\" Enter").shows("Timeline");
    console.keys(": \"host_suno-3\" Enter").shows("suno-3 · sophia");
    console.keys(": \"op_3\" Enter").shows("round 3");
    console.keys(": \"events\" Enter").shows("does not answer");
    console.keys(": \"0\" Esc 0 : \"sort_cpu\" Enter").shows("by cpu ↓");
    console.keys(": \"sort_cpu_up\" Enter").shows("by cpu ↑");
    console.keys(": \"filter_vm-99\" Enter").shows_all(&["/vm-99", " of 10 240 VMs"]);
    console.keys(": \"heat_memory\" Enter").shows("memory");
    console.keys(": \"help_migrate\" Enter").shows(":migrate [EXPR] [to HOSTS] [with OPTIONS]");
    dump(&console, "help_about");
    console.end();
}

#[test]
fn mistakes_stand_under_the_word_and_unknown_names_have_neighbours() {
    let console = start();
    console.keys(": \"host_suno-333\" Enter").shows("there is no host `suno-333`, perhaps `suno-");
    dump(&console, "prompt_wrong");
    console.keys("ctrl-u \"evcuate_x\" Enter").shows("there is no command `evcuate`, perhaps evacuate");
    console.keys("ctrl-u \"vms_state:failed_and_sit:x\"").shows_all(&["↑ expected", ":vms state:failed and sit:x"]);
    let text = console.text();
    let (line, under) = text
        .lines()
        .zip(text.lines().skip(1))
        .find(|(line, _)| line.contains(":vms state:failed and sit:x"))
        .map(|(line, under)| (line.to_owned(), under.to_owned()))
        .unwrap();
    let column = |text: &str, what: &str| text.split(what).next().unwrap().chars().count();
    assert_eq!(column(&under, "↑"), column(&line, "sit:x"));
    console.keys("ctrl-u \"quit_now\" Enter").shows("quit takes nothing");
    console.keys("ctrl-u \"sort\" Enter").shows("sort COLUMN [up|down]");
    console.keys("Esc").hides("Command");
    console.end();
}

#[test]
fn words_are_completed_for_the_command() {
    let console = start();
    console.keys(": \"vms_sta\" Tab").shows(":vms state:").keys("\"fa\" Tab").shows(":vms state:failed");
    console
        .keys("\"and_si\" Tab \"ren\" Right")
        .shows("site:rennes")
        .keys("Enter")
        .shows("/state:failed › site:rennes");
    console.keys(": \"host_stre\" Down Down").shows("stremi-2").keys("Enter").shows("› stremi-2");
    console.keys(": \"evac\" Tab").shows(":evacuate ").keys("\"suno-4\" Tab").shows("suno-4 ");
    dump(&console, "prompt_words");
    console.keys("Enter").shows_all(&["Evacuate hosts", "suno-4"]);
    console.keys("Esc").hides("Evacuate hosts");
    console.end();
}

#[test]
fn dialogs_are_filled_in_and_still_ask() {
    let console = start();
    console.keys(": \"boot_small_200_site:rennes\" Enter").shows_all(&["site:rennes", "Boot 200 VMs"]);
    console.keys("Enter Enter").hides("Boot VMs");
    assert_eq!(console.commands(), 0);
    console.keys(": \"migrate_to_site:nantes\" Enter").shows_all(&["Migrate vm-1 away from paradent-1", "site:nantes"]);
    console.keys("Enter Enter").hides("Migrate vm-1");
    console.keys(": \"migrate_name:vm-1?_to_site:nancy\" Enter").shows_all(&["Migrate 10 VMs", "Migrate 240 VMs"]);
    console.keys("Enter Right Enter");
    let Command::Start(OperationSpec::Migrate(migrate)) = console.command() else { panic!("not a move") };
    let Moves::To { which: Which::Ids(ids), hosts } = migrate.moves else { panic!("not to hosts") };
    assert_eq!((ids.len(), hosts.source()), (10, "site:nancy"));
    console.keys(": \"evacuate_suno-3_with_tls_resc\" Tab").shows("with tls rescue=suspend-workload").keys("Esc Esc");
    console
        .keys(": \"evacuate_suno-3_with_tsl\" Enter")
        .shows("unknown option `tsl`, did you mean `tls`?")
        .keys("Esc Esc");
    console.keys(": \"migrate_vm-3_to_suno-4_with_tls_parallel=2\" Enter").shows_all(&["suno-4", "tls parallel=2"]);
    console.keys("Esc");
    console.keys(": \"evacuate_suno-3_with_rescue=post-copy\" Enter").shows_all(&["suno-3", "rescue=post-copy"]);
    console.keys("Esc");
    console.keys(": \"evacuate_suno-3_suno-4\" Enter").shows_all(&["Evacuate hosts", "suno-3 or suno-4"]);
    console.keys("Esc : \"destroy_state:failed\" Enter").shows("Destroy 29 VMs on 29 hosts?");
    console.keys("Enter").hides("Destroy 29");
    console.keys(": \"destroy_name:nobody\" Enter").shows("`name:nobody` selects no VM");
    console.keys(": \"limits_migrate-per-source=2_boot-per-host=4\" Enter").shows("moves per source");
    assert_eq!(console.commands(), 0);
    console.keys("Enter Right Enter").hides("moves per source");
    let Command::SetLimits(limits) = console.command() else { panic!("no limits") };
    assert_eq!((limits.boot_per_host, limits.migrate_per_source), (4, 2));
    console.keys(": \"limits_boots=3\" Enter").shows("there is no limit `boots`");
    console.end();
}

#[test]
fn what_was_typed_before_comes_back_also_in_the_next_console() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let open = || {
        let console = busy(120, 36).options(|o| o.state = Some(state.clone())).start();
        console.shows("vm-14");
        console
    };
    let console = open();
    console.keys(": \"sort_cpu\" Enter").shows("by cpu");
    console.keys(": \"sort_name\" Enter").shows("by name");
    console.keys("/ \"state:paused\" Enter").shows("/state:paused");
    console.keys(": Up Up").shows(":sort cpu").keys("Down").shows(":sort name").keys("Esc");
    console.end();
    let console = open();
    console.keys(": Up").shows(":sort name").keys("Esc");
    console.keys(": ctrl-r \"cpu\"").shows("Commands typed before").keys("Enter").shows(":sort cpu").keys("Enter");
    console.shows("by cpu");
    console.keys("/ Up").shows_all(&["/state:paused", " of 10 240 VMs"]).keys("Down Enter").hides("/state:paused");
    console.end();
}

#[test]
fn own_words_and_keys_stand_for_lines() {
    let dir = tempfile::tempdir().unwrap();
    let keymap = dir.path().join("mine.toml");
    std::fs::write(&keymap, "inherit = \"default\"\n[everywhere]\nctrl-t = \"filter state:failed\"\n").unwrap();
    let console = busy(120, 36)
        .options(|o| {
            o.settings.aliases = BTreeMap::from([("bad".into(), "vms state:failed and".into())]);
            o.keymap = keymap.display().to_string();
        })
        .start();
    console.shows("vm-14").keys("ctrl-t").shows_all(&["/state:failed", "29 of 10 240 VMs"]);
    console.keys("Esc : \"bad_site:rennes\" Enter").shows("/state:failed › site:rennes");
    console.keys(": \"bad_site:\"").shows("nancy").keys("\"nowhere\" Enter").shows("No VM is selected");
    console.end();
}

#[test]
fn the_palette_finds_hosts_and_saved_filters_too() {
    let console =
        busy(120, 36).options(|o| o.settings.filters = BTreeMap::from([("ill".into(), "state:failed".into())])).start();
    console
        .shows("vm-14")
        .keys("ctrl-p \"stremi-44\"")
        .shows("host of stremi reims")
        .keys("Enter")
        .shows("› stremi-44");
    console.keys("0 ctrl-p \"@ill\"").shows("filter state:failed").keys("Enter").shows("29 of 10 240 VMs");
    console.keys("ctrl-p \"zzzz\"").shows("no action has these letters").keys("Enter").hides("Find an action");
    console.end();
}

#[test]
fn filters_are_completed_and_saved() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let console = busy(120, 36).options(|o| o.library = Library::new(Some(dir.path().into()))).start();
        console.shows("vm-14");
        console
    };
    let console = open();
    console.keys("/ \"state:\" Tab").shows_all(&["Tab goes on", "migrating"]);
    dump(&console, "filter_words");
    console.keys("Esc / \"sta\" Tab").shows("/state:").keys("\"fail\" Tab").shows("/state:failed").keys("Enter");
    console.shows("29 of 10 240 VMs");
    console.keys(": \"save-filter_ill\" Enter").shows("saved as @ill").keys("Esc").hides("/state");
    console.end();
    let console = open();
    console.keys("/ \"@ill_and_site:rennes\" Enter").shows("/@ill › site:rennes").shows(" of 10 240 VMs");
    console.keys("/ ctrl-u \"site:rennes_@il\"").shows("perhaps `@ill`").keys("Esc Esc").hides("/@ill");
    console.keys("@").shows("Saved filters").keys("1").shows_all(&["/@ill", "29 of 10 240 VMs"]);
    console.end();
}

#[test]
fn errors_stand_under_the_word_also_when_the_line_is_scrolled() {
    let console = busy(80, 24).start();
    console
        .shows("vm-5")
        .keys("/ \"name:a_or_name:b_or_name:c_or_name:d_or_name:e_or_name:f_or_name:g_or_name:h_or_sit:x\"");
    console.shows("expected").wait_until("the whole line", |s| s.contains("sit:x"));
    let text = console.text();
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.contains("sit:x")).unwrap();
    let column = |text: &str, what: &str| text.split(what).next().unwrap().chars().count();
    assert_eq!(column(lines[at + 1], "↑"), column(lines[at], "sit:x"), "{text}");
    console.end();
}

#[test]
fn filters_are_turned_narrowed_and_widened() {
    let console = start();
    console.keys("f").shows("/state:failed or").keys("f").hides("/state:failed");
    console
        .keys("/ \"state:failed\" Enter")
        .shows("29 of 10 240")
        .keys("I")
        .shows_all(&["not (state:failed)", "10 211 of"]);
    console.keys("I").shows("29 of 10 240");
    console.keys("Esc").hides("/state").hides(" of 10 240").keys("g =").shows_all(&["Filter like vm-1", "same host"]);
    dump(&console, "filter_like");
    console.keys("h").shows_all(&["/host:paradent-1", "21 of 10 240 VMs"]);
    console.keys("=").shows("same state").keys("t").shows("/host:paradent-1 › state:");
    console.keys("Backspace").hides("› state:").shows("21 of 10 240 VMs");
    console.end();
}

#[test]
fn marks_by_selection_and_only_the_marked() {
    let console = start();
    console.keys("+").shows(":mark ").keys("\"state:failed\" Enter").shows_all(&["29 VMs marked", "29 selected"]);
    console.keys("-").shows(":unmark ").keys("\"host:paradent-*\" Enter").shows("unmarked");
    let text = console.text();
    let left: String = text.split(" selected").next().unwrap().chars().rev().take_while(char::is_ascii_digit).collect();
    let left: usize = left.chars().rev().collect::<String>().parse().unwrap();
    assert!(left < 29);
    console.keys("M").shows_all(&["only marked", &format!("{left} of 10 240 VMs")]);
    console.keys("M").hides("only marked");
    console.keys("u : \"mark-faults\" Enter").shows("selected");
    console.end();
}

#[test]
fn marks_survive_that_their_vms_move() {
    let console = start();
    console.keys("Space Space").shows("2 selected").keys("o n").shows("by name");
    let mut fleet = fake::fleet(10_240);
    fleet.vms.update(VmId(0), |row| {
        row.state = VmState::Up;
        row.host = Some(HostId(300));
    });
    console.publish(fake::snapshot(fleet, fake::operations()));
    console.shows("griffon-28").keys("m").shows("Migrate 2 VMs away from paradent-2 and griffon-28").keys("Esc");
    console.end();
}

#[test]
fn acting_right_after_marking_waits_for_the_filter() {
    let console = start();
    // The keys come together, before the filter can be done.
    console.keys("/ \"state:failed\" Enter * D");
    console.wait_until("refused or asked about all of them", |s| {
        s.contains("the filter is still at work") || s.contains("Destroy 29 VMs")
    });
    assert!(!console.text().contains("Destroy vm-"));
    console.end();
}

#[test]
fn what_can_be_done_is_listed_with_reasons() {
    let console = start();
    console.keys("Space Space a").shows_all(&["With 2 VMs marked", "migrate", "only marked"]);
    dump(&console, "act");
    console.keys("p").shows("Pause 2 VMs on paradent-1 and paradent-2?").keys("Esc a Down Enter").shows("Pause 2 VMs");
    console.keys("Esc u 2 a").shows("With paradent-1").keys("E").shows("the host is not draining");
    console.end();
    let console = busy(120, 36).options(|o| o.read_only = true).start();
    console.shows("vm-14").keys("a").shows("not now: this console is read-only");
    console.end();
}

/// What was copied last, by the sequence that a terminal would get.
fn copied(console: &Console) -> String {
    let bytes = console.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let (_, last) = text.rsplit_once("\x1b]52;c;").unwrap();
    String::from_utf8(STANDARD.decode(last.split('\x07').next().unwrap()).unwrap()).unwrap()
}

#[test]
fn names_rows_filter_and_screen_are_copied() {
    let console = start();
    console.keys("y").shows_all(&["y then", "copy rows", "copy screen"]);
    dump(&console, "keys_that_follow");
    console.keys("y").shows("copied 1 name, 4 bytes").hides("y then");
    assert_eq!(copied(&console), "vm-1");
    console.keys("Space Space y y").shows("copied 2 names");
    assert_eq!(copied(&console), "vm-1\nvm-2");
    console.keys("y r").shows("copied 2 rows");
    assert!(copied(&console).starts_with("vm-1\tup\tparadent-1\trennes\t"), "{}", copied(&console));
    console.keys("y f").shows("copy filter: there is no filter");
    console.keys("/ \"state:up\" Enter y f").shows("copied 1 filter");
    assert_eq!(copied(&console), "state:up");
    console.keys("Esc : \"copy_screen\" Enter").shows("copied 1 screen");
    assert!(copied(&console).contains("vm-14 "));
    console.keys("*").shows("10 240 selected").keys("y y").shows("not copied: terminals take");
    console.keys("2 u y y").shows("copied 1 name");
    assert_eq!(copied(&console), "paradent-1");
    console.end();
}

#[test]
fn inside_tmux_the_sequence_is_sent_plain_and_wrapped() {
    let console = busy(80, 24).options(|o| o.multiplexer = Multiplexer::Tmux).start();
    console.shows("vm-5").keys("y y").shows("copied 1 name");
    let bytes = console.bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("\x1b]52;c;dm0tMQ==\x07\x1bPtmux;\x1b\x1b]52;c;dm0tMQ==\x07\x1b\\"));
    console.end();
}

#[test]
fn the_screen_stands_still_and_says_so() {
    let console = start();
    console.keys(".").shows_all(&["frozen ", "0 changes behind"]);
    let mut fleet = fake::fleet(10_240);
    fleet.vms.update(VmId(0), |row| row.state = VmState::Gone);
    console.publish(fake::snapshot(fleet, fake::operations()));
    console.wait_until("a change missed", |s| s.contains("1 change behind"));
    on(&console, "vm-1");
    dump(&console, "frozen");
    console.keys("Down").wait_until("the cursor moves", |s| s.contains("▸  vm-2 "));
    console.keys("D").shows_all(&["Destroy vm-2", "The screen has stood still for"]);
    console.keys("Esc .").hides("frozen").shows("10 239 VMs");
    console.end();
}

#[test]
fn marks_filters_and_limits_are_taken_back() {
    let console = start();
    console.keys("U").shows("undo: there is nothing to take back");
    console.keys("Space Space Space").shows("3 selected").keys("*").shows("10 240 selected");
    console.keys("U").shows_all(&["undone: marks, now 3 VMs", "3 selected"]);
    console.keys("U").shows("undone: marks, now 0 VMs").keys("ctrl-y").shows("done again: marks, now 3 VMs");
    console.keys("u / \"state:failed\" Enter").shows("29 of 10 240 VMs");
    console.keys("U").shows("undone: filter, now none").hides("/state:failed");
    console.keys("ctrl-y").shows("done again: filter, now /state:failed").keys("Esc").hides("/state:failed");
    console.keys(": \"limits_boot-per-host=4\" Enter Enter Right Enter");
    let Command::SetLimits(limits) = console.command() else { panic!("no limits") };
    assert_eq!(limits.boot_per_host, 4);
    console.keys("U").shows("undone: limits as they were: #4 began");
    assert_eq!(console.command(), Command::SetLimits(Limits::default()));
    console.end();
}

#[test]
fn hosts_are_filtered_by_saved_names_and_that_is_taken_back() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("filters.toml"), "south = \"site:sophia\"\n").unwrap();
    let library = Library::new(Some(home.path().to_owned()));
    let console = busy(120, 36).options(|o| o.library = library).start();
    console.shows("vm-14").keys("5").shows("504 hosts");
    console.keys("/ \"@south_and_suno-4\" Enter").shows_all(&["/@south", "7 of 504 hosts"]);
    console.keys("U").shows_all(&["undone: filter of hosts, now none", "504 hosts"]).hides("/@south");
    console.keys("ctrl-y").shows("done again: filter of hosts, now /@south and suno-4").shows("7 of 504 hosts");
    console.keys("/ ctrl-u \"@soth\"").shows("perhaps `@south`").keys("Esc");
    console.keys("6 / \"@south\" Enter").shows("suno").hides("paradent");
    console.end();
}

#[test]
fn a_cancelled_operation_is_asked_for_again() {
    let console = start();
    console.keys("4 c").shows("Cancel #3 boot 10 240 small?").keys("Right Enter");
    let Command::CancelOperation(op) = console.command() else { panic!("not cancelled") };
    console.keys("U").shows("undone: what was cancelled of #3 boot 10 240 small is asked for again: #4 began");
    assert_eq!(console.command(), Command::RetryCancelled(op));
    console.keys("U").shows("there is nothing to take back");
    console.end();
}

#[test]
fn a_cancelled_task_is_asked_for_again_and_a_destroy_is_not() {
    let console = start();
    console.keys("4 Enter").shows("round 3").keys("Down Down x").shows("Cancel migrate of vm-3?").keys("Right Enter");
    let Command::CancelTask(task) = console.command() else { panic!("not cancelled") };
    console.keys("U").shows("undone: migrate of vm-3 is asked for again: #4 began");
    assert_eq!(console.command(), Command::RetryTask(task));
    console.keys("3 D").shows("Destroy vm-1 on").shows("vm-1, vm-2").keys("Right Enter");
    assert!(matches!(console.command(), Command::Start(OperationSpec::Change { change: VmChange::Destroy, .. })));
    console.keys("U").shows("destroy cannot be undone");
    console.end();
}

#[test]
fn help_shows_where_one_is_first_and_is_searched() {
    let console = start();
    console.keys("4 ?").shows("Here, in operations").keys("/ \"bandwidth\"").shows("no action has these words");
    console.keys("ctrl-u \"invert\" Enter").shows("invert filter").hides("Here, in operations");
    dump(&console, "help_searched");
    console.keys("Esc").shows("Here, in operations").keys("Esc").hides("Here, in operations");
    console.end();
}

#[test]
fn new_popups_look_like_this() {
    let views = [
        ("prompt", ":", "a command; up"),
        ("prompt_words", ": \"vms_state:\"", "migrating"),
        ("prompt_wrong", ": \"host_nowhere-1\" Enter", "there is no host"),
        ("act", "Space Space a", "With 2 VMs marked"),
        ("likeness", "=", "same host"),
        ("following", "o", "o then"),
        ("filter_words", "/ \"state:\" Tab", " 0 of 10 240 VMs"),
    ];
    for (width, height) in [(80, 24), (120, 36)] {
        for (name, keys, there) in views {
            let console = busy(width, height).start();
            console.shows("Operations").keys(keys).shows(there).quiet();
            dump(&console, &format!("{name}_{width}x{height}"));
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), console.text());
            console.end();
        }
    }
    let small = busy(40, 10).start();
    small
        .shows("vm-1")
        .keys(": \"vms_state:\"")
        .shows("vms state:")
        .keys("Esc o")
        .shows("o then")
        .keys("Esc a")
        .shows("With vm-1");
    small.end();
    let ascii =
        Setup::new(fake::snapshot(fake::fleet(64), fake::operations()), 80, 24).options(|o| o.ascii = true).start();
    ascii.shows("vm-1").keys(": \"vms_sit:x\"").shows("expected");
    assert!(ascii.text().is_ascii(), "{}", ascii.text());
    ascii.end();
}

#[test]
fn themes_are_seen_before_they_are_chosen() {
    let console = start();
    let dark = console.styled();
    console.keys(": \"theme_\" Down").shows("theme NAME");
    console.keys("ctrl-u \"theme_light\"").shows(":theme light");
    assert_ne!(console.styled().lines().nth(1), dark.lines().nth(1));
    console.keys("Esc").hides("Command");
    console.wait_until("dark again", |s| !s.contains("theme"));
    assert_eq!(console.styled(), dark);
    console
        .keys(": \"theme_light\" Enter")
        .shows("theme light")
        .keys(": \"theme_lihgt\" Enter")
        .shows("perhaps `light`");
    console.keys("ctrl-u \"keymap_vim\" Enter").shows("keymap vim").keys("g").shows("g then").keys("Esc");
    console.end();
}

/// Lines that are nearly commands.
fn lines() -> impl Strategy<Value = String> {
    let names: Vec<String> = hemera::console::action::all()
        .flat_map(|a| a.aliases.iter().copied().chain([a.id]))
        .filter(|id| !matches!(*id, "suspend"))
        .map(str::to_owned)
        .collect();
    let words = prop::sample::select(vec![
        "state:failed",
        "all",
        "to",
        "site:rennes",
        "small",
        "200",
        "suno-3",
        "vm-17",
        "3",
        "boot_total=7",
        "cpu",
        "up",
        "@x",
        "(",
        "\"",
        "not",
        "and",
        "é",
        "memory",
        "names",
        "screen",
        "=",
        "::",
        "host:paradent-1",
    ]);
    let known = (prop::sample::select(names), prop::collection::vec(words, 0..4))
        .prop_map(|(name, words)| format!("{name} {}", words.join(" ")));
    prop_oneof![4 => known, 1 => "[ -~é→]{0,30}".prop_map(|s: String| s)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever is typed into the command line, nothing is changed without a dialog's button, and Esc leads back.
    #[test]
    fn no_line_panics_or_changes_anything(lines in prop::collection::vec(lines(), 12)) {
        let console = start();
        for line in &lines {
            console.keys(":");
            for c in line.chars() {
                console.event(crossterm::event::Event::Key(crossterm::event::KeyEvent::new(
                    crossterm::event::KeyCode::Char(c),
                    crossterm::event::KeyModifiers::NONE,
                )));
            }
            // What is open is closed; Esc never confirms.
            console.keys("Enter Esc Esc Esc Esc Esc");
        }
        console.keys("0 Esc Esc Esc Esc Esc Esc Esc : Esc").shows("Operations");
        console.harmless();
        console.end();
    }
}
