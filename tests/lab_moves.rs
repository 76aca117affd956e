//! Every option of a move, on two real hosts: QEMU itself is asked, while it moves a VM, whether the option is in force, and
//! what cannot be is refused before anything has begun.
#![cfg(feature = "libvirt")]

#[path = "support/bench.rs"]
mod bench;
#[path = "support/lab.rs"]
mod lab;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bench::Bench;
use hemera::fleet::{Adjust, Compression, Image, MigrationOptions, Rate, Storage, TaskId, VmClass};
use hemera::platform::{Change, End, Platform as _, Request, SshAccess};
use lab::{HOSTS, Lab, wait_until};
use serde_json::Value;

/// The lab and a platform connected to it, or the end of the test where there is no lab.
macro_rules! lab_or_return {
    () => {{
        let Some(lab) = Lab::take() else { return };
        let (topology, mut access) = lab.hosts();
        for (host, access) in HOSTS.iter().zip(&mut access) {
            access.ssh = Some(SshAccess {
                destination: (*host).into(),
                config: Some(lab.ssh_config()),
                any_key: false,
                guest: false,
            });
        }
        let mut bench = Bench::new((topology, access));
        bench.answers(2);
        (lab, bench)
    }};
}

/// So slow that a move can be looked at.
const SLOW: Rate = Rate(4_194_304.0);
/// As fast as it goes.
const FAST: Rate = Rate(1e9);

fn slow() -> MigrationOptions {
    MigrationOptions { bandwidth: Some(SLOW), ..MigrationOptions::default() }
}

