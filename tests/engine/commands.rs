//! Commands in guests and on hosts.

use std::sync::Arc;
use std::time::Duration;

use hemera::engine::{Output, What};
use hemera::fleet::{FileCopy, HostId, OpId, PowerAction, Script, Selection, TaskId, VmState, Way};
use hemera::handle::{
    Answer, Command, Limits, OpKind, OperationSpec, Query, RunOn, TaskFilter, TaskSubject, VmChange, WaitKind, Which,
};
use hemera::platform::{End, GuestWork, HostWork, Observation, Request};

use super::{Bench, booted, operations};

fn hosts(text: &str) -> RunOn {
    RunOn::Hosts(Selection::hosts(text).unwrap())
}

fn tasks(bench: &mut Bench, op: u32) -> Vec<hemera::handle::TaskView> {
    let query = Query::Tasks { op: OpId(op), show: TaskFilter::All, offset: 0, limit: 100 };
    let Answer::Tasks(page) = bench.engine.query(bench.world.now, &query) else { panic!("no tasks") };
    page.tasks
}

#[test]
fn a_command_on_hosts_is_a_task_for_each_and_one_at_a_time() {
    let mut bench = Bench::new(Limits::default());
    bench.run(hosts("site:rennes"));
    bench.run(hosts("all"));
    assert_eq!(bench.world.running.len(), 6, "four of the first, two of the second");
    assert_eq!(operations(&bench)[1].waiting_by, [(WaitKind::Earlier, 4)]);
    let seen = tasks(&mut bench, 1);
    assert_eq!(seen[0].subject, TaskSubject::Host(HostId(0)));
    assert_eq!((&*seen[0].name, seen[0].source), ("rennes-1", Some(HostId(0))));
    bench.end(TaskId(0), End::Failed("ended with 1".into()));
    assert_eq!(bench.world.running.len(), 6);
    bench.finish();
    bench.holds_together();
    let ops = operations(&bench);
    assert_eq!((&*ops[0].title, ops[0].failed, ops[0].done), ("run `true` on 4 hosts", 1, 3));
    assert_eq!(&*ops[0].failed_by[0].0, "ended with 1");
    // What failed is asked again, on that host alone.
    bench.command(Command::RetryFailed(OpId(1)));
    bench.finish();
    assert_eq!(operations(&bench)[2].total, 1);
    assert_eq!(tasks(&mut bench, 3)[0].subject, TaskSubject::Host(HostId(0)));
}

#[test]
fn a_command_waits_for_its_host_and_its_page_shows_it() {
    let mut bench = Bench::new(Limits::default());
    bench.crash(HostId(4));
    bench.run(hosts("nantes-1"));
    assert!(bench.world.running.is_empty());
    assert_eq!(operations(&bench)[0].waiting_by, [(WaitKind::Host, 1)]);
    let Answer::Host(view) = bench.engine.query(bench.world.now, &Query::Host(HostId(4))) else { panic!() };
    assert_eq!((view.open, &*view.tasks[0].name), ((0, 1), "nantes-1"));
    bench.recover(HostId(4));
    assert_eq!(bench.world.running.len(), 1);
    let Answer::Host(view) = bench.engine.query(bench.world.now, &Query::Host(HostId(4))) else { panic!() };
    assert_eq!(view.open, (1, 0));
    assert_eq!(&*view.timeline.last().unwrap().1, "#1 run began");
    bench.command(Command::CancelTask(TaskId(0)));
    assert_eq!(operations(&bench)[0].cancelled, 1);
    // A host that never comes back is given up.
    bench.crash(HostId(4));
    bench.run(hosts("nantes-1"));
    bench.pass(Duration::from_secs(601));
    assert_eq!(&*operations(&bench)[1].failed_by[0].0, "nantes-1 did not come back");
}

#[test]
fn copies_are_tasks_for_each_place_and_what_failed_is_copied_again() {
    let mut bench = booted(4, Limits { run_total: 3, ..Limits::default() });
    let way = Way::Out { from: "/var/log/messages".into(), to: "copied/1".into() };
    let copy = Arc::new(FileCopy { way, timeout: Duration::from_secs(600) });
    let start = |on| Command::Start(OperationSpec::Copy { on, copy: copy.clone() });
    bench.command(start(RunOn::Vms(Which::Selected(Selection::all()))));
    assert_eq!((bench.world.running.len(), &operations(&bench)[1].waiting_by[..]), (3, &[(WaitKind::RunTotal, 1)][..]));
    let first = *bench.world.running.keys().next().unwrap();
    bench.end(first, End::Failed("no such file".into()));
    bench.finish();
    bench.command(start(hosts("site:rennes")));
    let first = *bench.world.running.keys().next().unwrap();
    bench.end(first, End::Failed("no such file".into()));
    bench.finish();
    let seen = operations(&bench);
    assert_eq!((seen[1].kind, &*seen[1].title), (OpKind::CopyOut, "copy /var/log/messages out of 4 VMs"));
    assert_eq!((seen[1].done, seen[1].failed), (3, 1));
    assert_eq!((&*seen[2].title, seen[2].done), ("copy /var/log/messages from 4 hosts", 3));
    for op in [seen[1].id, seen[2].id] {
        bench.command(Command::RetryFailed(op));
        let copies = |request: &Request| match request {
            Request::Guest { work: GuestWork::Copy(of), .. } | Request::Host { work: HostWork::Copy(of), .. } => {
                *of == copy
            }
            _ => false,
        };
        assert_eq!((bench.world.running.len(), bench.world.count(copies)), (1, 1));
        bench.finish();
    }
    bench.holds_together();
    // A copy that says nothing has its time, and no more.
    bench.command(start(hosts("nantes-1")));
    bench.pass(Duration::from_secs(599));
    assert_eq!(operations(&bench)[5].running, 1);
    bench.pass(Duration::from_secs(600));
    assert_eq!(operations(&bench)[5].failed, 1);
}

