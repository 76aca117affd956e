//! A runtime on a lab's hosts, as a console has one, and what is true of it.
// Each test binary uses its own part, and for a module of tests `pub` reads better than `pub(crate)`.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hemera::engine::{Config, Engine};
use hemera::fleet::{Fleet, Image, Ready, Selection, VmClass, VmId};
use hemera::handle::{
    About, Answer, Boot, Command, Handle, OpState, OperationSpec, Placement, Query, Snapshot, TaskFilter, TaskView,
    VmChange, Which,
};
use hemera::platform::libvirt::LibvirtPlatform;
use hemera::runtime::{Driver, Running, spawn_live};
use hemera::world::{Kind, World};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(2);

/// A runtime; it ends when this is dropped, and VMs run on.
pub struct Live {
    handle: Handle,
    _running: Running,
    began: Instant,
}

impl Live {
    /// Opens the world of this file.
    pub fn open(world: &std::path::Path) -> Self {
        let world = World::load(world.to_str().expect("a path of text")).expect("a world");
        let Kind::Libvirt(access) = &world.kind else { panic!("a world of real hosts") };
        let began = Instant::now();
        let (platform, notify) = LibvirtPlatform::connect(
            world.topology.clone(),
            access.clone(),
            hemera::image::Settings::default(),
            world.power.clone(),
            began,
        );
        let about = Arc::new(About {
            power: world.power_actions(),
            world: world.name.clone(),
            platform: "libvirt".into(),
            multiplied: 1,
            speed: 1.0,
            classes: Vec::new(),
        });
        let engine = Engine::new(world.topology.clone(), Config::default());
        let driver = Driver::new(engine, platform, (), None);
        let (handle, running) = spawn_live(driver, began, notify, about).expect("a runtime");
        Self { handle, _running: running, began }
    }

    /// Says what is happening, not captured with the test's output.
    pub fn say(&self, what: &str) {
        writeln!(std::io::stderr(), "{:6.1} s  {what}", self.began.elapsed().as_secs_f64()).expect("stderr");
    }

    pub fn now(&mut self) -> Arc<Snapshot> {
        self.handle.snapshot()
    }

    /// Waits until a snapshot is so; how long that took.
    pub fn wait(&mut self, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Duration {
        let began = Instant::now();
        loop {
            let now = self.now();
            if holds(&now) {
                self.say(&format!("{what}, after {:.1} s", began.elapsed().as_secs_f64()));
                return began.elapsed();
            }
            assert!(began.elapsed() < PATIENCE, "waited for: {what}\n{}", shown(&now));
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    pub fn command(&self, command: Command) {
        let said = format!("{command:?}");
        let reply = self.handle.command(command).blocking_recv().expect("a reply");
        reply.unwrap_or_else(|refused| panic!("{said}: {refused}"));
    }

    pub fn boot(&self, class: &VmClass, count: u32, name: &str) {
        self.command(Command::Start(OperationSpec::Boot(Boot {
            class: Arc::new(class.clone()),
            count,
            name: name.into(),
            placement: Placement::RoundRobin,
            on: Selection::hosts("all").expect("a selection"),
        })));
    }

    pub fn change(&self, which: &str, change: VmChange) {
        let which = Which::Selected(Selection::vms(which).expect("a selection"));
        self.command(Command::Start(OperationSpec::Change { which, change }));
    }

    /// The tasks of the last operation.
    pub fn tasks(&mut self) -> Vec<TaskView> {
        let op = self.now().operations.last().expect("an operation").id;
        let query = Query::Tasks { op, show: TaskFilter::All, offset: 0, limit: 1000 };
        match self.handle.query(query).blocking_recv().expect("an answer") {
            Answer::Tasks(page) => page.tasks,
            _ => panic!("not what was asked for"),
        }
    }

    /// The VM of that name.
    pub fn vm(&mut self, name: &str) -> VmId {
        named(&self.now().fleet, name).unwrap_or_else(|| panic!("there is no {name}"))
    }
}

/// The VM of that name.
pub fn named(fleet: &Fleet, name: &str) -> Option<VmId> {
    fleet.vms.ids().find(|&vm| fleet.vms.name(vm) == name)
}

/// Which VMs have a finding, by name.
pub fn found(fleet: &Fleet) -> BTreeMap<String, &'static str> {
    fleet.vms.found().map(|(vm, finding)| (fleet.vms.name(vm).to_owned(), finding.word())).collect()
}

/// Whether no operation has tasks that have not ended.
pub fn quiet(snapshot: &Snapshot) -> bool {
    snapshot.operations.iter().all(|op| op.state == OpState::Ended)
}

/// All that is known, for a test that gives up.
pub fn shown(snapshot: &Snapshot) -> String {
    let fleet = &snapshot.fleet;
    let vms = fleet.vms.rows().map(|(vm, row)| {
        let found =
            fleet.diagnosis(vm).map_or(String::new(), |found| format!("{}: {}", found.finding.word(), found.text));
        let reason = fleet.vm_reasons.get(&vm).cloned().unwrap_or_default();
        let host = row.host.map(|host| fleet.topology.host(host).name.clone()).unwrap_or_default();
        format!("{} {} on {host} ({reason}) {found}", fleet.vms.name(vm), row.state.word())
    });
    let hosts = fleet.hosts.rows().map(|(host, row)| {
        let found = fleet.host_diagnoses.get(&host).map_or("", |found| &*found.text);
        format!("{} {} {found}", fleet.topology.host(host).name, row.state.word())
    });
    let operations = snapshot.operations.iter().map(|op| {
        let (waiting, why) = (&op.waiting_by, &op.failed_by);
        format!("{}: {} run, {} wait {waiting:?}, {} failed {why:?}", op.title, op.running, op.waiting, op.failed)
    });
    let events = snapshot.events.iter().rev().take(20).map(|event| format!("{}  {}", event.at, event.text));
    vms.chain(hosts).chain(operations).chain(events).collect::<Vec<_>>().join("\n")
}

/// The lab's class of small VMs on its network, with this at the end of its kernel's arguments.
pub fn guest(tiny: &VmClass, name: &str, more: &str, ready: Ready) -> VmClass {
    let mut class = tiny.clone();
    class.name = name.into();
    class.network = Some("hemera".into());
    class.ready = ready;
    if let Image::Kernel { cmdline, .. } = &mut class.image {
        *cmdline = format!("{cmdline} {more}");
    }
    class
}