/// What QEMU itself answers.
fn qmp(lab: &Lab, host: usize, vm: &str, command: &str) -> Value {
    let question = format!(r#"{{"execute":"{command}"}}"#);
    let answer = lab.virsh(host, &["qemu-monitor-command", vm, &question]);
    let mut answer: Value = serde_json::from_str(&answer).expect("an answer");
    answer["return"].take()
}

/// The capabilities of migration that QEMU has switched on, but for those that libvirt switches on by itself.
fn switched_on(lab: &Lab, host: usize, vm: &str) -> BTreeSet<String> {
    let all = qmp(lab, host, vm, "query-migrate-capabilities");
    let on = all.as_array().expect("a list").iter().filter(|one| one["state"] == true);
    let names = on.map(|one| one["capability"].as_str().expect("a name").to_owned());
    let own = ["events", "pause-before-switchover", "late-block-activate", "return-path", "block", "dirty-bitmaps"];
    names.filter(|name| !own.contains(&name.as_str())).collect()
}

/// How many connections go from one host's QEMUs to the other's, not counting what disks are copied through.
fn connections(lab: &Lab, from: usize) -> usize {
    let (namespace, to) = (lab.namespace(from), lab.address(1 - from));
    let args = ["netns", "exec", &namespace, "ss", "-Htn", "state", "established", "dst", &to];
    let output = Command::new("ip").args(args).output().expect("ss");
    assert!(output.status.success(), "{output:?}");
    let ours = |line: &&str| line.contains(&format!("{to}:49"));
    String::from_utf8_lossy(&output.stdout).lines().filter(ours).count()
}

/// A VM that goes to and fro.
struct Traveller {
    name: &'static str,
    here: usize,
}

impl Traveller {
    /// Starts it on the first host.
    fn put(bench: &mut Bench, name: &'static str, class: VmClass) -> Self {
        let task = bench.boot(0, name, &Arc::new(class));
        bench.done(&[task]);
        Self { name, here: 0 }
    }

    /// Starts it, and waits for its guest.
    fn boot(lab: &Lab, bench: &mut Bench, name: &'static str, class: VmClass) -> Self {
        let vm = Self::put(bench, name, class);
        lab.wait_for_guest(0, name);
        vm
    }

    fn start(&self, bench: &mut Bench, options: MigrationOptions) -> TaskId {
        bench.migrate(self.name, self.here as u32, 1 - self.here as u32, options)
    }

    /// Moves it, has it looked at when memory is on its way, and lets it arrive.
    fn moves(&mut self, lab: &Lab, bench: &mut Bench, options: MigrationOptions, look: impl FnOnce(&Lab, usize)) {
        let task = self.start(bench, options);
        bench.wait(&format!("it is on its way: {options}"), |s| {
            s.ends.contains_key(&task)
                || s.progress.get(&task).is_some_and(|all| all.iter().any(|p| p.transferred.0 > 0))
        });
        assert_eq!(bench.seen.ends.get(&task), None, "it ended before it was looked at: {options}");
        look(lab, self.here);
        bench.platform.submit(Request::Adjust { task, adjust: Adjust::Bandwidth(FAST) });
        bench.platform.submit(Request::Adjust { task, adjust: Adjust::MaxDowntime(Duration::from_secs(5)) });
        self.arrives(lab, bench, task, options);
    }

    fn arrives(&mut self, lab: &Lab, bench: &mut Bench, task: TaskId, options: MigrationOptions) {
        assert_eq!(bench.end(task).0, End::Done, "{options}");
        assert_eq!(bench.seen.refused.get(&task), None, "{options}");
        self.here = 1 - self.here;
        assert_eq!(lab.virsh(self.here, &["domstate", self.name]).trim(), "running", "{options}");
        assert_eq!(lab.domains(1 - self.here), Vec::<String>::new(), "{options}");
        let booted = lab.said(self.here, self.name).matches("hemera guest is up").count();
        assert_eq!(booted, 1, "it goes on as it was: {options}");
    }

    /// A move that does not come about leaves it where it was; why that was.
    fn stays(&self, lab: &Lab, bench: &mut Bench, options: MigrationOptions) -> String {
        let task = self.start(bench, options);
        let why = bench.failure(task);
        assert_eq!(lab.virsh(self.here, &["domstate", self.name]).trim(), "running", "{why}");
        assert_eq!(lab.domains(1 - self.here), Vec::<String>::new(), "{why}");
        assert!(bench.seen.progress.get(&task).is_none_or(Vec::is_empty), "it had begun: {why}");
        why
    }
}

#[test]
#[ignore = "takes long; tests/run --long"]
fn every_option_is_in_force_while_a_vm_moves() {
    let (lab, mut bench) = lab_or_return!();
    let mut vm = Traveller::boot(&lab, &mut bench, "to-and-fro", lab.tiny());
    let name = vm.name;
    let only = |lab: &Lab, host: usize, capability: Option<&str>| {
        assert_eq!(switched_on(lab, host, name), capability.into_iter().map(str::to_owned).collect());
    };

    vm.moves(&lab, &mut bench, slow(), |lab, source| {
        only(lab, source, None);
        assert_eq!(connections(lab, source), 1);
        let parameters = qmp(lab, source, name, "query-migrate-parameters");
        assert_eq!((&parameters["max-bandwidth"], &parameters["tls-creds"]), (&4_194_304.into(), &"".into()));
    });
    vm.moves(&lab, &mut bench, MigrationOptions { auto_converge: true, ..slow() }, |lab, source| {
        only(lab, source, Some("auto-converge"));
    });

    // Such a move never ends by itself, so that there are pages that are sent again.
    let rounds =
        MigrationOptions { max_downtime: Some(Duration::from_millis(1)), bandwidth: Some(Rate(40e6)), ..slow() };
    let xbzrle = MigrationOptions { compression: Some(Compression::Xbzrle), ..rounds };
    lab.in_guest(vm.here, name, "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i | dd of=/tmp/f bs=4k; done");
    vm.moves(&lab, &mut bench, xbzrle, |lab, source| {
        only(lab, source, Some("xbzrle"));
        wait_until("pages are sent as differences", || {
            qmp(lab, source, name, "query-migrate")["xbzrle-cache"]["pages"].as_u64() > Some(0)
        });
    });
    let mt = MigrationOptions { compression: Some(Compression::Mt), ..slow() };
    vm.moves(&lab, &mut bench, mt, |lab, source| {
        only(lab, source, Some("compress"));
        wait_until("pages are compressed", || {
            qmp(lab, source, name, "query-migrate")["compression"]["pages"].as_u64() > Some(0)
        });
    });

    vm.moves(&lab, &mut bench, MigrationOptions { parallel: Some(3), ..slow() }, |lab, source| {
        only(lab, source, Some("multifd"));
        assert_eq!(qmp(lab, source, name, "query-migrate-parameters")["multifd-channels"], 3);
        assert_eq!(connections(lab, source), 1 + 3);
        wait_until("pages go over them", || {
            qmp(lab, source, name, "query-migrate")["ram"]["multifd-bytes"].as_u64() > Some(1 << 20)
        });
    });

    // libvirt lets nobody ask the target meanwhile; one without TLS would not understand what comes.
    let encrypted = |lab: &Lab, source: usize| {
        assert_eq!(qmp(lab, source, name, "query-migrate-parameters")["tls-creds"], "objlibvirt_migrate_tls0");
    };
    vm.moves(&lab, &mut bench, MigrationOptions { tls: true, ..slow() }, |lab, source| {
        only(lab, source, None);
        encrypted(lab, source);
    });
    vm.moves(&lab, &mut bench, MigrationOptions { tls: true, parallel: Some(2), ..slow() }, |lab, source| {
        only(lab, source, Some("multifd"));
        encrypted(lab, source);
    });
    vm.moves(&lab, &mut bench, MigrationOptions { tls: true, may_post_copy: true, ..slow() }, |lab, source| {
        only(lab, source, Some("postcopy-ram"));
        encrypted(lab, source);
    });

    vm.moves(&lab, &mut bench, MigrationOptions { tunnelled: true, ..slow() }, |lab, source| {
        assert_eq!(connections(lab, source), 0, "all goes through libvirt's own");
        assert_eq!(qmp(lab, source, name, "query-migrate")["status"], "active");
    });
    let compressed = MigrationOptions { tunnelled: true, compression: Some(Compression::Xbzrle), ..slow() };
    vm.moves(&lab, &mut bench, compressed, |lab, source| only(lab, source, Some("xbzrle")));
    let checked = MigrationOptions { check_cpu: true, ..MigrationOptions::default() };
    let task = vm.start(&mut bench, checked);
    vm.arrives(&lab, &mut bench, task, checked);
}

/// The small guest on its disk image.
fn tiny_disk(lab: &Lab) -> VmClass {
    let mut class = lab.tiny();
    let Image::Kernel { kernel, .. } = &class.image else { panic!("a class that boots a kernel") };
    let image = Path::new(kernel).with_file_name("tiny.qcow2");
    class.name = "tiny-disk".into();
    class.image = Image::Disk(image.display().to_string());
    class
}

/// What a VM wrote over its image, on its host.
fn overlay(lab: &Lab, host: usize, name: &str) -> Option<PathBuf> {
    let files = std::fs::read_dir(lab.file(host, "/var/lib/libvirt/hemera")).expect("a pool").flatten();
    let ours = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        file.starts_with(&format!("{name}.")) && path.extension().is_some_and(|end| end == "qcow2")
    };
    files.map(|file| file.path()).find(ours)
}

