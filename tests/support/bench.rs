//! Drives a platform in a test and keeps what it said.
// Each test binary uses its own part, and for a module of tests `pub` reads better than `pub(crate)`.
#![allow(dead_code, unreachable_pub)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hemera::doctor::{HostSign, Sign};
use hemera::fleet::{
    HostId, MigrationFigures, MigrationOptions, MigrationProgress, TaskId, Time, Topology, VmClass, VmId, VmState,
};
use hemera::platform::libvirt::LibvirtPlatform;
use hemera::platform::{
    Batch, Change, End, HostAccess, Observation, Platform, Power, Progress, Request, VmKey, VmSeen,
};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is known of a host from what was observed.
#[derive(Debug, Default)]
pub struct Host {
    /// Cores and bytes of memory, while it answers.
    pub size: Option<(u32, u64)>,
    /// Why it does not answer, while it does not.
    pub unreachable: Option<String>,
    /// How often it answered anew.
    pub answered: u32,
    /// How many batches came from it.
    pub batches: u32,
    /// How often its load was told.
    pub loads: u32,
    /// Its VMs.
    pub vms: HashMap<Arc<str>, VmSeen>,
    /// Names of VMs that went away, and why.
    pub gone: Vec<(Arc<str>, String)>,
    /// CPU of its VMs in thousandths of a core.
    pub cpu: HashMap<Arc<str>, u32>,
}

/// All that was observed.
#[derive(Debug, Default)]
pub struct Seen {
    /// By host.
    pub hosts: HashMap<HostId, Host>,
    /// How tasks ended.
    pub ends: HashMap<TaskId, (End, Option<MigrationFigures>)>,
    /// How far moves were, oldest first.
    pub progress: HashMap<TaskId, Vec<MigrationProgress>>,
    /// What could not be changed of moves, and why.
    pub refused: HashMap<TaskId, Vec<String>>,
    /// Work steps that were reported.
    pub work: HashMap<TaskId, f64>,
    /// Signs of VMs, oldest first.
    pub signs: Vec<(Arc<str>, Sign)>,
    /// Signs of hosts, oldest first.
    pub host_signs: Vec<(HostId, HostSign)>,
    last: Time,
}

impl Seen {
    /// A host.
    pub fn host(&self, id: u32) -> &Host {
        &self.hosts[&HostId(id)]
    }

    /// The state of a VM on a host, where it is there.
    pub fn state(&self, host: u32, name: &str) -> Option<VmState> {
        self.hosts.get(&HostId(host))?.vms.get(name).map(|vm| vm.state)
    }

    fn take(&mut self, batch: Batch) {
        assert!(batch.at >= self.last, "a batch of {} after one of {}", batch.at, self.last);
        self.last = batch.at;
        let mut host = batch.host.map(|h| self.hosts.entry(h).or_default());
        if let Some(host) = &mut host {
            host.batches += 1;
        }
        for observation in batch.seen {
            let host = host.as_deref_mut();
            let on = || panic!("an observation of a host in a batch that names none");
            match observation {
                Observation::HostAnswers { cores, memory } => {
                    let host = host.unwrap_or_else(on);
                    host.size = Some((cores, memory.0));
                    host.unreachable = None;
                    host.answered += 1;
                }
                Observation::HostUnreachable { reason } => {
                    let host = host.unwrap_or_else(on);
                    assert!(host.unreachable.is_none(), "told twice that it is unreachable");
                    host.unreachable = Some(reason.to_string());
                }
                Observation::HostLoad { .. } => host.unwrap_or_else(on).loads += 1,
                Observation::Sign { vm, sign } => self.signs.push((name_of(&vm), sign)),
                Observation::HostSign(sign) => self.host_signs.push((batch.host.expect("a host"), sign)),
                Observation::VmLoad { vm: VmKey::Name(name), cpu, .. } => {
                    host.unwrap_or_else(on).cpu.insert(name, cpu);
                }
                Observation::Inventory(all) => {
                    let named = |vm: VmSeen| (name_of(&vm.vm), vm);
                    host.unwrap_or_else(on).vms = all.into_iter().map(named).collect();
                }
                Observation::Vm(vm) => {
                    host.unwrap_or_else(on).vms.insert(name_of(&vm.vm), vm);
                }
                Observation::VmGone { vm, reason } => {
                    let (host, name) = (host.unwrap_or_else(on), name_of(&vm));
                    host.vms.remove(&name);
                    host.gone.push((name, reason.to_string()));
                }
                Observation::Progress { task, progress: Progress::Migration(progress) } => {
                    self.progress.entry(task).or_default().push(progress);
                }
                Observation::Progress { task, progress: Progress::Work(work) } => {
                    self.work.insert(task, work);
                }
                Observation::NotAdjusted { task, adjust, reason } => {
                    self.refused.entry(task).or_default().push(format!("{adjust}: {reason}"));
                }
                Observation::Ended { task, end, figures } => {
                    let before = self.ends.insert(task, (end, figures));
                    assert!(before.is_none(), "{task} ended twice");
                }
                Observation::Progress { progress: Progress::Transfer(_), .. }
                | Observation::Output { .. }
                | Observation::Exited { .. } => {}
                Observation::VmLoad { vm, .. } => panic!("{vm:?}: a real platform knows names"),
            }
        }
    }
}

