//! Commands in guests and on hosts: asked for with a preview, looked at while they run.

use std::fs;
use std::time::Duration;

use hemera::fleet::{OpId, Way};
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
    console.keys("! \"uname_-a\" Down \"5_s\"").shows_all(&["5 s", "Run in 2 VMs"]).keys("Enter Right Enter");
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
    console
        .keys("2 !")
        .shows("On the hosts themselves, by SSH.")
        .keys("\"uptime\"")
        .shows_all(&["uptime", "Run on 1 host"]);
    console.keys("Enter Right Enter");
    let Command::Start(OperationSpec::Run { on: RunOn::Hosts(hosts), script }) = console.command() else {
        panic!("no command on hosts")
    };
    assert_eq!(&*script.text, "uptime");
    assert!(!hosts.source().is_empty() && hosts.source() != "all");
    console.end();
}

#[test]
fn a_file_is_read_before_it_is_copied_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("probe").display().to_string();
    let console = busy(120, 36).start();
    console.shows("vm-14");
    console.keys(&format!("Space Down Space : \"copy-in_{file}_/root/probe\" Enter"));
    console.shows_all(&["Copy a file to 2 VMs", "/root/probe", "64 MiB at most", "Copy to 2 VMs"]);
    // It is not there: the dialog is, as it was filled in.
    console.keys("Enter Right Enter").shows_all(&["o such file", "Copy a file to 2 VMs", "Copy to 2 VMs"]);
    assert_eq!(console.commands(), 0);
    fs::write(&file, "abc").expect("a file");
    console.keys("Down Down \"640\"").shows_all(&["640  ", "Copy to 2 VMs"]).keys("Enter Right Enter");
    let Command::Start(OperationSpec::Copy { on: RunOn::Vms(Which::Ids(vms)), copy }) = console.command() else {
        panic!("no copy to VMs")
    };
    let Way::In { file: from, size, sum, to, mode, .. } = &copy.way else { panic!("the other way") };
    assert_eq!((vms.len(), from.display().to_string(), size.0, &**to, *mode), (2, file, 3, "/root/probe", 0o640));
    assert!(sum.starts_with("ba7816bf8f01cfea"), "{sum}");
    console.end();
}

#[test]
fn a_file_is_copied_out_into_a_directory_of_its_own() {
    let console = busy(120, 36).start();
    console.shows("vm-14");
    console.keys("2 : \"copy-out_/\" Enter").shows_all(&["Copy a file from", "expected a file's whole path there"]);
    console.keys("\"var/log/syslog\"").shows_all(&["/syslog", "Copy from 1 host"]).keys("Enter Right Enter");
    let Command::Start(OperationSpec::Copy { on: RunOn::Hosts(_), copy }) = console.command() else {
        panic!("no copy from hosts")
    };
    let Way::Out { from, to } = &copy.way else { panic!("the other way") };
    let name = to.file_name().expect("a name").to_string_lossy();
    assert!(
        &**from == "/var/log/syslog" && to.is_absolute() && name.starts_with("hemera-copied-2"),
        "{}",
        to.display()
    );
    console.keys(": \"copy-out_a_b_c\" Enter").shows("`c` is one word too many").keys("Esc");
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
