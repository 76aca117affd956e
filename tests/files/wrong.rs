//! Files with one thing wrong each, and what is said of them.

use std::fmt::Write as _;

use hemera::workflow::Workflow;
use hemera::world::World;

use super::{REAL, WORKFLOW, WORLD};

/// Replaces one piece of a right file by something wrong and collects what is said.
fn told(base: &str, cases: &[(&str, &str)], read: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    for (from, to) in cases {
        assert_eq!(base.matches(from).count(), 1, "{from:?} stands once");
        let text = base.replace(from, to);
        let message = read(&text).unwrap_or_else(|| panic!("{to:?} in place of {from:?} is taken for right"));
        writeln!(out, "{}\n    {message}", to.replace('\n', "⏎")).expect("a string takes all");
    }
    out
}

#[test]
fn wrong_worlds_are_told() {
    let cases = [
        ("name = \"two-sites\"\n", ""),
        ("name = \"two-sites\"\n", "name = 5\n"),
        ("name = \"two-sites\"\n", "name = \" \"\n"),
        ("platform = \"sim\"", "platform = \"simm\""),
        ("platform = \"sim\"", "platfrom = \"sim\""),
        ("platform = \"sim\"", "platform = \"libvirt\""),
        ("platform = \"sim\"", "platform = sim"),
        ("[load]", "[laod]"),
        ("[load]", "[power]\non = [\"true\", \"{host}\"]\n[load]"),
        ("[load]", "[load"),
        ("site = \"nantes\"\n", ""),
        ("site = \"nantes\"\n", "site = \"\"\n"),
        ("name = \"ecotype\"", "name = \"paradoxe\""),
        ("name = \"ecotype\"", "name = \"eco.type\""),
        ("hosts = 64", "hosts = 0"),
        ("hosts = 64", "hosts = -1"),
        ("hosts = 64", "hosts = 2000000"),
        ("hosts = 64", "hosts = 99999999999999999999"),
        ("hosts = 64", "hosts = \"64\""),
        ("hosts = 64", "hosts = 6.4"),
        ("hosts = 64", "hosts = [{ name = \"h1\", uri = \"qemu:///system\" }]"),
        ("hosts = 64", "host = 64"),
        ("cores = 52", "coress = 52"),
        ("cores = 52", "cores = 0"),
        ("cores = 52", "cores = -3"),
        ("cores = 52", "cores = 5000"),
        ("cores = 52\n", ""),
        ("cores = 52", "cores = 52\ncores = 53"),
        ("memory = \"384 GiB\"", "memory = 384"),
        ("memory = \"384 GiB\"", "memory = \"384\""),
        ("memory = \"384 GiB\"", "memory = \"384 Gib\""),
        ("memory = \"384 GiB\"", "memory = \"0 B\""),
        ("memory = \"384 GiB\"", "memory = \"1e30 B\""),
        ("memory = \"384 GiB\"", "memory = \"NaN GiB\""),
        ("nic = \"25 Gbit/s\"", "nic = \"25 Gbit\""),
        ("nic = \"25 Gbit/s\"", "nic = \"0 B/s\""),
        ("nic = \"25 Gbit/s\"", "nic = nan"),
        ("between = [\"rennes\", \"nantes\"]", "between = [\"rennes\", \"nante\"]"),
        ("between = [\"rennes\", \"nantes\"]", "between = [\"rennes\", \"rennes\"]"),
        ("between = [\"rennes\", \"nantes\"]", "between = [\"rennes\"]"),
        ("between = [\"rennes\", \"nantes\"]", "between = \"rennes\""),
        ("latency = \"4 ms\"", "latency = \"4\""),
        ("latency = \"4 ms\"", "latency = \"1 h\""),
        ("latency = \"4 ms\"", "latncy = \"4 ms\""),
        ("mean = \"35 %\"", "mean = 0.35"),
        ("mean = \"35 %\"", "mean = \"135 %\""),
        ("period = \"300 s\"", "period = \"0 s\""),
        ("period = \"300 s\"", "period = \"300 s\"\nsteps = 0"),
        ("cpu = \"4 s\"", "cpu = \"4 cores\""),
        ("efficiency = 1.0", "efficiency = 1.5"),
        ("efficiency = 1.0", "efficiency = nan"),
        ("efficiency = 1.0", "efficiency = \"100 %\""),
        ("max_rounds = 0", "max_rounds = -1"),
        ("max_downtime = \"300 ms\"", "max_downtime = \"0 s\""),
        ("boot_failure = \"0.1 %\"", "boot_failure = \"200 %\""),
        ("host_crash = \"1/1000h\"", "host_crash = \"often\""),
        ("host_crash = \"1/1000h\"", "host_crash = \"1/0h\""),
        ("host_crash = \"1/1000h\"", "host_crash = 1"),
        ("host_crash = \"1/1000h\"", "hosts_crash = \"1/1000h\""),
        ("slow_host = \"2 %\"", "slow_host = \"2 %\"\nslow_factor = \"0 %\""),
    ];
    insta::assert_snapshot!(told(WORLD, &cases, |text| World::parse(text, "w.toml").err().map(|e| e.to_string())));
}

