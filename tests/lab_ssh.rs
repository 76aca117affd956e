//! Guests without an agent, for real: Debian on a lab, found by its SSH server, worked in by SSH, on both hosts.
//!
//! Needs what `hemera lab image` and `hemera lab up` need; where the machine cannot, that is said loudly, and is a failure
//! in CI.
#![cfg(feature = "libvirt")]

#[path = "support/debian.rs"]
mod debian;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use debian::start::{done, hemera, not_run, text};
use debian::{Lab, image, ssh};
use serde_json::Value;

/// How long a guest may take to boot.
const PATIENCE: Duration = Duration::from_mins(10);

/// Steps in guests that are there: their places count from 0.
const STEPS: &str = r#"
[[step]]
run = { select = "all", command = "hostname; hostname --fqdn; cat /etc/hostname; echo err >&2; exit 3", timeout = "2 min" }
[[step]]
run = { select = "name:open-1", script = "script.sh", args = ["two words", "it's"], timeout = "2 min" }
[[step]]
run = { select = "name:open-1", command = "echo begun; sleep 1000 & sleep 1000", timeout = "90 s" }
[[step]]
run = { select = "name:open-1", command = "ps -e -o args= | grep -c '[s]leep 1000'; ls -d /tmp/tmp.* | wc -l", timeout = "2 min" }
[[step]]
copy-in = { select = "all", from = "some", to = "/root/some", mode = "640" }
[[step]]
run = { select = "name:open-1", command = "sha256sum < /root/some; stat -c %a /root/some; ls /root", timeout = "2 min" }
[[step]]
copy-out = { select = "all", from = "/root/some" }
[[step]]
copy-in = { select = "name:open-1", from = "some", to = "/nowhere/some" }
[[step]]
stress = { select = "all", cpu = "10 %", dirty_rate = "1 MB/s", working_set = "10 %" }
[[step]]
migrate = { select = "name:open-1", to = "name:ecotype-1" }
[[step]]
run = { select = "name:open-1", command = "hemera-load ctl /run/hemera-load report", timeout = "2 min" }
[[step]]
stop-stress = { select = "name:open-1" }
[[step]]
run = { select = "name:open-1", command = "hemera-load ctl /run/hemera-load report; hostname", timeout = "2 min" }
"#;

/// Bytes of which no two stretches are the same.
fn bytes(size: u32) -> Vec<u8> {
    (0..size / 4).flat_map(|i| i.wrapping_mul(0x9E37_79B1).to_le_bytes()).collect()
}

/// A lab with two hosts at two sites, and a folder for workflows and results.
struct Rig {
    lab: Lab,
    folder: tempfile::TempDir,
    /// The classes that guests are booted from.
    classes: String,
}

impl Rig {
    fn new(lab: Lab) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let written = fs::read_to_string(lab.0.join("workflow.toml")).expect("workflow.toml");
        let (classes, _) = written.split_once("[limits]").expect("classes before limits");
        let (_, open) = classes.split_once("[vm.debian-ssh]").expect("a class without an agent");
        // The same, reached without the key that opens it.
        let strange = folder.path().join("strange");
        let config = "IdentityFile none\nIdentitiesOnly yes\nIdentityAgent none\nStrictHostKeyChecking no\n\
                      UserKnownHostsFile /dev/null\nLogLevel ERROR\n";
        fs::write(&strange, config).expect("a configuration");
        let ours = lab.0.join("ssh/config").display().to_string();
        assert!(open.contains(&ours), "{open}");
        let shut = open.replace(&ours, &strange.display().to_string());
        let classes = format!("{classes}[vm.shut]{shut}");
        Self { lab, folder, classes }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Begins a run of these steps, whose results go to the folder `name`.
    fn begin(&self, name: &str, steps: &str) -> Child {
        let workflow = self.path(&format!("{name}.toml"));
        fs::write(&workflow, format!("{}{steps}", self.classes)).expect("a workflow");
        let mut run = hemera(&["run"]);
        run.arg(workflow).arg("--world").arg(self.lab.0.join("world.toml")).arg("--out").arg(self.path(name));
        run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("hemera")
    }

    /// Ends when a run does, which is to end so; what it did.
    fn end(&self, name: &str, run: Child, code: i32) -> Results {
        let output = run.wait_with_output().expect("its end");
        let tasks = fs::read_to_string(self.path(name).join("tasks.csv")).unwrap_or_default();
        assert_eq!(output.status.code(), Some(code), "{name}: {}{tasks}", text(&output.stderr));
        let lines = fs::read_to_string(self.path(name).join("outputs.jsonl")).unwrap_or_default();
        Results { tasks, outputs: lines.lines().map(|line| serde_json::from_str(line).expect("an object")).collect() }
    }

