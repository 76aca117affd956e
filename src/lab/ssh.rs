//! SSH on the hosts: an sshd each, one key that opens all, and a client's configuration that knows them.
//!
//! `DIR/ssh` holds the client's side: `ssh -F DIR/ssh/config HOST` works from the machine and from every host. Nothing
//! of the machine's own SSH is used or changed.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use super::run::run;
use super::{Host, LabError, Plan, Record, Site};

/// Makes the key of the lab, and the configuration by which a client finds its hosts.
pub(super) fn client(record: &Record, plan: &Plan) -> Result<(), LabError> {
    let dir = record.ssh_dir();
    fs::create_dir_all(&dir).map_err(LabError::file(&dir))?;
    generate(&dir.join("id"), &format!("lab{}", plan.number))?;
    let own = |name: &str| dir.join(name);
    // Started with sudo, the lab is for the person who asked: a key of root's alone would be of no use to them.
    let person = std::env::var("SUDO_UID").ok().and_then(|id| id.parse().ok());
    if let Some(person) = person {
        chown(own("id"), Some(person), None).map_err(LabError::file(own("id")))?;
    }
    write(&record.ssh_config(), &config(plan, &dir))
}

/// The public half of the lab's key.
pub(super) fn key(record: &Record) -> Result<String, LabError> {
    let path = record.ssh_dir().join("id.pub");
    fs::read_to_string(&path).map_err(LabError::file(path))
}

/// Writes all that a host's sshd reads, and adds its key to those that the client knows.
pub(super) fn server(record: &Record, host: &Host) -> Result<(), LabError> {
    let own = record.host_dir(&host.name).join("ssh");
    fs::create_dir_all(&own).map_err(LabError::file(&own))?;
    generate(&own.join("key"), &host.name)?;
    write(&own.join("sshd_config"), &sshd_config(host, &own, &record.ssh_dir().join("id.pub")))?;
    write(&own.join("pam"), PAM)?;
    let public = own.join("key.pub");
    let key = fs::read_to_string(&public).map_err(LabError::file(public))?;
    let known = record.ssh_dir().join("known_hosts");
    let mut lines = fs::read_to_string(&known).unwrap_or_default();
    let _ = writeln!(lines, "{} {}", host.name, key.trim());
    write(&known, &lines)
}

/// What PAM is to ask of whoever opens a session: nothing, as the key is enough. The machine's own rules may refuse root.
const PAM: &str = "auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_permit.so\n";

/// Many connections at once; gone clients are noticed, as those of a host whose link was cut. Commands run without what
/// root has set up for itself on this machine, which may take long: bash reads that only where no other shell is around it.
fn sshd_config(host: &Host, own: &Path, authorized: &Path) -> String {
    format!(
        "ListenAddress {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nPermitRootLogin prohibit-password\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nUsePAM yes\nUseDNS no\n\
         PrintMotd no\nPrintLastLog no\nMaxStartups 500\nMaxSessions 500\nClientAliveInterval 5\nClientAliveCountMax 3\n\
         Subsystem sftp internal-sftp\nSetEnv SHLVL=1\n",
        host.address,
        quoted(&own.join("key")),
        quoted(authorized),
    )
}

/// Hosts by their names and addresses, VMs by their addresses. A host that does not answer is told within seconds.
fn config(plan: &Plan, dir: &Path) -> String {
    let mut text = format!(
        "# SSH to the hosts and VMs of lab {}, written by `hemera lab up`: ssh -F THIS-FILE HOST\n",
        plan.number
    );
    for host in plan.hosts() {
        let Host { name, full_name, address, .. } = host;
        let _ = write!(text, "\nHost {name} {full_name} {address}\n    HostName {address}\n    HostKeyAlias {name}\n");
    }
    // VMs come and go, each with a key of its own.
    let vms = plan.sites.iter().flat_map(Site::patterns).collect::<Vec<_>>().join(" ");
    let _ = write!(text, "\nHost {vms}\n    StrictHostKeyChecking no\n    UserKnownHostsFile /dev/null\n");
    let (id, known) = (quoted(&dir.join("id")), quoted(&dir.join("known_hosts")));
    let _ = write!(
        text,
        "\nHost *\n    User root\n    IdentityFile {id}\n    IdentitiesOnly yes\n    IdentityAgent none\n    \
         UserKnownHostsFile {known}\n    GlobalKnownHostsFile none\n    StrictHostKeyChecking yes\n    \
         UpdateHostKeys no\n    BatchMode yes\n    ConnectTimeout 5\n    ServerAliveInterval 2\n    \
         ServerAliveCountMax 3\n    LogLevel ERROR\n"
    );
    text
}

/// A path as OpenSSH's configurations have it: quoted, and without the signs that stand for something else.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

fn generate(key: &Path, comment: &str) -> Result<(), LabError> {
    let key = key.display().to_string();
    run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", &key]).map(drop)
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    fs::write(path, text).map_err(LabError::file(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).map_err(LabError::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_finds_every_host_by_name_and_address() {
        let text = config(&Plan::new(3, 2, 1, 256, None), Path::new("/tmp/50 % of it/ssh"));
        assert!(text.contains("\nHost ecotype-1 ecotype-1.nantes.grid5000.fr 10.158.3.2\n    HostName 10.158.3.2\n"));
        assert!(text.contains("IdentityFile \"/tmp/50 %% of it/ssh/id\"\n"), "{text}");
        assert!(text.contains("\nHost 10.160.96.* 10.160.97.* 10.160.98.* 10.160.99.* 10.160.100.* "), "{text}");
    }
}
