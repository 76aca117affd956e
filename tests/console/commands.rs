//! Commands in guests and on hosts: asked for with a preview, looked at while they run.

use std::time::Duration;

use hemera::fleet::OpId;
use hemera::handle::{Command, OpKind, OperationSpec, OperationView, RunOn, Which};

use crate::driver::Setup;
use crate::{busy, fake};

#[test]
fn a_command_is_asked_for_with_a_preview_and_proposed_again() {
    let console = busy(120, 36).start();
    console.shows("vm-14");
    console.keys("Space Down Space !").shows_all(&["Run a command in 2 VMs", "expected what a shell shall run"]);
    console.keys("Enter Right Enter").shows("Run a command in 2 VMs");
    console.keys("Esc ! \"uname_-a\"").shows("uname -a");
    // Enter in a field goes to Cancel, so that a second Enter does nothing.
    console.keys("Enter Enter").hides("Run a command");
    assert_eq!(console.commands(), 0);
    console.keys("! \"uname_-a\" Down \"5_s\"").shows_all(&["Run in 2 VMs"]).keys("Enter Right Enter");
    let Command::Start(OperationSpec::Run { on: RunOn::Vms(Which::Ids(vms)), script }) = console.command() else {
        panic!("no command in VMs")
    };
    assert_eq!((vms.len(), &*script.text, script.timeout), (2, "uname -a", Duration::from_secs(5)));
    console.keys("!").shows("uname -a").keys("Esc");
    console.keys(": \"run_df_-h\" Enter").shows_all(&["Run a command in 2 VMs", "df -h"]).keys("Esc");
    console.end();
}

#[test]
fn where_hosts_have_the_focus_it_runs_on_them() {
    let console = busy(120, 36).start();
    console.shows("vm-14");
    console.keys("2 !").shows("On the hosts themselves, by SSH.").keys("\"uptime\"").shows("Run on 1 host");
    console.keys("Enter Right Enter");
    let Command::Start(OperationSpec::Run { on: RunOn::Hosts(hosts), script }) = console.command() else {
        panic!("no command on hosts")
    };
    assert_eq!(&*script.text, "uptime");
    assert!(!hosts.source().is_empty() && hosts.source() != "all");
    console.end();
}

#[test]
fn a_commands_tasks_tell_code_and_last_line_and_its_output_is_followed() {
    let run =
        OperationView { id: OpId(4), total: 6, title: "run `df` in 6 VMs".into(), ..OperationView::new(OpKind::Run) };
    let operations = [fake::operations(), vec![run]].concat();
    let console = Setup::new(fake::snapshot(fake::fleet(300), operations), 120, 36).start();
    console.keys(": \"op_4\" Enter").shows_all(&["ended with 3: no space left", "exit code 0: line 100", ": line 100"]);
    console.keys("Down Enter").shows_all(&["Output of #4 run vm-2", "exit code 3", "103 lines"]);
    console.shows_all(&["line 100", "on standard error:", "[31mno space left"]).hides("line 1 ");
    console.keys("Home").shows_all(&["12 bytes of its output before this are not kept", "line 1 "]).hides("line 100");
    console.keys("End").shows("[31mno space left");
    // It is searched, and saved.
    console.keys("/ \"LINE_4\" Enter").shows_all(&["1 of 11 found", "line 4 "]);
    console.keys("n n").shows("3 of 11 found").keys("N N N").shows_all(&["11 of 11 found", "line 49"]);
    console.keys("X").shows("Save the output of vm-2").keys("Esc");
    console.keys("Enter").shows("vm-2");
    console.end();
}
