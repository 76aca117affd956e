//! Commands on hosts, and in guests without an agent, by OpenSSH's `ssh`; and here, those that switch hosts.

mod session;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::thread;

pub(super) use self::session::{Outcome, Session};
use super::copy::Carry;
use super::ledger::{Signals, Ticket};
use super::queue::{Queue, lock};
use super::said::Said;
use super::stress::Strain;
use crate::fleet::{Script, TaskId};
use crate::platform::{End, POWER_TIMEOUT, SshAccess};

/// How many commands run at once on all hosts and in all guests together, and as many that switch hosts: each has a process and three threads here.
const AT_ONCE: usize = 32;

/// Runs `$1` with the arguments that follow, by `sh` or, where it begins with `#!`, as a file, in a process group of its
/// own. Its own standard input stays open while the command may go on: when it is closed, be it because the connection
/// broke, the group is ended, or what is about to become one.
pub(super) const WRAPPER: &str = r#"text=$1; shift; exec 3<&0 < /dev/null; d=
case $text in
'#!'*) d=$(mktemp -d) || exit 125; printf "%s\n" "$text" > "$d/script"; chmod 700 "$d/script"; set -- "$d/script" "$@" ;;
*) set -- /bin/sh -c "$text" sh "$@" ;;
esac
setsid "$@" 3<&- & p=$!
{ cat <&3; kill -TERM "-$p" || kill -TERM "$p"; sleep 2; kill -KILL "-$p"; } > /dev/null 2>&1 & w=$!
wait "$p"; c=$?; kill "$w"; [ -z "$d" ] || rm -rf "$d"; exit "$c""#;

/// What waits for its turn.
#[derive(Debug)]
enum Job {
    Run(Box<Run>),
    Copy(Carry),
    Stress(Box<Strain>),
}

impl Job {
    const fn ticket(&self) -> &Ticket {
        match self {
            Self::Run(run) => &run.ticket,
            Self::Copy(carry) => carry.ticket(),
            Self::Stress(strain) => strain.ticket(),
        }
    }

    fn work(self) {
        match self {
            Self::Run(run) => run.work(),
            Self::Copy(carry) => carry.work(),
            Self::Stress(strain) => strain.work(),
        }
    }

    /// Ends it before it has begun.
    fn cancelled(self) {
        match self {
            Self::Run(run) => run.ticket.end(End::Cancelled, |_| true, None),
            Self::Copy(carry) => carry.cancelled(),
            Self::Stress(strain) => strain.cancelled(),
        }
    }
}

/// A command.
#[derive(Debug)]
struct Run {
    session: Session,
    ticket: Ticket,
    said: Said,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<TaskId, Job>,
    /// In which order they came; some of them do not wait any more.
    order: VecDeque<TaskId>,
    running: usize,
}

/// The commands that run by SSH, and the files that are copied so; or those that switch hosts.
#[derive(Debug, Default, Clone)]
pub(super) struct Shells(Arc<Mutex<State>>);

impl Shells {
    /// Runs a command there when it is its turn.
    pub(super) fn run(&self, ssh: &SshAccess, script: &Script, ticket: Ticket, queue: Arc<Queue>) {
        let said = Said::new(ticket.task, queue);
        self.put(Job::Run(Box::new(Run { session: Session::wrapped(ssh, script), ticket, said })));
    }

    /// Runs a program here, with its arguments, when it is its turn: what switches a host.
    pub(super) fn switch(&self, command: &[String], ticket: Ticket, queue: Arc<Queue>) {
        let said = Said::new(ticket.task, queue);
        self.put(Job::Run(Box::new(Run { session: Session::here(command, POWER_TIMEOUT), ticket, said })));
    }

    /// Copies a file there or back when it is its turn.
    pub(super) fn copy(&self, carry: Carry) {
        self.put(Job::Copy(carry));
    }

    /// Sets the load of a guest when it is its turn.
    pub(super) fn stress(&self, strain: Strain) {
        self.put(Job::Stress(Box::new(strain)));
    }