/// How many bytes a disk is copied in all, while it is.
fn copied(lab: &Lab, host: usize, name: &str) -> u64 {
    let jobs = qmp(lab, host, name, "query-block-jobs");
    let jobs = jobs.as_array().expect("a list");
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(jobs[0]["type"], "mirror");
    jobs[0]["len"].as_u64().expect("a length")
}

#[test]
#[ignore = "takes long; tests/run --long"]
fn disks_move_as_asked() {
    let (lab, mut bench) = lab_or_return!();
    let mut vm = Traveller::boot(&lab, &mut bench, "disk-too", tiny_disk(&lab));
    let name = vm.name;
    let write = |lab: &Lab, host: usize, text: &str| {
        let script = format!(
            "echo {text} | dd of=/dev/vda bs=512 seek=69000 conv=notrunc,fsync; echo wrote-{text} > /dev/ttyS0"
        );
        lab.in_guest(host, name, &script);
        wait_until("it is written", || lab.said(host, name).contains(&format!("wrote-{text}")));
    };
    // From the disk, not from what the guest's kernel remembers of it.
    let read = |lab: &Lab, host: usize, text: &str| {
        let read = "dd if=/dev/vda bs=512 skip=69000 count=1 | head -n 1";
        lab.in_guest(host, name, &format!("echo 3 > /proc/sys/vm/drop_caches; echo read-$({read}) > /dev/ttyS0"));
        wait_until("it is read", || lab.said(host, name).contains(&format!("read-{text}")));
    };
    let mut lengths = Vec::new();
    for (storage, text) in [(Storage::Auto, "first"), (Storage::Inc, "second"), (Storage::Full, "third")] {
        write(&lab, vm.here, text);
        let options = MigrationOptions { storage, ..slow() };
        vm.moves(&lab, &mut bench, options, |lab, source| lengths.push(copied(lab, source, name)));
        read(&lab, vm.here, text);
        assert_eq!(overlay(&lab, 1 - vm.here, name), None, "nothing stays behind");
        let disk = std::fs::metadata(overlay(&lab, vm.here, name).expect("its disk")).expect("its size").len();
        println!("{options}: {} bytes copied, {disk} bytes on the target", lengths.last().unwrap_or(&0));
        assert_eq!(disk > 8 << 20, storage == Storage::Full, "{disk} bytes");
    }
    assert!(lengths[2] > 8 << 20 && lengths[..2].iter().all(|&length| length < 8 << 20), "{lengths:?}");
    // Disks go under TLS as well where memory does.
    write(&lab, vm.here, "fourth");
    vm.moves(&lab, &mut bench, MigrationOptions { tls: true, ..slow() }, |lab, source| {
        // QEMU does not tell how the connection of a disk is encrypted; the target's end takes none that is not.
        assert_eq!(qmp(lab, source, name, "query-migrate-parameters")["tls-creds"], "objlibvirt_migrate_tls0");
        copied(lab, source, name);
    });
    read(&lab, vm.here, "fourth");
    let task = bench.change(vm.here as u32, name, Change::Destroy);
    bench.done(&[task]);
}

