//! Images on a real lab: they reach all hosts over limited links, go on where they broke off, and VMs boot from them.
//!
//! Needs root and what `hemera lab up` names where it is missing. Where the machine cannot, that is said loudly, and is a
//! failure in CI.

#[path = "support/start.rs"]
mod start;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;
#[cfg(feature = "libvirt")]
use std::time::Instant;

use hemera::image::{Arrival, HostProgress, ImageFile, Options, Shape, Spread, Stage, Target, spread};
use hemera::platform::HostAccess;
use hemera::world::{Kind, World};
use start::{done, hemera, not_run, start, wait_until};

/// A lab in a directory, ended however the test ends.
struct Lab(PathBuf);

impl Lab {
    /// Starts it; none where this machine cannot.
    fn up(name: &str, args: &[&str]) -> Option<Self> {
        let lab = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lab-{name}")));
        // What an earlier test process left that was killed.
        drop(Self(lab.0.clone()));
        let _ = std::fs::remove_dir_all(&lab.0);
        match start(&lab.0, args) {
            Ok(_) => Some(lab),
            Err(why) => {
                not_run(&why);
                None
            }
        }
    }

    fn world(&self) -> (World, Vec<HostAccess>) {
        let world = World::load(self.0.join("world.toml").to_str().expect("text")).expect("its world");
        let Kind::Libvirt(access) = world.kind.clone() else { panic!("not real hosts") };
        (world, access)
    }

    fn targets(&self) -> Vec<Target> {
        let (world, access) = self.world();
        access.iter().map(|access| Target::of(&world.topology, access).expect("a shell on it")).collect()
    }

    /// What a command on a host prints.
    fn on(&self, host: &str, command: &str) -> String {
        done(Command::new("ssh").arg("-F").arg(self.0.join("ssh/config")).args([host, command]))
    }

    /// Kills a host's processes of that program.
    fn kill(&self, host: &str, program: &str) {
        let (_, access) = self.world();
        let number = access[0].uri.split('.').nth(2).expect("an address of the lab");
        let inside = done(Command::new("ip").args(["netns", "pids", &format!("hm{number}-{host}")]));
        let named =
            |pid: &&str| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == program);
        let found: Vec<&str> = inside.split_whitespace().filter(named).collect();
        assert!(!found.is_empty(), "no {program} runs on {host}");
        done(Command::new("kill").arg("-KILL").args(found));
    }

    /// Runs a step with a class of VMs, whose image is found in the folder too; `more`: keys of `[images]`.
    #[cfg(feature = "libvirt")]
    fn run(&self, folder: &Path, more: &str, class: &str, step: &str) {
        let (world, file) = (folder.join("world.toml"), folder.join("step.toml"));
        let text = std::fs::read_to_string(self.0.join("world.toml")).expect("its world");
        let text = text.replace("directories = [", &format!("{more}\ndirectories = [\".\", "));
        std::fs::write(&world, text).expect("a world");
        let class = format!("[vm.disk]\nvcpus = 1\n{class}\n");
        std::fs::write(&file, format!("name = \"x\"\n{class}[[step]]\n{step}\n")).expect("a workflow");
        done(hemera(&["run"]).arg(&file).arg("--world").arg(&world).arg("--out").arg(folder.join("out")));
    }

    /// How many bytes went over the hosts' cables to them.
    #[cfg(feature = "libvirt")]
    fn delivered(&self) -> u64 {
        let (world, access) = self.world();
        let number = access[0].uri.split('.').nth(2).expect("an address of the lab").to_owned();
        let bytes = |host: &hemera::fleet::Host| {
            let file = format!("/sys/class/net/{}/statistics/tx_bytes", host.name);
            let found = done(Command::new("ip").args(["netns", "exec", &format!("hm{number}-net"), "cat", &file]));
            found.trim().parse::<u64>().expect("a number")
        };
        world.topology.hosts.iter().map(bytes).sum()
    }

    /// The path of a host's file as seen from here.
    fn file(&self, host: &str, path: &str) -> PathBuf {
        let rest = path.strip_prefix("/var/lib/libvirt/").expect("a path of libvirt's");
        self.0.join("hosts").join(host).join("lib").join(rest)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = hemera(&["lab", "down"]).arg(&self.0).output();
    }
}