    fn put(&self, job: Job) {
        let task = job.ticket().task;
        let mut state = lock(&self.0);
        state.order.push_back(task);
        state.waiting.insert(task, job);
        if state.running == AT_ONCE {
            return;
        }
        state.running += 1;
        drop(state);
        let shells = self.clone();
        let spawned = thread::Builder::new().name("shell".into()).spawn(move || {
            while let Some(job) = shells.next() {
                job.work();
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for commands on hosts");
            let mut state = lock(&self.0);
            state.running -= 1;
            if state.running == 0 {
                // Their tickets fail when dropped, which takes no lock of this.
                state.waiting.clear();
                state.order.clear();
            }
        }
    }

    /// The job whose turn it is; none: who asks works no more.
    fn next(&self) -> Option<Job> {
        let mut state = lock(&self.0);
        while let Some(task) = state.order.pop_front() {
            if let Some(job) = state.waiting.remove(&task) {
                drop(state);
                // Its time begins now.
                job.ticket().advance();
                return Some(job);
            }
        }
        state.running -= 1;
        None
    }

    /// Ends a task that waits for its turn as cancelled.
    pub(super) fn cancel(&self, task: TaskId) {
        let waiting = lock(&self.0).waiting.remove(&task);
        if let Some(job) = waiting {
            job.cancelled();
        }
    }

    /// Has a task that waits for its turn advance, as often as somebody asks about it: waiting costs none of its time, and
    /// ends, as those before it have their time each.
    pub(super) fn excuse(&self, task: TaskId, signals: &Signals) {
        if lock(&self.0).waiting.contains_key(&task) {
            signals.advance();
        }
    }
}

impl Run {
    fn work(self) {
        let Self { session, ticket, mut said } = self;
        if ticket.signals.cancelled() {
            return ticket.end(End::Cancelled, |_| true, None);
        }
        let timeout = session.timeout;
        let outcome = session.follow(None, &ticket.signals, &mut |stream, bytes| {
            said.wrote(stream, bytes, 0);
            Ok(())
        });
        let end = match outcome {
            Outcome::Exited(code) => said.exited(code),
            Outcome::NoSsh => {
                let why = said.last_line().unwrap_or_else(|| "it did not say why".into());
                End::Failed(format!("ssh did not get through: {why}").into())
            }
            Outcome::Cancelled => End::Cancelled,
            Outcome::Late => Said::late(timeout),
            Outcome::Broken(why) => End::Failed(why.into()),
        };
        ticket.end(end, |_| true, None);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::fleet::{Bytes, HostId, NewHost, PowerAction, Rate, Topology};
    use crate::image::Settings;
    use crate::platform::libvirt::LibvirtPlatform;
    use crate::platform::libvirt::ledger::Ledger;
    use crate::platform::{Batch, HostWork, Observation, Platform as _, Power, Progress, Request};

    #[test]
    fn waiting_for_a_turn_costs_no_time_and_can_be_cancelled() {
        let queue = Arc::new(Queue::new(Instant::now(), 64));
        let ledger = Ledger::new(queue.clone());
        let shells = Shells::default();
        // As many as may run at once do, and nothing is begun but by this test.
        lock(&shells.0).running = AT_ONCE;
        let ssh = SshAccess { destination: "root@10.160.0.1".into(), config: None, any_key: true, guest: true };
        let script = Script {
            title: "true".into(),
            text: "true".into(),
            arguments: Vec::new(),
            timeout: Duration::from_secs(1),
        };
        let [first, second, third] = [1, 2, 3].map(|task| {
            let ticket = ledger.open_on_host(TaskId(task));
            let signals = ticket.signals.clone();
            shells.run(&ssh, &script, ticket, queue.clone());
            signals
        });
        let told = || {
            let mut batches = Vec::new();
            queue.collect(&mut batches);
            batches.into_iter().flat_map(|batch| batch.seen).collect::<Vec<_>>()
        };
        let cancelled = |task| Observation::Ended { task: TaskId(task), end: End::Cancelled, figures: None };
        let progress = |task, work| Observation::Progress { task: TaskId(task), progress: Progress::Work(work) };
        for measure in 1..=3 {
            shells.excuse(TaskId(3), &third);
            assert_eq!(third.stage(), measure);
        }
        shells.cancel(TaskId(1));
        assert_eq!((told(), first.stage()), (vec![cancelled(1)], 0));
        let begun = shells.next().unwrap();
        assert_eq!((begun.ticket().task, told()), (TaskId(2), vec![progress(2, 1.0)]));
        shells.excuse(TaskId(2), &second);
        shells.cancel(TaskId(2));
        assert_eq!((second.stage(), told()), (1, vec![]), "what has begun has its own time, and sees its signals");
        second.cancel();
        begun.work();
        assert_eq!(told(), [cancelled(2)]);
        assert_eq!(shells.next().unwrap().ticket().task, TaskId(3));
        assert_eq!(told()[0], progress(3, 4.0), "more than all that was told before");
        assert!(shells.next().is_none());
        assert_eq!(lock(&shells.0).running, AT_ONCE - 1);
    }

    #[test]
    fn what_switches_hosts_waits_for_nothing_that_is_done_on_them() {
        let mut topology = Topology::new("test");
        let site = topology.site("rennes");
        let (memory, rate) = (Bytes::mib(1), Rate(1.0));
        let host = NewHost { name: "h1".into(), cores: 1, memory, nic: rate, disk: rate };
        topology.add_cluster(site, "h", [host]);
        let power = Power::default().with(PowerAction::Off, Some(["true".into()].into()));
        let settings = Settings::default();
        let (mut platform, _) = LibvirtPlatform::connect(topology.into(), Vec::new(), settings, power, Instant::now());
        lock(&platform.shells.0).running = AT_ONCE;
        platform.submit(Request::Host { task: TaskId(1), host: HostId(0), work: HostWork::Power(PowerAction::Off) });
        let began = Instant::now();
        let mut told = Vec::new();
        let done = Observation::Ended { task: TaskId(1), end: End::Done, figures: None };
        while !told.iter().any(|batch: &Batch| batch.seen.contains(&done)) {
            assert!(began.elapsed() < Duration::from_secs(60), "{told:?}");
            thread::sleep(Duration::from_millis(10));
            platform.collect(&mut told);
        }
    }

    /// Runs the wrapper as a host would, and gives its output and code.
    fn run(text: &str, arguments: &[&str], keep_open: bool) -> (String, Option<i32>) {
        let mut command = Command::new("sh");
        command.args(["-c", WRAPPER, "sh", text]).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().filter(|_| keep_open);
        let output = child.wait_with_output().unwrap();
        drop(input);
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }

    #[test]
    fn the_wrapper_runs_commands_and_files_and_ends_both() {
        assert_eq!(run("echo \"$1-$#\"; exit 3", &["a b", "c"], true), ("a b-2\n".into(), Some(3)));
        assert_eq!(run("#!/bin/sh\necho \"it's $1\"", &["it"], true), ("it's it\n".into(), Some(0)));
        let began = Instant::now();
        let (_, code) = run("sleep 600 & sleep 600", &[], false);
        assert_eq!(code, Some(128 + 15));
        assert!(began.elapsed() < Duration::from_secs(300));
    }

    #[test]
    fn programs_here_are_ended_with_their_tasks() {
        let outcome = |program: &[&str], cancelled: bool| {
            let program: Vec<String> = program.iter().map(|&word| word.to_owned()).collect();
            let signals = Signals::default();
            if cancelled {
                signals.cancel();
            }
            let mut said = Vec::new();
            let outcome = Session::here(&program, Duration::from_secs(300)).follow(None, &signals, &mut |_, bytes| {
                said.extend_from_slice(bytes);
                Ok(())
            });
            (outcome, String::from_utf8(said).unwrap())
        };
        assert_eq!(outcome(&["echo", "a  b", "$0"], false), (Outcome::Exited(0), "a  b $0\n".into()));
        assert_eq!(outcome(&["/nowhere/kapower3", "--off"], false).0, Outcome::Exited(127));
        assert_eq!(outcome(&["sleep", "600"], true).0, Outcome::Cancelled);
    }
}
