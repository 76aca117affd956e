//! Two real libvirt hosts for a test process: `tests/lab/lab` started once, ended when the process has ended.
// Each test binary uses its own part, and for a module of tests `pub` reads better than `pub(crate)`.
#![allow(dead_code, unreachable_pub)]

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hemera::fleet::{Bytes, HostId, Image, Rate, Ready, Topology, VmClass};
use hemera::platform::HostAccess;

/// What a lab script says where the kernel forbids namespaces, and where a program is missing.
const CANNOT: [i32; 2] = [3, 4];

/// A running lab, all to one test at a time.
pub struct Lab {
    dir: PathBuf,
    uris: Vec<String>,
    _turn: MutexGuard<'static, ()>,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/lab")
}

/// Starts the lab at the first call of a process. None where this machine cannot run it, said loudly: not captured with
/// the test's output. In CI that is a failure.
fn start() -> Result<PathBuf, String> {
    static STARTED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let start = || {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab");
        let up = Command::new(script()).arg("up").arg(&dir).stdin(Stdio::null()).output().expect("the lab script");
        let said = String::from_utf8_lossy(&up.stderr).into_owned();
        match up.status.code() {
            Some(0) => {}
            Some(code) if CANNOT.contains(&code) => return Err(said),
            code => panic!("the lab did not come up ({code:?}): {said}"),
        }
        // However this process ends, the lab ends with it.
        let me = std::process::id().to_string();
        let guarded = Command::new(script()).arg("guard").arg(&dir).arg(me).stdin(Stdio::null()).status();
        assert!(guarded.expect("the lab script").success(), "no guard for the lab");
        Ok(dir)
    };
    STARTED.get_or_init(start).clone()
}

/// Whether a console shows how many cores the first host has: it has told.
pub fn sized(screen: &str) -> bool {
    screen.contains(" cores") && !screen.contains("of 0 cores")
}

