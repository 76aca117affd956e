//! The files that people write: what is right is read, what is wrong is told with its place and what would be right.

#[path = "files/fuzz.rs"]
mod fuzz;
#[path = "files/wrong.rs"]
mod wrong;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use hemera::fleet::{Bytes, FileCopy, GuestSsh, Image, MigrationOptions, Rate, Ready, Share, VM_OVERHEAD, Way};
use hemera::handle::{Evacuate, Limits, Moves, OperationSpec, Pattern, Placement, RunOn, Step, VmChange, Which};
use hemera::platform::sim::{LoadConfig, PerHour};
use hemera::workflow::Workflow;
use hemera::world::{DEFAULT_LOAD, Kind, World};

const WORLD: &str = r#"# Two sites.
name = "two-sites"
platform = "sim"

[[cluster]]
site = "rennes"
name = "paradoxe"
hosts = 64
cores = 52
memory = "384 GiB"
nic = "25 Gbit/s"
disk = "500 MB/s"

[[cluster]]
site = "nantes"
name = "ecotype"
hosts = 48
cores = 20
memory = "128 GiB"
nic = "10 Gbit/s"

[[link]]
between = ["rennes", "nantes"]
bandwidth = "10 Gbit/s"
latency = "4 ms"

[load]
mean = "35 %"
deviation = "20 %"
period = "300 s"

[boot]
cpu = "4 s"
read = "150 MB"

[migration]
max_downtime = "300 ms"
max_rounds = 0
efficiency = 1.0
setup = "0 s"

[faults]
boot_failure = "0.1 %"
host_crash = "1/1000h"
host_downtime = "5 min"
slow_host = "2 %"
"#;

const REAL: &str = r#"name = "lab"
platform = "libvirt"

[[cluster]]
site = "lab"
name = "h"
hosts = [
    { name = "h1", uri = "qemu+ssh://root@h1/system", peer = "qemu+tls://h1/system", migrate = "tcp://10.158.0.1" },
    { name = "h2", uri = "qemu+ssh://root@h2/system" },
    { name = "h3", uri = "qemu+tls://h3/system" },
    { name = "h4", uri = "qemu+tls://h4/system", ssh = "root@h4" },
]
ssh_config = "ssh/config"
"#;

const WORKFLOW: &str = r#"name = "crossed"
seed = 7

[vm.small]
vcpus = 1
memory = "1 GiB"
image = "none"

[limits]
boot_per_host = 4

[record]
samples = "5 s"
vms = "class:small"

[[step]]
boot = { class = "small", count = 256, name = "vm-{n}", placement = "round-robin", on = "site:rennes or site:nantes" }

[[step]]
stress = { select = "class:small", cpu = "60 %", dirty_rate = "12.5 MB/s", working_set = "80 %" }

[[step]]
wait = "10 s"

[[step]]
migrate = { select = "class:small", pattern = "circular", bandwidth = "1 Gbit/s", max_downtime = "30 ms" }

[[step]]
migrate = { moves = [{ vm = "vm-1", to = "paradoxe-3" }, { vm = "vm-256", to = "ecotype-3.nantes.grid5000.fr" }] }

[[step]]
migrate = { select = "all", to = "site:nantes" }

[[step]]
stop-stress = { select = "all" }

[[step]]
evacuate = { hosts = "ecotype-*", to = "site:rennes" }

[[step]]
destroy = { select = "all" }
"#;

fn sim(world: &World) -> &hemera::platform::sim::SimConfig {
    match &world.kind {
        Kind::Sim(config) => config,
        Kind::Libvirt(_) => panic!("{} is not simulated", world.name),
    }
}