    fn boot(&self, class: &str, name: &str, host: &str) -> Child {
        let boot = format!("class = \"{class}\", count = 1, name = \"{name}\", on = \"name:{host}\"");
        self.begin(name, &format!("[[step]]\nboot = {{ {boot} }}\n"))
    }

    /// The address of the first VM of a host's site, where nobody else has one.
    fn address(&self, site: usize) -> String {
        let world = fs::read_to_string(self.lab.0.join("world.toml")).expect("world.toml");
        let subnet = world.split("subnet = \"").nth(site + 1).expect("a subnet a site");
        let (network, _) = subnet.split_once(".0/").expect("a network");
        format!("{network}.1")
    }

    /// What `virsh` says on a host.
    fn virsh(&self, host: usize, args: &[&str]) -> String {
        let world = fs::read_to_string(self.lab.0.join("world.toml")).expect("world.toml");
        let uri = world.split("uri = \"").nth(host + 1).and_then(|rest| rest.split('"').next()).expect("a URI a host");
        done(Command::new("virsh").args(["-q", "-c", uri]).args(args))
    }

    /// What a command in a guest says, by the lab's own key; none where it does not get through.
    fn ask(&self, address: &str, command: &str) -> Option<String> {
        let config = self.lab.0.join("ssh/config").display().to_string();
        let output = ssh(&["-F", &config], address, command);
        output.status.success().then(|| text(&output.stdout))
    }
}

/// What a run left.
struct Results {
    tasks: String,
    outputs: Vec<Value>,
}

impl Results {
    /// How a VM's task of a step ended, and why.
    fn ended(&self, step: usize, vm: &str) -> &str {
        let step = step.to_string();
        let of = |line: &&str| {
            let cells: Vec<&str> = line.split(',').collect();
            cells.get(1) == Some(&step.as_str()) && cells.get(3) == Some(&vm)
        };
        let line = self.tasks.lines().find(of).unwrap_or_else(|| panic!("{step} {vm}: {}", self.tasks));
        line.splitn(10, ',').last().expect("an end")
    }

    /// Output, errors and exit code of a VM's command of a step.
    fn said(&self, step: usize, vm: &str) -> (&str, &str, Option<i64>) {
        let of = |output: &&Value| output["step"] == step && output["vm"] == vm;
        let output = self.outputs.iter().find(of).unwrap_or_else(|| panic!("{step} {vm}: {:#?}", self.outputs));
        let text = |key: &str| output[key].as_str().expect("text");
        (text("out"), text("err"), output["exit_code"].as_i64())
    }
}

/// When an SSH server first greets there, found by asking all the time.
fn first_greeting(address: &str) -> mpsc::Receiver<Instant> {
    let (tell, told) = mpsc::channel();
    let place: SocketAddr = format!("{address}:22").parse().expect("an address");
    thread::spawn(move || {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let stream = TcpStream::connect_timeout(&place, Duration::from_millis(300));
            if stream.is_ok_and(|mut stream| stream.read(&mut [0; 64]).is_ok_and(|count| count > 0)) {
                return tell.send(Instant::now()).unwrap_or_default();
            }
            thread::park_timeout(Duration::from_millis(20));
        }
    });
    told
}

/// Boots a guest that lets us in and one that does not, at the same time.
fn boot(rig: &Rig) {
    let greeting = first_greeting(&rig.address(0));
    let shut = rig.boot("shut", "shut_1", "ecotype-1");
    let open = rig.boot("debian-ssh", "open-1", "paradoxe-1");
    rig.end("open-1", open, 0);
    let (found, greeted) = (Instant::now(), greeting.recv_timeout(PATIENCE).expect("a greeting"));
    let late = found.saturating_duration_since(greeted).as_secs_f64();
    let early = greeted.saturating_duration_since(found).as_secs_f64();
    let said =
        format!("found, and all written, {late:.2} s after a loop of our own was greeted, {early:.2} s before it");
    writeln!(std::io::stderr(), "{said}").expect("stderr");
    // That it lets nobody in is not known to who only hears its greeting.
    rig.end("shut_1", shut, 0);
    for (host, name) in [(0, "open-1"), (1, "shut_1")] {
        assert!(
            !rig.virsh(host, &["dumpxml", name]).contains("org.qemu.guest_agent"),
            "{name} has a port for an agent"
        );
    }
}