#[test]
fn wrong_worlds_of_real_hosts_are_told() {
    let cases = [
        ("{ name = \"h2\", uri = \"qemu+ssh://root@h2/system\" },", "{ name = \"h2\" },"),
        ("{ name = \"h2\", uri = \"qemu+ssh://root@h2/system\" },", "{ name = \"h1\", uri = \"qemu:///system\" },"),
        ("{ name = \"h2\", uri = \"qemu+ssh://root@h2/system\" },", "{ name = \"h2\", url = \"qemu:///system\" },"),
        ("{ name = \"h2\", uri = \"qemu+ssh://root@h2/system\" },", "\"h2\","),
        ("qemu+ssh://root@h2/system", "h2"),
        ("tcp://10.158.0.1", "10.158.0.1"),
        ("platform = \"libvirt\"\n", "platform = \"libvirt\"\n\n[faults]\nboot_failure = \"1 %\"\n"),
        ("hosts = [", "cores = 0\nhosts = ["),
        ("hosts = [\n", "hosts = []\nother = [\n"),
        ("hosts = [\n", "subnet = \"10.144.0.1/22\"\nhosts = [\n"),
        ("ssh = \"root@h4\"", "ssh = \"-oProxyCommand=reboot\""),
        ("ssh = \"root@h4\"", "shh = \"root@h4\""),
        ("ssh_config = \"ssh/config\"", "ssh_config = \"\""),
        ("ssh_config = \"ssh/config\"", "[images]\nstrategy = \"nfs\""),
        ("ssh_config = \"ssh/config\"", "[images]\nspread = \"chian\""),
        ("ssh_config = \"ssh/config\"", "[images]\ndirectory = \"x\""),
        ("ssh_config = \"ssh/config\"", "[images]\ndirectories = [\"\"]"),
        ("ssh_config = \"ssh/config\"", "[power]\nof = [\"kapower3\", \"--off\", \"-m\", \"{host}\"]"),
        ("ssh_config = \"ssh/config\"", "[power]\noff = \"kapower3 --off -m {host}\""),
        ("ssh_config = \"ssh/config\"", "[power]\noff = []"),
        ("ssh_config = \"ssh/config\"", "[power]\noff = [\" \", \"{host}\"]"),
        ("ssh_config = \"ssh/config\"", "[power]\nreboot = [\"kareboot3\", \"simple\", \"-m\", \"host\"]"),
        ("ssh_config = \"ssh/config\"", "[power]\nrestart-libvirtd = [\"ssh\", \"root@{host}\"]"),
    ];
    insta::assert_snapshot!(told(REAL, &cases, |text| World::parse(text, "lab.toml").err().map(|e| e.to_string())));
}

/// The last step.
const DESTROY: &str = "destroy = { select = \"all\" }";