#[test]
fn the_design_s_world_is_read_in_full() {
    let world = World::parse(WORLD, "w.toml").unwrap_or_else(|error| panic!("{error}"));
    let topology = &world.topology;
    assert_eq!((&*world.name, world.platform(), world.multiplied), ("two-sites", "sim", 1));
    assert_eq!((topology.sites.len(), topology.clusters.len(), topology.hosts.len()), (2, 2, 112));
    let host = topology.host(topology.host_named("paradoxe-64.rennes.grid5000.fr").unwrap());
    assert_eq!((host.cores, host.memory, host.nic, host.disk), (52, Bytes(384 << 30), Rate(3.125e9), Rate(500e6)));
    let link = &topology.links[0];
    assert_eq!((link.bandwidth, link.latency), (Rate(1.25e9), Duration::from_millis(4)));
    let config = sim(&world);
    let load = config.load.unwrap();
    assert_eq!(
        (load.mean, load.deviation, load.period, load.steps),
        (Share(0.35), Share(0.2), Duration::from_mins(5), 10)
    );
    assert_eq!((config.boot.cpu, config.boot.read), (Duration::from_secs(4), Bytes(150_000_000)));
    assert_eq!(config.migration, hemera::platform::sim::MigrationConfig::default());
    assert_eq!((config.faults.boot_failure, config.faults.host_crash), (Share(0.001), PerHour(0.001)));
    assert_eq!(config.faults.host_downtime, Some(Duration::from_mins(5)));
    assert_eq!(sim(&world.with_seed(9)).seed, 9);
}

#[test]
fn a_world_of_real_hosts_says_how_they_are_reached() {
    let world = World::parse(REAL, "labs/lab.toml").unwrap_or_else(|error| panic!("{error}"));
    let Kind::Libvirt(access) = &world.kind else { panic!("not libvirt") };
    assert_eq!(access.len(), 4);
    assert_eq!(world.topology.host(access[1].host).name.as_ref(), "h2");
    assert_eq!(access[0].peer.as_deref(), Some("qemu+tls://h1/system"));
    assert_eq!(access[0].migrate.as_deref(), Some("tcp://10.158.0.1"));
    assert_eq!((access[1].peer.as_ref(), world.topology.hosts[0].cores), (None, 0));
    // By what its `ssh` says, else as its URI does; with the file as seen from the world's.
    let destinations: Vec<_> = access.iter().map(|a| a.ssh.as_ref().map(|ssh| ssh.destination.as_str())).collect();
    assert_eq!(destinations, [Some("root@h1"), Some("root@h2"), None, Some("root@h4")]);
    let config = access[3].ssh.as_ref().and_then(|ssh| ssh.config.as_deref());
    assert_eq!(config, Some(Path::new("labs/ssh/config")));
    assert_eq!(world.fit(1_000_000, Bytes::GIB).multiplied, 1, "real hosts do not multiply");
}

#[test]
fn the_load_is_absent_where_the_file_has_none_until_a_console_asks() {
    let text = WORLD.replace("[load]\nmean = \"35 %\"\ndeviation = \"20 %\"\nperiod = \"300 s\"\n", "");
    let world = World::parse(&text, "w.toml").unwrap();
    assert_eq!(sim(&world).load, None);
    assert_eq!(sim(&world.with_default_load()).load, Some(DEFAULT_LOAD));
    let world = World::parse(&format!("{text}\n[load]\nperiod = \"10 s\"\n"), "w.toml").unwrap();
    let load = LoadConfig { period: Duration::from_secs(10), ..DEFAULT_LOAD };
    assert_eq!(sim(&world.with_default_load()).load, Some(load));
}

#[test]
fn hosts_multiply_by_the_smallest_factor_that_fits() {
    let world = World::parse(WORLD, "w.toml").unwrap();
    let memory = Bytes::mib(64);
    let room = u32::try_from(world.room(memory)).unwrap();
    let per_host = |memory: u64| memory * 1024 / (64 + VM_OVERHEAD.to_mib());
    assert_eq!(u64::from(room), 64 * per_host(384) + 48 * per_host(128));
    assert_eq!(world.fit(room, memory).topology.hosts.len(), 112);
    for (vms, factor) in [(room + 1, 2), (2 * room, 2), (2 * room + 1, 3), (1_000_000, 1_000_000_u32.div_ceil(room))] {
        let fitted = world.fit(vms, memory);
        assert_eq!((fitted.multiplied, fitted.topology.hosts.len()), (factor, 112 * factor as usize));
        assert!(fitted.room(memory) >= u64::from(vms));
        let last = fitted.topology.hosts.last().unwrap();
        assert_eq!(*last.name, format!("ecotype-{}", 48 * factor));
        assert_eq!((last.cores, fitted.topology.links.len()), (20, 1));
        let site = |name: &str| fitted.topology.site_named(name).unwrap();
        assert!(fitted.topology.link_between(site("nantes"), site("rennes")).is_some());
    }
    assert_eq!(world.fit(10, Bytes(1 << 43)).multiplied, 1, "nothing fits a VM larger than any host");
}

