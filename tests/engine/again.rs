//! Asking again for what failed or was cancelled.

use hemera::fleet::{MigrationOptions, RescuePlan};

use super::*;

impl Bench {
    fn refusal(&mut self, command: Command) -> String {
        let before = self.engine.version();
        let refused = self.engine.command(self.world.now, command).unwrap_err();
        assert_eq!(self.engine.version(), before, "a refused command changes nothing");
        refused.to_string()
    }

    fn names(&self) -> Vec<String> {
        let vms = &self.engine.fleet().vms;
        let mut names: Vec<String> = vms.ids().map(|vm| vms.name(vm).to_owned()).collect();
        names.sort_unstable();
        names
    }
}

#[test]
fn a_cancelled_task_is_asked_again_alone() {
    let mut bench = Bench::new(Limits { boot_total: 1, ..Limits::default() });
    bench.command(Command::Start(boot(4, Placement::RoundRobin, "all")));
    bench.command(Command::CancelTask(TaskId(2)));
    bench.command(Command::CancelTask(TaskId(3)));
    let accepted = bench.engine.command(bench.world.now, Command::RetryTask(TaskId(2))).unwrap();
    assert_eq!(&*accepted.message, "#2 boot 1 small (again, of #1)");
    bench.finish();
    assert_eq!(bench.names(), ["vm-1", "vm-2", "vm-3"]);
    bench.holds_together();
}

#[test]
fn everything_that_was_cancelled_is_asked_again() {
    let mut bench = Bench::new(Limits { boot_total: 2, ..Limits::default() });
    bench.command(Command::Start(boot(6, Placement::RoundRobin, "all")));
    assert_eq!(bench.refusal(Command::RetryCancelled(OpId(1))), "nothing of #1 was cancelled");
    bench.command(Command::CancelOperation(OpId(1)));
    bench.command(Command::RetryCancelled(OpId(1)));
    bench.finish();
    assert_eq!(operations(&bench)[1].done, 6);
    assert_eq!(bench.names(), ["vm-1", "vm-2", "vm-3", "vm-4", "vm-5", "vm-6"]);
    assert_eq!(bench.refusal(Command::RetryCancelled(OpId(1))), "nothing of #1 is left to ask for again");
    assert_eq!(bench.refusal(Command::RetryCancelled(OpId(7))), "there is no operation #7");
}

#[test]
fn a_cancelled_move_goes_to_the_host_that_it_was_for() {
    let mut bench = booted(6, Limits { migrate_total: 1, ..Limits::default() });
    let to = |vm: &str, host: &str| (Arc::from(vm), Arc::from(host));
    let moves = Moves::Explicit(vec![to("vm-1", "rennes-2"), to("vm-3", "rennes-4")]);
    bench.command(Command::Start(OperationSpec::Migrate(Migrate { moves, options: <_>::default(), rescue: None })));
    bench.command(Command::CancelTask(TaskId(7)));
    bench.command(Command::RetryTask(TaskId(7)));
    bench.finish();
    assert_eq!(bench.world.vms[&VmId(2)].0, HostId(3));
    bench.holds_together();
}

#[test]
fn an_evacuation_that_no_hypervisor_does_is_refused() {
    let mut bench = booted(12, Limits::default());
    let options = MigrationOptions { tls: true, tunnelled: true, ..MigrationOptions::default() };
    let evacuate = Evacuate { options, ..Evacuate::of(Selection::hosts("rennes-1").unwrap()) };
    let why = bench.refusal(Command::Start(OperationSpec::Evacuate(evacuate)));
    assert!(why.contains("leave out tls or tunnelled"), "{why}");
    assert_eq!(bench.engine.fleet().hosts.row(HostId(0)).state, HostState::Ready, "nothing of it was begun");
}

#[test]
fn of_an_evacuation_one_vm_is_moved_again() {
    let mut bench = booted(12, Limits { migrate_total: 1, ..Limits::default() });
    let hosts = Selection::hosts("rennes-1").unwrap();
    let rescue = Arc::new(RescuePlan::named("suspend-workload").unwrap());
    let said = MigrationOptions { tls: true, ..MigrationOptions::default() };
    let evacuate = Evacuate { options: said, rescue: Some(rescue.clone()), ..Evacuate::of(hosts) };
    bench.command(Command::Start(OperationSpec::Evacuate(evacuate)));
    for task in [12, 13] {
        bench.command(Command::CancelTask(TaskId(task)));
    }
    bench.command(Command::RetryTask(TaskId(13)));
    while let Some(task) = bench.nth_running(0) {
        // The first time and again.
        let Request::Migrate { options, .. } = &bench.world.running[&task] else { panic!("not a move") };
        assert_eq!(*options, said.with_plan(&rescue));
        bench.end(task, End::Done);
    }
    let titles: Vec<String> = operations(&bench).iter().map(|op| op.title.to_string()).collect();
    assert!(titles[1].ends_with(" from rennes-1: TLS, rescue suspend-workload"), "{titles:?}");
    assert!(titles[2].contains(": TLS, rescue suspend-workload (again, of "), "{titles:?}");
    let here: Vec<VmId> = bench.world.vms.iter().filter(|(_, at)| at.0 == HostId(0)).map(|(&vm, _)| vm).collect();
    assert_eq!(here, [VmId(0)]);
}

#[test]
fn a_task_that_cannot_be_asked_again_says_why() {
    let mut bench = Bench::new(Limits { boot_total: 1, ..Limits::default() });
    let retry = |task| Command::RetryTask(TaskId(task));
    assert_eq!(bench.refusal(retry(0)), "there is no task 0");
    bench.command(Command::Start(boot(3, Placement::RoundRobin, "all")));
    assert_eq!(bench.refusal(retry(0)), "task 0 has not ended");
    assert_eq!(bench.refusal(retry(1)), "task 1 has not ended");
    bench.end(TaskId(0), End::Done);
    assert_eq!(bench.refusal(retry(0)), "task 0 is done");

    bench.command(Command::CancelTask(TaskId(2)));
    bench.finish();
    bench.command(Command::Start(boot(1, Placement::RoundRobin, "all")));
    bench.finish();
    assert_eq!(bench.refusal(retry(2)), "a VM named vm-3 exists");

    let pause = |vm| OperationSpec::Change { which: Which::Ids([VmId(vm)].into()), change: VmChange::Pause };
    for vm in [0, 1] {
        bench.command(Command::Start(pause(vm)));
        let task = bench.nth_running(0).unwrap();
        bench.end(task, End::Failed("broke".into()));
        bench.command(Command::Start(pause(vm)));
        let task = bench.nth_running(0).unwrap();
        bench.end(task, End::Done);
    }
    assert_eq!(bench.refusal(retry(4)), "vm-1 is as asked already");
    bench.vanish(1);
    assert_eq!(bench.refusal(retry(6)), "the VM is failed");
    let which = Which::Ids([VmId(1)].into());
    bench.command(Command::Start(OperationSpec::Change { which, change: VmChange::Destroy }));
    bench.finish();
    assert_eq!(bench.refusal(retry(6)), "vm-2 no longer exists");
    assert_eq!(bench.refusal(Command::RetryFailed(OpId(5))), "nothing of #5 is left to ask for again");
}