#[test]
fn records_of_tasks_on_hosts_name_no_vm() {
    let mut bench = Bench::new(Limits::default());
    bench.run(hosts("nantes-2"));
    bench.finish();
    let ended = bench.outputs.iter().find_map(|output| match output {
        Output::Record(record) => match &record.what {
            What::TaskEnded(task) => Some(task.clone()),
            _ => None,
        },
        Output::Request(_) => None,
    });
    let ended = ended.unwrap();
    assert_eq!((&*ended.vm, &*ended.source, &*ended.target), ("", "nantes-2", ""));
}

#[test]
fn commands_in_guests_take_their_turn_and_leave_the_vm_as_it_is() {
    let mut bench = booted(4, Limits { run_total: 3, ..Limits::default() });
    let all = || Which::Selected(Selection::all());
    bench.run(RunOn::Vms(all()));
    assert_eq!(bench.world.running.len(), 3);
    assert_eq!(operations(&bench)[1].waiting_by, [(WaitKind::RunTotal, 1)]);
    bench.command(Command::Start(OperationSpec::Change { which: all(), change: VmChange::Pause }));
    assert_eq!(bench.world.running.len(), 3);
    let first = *bench.world.running.keys().next().unwrap();
    bench.end(first, End::Failed("ended with 3".into()));
    assert_eq!(bench.engine.fleet().vms.count(VmState::Up), 4, "a command that failed changes no state");
    assert!(bench.world.running.values().any(|request| matches!(request, Request::Change { .. })));
    bench.finish();
    bench.holds_together();
    // Paused guests run nothing.
    bench.run(RunOn::Vms(all()));
    assert_eq!(&*operations(&bench)[3].failed_by[0].0, "the VM is paused");
}

#[test]
fn a_vm_that_vanishes_under_a_command_is_seen_at_once() {
    let mut bench = booted(1, Limits::default());
    bench.run(RunOn::Vms(Which::Selected(Selection::all())));
    let (&vm, _) = bench.world.vms.first_key_value().unwrap();
    let gone = Observation::VmGone { vm: hemera::platform::VmKey::Id(vm), reason: "it crashed".into() };
    bench.see(Some(HostId(0)), vec![gone]);
    assert_eq!(bench.engine.fleet().vms.state(vm), VmState::Failed);
    bench.world.vms.clear();
    bench.end(TaskId(1), End::Failed("the VM is gone".into()));
    bench.finish();
    bench.holds_together();
}

#[test]
fn a_command_may_be_silent_for_its_whole_time_and_no_longer() {
    let mut bench = booted(1, Limits::default());
    let script = Script { timeout: Duration::from_secs(1000), ..Script::command("sleep 900") };
    let on = RunOn::Vms(Which::Selected(Selection::all()));
    bench.command(Command::Start(OperationSpec::Run { on, script: Arc::new(script) }));
    for _ in 0..10 {
        bench.pass(Duration::from_secs(100));
    }
    assert_eq!(operations(&bench)[1].running, 1);
    assert_eq!(bench.engine.snapshot(bench.world.now, &Arc::default()).events.len(), 3, "nothing is found about it");
    bench.pass(Duration::from_secs(100));
    assert_eq!(operations(&bench)[1].failed, 1);
}

#[test]
fn images_come_to_hosts_that_are_still_prepared_and_to_no_other_twice_at_once() {
    let mut bench = booted(1, Limits { run_total: 1, ..Limits::default() });
    let spread = |text: &str| {
        Command::Start(OperationSpec::Spread { image: "debian12".into(), on: Selection::hosts(text).unwrap() })
    };
    bench.command(spread("all"));
    let hosts = bench.engine.fleet().topology.hosts.len();
    assert_eq!(bench.world.running.len(), hosts, "no limit of commands holds them up");
    bench.command(spread("rennes-2"));
    assert_eq!(operations(&bench)[2].waiting_by, [(WaitKind::Earlier, 1)]);
    let first = *bench.world.running.keys().next().unwrap();
    bench.end(first, End::Failed("no space".into()));
    assert_eq!(operations(&bench)[1].failed, 1);
    bench.command(Command::RetryFailed(operations(&bench)[1].id));
    bench.finish();
    bench.holds_together();
    assert_eq!(operations(&bench).iter().map(|op| op.failed).sum::<u32>(), 1);
}