#[test]
fn the_design_s_workflow_is_read_in_full() {
    let workflow = Workflow::parse(WORKFLOW, "x.toml").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((&*workflow.name, workflow.seed), ("crossed", Some(7)));
    let class = &workflow.classes[0];
    assert_eq!((&*class.name, class.vcpus, class.memory, &class.image), ("small", 1, Bytes::GIB, &Image::None));
    assert_eq!(class.ready, Ready::Up);
    assert_eq!(workflow.limits, Limits { boot_per_host: 4, ..Limits::default() });
    assert_eq!(workflow.record.samples, Some(Duration::from_secs(5)));
    assert_eq!(workflow.record.vms.as_ref().unwrap().source(), "class:small");
    let operation = |i: usize| match &workflow.steps[i] {
        Step::Operation(operation) => operation,
        Step::Wait(time) => panic!("a wait of {time:?}"),
    };
    let OperationSpec::Boot(boot) = operation(0) else { panic!("no boot") };
    assert_eq!((boot.count, &*boot.name, &boot.placement), (256, "vm-{n}", &Placement::RoundRobin));
    assert_eq!(boot.on.source(), "site:rennes or site:nantes");
    let OperationSpec::Change { change: VmChange::Stress(load), .. } = operation(1) else { panic!("no stress") };
    assert_eq!((load.cpu, load.dirty_rate, load.working_set), (Share(0.6), Rate(12.5e6), Some(Share(0.8))));
    assert_eq!(workflow.steps[2], Step::Wait(Duration::from_secs(10)));
    let OperationSpec::Migrate(migrate) = operation(3) else { panic!("no migrate") };
    assert!(matches!(migrate.moves, Moves::Pattern { pattern: Pattern::Circular, .. }));
    let options = MigrationOptions {
        bandwidth: Some(Rate(125e6)),
        max_downtime: Some(Duration::from_millis(30)),
        ..MigrationOptions::default()
    };
    assert_eq!(migrate.options, options);
    let OperationSpec::Migrate(migrate) = operation(4) else { panic!("no migrate") };
    let Moves::Explicit(moves) = &migrate.moves else { panic!("no moves") };
    assert_eq!((&*moves[0].0, &*moves[0].1), ("vm-1", "paradoxe-3"));
    assert!(matches!(operation(6), OperationSpec::Change { change: VmChange::StopStress, .. }));
    assert!(matches!(operation(7), OperationSpec::Evacuate(Evacuate { to: Some(_), .. })));
    workflow.check(&World::parse(WORLD, "w.toml").unwrap()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn commands_and_scripts_are_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prepare.sh"), "#!/bin/sh\necho $1\n").unwrap();
    let text = "name = \"x\"\n[limits]\nrun_total = 3\n\
        [[step]]\nrun = { select = \"name:vm-*\", command = \"uname -a\", timeout = \"30 s\" }\n\
        [[step]]\nrun = { hosts = \"site:rennes\", script = \"prepare.sh\", args = [\"one\", \"two words\"] }\n";
    let file = folder.path().join("x.toml");
    std::fs::write(&file, text).unwrap();
    let workflow = Workflow::load(&file).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(workflow.limits, Limits { run_total: 3, ..Limits::default() });
    let [Step::Operation(first), Step::Operation(second)] = workflow.steps.as_slice() else { panic!("no steps") };
    let OperationSpec::Run { on: RunOn::Vms(Which::Selected(select)), script } = first else { panic!("{first:?}") };
    assert_eq!((select.source(), &*script.title, &*script.text), ("name:vm-*", "uname -a", "uname -a"));
    assert_eq!(script.timeout, Duration::from_secs(30));
    let OperationSpec::Run { on: RunOn::Hosts(hosts), script } = second else { panic!("{second:?}") };
    assert_eq!((hosts.source(), &*script.title, &*script.text), ("site:rennes", "prepare.sh", "#!/bin/sh\necho $1\n"));
    assert_eq!((script.timeout, &*script.arguments[1]), (Duration::from_secs(60), "two words"));
    workflow.check(&World::parse(WORLD, "w.toml").unwrap()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn copies_are_read_with_what_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("tool.sh"), "abc").unwrap();
    std::fs::set_permissions(path("tool.sh"), std::fs::Permissions::from_mode(0o751)).unwrap();
    let steps = [
        "copy-in = { select = \"name:vm-*\", from = \"tool.sh\", to = \"/root/tool\", timeout = \"30 s\" }",
        "copy-in = { hosts = \"all\", from = \"tool.sh\", to = \"/root/tool\", mode = \"600\" }",
        "copy-out = { select = \"all\", from = \"/var/log/..data\" }",
    ];
    let text = |steps: &[&str]| format!("name = \"x\"\n[[step]]\n{}\n", steps.join("\n[[step]]\n"));
    std::fs::write(path("x.toml"), text(&steps)).unwrap();
    let workflow = Workflow::load(&path("x.toml")).unwrap_or_else(|error| panic!("{error}"));
    workflow.check(&World::parse(WORLD, "w.toml").unwrap()).unwrap_or_else(|error| panic!("{error}"));
    let copy = |step: &Step| match step {
        Step::Operation(OperationSpec::Copy { copy, on }) => (copy.clone(), matches!(on, RunOn::Hosts(_))),
        step => panic!("{step:?}"),
    };
    let steps = workflow.into_steps(Path::new("/results/copied"));
    let way = |mode| Way::In {
        file: path("tool.sh"),
        name: "tool.sh".into(),
        size: Bytes(3),
        sum: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
        to: "/root/tool".into(),
        mode,
    };
    assert_eq!(copy(&steps[0]), (FileCopy { way: way(0o751), timeout: Duration::from_secs(30) }.into(), false));
    assert_eq!(copy(&steps[1]), (FileCopy { way: way(0o600), timeout: FileCopy::TIMEOUT }.into(), true));
    let out = Way::Out { from: "/var/log/..data".into(), to: "/results/copied/2".into() };
    assert_eq!(copy(&steps[2]).0.way, out);
    // What is too much for guests is not for hosts. A file of holes is as large as any.
    std::fs::File::create(path("large")).unwrap().set_len(FileCopy::GUEST_MAX.0 + 1).unwrap();
    let told = |on: &str| {
        let step = format!("copy-in = {{ {on} = \"all\", from = \"large\", to = \"/root/x\" }}");
        std::fs::write(path("x.toml"), text(&[&step])).unwrap();
        Workflow::load(&path("x.toml")).map(drop).map_err(|error| error.message)
    };
    assert_eq!(told("hosts"), Ok(()));
    let expected = "from `large`: found more than 64 MiB, the most that goes into guests (hosts take any)";
    assert_eq!(told("select"), Err(expected.into()));
}

#[test]
fn other_ways_to_say_things() {
    let parse = |from: &str, to: &str| {
        assert!(WORKFLOW.contains(from), "{from}");
        Workflow::parse(&WORKFLOW.replace(from, to), "x.toml").unwrap_or_else(|error| panic!("{to}: {error}"))
    };
    assert_eq!(parse("samples = \"5 s\"", "samples = \"0 s\"").record.samples, None);
    assert_eq!(parse("samples = \"5 s\"", "").record.samples, Some(Duration::from_secs(10)));
    let kernel = parse("image = \"none\"", "kernel = \"/k\"\ncmdline = \"console=ttyS0\"\nready = \"reachable\"");
    let direct = Image::Kernel { kernel: "/k".into(), initrd: None, cmdline: "console=ttyS0".into() };
    assert_eq!((&kernel.classes[0].image, kernel.classes[0].ready), (&direct, Ready::Reachable));
    let class = |more: &str| parse("image = \"none\"", &format!("image = \"none\"\n{more}")).classes[0].ssh.clone();
    let ssh = |config| Some(GuestSsh { user: "root".into(), config });
    assert_eq!((class(""), class("network = \"n\"\nssh = \"root\"")), (None, ssh(None)));
    let config = std::path::absolute("keys/ssh_config").unwrap();
    assert_eq!(class("network = \"n\"\nssh = \"root\"\nssh_config = \"keys/ssh_config\""), ssh(Some(config)));
    let agent = |more: &str| parse("image = \"none\"", &format!("image = \"none\"\n{more}")).classes[0].agent;
    assert_eq!([agent(""), agent("agent = true"), agent("agent = false")], [true, true, false]);
    let by_ssh = "agent = false\nready = \"reachable\"\nnetwork = \"n\"\nssh = \"root\"";
    assert!(!agent(by_ssh));
    let told = parse("image = \"none\"", "image = \"d\"\npatience = \"10 min\"\nssh_key = \"ssh-ed25519 AAAA me\\n\"");
    assert_eq!(told.classes[0].patience, Some(Duration::from_mins(10)));
    assert_eq!(told.classes[0].ssh_key.as_deref(), Some("ssh-ed25519 AAAA me"));
    assert_eq!((kernel.classes[0].patience, &kernel.classes[0].ssh_key), (None, &None));
    for (text, placement) in [
        ("\"packed\"", Placement::Packed),
        ("\"random\"", Placement::Random),
        ("\"balanced\"", Placement::Balanced),
        (
            "{ fixed = [\"paradoxe-1\", \"ecotype-2\"] }",
            Placement::Fixed(vec!["paradoxe-1".into(), "ecotype-2".into()]),
        ),
    ] {
        let workflow = parse("\"round-robin\"", text);
        let Step::Operation(OperationSpec::Boot(boot)) = &workflow.steps[0] else { panic!("no boot") };
        assert_eq!(boot.placement, placement);
    }
    let table = parse("stop-stress = { select = \"all\" }", "[step.stop-stress]\nselect = \"all\"");
    assert_eq!(table.steps.len(), 9);
}

#[test]
fn every_built_in_world_is_read() {
    for name in World::built_in() {
        let world = World::load(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(&*world.name, name);
        assert!(sim(&world).load.is_some(), "{name} has something to show");
        for (i, a) in world.topology.sites.iter().enumerate() {
            for b in &world.topology.sites[..i] {
                let site = |name: &str| world.topology.site_named(name).unwrap();
                assert!(
                    world.topology.link_between(site(&a.name), site(&b.name)).is_some(),
                    "{name}: {} {}",
                    a.name,
                    b.name
                );
            }
        }
    }
}

#[test]
fn every_workflow_shipped_runs_in_its_world() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(folder.join("workflows")).unwrap() {
        let workflow = Workflow::load(&entry.unwrap().path()).unwrap_or_else(|error| panic!("{error}"));
        let names: Vec<_> =
            World::built_in().filter(|name| workflow.check(&World::load(name).unwrap()).is_ok()).collect();
        assert!(names.contains(&"grid5000-2012") || names.contains(&"small"), "{} runs in {names:?}", workflow.name);
        count += 1;
    }
    assert!(count >= 4);
}

#[test]
fn the_world_of_2012_has_room_for_the_run_of_10_240() {
    let world = World::load("grid5000-2012").unwrap();
    let workflow = Workflow::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows/boot-10240.toml")).unwrap();
    workflow.check(&world).unwrap_or_else(|error| panic!("{error}"));
    let booted: Vec<_> = workflow
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Operation(OperationSpec::Boot(boot)) => Some((boot.count, boot.class.memory)),
            _ => None,
        })
        .collect();
    let [(10_240, memory)] = booted[..] else { panic!("{booted:?}") };
    assert_eq!(world.topology.sites.len(), 4);
    assert!(world.topology.hosts.len() >= 512);
    assert!(world.room(memory) >= 10_240 && world.room(Bytes::GIB) >= 10_240);
}
