//! The libvirt platform against two real hosts: real VMs that boot and move. What is claimed is checked with `virsh`.
#![cfg(feature = "libvirt")]

#[path = "support/bench.rs"]
mod bench;
#[path = "support/lab.rs"]
mod lab;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::Bench;
use hemera::fleet::{Adjust, FromConsole, HostId, Image, Inquiry, MigrationOptions, Rate, ToConsole, Told, VmState};
use hemera::platform::{Change, End, Platform, Request};
use lab::Lab;
use tokio::sync::mpsc;

/// The lab and a platform connected to it, or the end of the test where there is no lab.
macro_rules! lab_or_return {
    () => {{
        let Some(lab) = Lab::take() else { return };
        let mut bench = Bench::new(lab.hosts());
        bench.answers(2);
        (lab, bench)
    }};
}

/// Whether a VM is up; its guest may have an agent that answers.
fn runs(state: Option<VmState>) -> bool {
    matches!(state, Some(VmState::Up | VmState::Reachable))
}

fn names(count: u32) -> Vec<String> {
    (1..=count).map(|n| format!("tiny-{n}")).collect()
}

#[test]
fn six_vms_boot_move_crosswise_and_back_and_are_destroyed() {
    let (lab, mut bench) = lab_or_return!();
    let class = Arc::new(lab.tiny());
    let names = names(6);
    // Odd numbers on the first host, even ones on the second.
    let home = |i: usize| (i % 2) as u32;
    let boots: Vec<_> = names.iter().enumerate().map(|(i, n)| bench.boot(home(i), n, &class)).collect();
    bench.done(&boots);
    let odd = ["tiny-1", "tiny-3", "tiny-5"];
    let even = ["tiny-2", "tiny-4", "tiny-6"];
    assert_eq!((lab.domains(0), lab.domains(1)), (odd.map(String::from).into(), even.map(String::from).into()));
    bench.wait("all are up and ours", |s| {
        names.iter().enumerate().all(|(i, n)| {
            let vm = s.host(home(i)).vms.get(n.as_str());
            vm.is_some_and(|vm| runs(Some(vm.state)) && vm.managed && vm.class.as_deref() == Some("tiny"))
        })
    });
    for (i, name) in names.iter().enumerate() {
        lab.wait_for_guest(home(i) as usize, name);
    }
    bench.wait("loads", |s| (0..2).all(|h| s.host(h).loads > 0 && !s.host(h).cpu.is_empty()));

    for back in [false, true] {
        let from = |i: usize| if back { 1 - home(i) } else { home(i) };
        let moves: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(i, n)| bench.migrate(n, from(i), 1 - from(i), MigrationOptions::default()))
            .collect();
        bench.done(&moves);
        for task in &moves {
            let figures = bench.seen.ends[task].1.unwrap();
            assert!(figures.memory.to_mib() >= 96 && figures.transferred.0 > 0 && figures.rounds >= 1, "{figures:?}");
            assert!(figures.downtime > Duration::ZERO && figures.downtime < figures.total, "{figures:?}");
        }
        let (first, second) = if back { (odd, even) } else { (even, odd) };
        assert_eq!((lab.domains(0), lab.domains(1)), (first.map(String::from).into(), second.map(String::from).into()));
        for (i, name) in names.iter().enumerate() {
            let state = lab.virsh(1 - from(i) as usize, &["domstate", name]);
            assert_eq!(state.trim(), "running", "{name}");
            // What it has said moves with it.
            let said = [0, 1].map(|host| lab.said(host, name).matches("hemera guest is up").count());
            assert_eq!(said[1 - from(i) as usize], 1, "{name}");
            assert_eq!(lab.serial_log(from(i) as usize, name), None);
        }
        bench
            .wait("they show where they are", |s| names.iter().enumerate().all(|(i, n)| runs(s.state(1 - from(i), n))));
    }
    for host in 0..2 {
        let gone = &bench.seen.host(host).gone;
        assert!(gone.is_empty(), "moves of ours are no surprise: {gone:?}");
    }
    let ends: Vec<_> = names.iter().enumerate().map(|(i, n)| bench.change(home(i), n, Change::Destroy)).collect();
    bench.done(&ends);
    assert!(lab.domains(0).is_empty() && lab.domains(1).is_empty());
    assert!(names.iter().all(|name| (0..2).all(|host| lab.serial_log(host, name).is_none())));
}

