//! Two real libvirt hosts for a test process: `hemera lab up` once, `down` when the process has ended.
// Each test binary uses its own part, and for a module of tests `pub` reads better than `pub(crate)`.
#![allow(dead_code, unreachable_pub)]

#[path = "start.rs"]
mod start;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hemera::fleet::{Bytes, HostId, Image, Rate, Ready, Topology, VmClass};
use hemera::platform::HostAccess;
pub use start::wait_until;
use start::{done, hemera, not_run};

/// The names of both hosts.
pub const HOSTS: [&str; 2] = ["paradoxe-1", "paradoxe-2"];

/// A running lab, all to one test at a time.
pub struct Lab {
    dir: PathBuf,
    uris: Vec<String>,
    _turn: MutexGuard<'static, ()>,
}

/// Starts the lab at the first call of a process. None where this machine cannot run it, said loudly: not captured with
/// the test's output. In CI that is a failure.
fn started() -> Result<PathBuf, String> {
    static STARTED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let start = || {
        let me = std::process::id().to_string();
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lab-{me}"));
        start::start(&dir, &["--sites", "1", "--hosts", "2", "--disk", "400 MiB"])?;
        // However this process ends, the lab ends with it. A session of its own, so that a Ctrl-C for the process does
        // not end its guard as well.
        let guard = "while kill -0 \"$1\" 2> /dev/null; do sleep 0.5; done; exec \"$0\" lab down \"$2\"";
        let mut guarded = Command::new("setsid");
        guarded.args(["--fork", "sh", "-c", guard, env!("CARGO_BIN_EXE_hemera"), &me]).arg(&dir);
        guarded.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = guarded.status().expect("setsid");
        assert!(status.success(), "no guard for the lab: {status}");
        std::fs::write(dir.join("hosts/workflow.toml"), workflow(&dir)).expect("a workflow");
        Ok(dir)
    };
    STARTED.get_or_init(start).clone()
}

/// Boots four of the lab's guests, which idle, moves them crosswise and back.
fn workflow(dir: &Path) -> String {
    let written = std::fs::read_to_string(dir.join("workflow.toml")).expect("workflow.toml");
    let boot = ["kernel", "initrd", "cmdline"].map(|key| {
        let line = written.lines().find(|line| line.starts_with(&format!("{key} = ")));
        format!("{}\n", line.expect("a key of [vm.tiny]"))
    });
    let crossed = "[[step]]\nmigrate = { select = \"class:tiny\", pattern = \"crossed\" }\n";
    format!(
        "name = \"lab\"\n\n[vm.tiny]\nvcpus = 1\nmemory = \"96 MiB\"\n{}\n[limits]\nboot_per_host = 2\n\
         migrate_total = 2\n\n[[step]]\nboot = {{ class = \"tiny\", count = 4, name = \"tiny-{{n}}\" }}\n\n\
         {crossed}\n{crossed}",
        boot.concat()
    )
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
        let dir = match started() {
            Ok(dir) => dir,
            Err(why) => {
                not_run(&why);
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

    /// A workflow that boots four VMs, moves them crosswise and back.
    pub fn workflow(&self) -> PathBuf {
        self.dir.join("hosts/workflow.toml")
    }

    /// What opens a console on it, with the workflow's classes to boot from.
    pub fn console(&self) -> [OsString; 4] {
        ["--world".into(), self.world().into(), "--classes".into(), self.workflow().into()]
    }

    /// Where a host keeps what the serial console of the VM of this name says; none where it does not.
    pub fn serial_log(&self, host: usize, name: &str) -> Option<PathBuf> {
        let files = std::fs::read_dir(self.dir.join("hosts").join(HOSTS[host]).join("lib/hemera")).ok()?.flatten();
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

    /// Its number, which its names and addresses have in them.
    fn number(&self) -> &str {
        self.uris[0].split('.').nth(2).expect("an address")
    }

    /// The address of host 0 or 1.
    pub fn address(&self, host: usize) -> String {
        self.uris[host].trim_start_matches("qemu+tcp://").trim_end_matches("/system").to_owned()
    }

    /// The network namespace of host 0 or 1.
    pub fn namespace(&self, host: usize) -> String {
        format!("hm{}-{}", self.number(), HOSTS[host])
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// With what `ssh -F` reaches the hosts by their names.
    pub fn ssh_config(&self) -> PathBuf {
        self.dir.join("ssh/config")
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
        topology.add_cluster(site, "paradoxe", HOSTS.map(new));
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
            agent: true,
            ssh: None,
            patience: None,
            ssh_key: None,
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

    /// The path of a file on a host as seen from here, for those that a host keeps in its own `/var` or `/run`.
    pub fn file(&self, host: usize, path: &str) -> PathBuf {
        let own = self.dir.join("hosts").join(HOSTS[host]);
        for (theirs, ours) in [("/var/lib/libvirt", "lib"), ("/var/log/libvirt", "log"), ("/run", "run")] {
            if let Some(rest) = path.strip_prefix(theirs) {
                return own.join(ours).join(rest.trim_start_matches('/'));
            }
        }
        PathBuf::from(path)
    }

    /// Waits until a guest of a host has said on its serial line that it is up.
    pub fn wait_for_guest(&self, host: usize, name: &str) {
        let up = || self.said(host, name).contains("hemera guest is up");
        start::wait_minutes(3, &format!("{name} says that it is up"), up);
    }

    /// Runs a command in a guest by its agent, as its user would; it goes on in the guest's background.
    pub fn in_guest(&self, host: usize, name: &str, script: &str) {
        let script = format!("(sleep 0.2; {script}) > /dev/null 2>&1 &");
        let arguments = format!(r#"{{"path":"/bin/sh","arg":["-c","{script}"]}}"#);
        let question = format!(r#"{{"execute":"guest-exec","arguments":{arguments}}}"#);
        // The agent comes a moment after the guest has said that it is up, and a moment after a move.
        let args = ["qemu-agent-command", "--timeout", "20", name, &question];
        wait_until(&format!("the agent of {name} takes a command"), || match self.try_virsh(host, &args) {
            Ok(_) => true,
            Err(why) if why.contains("agent is not connected") => false,
            Err(why) => panic!("{script} in {name}: {why}"),
        });
    }

    /// Breaks something: `hang`, `kill`, `cut` and so on for host 0 or 1.
    pub fn fault(&self, what: &str, host: usize) {
        done(hemera(&["lab", "fault", what, HOSTS[host], "--dir"]).arg(&self.dir));
    }

    /// Breaks something of the whole lab, as `no-dhcp` does.
    pub fn fault_lab(&self, what: &str) {
        done(hemera(&["lab", "fault", what, "--dir"]).arg(&self.dir));
    }

    /// Breaks a VM: `kill-vm`, `freeze-vm`.
    pub fn fault_vm(&self, what: &str, vm: &str) {
        done(hemera(&["lab", "fault", what, vm, "--dir"]).arg(&self.dir));
    }

    /// Mends everything that was broken.
    pub fn mend(&self) {
        done(hemera(&["lab", "mend"]).arg(&self.dir));
    }

    /// Brings both hosts back to how they began, as an earlier test may have failed half-way.
    fn clear(&self) {
        self.mend();
        for host in 0..self.uris.len() {
            for name in self.domains(host) {
                let _ = self.try_virsh(host, &["destroy", &name]);
            }
        }
    }
}
