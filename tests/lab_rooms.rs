//! `hemera lab`, for real: hosts come up, VMs run on them and are reached, and nothing is left in the end.
//!
//! Needs root and what `hemera lab up` names where it is missing. Where the machine cannot, that is said loudly, and is a
//! failure in CI.

#[path = "support/start.rs"]
mod start;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use start::{done, hemera, not_run, start, text, wait_until};

/// A directory of a lab that is ended however the test ends.
struct Lab(PathBuf);

impl Lab {
    fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lab-rooms-{name}"));
        let lab = Self(dir);
        // What an earlier test process left that was killed.
        let _ = lab.end().output();
        let _ = std::fs::remove_dir_all(&lab.0);
        lab
    }

    fn dir(&self) -> &str {
        self.0.to_str().expect("a path of text")
    }

    fn end(&self) -> Command {
        hemera(&["lab", "down", self.dir()])
    }

    /// The number by which its namespaces are named.
    fn number(&self) -> Option<u8> {
        (0..=u8::MAX).find(|number| {
            let record = std::fs::read_to_string(format!("/var/lib/hemera/lab/{number}.toml")).unwrap_or_default();
            record.contains(&format!("dir = \"{}\"", self.dir()))
        })
    }

    /// All that is there of lab `number`: namespaces, interfaces, processes and files.
    fn traces(&self, number: u8) -> Vec<String> {
        let mut found = Vec::new();
        let names = |dir: &str| {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        let prefix = format!("hm{number}-");
        found.extend(names("/run/netns").into_iter().filter(|name| name.starts_with(&prefix)));
        found.extend(names("/sys/class/net").into_iter().filter(|name| *name == format!("hm{number}")));
        found.extend(names("/var/lib/hemera/lab").into_iter().filter(|name| *name == format!("{number}.toml")));
        for process in names("/proc").into_iter().filter(|name| name.parse::<u32>().is_ok()) {
            let read = |file: &str| text(&std::fs::read(format!("/proc/{process}/{file}")).unwrap_or_default());
            // Its mounts, too, stay with the processes that are in their namespace.
            if read("cmdline").contains(self.dir()) || read("mountinfo").contains(self.dir()) {
                found.push(format!("process {process}: {}", read("cmdline").replace('\0', " ")));
            }
        }
        if self.0.exists() {
            found.push(self.dir().to_owned());
        }
        found
    }

    fn virsh(uri: &str, args: &[&str]) -> Option<String> {
        let mut virsh = Command::new("timeout");
        let output = virsh.args(["30", "virsh", "-q", "-c", uri]).args(args).output().expect("virsh");
        output.status.success().then(|| text(&output.stdout))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.end().output();
    }
}

#[test]
fn vms_run_on_a_lab_are_reached_and_leave_nothing() {
    let lab = Lab::new("life");
    let asked = ["--sites", "2", "--hosts", "1", "--link", "200 Mbit/s,5 ms", "--disk", "200 MiB"];
    let said = match start(&lab.0, &asked) {
        Ok(said) => said,
        Err(why) => return not_run(&why),
    };
    let (world, workflow) = (lab.0.join("world.toml"), lab.0.join("workflow.toml"));
    assert!(said.contains(&format!("hemera --world {} --classes {}", world.display(), workflow.display())), "{said}");
    let number = lab.number().expect("a record of the lab");
    let uris = [1, 2].map(|host| format!("qemu+tcp://10.158.{number}.{host}/system"));

    // The link is as slow as asked: the hosts of both sites answer each other after twice its delay.
    let ping = ["netns", "exec", &format!("hm{number}-paradoxe-1"), "ping", "-c", "3", "-i", "0.2"];
    let answers = done(Command::new("ip").args(ping).arg(format!("10.158.{number}.2")));
    let least: f64 = answers.split("mdev = ").nth(1).and_then(|r| r.split('/').next()?.parse().ok()).expect("rtt");
    assert!(least >= 10.0, "{answers}");

    // The hosts' shells open with what the lab wrote, from here and from each other.
    let ssh = format!("ssh -F {}", lab.0.join("ssh/config").display());
    let there =
        done(Command::new("sh").args(["-c", &format!("{ssh} paradoxe-1 '{ssh} root@10.158.{number}.2 hostname'")]));
    assert_eq!(there.trim(), "ecotype-1");
    assert!(said.contains(&format!("{ssh} paradoxe-1")), "{said}");

    if cfg!(feature = "libvirt") {
        life(&lab, number, &uris, &world);
    }

    let status = done(&mut hemera(&["lab", "status"]));
    assert!(status.contains(&format!("lab {number}: 2 sites, 2 hosts")), "{status}");
    faults(&lab, &uris);
    done(&mut lab.end());
    assert_eq!(lab.traces(number), Vec::<String>::new());
    let again = done(&mut lab.end());
    assert!(again.contains("nothing to do"), "{again}");
}