#[test]
fn a_move_that_is_cancelled_leaves_its_vm_running_on_the_source() {
    let (lab, mut bench) = lab_or_return!();
    let task = bench.boot(0, "stay", &Arc::new(lab.tiny()));
    bench.done(&[task]);
    lab.wait_for_guest(0, "stay");
    // 1 MiB/s: tens of seconds for what the guest has touched.
    let slow = MigrationOptions {
        bandwidth: Some(Rate(1_048_576.0)),
        max_downtime: Some(Duration::from_millis(50)),
        ..MigrationOptions::default()
    };
    let task = bench.migrate("stay", 0, 1, slow);
    let progress = bench.until("it is on its way", |s| {
        s.progress.get(&task)?.iter().find(|p| p.transferred.0 > 0 && p.remaining.0 > 0).copied()
    });
    assert!(progress.round >= 1 && progress.round_size >= progress.remaining, "{progress:?}");
    assert!(lab.virsh(0, &["domjobinfo", "stay"]).contains("Outgoing migration"));
    bench.platform.submit(Request::Cancel { task });
    assert_eq!(bench.end(task).0, End::Cancelled);
    assert_eq!((lab.domains(0), lab.domains(1)), (vec!["stay".to_owned()], vec![]));
    assert_eq!(lab.virsh(0, &["domstate", "stay"]).trim(), "running");
    let task = bench.migrate("stay", 0, 1, MigrationOptions::default());
    bench.done(&[task]);
    assert_eq!((lab.domains(0), lab.domains(1)), (vec![], vec!["stay".to_owned()]));
}