/// A file of so many bytes that no compression makes smaller.
fn image(path: &Path, mib: u64) -> ImageFile {
    let random = std::fs::File::open("/dev/urandom").expect("random bytes");
    let mut file = std::fs::File::create(path).expect("an image");
    std::io::copy(&mut std::io::Read::take(random, mib << 20), &mut file).expect("an image");
    ImageFile::read(path).expect("an image")
}

#[test]
fn an_image_reaches_all_hosts_though_a_transfer_breaks() {
    let Some(lab) = Lab::up("images", &["--sites", "2", "--hosts", "2", "--link", "40 Mbit/s,5 ms"]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let image = image(&folder.path().join("small.img"), 24);
    let targets = lab.targets();
    let spreading = Spread::start(image.path.clone(), Options::default());
    let (sender, ends) = channel();
    let add = |target: &Target| {
        let (name, sender) = (target.name.clone(), sender.clone());
        spreading.add(target.clone(), move |end| sender.send((name, end)).expect("the test listens"));
    };
    targets[..3].iter().for_each(add);
    // From one site to the other it goes over the limited link, in five seconds at best; between which hosts depends on
    // who answered first.
    let cluster = |host: &str| host.split('-').next().unwrap_or_default().to_owned();
    let crosses = |host: &HostProgress| match &host.stage {
        Stage::Receives(from) => from.contains('-') && cluster(from) != cluster(&host.name),
        _ => false,
    };
    let mut half_way = None;
    wait_until("a part of it is at the second site", || {
        let part = |host: &HostProgress| host.bytes > 4 << 20 && host.bytes < image.size;
        half_way = spreading.progress().hosts.iter().position(|host| crosses(host) && part(host));
        half_way.is_some()
    });
    // What receives there is killed.
    let half_way = half_way.expect("a host");
    lab.kill(&targets[half_way].name, "ssh");
    // A host that is ready later joins.
    add(&targets[3]);
    for _ in 0..4 {
        let (name, end) = ends.recv_timeout(Duration::from_secs(60)).expect("an end");
        let arrival = end.unwrap_or_else(|why| panic!("{name}: {why}"));
        let found = done(Command::new("sha256sum").arg(lab.file(&name, &arrival.path)));
        assert!(!arrival.there && found.starts_with(&image.checksum), "{name}: {found}");
    }
    let progress = spreading.progress();
    assert!(progress.hosts.iter().all(|host| host.stage == Stage::Has && host.bytes == image.size), "{progress:?}");
    // It went on where it had broken off.
    assert_eq!(progress.hosts[half_way].broken, 1, "{progress:?}");
    assert!(progress.received() <= 4 * image.size, "{progress:?}");
    // Nothing but the image is left.
    let left = lab.on("ecotype-1", "ls /var/lib/libvirt/images/hemera");
    assert_eq!(left.split_whitespace().collect::<Vec<_>>(), [image.name()]);

    // Nobody gets it again.
    let (again, progress) = spread(&image.path, targets, Options { shape: Shape::Tree, ..Options::default() }, |_| ());
    assert!(again.iter().all(|end| matches!(end, Ok(Arrival { there: true, .. }))), "{again:?}");
    assert_eq!(progress.received(), 0);

    #[cfg(feature = "libvirt")]
    boots(&lab, folder.path(), &image);
}

/// VMs boot from an image that is given by its name, each on a disk of its own that goes with it.
#[cfg(feature = "libvirt")]
fn boots(lab: &Lab, folder: &Path, image: &ImageFile) {
    let run = |step: &str| lab.run(folder, "", "memory = \"64 MiB\"\nimage = \"small\"", step);
    run("spread = { image = \"small\", on = \"site:rennes\" }");
    let tasks = std::fs::read_to_string(folder.join("out/tasks.csv")).expect("its tasks");
    assert_eq!(tasks.matches(",spread,").count(), 2, "{tasks}");
    run("boot = { class = \"disk\", count = 4, name = \"disk-{n}\" }");
    let hosts = ["paradoxe-1", "paradoxe-2", "ecotype-1", "ecotype-2"];
    for host in hosts {
        let disks = lab.on(host, "ls /var/lib/libvirt/hemera/*.qcow2");
        let disk = disks.trim();
        let info = lab.on(host, &format!("qemu-img info -U {disk}"));
        assert!(disks.lines().count() == 1 && info.contains(&image.name()), "{host}: {info}");
    }
    run("destroy = { select = \"class:disk\" }");
    for host in hosts {
        assert_eq!(lab.on(host, "virsh list --all --name; find /var/lib/libvirt/hemera -name '*.qcow2'").trim(), "");
        // The image stays, for the next.
        assert_eq!(lab.on(host, "ls /var/lib/libvirt/images/hemera").trim(), image.name());
    }
}

/// The numbers of this process' children of that program.
fn children(program: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    let stat = |pid: &String| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // "12 (taktuk) S 11 …"; a script bears its own name.
    let ours = |pid: &String| {
        let stat = stat(pid);
        let fields = stat.rsplit_once(") ").map(|(named, rest)| (named.split_once('(').map(|(_, name)| name), rest));
        fields.is_some_and(|(name, rest)| name == Some(program) && rest.split(' ').nth(1) == Some(&own))
    };
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(ours).collect()
}

#[test]
fn taktuk_brings_an_image_to_all_and_what_it_leaves_goes_on_without() {
    let there = Command::new("taktuk").arg("--version").output();
    if there.is_err() {
        return not_run("taktuk is not installed");
    }
    let Some(lab) = Lab::up("taktuk", &["--sites", "2", "--hosts", "2", "--link", "40 Mbit/s,5 ms"]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { shape: Shape::TakTuk, ..Options::default() };
    let verified = |image: &ImageFile, ends: &[Result<Arrival, String>]| {
        for (target, end) in lab.targets().iter().zip(ends) {
            let arrival = end.as_ref().unwrap_or_else(|why| panic!("{}: {why}", target.name));
            let found = done(Command::new("sha256sum").arg(lab.file(&target.name, &arrival.path)));
            assert!(found.starts_with(&image.checksum), "{}: {found}", target.name);
        }
    };

    let whole = image(&folder.path().join("whole.img"), 8);
    let mut by = std::collections::BTreeSet::new();
    let (ends, progress) = spread(&whole.path, lab.targets(), options, |progress| {
        let from =
            |host: &HostProgress| if let Stage::Receives(from) = &host.stage { Some(from.clone()) } else { None };
        by.extend(progress.hosts.iter().filter_map(from));
    });
    verified(&whole, &ends);
    assert_eq!((by.len(), by.first().map(|by| &**by)), (1, Some("taktuk")), "{by:?}");
    assert!(progress.hosts.iter().all(|host| host.broken == 0), "{progress:?}");
    assert_eq!(progress.received(), 4 * whole.size, "{progress:?}");

    // It is killed half-way.
    let broken = image(&folder.path().join("broken.img"), 24);
    let mut killed = false;
    let (ends, progress) = spread(&broken.path, lab.targets(), options, |progress| {
        let all_began = progress.hosts.len() == 4 && progress.hosts.iter().all(|host| host.bytes > 1 << 20);
        if !killed && all_began {
            killed = true;
            done(Command::new("kill").arg("-KILL").args(children("taktuk")));
        }
    });
    assert!(killed);
    verified(&broken, &ends);
    assert!(progress.hosts.iter().any(|host| host.broken > 0), "{progress:?}");
    assert!(progress.received() <= 4 * broken.size, "nobody got twice what it had: {progress:?}");
}

#[test]
fn simulated_hosts_have_every_image() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, out) = (folder.path().join("x.toml"), folder.path().join("out"));
    std::fs::write(&file, "name = \"x\"\n[[step]]\nspread = { image = \"debian12\" }\n").expect("a workflow");
    done(hemera(&["run", "--world", "small", "--speed", "max"]).arg(&file).arg("--out").arg(&out));
    let tasks = std::fs::read_to_string(out.join("tasks.csv")).expect("its tasks");
    assert!(tasks.contains(",spread,") && !tasks.contains("failed"), "{tasks}");
}