#[test]
fn hosts_are_switched_whether_they_answer_or_not_and_previews_say_what_ends() {
    let mut bench = booted(8, Limits::default());
    let power = |action| OperationSpec::Power { on: Selection::hosts("rennes-1").unwrap(), action };
    let preview = |bench: &mut Bench, action| {
        let query = Query::Preview(power(action));
        let Answer::Preview(preview) = bench.engine.query(bench.world.now, &query) else { panic!("no preview") };
        (preview.title.to_string(), preview.tasks, preview.ending)
    };
    let vms = bench.engine.fleet().hosts.row(HostId(0)).vms;
    assert!(vms > 0);
    assert_eq!(preview(&mut bench, PowerAction::Off), ("power off 1 host".into(), 1, vms));
    assert_eq!(preview(&mut bench, PowerAction::RestartLibvirtd), ("restart libvirtd on 1 host".into(), 1, 0));
    bench.crash(HostId(0));
    bench.command(Command::Start(power(PowerAction::On)));
    assert_eq!(bench.world.running.len(), 1, "it is not waited for");
    let task = *bench.world.running.keys().next().unwrap();
    bench.end(task, End::Failed("ended with 1: no such node".into()));
    assert_eq!(operations(&bench)[1].failed_by, [("ended with 1: no such node".into(), 1)]);
}

/// A host is being switched off while its VMs shall be paused and a command shall run on it. How much waits, and the task
/// that switches.
fn switching_off() -> (Bench, u32, TaskId) {
    let mut bench = booted(8, Limits::default());
    bench.pass(Duration::from_secs(2));
    bench.command(Command::Start(OperationSpec::Power {
        on: Selection::hosts("rennes-1").unwrap(),
        action: PowerAction::Off,
    }));
    let off = *bench.world.running.keys().next().unwrap();
    let which = Which::Selected(Selection::vms("host:rennes-1 or host:rennes-2").unwrap());
    bench.command(Command::Start(OperationSpec::Change { which, change: VmChange::Pause }));
    bench.command(Command::Start(OperationSpec::Run {
        on: hosts("rennes-1"),
        script: Arc::new(Script::command("true")),
    }));
    let vms = bench.engine.fleet().hosts.row(HostId(0)).vms;
    assert!(vms > 0);
    assert_eq!(waiting(&bench), [(WaitKind::Power, vms + 1)]);
    (bench, vms, off)
}

/// What tasks wait for, counted.
fn waiting(bench: &Bench) -> Vec<(WaitKind, u32)> {
    let mut counts = std::collections::BTreeMap::new();
    for (kind, count) in operations(bench).iter().flat_map(|op| op.waiting_by.clone()) {
        *counts.entry(kind).or_insert(0) += count;
    }
    counts.into_iter().collect()
}

#[test]
fn what_is_asked_of_a_host_goes_on_where_it_could_not_be_switched_off() {
    let (mut bench, _, off) = switching_off();
    bench.end(off, End::Failed("ended with 1: no such node".into()));
    assert_eq!(waiting(&bench), []);
    bench.finish();
    bench.holds_together();
}

#[test]
fn what_is_asked_of_a_host_that_was_switched_off_waits_until_it_is_seen_to_go() {
    let (mut bench, vms, off) = switching_off();
    // Still at it: whoever was told to stop may have done it.
    bench.command(Command::CancelTask(off));
    assert_eq!(waiting(&bench), [(WaitKind::Power, vms + 1)]);
    bench.end(off, End::Done);
    assert_eq!(waiting(&bench), [(WaitKind::Power, vms + 1)]);
    bench.crash(HostId(0));
    assert_eq!(waiting(&bench), [(WaitKind::Host, vms + 1)]);
}

#[test]
fn a_host_that_did_not_go_though_it_was_switched_off_is_asked_again() {
    let (mut bench, vms, off) = switching_off();
    bench.end(off, End::Done);
    bench.pass(Duration::from_secs(30));
    assert_eq!(waiting(&bench), [(WaitKind::Power, vms + 1)]);
    bench.pass(Duration::from_secs(40));
    assert_eq!(waiting(&bench), []);
    bench.finish();
    bench.holds_together();
}

#[test]
fn guests_that_shut_down_leave_no_vm_and_those_that_do_not_stay() {
    let mut bench = booted(2, Limits::default());
    let which = Which::Selected(Selection::all());
    bench.command(Command::Start(OperationSpec::Change { which, change: VmChange::Shutdown }));
    assert_eq!(bench.engine.fleet().vms.count(VmState::Stopping), 2);
    let task = *bench.world.running.keys().next().unwrap();
    bench.end(task, End::Done);
    assert_eq!(bench.engine.fleet().vms.ids().count(), 1);
    for _ in 0..3 {
        bench.pass(Duration::from_secs(60));
    }
    assert_eq!(operations(&bench)[1].failed_by, [("its guest did not shut down within 120 s".into(), 1)]);
    assert_eq!(bench.engine.fleet().vms.count(VmState::Stopping), 0);
    bench.holds_together();
}