#[test]
fn wrong_workflows_are_told() {
    let boot = "boot = { class = \"small\", count = 256, name = \"vm-{n}\", placement = \"round-robin\", on = \"site:rennes or site:nantes\" }";
    let ring = "migrate = { select = \"class:small\", pattern = \"circular\", bandwidth = \"1 Gbit/s\", max_downtime = \"30 ms\" }";
    let cases = [
        ("name = \"crossed\"\n", ""),
        ("seed = 7", "sead = 7"),
        ("seed = 7", "seed = -7"),
        ("[vm.small]", "[vms.small]"),
        ("vcpus = 1", "vcpus = 0"),
        ("vcpus = 1", "vcpus = 1000"),
        ("vcpus = 1", "cpus = 1"),
        ("memory = \"1 GiB\"", "memory = 1024"),
        ("memory = \"1 GiB\"", "memory = \"1 kB\""),
        ("image = \"none\"\n", ""),
        ("image = \"none\"", "image = \"none\"\nkernel = \"/k\""),
        ("image = \"none\"", "image = \"d\"\ninitrd = \"/i\""),
        ("image = \"none\"", "image = \"none\"\nready = \"soon\""),
        ("image = \"none\"", "image = \"none\"\npatience = \"10 ms\""),
        ("image = \"none\"", "image = \"none\"\nssh_key = \"id_ed25519.pub\""),
        ("image = \"none\"", "image = \"none\"\nssh_key = \"\"\"ssh-ed25519 AAAA a\nssh-ed25519 BBBB b\"\"\""),
        ("image = \"none\"", "image = \"none\"\nagent = \"no\""),
        ("image = \"none\"", "image = \"none\"\nagent = false\nready = \"reachable\""),
        ("boot_per_host = 4", "boots_per_host = 4"),
        ("boot_per_host = 4", "boot_per_host = -4"),
        ("samples = \"5 s\"", "samples = 5"),
        ("vms = \"class:small\"", "vms = \"klass:small\""),
        (boot, ""),
        (boot, "[step.bot]\nclass = \"small\""),
        (boot, "boots = { class = \"small\" }"),
        (boot, "boot = { class = \"small\", count = 256 }"),
        (boot, "boot = { clas = \"small\", count = 256, name = \"a\" }"),
        (boot, "boot = { class = \"smal\", count = 256, name = \"a\" }"),
        (boot, "boot = { class = \"small\", count = 256, name = \"a\" }"),
        (boot, "boot = { class = \"small\", count = 0, name = \"a-{n}\" }"),
        (boot, "boot = { class = \"small\", count = 2, name = \"a-{n}-{n}\" }"),
        (boot, "boot = { class = \"small\", count = 2, name = \"a-{i}\" }"),
        (boot, "boot = { class = \"small\", count = 2, name = \"a/{n}\" }"),
        (boot, "boot = { class = \"small\", count = 2, name = \"a-{n}\", placement = \"roundrobin\" }"),
        (boot, "boot = { class = \"small\", count = 2, name = \"a-{n}\", placement = 3 }"),
        (boot, "boot = { class = \"small\", count = 2, name = \"a-{n}\", placement = { fixed = [] } }"),
        (boot, "boot = { class = \"small\", count = 2, name = \"a-{n}\", placement = { fix = [\"paradoxe-1\"] } }"),
        (boot, "boot = { class = \"small\", count = 2, name = \"a-{n}\", on = \"site:rennes or (site:nantes\" }"),
        (boot, "boot = { class = \"small\", count = 2, name = \"a-{n}\", on = \"class:small\" }"),
        (boot, "[step.boot]\nclass = \"small\"\ncount = 2\nname = \"a-{n}\"\non = \"sight:rennes\""),
        (boot, "wait = \"1 s\"\npause = { select = \"all\" }"),
        ("wait = \"10 s\"", "wait = 10"),
        ("wait = \"10 s\"", "wait = \"10\""),
        ("wait = \"10 s\"", "wait = \"1000 d\""),
        ("cpu = \"60 %\"", "cpu = \"160 %\""),
        ("cpu = \"60 %\", ", ""),
        ("working_set = \"80 %\"", "workingset = \"80 %\""),
        (ring, "migrate = { select = \"class:small\" }"),
        (ring, "migrate = { pattern = \"circular\" }"),
        (ring, "migrate = { select = \"all\", pattern = \"cicular\" }"),
        (ring, "migrate = { select = \"all\", pattern = \"circular\", to = \"all\" }"),
        (ring, "migrate = { select = \"all\", moves = [{ vm = \"vm-1\", to = \"paradoxe-1\" }] }"),
        (ring, "migrate = { moves = [] }"),
        (ring, "migrate = { moves = [{ vm = \"vm-1\" }] }"),
        (ring, "migrate = { select = \"all\", to = \"all\", bandwidth = \"0 B/s\" }"),
        (ring, "migrate = { select = \"all\", to = \"all\", max_downtime = \"0 s\" }"),
        (ring, "migrate = { select = \"all\", to = \"all\", rescue = \"post-cpoy\" }"),
        (ring, "migrate = { select = \"all\", to = \"all\", rescue = [] }"),
        (ring, "migrate = { select = \"all\", to = \"all\", rescue = [{ when = \"1 round\", do = \"pause\" }] }"),
        (ring, "migrate = { select = \"all\", to = \"all\", rescue = [{ after = \"soon\", do = \"pause\" }] }"),
        (ring, "migrate = { select = \"all\", to = \"all\", rescue = [{ do = \"pauze\" }] }"),
        (
            ring,
            "migrate = { select = \"all\", to = \"all\", rescue = [{ after = \"3 rounds\", do = \"wait\" }, { after = \"2 rounds\", do = \"abort\" }] }",
        ),
        (ring, "migrate = { select = \"all\", to = \"all\", compression = \"zlip\", parallel = 4 }"),
        (ring, "migrate = { select = \"all\", to = \"all\", parallel = 0 }"),
        (ring, "migrate = { select = \"all\", to = \"all\", tunnelled = true, parallel = 4 }"),
        (ring, "migrate = { select = \"all\", to = \"all\", parallel = 2, rescue = \"post-copy\" }"),
        (ring, "evacuate = { hosts = \"all\", select = \"all\" }"),
        (ring, "evacuate = { hosts = \"all\", storage = \"half\" }"),
        (ring, "evacuate = { hosts = \"all\", tls = true, tunnelled = true }"),
        (ring, "evacuate = { hosts = \"all\", rescue = \"post-cpoy\" }"),
        ("destroy = { select = \"all\" }", "destroy = \"all\""),
        ("destroy = { select = \"all\" }", "spread = \"debian12\""),
        ("destroy = { select = \"all\" }", "spread = { image = \"none\" }"),
        ("destroy = { select = \"all\" }", "spread = { image = \"debian12\", on = \"site:\" }"),
        ("destroy = { select = \"all\" }", "power = { hosts = \"all\", action = \"of\" }"),
        ("destroy = { select = \"all\" }", "power = { hosts = \"site:\", action = \"off\" }"),
        ("destroy = { select = \"all\" }", "power = { hosts = \"all\" }"),
        ("destroy = { select = \"all\" }", "shutdown = \"all\""),
        ("destroy = { select = \"all\" }", "destroy = { select = \"all and\" }"),
        ("destroy = { select = \"all\" }", "destroy = { selct = \"all\" }"),
        (DESTROY, "run = { command = \"true\" }"),
        (DESTROY, "run = { select = \"all\", hosts = \"all\", command = \"true\" }"),
        (DESTROY, "run = { select = \"all\" }"),
        (DESTROY, "run = { select = \"all\", command = \" \" }"),
        (DESTROY, "run = { select = \"all\", command = \"true\", script = \"x.sh\" }"),
        (DESTROY, "run = { select = \"all\", script = \"nowhere.sh\" }"),
        (DESTROY, "run = { select = \"all\", command = \"true\", timeout = \"1 ms\" }"),
        (DESTROY, "run = { hosts = \"class:small\", command = \"true\" }"),
        ("memory = \"1 GiB\"", "memory = \"1 GiB\"\nssh = \"root\""),
        ("memory = \"1 GiB\"", "memory = \"1 GiB\"\nnetwork = \"default\"\nssh = \"root@h1\""),
        ("memory = \"1 GiB\"", "memory = \"1 GiB\"\nnetwork = \"default\"\nssh = \"-oProxyCommand=reboot\""),
        ("memory = \"1 GiB\"", "memory = \"1 GiB\"\nnetwork = \"default\"\nssh = \"root\"\nssh_config = \"\""),
        ("memory = \"1 GiB\"", "memory = \"1 GiB\"\nnetwork = \"default\"\nssh_config = \"ssh\""),
        (DESTROY, "copy-in = { from = \"Cargo.toml\", to = \"/root/x\" }"),
        (DESTROY, "copy-in = { select = \"all\", hosts = \"all\", from = \"Cargo.toml\", to = \"/root/x\" }"),
        (DESTROY, "copy-in = { select = \"all\", from = \"nowhere\", to = \"/root/x\" }"),
        (DESTROY, "copy-in = { select = \"all\", from = \"src\", to = \"/root/x\" }"),
        (DESTROY, "copy-in = { select = \"all\", from = \"Cargo.toml\", to = \"root/x\" }"),
        (DESTROY, "copy-in = { select = \"all\", from = \"Cargo.toml\", to = \"/root/\" }"),
        (DESTROY, "copy-in = { select = \"all\", from = \"Cargo.toml\" }"),
        (DESTROY, "copy-in = { select = \"all\", from = \"Cargo.toml\", to = \"/root/x\", mode = \"rwx\" }"),
        (DESTROY, "copy-in = { select = \"all\", from = \"Cargo.toml\", to = \"/root/x\", mode = \"10000\" }"),
        (DESTROY, "copy-out = { select = \"all\", from = \"/etc/..\" }"),
        (DESTROY, "copy-out = { select = \"all\", from = \"/etc/hosts\", to = \"hosts\" }"),
        (DESTROY, "copy-out = { hosts = \"all\", from = \"/etc/hosts\", timeout = \"0 s\" }"),
        (DESTROY, "copy = { select = \"all\", from = \"/etc/hosts\" }"),
    ];
    insta::assert_snapshot!(told(WORKFLOW, &cases, |text| Workflow::parse(text, "x.toml")
        .err()
        .map(|e| e.to_string())));
}