/// VMs boot, are reached by address and by agent, take loads, change sites under them and survive that.
fn life(lab: &Lab, number: u8, uris: &[String; 2], world: &Path) {
    let written = std::fs::read_to_string(lab.0.join("workflow.toml")).expect("workflow.toml");
    let (classes, steps) = written.split_once("[[step]]").expect("steps");
    let steps: Vec<&str> = steps.split("[[step]]").collect();
    let run = |name: &str, step: &str| {
        let file = lab.0.join("hosts").join(name);
        std::fs::write(&file, format!("{classes}[[step]]{step}")).expect("a workflow");
        let mut run = hemera(&["run"]);
        run.arg(&file).arg("--world").arg(world).arg("--out").arg(lab.0.join("hosts").join(format!("out-{name}")));
        done(&mut run);
    };
    let step = |name: &str| steps.iter().find(|step| step.trim_start().starts_with(name)).copied();
    // Done when the guests answer.
    run("boot.toml", step("boot").expect("a boot"));
    // Round-robin over both sites, each VM with the next address of the site that it started on.
    let third = number / 8 + 160;
    let fourth = u32::from(number) % 8 * 32;
    let homes = [format!("10.{third}.{fourth}.1"), format!("10.{third}.{}.1", fourth + 4)];
    for (address, name, uri) in [(&homes[0], "tiny-1", &uris[0]), (&homes[1], "tiny-2", &uris[1])] {
        wait_until(&format!("{name} answers at {address}"), || {
            Command::new("ping").args(["-c", "1", "-W", "1", address]).output().expect("ping").status.success()
        });
        let ping = ["qemu-agent-command", "--timeout", "20", name, r#"{"execute":"guest-ping"}"#];
        assert!(Lab::virsh(uri, &ping).is_some(), "the agent of {name} does not answer");
    }
    let status = done(&mut hemera(&["lab", "status"]));
    assert!(status.contains("4 VMs, links of 200 Mbit/s, 5 ms"), "{status}");
    if let Some(stress) = step("stress") {
        run("stress.toml", stress);
    } else {
        assert!(std::env::var_os("CI").is_none(), "there is no hemera-load: load/build builds it");
        writeln!(std::io::stderr(), "NOT RUN: loads on a lab: there is no hemera-load").expect("stderr");
    }
    run("move.toml", step("migrate").expect("a move"));
    let there = Lab::virsh(&uris[1], &["list", "--name"]).expect("virsh");
    assert!(there.contains("tiny-1") && !there.contains("tiny-2"), "{there}");
    // It keeps its address at the other site.
    wait_until("tiny-1 answers from the other site", || {
        Command::new("ping").args(["-c", "1", "-W", "1", &homes[0]]).output().expect("ping").status.success()
    });
    // Takes as long as all the rest.
    if step("stress").is_some() && std::env::var_os("HEMERA_LONG").is_some() {
        rescue(lab, uris, classes, world);
    }
    // What a VM wrote while it moved is not lost: its kernel and its load tool, which answers, run on.
    if let Some(stop) = step("stop-stress") {
        run("stop.toml", stop);
    }
    for host in ["paradoxe-1", "ecotype-1"] {
        let logs = std::fs::read_dir(lab.0.join("hosts").join(host).join("lib/hemera")).expect("serial logs").flatten();
        let logs: Vec<_> = logs.filter(|file| file.file_name().to_string_lossy().ends_with(".serial.log")).collect();
        assert!(!logs.is_empty(), "no serial logs on {host}");
        for log in logs {
            let said = text(&std::fs::read(log.path()).expect("a serial log"));
            assert!(!said.contains("panic"), "{}: {said}", log.path().display());
        }
    }
    // The rest goes down with the lab.
}

/// A VM that dirties memory faster than its move may send it: that is foreseen, and its plan ends it.
fn rescue(lab: &Lab, uris: &[String; 2], classes: &str, world: &Path) {
    let (file, out) = (lab.0.join("hosts/rescue.toml"), lab.0.join("hosts/out-rescue"));
    let plan = "[{ after = \"1 round\", do = \"max-downtime 100 ms\" }, { do = \"pause\" }]";
    let load =
        "stress = { select = \"name:tiny-1\", cpu = \"10 %\", dirty_rate = \"40 MB/s\", working_set = \"10 %\" }";
    let moved = format!(
        "migrate = {{ select = \"name:tiny-1\", to = \"paradoxe-1\", bandwidth = \"4 MB/s\", rescue = {plan} }}"
    );
    std::fs::write(&file, format!("{classes}[[step]]\n{load}\n[[step]]\n{moved}\n")).expect("a workflow");
    done(hemera(&["run"]).arg(&file).arg("--world").arg(world).arg("--out").arg(&out));
    let events = std::fs::read_to_string(out.join("events.jsonl")).expect("events");
    let of = |event: &str| -> Vec<&str> {
        events.lines().filter(|line| line.contains(&format!("\"event\":\"{event}\""))).collect()
    };
    let foreseen = of("finding").iter().any(|line| line.contains("will not converge, estimated in its first pass"));
    assert!(foreseen, "{events}");
    let steps = of("rescue-step");
    assert!(steps.len() == 2 && steps[1].contains("\"action\":\"pause\""), "{events}");
    assert!(of("not-adjusted").is_empty(), "{events}");
    let there = |uri: &str| Lab::virsh(uri, &["list", "--all", "--name"]).expect("virsh").contains("tiny-1");
    assert!(there(&uris[0]) && !there(&uris[1]), "it is on the host that it moved to and on no other");
    assert_eq!(Lab::virsh(&uris[0], &["domstate", "tiny-1"]).expect("virsh").trim(), "running");
}

/// What breaks shows in `lab status`, and `lab mend` undoes it.
fn faults(lab: &Lab, uris: &[String; 2]) {
    let fault = |what: &[&str]| {
        let output = hemera(&["lab", "fault"]).args(what).args(["--dir", lab.dir()]).output().expect("hemera");
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    };
    // Other labs of the machine are none of ours.
    let status = || {
        let shown = done(&mut hemera(&["lab", "status"]));
        shown.split("\nlab ").find(|shown| shown.contains(lab.dir())).unwrap_or_default().to_owned()
    };
    let free = || {
        let disk = lab.0.join("hosts/paradoxe-1/lib");
        done(Command::new("df").args(["--output=avail", "-B1"]).arg(disk))
            .lines()
            .last()
            .and_then(|free| free.trim().parse::<u64>().ok())
            .expect("bytes")
    };
    for what in [["hang", "paradoxe-1"], ["full", "paradoxe-1"], ["kill", "ecotype-1.nantes.grid5000.fr"]] {
        fault(&what).expect("a fault");
    }
    fault(&["no-dhcp"]).expect("a fault");
    assert!(free() < 100_000, "{} bytes are free on a full disk", free());
    wait_until("the killed one is gone", || status().contains("libvirtd does not run"));
    let shown = status();
    assert!(shown.contains("libvirtd stands still") && shown.contains("DHCP does not run"), "{shown}");
    let wrong = fault(&["cut", "paradoxe-9"]).expect_err("there is no such host");
    assert!(wrong.contains("has no host paradoxe-9: expected one of: paradoxe-1, ecotype-1"), "{wrong}");

    done(&mut hemera(&["lab", "mend", lab.dir()]));
    assert!(free() > 100 << 20, "{} bytes are free after all", free());
    assert!(!status().contains("does not run") && !status().contains("stands still"), "{}", status());
    for uri in uris {
        assert!(Lab::virsh(uri, &["list"]).is_some(), "{uri} does not answer");
    }
}

#[test]
fn what_a_killed_start_left_is_taken_away() {
    // Killed so many milliseconds after it said this: among namespaces, bridges, hosts half-started and all but ready.
    let moments = [("network of", 0), ("network of", 40), ("host 1 of 2", 0), ("host 2 of 2", 5)];
    for (i, (said, after)) in moments.into_iter().enumerate() {
        let lab = Lab::new(&format!("killed-{i}"));
        let mut start = hemera(&["lab", "up", "--sites", "2", "--hosts", "1", "--dir", lab.dir()]);
        let mut start = start.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("hemera");
        let mut lines = BufReader::new(start.stderr.take().expect("its stderr")).lines().map_while(Result::ok);
        if !lines.any(|line| line.contains(said)) {
            // Where the machine cannot run a lab nothing is made either; the other test says why.
            start.wait().expect("its end");
            assert!(std::env::var_os("CI").is_none(), "no lab to kill");
            return;
        }
        std::thread::park_timeout(Duration::from_millis(after));
        start.kill().expect("kill");
        start.wait().expect("its end");
        let number = lab.number().expect("a record, which is written first");
        let gone = done(&mut lab.end());
        assert!(gone.contains("nothing of it is left"), "{gone}");
        // A child that the start had begun may end a moment after it.
        wait_until(&format!("nothing is left of a start killed {after} ms after {said:?}"), || {
            lab.traces(number).is_empty()
        });
    }
}
