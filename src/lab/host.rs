//! A host: a libvirtd in namespaces of its own, with directories of its own.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use super::run::{daemon, run, tail};
use super::{Host, LabError, Plan, Record, tls};

/// How long a libvirtd may take to answer: it asks QEMU what it can first, and many do so at once.
const PATIENCE: Duration = Duration::from_secs(60);
/// What runs inside its namespaces.
const ENTER: &str = include_str!("host/enter.sh");

/// The libvirt network that VMs of a class with `network = "hemera"` hang on: the host's own bridge.
const NETWORK: &str = "<network><name>hemera</name><forward mode='bridge'/><bridge name='br0'/></network>\n";

/// Writes all that a host's libvirtd reads.
pub(super) fn prepare(record: &Record, plan: &Plan, host: &Host) -> Result<(), LabError> {
    let own = record.host_dir(&host.name);
    let networks = own.join("etc/qemu/networks/autostart");
    for dir in [&networks, &own.join("lib/images"), &own.join("log/qemu"), &own.join("cache"), &own.join("run")] {
        fs::create_dir_all(dir).map_err(LabError::file(dir))?;
    }
    let write = |name: &str, text: &str| {
        let path = own.join(name);
        fs::write(&path, text).map_err(LabError::file(path))
    };
    write("hosts", &names(plan))?;
    let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid").map_err(LabError::file("/proc/sys"))?;
    write("etc/libvirtd.conf", &libvirtd_conf(host, uuid.trim()))?;
    write("etc/qemu.conf", &qemu_conf())?;
    write("etc/qemu/networks/hemera.xml", NETWORK)?;
    let link = networks.join("hemera.xml");
    symlink("../hemera.xml", &link).map_err(LabError::file(link))
}

/// All hosts by name, short and full.
fn names(plan: &Plan) -> String {
    let mut text = String::from("127.0.0.1 localhost\n");
    for host in plan.hosts() {
        let _ = writeln!(text, "{} {} {}", host.address, host.full_name, host.name);
    }
    text
}

/// Requests, workers and connections for many moves at once. Two daemons with one `host_uuid` refuse to migrate.
fn libvirtd_conf(host: &Host, uuid: &str) -> String {
    format!(
        "listen_tls = 0\nlisten_tcp = 1\nlisten_addr = \"{}\"\nauth_tcp = \"none\"\nauth_unix_rw = \"none\"\n\
         unix_sock_group = \"root\"\nhost_uuid = \"{uuid}\"\nmax_clients = 200\nmax_workers = 64\n\
         max_client_requests = 32\n",
        host.address
    )
}

/// Memory moves under TLS only between hosts that have certificates of the lab's authority.
fn qemu_conf() -> String {
    format!("{QEMU_CONF}migrate_tls_x509_cert_dir = \"{}\"\nmigrate_tls_x509_verify = 1\n", tls::DIRECTORY)
}

/// The peer's keep-alive decides how long a move to a dead host hangs.
const QEMU_CONF: &str = "\
user = \"root\"
group = \"root\"
security_driver = \"none\"
cgroup_controllers = [ ]
namespaces = [ ]
remember_owner = 0
stdio_handler = \"file\"
migration_port_min = 49152
migration_port_max = 49407
keepalive_interval = 2
keepalive_count = 3
";

/// Starts a host's libvirtd.
pub(super) fn launch(record: &Record, host: &Host, kvm: bool) -> Result<Child, LabError> {
    let own = record.host_dir(&host.name);
    let (dir, kvm) = (own.display().to_string(), if kvm { "kvm" } else { "" });
    let unshare = ["unshare", "--mount", "--uts", "--propagation", "private"];
    let enter = ["sh", "-c", ENTER, "enter", &host.name, &dir, kvm];
    daemon(&host.namespace, unshare.into_iter().chain(enter), &own.join("log/libvirtd.log"))
}

/// Waits until a host's libvirtd answers and its network is there.
pub(super) fn wait(record: &Record, host: &Host, started: &mut Child, stop: &dyn Fn() -> bool) -> Result<(), LabError> {
    let began = Instant::now();
    let uri = host.uri();
    let ended = |child: &mut Child| child.try_wait().ok().flatten().is_some();
    while began.elapsed() < PATIENCE && !ended(started) {
        if stop() {
            return Err(LabError::Interrupted);
        }
        if run("timeout", ["10", "virsh", "-q", "-c", &uri, "net-info", "hemera"]).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    let log = tail(&record.host_dir(&host.name).join("log/libvirtd.log"));
    Err(LabError::Host { host: host.full_name.clone(), seconds: began.elapsed().as_secs(), log })
}