/// What was copied is there as it was, in the guest and back here, and nothing else.
fn copied(rig: &Rig, results: &Results) {
    let sum = done(Command::new("sha256sum").arg(rig.path("some")));
    let sum = sum.split_whitespace().next().expect("a sum");
    assert_eq!(results.said(5, "open-1").0, format!("{sum}  -\n640\nsome\n"));
    let back = |vm: &str| fs::read(rig.path("work/copied/6").join(vm).join("some")).ok();
    assert_eq!((back("open-1"), back("shut_1")), (Some(bytes(3_000_000)), None));
    let nowhere = results.ended(7, "open-1");
    assert!(nowhere.starts_with("failed,") && nowhere.contains("/nowhere/some: "), "{nowhere}");
}

/// Commands, files, load and a move.
fn work(rig: &Rig) {
    fs::write(rig.path("some"), bytes(3_000_000)).expect("a file");
    fs::write(rig.path("script.sh"), "#!/bin/bash\necho \"$1|$2|$#\"\n").expect("a script");
    let results = rig.end("work", rig.begin("work", STEPS), 1);
    assert_eq!(results.said(0, "open-1"), ("open-1\nopen-1\nopen-1\n", "err\n", Some(3)));
    assert_eq!(results.ended(0, "open-1"), "failed,ended with 3: err");
    assert_eq!(results.said(1, "open-1"), ("two words|it's|2\n", "", Some(0)));
    let (begun, _, code) = results.said(2, "open-1");
    assert_eq!(
        (begun, code, results.ended(2, "open-1")),
        ("begun\n", None, "failed,took longer than 90 s and was ended")
    );
    assert_eq!(results.said(3, "open-1").0, "0\n0\n", "no sleep runs on, and nothing of a script is left");
    copied(rig, &results);
    for step in [0, 4, 6, 8] {
        let refused = results.ended(step, "shut_1");
        assert!(
            refused.starts_with("failed,ssh did not get through: ") && refused.contains("Permission denied"),
            "{refused}"
        );
    }
    for step in [4, 6, 8, 9, 10, 11] {
        assert_eq!(results.ended(step, "open-1"), "done,");
    }
    let report = |step| serde_json::from_str::<Value>(results.said(step, "open-1").0.lines().next().expect("a line"));
    let asked = |step| report(step).expect("a report")["asked"]["dirty"].as_f64();
    assert_eq!((asked(10), asked(12)), (Some(1e6), Some(0.0)), "it moved with its load, which has ended");
    assert!(results.said(12, "open-1").0.ends_with("\nopen-1\n"));
    assert!(
        rig.virsh(1, &["list", "--name"]).contains("open-1") && !rig.virsh(0, &["list", "--name"]).contains("open-1")
    );
}

/// After a reset a guest answers again, and bears its name still; then it ends by its power button.
fn again(rig: &Rig) {
    let address = rig.address(0);
    let boot_id = "cat /proc/sys/kernel/random/boot_id";
    let before = rig.ask(&address, boot_id).expect("an answer");
    rig.end("reboot", rig.begin("reboot", "[[step]]\nreboot = { select = \"name:open-1\" }\n"), 0);
    let began = Instant::now();
    while rig.ask(&address, boot_id).is_none_or(|now| now == before) {
        assert!(began.elapsed() < PATIENCE, "it does not answer after its reset");
        thread::park_timeout(Duration::from_secs(1));
    }

    let steps = "[[step]]\nrun = { select = \"name:open-1\", command = \"hostname\", timeout = \"2 min\" }\n\
                 [[step]]\nshutdown = { select = \"name:open-1\" }\n";
    let results = rig.end("after", rig.begin("after", steps), 0);
    assert_eq!(results.said(0, "open-1"), ("open-1\n", "", Some(0)));
    assert!(!rig.virsh(1, &["list", "--all", "--name"]).contains("open-1"), "it has ended");
}

#[test]
#[ignore = "takes minutes; tests/run --long"]
fn guests_without_an_agent_are_found_and_worked_in_by_ssh() {
    let Some(_turn) = image() else { return };
    match Lab::start("lab-ssh", &["--sites", "2", "--hosts", "1"]) {
        Ok(lab) => {
            let rig = Rig::new(lab);
            boot(&rig);
            work(&rig);
            again(&rig);
        }
        Err(why) => not_run(&why),
    }
}