#[test]
fn workflows_that_do_not_fit_their_world_are_told() {
    let world = World::parse(WORLD, "w.toml").unwrap();
    let check = |text: &str, world: &World| {
        let workflow = Workflow::parse(text, "x.toml").unwrap_or_else(|error| panic!("{error}"));
        workflow.check(world).err().map(|error| error.to_string())
    };
    let cases = [
        ("site:rennes or site:nantes", "site:rennes or site:nante"),
        ("site:rennes or site:nantes", "cluster:paradox"),
        ("site:rennes or site:nantes", "paradoxe-65"),
        ("site:rennes or site:nantes", "not ecotyp-3"),
        ("site:rennes or site:nantes", "site:rennes ecotype-*"),
        ("memory = \"1 GiB\"", "memory = \"400 GiB\""),
        ("\"round-robin\"", "{ fixed = [\"paradoxe-1\", \"paradoxe-0\"] }"),
        ("vms = \"class:small\"", "vms = \"class:smal\""),
        ("stop-stress = { select = \"all\" }", "pause = { select = \"host:paradoxe-99\" }"),
        ("vm = \"vm-256\"", "vm = \"vm-257\""),
        ("vm = \"vm-256\"", "vm = \"vm-0\""),
        ("vm = \"vm-256\"", "vm = \"web-1\""),
        ("ecotype-3.nantes.grid5000.fr", "ecotype-3.rennes.grid5000.fr"),
        ("to = \"paradoxe-3\"", "to = \"paradox-3\""),
        ("{ select = \"all\", to = \"site:nantes\" }", "{ select = \"all\", to = \"site:lyon\" }"),
        ("hosts = \"ecotype-*\"", "hosts = \"cluster:ecotipe\""),
        (DESTROY, "run = { hosts = \"site:lyon\", command = \"true\" }"),
        (DESTROY, "run = { select = \"class:smal\", command = \"true\" }"),
        (DESTROY, "copy-out = { hosts = \"site:lyon\", from = \"/etc/hosts\" }"),
    ];
    let mut out = told(WORKFLOW, &cases, |text| check(text, &world));
    let real = World::parse(REAL, "lab.toml").unwrap();
    let step = |step: &str| {
        let head = "name = \"x\"\n[vm.small]\nvcpus = 1\nmemory = \"64 MiB\"\nimage = \"none\"\n[[step]]\n";
        check(&format!("{head}{step}\n"), &real).unwrap_or_else(|| panic!("{step} is taken for right"))
    };
    writeln!(out, "real hosts").expect("a string takes all");
    for text in [
        "boot = { class = \"small\", count = 1, name = \"a\" }",
        "migrate = { moves = [{ vm = \"anything\", to = \"h9\" }] }",
        "spread = { image = \"debian-7\" }",
    ] {
        writeln!(out, "{text}\n    {}", step(text)).expect("a string takes all");
    }
    insta::assert_snapshot!(out);
}

#[test]
fn files_that_are_none_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("latin1.toml"), b"name = \"a\"\n# caf\xe9\n").unwrap();
    let mut told = vec![
        World::load("grid5000-2021").unwrap_err().to_string(),
        World::load("smal").unwrap_err().to_string(),
        World::load("nowhere").unwrap_err().to_string(),
        World::load(at("missing.toml").to_str().unwrap()).unwrap_err().to_string(),
        World::load(at("latin1.toml").to_str().unwrap()).unwrap_err().to_string(),
        World::load(folder.path().to_str().unwrap()).unwrap_err().to_string(),
        Workflow::load(&at("missing.toml")).unwrap_err().to_string(),
        World::parse("", "empty.toml").unwrap_err().to_string(),
        Workflow::parse("name = \"x\"\n", "empty.toml").unwrap_err().to_string(),
        World::parse("name = \"x\"\nplatform = \"sim\"\n", "empty.toml").unwrap_err().to_string(),
    ];
    for message in &mut told {
        *message = message.replace(folder.path().to_str().unwrap(), "DIR");
    }
    insta::assert_snapshot!(told.join("\n"));
}