/// Whenever it is aborted, a VM runs on one host in the end, and on no other.
#[test]
#[ignore = "takes long; tests/run --long"]
fn a_move_that_is_aborted_at_any_moment_leaves_one_running_vm() {
    let (lab, mut bench) = lab_or_return!();
    let task = bench.boot(0, "abort", &Arc::new(lab.tiny()));
    bench.done(&[task]);
    lab.wait_for_guest(0, "abort");
    let mut here = 0;
    // Where it is after a move that ended so, by the word of both hosts.
    let found = |lab: &Lab, here: u32, end: &End| {
        let at = if *end == End::Done { 1 - here } else { here };
        let mut domains = [vec![], vec![]];
        domains[at as usize].push("abort".to_owned());
        assert_eq!([lab.domains(0), lab.domains(1)], domains, "after {end:?}");
        assert_eq!(lab.virsh(at as usize, &["domstate", "abort"]).trim(), "running", "after {end:?}");
        at
    };
    // Before libvirt has begun, while the target's QEMU starts, in the first pass, at the switch or after it.
    for milliseconds in [0, 120, 500, 1100] {
        let fast = MigrationOptions { bandwidth: Some(Rate(60e6)), ..MigrationOptions::default() };
        let task = bench.migrate("abort", here, 1 - here, fast);
        std::thread::park_timeout(Duration::from_millis(milliseconds));
        bench.platform.submit(Request::Cancel { task });
        let end = bench.end(task).0;
        here = found(&lab, here, &end);
    }
    let slow = MigrationOptions { bandwidth: Some(Rate(6e6)), may_post_copy: true, ..MigrationOptions::default() };
    let on_its_way = |bench: &mut Bench, task| {
        let sent = |s: &bench::Seen| s.progress.get(&task).is_some_and(|all| all.iter().any(|p| p.transferred.0 > 0));
        bench.wait("it is on its way", sent);
    };
    // Stopped so that it converges, and then aborted: it goes on where it was.
    let task = bench.migrate("abort", here, 1 - here, slow);
    on_its_way(&mut bench, task);
    bench.platform.submit(Request::Adjust { task, adjust: Adjust::Pause });
    let source = here as usize;
    lab::wait_until("it is paused", || lab.virsh(source, &["domstate", "abort"]).trim() == "paused");
    bench.platform.submit(Request::Cancel { task });
    let end = bench.end(task).0;
    assert_eq!(end, End::Cancelled);
    found(&lab, here, &end);
    // Once it runs on the target, it is too late.
    let task = bench.migrate("abort", here, 1 - here, slow);
    on_its_way(&mut bench, task);
    bench.platform.submit(Request::Adjust { task, adjust: Adjust::PostCopy });
    bench.wait("post-copy", |s| s.ends.contains_key(&task) || s.progress[&task].iter().any(|p| p.post_copy));
    bench.platform.submit(Request::Cancel { task });
    let end = bench.end(task).0;
    assert_eq!(end, End::Done, "{:?}", bench.seen.refused);
    here = found(&lab, here, &end);
    // Saved, brought over and restored; a CPU that is there is no hindrance.
    let cold = MigrationOptions { cold: true, check_cpu: true, ..MigrationOptions::default() };
    let task = bench.migrate("abort", here, 1 - here, cold);
    let (end, figures) = bench.end(task);
    assert_eq!(end, End::Done);
    let figures = figures.expect("a move has figures");
    assert!(figures.transferred.to_mib() > 1 && figures.downtime > Duration::ZERO, "{figures:?}");
    here = found(&lab, here, &end);
    assert_eq!(lab.said(here as usize, "abort").matches("hemera guest is up").count(), 1, "it was not booted anew");
    // Aborted while it is saved or brought over, it comes back.
    let task = bench.migrate("abort", here, 1 - here, cold);
    let source = here as usize;
    lab::wait_until("it is being saved", || {
        lab.try_virsh(source, &["domstate", "abort"]).map_or(true, |state| state.trim() == "paused")
    });
    bench.platform.submit(Request::Cancel { task });
    let end = bench.end(task).0;
    found(&lab, here, &end);
    for host in 0..2 {
        assert!(!lab.file(host, "/var/lib/libvirt/hemera/abort.save").exists(), "its file stays on host {host}");
    }
}

#[test]
fn what_others_do_shows_at_once_and_changes_do_what_they_say() {
    let (lab, mut bench) = lab_or_return!();
    let task = bench.boot(1, "touched", &Arc::new(lab.tiny()));
    bench.done(&[task]);
    lab.wait_for_guest(1, "touched");
    for (change, state, word) in [(Change::Pause, VmState::Paused, "paused"), (Change::Resume, VmState::Up, "running")]
    {
        let task = bench.change(1, "touched", change);
        bench.done(&[task]);
        assert_eq!(lab.virsh(1, &["domstate", "touched"]).trim(), word);
        bench.wait(word, |s| s.state(1, "touched") == Some(state));
    }
    let boots = || lab.said(1, "touched").matches("hemera guest is up").count();
    let task = bench.change(1, "touched", Change::Reboot);
    bench.done(&[task]);
    lab::wait_until("the guest is up a second time", || boots() == 2);
    lab.virsh(1, &["suspend", "touched"]);
    bench.wait("paused by others", |s| s.state(1, "touched") == Some(VmState::Paused));
    lab.virsh(1, &["destroy", "touched"]);
    bench.wait("destroyed by others", |s| {
        s.host(1).gone.iter().any(|(name, why)| &**name == "touched" && why == "somebody destroyed it")
    });
}

/// What a host tells of a VM.
fn asked(bench: &mut Bench, host: u32, vm: &str, inquiry: Inquiry) -> Result<Told, String> {
    let (sender, answer) = std::sync::mpsc::channel();
    let reply = Box::new(move |told| drop(sender.send(told)));
    bench.platform.ask(&vm.into(), HostId(host), inquiry, reply);
    answer.recv_timeout(Duration::from_mins(1)).expect("an answer").map_err(|why: Arc<str>| why.to_string())
}

