//! The libvirt platform against libvirt's own test driver, which needs no daemon and no root: everything but moves.
#![cfg(feature = "libvirt")]

#[path = "support/bench.rs"]
mod bench;

use std::sync::Arc;

use bench::Bench;
use hemera::fleet::{Bytes, HostId, Image, MigrationOptions, NewHost, Rate, Ready, Topology, VmClass, VmState};
use hemera::platform::{Change, End, HostAccess, Platform, Request};

/// Hosts of these names at these URIs.
fn world(hosts: &[(&str, &str)]) -> (Arc<Topology>, Vec<HostAccess>) {
    let mut topology = Topology::new("test");
    let site = topology.site("here");
    let new = |(name, _): &(&str, &str)| NewHost {
        name: (*name).into(),
        cores: 0,
        memory: Bytes(0),
        nic: Rate(1e9),
        disk: Rate(1e9),
    };
    topology.add_cluster(site, "t", hosts.iter().map(new));
    let access = hosts.iter().enumerate().map(|(i, (_, uri))| HostAccess {
        ssh: None,
        host: HostId(i as u32),
        uri: (*uri).into(),
        peer: None,
        migrate: None,
        subnet: None,
    });
    (Arc::new(topology), access.collect())
}

/// The driver's default node. All tests of the process share it, so each has VM names of its own.
fn default_node() -> Bench {
    let mut bench = Bench::new(world(&[("t1", "test:///default")]));
    bench.answers(1);
    bench
}

fn class(image: Image) -> Arc<VmClass> {
    Arc::new(VmClass {
        name: "small".into(),
        vcpus: 2,
        memory: Bytes::mib(128),
        image,
        network: None,
        cpu: None,
        ready: Ready::Up,
        agent: true,
        ssh: None,
        patience: None,
        ssh_key: None,
    })
}

fn kernel() -> Image {
    Image::Kernel { kernel: "/boot/vmlinuz".into(), initrd: None, cmdline: "quiet".into() }
}

#[test]
fn a_host_tells_its_size_and_the_domains_that_others_made() {
    let mut bench = default_node();
    // libvirt's documentation of the driver: a node of 16 CPUs and 3 GiB on which a domain `test` runs.
    let (cores, memory) = bench.seen.host(0).size.unwrap();
    assert_eq!((cores, memory >> 20), (16, 3072));
    bench.wait("the driver's own domain", |s| s.state(0, "test") == Some(VmState::Up));
    let found = &bench.seen.host(0).vms["test"];
    assert!(!found.managed && found.class.is_none(), "it is not ours: {found:?}");
}

#[test]
fn a_vm_lives_from_boot_to_destroy() {
    let mut bench = default_node();
    let task = bench.boot(0, "life", &class(kernel()));
    bench.done(&[task]);
    bench.wait("it is up", |s| s.state(0, "life") == Some(VmState::Up));
    let seen = &bench.seen.host(0).vms["life"];
    assert!(seen.managed && seen.class.as_deref() == Some("small"), "{seen:?}");
    assert_eq!((seen.vcpus, seen.memory), (2, Bytes::mib(128)));
    for (change, state) in [(Change::Pause, VmState::Paused), (Change::Resume, VmState::Up)] {
        let task = bench.change(0, "life", change);
        bench.done(&[task]);
        bench.wait("its state follows", |s| s.state(0, "life") == Some(state));
    }
    let task = bench.change(0, "life", Change::Destroy);
    bench.done(&[task]);
    let other = bench.boot(0, "later", &class(kernel()));
    bench.done(&[other]);
    bench.wait("a round after the end", |s| s.state(0, "later") == Some(VmState::Up));
    // Other tests have their VMs on the same node.
    let gone = &bench.seen.host(0).gone;
    assert!(!gone.iter().any(|(name, _)| &**name == "life"), "a task of ours took it away: {gone:?}");
    let mut after = default_node();
    after.wait("the first list", |s| s.state(0, "later").is_some());
    assert_eq!(after.seen.state(0, "life"), None);
    let task = bench.change(0, "later", Change::Destroy);
    bench.done(&[task]);
}

#[test]
fn what_others_do_to_a_vm_is_seen_with_its_reason() {
    let mut bench = default_node();
    let task = bench.boot(0, "outside", &class(kernel()));
    bench.done(&[task]);
    bench.wait("it is up", |s| s.state(0, "outside") == Some(VmState::Up));
    let connect = virt::connect::Connect::open(Some("test:///default")).unwrap();
    let domain = connect.lookup_domain_by_name("outside").unwrap();
    domain.suspend().unwrap();
    bench.wait("it is paused", |s| s.state(0, "outside") == Some(VmState::Paused));
    domain.destroy().unwrap();
    let why = bench.until("it is gone", |s| {
        s.host(0).gone.iter().find(|(name, _)| &**name == "outside").map(|(_, why)| why.clone())
    });
    assert_eq!(why, "somebody destroyed it");
}