/// A host that says of itself that it has little memory, as long as this is there.
struct Small {
    pid: String,
}

impl Small {
    fn make(lab: &Lab, host: usize, mib: u64) -> Self {
        let pid = std::fs::read_to_string(lab.file(host, "/run/libvirtd.pid")).expect("a libvirtd");
        let figures = std::fs::read_to_string("/proc/meminfo").expect("figures");
        let little = |line: &str| {
            let (name, _) = line.split_once(':').expect("a figure");
            match name {
                "MemFree" => format!("{name}: {} kB\n", mib << 10),
                "Cached" | "Buffers" | "KReclaimable" | "SwapFree" => format!("{name}: {} kB\n", 1 << 10),
                _ => format!("{line}\n"),
            }
        };
        let file = lab.file(host, "/run/meminfo");
        std::fs::write(&file, figures.lines().map(little).collect::<String>()).expect("figures");
        let small = Self { pid: pid.trim().to_owned() };
        small.inside(&["mount", "--bind", "/run/meminfo", "/proc/meminfo"]);
        small
    }

    fn inside(&self, command: &[&str]) {
        let status = Command::new("nsenter").args(["-m", "-t", &self.pid]).args(command).status().expect("nsenter");
        assert!(status.success(), "{command:?}: {status}");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.inside(&["umount", "/proc/meminfo"]);
    }
}

/// A file or directory that is elsewhere as long as this is there.
struct Away {
    place: PathBuf,
    meanwhile: PathBuf,
}

impl Away {
    fn put(place: PathBuf) -> Self {
        let name = place.file_name().expect("a name").to_str().expect("a name of text");
        let meanwhile = place.with_file_name(format!("{name}-away"));
        std::fs::rename(&place, &meanwhile).expect("it goes away");
        Self { place, meanwhile }
    }
}

