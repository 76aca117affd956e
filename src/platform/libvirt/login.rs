//! How a guest without an agent is reached by SSH, by what its domain's mark says.
//!
//! Others may write a domain's metadata, and a file of `ssh_config(5)` can name commands that run here (`ProxyCommand`,
//! `Match exec`): one that others may write is not used.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::queue::lock;
use super::xml::Mark;
use crate::fleet::GuestSsh;
use crate::platform::SshAccess;

/// What was said already: as many VMs as bear the same mark are one matter.
static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
/// How much is said at most: who writes marks writes as many as he likes.
const MOST: usize = 1000;

/// For how long what a VM's source knew of its agent counts on its target, which hears of it a while after the VM came.
const SETTLES: Duration = Duration::from_secs(10);

/// How the guests of a host are reached that have no agent, by their names.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// As the host was last seen.
    seen: HashMap<Arc<str>, SshAccess>,
    /// Of VMs that moved there: when they came, and how they are reached; none: not by SSH.
    arrived: HashMap<Arc<str>, (Instant, Option<SshAccess>)>,
}

/// What a host's observer knows of a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Acquaintance {
    /// Whether its mark says how it is reached by SSH.
    pub(super) has_login: bool,
    /// Whether its guest's agent answers.
    pub(super) agent: bool,
}

impl Logins {
    /// How that guest is reached; none: by its agent.
    pub(super) fn of(&self, vm: &str) -> Option<SshAccess> {
        self.arrived.get(vm).map_or_else(|| self.seen.get(vm), |(_, login)| login.as_ref()).cloned()
    }

    /// A VM has moved there whose guest is reached so.
    pub(super) fn arrive(&mut self, vm: &Arc<str>, login: Option<SshAccess>) {
        self.arrived.insert(vm.clone(), (Instant::now(), login));
    }

    /// Takes in what a round that began at `began` saw. What it could not see yet of VMs that have just come stays.
    pub(super) fn see(
        &mut self,
        began: Instant,
        seen: HashMap<Arc<str>, SshAccess>,
        known: impl Fn(&str) -> Option<Acquaintance>,
    ) {
        self.seen = seen;
        self.arrived.retain(|vm, (at, login)| {
            let settled = || {
                known(vm).is_none_or(|known| login.is_some() || !known.has_login || known.agent)
                    || at.elapsed() >= SETTLES
            };
            *at >= began || !settled()
        });
    }
}

/// Says once why a mark is not heeded.
pub(super) fn say_once(why: String) {
    let mut said = lock(&SAID);
    if said.len() < MOST && !said.contains(&why) {
        tracing::warn!("{why}");
        said.insert(why);
    }
}

/// How the guest of a domain with this mark is reached; none where it has no SSH, or a configuration that is not used.
pub(super) fn of(mark: &Mark) -> Option<SshAccess> {
    let (address, GuestSsh { user, config }) = (mark.address?, mark.ssh.as_ref()?);
    let any_key = config.is_none();
    let config = match config.as_deref().map(trusted).transpose() {
        Ok(config) => config,
        Err(why) => {
            say_once(format!("{why}: no SSH to guests whose marks name it"));
            return None;
        }
    };
    Some(SshAccess { destination: format!("{user}@{address}"), config, any_key, guest: true })
}

/// The file itself that a path leads to, where only this user and root can have written it.
fn trusted(config: &Path) -> Result<PathBuf, String> {
    let named = |error| format!("ssh_config {}: {error}", config.display());
    // Links on the way may be led elsewhere later.
    let file = fs::canonicalize(config).map_err(named)?;
    let found = fs::metadata(&file).map_err(named)?;
    let me = fs::metadata("/proc/self").map_err(named)?.uid();
    distrust(found.uid(), found.mode(), me)
        .map_or(Ok(file), |why| Err(format!("ssh_config {} {why}", config.display())))
}

/// Why a file with this owner and mode is not trusted.
fn distrust(owner: u32, mode: u32, me: u32) -> Option<String> {
    if owner != 0 && owner != me {
        return Some(format!("belongs to the user {owner}, expected {me} or root"));
    }
    (mode & 0o022 != 0).then(|| "can be written by others (chmod go-w)".into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mark(config: Option<&Path>) -> Mark {
        let ssh = GuestSsh { user: "root".into(), config: config.map(Into::into) };
        Mark { address: Some(Ipv4Addr::new(10, 160, 0, 1)), ssh: Some(ssh), ..Mark::default() }
    }

    #[test]
    fn a_vm_that_moved_is_reached_as_before_until_its_new_host_has_seen_it() {
        let vm: Arc<str> = "vm-1".into();
        let login = of(&mark(None));
        let known = |has_login, agent| move |_: &str| Some(Acquaintance { has_login, agent });
        let seen = || HashMap::from([(vm.clone(), login.clone().unwrap())]);
        let before = Instant::now();
        let mut logins = Logins::default();
        logins.arrive(&vm, login.clone());
        logins.see(before, HashMap::new(), |_| None);
        assert_eq!(logins.of("vm-1"), login, "the round began before it came");
        logins.see(Instant::now(), seen(), known(true, false));
        assert!(logins.arrived.is_empty());
        assert_eq!(logins.of("vm-1"), login);
        // One that has both, and whose agent answered.
        logins.arrive(&vm, None);
        logins.see(Instant::now(), seen(), known(true, false));
        assert_eq!(logins.of("vm-1"), None, "its agent has not been heard of there yet");
        logins.see(Instant::now(), HashMap::new(), known(true, true));
        assert!(logins.arrived.is_empty());
        logins.arrive(&vm, login.clone());
        logins.see(Instant::now(), HashMap::new(), |_| None);
        assert_eq!(logins.of("vm-1"), None, "it is gone");
    }

    #[test]
    fn a_configuration_that_others_may_write_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().canonicalize().unwrap().join("config");
        assert_eq!(of(&mark(Some(&config))), None, "it is not there");
        fs::write(&config, "").unwrap();
        for (mode, used) in [(0o600, true), (0o644, true), (0o660, false), (0o602, false)] {
            fs::set_permissions(&config, fs::Permissions::from_mode(mode)).unwrap();
            let login = of(&mark(Some(&config)));
            assert_eq!(login.as_ref().map(|login| login.any_key), used.then_some(false), "{mode:o}");
            assert_eq!(login.and_then(|login| login.config), used.then(|| config.clone()), "{mode:o}");
        }
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&config, &link).unwrap();
        assert_eq!(of(&mark(Some(&link))).unwrap().config, Some(config));
        assert!(of(&mark(None)).unwrap().any_key);
    }

    #[test]
    fn a_configuration_belongs_to_its_user_or_root() {
        assert_eq!((distrust(1000, 0o600, 1000), distrust(0, 0o644, 1000)), (None, None));
        assert!(distrust(1001, 0o600, 1000).unwrap().contains("the user 1001"));
        assert!(distrust(1000, 0o600, 0).is_some());
    }
}