/// Prints how long an image takes to all hosts, and VMs to boot from one, by each way, and what went over the hosts'
/// cables: `cargo test --features libvirt --test images -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes: it measures"]
#[cfg(feature = "libvirt")]
fn ways_compared() {
    let Some(lab) = Lab::up("ways", &["--sites", "2", "--hosts", "3", "--link", "100 Mbit/s,5 ms"]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let image = image(&folder.path().join("big.img"), 64);
    let targets = lab.targets();
    let forget = || {
        for target in &targets {
            let lenders = "for pid in /run/hemera-nbd-*.pid; do [ ! -e \"$pid\" ] || kill \"$(cat \"$pid\")\"; done";
            lab.on(&target.name, &format!("{lenders}; rm -rf /var/lib/libvirt/images/hemera /run/hemera-nbd-*"));
        }
    };
    println!("64 MiB to 2 sites x 3 hosts, link of 100 Mbit/s, 5 ms, from the first host to the five others");
    for shape in [Shape::Copies, Shape::Chain, Shape::Tree] {
        forget();
        let options = Options { shape, seeded: true };
        let (first, _) = spread(&image.path, targets[..1].to_vec(), Options::default(), |_| ());
        assert!(first[0].is_ok(), "{first:?}");
        let began = Instant::now();
        let (ends, progress) = spread(&image.path, targets.clone(), options, |_| ());
        assert!(ends.iter().all(Result::is_ok), "{ends:?}");
        let (seconds, mib) = (began.elapsed().as_secs_f64(), progress.received() >> 20);
        println!("  {:<7} {seconds:>6.1} s  {mib:>4} MiB", shape.word());
    }
    // By itself, from the same host, unverified.
    for (arity, how) in [("1", "in a chain"), ("0", "as it likes")] {
        let config = lab.0.join("ssh/config").display().to_string();
        let there = "/var/lib/libvirt/whole";
        lab.on(&targets[0].name, &format!("cp /var/lib/libvirt/images/hemera/{} {there}", image.name()));
        let others: Vec<&str> = targets[1..].iter().flat_map(|target| ["-m", &target.destination]).collect();
        let began = Instant::now();
        lab.on(
            &targets[0].name,
            &format!(
                "taktuk -s -d {arity} -c 'ssh -F {config} -o BatchMode=yes' {} \
                 broadcast exec [ 'cat > /var/lib/libvirt/got' ] \\; \
                 broadcast input file [ {there} ] \\; broadcast input close",
                others.join(" ")
            ),
        );
        println!("  TakTuk {how}: {:.1} s", began.elapsed().as_secs_f64());
        for target in &targets {
            lab.on(&target.name, "rm -f /var/lib/libvirt/got /var/lib/libvirt/whole");
        }
    }
    println!("6 VMs boot from the lab's small image until they answer, one a host, none of which has it");
    for strategy in ["copy", "nbd", "shared"] {
        forget();
        let before = lab.delivered();
        let began = Instant::now();
        lab.run(folder.path(), &format!("strategy = \"{strategy}\""), GUEST, BOOT);
        let seconds = began.elapsed().as_secs_f64();
        let mib = (lab.delivered() - before) >> 20;
        println!("  {strategy:<7} {seconds:>6.1} s  {mib:>4} MiB");
        for target in &targets {
            let list = lab.on(&target.name, "virsh list --name");
            assert_eq!(list.trim().lines().count(), 1, "{}: {list}", target.name);
        }
        lab.run(folder.path(), "", GUEST, "destroy = { select = \"class:disk\" }");
    }
}

/// The guest of labs, on a disk. Six boot at once, which takes a machine without KVM a while.
#[cfg(feature = "libvirt")]
const GUEST: &str = "memory = \"96 MiB\"\nimage = \"tiny\"\nnetwork = \"hemera\"\nready = \"reachable\"\n\
                     patience = \"10 min\"";

#[cfg(feature = "libvirt")]
const BOOT: &str = "boot = { class = \"disk\", count = 6, name = \"disk-{n}\" }";