#[test]
fn a_thousand_domains_are_booted_seen_and_removed() {
    let mut bench = default_node();
    let class = class(kernel());
    let names: Vec<String> = (1..=1000).map(|n| format!("many-{n}")).collect();
    let boots: Vec<_> = names.iter().map(|name| bench.boot(0, name, &class)).collect();
    bench.done(&boots);
    bench.wait("all are up", |s| names.iter().all(|n| s.state(0, n) == Some(VmState::Up)));
    let ends: Vec<_> = names.iter().map(|name| bench.change(0, name, Change::Destroy)).collect();
    bench.done(&ends);
    let mut after = default_node();
    after.wait("the first list", |s| s.state(0, "test").is_some());
    assert!(!after.seen.host(0).vms.keys().any(|n| n.starts_with("many-")));
}

#[test]
fn what_cannot_be_done_fails_with_a_reason_that_names_it() {
    let mut bench = default_node();
    let task = bench.boot(0, "test", &class(kernel()));
    let why = bench.failure(task);
    assert!(why.starts_with("t1: starting test: ") && why.contains("already exists"), "{why}");
    bench.wait("the other's domain of that name runs on", |s| s.state(0, "test") == Some(VmState::Up));

    let task = bench.boot(0, "none", &class(Image::None));
    assert!(bench.failure(task).contains("only the simulator boots nothing"));
    let task = bench.change(0, "test", Change::Load(None));
    let why = bench.failure(task);
    assert!(why.starts_with("t1: asking the guest agent of test: ") || why.contains("not supported"), "{why}");
    let task = bench.change(0, "absent", Change::Pause);
    let why = bench.failure(task);
    assert!(why.starts_with("t1: pausing absent: "), "{why}");
    let task = bench.change(0, "absent", Change::Destroy);
    bench.done(&[task]);
    let task = bench.migrate("test", 0, 7, MigrationOptions::default());
    assert!(bench.failure(task).contains("does not say how it is reached"));
}

#[test]
fn a_host_that_is_not_there_is_unreachable_and_disturbs_no_other() {
    let dead = "qemu+unix:///system?socket=/nonexistent/libvirt-sock";
    let mut bench = Bench::new(world(&[("t1", "test:///default"), ("t2", dead)]));
    bench.wait("it is unreachable", |s| s.hosts.get(&HostId(1)).is_some_and(|h| h.unreachable.is_some()));
    let why = bench.seen.host(1).unreachable.clone().unwrap();
    assert!(why.starts_with("t2: no connection to qemu+unix:"), "{why}");
    let task = bench.boot(1, "lost", &class(kernel()));
    let reason = bench.failure(task);
    assert!(reason.starts_with("t2 is unreachable: "), "{reason}");
    let task = bench.migrate("test", 0, 1, MigrationOptions::default());
    assert!(bench.failure(task).starts_with("t2 is unreachable: "));
    bench.answers(1);
    let task = bench.boot(0, "fine", &class(kernel()));
    bench.done(&[task]);
    let task = bench.change(0, "fine", Change::Destroy);
    bench.done(&[task]);
}

#[test]
fn a_boot_that_waits_for_its_guest_is_given_up_or_ends_with_its_vm() {
    let mut bench = default_node();
    let mut patient = VmClass::clone(&class(kernel()));
    patient.ready = Ready::Reachable;
    let patient = Arc::new(patient);
    let connect = virt::connect::Connect::open(Some("test:///default")).unwrap();
    let there = |name: &str| connect.lookup_domain_by_name(name).is_ok();
    // More than there are workers: none of them waits with a guest, so that the next boot is not held up.
    let waiting: Vec<_> =
        (0..20).map(|n| (format!("patient-{n}"), bench.boot(0, &format!("patient-{n}"), &patient))).collect();
    let task = bench.boot(0, "prompt", &class(kernel()));
    bench.done(&[task]);
    for (name, _) in &waiting {
        bench.wait("it was started", |_| there(name));
    }
    // Nobody answers in this driver's guests.
    for (_, task) in &waiting[1..] {
        bench.platform.submit(Request::Cancel { task: *task });
    }
    for (name, task) in &waiting[1..] {
        assert_eq!(bench.end(*task).0, End::Cancelled, "{name}");
        assert!(!there(name), "{name} was left behind");
    }
    connect.lookup_domain_by_name("patient-0").unwrap().destroy().unwrap();
    let why = bench.failure(waiting[0].1);
    assert!(why.starts_with("patient-0 ended before its guest answered"), "{why}");
    let task = bench.change(0, "prompt", Change::Destroy);
    bench.done(&[task]);
}

#[test]
fn every_cancelled_boot_ends_once_and_leaves_a_domain_only_where_it_is_done() {
    let mut bench = default_node();
    let class = class(kernel());
    let boots: Vec<_> = (0..200).map(|n| (format!("cut-{n}"), bench.boot(0, &format!("cut-{n}"), &class))).collect();
    for (_, task) in &boots {
        bench.platform.submit(Request::Cancel { task: *task });
        bench.platform.submit(Request::Probe { task: *task });
    }
    let connect = virt::connect::Connect::open(Some("test:///default")).unwrap();
    for (name, task) in &boots {
        let there = match bench.end(*task).0 {
            End::Done => true,
            End::Cancelled => false,
            End::Failed(why) => panic!("{name}: {why}"),
        };
        assert_eq!(connect.lookup_domain_by_name(name).is_ok(), there, "{name}");
    }
    for (name, _) in boots {
        let task = bench.change(0, &name, Change::Destroy);
        bench.done(&[task]);
    }
}
