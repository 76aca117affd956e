//! What the simulator's causes look like to the doctor: each is found by what is seen, and cured where a remedy exists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hemera::engine::{Config, Engine, Output};
use hemera::fleet::{
    Bytes, Finding, HostId, Image, MigrationOptions, NewHost, Rate, Ready, Remedy, Selection, Share, Time, Topology,
    VmClass, VmId, VmState,
};
use hemera::handle::{Boot, Command, Migrate, Moves, OperationSpec, Pattern, Placement, VmChange, Which};
use hemera::platform::sim::{Ailment, Ailments, FaultConfig, PerHour, SimConfig, SimPlatform};
use hemera::platform::{Platform, Virtual};

/// An engine and a simulator in virtual time.
struct Bench {
    engine: Engine,
    sim: SimPlatform,
    now: Time,
}

fn topology() -> Arc<Topology> {
    let mut topology = Topology::new("t");
    let site = topology.site("rennes");
    let host = |n| NewHost {
        name: format!("h{n}"),
        cores: 8,
        memory: Bytes::mib(64 * 1024),
        nic: Rate(125e6),
        disk: Rate(5e8),
    };
    topology.add_cluster(site, "h", (1..=4).map(host));
    Arc::new(topology)
}

impl Bench {
    fn new(faults: FaultConfig) -> Self {
        let topology = topology();
        let sim = SimPlatform::new(topology.clone(), SimConfig { seed: 3, faults, ..SimConfig::default() });
        let mut bench = Self { engine: Engine::new(topology, Config::default()), sim, now: Time::ZERO };
        bench.run(0.1);
        bench
    }

    /// Every boot falls ill with it.
    fn with(ailment: Ailment, share: f64) -> Self {
        let ailments = Ailments::default().with(ailment, Share(share));
        Self::new(FaultConfig { ailments, ..FaultConfig::default() })
    }

    /// Lets so many seconds pass.
    fn run(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        loop {
            let mut batches = Vec::new();
            self.sim.collect(&mut batches);
            let idle = batches.is_empty();
            for batch in batches {
                self.engine.observe(self.now, batch);
            }
            let mut asked = false;
            while let Some(output) = self.engine.poll() {
                if let Output::Request(request) = output {
                    self.sim.submit(request);
                    asked = true;
                }
            }
            if !idle || asked {
                continue;
            }
            let next = self.sim.next_at().into_iter().chain(self.engine.next_deadline()).min();
            let Some(next) = next.filter(|&at| at <= end) else { break };
            self.now = self.now.max(next);
            self.sim.advance(self.now);
            self.engine.tick(self.now);
        }
        self.now = end;
        self.sim.advance(end);
        self.engine.tick(end);
    }

    fn boot(&mut self, count: u32, ready: Ready) {
        let class = Arc::new(VmClass {
            name: "small".into(),
            vcpus: 1,
            memory: Bytes::mib(512),
            image: Image::None,
            network: None,
            cpu: None,
            ready,
            agent: true,
            ssh: None,
            patience: None,
            ssh_key: None,
        });
        let on = Selection::hosts("all").expect("a selection");
        let boot = Boot { class, count, name: "vm-{n}".into(), placement: Placement::RoundRobin, on };
        self.ask(Command::Start(OperationSpec::Boot(boot)));
    }

    fn ask(&mut self, command: Command) {
        self.engine.command(self.now, command).expect("an accepted command");
    }

    fn change(&mut self, change: VmChange) {
        let which = Which::Selected(Selection::vms("all").expect("a selection"));
        self.ask(Command::Start(OperationSpec::Change { which, change }));
    }

    /// How many VMs have each finding.
    fn found(&self) -> BTreeMap<Finding, usize> {
        let mut found = BTreeMap::new();
        for (_, finding) in self.engine.fleet().vms.found() {
            *found.entry(finding).or_default() += 1;
        }
        found
    }

    fn only(&self, finding: Finding) -> usize {
        let found = self.found();
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [finding], "{found:?}");
        for (vm, _) in self.engine.fleet().vms.found() {
            let told = self.engine.fleet().diagnosis(vm).expect("what is found is told");
            assert_eq!(told.finding, finding);
            assert!(!told.text.is_empty() && !told.evidence.is_empty() && !told.remedies.is_empty(), "{told:?}");
        }
        found[&finding]
    }
}

#[test]
fn guests_that_stop_in_their_boot_are_found_by_what_their_consoles_say() {
    for (ailment, finding) in [
        (Ailment::KernelPanic, Finding::Panic),
        (Ailment::EmergencyShell, Finding::Emergency),
        (Ailment::NoOutput, Finding::NoOutput),
    ] {
        let mut bench = Bench::with(ailment, 1.0);
        bench.boot(4, Ready::Up);
        bench.run(40.0);
        assert_eq!(bench.only(finding), 4, "{ailment:?}");
        // The task says why it got nowhere, and a VM that goes takes its finding along.
        bench.run(200.0);
        assert_eq!(bench.found(), BTreeMap::new(), "{ailment:?}");
        let failed = &bench.engine.fleet().vm_reasons;
        let why = failed.values().next().expect("a reason");
        assert!(why.starts_with("no progress for 120 s: "), "{why}");
    }
}