impl Drop for Away {
    /// Back over what has been put in its place.
    fn drop(&mut self) {
        let back = std::fs::rename(&self.meanwhile, &self.place);
        assert!(back.is_ok() || std::thread::panicking(), "{} comes back: {back:?}", self.place.display());
    }
}

/// A domain that is not started, with a CPU that QEMU does not have without KVM.
const STRANGE_CPU: &str = "<domain type='qemu'><name>strange</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>\
    <os><type arch='x86_64'>hvm</type></os><cpu mode='custom' match='exact' check='none'>\
    <model fallback='forbid'>Skylake-Server</model><feature policy='require' name='pcid'/></cpu></domain>";

#[test]
fn what_cannot_be_is_refused_before_it_begins() {
    let (lab, mut bench) = lab_or_return!();
    let vm = Traveller::boot(&lab, &mut bench, "stays", lab.tiny());
    let options = MigrationOptions::default();

    let zstd = MigrationOptions { compression: Some(Compression::Zstd), parallel: Some(2), ..options };
    let version = lab.virsh(0, &["version", "--daemon"]);
    let libvirt = version.lines().find_map(|line| line.strip_prefix("Running against daemon: ")).expect("a version");
    if libvirt.split('.').map(|part| part.trim().parse::<u32>().expect("a number")).collect::<Vec<_>>() < vec![9, 4] {
        let why = vm.stays(&lab, &mut bench, zstd);
        assert_eq!(why, format!("compression zstd needs libvirt 9.4, and paradoxe-1 has {libvirt}"));
    }

    let small = Small::make(&lab, 1, 20);
    let why = vm.stays(&lab, &mut bench, options);
    assert!(why.starts_with("paradoxe-2 has no room for stays, which holds "), "{why}");
    assert!(
        why.ends_with(" MiB of memory: 20 MiB are free there, and at best 4 MiB more could be freed or swapped out"),
        "{why}"
    );
    drop(small);

    let pki = |host: usize| lab.dir().join("hosts").join(HOSTS[host]).join("etc/pki");
    let tls = MigrationOptions { tls: true, ..options };
    for host in [1, 0] {
        let hidden = Away::put(pki(host));
        let why = vm.stays(&lab, &mut bench, tls);
        drop(hidden);
        let said = format!("stays cannot move under TLS: {} has no certificates for it", HOSTS[host]);
        assert!(why.starts_with(&said), "{why}");
    }

    // The certificate of another host, of the same authority.
    let pair = ["server-cert.pem", "server-key.pem"];
    let ours = pair.map(|file| Away::put(pki(1).join(file)));
    for file in pair {
        std::fs::copy(pki(0).join(file), pki(1).join(file)).expect("a copy");
    }
    let why = vm.stays(&lab, &mut bench, tls);
    drop(ours);
    assert!(why.contains("the certificate of paradoxe-2 does not hold the address"), "{why}");

    let file = lab.file(0, "/run/strange.xml");
    std::fs::write(&file, STRANGE_CPU).expect("a definition");
    lab.virsh(0, &["define", file.to_str().expect("a path of text")]);
    let checked = MigrationOptions { check_cpu: true, ..options };
    let task = bench.migrate("strange", 0, 1, checked);
    let why = bench.failure(task);
    lab.virsh(0, &["undefine", "strange"]);
    assert!(why.starts_with("paradoxe-2 does not have the CPU of strange: "), "{why}");

    let task = bench.change(0, vm.name, Change::Destroy);
    bench.done(&[task]);
    let vm = Traveller::put(&mut bench, "stays-too", tiny_disk(&lab));
    let alone = "the disk of stays-too lies on paradoxe-1 alone, and ";
    for (options, why) in [
        (MigrationOptions { tunnelled: true, ..options }, "a tunnelled move copies no disks: leave out tunnelled"),
        (
            MigrationOptions { storage: Storage::None, ..options },
            "with storage none it would stay there: leave out storage",
        ),
    ] {
        assert_eq!(vm.stays(&lab, &mut bench, options), format!("{alone}{why}"));
        assert!(overlay(&lab, 0, vm.name).is_some() && overlay(&lab, 1, vm.name).is_none());
    }
}
