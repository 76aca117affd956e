//! A platform without physics: every request ends after a fixed time, or never.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hemera::fleet::{Bytes, HostId, Image, NewHost, Rate, Ready, Selection, TaskId, Time, Topology, VmClass};
use hemera::handle::{Boot, OperationSpec, Placement, Step};
use hemera::platform::{Batch, End, Observation, Platform, Request, Virtual};
use tokio::sync::Notify;

/// See the module.
pub(crate) struct Fake {
    /// How long a boot takes; none: for ever, and it cannot be cancelled either.
    boot: Option<Duration>,
    now: Time,
    ends: BTreeMap<(Time, TaskId), HostId>,
    batches: Vec<Batch>,
}

impl Fake {
    pub(crate) fn new(topology: &Topology, boot: Option<Duration>) -> Self {
        let batches = topology
            .host_ids()
            .map(|host| {
                let Bytes(memory) = topology.host(host).memory;
                let seen = vec![Observation::HostAnswers { cores: topology.host(host).cores, memory: Bytes(memory) }];
                Batch { at: Time::ZERO, host: Some(host), seen }
            })
            .collect();
        Self { boot, now: Time::ZERO, ends: BTreeMap::new(), batches }
    }

    fn end(&mut self, task: TaskId, host: HostId, end: End) {
        let seen = vec![Observation::Ended { task, end, figures: None }];
        self.batches.push(Batch { at: self.now, host: Some(host), seen });
    }
}

impl Platform for Fake {
    fn submit(&mut self, request: Request) {
        match request {
            Request::Boot { task, host, .. } => {
                if let Some(boot) = self.boot {
                    self.ends.insert((self.now + boot, task), host);
                }
            }
            Request::Migrate { task, source, .. } => self.end(task, source, End::Done),
            Request::Change { task, host, .. }
            | Request::Guest { task, host, .. }
            | Request::Host { task, host, .. } => {
                self.end(task, host, End::Done);
            }
            Request::Cancel { task } => {
                if let Some(key) = self.ends.keys().copied().find(|(_, running)| *running == task) {
                    let host = self.ends.remove(&key).expect("the key was just found");
                    self.end(task, host, End::Cancelled);
                }
            }
            Request::Adjust { .. } | Request::Probe { .. } => {}
        }
    }

    fn collect(&mut self, into: &mut Vec<Batch>) {
        into.append(&mut self.batches);
    }
}

impl Virtual for Fake {
    fn next_at(&self) -> Option<Time> {
        self.ends.keys().next().map(|(at, _)| *at)
    }

    fn advance(&mut self, to: Time) {
        while let Some((&(at, task), &host)) = self.ends.first_key_value().filter(|((at, _), _)| *at <= to) {
            self.now = at;
            self.ends.remove(&(at, task));
            self.end(task, host, End::Done);
        }
        self.now = to;
    }
}

/// Two hosts with room for many VMs.
pub(crate) fn topology() -> Arc<Topology> {
    let mut topology = Topology::new("fake");
    let site = topology.site("rennes");
    let host = |n: u32| NewHost {
        name: format!("paradoxe-{n}"),
        cores: 8,
        memory: Bytes::mib(64 << 10),
        nic: Rate(1.25e9),
        disk: Rate(5e8),
    };
    topology.add_cluster(site, "paradoxe", (1..=2).map(host));
    topology.into()
}

/// A boot of `count` small VMs.
pub(crate) fn boot(count: u32) -> OperationSpec {
    let class = VmClass {
        name: "small".into(),
        vcpus: 1,
        memory: Bytes::mib(512),
        image: Image::None,
        network: None,
        cpu: None,
        ready: Ready::Up,
        agent: true,
        ssh: None,
        patience: None,
        ssh_key: None,
    };
    OperationSpec::Boot(Boot {
        class: class.into(),
        count,
        name: "vm-{n}".into(),
        placement: Placement::RoundRobin,
        on: Selection::all(),
    })
}

/// The same as a step.
pub(crate) fn boot_step(count: u32) -> Step {
    Step::Operation(boot(count))
}

/// Something happens on it every nanosecond, so that no machine can keep up with it at speed.
pub(crate) struct Restless(pub Time);

impl Platform for Restless {
    fn submit(&mut self, _: Request) {}

    fn collect(&mut self, _: &mut Vec<Batch>) {}
}

impl Virtual for Restless {
    fn next_at(&self) -> Option<Time> {
        Some(Time(self.0.0 + 1))
    }

    fn advance(&mut self, to: Time) {
        self.0 = to;
    }
}

/// Hosts that live by themselves: they answer on a thread of their own, a while after the run began, and then do what
/// they are asked at once.
pub(crate) struct Real {
    started: Instant,
    batches: Arc<Mutex<Vec<Batch>>>,
    notify: Arc<Notify>,
}

impl Real {
    pub(crate) fn connect(topology: Arc<Topology>, answers_after: Duration) -> (Self, Instant, Arc<Notify>) {
        // Not to wait for something, but because hosts do take a while.
        Self::connect_when(topology, move || std::thread::sleep(answers_after))
    }

    /// The same where the hosts answer once `until` has returned.
    pub(crate) fn connect_when(
        topology: Arc<Topology>,
        until: impl FnOnce() + Send + 'static,
    ) -> (Self, Instant, Arc<Notify>) {
        let started = Instant::now();
        let real = Self { started, batches: Arc::default(), notify: Arc::default() };
        let (batches, notify) = (real.batches.clone(), real.notify.clone());
        std::thread::spawn(move || {
            until();
            let at = Time::ZERO + started.elapsed();
            let Fake { batches: answers, .. } = Fake::new(&topology, None);
            batches.lock().expect("no panic").extend(answers.into_iter().map(|batch| Batch { at, ..batch }));
            notify.notify_one();
        });
        let notify = real.notify.clone();
        (real, started, notify)
    }
}

impl Platform for Real {
    fn submit(&mut self, request: Request) {
        let Request::Boot { task, host, .. } = request else { return };
        let at = Time::ZERO + self.started.elapsed();
        let seen = vec![Observation::Ended { task, end: End::Done, figures: None }];
        self.batches.lock().expect("no panic").push(Batch { at, host: Some(host), seen });
        self.notify.notify_one();
    }

    fn collect(&mut self, into: &mut Vec<Batch>) {
        into.append(&mut self.batches.lock().expect("no panic"));
    }
}