fn name_of(vm: &VmKey) -> Arc<str> {
    match vm {
        VmKey::Name(name) => name.clone(),
        VmKey::Id(id) => panic!("{id}: a real platform knows names"),
    }
}

/// A platform under test.
pub struct Bench {
    /// The platform.
    pub platform: LibvirtPlatform,
    /// What it said.
    pub seen: Seen,
    notify: Arc<Notify>,
    runtime: Runtime,
    tasks: u32,
}

impl Bench {
    /// Connects to hosts.
    pub fn new((topology, access): (Arc<Topology>, Vec<HostAccess>)) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (platform, notify) = LibvirtPlatform::connect(
            topology,
            access,
            hemera::image::Settings::default(),
            Power::default(),
            Instant::now(),
        );
        Self { platform, seen: Seen::default(), notify, runtime, tasks: 0 }
    }

    /// Takes observations until `found` finds what it looks for; panics with `what` after a minute without it.
    pub fn until<T>(&mut self, what: &str, mut found: impl FnMut(&Seen) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut batches = Vec::new();
        loop {
            self.platform.collect(&mut batches);
            for batch in batches.drain(..) {
                self.seen.take(batch);
            }
            if let Some(found) = found(&self.seen) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited a minute for: {what}; seen: {:#?}", self.seen);
            let notified = self.notify.notified();
            // Another look at the condition, or the next deadline: both lead back to the top.
            let _ = self.runtime.block_on(async { tokio::time::timeout(left, notified).await });
        }
    }

    /// Waits until the condition holds.
    pub fn wait(&mut self, what: &str, mut holds: impl FnMut(&Seen) -> bool) {
        self.until(what, |seen| holds(seen).then_some(()));
    }

    /// Waits until these hosts answer.
    pub fn answers(&mut self, hosts: u32) {
        self.wait("all hosts answer", |s| {
            (0..hosts).all(|h| s.hosts.get(&HostId(h)).is_some_and(|h| h.size.is_some()))
        });
    }

    fn task(&mut self) -> TaskId {
        self.tasks += 1;
        TaskId(self.tasks)
    }

    /// Asks for a boot.
    pub fn boot(&mut self, host: u32, name: &str, class: &Arc<VmClass>) -> TaskId {
        let task = self.task();
        let (vm, host) = (VmId(task.0), HostId(host));
        self.platform.submit(Request::Boot { task, vm, name: name.into(), host, class: class.clone() });
        task
    }

    /// Asks for a change.
    pub fn change(&mut self, host: u32, name: &str, change: Change) -> TaskId {
        let task = self.task();
        let (vm, host) = (VmId(task.0), HostId(host));
        self.platform.submit(Request::Change { task, vm, name: name.into(), host, change });
        task
    }

    /// Asks for a move.
    pub fn migrate(&mut self, name: &str, source: u32, target: u32, options: MigrationOptions) -> TaskId {
        let task = self.task();
        let (source, target) = (HostId(source), HostId(target));
        let vm = VmId(task.0);
        self.platform.submit(Request::Migrate { task, vm, name: name.into(), source, target, options });
        task
    }

    /// Waits for a task's end.
    pub fn end(&mut self, task: TaskId) -> (End, Option<MigrationFigures>) {
        self.until(&format!("{task} ends"), |s| s.ends.get(&task).cloned())
    }

    /// Waits until all these tasks are done; panics where one ended otherwise.
    pub fn done(&mut self, tasks: &[TaskId]) {
        for &task in tasks {
            let (end, _) = self.end(task);
            assert_eq!(end, End::Done, "{task}");
        }
    }

    /// Waits for a failure and gives its reason.
    pub fn failure(&mut self, task: TaskId) -> String {
        match self.end(task).0 {
            End::Failed(reason) => reason.to_string(),
            end => panic!("{task} ended as {end:?}"),
        }
    }
}