#[test]
fn guests_that_are_up_and_not_well_are_found_and_cured() {
    let cure = |bench: &mut Bench, change| {
        bench.change(change);
        bench.run(60.0);
        assert_eq!(bench.found(), BTreeMap::new());
        assert!(bench.engine.fleet().vm_diagnoses.is_empty());
    };
    for (ailment, finding, change) in [
        (Ailment::NoDhcp, Finding::NoDhcp, VmChange::Reboot),
        (Ailment::AgentSilent, Finding::AgentSilent, VmChange::Reboot),
        (Ailment::ClockBehind, Finding::ClockStuck, VmChange::Reboot),
        (Ailment::CardDown, Finding::NoNetwork, VmChange::Reboot),
        (Ailment::QemuStopped, Finding::QemuStopped, VmChange::Destroy),
        (Ailment::PausedOutside, Finding::PausedOutside, VmChange::Resume),
        (Ailment::DiskError, Finding::IoError, VmChange::Resume),
        (Ailment::AddressTwice, Finding::AddressTwice, VmChange::Destroy),
    ] {
        let mut bench = Bench::with(ailment, 1.0);
        bench.boot(4, Ready::Reachable);
        bench.run(60.0);
        assert_eq!(bench.only(finding), 4, "{ailment:?}");
        cure(&mut bench, change);
    }
    let mut bench = Bench::with(Ailment::DiskFull, 1.0);
    bench.boot(8, Ready::Up);
    bench.run(60.0);
    assert_eq!(bench.only(Finding::DiskFull), 8);
    assert_eq!(bench.engine.fleet().host_diagnoses.len(), 4, "each host's disk is full");
    cure(&mut bench, VmChange::Resume);
    assert!(bench.engine.fleet().host_diagnoses.is_empty(), "somebody made room");
}

#[test]
fn what_went_away_is_booted_again_under_its_name() {
    let mut bench = Bench::with(Ailment::QemuKilled, 0.5);
    bench.boot(20, Ready::Up);
    bench.run(60.0);
    let gone = bench.only(Finding::QemuGone);
    assert!((3..18).contains(&gone), "{gone}");
    // Half of those that are booted again are killed again.
    for _ in 0..20 {
        let fleet = bench.engine.fleet();
        let gone: Arc<[VmId]> = fleet.vms.found().map(|(vm, _)| vm).collect();
        if gone.is_empty() {
            break;
        }
        assert!(fleet.diagnosis(gone[0]).expect("found").remedies.contains(&Remedy::BootAgain));
        bench.ask(Command::BootAgain(gone));
        bench.run(60.0);
    }
    let fleet = bench.engine.fleet();
    assert_eq!((fleet.vms.len(), fleet.vms.count(VmState::Up)), (20, 20));
    let names: BTreeSet<&str> = fleet.vms.ids().map(|vm| fleet.vms.name(vm)).collect();
    assert_eq!(names.len(), 20);
}

#[test]
fn what_a_move_leaves_on_its_source_is_found_and_removed() {
    let mut bench = Bench::with(Ailment::LeftOnSource, 1.0);
    bench.boot(4, Ready::Up);
    bench.run(60.0);
    assert_eq!(bench.found(), BTreeMap::new());
    let which = Which::Selected(Selection::vms("all").expect("a selection"));
    let moves = Moves::Pattern { which, pattern: Pattern::Circular };
    bench.ask(Command::Start(OperationSpec::Migrate(Migrate {
        moves,
        options: MigrationOptions::default(),
        rescue: None,
    })));
    bench.run(60.0);
    assert_eq!(bench.only(Finding::LeftOnSource), 4);
    let told = bench.engine.fleet().diagnosis(VmId(0)).expect("found").text.clone();
    assert_eq!(&*told, "its move is done and left it on its source: up on h2, paused on h1");
    bench.change(VmChange::RemoveCopy);
    bench.run(5.0);
    assert_eq!(bench.found(), BTreeMap::new());
    assert_eq!(bench.engine.fleet().vms.count(VmState::Up), 4);
}

#[test]
fn a_libvirtd_that_hangs_is_told_from_a_host_that_is_gone() {
    let (hang, crash) = (PerHour(60.0), PerHour::default());
    for (libvirtd_hang, host_crash, finding) in
        [(hang, crash, Finding::LibvirtdHung), (crash, hang, Finding::HostSilent)]
    {
        let faults = FaultConfig {
            libvirtd_hang,
            host_crash,
            host_downtime: Some(Duration::from_secs(300)),
            ..FaultConfig::default()
        };
        let mut bench = Bench::new(faults);
        bench.boot(8, Ready::Up);
        while bench.engine.fleet().host_diagnoses.is_empty() {
            bench.run(1.0);
            assert!(bench.now < Time::from_secs_f64(3600.0), "no fault in an hour");
        }
        let fleet = bench.engine.fleet();
        let (&host, found) = fleet.host_diagnoses.first_key_value().expect("a finding");
        assert_eq!(found.finding, finding);
        let lost = fleet.vms.rows().filter(|(_, row)| row.host == Some(host) && row.state == VmState::Lost);
        let lost: Vec<Finding> = lost.map(|(_, row)| row.finding).collect();
        assert!(lost.iter().all(|found| *found == finding), "{lost:?}");
        let selected = Selection::vms(&format!("finding:{}", finding.word())).expect("a selection").select_vms(fleet);
        assert_eq!(selected.len(), lost.len());
        let _: HostId = host;
    }
}