impl Lab {
    /// The lab, for the calling test alone; none where this machine cannot run it.
    pub fn take() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = match start() {
            Ok(dir) => dir,
            Err(why) => {
                let test = std::thread::current().name().unwrap_or("a test").to_owned();
                assert!(std::env::var_os("CI").is_none(), "{test} must run in CI: {why}");
                writeln!(std::io::stderr(), "NOT RUN: {test} needs real hosts: {}", why.trim()).expect("stderr");
                return None;
            }
        };
        let world = std::fs::read_to_string(dir.join("world.toml")).expect("world.toml");
        let uris = world.split("uri = \"").skip(1).map(|s| s.split('"').next().unwrap_or(s).to_owned()).collect();
        let lab = Self { dir, uris, _turn: turn };
        lab.clear();
        Some(lab)
    }

    /// The world file that describes it.
    pub fn world(&self) -> PathBuf {
        self.dir.join("world.toml")
    }

    /// A workflow that boots eight VMs, moves them crosswise and back.
    pub fn workflow(&self) -> PathBuf {
        self.dir.join("workflow.toml")
    }

    /// What opens a console on it, with the workflow's classes to boot from.
    pub fn console(&self) -> [OsString; 4] {
        ["--world".into(), self.world().into(), "--classes".into(), self.workflow().into()]
    }

    /// Where a host keeps what the serial console of the VM of this name says; none where it does not.
    pub fn serial_log(&self, host: usize, name: &str) -> Option<PathBuf> {
        let files = std::fs::read_dir(self.dir.join(["h1", "h2"][host]).join("lib/hemera")).ok()?.flatten();
        // Name, UUID, ending.
        let log = |path: &PathBuf| {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let uuid = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".serial.log"));
            uuid.is_some_and(|uuid| uuid.len() == 36)
        };
        files.map(|file| file.path()).find(log)
    }

    /// What a VM's serial console has said on that host; nothing where there is no log of it.
    pub fn said(&self, host: usize, name: &str) -> String {
        let bytes = self.serial_log(host, name).and_then(|log| std::fs::read(log).ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The libvirt URI of host 0 or 1.
    pub fn uri(&self, host: usize) -> &str {
        &self.uris[host]
    }

    /// The world as a platform is given it.
    pub fn hosts(&self) -> (Arc<Topology>, Vec<HostAccess>) {
        let mut topology = Topology::new("lab");
        let site = topology.site("lab");
        let new = |name: &str| hemera::fleet::NewHost {
            name: name.into(),
            cores: 0,
            memory: Bytes(0),
            nic: Rate(1.25e9),
            disk: Rate(5e8),
        };
        topology.add_cluster(site, "h", ["h1", "h2"].map(new));
        let access = |(i, uri): (usize, &String)| HostAccess {
            ssh: None,
            host: HostId(i as u32),
            uri: uri.clone(),
            peer: None,
            migrate: Some(uri.replace("qemu+tcp://", "tcp://").replace("/system", "")),
            subnet: None,
        };
        (Arc::new(topology), self.uris.iter().enumerate().map(access).collect())
    }

    /// A class of small VMs that boot a kernel and idle.
    pub fn tiny(&self) -> VmClass {
        let workflow = std::fs::read_to_string(self.workflow()).expect("workflow.toml");
        let value = |key: &str| {
            let line = workflow.lines().find(|l| l.starts_with(&format!("{key} = "))).expect("a key of [vm.tiny]");
            line.split('"').nth(1).expect("a quoted value").to_owned()
        };
        VmClass {
            name: "tiny".into(),
            vcpus: 1,
            memory: Bytes::mib(96),
            image: Image::Kernel { kernel: value("kernel"), initrd: Some(value("initrd")), cmdline: value("cmdline") },
            network: None,
            cpu: None,
            ready: Ready::Up,
        }
    }

    /// What `virsh` says, whose word counts for more than ours. Panics where it fails.
    pub fn virsh(&self, host: usize, args: &[&str]) -> String {
        self.try_virsh(host, args).unwrap_or_else(|e| panic!("virsh {args:?} on host {host}: {e}"))
    }

    /// What `virsh` says, or its error.
    pub fn try_virsh(&self, host: usize, args: &[&str]) -> Result<String, String> {
        let output = Command::new("virsh").args(["-q", "-c", self.uri(host)]).args(args).output().expect("virsh");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// The names of the domains on a host, sorted, as `virsh` lists them.
    pub fn domains(&self, host: usize) -> Vec<String> {
        let mut names: Vec<String> =
            self.virsh(host, &["list", "--all", "--name"]).split_whitespace().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// The path of a file on a host as seen from here, for those that a host keeps in its own `/var`.
    pub fn file(&self, host: usize, path: &str) -> PathBuf {
        let own = self.dir.join(format!("h{}", host + 1));
        for (theirs, ours) in [("/var/lib/libvirt", "lib"), ("/var/log/libvirt", "log")] {
            if let Some(rest) = path.strip_prefix(theirs) {
                return own.join(ours).join(rest.trim_start_matches('/'));
            }
        }
        PathBuf::from(path)
    }

    /// Waits until a guest of a host has said on its serial line that it is up.
    pub fn wait_for_guest(&self, host: usize, name: &str) {
        wait_until(&format!("{name} says that it is up"), || self.said(host, name).contains("hemera guest is up"));
    }

    /// Sends a signal (`STOP`, `CONT`, `KILL`) to a host's libvirtd.
    pub fn signal(&self, host: usize, signal: &str) {
        let pid = std::fs::read_to_string(self.dir.join(format!("h{}/pid", host + 1))).expect("pid");
        let sent = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().expect("kill");
        assert!(sent.success(), "kill -{signal} {pid}");
    }

    /// Takes down (`false`) or brings up (`true`) the cable between a host and everybody else.
    pub fn link(&self, host: usize, up: bool) {
        let number = std::fs::read_to_string(self.dir.join("net")).expect("net");
        let namespace = format!("hm{}-net", number.trim());
        let device = format!("h{}", host + 1);
        let state = if up { "up" } else { "down" };
        let set = Command::new("ip").args(["-n", &namespace, "link", "set", &device, state]).status().expect("ip");
        assert!(set.success(), "ip link set {device} {state}");
    }

    /// Starts a host's libvirtd again, after it was killed. Its VMs ran on meanwhile.
    pub fn restart(&self, host: usize) {
        let name = format!("h{}", host + 1);
        let done = Command::new(script()).arg("restart").arg(&self.dir).arg(&name).stdin(Stdio::null()).output();
        let done = done.expect("the lab script");
        assert!(done.status.success(), "restarting {name}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Brings both hosts back to how they began, as an earlier test may have failed half-way.
    fn clear(&self) {
        for host in 0..self.uris.len() {
            self.link(host, true);
            self.signal(host, "CONT");
        }
        for host in 0..self.uris.len() {
            for name in self.domains(host) {
                let _ = self.try_virsh(host, &["destroy", &name]);
            }
        }
    }
}

/// Waits until `holds` does, and panics with `what` after a minute.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(1), "waited a minute for: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}