/// An open serial console and what has come from it.
struct Console {
    to: mpsc::Sender<ToConsole>,
    from: mpsc::Receiver<FromConsole>,
    wrote: Vec<u8>,
}

impl Console {
    fn open(bench: &mut Bench, host: u32, vm: &str) -> Self {
        let ((to, to_end), (from_end, from)) = (mpsc::channel(64), mpsc::channel(64));
        bench.platform.console(&vm.into(), HostId(host), to_end, from_end);
        Self { to, from, wrote: Vec::new() }
    }

    fn send(&self, what: ToConsole) {
        self.to.try_send(what).expect("room");
    }

    /// The next that is said beside what the guest writes.
    fn told(&mut self) -> FromConsole {
        loop {
            match self.from.blocking_recv().expect("something") {
                FromConsole::Wrote(bytes) => self.wrote.extend(bytes),
                other => return other,
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.wrote).into_owned()
    }

    /// Waits until the guest has written this.
    fn reads(&mut self, text: &str) {
        let began = Instant::now();
        while !self.text().contains(text) {
            assert!(began.elapsed() < Duration::from_mins(1), "{text:?} does not come: {}", self.text());
            match self.from.try_recv() {
                Ok(FromConsole::Wrote(bytes)) => self.wrote.extend(bytes),
                Ok(other) => panic!("{other:?} instead of {text:?}"),
                Err(mpsc::error::TryRecvError::Empty) => std::thread::park_timeout(Duration::from_millis(20)),
                Err(error) => panic!("{error} instead of {text:?}"),
            }
        }
    }
}

#[test]
fn a_vm_is_looked_at_closely_and_typed_to() {
    let (lab, mut bench) = lab_or_return!();
    let mut class = lab.tiny();
    if let Image::Kernel { cmdline, .. } = &mut class.image {
        *cmdline = "console=tty0 console=ttyS0".into();
    }
    let task = bench.boot(0, "near", &Arc::new(class));
    bench.done(&[task]);
    // What the kernel said before anybody looked is there.
    let mut console = Console::open(&mut bench, 0, "near");
    console.reads("hemera guest is up");
    assert!(console.text().contains("Linux version"), "{}", console.text());

    let Ok(Told::Xml(xml)) = asked(&mut bench, 0, "near", Inquiry::Xml) else { panic!("no definition") };
    assert_eq!(xml.trim(), lab.virsh(0, &["dumpxml", "near"]).trim());
    let Ok(Told::Screen(picture)) = asked(&mut bench, 0, "near", Inquiry::Screen) else { panic!("no screen") };
    assert_eq!((picture.width, picture.height, picture.rgb.len()), (720, 400, 720 * 400 * 3));
    assert!(picture.rgb.iter().any(|&part| part > 100), "the screen is dark");
    for (change, state, reason, qemu) in
        [(Change::Pause, "paused", "user", "paused"), (Change::Resume, "running", "unpaused", "running")]
    {
        let task = bench.change(0, "near", change);
        bench.done(&[task]);
        let told = asked(&mut bench, 0, "near", Inquiry::Details);
        let Ok(Told::Details(details)) = told else { panic!("{told:?}") };
        assert_eq!((&*details.state, &*details.reason), (state, reason));
        assert_eq!(details.hypervisor, Ok(qemu.into()));
        assert_eq!(details.id.map(|id| id.to_string()).as_deref(), Some(lab.virsh(0, &["domid", "near"]).trim()));
        assert!(!details.persistent && details.job.is_none());
    }

    console.send(ToConsole::Take { force: false });
    assert_eq!(console.told(), FromConsole::Taken);
    console.send(ToConsole::Type(b"echo $((6 * 7))-typed\r".into()));
    console.reads("42-typed");
    // Only one has it, and nobody takes it from them unasked.
    let mut other = Console::open(&mut bench, 0, "near");
    other.send(ToConsole::Take { force: false });
    assert_eq!(other.told(), FromConsole::InUse);
    other.reads("42-typed");
    other.send(ToConsole::Take { force: true });
    assert_eq!(other.told(), FromConsole::Taken);
    assert!(matches!(console.told(), FromConsole::Lost(_)));
    other.send(ToConsole::GiveBack);
    console.send(ToConsole::Take { force: false });
    let mut again = console.told();
    // It may not have been given back yet.
    while again == FromConsole::InUse {
        console.send(ToConsole::Take { force: false });
        again = console.told();
    }
    assert_eq!(again, FromConsole::Taken);
    console.send(ToConsole::Type(b"echo $((6 * 8))-again\r".into()));
    for reader in [&mut console, &mut other] {
        reader.reads("48-again");
        assert_eq!(reader.text().matches("hemera guest is up").count(), 1, "every byte once");
        assert_eq!(reader.text().matches("42-typed").count(), 1, "every byte once");
    }

    let task = bench.migrate("near", 0, 1, MigrationOptions::default());
    bench.done(&[task]);
    while !matches!(console.told(), FromConsole::Ended(_)) {}
    let told = asked(&mut bench, 1, "near", Inquiry::Serial { from: None, most: 1 << 20 });
    let Ok(Told::Serial(log)) = told else { panic!("{told:?}") };
    let text = String::from_utf8_lossy(&log.bytes);
    assert!(text.contains("Linux version") && text.contains("48-again"), "{text}");
    assert_eq!((log.from, log.size), (0, log.bytes.len() as u64));
    let told = asked(&mut bench, 1, "near", Inquiry::Serial { from: Some(10), most: 5 });
    let Ok(Told::Serial(piece)) = told else { panic!("{told:?}") };
    assert_eq!((piece.from, &piece.bytes[..]), (10, &log.bytes[10..15]));
    for inquiry in [Inquiry::Xml, Inquiry::Screen, Inquiry::Details, Inquiry::Serial { from: None, most: 9 }] {
        let why = asked(&mut bench, 0, "near", inquiry).expect_err("it is on the other host");
        assert!(why.starts_with("paradoxe-1") && why.contains("near"), "{why}");
    }
}

#[test]
fn a_hung_host_is_unreachable_and_recovers_while_the_other_goes_on() {
    let (lab, mut bench) = lab_or_return!();
    let class = Arc::new(lab.tiny());
    let tasks = [bench.boot(0, "hung", &class), bench.boot(1, "fine", &class)];
    bench.done(&tasks);
    bench.wait("both are seen", |s| s.state(0, "hung").is_some() && s.state(1, "fine").is_some());
    let answered = bench.seen.host(0).answered;
    lab.fault("hang", 0);
    bench.wait("unreachable", |s| s.host(0).unreachable.is_some());
    // Requests to it fail at once, and the other host does its work.
    let task = bench.change(0, "hung", Change::Pause);
    assert!(bench.failure(task).starts_with("paradoxe-1 is unreachable: "));
    let task = bench.migrate("fine", 1, 0, MigrationOptions::default());
    assert!(bench.failure(task).starts_with("paradoxe-1 is unreachable: "));
    let tasks = [bench.boot(1, "meanwhile", &class), bench.change(1, "fine", Change::Pause)];
    bench.done(&tasks);
    bench.wait("the other host is observed", |s| {
        s.state(1, "fine") == Some(VmState::Paused) && runs(s.state(1, "meanwhile"))
    });
    assert!(bench.seen.host(1).unreachable.is_none());
    lab.mend();
    bench.wait("it answers again", |s| s.host(0).answered > answered && s.host(0).unreachable.is_none());
    bench.wait("its VM runs on", |s| runs(s.state(0, "hung")));
    let task = bench.migrate("hung", 0, 1, MigrationOptions::default());
    bench.done(&[task]);
    assert_eq!(lab.domains(0), Vec::<String>::new());
}

#[test]
fn a_restarted_libvirtd_is_found_again_with_its_vms() {
    let (lab, mut bench) = lab_or_return!();
    let class = Arc::new(lab.tiny());
    let task = bench.boot(1, "survivor", &class);
    bench.done(&[task]);
    bench.wait("it is seen", |s| s.state(1, "survivor").is_some());
    let answered = bench.seen.host(1).answered;
    lab.fault("kill", 1);
    bench.wait("unreachable", |s| s.host(1).unreachable.is_some());
    lab.mend();
    bench.wait("it answers again", |s| s.host(1).answered > answered);
    bench.wait("its VM runs on", |s| runs(s.state(1, "survivor")));
    assert_eq!(lab.virsh(1, &["domstate", "survivor"]).trim(), "running");
    let task = bench.change(1, "survivor", Change::Destroy);
    bench.done(&[task]);
    assert!(lab.domains(1).is_empty());
}

#[test]
fn a_cut_cable_makes_its_host_unreachable_and_no_task_is_lost() {
    let (lab, mut bench) = lab_or_return!();
    let class = Arc::new(lab.tiny());
    let task = bench.boot(0, "cut", &class);
    bench.done(&[task]);
    lab.wait_for_guest(0, "cut");
    let slow = MigrationOptions { bandwidth: Some(Rate(1_048_576.0)), ..MigrationOptions::default() };
    let moving = bench.migrate("cut", 0, 1, slow);
    bench.wait("it is on its way", |s| s.progress.contains_key(&moving));
    lab.fault("cut", 0);
    bench.wait("unreachable", |s| s.host(0).unreachable.is_some());
    let reason = bench.failure(moving);
    assert!(reason.contains("paradoxe-1"), "{reason}");
    lab.mend();
    bench.wait("it answers again", |s| s.host(0).unreachable.is_none());
    // libvirt may go on with the move once the cable is back: its target then lists the VM as migrating.
    bench.wait("the VM runs in one place", |s| (runs(s.state(0, "cut"))) != (runs(s.state(1, "cut"))));
}

#[test]
fn a_disk_image_gets_an_overlay_that_moves_and_goes_with_its_vm() {
    let (lab, mut bench) = lab_or_return!();
    let image = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("image.qcow2");
    let made = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2"])
        .arg(&image)
        .arg("16M")
        .status()
        .expect("qemu-img");
    assert!(made.success());
    let mut class = lab.tiny();
    class.name = "disk".into();
    class.image = Image::Disk(image.display().to_string());
    let class = Arc::new(class);
    let overlay = |host: usize| {
        let files = std::fs::read_dir(lab.file(host, "/var/lib/libvirt/hemera")).into_iter().flatten().flatten();
        let mut disks = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "qcow2"));
        let name = |path: &std::path::Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        disks.find_map(|path| Some(name(&path)).filter(|file| file.starts_with("disk-1.")))
    };
    let task = bench.boot(0, "disk-1", &class);
    bench.done(&[task]);
    let disk = overlay(0).expect("its disk");
    assert!(lab.virsh(0, &["domblklist", "disk-1"]).contains(&format!("/var/lib/libvirt/hemera/{disk}")));
    let task = bench.migrate("disk-1", 0, 1, MigrationOptions::default());
    bench.done(&[task]);
    assert_eq!((lab.domains(0).len(), lab.domains(1).len()), (0, 1));
    assert_eq!((overlay(0), overlay(1)), (None, Some(disk)));
    let task = bench.change(1, "disk-1", Change::Destroy);
    bench.done(&[task]);
    assert_eq!(overlay(1), None);

    let mut absent = lab.tiny();
    absent.image = Image::Disk("/nonexistent/image.qcow2".into());
    let task = bench.boot(0, "absent-1", &Arc::new(absent));
    let reason = bench.failure(task);
    assert!(reason.starts_with("paradoxe-1: making the disk of absent-1 on /nonexistent/image.qcow2: "), "{reason}");
    assert!(lab.domains(0).is_empty());
}
